"""Where a long job says what it is doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """Told of stages and of how far each is."""

    def stage(self, text: str) -> None:
        """Begin a stage."""

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Say how far the stage is."""


@dataclass(frozen=True)
class Quiet:
    """Progress that nobody reads, such as that of a worker."""

    def stage(self, text: str) -> None:
        """Say nothing."""

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Say nothing."""
