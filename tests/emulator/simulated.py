"""A service in this process with the faults of the real one, for tests of the submission."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from jobs.errors import ServiceUnavailableError
from jobs.executor import ServiceJob, ServiceMetrics
from jobs.spec import JobSpec, PubResult

FINISHED_AT = "2026-01-01T09:00:00.000000+00:00"


def bits_of(spec: JobSpec) -> tuple[PubResult, ...]:
    """Return bits that tell which row of which job they answer."""
    results = []
    for pub in spec.pubs:
        codes = [int(abs(row.sum()) * 1000) % 256 for row in pub.parameters]
        bits = np.unpackbits(np.array(codes, np.uint8)[:, None], axis=1)
        results.append(PubResult({"c": np.repeat(bits[:, None, :], spec.shots, axis=1)}))
    return tuple(results)


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


@dataclass
class SimulatedService:
    """Jobs end after `n_polls` questions. `faults` is asked before and after each action.

    A fault is "before" (nothing happened), "after" (it happened, the answer was lost), "twice" (the
    client repeated the POST), "kill before" and "kill after" (our process ends there).
    """

    faults: Callable[[str], str] = lambda action: ""
    n_polls: int = 2
    jobs: dict[str, tuple[str, JobSpec, ServiceJob]] = field(default_factory=dict)
    polls: dict[str, int] = field(default_factory=dict)
    name: str = "ibm"
    instance: str = "crn:one"

    def _act(self, action, act):
        fault = self.faults(action)
        if fault == "kill before":
            raise Killed
        if fault == "before":
            raise ServiceUnavailableError("before")
        answer = act()
        if fault == "twice" and action == "submit":
            answer = act()
        if fault == "kill after":
            raise Killed
        if fault == "after":
            raise ServiceUnavailableError("after")
        return answer

    def _post(self, spec, tag):
        job_id = f"d{len(self.jobs)}"
        self.jobs[job_id] = (tag, spec, ServiceJob(job_id, "queued"))
        return job_id

    def _set(self, job_id, phase):
        tag, spec, job = self.jobs[job_id]
        self.jobs[job_id] = (tag, spec, replace(job, phase=phase))

    def require_working(self, spec):
        pass

    def submit(self, spec, tag, max_execution_seconds=None):
        return self._act("submit", lambda: self._post(spec, tag))

    def find(self, tag):
        return self._act("find", lambda: tuple(j for t, _, j in self.jobs.values() if t == tag))

    def look_up(self, job_id):
        def act():
            self.polls[job_id] = self.polls.get(job_id, 0) + 1
            if self.jobs[job_id][2].phase in ("queued", "running"):
                self._set(job_id, "done" if self.polls[job_id] >= self.n_polls else "running")
            return self.jobs[job_id][2]

        return self._act("look_up", act)

    def at(self, instance):
        assert instance in ("", self.instance)
        return self

    def answer(self, job_id):
        return self._act("fetch", lambda: job_id)

    def read(self, text, spec):
        return bits_of(self.jobs[text][1])

    def cancel(self, job_id):
        def act():
            live = self.jobs[job_id][2].phase in ("queued", "running")
            if live:
                self._set(job_id, "cancelled")
            return live

        return self._act("cancel", act)

    def metrics(self, job_id):
        return self._act("metrics", lambda: ServiceMetrics(2.5, FINISHED_AT))
