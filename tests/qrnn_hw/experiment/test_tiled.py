"""Sequences side by side on one chip: every shot in its place, a bad tile found by its answers."""

from collections import Counter
from dataclasses import dataclass, replace
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.definition import Architecture
from circuits.layers.cells import Entangle, Rotations
from circuits.layers.encoders import dense_angle_encoding
from circuits.layers.feedback import ConditionalRotation, Measure, Reset
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.preflight.broadcasts import broadcast_slots
from jobs.tiling.tiled_pubs import Tiler
from jobs.tiling.tiling import tile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.canary_rows import Canaries
from qrnn_hw.experiment.interleaved import INTERLEAVED
from qrnn_hw.experiment.measure import Priced
from qrnn_hw.experiment.readout_circuits import READOUT
from qrnn_hw.experiment.recompute import recompute
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.tiled import TiledEvaluation
from qrnn_hw.experiment.tiled_measured import TiledMeasured
from qrnn_hw.mitigation.canaries import choose_canaries
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.studies.live_tiles import tiled_draw
from qrnn_hw.submission.assessment import conditions_of
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.tiles import parse_tiles

PAIR = Architecture(
    name="pair",
    n_qubits=2,
    n_features=1,
    encoder=(dense_angle_encoding((1,), ("y",)),),
    cell=(
        Rotations((0, 1), "y"),
        Entangle(((1, 0),)),
        Measure((1,)),
        ConditionalRotation(bit=0, wire=0, axes="y"),
        Reset((1,)),
    ),
    readout=(0,),
    data_qubits=(1,),
    n_bits=1,
    modes=("sampled",),
    mode="sampled",
)
DEVICE = snapshot("fake_boston")
MACHINE = Machine("fake_boston", DEVICE, is_real=False)
STACKS = tuple(map(parse_stack, ("none", "relabel + terminal", "linear(1,3) + terminal")))
N = 9


@dataclass(frozen=True)
class Placement:
    qubits: tuple
    error: float


@pytest.fixture(scope="module")
def tiling():
    pairs = ((0, 1), (3, 4), (6, 7), (9, 10))
    return tile_step(PAIR, DEVICE, [Placement(p, 0.01) for p in pairs], seed=0, guard=1)


def evaluation(tiling, total=800, stacks=STACKS):
    generator = np.random.default_rng(5)
    features = generator.uniform(-2.5, 2.5, (N, 2, 1))
    lengths = np.array([2] * 3 + [1] * 6)
    encoded = Encoded(generator.uniform(-2, 2, PAIR.n_weights), features, lengths)
    return TiledEvaluation(
        tiling,
        encoded,
        ShotHead(np.array([[1.0], [-1.0]])),
        stacks,
        total,
        RunSettings(seed=3).seeds,
        DEVICE.n_qubits,
        Tiler(tiling),
    )


class OnDevice:
    """Runs what is asked on a device, which need not be as reported."""

    binds = True
    machine = MACHINE

    def __init__(self, device=DEVICE):
        self.executor, self.asked = RecordedDeviceExecutor(device), []

    def __call__(self, requests):
        self.asked += requests
        return [self.executor.run(request.spec(self.machine)) for request in requests]

    def ran_at(self, role):
        from datetime import UTC, datetime

        return datetime(2026, 1, 1, tzinfo=UTC)


def exact(one):
    """Return the exact noisy score of each sequence, the mean over its tiles, and the ideal."""
    encoded, laws = one.encoded, []
    given = (
        jnp.asarray(encoded.circuit),
        jnp.asarray(encoded.features),
        jnp.asarray(encoded.lengths),
    )
    for tile in one.tiling.tiles:
        model = sequence_model(tile, DeviceNoise(tile.snapshot))
        laws.append(np.asarray(model.distributions(*given)) @ one.head.coefficients[:, 0])
    visited = np.zeros((len(one.tiling), N), dtype=bool)
    for number, rows in enumerate(one.rows):
        visited[number, rows] = True
    noisy = np.where(visited, laws, 0).sum(axis=0) / visited.sum(axis=0)
    columns = one.head.coefficients
    ideal = sequence_model(one.tiling.tiles[0], None).distributions(*given) @ columns[:, 0]
    return noisy, np.asarray(ideal)


def test_scores_of_all_stacks_are_those_of_the_tiles_that_were_visited(tiling):
    one, place = evaluation(tiling), OnDevice()
    one.check()
    measured = one.measure(place)
    noisy, ideal = exact(one)
    raw, relabelled, folded = (measured.answer(stack, one.shots) for stack in STACKS)
    assert one.visits == 3
    assert (np.abs(raw.value - noisy) / raw.standard_error < 4.5).all()
    assert np.mean(((raw.value - noisy) / raw.standard_error) ** 2) == pytest.approx(1, abs=1.2)
    for corrected in (relabelled, folded):
        assert (np.abs(corrected.value - ideal) / corrected.standard_error < 4.5).all()
    # One job reads the final bits of all tiles, and its rates are the reported ones.
    (readout,) = (request for request in place.asked if request.role == READOUT)
    assert [one.circuit.num_clbits for one in readout.pubs] == [len(tiling)] * 2
    found = measured.readout()
    for number, tile in enumerate(tiling.tiles):
        confusion = DeviceNoise(tile.snapshot).readout("measure", tile.wires[0])
        error = 5 * np.sqrt(0.02 / one.shots.calibration)
        assert found["p10"][number] == pytest.approx(confusion[1, 0], abs=error)
    assert measured.bad == ()
    records = measured.records(STACKS[0])
    assert len(records) == N * one.visits
    assert {record.qubits for record in records} == {t.snapshot.physical for t in tiling.tiles}


def test_tiled_jobs_pass_preflight_and_cost_a_fraction(tiling):
    one = evaluation(tiling, stacks=STACKS[:1], total=400)
    priced = Priced(MACHINE)
    one.measure(priced)
    assert not any(job.findings for job in priced.jobs)
    # 9 sequences of 400 shots on 4 tiles, a third on each of 3: 27 visits in 7 rows of 133 shots.
    assert priced.estimate.executions == 7 * 133
    (spec,) = priced.specs
    for pub in spec.pubs:
        steps = sum(register.name.startswith("m") for register in pub.circuit.cregs)
        assert broadcast_slots(pub.circuit) <= steps * (1 + 7 * 3 / 59) + 1e-9


def test_open_inputs_fill_all_tiles_and_each_has_the_shots_asked_for(tiling):
    encoded, device = evaluation(tiling).encoded, OnDevice().executor
    specs = []

    class Watched:
        name = "aer"

        def run(self, spec):
            specs.append(spec)
            return device.run(spec)

    draw = tiled_draw(Watched(), Tiler(tiling), encoded, backend="fake_boston", seed=1)
    counts = draw(np.array([1, 4]), 1001)  # two of unlike lengths on four tiles: each twice
    assert counts.sum(axis=1).tolist() == [1001, 1001]
    assert specs[0].shots == 501
    assert sum(pub.n_rows for pub in specs[0].pubs) == 1
    every = draw(np.arange(N), 400)
    assert sum(pub.n_rows for pub in specs[1].pubs) == 3  # nine inputs on four tiles
    assert every.sum(axis=1).tolist() == [400] * N
    given = (jnp.asarray(one) for one in (encoded.circuit, encoded.features, encoded.lengths))
    laws = [
        np.asarray(sequence_model(one, DeviceNoise(one.snapshot)).distributions(*given_))
        for one, given_ in zip(tiling.tiles, [tuple(given)] * 4, strict=True)
    ]
    for drawn, rows, shots in ((counts, [1, 4], 1001), (every, np.arange(N), 400)):
        far = np.abs(drawn[:, 0] / shots - np.mean(laws, axis=0)[rows, 0])
        assert (far < 5 * 0.5 / np.sqrt(shots)).all()
    assert draw(np.array([0]), 2).sum() == 2
    assert specs[2].shots == 1  # on two tiles: more have nothing to do


@pytest.mark.parametrize(("error", "stacks"), [(0.45, STACKS[:1]), (0.6, STACKS[:2])])
def test_a_planted_bad_tile_is_found_and_left_out(tiling, error, stacks):
    """The device reads a hidden qubit of one tile wrongly, and reports nothing of it.

    Read wrongly more often than not, its calibration cannot be inverted: the others still can.
    """
    worse = tuple(
        replace(record, error=error, p01=error, p10=error)
        if record.name == "measure" and record.qubits == (3,)
        else record
        for record in DEVICE.instructions
    )
    one = evaluation(tiling, stacks=stacks, total=800)
    measured = one.measure(OnDevice(replace(DEVICE, instructions=worse)))
    assert measured.bad == (1,)
    good = [n for n in range(4) if n != 1]
    noisy, ideal = exact(evaluation(tiling, stacks=stacks))
    for stack, truth in zip(stacks, (noisy, ideal), strict=False):
        scores = measured.answer(stack, one.shots)
        far = np.abs(scores.value - truth) / scores.standard_error
        assert (far < 5).all()
    document = measured.to_json()
    assert document["left_out"] == [1]
    assert [document["tiles"][n]["excess"] is None for n in (1, *good)] == [True] + [False] * 3


def test_a_plan_that_a_run_on_tiles_did_not_have_is_refused(tiling):
    run = SimpleNamespace(measured=TiledMeasured(evaluation(tiling), ()))
    with pytest.raises(UsageError, match=r"relabel \+ terminal, .* Got linear\(1,5\)"):
        recompute(run, None, parse_stack("linear(1,5)"))


def test_stacks_that_are_yet_to_be_chosen_are_nothing_to_refuse(tiling):
    evaluation(tiling, stacks=()).check()
    interleaved = replace(evaluation(tiling, stacks=()), repetitions=4)
    interleaved.check()
    with pytest.raises(UsageError, match="take more --shots, or leave --tiles out"):
        replace(interleaved, stacks=STACKS, total=20).check()


def test_what_is_asked_of_tiles_is_a_number_or_auto():
    assert [parse_tiles(text) for text in (None, "auto", " AUTO ", "7")] == [None, 0, 0, 7]
    for text in ("0", "-1", "many", "2.5", "9999999999"):
        with pytest.raises(UsageError, match="auto or a number from 1 to 1000"):
            parse_tiles(text)
    with pytest.raises(UsageError, match="guard should come with tiles. Got 1"):
        RunSettings(guard=1)
    with pytest.raises(UsageError, match="guard should be one of 0, 1, 2. Got 3"):
        RunSettings(tiles=0, guard=3)
    with pytest.raises(UsageError, match="run in rounds"):
        RunSettings(model="v1", tiles=0)


def with_canaries(tiling, n=12, n_canaries=4, total=4000, stacks=STACKS[2:]):
    """Return sentences on the tiles, with canaries of large answers beside them."""
    one = evaluation(tiling, total, stacks)
    features = np.random.default_rng(9).uniform(-2.5, 2.5, (n + 24, 3, 1))
    every = Encoded(one.encoded.circuit, features, np.full(n + 24, 3))
    candidates = every.take(np.arange(n, n + 24))
    answers = ideal_of(candidates, tiling)
    chosen = choose_canaries(answers, n_canaries)
    canaries = Canaries(candidates.take(chosen), answers[chosen])
    return replace(one, encoded=every.take(np.arange(n)), repetitions=8, canaries=canaries)


def ideal_of(encoded, tiling):
    model = sequence_model(tiling.tiles[0], None)
    given = (encoded.circuit, encoded.features, encoded.lengths)
    return np.asarray(model.distributions(*map(jnp.asarray, given)))[..., 0] * 2 - 1


def test_canaries_and_repetitions_on_tiles_tell_what_no_calibration_says(tiling):
    """A device as reported misses no more than shots explain; one with worse gates does."""
    one = with_canaries(tiling.without((2, 3)))
    assert (one.visits, one.layout.repetitions, one.n_repetitions) == (8, 1, 8)
    items, canaries = one._dealt
    for visit in range(one.visits):  # side by side, every tile has as many as another
        assert np.ptp(np.bincount([*items[:, visit], *canaries[:, visit]], minlength=2)) <= 1
    assert all(len(set(row.tolist())) == 2 for row in canaries)
    ideal = ideal_of(one.encoded, tiling)
    worse = tuple(
        replace(record, error=0.15) if record.name == "cz" else record
        for record in DEVICE.instructions
    )
    answers = []
    for device in (DEVICE, replace(DEVICE, instructions=worse)):
        place = OnDevice(device)
        measured = one.measure(place)
        (request,) = place.asked
        assert request.role == INTERLEAVED
        answer = measured.answers["linear(1,3) + terminal"]
        assert answer.repeated.n_repetitions == 8
        assert (answer.repeated.freedom == 7).all()
        inside = (answer.noiseless.low <= ideal) & (ideal <= answer.noiseless.high)
        assert inside.all()
        answers.append(answer)
    honest, lying = answers
    assert honest.miss.n_canaries == lying.miss.n_canaries == 4
    assert honest.miss.beyond_shots < honest.miss.own_error < 0.1 < lying.miss.beyond_shots
    missed = (lying.machine.low > ideal) | (ideal > lying.machine.high)
    assert missed.mean() > 0.3


def test_canaries_on_tiles_are_priced(tiling):
    one = with_canaries(tiling, stacks=STACKS[:1])
    executions = {}
    for name, asked in (("with", one), ("without", replace(one, canaries=None))):
        priced = Priced(MACHINE)
        asked.measure(priced)
        assert not any(job.findings for job in priced.jobs)
        executions[name] = priced.estimate.executions
    # 12 sequences take 3 rows of 4 tiles, of 500 shots in each of 8 visits; 4 canaries have a
    # quarter of the sentences' shots together, side by side.
    assert executions["without"] == 8 * 3 * 500
    assert 1.2 < executions["with"] / executions["without"] <= 4 / 3


def test_each_merged_circuit_is_looked_at_once_however_often_it_is_priced(tiling, monkeypatch):
    from jobs import cost, spec, splitting
    from jobs.preflight import check
    from jobs.tiling import tiled_pubs

    looks, merged = Counter(), []

    def counting(name, found):
        def look(circuit, *given, **named):
            looks[name, id(circuit)] += 1
            return found(circuit, *given, **named)

        return look

    for module, name in (
        (spec, "circuit_digest"),
        (spec, "check_delays"),
        (cost, "longest_path_seconds"),
        (check, "unreadable_findings"),
        (splitting, "broadcast_slots"),
        (splitting, "instructions_per_qubit"),
    ):
        monkeypatch.setattr(module, name, counting(name, getattr(module, name)))
    merge = tiled_pubs.merge
    monkeypatch.setattr(
        tiled_pubs, "merge", lambda *given: merged.append(merge(*given)) or merged[-1]
    )
    one, conditions, keys = with_canaries(tiling), conditions_of(MACHINE), []
    for weights in (one.encoded.circuit, one.encoded.circuit + 1, one.encoded.circuit):
        again = replace(one, encoded=replace(one.encoded, circuit=weights))
        priced = Priced(MACHINE, conditions=conditions)
        again.measure(priced)
        keys.append([job.key for job in priced.specs])
    assert keys[0] == keys[2] != keys[1]
    sent = {id(pub.circuit) for job in priced.specs for pub in job.pubs}
    assert len(sent) < sum(len(job.pubs) for job in priced.specs)
    assert len(merged) == len(sent) + 1  # and one row of all tiles, for the broadcasts of a job
    for circuit in sent:
        assert {name: n for (name, of), n in looks.items() if of == circuit} == dict.fromkeys(
            {name for name, _ in looks}, 1
        )


def test_too_few_shots_on_tiles_are_said_with_all_shots_and_visits(tiling):
    plan = (parse_stack("relabel + terminal"),)
    with pytest.raises(UsageError, match=r"Got 1, the part of one of 2 visits of tiles in 2 shots"):
        with_canaries(tiling, total=2, stacks=plan).check()
