"""Snapshots keep what the device reported, through JSON and restriction."""

import json

import pytest

from calibration.errors import CalibrationError
from calibration.library import canonical_name, fake_backend, fake_names, snapshot
from calibration.snapshot import Snapshot


@pytest.fixture(scope="module")
def boston() -> Snapshot:
    return snapshot("fake_boston")


def test_json_gives_back_an_equal_snapshot_with_the_same_digest(boston):
    again = Snapshot.from_json(json.loads(json.dumps(boston.to_json())))
    assert again == boston
    assert again.digest == boston.digest


def test_the_target_of_a_snapshot_has_the_devices_facts(boston):
    ours, device = boston.target(), fake_backend("fake_boston").target
    assert ours.num_qubits == device.num_qubits
    assert ours.dt == device.dt
    assert set(ours.operation_names) == set(device.operation_names)
    for name in ("cz", "sx", "measure", "measure_2", "reset_2"):
        assert set(ours[name]) == set(device[name])
        for qubits, values in device[name].items():
            assert ours[name][qubits].duration == values.duration
            assert ours[name][qubits].error == values.error
    assert ours.qubit_properties[17].t1 == device.qubit_properties[17].t1


def test_restriction_renumbers_and_remembers_the_device_qubits(boston):
    small = boston.restrict([35, 19, 15])
    assert small.physical == (35, 19, 15)
    assert small.n_qubits == 3
    assert small.record("measure", (1,)).error == boston.record("measure", (19,)).error
    assert small.record("cz", (0, 1)).error == boston.record("cz", (35, 19)).error
    assert small.record("cz", (0, 2)) is None
    assert small.restrict([2]).physical == (15,)


def test_a_changed_value_changes_the_digest(boston):
    document = boston.to_json()
    document["qubits"][0][0] *= 1.01
    assert Snapshot.from_json(document).digest != boston.digest


@pytest.mark.parametrize("qubits", [[0, 0], [156], [-1]])
def test_impossible_restrictions_are_refused(boston, qubits):
    with pytest.raises(CalibrationError, match="distinct and from 0 to 155"):
        boston.restrict(qubits)


@pytest.mark.parametrize(
    "document",
    [{}, {"schema_version": 2}, {"schema_version": 1}, {"schema_version": 1, "backend": "x"}],
)
def test_foreign_documents_are_refused(document):
    with pytest.raises(CalibrationError, match="a calibration snapshot should"):
        Snapshot.from_json(document)


def test_names_are_found_in_every_usual_spelling():
    assert {canonical_name(n) for n in ("FakeBoston", "fake-boston", "FAKE_BOSTON")} == {
        "fake_boston"
    }
    assert {"fake_boston", "fake_kingston"} <= set(fake_names())
    with pytest.raises(CalibrationError, match="did you mean fake_boston"):
        snapshot("fake_bostn")
