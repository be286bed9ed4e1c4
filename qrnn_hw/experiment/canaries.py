"""The canaries of a run: validation rows, whose answers the exact engine knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuits.exact.sequence import SequenceModel
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.canary_rows import Canaries
from qrnn_hw.experiment.in_rounds import InRounds
from qrnn_hw.experiment.kept_features import encoded_once
from qrnn_hw.experiment.output_law import OutputLaw
from qrnn_hw.experiment.prepare import Prepared
from qrnn_hw.experiment.settings import DEFAULT_CANARIES
from qrnn_hw.mitigation.canaries import choose_canaries
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.finite_shots import sampled_outputs
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.training.checkpoint import read_arrays

FILE_NAME = "canaries.npz"

N_DRAWS = 12
"""Of the outputs of canaries in rounds, for the error that their shots give."""


def candidates(prepared: Prepared) -> Sequences:
    """Return the validation rows that canaries are chosen from, as many as are run at most.

    They are of the same kind as the test rows and none of them, and of the longest length that is
    run and that enough of them have: what is longest misses most, and all then cost the same. None
    where there are too few for the default.

    Raises:
        UsageError: more are asked for than by default, and there are too few.
    """
    test, rows = prepared.test, prepared.task.validation
    n = prepared.settings.canaries
    none = rows.take(np.zeros(0, dtype=np.int64))
    if not n:
        return none
    common = sorted(set(test.lengths.tolist()) & set(rows.lengths.tolist()), reverse=True)
    of_length = [np.flatnonzero(rows.lengths == length) for length in common]
    for places in of_length:
        if len(places) >= n:
            return rows.take(places[: max(n, len(test))])
    if n > DEFAULT_CANARIES:
        most = max(map(len, of_length), default=0)
        raise UsageError(
            f"--canaries should be at most {most}, the validation rows of one length that is run. "
            f"Got {n}."
        )
    return none


def priced_canaries(prepared: Prepared, untrained: TrainedNetwork) -> Canaries | None:
    """Return what costs as much as the canaries of a run that is not trained yet."""
    rows = candidates(prepared)
    if not len(rows):
        return None
    some = untrained.encoded(rows.take(np.arange(prepared.settings.canaries)))
    return Canaries(some, np.zeros(len(some)))  # a price asks for no answer


def canaries_of(prepared: Prepared, trained: TrainedNetwork) -> Canaries | None:
    """Return the candidates of the largest answers, with the answers; None where none are sent.

    Args:
        prepared: what is run.
        trained: with its training over.

    Raises:
        ConfigurationError: what the folder has noted of them cannot be used.
    """
    rows = candidates(prepared)
    if not len(rows):
        return None
    folder = prepared.settings.output
    name = canaries_file(folder, rows)
    every = encoded_once(trained, rows, folder, prepared.training.identity, name)
    n = prepared.settings.canaries
    if not isinstance(prepared.execution, InRounds):
        return largest(prepared.circuit.ideal, trained, every, n)
    answers, chosen = _largest(trained.circuit_outputs(rows.values, rows.lengths), n)
    errors = _errors_in_rounds(prepared, trained, rows.take(chosen))
    return Canaries(every.take(chosen), answers[chosen], errors)


def canaries_file(folder: Path, rows: Sequences) -> str:
    """Return where rows are kept: other sentences or canaries of one training have others.

    How many of which length they are says which they are.
    """
    path = folder / FILE_NAME
    kept = read_arrays(path)[0].get("lengths") if path.exists() else rows.lengths
    if kept is not None and np.array_equal(kept, rows.lengths):
        return FILE_NAME
    return f"canaries-{len(rows)}-of-{rows.lengths[0]}.npz"


def _errors_in_rounds(
    prepared: Prepared, trained: TrainedNetwork, rows: Sequences
) -> NDArray[np.float64]:
    """Return what the run's shots alone make of outputs in rounds, from draws without noise."""
    generator = np.random.default_rng(prepared.settings.seed)
    shots = prepared.settings.shots
    drawn = [
        sampled_outputs(trained, rows, shots=shots, generator=generator) for _ in range(N_DRAWS)
    ]
    return np.asarray(np.std(drawn, axis=0, ddof=1))


def largest(model: SequenceModel, trained: TrainedNetwork, rows: Encoded, n: int) -> Canaries:
    """Return so many rows of the largest answers without noise, with the answers.

    Args:
        model: the circuits without noise.
        trained: whose head answers.
        rows: to choose from.
        n: at most as many as there are rows.
    """
    ideal = OutputLaw(model, rows, trained.head, trained.network.target).outputs
    answers, chosen = _largest(ideal, n)
    return Canaries(rows.take(chosen), answers[chosen])


def _largest(ideal: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the answers, shape (rows,) of a single output, and the places of the largest."""
    answers: NDArray[np.float64] = ideal[..., 0] if ideal.shape[-1] == 1 else ideal
    size = answers if answers.ndim == 1 else np.abs(answers).reshape(len(answers), -1).max(axis=1)
    return answers, choose_canaries(size, n)
