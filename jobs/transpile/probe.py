"""Inputs that placements are judged by, and what a placement's answers to them are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuits.definition import Architecture
from circuits.exact.formula import values_of
from circuits.exact.sequence import Form
from jobs.transpile.placement import PlacedForm

Array = NDArray[np.float64]

AT_ONCE = 16
"""Placements that are evolved side by side."""

NARROW = 4
"""Qubits up to which a probe has `SEQUENCES`; wider models take so much longer that they get a
quarter."""

SEQUENCES = 32

LONGEST = 16
"""Steps of a sequence of a probe: what longer ones lose differs little from place to place."""


@dataclass(frozen=True, eq=False)
class Probe:
    """Sequences, each at weights of its own: what is good for one may be bad for another."""

    weights: Array  # shape (n, p), radians
    features: Array  # shape (n, T, d)
    lengths: NDArray[np.int64] | None = None  # shape (n,), steps of each; None is T of all
    is_mixed: bool = False
    """Whether sequences of two kinds of weights are in turn, as `random` makes them."""

    columns: Array | None = None  # shape (2**m, k): outputs of each outcome of a trained network
    """Where they are given, what is lost is the distance of the outputs."""

    @classmethod
    def random(
        cls,
        architecture: Architecture,
        *,
        n: int | None = None,
        steps: int = 10,
        seed: int = 0,
        lengths: ArrayLike | None = None,
    ) -> Probe:
        """Return random sequences of two kinds in turn.

        One has all angles in [0, pi), as `submit` gives a model that is not trained; the other has
        what training comes to, weights N(0, 1) and inputs in (-pi, pi). What is best for the one
        lost up to an eighth more than need be for the other. Lengths go from 1 to `steps` with
        shares that fall as 1 / length: at short ones the final readout weighs most, at long ones
        what happens in every step, and these lose more, so that each scale counts alike.

        Args:
            architecture: of the model.
            n: sequences; by default `SEQUENCES`, of models above `NARROW` qubits a quarter.
            steps: of the longest.
            seed: of the angles.
            lengths: steps of the sequences that are to run, whose share each length then has; what
                is longer than `LONGEST` counts as that.
        """
        if n is None:
            n = SEQUENCES if architecture.n_qubits <= NARROW else SEQUENCES // 4
        generator = np.random.default_rng([seed, 17])
        number = np.arange(n)
        # Pairs of both kinds at even shares of the lengths.
        share = (number // 2 + 0.5) / -(-n // 2)
        given = np.rint(steps**share).astype(np.int64)
        if lengths is not None:
            found = np.quantile(np.asarray(lengths), share, method="inverted_cdf")
            given = np.clip(found, 1, LONGEST).astype(np.int64)
            steps = int(given.max())
        shape = (n, steps, architecture.n_features)
        uniform = generator.uniform(0, np.pi, (n, architecture.n_weights))
        normal = generator.normal(0, 1, uniform.shape)
        weights = np.where(number[:, None] % 2, normal, uniform)
        low = np.where(number % 2, -np.pi, 0.0)[:, None, None]
        features = generator.uniform(0, 1, shape) * (np.pi - low) + low
        return cls(weights, features, given, is_mixed=True)

    @property
    def arguments(self) -> tuple[jax.Array, ...]:
        """Weights, features and lengths as arrays."""
        return tuple(map(jnp.asarray, (self.weights, self.features, self.steps)))

    @property
    def kinds(self) -> NDArray[np.int64]:
        """Which kind of weights each sequence has, 0 or 1, shape (n,)."""
        number = np.arange(len(self.features))
        return number % 2 if self.is_mixed else 0 * number

    @property
    def steps(self) -> NDArray[np.int64]:
        """Of each sequence, shape (n,)."""
        n, steps, _ = self.features.shape
        return np.full(n, steps) if self.lengths is None else self.lengths


@dataclass(frozen=True, eq=False)
class Laws:
    """Outcome distributions of placements; each form is compiled once for all probes of a shape."""

    _compiled: dict[Form, Callable[..., jax.Array]] = field(default_factory=dict)

    def noisy(self, placed: PlacedForm, probe: Probe) -> Array:
        """Return the distributions on every placement, shape (n_placements, n, 2**m)."""
        return self._of(placed.form, placed.arrays, len(placed.indices), probe)

    def ideal(self, form: Form, probe: Probe) -> Array:
        """Return the distributions without noise, shape (n, 2**m)."""
        values = values_of(None)
        arrays = tuple(np.asarray(formula.value(values))[None] for formula in form.formulas)
        return np.asarray(self._of(form, arrays, 1, probe)[0])

    def _of(self, form: Form, arrays: tuple[Any, ...], n: int, probe: Probe) -> Array:
        if form not in self._compiled:
            self._compiled[form] = jax.jit(jax.vmap(_laws_of(form), (0, None, None, None)))
        found = []
        for start in range(0, n, AT_ONCE):
            # The last ones are filled up by repeats: another shape would be compiled anew.
            rows = np.minimum(np.arange(start, start + AT_ONCE), n - 1)
            chosen = tuple(jnp.asarray(np.asarray(one)[rows]) for one in arrays)
            laws = np.asarray(self._compiled[form](chosen, *probe.arguments))
            found.append(laws[: n - start])
        return np.concatenate(found)


def _laws_of(form: Form) -> Callable[..., jax.Array]:
    def laws(arrays: Any, weights: jax.Array, features: jax.Array, lengths: jax.Array) -> jax.Array:
        model = form.filled(arrays)

        def one(weights: jax.Array, features: jax.Array, length: jax.Array) -> jax.Array:
            return model.distributions(weights, features[None], length[None])[0]

        found: jax.Array = jax.vmap(one)(weights, features, lengths)
        return found

    return laws


def total_variation(laws: Array, ideal: Array) -> Array:
    """Return half the sum of |p - q| over the last axis."""
    return np.asarray(np.abs(laws - ideal).sum(axis=-1) / 2)


def lost(laws: Array, ideal: Array, columns: Array | None) -> Array:
    """Return what each row loses: the distance of its law, or the mean one of its outputs."""
    if columns is None:
        return total_variation(laws, ideal)
    return np.asarray(np.abs((laws - ideal) @ columns).mean(axis=-1))


def outcome_fidelity(laws: Array, ideal: Array) -> Array:
    """Return (sum of sqrt(p q))^2 over the last axis."""
    return np.asarray(np.sqrt(np.maximum(laws, 0) * np.maximum(ideal, 0)).sum(axis=-1) ** 2)
