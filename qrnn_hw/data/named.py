"""Data sets by name: carried by the package, or made from published equations."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data import generators
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.labelled_text import EMBEDDED_NAMES, load_embedded
from qrnn_hw.data.lines import shown
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.read_series import read_series
from qrnn_hw.data.read_text import text_dataset
from qrnn_hw.data.reading import OF_TEXT, read_windows
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.series import Series
from qrnn_hw.data.table import parted_names, read_table
from qrnn_hw.data.target import Classes
from qrnn_hw.errors import UsageError

EMBEDDED = Path(__file__).parent / "embedded"
DEFAULT_LENGTH = 2000


@dataclass(frozen=True)
class _Generated:
    """A series that is made, and how it is read unless options say otherwise: where the target
    depends on ten steps, a window of twice as many."""

    make: Callable[..., NDArray[np.float64]]
    names: tuple[str, ...]
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    window: int
    horizon: int
    note: str


_DELAYS = tuple(f"u(t-{k})" for k in range(1, generators.MEMORY + 1))
_PARITIES = tuple(f"parity({k})" for k in range(1, generators.PARITIES + 1))

GENERATED = {
    "mackey-glass": _Generated(
        generators.mackey_glass,
        ("x",),
        ("x",),
        ("x",),
        12,
        1,
        "Mackey-Glass, tau 17, sampled at unit steps (Mackey & Glass 1977).",
    ),
    "narma10": _Generated(
        generators.narma10,
        ("u", "y"),
        ("u",),
        ("y",),
        20,
        1,
        "NARMA of order 10, inputs uniform on [0, 0.5] (Atiya & Parlos 2000).",
    ),
    "lorenz63": _Generated(
        generators.lorenz63,
        ("x", "y", "z"),
        ("x", "y", "z"),
        ("x",),
        12,
        1,
        "The Lorenz system, sampled every 0.02 (Lorenz 1963).",
    ),
    "stm": _Generated(
        generators.short_term_memory,
        ("u", *_DELAYS),
        ("u",),
        _DELAYS,
        20,
        0,
        "Short-term memory of inputs uniform on [-0.5, 0.5] (Jaeger 2001).",
    ),
    "parity": _Generated(
        generators.parity,
        ("b", *_PARITIES),
        ("b",),
        _PARITIES,
        20,
        0,
        "Parities of the last bits, drawn at random (Bertschinger & Natschlager 2004).",
    ),
}
SUNSPOTS, VOWELS = "sunspots", "japanese-vowels"
SERIES_NAMES = (*GENERATED, SUNSPOTS)
NAMES = (*EMBEDDED_NAMES, *SERIES_NAMES, VOWELS)


def read_named(name: str, options: ReadOptions | None = None, **given: Any) -> Dataset:
    """Return a data set that the package carries or makes.

    Sentences: `amazon`, `imdb`, `yelp`, `uci` (all three, tested on amazon). Series:
    `mackey-glass`, `narma10`, `lorenz63`, `stm`, `parity`, each of any length and seed, and the
    yearly numbers of `sunspots`. Sequences of 12 numbers with nine classes: `japanese-vowels`.

    Args:
        name: one of `NAMES`.
        options: how it is read, where that differs from its own way.
        given: fields of `ReadOptions`, in place of `options`.

    Raises:
        UsageError: there is no such data set, or it has no use for an option.
    """
    options = ReadOptions(**given) if options is None else options
    return replace(_named(name, options), reading=options)


def _named(name: str, options: ReadOptions) -> Dataset:
    if name not in NAMES:
        near = difflib.get_close_matches(name.lower(), NAMES)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(
            f"the data set should be one of {', '.join(NAMES)}, or a file (--data). "
            f"Got {shown(name)}.{meant}"
        )
    if name not in GENERATED:
        options.refuse(f"The data set {name}", "length", "data_seed")
    if name in SERIES_NAMES:
        options.refuse(f"The series {name}", *OF_TEXT, "label", "sequence", "time", "gaps")
        series, note = _sunspots(options) if name == SUNSPOTS else _generated(name, options)
        data = read_windows(series, per_step=bool(options.per_step))
        return replace(data, name=name, notes=(note, *data.notes))
    only_text = (
        "text",
        "label",
        "target",
        "window",
        "horizon",
        "inputs",
        "sequence",
        "time",
        "gaps",
        "changes",
    )
    options.refuse(f"The data set {name}", *only_text, "per_step")
    if name == VOWELS:
        options.refuse(f"The data set {name}", *OF_TEXT)
        return japanese_vowels()
    text = text_dataset(load_embedded(name), options)
    # The published accuracies are those of the amazon file.
    return replace(text, tested_source="amazon") if name == "uci" else text


def _generated(name: str, options: ReadOptions) -> tuple[Series, str]:
    row = GENERATED[name]
    length = DEFAULT_LENGTH if options.length is None else options.length
    values = row.make(length, seed=options.data_seed)
    inputs, targets = (parted_names(row.names, one) for one in (options.inputs, options.target))
    for asked in (*inputs, *targets):
        if asked not in row.names:
            raise UsageError(
                f"the columns of {name} are {', '.join(row.names)}. Got {shown(asked)}."
            )
    series = Series(
        name=name,
        names=row.names,
        values=values.reshape(length, -1),
        inputs=inputs or row.inputs,
        targets=targets or row.targets,
        window=row.window if options.window is None else options.window,
        horizon=row.horizon if options.horizon is None else options.horizon,
        changes=options.changes,
    )
    return series, f"{row.note} Seed {options.data_seed}."


def _sunspots(options: ReadOptions) -> tuple[Series, str]:
    """Return the yearly numbers of sunspots from 1700 to 2008."""
    series = read_series(
        read_table(EMBEDDED / "sunspots_yearly.csv"),
        target=options.target or ("SUNACTIVITY",),
        inputs=options.inputs,
        window=11 if options.window is None else options.window,  # years of a cycle
        horizon=options.horizon_or_default,
        time="YEAR",
        changes=options.changes,
    )
    return replace(series, name=SUNSPOTS), "Yearly numbers of sunspots, 1700 to 2008."


def japanese_vowels() -> Dataset:
    """Return utterances of a vowel by nine speakers, 12 cepstral coefficients a frame.

    The 370 utterances that the source tests on are the test part; 270 are there to train.
    Kudo, Toyama & Shimbo, Pattern Recognition Letters 20, 1103 (1999); UCI Machine Learning
    Repository, CC BY 4.0.
    """
    with np.load(EMBEDDED / "japanese_vowels.npz", allow_pickle=False) as archive:
        steps, lengths = archive["steps"] / 1e6, archive["lengths"].astype(np.int64)
        speakers, tested = archive["speakers"].astype(np.int64), archive["tested"]
    values = np.zeros((len(lengths), int(lengths.max()), steps.shape[1]))
    values[np.arange(values.shape[1]) < lengths[:, None]] = steps
    return Dataset(
        name=VOWELS,
        sequences=Sequences(values, lengths, speakers),
        target=Classes(tuple(str(speaker) for speaker in range(1, 10))),
        features=tuple(f"c{place}" for place in range(1, 13)),
        order="given",
        tested=np.flatnonzero(tested),
        notes=(
            "Japanese vowels: 640 utterances by nine speakers, 7 to 29 frames of 12 numbers; the "
            "370 that the source tests on are tested.",
        ),
    )
