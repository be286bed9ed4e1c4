"""Outputs of a stack, drawn again and again from the exact laws of its folded circuits.

Where the outcome alone is read, each circuit's counts are drawn. A head on every step has too many
bit strings for that: its mean over shots is drawn from the normal law with the exact mean and
variance. Each draw has a readout calibration of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from circuits.exact.sequence import SequenceModel
from circuits.outcomes import bits_of
from jobs.transpile.lifted_step import circuit_distribution, sequence_model
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.experiment.forecast import folded_step
from qrnn_hw.experiment.output_law import moments_of
from qrnn_hw.experiment.readout_circuits import ReadoutCircuits
from qrnn_hw.mitigation.combining import combine_moments
from qrnn_hw.mitigation.moments import Moments, stacked
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration, from_counts
from qrnn_hw.mitigation.shot_numbers import Readout
from qrnn_hw.mitigation.stack import Stack, terms
from qrnn_hw.studies.trained import TrainedModel

Array = NDArray[np.float64]


def drawn_outputs(
    model: TrainedModel,
    stack: Stack,
    circuits: Sequence[int],
    calibration: int,
    generator: np.random.Generator,
) -> Array:
    """Return the outputs of the test rows once, shape (n, k), per step (n, T, k).

    Args:
        model: trained.
        stack: of folded circuits.
        circuits: shots of a row in each of its circuits.
        calibration: shots of each readout circuit, where it corrects readout.
        generator: of the draws.
    """
    readout = _calibrated(model, calibration, generator) if stack.terminal else None
    listed, head = terms(stack), model.trained.head
    if head.steps is None:
        numbers = head.numbers(1).corrected(stack, readout).outcome
        parts = [
            Moments.of_counts(generator.multinomial(n, outcomes(model, term.scale_factor)), numbers)
            for term, n in zip(listed, circuits, strict=True)
        ]
        return combine_moments(stacked(parts), listed).value
    value: Array = np.zeros(())
    for term, n in zip(listed, circuits, strict=True):
        mean, variance = moments_of(
            _folded(model, term.scale_factor),
            model.encoded,
            head,
            lambda one: one.corrected(stack, readout),
        )
        drawn = mean + np.sqrt(variance / n) * generator.standard_normal(mean.shape)
        value = value + term.weight * drawn
    return value


@lru_cache(maxsize=16)
def outcomes(model: TrainedModel, scale_factor: float) -> Array:
    """Return the exact distributions of the rows at a scale factor, shape (n, 2**m)."""
    return _probabilities(exact_distributions(_folded(model, scale_factor), model.encoded))


def readout_circuits_of(model: TrainedModel) -> ReadoutCircuits:
    """Return the circuits that a calibration runs."""
    return ReadoutCircuits.of(model.prepared.circuit.transpiled, model.trained.head, {})


@lru_cache(maxsize=16)
def _folded(model: TrainedModel, scale_factor: float) -> SequenceModel:
    circuit = model.prepared.circuit
    return sequence_model(folded_step(circuit.transpiled, scale_factor), circuit.noise)


@lru_cache(maxsize=2)
def _readout_laws(model: TrainedModel) -> tuple[Array, ...]:
    """Return the exact distributions of the readout circuits, each of shape (2**m,)."""
    noise = model.prepared.circuit.noise

    def law(circuit: QuantumCircuit) -> Array:
        return _probabilities(circuit_distribution(circuit, noise, range(circuit.num_clbits)))

    return tuple(law(circuit) for circuit in readout_circuits_of(model).circuits)


def _calibrated(model: TrainedModel, shots: int, generator: np.random.Generator) -> Readout:
    laws, recorded = _readout_laws(model), readout_circuits_of(model).recorded
    pairs = [_rates(laws[n : n + 2], shots, generator) for n in range(0, len(laws), 2)]
    return Readout(pairs[0], pairs[1].select(recorded) if recorded else None)


def _rates(laws: Sequence[Array], shots: int, generator: np.random.Generator) -> ReadoutCalibration:
    n_outcomes = laws[0].size
    bits = bits_of(np.arange(n_outcomes), n_outcomes.bit_length() - 1)
    zeros, ones = (generator.multinomial(shots, law) @ bits for law in laws)
    return from_counts(zeros, ones, shots, shots, datetime.now(UTC))


def _probabilities(table: Array) -> Array:
    table = np.clip(table, 0.0, None)
    return np.asarray(table / table.sum(axis=-1, keepdims=True))
