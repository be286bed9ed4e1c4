"""What one training by a recipe is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from circuits.zoo.registry import architecture
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.run_folder import RUNS, changed, file_name, settings_digest, told_reading
from qrnn_hw.experiment.settings import read_data
from qrnn_hw.networks.head_options import HeadOptions
from qrnn_hw.ranges import MOST_EPOCHS, MOST_SEED, MOST_SEEDS, MOST_SHOTS
from qrnn_hw.recipes.recipes import FAULTS, Recipe, published_recipe

if TYPE_CHECKING:
    from qrnn_hw.data.dataset import Dataset

RecipeName = Literal["published", "ours"]


@dataclass(frozen=True)
class RecipeSettings:
    """What is to be trained; `output` and `shots` change no trained number."""

    model: str
    recipe: RecipeName = "ours"
    options: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = "amazon"
    data: Path | None = None
    embeddings: Path | None = None
    reading: ReadOptions = field(default_factory=ReadOptions)
    seed: int = 0
    n_seeds: int = 1
    epochs: int | None = None
    """At most so many; None is the recipe's own number."""

    learning_rate: float | None = None
    """None is the recipe's own."""

    faults: tuple[str, ...] | None = None
    """Faults of the published pipeline that stay in; None is all that its code has for the model,
    ("none",) and () are none."""

    shots: int = 1000
    head: HeadOptions = field(default_factory=HeadOptions)
    """Which bits the trained head reads."""

    frozen: bool = False
    """Whether the circuit keeps the weights that it was drawn with: a control."""

    output: Path = Path("runs/train")

    def __post_init__(self) -> None:
        """Check what needs no data: the ranges, and that the recipe is one of this model."""
        if self.recipe not in get_args(RecipeName):
            raise UsageError(
                f"the recipe should be one of {', '.join(get_args(RecipeName))}. "
                f"Got {self.recipe!r}."
            )
        for option, value, least, most in (
            ("--seeds", self.n_seeds, 1, MOST_SEEDS),
            ("--seed", self.seed, 0, MOST_SEED - self.n_seeds + 1),
            ("--epochs", self.epochs, 1, MOST_EPOCHS),
            ("--shots", self.shots, 1, MOST_SHOTS),
        ):
            if value is not None and not least <= value <= most:
                raise UsageError(f"{option} should be {least} to {most:,}. Got {value}.")
        model = architecture(self.model, **self.options)
        if self.faults is not None and self.recipe != "published":
            raise UsageError(f"--fault should come with --recipe published. Got {self.recipe}.")
        if self.recipe == "published":
            self.published()
        self.head.check(model)
        if self.recipe == "published" and self.head.told:
            raise UsageError(
                "the published recipe should have the reading final and nothing direct. Got "
                f"{', '.join(f'{name} {one}' for name, one in self.head.told.items())}; use "
                "--recipe ours."
            )
        if self.frozen and model.n_weights == 0:
            raise UsageError(
                "only a model with weights in its circuit can have them frozen. "
                f"Got {model.name}, whose weights are all its controller's."
            )

    def read(self) -> Dataset:
        """Read the data.

        Raises:
            DataError, UsageError: they are not as they should be, or an option does not fit them.
        """
        return read_data(self.data, self.dataset, self.reading, self.embeddings)

    def published(self) -> Recipe:
        """Return the published recipe with the faults asked for.

        Raises:
            UsageError: the model has no published recipe, or its published code no such fault.
        """
        faulty = published_recipe(self.model).with_published_faults()
        if self.faults is None:
            return faulty
        own = [name for name in FAULTS if getattr(faulty, name)]
        kept = () if self.faults == ("none",) else self.faults
        if not set(kept) <= set(own):
            raise UsageError(
                f"--fault should be among those of the published {self.model}, {', '.join(own)}, "
                f"or none. Got {', '.join(kept)}."
            )
        return published_recipe(self.model, **dict.fromkeys(kept, True))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The K seeds."""
        return tuple(range(self.seed, self.seed + self.n_seeds))


def default_folder(settings: RecipeSettings) -> Path:
    """Return runs/train-MODEL-RECIPE-DIGEST, where a training writes when nobody says where.

    Epochs and shots are not in the digest: with more of either a training goes on in its folder.

    Raises:
        DataError: a file of the user's cannot be read.
    """
    left_out = ("output", "epochs", "shots")
    told = {k: value for k, value in asdict(settings).items() if k not in left_out}
    told["reading"] = told_reading(settings.reading)
    if not told["reading"]:
        del told["reading"]
    told["head"] = settings.head.to_json()
    if not settings.head.told:
        del told["head"]
    told |= changed(settings.model, settings.options)
    return RUNS / f"train-{file_name(settings.model)}-{settings.recipe}-{settings_digest(told)}"
