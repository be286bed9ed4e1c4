"""Where the account comes from, and whether anybody else may read it; never what it is."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from calibration.documents import read_document
from jobs.errors import AuthenticationError
from jobs.store.private import others_may_read

Source = Literal["environment", "file", "none"]


@dataclass(frozen=True)
class AccountStatus:
    """What can be said about the account without saying it."""

    source: Source
    path: Path
    """The client's file of saved accounts, which may be missing."""
    is_private: bool
    """Whether only its owner may read the file; True when there is none."""
    is_readable: bool
    """Whether the file, if any, is the JSON that the client expects."""


def account_path() -> Path:
    """Return the client's own file of saved accounts."""
    return Path.home() / ".qiskit" / "qiskit-ibm.json"


def account_status() -> AccountStatus:
    """Return where the client will take the account from; QISKIT_IBM_TOKEN comes first."""
    path = account_path()
    saved, is_private, is_readable = False, True, True
    if path.exists():
        is_private = not others_may_read(path)
        try:
            content = read_document(path)
            is_readable = isinstance(content, dict) and all(
                isinstance(account, dict) for account in content.values()
            )
            saved = is_readable and bool(content)
        except (OSError, ValueError):
            is_readable = False
    source: Source = "file" if saved else "none"
    if os.environ.get("QISKIT_IBM_TOKEN"):
        source = "environment"
    return AccountStatus(source, path, is_private, is_readable)


def check_readable(status: AccountStatus) -> None:
    """Refuse a file of saved accounts in which the client would stumble.

    Raises:
        AuthenticationError: If it cannot be read, or is not the JSON that the client expects.
    """
    if not status.is_readable:
        raise AuthenticationError(
            "The file of saved accounts should be the JSON that the client writes. Got other "
            f"content in {status.path}. Move it away and run `qrnn-hw auth login`."
        )


def make_private(path: Path) -> None:
    """Make `path` a file that only its owner may read, before anything secret is in it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        path.write_text("{}", encoding="utf-8")
    path.chmod(0o600)
