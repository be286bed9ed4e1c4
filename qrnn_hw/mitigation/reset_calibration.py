"""How often resets end in |1>, from circuits that measure, reset and measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration


@dataclass(frozen=True, eq=False)
class ResetCalibration:
    """Residual excitation after a reset, of each qubit, with its standard error."""

    rate: NDArray[np.float64]  # shape (n_qubits,)
    """Probability that a reset ends in |1>, at least 0: the mean over both states before it."""

    standard_error: NDArray[np.float64]  # shape (n_qubits,)
    after: tuple[NDArray[np.float64], NDArray[np.float64]]
    """As the qubit was prepared in |0> and in |1>; below 0 where shots or readout say so."""


def from_resets(
    after_zeros: ArrayLike, after_ones: ArrayLike, readout: ReadoutCalibration
) -> ResetCalibration:
    """Estimate reset errors from the readings after a reset.

    A reset that ends in |1> with probability r reads 1 with r (1 - p10) + (1 - r) p01, so that
    r = (f - p01) / (1 - p01 - p10) for a share f of ones. Standard errors hold those of f, of p01
    and of p10 to first order.

    Args:
        after_zeros: readings of qubits prepared in |0>, shape (shots, n_qubits).
        after_ones: readings of qubits prepared in |1>, the same shape.
        readout: of the same qubits and instruction.
    """
    contrast, p01 = readout.contrast, np.array(readout.p01)
    shares, variances = [], []
    for bits in (np.asarray(after_zeros), np.asarray(after_ones)):
        share = bits.mean(axis=0)
        shares.append((share - p01) / contrast)
        # Jeffreys' mean, so that no ones seen is no certainty.
        kept = (bits.sum(axis=0) + 0.5) / (len(bits) + 1)
        variances.append(kept * (1 - kept) / len(bits))
    mean = (shares[0] + shares[1]) / 2
    from_readout = (1 - mean) ** 2 * np.square(readout.p01_standard_error) + mean**2 * np.square(
        readout.p10_standard_error
    )
    error = np.sqrt((variances[0] + variances[1]) / 4 + from_readout) / contrast
    return ResetCalibration(np.clip(mean, 0.0, 1.0), error, (shares[0], shares[1]))
