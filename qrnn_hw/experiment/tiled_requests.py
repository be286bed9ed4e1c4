"""What is asked for the sequences on all tiles of a chip, and whose each answer is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from jobs.spec import Pub, PubResult
from jobs.tiling.tiled_pubs import TiledPubs, TilePub
from qrnn_hw.experiment.interleaved import INTERLEAVED, CircuitRows
from qrnn_hw.experiment.measure import Bits, Request
from qrnn_hw.experiment.readout_circuits import READOUT
from qrnn_hw.mitigation.repetitions import Want

if TYPE_CHECKING:
    from qrnn_hw.experiment.tiled import TiledEvaluation

Owner = tuple[int, str, int]
"""Site, or of a readout calibration tile, role of its job, and place of a pub in it."""

Asked = tuple[Request, TiledPubs, list[Owner]]
"""A request, its pubs on all tiles, and whose each of them is."""

Listed = dict[object, list[tuple[Owner, TilePub]]]
"""Pubs of tiles by the recipe of their circuit: like circuits come side by side."""


def _readout_pubs(tiled: TiledEvaluation) -> Iterator[tuple[int, int, TilePub]]:
    """Yield tile, number and circuit of what calibrates the tiles that are asked."""
    for tile, one in {site.tile: n for n, site in enumerate(tiled.sites)}.items():
        for kind, pub in enumerate(tiled.evaluations[one].readout_pubs):
            yield tile, kind, TilePub(tile, pub)


def interleaved(tiled: TiledEvaluation) -> Iterator[Asked]:
    """Yield the job of all main circuits, and those of circuits with few shots."""
    layout, calibration = tiled.layout, tiled.shots.calibration
    readout = list(_readout_pubs(tiled)) if calibration else []
    whole = replace(layout, repetitions=layout.repetitions * tiled.visits)
    rows = whole.times(Want(calibration)) if calibration else 0
    heads = [one.interleaving.heads for one in tiled.evaluations]
    pubs = [one.interleaving.pubs(lambda circuit: circuit) for one in tiled.evaluations]
    kinds: Listed = {}
    for turn in range(whole.repetitions):
        number, visit = divmod(turn, tiled.visits)
        for again in range(whole.in_repetition(rows, turn)):
            # One circuit reads all tiles in |0>, one all of them in |1>.
            for tile, kind, own in readout:
                kinds.setdefault((turn, again, kind), []).append(((tile, READOUT, kind), own))
        for n, site in enumerate(tiled.sites):
            for place, (when, part) in enumerate(heads[n]):
                if site.visit == visit and when == number:
                    own = TilePub(site.tile, pubs[n][place], _steps(part))
                    recipe = (turn, _recipe(part))
                    kinds.setdefault(recipe, []).append(((n, INTERLEAVED, place), own))
    seed = tiled.seeds["shots_scale_1"]
    yield _request(tiled, kinds, layout.shots, INTERLEAVED, seed)
    yield from _rare(tiled, seed)


def _rare(tiled: TiledEvaluation, seed: int) -> Iterator[Asked]:
    """Yield the jobs of circuits with few shots, by the power of two of these."""
    found: dict[int, tuple[Listed, list[int]]] = {}
    for n, (site, one) in enumerate(zip(tiled.sites, tiled.evaluations, strict=True)):
        for role, (parts, shots) in one.rare.items():
            kinds, most = found.setdefault(shots.bit_length(), ({}, []))
            most.append(shots)
            for place, part in enumerate(parts):
                own = TilePub(site.tile, Pub(part.circuit, part.parameters), _steps(part))
                kinds.setdefault(_recipe(part), []).append(((n, role, place), own))
    for number, (kinds, most) in enumerate(found.values(), start=1):
        yield _request(tiled, kinds, max(most), f"rare, {max(most)} shots", seed + 1000 * number)


def by_factor(tiled: TiledEvaluation) -> Iterator[Asked]:
    """Yield the readout calibration, then the jobs of each scale factor."""
    if tiled.shots.calibration:
        calibrations: Listed = {}
        for tile, kind, own in _readout_pubs(tiled):
            calibrations.setdefault(kind, []).append(((tile, READOUT, kind), own))
        seed = tiled.seeds["readout_calibration"]
        yield _request(tiled, calibrations, tiled.shots.calibration, READOUT, seed)
    places = dict.fromkeys(place for one in tiled.evaluations for place in one.groups)
    for number, place in enumerate(places):
        kinds: Listed = {}
        most = 0
        for n, (site, one) in enumerate(zip(tiled.sites, tiled.evaluations, strict=True)):
            if place not in one.groups:
                continue
            role = one.role(place)
            members, shots = one.jobs[role]
            most = max(most, shots)
            for member, (batch, stack, term) in enumerate(members):
                own = TilePub(site.tile, batch.pub(one.circuit(batch, stack, term)), batch.length)
                # Which masks there are depends on the tile.
                recipe = stack.circuit_of(term) if term.mask is None else "masks"
                kinds.setdefault(recipe, []).append(((n, role, member), own))
        seed = tiled.seeds["shots_scale_1"] + 1000 * number
        yield _request(tiled, kinds, most, f"scale {place[0]:g}, {most} shots", seed)


def _request(tiled: TiledEvaluation, kinds: Listed, shots: int, role: str, seed: int) -> Asked:
    together = tiled.tiler.together([[pub for _, pub in one] for one in kinds.values()])
    owners = [owner for one in kinds.values() for owner, _ in one]
    return Request(together.pubs, shots, role, seed), together, owners


def read_back(
    tiled: TiledEvaluation, asked: Sequence[Asked], results: Sequence[Bits]
) -> list[dict[str, Bits]]:
    """Return what came back by site and role; each has the readout calibration of its tile."""
    read: list[dict[str, Bits]] = [{} for _ in tiled.sites]
    calibrated: dict[int, dict[int, list[PubResult]]] = {}
    for (_, pubs, owners), bits in zip(asked, results, strict=True):
        answers = list(zip(owners, pubs.split(bits), strict=True))
        for (n, role, place), one in sorted(answers, key=lambda answer: answer[0]):
            if role == READOUT:
                calibrated.setdefault(n, {}).setdefault(place, []).append(one)
            else:
                read[n][role] = (*read[n].get(role, ()), one)
    for n, site in enumerate(tiled.sites):
        if site.tile in calibrated:
            parts = calibrated[site.tile]
            read[n][READOUT] = tuple(_together(parts[place]) for place in sorted(parts))
    return read


def _together(results: Sequence[PubResult]) -> PubResult:
    """Return the shots of all runs of one row, one behind the other."""
    if len(results) == 1:
        return results[0]
    names = results[0].registers
    return PubResult(
        {name: np.concatenate([one.registers[name] for one in results], axis=1) for name in names}
    )


def place_of(part: CircuitRows) -> tuple[str, int, tuple[Any, ...]]:
    """Return what a part of sentences or canaries is: its kind, length and circuit."""
    return cast("tuple[str, int, tuple[Any, ...]]", part.key)


def _steps(part: CircuitRows) -> int:
    return place_of(part)[1]


def _recipe(part: CircuitRows) -> object:
    """Return what circuits of unlike tiles share: all masks are one recipe, as tiles differ."""
    _, _, (factor, mask, *others) = place_of(part)
    return (factor, *others) if mask is None else "masks"
