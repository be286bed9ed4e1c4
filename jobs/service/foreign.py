"""Jobs of the account that were not sent by us: what was asked, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.decoders.defaults import DEFAULT_DECODERS
from qiskit_ibm_runtime.quantum_program.quantum_program import CircuitItem, QuantumProgram

from jobs.errors import MisreadAnswerError, SpecError
from jobs.service.service_errors import one_line, translated
from jobs.spec import JobSpec, Pub, PubResult

DEFAULT_SHOTS = 4096  # of a sampler that was not told any. Source: IBM Quantum documentation


@dataclass(frozen=True)
class ForeignJob:
    """What the service says was asked for."""

    id: str
    backend: str
    created: datetime | None
    program: str
    pubs: tuple[Pub, ...]
    shots: int

    def spec(self, snapshot: str) -> JobSpec:
        """Return it as a job of the store, known by the service's id.

        Args:
            snapshot: digest of the calibration that it ran under, empty where it is not known.
        """
        return JobSpec(
            self.pubs, self.shots, "ibm", self.backend, None, snapshot, {"imported": self.id}
        )


def read_job(body: Any) -> ForeignJob:
    """Return the job that the service describes, with its parameters.

    Raises:
        SpecError: It is no job of a sampler, twirled its circuits, or has several numbers of shots.
    """
    try:
        job_id, backend = str(body["id"]), str(body["backend"])
        program, params = str(body["program"]["id"]), body["params"]
    except (KeyError, TypeError) as error:
        raise SpecError(
            f"A job to import should be described with its circuits. Got none of {error}; private "
            "jobs cannot be imported."
        ) from None
    readers = {"executor": _read_executor, "sampler": _read_sampler}
    if program not in readers:
        raise SpecError(
            f"A job to import should be of a sampler ({', '.join(sorted(readers))}). Got {program}."
        )
    try:
        pubs, shots = readers[program](params)
    except SpecError:
        raise
    except Exception as error:  # whatever the client's readers of its own formats raise
        raise SpecError(
            f"A job to import should be in a format that this client reads. Got {job_id}, "
            f"{type(error).__name__}: {one_line(error)}"
        ) from None
    if len(set(shots)) != 1:
        raise SpecError(
            f"The circuits of a job should have one number of shots. Got {sorted(set(shots))} in "
            f"{job_id}."
        )
    return ForeignJob(job_id, backend, _moment(body.get("created")), program, pubs, shots[0])


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None


def _read_executor(params: Any) -> tuple[tuple[Pub, ...], list[int]]:
    # The client has read it already, where it knows the version of the format.
    program = params["quantum_program"]
    if not isinstance(program, QuantumProgram):
        raise SpecError(
            "A job to import should be in a format that this client reads. Got version "
            f"{one_line(params.get('schema_version'), 20)} Upgrade qiskit-ibm-runtime."
        )
    pubs = []
    for item in program.items:
        if not isinstance(item, CircuitItem):
            raise SpecError(
                "The circuits of a job should have run as they are. Got twirled ones, whose bits "
                "are of other circuits in every shot."
            )
        pubs.append(_pub(item.circuit, item.circuit_arguments))
    return tuple(pubs), [int(program.shots)] * len(pubs)


def _read_sampler(params: Any) -> tuple[tuple[Pub, ...], list[int]]:
    options = params.get("options") or {}
    if any((options.get("twirling") or {}).get(one) for one in ("enable_gates", "enable_measure")):
        raise SpecError("The circuits of a job should have run as they are. Got twirled ones.")
    pubs, shots = [], []
    for circuit, *rest in params["pubs"]:
        values, own = (*rest, None, None)[:2]
        pubs.append(_pub(circuit, values))
        shots.append(int(own or options.get("default_shots") or DEFAULT_SHOTS))
    return tuple(pubs), shots


def _pub(circuit: QuantumCircuit, values: Any) -> Pub:
    n_parameters = circuit.num_parameters
    if not n_parameters:
        return Pub.bound(circuit)
    if isinstance(values, Mapping):
        # By name or tuple of names, each an array whose last axis is as long as the tuple.
        columns = {}
        for names, array in values.items():
            names = (names,) if isinstance(names, str) else tuple(names)
            flat = np.asarray(array, dtype=float).reshape(-1, len(names))
            columns.update({name: flat[:, place] for place, name in enumerate(names)})
        values = np.stack([columns[one.name] for one in circuit.parameters], axis=-1)
    return Pub(circuit, np.asarray(values, dtype=float).reshape(-1, n_parameters))


def read_answer(text: str, job: ForeignJob) -> tuple[PubResult, ...]:
    """Return the bits in the service's answer to the job.

    Raises:
        MisreadAnswerError: If it is no answer to it.
    """
    try:
        result: Any = text
        for decoder in DEFAULT_DECODERS[job.program]:
            if decoder.is_applicable(result):
                result = decoder.decode(result)
        return tuple(_bits(one, pub, job.shots) for one, pub in zip(result, job.pubs, strict=True))
    except Exception as error:  # whatever the client's decoders raise
        raise MisreadAnswerError(
            f"The answer should hold the bits of job {job.id}. Got {type(error).__name__}: "
            f"{one_line(error)} Import it again later."
        ) from None


def _bits(result: Any, pub: Pub, shots: int) -> PubResult:
    data = getattr(result, "data", result)
    registers = {}
    for register in pub.circuit.cregs:
        bits = data[register.name]
        array = bits.to_bool_array(order="little") if hasattr(bits, "to_bool_array") else bits
        shape = (pub.n_rows, shots, register.size)
        registers[register.name] = np.asarray(array, dtype=np.uint8).reshape(shape)
    return PubResult(registers)


class BackendAt:
    """A backend as it was calibrated at a moment, as `calibration.target.snapshot_of` reads it.

    Raises:
        ServiceUnavailableError: If the service does not answer.
        JobFailedError: If it does not have that calibration any more.
    """

    def __init__(self, backend: Any, moment: datetime) -> None:
        self.name = backend.name
        self.default_rep_delay = getattr(backend, "default_rep_delay", None)
        self.rep_delay_range = getattr(backend, "rep_delay_range", None)
        with translated(f"read the calibration of {self.name} at {moment:%Y-%m-%d %H:%M}"):
            self._properties = backend.properties(datetime=moment)
            self.target = backend.target_history(datetime=moment)

    def properties(self) -> Any:
        """Return the client's object of the calibration."""
        return self._properties
