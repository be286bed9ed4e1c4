"""What jobs may take together: charges of every end counted, limits within what is left."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobs.assess import Assessment, Part, total
from jobs.counted import counted
from jobs.errors import BudgetError, JobsError, PreflightError
from jobs.executor import RemoteExecutor
from jobs.limits import DEFAULT_LIMITS
from jobs.preflight import Sending, request_findings, require
from jobs.service.submission import Terms, settle
from jobs.states import Done, Intended, Running, Submitted
from jobs.store.store import Store

_LOWEST, _HIGHEST = DEFAULT_LIMITS.execution_seconds
LEAST_LIMIT_SECONDS = 10
"""Of a job without a budget, so that a short one is not cut for a moment's delay."""


def least_limit(part: Part, *, is_charged: bool) -> float:
    """Return the seconds that a part has to be allowed; a service takes limits in whole ones.

    Args:
        part: One job.
        is_charged: Whether it is sent to a service.

    Raises:
        PreflightError: If it cannot be timed.
    """
    if part.estimate is None:
        raise PreflightError("A job should have a price. Got a circuit that cannot be timed.")
    high = part.estimate.high_seconds
    return max(_LOWEST, math.ceil(high)) if is_charged else high


@dataclass(frozen=True, eq=False)
class Budget:
    """The QPU seconds that the jobs of one command may take, over all times that it is run."""

    store: Store
    service: RemoteExecutor | None
    """Where jobs are charged; None for recorded devices, whose jobs count as estimated."""

    seconds: float | None = None
    """None is no limit."""

    def unsent(self, jobs: Iterable[Assessment]) -> list[Part]:
        """Return the parts that would be sent; what may be at the service is looked up first.

        Raises:
            ServiceUnavailableError: If the service does not answer.
        """
        return [
            part
            for job in jobs
            if self.store.raw(job.spec.key) is None
            for part in job.parts
            if not self._is_sent(part.spec.key)
        ]

    def _is_sent(self, key: str) -> bool:
        state = self.store.state(key)
        if isinstance(state, Intended) and self.service is not None:
            with self.store.lock(key):
                state = self.store.state(key)
                if isinstance(state, Intended):
                    settle(key, state.tag, self.service, self.store)
                    state = self.store.state(key)
        return isinstance(state, Submitted | Running | Done) or self.store.raw(key) is not None

    def spent(self, jobs: Iterable[Assessment]) -> float:
        """Return what the jobs were charged, whatever their end; what is open counts in full.

        A sending that has ended and whose charge is not known yet is asked about once more; while
        it is not known it counts as the most that it may take.
        """
        return math.fsum(self._spent(part) for job in jobs for part in job.parts)

    def _spent(self, part: Part) -> float:
        key = part.spec.key
        if self.service is None:
            done = isinstance(self.store.state(key), Done)
            return part.estimate.best_seconds if done and part.estimate else 0.0
        reserve = self.store.ledger.limit_seconds(key)
        if reserve is None:
            reserve = 0.0 if part.estimate is None else part.estimate.high_seconds
        spent = 0.0
        for charge in self.store.ledger.charges(key):
            seconds = charge.seconds
            if seconds is None:
                seconds = self._asked(key, charge.id, self.service)
            spent += reserve if seconds is None else seconds
        return spent

    def _asked(self, key: str, job_id: str, service: RemoteExecutor) -> float | None:
        state = self.store.state(key)
        if isinstance(state, Submitted | Running) and state.id == job_id:
            return None
        try:
            place = service.at(self.store.instance(key))
            seconds = place.metrics(job_id).quantum_seconds
        except JobsError:
            return None
        if seconds is not None:
            self.store.ledger.note_charge(key, job_id, seconds)
        return seconds

    def terms(
        self, jobs: Sequence[Assessment], of: Sequence[Assessment] | None = None
    ) -> tuple[tuple[Terms | None, ...], ...]:
        """Return the terms of each part of each job; None where it is sent already.

        The limits of what is sent, and all that is charged or open, stay within the budget.

        Args:
            jobs: What is to be sent now.
            of: All jobs of the command, when those are more.

        Raises:
            PreflightError: If the machine would refuse a part that is not sent yet.
            BudgetError: If the upper end of the estimate is above what is left.
        """
        parts = self.unsent(jobs)
        for part in parts:
            require(part.findings)
        limits = self._limits(parts, jobs if of is None else of)
        by_key = {
            part.spec.key: Terms(limit, part.documented)
            for part, limit in zip(parts, limits, strict=True)
        }
        for part in parts:
            limit = by_key[part.spec.key].limit_seconds
            require(request_findings(Sending(estimate=part.estimate, max_execution_seconds=limit)))
        return tuple(tuple(by_key.get(part.spec.key) for part in job.parts) for job in jobs)

    def reach(self, parts: Sequence[Part], of: Sequence[Assessment]) -> float:
        """Return the most that the jobs of the command take when `parts` are sent too.

        The service takes limits in whole seconds.
        """
        return self.spent(of) + sum(map(self._least, parts))

    def _least(self, part: Part) -> float:
        return least_limit(part, is_charged=self.service is not None)

    def _limits(self, parts: Sequence[Part], of: Sequence[Assessment]) -> list[int]:
        least = [math.ceil(self._least(part)) for part in parts]
        wanted = [min(_HIGHEST, max(LEAST_LIMIT_SECONDS, 2 * low)) for low in least]
        if self.seconds is None or not parts:
            return wanted
        reached = self.reach(parts, of)
        if not reached <= self.seconds:
            raise BudgetError(self._refusal(parts, reached))
        spare = self.seconds - reached
        if self.service is None or sum(wanted) - sum(least) <= spare:
            return wanted
        share = spare / (sum(wanted) - sum(least))
        return [
            low + math.floor(share * (high - low)) for low, high in zip(least, wanted, strict=True)
        ]

    def _refusal(self, parts: Sequence[Part], reached: float) -> str:
        one = total([part.estimate for part in parts if part.estimate is not None])
        assert one is not None
        before = reached - sum(map(self._least, parts))
        charged = f" after {before:.1f} s that were charged or are open" if before else ""
        return (
            f"the estimate should stay within the budget of {self.seconds:g} s. Got about "
            f"{one.best_seconds:.1f} s ({one.low_seconds:.1f} to {one.high_seconds:.1f} s) in "
            f"{counted(len(parts), 'job')}{charged}, which may reach {reached:.1f} s as limits "
            "in whole seconds; use fewer shots or circuits, or a larger budget."
        )
