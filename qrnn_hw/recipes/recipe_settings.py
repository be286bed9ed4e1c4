"""What one training by a recipe is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from qrnn_hw.errors import UsageError
from qrnn_hw.ranges import MOST_SEED, MOST_SHOTS

RecipeName = Literal["published", "ours"]
MOST_SEEDS = 100


@dataclass(frozen=True)
class RecipeSettings:
    """What is to be trained; `output` and `shots` change no trained number."""

    model: str
    recipe: RecipeName = "ours"
    options: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = "amazon"
    data: Path | None = None
    embeddings: Path | None = None
    seed: int = 0
    n_seeds: int = 1
    epochs: int | None = None
    """At most so many; None is the recipe's own number."""

    learning_rate: float | None = None
    """None is the recipe's own."""

    shots: int = 1000
    frozen: bool = False
    """Whether the circuit keeps the weights that it was drawn with: a control."""

    output: Path = Path("runs/train")

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.recipe not in get_args(RecipeName):
            raise UsageError(
                f"the recipe should be one of {', '.join(get_args(RecipeName))}. "
                f"Got {self.recipe!r}."
            )
        for name, least, most in (
            ("seed", 0, MOST_SEED),
            ("n_seeds", 1, MOST_SEEDS),
            ("epochs", 1, 100_000),
            ("shots", 1, MOST_SHOTS),
        ):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise UsageError(f"{name} should be {least} to {most:,}. Got {value}.")

    @property
    def seeds(self) -> tuple[int, ...]:
        """The K seeds."""
        return tuple(range(self.seed, self.seed + self.n_seeds))
