"""What a recorded device has to simulate for some jobs, and about how long that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.counted import counted
from jobs.spec import JobSpec, Pub, facts

SECONDS_PER_INSTRUCTION = 0.35e-6
"""Of one shot on one thread, measured for steps of four qubits: Aer follows each shot through
measurements and branches by itself."""

SECONDS_PER_ROW = 0.1
"""Of a circuit with its angles, beside its shots; as above."""

TOLD_SECONDS = 60.0
"""What takes less is not told."""


@dataclass(frozen=True)
class Simulation:
    """Circuits and shots of jobs that run in this process."""

    rows: int
    shots: int
    seconds: float
    """On one thread, within a factor of a few."""

    @classmethod
    def of(cls, specs: Sequence[JobSpec]) -> Simulation:
        """Count what jobs ask for."""
        rows = shots = 0
        seconds = 0.0
        for spec in specs:
            # A circuit that repetitions hold several times is simulated once, for all their shots.
            distinct: set[tuple[int, bytes]] = set()
            parts = dict(zip(map(_circuit, spec.pubs), _n_parts(spec), strict=True))
            for pub in spec.pubs:
                rows += pub.n_rows
                shots += spec.shots * pub.n_rows
                each = SECONDS_PER_INSTRUCTION * spec.shots * len(pub.circuit.data)
                seconds += pub.n_rows * each
                distinct.update((id(pub.circuit), row.tobytes()) for row in pub.parameters)
            seconds += SECONDS_PER_ROW * sum(parts[key] for key, _ in distinct)
        return cls(rows, shots, seconds)

    def __str__(self) -> str:
        return (
            f"{counted(self.rows, 'circuit')} with {counted(self.shots, 'shot')} in all "
            f"{'is' if self.rows == 1 else 'are'} simulated here, about "
            f"{_time(self.seconds)} on one thread"
        )


def _circuit(pub: Pub) -> int:
    return id(pub.circuit)


def _n_parts(spec: JobSpec) -> tuple[int, ...]:
    """Return how many parts each pub's circuit is simulated in: tiles are, each by itself."""
    from jobs.aer.components import parts_of
    from jobs.aer.recorded_device import is_large

    if spec.executor != "aer":
        return (1,) * len(spec.pubs)
    large = facts(spec.pubs, is_large)
    return tuple(
        max(1, len(pub.fact(parts_of))) if one else 1
        for pub, one in zip(spec.pubs, large, strict=True)
    )


def _time(seconds: float) -> str:
    if seconds < 5400:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h"
