"""Series that the literature forecasts, from their published equations and parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import UsageError

TRANSIENT_STEPS = 1000
"""Left out at the start of a series that settles on an attractor."""

MEMORY = 10
"""Largest delay of the short-term memory task."""

PARITIES = 6
"""Largest delay of the parity task."""


def mackey_glass(
    n_steps: int, *, seed: int, tau: float = 17.0, steps_per_unit: int = 10
) -> NDArray[np.float64]:
    """Return x of dx/dt = 0.2 x(t - tau) / (1 + x(t - tau)^10) - 0.1 x at t = 0, 1, ...

    Mackey & Glass, Science 197, 287 (1977); tau = 17 and unit sampling as in Jaeger & Haas,
    Science 304, 78 (2004). Before the start x is constant, within 0.1 of 1.2. By Runge-Kutta steps
    of order four, delayed values between two steps by cubic Hermite interpolation.

    Args:
        n_steps: length of the series, shape (n_steps,).
        seed: of the constant before the start.
        tau: delay in units of time.
        steps_per_unit: integration steps in a unit of time, in which the delay is whole.
    """
    h = 1.0 / steps_per_unit
    lag = round(tau * steps_per_unit)
    n_all = (TRANSIENT_STEPS + n_steps - 1) * steps_per_unit
    x = np.full(lag + n_all + 1, 1.2 + 0.1 * np.random.default_rng(seed).uniform(-1, 1))
    slope = np.zeros_like(x)

    def change(now: float, delayed: float) -> float:
        return 0.2 * delayed / (1.0 + delayed**10) - 0.1 * now

    slope[lag] = change(x[lag], x[0])
    for i in range(lag, lag + n_all):
        a, b = x[i - lag], x[i - lag + 1]
        after = slope[i - lag + 1] if i + 1 != 2 * lag else 0.0  # constant until the start
        middle = (a + b) / 2 + h * (slope[i - lag] - after) / 8
        k1 = change(x[i], a)
        k2 = change(x[i] + h * k1 / 2, middle)
        k3 = change(x[i] + h * k2 / 2, middle)
        k4 = change(x[i] + h * k3, b)
        x[i + 1] = x[i] + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
        slope[i + 1] = change(x[i + 1], b)
    return np.ascontiguousarray(x[lag + TRANSIENT_STEPS * steps_per_unit :: steps_per_unit])


def lorenz63(n_steps: int, *, seed: int, interval: float = 0.02) -> NDArray[np.float64]:
    """Return x, y, z of the Lorenz system every `interval`, shape (n_steps, 3).

    dx/dt = 10 (y - x), dy/dt = x (28 - z) - y, dz/dt = x y - 8 z / 3: Lorenz, J. Atmos. Sci. 20,
    130 (1963); sampled as in Pathak et al., Chaos 27, 121102 (2017). From a point within 0.5 of
    (1, 1, 1), the first steps left out.
    """
    start = 1.0 + 0.5 * np.random.default_rng(seed).uniform(-1, 1, 3)
    moments = interval * np.arange(TRANSIENT_STEPS + n_steps)

    def change(_: float, state: NDArray[np.float64]) -> list[float]:
        x, y, z = state
        return [10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 * z / 3.0]

    from scipy.integrate import solve_ivp  # half a second, which other data need not wait for

    found = solve_ivp(change, (0.0, moments[-1]), start, "DOP853", moments, rtol=1e-10, atol=1e-10)
    return np.asarray(found.y.T[TRANSIENT_STEPS:], dtype=np.float64)


def narma10(n_steps: int, *, seed: int) -> NDArray[np.float64]:
    """Return u and y of the nonlinear moving average of order ten, shape (n_steps, 2).

    y(t+1) = 0.3 y(t) + 0.05 y(t) (y(t) + ... + y(t-9)) + 1.5 u(t-9) u(t) + 0.1 with u uniform on
    [0, 0.5]: Atiya & Parlos, IEEE Trans. Neural Networks 11, 697 (2000). All y before the start
    are 0, and the first steps are left out.

    Raises:
        UsageError: the series diverges, as it does for a few seeds.
    """
    n_all = TRANSIENT_STEPS + n_steps
    u = np.random.default_rng(seed).uniform(0.0, 0.5, n_all)
    y = np.zeros(n_all)
    for t in range(n_all - 1):
        past = y[max(t - 9, 0) : t + 1].sum()
        driven = 1.5 * u[t - 9] * u[t] if t >= 9 else 0.0
        y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * past + driven + 0.1
        if y[t + 1] > 1e3:
            raise UsageError(
                f"narma10 should stay finite. Got a series that diverges with the seed {seed}: "
                "take another."
            )
    return np.stack([u, y], axis=1)[TRANSIENT_STEPS:]


def short_term_memory(n_steps: int, *, seed: int) -> NDArray[np.float64]:
    """Return u(t) and u(t - 1) to u(t - 10), shape (n_steps, 11), with u uniform on [-0.5, 0.5].

    Jaeger, Short term memory in echo state networks, GMD Report 152 (2001).
    """
    u = np.random.default_rng(seed).uniform(-0.5, 0.5, n_steps + MEMORY)
    return np.stack([u[MEMORY - k : MEMORY - k + n_steps] for k in range(MEMORY + 1)], axis=1)


def parity(n_steps: int, *, seed: int) -> NDArray[np.float64]:
    """Return b(t) and the parities of b(t), ..., b(t - k) for k = 1 to 6, shape (n_steps, 7).

    Bits are drawn as 0 or 1; a parity is 1 for an even number of ones, else -1: Bertschinger &
    Natschlager, Neural Computation 16, 1413 (2004).
    """
    bits = np.random.default_rng(seed).integers(0, 2, n_steps + PARITIES)
    signs = 1.0 - 2.0 * bits
    past = [signs[PARITIES - k : PARITIES - k + n_steps] for k in range(PARITIES + 1)]
    found = np.cumprod(np.stack(past, axis=1), axis=1)
    return np.concatenate([bits[PARITIES:, None].astype(np.float64), found[:, 1:]], axis=1)
