"""What a head reads of every step: the means of its recorded bits, and of products of them.

With z = 1 - 2 b of a bit b, the readings of step t are <z_i>, <z_i z_j>, ... of its own bits up to
a degree, those of the outcome likewise, and 1 for a bias. All are linear in the laws of single
steps, so they are exact under a machine's noise, and means over shots estimate them. A head of a
sequence has a number for each reading of each of the last steps, counted from the sequence's end,
and of the outcome. A head per step slides along: it reads the last steps up to each one, with the
same numbers everywhere, and no outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.sequence import SequenceModel
from circuits.exact.step_laws import step_laws
from circuits.outcomes import bits_of
from qrnn_hw.errors import UsageError


@dataclass(frozen=True)
class StepReadings:
    """Which readings a head takes."""

    n_steps: int
    """How many steps are read, the one that is answered last; before a sequence's first, as 0."""

    degree: int = 2
    """Most bits of one product."""

    segments: int = 0
    """Into how many equal parts a sequence is cut whose means join them, for lengths that vary
    much: part j of L steps holds step t as far as [t, t + 1) overlaps [j L / s, (j + 1) L / s)."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.n_steps < 1 or self.degree < 1 or self.segments < 0:
            raise UsageError(
                "readings of steps should have a step and a degree of at least 1, and no segment "
                f"or more. Got {self.n_steps} steps, degree {self.degree} and {self.segments} "
                "segments."
            )

    def n_readings(self, n_bits: int, n_readout: int, *, per_step: bool) -> int:
        """Return the number of readings, the 1 included.

        Args:
            n_bits: recorded in a step.
            n_readout: of the outcome.
            per_step: whether there is an answer at every step.
        """
        of_step = len(products(n_bits, self.degree))
        of_steps = 1 + self.n_steps * of_step
        if per_step:
            return of_steps
        return of_steps + self.segments * of_step + len(products(n_readout, self.degree))

    def reader(
        self, model: SequenceModel, *, per_step: bool
    ) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
        """Return the exact readings of a model: (weights, features, lengths) to readings."""
        return _reader(self, model, per_step)

    def joined(
        self, steps: jax.Array, last: jax.Array, lengths: jax.Array, *, per_step: bool
    ) -> jax.Array:
        """Return readings (n, r), per step (n, T, r), of the products' means.

        Args:
            steps: means of each step, shape (n, T, c), 0 after a sequence's end.
            last: means of the outcome, shape (n, c').
            lengths: shape (n,).
            per_step: whether there is an answer at every step.
        """
        n, n_steps, n_products = steps.shape
        if per_step:
            before = jnp.concatenate([jnp.zeros((n, self.n_steps - 1, n_products)), steps], axis=1)
            slid = [before[:, lag : lag + n_steps] for lag in range(self.n_steps)]
            return jnp.concatenate([jnp.ones((n, n_steps, 1)), *slid], axis=-1)
        place = jnp.asarray(lengths)[:, None] - self.n_steps + jnp.arange(self.n_steps)
        chosen = jnp.take_along_axis(steps, jnp.maximum(place, 0)[..., None], axis=1)
        from_end = jnp.where((place >= 0)[..., None], chosen, 0.0)
        parts = [jnp.ones((n, 1)), from_end.reshape(n, self.n_steps * n_products)]
        if self.segments:
            ends = jnp.asarray(lengths)[:, None] * jnp.arange(self.segments + 1) / self.segments
            at = jnp.arange(n_steps)[None, None, :]
            low, high = ends[:, :-1, None], ends[:, 1:, None]
            shares = jnp.clip(jnp.minimum(at + 1, high) - jnp.maximum(at, low), 0.0)
            means = jnp.einsum("nst,ntc->nsc", shares / jnp.maximum(high - low, 1e-9), steps)
            parts.append(means.reshape(n, self.segments * n_products))
        parts.append(last)
        return jnp.concatenate(parts, axis=1)


@lru_cache(maxsize=16)
def _reader(
    chosen: StepReadings, model: SequenceModel, per_step: bool
) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
    """Return one function for one model, so that what was compiled with it is found again."""

    def read(weights: jax.Array, features: jax.Array, lengths: jax.Array) -> jax.Array:
        laws, outcome = step_laws(model, weights, features, lengths)
        steps = laws @ signs(int(np.log2(laws.shape[-1])), chosen.degree)
        last = outcome @ signs(len(model.out_bits), chosen.degree)
        return chosen.joined(steps, last, lengths, per_step=per_step)

    return read


def products(n_bits: int, degree: int) -> tuple[tuple[int, ...], ...]:
    """Return the sets of 1 to `degree` bits, small ones first."""
    sizes = range(1, min(degree, n_bits) + 1)
    return tuple(chosen for size in sizes for chosen in combinations(range(n_bits), size))


def signs(n_bits: int, degree: int) -> NDArray[np.float64]:
    """Return each product of z = 1 - 2 b for each outcome, shape (2**n_bits, n_products)."""
    return products_of(bits_of(np.arange(2**n_bits), n_bits), degree)


def products_of(bits: NDArray[np.integer], degree: int) -> NDArray[np.float64]:
    """Return the products of z = 1 - 2 b of bits (..., n_bits), shape (..., n_products)."""
    z = 1.0 - 2.0 * np.asarray(bits)
    chosen = [z[..., list(one)].prod(axis=-1) for one in products(bits.shape[-1], degree)]
    return np.stack(chosen, axis=-1)
