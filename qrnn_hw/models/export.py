"""A model's circuits as files: OpenQASM 3 for other tools, QPY for Qiskit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qrnn_hw.config import writable_folder
from qrnn_hw.errors import UsageError
from qrnn_hw.models.facts import circuits_of

if TYPE_CHECKING:
    from circuits.definition import Architecture

QASM_SUFFIXES = (".qasm", ".qasm3")


def write_circuits(
    architecture: Architecture, steps: int, path: Path, seed: int | None = None
) -> list[Path]:
    """Write the circuit of a sequence, or of one step for a model in rounds.

    Args:
        architecture: what to write.
        steps: number of time steps.
        path: ending in `.qasm` or `.qasm3` (OpenQASM 3) or `.qpy`.
        seed: binds random features and weights; None leaves the parameters free.

    Returns:
        The files written. A QPY file holds all circuits; OpenQASM 3 takes a numbered file each.

    Raises:
        UsageError: another ending, or angles that OpenQASM 3 has no functions for.
        ConfigurationError: a folder that cannot be written to.
    """
    from qiskit import qasm3, qpy

    suffix = path.suffix.lower()
    if suffix not in (*QASM_SUFFIXES, ".qpy"):
        raise UsageError(
            f"an export should be named {', '.join(QASM_SUFFIXES)} or .qpy. Got {path.name!r}."
        )
    if suffix != ".qpy" and architecture.vectors and seed is None:
        raise UsageError(
            "OpenQASM 3 has no functions for the angles of a normalised vector. "
            f"Got {architecture.name}; export it as .qpy, or bind numbers with --seed."
        )
    circuits = list(circuits_of(architecture, steps))
    if seed is not None:
        generator = np.random.default_rng(seed)
        circuits = [
            circuit.assign_parameters(generator.uniform(0, np.pi, circuit.num_parameters))
            for circuit in circuits
        ]
    writable_folder(path.parent)
    if suffix == ".qpy":
        with path.open("wb") as file:
            qpy.dump(circuits, file)
        return [path]
    paths = numbered(path, len(circuits))
    for own, circuit in zip(paths, circuits, strict=True):
        own.write_text(qasm3.dumps(circuit), encoding="utf-8")
    return paths


def numbered(path: Path, count: int) -> list[Path]:
    """Return the path, or one numbered path for each of several circuits."""
    if count == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{index}{path.suffix}") for index in range(count)]
