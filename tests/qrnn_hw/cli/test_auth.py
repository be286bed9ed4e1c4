import io
import json
import os
import stat
import sys
from importlib import metadata

import pytest
import typer

from jobs.service.account import account_path
from qrnn_hw.cli import invoke
from qrnn_hw.config import store_path
from qrnn_hw.doctor import checks

TOKEN = "canary-3b8e90-" + "x" * 40
INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/1:2::"


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("QISKIT_IBM")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    # The client fixes its path when it is imported.
    monkeypatch.setattr(
        "qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE",
        str(account_path()),
    )


def test_a_token_from_standard_input_is_saved_for_its_owner_only(capsys, monkeypatch):
    assert invoke(["auth", "status", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["source"] == "none"
    monkeypatch.setattr("sys.stdin", io.StringIO(TOKEN + "\n"))
    assert invoke(["auth", "login", "--token-stdin", "--instance", INSTANCE]) == 0
    assert stat.S_IMODE(account_path().stat().st_mode) == 0o600
    assert TOKEN in account_path().read_text()
    assert invoke(["auth", "status"]) == 0
    assert invoke(["doctor", "--json"]) == 0
    captured = capsys.readouterr()
    assert TOKEN not in captured.out + captured.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["auth", "login"], "--token-stdin"),
        (["auth", "login", "--token-stdin"], "--instance"),
        (["auth", "login", "--token-stdin", "--instance", INSTANCE], "not be empty"),
        (["auth", "login", "--token", TOKEN], "No such option"),
    ],
)
def test_a_token_is_never_an_argument(capsys, monkeypatch, words, said):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert invoke(words) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert TOKEN not in captured.err
    assert not account_path().exists()


@pytest.mark.parametrize(
    ("token", "instance", "said"),
    [
        ("key\x1b[31m", INSTANCE, "control"),
        ("two words", INSTANCE, "one word"),
        ("cl\u00e9", INSTANCE, "ASCII"),
        ("k" * 5000, INSTANCE, "Got 5,000"),
        (TOKEN, "", "CRN"),
        (TOKEN, "nonsense", "CRN"),
        (TOKEN, "crn:v1", "CRN"),
        (TOKEN, INSTANCE.replace("1:2", "1\n:2"), "CRN"),
    ],
)
def test_what_no_request_could_carry_is_not_saved(capsys, monkeypatch, token, instance, said):
    monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))
    assert invoke(["auth", "login", "--token-stdin", "--instance", instance]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert token not in captured.err
    assert not account_path().exists()


@pytest.mark.parametrize("content", ["{", "[1]", '{"default-ibm-quantum-platform": 3}'])
@pytest.mark.parametrize("words", [["auth", "login"], ["backends", "--remote"]])
def test_a_damaged_account_file_is_not_the_services_fault(capsys, monkeypatch, words, content):
    account_path().parent.mkdir()
    account_path().write_text(content)
    monkeypatch.setattr("sys.stdin", io.StringIO(TOKEN + "\n"))
    login = ["--token-stdin", "--instance", INSTANCE] if words[0] == "auth" else []
    assert invoke([*words, *login]) == 5
    captured = capsys.readouterr()
    assert str(account_path()) in captured.err
    assert captured.err.count("\n") == 1
    assert account_path().read_text() == content
    assert invoke(["auth", "status"]) == 5


def test_an_account_from_the_environment_needs_no_file(capsys, emulator):
    account_path().parent.mkdir()
    account_path().write_text("{")
    assert invoke(["auth", "status", "--remote", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"] == "open"


def test_leaving_at_a_question_is_an_interruption(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    def leave(*args, **kwargs):
        raise typer.Abort

    monkeypatch.setattr("typer.prompt", leave)
    assert invoke(["auth", "login"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_the_service_is_asked_only_when_wanted(capsys, emulator):
    assert invoke(["auth", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"] == "environment"
    assert emulator.log == []
    assert invoke(["auth", "status", "--remote", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"] == "open"


def test_settings_tell_of_secrets_only_that_they_are_set(capsys, monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", TOKEN)
    for words in ([], ["--json"]):
        assert invoke(["config", "show", *words]) == 0
        out = capsys.readouterr().out
        assert TOKEN not in out
    document = json.loads(out)
    assert document["environment"]["QISKIT_IBM_TOKEN"] == "set"
    assert document["files"]["store"] == str(store_path())
    assert document["limits"]["condition_bits"] == 32


def test_doctor_runs_the_engine_and_finds_nothing_wrong(capsys):
    assert invoke(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "ok     engine: feed-forward" in out
    assert "note   account: none" in out


def test_doctor_names_what_is_wrong_with_its_remedy(capsys):
    store_path().parent.mkdir(parents=True)
    store_path().write_text("no database, but long enough to be looked at")
    store_path().chmod(0o644)
    account_path().parent.mkdir()
    account_path().write_text("{")
    account_path().chmod(0o644)
    assert invoke(["doctor", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    wrong = {one["name"]: one for one in document["checks"] if one["status"] == "wrong"}
    assert not document["ok"]
    assert set(wrong) == {"store", "account file"}
    assert wrong["store"]["remedy"] == f"chmod 600 {store_path()}"


def test_doctor_holds_installed_versions_against_what_is_asked(monkeypatch):
    monkeypatch.setattr(
        "qrnn_hw.doctor.metadata.requires",
        lambda name: ["numpy>=1", "qiskit<1", "no-such-package>=2", 'pytest<1; extra == "dev"'],
    )
    found = {check.name: check for check in checks()}
    assert found["numpy"].status == "ok"
    assert found["qiskit"].status == "wrong"
    assert "qiskit<1" in found["qiskit"].remedy
    assert found["no-such-package"].found == "not installed"
    assert "pytest" not in found


def test_doctor_takes_the_pythons_that_the_distribution_asks_for(monkeypatch):
    monkeypatch.setattr("sys.version_info", (3, 14, 8))
    assert next(checks()).status == "ok"
    asked = {"Requires-Python": ">=3.15"}
    monkeypatch.setattr("qrnn_hw.doctor.metadata.metadata", lambda name: asked)
    refused = next(checks())
    assert (refused.status, refused.found) == ("wrong", "3.14.8, not >=3.15")


def test_doctor_says_which_engine_cannot_be_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_aer", None)
    engine = next(check for check in checks() if check.name == "engine")
    assert engine.status == "wrong"
    assert engine.found.startswith("ModuleNotFoundError: import of qiskit_aer halted")


def test_doctor_takes_note_of_a_missing_mitiq(monkeypatch):
    found = metadata.version

    def version(name):
        if name == "mitiq":
            raise metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr("qrnn_hw.doctor.metadata.version", version)
    monkeypatch.setattr("qrnn_hw.doctor.metadata.requires", lambda name: ["mitiq>=1.1", "numpy"])
    found_by_name = {check.name: check for check in checks()}
    assert found_by_name["mitiq"].status == "note"
    assert "extrapolates to zero noise itself" in found_by_name["mitiq"].remedy
    assert "wrong" not in {check.status for check in found_by_name.values()}


def test_doctor_asks_the_service_and_says_when_it_refuses(capsys, emulator, monkeypatch):
    assert invoke(["doctor", "--remote", "--json"]) == 0
    last = json.loads(capsys.readouterr().out)["checks"][-1]
    assert (last["status"], last["found"]) == ("ok", "plan open, backends ibm_boston")
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "refused")
    assert invoke(["doctor", "--remote", "--json"]) == 3
    last = json.loads(capsys.readouterr().out)["checks"][-1]
    assert (last["name"], last["status"]) == ("service", "wrong")


def test_doctor_does_not_call_a_store_fine_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "file" / "home"))
    (found,) = [one for one in checks() if one.name == "store"]
    assert found.status == "wrong"
    assert str(tmp_path / "file") in found.found
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "new" / "home"))
    (found,) = [one for one in checks() if one.name == "store"]
    assert found.status == "ok"
