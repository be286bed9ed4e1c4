"""Write powers of a readout confusion matrix as signed mixtures of relabellings of a bit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration

# What a branch sees instead of the bit that was read: the bit, its opposite, always 0, always 1.
Label = Literal["keep", "swap", "zero", "one"]
LABELS: tuple[Label, ...] = ("keep", "swap", "zero", "one")
Mask = tuple[Label, ...]  # one label for each fed-forward bit

MOST_MASKS = 100_000


@dataclass(frozen=True)
class Relabelling:
    """Masks to run and the signed weight of each one's value.

    The weights sum to one. `weighted_sum` combines the values, `split_by_weight` shares the shots;
    the variance is gamma^2 times that of one circuit with all the shots.
    """

    masks: tuple[Mask, ...]
    weights: tuple[float, ...]

    @property
    def gamma(self) -> float:
        """Sum of |weight|."""
        return math.fsum(abs(weight) for weight in self.weights)


def label_weights(p01: float, p10: float, power: float = -1) -> dict[Label, float]:
    """Decompose A^power, A = [[1 - p01, p10], [p01, 1 - p10]] (read, true), into relabellings.

    With D = 1 - p01 - p10 and power -1 the weights are (1 - p01)/D, -p01/D and -(p10 - p01)/D for
    keep, swap and zero when p10 >= p01, and mirrored otherwise: the fewest signs possible, with
    sum |weight| = (1 + |p10 - p01|)/D. Positive powers give probabilities.

    Args:
        p01: P(read 1 | true 0).
        p10: P(read 0 | true 1).
        power: -1 undoes the readout error; k >= 0 adds k more of it.

    Returns:
        The labels of non-zero weight.

    Raises:
        UsageError: If D is not above zero.

    Source: Koh, Koh, Thompson, arXiv 2406.07611; Gupta et al., arXiv 2310.07825.
    """
    error = p01 + p10
    if error >= 1:
        raise UsageError(f"1 - p01 - p10 should be above 0. Got p01 = {p01:.3g}, p10 = {p10:.3g}.")
    if error == 0:
        return {"keep": 1.0}
    growth = -math.expm1(power * math.log1p(-error)) / error
    to_one, to_zero = p01 * growth, p10 * growth
    if p10 >= p01:
        found = {"keep": 1 - to_zero, "swap": to_one, "zero": to_zero - to_one}
    else:
        found = {"keep": 1 - to_one, "swap": to_zero, "one": to_one - to_zero}
    return {label: found[label] for label in LABELS if found.get(label, 0.0) != 0}


def all_masks(calibration: ReadoutCalibration, power: float = -1) -> Relabelling:
    """Combine the labels of every bit: exact, with up to 3 masks for each bit, multiplied.

    Raises:
        UsageError: If there would be more than `MOST_MASKS`.
    """
    per_bit = _per_bit(calibration, power)
    n_masks = math.prod(len(weights) for weights in per_bit)
    if n_masks > MOST_MASKS:
        raise UsageError(
            f"all masks should be at most {MOST_MASKS}. Got {n_masks} for {len(per_bit)} bits. "
            "Use first_order or sampled_masks."
        )
    masks = tuple(product(*per_bit))
    weights = tuple(math.prod(choice) for choice in product(*(bit.values() for bit in per_bit)))
    return Relabelling(masks, weights)


def first_order(calibration: ReadoutCalibration, power: float = -1) -> Relabelling:
    """Relabel one bit at a time: 1 + 2 m masks; what is left is of second order in the errors."""
    per_bit = _per_bit(calibration, power)
    keep: Label = "keep"
    nothing: Mask = (keep,) * len(per_bit)
    masks: list[Mask] = [nothing]
    weights = [1 + sum(bit["keep"] - 1 for bit in per_bit)]
    for place, bit in enumerate(per_bit):
        for label, weight in bit.items():
            if label != "keep":
                masks.append((*nothing[:place], label, *nothing[place + 1 :]))
                weights.append(weight)
    return Relabelling(tuple(masks), tuple(weights))


def sampled_masks(
    calibration: ReadoutCalibration, n_samples: int, seed: int, power: float = -1
) -> Relabelling:
    """Draw masks with probability |weight| / gamma; unbiased on average over the seed.

    Equal masks are merged. With one sample for each shot the error bar of the shots includes the
    sampling; with fewer, the scatter between masks comes on top.

    Raises:
        UsageError: If `n_samples` is below 1.
    """
    if n_samples < 1:
        raise UsageError(f"the number of samples should be 1 or more. Got {n_samples}.")
    generator = np.random.default_rng(seed)
    signs = np.ones(n_samples)
    columns: list[list[Label]] = []
    gamma = 1.0
    for bit in _per_bit(calibration, power):
        labels, weights = list(bit), np.array(list(bit.values()))
        size = float(np.abs(weights).sum())
        drawn = generator.choice(len(labels), n_samples, p=np.abs(weights) / size)
        signs *= np.sign(weights)[drawn]
        columns.append([labels[index] for index in drawn])
        gamma *= size
    totals: dict[Mask, float] = {}
    for mask, sign in zip(zip(*columns, strict=True), signs.tolist(), strict=True):
        totals[mask] = totals.get(mask, 0.0) + sign * gamma / n_samples
    return Relabelling(tuple(totals), tuple(totals.values()))


def relabel_bits(bits: ArrayLike, mask: Sequence[Label]) -> NDArray[np.uint8]:
    """Return the bits as the branches saw them, for scores that read fed-forward bits as well.

    Args:
        bits: Bits read. Shape: (..., n_bits).
        mask: One label for each bit.
    """
    array = np.asarray(bits, dtype=np.uint8)
    keep = np.array([label in ("keep", "swap") for label in mask], dtype=np.uint8)
    flip = np.array([label in ("swap", "one") for label in mask], dtype=np.uint8)
    return np.asarray(array * keep ^ flip)


def _per_bit(calibration: ReadoutCalibration, power: float) -> list[dict[Label, float]]:
    return [
        label_weights(p01, p10, power)
        for p01, p10 in zip(calibration.p01, calibration.p10, strict=True)
    ]
