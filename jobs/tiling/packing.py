"""Which placements of a circuit fit on one chip side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from calibration.snapshot import Snapshot
from jobs.errors import SpecError

GUARDS = (0, 1, 2)

MOST_ON_A_QUBIT = 8
"""Placements that are looked at of those that touch a qubit: the best of them."""

SEARCH_NODES = 50
"""Of branch and bound. Not a time limit, which would give another tiling on another day."""


class Placed(Protocol):
    """Qubits for a circuit, and what its answers lose on them."""

    @property
    def qubits(self) -> tuple[int, ...]:
        """The device's qubit of each wire, then any other that routing uses."""

    @property
    def error(self) -> float:
        """Smaller is better, such as the distance of the answers from those without noise."""


P = TypeVar("P", bound=Placed)


def choose_tiles(
    placements: Iterable[P],
    snapshot: Snapshot,
    *,
    guard: int = 1,
    most: int | None = None,
    worst: float = float("inf"),
) -> tuple[P, ...]:
    """Return as many placements as fit side by side, and of so many the best.

    No qubit of one tile is within `guard` couplings of a qubit of another: with 0 tiles share no
    qubit, with 1 no coupling leads from tile to tile, with 2 no qubit neighbours two tiles. Any two
    placements that touch one qubit, the ends of one coupling, or one qubit with its neighbours
    exclude each other; a whole-number program (HiGHS, by SciPy) with one row for each such set
    finds the largest tiling, the sum of errors deciding between equally large ones.

    Args:
        placements: of one circuit on the whole device; of several on the same qubits the best is
            used.
        snapshot: of the whole device.
        guard: 0, 1 or 2.
        most: tiles at most; None is as many as fit.
        worst: largest error that a tile may have.

    Returns:
        The tiles, the best first.

    Raises:
        SpecError: an unknown guard, or no placement within `worst`.
    """
    if guard not in GUARDS:
        raise SpecError(f"the guard distance should be one of 0, 1, 2. Got {guard}.")
    if most is not None and most < 1:
        raise SpecError(f"the number of tiles should be at least 1. Got {most}.")
    kept = _best_of_each_set(placements, worst)
    if not kept:
        raise SpecError(
            f"a tiling of {snapshot.backend} should have at least one placement with an error of "
            f"at most {worst:g}. Got none; raise the floor or choose another backend."
        )
    kept = _best_on_each_qubit(kept)
    groups = _exclusive(kept, snapshot, guard)
    chosen = [kept[place] for place in _largest(np.array([p.error for p in kept]), groups, most)]
    return tuple(sorted(chosen, key=lambda one: (one.error, one.qubits)))


def _best_of_each_set(placements: Iterable[P], worst: float) -> list[P]:
    found: dict[frozenset[int], P] = {}
    for one in sorted(placements, key=lambda one: (one.error, one.qubits)):
        if one.error <= worst:
            found.setdefault(frozenset(one.qubits), one)
    return list(found.values())


def _best_on_each_qubit(placements: Sequence[P]) -> list[P]:
    """Return those of falling quality that are among the best of one of their qubits."""
    seen: Counter[int] = Counter()
    kept = []
    for one in placements:
        if any(seen[qubit] < MOST_ON_A_QUBIT for qubit in one.qubits):
            kept.append(one)
            seen.update(one.qubits)
    return kept


def _exclusive(
    placements: Sequence[Placed], snapshot: Snapshot, guard: int
) -> list[Collection[int]]:
    """Return sets of placements of which one at most may be chosen; together they say all."""
    edges = coupled(snapshot)
    sets: set[frozenset[int]] = {frozenset([qubit]) for qubit in range(snapshot.n_qubits)}
    if guard >= 1:
        sets |= edges
    if guard == 2:
        sets |= {
            frozenset({qubit}.union(*(edge for edge in edges if qubit in edge)))
            for qubit in range(snapshot.n_qubits)
        }
    touching: dict[int, set[int]] = {}
    for place, one in enumerate(placements):
        for qubit in one.qubits:
            touching.setdefault(qubit, set()).add(place)
    groups = {
        frozenset().union(*(touching.get(qubit, set()) for qubit in qubits)) for qubits in sets
    }
    return [sorted(group) for group in sorted(groups, key=sorted) if len(group) > 1]


def coupled(snapshot: Snapshot) -> set[frozenset[int]]:
    """Return the pairs of qubits that an instruction of the device joins."""
    return {frozenset(one.qubits) for one in snapshot.instructions if len(one.qubits) == 2}


def _largest(
    errors: NDArray[np.float64],
    groups: Sequence[Collection[int]],
    most: int | None,
) -> list[int]:
    """Return the members of the largest choice of which each group holds one at most."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import lil_array

    n = len(errors)
    # A tile more outweighs all errors together: each is below 1 / (2 n).
    span = float(errors.max() - errors.min()) or 1.0
    gain = 1.0 - (errors - errors.min()) / span / (2 * n)
    rows = lil_array((len(groups) + 1, n))
    for number, group in enumerate(groups):
        rows[number, list(group)] = 1.0
    rows[len(groups), :] = 1.0
    limits = np.ones(len(groups) + 1)
    limits[-1] = n if most is None else most
    found = milp(
        -gain,
        integrality=np.ones(n),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows.tocsr(), -np.inf, limits),
        options={"node_limit": SEARCH_NODES},
    )
    if found.x is None:
        raise SpecError(f"the search for tiles should end. Got: {found.message}")
    return [int(place) for place in np.flatnonzero(found.x > 0.5)]


def distance_between(tiles: Sequence[Placed], snapshot: Snapshot) -> int | None:
    """Return the least number of couplings between qubits of two tiles; None of a single tile."""
    import rustworkx

    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(snapshot.n_qubits))
    graph.add_edges_from_no_data([(min(pair), max(pair)) for pair in coupled(snapshot)])
    least: float = float("inf")
    lengths = rustworkx.distance_matrix(graph, null_value=float("inf"))
    for number, one in enumerate(tiles):
        for other in tiles[:number]:
            least = min(least, float(lengths[np.ix_(one.qubits, other.qubits)].min()))
    return None if least == float("inf") else int(least)
