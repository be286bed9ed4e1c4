"""A backend by name: what is known of it and what runs its jobs."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from calibration.snapshot import Snapshot
from jobs.twin.name import TwinName, is_twin, twin_name
from jobs.twin.strengths import strengths_of
from qrnn_hw.errors import UsageError

if TYPE_CHECKING:
    from jobs.executor import Executor
    from jobs.service.runtime import ServiceExecutor
    from jobs.spec import JSON


@dataclass(frozen=True)
class Machine:
    """A recorded device, simulated with its noise, its twin, or a real one."""

    name: str
    snapshot: Snapshot
    is_real: bool
    faulty_qubits: tuple[int, ...] = ()
    """Qubits that the device reports as not operational."""

    trouble: str = ""
    """Why a real machine runs nothing now, empty when it does."""

    service: ServiceExecutor | None = field(default=None, repr=False, compare=False)
    """The open connection to a real machine."""

    rep_delay_seconds: float | None = None
    """Between two shots, where that is not the machine's own."""

    @property
    def job_options(self) -> dict[str, JSON]:
        """What the options of each job on it say of the machine."""
        chosen = self.rep_delay_seconds
        return {} if chosen is None else {"rep_delay_seconds": chosen}

    def with_rep_delay(self, seconds: float | None) -> Machine:
        """Return the machine with another time between two shots, None for its own.

        Raises:
            UsageError: the time is outside the machine's range.
        """
        low, high = self.snapshot.rep_delay_range_seconds
        if seconds is not None and not low <= seconds <= high:
            raise UsageError(
                f"the repetition delay on {self.name} should be from {low * 1e6:g} to "
                f"{high * 1e6:g} microseconds. Got {seconds * 1e6:g}."
            )
        return replace(self, rep_delay_seconds=seconds)

    @property
    def executor_name(self) -> str:
        """What job specs say of this place."""
        if self.is_real:
            return "ibm"
        return "twin" if is_twin(self.name) else "aer"

    def executor(
        self, after_part: Callable[[int, int], None] = lambda done, total: None
    ) -> Executor | ServiceExecutor:
        """Return what runs jobs: the Runtime's Sampler on the machine, or in local mode; a twin.

        Args:
            after_part: called by a recorded device with the parts of a job that are done, and all.
        """
        if self.service is not None:
            return self.service
        if is_twin(self.name):
            from calibration.library import snapshot
            from jobs.twin.executor import TwinExecutor
            from jobs.twin.machine import Twin

            named = twin_name(self.name)
            # What was learned of a machine does not change it.
            return TwinExecutor(Twin(snapshot(named.device), named.strengths, named.seed))
        from jobs.aer.recorded_device import RecordedDeviceExecutor

        return RecordedDeviceExecutor(self.snapshot, after_part=after_part)


def open_machine(name: str) -> Machine:
    """Return the machine of a name: a recorded device, its twin, else what the service has.

    What a twin reports of itself is the recorded device's calibration: of its effects only its name
    and its shots speak.

    Raises:
        UsageError: no such backend; near names are listed.
        SpecError: the name of a twin that is none.
        AuthenticationError: the account of a real machine is missing or refused.
        ServiceUnavailableError: the service did not answer.
    """
    from calibration.library import canonical_name, fake_names, snapshot
    from jobs.service.account import account_status

    if is_twin(name):
        named = twin_name(name)
        device = canonical_name(named.device)
        if device not in fake_names():
            raise _unknown(named.device, fake_names())
        return Machine(str(replace(named, device=device)), snapshot(device), is_real=False)
    plain = canonical_name(name)
    if plain in fake_names():
        return Machine(plain, snapshot(plain), is_real=False)
    # Without an account only what is plainly meant as a real machine is asked for.
    if name.startswith("ibm_") or (
        not plain.startswith("fake") and account_status().source != "none"
    ):
        return _real_machine(name)
    raise _unknown(name, fake_names())


def chosen_backend(backend: str, effects: str | None, machine: int | None) -> str:
    """Return a backend's full name from what a command was given.

    Args:
        backend: as named; a twin's name may hold its effects already.
        effects: of a twin, such as "reset=0.015,gate-drift=0.3".
        machine: which of the machines with these effects.

    Raises:
        UsageError: effects of what is no twin, or that are named twice.
        SpecError: an effect or a name that there is not.
    """
    if not is_twin(backend):
        if effects is None and machine is None:
            return backend
        raise UsageError(
            "--effects and --machine-seed belong to a twin, such as --backend twin:fake_boston. "
            f"Got {backend!r}."
        )
    named = twin_name(backend)
    given = backend.count(":")
    if (effects is not None and given > 1) or (machine is not None and given > 2):
        raise UsageError(
            "a twin's effects and machine should be in its name or in the options, not in both. "
            f"Got {backend!r} with options."
        )
    strengths = named.strengths if effects is None else strengths_of(effects)
    return str(TwinName(named.device, strengths, named.seed if machine is None else machine))


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
