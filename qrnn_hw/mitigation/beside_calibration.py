"""What readings do to their neighbours, and how long controllers take for a branch, from bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.instrument import BRANCHES, READINGS
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crosstalk:
    """What one reading does to each watched neighbour, with standard errors."""

    dephasing: Array  # shape (n,)
    """Probability of Z, at least 0."""

    dephasing_standard_error: Array  # shape (n,)
    phase: Array  # shape (n,), radians
    phase_standard_error: Array  # shape (n,)


def from_quadratures(shares: ArrayLike, shots: int, readout: ReadoutCalibration) -> Crosstalk:
    """Estimate crosstalk from the four circuits of `calibration.instrument.crosstalk_circuits`.

    A neighbour's Bloch vector in the plane after `READINGS` readings is that without them times
    ((1 - 2 p) exp(i a))**READINGS; readout errors and what idling does are in both.

    Args:
        shares: of ones of each watched qubit in each circuit, shape (4, n).
        shots: of each circuit.
        readout: of the watched qubits.
    """
    ones = np.asarray(shares, dtype=float)
    true = (ones - np.array(readout.p01)) / readout.contrast
    kept = np.clip(ones, 0.5 / shots, 1 - 0.5 / shots)
    error = 2 * np.sqrt((kept * (1 - kept)).mean(axis=0) / shots) / readout.contrast
    vectors = [(2 * true[n] - 1) + 1j * (1 - 2 * true[n + 1]) for n in (0, 2)]
    size = [np.maximum(np.abs(one), 1e-9) for one in vectors]
    relative = np.hypot(error / size[0], error / size[1])
    ratio = vectors[0] / np.where(vectors[1] == 0, 1e-9, vectors[1])
    root = np.abs(ratio) ** (1 / READINGS)
    return Crosstalk(
        dephasing=np.clip((1 - root) / 2, 0.0, 0.5),
        dephasing_standard_error=root * relative / (2 * READINGS),
        phase=np.angle(ratio) / READINGS,
        phase_standard_error=relative / READINGS,
    )


def wait_of(
    shares: ArrayLike, shots: int, readout: ReadoutCalibration, delay_seconds: float
) -> tuple[float, float]:
    """Return the seconds of one branch and their standard error.

    What excited qubits lose beside `BRANCHES` branches over what they lose in a known delay, from
    the three circuits of `calibration.instrument.wait_circuits`; all qubits tell of one controller
    and are weighted by their errors.

    Args:
        shares: of ones of each qubit in each circuit, shape (3, n).
        shots: of each circuit.
        readout: of the qubits.
        delay_seconds: of the delay, in all.

    Returns:
        At least 0; infinite errors where nothing relaxed.
    """
    ones = np.asarray(shares, dtype=float)
    left = np.maximum((ones - np.array(readout.p01)) / readout.contrast, 1e-9)
    kept = np.clip(ones, 0.5 / shots, 1 - 0.5 / shots)
    errors = np.sqrt(kept * (1 - kept) / shots) / readout.contrast / left
    lost_in_branches, lost_in_delay = np.log(left[2] / left[0]), np.log(left[2] / left[1])
    # One rate for both, of all qubits: a sum over a sum is not pulled by the smallest of them.
    weight = 1 / (errors**2).sum(axis=0)
    rate = (weight * lost_in_delay).sum()
    if rate <= 0:
        return 0.0, float("inf")
    ratio = (weight * lost_in_branches).sum() / rate
    variance = (weight**2 * (errors[0] ** 2 + (ratio * errors[1]) ** 2)).sum()
    variance += (weight**2 * ((1 - ratio) * errors[2]) ** 2).sum()
    one = delay_seconds / BRANCHES
    return max(0.0, float(one * ratio)), float(one * np.sqrt(variance) / rate)
