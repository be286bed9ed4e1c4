"""Where files of ours lie."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return the folder of the job store: `$QRNN_HW_HOME`, else the user's data folder."""
    chosen = os.environ.get("QRNN_HW_HOME")
    if chosen:
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "qrnn-hw"


def store_path() -> Path:
    """Return the file of the job store."""
    return home() / "jobs.sqlite3"
