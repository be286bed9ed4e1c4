"""One training: a network with its rows, resumed from its checkpoint, saved after every epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.networks.identity import network_content
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.readers import Reader
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.training.adam import Adam
from qrnn_hw.training.checkpoint import Identity, load, save
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.reservoir import ridge_start
from qrnn_hw.training.spsa import SPSA, AerReadings
from qrnn_hw.training.trainer import Stepper, TrainingState, start, train
from qrnn_hw.training.variable_projection import VariableProjection

CHECKPOINT = "checkpoint.npz"


@dataclass(frozen=True, eq=False)
class Training:
    """A network, the rows of each of K seeds, and how it is trained on them."""

    network: Network
    options: TrainingOptions
    seeds: tuple[int, ...]
    """Of the order of the rows, one for each of the K that are trained at once."""

    initial: tuple[Parameters, ...]
    training: tuple[Sequences, ...]
    validation: tuple[Sequences, ...] | None
    test: tuple[Sequences, ...]
    content: Mapping[str, Any]
    """What else the numbers depend on, JSON-ready by the name that an error calls it."""

    before: tuple[str, ...] = ()
    """By what commit 2b9fe54 knew this training, if it had its circuits and its loss."""

    readers: tuple[Reader, ...] | None = None
    """The readings to train on, in turn; None is without noise."""

    aer: AerReadings | None = None
    """Aer's readings to train on by SPSA, in place of exact ones."""

    head_shots: int | None = None
    """That a head which ridge fits is for; None is infinitely many."""

    frozen: bool = False
    """Whether the circuit keeps the weights that it was drawn with: a control."""

    @property
    def by_ridge(self) -> bool:
        """Whether ridge fits the head at every step, with what reaches the outputs directly.

        Aer's training and a penalty on the variance of shots have no such optimum.
        """
        return bool(self.network.direct) and self.aer is None and not self.options.is_regularised

    @cached_property
    def identity(self) -> Identity:
        """What a checkpoint must have been trained on to be resumed."""
        options = self.options.to_json()
        options.pop("epochs")
        content = network_content(self.network) | dict(self.content)
        content["training"] = options | content.get("training", {})
        if self.by_ridge:
            content["training"] |= {"head": "variable projection"}
            if self.head_shots is not None:
                content["training"] |= {"head_shots": self.head_shots}
        return Identity(content, self.before)

    def stepper(self) -> Stepper:
        """Return what takes the steps of the training."""
        if self.aer is not None:
            assert self.validation is not None  # only a recipe has none
            options = replace(self.options, seed=self.seeds[0])
            rows = self.training[0], self.validation[0]
            return SPSA(self.network, self.aer, *rows, options)
        if self.by_ridge:
            assert self.validation is not None  # only a published recipe has none
            return VariableProjection(
                self.network,
                self.training,
                self.validation,
                self.options,
                self.seeds,
                readers=self.readers,
                frozen=self.frozen,
                n_shots=self.head_shots,
            )
        return Adam(
            self.network,
            self.training,
            self.validation,
            self.options,
            self.seeds,
            readers=self.readers,
            frozen=self.frozen,
        )

    def trained(self, state: TrainingState, seed: int = 0) -> TrainedNetwork:
        """Return the network with what one of the seeds kept, by its place."""
        return TrainedNetwork(self.network, state.of(seed))

    @cached_property
    def first(self) -> tuple[Parameters, ...]:
        """Where each seed starts: several classes told by every step from a head fitted by ridge.

        Two classes keep the head that is drawn, with which sentences were told apart better. So do
        numbers: the loss knows no shots, and from ridge's they end with the larger coefficients.
        """
        held = self.validation
        if not self.network.tells_many_by_steps or self.aer is not None or held is None:
            return self.initial
        each = zip(self.initial, self.training, held, strict=True)
        return tuple(ridge_start(self.network, one, parts, self.readers) for one, *parts in each)

    @property
    def untrained(self) -> TrainedNetwork:
        """The network of the first seed before its training."""
        return TrainedNetwork(self.network, self.initial[0])

    def resumed(self, folder: Path, progress: Progress) -> TrainingState:
        """Train from the checkpoint if there is one, else from the initial parameters.

        Raises:
            ConfigurationError: the checkpoint is unreadable, of another run or has more epochs than
                are asked for, or the loss diverged.
        """
        path, options, stepper = folder / CHECKPOINT, self.options, self.stepper()
        state = start(stepper, self.initial if path.exists() else self.first)
        if path.exists():
            state = load(path, state, self.identity)
            if state.finished_epochs > options.epochs:
                raise ConfigurationError(
                    f"{path} should have at most the {options.epochs} epochs asked for. Got "
                    f"{state.finished_epochs}; raise --epochs, remove it, or choose another "
                    "--output."
                )
            progress.stage(f"resuming after epoch {state.finished_epochs}")

        def after_epoch(state: TrainingState) -> None:
            save(path, state, self.identity)
            training, validation, accuracy = state.history[-1].mean(axis=0)
            note = f"training loss {training:.3f}"
            if options.patience is not None:
                note = f"validation loss {validation:.3f}, accuracy {accuracy:.3f}"
            progress.advance(state.finished_epochs, options.epochs, note)

        return train(stepper, options, state, after_epoch)

    def read(self, folder: Path) -> TrainingState:
        """Return the checkpoint as it stands.

        Raises:
            ConfigurationError: it is unreadable or of another run.
        """
        return load(folder / CHECKPOINT, start(self.stepper(), self.initial), self.identity)
