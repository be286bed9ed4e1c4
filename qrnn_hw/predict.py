"""Sentences -> pubs of a job, and measured bits -> outcome counts of sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit

from jobs.spec import Pub, PubResult
from jobs.transpile.isa import TranspiledStep
from qrnn_hw.networks.encoded import Encoded


@dataclass(frozen=True, eq=False)
class SentencePubs:
    """One pub for each sentence length, one parameter row for each sentence."""

    pubs: tuple[Pub, ...]
    rows: tuple[NDArray[np.int64], ...]
    """Sentence numbers of each pub's parameter rows."""

    lengths: tuple[int, ...]
    """Steps of each pub's sentences."""

    @property
    def n_sentences(self) -> int:
        """Number of sentences."""
        return sum(len(rows) for rows in self.rows)

    def outcome_counts(self, results: Sequence[PubResult]) -> NDArray[np.int64]:
        """Count the outcomes of each sentence.

        Args:
            results: one for each pub, in order.

        Returns:
            Shape (n, 2**m); bit j of the outcome integer is bit j of `out`.
        """
        return counts_of(self.outcomes(results), 2 ** results[0].registers["out"].shape[-1])

    def by_sentence(self, of_pubs: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Put what each pub has for its rows, shape (rows, ...), in the order of the sentences."""
        ordered = np.empty((self.n_sentences, *of_pubs[0].shape[1:]))
        for rows, values in zip(self.rows, of_pubs, strict=True):
            ordered[rows] = values
        return ordered

    def outcomes(self, results: Sequence[PubResult]) -> NDArray[np.int64]:
        """Return the outcome integer of each shot of each sentence, shape (n, shots)."""
        shots = results[0].registers["out"].shape[1]
        outcomes = np.empty((self.n_sentences, shots), dtype=np.int64)
        for rows, result in zip(self.rows, results, strict=True):
            bits = result.registers["out"].astype(np.int64)
            outcomes[rows] = bits @ (1 << np.arange(bits.shape[-1]))
        return outcomes


def counts_of(outcomes: NDArray[np.int64], n_outcomes: int) -> NDArray[np.int64]:
    """Count outcome integers (n, shots) into shape (n, n_outcomes)."""
    rows = np.repeat(np.arange(len(outcomes)), outcomes.shape[1])
    counts = np.zeros((len(outcomes), n_outcomes), dtype=np.int64)
    np.add.at(counts, (rows, outcomes.ravel()), 1)
    return counts


@dataclass(frozen=True, eq=False)
class Batch:
    """The sentences of one length, and the circuit that they share."""

    length: int
    rows: NDArray[np.int64]
    """Their numbers among all sentences."""

    circuit: QuantumCircuit
    """The transpiled step, unrolled to the length."""

    columns: Mapping[Parameter, int]
    values: NDArray[np.float64]
    """Angles of each sentence, one column for each of `columns`."""

    def pub(self, circuit: QuantumCircuit) -> Pub:
        """Return the rows for a circuit made of the batch's, with some of its parameters."""
        return Pub(circuit, self.values[:, [self.columns[p] for p in circuit.parameters]])


def batches(transpiled: TranspiledStep, encoded: Encoded) -> tuple[Batch, ...]:
    """Unroll the transpiled step to every length that occurs and lay out the angles as rows.

    Args:
        transpiled: the machine's step.
        encoded: sentences, each at least one step long.
    """
    found = []
    for length in sorted(set(encoded.lengths.tolist())):
        rows = np.flatnonzero(encoded.lengths == length)
        unrolled = transpiled.unroll(length)
        columns = {p: i for i, p in enumerate([*unrolled.inputs.ravel(), *unrolled.weights])}
        inputs = encoded.features[rows, :length].reshape(len(rows), -1)
        values = np.concatenate([inputs, np.tile(encoded.circuit, (len(rows), 1))], axis=1)
        found.append(Batch(length, rows, unrolled.circuit, columns, values))
    return tuple(found)


def sentence_pubs(
    transpiled: TranspiledStep,
    encoded: Encoded,
    prepare: Callable[[QuantumCircuit], QuantumCircuit] = lambda circuit: circuit,
) -> SentencePubs:
    """Return one pub for each sentence length; see `batches`.

    Args:
        transpiled: the machine's step.
        encoded: sentences, each at least one step long.
        prepare: what to do to each circuit first, such as fold it or embed it in the device.
    """
    found = batches(transpiled, encoded)
    return SentencePubs(
        tuple(batch.pub(prepare(batch.circuit)) for batch in found),
        tuple(batch.rows for batch in found),
        tuple(batch.length for batch in found),
    )
