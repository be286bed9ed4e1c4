"""Certain labels from shots that each add a number from a known range, whatever its law.

As `decisions.decide` and `sequential.Betting` for shots of few outcomes: here every shot may add
another number, such as the sum over the bits of all its steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qrnn_hw.statistics.decisions import UNDECIDED, check_delta

Array = NDArray[np.float64]

N_BETTORS = 12


def sign_of_mean(
    mean: ArrayLike, shots: int, low: ArrayLike, high: ArrayLike, delta: float
) -> NDArray[np.int64]:
    """Return 1 or 0 where the mean of a fixed number of shots proves its sign, else `UNDECIDED`.

    Another sign than that of the expectation is returned with probability at most delta, by
    Hoeffding's inequality in its sharp form (J. Am. Stat. Assoc. 58, 13, 1963, theorem 1). A range
    that lies on one side of 0 leaves no doubt.

    Args:
        mean: of the shots, any shape.
        shots: their number.
        low: the least that a shot can add, of the same shape.
        high: the most.
        delta: the probability of a wrong sign that is accepted.
    """
    check_delta(delta)
    least, most = np.asarray(low, float), np.asarray(high, float)
    width = np.where(most > least, most - least, 1.0)
    share = np.clip((np.asarray(mean, float) - least) / width, 0, 1)
    null = np.clip(-least / width, 0, 1)
    divergence = special.rel_entr(share, null) + special.rel_entr(1 - share, 1 - null)
    sure = shots * divergence >= np.log(1 / delta)
    found = np.where(sure, (share > null).astype(np.int64), UNDECIDED)
    return np.where(least > 0, 1, np.where(most <= 0, 0, found))


@dataclass
class ValueBetting:
    """Anytime-valid test of the signs of c means: the capital of bets against each sign.

    Every bettor stakes a fixed share of its capital on each shot; the evidence is the mean capital
    of bettors from bold to timid (Waudby-Smith and Ramdas, J. R. Stat. Soc. B 86, 1, 2024), which
    exceeds 1 / delta with probability at most delta while the bet is wrong (Ville 1939).
    """

    low: Array  # shape (c,)
    """The least that a shot can add to each sum."""

    high: Array  # shape (c,)
    delta: float
    _capital: Array = field(init=False, repr=False)  # log, shape (2, c, bettors): up, down

    def __post_init__(self) -> None:
        """Start with a capital of 1."""
        check_delta(self.delta)
        self._capital = np.zeros((2, len(self.low), N_BETTORS))

    def add(self, values: Array) -> None:
        """Take in shots, shape (shots, c)."""
        shares = np.geomspace(0.01, 0.95, N_BETTORS)
        for side, (sign, worst) in enumerate(((1, -self.low), (-1, self.high))):
            loss = np.where(worst > 0, worst, 1.0)
            for place, share in enumerate(shares):
                stake = np.where(worst > 0, share / loss, 0.0)
                self._capital[side, :, place] += np.log1p(stake * sign * values).sum(axis=0)

    @property
    def signs(self) -> NDArray[np.int64]:
        """1 or 0 where the shots so far prove a sign, else `UNDECIDED`; shape (c,)."""
        evidence = special.logsumexp(self._capital, axis=2) - np.log(N_BETTORS)
        bound = -np.log(self.delta) - 1e-9
        found = np.where(evidence[0] >= bound, 1, np.where(evidence[1] >= bound, 0, UNDECIDED))
        return np.where(self.low > 0, 1, np.where(self.high <= 0, 0, found))
