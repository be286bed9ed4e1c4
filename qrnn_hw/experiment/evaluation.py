"""The stacks of one run: which circuits they need together, and each one's scores from the bits.

Every stack spends the same total of shots on a prediction. A circuit that several stacks run is run
once, with the shots of the one that wants most; each takes the first of them, as many as are its
own, so that no stack gains by the others' company.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from calibration.noise import DeviceNoise
from calibration.readout import readout_circuits
from jobs.spec import Pub
from jobs.transpile.isa import TranspiledStep
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.forecast import fed_forward_readout
from qrnn_hw.experiment.measure import Measure, Request
from qrnn_hw.experiment.measured import READOUT, Measured
from qrnn_hw.experiment.shot_plan import ShotPlan, plan_shots
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.mitigation.stack import (
    Stack,
    Term,
    construct_circuits,
    share_shots,
    terms,
)
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.predict import Batch, batches


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The test sentences of a trained model, and the stacks that are to score them."""

    transpiled: TranspiledStep
    noise: DeviceNoise
    """Of the machine's calibration: its rates give the weights of relabelled circuits."""

    encoded: Encoded
    """Test sentences and weights as the circuits get them."""

    decision: NDArray[np.float64]
    """Score of each outcome, shape (2**m,)."""

    stacks: tuple[Stack, ...]
    total: int
    """Shots per prediction."""

    seeds: Mapping[str, int]
    """Named; each job has one of its own."""

    width: int
    """Qubits of the machine."""

    made: dict[tuple[object, ...], QuantumCircuit] = field(default_factory=dict, repr=False)
    """Circuits on the whole device; they do not depend on the weights."""

    def trained(self, encoded: Encoded, decision: NDArray[np.float64]) -> Evaluation:
        """Return the same evaluation of other weights."""
        return replace(self, encoded=encoded, decision=decision)

    @cached_property
    def shots(self) -> ShotPlan:
        """How each stack spends them."""
        return plan_shots(self.total, len(self.encoded), self.stacks)

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """The sentences of each length."""
        return batches(self.transpiled, self.encoded)

    @cached_property
    def _fed_forward(self) -> dict[int, ReadoutCalibration | None]:
        """Reported readout errors of the bits that branches read, by sentence length."""
        return {
            one.length: fed_forward_readout(self.transpiled, self.noise, one.length)
            for one in self.batches
        }

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
        """Refuse a stack that the model has no circuits for, or too few shots for.

        Raises:
            UsageError: one is found.
        """
        for stack in self.stacks:
            for batch in self.batches:
                self.shares(stack, batch.length, self.shots)

    def shares(self, stack: Stack, length: int, plan: ShotPlan) -> list[tuple[Term, int]]:
        """Return the terms of a stack, each with its shots.

        Raises:
            UsageError: fewer shots than circuits.
        """
        listed = self.terms(stack, length)
        return list(zip(listed, share_shots(plan.left(stack), listed), strict=True))

    def measure(self, measure: Measure) -> Measured:
        """Ask for all circuits at once."""
        requests = list(self.requests())
        results = measure(requests)
        roles = [request.role for request in requests]
        return Measured(self, dict(zip(roles, results, strict=True)), measure.ran_at(READOUT))

    def requests(self) -> Iterator[Request]:
        """Yield all that is to be measured: readout first, then the circuits by scale factor."""
        if self.shots.calibration:
            read = [self.transpiled.wires[wire] for wire in self.transpiled.architecture.readout]
            yield Request(
                tuple(
                    Pub.bound(self.transpiled.embed(circuit, self.width))
                    for circuit in readout_circuits(self.transpiled.n_active, read)
                ),
                self.shots.calibration,
                READOUT,
                self.seeds["readout_calibration"],
            )
        for number, (role, (members, shots)) in enumerate(self.jobs.items()):
            yield Request(
                tuple(batch.pub(self._made(batch, stack, term)) for batch, stack, term in members),
                shots,
                role,
                self.seeds["shots_scale_1"] + 1000 * number,
            )

    def _made(self, batch: Batch, stack: Stack, term: Term) -> QuantumCircuit:
        key = (batch.length, *stack.circuit_of(term))
        if key not in self.made:
            (circuit,) = construct_circuits(batch.circuit, stack, [term])
            self.made[key] = self.transpiled.embed(circuit, self.width)
        return self.made[key]

    @cached_property
    def jobs(self) -> dict[str, tuple[list[tuple[Batch, Stack, Term]], int]]:
        """Circuits and shots of each job by role.

        One job holds what has one scale factor and shots of one power of two, so that the few shots
        of rare masks neither cost a job each nor are raised to the many of the bare circuit.
        """
        found: dict[tuple[float, int], list[tuple[Batch, Stack, Term, int]]] = {}
        for batch in self.batches:
            most: dict[object, tuple[Stack, Term, int]] = {}
            for stack in self.stacks:
                for term, shots in self.shares(stack, batch.length, self.shots):
                    key = stack.circuit_of(term)
                    if key not in most or most[key][2] < shots:
                        most[key] = (stack, term, shots)
            for stack, term, shots in most.values():
                place = (term.scale_factor, shots.bit_length())
                found.setdefault(place, []).append((batch, stack, term, shots))
        jobs = {}
        for (factor, _), members in found.items():
            shots = max(shots for *_, shots in members)
            jobs[f"scale {factor:g}, {shots} shots"] = ([one[:3] for one in members], shots)
        return jobs
