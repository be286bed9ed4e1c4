"""The six tasks by name, with their settings: what `qrnn-hw train --task` and the tables train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qrnn_hw.errors import UsageError
from qrnn_hw.tasks.classification import classification
from qrnn_hw.tasks.controlled_cores import CircuitSize
from qrnn_hw.tasks.copying import copying
from qrnn_hw.tasks.cores import CONTROLLED, NAMES, CoreOf, core_of, equal_width, unknown
from qrnn_hw.tasks.fit import FitOptions, trained_sizes
from qrnn_hw.tasks.images import load_images
from qrnn_hw.tasks.language import language
from qrnn_hw.tasks.pairs import load_pairs
from qrnn_hw.tasks.sentences import load_sentences
from qrnn_hw.tasks.task import Task
from qrnn_hw.tasks.text import load_text_parts
from qrnn_hw.tasks.translation import translation

TaskOf = Callable[[CoreOf], Task]
"""A core's maker to a task on it; its data is read once."""


@dataclass(frozen=True)
class Entry:
    """A task with what it is trained with unless something else is said."""

    summary: str
    make: Callable[[Path | None, Mapping[str, Any]], TaskOf]
    """The path of the data, None for what is carried, and settings of the task."""

    size: CircuitSize = field(default_factory=CircuitSize)
    fit: FitOptions = field(default_factory=FitOptions)
    fit_of_data: FitOptions | None = None
    """On a path of data, where what is carried is so small that it wants another training."""


def _images(permuted: bool) -> Callable[[Path | None, Mapping[str, Any]], TaskOf]:
    def make(path: Path | None, given: Mapping[str, Any]) -> TaskOf:
        reading = {name: given[name] for name in ("order", "pooled") if name in given}
        rest = {name: value for name, value in given.items() if name not in reading}
        data = load_images(path, permuted=permuted, **reading)
        return lambda core: classification(data, core, **rest)

    return make


def _copy(path: Path | None, given: Mapping[str, Any]) -> TaskOf:
    return lambda core: copying(core, **given)


def _language(path: Path | None, given: Mapping[str, Any]) -> TaskOf:
    reading = {name: given[name] for name in ("unit", "n_words") if name in given}
    rest = {name: value for name, value in given.items() if name not in reading}
    data = load_text_parts(path, **reading)
    return lambda core: language(data, core, **rest)


def _translation(path: Path | None, given: Mapping[str, Any]) -> TaskOf:
    reading = {name: given[name] for name in ("longest", "fewest") if name in given}
    rest = {name: value for name, value in given.items() if name not in reading}
    data = load_pairs(path, **reading)
    return lambda core: translation(data, core, **rest)


def _sentiment(path: Path | None, given: Mapping[str, Any]) -> TaskOf:
    reading = {name: given[name] for name in ("embeddings", "seed") if name in given}
    rest = {name: value for name, value in given.items() if name not in reading}
    data = load_sentences(path, **reading)
    return lambda core: classification(
        data, core, **{"head": "mean", "n_projected": 16, "batch": 32, **rest}
    )


_SMALL = CircuitSize(n_qubits=4, n_hidden=16, angle_rate=0.1)
_WORDS = replace(_SMALL, n_hidden=12, readout="xyz")
# Of scikit-learn's digits an epoch is 20 batches, of MNIST 843.
_DIGITS = FitOptions(epochs=20)
_MNIST = FitOptions(epochs=10)
TASKS: dict[str, Entry] = {
    "mnist": Entry(
        "the class of an image, row by row",
        _images(False),
        fit=_DIGITS,
        fit_of_data=_MNIST,
    ),
    "pmnist": Entry(
        "the same with all pixels in one random order",
        _images(True),
        fit=_DIGITS,
        fit_of_data=_MNIST,
    ),
    "copy": Entry("symbols repeated after a wait", _copy, _SMALL, fit=FitOptions(epochs=4)),
    "language": Entry("the next character or word", _language, fit=FitOptions(epochs=8)),
    "translation": Entry(
        "German to English with attention",
        _translation,
        _SMALL,
        fit=FitOptions(epochs=30),
    ),
    "sentiment": Entry("the label of a sentence", _sentiment, _WORDS, fit=FitOptions(epochs=15)),
}


def entry_of(name: str) -> Entry:
    """Return a task's entry.

    Raises:
        UnknownNameError: no such task.
    """
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    return TASKS[name]


def equal_task(task_of: TaskOf, core: str, size: CircuitSize) -> tuple[Task, int]:
    """Return a task on a core that has as nearly as can be the hybrid's number of parameters.

    The hybrid and the controls that share its controller keep their size, as their numbers are
    equal or (the frozen one) meant to be smaller; the others are matched head and all.

    Returns:
        The task, and the hidden units of the core or of its controller.
    """
    if core in CONTROLLED and core != "no-quantum":
        return task_of(core_of(core, size)), size.n_hidden
    _, goal = trained_sizes(task_of(core_of("qrnn", size)))
    width = equal_width(lambda n: trained_sizes(task_of(core_of(core, size, n)))[1], goal)
    return task_of(core_of(core, size, width)), width


SIZE_OPTIONS: dict[str, Any] = {
    "n_qubits": range(2, 15),
    "n_layers": range(1, 9),
    "n_hidden": range(1, 4097),
    "readout": ("z", "xyz"),
    "activation": ("gelu", "glu", "linear", "relu"),
    "dropout": (0.0, 0.95),
    "angle_rate": (1e-4, 10.0),
}
CORES_OF_OPTIONS = {"dropout": ("qrnn", "frozen"), "angle_rate": ("qrnn", "product")}
"""The cores that an option acts on; all others act on each core, if only by the size to match."""

FIT_OPTIONS: dict[str, Any] = {"learning_rate": (1e-6, 1.0)}
_BATCH = {"batch": range(1, 4097)}
_IMAGES = {"order": ("rows", "pixels"), "pooled": ("no", "yes"), "head": ("last", "mean"), **_BATCH}
TASK_OPTIONS: dict[str, dict[str, Any]] = {
    "mnist": _IMAGES,
    "pmnist": _IMAGES,
    "copy": {
        "delay": range(1, 10_001),
        "n_symbols": range(2, 257),
        "n_copied": range(1, 1001),
        "n_batches": range(1, 100_001),
        **_BATCH,
    },
    "language": {
        "unit": ("characters", "words"),
        "n_words": range(2, 1_000_001),
        "n_steps": range(1, 1001),
        "state": ("carried", "fresh"),
        "n_embedded": range(1, 1025),
        **_BATCH,
    },
    "translation": {
        "longest": range(1, 257),
        "fewest": range(1, 1001),
        "n_embedded": range(1, 1025),
        "n_mixed": range(1, 1025),
        "n_beams": range(1, 65),
        **_BATCH,
    },
    "sentiment": {"head": ("last", "mean"), "n_projected": range(1, 1025), **_BATCH},
}
"""What each option takes: a range of whole numbers, the ends of real ones, or words."""


def chosen_options(
    name: str, given: Mapping[str, str], *, carried: bool = True, core: str = "qrnn"
) -> tuple[CircuitSize, FitOptions, dict[str, Any]]:
    """Return the circuit's size, how it is trained, and the task's settings, from texts by name.

    Args:
        name: of the task.
        given: texts of options.
        carried: whether it is trained on what is carried.
        core: that is trained.

    Raises:
        UnknownNameError: no such task, core or option.
        UsageError: a value that the option does not take, or an option that would change nothing.
    """
    entry, known = entry_of(name), SIZE_OPTIONS | FIT_OPTIONS | TASK_OPTIONS[name]
    if core not in NAMES:
        raise unknown("core", core, NAMES)
    size: dict[str, Any] = {}
    options: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for option, text in given.items():
        if option not in known:
            raise unknown(f"option of the task {name}", option, known)
        value = _value(option, text, known[option])
        if core not in (cores := CORES_OF_OPTIONS.get(option, NAMES)):
            raise UsageError(
                f"option {option} should come with --core {' or '.join(cores)}. Got --core {core}, "
                "where it changes nothing; leave it out."
            )
        own = size if option in SIZE_OPTIONS else options if option in FIT_OPTIONS else settings
        own[option] = value
    fit = entry.fit if carried else entry.fit_of_data or entry.fit
    return replace(entry.size, **size), replace(fit, **options), settings


def _value(option: str, text: str, taken: Any) -> Any:
    if isinstance(taken[0], float):
        return _real(option, text, *taken)
    if not isinstance(taken, range):
        if text not in taken:
            raise UsageError(f"option {option} should be {' or '.join(taken)}. Got {text!r}.")
        return text == "yes" if taken == ("no", "yes") else text
    # `int` takes more than a number as it is written: 1_0, spaces, the digits of other scripts.
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
    if number is None or number not in taken:
        raise UsageError(
            f"option {option} should be a whole number, {taken[0]} to {taken[-1]:,}. Got {text!r}."
        )
    return number


def _real(option: str, text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise UsageError(f"option {option} should be {least:g} to {most:g}. Got {text!r}.")
    return number
