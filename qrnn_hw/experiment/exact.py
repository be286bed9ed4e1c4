"""The exact distributions of the outcomes of sequences, each model form compiled once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.sequence import Form, SequenceModel
from qrnn_hw.networks.encoded import Encoded


def exact_distributions(model: SequenceModel, encoded: Encoded) -> NDArray[np.float64]:
    """Return the exact outcome distribution of each sentence, shape (n, 2**m)."""
    given = map(jnp.asarray, (encoded.circuit, encoded.features, encoded.lengths))
    return np.asarray(_compiled(model.form or model)(model, *given))


@lru_cache(maxsize=8)
def _compiled(form: Form | SequenceModel) -> Callable[..., jax.Array]:
    """Keep what was compiled: other noises and weights of the same form use it again."""

    def run(model: SequenceModel, *given: jax.Array) -> jax.Array:
        return model.distributions(*given)

    compiled: Callable[..., jax.Array] = jax.jit(run)
    return compiled
