"""One network trained from several seeds at once, each on its own rows: a mean with an interval.

The seeds share one compiled program (`jax.vmap`); every array has them as its first axis. The
order of the rows in an epoch depends on the seed and the epoch alone, so that a run resumed from
any epoch continues to the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.network import Network, Parameters
from qrnn_hw.train.checkpoint import read_arrays, write_arrays


class Part(NamedTuple):
    """Rows of each of K seeds."""

    inputs: NDArray[np.float64]  # shape (K, n, T, n_inputs)
    lengths: NDArray[np.int64]  # shape (K, n)
    labels: NDArray[np.int64]  # shape (K, n)


@dataclass(frozen=True)
class Schedule:
    """How to train; Adam on mini-batches in all cases."""

    epochs: int
    batch_size: int
    learning_rate: float
    projection_decay: float = 0.0
    averaging: float = 0.0
    """Decay of the running mean of the parameters, per batch; the mean is what is kept."""

    patience: int | None = None
    """Epochs without a lower validation loss after which a seed is done, its best epoch kept; None
    keeps the last epoch and needs no validation rows."""

    frozen: bool = False
    """Whether the circuit's weights stay as they were drawn."""


@dataclass(frozen=True)
class EnsembleState:
    """All that a resumed run needs; arrays have K rows."""

    parameters: Parameters
    optimiser: Any
    average: Parameters
    best: Parameters
    history: NDArray[np.float64]  # shape (epochs, K, 2): training loss, validation loss
    best_epoch: NDArray[np.int64]  # shape (K,)

    @property
    def finished_epochs(self) -> int:
        """Number of epochs behind."""
        return len(self.history)

    def of(self, index: int) -> Parameters:
        """Return the kept parameters of one seed."""
        return {name: value[index] for name, value in self.best.items()}


def start(parameters: Sequence[Parameters], schedule: Schedule) -> EnsembleState:
    """Return the state before the first epoch, from the parameters of each seed."""
    stacked = jax.tree.map(lambda *rows: jnp.stack(rows), *parameters)
    optimiser = jax.vmap(optax.adam(schedule.learning_rate).init)(stacked)
    k = len(parameters)
    return EnsembleState(
        stacked, optimiser, stacked, stacked, np.zeros((0, k, 2)), np.zeros(k, dtype=np.int64)
    )


def train_ensemble(
    network: Network,
    training: Part,
    validation: Part | None,
    schedule: Schedule,
    seeds: Sequence[int],
    state: EnsembleState,
    after_epoch: Callable[[EnsembleState], None] = lambda state: None,
) -> EnsembleState:
    """Train until the epochs are over or every seed is done.

    Args:
        network: gives the score; its `scale` multiplies it in the logistic loss.
        training: rows of each seed.
        validation: rows that decide which epoch is kept; None where the schedule has no patience.
        schedule: settings.
        seeds: of the order of the rows, one for each of the K.
        state: from `start` or `load`.
        after_epoch: called after each epoch.

    Raises:
        ConfigurationError: the loss is no longer finite.
    """
    run_epoch, validate = _compiled(network, schedule)
    data = tuple(jnp.asarray(array) for array in training)
    held = None if validation is None else tuple(jnp.asarray(array) for array in validation)
    while state.finished_epochs < schedule.epochs and not _is_over(state, schedule):
        order = _orders(training.labels.shape[1], schedule, seeds, state.finished_epochs)
        parameters, optimiser, average, losses = run_epoch(
            state.parameters, state.optimiser, state.average, order, *data
        )
        held_losses = losses if held is None else validate(average, *held)
        row = np.stack([np.asarray(losses), np.asarray(held_losses)], axis=1)
        if not np.isfinite(row).all():
            raise ConfigurationError(
                f"the loss should stay finite. Got {row} in epoch {state.finished_epochs + 1}; "
                "use another seed or model."
            )
        state = _after(state, schedule, (parameters, optimiser, average), row)
        after_epoch(state)
    return state


def _after(
    state: EnsembleState, schedule: Schedule, new: tuple[Any, Any, Any], row: NDArray[np.float64]
) -> EnsembleState:
    parameters, optimiser, average = new
    better = np.ones(len(row), dtype=bool)
    if schedule.patience is not None and len(state.history):
        columns = np.arange(len(row))
        lowest = state.history[state.best_epoch, columns, 1]
        running = len(state.history) - 1 - state.best_epoch < schedule.patience
        better = running & (row[:, 1] < lowest)

    def chosen(new_leaf: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(better.reshape(-1, *[1] * (old.ndim - 1)), new_leaf, old)

    return replace(
        state,
        parameters=parameters,
        optimiser=optimiser,
        average=average,
        best=jax.tree.map(chosen, average, state.best),
        history=np.concatenate([state.history, row[None]]),
        best_epoch=np.where(better, len(state.history), state.best_epoch),
    )


def _is_over(state: EnsembleState, schedule: Schedule) -> bool:
    if schedule.patience is None:
        return False
    return bool((state.finished_epochs - 1 - state.best_epoch >= schedule.patience).all())


def _orders(n_rows: int, schedule: Schedule, seeds: Sequence[int], epoch: int) -> jax.Array:
    """Return row numbers, shape (K, n_batches, batch_size); a short rest waits."""
    size = min(schedule.batch_size, n_rows)
    orders = [
        np.random.default_rng([seed, epoch]).permutation(n_rows)[: n_rows // size * size]
        for seed in seeds
    ]
    return jnp.asarray(np.stack(orders).reshape(len(seeds), -1, size))


def _compiled(
    network: Network, schedule: Schedule
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    optimiser = optax.adam(schedule.learning_rate)
    score = jax.vmap(network.score, (None, 0, 0))

    def loss(
        parameters: Parameters, inputs: jax.Array, lengths: jax.Array, labels: jax.Array
    ) -> jax.Array:
        margins = (2.0 * labels - 1.0) * network.scale * score(parameters, inputs, lengths)
        return jnp.mean(jax.nn.softplus(-margins))

    def objective(parameters: Parameters, *batch: jax.Array) -> jax.Array:
        value = loss(parameters, *batch)
        if not schedule.projection_decay:
            return value
        return value + schedule.projection_decay * jnp.sum(parameters["projection"] ** 2)

    def one_seed(
        parameters: Parameters, state: Any, average: Parameters, order: Any, *data: Any
    ) -> Any:
        def step(carry: Any, rows: jax.Array) -> Any:
            parameters, state, average = carry
            value, slopes = jax.value_and_grad(objective)(parameters, *(d[rows] for d in data))
            if schedule.frozen:
                slopes = {**slopes, "circuit": jnp.zeros_like(slopes["circuit"])}
            updates, state = optimiser.update(slopes, state)
            parameters = optax.apply_updates(parameters, updates)
            keep = schedule.averaging
            average = jax.tree.map(lambda a, b: keep * a + (1 - keep) * b, average, parameters)
            return (parameters, state, average), value

        carry, values = jax.lax.scan(step, (parameters, state, average), order)
        return (*carry, values.mean())

    return jax.jit(jax.vmap(one_seed)), jax.jit(jax.vmap(loss))


def save(path: Path, state: EnsembleState, run: str) -> None:
    """Write a state; an interrupted write leaves the file of before."""
    header = {
        "run": run,
        "history": state.history.tolist(),
        "best_epoch": state.best_epoch.tolist(),
    }
    write_arrays(path, jax.tree.leaves(_arrays(state)), header)


def load(path: Path, like: EnsembleState, run: str) -> EnsembleState:
    """Read a state that `save` wrote.

    Raises:
        ConfigurationError: not a checkpoint, or one of another run.
    """
    expected, structure = jax.tree.flatten(_arrays(like))
    leaves, header = read_arrays(path, expected, run)
    parameters, optimiser, average, best = jax.tree.unflatten(structure, leaves)
    return EnsembleState(
        parameters,
        optimiser,
        average,
        best,
        np.asarray(header["history"], dtype=float).reshape(-1, *like.history.shape[1:]),
        np.asarray(header["best_epoch"], dtype=np.int64),
    )


def _arrays(state: EnsembleState) -> tuple[Any, ...]:
    return state.parameters, state.optimiser, state.average, state.best
