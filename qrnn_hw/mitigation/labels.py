"""Write powers of a readout confusion matrix as signed mixtures of relabellings of a bit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

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
    n_drawn: int = 0  # so many at the end are random draws that stand for all others

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
    """Keep the masks that relabel at most one bit, and draw from the many that relabel more.

    Those of one bit or none carry most of the weight and keep their exact one. The others are drawn
    with probability in proportion to |weight|, positive and negative ones apart, so that the
    weights sum to one for every seed: what scatters between seeds is only how the values of the
    drawn masks differ. Unbiased over the seed.

    Args:
        calibration: Of the fed-forward bits.
        n_samples: Number of masks drawn, 4 or more; a sign that occurs gets at least two.
        seed: Of the draws.
        power: See `label_weights`.

    Raises:
        UsageError: If `n_samples` is below 4.
    """
    if n_samples < 4:
        raise UsageError(f"the number of samples should be 4 or more. Got {n_samples}.")
    per_bit = _per_bit(calibration, power)
    few = first_order(calibration, power)
    kept = math.prod(bit["keep"] for bit in per_bit)
    weights = [kept]
    for mask, weight in zip(few.masks[1:], few.weights[1:], strict=True):
        place = next(place for place, label in enumerate(mask) if label != "keep")
        weights.append(weight * kept / per_bit[place]["keep"])
    left = _sizes_left(per_bit)
    size = {sign: left[0].get((2, sign), 0.0) for sign in (1, -1)}
    whole = sum(size.values())
    generator = np.random.default_rng(seed)
    drawn: list[Mask] = []
    for sign in (1, -1):
        if size[sign] == 0:
            continue
        share = min(max(round(n_samples * size[sign] / whole), 2), n_samples - 2)
        n_own = n_samples if size[-sign] == 0 else share
        drawn += [_draw(per_bit, left, sign, generator) for _ in range(n_own)]
        weights += [sign * size[sign] / n_own] * n_own
    return Relabelling((*few.masks, *drawn), tuple(weights), len(drawn))


def _per_bit(calibration: ReadoutCalibration, power: float) -> list[dict[Label, float]]:
    return [
        label_weights(p01, p10, power)
        for p01, p10 in zip(calibration.p01, calibration.p10, strict=True)
    ]


# (changes still wanted, sign still wanted) -> sum of |weight| of the labels of the bits from here
_Left = dict[tuple[int, int], float]


def _sizes_left(per_bit: Sequence[dict[Label, float]]) -> list[_Left]:
    """Sum |weight| over all labels of the last bits, by how many change and by their sign."""
    left: list[_Left] = [{(0, 1): 1.0}]
    for bit in reversed(per_bit):
        here: _Left = {}
        for wanted, sign in product((0, 1, 2), (1, -1)):
            here[wanted, sign] = math.fsum(
                abs(weight) * left[0].get(_after(label, weight, wanted, sign), 0.0)
                for label, weight in bit.items()
            )
        left.insert(0, here)
    return left


def _after(label: Label, weight: float, wanted: int, sign: int) -> tuple[int, int]:
    return max(wanted - (label != "keep"), 0), sign if weight > 0 else -sign


def _draw(
    per_bit: Sequence[dict[Label, float]],
    left: Sequence[_Left],
    sign: int,
    generator: np.random.Generator,
) -> Mask:
    """Draw a mask of two changes or more and of a sign, in proportion to |weight|."""
    mask: list[Label] = []
    state = (2, sign)
    for bit, beyond in zip(per_bit, left[1:], strict=True):
        labels = list(bit)
        sizes = np.array([abs(bit[x]) * beyond.get(_after(x, bit[x], *state), 0) for x in labels])
        label = labels[generator.choice(len(labels), p=sizes / sizes.sum())]
        state = _after(label, bit[label], *state)
        mask.append(label)
    return tuple(mask)
