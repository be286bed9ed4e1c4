"""What one run of the main job is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.head_options import HeadOptions
from qrnn_hw.ranges import MOST_ROUNDS, MOST_SEED, MOST_SENTENCES, MOST_SHOTS
from qrnn_hw.submission.placing import LEVEL_3, placement_name
from qrnn_hw.submission.tiles import check_mode, check_tiles
from qrnn_hw.training.options import TrainingOptions

if TYPE_CHECKING:
    from circuits.definition import Architecture
    from qrnn_hw.data.dataset import Dataset

Engine = Literal["exact", "aer"]
TrainingNoise = Literal["machine", "none"]
DECOUPLINGS = ("xx", "xy4")

AUTO = "auto"
DEFAULT_PLANS = ("none", "terminal", "linear(1,3) + terminal")
"""Of the extrapolations the cheapest in variance: four times the shots of a raw value."""

REPETITIONS = 20
"""As many as tell scatter from shots with 19 degrees of freedom."""

DEFAULT_CANARIES = 8
"""With eight large answers 95 % intervals hold under every effect of the twin machine."""


@dataclass(frozen=True)
class RunSettings:
    """Everything that the numbers of a run depend on, and where it writes."""

    model: str = "dynamic-line"
    dataset: str = "uci"
    """A data set by name: `uci` for all three files of sentences, tested on amazon, or another of
    `qrnn_hw.data.named.NAMES`."""

    data: Path | None = None
    """The user's own file, in place of `dataset`."""

    embeddings: Path | None = None
    """The user's own word vectors."""

    reading: ReadOptions = field(default_factory=ReadOptions)
    """How the data are read, where their header does not say it all."""

    backend: str = "fake_boston"
    shots: int = 1000
    """Shots per prediction, the same total for every mitigation stack."""

    training_shots: int = 0
    """Shots of each loss value of the aer engine; 0 is Aer's exact distribution."""

    sentences: int | None = None
    """Test sentences that are run on the machine; None is all of them."""

    decoupling: str | None = None
    """Pulses that echo idling, `xx` or `xy4`; None is plain delays."""

    placement: str = LEVEL_3
    """Where the circuit lies: `level-3`, `auto` for the best of all by the exact engine, or qubits
    of the machine."""

    seed: int = 0
    engine: Engine = "exact"
    training: TrainingOptions = field(default_factory=TrainingOptions)
    output: Path = Path("runs/latest")
    training_seed: int | None = None
    """Of the training alone, the split staying that of `seed`; None is `seed`."""

    budget_seconds: float | None = None
    """QPU seconds that all jobs of the run may take together; None is no limit."""

    options: tuple[tuple[str, Any], ...] = ()
    """Options of the model that are given, by name."""

    snapshots: tuple[Path, ...] = ()
    """Other calibrations of the backend, files of `qrnn-hw calibrate snapshot`, to train under
    too."""

    learned: tuple[Path, ...] = ()
    """What was measured of the backend beside what it reports, files of `calibrate readout`."""

    plans: tuple[str, ...] = ()
    """Names of the mitigation stacks to run, or `auto`; none are `DEFAULT_PLANS`."""

    repetitions: int = REPETITIONS
    """Of all circuits in one job, at most; 1 is one job for each scale factor."""

    canaries: int = DEFAULT_CANARIES
    """Sequences with known answers that are run along; 0 is none."""

    training_noise: TrainingNoise | None = None
    """Whether to train under the machine's noise; None is to, except for models in rounds."""

    tiles: int | None = None
    """Copies of the circuit side by side: at most so many, 0 for as many as are good enough; None
    is one circuit where the transpiler places it."""

    guard: int | None = None
    """Couplings that are kept between tiles; None is `qrnn_hw.submission.tiles.GUARD`."""

    head: HeadOptions = field(default_factory=HeadOptions)
    """Which bits the trained head reads."""

    rep_delay_seconds: float | None = None
    """Between two shots; None leaves it to the machine."""

    minutes: float | None = None
    """Of QPU time, which choose the shots; None takes those given."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        # A document gives lists.
        object.__setattr__(self, "options", tuple(sorted((str(k), v) for k, v in self.options)))
        object.__setattr__(self, "plans", _plans(self.plans))
        for name, least in (
            ("shots", 1),
            ("training_shots", 0),
            ("repetitions", 1),
            ("canaries", 0),
            ("sentences", 1),
            ("seed", 0),
            ("training_seed", 0),
            ("tiles", 0),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} should be at least {least}. Got {value}.")
        for name, most in (
            ("shots", MOST_SHOTS),
            ("training_shots", MOST_SHOTS),
            ("repetitions", MOST_ROUNDS),
            ("canaries", MOST_SENTENCES),
            ("seed", MOST_SEED),
        ):
            if (getattr(self, name) or 0) > most:
                raise UsageError(f"{name} should be at most {most:,}. Got {getattr(self, name)}.")
        if self.head.reading == "steps":
            self.head.check(self.architecture)
        if self.budget_seconds is not None and not 0 <= self.budget_seconds < float("inf"):
            raise UsageError(
                f"the budget should be a number of seconds of at least 0. "
                f"Got {self.budget_seconds}."
            )
        object.__setattr__(self, "placement", placement_name(self.placement))
        if self.minutes is not None and not 0 < self.minutes < float("inf"):
            raise UsageError(f"the minutes should be a number above 0. Got {self.minutes}.")
        check_tiles(self.tiles, self.guard, self.placement)
        if self.tiles is not None:
            check_mode(self.architecture)
        if self.decoupling not in (None, *DECOUPLINGS):
            raise UsageError(
                f"the decoupling should be one of {', '.join(DECOUPLINGS)}. "
                f"Got {self.decoupling!r}."
            )
        if self.engine not in get_args(Engine):
            raise UsageError(
                f"the engine should be one of {', '.join(get_args(Engine))}. Got {self.engine!r}."
            )
        if self.training_noise not in (None, *get_args(TrainingNoise)):
            raise UsageError(
                f"the training noise should be one of {', '.join(get_args(TrainingNoise))}. "
                f"Got {self.training_noise!r}."
            )
        if self.training_noise == "none" and self.snapshots:
            raise UsageError(
                "training without noise should have no calibrations to train under. Got "
                f"{len(self.snapshots)}; leave them out, or train under the machine's noise."
            )

    @property
    def trains_under_noise(self) -> bool:
        """Whether the training sees the machine's noise."""
        if self.training_noise is None:
            return self.architecture.mode != "expectation"
        return self.training_noise == "machine"

    @property
    def architecture(self) -> Architecture:
        """The model with its options.

        Raises:
            UnknownNameError: no such model.
            CircuitsError: no such option, or a value it does not take.
        """
        from circuits.zoo.registry import architecture

        return architecture(self.model, **dict(self.options))

    @property
    def seeds(self) -> dict[str, int]:
        """Named seeds, all derived from the one given."""
        return {
            "split": split_seed(self.seed),
            "training": self.seed if self.training_seed is None else self.training_seed,
            "transpiler": 7 + self.seed,
            "readout_calibration": 1000 + self.seed,
            "shots_scale_1": 2000 + self.seed,
            "shots_scale_3": 3000 + self.seed,
        }

    def read(self) -> Dataset:
        """Read the data.

        Raises:
            DataError, UsageError: they are not as they should be, or an option does not fit them.
        """
        return read_data(self.data, self.dataset, self.reading, self.embeddings)

    def kept_snapshot(self, number: int) -> Path:
        """Return where the output folder keeps one of the other calibrations."""
        return self.output / f"calibration-{number + 1}.json"

    def kept_learned(self, number: int) -> Path:
        """Return where the output folder keeps one of the learned calibrations."""
        return self.output / f"learned-{number + 1}.json"

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a JSON object."""
        document: dict[str, Any] = {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
        }
        document["reading"] = self.reading.to_json()
        document["head"] = self.head.to_json()
        for name in ("snapshots", "learned"):
            document[name] = [str(path) for path in getattr(self, name)]
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any], folder: Path) -> RunSettings:
        """Return the settings that `to_json` gave, of a run whose folder may have moved since.

        Raises:
            KeyError, TypeError, AttributeError, ValueError: it is no such document.
        """
        # Runs of before had neither.
        fields = {"repetitions": 1, "canaries": 0} | dict(document)
        for name in ("data", "embeddings"):
            fields[name] = Path(fields[name]) if fields[name] else None
        fields["training"] = TrainingOptions(**fields["training"])
        fields["reading"] = ReadOptions.from_json(fields.get("reading") or {})
        fields["head"] = HeadOptions.from_json(fields.get("head") or {})
        settings = cls(**fields | {"output": folder, "snapshots": (), "learned": ()})
        kept = [settings.kept_snapshot(n) for n in range(len(fields.get("snapshots", ())))]
        learned = [settings.kept_learned(n) for n in range(len(fields.get("learned", ())))]
        return replace(settings, snapshots=tuple(kept), learned=tuple(learned))


def read_data(
    data: Path | None, dataset: str, reading: ReadOptions, embeddings: Path | None
) -> Dataset:
    """Read a file, or a data set by its name where there is none."""
    from qrnn_hw.data.named import read_named
    from qrnn_hw.data.reading import read

    options = replace(reading, embeddings=embeddings)
    return read(data, options) if data else read_named(dataset, options)


def split_seed(seed: int) -> int:
    """Return the seed of the split that belongs to a run's seed."""
    return 42 + seed


def _plans(given: Sequence[str]) -> tuple[str, ...]:
    """Return the names as the stacks write them, each once; none where they are the default."""
    if not given:
        return ()
    from qrnn_hw.mitigation.stack_names import parse_stack

    plain = [" ".join(str(name).lower().split()) for name in given]
    names = tuple(dict.fromkeys(name if name == AUTO else parse_stack(name).name for name in plain))
    return () if names == DEFAULT_PLANS else names
