"""What training makes small: the target's loss, and what few shots would change of its answers.

What few shots change is measured with rules d, each a number for every outcome whose mean decides:
of two classes R times the label y = +-1, of K classes R[:, y] - R[:, b] for each other class b, of
numbers each column of R less the middle of its range. A rule's unit is S = max |d|, a mean of S
meaning that every shot says the same. Added are the mean of max(0, margin - p @ d / S)^2 and the
mean variance of a single shot's d / S, both of which lie in a known range, whatever the scale of
the trained decision. Numbers have no margin to keep.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from qrnn_hw.data.loss import loss
from qrnn_hw.data.target import Classes, Target
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.network import Network
from qrnn_hw.training.options import TrainingOptions


def shot_robustness(
    target: Target,
    distributions: jax.Array,
    coefficients: jax.Array,
    targets: ArrayLike,
    options: TrainingOptions,
) -> jax.Array:
    """Return what the options add to the loss so that few shots decide as infinitely many do.

    Args:
        target: classes or numbers, once for each sequence.
        distributions: of the outcomes, shape (n, 2**m).
        coefficients: R, shape (2**m, k).
        targets: shape (n,), or (n, k) of numbers.
        options: `margin` and `variance_penalty`, in units of the rule's largest number.
    """
    rules = _rules(target, coefficients, jnp.asarray(targets), len(distributions))
    unit = rules / jnp.abs(rules).max(axis=-1, keepdims=True)
    mean = jnp.einsum("no,nro->nr", distributions, unit)
    variance = jnp.einsum("no,nro->nr", distributions, unit**2) - mean**2
    if not isinstance(target, Classes):
        return options.variance_penalty * jnp.mean(variance)
    shortfall = jax.nn.relu(options.margin - mean)
    return jnp.mean(shortfall**2) + options.variance_penalty * jnp.mean(variance)


def check_robustness(network: Network, options: TrainingOptions) -> None:
    """Refuse options that mean nothing for what a network learns or reads.

    Raises:
        UsageError: a margin for numbers, or either option for a head that reads every step.
    """
    target = network.target
    if options.margin and not isinstance(target, Classes):
        raise UsageError(
            f"margin is kept by the scores of classes. Got {options.margin} for numbers; "
            "variance_penalty serves them."
        )
    if options.is_regularised and network.steps is not None:
        raise UsageError(
            "margin and variance_penalty need the law of a whole shot, which the outcome has. Got "
            "a head that reads every step; leave them out."
        )


def _rules(
    target: Target, coefficients: jax.Array, targets: jax.Array, n_sequences: int
) -> jax.Array:
    """Return the rules that decide about each sequence, shape (n, n_rules, 2**m)."""
    columns = coefficients.T
    if not isinstance(target, Classes):
        middle = (columns.max(axis=1, keepdims=True) + columns.min(axis=1, keepdims=True)) / 2
        return jnp.broadcast_to(columns - middle, (n_sequences, *columns.shape))
    if target.n_outputs == 1:
        return (2.0 * targets - 1.0)[:, None, None] * columns
    labels = targets.astype(int)
    others = (labels[:, None] + jnp.arange(1, target.n_outputs)) % target.n_outputs
    return columns[labels][:, None] - columns[others]


def data_loss(
    target: Target,
    readings: jax.Array,
    coefficients: jax.Array,
    targets: ArrayLike,
    lengths: ArrayLike,
    options: TrainingOptions,
    scale: float,
    direct: ArrayLike = 0.0,
) -> jax.Array:
    """Return the target's loss of readings @ R + direct, with what the options add."""
    found = loss(target, readings @ coefficients + direct, targets, lengths, scale=scale)
    if not options.is_regularised:
        return found
    return found + shot_robustness(target, readings, coefficients, targets, options)
