"""What a job meets in the order of its shots: drift, and a defect that comes and goes.

The clock of a job counts its shots: pub after pub, row after row. Another job meets another
weather, drawn from the machine's seed and the job.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from jobs.twin.moment import Moment
from jobs.twin.strengths import Strengths

DWELL_SHOTS = 2000.0
"""A defect stays so long on average."""

PERIODS = (0.7, 1.5)
"""Of the drift in one job, drawn evenly."""

STEPS = 6
"""To each side of the mean in which a drift goes: at most a twelfth of it from the sine."""


@dataclass(frozen=True, eq=False)
class Weather:
    """The moments of one job.

    - Drift: 1 + s sin(2 pi (a + k n / N)) at shot n of N, a drawn from 0 to 1, k from `PERIODS`.
    - Defect: a random telegraph signal, present for `DWELL_SHOTS` on average and for a share s of
      all shots.
    - Readout: two factors, log-even in [1 / s, s].
    """

    strengths: Strengths
    n_shots: int
    seed: tuple[int, ...]
    """Of the machine and of the job."""

    def moments(self, start: int, stop: int) -> list[tuple[Moment, NDArray[np.int64]]]:
        """Return each moment of the shots [start, stop) and which of them see it, from 0 on."""
        shots = np.arange(start, stop)
        steps: NDArray[np.int64] = np.zeros(len(shots), dtype=np.int64)
        if "gate-drift" in self.strengths:
            steps = np.rint(STEPS * self.swing(shots)).astype(np.int64)
        states = 2 * steps + self.has_defect(shots)
        found = []
        for state in np.unique(states).tolist():
            step, there = divmod(state, 2)
            level = 1 + self.strengths["gate-drift"] * step / STEPS
            moment = Moment(level, bool(there), self.readout)
            found.append((moment, np.flatnonzero(states == state)))
        return found

    def has_defect(self, shots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether the defect is there at some shots."""
        return np.asarray(np.searchsorted(self._switches, shots, side="right") % 2 == 1)

    def swing(self, shots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the drift at some shots, from -1 to 1."""
        phase, periods = self._draws("drift").uniform((0.0, PERIODS[0]), (1.0, PERIODS[1]))
        return np.asarray(np.sin(2 * np.pi * (phase + periods * shots / max(1, self.n_shots))))

    @cached_property
    def readout(self) -> tuple[float, float]:
        """Factors on P(read 1 | 0) and P(read 0 | 1)."""
        most = np.log(self.strengths["readout-drift"])
        p01, p10 = np.exp(self._draws("readout").uniform(-most, most, 2))
        return float(p01), float(p10)

    @cached_property
    def _switches(self) -> NDArray[np.float64]:
        """Shots at which the defect comes, goes, comes ..."""
        share = self.strengths["defect"]
        if not share:
            return np.zeros(0)
        generator = self._draws("defect")
        return np.fromiter(self._stays(generator, share), dtype=float)

    def _stays(self, generator: np.random.Generator, share: float) -> Iterator[float]:
        is_there = generator.random() < share
        if is_there:
            yield 0.0
        now = 0.0
        while now < self.n_shots:
            away = DWELL_SHOTS * (1 - share) / share
            now += generator.exponential(DWELL_SHOTS if is_there else away)
            is_there = not is_there
            yield now

    def _draws(self, what: str) -> np.random.Generator:
        return np.random.default_rng([*self.seed, *what.encode()])
