"""A user of the service in a process of its own, which may be killed at any point."""

import io
import os
import signal
import sys
import traceback
from contextlib import redirect_stderr

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from jobs.errors import JobsError
from jobs.runner import run
from jobs.service import pace, tokens, transport
from jobs.service.backoff import Backoff
from jobs.service.giving_up import forget
from jobs.service.job_book import InstanceJobs
from jobs.service.retrieval import watch
from jobs.service.runtime import ServiceExecutor
from jobs.service.submission import submit
from jobs.spec import JobSpec, Pub
from jobs.states import state_name
from jobs.store.store import Store

QUICK = Backoff(0.05, 0.4, patience_seconds=20.0, doubt_seconds=1.0, listing_seconds=4.0)
pace.PERIOD_SECONDS = 1.0  # no test waits for a minute
# Each is a moment in the life of a job; "posted" is between the answer and its being stored.
KILL_POINTS = (
    "before intended",
    "after intended",
    "posted",
    "after submitted",
    "before fetch",
    "answered",
    "kept",
    "before done",
    "after done",
)


def job(seed, shots=16):
    """Return a job with feed-forward whose bits are known: see `expected`."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(12, 2)
    circuit.sx(0)
    circuit.rz(angle, 0)
    circuit.sx(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    bits = np.random.default_rng(seed).integers(0, 2, size=(4, 1))
    rows = Pub(circuit, np.pi * bits)
    # The seed is in the angles and once more by itself: equal angles are another job all the same.
    return JobSpec((rows,), shots, "ibm", "ibm_boston", seed=seed)


def expected(spec):
    """Return the value of the register in each row: both bits are 1 where the angle is 0."""
    return [0 if angle > 1 else 3 for angle in spec.pubs[0].parameters[:, 0]]


def answered(results, spec):
    (result,) = results
    return [result.counts("c", row) for row in range(result.n_rows)] == [
        {value: spec.shots} for value in expected(spec)
    ]


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point):
    """Make this process end at `point`."""
    if point is None:
        return

    def around(owner, name, before, after):
        original = getattr(owner, name)

        def wrapped(self, *arguments):
            if before(*arguments):
                kill_self()
            result = original(self, *arguments)
            if after(*arguments):
                kill_self()
            return result

        setattr(owner, name, wrapped)

    def at(*names):
        return lambda *_: point in names

    around(
        Store,
        "set_state",
        lambda _, state: point == f"before {state_name(state)}",
        lambda _, state: point == f"after {state_name(state)}",
    )
    around(Store, "put_raw", at("before done"), at("after done"))
    around(ServiceExecutor, "submit", at(), at("posted"))
    around(InstanceJobs, "answer", at("before fetch"), at("answered"))
    around(Store, "keep_answer", at(), at("kept"))


def work(environment, path, seeds, kill_at, act, answers):
    """Act on jobs and tell (outcome, text): "right", "wrong", "error" or "defect".

    `act` is "run", one job after the other; "together", all sent before the first is waited for;
    or "forget", with the outcome "cleared".
    """
    for name in [name for name in os.environ if name.startswith("QISKIT_IBM")]:
        del os.environ[name]
    os.environ.update(environment)
    tokens.WAITS_SECONDS = (0.05, 0.1, 0.2)
    transport.TIMEOUT_SECONDS = (2.0, 2.0)
    arm(kill_at)
    said = io.StringIO()
    try:
        with redirect_stderr(said), Store(path) as store:
            outcome = done(act, seeds, ServiceExecutor("ibm_boston"), store)
        answers.put(
            ("defect", said.getvalue()) if "Traceback" in said.getvalue() else (outcome, "")
        )
    except JobsError as error:
        answers.put(("error", f"{type(error).__name__}: {error}"))
    except Exception:
        answers.put(("defect", traceback.format_exc()))
    sys.stdout.flush()


def done(act, seeds, executor, store):
    if act == "forget":
        for seed in seeds:
            forget(job(seed).key, executor, store, backoff=Backoff(0.05, 0.1, 0.3))
        return "cleared"
    if act == "together":
        keys = [submit(job(s), executor, store, backoff=QUICK)[0] for s in seeds]
        watch(keys, executor, store, backoff=QUICK)
    rights = [answered(run(spec, executor, store, backoff=QUICK), spec) for spec in map(job, seeds)]
    return "right" if all(rights) else "wrong"
