"""What sequences side by side on one chip save, and that the machines take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from timing import Row

import circuits
from calibration.library import recorded_devices, snapshot
from calibration.noise import DeviceNoise
from calibration.snapshot import Snapshot
from jobs.assess import total
from jobs.cost import Estimate
from jobs.errors import SpecError
from jobs.preflight import preflight
from jobs.spec import Pub
from jobs.tiling.packing import choose_tiles, distance_between
from jobs.tiling.tiled_pubs import TilePub, Tiler
from jobs.tiling.tiling import tile_step
from jobs.transpile.held import check_fits
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import sequence_model
from jobs.transpile.routed import route_step
from jobs.transpile.subgraphs import placements_of
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.measure import Priced
from qrnn_hw.experiment.pipeline import train
from qrnn_hw.experiment.prepare import prepare
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.tiled import TiledEvaluation
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.statistics.decisions import DecisionRule
from qrnn_hw.statistics.intervals import wilson
from qrnn_hw.statistics.sequential import Betting
from qrnn_hw.studies.adaptive import (
    compare_with_fixed,
    growing_looks,
    label_in_batches,
    simulated_draw,
)
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.tiles import tiling_of
from qrnn_hw.training.options import TrainingOptions

MODEL = circuits.architecture("dynamic-line")
N, SHOTS, STEPS = 200, 1024, 10


@dataclass(frozen=True)
class Placement:
    """Qubits with the sum of their reported errors, quick to tell."""

    qubits: tuple[int, ...]
    error: float


def inputs(seed: int = 0) -> Encoded:
    """Return random sequences of ten steps, with random weights."""
    generator = np.random.default_rng(seed)
    features = generator.uniform(0, np.pi, (N, STEPS, MODEL.n_features))
    weights = generator.uniform(0, np.pi, MODEL.n_weights)
    return Encoded(weights, features, np.full(N, STEPS))


DECISION = np.array([[1.0], [0.0], [0.0], [-1.0]])


def tile_rows() -> Iterator[Row]:
    """Yield the rows on tiles."""
    for name in ("fake_boston", "fake_kingston"):
        yield from _saved(name)
    yield from _legal()


def _priced(evaluation: Evaluation | TiledEvaluation, machine: Machine) -> tuple[Estimate, int]:
    priced = Priced(machine)
    evaluation.measure(priced)
    assert not any(job.findings for job in priced.jobs), priced.jobs[0].findings
    n_jobs = sum(len(job.parts) for job in priced.jobs)
    found = total([job.estimate for job in priced.jobs if job.estimate is not None])
    assert found is not None
    return found, n_jobs


def _saved(name: str) -> Iterator[Row]:
    device = snapshot(name)
    machine = Machine(name, device, is_real=False)
    encoded, seeds = inputs(), RunSettings().seeds
    plain = transpile_step(MODEL, device, seed=7)
    common = (ShotHead(DECISION), (Stack(),), SHOTS, seeds, device.n_qubits)
    alone, n_alone = _priced(
        Evaluation(plain, DeviceNoise(plain.snapshot), encoded, *common), machine
    )
    tiling, _ = tiling_of(MODEL, machine, most=None, guard=1, seed=7)
    tiled, n_tiled = _priced(TiledEvaluation(tiling, encoded, *common, Tiler(tiling)), machine)
    what = f"{N} sequences x {SHOTS:,} shots on {name}, {len(tiling)} tiles with guard 1"
    yield Row.at_least(
        f"{what}: execution seconds, one by one over tiled",
        alone.low_seconds / tiled.low_seconds,
        f"{alone.low_seconds:.1f} s one by one, {tiled.low_seconds:.1f} s tiled",
        18.0,
    )
    yield Row.at_least(
        f"{what}: with the fixed seconds of {n_alone} and {n_tiled} jobs",
        alone.best_seconds / tiled.best_seconds,
        f"{alone.best_seconds:.1f} s one by one, {tiled.best_seconds:.1f} s tiled",
        10.0,
    )
    yield from _trained(name, alone, tiled)


def _trained(name: str, alone: Estimate, tiled: Estimate) -> Iterator[Row]:
    """Train on the best tile, and score the test sentences on all of them."""
    with TemporaryDirectory() as folder:
        settings = RunSettings(
            backend=name,
            tiles=0,
            plans=("none",),
            training=TrainingOptions(epochs=6),
            output=Path(folder),
        )
        prepared = prepare(settings, settings.read(), Quiet())
        trained = prepared.training.trained(train(prepared, Quiet()))
    test, decision = prepared.test, trained.coefficients[:, 0]
    encoded = trained.encoded(test)
    evaluation = prepared.evaluation(trained, encoded, (Stack(),))
    assert isinstance(evaluation, TiledEvaluation)
    given = tuple(jnp.asarray(one) for one in (encoded.circuit, encoded.features, encoded.lengths))
    laws = np.stack(
        [
            sequence_model(one, DeviceNoise(one.snapshot)).distributions(*given)
            for one in evaluation.tiling.tiles
        ]
    )
    visited = np.zeros(laws.shape[:2], dtype=bool)
    for number, rows in enumerate(evaluation.rows):
        visited[number, rows] = True
    scores = laws @ decision
    tiled_scores = (scores * visited).sum(axis=0) / visited.sum(axis=0)
    wanted = test.known_targets == 1
    best, spread = (float(np.mean((one > 0) == wanted)) for one in (scores[0], tiled_scores))
    found = wilson(round(best * len(test)), len(test), 0.95)
    yield Row(
        f"{name}: test accuracy on tiles, within the interval of the best placement",
        spread,
        f"{best:.3f} there ({found.low:.3f} to {found.high:.3f}), {len(test)} sentences",
        found.low,
        bool(found.low <= spread <= found.high),
    )
    yield _adaptive(name, laws[0], decision, len(evaluation.tiling), alone, tiled)


def _adaptive(
    name: str,
    law: NDArray[np.float64],
    decision: NDArray[np.float64],
    n_tiles: int,
    alone: Estimate,
    tiled: Estimate,
) -> Row:
    """Batches that grow, each for the undecided alone, beside fixed shots that answer as many."""
    rule, delta, most, n = DecisionRule(tuple(decision.tolist())), 0.01, 16_384, len(law)
    compared = compare_with_fixed(
        "noisy", law, np.full(n, np.inf), rule, delta=delta, max_shots=most, n_repeats=4, seed=0
    )
    fixed = min(one.fixed_shots for one in compared if one.fixed_shots is not None)
    executions = 0
    draw = simulated_draw(law, 1, seed=0)

    def counted(rows: NDArray[np.int64], shots: int) -> NDArray[np.int64]:
        nonlocal executions
        # As `studies.live_tiles.tiled_draw` sends them: where fewer are undecided than there are
        # tiles, each runs on several of them; rows that are not full cost as much as full ones.
        copies = max(1, min(n_tiles // max(1, len(rows)), shots))
        executions += -(-len(rows) * copies // n_tiles) * -(-shots // copies)
        return np.asarray(draw(rows, shots))

    looks = growing_looks(most, first=32, ratio=1.5)
    label_in_batches(Betting(rule, delta), counted, n, looks)
    before = n * fixed * alone.low_seconds / alone.executions
    after = executions * tiled.low_seconds / tiled.executions
    return Row.at_least(
        f"{n} test sentences of the main job on {name}, {n_tiles} tiles: execution seconds at "
        f"delta = 1 %, {fixed:,} fixed shots one by one over adaptive",
        before / after,
        f"{before:.0f} s fixed, {after:.1f} s adaptive in at most {len(looks)} jobs",
        50.0,
    )


def _legal() -> Iterator[Row]:
    """Tile every recorded machine that can run the model, and ask preflight."""
    n_fit = n_legal = 0
    said, refused = [], []
    for known in recorded_devices():
        device = snapshot(known.name)
        try:
            check_fits(MODEL, device)
        except SpecError as error:  # which says that it is this machine
            refused.append(known.name if device.backend in str(error) else "one without a name")
            continue
        try:
            routed = route_step(MODEL, device, seed=7)
        except SpecError as error:  # counts against the row, and is named in it
            n_fit += 1
            said.append(f"{known.name} not routed: {str(error)[:120]}")
            continue
        placed = [Placement(q, _rates(device, q)) for q in placements_of(routed, device, ())]
        if not placed:
            said.append(f"{known.name} none: it has no calibrated place")
            continue
        n_fit += 1
        tiles = choose_tiles(placed, device, guard=1)
        tiling = tile_step(MODEL, device, tiles, seed=7, guard=1)
        apart = distance_between(tiles, device)
        pubs = []
        for n, one in enumerate(tiling.tiles):
            circuit = one.unroll(2).circuit
            pubs.append(TilePub(n, Pub(circuit, np.zeros((1, circuit.num_parameters))), 2))
        sent = Tiler(tiling).together([pubs]).pubs
        found = preflight(sent, device.target(), shots=100)
        n_legal += not found and (apart is None or apart > 1)
        said.append(f"{known.name} {len(tiles)}")
    yield Row.at_least(
        "recorded machines that can run the model, tiled with guard 1 and legal",
        n_legal / n_fit,
        f"{n_fit} machines: {', '.join(said)}; refused by name: {', '.join(refused)}",
        1.0,
    )


def _rates(device: Snapshot, qubits: Sequence[int]) -> float:
    inside = set(qubits)
    return sum(
        one.error or 0.0
        for one in device.instructions
        if set(one.qubits) <= inside and (len(one.qubits) == 2 or one.name == "measure")
    )
