"""What the host computes between two rounds of `expectation` mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FeedValue:
    """Feed the expectation value back as it is: h_t = <Z>."""

    n_state = 1

    def fed_back(self, state: Any) -> Any:
        """Return h, shape (...)."""
        return state[..., 0]

    def update(self, state: Any, values: Any, xp: Any) -> Any:
        """Return <Z> as the state, shape (..., 1)."""
        return values

    def output(self, state: Any, values: Any) -> Any:
        """Return the last <Z>, shape (..., 1)."""
        return values


@dataclass(frozen=True)
class FeedTanhOfSum:
    """Feed back h_t = tanh(sum of the <Z>)."""

    n_state = 1

    def fed_back(self, state: Any) -> Any:
        """Return h, shape (...)."""
        return state[..., 0]

    def update(self, state: Any, values: Any, xp: Any) -> Any:
        """Return tanh of the sum, shape (..., 1)."""
        return xp.tanh(values.sum(axis=-1, keepdims=True))

    def output(self, state: Any, values: Any) -> Any:
        """Return the last <Z> of each readout wire, shape (..., m)."""
        return values


@dataclass(frozen=True)
class LongShortTermMemory:
    """Combine four circuits as an LSTM does: c_t = f c_{t-1} + i g and h_t = o tanh(c_t).

    i, f, o = sigmoid(<Z>) and g = tanh(<Z>) of the input, forget, output and candidate circuits;
    the state is (h, c).
    """

    n_state = 2

    def fed_back(self, state: Any) -> Any:
        """Return h, shape (...)."""
        return state[..., 0]

    def update(self, state: Any, values: Any, xp: Any) -> Any:
        """Return (h, c), shape (..., 2), from <Z> of input, forget, candidate, output gate."""
        gates = 1 / (1 + xp.exp(-values))
        candidate = xp.tanh(values[..., 2])
        c = gates[..., 1] * state[..., 1] + gates[..., 0] * candidate
        return xp.stack([gates[..., 3] * xp.tanh(c), c], axis=-1)

    def output(self, state: Any, values: Any) -> Any:
        """Return h, shape (..., 1)."""
        return state[..., :1]
