"""Sequences of numbers: what every reader makes, and all that training and prediction see."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import UsageError


@dataclass(frozen=True, eq=False)
class Sequences:
    """n sequences of up to T steps of d numbers each, and what is to be learnt of them.

    The arrays cannot be written to. Who a row is comes from the numbers that were read, never from
    products of them, whose last bits depend on the processor.
    """

    values: NDArray[np.float64]  # shape: (n, T, d)
    """Zero beyond a sequence's length."""

    lengths: NDArray[np.int64]  # shape: (n,)
    """How many steps count, 0 to T. A sequence of 0 is answered from the model's initial state."""

    targets: NDArray[Any] | None = None  # shape: (n, ...)
    """As their `Target` has it; None where nothing is known of the rows."""

    identities: tuple[str, ...] = ()
    """SHA-256 of what each row was read as; by default that of its values and length."""

    groups: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """A number for each row, shape (n,): those of one number never stand in two parts of a split.
    By default rows of one identity."""

    def __post_init__(self) -> None:
        """Check all, and fill in the defaults.

        Raises:
            UsageError: shapes do not fit, a value is not finite, or a length is none.
        """
        if self.values.ndim != 3 or self.lengths.shape != (len(self.values),):
            raise UsageError(
                "values should have the shape (n, T, d) and lengths (n,). "
                f"Got {self.values.shape} and {self.lengths.shape}."
            )
        if not np.isfinite(self.values).all():
            raise UsageError("values should be finite. Got at least one that is not.")
        if self.lengths.dtype.kind not in "iu":
            raise UsageError(f"lengths should be whole numbers. Got {self.lengths.dtype}.")
        if ((self.lengths < 0) | (self.lengths > self.n_steps)).any():
            raise UsageError(
                f"lengths should be between 0 and the {self.n_steps} steps. "
                f"Got {self.lengths.min()} to {self.lengths.max()}."
            )
        if not self.identities:
            self._set(identities=identities(self.values, self.lengths))
        if len(self.groups) == 0:
            numbers: dict[str, int] = {}
            found = [numbers.setdefault(one, len(numbers)) for one in self.identities]
            self._set(groups=np.array(found, dtype=np.int64))
        for name in ("targets", "identities", "groups"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self):
                raise UsageError(
                    f"{name} should have an entry for each of the {len(self)} rows. "
                    f"Got {len(column)}."
                )
        for name in ("values", "lengths", "targets", "groups"):
            if (array := getattr(self, name)) is not None:
                view = array.view()
                view.flags.writeable = False
                self._set(**{name: view})

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_steps(self) -> int:
        """The common number of steps, T."""
        return int(self.values.shape[1])

    @property
    def dim(self) -> int:
        """The number of features of a step, d."""
        return int(self.values.shape[2])

    @property
    def known_targets(self) -> NDArray[Any]:
        """The targets, shape (n, ...).

        Raises:
            UsageError: none are known.
        """
        if self.targets is None:
            raise UsageError("the rows should have targets. Got none.")
        return self.targets

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Tell the steps that count from padding, shape (n, T)."""
        return np.asarray(np.arange(self.n_steps) < self.lengths[:, None])

    @property
    def digest(self) -> str:
        """SHA-256 of the rows' identities and targets, in order."""
        hashed = hashlib.sha256("".join(self.identities).encode())
        if self.targets is not None:
            hashed.update(_bytes(self.targets))
        return hashed.hexdigest()

    def take(self, rows: NDArray[np.int64]) -> Sequences:
        """Return the sequences at `rows`, in that order."""
        return Sequences(
            values=self.values[rows],
            lengths=self.lengths[rows],
            targets=None if self.targets is None else self.targets[rows],
            identities=tuple(self.identities[row] for row in np.arange(len(self))[rows]),
            groups=self.groups[rows],
        )

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)


def joined(first: Sequences, second: Sequences) -> Sequences:
    """Return the rows of both, of one number of steps, after each other."""
    targets = None
    if first.targets is not None and second.targets is not None:
        targets = np.concatenate([first.targets, second.targets])
    return Sequences(
        values=np.concatenate([first.values, second.values]),
        lengths=np.concatenate([first.lengths, second.lengths]),
        targets=targets,
        identities=first.identities + second.identities,
        groups=np.concatenate([first.groups, second.groups]),
    )


def identity(numbers: NDArray[Any]) -> str:
    """Return the SHA-256 of the numbers of a row, shape (length, d), on every machine the same."""
    return hashlib.sha256(str(numbers.shape).encode() + _bytes(numbers)).hexdigest()


def identities(values: NDArray[Any], lengths: NDArray[np.int64]) -> tuple[str, ...]:
    """Return the identity of each row, of values (n, T, d) and lengths (n,)."""
    n_features = values.shape[2]
    shape_of = [str((length, n_features)).encode() for length in range(values.shape[1] + 1)]
    step_bytes = 8 * n_features
    # A thousand rows at a time: their bytes are a copy.
    return tuple(
        hashlib.sha256(shape_of[length] + row[: length * step_bytes]).hexdigest()
        for start in range(0, len(values), 1000)
        for row, length in zip(
            _rows(values[start : start + 1000]), lengths[start : start + 1000].tolist(), strict=True
        )
    )


def _rows(values: NDArray[Any]) -> list[bytes]:
    content, n_rows = _bytes(values), len(values)
    size = len(content) // n_rows
    return [content[row * size : (row + 1) * size] for row in range(n_rows)]


def _bytes(numbers: NDArray[Any]) -> bytes:
    kind = "<i8" if numbers.dtype.kind in "iub" else "<f8"
    return (np.ascontiguousarray(numbers).astype(kind) + 0).tobytes()  # there is one zero
