"""Windows of a series: the last steps that are known, and what comes after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from qrnn_hw.data.lines import shown
from qrnn_hw.data.number_cells import SMALLEST
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import DataError, UsageError

DEFAULT_WINDOW = 12
DEFAULT_HORIZON = 1
MOST_NUMBERS = 1 << 29
"""In all windows together, 4 GiB."""


@dataclass(frozen=True, eq=False)
class Series:
    """Columns of finite numbers in the order of time, and which of them are used."""

    name: str
    names: tuple[str, ...]
    values: NDArray[np.float64]  # shape: (T, c)
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    window: int = DEFAULT_WINDOW
    horizon: int = DEFAULT_HORIZON
    """Steps from the last one of a window to the target; 0 is the last step itself."""

    changes: bool = False
    """Whether a step is what changed since the row before, and the target what changes over the
    horizon, y[t + h] - y[t]: first differences, as of a series whose level wanders (Box & Jenkins
    1970)."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            UsageError: the window or the horizon is none, or a target is known already.
            DataError: the series is too short, or a target is constant.
        """
        if self.window < 1:
            raise UsageError(f"the window should be at least 1 step. Got {self.window}.")
        if self.horizon < 0:
            raise UsageError(f"the horizon should be at least 0 steps. Got {self.horizon}.")
        if self.horizon == 0 and (known := set(self.inputs) & set(self.targets)):
            raise UsageError(
                "with a horizon of 0 the target should not be among the inputs. "
                f"Got {shown(min(known))}: forecast 1 step or more, or name other --inputs."
            )
        if self.changes and self.horizon == 0:
            raise UsageError(
                "changes should be forecast 1 step ahead or more: of a step itself nothing is left "
                "to change. Got a horizon of 0."
            )
        if self.n_windows < 3:
            raise DataError(
                f"{self.name}: a series should be longer than window and horizon together, by 3 "
                f"steps at least. Got {len(self.steps)} {'changes' if self.changes else 'steps'}, "
                f"a window of {self.window} and a horizon of {self.horizon}."
            )
        numbers = self.ahead(self.last_steps()) if self.changes else self.columns(self.targets)
        # A straight line's changes differ by the rounding of its levels.
        least = max(SMALLEST, 1e-12 * np.abs(self.values).max() if self.changes else 0.0)
        for name, column in zip(self.targets, numbers.T, strict=True):
            if np.ptp(column) <= least:
                what = f"the {'change of the ' * self.changes}target {shown(name)}"
                raise DataError(
                    f"{self.name}: {what} should vary. Got {column[0]:g} in all {len(column)} rows."
                )

    @property
    def n_windows(self) -> int:
        """How many windows have a target."""
        return len(self.steps) - self.window - self.horizon + 1

    @property
    def steps(self) -> NDArray[np.float64]:
        """What a step is, shape (T, c): the values, or their changes, which are one less."""
        return np.diff(self.values, axis=0) if self.changes else self.values

    def columns(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Return columns of the steps in the order of their names, shape (T, len(names))."""
        return self.steps[:, [self.names.index(name) for name in names]]

    def ahead(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what is forecast at some steps, shape (*steps.shape, k).

        Args:
            steps: places of the last step that is known.
        """
        columns = self.values[:, [self.names.index(name) for name in self.targets]]
        if self.changes:
            return np.asarray(columns[steps + 1 + self.horizon] - columns[steps + 1])
        return np.asarray(columns[steps + self.horizon])

    def last_steps(self) -> NDArray[np.int64]:
        """Return the place in the series of each window's last step, shape (n,)."""
        return np.arange(self.n_windows, dtype=np.int64) + self.window - 1

    def windows(self) -> Sequences:
        """Return each window as a sequence, shape (n, window, d), and its target, shape (n, k).

        Raises:
            DataError: they would take gigabytes.
        """
        inputs = self.columns(self.inputs)
        check_size(self.name, self.n_windows * self.window * len(self.inputs))
        values = sliding_window_view(inputs, self.window, axis=0)[: self.n_windows]
        targets = self.ahead(self.last_steps())
        return _sequences(np.ascontiguousarray(values.transpose(0, 2, 1)), targets)

    def pieces(self) -> Sequences:
        """Return the series cut into pieces of a window's length, none overlapping another.

        Every step has a target, shape (n, window, k): what comes `horizon` steps after it. Steps at
        the end that fill no piece are left out.
        """
        n_pieces = (len(self.steps) - self.horizon) // self.window
        n_steps = n_pieces * self.window
        values = self.columns(self.inputs)[:n_steps]
        targets = self.ahead(np.arange(n_steps))
        shape = (n_pieces, self.window, -1)
        return _sequences(values.reshape(shape).copy(), targets.reshape(shape).copy())


def check_size(name: str, n_numbers: int) -> None:
    """Refuse sequences that would take gigabytes.

    Raises:
        DataError: they hold more than `MOST_NUMBERS`.
    """
    if n_numbers > MOST_NUMBERS:
        raise DataError(
            f"{name}: all sequences together should hold at most {MOST_NUMBERS:,} numbers. "
            f"Got {n_numbers:,}: read fewer steps, or a part of the data."
        )


def _sequences(values: NDArray[np.float64], targets: NDArray[np.float64]) -> Sequences:
    n_rows, n_steps, _ = values.shape
    lengths = np.full(n_rows, n_steps, dtype=np.int64)
    # Rows that look alike are different times.
    return Sequences(values, lengths, targets, groups=np.arange(n_rows, dtype=np.int64))
