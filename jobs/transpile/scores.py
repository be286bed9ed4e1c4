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
from jobs.transpile.probe import Laws, Probe, outcome_fidelity, total_variation
from jobs.transpile.routed import RoutedStep, route_step
from jobs.transpile.subgraphs import Qubits, parts_of, placements_of

Array = NDArray[np.float64]

TURNS = 2
"""Times that each part of a circuit in unconnected parts is moved."""

FINALISTS = 16
"""Best placements of the first probe that are scored on the others too."""

PROBES = 8
"""Random ones by default. What one set of 8 weights calls best is half as bad again as the best of
others; of 256 it is the best to a few percent."""

SURE = 2.0
"""Standard errors of the difference by which a placement has to beat level 3's."""


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
    lengths: ArrayLike | None = None,
) -> Placements:
    """Score all placements of a model on a device.

    The model is routed once, by the transpiler's level 3; every subgraph of working, calibrated
    qubits that holds the routed circuit is scheduled with its own durations and evolved under its
    own noise. What a placement scores is what `Placements.step` of it gives. Where no gate joins
    parts of the circuit, each part is moved over the device in turn, the others held, twice at
    most; those placements are all that are scored.

    Without a probe of the user's own, all are scored on one random probe, and the `FINALISTS` and
    level 3's on `PROBES` of them; level 3's stands first unless another is better than it by more
    than chance explains (`SURE`). The scores of the rest are multiplied by what the finalists lose
    on all probes over what they lose on the first.

    Args:
        architecture: coherent or sampled.
        snapshot: of the whole device.
        seed: of the transpiler.
        probe: inputs, such as the rows that are run at trained weights; random ones by default.
        broken: qubits that the device says are not operational.
        decoupling: as for `transpile_step`.
        alike: as for `transpile_step`.
        lengths: of the sequences that are to run, for the random probes; None is from 1 to 10.

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
    ranked = scores.sorted(qubits for qubits in scores.found if ready.issuperset(qubits))
    level_3 = scores.found[routed.qubits]
    if probe is None:
        others = [
            Probe.random(architecture, seed=number, lengths=lengths) for number in range(1, PROBES)
        ]
        ranked, level_3 = _played_off(scores, ranked, level_3, others)
    return Placements(routed, snapshot, tuple(ranked), level_3, decoupling, alike)


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
            error, fidelity = total_variation(laws, ideal), outcome_fidelity(laws, ideal)
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
    first: _Scores, ranked: Sequence[Placement], level_3: Placement, others: Sequence[Probe]
) -> tuple[list[Placement], Placement]:
    """Score the best and level 3's on further probes, and bring all others to the same scale."""
    final = list(dict.fromkeys([*(one.qubits for one in ranked[:FINALISTS]), level_3.qubits]))
    all_scores = [first, *(replace(first, probe=probe) for probe in others)]
    for one in all_scores[1:]:
        one.add(final)
    error = np.concatenate([one.errors(final) for one in all_scores], axis=1)
    fidelity = np.mean([[one.found[q].fidelity for q in final] for one in all_scores], axis=0)
    known = {
        qubits: Placement(qubits, float(e.mean()), float(f))
        for qubits, e, f in zip(final, error, fidelity, strict=True)
    }
    before = sum(first.found[qubits].error for qubits in final)
    scale = sum(one.error for one in known.values()) / before if before else 1.0
    top = sorted((known[one.qubits] for one in ranked if one.qubits in known), key=_by_error)
    rest = [replace(one, error=one.error * scale) for one in ranked if one.qubits not in known]
    own = known[level_3.qubits]
    if own in top:
        gain = error[final.index(own.qubits)] - error[final.index(top[0].qubits)]
        if gain.mean() < SURE * gain.std(ddof=1) / np.sqrt(len(gain)):
            top = [own, *(one for one in top if one is not own)]
    return [*top, *rest], own
