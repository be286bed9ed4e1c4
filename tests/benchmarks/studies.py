"""The studies measured: speed, agreement with brute force, guarantees, savings, scaling, kills.

Run by `make bench-studies`, or with the names of some parts; writes build/bench-studies.json, a
list of {name, measured, target, holds}, anew after each row.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import statistics_coverage
from rows import Row, row, write_as_they_come
from study_kills import kill_rows
from study_pages import page_rows
from study_scaling import Said, scaling_rows

from jobs.aer.executor import AerExecutor
from jobs.spec import JobSpec
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.report.shot_report import write_shot_report
from qrnn_hw.statistics.decisions import flip_probabilities, infinite_shot_labels
from qrnn_hw.studies.shot_experiment import study_shots_of
from qrnn_hw.studies.shots import ShotStudyPlan, study_shots
from qrnn_hw.studies.trained import TrainedModel, trained_model, with_sentences

OUTPUT = Path("build/bench-studies")
BRUTE_SENTENCES, BRUTE_REPEATS, BRUTE_SHOTS = 20, 30, 100


class Bench:
    """What several parts share: a trained model, kept from the last time, and a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def model(self) -> TrainedModel:
        return trained_model(RunSettings(output=OUTPUT / "model"), Said())


def shot_rows(bench: Bench) -> Iterator[Row]:
    """Time the study of 200 inputs, and hold its adaptive shots against fixed ones."""
    model, plan = bench.model, ShotStudyPlan()
    load = round(os.getloadavg()[0], 1)
    start, cpu_start = time.perf_counter(), time.process_time()
    experiment = study_shots_of(model, plan, adaptive_max_shots=100_000)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    n = len(model.test)
    size = f"{n} inputs, {len(plan.shot_counts)} shot counts, {plan.n_repeats} repeats"
    yield row(f"study shots, {size}: seconds (load before: {load})", round(seconds, 1), 60,
              seconds < 60)  # fmt: skip
    yield row(f"study shots, {size}: seconds of CPU", round(cpu, 1), 60, cpu < 60)
    for one in experiment.adaptive:
        for kind, saving in (("same guarantee", one.saving), ("law known", one.oracle_saving)):
            name = f"adaptive shots, {one.condition}, {one.test}, {kind}: times fewer"
            yield row(name, round(saving, 1), 3, saving >= 3)
        name = f"adaptive shots, {one.condition}, {one.test}: wrong labels"
        yield row(name, one.wrong.value, one.delta, one.wrong.value <= one.delta)
    write_shot_report(experiment, OUTPUT / "shots")


def brute_force_rows(bench: Bench) -> Iterator[Row]:
    """Draw the same repeats shot by shot on Aer, and hold both against each other."""
    model = bench.model
    few = with_sentences(model, BRUTE_SENTENCES)
    shots = BRUTE_SHOTS * BRUTE_REPEATS
    pubs = sentence_pubs(few.prepared.circuit.transpiled, few.encoded)
    start = time.perf_counter()
    spec = JobSpec(pubs.pubs, shots, "aer", "active qubits", 11)
    outcomes = pubs.outcomes(AerExecutor(few.prepared.circuit.noise).run(spec))
    aer_seconds = time.perf_counter() - start
    votes = few.decision[outcomes.reshape(BRUTE_SENTENCES, BRUTE_REPEATS, BRUTE_SHOTS)].sum(-1)
    start = time.perf_counter()
    noisy = few.distributions(few.prepared.circuit.noisy)
    plan = ShotStudyPlan((BRUTE_SHOTS,), BRUTE_REPEATS)
    study_shots({"noisy": noisy}, few.test.targets, few.rule, plan)
    exact_seconds = time.perf_counter() - start
    p = flip_probabilities(noisy, few.rule, BRUTE_SHOTS)
    flipped = (votes > 0) != infinite_shot_labels(noisy, few.rule)[:, None]
    sd = np.sqrt((p * (1 - p)).sum() / BRUTE_REPEATS) / BRUTE_SENTENCES
    distance = abs(float(flipped.mean() - p.mean())) / sd
    # Aer's time grows with shots, the exact study's does not: the whole plan at Aer's rate.
    whole = ShotStudyPlan()
    aer_rate = aer_seconds / (BRUTE_SENTENCES * shots)
    aer_whole = aer_rate * len(model.test) * sum(whole.shot_counts) * whole.n_repeats
    start = time.perf_counter()
    noisy = model.distributions(model.prepared.circuit.noisy)
    study_shots({"noisy": noisy}, model.test.known_targets, model.rule, whole)
    ratio = aer_whole / (time.perf_counter() - start)
    yield row("flip rate against shots on Aer (standard errors)", round(distance, 2), 3.5,
              distance <= 3.5)  # fmt: skip
    yield row("brute force on Aer over exact study, the default plan at Aer's measured rate",
              round(ratio), 1000, ratio >= 1000)  # fmt: skip
    yield row(f"the same, {BRUTE_SENTENCES} inputs, {BRUTE_SHOTS} shots, {BRUTE_REPEATS} repeats, "
              "both run, compilation included", round(aer_seconds / exact_seconds, 1), None,
              True)  # fmt: skip


def reports(bench: Bench) -> Iterator[Row]:
    """Open the reports that other parts, or an earlier run, have left."""
    pages = [*OUTPUT.glob("*/report.html"), *bench.folder.glob("*/report.html")]
    if not pages:
        write_shot_report(
            study_shots_of(bench.model, ShotStudyPlan(), adaptive_max_shots=2000), OUTPUT / "shots"
        )
        pages = [OUTPUT / "shots" / "report.html"]
    yield from page_rows(pages)


PARTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "scaling": lambda bench: scaling_rows(bench.folder),  # first: nothing else of ours runs
    "shots": shot_rows,
    "brute": brute_force_rows,
    "kills": lambda bench: kill_rows(bench.folder),
    "pages": reports,
    "statistics": lambda bench: statistics_coverage.all_rows(),
}


def main() -> int:
    """Measure the parts that are named, all if none is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    chosen = parser.parse_args().parts
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"a part is one of {', '.join(PARTS)}. Got {', '.join(sorted(unknown))}.")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        rows = (line for part in chosen or PARTS for line in PARTS[part](bench))
        found = write_as_they_come(rows, Path("build/bench-studies.json"))
    return 0 if all(one["holds"] for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
