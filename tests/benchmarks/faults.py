"""Every fault of the way to the service, in every phase of a job, with and without SIGKILL.

    python tests/benchmarks/faults.py [--runs N] [--workers N]

Each run is a job of a user process that the real client sends to a loopback service: one fault at
one endpoint, and in two of three runs the process is killed at one moment of the submission. Then
it is started again until its job is done. Only runs whose fault struck are counted. Counts are
printed and written to build/faults.json.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from emulator.faults import Fault  # noqa: E402
from emulator.processes import finish, start  # noqa: E402
from emulator.server import Emulator  # noqa: E402
from emulator.service import Service  # noqa: E402
from emulator.worker import KILL_POINTS, job  # noqa: E402
from overheads import rows as overheads  # noqa: E402

from jobs.store import Store  # noqa: E402

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
    "429 with Retry-After": {"kind": "status", "status": 429, "retry_after": 1},
    "401": {"kind": "status", "status": 401},
    "drop": {"kind": "drop"},
    "drop after acting": {"kind": "drop after"},
    "truncated": {"kind": "truncate"},
    "slow": {"kind": "delay", "seconds": 0.5},
    "restart": {"kind": "restart", "seconds": 0.3},
    "SIGKILL while waiting": {"kind": "hold after"},
}


@dataclass(frozen=True)
class Run:
    """One cell of the matrix."""

    endpoint: str
    fault: str
    kill_at: str | None
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What became of the job of one run."""

    run: Run
    struck: bool
    lost: bool
    wrong: bool
    n_traceback: int
    n_unreported: int
    n_cancelled: int
    n_processes: int
    told: str


def matrix(n_runs):
    """Return the runs: each cell without a kill, and with kills drawn from all moments."""
    rng = np.random.default_rng(SEED)
    runs = []
    for endpoint, fault in product(ENDPOINTS, FAULTS):
        if fault == "SIGKILL while waiting":
            runs += [Run(endpoint, fault, None, int(rng.integers(2**31))) for _ in range(2)]
            continue
        kills = [None, *rng.choice(KILL_POINTS, size=2, replace=False).tolist()]
        runs += [Run(endpoint, fault, kill, int(rng.integers(2**31))) for kill in kills]
    if n_runs is None:
        return runs
    return [runs[index] for index in rng.permutation(len(runs))[:n_runs]]


def play(run, folder):
    """Run one cell and return its outcome."""
    emulator = Emulator(Service(n_qubits=12))
    # A real queue takes minutes; this one must last until the double is found.
    emulator.service.settings.queue_seconds = 3.0 if run.endpoint == "submit" else 0.1
    method, path = ENDPOINTS[run.endpoint]
    fault = Fault(method=method, path=path, **FAULTS[run.fault])
    emulator.faults = [fault]
    store_path = folder / f"{run.seed}.db"
    told, n_processes = [], 0
    try:
        for kill_at in (run.kill_at, *[None] * TRIES):
            n_processes += 1
            worker = start(emulator.environment(), store_path, [run.seed], kill_at)
            if fault.kind == "hold after" and fault.times:
                kill_when_struck(worker[0], fault)
            told.append(finish(*worker))
            if told[-1][0] in ("right", "wrong"):
                break
        states = {j.id: j.state["status"] for j in emulator.service.jobs.values()}
        with Store(store_path) as store:
            key = job(run.seed).key
            kept = getattr(store.state(key), "id", "")
            notes = " ".join(text for _, text in store.notes(key))
    finally:
        emulator.close()
    doubles = [job_id for job_id in states if job_id != kept]
    return Outcome(
        run,
        struck=fault.times == 0,
        lost=told[-1][0] not in ("right", "wrong"),
        wrong=told[-1][0] == "wrong",
        n_traceback=sum(outcome == "defect" for outcome, _ in told),
        n_unreported=sum(states[d] != "Cancelled" or d not in notes for d in doubles),
        n_cancelled=sum(states[d] == "Cancelled" for d in doubles),
        n_processes=n_processes,
        told=" | ".join(f"{outcome} {text}".strip() for outcome, text in told),
    )


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
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("build/faults.json"))
    arguments = parser.parse_args()
    runs = matrix(arguments.runs)
    begin = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(arguments.workers) as workers,
    ):
        outcomes = []
        for outcome in workers.map(lambda run: play(run, Path(folder)), runs):
            outcomes.append(outcome)
            bad = outcome.lost or outcome.wrong or outcome.n_traceback or outcome.n_unreported
            if bad:
                print(f"{outcome.run}: {outcome.told}", file=sys.stderr)
            if len(outcomes) % 50 == 0:
                print(f"{len(outcomes)} of {len(runs)} runs", file=sys.stderr)
    seconds = round(time.monotonic() - begin)
    outcomes = [outcome for outcome in outcomes if outcome.struck]
    by_fault = Counter(outcome.run.fault for outcome in outcomes)
    for fault, count in by_fault.items():
        mine = [outcome for outcome in outcomes if outcome.run.fault == fault]
        print(
            f"{fault:22} {count:4} runs, {sum(o.n_processes for o in mine):4} processes, "
            f"{sum(o.n_cancelled for o in mine):3} doubles cancelled and reported"
        )
    lost, wrong = sum(o.lost for o in outcomes), sum(o.wrong for o in outcomes)
    doubled = sum(o.n_unreported for o in outcomes)
    tracebacks = sum(o.n_traceback for o in outcomes)
    report = [
        claim("fault runs", len(outcomes), 300, holds=len(outcomes) >= 300),
        claim("jobs lost", lost, 0, holds=lost == 0),
        claim("jobs doubled, not cancelled and reported", doubled, 0, holds=doubled == 0),
        claim("results wrong", wrong, 0, holds=wrong == 0),
        claim("tracebacks", tracebacks, 0, holds=tracebacks == 0),
        claim("seconds for the fault matrix", seconds, 900, holds=seconds < 900),
    ]
    report += [
        claim(name, measured, target, holds=measured < target)
        for name, measured, target in overheads()
    ]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(report, indent=2) + "\n")
    for line in report:
        verdict = "holds" if line["holds"] else "FAILS"
        print(f"{line['name']:42} {line['measured']:6} (target {line['target']}) {verdict}")
    return 0 if all(line["holds"] for line in report) else 1


if __name__ == "__main__":
    sys.exit(main())
