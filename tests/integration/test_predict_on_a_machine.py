"""Predictions from a service: priced and asked about first, resumed, and no line of traceback."""

import importlib.util
import json
from pathlib import Path

import pytest
from emulator.faults import Fault

from jobs.service.backoff import Backoff
from qrnn_hw.cli import invoke

HELD = Path(__file__).parents[1] / "qrnn_hw" / "answers" / "test_on_machine.py"


@pytest.fixture
def ask(emulator, tmp_path, monkeypatch):
    """Return what predicts on the loopback service."""
    found = importlib.util.spec_from_file_location("held", HELD)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", Backoff(0.05, 0.2, 5.0))
    path = module.held_model().save(tmp_path / "m.qrnn")
    texts = [word for text in module.TEXTS for word in ("--text", text)]
    words = ("--backend", "ibm_boston", "--shots", "auto", "--delta", "1e-6", "--most", "500")
    few = ("--repetitions", "2", "--json")
    return lambda *more: invoke(["predict", str(path), *texts, *words, *few, *more])


@pytest.mark.slow
def test_a_service_is_priced_asked_and_never_paid_twice(ask, emulator, capsys, monkeypatch):
    jobs = emulator.service.jobs
    assert ask("--dry-run") == 0
    assert json.loads(capsys.readouterr().out)["n_jobs"] >= 2
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert ask() == 8
    assert "add --yes" in capsys.readouterr().err
    assert ask("--yes", "--budget", "1") == 8
    assert jobs == {}
    capsys.readouterr()
    # The service fails after the first job has been paid for.
    take = emulator.take_fault

    def refused(method, path, crn):
        if method == "POST" and path.endswith("/jobs") and jobs:
            return Fault("status", "POST", status=500)
        return take(method, path, crn)

    monkeypatch.setattr(emulator, "take_fault", refused)
    code = ask("--yes")
    captured = capsys.readouterr()
    assert code == 6, captured.err
    assert "Traceback" not in captured.err
    paid = set(jobs)
    assert len(paid) == 1
    monkeypatch.setattr(emulator, "take_fault", take)
    # The machine is calibrated anew meanwhile: the course goes on with what it began with.
    configuration, properties = emulator.service.backends["ibm_boston"]
    properties = json.loads(json.dumps(properties))
    properties["last_update_date"] = "2030-01-01T00:00:00+00:00"
    emulator.service.backends["ibm_boston"] = (configuration, properties)
    assert ask("--yes") == 0
    found = json.loads(capsys.readouterr().out)
    assert paid < set(jobs)
    n_jobs = len(jobs)
    assert ask("--yes") == 0
    assert json.loads(capsys.readouterr().out) == found
    assert len(jobs) == n_jobs == len({key for one in found for key in one["machine"]["jobs"]})
