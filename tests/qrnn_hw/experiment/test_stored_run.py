"""Runs opened again: bits that cannot be what the folder says are refused in one line."""

import json

import pytest

from jobs.store.store import Store
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment.stored import open_run

WHOLE = {
    "jobs": ["a", "b", "c"],
    "settings": {},
    "calibration": {"snapshot": "d"},
    "backend": "fake_boston",
}


@pytest.mark.parametrize(
    "damage",
    [
        {"jobs": {"a": 1, "b": 2, "c": 3}},
        {"jobs": [1, 2, 3]},
        {"jobs": []},
        {"roles": [1, 2, 3]},
        {"stacks": "none"},
        {"calibration": {}},
        {"calibration": None},
        {"backend": 7},
    ],
)
def test_a_damaged_document_is_refused(tmp_path, damage):
    (tmp_path / "result.json").write_text(json.dumps(WHOLE | damage))
    refused = pytest.raises(ConfigurationError, match="jobs, settings and a calibration")
    with Store(tmp_path / "store.db") as store, refused:
        open_run(tmp_path, store)
