"""Where a run writes when nobody says where: a folder of its own for each choice of settings.

The same command goes on in the same folder; another one never meets its checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qrnn_hw.data.lines import regular_file
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.submission.placing import LEVEL_3

RUNS = Path("runs")
LATEST = RUNS / "latest"
_NOT_TOLD_APART = ("output", "budget_seconds")


def default_folder(settings: RunSettings) -> Path:
    """Return runs/MODEL-DIGEST; the digest is of all settings and of the user's own files.

    Neither the folder itself nor the budget is in it.

    Raises:
        DataError: a file of the user's cannot be read.
    """
    told = {k: value for k, value in asdict(settings).items() if k not in _NOT_TOLD_APART}
    told["snapshots"] = [_file_digest(path) for path in settings.snapshots]
    told["learned"] = [_file_digest(path) for path in settings.learned]
    # So that folders of before keep their names.
    told["reading"] = told_reading(settings.reading)
    for name in ("snapshots", "learned"):
        if not told[name]:
            del told[name]
    if not told["reading"]:
        del told["reading"]
    if told["placement"] == LEVEL_3:
        del told["placement"]
    for name in ("training_noise", "plans", "repetitions", "canaries"):
        if getattr(settings, name) == getattr(RunSettings, name):
            del told[name]
    told["head"] = settings.head.to_json()
    if not settings.head.told:
        del told["head"]
    for name in ("tiles", "guard", "rep_delay_seconds", "minutes"):
        if told[name] is None:
            del told[name]
    told |= changed(settings.model, settings.options)
    return RUNS / f"{file_name(settings.model)}-{settings_digest(told)}"


def file_name(model: str) -> str:
    """Return a model's name as a part of a file name: `cells/my_cell.py:step` has none."""
    return re.sub(r"[^\w-]+", "-", re.sub(r"\.py:", "-", model)).strip("-")


def told_reading(reading: ReadOptions) -> dict[str, Any]:
    """Return what is said of how the data are read; a file counts by its content.

    Raises:
        DataError: a file of the user's cannot be read.
    """
    given = {name: getattr(reading, name) for name in reading.given}
    return {k: _file_digest(v) if isinstance(v, Path) else v for k, v in given.items()}


def changed(model: str, options: Any) -> dict[str, str]:
    """Return the circuits of a model that has changed since folders went by its name alone."""
    from qrnn_hw.networks.frozen_rows import changed_circuits

    found = changed_circuits(model, options)
    return {"circuits": found} if found else {}


def settings_digest(told: Mapping[str, object]) -> str:
    """Return eight digits of what tells two choices of settings apart.

    Args:
        told: JSON-ready settings by name; the files `data` and `embeddings` count by content.

    Raises:
        DataError: a file of the user's cannot be read.
    """
    told = {k: _file_digest(v) if isinstance(v, Path) else v for k, v in told.items()}
    text = json.dumps(told, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _file_digest(path: Path) -> str:
    with regular_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def point_latest(folder: Path) -> None:
    """Let runs/latest be a link to a finished run's folder; a real folder of that name stays.

    Where links cannot be made, as on Windows, it is a file that holds the folder's name. Where that
    cannot be written either there is none: the run itself is complete.
    """
    if LATEST.is_dir() and not LATEST.is_symlink():
        return
    link = LATEST.with_name(f".latest.{os.getpid()}")
    with suppress(OSError):
        link.unlink(missing_ok=True)
        try:
            link.symlink_to(folder.name, target_is_directory=True)
        except (OSError, NotImplementedError):
            link.write_text(folder.name + "\n", encoding="utf-8")
        link.replace(LATEST)


def followed(folder: Path) -> Path:
    """Return the folder that a file in the place of a link names; any other path as it is."""
    with suppress(OSError, ValueError):
        if folder == LATEST and folder.is_file():
            return folder.with_name(folder.read_text(encoding="utf-8").strip())
    return folder


def refuse_task(document: Mapping[str, Any], path: Path) -> None:
    """Refuse the result of a task's core where that of a run is asked for.

    Args:
        document: of any result.json.
        path: of it.

    Raises:
        ConfigurationError: `train --task` wrote it.
    """
    if {"task", "core"} <= set(document):
        raise ConfigurationError(
            f"a run's folder should be of `qrnn-hw run`. Got {path.parent}, of `qrnn-hw train "
            f"--task {document['task']}`: its core is no model that answers or is sent, and its "
            "figures are in result.json."
        )
