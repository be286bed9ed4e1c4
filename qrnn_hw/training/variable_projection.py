"""Variable projection: the head at its optimum at every step, the circuit by Adam.

Numbers are linear in R and D, so that for any circuit ridge finds both at once. What then is left
of the squares is a function of the circuit and its encoding alone (Golub & Pereyra, SIAM J. Numer.
Anal. 10, 413, 1973), whose slopes are those at the head held fixed. Adam makes its logarithm small:
a forecast that misses by a thousandth of a deviation is trained like one that misses by half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike
from numpy.typing import NDArray

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Numbers, check_targets, score
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.readers import Reader, turned
from qrnn_hw.training.adam import epoch_of, orders, over_seeds, stacked, turns_of, validated
from qrnn_hw.training.losses import check_robustness
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.reservoir import AT_ONCE, fitted_head, fitted_parts, regressors
from qrnn_hw.training.shot_noise import of_one_shot, of_outputs
from qrnn_hw.training.trainer import Moved, TrainingState

ROWS_PER_NUMBER = 4
"""A batch has at least so many answers for each number of its head: fewer would fit anything."""

LEAST_FREE = 1e-3
"""Of an answer, what the others do not say: of one that they say all of, e / (1 - h) is 0 / 0."""


class VariableProjection:
    """Steps of K seeds at once, each on rows of its own, in one compiled program."""

    def __init__(
        self,
        network: Network,
        training: Sequence[Sequences],
        validation: Sequence[Sequences],
        options: TrainingOptions,
        seeds: Sequence[int],
        *,
        readers: Sequence[Reader] | None = None,
        frozen: bool = False,
        n_shots: int | None = None,
    ) -> None:
        """Set up the steps.

        Args:
            network: of numbers, with a trained head.
            training: rows to fit, of each seed, equally many.
            validation: rows that choose the ridge's penalty, and to stop by.
            options: settings; a batch is larger where the head has many numbers.
            seeds: of the order of the rows.
            readers: with the noise to train under, as `qrnn_hw.training.adam.Adam` has them.
            frozen: whether the circuit's weights stay as they were drawn.
            n_shots: that answers will be given from; None is infinitely many.

        Raises:
            ConfigurationError: no reader.
            UsageError: targets that are not the network's, or not numbers; few shots as an aim.
        """
        for part in (*training, *validation):
            check_targets(network.target, part)
        check_robustness(network, options)
        if not isinstance(network.target, Numbers) or options.is_regularised:
            raise UsageError(
                "a head that ridge fits at every step should be one of numbers, without "
                "variance_penalty. Got "
                f"{'variance_penalty' if options.is_regularised else 'classes'}; train it by Adam."
            )
        given = (network.ideal,) if readers is None else tuple(readers)
        if not given:
            raise ConfigurationError("training needs at least one model. Got none.")
        self._network, self._options, self._seeds = network, options, tuple(seeds)
        self._rows = tuple(training), tuple(validation)
        self._n_shots = n_shots
        self._n_turns, self._adam = len(given), optax.adam(options.learning_rate)
        self._data, self._held = stacked(training), stacked(validation)
        over = over_seeds(len(self._seeds))
        still = ("head", "direct", *(("circuit",) if frozen else ()))

        def miss(parameters: Parameters, readings: jax.Array, *batch: jax.Array) -> jax.Array:
            return left_over(network, readings, *batch, n_shots=n_shots)

        self._run = jax.jit(over(epoch_of(network, given, options, self._adam, still, miss)))
        self._read = jax.jit(over(_readings(network, given)))
        self._validate = jax.jit(over(validated(network, given)))

    def optimiser(self, parameters: Parameters) -> Any:
        """Return Adam's moments before the first step, and no penalty yet."""
        moments = jax.vmap(self._adam.init)(parameters)
        return {"moments": moments, "alpha": jnp.full(len(self._seeds), jnp.nan)}

    def epoch(self, state: TrainingState) -> Moved:
        """Pass once over the training rows of every seed, and fit their heads to all of them."""
        alpha = np.asarray(state.optimiser["alpha"])
        if np.isnan(alpha).any():
            _, alpha = self._fitted(state.parameters)
        n_rows = self._data[1].shape[1]
        order = orders(self._seeds, state.finished_epochs, n_rows, self._batch_size)
        turns = turns_of(order, state.finished_epochs, self._n_turns)
        share = jnp.asarray(alpha * order.shape[2] / n_rows)
        parameters, moments, average, loss = self._run(
            state.parameters,
            state.optimiser["moments"],
            state.average,
            order,
            turns,
            self._data,
            share,
        )
        average, alpha = self._fitted(average)
        optimiser = {"moments": moments, "alpha": jnp.asarray(alpha)}
        return Moved(parameters, optimiser, average, np.exp(np.asarray(loss)))

    def validate(self, average: Parameters) -> NDArray[np.float64] | None:
        """Return loss and quality of each seed, shape (K, 2)."""
        losses, outputs = self._validate(average, self._held)
        good = [
            score(self._network.target, np.asarray(one), rows.known_targets, rows.lengths)
            for one, rows in zip(outputs, self._rows[1], strict=True)
        ]
        return np.stack([np.asarray(losses) + self._added(average), good], axis=1)

    def _added(self, average: Parameters) -> NDArray[np.float64]:
        """Return what shots add to the validation loss of each seed, shape (K,)."""
        found = np.zeros(len(self._seeds))
        if self._n_shots is None:
            return found
        read = self._all(average, self._held)
        for seed, (rows, readings) in enumerate(zip(self._rows[1], read, strict=True)):
            own = {name: value[seed] for name, value in average.items()}
            factors = self._network.coefficients(own)
            each = np.asarray(of_outputs(self._network, readings, factors)).mean(axis=-1)
            found[seed] = each[rows.mask].mean() if self._network.target.per_step else each.mean()
        return found / self._n_shots

    @property
    def _batch_size(self) -> int:
        network = self._network
        n_numbers = network.n_readings + network.direct * self._rows[0][0].dim
        answers = self._rows[0][0].n_steps if network.target.per_step else 1
        return max(self._options.batch_size, -(-ROWS_PER_NUMBER * n_numbers // answers))

    def _all(self, parameters: Parameters, data: tuple[jax.Array, ...]) -> NDArray[np.float64]:
        """Return the readings of all rows of every seed, shape (K, n, r), per step (K, n, T, r)."""
        inputs, lengths, _ = data
        n_rows = lengths.shape[1]
        size, parts = min(AT_ONCE, n_rows), []
        for start in range(0, n_rows, size):
            rows = np.arange(start, start + size) % n_rows  # one shape is compiled
            found = self._read(parameters, inputs[:, rows], lengths[:, rows])
            parts.append(np.asarray(found))
        return np.asarray(np.concatenate(parts, axis=1)[:, :n_rows])

    def _fitted(self, parameters: Parameters) -> tuple[Parameters, NDArray[np.float64]]:
        """Return the parameters with the heads that ridge fits, and the penalties it took."""
        network, found, alphas = self._network, [], []
        read = [self._all(parameters, data) for data in (self._data, self._held)]
        for seed in range(len(self._seeds)):
            parts = [rows[seed] for rows in self._rows]
            readings = [one[seed] for one in read]
            head, alpha = fitted_head(network, parts, readings, n_shots=self._n_shots)
            own = {name: value[seed] for name, value in parameters.items()}
            found.append(fitted_parts(network, own, head))
            alphas.append(alpha)
        heads = {name: jnp.stack([one[name] for one in found]) for name in found[0]}
        return {**parameters, **heads}, np.array(alphas)


def left_over(
    network: Network,
    readings: jax.Array,
    inputs: jax.Array,
    lengths: jax.Array,
    targets: jax.Array,
    alpha: ArrayLike,
    *,
    n_shots: int | None = None,
) -> jax.Array:
    """Return the logarithm of the mean square by which ridge misses rows that it was not fitted to.

    Each answer is missed by the head of all others, whose miss is e / (1 - h) of the common head's
    miss e, with the answer's leverage h (Allen, Technometrics 16, 125, 1974). What shots add to it
    joins both the ridge and the squares (`qrnn_hw.training.shot_noise`).

    Args:
        network: of numbers.
        readings: shape (n, r), per step (n, T, r).
        inputs: shape (n, T, d).
        lengths: shape (n,).
        targets: shape (n, k), per step (n, T, k).
        alpha: of the ridge, over these rows.
        n_shots: that answers will be given from; None is infinitely many.
    """
    x, y = regressors(network, inputs, lengths, readings)[..., 1:], targets
    counts = jnp.ones((len(y), 1))
    if network.target.per_step:
        alive = jnp.arange(y.shape[1]) < jnp.asarray(lengths)[:, None]
        counts = alive.reshape(-1, 1).astype(x.dtype)
    x, y = x.reshape(len(counts), -1), y.reshape(len(counts), -1)
    n, added = counts.sum(), jnp.zeros((x.shape[1], x.shape[1]))
    if n_shots is not None:
        flat = readings.reshape(len(counts), -1)
        added = of_one_shot(network, flat, counts[:, 0]) / n_shots
        added = jnp.pad(added, (0, x.shape[1] - len(added)))
    x, y = ((one - (one * counts).sum(axis=0) / n) * counts for one in (x, y))
    gram = x.T @ x + alpha * jnp.eye(x.shape[1]) + n * added
    solved = jax.scipy.linalg.solve(gram, x.T, assume_a="pos")  # (p, n)
    leverage = jnp.sum(x * solved.T, axis=1, keepdims=True) + counts / n
    head = solved @ y
    missed = (y - x @ head) / jnp.maximum(1 - leverage, LEAST_FREE)
    squares = jnp.sum(missed**2) / n + jnp.sum(head * (added @ head))
    return jnp.log(squares / y.shape[1] + np.finfo(np.float64).tiny)


def _readings(network: Network, readers: Sequence[Reader]) -> Callable[..., jax.Array]:
    """Return what gives the mean readings over the readers."""

    def read(parameters: Parameters, inputs: jax.Array, lengths: jax.Array) -> jax.Array:
        def at(turn: jax.Array | None) -> jax.Array:
            return network.readings(parameters, inputs, lengths, turned(readers, turn))

        n = len(readers)
        return at(None) if n == 1 else jax.lax.map(at, jnp.arange(n)).mean(axis=0)

    return read
