"""docs/tasks.md and its pictures, from the rows of the tasks benchmark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import ttest_1samp

from qrnn_hw.report.files import write_text
from qrnn_hw.statistics.comparison import holm
from qrnn_hw.statistics.intervals import mean_interval
from qrnn_hw.tasks.catalogue import TASKS
from qrnn_hw.tasks.cores import NAMES

PAGE, CURVES = Path("docs/tasks.md"), Path("docs/images/tasks-curves.svg")
ATTENTION = Path("docs/images/attention.svg")
ATTENTION_TEXT = """## Where the decoder looks
The hybrid (X, Y and Z read) on the constructed pairs after 3,000 batches, where it translates all
of the test right: attention of each English word over the read-outs after each German one, which
know what came before (`tests/benchmarks/attention.py`).

![Attention](images/attention.svg)
"""
TUNING_SEED = 100
Row = dict[str, Any]

WHAT = {
    "amazon": ("sentiment, amazon file (carried), 10 words", "accuracy"),
    "sst2": ("sentiment, SST-2, 24 words", "accuracy"),
    "digits": ("scikit-learn's digits (carried), 8 rows", "accuracy"),
    "pdigits": ("the same, pixels permuted", "accuracy"),
    "mnist-rows": ("MNIST, 28 rows", "accuracy"),
    "pmnist-rows": ("permuted MNIST, 28 rows", "accuracy"),
    "copy-10": ("copying 5 of 8 symbols over 10 steps", "cross-entropy, chance .520"),
    "copy-50": ("copying 10 of 8 symbols over 50 steps", "cross-entropy, chance .297"),
    "shakespeare": ("characters of Shakespeare, 1.1 MB", "bits a character"),
    "ptb-characters": ("characters of the Penn Treebank, windows of 64", "bits a character"),
    "ptb-words": ("words of the Penn Treebank, 2,000 kept, windows of 64", "perplexity"),
    "pairs": ("600 pairs constructed from templates (carried)", "BLEU"),
    "multi30k": ("Multi30k, German to English", "BLEU"),
}

INTRODUCTION = """# Six tasks, eight cores of equal size
The second source reports its hybrid on these tasks from a simulation with exact read-outs, without
controls and with one set of figures. Here every core has as nearly as can be as many trained
numbers as the hybrid, its head among them, is tuned on the same learning rates by its validation
on a seed of its own, and is tested once from each seed. `make tasks` writes this page and goes on
where it was stopped; a single training is

```console
$ qrnn-hw train --task pmnist --core qrnn                          # digits that are carried
$ qrnn-hw train --task pmnist --core gru --data folder-of-idx-files
$ qrnn-hw train --task language -o unit=words --data folder-of-ptb-files
$ qrnn-hw train --task translation --data folder-of-multi30k-files
$ qrnn-hw train --task copy -o delay=20
$ qrnn-hw train --task sentiment --core product
```

A training that was killed or interrupted goes on where it was saved, at each validation and every
half minute, by the same command and to the same numbers. Files may be gzipped, and a folder may be
a zip archive.

A core of one's own is a `qrnn_hw.tasks.core.Core`: parameters, a state to start from, a step. The
defaults of a single training are those of `qrnn_hw/tasks/catalogue.py`; dropout, learning rate and
sizes are options (`-o dropout=0.2`).

- *qrnn*: a controller sets all angles of the circuit, whose state is carried on; Z is read, of
  sentences and MNIST's rows X, Y and Z.
- *product*: the same without entangling gates, n Bloch vectors that a classical computer turns.
- *frozen*: the controller stays as it was drawn. *no-quantum*: a trained tanh layer in the
  circuit's place.
- *orthogonal*: a recurrent matrix that stays orthogonal (Helfrich et al., 2018).
- Intervals are Student's 95 % over seeds; with two seeds they say little, with one there is none,
  but for BLEU, where it is then sacrebleu's bootstrap over the test sentences.
  Seeds share their data. Differences are paired by seed, positive where the hybrid is better, and
  p is adjusted by Holm over the cores of a task.
- Not run at all: MNIST pixel by pixel (784 steps), circuits of 10 to 14 qubits and vocabularies of
  10,000 words, for want of a GPU; what else was not run says so in its place.
- Of MNIST's rows the hybrid's rate is that of 1,200 batches on the tuning seed; the other cores'
  is the better of .003 and .01 there after all batches. Of copying the rates are the best of .001
  to .03 after 2,000 batches (the hybrid's of earlier trials, in which its angles' part was looked
  for too; *product* has that part), of Multi30k of .003 to .03 after 900, of characters after
  1,000, of words after 200.
- Dropout and `angle_rate` are refused for cores that have no use for them.
- **Budgets here are small**: the column *steps* says how small. A core that learns slowly is judged
  before it is done; published figures come from trainings of many epochs.
"""

FOUND = """## What helps the hybrid, and what does not
Each on validation rows or a run of its own, one seed unless it is said, before anything was tested.

- **Copying: angles that learn slowly.** Ten of 8 symbols over 50 steps are learnt from each of five
  seeds (8 qubits, 32 hidden units, X, Y and Z read, rate .03, angles' part .02, 8,000 batches; the
  table above). Without the warm-up one seed of two was at .197. With one rate for all, ten symbols
  were not learnt even over one step. The longer the sequence, the smaller the part that it bears:
  over one step .1 (cross-entropy .189 after 2,400 batches, .666 with one rate), over 50 steps .1 is
  lost, .02 has .245 after 1,200 batches, and rates of .01 and .003 with parts of .1 and .3 have
  .266 to .275. Of these tasks it is the only one where the entangling gates help: the product
  control with the same options is at .155 to .210. (Its rate in the table is .01. At .03, which was
  better on the tuning seed, four seeds are at .133 to .249 and one is lost at 2.3.) The orthogonal
  network needs a quarter of the batches: .033 on the tuning seed after 2,000 at .003; at .01 and
  .03 it is lost (.297).
- **Words: a lead that was none.** In one trial the hybrid had a perplexity of 128 where an LSTM had
  146. With rates chosen alike all three are at 114 on the tuning seed after 200 batches at .03.
  After 600 at .03 one seed of the hybrid is at 84 and two are lost (174 and 145), where GRU and
  LSTM have none; in the table its rate is .01.
- **Characters: entangling gates cost.** Of equal size and at the same rate the hybrid is at 2.404
  bits a character, the product control at 2.347, in each of five seeds, and beside it only the
  orthogonal network (2.340) is below a GRU (2.372). What a trained circuit adds is .03 over the
  same network without one, and 1.17 over a circuit whose controller stays as it was drawn. All
  three rates were tried of each core; none was lost.
- **Translation: read-outs and rates.** On Multi30k after 900 batches of the tuning seed, BLEU of
  the validation with Z read, a rate of .01 and a part of .3: 5.1; with X, Y and Z and .1: 6.4
  (product 8.3, GRU 15.3); with one rate for all 2.1. The GRU learns faster; after 15 epochs it
  leads by 3.5.
- **A learning rate of their own for the angles.** Adam moves each weight as far whatever its
  gradient, and an angle is pi times a sum over all hidden units, so at one rate for all the angles
  are lost before projection and head have learnt: the hybrid could not use the rates at which a
  GRU is best. With the weights that give the angles at a part of the rate (`-o angle_rate=0.3`,
  the default; .1 for the small circuits), the same for *product*, it can. Validation of the tuning
  seed, in parentheses with one rate for all:

  | task | batches | rate | angles' part | validation | GRU |
  |---|--:|--:|--:|---|---|
  | permuted MNIST, accuracy | 1,200 | .01 | .3 | .923 (.885 at .003) | |
  | SST-2, accuracy, two seeds | 600 | .01 | .1 | .777, .794 (.735 at .01) | .794, .803 at .03 |
  | characters of the Penn Treebank, bits | 400 | .01 | .3 | 3.52 (4.10 at .003) | 2.91 at .01 |
  | copying 5 of 8 symbols, cross-entropy | 800 | .03 | .1 | .368 (.408 at .01) | .494 at .01 |

  Both at once have an end: at .03 and .1 permuted MNIST is lost (.147). At .01 and .3 one seed of
  four was lost in its first epoch (.134, the others .955 to .958), and two of three of *product*
  (.098, .117, .890): so every training warms up for a twentieth of its steps, whatever its core.
  Before it SST-2 gave .785 beside the GRU's .781.
- **Sentiment: read-outs.** X, Y and Z read at equal size (12 hidden units in place of 16) add some
  .01 to .02 on SST-2.
- **Language: the state.** A circuit forgets nothing. Before any training the root mean square of
  its <Z> (n = 8, windows of 64 random inputs) is .73 in the first steps, .28 at the end of the
  first window and .07 in the fifth, near 2^(-n/2), that of a random state: the head has nothing to
  read. Characters of the Penn Treebank, 600 batches, with the state carried on: 4.71 bits against
  the GRU's 3.10. Begun anew in each window (`-o state=fresh`, for all cores in the tables above):
  3.53, and the GRU loses nothing, 3.11.
- **Time of a step**: with n = 8 it costs 7.5 to 8.6 times a GRU's of equal size (permuted MNIST,
  batches of 64), 9 to 11 with batches of 256; the goal was 5. Two thirds are the layers and their
  way back, most of that Hadamard transforms. Turning pairs of wires directly takes the way forward
  from 6.2 to 4.0 ms and leaves the way back at 10 ms, since slopes need the transforms; the whole
  step gains 5 % at 64 and loses at 256. Butterflies, groups of 2 to 5 wires and unrolled layers
  give less.
"""

PUBLISHED = """## What is published
Of the second source (arXiv:2510.25557) it is known: sentiment with about 5.2 thousand parameters,
some 2 points above an RNN; a clear gain on MNIST-like tasks; copying memory level with an LSTM; the
LSTM ahead in language modelling; BLEU 29.2 and 31.9. Not known are the depth of its circuits, its
optimiser, its data sets' versions and its seeds, so no figure here is a repetition of one there.
"""


def write_page(rows: Sequence[Row], setups: Sequence[str]) -> None:
    """Write the page and the picture of the learning curves."""
    parts = [INTRODUCTION, *(_section(name, rows) for name in setups), PUBLISHED]
    parts.insert(-1, FOUND)
    if ATTENTION.exists():
        parts.insert(-1, ATTENTION_TEXT)
    if draw_curves(rows, setups):
        parts.insert(1, "![Validation over training steps](images/tasks-curves.svg)\n")
    parts.append(_hardware())
    write_text(PAGE, "\n".join(parts))


def chosen(rows: Sequence[Row], setup: str, core: str) -> list[Row]:
    """Return the tested rows of a core, one a seed, the longest training of each."""
    found: dict[int, Row] = {}
    for row in rows:
        if row["setup"] == setup and row["core"] == core and row["seed"] != TUNING_SEED:
            before = found.get(row["seed"])
            if before is None or row["steps"] >= before["steps"]:
                found[row["seed"]] = row
    return [found[seed] for seed in sorted(found)]


def qualities(rows: Sequence[Row]) -> dict[int, float]:
    """Return the test quality of each seed."""
    return {row["seed"]: row["test"][row["quality"]] for row in rows}


def differences(rows: Sequence[Row], setup: str) -> dict[str, tuple[np.ndarray, float]]:
    """Return, for each other core, the hybrid's lead by seed and its p adjusted by Holm."""
    ours = chosen(rows, setup, "qrnn")
    leads = {}
    for core in NAMES[1:]:
        theirs = qualities(chosen(rows, setup, core))
        shared = [seed for seed in qualities(ours) if seed in theirs]
        if not shared:
            continue
        sign = 1 if ours[0]["higher_is_better"] else -1
        leads[core] = np.array([sign * (qualities(ours)[s] - theirs[s]) for s in shared])
    tested = [core for core, lead in leads.items() if len(lead) > 1 and np.ptp(lead) > 0]
    p_values = holm([ttest_1samp(leads[core], 0).pvalue for core in tested]) if tested else []
    adjusted = dict(zip(tested, map(float, p_values), strict=True))
    return {core: (lead, adjusted.get(core, float("nan"))) for core, lead in leads.items()}


def _section(setup: str, rows: Sequence[Row]) -> str:
    title, unit = WHAT[setup]
    ours = chosen(rows, setup, "qrnn")
    lines = [f"## {title[0].upper()}{title[1:]}"]
    if not any(chosen(rows, setup, core) for core in NAMES):
        return "\n".join([*lines, "Not run.", ""])
    lines += [
        f"| core | core / all parameters | test {unit} | hybrid's lead | p (Holm) | seeds | "
        "steps | learning rate |",
        "|---|--:|---|---|--:|--:|--:|--:|",
    ]
    leads = differences(rows, setup) if ours else {}
    for core in NAMES:
        own = chosen(rows, setup, core)
        if not own:
            lines.append(f"| {core} | | not run | | | | | |")
            continue
        lead, p = leads.get(core, (np.zeros(0), float("nan")))
        last = own[-1]
        lines.append(
            f"| {core} | {last['n_core']:,} / {last['n_total']:,} | "
            f"{_quality(own)} | {_mean(lead, signed=True)} | "
            f"{'' if np.isnan(p) else f'{p:.2g}'} | {len(own)} | {last['steps']:,} "
            f"({last['epochs']:g} epochs) | {last['learning_rate']:g} |"
        )
    return "\n".join([*lines, "", _said(leads), ""])


HARDWARE = Path(__file__).parent / "results" / "tasks-hardware.jsonl"
WAYS = ("ideal", "noisy", "readout corrected", "extrapolated")
HARDWARE_INTRODUCTION = """## What is left of it on a noisy machine
Each task cut to what a machine runs in one circuit: the sampled hybrid by parities, 4 qubits, 1
layer, 2 bits fed forward in each of 8 steps, one answer a sequence. Trained without noise for the
first number of epochs and under the noise of fake_boston's transpiled step for the second, then
100 test sequences at 1,000 shots each: without noise, with it, with the final readout corrected,
and extrapolated linearly from folds 1 and 3 at the same total of shots. Shots are drawn from the
exact laws. Intervals are Wilson's 95 % over the sequences of one seed. `make tasks-hardware`.
"""


def _hardware() -> str:
    """Return the table of the hardware forms, and which of the six were not run."""
    lines = HARDWARE.read_text("utf-8").splitlines() if HARDWARE.exists() else []
    rows = [json.loads(line) for line in lines]
    table = [
        "| task | asked | commonest answer | ideal | noisy | readout corrected | extrapolated | "
        "epochs | QPU seconds | Aer's shots, p |",
        "|---|---|--:|---|---|---|---|--:|--:|--:|",
    ]
    for row in rows:
        ways = (row["right"][way] for way in WAYS)
        cells = [f"{w['value']:.2f} ({w['low']:.2f} to {w['high']:.2f})" for w in ways]
        epochs = " + ".join(map(str, row["epochs"]))
        table.append(
            f"| {row['task']}, seed {row['seed']} | {row['asked']} | {row['commonest']:.2f} | "
            f"{' | '.join(cells)} | {epochs} | {row['seconds']:.0f} | {row['aer_p']:.2g} |"
        )
    run = {row["task"] for row in rows}
    missing = [task for task in TASKS if task not in run]
    said = [f"Not run: {', '.join(missing)}.", ""] if missing else []
    return "\n".join([HARDWARE_INTRODUCTION, *(table if rows else []), "", *said])


def _said(leads: dict[str, tuple[np.ndarray, float]]) -> str:
    above = [core for core, (lead, p) in leads.items() if p < 0.05 and lead.mean() > 0]
    below = [core for core, (lead, p) in leads.items() if p < 0.05 and lead.mean() < 0]
    said = [
        f"the hybrid is {word} {', '.join(cores)}"
        for word, cores in (("above", above), ("below", below))
        if cores
    ]
    if not any(p == p for _, p in leads.values()):
        return "Too few cores or seeds were run for an interval of any difference."
    if not said:
        return (
            "At p < .05 after Holm the hybrid is neither above nor below any other core that was "
            "run."
        )
    text = "; ".join(said)
    return f"At p < .05 after Holm, {text}; of the others nothing can be said."


def _quality(own: Sequence[Row]) -> str:
    if len(own) == 1 and f"{own[0]['quality']}_half_width" in own[0]["test"]:
        return interval_of(own[0])
    return _mean(list(qualities(own).values()))


def interval_of(row: Row) -> str:
    """Return a translation's BLEU with its interval over the test sentences."""
    value, half = (row["test"][name] for name in ("bleu", "bleu_half_width"))
    return f"{value:.1f} ({value - half:.1f} to {value + half:.1f})"


def _mean(values: Any, *, signed: bool = False) -> str:
    found = np.asarray(values, dtype=float)
    if not len(found):
        return ""
    form = "{:+.3f}" if signed else "{:.3f}"
    if found.mean() > 10:
        form = form.replace(".3f", ".1f")
    if len(found) == 1:
        return form.format(found[0])
    interval = mean_interval(found)
    low, high = form.format(interval.low), form.format(interval.high)
    return f"{form.format(interval.value)} ({low} to {high})"


def draw_curves(rows: Sequence[Row], setups: Sequence[str]) -> bool:
    """Draw the validation quality of the first seed of each core over its steps."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "qrnn-hw"
    from matplotlib import pyplot as plt

    shown = [name for name in setups if chosen(rows, name, "qrnn")]
    if not shown:
        return False
    n_columns = min(3, len(shown))
    n_rows = -(-len(shown) // n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(4 * n_columns, 2.8 * n_rows + 0.5),
        squeeze=False,
        layout="constrained",
    )
    drawn = {}
    for axis in axes.ravel()[len(shown) :]:
        axis.axis("off")
    for axis, name in zip(axes.ravel(), shown, strict=False):
        for index, core in enumerate(NAMES):
            own = chosen(rows, name, core)
            if own:
                quality = own[0]["quality"]
                curve = own[0]["curve"]
                values = [at[quality] for at in curve]
                width = 2.5 if core == "qrnn" else 1.2
                steps = [at["step"] for at in curve]
                (drawn[core],) = axis.plot(
                    steps, values, label=core, lw=width, color=f"C{index}", marker="."
                )
        axis.set_title(name, fontsize=10)
        axis.set_xlabel("steps", fontsize=8)
        axis.set_ylabel(f"validation {WHAT[name][1]}", fontsize=8)
        axis.tick_params(labelsize=8)
    shown_cores = [core for core in NAMES if core in drawn]
    figure.legend(
        [drawn[core] for core in shown_cores],
        shown_cores,
        loc="outside lower center",
        ncols=len(shown_cores),
        fontsize=9,
    )
    CURVES.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(CURVES, metadata={"Date": None})
    plt.close(figure)
    return True
