"""Six tasks, eight recurrent cores of equal size, five seeds: what wins, and by how much.

Run by `make tasks`; hours in all, and resumable: each training is one line of
tests/benchmarks/results/tasks.jsonl, which is kept, and docs/tasks.md is written anew after each.
Every core is tuned on the same grid of learning rates by its validation, on a seed of its own,
then trained from each seed and tested once. Real data is read from the folder that QRNN_HW_DATA
names; what is not there is not run, and the page says so. `--setups`, `--cores`, `--seeds` and
`--steps` choose less; a row knows its steps.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tasks_page import write_page

from qrnn_hw.tasks.catalogue import TASKS, TaskOf, equal_task
from qrnn_hw.tasks.classification import ClassData, ClassRows, classification
from qrnn_hw.tasks.controlled_cores import CircuitSize
from qrnn_hw.tasks.cores import NAMES
from qrnn_hw.tasks.fit import FitOptions, Fitted, fit
from qrnn_hw.tasks.fit_state import Checkpoint
from qrnn_hw.training.checkpoint import Identity

RESULTS = Path(__file__).parent / "results" / "tasks.jsonl"
TUNING_SEED = 100
GRID = (1e-3, 3e-3, 1e-2, 3e-2)


@dataclass(frozen=True)
class Setup:
    """One task on one data set."""

    name: str
    task: str
    data: str | None
    """Below QRNN_HW_DATA; None is carried or drawn."""

    n_steps: int
    options: dict[str, Any] = field(default_factory=dict)
    size: CircuitSize = field(default_factory=CircuitSize)

    def task_of(self) -> TaskOf | None:
        """Return the maker of the task, None where its data is not there."""
        folder = None
        if self.data is not None:
            root = os.environ.get("QRNN_HW_DATA")
            if root is None or not (Path(root) / self.data).exists():
                return None
            folder = Path(root) / self.data
        if self.name == "sst2":
            assert folder is not None
            data = sst2(folder)
            return lambda core: classification(data, core, head="mean", n_projected=16, batch=32)
        if self.name.startswith("ptb"):
            assert folder is not None
            folder = unpacked(folder)
        return TASKS[self.task].make(folder, self.options)


SMALL = CircuitSize(n_qubits=4, n_hidden=16, angle_rate=0.1)
TEXT = CircuitSize(n_qubits=4, n_hidden=12, readout="xyz", angle_rate=0.1)
MIDDLE = CircuitSize(n_qubits=6, n_hidden=24)
WORDS = {"unit": "words", "n_words": 2000, "state": "fresh"}
ROWS = CircuitSize(n_hidden=34, readout="xyz")
LONG = CircuitSize(readout="xyz", angle_rate=0.02)
XYZ = CircuitSize(readout="xyz", angle_rate=0.1)
SETUPS = (
    Setup("amazon", "sentiment", None, 400, size=TEXT),
    Setup("digits", "mnist", None, 600),
    Setup("pdigits", "pmnist", None, 600),
    Setup("sst2", "sentiment", "sst2", 900, size=TEXT),
    Setup("copy-10", "copy", None, 1500, {"delay": 10, "n_copied": 5}, SMALL),
    Setup("pmnist-rows", "pmnist", "mnist", 8430, size=ROWS),
    Setup("mnist-rows", "mnist", "mnist", 8430, size=ROWS),
    Setup("copy-50", "copy", None, 8000, {"delay": 50}, LONG),
    Setup("shakespeare", "language", "tinyshakespeare/input.txt", 1000, {"n_steps": 32}, MIDDLE),
    Setup("ptb-characters", "language", "ptb", 12_500, {"n_steps": 64, "state": "fresh"}, XYZ),
    Setup("ptb-words", "language", "ptb", 600, WORDS, XYZ),
    Setup("pairs", "translation", None, 600, size=SMALL),
    Setup("multi30k", "translation", "multi30k", 13_590, {"fewest": 3}, XYZ),
)


def sst2(folder: Path) -> ClassData:
    """Return SST-2's sentences as their first 24 words with a GloVe vector."""
    with np.load(folder.parent / "glove" / "glove6b_100d_subset_f16.npz") as stored:
        words, vectors = (stored[name] for name in stored.files[:2])
    number = {str(word): index for index, word in enumerate(words)}

    def part(name: str) -> ClassRows:
        lines = (folder / f"sst2_sentences_{name}.tsv").read_text("utf-8").splitlines()[1:]
        values = np.zeros((len(lines), 24, vectors.shape[1]), np.float32)
        lengths, classes = np.ones(len(lines), np.int32), np.zeros(len(lines), np.int32)
        for row, line in enumerate(lines):
            label, text = line.split("\t", 1)
            known = [number[word] for word in text.lower().split() if word in number][:24]
            values[row, : len(known)] = vectors[known].astype(np.float32) / 5
            lengths[row], classes[row] = max(1, len(known)), int(label)
        return ClassRows(values, lengths, classes)

    return ClassData("sentiment", part("train"), part("dev"), part("test"), 2, "SST-2")


def unpacked(folder: Path) -> Path:
    """Return a folder of the treebank's three files, from its archive."""
    import zipfile

    target = Path("build/ptb")
    if not target.exists():
        with zipfile.ZipFile(folder / "ptb.zip") as archive:
            archive.extractall(target)
    return target


def read_rows() -> list[dict[str, Any]]:
    """Return all rows that are there."""
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]


def keep(row: dict[str, Any]) -> None:
    """Append a row."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")
        stream.flush()


def found(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any] | None:
    """Return the row with these entries and at least the steps wanted."""
    steps = wanted.pop("steps")
    for row in rows:
        if all(row[name] == value for name, value in wanted.items()) and row["steps"] >= steps:
            return row
    return None


def trained(setup: Setup, core: str, task_of: TaskOf, rate: float, seed: int, steps: int) -> Any:
    """Train once and keep the row."""
    task, width = equal_task(task_of, core, setup.size)
    options = FitOptions(
        epochs=10**6, learning_rate=rate, seed=seed, max_steps=steps, evaluations=4
    )
    content = {"setup": setup.name, "core": core, "width": width, "fit": asdict(options)}
    run = Identity({**content, "size": asdict(setup.size), "data": task.digest()})
    checkpoint = Checkpoint(Path(f"build/tasks/{run.digest[:16]}.npz"), run)
    fitted: Fitted = fit(task, options, checkpoint=checkpoint)
    row = {
        "setup": setup.name,
        "core": core,
        "seed": seed,
        "learning_rate": rate,
        "steps": fitted.n_steps,
        "epochs": round(fitted.n_steps / task.n_batches, 2),
        "quality": task.quality,
        "higher_is_better": task.higher_is_better,
        "validation": fitted.validation,
        "test": fitted.test if seed != TUNING_SEED else None,
        "curve": list(fitted.curve),
        "width": width,
        "n_core": fitted.n_core,
        "n_total": fitted.n_total,
        "seconds": round(fitted.seconds, 1),
        "facts": [list(fact) for fact in task.facts],
    }
    keep(row)
    checkpoint.path.unlink()
    shown = {"test": row["test"] or row["validation"], "s": row["seconds"]}
    print(setup.name, core, f"lr {rate:g} seed {seed}", json.dumps(shown), flush=True)
    return row


def tuned(setup: Setup, core: str, task_of: TaskOf, steps: int, grid: Sequence[float]) -> float:
    """Return the learning rate of the grid with the best validation on the tuning seed."""
    if len(grid) == 1:
        return grid[0]
    scores = {}
    for rate in grid:
        wanted = {"setup": setup.name, "core": core, "seed": TUNING_SEED, "learning_rate": rate}
        row = found(read_rows(), **wanted, steps=steps)
        row = row or trained(setup, core, task_of, rate, TUNING_SEED, steps)
        sign = 1 if row["higher_is_better"] else -1
        scores[rate] = sign * row["validation"][row["quality"]]
    return max(scores, key=lambda rate: scores[rate])


def main() -> None:
    """Run what is not there yet, the cheap setups first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setups", nargs="*", default=[setup.name for setup in SETUPS])
    parser.add_argument("--cores", nargs="*", default=list(NAMES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=None, help="at most so many of each training")
    parser.add_argument("--rates", type=float, nargs="*", default=list(GRID))
    parser.add_argument("--page-only", action="store_true")
    chosen = parser.parse_args()
    names = [setup.name for setup in SETUPS]
    for setup in () if chosen.page_only else SETUPS:
        if setup.name not in chosen.setups:
            continue
        task_of = setup.task_of()
        if task_of is None:
            print(f"{setup.name}: not run, QRNN_HW_DATA has no {setup.data}", flush=True)
            continue
        steps = min(setup.n_steps, chosen.steps or setup.n_steps)
        for core in chosen.cores:
            rate = tuned(setup, core, task_of, steps, chosen.rates)
            for seed in range(chosen.seeds):
                wanted = {"setup": setup.name, "core": core, "seed": seed, "learning_rate": rate}
                if found(read_rows(), **wanted, steps=steps) is None:
                    trained(setup, core, task_of, rate, seed, steps)
        write_page(read_rows(), names)
    write_page(read_rows(), names)


if __name__ == "__main__":
    main()
