"""Training a head alone: a drawn circuit stays as it is, ridge fits what is read of it.

The readings are exact, without noise or with a recorded device's, or those of jobs in the store:
what a machine's shots recorded at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.exact.sequence import SequenceModel
from jobs.store.store import Store
from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.direct_share import direct_share
from qrnn_hw.experiment.kept_features import encoded_once
from qrnn_hw.experiment.measure import Measurer, Priced, Request, running
from qrnn_hw.experiment.one_circuit import OneCircuit
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.quality import Judge
from qrnn_hw.experiment.quality import to_json as intervals_json
from qrnn_hw.experiment.task import ModelTask
from qrnn_hw.networks.identity import network_content
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.recorded import from_results
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.predict import SentencePubs, sentence_pubs
from qrnn_hw.statistics.memory import capacities
from qrnn_hw.submission.consent import Consent
from qrnn_hw.training.checkpoint import Identity
from qrnn_hw.training.reservoir import best_drawn, draw, exact_readings, fit_reservoir
from qrnn_hw.training.ridge import counted

Array = NDArray[np.float64]
PARTS = ("training", "validation", "test")


@dataclass(frozen=True, eq=False)
class HeadTraining:
    """A network with its task, the circuit chosen and nothing fitted yet."""

    task: ModelTask
    network: Network
    washout: int
    """First steps of a sequence that do not count, where every step has a target."""

    reader: SequenceModel | None = None
    """The circuits with a machine's noise; None is without noise."""

    n_shots: int | None = None
    """Of an answer: what chooses the circuit, and exact readings, weigh what so few add to the
    squares; None is infinitely many."""

    @property
    def parts(self) -> tuple[Sequences, ...]:
        """Rows to fit, rows that choose, rows that test."""
        return self.task.training, self.task.validation, self.task.test

    def chosen(self, seeds: Sequence[int]) -> TrainedNetwork:
        """Return the drawn circuit that validation rows choose, by exact readings.

        Raises:
            UsageError: a wash-out that leaves nothing.
        """
        reader = None if self.reader is None else self.network.reader(self.reader)
        drawn = [draw(self.network, seed) for seed in seeds]
        given = self.network, drawn, self.parts[:2], reader
        return best_drawn(*given, washout=self.washout, n_shots=self.n_shots)

    def exact(self, chosen: TrainedNetwork) -> list[Array]:
        """Return the readings of all parts at infinite shots."""
        reader = None if self.reader is None else self.network.reader(self.reader)
        return [exact_readings(self.network, chosen.parameters, p, reader) for p in self.parts]

    def fitted(
        self, chosen: TrainedNetwork, readings: Sequence[Array], *, exact: bool
    ) -> TrainedNetwork:
        """Return the network with the head that ridge fits to the readings.

        Args:
            chosen: the circuit that was drawn.
            readings: of training and validation rows.
            exact: whether they are at infinite shots; those of a machine have their shots in them.
        """
        given = self.network, chosen.parameters, self.parts[:2], readings[:2]
        n_shots = self.n_shots if exact else None
        return fit_reservoir(*given, washout=self.washout, n_shots=n_shots)

    def quality(self, outputs: Array) -> dict[str, Any]:
        """Return each measure of the test rows' outputs, with its interval, JSON-ready."""
        judge, found = self._judge, self._flat(outputs)
        measured = intervals_json(judge.intervals(judge.answers(found)))
        if not isinstance(self.network.target, Classes) and found.shape[1] > 1:
            each = capacities(judge.numbers(found), judge.wanted)
            measured["capacity"] = {"sum": float(each.sum()), "of_each": each.tolist()}
        return measured

    def direct(self, circuits: Array, direct: Array) -> dict[str, Any] | None:
        """Return what of the test rows' answers is direct, JSON-ready; None where nothing is."""
        if not self.network.direct:
            return None
        found = direct_share(replace(self._judge, direct=self._flat(direct)), self._flat(circuits))
        return None if found is None else found.to_json()

    def of_baseline(self, one: Baseline) -> dict[str, Any]:
        """Return the same of a classical model; steps of the wash-out do not count either."""
        answers = one.predictions
        if self.network.target.per_step:
            counts = self.task.test.mask.copy()
            counts[:, : self.washout] = False
            answers = answers[counts]
        return intervals_json(self._judge.intervals(answers))

    def _flat(self, outputs: Array) -> Array:
        test = self.task.test
        given = self.network.target, outputs, test.known_targets, test.lengths
        return counted(*given, washout=self.washout)[0]

    @property
    def _judge(self) -> Judge:
        test, scaling = self.task.test, self.task.parts.scaling
        target = type(self.network.target)(self.network.target.names)
        shape = (*test.known_targets.shape[: 2 if self.network.target.per_step else 1], 1)
        given = self.network.target, np.zeros(shape), test.known_targets, test.lengths
        wanted = counted(*given, washout=self.washout)[1]
        series = self.task.data.series
        if not isinstance(target, Classes) and scaling is not None:
            wanted = scaling.unscaled(np.asarray(wanted, dtype=np.float64))
        block = 1 if series is None else series.window + series.horizon
        return Judge(target, wanted, scaling, block)


@dataclass(frozen=True, eq=False)
class Jobs:
    """What a machine is asked for: the rows of all parts, one job each."""

    execution: OneCircuit
    pubs: tuple[SentencePubs, ...]
    lengths: tuple[NDArray[np.int64], ...]
    shots: int
    seed: int

    @classmethod
    def of(
        cls,
        training: HeadTraining,
        chosen: TrainedNetwork,
        execution: OneCircuit,
        folder: Path,
        *,
        shots: int,
        seed: int,
    ) -> Jobs:
        """Encode the rows, once for all times that they are asked for.

        Raises:
            UsageError: a model whose steps record no bits.
        """
        transpiled, width = execution.transpiled, execution.machine.snapshot.n_qubits
        found, lengths = [], []
        for name, rows in zip(PARTS, training.parts, strict=True):
            who = Identity({"network": network_content(chosen.network), "rows": rows.digest})
            encoded = encoded_once(chosen, rows, folder, who, f"{name}.npz")
            found.append(sentence_pubs(transpiled, encoded, lambda c: transpiled.embed(c, width)))
            lengths.append(encoded.lengths)
        return cls(execution, tuple(found), tuple(lengths), shots, seed)

    def measure(self, measure: Measurer, network: Network) -> list[Array]:
        """Ask for all parts and return the mean readings of each."""
        steps = network.steps
        if steps is None:
            raise UsageError("a head on a machine should read the bits of every step. Got none.")
        requests = [
            Request(pubs.pubs, self.shots, name, self.seed + place)
            for place, (name, pubs) in enumerate(zip(PARTS, self.pubs, strict=True))
        ]
        per_step = network.target.per_step
        return [
            from_results(bits, pubs.rows, lengths).readings(steps, per_step=per_step)
            for bits, pubs, lengths in zip(measure(requests), self.pubs, self.lengths, strict=True)
        ]

    def priced(self, network: Network, store: Store) -> Priced:
        """Return what they would cost."""
        found = Priced(self.execution.machine, store=store)
        self.measure(found, network)
        return found

    def run(
        self, network: Network, consent: Consent, store: Store, progress: Progress
    ) -> tuple[list[Array], dict[str, str]]:
        """Ask, then run what is not in the store; return the readings and the keys by part.

        Raises:
            BudgetError, PreflightError, JobsError: as `measure.running`.
        """
        measure = running(self.priced(network, store), consent, store, progress.advance)
        return self.measure(measure, network), measure.keys
