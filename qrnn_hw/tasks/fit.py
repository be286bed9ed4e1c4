"""Training of a task: Adam with a warm-up and a linear decay, the best validation kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.tasks.core import Parameters, n_parameters
from qrnn_hw.tasks.fit_state import Checkpoint, FitState
from qrnn_hw.tasks.memory import check_memory
from qrnn_hw.tasks.task import Task

SAVE_SECONDS = 30.0
WARM_UP = 0.05
"""Of all steps, in which the rate rises to its full value: without it one training in five of the
hybrid on permuted MNIST, and two in three of the product control, were lost in the first epoch."""


@dataclass(frozen=True)
class FitOptions:
    """Settings of one training."""

    epochs: int = 5
    learning_rate: float = 1e-2
    seed: int = 0
    clip: float = 1.0
    """Norm to which a larger gradient is cut."""

    max_steps: int | None = None
    """Batches in all, if fewer than the epochs have."""

    evaluations: int = 0
    """How often to validate, evenly over the steps; 0 is once an epoch."""

    def n_steps(self, task: Task) -> int:
        """Return the number of batches that are taken."""
        whole = self.epochs * task.n_batches
        return whole if self.max_steps is None else min(whole, self.max_steps)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained task."""

    parameters: Parameters
    """Those of the best validation."""

    validation: dict[str, float]
    test: dict[str, float]
    curve: tuple[dict[str, float], ...]
    n_core: int
    n_total: int
    """Trained numbers, in the core and in all."""

    seconds: float
    """Of the steps, compilation and validation left out."""

    n_steps: int


def trained_sizes(task: Task) -> tuple[int, int]:
    """Return how many numbers are trained, in the core and in all."""
    shapes = jax.eval_shape(task.init, jax.random.key(0))
    still = sum(n_parameters(shapes["core"][name]) for name, r in task.rates.items() if not r)
    return n_parameters(shapes["core"]) - still, n_parameters(shapes) - still


def fit(
    task: Task,
    options: FitOptions,
    progress: Callable[[int, int, str], None] = lambda done, total, note: None,
    checkpoint: Checkpoint | None = None,
) -> Fitted:
    """Train, validate, and test once with the parameters that were kept.

    The order of the rows in an epoch depends on the seed and the epoch alone, and the state of a
    stream is in the checkpoint: a training that goes on from any batch ends with the same numbers.

    Args:
        task: what to train.
        options: settings.
        progress: told of steps done, steps in all, and the last validation.
        checkpoint: to go on from, written at each validation and every `SAVE_SECONDS`.

    Raises:
        ConfigurationError: the loss or a weight is no longer finite, the checkpoint is of another
            training, or a batch does not fit into memory.
    """
    key = jax.random.key(options.seed)
    total = options.n_steps(task)
    rate = learning_rates(options.learning_rate, total)
    optimiser = optax.chain(optax.clip_by_global_norm(options.clip), optax.adam(rate))
    update = jax.jit(_update(task, optimiser))
    pause = task.n_batches if not options.evaluations else -(-total // options.evaluations)
    p = task.init(key)
    at = FitState(p, optimiser.init(p), p, task.state(p), np.zeros(0))
    if checkpoint is not None:
        at = checkpoint.load(at)
        progress(at.done, total, "")
    saved, is_compiled = perf_counter(), False
    while at.done < total:
        epoch, skipped = divmod(at.done, task.n_batches)
        if not skipped:
            at = replace(at, carried=task.state(at.parameters))
        batches = task.epoch(np.random.default_rng([options.seed, epoch]))
        for batch in islice(batches, skipped, skipped + total - at.done):
            begun, drawn = perf_counter(), jax.random.fold_in(key, at.done)
            given = at.parameters, at.moments, batch, drawn, at.carried
            if not is_compiled:
                check_memory(update.lower(*given).compile())
            parameters, moments, loss, carried = update(*given)
            losses = np.append(at.losses, float(loss))
            at = replace(
                at,
                parameters=parameters,
                moments=moments,
                carried=carried,
                losses=losses,
                done=at.done + 1,
                seconds=at.seconds + (perf_counter() - begun if is_compiled else 0.0),
            )
            is_compiled = True
            if not np.isfinite(losses[-1]):
                raise _diverged("loss", losses[-1], at)
            is_pause = at.done % pause == 0 or at.done == total
            if is_pause:
                at = _validated(task, at)
                progress(at.done, total, f"{task.quality} {at.curve[-1][task.quality]:.4g}")
            if checkpoint is not None and (is_pause or perf_counter() - saved > SAVE_SECONDS):
                checkpoint.save(at)
                saved = perf_counter()
    best = max(at.curve, key=lambda one: _score(task, one))
    validation = {name: best[name] for name in best if name not in ("step", "loss")}
    test = task.evaluate(at.kept, "test")
    return Fitted(at.kept, validation, test, at.curve, *trained_sizes(task), at.seconds, at.done)


def learning_rates(rate: float, total: int) -> Any:
    """Return the rate by step, of `total`: up to the whole one, then down to a fiftieth."""
    rising = max(1, round(WARM_UP * total))
    parts = (
        optax.linear_schedule(rate / rising, rate, rising - 1),
        optax.linear_schedule(rate, 0.02 * rate, max(1, total - rising)),
    )
    return optax.join_schedules(parts, [rising])


def _validated(task: Task, at: FitState) -> FitState:
    """Return the state after a validation, its parameters kept if none before were better."""
    # Of weights that are no numbers the largest logit is the first class's, a finite accuracy.
    if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(at.parameters)):
        raise _diverged("weights", "NaN or infinity", at)
    found = task.evaluate(at.parameters, "validation")
    if not np.isfinite(found[task.quality]):
        raise _diverged(f"{task.quality} of the validation", found[task.quality], at)
    is_better = all(_score(task, found) > _score(task, one) for one in at.curve)
    curve = *at.curve, {"step": float(at.done), "loss": float(at.losses.mean()), **found}
    kept = at.parameters if is_better else at.kept
    return replace(at, kept=kept, curve=curve, losses=np.zeros(0))


def _diverged(what: str, value: Any, at: FitState) -> ConfigurationError:
    return ConfigurationError(
        f"the {what} should stay finite. Got {value} after {at.done} batches; use a lower learning "
        "rate."
    )


def _score(task: Task, found: dict[str, float]) -> float:
    return found[task.quality] * (1 if task.higher_is_better else -1)


def _update(task: Task, optimiser: Any) -> Callable[..., Any]:
    def moved(parameters: Parameters, moments: Any, batch: Any, key: Any, state: Any) -> Any:
        slope = jax.value_and_grad(task.loss, has_aux=True)
        (loss, state), slopes = slope(parameters, batch, key, state)
        # What stays has no part in the gradient's norm either, to which all are cut.
        still = {name: 0.0 if rate == 0 else 1.0 for name, rate in task.rates.items()}
        slopes = {**slopes, "core": _times(slopes["core"], still)}
        changes, moments = optimiser.update(slopes, moments, parameters)
        changes = {**changes, "core": _times(changes["core"], task.rates)}
        # The state of a stream goes on, its gradient ends with the batch.
        state = jax.tree.map(jax.lax.stop_gradient, state)
        return optax.apply_updates(parameters, changes), moments, loss, state

    return moved


def _times(core: Parameters, factors: Mapping[str, float]) -> Parameters:
    return {
        name: jax.tree.map(partial(jnp.multiply, factors.get(name, 1.0)), value)
        for name, value in core.items()
    }
