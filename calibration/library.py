"""The calibration snapshots that come with the runtime package: its fake backends."""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import Any

from calibration.errors import CalibrationError
from calibration.snapshot import Snapshot

# Snapshots whose target is stale or lacks `if_else`; they load, but nothing offers them first.
NOT_RECOMMENDED = {
    "fake_torino": "its target still lists for and switch, which the machine refuses",
    "fake_fez": "its target still lists for and switch, which the machine refuses",
    "fake_marrakesh": "its target still lists for and switch, which the machine refuses",
    "fake_miami": "its target has no if_else",
    "fake_berlin": "its target has no if_else",
}


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
