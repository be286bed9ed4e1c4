"""What training makes small: free functions of readings, decision and labels.

With s the score and y = +-1 the label, the loss is the mean of log(1 + exp(-scale y s)). What few
shots change is measured in units of S, the largest |score| that an outcome can give, max |R|: a
score of S means that every shot says the same. Added are the mean of max(0, margin - y s / S)^2 and
the mean variance of a single shot's score over S^2, both of which lie in a known range, whatever
the scale of the trained decision.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from qrnn_hw.train.options import TrainingOptions


def logistic_loss(scores: jax.Array, labels: jax.Array, scale: float) -> jax.Array:
    """Return the mean logistic loss of scores (n,), times a scale, against labels in {0, 1}."""
    return jnp.mean(jnp.logaddexp(0.0, -scale * (2.0 * labels - 1.0) * scores))


def shot_robustness(
    distributions: jax.Array, decision: jax.Array, labels: jax.Array, options: TrainingOptions
) -> jax.Array:
    """Return what the options add to the loss so that few shots decide as infinitely many do.

    Args:
        distributions: of the outcomes, shape (n, 2**m).
        decision: score of each outcome, shape (2**m,).
        labels: 0 or 1, shape (n,).
        options: `margin` and `variance_penalty`, in units of the largest |score| of an outcome.
    """
    unit = decision / jnp.abs(decision).max()
    score = distributions @ unit
    shortfall = jax.nn.relu(options.margin - (2.0 * labels - 1.0) * score)
    variance = distributions @ unit**2 - score**2
    return jnp.mean(shortfall**2) + options.variance_penalty * jnp.mean(variance)


def data_loss(
    readings: jax.Array,
    decision: jax.Array,
    labels: jax.Array,
    options: TrainingOptions,
    scale: float,
) -> jax.Array:
    """Return the logistic loss with what the options add to it; arguments as there."""
    loss = logistic_loss(readings @ decision, labels, scale)
    if not options.is_regularised:
        return loss
    return loss + shot_robustness(readings, decision, labels, options)
