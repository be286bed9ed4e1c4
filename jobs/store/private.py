"""Whether others may read a file, on systems whose files have modes."""

import os
import stat
from pathlib import Path

HAS_MODES = os.name == "posix"
"""Windows keeps others out of a user's folders by lists of its own; its modes mean nothing."""


def others_may_read(path: Path) -> bool:
    """Return whether the mode of a file lets anybody but its owner read or write it."""
    return HAS_MODES and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
