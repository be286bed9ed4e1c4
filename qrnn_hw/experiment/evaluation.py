"""The stacks of one run: which circuits they need together, and each one's scores from the bits.

Every stack spends the same total of shots on a prediction. A circuit that several stacks run is run
once, with the shots of the one that wants most; each takes the first of them, as many as are its
own, so that no stack gains by the others' company.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from qiskit.circuit import QuantumCircuit

from calibration.noise import DeviceNoise
from jobs.spec import Pub
from jobs.transpile.isa import TranspiledStep
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.assumptions import assumptions
from qrnn_hw.experiment.canary_rows import Canaries, full_share
from qrnn_hw.experiment.forecast import fed_forward_readout
from qrnn_hw.experiment.interleaved import INTERLEAVED, CircuitRows, Interleaving
from qrnn_hw.experiment.measure import Measurer, Request
from qrnn_hw.experiment.measured import CANARY, ITEM, Measured
from qrnn_hw.experiment.readout_circuits import READOUT, ReadoutCircuits, check_products
from qrnn_hw.experiment.requests import by_factor, interleaved
from qrnn_hw.experiment.shot_plan import ShotPlan, plan_shots
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.mitigation.repetitions import Layout
from qrnn_hw.mitigation.stack import Stack, Term, construct_circuits, share_shots, terms
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.predict import Batch, batches

Place = tuple[float, int]
"""Scale factor, and number of binary digits of the shots."""

MAIN_SHARE = 1 / 16
"""Of the most shots of a circuit: one with as many is in every repetition of a job."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The test sentences of a trained model, and the stacks that are to score them."""

    transpiled: TranspiledStep
    noise: DeviceNoise
    """Of the machine's calibration: its rates give the weights of relabelled circuits."""

    encoded: Encoded
    """Test sentences and weights as the circuits get them."""

    head: ShotHead
    """What a shot adds to the outputs."""

    stacks: tuple[Stack, ...]
    total: int
    """Shots per prediction."""

    seeds: Mapping[str, int]
    """Named; each job has one of its own."""

    width: int
    """Qubits of the machine."""

    repetitions: int = 1
    """Of all circuits in one job, at most; 1 is one job for each scale factor, as there were before
    canaries."""

    canaries: Canaries | None = None

    made: dict[tuple[object, ...], QuantumCircuit] = field(default_factory=dict, repr=False)
    """Circuits on active qubits and on the whole device; they do not depend on the weights."""

    planned: ShotPlan | None = None
    """How each stack spends the shots, where that is the same on all tiles."""

    layout: Layout | None = None
    """Of a job that is interleaved over all tiles, which calibrates the readout by itself."""

    canary_share: float | None = None
    """Shots of a canary over those of a sentence; None is so that all take `SHARE` at most."""

    @cached_property
    def shots(self) -> ShotPlan:
        """How each stack spends them."""
        return self.planned or self.shot_plan(self.total)

    def shot_plan(self, total: int) -> ShotPlan:
        """Return how the stacks spend so many shots of a prediction.

        Raises:
            UsageError: too few to divide.
        """
        n = len(self.readout.circuits)
        return plan_shots(total, len(self.encoded), self.stacks, n_circuits=n)

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """The sentences of each length."""
        return batches(self.transpiled, self.encoded)

    @cached_property
    def canary_batches(self) -> dict[int, Batch]:
        """The canaries of each length; on one place all are among those of the sentences."""
        if self.canaries is None:
            return {}
        return {one.length: one for one in batches(self.transpiled, self.canaries.encoded)}

    @property
    def is_interleaved(self) -> bool:
        """Whether one job holds all main circuits, dealt out over its repetitions."""
        return self.repetitions > 1 or self.canaries is not None

    def canary_shots(self, shots: int) -> int:
        """Return the shots of a canary where a sentence has so many: `SHARE` of all at most."""
        if self.canaries is None:
            return 0
        share = self.canary_share
        if share is None:
            share = full_share(len(self.encoded), len(self.canaries))
        return max(1, round(shots * share))

    @cached_property
    def _fed_forward(self) -> dict[int, ReadoutCalibration | None]:
        """Reported readout errors of the bits that branches read, by sentence length."""
        return {
            length: fed_forward_readout(self.transpiled, self.noise, length)
            for length in self._by_length
        }

    @cached_property
    def _by_length(self) -> dict[int, Batch]:
        """A batch of each length, of sentences or else of canaries: both run one circuit."""
        return dict(sorted((self.canary_batches | {b.length: b for b in self.batches}).items()))

    def terms(self, stack: Stack, length: int) -> tuple[Term, ...]:
        """Return the circuits of a stack for sentences of a length.

        A sentence so short that no branch reads a bit has nothing to relabel.

        Raises:
            UsageError: the model feeds no bit forward, and the stack relabels.
        """
        if stack.feed_forward == "none":
            return terms(stack)
        if not any(self._fed_forward.values()):
            raise UsageError(
                "a plan that relabels should have a model that feeds measured bits forward. Got "
                f"{stack.name} for {self.transpiled.architecture.name}, which feeds none; leave "
                "relabelling out."
            )
        fed_forward = self._fed_forward[length]
        return terms(stack.without_relabelling() if fed_forward is None else stack, fed_forward)

    def check(self) -> None:
        """Refuse a stack that the model has no circuits for, too few shots, or none for its head.

        Raises:
            UsageError: one is found.
        """
        check_products(self.transpiled, self.head, self.stacks)
        for stack in self.stacks:
            for batch in self.batches:
                self.shares(stack, batch.length, self.shots)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the stacks take for granted of the machine, in plain words."""
        longest = int(self.encoded.lengths.max())
        return assumptions(self.transpiled, self.noise, self.stacks, longest)

    def shares(self, stack: Stack, length: int, plan: ShotPlan) -> list[tuple[Term, int]]:
        """Return the terms of a stack, each with its shots.

        Raises:
            UsageError: fewer shots than circuits.
        """
        listed = self.terms(stack, length)
        return list(zip(listed, share_shots(plan.left(stack), listed), strict=True))

    def measure(self, measure: Measurer) -> Measured:
        """Ask for all circuits at once."""
        requests = list(self.requests())
        results = measure(requests)
        roles = [request.role for request in requests]
        calibrated = measure.ran_at(INTERLEAVED if self.is_interleaved else READOUT)
        return Measured(
            self,
            dict(zip(roles, results, strict=True)),
            calibrated if self.shots.calibration else None,
        )

    def requests(self) -> Iterator[Request]:
        """Yield all that is to be measured."""
        return (interleaved if self.is_interleaved else by_factor)(self)

    @cached_property
    def interleaving(self) -> Interleaving:
        """All circuits of an interleaved job, on active qubits."""
        if self.layout is not None:
            return Interleaving.under(list(self.parts()), self.layout)
        shots = self.shots.calibration
        readout = [
            CircuitRows((READOUT, number), circuit, np.empty((1, 0)), shots, True)
            for number, circuit in enumerate(self.readout.circuits)
            if shots
        ]
        return Interleaving.of([*readout, *self.parts()], self.repetitions)

    def parts(self) -> Iterator[CircuitRows]:
        """Yield the circuits of sentences and canaries with their rows."""
        items = {one.length: one for one in self.batches}
        least = MAIN_SHARE * max(shots for *_, shots in self._members)
        for batch, stack, term, shots in self._members:
            circuit = self.circuit(batch, stack, term)
            place = (batch.length, stack.circuit_of(term))
            if batch.length in items:
                values = batch.pub(circuit).parameters
                yield CircuitRows((ITEM, *place), circuit, values, shots, shots >= least)
            if batch.length in self.canary_batches:
                values = self.canary_batches[batch.length].pub(circuit).parameters
                few = self.canary_shots(shots)
                # On tiles they lie in the rows of sentences, and go with them.
                main = self.canary_share is not None and shots >= least
                yield CircuitRows((CANARY, *place), circuit, values, few, main)

    @cached_property
    def rare(self) -> dict[str, tuple[list[CircuitRows], int]]:
        """Parts and shots of each job of circuits that want too few for the interleaved one."""
        found: dict[int, list[CircuitRows]] = {}
        for part in self.interleaving.left:
            found.setdefault(part.shots.bit_length(), []).append(part)
        most = {size: max(part.shots for part in parts) for size, parts in found.items()}
        return {f"rare, {most[size]} shots": (parts, most[size]) for size, parts in found.items()}

    @property
    def readout_pubs(self) -> tuple[Pub, ...]:
        """The circuits that measure what the readout is corrected with, on active qubits."""
        return tuple(Pub.bound(circuit) for circuit in self.readout.circuits)

    @cached_property
    def readout(self) -> ReadoutCircuits:
        """The circuits that read qubits in |0> and in |1>."""
        return ReadoutCircuits.of(self.transpiled, self.head, self.made)

    def circuit(self, batch: Batch, stack: Stack, term: Term) -> QuantumCircuit:
        """Return a stack's circuit on active qubits."""
        if (key := (batch.length, *stack.circuit_of(term))) not in self.made:
            (self.made[key],) = construct_circuits(batch.circuit, stack, [term])
        return self.made[key]

    def placed(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return a circuit on the whole device, the same one for the same circuit."""
        key = ("placed", id(circuit))
        if key not in self.made:
            self.made[key] = self.transpiled.embed(circuit, self.width)
        return self.made[key]

    @cached_property
    def _members(self) -> list[tuple[Batch, Stack, Term, int]]:
        """Each circuit once, with the shots of the stack that wants most of it."""
        members = []
        for batch in self._by_length.values():
            most: dict[object, tuple[Stack, Term, int]] = {}
            for stack in self.stacks:
                for term, shots in self.shares(stack, batch.length, self.shots):
                    key = stack.circuit_of(term)
                    if key not in most or most[key][2] < shots:
                        most[key] = (stack, term, shots)
            members += [(batch, stack, term, shots) for stack, term, shots in most.values()]
        return members

    @cached_property
    def groups(self) -> dict[Place, list[tuple[Batch, Stack, Term, int]]]:
        """Circuits with their shots, by scale factor and the power of two of these.

        One job holds what has one scale factor and shots of one power of two, so that the few shots
        of rare masks neither cost a job each nor are raised to the many of the bare circuit.
        """
        found: dict[Place, list[tuple[Batch, Stack, Term, int]]] = {}
        for batch, stack, term, shots in self._members:
            place = (term.scale_factor, shots.bit_length())
            found.setdefault(place, []).append((batch, stack, term, shots))
        return found

    def role(self, place: Place) -> str:
        """Return what the job of a group is for."""
        shots = max(shots for *_, shots in self.groups[place])
        return f"scale {place[0]:g}, {shots} shots"

    @cached_property
    def jobs(self) -> dict[str, tuple[list[tuple[Batch, Stack, Term]], int]]:
        """Circuits and shots of each job by role, one for each group."""
        return {
            self.role(place): ([one[:3] for one in members], max(shots for *_, shots in members))
            for place, members in self.groups.items()
        }
