"""The calibration that a run on a real machine began with, kept beside its checkpoint.

Jobs are known by their calibration. A run that was interrupted and goes on after the machine was
calibrated anew would otherwise train again, and pay again for what has already run.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from calibration.errors import CalibrationError
from calibration.files import read_snapshot, write_snapshot
from calibration.learned import read_learned, with_learned
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.submission.machine import Machine, open_machine

FILE_NAME = "calibration.json"


def open_as_begun(settings: RunSettings, progress: Progress) -> Machine:
    """Open a run's machine with the calibration it began with, and say so where that is old.

    Raises:
        CalibrationError: the kept calibration cannot be read.
    """
    today = with_learned_of(open_machine(settings.backend), settings)
    kept = kept_machine(settings) if today.is_real else None
    machine = today if kept is None else replace(today, snapshot=kept.snapshot)
    if machine.snapshot.digest != today.snapshot.digest:
        progress.stage(
            f"going on with the calibration of {machine.snapshot.taken}, which the run began with, "
            f"not with that of {today.snapshot.taken}; for that one choose another --output"
        )
    return machine


def with_learned_of(machine: Machine, settings: RunSettings) -> Machine:
    """Return the machine with what the settings say was learned of it.

    Raises:
        CalibrationError: a file that cannot be read, or of another device.
    """
    snapshot = machine.snapshot
    for path in settings.learned:
        document = read_learned(path)
        named = document.get("backend")
        if named and named != settings.backend:
            raise CalibrationError(
                f"--learned should be of {settings.backend}. Got {path} of {str(named)[:80]}; "
                f"measure it with `qrnn-hw calibrate` on {settings.backend}."
            )
        snapshot = with_learned(snapshot, document)
    return replace(machine, snapshot=snapshot)


def kept_machine(settings: RunSettings) -> Machine | None:
    """Return the real machine as the run in the output folder began with it; no service is asked.

    None without such a run, and of a recorded device, which is not calibrated anew.

    Raises:
        CalibrationError: the kept calibration cannot be read.
    """
    folder = settings.output
    if not (folder / FILE_NAME).exists() or not (folder / "checkpoint.npz").exists():
        return None
    kept = read_snapshot(folder / FILE_NAME)
    # Of another machine's run: its checkpoint is refused for that.
    return Machine(kept.backend, kept, True) if kept.backend == settings.backend else None


def keep_calibration(machine: Machine, folder: Path) -> None:
    """Write a real machine's calibration to `folder`, before there is a checkpoint.

    Raises:
        CalibrationError: the file cannot be written.
    """
    if machine.is_real and not (folder / "checkpoint.npz").exists():
        write_snapshot(machine.snapshot, folder / FILE_NAME)


PLACEMENT = "placement.json"


def kept_placement(settings: RunSettings) -> Path | None:
    """Return the scores by which a run that goes on has chosen its qubits, None of a new one."""
    path = settings.output / PLACEMENT
    return path if path.exists() and (settings.output / "checkpoint.npz").exists() else None


def keep_snapshots(settings: RunSettings) -> None:
    """Copy the other calibrations to the output folder, so that it says all that it was made of.

    Raises:
        CalibrationError: a file cannot be read or written.
    """
    for number, path in enumerate(settings.snapshots):
        kept = settings.kept_snapshot(number)
        if kept != path:
            write_snapshot(read_snapshot(path), kept)
    for number, path in enumerate(settings.learned):
        kept = settings.kept_learned(number)
        if kept != path:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(read_learned(path), indent=2) + "\n", encoding="utf-8")
