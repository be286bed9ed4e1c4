"""A training that a checkpoint survives: from where it stands, saved after every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.train.checkpoint import Identity, load, save
from qrnn_hw.train.options import TrainingOptions
from qrnn_hw.train.trainer import Stepper, TrainingState, start, train


def resumed(
    stepper: Stepper,
    options: TrainingOptions,
    initial: Sequence[Parameters],
    path: Path,
    run: Identity,
    progress: Progress,
) -> TrainingState:
    """Train from the checkpoint if there is one, else from the initial parameters of each seed.

    Raises:
        ConfigurationError: the checkpoint is unreadable, of another run or has more epochs than
            are asked for, or the loss diverged.
    """
    state = start(stepper, initial)
    if path.exists():
        state = load(path, state, run)
        if state.finished_epochs > options.epochs:
            raise ConfigurationError(
                f"{path} should have at most the {options.epochs} epochs asked for. Got "
                f"{state.finished_epochs}; raise --epochs, remove it, or choose another --output."
            )
        progress.stage(f"resuming after epoch {state.finished_epochs}")

    def after_epoch(state: TrainingState) -> None:
        save(path, state, run)
        training, validation, accuracy = state.history[-1].mean(axis=0)
        note = f"training loss {training:.3f}"
        if options.patience is not None:
            note = f"validation loss {validation:.3f}, accuracy {accuracy:.3f}"
        progress.advance(state.finished_epochs, options.epochs, note)

    return train(stepper, options, state, after_epoch)


def read_state(
    stepper: Stepper, initial: Sequence[Parameters], path: Path, run: Identity
) -> TrainingState:
    """Return a checkpoint as it stands.

    Raises:
        ConfigurationError: it is unreadable or of another run.
    """
    return load(path, start(stepper, initial), run)
