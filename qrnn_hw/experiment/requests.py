"""What is asked for the sequences of one evaluation, job by job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.spec import Pub
from qrnn_hw.experiment.interleaved import INTERLEAVED
from qrnn_hw.experiment.measure import Request
from qrnn_hw.experiment.readout_circuits import READOUT

if TYPE_CHECKING:
    from qrnn_hw.experiment.evaluation import Evaluation


def interleaved(evaluation: Evaluation) -> Iterator[Request]:
    """Yield the job of all main circuits, and those of circuits with few shots."""
    dealt, seed = evaluation.interleaving, evaluation.seeds["shots_scale_1"]
    yield Request(dealt.pubs(evaluation.placed), dealt.layout.shots, INTERLEAVED, seed)
    for number, (role, (parts, shots)) in enumerate(evaluation.rare.items(), start=1):
        pubs = tuple(Pub(evaluation.placed(part.circuit), part.parameters) for part in parts)
        yield Request(pubs, shots, role, seed + 1000 * number)


def by_factor(evaluation: Evaluation) -> Iterator[Request]:
    """Yield the readout calibration, then the jobs of each scale factor."""
    seeds, calibration = evaluation.seeds, evaluation.shots.calibration
    if calibration:
        pubs = tuple(Pub.bound(evaluation.placed(one)) for one in evaluation.readout.circuits)
        yield Request(pubs, calibration, READOUT, seeds["readout_calibration"])
    for number, (role, (members, shots)) in enumerate(evaluation.jobs.items()):
        pubs = tuple(
            batch.pub(evaluation.placed(evaluation.circuit(batch, stack, term)))
            for batch, stack, term in members
        )
        yield Request(pubs, shots, role, seeds["shots_scale_1"] + 1000 * number)
