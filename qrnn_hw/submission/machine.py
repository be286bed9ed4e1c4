"""A backend by name: what is known of it and what runs its jobs."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from calibration.snapshot import Snapshot
from qrnn_hw.errors import UsageError

if TYPE_CHECKING:
    from jobs.executor import Executor
    from jobs.service.runtime import ServiceExecutor


@dataclass(frozen=True)
class Machine:
    """A recorded device, simulated with its noise, or a real one."""

    name: str
    snapshot: Snapshot
    is_real: bool
    faulty_qubits: tuple[int, ...] = ()
    """Qubits that the device reports as not operational."""

    trouble: str = ""
    """Why a real machine runs nothing now, empty when it does."""

    service: ServiceExecutor | None = field(default=None, repr=False, compare=False)
    """The open connection to a real machine."""

    @property
    def executor_name(self) -> str:
        """What job specs say of this place."""
        return "ibm" if self.is_real else "aer"

    def executor(self) -> Executor | ServiceExecutor:
        """Return what runs jobs: the Runtime's Sampler on the machine, or in local mode."""
        if self.service is not None:
            return self.service
        from jobs.aer.recorded_device import RecordedDeviceExecutor

        return RecordedDeviceExecutor(self.snapshot)


def open_machine(name: str) -> Machine:
    """Return the machine of a name: a recorded device (`fake_...`), else what the service has.

    Raises:
        UsageError: no such backend; near names are listed.
        AuthenticationError: the account of a real machine is missing or refused.
        ServiceUnavailableError: the service did not answer.
    """
    from calibration.library import canonical_name, fake_names, snapshot
    from jobs.service.account import account_status

    plain = canonical_name(name)
    if plain in fake_names():
        return Machine(plain, snapshot(plain), is_real=False)
    # Without an account only what is plainly meant as a real machine is asked for.
    has_account = account_status().source != "none"
    if name.startswith("ibm_") or (has_account and not plain.startswith("fake")):
        return _real_machine(name)
    raise _unknown(name, fake_names())


def _real_machine(name: str) -> Machine:
    from calibration.target import snapshot_of
    from jobs.errors import JobFailedError, ServiceUnavailableError
    from jobs.service.runtime import ServiceExecutor

    service = ServiceExecutor(name)
    try:
        backend = service.backend
    except JobFailedError as error:
        known = service.backends()
        if name in known:
            raise error from None
        raise _unknown(name, known) from None
    properties = backend.properties()
    faulty = tuple(properties.faulty_qubits()) if properties else ()
    try:
        trouble = service.trouble()
    except (ServiceUnavailableError, JobFailedError):
        trouble = ""  # whether it runs now is told, not needed
    return Machine(name, snapshot_of(backend), True, faulty, trouble, service)


def real_backends() -> list[dict[str, Any]]:
    """Return the account's machines as JSON-ready records, those without `if_else` last.

    Raises:
        AuthenticationError: the account is missing or refused.
        ServiceUnavailableError: the service did not answer.
    """
    from jobs.service.runtime import ServiceExecutor

    records = [
        {
            "is_real": True,
            "name": name,
            "n_qubits": n_qubits,
            "processor": "",
            "reason": _reason_against(n_qubits, has_if_else),
            "recommended": has_if_else,
        }
        for name, n_qubits, has_if_else in ServiceExecutor("").backend_facts()
    ]
    return sorted(records, key=lambda record: not record["recommended"])


def _reason_against(n_qubits: int | None, has_if_else: bool) -> str:
    if n_qubits is None:
        return "the service gives no configuration of it"
    return "" if has_if_else else "it has no if_else"


def _unknown(name: str, known: tuple[str, ...]) -> UsageError:
    from calibration.library import RECOMMENDED, canonical_name

    near = difflib.get_close_matches(canonical_name(name), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"try {', '.join(RECOMMENDED)}."
    return UsageError(
        "a backend should be a recorded device (fake_...) or a real one that the account may use "
        f"(ibm_...). Got {name!r}; {hint} `qrnn-hw backends` lists them."
    )
