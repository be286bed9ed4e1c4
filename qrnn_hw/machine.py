"""A backend by name: what is known of it and what runs its jobs."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calibration.snapshot import Snapshot
from qrnn_hw.errors import UsageError

if TYPE_CHECKING:
    from jobs.executor import Executor, RemoteExecutor

RECOMMENDED = ("fake_boston", "fake_kingston", "fake_aachen", "fake_pittsburgh")


@dataclass(frozen=True)
class Machine:
    """A recorded device, simulated with its noise, or a real one."""

    name: str
    snapshot: Snapshot
    is_real: bool

    @property
    def executor_name(self) -> str:
        """What job specs say of this place."""
        return "ibm" if self.is_real else "aer"

    def executor(self, *, max_execution_seconds: int | None = None) -> Executor | RemoteExecutor:
        """Return what runs jobs: the Runtime's Sampler on the machine, or in local mode."""
        if self.is_real:
            from jobs.runtime import ServiceExecutor

            return ServiceExecutor(self.name, max_execution_seconds=max_execution_seconds)
        from jobs.recorded import RecordedDeviceExecutor

        return RecordedDeviceExecutor(self.snapshot)


def open_machine(name: str) -> Machine:
    """Return the machine of a name: `fake_...` is recorded, `ibm_...` is real.

    Raises:
        UsageError: no such recorded device; near names are listed.
        AuthenticationError: the account of a real machine is missing or refused.
        ServiceUnavailableError: the service did not answer.
    """
    from calibration.library import canonical_name, fake_names, snapshot

    if name.startswith("ibm_"):
        from calibration.target import snapshot_of
        from jobs.runtime import ServiceExecutor

        return Machine(name, snapshot_of(ServiceExecutor(name).backend), is_real=True)
    plain = canonical_name(name)
    if plain not in fake_names():
        near = difflib.get_close_matches(plain, fake_names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"try {', '.join(RECOMMENDED)}."
        raise UsageError(
            f"a backend should be a recorded device (fake_...) or a real one (ibm_...). "
            f"Got {name!r}; {hint}"
        )
    return Machine(plain, snapshot(plain), is_real=False)
