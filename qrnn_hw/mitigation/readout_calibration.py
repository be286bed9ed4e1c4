"""The readout errors of each bit, as a calibration run measured them, and how old they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import CalibrationError

POOR_RATE = 0.25
"""Both readout errors of a qubit that is poor, and yet can be corrected."""

CHANCE = 0.01
"""What is less likely than this is not put down to chance."""


@dataclass(frozen=True)
class ReadoutCalibration:
    """How often each bit is read wrongly, with errors and the time of the measurement.

    One calibration speaks of one kind of measurement: mid-circuit and final ones differ.

    Raises:
        CalibrationError: If lengths differ, a probability is outside [0, 1], the time has no zone,
            or a bit tells nothing: 1 - p01 - p10 must be above zero for the inverse to exist.
    """

    p01: tuple[float, ...]  # P(read 1 | true 0) of each bit
    p10: tuple[float, ...]  # P(read 0 | true 1) of each bit
    p01_standard_error: tuple[float, ...]
    p10_standard_error: tuple[float, ...]
    measured_at: datetime

    def __post_init__(self) -> None:
        columns = (self.p01, self.p10, self.p01_standard_error, self.p10_standard_error)
        if len({len(column) for column in columns}) != 1 or not self.p01:
            lengths = [len(column) for column in columns]
            raise CalibrationError(f"every bit should have two rates and errors. Got {lengths}.")
        if not all(0 <= rate <= 1 for rate in self.p01 + self.p10):
            raise CalibrationError(
                f"readout errors should lie between 0 and 1. Got {self.p01} and {self.p10}."
            )
        errors = self.p01_standard_error + self.p10_standard_error
        if not all(0 <= error < np.inf for error in errors):
            raise CalibrationError(
                f"standard errors should be finite and not negative. Got {errors}."
            )
        if self.measured_at.tzinfo is None:
            raise CalibrationError(
                f"the time of a calibration should have a zone. Got {self.measured_at}."
            )
        for bit, (p01, p10) in enumerate(zip(self.p01, self.p10, strict=True)):
            if 1 - p01 - p10 <= 0:
                raise CalibrationError(
                    f"1 - p01 - p10 should be above 0 for every bit. Got p01 = {p01:.3g}, "
                    f"p10 = {p10:.3g} for bit {bit}. Choose another qubit or calibrate again."
                )

    @property
    def n_bits(self) -> int:
        """Number of bits."""
        return len(self.p01)

    @property
    def contrast(self) -> NDArray[np.float64]:
        """1 - p01 - p10 of each bit: what is left of <Z>. Shape: (n_bits,)."""
        return np.asarray(1.0 - np.array(self.p01) - np.array(self.p10))

    @property
    def offset(self) -> NDArray[np.float64]:
        """p10 - p01 of each bit: what is added to <Z>. Shape: (n_bits,)."""
        return np.asarray(np.array(self.p10) - np.array(self.p01))

    def select(self, bits: Iterable[int]) -> "ReadoutCalibration":
        """Return the calibration of some bits, in the order given."""
        chosen = tuple(bits)
        return replace(
            self,
            p01=tuple(self.p01[bit] for bit in chosen),
            p10=tuple(self.p10[bit] for bit in chosen),
            p01_standard_error=tuple(self.p01_standard_error[bit] for bit in chosen),
            p10_standard_error=tuple(self.p10_standard_error[bit] for bit in chosen),
        )

    def age(self, now: datetime | None = None) -> timedelta:
        """Return the time since the measurement."""
        return (now or datetime.now(UTC)) - self.measured_at

    def check_fresh(self, limit: timedelta, now: datetime | None = None) -> None:
        """Refuse a calibration that is older than `limit`.

        Raises:
            CalibrationError: If it is.
        """
        age = self.age(now)
        if age > limit:
            raise CalibrationError(
                f"a readout calibration should be at most {_hours(limit)} old. Got {_hours(age)}. "
                "Measure it again, or raise the limit."
            )


def from_counts(
    ones_after_zeros: ArrayLike,
    ones_after_ones: ArrayLike,
    shots_of_zeros: int,
    shots_of_ones: int,
    measured_at: datetime,
) -> ReadoutCalibration:
    """Estimate the readout errors from two circuits: all qubits in |0>, all qubits in |1>.

    The standard errors are those of Jeffreys' posterior, Beta(k + 1/2, n - k + 1/2), so that an
    error that was never seen is not taken for one that cannot happen.

    Args:
        ones_after_zeros: How often each bit read 1 after |0>. Shape: (n_bits,).
        ones_after_ones: How often each bit read 1 after |1>. Shape: (n_bits,).
        shots_of_zeros: Shots of the first circuit.
        shots_of_ones: Shots of the second circuit.
        measured_at: When it ran, with a time zone.

    Raises:
        CalibrationError: If counts are outside 0..shots, shapes differ, or a bit is singular;
            where shots so few make it so for a qubit that can be corrected, that is said.
    """
    flips = (np.atleast_1d(ones_after_zeros), shots_of_ones - np.atleast_1d(ones_after_ones))
    shots = (shots_of_zeros, shots_of_ones)
    if flips[0].shape != flips[1].shape or flips[0].ndim != 1:
        raise CalibrationError(
            f"counts should be one number for each bit. Got {flips[0].shape}, {flips[1].shape}."
        )
    if min(shots) < 1 or any(((k < 0) | (k > n)).any() for k, n in zip(flips, shots, strict=True)):
        raise CalibrationError(f"counts should lie between 0 and the shots. Got shots {shots}.")
    _check_enough(flips, shots)
    rates, errors = [], []
    for n_flips, n_shots in zip(flips, shots, strict=True):
        alpha, beta = n_flips + 0.5, n_shots - n_flips + 0.5
        variance = alpha * beta / ((n_shots + 1) ** 2 * (n_shots + 2))
        rates.append(tuple((n_flips / n_shots).tolist()))
        errors.append(tuple(np.sqrt(variance).tolist()))
    return ReadoutCalibration(rates[0], rates[1], errors[0], errors[1], measured_at)


def from_shots(
    bits_after_zeros: ArrayLike, bits_after_ones: ArrayLike, measured_at: datetime
) -> ReadoutCalibration:
    """Estimate the readout errors from the shots of the two circuits of `from_counts`.

    Args:
        bits_after_zeros: Bits read after |0...0>. Shape: (shots, n_bits).
        bits_after_ones: Bits read after |1...1>. Shape: (shots, n_bits).
        measured_at: When it ran, with a time zone.

    Raises:
        CalibrationError: See `from_counts`.
    """
    zeros, ones = np.asarray(bits_after_zeros), np.asarray(bits_after_ones)
    return from_counts(zeros.sum(axis=0), ones.sum(axis=0), len(zeros), len(ones), measured_at)


def _check_enough(flips: Sequence[NDArray[np.int64]], shots: tuple[int, int]) -> None:
    """Refuse a bit that is singular where a qubit with two errors of `POOR_RATE` may look like it.

    All flips of the two circuits together are then binomial, and few shots give as many with a
    chance of over `CHANCE`.
    """
    for bit, (n01, n10) in enumerate(zip(*flips, strict=True)):
        if n01 / shots[0] + n10 / shots[1] < 1:
            continue
        from scipy.stats import binom

        if binom.sf(n01 + n10 - 1, sum(shots), POOR_RATE) > CHANCE:
            raise CalibrationError(
                f"readout errors should come from enough shots to tell them from 1/2. Got "
                f"{n01} of {shots[0]} and {n10} of {shots[1]} read wrongly for bit {bit}, which "
                "may be chance. Take more shots."
            )


def _hours(duration: timedelta) -> str:
    return f"{duration.total_seconds() / 3600:.1f} h"
