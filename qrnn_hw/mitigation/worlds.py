"""What a description of the noise says of every stack: mean and variance of a shot, exactly."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.combining import outcome_numbers
from qrnn_hw.mitigation.readout import ReadoutCalibration
from qrnn_hw.mitigation.stack import Stack

Array = NDArray[np.float64]

ExactOutcomes = Callable[[float, float], ArrayLike]
"""(scale factor, exponent of the confusion matrix that branches act on) -> what is read.

Returns probabilities of the outcomes: (n_items, 2**n_bits). Final readout errors are included, at
the rates of the calibration that the plan corrects with; see `readout.read_distribution`."""

World = Callable[[Stack, float, float], tuple[Array, Array]]
"""(stack, scale factor, exponent) -> mean and variance of what a shot contributes to each output,
its readout corrected where the stack does. Shape of both: that of the ideal outputs."""


def by_outcomes(
    outcomes: ExactOutcomes, columns: Array, terminal: ReadoutCalibration | None, n_items: int
) -> World:
    """Return the world of a head that reads the outcome alone.

    Args:
        outcomes: of the circuits under the noise.
        columns: weights of each outcome, shape (2**n_bits, k).
        terminal: calibration of the final bits.
        n_items: rows that the outcomes should have.
    """
    exact = cache(outcomes)

    def world(stack: Stack, scale_factor: float, exponent: float) -> tuple[Array, Array]:
        numbers = np.stack(
            [outcome_numbers(column, stack, terminal) for column in columns.T], axis=1
        )
        table = np.asarray(exact(scale_factor, exponent), dtype=float)
        if table.shape != (n_items, len(numbers)):
            raise UsageError(
                f"outcomes should have the shape {(n_items, len(numbers))}. Got {table.shape}."
            )
        mean = table @ numbers
        return mean, table @ numbers**2 - mean**2

    return world
