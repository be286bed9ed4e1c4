import os
import stat
from pathlib import Path

import pytest

from jobs.errors import AuthenticationError
from jobs.service.account import account_path, account_status, make_private
from jobs.service.runtime import ServiceExecutor, save_account


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("QISKIT_IBM")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    # The client fixes its path when it is imported.
    path = str(tmp_path / ".qiskit" / "qiskit-ibm.json")
    monkeypatch.setattr(
        "qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE", path
    )
    return tmp_path


def test_without_an_account_the_remedy_is_told():
    assert account_status().source == "none"
    with pytest.raises(AuthenticationError, match=r"qrnn-hw auth login"):
        ServiceExecutor("ibm_boston").backends()


def test_a_saved_account_is_for_its_owner_only(home):
    save_account("x" * 44, "crn:v1:bluemix:public:quantum-computing:us-east:a/1:2::")
    path = account_path()
    assert path == Path(home) / ".qiskit" / "qiskit-ibm.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    status = account_status()
    assert (status.source, status.is_private, status.is_readable) == ("file", True, True)
    assert "x" * 44 not in repr(status)


def test_a_file_that_others_may_read_is_noticed_and_closed():
    path = account_path()
    make_private(path)
    path.write_text('{"default": {}}')
    path.chmod(0o644)
    assert not account_status().is_private
    make_private(path)
    assert account_status().is_private
    assert path.read_text() == '{"default": {}}'


def test_the_environment_comes_first_and_a_broken_file_is_told(monkeypatch):
    make_private(account_path())
    account_path().write_text("not json")
    assert not account_status().is_readable
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "secret")
    assert account_status().source == "environment"
    assert "secret" not in repr(account_status())
