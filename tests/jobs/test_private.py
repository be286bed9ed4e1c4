import pytest

from jobs.service.account import account_path, account_status
from jobs.store import private


@pytest.mark.parametrize(("mode", "seen"), [(0o600, False), (0o640, True), (0o602, True)])
def test_a_file_that_others_may_touch_is_seen_where_files_have_modes(
    tmp_path, monkeypatch, mode, seen
):
    path = tmp_path / "file"
    path.touch()
    path.chmod(mode)
    monkeypatch.setattr(private, "HAS_MODES", True)
    assert private.others_may_read(path) is seen
    # Windows reports 0o666 for every file that can be written.
    monkeypatch.setattr(private, "HAS_MODES", False)
    assert not private.others_may_read(path)


def test_an_account_is_not_called_open_by_modes_that_mean_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    account_path().parent.mkdir()
    account_path().write_text("{}")
    account_path().chmod(0o666)
    assert account_status().is_private is False
    monkeypatch.setattr(private, "HAS_MODES", False)
    assert account_status().is_private
