"""Whether stored jobs belong together, by the circuits that they ran."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Clbit, ControlFlowOp, Qubit

from calibration.readout import readout_circuits, reset_circuits
from jobs.digest import circuit_digest
from jobs.spec import JobSpec
from jobs.transpile.schedule import midcircuit_measure, midcircuit_reset
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.folding import GATE_CHOICES, FoldedGates, fold, unfold


@dataclass(frozen=True, order=True)
class Reading:
    """A qubit of a device and the kind of measurement that read it."""

    qubit: int
    kind: str

    def __str__(self) -> str:
        return f"{self.qubit}" if self.kind == "measure" else f"{self.qubit} by {self.kind}"


def check_one_machine(specs: Sequence[JobSpec]) -> None:
    """Refuse jobs of different machines.

    Raises:
        UsageError: If they are.
    """
    places = sorted({spec.backend for spec in specs})
    if len(places) > 1:
        raise UsageError(f"jobs of one plan should be of one machine. Got {', '.join(places)}.")


def check_scaled(specs: Sequence[JobSpec], factors: Sequence[float]) -> None:
    """Refuse jobs that are not one circuit folded by each factor, in the order of the factors.

    A job belongs if its circuits are, by their digests, `fold` of those of the first job (unfolded,
    where the first factor is not 1), all in one of the ways in which `fold` can be asked.

    Raises:
        UsageError: A job comes twice, or machines, parameters or circuits do not fit.
    """
    if len(specs) < 2:
        return
    check_one_machine(specs)
    if len({spec.key for spec in specs}) < len(specs):
        raise UsageError("each scale factor should have a job of its own. Got one job twice.")
    for pubs in zip(*(spec.pubs for spec in specs), strict=True):
        if any(not np.array_equal(pub.parameters, pubs[0].parameters) for pub in pubs):
            raise UsageError(
                "jobs of one plan should have the same parameter rows. Got different ones."
            )
    misfits: list[list[str]] = []
    for way in product(GATE_CHOICES, (True, False)):
        misfits.append(_misfits(specs, factors, *way))
        if not misfits[-1]:
            return
    strangers = min(misfits, key=len)
    wanted = ", ".join(f"{factor:g}" for factor in factors)
    raise UsageError(
        f"the circuits of the jobs should be one circuit folded by {wanted}, in this order. Got "
        f"another one for {' and '.join(strangers)}; name the jobs in the order of the "
        "factors."
    )


def _misfits(
    specs: Sequence[JobSpec], factors: Sequence[float], gates: FoldedGates, stretch: bool
) -> list[str]:
    """List the jobs whose circuits are not those of the first, folded in one way by each factor."""

    def folded(circuit: QuantumCircuit, factor: float) -> str:
        return circuit_digest(fold(circuit, factor, gates=gates, stretch_delays=stretch))

    first = specs[0]
    plain = [
        unfold(pub.circuit, factors[0], gates=gates, stretch_delays=stretch) for pub in first.pubs
    ]
    return [
        f"the factor {factor:g} (job {spec.key[:12]})"
        for spec, factor in zip(specs, factors, strict=True)
        if [folded(circuit, factor) for circuit in plain] != list(spec.circuit_digests)
    ]


def readings(specs: Sequence[JobSpec], register: str) -> tuple[Reading, ...]:
    """Return what read each bit of a register last, the same in every circuit.

    Raises:
        UsageError: A bit is never measured, or circuits read it from different qubits.
    """
    found = {_readings(pub.circuit, register) for spec in specs for pub in spec.pubs}
    if len(found) > 1:
        raise UsageError(
            f"one readout job corrects circuits that read {register} from the same qubits. "
            "Got different ones. Take only what ran on the same qubits."
        )
    return found.pop()


def check_readout(spec: JobSpec) -> tuple[Reading, ...]:
    """Refuse a job that does not begin with the circuits of `readout_circuits`; return their bits.

    Those that show what a reset leaves may follow.

    Raises:
        UsageError: It is another job.
    """
    first = replace(spec, pubs=spec.pubs[:2])
    there = readings([first], "out") if len(spec.pubs) in (2, 4) and _has_out(first) else ()
    read = midcircuit_measure() if any(one.kind != "measure" for one in there) else None
    qubits = [one.qubit for one in there]
    if len(set(qubits)) == len(qubits) > 0:
        n_qubits = spec.pubs[0].circuit.num_qubits
        wanted = readout_circuits(n_qubits, qubits, read)
        allowed = [wanted] + [
            (*wanted, *reset_circuits(n_qubits, qubits, read, reset))
            for reset in (None, midcircuit_reset())
        ]
        if spec.circuit_digests in [tuple(map(circuit_digest, one)) for one in allowed]:
            return there
    raise UsageError(
        "a readout job should hold two circuits with the register out, all qubits in 0 and all in "
        f"1, as `qrnn-hw calibrate readout` sends them. Got {spec.key[:12]} with "
        f"{len(spec.pubs)} circuits that are not those; name the job of that command."
    )


def _has_out(spec: JobSpec) -> bool:
    return all([one.name for one in pub.circuit.cregs] == ["out"] for pub in spec.pubs)


def places_of(wanted: Sequence[Reading], there: Sequence[Reading], backend: str) -> list[int]:
    """Return where a calibration holds each reading.

    Raises:
        UsageError: If it lacks one.
    """
    if not set(wanted) <= set(there):
        qubits = ",".join(str(qubit) for qubit in sorted({one.qubit for one in wanted}))
        kinds = {one.kind for one in wanted}
        if len(kinds) > 1:
            raise UsageError(
                "one readout job holds one kind of measurement. Got a register that was read by "
                f"{' and '.join(sorted(kinds))}; it cannot be corrected from one job."
            )
        within = "" if kinds == {"measure"} else " --mid-circuit"
        raise UsageError(
            f"the readout job should have measured qubits {', '.join(map(str, wanted))}. "
            f"Got {', '.join(map(str, there))}. `qrnn-hw calibrate readout --backend {backend} "
            f"--qubits {qubits}{within}` measures them."
        )
    return [there.index(one) for one in wanted]


def _readings(circuit: QuantumCircuit, register: str) -> tuple[Reading, ...]:
    bits = next((list(one) for one in circuit.cregs if one.name == register), [])
    index = {qubit: place for place, qubit in enumerate(circuit.qubits)}
    last = {clbit: Reading(index[qubit], kind) for kind, qubit, clbit in _measurements(circuit)}
    if not bits or any(bit not in last for bit in bits):
        raise UsageError(
            f"every bit of {register} should be measured, to have its readout corrected. "
            "Got one that is not."
        )
    return tuple(last[bit] for bit in bits)


def _measurements(circuit: QuantumCircuit) -> Iterator[tuple[str, Qubit, Clbit]]:
    """List the measurements in order, those in branches included."""
    for one in circuit.data:
        if isinstance(one.operation, ControlFlowOp):
            for block in one.operation.blocks:
                qubits = dict(zip(block.qubits, one.qubits, strict=True))
                clbits = dict(zip(block.clbits, one.clbits, strict=True))
                for kind, qubit, clbit in _measurements(block):
                    yield kind, qubits[qubit], clbits[clbit]
        elif one.operation.name.startswith("measure"):
            yield one.operation.name, one.qubits[0], one.clbits[0]
