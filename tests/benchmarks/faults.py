"""Every fault of the service and the way to it, in every phase of a job, with and without SIGKILL.

    python tests/benchmarks/faults.py [--runs N] [--workers N] [--only WORDS]

Each run is a job of a user process that the real client sends to a loopback service: one fault at
one endpoint, one damage of the result, or one behaviour of the service (`fault_semantics`); in most
runs the process is killed at one moment of the submission. Then it is started again until its job
has ended as it must. Only runs whose fault struck are counted. At the end `qrnn-hw run` itself is
killed, once for each way that a model goes (`run_kills`). Counts are printed and written to
build/faults.json.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from emulator.damage import DAMAGES  # noqa: E402
from emulator.faults import Fault  # noqa: E402
from emulator.processes import finish, start  # noqa: E402
from emulator.server import Emulator  # noqa: E402
from emulator.service import Service  # noqa: E402
from emulator.worker import KILL_POINTS, job  # noqa: E402
from fault_semantics import SEMANTICS, Semantics  # noqa: E402
from overheads import rows as overheads  # noqa: E402
from run_kills import run_kill_rows  # noqa: E402

from jobs.states import PENDING  # noqa: E402
from jobs.store.store import Store  # noqa: E402

SEED = 20260921
TRIES = 8
ENDPOINTS = {
    "token": ("POST", "/identity/token$"),
    "instance": ("POST", "/resources/search$"),
    "backends": ("GET", "/backends$"),
    "configuration": ("GET", "/configuration$"),
    "usage": ("GET", "/usage$"),
    "status": ("GET", "/status$"),
    "submit": ("POST", "/jobs$"),
    "find": ("GET", "/jobs$"),
    "look up": ("GET", "/jobs/[^/]+$"),
    "result": ("GET", "/results$"),
    "metrics": ("GET", "/metrics$"),
}
FAULTS = {
    "500": {"kind": "status", "status": 500},
    "503 after acting": {"kind": "status after", "status": 503},
    "429": {"kind": "status", "status": 429},
    "429 with Retry-After": {"kind": "status", "status": 429, "retry_after": 3600},
    "401": {"kind": "status", "status": 401},
    "403": {"kind": "status", "status": 403},
    "404": {"kind": "status", "status": 404},
    "web page": {"kind": "page", "status": 200},
    "captive portal": {"kind": "portal"},
    "drop": {"kind": "drop"},
    "drop after acting": {"kind": "drop after"},
    "truncated": {"kind": "truncate"},
    "slow": {"kind": "delay", "seconds": 0.5},
    "black hole": {"kind": "hold"},
    "restart": {"kind": "restart", "seconds": 0.3},
    "SIGKILL while waiting": {"kind": "hold after"},
}
# The SDK of the account waits a minute for an answer, which is its own business.
PATIENT = ("token", "instance")


@dataclass(frozen=True)
class Run:
    """One cell of the matrix: what happens, where, and when the process is killed."""

    fault: str
    endpoint: str
    kill_at: str | None
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What became of the job of one run."""

    run: Run
    struck: bool
    lost: bool
    wrong: bool
    stuck: bool
    n_traceback: int
    n_unreported: int
    n_unwanted: int
    n_cancelled: int
    n_keys_shown: int
    n_processes: int
    told: str

    @property
    def is_bad(self):
        """Whether anything is to be looked into."""
        counts = (self.n_traceback, self.n_unreported, self.n_unwanted, self.n_keys_shown)
        return self.lost or self.wrong or self.stuck or any(counts)


def matrix(n_runs):
    """Return the runs: each cell without a kill, and with kills drawn from all moments."""
    rng = np.random.default_rng(SEED)
    runs = []

    def add(fault, endpoint, kills):
        runs.extend(Run(fault, endpoint, kill, int(rng.integers(2**31))) for kill in kills)

    def drawn(n):
        return [None, *rng.choice(KILL_POINTS, size=n, replace=False).tolist()]

    for endpoint, fault in product(ENDPOINTS, FAULTS):
        if fault == "SIGKILL while waiting":
            add(fault, endpoint, [None, None])
        elif fault != "black hole" or endpoint not in PATIENT:
            add(fault, endpoint, drawn(1))
    for damage in DAMAGES:
        add(damage, "damage", drawn(1))
    for name in SEMANTICS:
        add(name, "service", drawn(3))
    if n_runs is None:
        return runs
    return [runs[index] for index in rng.permutation(len(runs))[:n_runs]]


def semantics_of(run):
    """Return how the service behaves in a run."""
    if run.endpoint == "service":
        return replace(
            SEMANTICS[run.fault], faults=tuple(replace(f) for f in SEMANTICS[run.fault].faults)
        )
    if run.endpoint == "damage":
        return Semantics(faults=(Fault("damage", "GET", "/results$", damage=run.fault, times=2),))
    method, path = ENDPOINTS[run.endpoint]
    return Semantics(faults=(Fault(method=method, path=path, **FAULTS[run.fault]),))


def play(run, folder):
    """Run one cell and return its outcome."""
    emulator = Emulator(Service(n_qubits=12))
    # A real queue takes minutes; this one must last until the double is found.
    emulator.service.settings.queue_seconds = 3.0 if run.endpoint == "submit" else 0.1
    semantics = semantics_of(run)
    emulator.faults = list(semantics.faults)
    times = [fault.times for fault in semantics.faults]
    store_path = folder / f"{run.seed}.db"
    told, key = [], job(run.seed).key
    try:
        for kill_at in (run.kill_at, *[None] * TRIES):
            environment = emulator.environment(instance=semantics.instance(emulator, len(told) + 1))
            semantics.arm(emulator, len(told) + 1)
            # Who is told that the service has the job no more clears it.
            act = "forget" if told and "JobNotFoundError" in told[-1][1] else "run"
            worker = start(environment, store_path, [run.seed], kill_at, act=act)
            if (
                emulator.faults
                and emulator.faults[0].kind == "hold after"
                and emulator.faults[0].times
            ):
                kill_when_struck(worker[0], emulator.faults[0])
            told.append(finish(*worker))
            if has_ended(semantics.end, told):
                break
        there = dict(emulator.service.jobs)
        with Store(store_path) as store:
            state = store.state(key)
            kept = getattr(state, "id", "")
            notes = " ".join(text for _, text in store.notes(key))
    finally:
        emulator.service.settings.queue_seconds = 0.0
        emulator.close()
    doubles = [name for name in there if name != kept]
    ended = has_ended(semantics.end, told)
    return Outcome(
        run,
        struck=times != [fault.times for fault in semantics.faults] or not times,
        lost=not ended,
        wrong=told[-1][0] == "wrong",
        stuck=told[-1][0] == "hung" or (ended and isinstance(state, PENDING)),
        n_traceback=sum(outcome == "defect" for outcome, _ in told),
        n_unreported=sum(
            there[d].state["status"] != "Cancelled" or d not in notes for d in doubles
        ),
        n_unwanted=sum(one.seconds > 0 for one in there.values()) > 1,
        n_cancelled=sum(there[d].state["status"] == "Cancelled" for d in doubles),
        n_keys_shown=emulator.keys_shown,
        n_processes=len(told),
        told=" | ".join(f"{outcome} {text}".strip() for outcome, text in told),
    )


def has_ended(end, told):
    """Return whether the last process ended as it must under the service's behaviour."""
    outcome, text = told[-1]
    if end == "right":
        return outcome in ("right", "wrong")
    if end == "failed":
        return outcome == "error" and text.startswith("JobFailedError")
    return outcome == "cleared"


def kill_when_struck(process, fault):
    """Kill the process once the service holds back an answer to it."""
    deadline = time.monotonic() + 60
    while fault.times and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.05)
    process.kill()


def claim(name, measured, target, *, holds):
    """Return one line of the report."""
    return {"name": name, "measured": measured, "target": target, "holds": bool(holds)}


def main():
    """Play the matrix, print the counts and write them down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, help="only so many, drawn from the matrix")
    parser.add_argument("--only", default="", help="only cells whose fault or place has it")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("build/faults.json"))
    arguments = parser.parse_args()
    wanted = arguments.only
    runs = [run for run in matrix(arguments.runs) if wanted in f"{run.endpoint}: {run.fault}"]
    begin = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(arguments.workers) as workers,
    ):
        outcomes = []
        for outcome in workers.map(lambda run: play(run, Path(folder)), runs):
            outcomes.append(outcome)
            if outcome.is_bad:
                print(f"{outcome.run}: {outcome.told}", file=sys.stderr)
            if len(outcomes) % 50 == 0:
                print(f"{len(outcomes)} of {len(runs)} runs", file=sys.stderr)
    seconds = round(time.monotonic() - begin)
    outcomes = [outcome for outcome in outcomes if outcome.struck]
    by_fault = Counter(outcome.run.fault for outcome in outcomes)
    for fault, count in by_fault.items():
        mine = [outcome for outcome in outcomes if outcome.run.fault == fault]
        print(
            f"{fault:30} {count:4} runs, {sum(o.n_processes for o in mine):4} processes, "
            f"{sum(o.n_cancelled for o in mine):3} doubles cancelled and reported"
        )
    lost, wrong = sum(o.lost for o in outcomes), sum(o.wrong for o in outcomes)
    doubled = sum(o.n_unreported for o in outcomes)
    unwanted = sum(o.n_unwanted for o in outcomes)
    stuck = sum(o.stuck for o in outcomes)
    keys = sum(o.n_keys_shown for o in outcomes)
    tracebacks = sum(o.n_traceback for o in outcomes)
    report = [
        claim("fault runs", len(outcomes), 300, holds=len(outcomes) >= 300),
        claim("jobs lost", lost, 0, holds=lost == 0),
        claim("jobs doubled, not cancelled and reported", doubled, 0, holds=doubled == 0),
        claim("jobs charged without consent", unwanted, 0, holds=unwanted == 0),
        claim("jobs stuck", stuck, 0, holds=stuck == 0),
        claim("keys shown in place of a token", keys, 0, holds=keys == 0),
        claim("results wrong", wrong, 0, holds=wrong == 0),
        claim("tracebacks", tracebacks, 0, holds=tracebacks == 0),
        claim("seconds for the fault matrix", seconds, 900, holds=seconds < 900),
    ]
    report += [
        claim(name, measured, target, holds=measured < target)
        for name, measured, target in overheads()
    ]
    with tempfile.TemporaryDirectory() as folder:
        report += run_kill_rows(Path(folder))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(report, indent=2) + "\n")
    for line in report:
        verdict = "holds" if line["holds"] else "FAILS"
        print(f"{line['name']:42} {line['measured']!s:6} (target {line['target']}) {verdict}")
    return 0 if all(line["holds"] for line in report) else 1


if __name__ == "__main__":
    sys.exit(main())
