"""The versions that numbers depend on."""

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from qrnn_hw._version import __version__

PACKAGES = (
    "qiskit",
    "qiskit-aer",
    "qiskit-ibm-runtime",
    "qiskit-machine-learning",
    "mitiq",
    "jax",
    "numpy",
)


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that are installed."""
    found = {"python": platform.python_version(), "qrnn-hw": __version__}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # Mitiq may be missing
            found[name] = version(name)
    return found
