"""Host rounds as requests: each is one job, whether it is priced or run and stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from jobs.digest import circuit_digest
from jobs.spec import Pub
from jobs.transpile.isa import transpile_round
from qrnn_hw.experiment.canary_rows import Canaries
from qrnn_hw.experiment.interleaved import CircuitRows, Interleaving, Read
from qrnn_hw.experiment.kept_features import KeptRounds
from qrnn_hw.experiment.measure import Measurer, Request
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.canaries import missed
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.expectation import Compile, Measurement
from qrnn_hw.networks.finite_shots import outputs_in_rounds
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.repetitions import Repeated, repeated
from qrnn_hw.submission.machine import Machine


@dataclass(frozen=True, eq=False)
class RoundsEvaluation:
    """The test rows of a trained model in rounds, and what is asked of them."""

    trained: TrainedNetwork
    encoded: Encoded
    compiled: Compile
    shots: int
    """Of each circuit in each round."""

    seed: int
    folder: Path
    """Keeps what each round bound."""

    stacks: tuple[Stack, ...] = (Stack(),)
    repetitions: int = 1
    """Of all circuits in each round's job, at most."""

    canaries: Canaries | None = None

    def check(self) -> None:
        """Find nothing to refuse."""

    def measure(self, measure: Measurer) -> MeasuredRounds:
        """Ask for one round after the other.

        Args:
            measure: prices the rounds, runs them, or reads them from the store.
        """
        scatter: list[Repeated] = []
        ask = as_rounds(
            measure,
            shots=self.shots,
            seed=self.seed,
            repetitions=self.repetitions,
            scatter=scatter.append,
        )
        rows: list[int] = []

        def counted(pubs: Sequence[Pub]) -> NDArray[np.float64]:
            rows.append(sum(pub.n_rows for pub in pubs))
            return ask(pubs)

        kept = KeptRounds(counted, self.folder, is_planned=not measure.binds)
        every, n = self.encoded, len(self.encoded)
        if self.canaries is not None:
            every = every.beside(self.canaries.encoded)
        found = outputs_in_rounds(self.trained, every, kept, self.compiled)
        spent = self.shots * sum(rows) / len(found)
        return MeasuredRounds(found[:n], spent, found[n:], self.canaries, pooled(scatter))


@dataclass(frozen=True, eq=False)
class MeasuredRounds:
    """The outputs that a run in rounds gave."""

    outputs: NDArray[np.float64]  # shape (n, k)
    shots_per_prediction: float
    """Of all circuits of all rounds together, on average."""

    sent: NDArray[np.float64]  # shape (n_canaries, k)
    canaries: Canaries | None = None
    repeated: Repeated | None = None
    """Every reading of every round, with its scatter; None where the rounds were not repeated."""

    @cached_property
    def answers(self) -> dict[str, Answer]:
        """The outputs with their errors; none without canaries, which alone tell these in rounds.

        A value that is fed back carries its shots into later rounds, and no formula says how far.
        The standard error is the root mean square of that of the canaries' outputs, as the same
        shots without noise give it; where readings scatter more than shots explain, so much more.
        """
        if self.canaries is None or self.canaries.errors is None:
            return {}
        known, errors = (
            one.reshape(self.sent.shape) for one in (self.canaries.known, self.canaries.errors)
        )
        spread = np.sqrt(np.mean(np.square(errors), axis=0))
        ratio = 1.0 if self.repeated is None else self.repeated.ratio
        miss = missed(self.sent.ravel(), known.ravel(), max(1.0, ratio) * errors.ravel())
        value, shots = self.outputs, np.broadcast_to(spread, self.outputs.shape)
        if value.shape[1] == 1:
            value, shots = value[:, 0], shots[:, 0]
        times = self.repeated and self.repeated.n_repetitions
        scattered = Repeated(value, shots, ratio * shots, times) if times else None
        miss = replace(miss, n_canaries=len(self.canaries))
        return {Stack().name: Answer(value, shots, scattered, miss)}

    def by_stack(self) -> dict[str, NDArray[np.float64]]:
        """Return the outputs by the name of the only stack."""
        return {Stack().name: self.outputs}


def as_rounds(
    measure: Measurer,
    *,
    shots: int,
    seed: int,
    repetitions: int = 1,
    scatter: Callable[[Repeated], None] | None = None,
) -> Measurement:
    """Return what asks for one round after the other; a fresh one for each run.

    Args:
        measure: prices, or runs and stores.
        shots: of each row of each circuit.
        seed: of the first round's shots on a recorded device; each round takes the next.
        repetitions: of all circuits in a round's job, at most; see `interleaved`.
        scatter: told of every reading of a round and how it scattered between repetitions.
    """
    numbers = count()

    def ask(pubs: Sequence[Pub]) -> NDArray[np.float64]:
        n = next(numbers)
        role, options = f"round {n + 1}", {"round": n}
        if repetitions == 1:
            (results,) = measure([Request(tuple(pubs), shots, role, seed + n, options)])
            bits = [result.registers["out"] for result in results]
        else:
            dealt = Interleaving.of(
                [
                    CircuitRows(place, pub.circuit, pub.parameters, shots, True)
                    for place, pub in enumerate(pubs)
                ],
                repetitions,
            )
            asked = dealt.pubs(lambda circuit: circuit), dealt.layout.shots
            (results,) = measure([Request(*asked, role, seed + n, options)])
            reads = dealt.read(results)
            kept = [reads[place] for place in range(len(pubs))]
            bits = [one.bits[:, one.first(shots)] for one in kept]
            if scatter is not None and dealt.layout.repetitions > 1:
                for one, own in zip(kept, bits, strict=True):
                    scatter(_scattered(one, own, shots))
        return np.stack([1.0 - 2.0 * one.mean(axis=1, dtype=float) for one in bits])

    return ask


def _scattered(read: Read, bits: NDArray[np.uint8], shots: int) -> Repeated:
    """Return <Z> of each row and bit of a circuit with its scatter between repetitions."""
    signs = 1.0 - 2.0 * bits
    when = read.repetitions[read.first(shots) // (read.bits.shape[1] // len(read.repetitions))]
    values = np.stack([signs[:, when == one].mean(axis=1) for one in np.unique(when)])
    value = signs.mean(axis=1)
    return repeated(values, (1 - value**2) / max(1, shots - 1), value)


def pooled(found: Sequence[Repeated]) -> Repeated | None:
    """Return all readings as one, with the fewest repetitions of any; None of none."""
    if not found:
        return None
    return Repeated(
        np.concatenate([one.value.ravel() for one in found]),
        np.concatenate([one.shot_error.ravel() for one in found]),
        np.concatenate([one.scatter_error.ravel() for one in found]),
        min(one.n_repetitions for one in found),
        np.concatenate([np.full(one.value.size, one.n_repetitions - 1.0) for one in found]),
    )


def compiler(machine: Machine, *, seed: int, decoupling: str | None = None) -> Compile:
    """Return what makes a logical circuit one of the machine's; equal circuits are made once."""
    made: dict[tuple[str, int], QuantumCircuit] = {}

    def compiled(circuit: QuantumCircuit) -> QuantumCircuit:
        key = (circuit_digest(circuit), circuit.num_qubits)
        if key not in made:
            found = transpile_round(circuit, machine.snapshot, seed=seed, decoupling=decoupling)
            made[key] = found.whole
        # Parameters of an equal circuit built again are other objects with the same names.
        known = {parameter.name: parameter for parameter in circuit.parameters}
        whole = made[key]
        return whole.assign_parameters({p: known[p.name] for p in whole.parameters})

    return compiled
