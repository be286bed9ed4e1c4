"""Transpile a recurrent step for a machine, once, and unroll the transpiled step.

The layout is chosen on the full device; everything after it happens on the active qubits alone,
with a target of their own: scheduling of dynamic circuits fails on idle qubits of a large device,
and no simulator holds them. Circuits are embedded in the full device only to be submitted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import (
    ClassicalRegister,
    Clbit,
    Instruction,
    Parameter,
    ParameterVector,
    QuantumCircuit,
)
from qiskit.transpiler import PassManager

from calibration.noise import assignment_errors
from calibration.snapshot import Snapshot
from circuits.definition import Architecture
from circuits.parametrised import QRNNCircuit
from circuits.unrolled import append_closing, step_circuit, unroll
from jobs.errors import SpecError
from jobs.transpile.decoupling import DECOUPLING, with_pulses
from jobs.transpile.routing import choose_layout, embed, route, without_layout

if TYPE_CHECKING:
    from qiskit.transpiler import Target


@dataclass(frozen=True, eq=False)
class TranspiledStep:
    """One step and the closing part of an architecture, scheduled for the qubits of a device."""

    architecture: Architecture
    snapshot: Snapshot
    """Of the active qubits: qubit i of the circuits is `snapshot.physical[i]` of the device."""

    wires: tuple[int, ...]  # shape (n_qubits,)
    """Active qubit on which each wire of the architecture lies, at both ends of the step."""

    step: QuantumCircuit
    """Parameters `x[...]` and `w[...]`, mid-circuit bits in the register `m`; where a step reads
    the bits of the step before, those are in the register `before`."""

    closing: QuantumCircuit
    """Parameters `w[...]`, outcome in the register `out`."""

    features: tuple[Parameter, ...]  # shape (d,)
    weights: tuple[Parameter, ...]  # shape (p,)
    first: QuantumCircuit | None = None
    """The first step, where it differs because the others read the bits of the step before."""

    @property
    def data_qubits(self) -> tuple[int, ...]:
        """Active qubits that hold the architecture's data qubits."""
        return tuple(self.wires[wire] for wire in self.architecture.data_qubits)

    @property
    def n_active(self) -> int:
        """Number of active qubits."""
        return self.snapshot.n_qubits

    def unroll(self, steps: int) -> QRNNCircuit:
        """Repeat the transpiled step over time, on the active qubits.

        The same circuit is returned again for the same number of steps: copy it to change it.

        Args:
            steps: number of time steps T, at least 1.

        Raises:
            SpecError: `steps` is below 1.
        """
        if steps < 1:
            raise SpecError(f"the number of steps should be at least 1. Got {steps}.")
        if steps not in self._unrolled:
            self._unrolled[steps] = self._repeated(steps)
        return self._unrolled[steps]

    @cached_property
    def _unrolled(self) -> dict[int, QRNNCircuit]:
        return {}

    def _repeated(self, steps: int) -> QRNNCircuit:
        d = self.architecture.n_features
        inputs = ParameterVector("x", steps * d)
        circuit = QuantumCircuit(self.n_active, name=f"{self.architecture.name}-{steps}")
        for t in range(steps):
            part = self.first if t == 0 and self.first is not None else self.step
            own = dict(zip(self.features, inputs[t * d : (t + 1) * d], strict=True))
            used = {old: new for old, new in own.items() if old in part.parameters}
            names = {"m": f"m{t}", "before": f"m{t - 1}"}
            _append(circuit, part.assign_parameters(used), names)
            circuit.barrier()
        _append(circuit, self.closing, {"out": "out"})
        return QRNNCircuit(
            circuit=circuit,
            inputs=_array(inputs).reshape(steps, d),
            weights=_array(self.weights),
            readout=tuple(self.wires[wire] for wire in self.architecture.readout),
        )

    def embed(self, circuit: QuantumCircuit, n_qubits: int) -> QuantumCircuit:
        """Place a circuit of the active qubits on the full device, for submission.

        Args:
            circuit: on the active qubits.
            n_qubits: of the device.
        """
        return embed(circuit, self.snapshot.physical, n_qubits)


def check_fits(architecture: Architecture, snapshot: Snapshot) -> None:
    """Refuse a model that a device cannot hold.

    Raises:
        SpecError: too few qubits, or no `if_else` where the model feeds bits forward.
    """
    if architecture.n_qubits > snapshot.n_qubits:
        raise SpecError(
            f"{architecture.name} needs {architecture.n_qubits} qubits. "
            f"Got {snapshot.backend} with {snapshot.n_qubits}; choose another backend."
        )
    if architecture.mode == "sampled" and "if_else" not in snapshot.control_flow:
        raise SpecError(
            f"{architecture.name} feeds measured bits forward, which needs if_else. "
            f"Got {snapshot.backend} without it; choose another backend."
        )


@dataclass(frozen=True, eq=False)
class TranspiledRound:
    """A circuit of one round, scheduled for the qubits of a device."""

    circuit: QuantumCircuit
    """On the active qubits."""

    snapshot: Snapshot
    """Of the active qubits."""

    whole: QuantumCircuit
    """The same circuit on all qubits of the device, for submission."""


def transpile_round(
    circuit: QuantumCircuit, snapshot: Snapshot, *, seed: int, decoupling: str | None = None
) -> TranspiledRound:
    """Lay out, route, translate and schedule a circuit that starts anew.

    Args:
        circuit: logical, with its final measurements; Parameters are kept.
        snapshot: of the whole device.
        seed: of the transpiler.
        decoupling: as for `transpile_step`.

    Raises:
        SpecError: too few qubits.
    """
    if circuit.num_qubits > snapshot.n_qubits:
        raise SpecError(
            f"{circuit.name} needs {circuit.num_qubits} qubits. "
            f"Got {snapshot.backend} with {snapshot.n_qubits}; choose another backend."
        )
    physical = choose_layout(circuit, snapshot, seed)
    active = snapshot.restrict(physical)
    target = active.target()
    scheduled = _schedule(route(circuit, target, seed, back=False), target, decoupling)
    return TranspiledRound(scheduled, active, embed(scheduled, physical, snapshot.n_qubits))


def transpile_step(
    architecture: Architecture,
    snapshot: Snapshot,
    *,
    seed: int,
    decoupling: str | None = None,
    qubits: Sequence[int] | None = None,
    alike: bool = False,
) -> TranspiledStep:
    """Lay out, route, translate and schedule one step and the closing part.

    The step ends on the qubits where it began; where routing moves wires, swaps bring them back.
    Mid-circuit measurements and resets use the device's faster variants on the qubits where these
    are not worse.

    Args:
        architecture: whose step it is.
        snapshot: of the whole device.
        seed: of the transpiler.
        decoupling: echo idling by pulses in place of plain delays: "xx" or "xy4"; None for none.
            Aer and the exact engine relax idling without memory, so there pulses only cost. What
            has no delay in the circuit, as the wait for the controller, is not echoed.
        qubits: the device's qubits for the wires, then any other that routing may use; by
            default those that the transpiler chooses.
        alike: measure all qubits of the step by one instruction, and reset them by one, the faster
            variants only where they are not worse over all of them together. Where a qubit is read
            faster than another, the scheduler puts a reset behind the branch.

    Raises:
        SpecError: the device has no `if_else` or too few qubits, or the model runs in rounds.
    """
    if architecture.mode == "expectation":
        raise SpecError(
            f"a model transpiled step by step should be one circuit. Got {architecture.name} in "
            "the mode expectation, where the host computes between steps; run it in rounds, or "
            "choose a model that `qrnn-hw models list` shows as coherent or sampled."
        )
    check_fits(architecture, snapshot)
    if decoupling is not None and decoupling not in DECOUPLING:
        raise SpecError(
            f"the decoupling should be None or one of {', '.join(DECOUPLING)}. Got {decoupling!r}."
        )
    n_steps = 2 if architecture.reads_previous else 1  # a first step alone has no branches
    if qubits is None:
        qubits = choose_layout(unroll(architecture, n_steps).circuit, snapshot, seed)
    active = snapshot.restrict(qubits)
    target = active.target()
    wires = tuple(range(architecture.n_qubits))
    features = ParameterVector("x", architecture.n_features)
    weights = ParameterVector("w", architecture.n_weights)

    def scheduled_step(later: bool) -> QuantumCircuit:
        logical = step_circuit(architecture, list(features), list(weights), later=later)
        routed = _with_midcircuit_variants(route(logical, target, seed), active, alike)
        return _schedule(routed, target, decoupling)

    closing = QuantumCircuit(architecture.n_qubits, name="closing")
    append_closing(closing, architecture, list(weights))
    return TranspiledStep(
        architecture=architecture,
        snapshot=active,
        wires=wires,
        step=scheduled_step(later=True),
        closing=_schedule(route(closing, target, seed, back=False), target, decoupling),
        features=tuple(features),
        weights=tuple(weights),
        first=scheduled_step(later=False) if architecture.reads_previous else None,
    )


def midcircuit_measure() -> Instruction:
    """Return `measure_2`, the instruction by which devices read a qubit within a circuit."""
    from qiskit_ibm_runtime.circuit import MidCircuitMeasure

    return MidCircuitMeasure("measure_2")


def _with_midcircuit_variants(
    circuit: QuantumCircuit, snapshot: Snapshot, alike: bool
) -> QuantumCircuit:
    from qiskit_ibm_runtime.circuit.library import MidCircuitReset

    better: dict[str, set[int]] = {}
    for name in ("measure", "reset"):
        places = circuit.data if circuit.count_ops().get(name) else ()
        qubits = {circuit.find_bit(one.qubits[0]).index for one in places if one.name == name}
        groups = [qubits] if alike else [{qubit} for qubit in qubits]
        better[name] = {
            q for group in groups if _variant_is_better(snapshot, name, group) for q in group
        }
    changed = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        qubit = circuit.find_bit(instruction.qubits[0]).index
        if operation.name == "measure" and qubit in better["measure"]:
            operation = midcircuit_measure()
        elif operation.name == "reset" and qubit in better["reset"]:
            operation = MidCircuitReset("reset_2")
        changed.append(operation, instruction.qubits, instruction.clbits)
    return changed


def _variant_is_better(snapshot: Snapshot, name: str, qubits: Collection[int]) -> bool:
    """Tell whether the faster variant is nowhere longer, and its errors together no larger."""
    pairs = [
        (snapshot.record(name, (qubit,)), snapshot.record(f"{name}_2", (qubit,)))
        for qubit in qubits
    ]
    errors = [0.0, 0.0]
    for plain, variant in pairs:
        if variant is None or plain is None:
            return False
        if (variant.seconds or np.inf) > (plain.seconds or np.inf):
            return False
        errors[0] += sum(assignment_errors(plain))
        errors[1] += sum(assignment_errors(variant))
    return bool(pairs) and errors[1] <= errors[0]


def _schedule(circuit: QuantumCircuit, target: Target, decoupling: str | None) -> QuantumCircuit:
    """Return the circuit with its idling written out as delays or pulses, inside branches too."""
    from qiskit_ibm_runtime.transpiler.passes.scheduling import ALAPScheduleAnalysis, PadDelay

    passes = PassManager([ALAPScheduleAnalysis(target=target), PadDelay(target=target)])
    scheduled = without_layout(passes.run(circuit))
    return scheduled if decoupling is None else with_pulses(scheduled, target, decoupling)


def _append(circuit: QuantumCircuit, part: QuantumCircuit, names: Mapping[str, str]) -> None:
    """Append a part, its registers under other names; those that are not there yet are added."""
    present = {register.name: register for register in circuit.cregs}
    bits: list[Clbit] = []
    for own in part.cregs:
        name = names[own.name]
        if name not in present:
            present[name] = ClassicalRegister(own.size, name)
            circuit.add_register(present[name])
        bits += present[name]
    circuit.compose(part, qubits=range(part.num_qubits), clbits=bits, inplace=True)


def _array(parameters: Sequence[Parameter]) -> NDArray[np.object_]:
    array = np.empty(len(parameters), dtype=object)
    array[:] = list(parameters)
    return array
