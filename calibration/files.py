"""Snapshots as files of JSON."""

from __future__ import annotations

import json
from pathlib import Path

from calibration.documents import read_document
from calibration.errors import CalibrationError
from calibration.snapshot import Snapshot


def write_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot; `read_snapshot` reads it back to an equal value.

    Raises:
        CalibrationError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(snapshot.to_json()) + "\n", encoding="utf-8")
    except OSError as error:
        raise CalibrationError(
            f"a snapshot should go to a file that can be written. Got {path}: {error.strerror}."
        ) from None


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot.

    Raises:
        CalibrationError: the file cannot be read, is not JSON, or holds no snapshot.
    """
    try:
        document = read_document(path)
    except OSError as error:
        raise CalibrationError(
            f"a snapshot should be a file that can be read. Got {path}: {error.strerror}."
        ) from None
    except ValueError as error:
        raise CalibrationError(
            f"a snapshot should be a JSON file. Got {path}: {str(error)[:200]}."
        ) from None
    if not isinstance(document, dict):
        raise CalibrationError(
            f"a snapshot should be a JSON object. Got a {type(document).__name__} in {path}."
        )
    try:
        return Snapshot.from_json(document)
    except CalibrationError as error:
        raise CalibrationError(f"{error} The file is {path}.") from None
