"""A measurement's instrument from three readings in a row, with flips between them and without.

What is fitted to the 32 shares of the four circuits, by maximum likelihood, is a hidden Markov
chain: P(record r, leave s' | state s) of two states, and of a third, which reads 1 whatever flips,
that a reading leaves |1> for. Prepared states count as exact, as in every calibration of readout: a
faulty preparation reads as P(record 1, leave |1> | |0>), and no circuit tells the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from qrnn_hw.errors import UsageError

Array = NDArray[np.float64]

NAMES = ("misread", "moves_unseen", "moves_first") * 2 + ("leaves",)
"""Of the parameters: three of |0>, three of |1>, and the share of |1> that leaves for level 2."""

FLIP = np.array([[0.0, 1.0], [1.0, 0.0]])

MOST = 0.45
"""Of a parameter; beyond it a reading tells nothing."""


@dataclass(frozen=True, eq=False)
class FittedInstrument:
    """What one measurement does, as fitted."""

    joint: Array  # shape (2, 2, 2)
    """P(record r, leave s' | state s) at [s, r, s']; what leaves both states counts as |1>."""

    standard_error: Array  # shape (2, 2, 2)
    leaves: float
    """Share of |1> that a reading takes to where it reads 1 whatever flips."""

    leaves_standard_error: float
    p_value: float
    """Of the fit: chi-square over what 32 shares have beyond seven parameters."""

    @property
    def p01(self) -> tuple[float, float]:
        """P(record 1 | 0), and its standard error as if its parts were apart."""
        return self._sum(0, 1)

    @property
    def p10(self) -> tuple[float, float]:
        """P(record 0 | 1), in the same way."""
        return self._sum(1, 0)

    @property
    def moves(self) -> tuple[float, float]:
        """Shares of |0> and of |1> that are left in the other state."""
        left = self.joint.sum(axis=1)
        return float(left[0, 1]), float(left[1, 0])

    def _sum(self, state: int, record: int) -> tuple[float, float]:
        error = float(np.sqrt((self.standard_error[state, record] ** 2).sum()))
        return float(self.joint[state, record].sum()), error


def fitted_instrument(counts: ArrayLike, flip: ArrayLike = FLIP) -> FittedInstrument:
    """Fit the instrument of one qubit.

    Args:
        counts: shots by circuit and by reading, in the order of
            `calibration.instrument.repeated_circuits`: shape (4, 2, 2, 2) [circuit, first, second,
            third].
        flip: what `x` does to the populations of |0> and |1>, shape (2, 2) [after, before].

    Raises:
        UsageError: no shots of a circuit, or another shape.
    """
    table = np.asarray(counts, dtype=float)
    if table.shape != (4, 2, 2, 2) or (table.sum(axis=(1, 2, 3)) < 1).any():
        raise UsageError(
            "an instrument should be fitted to shots of four circuits of three readings. "
            f"Got counts of shape {table.shape}."
        )
    shots = table.sum(axis=(1, 2, 3), keepdims=True)

    def loss(parameters: Array) -> float:
        law = np.maximum(predicted(parameters, flip), 1e-300)
        return float(-(table * np.log(law)).sum() / shots.sum())

    # Scaled to 1 at the size of usual errors, so that differences are taken at their scale.
    unit = 0.01
    found = optimize.minimize(
        lambda scaled: loss(unit * scaled),
        np.ones(len(NAMES)),
        method="L-BFGS-B",
        bounds=[(1e-9, MOST / unit)] * len(NAMES),
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000},
    )
    best = unit * np.asarray(found.x)
    law = predicted(best, flip)
    covariance = _covariance(np.maximum(best, 0.5 / shots.min()), flip, shots)
    expected = shots * law
    likely = expected > 1.0
    statistic = float((((table - expected) ** 2)[likely] / expected[likely]).sum())
    freedom = max(1, int(likely.sum()) - 4 - len(NAMES))
    return FittedInstrument(
        joint=_joint(best),
        standard_error=_errors(covariance),
        leaves=float(best[6]),
        leaves_standard_error=float(np.sqrt(covariance[6, 6])),
        p_value=float(stats.chi2.sf(statistic, freedom)),
    )


def predicted(parameters: ArrayLike, flip: ArrayLike = FLIP) -> Array:
    """Return the shares of the readings in the four circuits, shape (4, 2, 2, 2)."""
    steps = _steps(np.asarray(parameters, dtype=float))  # [r, s', s]
    turned = np.eye(3)
    turned[:2, :2] = flip
    found = np.zeros((4, 2, 2, 2))
    for circuit in range(4):
        start = np.eye(3)[0]
        start = turned @ start if circuit % 2 else start
        between = turned if circuit >= 2 else np.eye(3)
        found[circuit] = np.einsum(
            "cxe,ed,bdy,yz,azs,s->abc", steps.sum(1, keepdims=True), between, steps, between, steps,
            start,
        )  # fmt: skip
    return found


def _steps(p: Array) -> Array:
    """Return P(record r, leave s' | state s) of three states, shape (2, 3, 3) [r, s', s]."""
    steps = np.zeros((2, 3, 3))
    steps[1, 0, 0], steps[0, 1, 0], steps[1, 1, 0] = p[:3]
    steps[0, 0, 0] = 1 - p[:3].sum()
    steps[0, 1, 1], steps[1, 0, 1], steps[0, 0, 1] = p[3:6]
    steps[1, 2, 1] = p[6]
    steps[1, 1, 1] = 1 - p[3:].sum()
    steps[1, 2, 2] = 1.0
    return steps


def _joint(p: Array) -> Array:
    steps = _steps(p)
    steps[:, 1] += steps[:, 2]
    return np.ascontiguousarray(np.moveaxis(steps[:, :2, :2], 2, 0))


def _covariance(p: Array, flip: ArrayLike, shots: Array) -> Array:
    """Return the inverse of Fisher's information of all shots, shape (7, 7)."""
    law = np.maximum(predicted(p, flip), 1e-300)
    step = 1e-6
    slopes = np.array(
        [
            (predicted(p + step * unit, flip) - predicted(p - step * unit, flip)) / (2 * step)
            for unit in np.eye(len(p))
        ]
    )
    weighted = (slopes * (shots / law)).reshape(len(p), -1)
    return np.asarray(np.linalg.pinv(weighted @ slopes.reshape(len(p), -1).T))


def _errors(covariance: Array) -> Array:
    found = np.zeros((2, 2, 2))
    variances = np.diag(covariance)
    found[0, 1, 0], found[0, 0, 1], found[0, 1, 1] = variances[:3]
    found[1, 0, 1], found[1, 1, 0], found[1, 0, 0] = variances[3:6]
    found[0, 0, 0] = covariance[:3, :3].sum()
    found[1, 1, 1] = covariance[3:6, 3:6].sum()
    return np.asarray(np.sqrt(np.maximum(found, 0.0)))
