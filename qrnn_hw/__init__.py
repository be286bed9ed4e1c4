"""What the runs mean: data, training, mitigation, prediction, studies, reports, the command."""

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrnn_hw._version import __version__

if TYPE_CHECKING:
    from qrnn_hw.front_door import Planned, Trained, load, read, train

_FRONT_DOOR = ("read", "train", "load", "Trained", "Planned")

__all__ = ["Planned", "Trained", "__version__", "load", "read", "train"]


def __getattr__(name: str) -> Any:
    """Import the front door when one of its names is first asked for."""
    if name in _FRONT_DOOR:
        return getattr(import_module("qrnn_hw.front_door"), name)
    raise AttributeError(f"module 'qrnn_hw' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def _check_siblings() -> None:
    """Refuse to start on somebody else's `circuits`, `calibration` or `jobs`.

    The three names are generic: another distribution, or a folder in the working directory, may
    stand in front of ours on the import path.
    """
    for name in ("circuits", "calibration", "jobs"):
        module = import_module(name)
        if getattr(module, "__distribution__", None) != "qrnn-hw":
            folders = list(getattr(module, "__path__", []))
            found = getattr(module, "__file__", None) or ", ".join(folders)
            message = (
                f"the package {name!r} should be the one installed with qrnn-hw. Got {found}. "
                f"{_remedy(folders)}"
            )
            if _is_the_command():
                print(f"error: {message}", file=sys.stderr)
                raise SystemExit(3)
            raise ImportError(message)


def _remedy(folders: list[str]) -> str:
    ours = Path(__file__).resolve().parents[1]
    if ours in (Path(folder).resolve().parent for folder in folders):
        return (
            "Another distribution wrote over it: put ours back with `pip install --force-reinstall "
            "--no-deps` and what qrnn-hw was installed from, in an environment of its own."
        )
    return "Remove or rename it, or install qrnn-hw in an environment of its own."


def _is_the_command() -> bool:
    """Tell `qrnn-hw` and `python -m qrnn_hw`, which owe one line, from an import in a program."""
    started = Path(sys.argv[0]).stem if sys.argv else ""
    return started == "qrnn-hw" or (started == "-m" and "qrnn_hw" in sys.orig_argv)


_check_siblings()
