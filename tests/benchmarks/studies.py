"""The studies measured: speed, agreement with brute force, guarantees, savings, scaling, kills.

Run by `make bench-studies`; writes build/bench-studies.json, a list of {name, measured, target,
holds}. Takes about ten minutes on two cores.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from jobs.aer import AerExecutor
from jobs.spec import JobSpec
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.settings import RunSettings
from qrnn_hw.statistics.decisions import flip_probabilities, infinite_shot_labels
from qrnn_hw.studies.engine import run_cells
from qrnn_hw.studies.grid import grid
from qrnn_hw.studies.rows import RowFile, in_order
from qrnn_hw.studies.shot_experiment import study_shots_of
from qrnn_hw.studies.shots import ShotPlan, study_shots
from qrnn_hw.studies.trained import trained_model, with_sentences

OUTPUT = Path("build/bench-studies")
BRUTE_SENTENCES, BRUTE_REPEATS, BRUTE_SHOTS = 20, 30, 100
CELL_SECONDS, N_CELLS = 0.25, 48


class Said:
    """Progress on stderr."""

    def stage(self, text):
        print(text, file=sys.stderr, flush=True)

    def advance(self, done, total, note=""): ...


def row(name, measured, target, holds):
    """Return one line of the report and print it."""
    line = {"name": name, "measured": measured, "target": target, "holds": bool(holds)}
    print(json.dumps(line), flush=True)
    return line


def shot_rows(model):
    """Time the study of 200 inputs, and hold its adaptive shots against fixed ones."""
    plan = ShotPlan()
    start, cpu_start = time.perf_counter(), time.process_time()
    experiment = study_shots_of(model, plan, adaptive_max_shots=100_000)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    n = len(model.test)
    size = f"{n} inputs, {len(plan.shot_counts)} shot counts, {plan.n_repeats} repeats"
    load = round(os.getloadavg()[0], 1)
    rows = [
        row(f"study shots, {size}: seconds (load {load})", round(seconds, 1), 60, seconds < 60),
        row(f"study shots, {size}: seconds of CPU", round(cpu, 1), 60, cpu < 60),
    ]
    for one in experiment.adaptive:
        for kind, saving in (("same guarantee", one.saving), ("law known", one.oracle_saving)):
            name = f"adaptive shots, {one.condition}, {one.test}, {kind}: times fewer"
            rows.append(row(name, round(saving, 1), 3, saving >= 3))
        name = f"adaptive shots, {one.condition}, {one.test}: wrong labels"
        rows.append(row(name, one.wrong.value, one.delta, one.wrong.value <= one.delta))
    return rows


def brute_force_rows(model):
    """Draw the same repeats shot by shot on Aer, and hold both against each other."""
    few = with_sentences(model, BRUTE_SENTENCES)
    shots = BRUTE_SHOTS * BRUTE_REPEATS
    pubs = sentence_pubs(few.prepared.transpiled, few.weights, few.test)
    start = time.perf_counter()
    spec = JobSpec(pubs.pubs, shots, "aer", "active qubits", 11)
    outcomes = pubs.outcomes(AerExecutor(few.prepared.noise).run(spec))
    aer_seconds = time.perf_counter() - start
    votes = few.decision[outcomes.reshape(BRUTE_SENTENCES, BRUTE_REPEATS, BRUTE_SHOTS)].sum(-1)
    start = time.perf_counter()
    noisy = few.distributions(few.prepared.noisy)
    plan = ShotPlan((BRUTE_SHOTS,), BRUTE_REPEATS)
    study_shots({"noisy": noisy}, few.test.labels, few.rule, plan)
    exact_seconds = time.perf_counter() - start
    p = flip_probabilities(noisy, few.rule, BRUTE_SHOTS)
    flipped = (votes > 0) != infinite_shot_labels(noisy, few.rule)[:, None]
    sd = np.sqrt((p * (1 - p)).sum() / BRUTE_REPEATS) / BRUTE_SENTENCES
    distance = abs(float(flipped.mean() - p.mean())) / sd
    # Aer's time grows with shots, the exact study's does not: the whole plan at Aer's rate.
    whole = ShotPlan()
    aer_rate = aer_seconds / (BRUTE_SENTENCES * shots)
    aer_whole = aer_rate * len(model.test) * sum(whole.shot_counts) * whole.n_repeats
    start = time.perf_counter()
    noisy = model.distributions(model.prepared.noisy)
    study_shots({"noisy": noisy}, model.test.labels, model.rule, whole)
    ratio = aer_whole / (time.perf_counter() - start)
    return [
        row("flip rate against shots on Aer (standard errors)", round(distance, 2), 3.5,
            distance <= 3.5),
        row("brute force on Aer over exact study, the default plan at Aer's measured rate",
            round(ratio), 1000, ratio >= 1000),
        row(f"the same, {BRUTE_SENTENCES} inputs, {BRUTE_SHOTS} shots, {BRUTE_REPEATS} repeats, "
            "both run, compilation included", round(aer_seconds / exact_seconds, 1), None, True),
    ]  # fmt: skip


def busy(values):
    """Use a core for a while: what a cell costs without what the engine adds."""
    end = time.process_time() + values["seconds"]
    while time.process_time() < end:
        pass
    return {"square": values["cell"] ** 2}


def cells_of(n, seconds):
    return grid(
        "busy", {"cell": list(range(n))}, {"seconds": seconds}, {"cell": 0, "seconds": 0.0}
    ).cells()


def timed(cells, path, **options):
    start = time.perf_counter()
    run_cells(cells, RowFile(path), busy, Said(), **options)
    return time.perf_counter() - start


def scaling_rows(folder):
    """Run equal cells in one process, in two and on a cluster of two."""
    cells = cells_of(N_CELLS, CELL_SECONDS)
    timed(cells_of(2, 0.0), folder / "warm.jsonl", n_workers=2)
    one = timed(cells, folder / "one.jsonl")
    two = timed(cells, folder / "two.jsonl", n_workers=2)
    empty = timed(cells_of(500, 0.0), folder / "empty.jsonl") / 500
    load = round(os.getloadavg()[0], 1)
    rows = [
        row(f"2 processes over 1 (load of the machine {load})", round(one / two, 2), 1.8,
            one / two >= 1.8),
        row("overhead per cell, one process: ms", round(1000 * empty, 2), None, True),
    ]  # fmt: skip
    if importlib.util.find_spec("distributed"):
        from distributed import LocalCluster

        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
            address = cluster.scheduler_address
            timed(cells_of(3, 0.0), folder / "warm2.jsonl", cluster=address)
            on_cluster = timed(cells, folder / "cluster.jsonl", cluster=address)
        ratio = one / on_cluster
        rows.append(row(f"LocalCluster of 2 over 1 (load {load})", round(ratio, 2), 1.6,
                        ratio >= 1.6))  # fmt: skip
        same = lasting(cells, folder / "cluster.jsonl") == lasting(cells, folder / "one.jsonl")
        rows.append(row("rows of the cluster and of one process alike", same, True, same))
    return rows


def lasting(cells, path):
    return [json.dumps(one.lasting()) for one in in_order(cells, RowFile(path).read())]


COMMAND = [sys.executable, "-c", "from qrnn_hw.cli import main; main()", "study", "noise",
           "--axis", "source=readout,idle", "--axis", "scale=0,1,4",
           "--set", "epochs=2", "--set", "sentences=20"]  # fmt: skip


def kill_rows(folder):
    """Kill a real study, once in training and once between cells, and compare its files."""
    killed, whole = folder / "killed", folder / "whole"
    moments = (
        lambda: list(killed.glob("models/*/checkpoint.npz")),
        lambda: (
            (killed / "rows.jsonl").exists()
            and len((killed / "rows.jsonl").read_bytes().splitlines()) >= 2
        ),
    )
    struck = 0
    for moment in moments:
        process = subprocess.Popen([*COMMAND, "--output", killed], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 240
        while not moment() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        struck += process.poll() is None
        process.kill()
        process.wait()
    for path in (killed, whole):
        subprocess.run([*COMMAND, "--output", path], check=True, stdout=subprocess.DEVNULL)
    same = (killed / "rows.csv").read_bytes() == (whole / "rows.csv").read_bytes()
    return [
        row("SIGKILLs that struck a study of noise", struck, 2, struck == 2),
        row("rows.csv of the killed study and of an uninterrupted one alike", same, True, same),
    ]


def statistics_rows():
    """Return the coverage of every interval and guarantee, from the file beside this one."""
    path = Path(__file__).with_name("statistics_coverage.py")
    spec = importlib.util.spec_from_file_location("statistics_coverage", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.all_rows()


def main():
    """Measure all and write the rows."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    model = trained_model(RunSettings(output=OUTPUT / "model"), Said())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [*shot_rows(model), *brute_force_rows(model), *scaling_rows(folder)]
        rows += [*kill_rows(folder), *statistics_rows()]
    Path("build/bench-studies.json").write_text(json.dumps(rows, indent=2) + "\n")
    return 0 if all(one["holds"] for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
