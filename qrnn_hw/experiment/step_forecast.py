"""What each mitigation would do to a head that reads the bits of every step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from calibration.noise import DeviceNoise
from circuits.exact.sequence import SequenceModel
from jobs.transpile.isa import TranspiledStep
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.experiment.output_law import moments_of
from qrnn_hw.experiment.readout_power import ReadoutPower
from qrnn_hw.mitigation.readout import correct_weights, read_weights
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.mitigation.shot_numbers import Readout, ShotNumbers
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.worlds import World
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead

Array = NDArray[np.float64]


def step_world(
    folded: Mapping[float, TranspiledStep],
    noise: DeviceNoise,
    encoded: Encoded,
    head: ShotHead,
    readout: Readout,
) -> World:
    """Return mean and variance of a shot under a noise, by stack, scale factor and exponent.

    Branches act on bits that were read with A^k, the record itself is read with A. The exact engine
    reads all bits with A^k, so for k other than 1 the mean is that of numbers which make up for the
    difference. The variance is taken for that of k = 1: masks differ little in it.

    Args:
        folded: the step by scale factor, weights bound.
        noise: of its qubits.
        encoded: rows.
        head: what a shot adds up.
        readout: reported errors, of the final bits and of those of the steps.
    """
    bound = Encoded(np.zeros(0), encoded.features, encoded.lengths)

    @cache
    def model(scale_factor: float, exponent: float) -> SequenceModel:
        # Of one form for every noise: what is compiled of a folded step serves them all.
        powered = noise if exponent == 1 else ReadoutPower(noise, int(exponent))
        return sequence_model(folded[scale_factor], powered)

    @cache
    def found(stack_terminal: bool, scale_factor: float, exponent: float) -> tuple[Array, Array]:
        stack = Stack(terminal=stack_terminal)

        def changed(numbers: ShotNumbers) -> ShotNumbers:
            own = numbers.corrected(stack, readout)
            return own if exponent == 1 else _as_acted_on(own, readout, int(exponent))

        return moments_of(model(scale_factor, exponent), bound, head, changed)

    def world(stack: Stack, scale_factor: float, exponent: float) -> tuple[Array, Array]:
        mean, _ = found(stack.terminal, scale_factor, exponent)
        return mean, found(stack.terminal, scale_factor, 1.0)[1]

    return world


def _as_acted_on(numbers: ShotNumbers, readout: Readout, exponent: int) -> ShotNumbers:
    """Return numbers of bits read with A^k, of the same mean as those given of bits read once."""
    recorded = readout.recorded
    assert recorded is not None  # as above

    def changed(weights: Array, calibration: ReadoutCalibration) -> Array:
        found = read_weights(weights, calibration)
        for _ in range(exponent):
            found = correct_weights(found, calibration)
        return found

    steps = changed(np.moveaxis(numbers.steps, 1, 2), recorded)
    return ShotNumbers(changed(numbers.outcome.T, readout.final).T, np.moveaxis(steps, 1, 2))
