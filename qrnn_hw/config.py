"""Where files of ours lie, and what else is set."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qrnn_hw.errors import ConfigurationError

VARIABLES = (
    "QRNN_HW_HOME",
    "XDG_DATA_HOME",
    "QISKIT_IBM_URL",
    "QISKIT_IBM_CHANNEL",
    "QISKIT_IBM_INSTANCE",
    "QISKIT_IBM_TOKEN",
    "NO_COLOR",
)
# An address may hold a password, and an instance names an account.
SECRET = frozenset({"QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE", "QISKIT_IBM_URL"})


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


def settings_in_force() -> dict[str, dict[str, Any]]:
    """Return files, variables and limits as JSON-ready data; of secret variables the presence."""
    from jobs.limits import DEFAULT_LIMITS
    from jobs.service.account import account_path, account_status
    from jobs.service.backoff import DEFAULT_BACKOFF

    return {
        "files": {
            "home": str(home()),
            "store": str(store_path()),
            "account": str(account_path()),
            "account_source": account_status().source,
        },
        "environment": {
            name: ("set" if name in SECRET else os.environ[name]) if name in os.environ else None
            for name in VARIABLES
        },
        "waiting": {
            name: getattr(DEFAULT_BACKOFF, name)
            for name in ("first_seconds", "ceiling_seconds", "patience_seconds")
        },
        "limits": asdict(DEFAULT_LIMITS),
    }


def writable_folder(path: Path) -> Path:
    """Make a folder and check that files can be written to it, before any work is done.

    Raises:
        ConfigurationError: the path is a file, or cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".{os.getpid()}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"the output should be a folder that can be written to. Got {path} "
            f"({error.strerror or type(error).__name__}); choose another --output."
        ) from error
    return path
