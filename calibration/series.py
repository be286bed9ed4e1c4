"""Several snapshots of one device, in the order in which they were taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from calibration.errors import CalibrationError
from calibration.files import read_snapshot
from calibration.snapshot import Snapshot


def read_series(paths: Sequence[Path], backend: str) -> tuple[Snapshot, ...]:
    """Read snapshots of one whole device, the oldest first; equal ones count once.

    Args:
        paths: files that `qrnn-hw calibrate snapshot` wrote.
        backend: the device that they should be of.

    Raises:
        CalibrationError: a file is no snapshot, or one of another device.
    """
    found = {}
    for path in paths:
        snapshot = read_snapshot(path)
        if snapshot.backend != backend:
            raise CalibrationError(
                f"the snapshots of a series should all be of {backend}. "
                f"Got one of {snapshot.backend} in {path}."
            )
        found[snapshot.digest] = snapshot
    return tuple(sorted(found.values(), key=lambda one: (one.taken, one.digest)))
