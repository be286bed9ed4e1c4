"""A job that is too large for the machine, as several that are not, and their bits rejoined."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from jobs.limits import DEFAULT_LIMITS, Limits
from jobs.preflight.broadcasts import broadcast_slots
from jobs.preflight.load import instructions_per_qubit
from jobs.spec import JobSpec, Pub, PubResult, facts


@dataclass(frozen=True)
class _Cost:
    executions: float
    slots: float
    instructions: float

    def rows_that_fit(self, limits: Limits, used: "_Cost") -> int:
        """Return how many more rows of this cost a job with `used` may take."""
        rooms = [
            (limits.executions - used.executions, self.executions),
            (limits.broadcast_slots - used.slots, self.slots),
            (limits.instructions_per_qubit - used.instructions, self.instructions),
        ]
        return int(min(room // cost for room, cost in rooms if cost > 0))

    def plus(self, other: "_Cost", rows: int) -> "_Cost":
        return _Cost(
            self.executions + rows * other.executions,
            self.slots + rows * other.slots,
            self.instructions + rows * other.instructions,
        )


def split(spec: JobSpec, limits: Limits = DEFAULT_LIMITS) -> tuple[JobSpec, ...]:
    """Return `spec` as jobs within `limits`, or alone when it is within them.

    Rows stay in order and no row is cut: one that is too large by itself makes a part of its own,
    which preflight refuses. Each part carries its number among its options, so that parts with
    equal circuits keep apart.
    """
    parts: list[list[Pub]] = [[]]
    used = _Cost(0, 0, 0)
    of_each = facts(spec.pubs, broadcast_slots), facts(spec.pubs, instructions_per_qubit)
    for pub, slots, load in zip(spec.pubs, *of_each, strict=True):
        cost = _Cost(spec.shots, slots, load)
        if not limits.rows_multiply_broadcasts:
            used, cost = used.plus(_Cost(0, slots, 0), 1), replace(cost, slots=0)
        start = 0
        while start < pub.n_rows:
            n_fit = cost.rows_that_fit(limits, used)
            if n_fit < 1 and parts[-1]:
                parts.append([])
                used = _Cost(0, 0 if limits.rows_multiply_broadcasts else slots, 0)
                continue
            n_rows = min(max(n_fit, 1), pub.n_rows - start)
            parts[-1].append(pub.with_rows(pub.parameters[start : start + n_rows]))
            used = used.plus(cost, n_rows)
            start += n_rows
    if len(parts) == 1:
        return (spec,)
    return tuple(
        replace(spec, pubs=tuple(pubs), options={**spec.options, "part": [number, len(parts)]})
        for number, pubs in enumerate(parts, start=1)
    )


def join(
    spec: JobSpec, parts: Sequence[JobSpec], results: Sequence[Sequence[PubResult]]
) -> tuple[PubResult, ...]:
    """Return the bits of `spec` from those of its parts, in the order of `split`.

    Args:
        spec: The job that was split.
        parts: What `split` returned.
        results: The bits of each part.
    """
    pieces = iter(
        (pub, result)
        for part, answers in zip(parts, results, strict=True)
        for pub, result in zip(part.pubs, answers, strict=True)
    )
    joined = []
    for pub in spec.pubs:
        rows: list[PubResult] = []
        n_rows = 0
        while n_rows < pub.n_rows:
            piece, result = next(pieces)
            rows.append(result)
            n_rows += piece.n_rows
        joined.append(
            PubResult(
                {
                    name: np.concatenate([result.registers[name] for result in rows])
                    for name in rows[0].registers
                }
            )
        )
    return tuple(joined)
