"""Per-shot records of a recurrent model: all mid-circuit bits and the outcome.

A step is compiled, once for each weight vector, into one map of the hidden state for each record
of its bits (a quantum instrument). A shot is then one small vector through time; shots that share
their record so far share the vector, and their number is divided by multinomial draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError
from circuits.exact.encoded import encoded_steps
from circuits.exact.evolve import zero_state
from circuits.exact.sequence import SequenceModel
from circuits.integers import count
from circuits.outcomes import bits_of

INSTRUMENT_ENTRIES_LIMIT = 2**26
"""Numbers in a compiled instrument, 512 MiB; above this it is refused."""


@dataclass(frozen=True, eq=False)
class Records:
    """What single shots of one sequence read, in random order."""

    bits: NDArray[np.uint8]  # shape (shots, T, n_bits)
    """Bits measured in each step; bit j is bit j of the step's register."""

    outcomes: NDArray[np.int64]  # shape (shots,)
    """Outcome of the closing part; its bit j is the model's out_bits[j]."""


@dataclass(frozen=True, eq=False)
class RecordSampler:
    """A recurrent model's instrument at one weight vector."""

    step_maps: NDArray[np.float64]  # shape (2**n_bits, 4**nh, 4**nh, 4**nd)
    """(hidden, data) -> hidden for each record of a step; bit j of the record is bit j."""

    readout: NDArray[np.float64]  # shape (2**m, 4**nh)
    n_bits: int
    encode: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    """Features (T, d) to encoded data qubits, shape (T, 4**nd)."""

    def sample(
        self, features: NDArray[np.float64], shots: int, generator: np.random.Generator
    ) -> Records:
        """Draw shots of one sequence.

        Args:
            features: shape (T, d).
            shots: at least 1.
            generator: of the draws.

        Raises:
            CircuitsError: no shots.
        """
        shots = count("the number of shots", shots)
        n_records, n_state = self.step_maps.shape[:2]
        trace_scale = np.sqrt(n_state) ** 0.5  # the trace is the first number times this
        # Shape (T, hidden before, record, hidden after): one product a step serves all records.
        maps = np.einsum("rohd,td->thro", self.step_maps, self.encode(features), optimize=True)
        states = np.asarray(zero_state(round(np.log2(n_state) / 2))).reshape(1, -1)
        counts = np.array([shots])
        history: NDArray[np.int64] = np.zeros((1, len(maps)), dtype=np.int64)
        for step, step_map in enumerate(maps):
            moved = (states @ step_map.reshape(n_state, -1)).reshape(-1, n_records, n_state)
            weights = moved[:, :, 0] * trace_scale
            drawn = generator.multinomial(counts, normalised(weights))
            parent, record = np.nonzero(drawn)
            counts = drawn[parent, record]
            states = moved[parent, record] / weights[parent, record, None]
            history = np.asarray(history[parent])
            history[:, step] = record
        drawn = generator.multinomial(counts, normalised(states @ self.readout.T))
        parent, outcome = np.nonzero(drawn)
        rows = generator.permutation(np.repeat(np.arange(len(parent)), drawn[parent, outcome]))
        return Records(bits_of(history[parent[rows]], self.n_bits), outcome[rows])


def record_sampler(model: SequenceModel, weights: NDArray[np.float64]) -> RecordSampler:
    """Compile a model's instrument.

    Args:
        model: whose step starts its data qubits anew.
        weights: radians, shape (p,).

    Raises:
        CircuitsError: the step has no fresh data qubits, its instrument is too large, or the
            weights are not finite or of another shape.
    """
    split, n_bits = model.split, model.step.n_bits
    remedy = "draw shots with circuits.exact.shots.sample_shots or the aer executor."
    if split is None:
        raise CircuitsError(
            "a record sampler needs a step that starts its data qubits anew. "
            f"Got one that does not; {remedy}"
        )
    n_data = len(model.data_qubits)
    entries = 2**n_bits * 4 ** (2 * (model.step.n_qubits - n_data) + n_data)
    if entries > INSTRUMENT_ENTRIES_LIMIT:
        raise CircuitsError(
            f"a compiled instrument should have at most {INSTRUMENT_ENTRIES_LIMIT} numbers. Got "
            f"{n_bits} bits a step and {entries}; {remedy}"
        )
    parameters = jnp.asarray(weights, dtype=float)
    if parameters.shape != (model.n_weights,) or not jnp.isfinite(parameters).all():
        raise CircuitsError(
            f"weights should be finite and have shape ({model.n_weights},). "
            f"Got shape {parameters.shape}."
        )

    steps = jax.jit(lambda features: encoded_steps(model, split, features[None])[0])

    def encode(features: NDArray[np.float64]) -> NDArray[np.float64]:
        given = np.asarray(features, dtype=float)
        if given.ndim != 2 or given.shape[1] != model.n_features or not len(given):
            raise CircuitsError(
                f"features should have shape (T, {model.n_features}) with T at least 1. "
                f"Got {given.shape}."
            )
        if not np.isfinite(given).all():
            raise CircuitsError(f"features should be finite. Got {given[~np.isfinite(given)][0]}.")
        return np.asarray(steps(jnp.asarray(given)))

    compiled = jax.jit(lambda w: model.instrument(split, w, range(n_bits)))
    readout = jax.jit(lambda w: model.readout(split, w))
    return RecordSampler(
        np.asarray(compiled(parameters)), np.asarray(readout(parameters)), n_bits, encode
    )


def normalised(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights (n, k) as probabilities; rounding below zero becomes zero."""
    positive = np.maximum(weights, 0.0)
    return np.asarray(positive / positive.sum(axis=1, keepdims=True))
