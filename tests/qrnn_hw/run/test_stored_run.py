"""Runs opened again: bits that cannot be what the folder says are refused in one line."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from calibration.errors import CalibrationError
from jobs.spec import PubResult
from jobs.store import Store
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.run.recompute import stored_counts
from qrnn_hw.run.stored_run import StoredRun, open_run

WHOLE = {
    "jobs": ["a", "b", "c"],
    "settings": {},
    "calibration": {"snapshot": "d"},
    "backend": "fake_boston",
}


def test_one_misread_shot_of_the_calibration_does_not_stop_the_fit_of_the_noise():
    bits = np.array([[0], [1], [1], [1]], dtype=np.uint8)
    misread = np.array([[1], [0], [0]], dtype=np.uint8)
    prepared = SimpleNamespace(test=SimpleNamespace(lengths=np.array([2])))
    run = StoredRun(
        prepared,
        SimpleNamespace(decision=np.array([1.0, -1.0])),
        tuple(PubResult({"out": one[None]}) for one in (misread, 1 - misread)),
        ((PubResult({"out": bits[None]}),), (PubResult({"out": 1 - bits[None]}),)),
        datetime.now(UTC),
    )
    with pytest.raises(CalibrationError):
        run.measured(1)
    found = stored_counts(run)
    assert {factor: table.tolist() for factor, table in found.items()} == {
        1: [[1, 3]],
        3: [[3, 1]],
    }


@pytest.mark.parametrize(
    "damage",
    [
        {"jobs": {"a": 1, "b": 2, "c": 3}},
        {"jobs": [1, 2, 3]},
        {"jobs": ["a", "b"]},
        {"calibration": {}},
        {"calibration": None},
        {"backend": 7},
    ],
)
def test_a_damaged_document_is_refused(tmp_path, damage):
    (tmp_path / "result.json").write_text(json.dumps(WHOLE | damage))
    refused = pytest.raises(ConfigurationError, match="three jobs, settings and a calibration")
    with Store(tmp_path / "store.db") as store, refused:
        open_run(tmp_path, store)
