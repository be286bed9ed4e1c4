"""A model's circuits as files: OpenQASM 3 for other tools, QPY for Qiskit."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qrnn_hw.errors import UsageError
from qrnn_hw.models.facts import circuits_of

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Architecture

QASM_SUFFIXES = (".qasm", ".qasm3")


def check_export(architecture: Architecture, steps: int, path: Path, seed: int | None) -> None:
    """Check what is asked for before anything is built.

    Args:
        architecture: what to write.
        steps: number of time steps.
        path: ending in `.qasm` or `.qasm3` (OpenQASM 3) or `.qpy`.
        seed: None leaves the parameters free.

    Raises:
        UsageError: another ending, or angles that cannot be read back from OpenQASM 3.
        CircuitsError: as `circuits.unroll`.
    """
    from circuits.unrolled import check_steps

    suffix = path.suffix.lower()
    if suffix not in (*QASM_SUFFIXES, ".qpy"):
        raise UsageError(
            f"an export should be named {', '.join(QASM_SUFFIXES)} or .qpy. Got {path.name!r}."
        )
    # OpenQASM 3 has neither sign nor absolute value, and Qiskit reads no powers back.
    if suffix != ".qpy" and architecture.vectors and seed is None:
        raise UsageError(
            "a model that normalises its features has angles that Qiskit cannot read back from "
            f"OpenQASM 3. Got {architecture.name}; export it as .qpy, or bind numbers with --seed."
        )
    check_steps(steps)


def exported(
    architecture: Architecture, steps: int, path: Path, seed: int | None = None
) -> dict[Path, bytes]:
    """Return the files of the circuit of a sequence, or of one step for a model in rounds.

    Args:
        architecture: what to write.
        steps: number of time steps.
        path: ending in `.qasm` or `.qasm3` (OpenQASM 3) or `.qpy`.
        seed: binds random features and weights; None leaves the parameters free.

    Returns:
        What each file holds. A QPY file holds all circuits; OpenQASM 3 takes a numbered file each.

    Raises:
        UsageError: as `check_export`.
        CircuitsError: as `circuits.unroll`.
    """
    from qiskit import qasm3, qpy

    check_export(architecture, steps, path, seed)
    circuits = circuits_of(architecture, steps)
    if seed is not None:
        circuits = _bound(architecture, steps, seed)
    if path.suffix.lower() == ".qpy":
        file = io.BytesIO()
        qpy.dump(list(circuits), file)
        return {path: file.getvalue()}
    paths = numbered(path, len(circuits))
    return {
        own: qasm3.dumps(circuit).encode() for own, circuit in zip(paths, circuits, strict=True)
    }


def _bound(architecture: Architecture, steps: int, seed: int) -> tuple[QuantumCircuit, ...]:
    """Return the circuits with random numbers: all circuits of a round have the same ones."""
    from circuits.unrolled import unroll

    q = unroll(architecture, steps)
    generator = np.random.default_rng(seed)
    features = generator.uniform(0, np.pi, q.inputs.shape)
    weights = generator.uniform(-np.pi, np.pi, q.weights.shape)
    if architecture.in_rounds:
        return q.bind_step(features[0], weights, float(generator.uniform(-1, 1)))
    return (q.bind(features, weights),)


def numbered(path: Path, count: int) -> list[Path]:
    """Return the path, or one numbered path for each of several circuits."""
    if count == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{index}{path.suffix}") for index in range(count)]
