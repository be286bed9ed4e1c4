"""Rows that a job repeats, run once with the shots of all: a recorded device does not change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from jobs.spec import JobSpec, Pub, PubResult

Run = Callable[[JobSpec], tuple[PubResult, ...]]

_Row = tuple[int, bytes]
"""Which circuit, and its angles."""


def run_gathered(spec: JobSpec, run: Run) -> tuple[PubResult, ...]:
    """Return the bits of each pub, equal rows of equal circuits having been run together.

    A row costs a simulator far more than its shots, and where shots are independent those of
    equal rows may be taken at once and dealt out. A job without equal rows is run as it is.

    Args:
        spec: the job.
        run: what runs a job on a place whose shots are independent and alike at all times.
    """
    rows = [_rows(pub) for pub in spec.pubs]
    times = Counter(row for of_pub in rows for row in of_pub)
    if max(times.values()) == 1:
        return run(spec)
    shots: dict[_Row, dict[str, NDArray[np.uint8]]] = {}
    for number, count in enumerate(sorted(set(times.values()))):
        _run_some(spec, {row for row in times if times[row] == count}, count, number, run, shots)
    taken: Counter[_Row] = Counter()
    return tuple(_dealt(of_pub, spec.shots, shots, taken) for of_pub in rows)


def _rows(pub: Pub) -> list[_Row]:
    return [(id(pub.circuit), row.tobytes()) for row in pub.parameters]


def _run_some(
    spec: JobSpec,
    wanted: set[_Row],
    count: int,
    number: int,
    run: Run,
    shots: dict[_Row, dict[str, NDArray[np.uint8]]],
) -> None:
    """Run the rows that the job holds so many times, and keep the bits of each, by register."""
    pubs, held = [], []
    for pub in spec.pubs:
        names = _rows(pub)
        places = [
            place
            for place, name in enumerate(names)
            if name in wanted and names.index(name) == place
        ]
        if places:
            pubs.append(pub.with_rows(pub.parameters[places]))
            held.append([names[place] for place in places])
            wanted -= set(held[-1])
    seed = spec.seed
    if seed is not None:
        seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) >> 1
    answers = run(replace(spec, pubs=tuple(pubs), shots=count * spec.shots, seed=seed))
    for names, answer in zip(held, answers, strict=True):
        for place, name in enumerate(names):
            shots[name] = {key: bits[place] for key, bits in answer.registers.items()}


def _dealt(
    names: list[_Row],
    n_shots: int,
    shots: dict[_Row, dict[str, NDArray[np.uint8]]],
    taken: Counter[_Row],
) -> PubResult:
    found: dict[str, list[NDArray[np.uint8]]] = {key: [] for key in shots[names[0]]}
    for name in names:
        start = taken[name] * n_shots
        taken[name] += 1
        for key, bits in shots[name].items():
            found[key].append(bits[start : start + n_shots])
    return PubResult({key: np.stack(bits) for key, bits in found.items()})
