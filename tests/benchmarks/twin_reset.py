"""What a model knows that learned the reset error of its machine, and what its certainty is worth.

The machine is a twin whose resets end in |1> with 1.5 %. The model is trained under the reported
noise; it is judged under that noise and under the learned one (20,000 shots a circuit).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.learned import with_learned
from calibration.noise import DeviceNoise
from calibration.readout import readout_circuits, reset_circuits
from jobs.spec import Pub
from jobs.transpile.lifted_step import sequence_model
from jobs.transpile.schedule import midcircuit_measure, midcircuit_reset
from jobs.twin.machine import Twin
from jobs.twin.strengths import Strengths
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.mitigation.readout_calibration import from_shots
from qrnn_hw.mitigation.reset_calibration import from_resets
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.statistics.certainty import exact_shots
from qrnn_hw.statistics.decisions import flip_probabilities, infinite_shot_labels
from qrnn_hw.studies.trained import TrainedModel, trained_model, with_sentences
from qrnn_hw.training.options import TrainingOptions

FLIP, DELTA, INPUTS, SHOTS = 0.015, 0.01, 64, 20_000


def reset_rows(epochs: int = 12) -> Iterator[dict[str, object]]:
    """Yield the rows: distance of the model from the machine, and flips of certain inputs."""
    with tempfile.TemporaryDirectory() as folder:
        settings = RunSettings(output=Path(folder), training=TrainingOptions(epochs=epochs))
        model = with_sentences(trained_model(settings, Quiet()), INPUTS)
    step = model.prepared.circuit.transpiled
    device = model.prepared.machine.snapshot
    twin = Twin(device, Strengths({"reset": FLIP}), 1)
    truth = _truth(model, twin)
    reported = model.noisy
    distances, flips = [], []
    for seed in range(4):
        document = calibrated(twin, step.snapshot.physical, seed)
        noise = DeviceNoise(with_learned(device, document).restrict(step.snapshot.physical))
        learned = model.distributions(sequence_model(step, noise))
        distances.append(_distance(model, learned, truth))
        flips.append(_flip_share(model, learned, truth))
    before = _distance(model, reported, truth)
    # What the calibration's own shots leave of it: the relative standard error of a rate.
    limit = before * float(np.sqrt((1 - FLIP) / (FLIP * SHOTS)))
    for name, measured, old, target in (
        ("learned reset: model off the machine, rms score", np.mean(distances), before, limit),
        (
            "learned reset: certain inputs that flip over 1.25 %",
            np.mean(flips),
            _flip_share(model, reported, truth),
            0.10,
        ),
        (
            "the same, the worst of 4 calibrations",
            np.max(flips),
            _flip_share(model, reported, truth),
            0.27,
        ),
    ):
        yield {
            "name": name,
            "measured": float(measured),
            "before": float(old),
            "target": target,
            "holds": bool(measured <= target),
        }


def calibrated(twin: Twin, qubits: tuple[int, ...], seed: int) -> dict[str, object]:
    """Return the document of `calibrate readout --mid-circuit` on these qubits."""
    read, again = midcircuit_measure(), midcircuit_reset()
    n = twin.snapshot.n_qubits
    circuits = (*readout_circuits(n, qubits, read), *reset_circuits(n, qubits, read, again))
    done = twin.run([Pub.bound(circuit) for circuit in circuits], SHOTS, seed)
    zeros, ones, *resets = (result.registers["out"][0] for result in done)
    readout = from_shots(zeros, ones, datetime.now(UTC))
    found = from_resets(resets[0], resets[1], readout)
    rows = [
        {"qubit": q, "p01": readout.p01[i], "p10": readout.p10[i], "reset": float(found.rate[i])}
        for i, q in enumerate(qubits)
    ]
    return {"instruction": "measure_2", "qubits": rows}


def _truth(model: TrainedModel, twin: Twin) -> NDArray[np.float64]:
    """Return the machine's own exact distributions, shape (n, 2**m)."""
    step = model.prepared.circuit.transpiled
    n_qubits = twin.snapshot.n_qubits
    pubs = sentence_pubs(step, model.encoded, lambda circuit: step.embed(circuit, n_qubits))
    found = []
    for pub in pubs.pubs:
        out = next(one for one in pub.circuit.cregs if one.name == "out")
        keep = [pub.circuit.find_bit(bit).index for bit in out]
        found.append(
            np.array([twin.distribution(pub.circuit, row, keep) for row in pub.parameters])
        )
    return pubs.by_sentence(found)


def _distance(model: TrainedModel, one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square((one - other) @ model.decision))))


def _flip_share(model: TrainedModel, said: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    """Return how many of the inputs that a model calls certain really flip over 1.25 %."""
    rule = model.rule
    needed = exact_shots(said, rule, DELTA, 1_000_000)
    known = np.isfinite(needed)
    single = flip_probabilities(true, rule, np.where(known, needed, 1).astype(int))
    same = infinite_shot_labels(true, rule) == infinite_shot_labels(said, rule)
    return float(np.mean(np.where(same, single, 1 - single)[known] > 1.25 * DELTA))
