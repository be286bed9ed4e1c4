"""What the hybrid and its tasks promise, beside what was measured: build/bench-hybrid.json.

Run by `make bench-hybrid`, under 15 minutes: rows that `make tasks` and `make tasks-hardware` left
in tests/benchmarks/results, each with its seeds and steps in its name, and short runs. What was not
run is a miss that says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rows import Row, at_most, row, write_as_they_come
from speed_peers import hybrid_against_pennylane
from tasks_page import chosen, differences, interval_of, qualities

from qrnn_hw.statistics.intervals import mean_interval
from qrnn_hw.tasks.catalogue import TASKS, equal_task
from qrnn_hw.tasks.classification import classification
from qrnn_hw.tasks.controlled_cores import CircuitSize, qrnn
from qrnn_hw.tasks.cores import NAMES
from qrnn_hw.tasks.fit import FitOptions, fit
from qrnn_hw.tasks.images import load_images

RESULTS = Path(__file__).parent / "results"


def rows_of(name: str) -> list[dict[str, Any]]:
    """Return the lines of a kept file, none where it is not there."""
    path = RESULTS / name
    return (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    )


def commands() -> Iterator[Row]:
    """Run each task by its command on what is carried."""
    for task in TASKS:
        with tempfile.TemporaryDirectory() as folder:
            words = ["train", "--task", task, "--output", folder, "--json"]
            at = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "qrnn_hw", *words], capture_output=True, text=True
            )
            seconds = time.perf_counter() - at
        if done.returncode:
            yield row(f"train --task {task} runs", done.stderr.strip()[-200:], 0, False)
            continue
        test = json.loads(done.stdout)["seeds"][0]["test"]
        yield at_most(f"train --task {task}, seconds ({json.dumps(test)})", seconds, 120.0)


def started(scale: float, seeds: int) -> list[float]:
    """Return the test accuracy of the amazon file from each seed, by the controller's start."""
    size = CircuitSize(n_qubits=4, n_hidden=16, start_scale=scale)
    task = TASKS["sentiment"].make(None, {})(lambda n_inputs: qrnn(n_inputs, size))
    found = []
    for seed in range(seeds):
        options = FitOptions(epochs=100, max_steps=400, seed=seed, evaluations=4)
        found.append(fit(task, options).test["accuracy"])
    return found


def start() -> Iterator[Row]:
    """Compare the controller's start with that of the usual scale."""
    lead = np.array(started(0.1, 3)) - np.array(started(1.0, 3))
    said = f"{lead.mean():+.3f} ({', '.join(f'{one:+.3f}' for one in lead)})"
    name = "sentiment: lead of the small start over the usual one, amazon, 3 seeds, 400 steps"
    yield row(name, said, "above 0", lead.mean() > 0)


def kept() -> Iterator[Row]:
    """Judge the rows of the tasks benchmark."""
    found = rows_of("tasks.jsonl")

    def named(setup: str, core: str) -> str:
        own = chosen(found, setup, core)
        return f"{setup}, {core}, {len(own)} seeds, {own[-1]['steps'] if own else 0} steps"

    for setup in ("amazon", "sst2"):
        lead, _ = differences(found, setup).get("gru", (np.zeros(0), 1.0))
        name = f"hybrid less GRU of equal size: {named(setup, 'qrnn')}"
        if len(lead) < 2:
            yield row(name, "not run", "interval reaches 0 or more", False)
            continue
        interval = mean_interval(lead)
        said = f"{interval.value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"
        yield row(name, said, "interval reaches 0 or more", interval.high >= 0)
    for setup, target, is_high in (
        ("mnist-rows", 0.95, True),
        ("pmnist-rows", 0.95, True),
        ("copy-50", 0.05, False),
    ):
        values = list(qualities(chosen(found, setup, "qrnn")).values())
        mean = float(np.mean(values)) if values else None
        reached = mean is not None and (mean >= target if is_high else mean <= target)
        asked = f"{'at least' if is_high else 'at most'} {target}, five seeds"
        holds = reached and len(values) >= 5
        yield row(named(setup, "qrnn"), "not run" if mean is None else mean, asked, holds)
    for setup, cores in (
        ("ptb-characters", NAMES),
        ("ptb-words", ("qrnn", "lstm", "gru")),
    ):
        seeds = {core: len(qualities(chosen(found, setup, core))) for core in cores}
        said = ", ".join(f"{core} {n}" for core, n in seeds.items() if n) or "not run"
        asked = f"5 seeds of each of {len(cores)} cores"
        yield row(f"{setup}: seeds of each core", said, asked, min(seeds.values()) >= 5)
    yield translated(found)


def translated(found: list[dict[str, Any]]) -> Row:
    """Judge whether all four cores translated after 15 epochs, each with its interval."""
    said = []
    for core in ("gru", "qrnn", "product", "frozen"):
        own = [one for one in chosen(found, "multi30k", core) if one["epochs"] >= 15]
        said += [f"{core} {interval_of(one)}" for one in own[-1:]]
    asked = "15 epochs of each of 4 cores, 95 % over sentences"
    return row("multi30k, BLEU of 15 epochs", "; ".join(said) or "not run", asked, len(said) == 4)


def speed() -> Iterator[Row]:
    """Time a step of the hybrid beside one of the GRU, and say what peers are not there."""
    data = load_images(None, permuted=True)
    # Four rows of digits one after the other are as long as the 28 rows of an image.
    size, times = CircuitSize(), {}
    for core in ("qrnn", "gru"):
        task, _ = equal_task(lambda make: classification(data, make), core, size)
        options = FitOptions(epochs=100, max_steps=200, evaluations=1)
        fit(task, FitOptions(epochs=100, max_steps=5, evaluations=1))
        times[core] = fit(task, options).seconds / 199
    ratio = times["qrnn"] / times["gru"]
    yield at_most(
        "step of the hybrid, n = 8, over a GRU's of equal size (pdigits, T = 8)", ratio, 5.0
    )
    for peer in hybrid_against_pennylane():
        said = f"not run, {peer.baseline}" if peer.measured is None else peer.measured
        yield row(f"{peer.name}; {peer.baseline}", said, peer.target, peer.holds)


def hardware() -> Iterator[Row]:
    """Judge the noisy, finite-shot rows."""
    found = rows_of("tasks-hardware.jsonl")
    for task in TASKS:
        own = [one for one in found if one["task"] == task]
        if not own:
            yield row(f"{task} on noisy hardware", "not run", "a row", False)
            continue
        for one in own:
            name = f"{task}, seed {one['seed']}, {one['shots']} shots, {one['rows']} rows"
            right, ways = one["right"], ("ideal", "noisy", "readout corrected", "extrapolated")
            said = "; ".join(
                f"{way} {at['value']:.2f} ({at['low']:.2f} to {at['high']:.2f})"
                for way, at in ((way, right[way]) for way in ways)
            )
            yield row(
                f"{name}: {said}", one["seconds"], "QPU seconds below 60", one["seconds"] < 60
            )
            yield row(f"{name}: p of Aer's shots", one["aer_p"], "> 0.001", one["aer_p"] > 1e-3)
            yield at_most(f"{name}: gradient off by", one["gradient_error"], 1e-5)


def every_row() -> Iterator[Row]:
    """Yield all rows, those of files first."""
    yield from kept()
    yield from hardware()
    yield from speed()
    yield from start()
    yield from commands()


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    write_as_they_come(every_row(), Path("build/bench-hybrid.json"))
