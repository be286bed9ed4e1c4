"""Reservoirs: a network whose circuit, projection and all stay as they were drawn, but its head.

The head is fitted by ridge to the readings of every step (`qrnn_hw.training.ridge`), exact ones or
those of stored jobs. A long series goes through circuits of some length: each has the last inputs
of the one before it again, to forget |0...0>, and no answer of these steps counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import score
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.direct import seen
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.networks.head_options import HEAD_SHOTS
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.readers import Reader
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.training.ridge import ALPHAS, choose_head, counted
from qrnn_hw.training.shot_noise import DRAWS, drawn_readings, of_one_shot

Array = NDArray[np.float64]

AT_ONCE = 256
"""Rows whose readings are held at once."""


def driven(inputs: Array, targets: NDArray[np.generic], *, n_steps: int, washout: int) -> Sequences:
    """Cut a series that is answered at every step into sequences of equal length.

    Args:
        inputs: shape (T, d).
        targets: of every step, shape (T,) of classes or (T, k) of numbers.
        n_steps: of a sequence.
        washout: first steps of a sequence, which repeat the end of the one before; each other step
            is answered once. Steps at the end that fill no sequence are left out.

    Raises:
        UsageError: a wash-out that leaves no step, or a series shorter than a sequence.
    """
    given = np.asarray(inputs, dtype=np.float64)
    if not 0 <= washout < n_steps <= len(given) or len(targets) != len(given):
        raise UsageError(
            "a series should be at least as long as a sequence, whose wash-out leaves a step, and "
            f"have a target at every step. Got {len(given)} steps, {len(targets)} targets, "
            f"sequences of {n_steps} and a wash-out of {washout}."
        )
    starts = np.arange(0, len(given) - n_steps + 1, n_steps - washout)
    rows = starts[:, None] + np.arange(n_steps)
    return Sequences(given[rows], np.full(len(rows), n_steps), np.asarray(targets)[rows])


def exact_readings(
    network: Network, parameters: Parameters, sequences: Sequences, reader: Reader | None = None
) -> Array:
    """Return the readings at infinite shots, shape (n, r), per step (n, T, r).

    Args:
        network: of the reservoir.
        parameters: as they were drawn.
        sequences: its inputs.
        reader: with a machine's noise; None is without noise.
    """
    n_rows = len(sequences)
    size, parts = min(AT_ONCE, n_rows), []
    for first in range(0, n_rows, size):
        rows = np.arange(first, first + size) % n_rows  # one shape is compiled
        given = jnp.asarray(sequences.values[rows]), jnp.asarray(sequences.lengths[rows])
        parts.append(np.asarray(network.compiled_readings(parameters, *given, reader)))
    return np.asarray(np.concatenate(parts)[:n_rows])


def ridge_start(
    network: Network,
    parameters: Parameters,
    parts: Sequence[Sequences],
    readers: Sequence[Reader] | None = None,
) -> Parameters:
    """Return parameters to start a training from, their head what ridge fits to their circuit.

    Random numbers for hundreds of readings take epochs to unlearn. The ridge is for answers from
    `HEAD_SHOTS` shots: one for infinitely many has such large numbers, where noise has shrunk the
    readings, that few trainings come back from them.

    Args:
        network: with a head for its target.
        parameters: as they were drawn.
        parts: rows to fit, and rows that choose the ridge's alpha.
        readers: with noise, whose mean is read; None is without noise.
    """
    given = (None,) if readers is None else tuple(readers)
    each = [[exact_readings(network, parameters, part, one) for part in parts] for one in given]
    readings = [np.mean(of_part, axis=0) for of_part in zip(*each, strict=True)]
    return fit_reservoir(network, parameters, parts, readings, n_shots=HEAD_SHOTS).parameters


def fit_reservoir(
    network: Network,
    parameters: Parameters,
    parts: Sequence[Sequences],
    readings: Sequence[Array],
    *,
    alphas: Sequence[float] = ALPHAS,
    washout: int = 0,
    n_shots: int | None = None,
) -> TrainedNetwork:
    """Return the network with the head that ridge fits, its circuit untouched.

    Args:
        network: with a head for its target.
        parameters: as they were drawn.
        parts: rows to fit, and rows that choose the ridge's alpha.
        readings: of both, exact or from shots (`qrnn_hw.networks.recorded.Recorded.readings`).
        alphas: to choose from.
        washout: first steps of every sequence that do not count, of a target per step.
        n_shots: as for `fitted_head`.
    """
    given = network, parts, readings
    found, _ = fitted_head(*given, alphas=alphas, washout=washout, n_shots=n_shots)
    return TrainedNetwork(network, {**parameters, **fitted_parts(network, parameters, found)})


def fitted_head(
    network: Network,
    parts: Sequence[Sequences],
    readings: Sequence[Array],
    *,
    alphas: Sequence[float] = ALPHAS,
    washout: int = 0,
    n_shots: int | None = None,
) -> tuple[Array, float]:
    """Return what ridge finds for `regressors`, and its alpha.

    Args:
        network: with a head for its target.
        parts: rows to fit, and rows that choose the ridge's alpha.
        readings: of both.
        alphas: to choose from.
        washout: as for `fit_reservoir`.
        n_shots: that answers will be given from, where the readings are exact: what they add to
            the squares is a penalty, and rows that choose alpha are read from as many; None is
            infinitely many, or readings from shots, which have it in them.
    """
    (fit, held), (read, of_held), penalty = parts, readings, None
    if n_shots is not None:
        rows = np.tile(np.arange(len(held)), DRAWS)
        held = held.take(rows)
        of_held = drawn_readings(network, of_held[rows], n_shots, np.random.default_rng(DRAWS))
        given = network.target, read, fit.known_targets, fit.lengths
        flat, _ = counted(*given, washout=washout)
        added = len(flat) * np.asarray(of_one_shot(network, flat, np.ones(len(flat)))) / n_shots
        n_direct = network.direct * fit.dim
        penalty = np.pad(added, (0, n_direct))
    joined = [
        np.asarray(regressors(network, part.values, part.lengths, one))
        for part, one in ((fit, read), (held, of_held))
    ]
    return choose_head(
        network.target,
        joined,
        [fit.known_targets, held.known_targets],
        [fit.lengths, held.lengths],
        alphas=alphas,
        washout=washout,
        penalty=penalty,
    )


def regressors(
    network: Network, inputs: ArrayLike, lengths: ArrayLike, readings: ArrayLike
) -> jax.Array:
    """Return what ridge fits outputs to: 1, the other readings, and what reaches them directly.

    The first of several outcomes' probabilities is left out for the 1: they add up to it.

    Args:
        network: with a head for its target.
        inputs: shape (n, T, d).
        lengths: shape (n,).
        readings: of these sequences, shape (n, r), per step (n, T, r).
    """
    read = jnp.asarray(readings)
    parts = [jnp.ones((*read.shape[:-1], 1)), read[..., 1:]]
    if network.direct:
        given = jnp.asarray(inputs), jnp.asarray(lengths)
        parts.append(seen(*given, network.direct, per_step=network.target.per_step))
    return jnp.concatenate(parts, axis=-1)


def fitted_parts(network: Network, parameters: Parameters, found: Array) -> Parameters:
    """Return the parameters `head` and `direct` of what ridge found for `regressors`.

    Args:
        network: that was fitted.
        parameters: of the network, for the shape of its head.
        found: shape (r + r', k), r readings and r' direct inputs.
    """
    head, direct = np.split(found, [network.n_readings])
    if network.steps is None and not network.in_rounds:
        head[1:] += head[0]  # back to a number for every outcome
    fitted = {"head": jnp.asarray(head.reshape(np.shape(parameters["head"])))}
    if network.direct:
        fitted["direct"] = jnp.asarray(direct)
    return fitted


def draw(network: Network, seed: int) -> Parameters:
    """Return parameters of a reservoir: gentle inputs on a circuit of wide angles.

    Angles that are spread over the circle make the steps mix; inputs that turn qubits by less than
    a radian keep what came before (Lukosevicius & Jaeger 2009 on the scale of inputs).

    Args:
        network: whose circuit has weights, or is taken as it is.
        seed: of all that is drawn.
    """
    generator, n_weights = np.random.default_rng(seed), network.architecture.n_weights
    initial = network.initial(seed)
    found = {"circuit": generator.uniform(-np.pi, np.pi, n_weights)}
    if "projection" in initial:
        n_inputs, width = np.shape(initial["projection"])
        low, high = np.array([0.05, 0.4]) / np.sqrt(n_inputs)
        signs = generator.choice([-1.0, 1.0], (n_inputs, width)) if n_inputs > 1 else 1.0
        found["projection"] = signs * generator.uniform(low, high, (n_inputs, width))
    return {**initial, **{name: jnp.asarray(value) for name, value in found.items()}}


def best_drawn(
    network: Network,
    drawn: Sequence[Parameters],
    parts: Sequence[Sequences],
    reader: Reader | None = None,
    *,
    washout: int = 0,
    n_shots: int | None = None,
) -> TrainedNetwork:
    """Return the drawn circuit whose head, fitted to the first part, does best on the second.

    Args:
        network: with a head for its target.
        drawn: parameters to choose from, by exact readings.
        parts: rows to fit, and rows that choose the circuit and the ridge's alpha.
        reader: with a machine's noise; None is without noise.
        washout: as for `fit_reservoir`.
        n_shots: as for `fitted_head`; the circuits are compared at as many too.
    """
    single, held, best = type(network.target)(network.target.names), parts[1], None
    for parameters in drawn:
        readings = [exact_readings(network, parameters, part, reader) for part in parts]
        given = network, parameters, parts, readings
        fitted = fit_reservoir(*given, washout=washout, n_shots=n_shots)
        outputs = readings[1] @ fitted.coefficients
        outputs = outputs + fitted.direct_part(held.values, held.lengths)
        answered = network.target, outputs, held.known_targets, held.lengths
        value = score(single, *counted(*answered, washout=washout))
        if best is None or value > best[0]:
            best = value, fitted
    if best is None:
        raise UsageError("there should be a circuit to choose. Got none.")
    return best[1]
