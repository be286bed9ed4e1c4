"""The exact engine on a machine's own step: lifted from the same noise that Aer gets."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.exact.noise import Noise
from circuits.exact.sequence import SequenceModel
from jobs.isa import TranspiledStep


def sequence_model(transpiled: TranspiledStep, noise: Noise | None) -> SequenceModel:
    """Lift the scheduled step and closing part of a machine.

    Args:
        transpiled: step on its active qubits.
        noise: of the same active qubits; None is ideal.
    """
    features, weights = list(transpiled.features), list(transpiled.weights)
    n_out = len(transpiled.architecture.readout)
    return SequenceModel(
        step=lift(transpiled.step, [*features, *weights], noise),
        closing=lift(transpiled.closing, weights, noise),
        n_features=len(features),
        n_weights=len(weights),
        data_qubits=transpiled.data_qubits,
        out_bits=tuple(range(n_out)),
    )


def circuit_distribution(
    circuit: QuantumCircuit, noise: Noise | None, keep: Sequence[int]
) -> NDArray[np.float64]:
    """Return the exact joint distribution of some bits of a bound circuit, shape (2**m,)."""
    return np.asarray(distribution(lift(circuit, (), noise), jnp.zeros(0), keep))
