"""What a model's answers lose on each placement of a device, by the exact engine.

The score is the distance of the outcome distribution from the one without noise, the mean over a
probe set of inputs: gates, idling, both readouts and resets weigh what they weigh for this circuit.
A sum of error rates does not know that, and picks placements several times worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.noise import DeviceNoise
from calibration.snapshot import Snapshot
from calibration.working import working_qubits
from circuits.definition import Architecture
from jobs.transpile.held import check_fits
from jobs.transpile.isa import TranspiledStep, place_step
from jobs.transpile.placement import PlacementForms
from jobs.transpile.probe import NARROW, Laws, Probe, lost, outcome_fidelity
from jobs.transpile.routed import RoutedStep, route_step
from jobs.transpile.subgraphs import Qubits, parts_of, placements_of

Array = NDArray[np.float64]

TURNS = 2
"""Times that each part of a circuit in unconnected parts is moved."""

FINALISTS = 15
"""Best placements of the first probe that fresh ones choose from, beside the one that stands."""

FRESH = 8
"""Random probes that choose by default, twice as many of wide models, whose probes are smaller.
What one set of 8 weights calls best is half as bad again as the best of others; of 256 it is the
best to a few percent."""

SURE = 3.0
"""Standard errors of the difference by which a placement has to beat the one that stands. The best
of `FINALISTS` that are all as good as it is two better by chance in a few of a hundred choices."""

WORSE = 0.05
"""Share of what is lost at the place that stands, that another may lose more in a band."""


@dataclass(frozen=True)
class Placement:
    """Qubits of a device for a routed step, and how well its answers survive there."""

    qubits: Qubits
    """One for each wire of the model, then those that routing needs."""

    error: float
    """Total variation distance from the distribution without noise, the mean over the probe; of a
    probe with columns the distance of the outputs."""

    fidelity: float
    """(sum of sqrt(p q))^2 with the distribution q without noise, the mean over the probe."""

    def to_json(self) -> dict[str, Any]:
        """Return the placement as a JSON object."""
        return {"qubits": list(self.qubits), "error": self.error, "fidelity": self.fidelity}


@dataclass(frozen=True, eq=False)
class Placements:
    """All placements of a model on a device under one calibration, the best first."""

    routed: RoutedStep
    snapshot: Snapshot
    """Of the whole device."""

    ranked: tuple[Placement, ...]
    level_3: Placement
    """Where the transpiler's level 3 puts it."""

    standing: Placement
    """What another had to beat surely."""

    decoupling: str | None = None
    alike: bool = False

    @property
    def best(self) -> Placement:
        """The placement with the least error."""
        return self.ranked[0]

    def step(self, placement: Placement) -> TranspiledStep:
        """Return the model's step scheduled on a placement, exactly what was scored."""
        return place_step(
            self.routed,
            self.snapshot,
            placement.qubits,
            decoupling=self.decoupling,
            alike=self.alike,
        )

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
            "level_3": self.level_3.to_json(),
            "placements": [one.to_json() for one in self.ranked[:most]],
            "least_error": self.least_error(),
        }

    def least_error(self) -> list[float | None]:
        """Return for each qubit the error of the best placement that it is in, None without one."""
        found: list[float | None] = [None] * self.snapshot.n_qubits
        for placement in reversed(self.ranked):
            for qubit in placement.qubits:
                found[qubit] = placement.error
        return found


def score_placements(
    architecture: Architecture,
    snapshot: Snapshot,
    *,
    seed: int,
    probe: Probe | None = None,
    broken: Sequence[int] = (),
    decoupling: str | None = None,
    alike: bool = False,
    lengths: ArrayLike | None = None,
    fresh: Sequence[Probe] = (),
    standing: Qubits | None = None,
) -> Placements:
    """Score all placements of a model on a device.

    The model is routed once, by the transpiler's level 3; every subgraph of working, calibrated
    qubits that holds the routed circuit is scheduled with its own durations and evolved under its
    own noise. What a placement scores is what `Placements.step` of it gives. Where no gate joins
    parts of the circuit, each part is moved over the device in turn, the others held, twice at
    most; those placements are all that are scored.

    The best of hundreds on one probe owes some of its place to luck there. All are scored on the
    probe, and the `FINALISTS` and the one that stands on fresh ones alone, which choose: it stays
    first unless another is better than it by more than chance explains (`SURE`), and no worse than
    by `WORSE` for short, middling or long sequences of either kind of weights: what is best for a
    mixture may lose half as much again for a part of it. The scores of the rest are multiplied by
    what the finalists lose on the fresh probes over what they lose on the first. A probe of the
    user's own without fresh ones chooses by itself, as it should where its rows are those that run.

    Args:
        architecture: coherent or sampled.
        snapshot: of the whole device.
        seed: of the transpiler.
        probe: inputs, such as the rows that are run at trained weights; random ones by default.
        broken: qubits that the device says are not operational.
        decoupling: as for `transpile_step`.
        alike: as for `transpile_step`.
        lengths: of the sequences that are to run, for the random probes; None is from 1 to 10.
        fresh: inputs beside those of the probe; `FRESH` random ones where it is random.
        standing: placement that fresh inputs have to beat surely; None is level 3's.

    Raises:
        SpecError: the device has no `if_else` or too few qubits.
    """
    check_fits(architecture, snapshot)
    routed = route_step(architecture, snapshot, seed=seed)
    forms = PlacementForms(routed, DeviceNoise(snapshot), decoupling=decoupling, alike=alike)
    first = Probe.random(architecture, lengths=lengths) if probe is None else probe
    scores = _Scores(forms, Laws(), first)
    ready, parts = working_qubits(snapshot, broken), parts_of(routed)
    at = routed.qubits
    if len(parts) == 1 or not ready.issuperset(at):
        scores.add([*placements_of(routed, snapshot, broken), at])
        parts = ()
    # Parts that no gate joins fit in so many ways that each is moved in turn, the others held.
    for _ in range(TURNS):
        begun = at
        for part in parts:
            held = {qubit: at[qubit] for qubit in range(len(at)) if qubit not in part}
            found = placements_of(routed, snapshot, broken, held)
            scores.add(found)
            at = scores.sorted(found)[0].qubits
        if at == begun:
            break
    at = routed.qubits if standing is None else standing
    scores.add([at])
    ranked = scores.sorted(qubits for qubits in scores.found if ready.issuperset(qubits))
    stands, level_3 = scores.found[at], scores.found[routed.qubits]
    if probe is None:
        seeds = range(1, 1 + (FRESH if architecture.n_qubits <= NARROW else 2 * FRESH))
        fresh = [Probe.random(architecture, seed=number, lengths=lengths) for number in seeds]
    if fresh:
        ranked, stands, level_3 = _played_off(scores, ranked, stands, level_3, fresh)
    return Placements(routed, snapshot, tuple(ranked), level_3, stands, decoupling, alike)


@dataclass(frozen=True, eq=False)
class _Scores:
    """Placements on a probe, each scored once."""

    forms: PlacementForms
    laws: Laws
    probe: Probe

    @cached_property
    def found(self) -> dict[Qubits, Placement]:
        """The scores so far."""
        return {}

    @cached_property
    def _each(self) -> dict[Qubits, Array]:
        return {}

    def add(self, placements: Sequence[Qubits]) -> None:
        """Score those that are new."""
        new = [qubits for qubits in dict.fromkeys(placements) if qubits not in self.found]
        ideal: Array | None = None
        for placed in self.forms.of(new):
            if ideal is None:  # the same of all forms
                ideal = self.laws.ideal(placed.form, self.probe)
            laws = self.laws.noisy(placed, self.probe)
            error = lost(laws, ideal, self.probe.columns)
            fidelity = outcome_fidelity(laws, ideal)
            for index, e, f in zip(placed.indices, error, fidelity, strict=True):
                self._each[new[index]] = e
                self.found[new[index]] = Placement(new[index], float(e.mean()), float(f.mean()))

    def sorted(self, placements: Iterable[Qubits]) -> list[Placement]:
        """Return placements by their error."""
        return sorted(map(self.found.__getitem__, placements), key=_by_error)

    def errors(self, placements: Sequence[Qubits]) -> Array:
        """Return the error of each sequence, shape (n_placements, n)."""
        return np.stack([self._each[qubits] for qubits in placements])


def _by_error(placement: Placement) -> tuple[float, Qubits]:
    return placement.error, placement.qubits


def _played_off(
    first: _Scores,
    ranked: Sequence[Placement],
    standing: Placement,
    level_3: Placement,
    fresh: Sequence[Probe],
) -> tuple[list[Placement], Placement, Placement]:
    """Choose among the best by fresh probes, and bring all others to the same scale."""
    best = [one.qubits for one in ranked[:FINALISTS]]
    final = list(dict.fromkeys([*best, standing.qubits, level_3.qubits]))
    anew = [replace(first, probe=probe) for probe in fresh]
    for one in anew:
        one.add(final)
    error = np.concatenate([one.errors(final) for one in anew], axis=1)
    sizes = [len(one.probe.features) for one in anew]
    fidelity = np.average(
        [[one.found[q].fidelity for q in final] for one in anew], axis=0, weights=sizes
    )
    known = {
        qubits: Placement(qubits, float(e.mean()), float(f))
        for qubits, e, f in zip(final, error, fidelity, strict=True)
    }
    before = sum(first.found[qubits].error for qubits in final)
    scale = sum(one.error for one in known.values()) / before if before else 1.0
    top = sorted((known[one.qubits] for one in ranked if one.qubits in known), key=_by_error)
    rest = [replace(one, error=one.error * scale) for one in ranked if one.qubits not in known]
    own = known[standing.qubits]
    if own in top:
        steps, kinds = (
            np.concatenate(found)
            for found in zip(*((one.probe.steps, one.probe.kinds) for one in anew), strict=True)
        )
        bands = _bands(steps, kinds)
        rows = dict(zip(final, error, strict=True))
        stands = rows[own.qubits]
        chosen = next((one for one in top if _beats(rows[one.qubits], stands, bands)), own)
        top = [chosen, *(one for one in top if one is not chosen)]
    return [*top, *rest], own, known[level_3.qubits]


def _bands(steps: NDArray[np.int64], kinds: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """Return which sequences are short, middling and long of each kind; of one length all."""
    place = np.searchsorted(np.quantile(steps, [1 / 3, 2 / 3]), steps) + 3 * kinds
    return [place == one for one in np.unique(place)]


def _beats(error: Array, stands: Array, bands: Sequence[NDArray[np.bool_]]) -> bool:
    """Say whether the errors of sequences are surely less in the mean, and no worse in any band."""
    gain = stands - error
    sure = gain.mean() >= SURE * gain.std(ddof=1) / np.sqrt(len(gain)) and gain.any()
    most = 1 + WORSE
    return bool(sure and all(error[band].mean() <= most * stands[band].mean() for band in bands))
