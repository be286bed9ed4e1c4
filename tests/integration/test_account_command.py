"""What the commands say when the service does not take the account, over HTTP."""

import pytest
from emulator.faults import Fault
from emulator.records import Answer

from qrnn_hw.cli import invoke


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(params=["token", "list"])
def refused(request, emulator, monkeypatch):
    """Refuse the key where it is exchanged, or what it was exchanged for where backends are."""
    if request.param == "token":
        monkeypatch.setenv("QISKIT_IBM_TOKEN", "refused")
    else:
        emulator.faults = [Fault("status", "GET", "/api/v1/", status=401, times=99)]


@pytest.mark.parametrize("words", [["backends"], ["auth", "status"]])
def test_a_refused_account_is_one_line_with_the_remedy(words, refused, capsys):
    assert invoke([*words, "--remote"]) == 5
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "qrnn-hw auth login" in captured.err


def test_the_doctor_finds_a_refused_account(refused, capsys):
    assert invoke(["doctor", "--remote"]) == 3
    (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("wrong")]
    assert line.startswith("wrong  service: The service should accept the account.")
    assert line.endswith("->  qrnn-hw auth login")


def test_the_doctor_does_not_blame_the_account_for_a_silent_service(emulator, capsys):
    emulator.faults = [Fault("drop", "POST", "/v3/resources/search", times=99)]
    assert invoke(["doctor", "--remote"]) == 3
    (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("wrong")]
    assert "Try again later" in line
    assert "auth login" not in line


def test_a_machine_without_a_configuration_is_not_an_unknown_name(emulator, capsys):
    emulator.faults = [Fault("status", "GET", "/configuration$", status=404, times=99)]
    assert invoke(["estimate", "dynamic-line", "--backend", "ibm_boston"]) == 7
    assert "404" in capsys.readouterr().err
    assert invoke(["backends", "--remote"]) == 0
    assert "gives no" in capsys.readouterr().out


@pytest.mark.parametrize("body", [[], 3, "<html>down</html>"])
@pytest.mark.parametrize(
    "words", [["backends", "--remote"], ["estimate", "v2", "--backend", "ibm_boston"]]
)
def test_an_answer_that_is_not_the_services_is_one_line(emulator, capsys, monkeypatch, words, body):
    own = emulator.service.answer

    def answer(method, path, *rest):
        return Answer(body=body) if "/api/v1/" in path else own(method, path, *rest)

    monkeypatch.setattr(emulator.service, "answer", answer)
    assert invoke(words) == 6
    captured = capsys.readouterr()
    assert "The service should answer" in captured.err
    assert captured.err.count("\n") == 1
