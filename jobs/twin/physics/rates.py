"""Rates that are not the reported ones.

- reset: each reset ends in |1> with the strength as probability. Magnitude: 1.5 %; residual
  excitation of one to several per cent is usual (Magnard et al., Phys. Rev. Lett. 121, 060502,
  2018).
- wrong-rates: one-qubit errors, two-qubit errors, T1 and T2 are each the reported ones times
  exp(g log s), g standard normal, four numbers for a machine; s is the strength. Magnitude: 1.5,
  the scatter of daily calibrations.
- readout-drift: P(read 1 | 0) and P(read 0 | 1) each times a factor between 1/s and s, even in its
  logarithm, anew for each job. Magnitude: 1.4.
- gate-drift: gate and idling errors times 1 + s sin, within each job (`jobs.twin.weather`).
  Magnitude: 0.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.channels import Superoperator
from calibration.noise import DeviceNoise, NoiseScale
from calibration.snapshot import InstructionRecord, QubitRecord, Snapshot
from jobs.twin.moment import Moment
from jobs.twin.site import Site
from jobs.twin.strengths import Strengths


@dataclass(frozen=True, eq=False)
class TrueNoise:
    """The noise of a machine as it is at a moment (a `circuits.exact.noise.Noise`)."""

    noise: DeviceNoise
    readout_factors: tuple[float, float] = (1.0, 1.0)

    @property
    def dt_seconds(self) -> float | None:
        """Seconds per `dt`."""
        return self.noise.dt_seconds

    def channel(self, name: str, qubits: tuple[int, ...]) -> Superoperator | None:
        """Return the error after an instruction."""
        return self.noise.channel(name, qubits)

    def idle(self, qubit: int, seconds: float) -> Superoperator | None:
        """Return the error of a delay."""
        return self.noise.idle(qubit, seconds)

    def readout(self, name: str, qubit: int) -> NDArray[np.float64]:
        """Return the confusion matrix of a measurement instruction."""
        confusion = self.noise.readout(name, qubit)
        up, down = self.readout_factors
        p01, p10 = min(1.0, confusion[0, 1] * up), min(1.0, confusion[1, 0] * down)
        return np.array([[1 - p01, p01], [p10, 1 - p10]])


def true_noise(snapshot: Snapshot, strengths: Strengths, moment: Moment) -> TrueNoise:
    """Return the noise of a machine whose true rates are a snapshot's."""
    noise = DeviceNoise(
        snapshot,
        NoiseScale(gate=moment.level, idle=moment.level),
        reset_flip=strengths["reset"],
    )
    return TrueNoise(noise, moment.readout)


def true_rates(site: Site, factor: float) -> Snapshot:
    """Return the site's snapshot with its true rates, log-normal of a factor about the reported."""
    one, two, t1, t2 = np.exp(site.draws("wrong-rates").normal(0.0, np.log(factor), 4))

    def gate(record: InstructionRecord) -> InstructionRecord:
        if record.error is None or record.name.startswith(("measure", "reset")):
            return record
        times = one if len(record.qubits) == 1 else two
        return replace(record, error=float(min(1.0, record.error * times)))

    def qubit(record: QubitRecord) -> QubitRecord:
        long = None if record.t1_seconds is None else float(record.t1_seconds * t1)
        short = None if record.t2_seconds is None else float(record.t2_seconds * t2)
        if long is not None and short is not None:
            short = min(short, 2 * long)
        return QubitRecord(long, short)

    return replace(
        site.snapshot,
        instructions=tuple(map(gate, site.snapshot.instructions)),
        qubits=tuple(map(qubit, site.snapshot.qubits)),
    )
