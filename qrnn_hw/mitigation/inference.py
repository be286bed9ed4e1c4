"""Values at zero noise, without Mitiq: polynomials by exact weights, exponentials by a fit."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

DECAYS = np.geomspace(1e-3, 10, 41)
"""Exponents, over the span of the scale factors, from which a fit may start; of either sign."""
STEEPEST = 30.0
"""A larger exponent over that span hangs on one value alone, and the limit on none."""


def polynomial_weights(scale_factors: Sequence[float], degree: int) -> tuple[Fraction, ...]:
    """Return w with value at zero = sum_i w_i value_i, for the least-squares polynomial.

    With one scale factor more than the degree it passes through all values: Richardson's
    extrapolation. Nothing is rounded, so that the weights are the same on every machine.

    Args:
        scale_factors: distinct, more than `degree`.
        degree: of the polynomial, 1 for a line.

    Source: Forsythe, J. SIAM 5 (1957) 74: with polynomials p_k that are orthogonal on the scale
    factors, w_i = sum_k p_k(0) p_k(x_i) / sum_j p_k(x_j)^2.
    """
    points = [Fraction(factor) for factor in scale_factors]
    weights = [Fraction(0)] * len(points)
    # Each list holds a polynomial's values at the points, its value at zero last.
    before, current = [Fraction(0)] * (len(points) + 1), [Fraction(1)] * (len(points) + 1)
    norm_before = Fraction(1)
    for _ in range(degree + 1):
        *values, at_zero = current
        norm = sum((value * value for value in values), Fraction(0))
        weights = [w + at_zero * v / norm for w, v in zip(weights, values, strict=True)]
        centre = sum((x * v * v for x, v in zip(points, values, strict=True)), Fraction(0)) / norm
        following = [
            (x - centre) * v - norm / norm_before * b
            for x, v, b in zip([*points, Fraction(0)], current, before, strict=True)
        ]
        before, current, norm_before = current, following, norm
    return tuple(weights)


def exponential_limit(scale_factors: Sequence[float], values: ArrayLike, order: int = 1) -> float:
    """Fit a + b exp(z(x)), z a polynomial without constant term, and return a + b.

    a and b follow from z by linear least squares, so that only z is searched for.

    Args:
        scale_factors: distinct, at least `order` + 2.
        values: at each of them. Shape: (n_scales,).
        order: degree of z.

    Raises:
        RuntimeError: no fit is found.

    Source: variable projection, Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973) 413.
    """
    x, y = np.asarray(scale_factors, dtype=float), np.asarray(values, dtype=float)
    powers = x[:, None] ** np.arange(1, order + 1)

    def fitted(coefficients: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        exponent = powers @ coefficients
        top = exponent.max()  # taken out, so that nothing overflows
        columns = np.stack([np.ones_like(x), np.exp(exponent - top)], axis=1)
        (a, b), *_ = np.linalg.lstsq(columns, y)
        return columns @ (a, b) - y, float(a + b * np.exp(-top))

    def residuals(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        return fitted(coefficients)[0]

    starts = np.zeros((2 * len(DECAYS), order))
    starts[:, 0] = np.concatenate([-DECAYS, DECAYS]) / np.ptp(x)
    start = min(starts, key=lambda one: float(np.square(residuals(one)).sum()))
    scale = np.ptp(x) ** -np.arange(1.0, order + 1)
    tight = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}
    try:
        found = least_squares(residuals, start, x_scale=scale, method="lm", **tight)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise RuntimeError(f"the fit leaves the numbers: {error}") from error
    limit = fitted(found.x)[1]
    if not found.success or not np.isfinite(limit):
        raise RuntimeError(f"no fit is found: {found.message}")
    if np.ptp(powers @ found.x) > STEEPEST:
        raise RuntimeError("all values but one are alike")
    return limit
