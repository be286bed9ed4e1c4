"""Answers of a trained model to new rows: exact, from drawn shots, or from as many as are needed.

Shots of a row are drawn from its exact law with a seed of its own, made from what the row is, the
model and the seed that is given: the same input has the same answer in every process, whatever
stands beside it.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.logical import logical_model
from circuits.exact.sequence import SequenceModel
from qrnn_hw.answers.asked_rows import direct_of, notes_of, scaled
from qrnn_hw.answers.certain import certain_label
from qrnn_hw.answers.in_words import in_words, outputs_of
from qrnn_hw.answers.model_file import Model
from qrnn_hw.answers.step_shots import step_answers
from qrnn_hw.data.inputs import Inputs
from qrnn_hw.data.target import Classes, answer
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.readers import Reader
from qrnn_hw.ranges import MOST_SHOTS
from qrnn_hw.statistics.decisions import UNDECIDED
from qrnn_hw.statistics.half_widths import half_widths, shot_errors
from qrnn_hw.studies.adaptive import growing_looks

Array = NDArray[np.float64]
MOST_AUTO = 1_000_000
"""Shots at which a label that is not certain yet is left undecided."""

Shots = int | Literal["auto"] | None


@dataclass(frozen=True)
class Prediction:
    """What is answered to one row."""

    name: str
    answer: Any
    """The name of a class, numbers in their own units, or None where it is undecided; of a target
    at every step a list of these, one a step."""

    score: list[Any]
    """The outputs behind it: of two classes one, above 0 for the second; a list for every step."""

    low: list[Any]
    high: list[Any]
    """95 % interval of each for infinitely many shots; the score itself where it is exact."""

    is_certain: bool
    """Whether a wrong label has at most the probability delta, at every step; exact answers are."""

    shots: int | None
    """None where the answer is exact."""

    note: str = ""
    outputs: tuple[str, ...] = ()
    """What each score is of: the second of two classes, every one of more, or the targets."""

    machine: dict[str, Any] | None = None
    """Of shots that a machine ran: both certificates, the noiseless interval, what repetitions and
    canaries say, and the keys of the jobs, JSON-ready."""

    def to_json(self) -> dict[str, Any]:
        """Return all as a JSON object."""
        found = asdict(self)
        if self.machine is None:
            del found["machine"]
        return found


def predict(
    model: Model,
    inputs: Inputs,
    *,
    shots: Shots = None,
    delta: float = 0.01,
    seed: int = 0,
    reader: Reader | None = None,
) -> list[Prediction]:
    """Answer rows.

    Args:
        model: trained.
        inputs: as its `reading` reads them.
        shots: None is exact, a number is drawn for each row, `auto` draws until the label is
            certain or a million shots are spent.
        delta: probability of a wrong label that is accepted.
        seed: of the draws.
        reader: the circuits with a machine's noise; None is without noise.

    Raises:
        UsageError: shots of a model in rounds, or `auto` for numbers.
    """
    notes = notes_of(model, inputs)
    if shots is not None and model.trained.network.steps is not None:
        return _from_step_shots(model, inputs, notes, shots, delta, seed, reader)
    law_of_rows = laws(model, inputs, reader)
    columns = model.trained.coefficients
    direct = direct_of(model, scaled(model, inputs))
    if shots is None:
        return _exact(model, inputs, law_of_rows @ columns, direct, notes)
    _check(model, shots)
    found = []
    for row in range(len(inputs.names)):
        law = np.clip(law_of_rows[row], 0, None)
        generator = np.random.default_rng(_seed(model, inputs, row, seed))
        if shots == "auto":
            counts, label = drawn_until_certain(law / law.sum(), columns, delta, generator)
        else:
            counts = generator.multinomial(shots, law / law.sum())
            label = certain_label(counts, columns, delta, is_sequential=False)
        n, outputs = int(counts.sum()), counts @ columns / counts.sum()
        half = (
            half_widths(shot_errors(counts, columns) ** 2, 1) if n > 1 else np.ptp(columns, axis=0)
        )
        certain = label != UNDECIDED
        place = answer(model.target, outputs[None])[0]
        if shots == "auto":
            place = label if certain else None
        found.append(_one(model, inputs.names[row], place, outputs, outputs - half, outputs + half,
                          certain, n, notes[row], direct[row]))  # fmt: skip
    return found


def drawn_until_certain(
    law: Array, columns: Array, delta: float, generator: np.random.Generator, most: int = MOST_AUTO
) -> tuple[NDArray[np.int64], int]:
    """Draw batch after batch until a class is certain; return the counts and the class."""
    counts: NDArray[np.int64] = np.zeros(len(law), dtype=np.int64)
    for before, look in pairwise((0, *growing_looks(most))):
        counts += generator.multinomial(look - before, law)
        label = certain_label(counts, columns, delta, is_sequential=True)
        if label != UNDECIDED:
            return counts, label
    return counts, UNDECIDED


def laws(model: Model, inputs: Inputs, reader: Reader | None) -> Array:
    """Return what the circuits say of rows at infinite shots, shape (n, r)."""
    sequences = scaled(model, inputs)
    network, parameters = model.trained.network, model.trained.parameters
    given = jnp.asarray(sequences.values), jnp.asarray(sequences.lengths)
    if isinstance(reader, SequenceModel):
        reader = network.reader(reader)
    read = jax.jit(network.readings, static_argnums=3)
    return np.asarray(read(parameters, *given, reader))


def _exact(
    model: Model, inputs: Inputs, outputs: Array, direct: list[Any], notes: list[str]
) -> list[Prediction]:
    """Answer from outputs at infinite shots; of a target at every step each step of a row."""
    found = []
    for row, name in enumerate(inputs.names):
        n_steps = int(inputs.sequences.lengths[row])
        own = outputs[row, :n_steps] if model.target.per_step else outputs[row]
        label = answer(model.target, own)
        given = own, own, own, True, None, notes[row], direct[row]
        found.append(_one(model, name, label, *given))
    return found


def _from_step_shots(
    model: Model,
    inputs: Inputs,
    notes: list[str],
    shots: Shots,
    delta: float,
    seed: int,
    reader: Reader | None,
) -> list[Prediction]:
    """Answer from drawn shots whose bits of every step the head reads."""
    _check(model, shots)
    sequences = scaled(model, inputs)
    engine = logical_model(model.trained.network.architecture) if reader is None else reader
    assert isinstance(engine, SequenceModel)  # a head of steps is one of a model in one circuit
    seeds = [_seed(model, inputs, row, seed) for row in range(len(inputs.names))]
    found = step_answers(model, sequences, engine, shots, delta, seeds)
    return [
        _one(model, name, one.label, one.outputs, one.outputs - one.half, one.outputs + one.half,
             one.is_certain, one.shots, note, direct)
        for name, one, note, direct in zip(
            inputs.names, found, notes, direct_of(model, sequences), strict=True
        )
    ]  # fmt: skip


def check_asked(shots: Shots, delta: float) -> None:
    """Check how many shots are asked for, and the error that is accepted.

    Raises:
        UsageError: no whole number from 1 on, or a probability that is none.
    """
    is_whole = isinstance(shots, int | np.integer) and not isinstance(shots, bool)
    if not (shots is None or shots == "auto" or (is_whole and 1 <= int(shots) <= MOST_SHOTS)):
        raise UsageError(
            f'shots should be None, "auto", or a whole number from 1 to {MOST_SHOTS:,}. '
            f"Got {shots!r}."
        )
    if not 0 < delta < 0.5:
        raise UsageError(f"delta should be a probability between 0 and 0.5. Got {delta!r}.")


def _check(model: Model, shots: Shots) -> None:
    if model.trained.network.in_rounds:
        raise UsageError(
            "shots are drawn from the law of one circuit. Got a model in rounds; leave --shots out."
        )
    if shots == "auto" and not isinstance(model.target, Classes):
        raise UsageError("--shots auto is for labels. Got a model of numbers; give a number.")


def _seed(model: Model, inputs: Inputs, row: int, seed: int) -> list[int]:
    hashed = hashlib.sha256(inputs.sequences.identities[row].encode())
    for name in sorted(model.trained.parameters):
        hashed.update(np.ascontiguousarray(model.trained.parameters[name]).tobytes())
    return [seed, *np.frombuffer(hashed.digest(), dtype="<u4").tolist()]


def _one(
    model: Model,
    name: str,
    label: Any,
    outputs: Array,
    low: Array,
    high: Array,
    is_certain: bool,
    shots: int | None,
    note: str,
    direct: Array | float,
) -> Prediction:
    said, parts = in_words(model, label, [outputs, low, high], direct)
    names = outputs_of(model)
    return Prediction(name, said, parts[0], parts[1], parts[2], is_certain, shots, note, names)
