"""Batches of shots for a sequential test from any executor: simulated, exact or a machine."""

from __future__ import annotations

from itertools import count

import numpy as np
from numpy.typing import NDArray

from jobs.executor import Executor
from jobs.spec import JobSpec
from jobs.transpile.isa import TranspiledStep
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.studies.adaptive import Draw


def batch_draw(
    executor: Executor,
    transpiled: TranspiledStep,
    encoded: Encoded,
    *,
    seed: int,
) -> Draw:
    """Return a draw that runs each batch as one job on the executor.

    Args:
        executor: where shots come from; it takes circuits of the active qubits.
        transpiled: the machine's step.
        encoded: the sentences that indices speak of.
        seed: of the first batch; each later batch takes the next, so that none repeats another.
    """
    seeds = count(seed)

    def draw(rows: NDArray[np.int64], shots: int) -> NDArray[np.int64]:
        sentences = sentence_pubs(transpiled, encoded.take(rows))
        spec = JobSpec(
            pubs=sentences.pubs,
            shots=shots,
            executor=executor.name,
            backend=transpiled.snapshot.backend,
            seed=next(seeds),
        )
        return sentences.outcome_counts(executor.run(spec))

    return draw
