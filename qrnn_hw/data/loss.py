"""The loss of each kind of target, for gradients in JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from qrnn_hw.data.target import Classes, Target

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]


def loss(
    target: Target,
    outputs: jax.Array,
    targets: ArrayLike,
    lengths: ArrayLike | None = None,
    *,
    scale: float = 1.0,
) -> jax.Array:
    """Return the mean loss of outputs (n, k), per step (n, T, k), against their targets.

    Two classes, of the one score s: log(1 + exp(-scale (2 y - 1) s)). K classes, the cross-entropy
    of a softmax: log(sum_b exp(scale s_b)) - scale s_y. k numbers, in their own units: sum_j
    (o_j - y_j)^2 / k. Per step the mean goes over all steps that count.

    Args:
        target: classes or numbers.
        outputs: of the model.
        targets: shape (n,) or (n, k); per step with an axis of T after the first.
        lengths: steps that count of each sequence, shape (n,), at least 1; None for all T.
        scale: of the scores of classes.
    """
    each = losses(target, outputs, targets, scale=scale)
    if not target.per_step or lengths is None:
        return jnp.mean(each)
    counted = jnp.arange(each.shape[1]) < jnp.asarray(lengths)[:, None]
    return jnp.sum(jnp.where(counted, each, 0.0)) / jnp.sum(counted)


def losses(
    target: Target, outputs: jax.Array, targets: ArrayLike, *, scale: float = 1.0
) -> jax.Array:
    """Return the loss of each sequence, shape (n,), per step of each step, shape (n, T).

    Arguments: see `loss`.
    """
    wanted = jnp.asarray(targets)
    if isinstance(target, Classes) and target.n_outputs == 1:
        return jnp.logaddexp(0.0, -scale * (2.0 * wanted - 1.0) * outputs[..., 0])
    if isinstance(target, Classes):
        logarithms = jax.nn.log_softmax(scale * outputs)
        return -jnp.take_along_axis(logarithms, wanted[..., None], axis=-1)[..., 0]
    return jnp.mean((outputs - wanted) ** 2, axis=-1)
