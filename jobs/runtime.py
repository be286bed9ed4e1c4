"""The one door to IBM's Runtime: its local mode, and the service itself."""

import logging
from functools import cached_property
from typing import Any, Literal

import numpy as np
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, Session
from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError
from qiskit_ibm_runtime.executor_sampler import Sampler

from jobs import reach
from jobs.account import account_path, account_status, check_readable, make_private
from jobs.bindable import check_for_aer
from jobs.bits import pub_result
from jobs.errors import JobFailedError, PreflightError, ServiceUnavailableError
from jobs.executor import ServiceJob, ServiceMetrics, ServicePhase
from jobs.service_errors import one_line, translated
from jobs.spec import JobSpec, PubResult
from jobs.usage import charged_seconds, finished_at

Mode = Literal["job", "batch", "session"]

TIMEOUT_SECONDS = (10.0, 120.0)  # to connect, and between two pieces of an answer
WITHOUT_DRY_RUN = frozenset({"open", "pay-as-you-go"})
_PHASES: dict[str, ServicePhase] = {
    "INITIALIZING": "queued",
    "QUEUED": "queued",
    "RUNNING": "running",
    "DONE": "done",
    "ERROR": "failed",
    "CANCELLED": "cancelled",
}


class LocalRuntimeExecutor:
    """Runs jobs through the Runtime's Sampler on a simulator in this process.

    The simulator is used as it is, so its noise model is built once, by the caller. Circuits are on
    the simulator's qubits and hold nothing that Aer does not know.
    """

    def __init__(self, simulator: AerSimulator, name: str = "aer") -> None:
        self._simulator = simulator
        self._name = name

    @property
    def name(self) -> str:
        """What `JobSpec.executor` says of jobs for this place."""
        return self._name

    def run(self, spec: JobSpec) -> tuple[PubResult, ...]:
        """Return the bits of each pub.

        Raises:
            SpecError: If a parameter is in a gate that Aer may bind wrongly, or an operation is
                unknown to Aer.
        """
        for pub in spec.pubs:
            check_for_aer(pub.circuit)
        # The local mode starts every pub of a call from the same seed, so that equal circuits
        # would draw equal bits: each pub gets a call and a seed of its own.
        seeds = np.random.SeedSequence(spec.seed).generate_state(len(spec.pubs)) >> 1
        results = []
        for pub, seed in zip(spec.pubs, seeds, strict=True):
            sampler = Sampler(
                mode=self._simulator,
                # By default the local mode rounds angles to five decimals of a quarter turn.
                options={"simulator": {"seed_simulator": int(seed), "angle_decimals": 15}},
            )
            rows = (pub.circuit, pub.parameters) if pub.parameters.size else (pub.circuit,)
            answer = sampler.run([rows], shots=spec.shots).result()
            results.append(pub_result(answer[0], pub, spec.shots))
        return tuple(results)


def save_account(token: str, instance: str) -> None:
    """Save the account as the client's default, in a file that only its owner may read.

    Raises:
        AuthenticationError: If the client refuses the token, the instance or its own file.
    """
    check_readable(account_status())
    # The client would make the file readable for everybody.
    make_private(account_path())
    with translated("save the account"):
        QiskitRuntimeService.save_account(
            channel="ibm_quantum_platform",
            token=token,
            instance=instance,
            overwrite=True,
            set_as_default=True,
        )


class ServiceExecutor:
    """Sends jobs to a real backend with the account of the client's own settings.

    The account is that of QISKIT_IBM_TOKEN, QISKIT_IBM_INSTANCE and QISKIT_IBM_URL, or the saved
    one. Connecting happens at the first use. Option `rep_delay_seconds` of a job is honoured.
    """

    def __init__(
        self, backend: str, *, mode: Mode = "job", max_execution_seconds: int | None = None
    ) -> None:
        self.backend_name = backend
        self.mode = mode
        self.max_execution_seconds = max_execution_seconds
        self._opened: Batch | Session | None = None
        self._known: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """What `JobSpec.executor` says of jobs for this place."""
        return "ibm"

    @cached_property
    def _service(self) -> QiskitRuntimeService:
        # What matters comes as an exception; the client's warnings repeat it over several lines.
        logging.getLogger("qiskit_ibm_runtime").setLevel(logging.ERROR)
        if (account := account_status()).source != "environment":
            check_readable(account)
        with translated("connect to the service"):
            service = QiskitRuntimeService()
        # The client waits 15 minutes for the answer to a POST and for ever for any other, and has
        # no setting for it.
        for client in service._api_clients.values():
            client._session._timeout = TIMEOUT_SECONDS
        return service

    @cached_property
    def backend(self) -> Any:
        """The client's object for the backend, with target, properties and configuration."""
        with translated(f"find the backend {self.backend_name}"):
            return reach.opened(self._service, self.backend_name)

    def backends(self) -> tuple[str, ...]:
        """Return the names of the backends that the account may use, sorted."""
        with translated("list the backends"):
            return tuple(sorted(reach.reachable(self._service)))

    def backend_facts(self) -> tuple[tuple[str, int | None, bool], ...]:
        """Return (name, number of qubits, whether it has `if_else`) of each backend, sorted.

        The number is None where the service gives no configuration, as for a retired machine.
        """
        with translated("list the backends"):
            reachable = sorted(reach.reachable(self._service).items())
        facts: list[tuple[str, int | None, bool]] = []
        for name, connection in reachable:
            try:
                with translated(f"read the configuration of {name}"):
                    found = connection.backend_configuration(name)
                    instructions = found.get("supported_instructions") or ()
                    facts.append((name, int(found["n_qubits"]), "if_else" in instructions))
            except JobFailedError:
                facts.append((name, None, False))
        return tuple(facts)

    def plan(self) -> str:
        """Return the name of the account's plan in lower case, for example "open"."""
        with translated("read the account's plan"):
            active = self._service.active_instance()
            plans = {
                instance["crn"]: instance.get("plan") for instance in self._service.instances()
            }
            return str(plans.get(active) or "unknown").lower()

    def remaining_seconds(self) -> float | None:
        """Return the QPU seconds that the plan has left, or None when it has no limit."""
        with translated("read the usage of the plan"):
            usage = self._service.usage()
            remaining = usage.get("usage_remaining_seconds")
            return None if remaining is None else float(remaining)

    def submit(self, spec: JobSpec, tag: str, *, dry_run: bool = False) -> str:
        """Send the job with `tag` on it and return the id that the service gave.

        Args:
            spec: The job.
            tag: What it is looked up by.
            dry_run: Let the service check the job and make up bits, at no cost.

        Raises:
            PreflightError: If the plan has no sessions, or no dry runs, and one is asked for.
        """
        place = self._place()
        if dry_run and self.plan() in WITHOUT_DRY_RUN:
            raise PreflightError(
                f"Dry runs should be part of the plan. Got the plan {self.plan()!r}. "
                "Use the checks of this machine, without --remote. [IBM Quantum documentation]"
            )
        options: dict[str, Any] = {
            "environment": {"job_tags": [tag]},
            "max_execution_time": self.max_execution_seconds,
        }
        rep_delay = spec.options.get("rep_delay_seconds")
        if rep_delay is not None:
            options["execution"] = {"rep_delay": rep_delay}
        pubs = [
            (pub.circuit, pub.parameters) if pub.parameters.size else (pub.circuit,)
            for pub in spec.pubs
        ]
        with translated("submit the job"):
            job = Sampler(mode=place, options=options).run(pubs, shots=spec.shots, dry_run=dry_run)
            self._known[job.job_id()] = job
            return str(job.job_id())

    def _place(self) -> Any:
        if self.mode == "job":
            return self.backend
        if self.mode == "session" and self.plan() == "open":
            raise PreflightError(
                "The Open plan runs jobs and batches only. Got session mode. "
                "Use --mode batch. [IBM Quantum documentation, Execution modes]"
            )
        if self._opened is None:
            kind = Batch if self.mode == "batch" else Session
            with translated(f"open a {self.mode}"):
                self._opened = kind(backend=self.backend)
        return self._opened

    def close(self) -> None:
        """Let the batch or session end when its jobs have; does nothing in job mode."""
        if self._opened is not None:
            with translated(f"close the {self.mode}"):
                self._opened.close()
            self._opened = None

    def find(self, tag: str) -> tuple[ServiceJob, ...]:
        """Return all jobs that carry `tag`, oldest first."""
        with translated("look up jobs by tag"):
            jobs = self._service.jobs(job_tags=[tag], limit=None, descending=False)
            found = [job for job in jobs if tag in (job.tags or ())]
            self._known.update((job.job_id(), job) for job in found)
            return tuple(_described(job) for job in found)

    def look_up(self, job_id: str) -> ServiceJob:
        """Return where the job stands."""
        with translated(f"look up job {job_id}"):
            return _described(self._job(job_id))

    def _job(self, job_id: str) -> Any:
        if job_id not in self._known:
            self._known[job_id] = self._service.job(job_id)
        return self._known[job_id]

    def fetch(self, job_id: str, spec: JobSpec) -> tuple[PubResult, ...]:
        """Return the measured bits of a job that is done.

        Raises:
            JobFailedError: If the answer does not fit the job.
        """
        with translated(f"fetch the result of job {job_id}"):
            answer = self._job(job_id).result()
            if answer is None:
                raise ServiceUnavailableError(
                    f"The service should have the result of job {job_id}. Got none yet. "
                    "Fetch it again later."
                )
            n_pubs = len(answer)
        if n_pubs != len(spec.pubs):
            raise JobFailedError(
                f"The answer should hold {len(spec.pubs)} circuits. Got {n_pubs} in job {job_id}. "
                "Submit the job again."
            )
        return tuple(
            pub_result(result, pub, spec.shots)
            for result, pub in zip(answer, spec.pubs, strict=True)
        )

    def cancel(self, job_id: str) -> bool:
        """Cancel the job; False when it had already ended."""
        with translated(f"cancel job {job_id}"):
            try:
                self._job(job_id).cancel()
            except RuntimeInvalidStateError:
                return False
        return True

    def metrics(self, job_id: str) -> ServiceMetrics:
        """Return what was charged and when the run ended, as far as they are known."""
        with translated(f"read the metrics of job {job_id}"):
            found = self._job(job_id).metrics()
            return ServiceMetrics(charged_seconds(found), finished_at(found))


def _described(job: Any) -> ServiceJob:
    status = job.status()
    phase = _PHASES.get(status, "running")
    reason = ""
    if phase == "failed":
        reason = one_line(job.error_message() or "The service gave no reason.")
    elif phase == "cancelled":
        reason = "Cancelled at the service."
    return ServiceJob(job.job_id(), phase, reason)
