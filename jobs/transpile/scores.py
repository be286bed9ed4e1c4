"""What a model's answers lose on each placement of a device, by the exact engine.

The score is the distance of the outcome distribution from the one without noise, the mean over a
probe set of inputs: gates, idling, both readouts and resets weigh what they weigh for this circuit.
A sum of error rates does not know that, and picks placements several times worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from calibration.noise import DeviceNoise
from calibration.snapshot import Snapshot
from calibration.working import working_qubits
from circuits.definition import Architecture
from circuits.exact.sequence import SequenceModel
from jobs.transpile.isa import TranspiledStep, check_fits, place_step
from jobs.transpile.placement import PlacedForm, placed_forms
from jobs.transpile.routed import RoutedStep, route_step
from jobs.transpile.subgraphs import Qubits, parts_of, placements_of

Array = NDArray[np.float64]

AT_ONCE = 16
"""Placements that are evolved side by side."""

TURNS = 2
"""Times that each part of a circuit in unconnected parts is moved."""


@dataclass(frozen=True, eq=False)
class Probe:
    """Inputs that placements are judged by."""

    weights: Array  # shape (n, p), radians: those that are good for one may be bad for another
    features: Array  # shape (n, T, d)

    @classmethod
    def random(
        cls, architecture: Architecture, *, n: int = 8, steps: int = 10, seed: int = 0
    ) -> Probe:
        """Return random angles in [0, pi), as `submit` gives a model that is not trained."""
        generator = np.random.default_rng([seed, 17])
        weights = generator.uniform(0, np.pi, (n, architecture.n_weights))
        return cls(weights, generator.uniform(0, np.pi, (n, steps, architecture.n_features)))

    def laws(self, model: SequenceModel) -> jax.Array:
        """Return the outcome distribution of each sequence, shape (n, 2**m)."""
        length = jnp.array([self.features.shape[1]])

        def one(weights: jax.Array, features: jax.Array) -> jax.Array:
            return model.distributions(weights, features[None], length)[0]

        return jax.vmap(one)(jnp.asarray(self.weights), jnp.asarray(self.features))


@dataclass(frozen=True)
class Placement:
    """Qubits of a device for a routed step, and how well its answers survive there."""

    qubits: Qubits
    """One for each wire of the model, then those that routing needs."""

    error: float
    """Total variation distance from the distribution without noise, the mean over the probe."""

    fidelity: float
    """(sum of sqrt(p q))^2 with the distribution q without noise, the mean over the probe."""


@dataclass(frozen=True, eq=False)
class Placements:
    """All placements of a model on a device under one calibration, the best first."""

    routed: RoutedStep
    snapshot: Snapshot
    """Of the whole device."""

    ranked: tuple[Placement, ...]
    level_3: Placement
    """Where the transpiler's level 3 puts it."""

    decoupling: str | None = None
    alike: bool = False

    @property
    def best(self) -> Placement:
        """The placement with the least error."""
        return self.ranked[0]

    def step(self, placement: Placement) -> TranspiledStep:
        """Return the model's step scheduled on a placement, exactly what was scored."""
        return place_step(self.routed, self.snapshot, placement.qubits, decoupling=self.decoupling)

    def to_json(self, most: int | None = None) -> dict[str, Any]:
        """Return the scores with the calibration that they hold for, as a JSON object.

        Args:
            most: placements listed, the best ones; None is all.
        """
        return {
            "backend": self.snapshot.backend,
            "taken": self.snapshot.taken,
            "snapshot": self.snapshot.digest,
            "n_placements": len(self.ranked),
            "level_3": _json(self.level_3),
            "placements": [_json(one) for one in self.ranked[:most]],
            "least_error": self.least_error(),
        }

    def least_error(self) -> list[float | None]:
        """Return for each qubit the error of the best placement that it is in, None without one."""
        found: list[float | None] = [None] * self.snapshot.n_qubits
        for placement in reversed(self.ranked):
            for qubit in placement.qubits:
                found[qubit] = placement.error
        return found


def _json(placement: Placement) -> dict[str, Any]:
    return {
        "qubits": list(placement.qubits),
        "error": placement.error,
        "fidelity": placement.fidelity,
    }


def score_placements(
    architecture: Architecture,
    snapshot: Snapshot,
    *,
    seed: int,
    probe: Probe | None = None,
    broken: Sequence[int] = (),
    decoupling: str | None = None,
    alike: bool = False,
) -> Placements:
    """Score all placements of a model on a device.

    The model is routed once, by the transpiler's level 3; every subgraph of working, calibrated
    qubits that holds the routed circuit is scheduled with its own durations and evolved under its
    own noise. What a placement scores is what `Placements.step` of it gives. Where no gate joins
    parts of the circuit, each part is moved over the device in turn, the others held, twice at
    most; those placements are all that are scored.

    Args:
        architecture: coherent or sampled.
        snapshot: of the whole device.
        seed: of the transpiler.
        probe: inputs; random ones by default.
        broken: qubits that the device says are not operational.
        decoupling: as for `transpile_step`.
        alike: as for `transpile_step`.

    Raises:
        SpecError: the device has no `if_else` or too few qubits.
    """
    check_fits(architecture, snapshot)
    routed = route_step(architecture, snapshot, seed=seed)
    given, noise = probe or Probe.random(architecture), DeviceNoise(snapshot)
    scored: dict[Qubits, Placement] = {}

    def score(placements: Sequence[Qubits]) -> None:
        new = [qubits for qubits in placements if qubits not in scored]
        forms = placed_forms(routed, noise, new, decoupling=decoupling, alike=alike)
        for placed in forms:
            ideal = np.asarray(jax.jit(given.laws)(placed.form.under(None)))
            laws = outcome_laws(placed, given)
            error = total_variation(laws, ideal).mean(axis=1)
            fidelity = outcome_fidelity(laws, ideal).mean(axis=1)
            for index, e, f in zip(placed.indices, error, fidelity, strict=True):
                scored[new[index]] = Placement(new[index], float(e), float(f))

    def least(placements: Iterable[Qubits]) -> list[Placement]:
        return sorted((scored[one] for one in placements), key=lambda one: (one.error, one.qubits))

    ready, parts = working_qubits(snapshot, broken), parts_of(routed)
    at = routed.qubits
    if len(parts) == 1 or not ready.issuperset(at):
        score([*placements_of(routed, snapshot, broken), at])
        parts = ()
    # Parts that no gate joins fit in so many ways that each is moved in turn, the others held.
    for _ in range(TURNS):
        begun = at
        for part in parts:
            held = {qubit: at[qubit] for qubit in range(len(at)) if qubit not in part}
            found = placements_of(routed, snapshot, broken, held)
            score(found)
            at = least(found)[0].qubits
        if at == begun:
            break
    ranked = least(qubits for qubits in scored if ready.issuperset(qubits))
    return Placements(routed, snapshot, tuple(ranked), scored[routed.qubits], decoupling, alike)


def outcome_laws(placed: PlacedForm, probe: Probe) -> Array:
    """Return the outcome distributions on every placement, shape (n_placements, n, 2**m)."""

    @jax.jit
    def laws(arrays: Any) -> jax.Array:
        def one(arrays: Any) -> jax.Array:
            return probe.laws(placed.form.filled(arrays))

        found: jax.Array = jax.lax.map(one, arrays, batch_size=AT_ONCE)
        return found

    return np.asarray(laws(placed.arrays))


def total_variation(laws: Array, ideal: Array) -> Array:
    """Return half the sum of |p - q| over the last axis."""
    return np.asarray(np.abs(laws - ideal).sum(axis=-1) / 2)


def outcome_fidelity(laws: Array, ideal: Array) -> Array:
    """Return (sum of sqrt(p q))^2 over the last axis."""
    return np.asarray(np.sqrt(np.maximum(laws, 0) * np.maximum(ideal, 0)).sum(axis=-1) ** 2)
