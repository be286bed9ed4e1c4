"""What is asked of a machine, and the two ways to answer: a price, or bits through the store.

A model in one circuit asks once, for the circuits of all its stacks; a model in rounds asks once
for each time step, with the numbers that the answer before gave. Both run the same code with either
callable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Protocol

import numpy as np

from jobs.assess import Assessment, Conditions
from jobs.cost import Estimate
from jobs.errors import StoreError
from jobs.executor import Executor, RemoteExecutor
from jobs.runner import run
from jobs.service.retrieval import collect
from jobs.service.submission import Terms
from jobs.spec import JSON, JobSpec, Pub, PubResult
from jobs.store.run_time import run_time
from jobs.store.store import Store
from qrnn_hw.submission import following
from qrnn_hw.submission.assessment import assess_jobs, conditions_of, priced
from qrnn_hw.submission.consent import Consent
from qrnn_hw.submission.machine import Machine

Bits = tuple[PubResult, ...]
"""One result for each pub of a request."""


@dataclass(frozen=True, eq=False)
class Request:
    """Circuits with their rows, all with the same number of shots: what becomes one job."""

    pubs: tuple[Pub, ...]
    shots: int
    """Of each row of each circuit."""

    role: str
    """What the job is for, such as "readout", "scale 3, 240 shots" or "round 4"; not in its key."""

    seed: int
    """Of a recorded device's shots."""

    options: Mapping[str, JSON] = field(default_factory=dict)
    """What else tells the job from others with the same circuits."""

    def spec(self, machine: Machine) -> JobSpec:
        """Return the job on a machine."""
        return JobSpec(
            pubs=self.pubs,
            shots=self.shots,
            executor=machine.executor_name,
            backend=machine.name,
            seed=None if machine.is_real else self.seed,
            snapshot=machine.snapshot.digest,
            options={**self.options, **machine.job_options},
        )


class Measurer(Protocol):
    """Requests to the bits of each; what was asked together needs no answer in between."""

    @property
    def binds(self) -> bool:
        """Whether what is asked for is run, its angles settled with it."""

    def __call__(self, requests: Sequence[Request], /) -> list[Bits]:
        """Return the bits of each request."""

    def ran_at(self, role: str) -> datetime | None:
        """Return when the job of a role ran, None where none did."""


@dataclass
class Asked:
    """The requests so far, in the order in which they are sent."""

    machine: Machine
    specs: list[JobSpec] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)

    def job(self, request: Request, store: Store | None) -> JobSpec:
        """Return the request's job, as a store may know it already, and remember what it is for."""
        spec = request.spec(self.machine)
        spec = spec if store is None else store.known(spec)
        self.specs.append(spec)
        self.roles.append(request.role)
        return spec

    @property
    def keys(self) -> dict[str, str]:
        """Key of the job of each role."""
        return dict(zip(self.roles, (spec.key for spec in self.specs), strict=True))


@dataclass
class Priced(Asked):
    """Checks and prices what is asked; answers with stored bits where there are any, else with 0.

    What a later request asks for is then the truth as far as its answers before are stored.
    """

    store: Store | None = None
    jobs: list[Assessment] = field(default_factory=list)
    conditions: Conditions | None = None
    """Of the machine, shared by those who ask for the same circuits."""

    binds = False

    def ran_at(self, role: str) -> datetime | None:
        """Return nothing: a price is no run."""
        return None

    @cached_property
    def _conditions(self) -> Conditions:
        return self.conditions or conditions_of(self.machine)

    def __call__(self, requests: Sequence[Request]) -> list[Bits]:
        """Assess every request, then answer."""
        return [self._answer(self.job(request, self.store)) for request in requests]

    def _answer(self, spec: JobSpec) -> Bits:
        self.jobs += assess_jobs([spec], self.machine, self._conditions)
        stored = None if self.store is None else self.store.raw(spec.key)
        return tuple(_nothing(pub, spec.shots) for pub in spec.pubs) if stored is None else stored

    @property
    def estimate(self) -> Estimate:
        """The cost of all requests.

        Raises:
            PreflightError: a circuit cannot be timed.
        """
        return priced(self.jobs)

    @property
    def n_parts(self) -> int:
        """Jobs that a service is sent: what is too large for one goes in parts."""
        return sum(len(job.parts) for job in self.jobs)


@dataclass
class Stored(Asked):
    """Runs each request as one job, or reads it from the store: none is paid twice."""

    store: Store = field(kw_only=True)
    executor: Executor | RemoteExecutor | None = field(default=None, kw_only=True)
    """What runs a job that is not stored; None refuses one."""

    terms: Sequence[Sequence[Terms | None]] = field(default=(), kw_only=True)
    """Of each part of each job, from `Consent.ask`; by default those of the executor."""

    after_job: Callable[[int], None] = field(default=lambda done: None, kw_only=True)
    """Called with the number of jobs that have ended."""

    @property
    def binds(self) -> bool:
        """Whether what is asked for is run; what is only read was settled before."""
        return self.executor is not None

    def ran_at(self, role: str) -> datetime | None:
        """Return when the job of a role ran, None where there is none."""
        return run_time(self.keys[role], self.store).at if role in self.keys else None

    def __call__(self, requests: Sequence[Request]) -> list[Bits]:
        """Return the bits of each request; raw ones are stored before they are returned.

        Raises:
            JobsError: as `jobs.runner.run`.
            StoreError: nothing is run, and a job is not stored.
        """
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Bits:
        own = self.terms[len(self.specs)] if self.terms else ()
        spec = self.job(request, self.store)
        if self.executor is None:
            if self.store.record(spec.key) is None:
                raise StoreError(
                    f"the store should hold the run's job for {request.role} ({spec.key[:12]}). "
                    "Got none. Run it again with `qrnn-hw run`, or set QRNN_HW_HOME to its store."
                )
            return collect(spec.key, self.store)
        found = run(spec, self.executor, self.store, terms=own, backoff=following.POLLING)
        self.after_job(len(self.specs))
        return found


def running(
    planned: Priced, consent: Consent, store: Store, advance: Callable[[int, int], None]
) -> Stored:
    """Ask for what is not sent yet, and return what runs the requests on those terms.

    Args:
        planned: what is asked for, priced.
        consent: who is asked.
        store: where raw bits are kept before they are decoded.
        advance: called with the number of finished jobs and of all.

    Raises:
        BudgetError, PreflightError: as `Consent.ask`.
    """
    machine, total = planned.machine, len(planned.specs)
    terms = consent.ask(planned.jobs, store)
    store.put_snapshot(machine.snapshot.digest, machine.snapshot.to_json())
    ended = 0

    def after_job(done: int) -> None:
        nonlocal ended
        ended = done
        advance(done, total)

    return Stored(
        machine,
        store=store,
        # A job on many tiles is simulated part by part, and takes long.
        executor=machine.executor(lambda done, n: advance(ended * n + done, total * n)),
        terms=terms,
        after_job=after_job,
    )


def _nothing(pub: Pub, shots: int) -> PubResult:
    """Return bits that are all 0, in no memory."""
    return PubResult(
        {
            register.name: np.broadcast_to(np.uint8(0), (pub.n_rows, shots, register.size))
            for register in pub.circuit.cregs
        }
    )
