"""What the runs mean: data, training, mitigation, prediction, studies, reports, the command."""

from importlib import import_module

from qrnn_hw._version import __version__

__all__ = ["__version__"]


def _check_siblings() -> None:
    """Refuse to start on somebody else's `circuits`, `calibration` or `jobs`.

    The three names are generic: another distribution, or a folder in the working directory, may
    stand in front of ours on the import path.
    """
    for name in ("circuits", "calibration", "jobs"):
        module = import_module(name)
        if getattr(module, "__distribution__", None) != "qrnn-hw":
            found = getattr(module, "__file__", None) or list(getattr(module, "__path__", ["?"]))
            raise ImportError(
                f"the package {name!r} should be the one installed with qrnn-hw. Got {found}. "
                "Remove or rename it, or install qrnn-hw in an environment of its own."
            )


_check_siblings()
