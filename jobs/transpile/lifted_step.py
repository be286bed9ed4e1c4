"""The exact engine on a machine's own step: lifted from the same noise that Aer gets."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from circuits.exact.evolve import distribution
from circuits.exact.lift import lift, open_lift
from circuits.exact.noise import Noise
from circuits.exact.sequence import Form, SequenceModel
from circuits.exact.shots import sample_shots
from jobs.bits import registers_of
from jobs.spec import JobSpec, Pub, PubResult
from jobs.transpile.isa import TranspiledStep

_FORMS: WeakKeyDictionary[TranspiledStep, Form] = WeakKeyDictionary()


def sequence_model(transpiled: TranspiledStep, noise: Noise | None) -> SequenceModel:
    """Lift the scheduled step and closing part of a machine.

    The step is lifted once; models of one step under several noises share what is compiled where
    they are given to it as arguments.

    Args:
        transpiled: step on its active qubits.
        noise: of the same active qubits; None is ideal.
    """
    if transpiled not in _FORMS:
        _FORMS[transpiled] = form_of(transpiled)
    return _FORMS[transpiled].under(noise)


def form_of(transpiled: TranspiledStep) -> Form:
    """Lift the scheduled step and closing part of a machine for noises yet to come."""
    features, weights = list(transpiled.features), list(transpiled.weights)
    n_out = len(transpiled.architecture.readout)
    first, beyond = transpiled.first, transpiled.snapshot.beyond
    model = SequenceModel(
        step=open_lift(transpiled.step, [*features, *weights], beyond),
        closing=open_lift(transpiled.closing, weights, beyond),
        n_features=len(features),
        n_weights=len(weights),
        data_qubits=transpiled.data_qubits,
        out_bits=tuple(range(n_out)),
        first=None if first is None else open_lift(first, [*features, *weights], beyond),
    )
    return Form(model)


def circuit_distribution(
    circuit: QuantumCircuit, noise: Noise | None, keep: Sequence[int]
) -> NDArray[np.float64]:
    """Return the exact joint distribution of some bits of a bound circuit, shape (2**m,)."""
    return np.asarray(distribution(lift(circuit, (), noise), jnp.zeros(0), keep))


class ExactExecutor:
    """Draws shots from exact conditional distributions, all registers of a shot together.

    For circuits of up to `circuits.exact.shots.QUBITS_LIMIT` qubits; where the distribution of a
    few bits is wanted, not shots, `circuit_distribution` gives it.
    """

    name = "exact"

    def __init__(self, noise: Noise | None) -> None:
        self._noise = noise

    def run(self, spec: JobSpec) -> tuple[PubResult, ...]:
        """Lift each circuit once and draw the shots of each row.

        Raises:
            CircuitsError: too many qubits, or an instruction without an exact map.
        """
        generator = np.random.default_rng(spec.seed)
        return tuple(self._run(pub, spec.shots, generator) for pub in spec.pubs)

    def _run(self, pub: Pub, shots: int, generator: np.random.Generator) -> PubResult:
        program = lift(pub.circuit, list(pub.circuit.parameters), self._noise)
        rows = [sample_shots(program, row, shots, generator) for row in pub.parameters]
        return registers_of(pub.circuit, np.stack(rows))
