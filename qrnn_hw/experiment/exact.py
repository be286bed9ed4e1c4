"""What a network gives without a machine: exact distributions, and outputs by simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.sequence import Form, SequenceModel
from qrnn_hw.experiment.agreement import Agreement
from qrnn_hw.networks.encoded import Encoded


@dataclass(frozen=True, eq=False)
class Simulated:
    """Outputs of the test rows that no machine was asked for."""

    outputs: Mapping[str, NDArray[np.float64]]  # each of shape (n, k)
    """`ideal` without noise, `noisy_exact` under the machine's at infinite shots, `ideal_shots`
    with the noise of shots alone."""

    noisy: NDArray[np.float64] | None = None  # shape (n, 2**m)
    """Exact distribution of the outcomes under noise, where one circuit gives them."""

    agreement: Agreement | None = None


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
