"""The exact engine on a machine's own step: lifted from the same noise that Aer gets."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.exact.noise import Noise
from circuits.exact.sequence import SequenceModel
from jobs.errors import SpecError
from jobs.isa import TranspiledStep
from jobs.spec import JobSpec, Pub, PubResult


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


class ExactExecutor:
    """Draws from the exact distribution of the final register `out`.

    Mid-circuit bits are summed over, not drawn: the result holds `out` alone.
    """

    name = "exact"

    def __init__(self, noise: Noise | None) -> None:
        self._noise = noise

    def run(self, spec: JobSpec) -> tuple[PubResult, ...]:
        """Evolve each row once and draw its shots.

        Raises:
            SpecError: a circuit has no register `out`.
        """
        generator = np.random.default_rng(spec.seed)
        return tuple(self._run(pub, spec.shots, generator) for pub in spec.pubs)

    def _run(self, pub: Pub, shots: int, generator: np.random.Generator) -> PubResult:
        registers = {register.name: register for register in pub.circuit.cregs}
        if "out" not in registers:
            raise SpecError(
                "the exact executor draws the register 'out'. "
                f"Got registers {', '.join(registers) or 'none'}."
            )
        place = {bit: index for index, bit in enumerate(pub.circuit.clbits)}
        keep = [place[bit] for bit in registers["out"]]
        program = lift(pub.circuit, list(pub.circuit.parameters), self._noise)
        exact = jax.jit(lambda row: distribution(program, row, keep))
        rows = []
        for row in pub.parameters:
            probabilities = np.clip(np.asarray(exact(jnp.asarray(row))), 0.0, None)
            outcomes = generator.choice(
                probabilities.size, size=shots, p=probabilities / probabilities.sum()
            )
            rows.append((outcomes[:, None] >> np.arange(len(keep))) & 1)
        return PubResult({"out": np.stack(rows).astype(np.uint8)})
