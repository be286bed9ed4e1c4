"""Transpile a recurrent step for a machine, once, and unroll the transpiled step.

The layout is chosen on the full device; everything after it happens on the active qubits alone,
with a target of their own: scheduling of dynamic circuits fails on idle qubits of a large device,
and no simulator holds them. Circuits are embedded in the full device only to be submitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import (
    ClassicalRegister,
    Clbit,
    Parameter,
    ParameterVector,
    QuantumCircuit,
)

from calibration.snapshot import Snapshot
from circuits.definition import Architecture
from circuits.parametrised import QRNNCircuit
from jobs.errors import SpecError
from jobs.transpile.decoupling import DECOUPLING
from jobs.transpile.held import check_fits, check_resets
from jobs.transpile.routed import RoutedStep, check_qubits, route_step
from jobs.transpile.routing import choose_layout, embed, route
from jobs.transpile.schedule import faster_on, schedule, with_variants
from jobs.transpile.subgraphs import fits


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
    check_resets(circuit, snapshot)
    physical = choose_layout(circuit, snapshot, seed)
    active = snapshot.restrict(physical)
    target = active.target()
    scheduled = schedule(route(circuit, target, seed, back=False), target, decoupling)
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
        qubits: of the device, one for each wire, then any other that routing may use; None lets
            the transpiler's level 3 choose.
        alike: measure all qubits of the step by one instruction, and reset them by one, the faster
            variants only where they are not worse over all of them together. Where a qubit is read
            faster than another, the scheduler puts a reset behind the branch.

    Raises:
        SpecError: the device has no `if_else` or too few qubits, the model runs in rounds, or the
            qubits are not such that the model fits on them.
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
    routed = route_step(architecture, snapshot, seed=seed)
    if qubits is not None:
        check_qubits(architecture, snapshot, qubits)
        if not fits(routed, snapshot, qubits):
            routed = route_step(architecture, snapshot, seed=seed, qubits=qubits)
    at = routed.qubits if qubits is None else qubits
    return place_step(routed, snapshot, at, decoupling=decoupling, alike=alike)


def place_step(
    routed: RoutedStep,
    snapshot: Snapshot,
    qubits: Sequence[int],
    *,
    decoupling: str | None = None,
    alike: bool = False,
) -> TranspiledStep:
    """Schedule a routed step on some qubits of a device.

    Args:
        routed: step without time.
        snapshot: of the whole device.
        qubits: of the device, one for each of the step's.
        decoupling: as for `transpile_step`.
        alike: as for `transpile_step`.
    """
    active = snapshot.restrict(qubits)
    target = active.target()
    faster = {
        name: faster_on(active, name, own, alike=alike) for name, own in routed.midcircuit.items()
    }

    def scheduled(circuit: QuantumCircuit) -> QuantumCircuit:
        return schedule(with_variants(circuit, faster), target, decoupling)

    return TranspiledStep(
        architecture=routed.architecture,
        snapshot=active,
        wires=tuple(range(routed.architecture.n_qubits)),
        step=scheduled(routed.step),
        closing=schedule(routed.closing, target, decoupling),
        features=routed.features,
        weights=routed.weights,
        first=None if routed.first is None else scheduled(routed.first),
    )


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
