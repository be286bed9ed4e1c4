"""What is run and what it does exactly: architectures, circuits, exact noisy evolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circuits.definition import Architecture
    from circuits.parametrised import QRNNCircuit
    from circuits.unrolled import unroll
    from circuits.zoo.registry import architecture, architectures

__distribution__ = "qrnn-hw"
__all__ = ["Architecture", "QRNNCircuit", "architecture", "architectures", "unroll"]

_HOME = {
    "Architecture": "circuits.definition",
    "QRNNCircuit": "circuits.parametrised",
    "architecture": "circuits.zoo.registry",
    "architectures": "circuits.zoo.registry",
    "unroll": "circuits.unrolled",
}


def __getattr__(name: str) -> Any:
    # Imported at first use: `qrnn-hw --help` must not wait for qiskit.
    if name not in _HOME:
        raise AttributeError(f"module 'circuits' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
