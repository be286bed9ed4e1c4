"""One routed circuit on many placements of a device: its noise on each, as arrays.

Each placement has its own schedule, by the passes that schedule any circuit; placements with the
same durations share it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit

from calibration.noise import DeviceNoise
from calibration.snapshot import Snapshot
from circuits.exact.sequence import Form
from jobs.transpile.device_maps import DeviceMaps
from jobs.transpile.idle_times import Slot, idle_times, skeleton, with_named_idling
from jobs.transpile.isa import TranspiledStep, place_step
from jobs.transpile.lifted_step import form_of
from jobs.transpile.routed import RoutedStep
from jobs.transpile.schedule import faster_on
from jobs.transpile.subgraphs import Qubits, used_by


@dataclass(frozen=True, eq=False)
class PlacedForm:
    """Placements that share one lifted circuit, with the arrays that fill it in."""

    form: Form
    indices: NDArray[np.intp]  # shape (n,), into the placements given
    arrays: tuple[Any, ...]
    """One for each formula of the form, the placements along the first axis."""


class PlacementForms:
    """The forms of a step on a device, each lifted once, whatever placements come later."""

    def __init__(
        self,
        routed: RoutedStep,
        noise: DeviceNoise,
        *,
        decoupling: str | None = None,
        alike: bool = False,
    ) -> None:
        """Take the step and the noise.

        Args:
            routed: step in the device's gates.
            noise: of the whole device.
            decoupling: as for `transpile_step`; pulses that differ make circuits that differ.
            alike: as for `transpile_step`.
        """
        self._maps = DeviceMaps(noise)
        self._scheduled = _Schedules(routed, noise.snapshot, decoupling, alike)
        self._forms: dict[Any, tuple[Form, dict[Slot, Parameter]]] = {}

    def of(self, placements: Sequence[Qubits]) -> Iterator[PlacedForm]:
        """Schedule the step on many placements, and give its noise on each as arrays.

        Args:
            placements: qubits of the device, one for each of the step's.
        """
        scheduled = self._scheduled
        groups: dict[Any, list[int]] = defaultdict(list)
        for index, qubits in enumerate(placements):
            groups[scheduled.of(qubits).skeleton].append(index)
        for key, members in groups.items():
            chosen = np.array([placements[index] for index in members])
            schedules = [scheduled.of(placements[index]) for index in members]
            form, names = self._form(key, schedules)
            idle = {
                name.name: np.array([one.idle.get(slot, 0) for one in schedules], dtype=float)
                for slot, name in names.items()
            }
            faster = [scheduled.faster(placements[index]) for index in members]
            values = partial(self._maps.values, chosen, idle, faster)
            arrays = tuple(formula.value(values) for formula in form.formulas)
            yield PlacedForm(form, np.array(members), arrays)

    def _form(
        self, key: Any, schedules: Sequence[_Scheduled]
    ) -> tuple[Form, dict[Slot, Parameter]]:
        """Return the form of a skeleton with the names of its delays; lifted anew for a new one."""
        slots = {slot for one in schedules for slot in one.idle}
        if key not in self._forms or not slots <= set(self._forms[key][1]):
            slots |= set(self._forms[key][1]) if key in self._forms else set()
            ordered = enumerate(sorted(slots, key=str))
            names = {slot: Parameter(f"idle[{number}]") for number, slot in ordered}
            self._forms[key] = form_of(_with_named_idling(schedules[0].step, names)), names
        return self._forms[key]


@dataclass(frozen=True, eq=False)
class _Scheduled:
    step: TranspiledStep
    idle: dict[Slot, int]
    skeleton: Any


class _Schedules:
    """Schedules of one step by the durations of its instructions."""

    def __init__(
        self, routed: RoutedStep, snapshot: Snapshot, decoupling: str | None, alike: bool
    ) -> None:
        self._routed, self._snapshot, self._decoupling = routed, snapshot, decoupling
        self._used, self._midcircuit = sorted(used_by(routed)), routed.midcircuit
        self._alike = alike
        self._known: dict[Any, _Scheduled] = {}

    def of(self, qubits: Qubits) -> _Scheduled:
        """Return the schedule of the same durations, its qubits those of the placement."""
        faster = self.faster(qubits)
        key = tuple(self._timing(name, on, qubits, faster) for name, on in self._used)
        if key not in self._known:
            self._known[key] = self._made(qubits)
        return self._known[key]

    def faster(self, qubits: Qubits) -> dict[str, frozenset[int]]:
        """Return the qubits of the device that `measure_2`, and that `reset_2`, acts on."""
        return {
            name: faster_on(
                self._snapshot, name, [qubits[q] for q in sorted(own)], alike=self._alike
            )
            for name, own in self._midcircuit.items()
        }

    def _timing(
        self, name: str, on: Qubits, qubits: Qubits, faster: Mapping[str, frozenset[int]]
    ) -> Any:
        there = tuple(qubits[qubit] for qubit in on)
        plain = self._snapshot.record(name, there)
        variant = None
        if there[0] in faster.get(name, ()):
            variant = self._snapshot.record(f"{name}_2", there)
        return plain and plain.seconds, variant and variant.seconds

    def _made(self, qubits: Qubits) -> _Scheduled:
        step = place_step(
            self._routed, self._snapshot, qubits, decoupling=self._decoupling, alike=self._alike
        )
        idle: dict[Slot, int] = {}
        parts = _parts(step)
        for path, circuit in parts.items():
            idle |= idle_times(circuit, path)
        return _Scheduled(step, idle, tuple(skeleton(circuit) for circuit in parts.values()))


def _parts(step: TranspiledStep) -> dict[str, QuantumCircuit]:
    first = {} if step.first is None else {"first": step.first}
    return {**first, "step": step.step, "closing": step.closing}


def _with_named_idling(step: TranspiledStep, names: dict[Slot, Parameter]) -> TranspiledStep:
    made = {
        path: with_named_idling(circuit, path, names, midcircuit=path != "closing")
        for path, circuit in _parts(step).items()
    }
    return replace(step, **made)
