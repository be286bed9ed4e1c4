"""The one door to IBM's Runtime: its local mode, and the service itself."""

import warnings
from functools import cached_property
from typing import Any, Literal

import numpy as np
from qiskit.primitives import PrimitiveResult
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, Session
from qiskit_ibm_runtime.decoders.defaults import DEFAULT_DECODERS
from qiskit_ibm_runtime.executor_sampler import Sampler

from jobs.bindable import check_for_aer
from jobs.bits import EVERY_BIT, pub_result, readable_as_blocks, registers_of
from jobs.errors import JobFailedError, PreflightError
from jobs.executor import JobBook
from jobs.preflight import broken_findings, require
from jobs.service import answer_reading, reach
from jobs.service.account import account_path, account_status, check_readable, make_private
from jobs.service.connection import connect
from jobs.service.job_book import AccountJobs, InstanceJobs
from jobs.service.service_errors import translated
from jobs.service.usage import seconds_left
from jobs.spec import JobSpec, Pub, PubResult

Mode = Literal["job", "batch", "session"]

WITHOUT_DRY_RUN = frozenset({"open", "pay-as-you-go"})


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
            asked = Pub(readable_as_blocks(pub.circuit), pub.parameters)
            rows = (asked.circuit, asked.parameters) if pub.parameters.size else (asked.circuit,)
            answer = sampler.run([rows], shots=spec.shots).result()
            found = pub_result(answer[0], asked, spec.shots)
            every = found.registers.get(EVERY_BIT)
            results.append(found if every is None else registers_of(pub.circuit, every))
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
        self._books: dict[str, InstanceJobs] = {}

    @property
    def name(self) -> str:
        """What `JobSpec.executor` says of jobs for this place."""
        return "ibm"

    @cached_property
    def _service(self) -> QiskitRuntimeService:
        return connect()

    @cached_property
    def backend(self) -> Any:
        """The client's object for the backend, with target, properties and configuration."""
        with translated(f"find the backend {self.backend_name}"):
            return reach.opened(self._service, self.backend_name)

    @property
    def instance(self) -> str:
        """CRN of the instance that jobs are sent to: the one that has the backend."""
        return str(self.backend._instance)

    def _home(self) -> str:
        return self.instance if self.backend_name else str(self._service.active_instance())

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

    def trouble(self) -> str:
        """Return why the machine runs nothing now, in the service's words; empty when it does."""
        with translated(f"read the status of {self.backend_name}"):
            status = self.backend.status()
            words = " ".join(str(status.status_msg).split())[:80]
        if status.operational:
            return "" if words in ("", "active") else words
        return words if words not in ("", "active") else "not operational"

    def plan(self) -> str:
        """Return the name of the account's plan in lower case, for example "open"."""
        with translated("read the account's plan"):
            active = self._home()
            plans = {
                instance["crn"]: instance.get("plan") for instance in self._service.instances()
            }
            return str(plans.get(active) or "unknown").lower()

    def remaining_seconds(self) -> float | None:
        """Return the QPU seconds that the plan has left, or None when it has no limit."""
        with translated("read the usage of the plan", question=True):
            return seconds_left(self._connection(self._home()).cloud_usage())

    def require_working(self, spec: JobSpec) -> None:
        """Refuse a job on qubits or gates that the machine says now are not operational.

        Raises:
            PreflightError: If there are some.
            ServiceUnavailableError: If the service does not tell.
        """
        with translated(f"read the calibration of {self.backend_name}", question=True):
            properties = self.backend.properties(refresh=True)
            if properties is None:
                return
            qubits = properties.faulty_qubits()
            gates = [(one.gate, tuple(one.qubits)) for one in properties.faulty_gates()]
        require(broken_findings([pub.circuit for pub in spec.pubs], qubits, gates))

    def submit(
        self,
        spec: JobSpec,
        tag: str,
        max_execution_seconds: int | None = None,
        *,
        dry_run: bool = False,
    ) -> str:
        """Send the job with `tag` on it and return the id that the service gave.

        Args:
            spec: The job.
            tag: What it is looked up by.
            max_execution_seconds: Most that it may take; by default as for all of this executor.
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
            "max_execution_time": max_execution_seconds or self.max_execution_seconds,
        }
        rep_delay = spec.options.get("rep_delay_seconds")
        if rep_delay is not None:
            options["execution"] = {"rep_delay": rep_delay}
        pubs = [_stamped(spec, position) for position in range(len(spec.pubs))]
        with translated("submit the job"), warnings.catch_warnings():
            # The client's warnings on machine and plan are said before, in one line each.
            warnings.simplefilter("ignore")
            job = Sampler(mode=place, options=options).run(pubs, shots=spec.shots, dry_run=dry_run)
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

    def at(self, instance: str) -> JobBook:
        """Return the jobs of an instance; those of the whole account where it is empty."""
        with translated("reach the account's instances"):
            if instance:
                return self._jobs_of(instance)
            own = [*self._service._api_clients, *(one["crn"] for one in self._service.instances())]
            return AccountJobs(tuple(self._jobs_of(crn) for crn in dict.fromkeys(own)))

    def _jobs_of(self, instance: str) -> InstanceJobs:
        if instance not in self._books:
            self._books[instance] = InstanceJobs(self._connection(instance), instance)
        return self._books[instance]

    def _connection(self, instance: str) -> Any:
        known = self._service._api_clients.get(instance)
        return known or self._service._create_new_cloud_api_client(instance)

    def read(self, text: str, spec: JobSpec) -> tuple[PubResult, ...]:
        """Return the bits in an answer to the job.

        Raises:
            MisreadAnswerError: If it is no answer to it.
        """
        return answer_reading.read(text, spec, _decoded)


def _stamped(spec: JobSpec, position: int) -> tuple[Any, ...]:
    pub = spec.pubs[position]
    circuit = pub.circuit.copy()
    circuit.metadata = answer_reading.stamp(spec, position)
    return (circuit, pub.parameters) if pub.parameters.size else (circuit,)


def _decoded(text: str) -> Any:
    result: Any = text
    for decoder in DEFAULT_DECODERS["executor"]:
        if decoder.is_applicable(result):
            result = decoder.decode(result)
    if not isinstance(result, PrimitiveResult):
        raise ValueError(f"no result of a sampler but {type(result).__name__}")
    return result
