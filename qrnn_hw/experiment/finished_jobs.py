"""The jobs of a finished run, read again in place of being run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from jobs.service.retrieval import collect
from jobs.spec import JobSpec
from jobs.store.run_time import run_time
from jobs.store.store import Store
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment.measure import Asked, Bits, Request

SAME_ANGLE = 1e-9
"""Radians by which angles of one weight may differ between processors."""


@dataclass
class FinishedJobs(Asked):
    """Reads the jobs of a finished run, by their roles or, without any, in their order."""

    store: Store = field(kw_only=True)
    jobs: tuple[str, ...] = field(kw_only=True)
    """Keys, as the run's document has them."""

    known: Sequence[str] | None = field(default=None, kw_only=True)
    """Roles of the jobs, in their order; documents of before have none."""

    binds = False

    def ran_at(self, role: str) -> datetime | None:
        """Return when the job of a role ran, None where there is none."""
        return run_time(self._key(role), self.store).at if role in self.roles else None

    def __call__(self, requests: Sequence[Request]) -> list[Bits]:
        """Return the bits of each request.

        Raises:
            ConfigurationError: the run has no such job, or one that ran other circuits.
        """
        return [self._answer(request) for request in requests]

    def check(self) -> None:
        """Refuse a run with other jobs than were asked for.

        Raises:
            ConfigurationError: it has.
        """
        found = self.known or self.roles
        if len(self.jobs) != len(found) or set(found) != set(self.roles):
            raise ConfigurationError(
                f"a run's jobs should be for {', '.join(sorted(self.roles))}. Got "
                f"{len(self.jobs)} for {', '.join(map(str, found))}. Run it again."
            )

    def _answer(self, request: Request) -> Bits:
        wanted = request.spec(self.machine)
        self.specs.append(wanted)
        self.roles.append(request.role)
        key = self._key(request.role)
        _check_belongs(key, wanted, self.store)
        return collect(key, self.store)

    def _key(self, role: str) -> str:
        roles = self.roles if self.known is None else self.known
        place = roles.index(role) if role in roles else len(self.jobs)
        if place >= len(self.jobs):
            raise ConfigurationError(
                f"a run's jobs should be for {', '.join(self.roles)}. Got {len(self.jobs)} for "
                f"{', '.join(map(str, roles))}. Run it again."
            )
        return self.jobs[place]


def _check_belongs(key: str, wanted: JobSpec, store: Store) -> None:
    """Refuse a job that did not run these circuits with these numbers on this machine.

    Angles may differ in the last digits, which depend on the processor that computed them.
    """
    if key == wanted.key:
        return
    found = store.spec(key)
    same = (found.backend, found.shots, len(found.pubs), found.circuit_digests) == (
        wanted.backend,
        wanted.shots,
        len(wanted.pubs),
        wanted.circuit_digests,
    )
    if not same or any(
        one.parameters.shape != other.parameters.shape
        or not np.allclose(one.parameters, other.parameters, rtol=0, atol=SAME_ANGLE)
        for one, other in zip(found.pubs, wanted.pubs, strict=True)
    ):
        raise ConfigurationError(
            "a run's jobs should have run the circuits of its trained model, each with its shots. "
            f"Got job {key[:12]}, which ran others. Run it again."
        )
