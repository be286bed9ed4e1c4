"""Training of a task: Adam with a linear decay, the parameters of the best validation kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.tasks.core import Parameters, n_parameters
from qrnn_hw.tasks.task import Task


@dataclass(frozen=True)
class FitOptions:
    """Settings of one training."""

    epochs: int = 5
    learning_rate: float = 3e-3
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
    history: dict[str, Any] = field(default_factory=dict)


def trained_sizes(task: Task) -> tuple[int, int]:
    """Return how many numbers are trained, in the core and in all."""
    shapes = jax.eval_shape(task.init, jax.random.key(0))
    still = sum(n_parameters(shapes["core"][name]) for name in task.frozen)
    return n_parameters(shapes["core"]) - still, n_parameters(shapes) - still


def fit(
    task: Task,
    options: FitOptions,
    progress: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> Fitted:
    """Train, validate, and test once with the parameters that were kept.

    Args:
        task: what to train.
        options: settings.
        progress: told of steps done, steps in all, and the last validation.

    Raises:
        ConfigurationError: the loss is no longer finite.
    """
    key = jax.random.key(options.seed)
    parameters = task.init(key)
    total = options.n_steps(task)
    rate = optax.linear_schedule(options.learning_rate, 0.02 * options.learning_rate, total)
    optimiser = optax.chain(optax.clip_by_global_norm(options.clip), optax.adam(rate))
    moments = optimiser.init(parameters)
    update = jax.jit(_update(task, optimiser))
    generator = np.random.default_rng(options.seed)
    pause = task.n_batches if not options.evaluations else -(-total // options.evaluations)

    kept, best, curve, losses, seconds, done = parameters, None, [], [], 0.0, 0
    while done < total:
        state = task.state(parameters)
        for batch in task.epoch(generator):
            at = perf_counter()
            parameters, moments, loss, state = update(
                parameters, moments, batch, jax.random.fold_in(key, done), state
            )
            losses.append(float(loss))
            done += 1
            if done > 1:
                seconds += perf_counter() - at
            if not np.isfinite(losses[-1]):
                raise ConfigurationError(
                    f"the loss should stay finite. Got {losses[-1]} after {done} batches; use a "
                    "lower learning rate."
                )
            if done % pause == 0 or done == total:
                found = task.evaluate(parameters, "validation")
                quality = found[task.quality] * (1 if task.higher_is_better else -1)
                mean = float(np.mean(losses[-pause:]))
                curve.append({"step": float(done), "loss": mean, **found})
                if best is None or quality > best:
                    kept, best = parameters, quality
                progress(done, total, f"{task.quality} {found[task.quality]:.4g}")
            if done == total:
                break
    test = task.evaluate(kept, "test")
    validation = task.evaluate(kept, "validation")
    n_core, n_total = trained_sizes(task)
    return Fitted(kept, validation, test, tuple(curve), n_core, n_total, seconds, done)


def _update(task: Task, optimiser: Any) -> Callable[..., Any]:
    def moved(parameters: Parameters, moments: Any, batch: Any, key: Any, state: Any) -> Any:
        slope = jax.value_and_grad(task.loss, has_aux=True)
        (loss, state), slopes = slope(parameters, batch, key, state)
        core = {
            name: jax.tree.map(jnp.zeros_like, value) if name in task.frozen else value
            for name, value in slopes["core"].items()
        }
        # Where nothing of the core moves, Adam's step for it is 0, too.
        changes, moments = optimiser.update({**slopes, "core": core}, moments, parameters)
        # The state of a stream goes on, its gradient ends with the batch.
        state = jax.tree.map(jax.lax.stop_gradient, state)
        return optax.apply_updates(parameters, changes), moments, loss, state

    return moved
