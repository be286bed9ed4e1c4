"""Where the qubits of a device are drawn."""

from __future__ import annotations

from collections.abc import Iterable

Point = tuple[float, float]


def chip_layout(n_qubits: int, pairs: Iterable[tuple[int, int]]) -> tuple[Point, ...]:
    """Return a point for each qubit, from the couplings alone.

    Lattices are numbered along their rows: coupled neighbours in number make a row, what couples it
    to an earlier one says where it begins. Where that puts two qubits on one point, springs do.

    Args:
        n_qubits: of the device.
        pairs: of coupled qubits.
    """
    coupled = {tuple(sorted(pair)) for pair in pairs}
    found: dict[int, Point] = {}
    start = 0
    for qubit in range(1, n_qubits + 1):
        if qubit < n_qubits and (qubit - 1, qubit) in coupled:
            continue
        _place_row(range(start, qubit), coupled, found)
        start = qubit
    if len(set(found.values())) < n_qubits:
        return _by_springs(n_qubits, coupled)
    return tuple(found[qubit] for qubit in range(n_qubits))


def _place_row(row: range, coupled: set[tuple[int, ...]], found: dict[int, Point]) -> None:
    lowest = max((y for _, y in found.values()), default=-1.0)
    left, height = 0.0, lowest + 1
    earlier = [(a, b) for a, b in coupled if b in row and a in found and a not in row]
    if earlier:
        above, own = max(earlier)  # the nearest row, of those that are placed
        left, height = found[above][0] - (own - row.start), found[above][1] + 1
    for step, qubit in enumerate(row):
        found[qubit] = (left + step, height)


def _by_springs(n_qubits: int, coupled: set[tuple[int, ...]]) -> tuple[Point, ...]:
    import rustworkx

    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(n_qubits))
    graph.add_edges_from_no_data([(a, b) for a, b in coupled])
    places = rustworkx.spring_layout(graph, seed=1, num_iter=500)
    scale = n_qubits**0.5
    return tuple(
        (scale * float(places[q][0]), scale * float(places[q][1])) for q in range(n_qubits)
    )
