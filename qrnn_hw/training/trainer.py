"""The one training loop: epochs of a stepper until the validation loss stops falling.

All arrays have the K seeds that are trained at once as their first axis; one seed is K = 1. The
order of the rows in an epoch depends on the seed and the epoch alone, so that a run resumed from
any epoch continues to the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.training.options import TrainingOptions


class Epoch(NamedTuple):
    """What one epoch of one seed showed; without validation rows, the training loss twice."""

    training_loss: float
    validation_loss: float
    validation_accuracy: float
    """The share of right answers; of numbers, R squared. NaN where it is not known."""

    def to_json(self) -> dict[str, float | None]:
        """Return it as a JSON object, None for what is not known."""
        return {name: None if np.isnan(one) else one for name, one in self._asdict().items()}


@dataclass(frozen=True)
class TrainingState:
    """All that a resumed run needs to give the numbers of an uninterrupted one."""

    parameters: Parameters
    optimiser: Any
    """A pytree of arrays."""

    average: Parameters
    """Running mean of the parameters, which is what is validated and kept."""

    best: Parameters
    best_epoch: NDArray[np.int64]  # shape (K,)
    history: NDArray[np.float64]  # shape (epochs, K, 3), see `Epoch`

    @property
    def finished_epochs(self) -> int:
        """Number of epochs behind."""
        return len(self.history)

    def of(self, seed: int = 0) -> Parameters:
        """Return the kept parameters of one of the K seeds, by its place."""
        return {name: value[seed] for name, value in self.best.items()}

    def epochs(self, seed: int = 0) -> tuple[Epoch, ...]:
        """Return what the epochs of one seed showed."""
        return tuple(Epoch(*map(float, row)) for row in self.history[:, seed])


class Moved(NamedTuple):
    """What an epoch leaves behind."""

    parameters: Parameters
    optimiser: Any
    average: Parameters
    loss: NDArray[np.float64]  # shape (K,)


class Stepper(Protocol):
    """One way to take the steps of an epoch."""

    def optimiser(self, parameters: Parameters) -> Any:
        """Return the optimiser's state before the first step."""

    def epoch(self, state: TrainingState) -> Moved:
        """Take the steps of the next epoch."""

    def validate(self, average: Parameters) -> NDArray[np.float64] | None:
        """Return loss and quality of each seed, shape (K, 2); None without validation rows."""


def start(stepper: Stepper, parameters: Sequence[Parameters]) -> TrainingState:
    """Return the state before the first epoch, from the parameters of each seed."""
    stacked = jax.tree.map(lambda *rows: jnp.stack(rows), *parameters)
    k = len(parameters)
    return TrainingState(
        stacked,
        stepper.optimiser(stacked),
        stacked,
        stacked,
        np.zeros(k, dtype=np.int64),
        np.zeros((0, k, len(Epoch._fields))),
    )


def train(
    stepper: Stepper,
    options: TrainingOptions,
    state: TrainingState,
    after_epoch: Callable[[TrainingState], None] = lambda state: None,
) -> TrainingState:
    """Train until the epochs are over or every seed has waited out its patience.

    Args:
        stepper: Adam on exact readings, or SPSA on Aer.
        options: settings; without patience the last epoch is kept.
        state: from `start` or a checkpoint.
        after_epoch: called with the state after each epoch, for progress and checkpoints.

    Raises:
        ConfigurationError: the loss is no longer finite.
    """
    while state.finished_epochs < options.epochs and not stopped(state, options):
        moved = stepper.epoch(state)
        held = stepper.validate(moved.average)
        if held is None:
            held = np.stack([moved.loss, np.full_like(moved.loss, np.nan)], axis=1)
        row = np.concatenate([moved.loss[:, None], held], axis=1)
        losses = row[:, :2].ravel()
        if not np.isfinite(losses).all():
            raise ConfigurationError(
                f"the loss should stay finite. Got {losses[~np.isfinite(losses)][0]} in epoch "
                f"{state.finished_epochs + 1}; use a lower learning rate, another seed or model."
            )
        state = _after(state, options, moved, row)
        after_epoch(state)
    return state


def stopped(state: TrainingState, options: TrainingOptions) -> bool:
    """Say whether no seed's validation loss has fallen for `patience` epochs."""
    return not _running(state, options).any()


def _running(state: TrainingState, options: TrainingOptions) -> NDArray[np.bool_]:
    if options.patience is None:
        return np.ones(len(state.best_epoch), dtype=bool)
    return np.asarray(state.finished_epochs - 1 - state.best_epoch < options.patience)


def _after(
    state: TrainingState, options: TrainingOptions, moved: Moved, row: NDArray[np.float64]
) -> TrainingState:
    better = _running(state, options)
    if options.patience is not None and state.finished_epochs:
        lowest = state.history[state.best_epoch, np.arange(len(row)), 1]
        better = better & (row[:, 1] < lowest)

    def chosen(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(better.reshape(-1, *[1] * (old.ndim - 1)), new, old)

    return replace(
        state,
        parameters=moved.parameters,
        optimiser=moved.optimiser,
        average=moved.average,
        best=jax.tree.map(chosen, moved.average, state.best),
        best_epoch=np.where(better, state.finished_epochs, state.best_epoch),
        history=np.concatenate([state.history, row[None]]),
    )
