"""The calibration snapshots that come with the runtime package: its fake backends."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from calibration.errors import CalibrationError
from calibration.snapshot import Snapshot

# Snapshots whose target is stale or lacks `if_else`; they load, but nothing offers them first.
_STALE = "its target still lists for and switch, which the machine refuses"
_NO_IF_ELSE = "its target has no if_else"
NOT_RECOMMENDED = {
    "fake_torino": _STALE,
    "fake_fez": _STALE,
    "fake_marrakesh": _STALE,
    "fake_miami": _NO_IF_ELSE,
    "fake_berlin": _NO_IF_ELSE,
}
RECOMMENDED = ("fake_boston", "fake_kingston", "fake_aachen", "fake_pittsburgh")


@cache
def _classes() -> dict[str, type]:
    from qiskit_ibm_runtime import fake_provider

    found = {}
    for class_name in dir(fake_provider):
        kind = getattr(fake_provider, class_name)
        if class_name.startswith("Fake") and isinstance(kind, type):
            if not hasattr(kind, "props_filename"):
                continue
            words = re.sub(r"V2$", "", class_name.removeprefix("Fake"))
            found["fake_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", words).lower()] = kind
    return found


def fake_names() -> tuple[str, ...]:
    """Return the names of all fake backends, sorted."""
    return tuple(sorted(_classes()))


def canonical_name(name: str) -> str:
    """Return `fake_boston` for `FakeBoston`, `fake-boston` and `FAKE_BOSTON` alike."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).replace("-", "_").lower()
    return plain.removesuffix("_v2")


def fake_backend(name: str) -> Any:
    """Return a fake backend by name.

    Raises:
        CalibrationError: no such name; near ones are listed.
    """
    wanted = canonical_name(name)
    classes = _classes()
    if wanted not in classes:
        near = difflib.get_close_matches(wanted, classes, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see `qrnn-hw backends`."
        raise CalibrationError(f"no recorded device is called {name!r}; {hint}")
    return classes[wanted]()


@cache
def snapshot(name: str) -> Snapshot:
    """Return the calibration snapshot of a fake backend.

    Raises:
        CalibrationError: no such name; near ones are listed.
    """
    from calibration.target import snapshot_of

    return snapshot_of(fake_backend(name))


@dataclass(frozen=True)
class RecordedDevice:
    """What is known of a recorded device without opening it."""

    name: str
    n_qubits: int
    processor: str
    """Family and revision, such as "Heron r3"; empty where the record does not say."""

    reason: str
    """Why it is not recommended; empty when it is."""


def recorded_devices() -> tuple[RecordedDevice, ...]:
    """Return all recorded devices, the recommended ones first, the newest of these foremost."""
    found = [_described(name, kind) for name, kind in _classes().items()]
    return tuple(sorted(found, key=_rank))


def _rank(device: RecordedDevice) -> tuple[bool, int, str]:
    first = RECOMMENDED.index(device.name) if device.name in RECOMMENDED else len(RECOMMENDED)
    return bool(device.reason), first, device.name


def _described(name: str, kind: Any) -> RecordedDevice:
    # The configuration alone is read in milliseconds, the whole device in seconds.
    path = Path(kind.dirname) / kind.conf_filename
    configuration = json.loads(path.read_text(encoding="utf-8"))
    processor = configuration.get("processor_type") or {}
    words = [str(processor.get("family") or "")]
    if "revision" in processor:
        words.append(f"r{processor['revision']}")
    operations = configuration.get("supported_instructions") or ()
    reason = NOT_RECOMMENDED.get(name, "")
    if not reason and "if_else" not in operations:
        reason = _NO_IF_ELSE
    elif not reason and "for_loop" in operations:
        reason = _STALE
    return RecordedDevice(name, int(configuration["n_qubits"]), " ".join(words).strip(), reason)
