"""Direct connections: inputs that reach the outputs past the circuits, y = r R + x D.

Most of a forecast is a line through what was last seen, which bounded bits draw badly; echo-state
networks have had these connections from the start (Jaeger, GMD Report 148, 2001; Lukosevicius &
Jaeger, Computer Science Review 3, 127, 2009). x D is a number that is known of each row: shots, a
machine's noise and its mitigation act on r R alone, which is called the circuits' output, and the
answer is the sum of both.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from qrnn_hw.networks.step_readings import StepReadings


def seen(inputs: jax.Array, lengths: jax.Array, n_steps: int, *, per_step: bool) -> jax.Array:
    """Return x, the inputs of the last steps one after the other, those before the first as 0.

    Args:
        inputs: shape (n, T, d), 0 after a sequence's end.
        lengths: shape (n,).
        n_steps: how many.
        per_step: whether they are the last ones up to each step.

    Returns:
        Shape (n, n_steps d), per step (n, T, n_steps d).
    """
    inputs = jnp.asarray(inputs)
    window, nothing = StepReadings(n_steps, 1), jnp.zeros((len(inputs), 0))
    return window.joined(inputs, nothing, lengths, per_step=per_step)[..., 1:]
