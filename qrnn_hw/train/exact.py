"""Training with exact gradients through measurement and feed-forward, under noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from circuits.exact.sequence import SequenceModel
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.classifier import Examples, Weights, accuracy, angles, scores
from qrnn_hw.train.options import TrainingOptions

MARGIN_SCALE = 4.0
"""Scores lie in about [-1, 1]; the logistic loss sees them times this."""


class Epoch(NamedTuple):
    """What one epoch showed."""

    training_loss: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class TrainingState:
    """All that a resumed run needs to give the numbers of an uninterrupted one."""

    weights: Weights
    optimiser: Any
    """Optax state, a pytree of arrays."""

    average: Weights
    best: Weights
    best_epoch: int
    history: tuple[Epoch, ...] = ()

    @property
    def finished_epochs(self) -> int:
        """Number of epochs behind."""
        return len(self.history)

    @property
    def best_loss(self) -> float:
        """Lowest validation loss so far."""
        return self.history[self.best_epoch].validation_loss if self.history else float("inf")


def logistic_loss(score: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the mean logistic loss of scores (n,) against labels in {0, 1}."""
    return jnp.mean(jnp.logaddexp(0.0, -MARGIN_SCALE * (2.0 * labels - 1.0) * score))


def start(weights: Weights, options: TrainingOptions) -> TrainingState:
    """Return the state before the first epoch."""
    return TrainingState(
        weights=weights,
        optimiser=optax.adam(options.learning_rate).init(weights),
        average=weights,
        best=weights,
        best_epoch=0,
    )


def shot_robustness(
    distributions: jax.Array, decision: jax.Array, labels: jax.Array, options: TrainingOptions
) -> jax.Array:
    """Return what the options add to the loss so that few shots decide as infinitely many do.

    Args:
        distributions: of the outcomes, shape (n, 2**m).
        decision: score of each outcome, shape (2**m,).
        labels: 0 or 1, shape (n,).
        options: `margin` and `variance_penalty`.
    """
    score = distributions @ decision
    shortfall = jax.nn.relu(options.margin - (2.0 * labels - 1.0) * score)
    variance = distributions @ decision**2 - score**2
    return jnp.mean(shortfall**2) + options.variance_penalty * jnp.mean(variance)


def data_loss(
    distributions: jax.Array, decision: jax.Array, labels: jax.Array, options: TrainingOptions
) -> jax.Array:
    """Return the logistic loss with what the options add to it; arguments as there."""
    loss = logistic_loss(distributions @ decision, labels)
    if not options.is_regularised:
        return loss
    return loss + shot_robustness(distributions, decision, labels, options)


def train(
    model: SequenceModel | Sequence[SequenceModel],
    training: Examples,
    validation: Examples,
    options: TrainingOptions,
    state: TrainingState,
    after_epoch: Callable[[TrainingState], None] = lambda state: None,
) -> TrainingState:
    """Train until the validation loss stops falling, and return the last state.

    Adam on mini-batches with exact gradients; the running mean of the weights is validated and
    kept. The order of the rows in an epoch depends on the seed and the epoch alone, so a run
    resumed from any epoch continues bit for bit.

    Args:
        model: exact engine, with the noise to train under. Several, such as those of one step
            under the calibrations of several days, take turns from batch to batch, and the mean of
            their scores is validated: weights for the machine's drift, not for one morning.
        training: rows to fit.
        validation: rows to stop by.
        options: settings.
        state: from `start` or a checkpoint.
        after_epoch: called with the state after each epoch, for progress and checkpoints.

    Raises:
        ConfigurationError: the loss is no longer finite, or there is no model.
    """
    models = (model,) if isinstance(model, SequenceModel) else tuple(model)
    if not models:
        raise ConfigurationError("training needs at least one model. Got none.")
    run_epoch, validate = _compile(models, training, validation, options)
    while state.finished_epochs < options.epochs and not stopped(state, options):
        order = _batches(len(training), options, state.finished_epochs)
        weights, optimiser, average, loss = run_epoch(
            state.weights, state.optimiser, state.average, order, _turns(order, models, state)
        )
        score, validation_loss = validate(average)
        if not (np.isfinite(loss) and np.isfinite(validation_loss)):
            raise ConfigurationError(
                f"the loss should stay finite. Got {float(loss)} in epoch "
                f"{state.finished_epochs + 1}; use a lower --learning-rate."
            )
        epoch = Epoch(
            float(loss),
            float(validation_loss),
            accuracy(np.asarray(score), validation.labels),
        )
        better = epoch.validation_loss < state.best_loss
        state = replace(
            state,
            weights=weights,
            optimiser=optimiser,
            average=average,
            best=average if better else state.best,
            best_epoch=state.finished_epochs if better else state.best_epoch,
            history=(*state.history, epoch),
        )
        after_epoch(state)
    return state


def stopped(state: TrainingState, options: TrainingOptions) -> bool:
    """Say whether the validation loss has not fallen for `patience` epochs."""
    return state.finished_epochs - 1 - state.best_epoch >= options.patience


def _batches(n_rows: int, options: TrainingOptions, epoch: int) -> jax.Array:
    """Return row numbers of an epoch, shape (n_batches, batch_size); a short rest waits."""
    size = min(options.batch_size, n_rows)
    order = np.random.default_rng([options.seed, epoch]).permutation(n_rows)
    n_batches = n_rows // size
    return jnp.asarray(order[: n_batches * size].reshape(n_batches, size))


def _turns(
    order: jax.Array, models: Sequence[SequenceModel], state: TrainingState
) -> jax.Array | None:
    """Return which model each batch of an epoch meets, shape (n_batches,); None with one model."""
    if len(models) == 1:
        return None
    first = state.finished_epochs * len(order)
    return (first + jnp.arange(len(order))) % len(models)


def _compile(
    models: Sequence[SequenceModel],
    training: Examples,
    validation: Examples,
    options: TrainingOptions,
) -> tuple[Callable[..., Any], Callable[[Weights], Any]]:
    optimiser = optax.adam(options.learning_rate)
    vectors, lengths = jnp.asarray(training.vectors), jnp.asarray(training.lengths)
    labels = jnp.asarray(training.labels, dtype=float)
    held_vectors, held_lengths = jnp.asarray(validation.vectors), jnp.asarray(validation.lengths)
    held_labels = jnp.asarray(validation.labels, dtype=float)

    def objective_of(model: SequenceModel) -> Callable[[Weights, jax.Array], jax.Array]:
        def objective(weights: Weights, rows: jax.Array) -> jax.Array:
            decay = options.projection_decay * jnp.sum(weights.projection**2)
            if not options.is_regularised:
                score = scores(model, weights, vectors[rows], lengths[rows])
                return logistic_loss(score, labels[rows]) + decay
            encoded = angles(weights, vectors[rows])
            distributions = model.distributions(weights.quantum, encoded, lengths[rows])
            return data_loss(distributions, weights.decision, labels[rows], options) + decay

        return objective

    objectives = [objective_of(model) for model in models]

    def objective(weights: Weights, rows: jax.Array, turn: jax.Array | None) -> jax.Array:
        if turn is None:
            return objectives[0](weights, rows)
        return jnp.asarray(jax.lax.switch(turn, objectives, weights, rows))

    def one_batch(carry: Any, at: tuple[jax.Array, jax.Array | None]) -> tuple[Any, jax.Array]:
        weights, state, average = carry
        loss, gradient = jax.value_and_grad(objective)(weights, *at)
        updates, state = optimiser.update(gradient, state)
        weights = optax.apply_updates(weights, updates)
        average = jax.tree.map(
            lambda mean, new: options.averaging * mean + (1 - options.averaging) * new,
            average,
            weights,
        )
        return (weights, state, average), loss

    @jax.jit
    def run_epoch(
        weights: Weights, state: Any, average: Weights, order: jax.Array, turns: jax.Array | None
    ) -> Any:
        carry, losses = jax.lax.scan(one_batch, (weights, state, average), (order, turns))
        return (*carry, losses.mean())

    @jax.jit
    def validate(weights: Weights) -> tuple[jax.Array, jax.Array]:
        each = [scores(model, weights, held_vectors, held_lengths) for model in models]
        score = each[0] if len(each) == 1 else jnp.mean(jnp.stack(each), axis=0)
        return score, logistic_loss(score, held_labels)

    return run_epoch, validate
