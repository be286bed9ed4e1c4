"""Placements: all that a graph holds, each scored as its own scheduled circuit is, to 1e-12."""

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from calibration.working import working_qubits
from circuits.definition import Architecture
from circuits.layers.cells import Rotations
from circuits.layers.encoders import dense_angle_encoding
from jobs.aer.static_rows import exact_distribution
from jobs.errors import SpecError
from jobs.transpile import probe as probes
from jobs.transpile import scores
from jobs.transpile.idle_times import skeleton
from jobs.transpile.isa import place_step, transpile_step
from jobs.transpile.probe import LONGEST, Probe
from jobs.transpile.routed import route_step
from jobs.transpile.scores import score_placements
from jobs.transpile.subgraphs import parts_of, placements_of

LINE = circuits.architecture("dynamic-line")
BOSTON = snapshot("fake_boston")
SEQUENCES = ("weights", "features", "lengths")
REGION = (*range(16), 16, 17, 19, 35)


def small(changed=lambda record: record):
    part = BOSTON.restrict(REGION)
    return replace(part, instructions=tuple(map(changed, part.instructions)))


def test_all_lines_of_four_working_qubits_are_found():
    device = small()
    routed = route_step(LINE, device, seed=7)
    coupled = {r.qubits for r in device.instructions if r.name == "cz" and r.error < 1}
    dead = {r.qubits[0] for r in device.instructions if r.name == "sx" and r.error >= 1}
    lines = {
        four
        for four in permutations(sorted(set(range(device.n_qubits)) - dead), 4)
        if all(pair in coupled for pair in pairwise(four))
    }
    assert set(placements_of(routed, device)) == lines
    without = placements_of(routed, device, broken=[5])
    assert set(without) == {four for four in lines if 5 not in four}


@pytest.mark.parametrize("fault", ["no T1", "gate fails", "gate uncalibrated", "coin", "no gate"])
def test_a_qubit_that_is_broken_or_not_calibrated_is_left_out(fault):
    def changed(record):
        name = {"coin": "measure"}.get(fault, "sx")
        if record.qubits != (5,) or record.name != name or fault == "no T1":
            return record
        if fault == "no gate":
            return replace(record, qubits=(4,))
        return replace(record, error={"gate uncalibrated": None, "coin": 0.5}.get(fault, 1.0))

    device = small(changed)
    if fault == "no T1":
        records = list(device.qubits)
        records[5] = replace(records[5], t1_seconds=None)
        device = replace(device, qubits=tuple(records))
    routed = route_step(LINE, small(), seed=7)
    assert any(5 in four for four in placements_of(routed, small()))
    assert not any(5 in four for four in placements_of(routed, device))


@pytest.mark.parametrize("alike", [False, True])
def test_each_score_is_that_of_the_circuit_scheduled_there_as_aer_computes_it(alike):
    """Gates of two lengths and readouts by either instruction, so that schedules differ."""

    def changed(record):
        if record.name in ("reset", "reset_2") and record.qubits[0] % 2:  # learned of some
            return replace(record, error=0.01 * len(record.name) / 5)
        slower = 2.0 if record.name == "cz" and sum(record.qubits) % 4 == 1 else 1.0
        return replace(record, seconds=record.seconds and record.seconds * slower)

    device = small(changed)
    probe = Probe.random(LINE, n=4, steps=2)  # of one step and of two
    found = score_placements(LINE, device, seed=7, probe=probe, alike=alike)
    assert len({one.error for one in found.ranked}) == len(found.ranked)
    errors = [one.error for one in found.ranked]
    assert errors == sorted(errors)
    for placement in (found.best, found.level_3, found.ranked[-1]):
        step = found.step(placement)
        assert step.snapshot.physical == tuple(REGION[q] for q in placement.qubits)
        noise = DeviceNoise(step.snapshot)
        distances = []
        for features, weights, length in zip(
            probe.features, probe.weights, probe.lengths, strict=True
        ):
            bound = step.unroll(int(length)).bind(features[:length], weights)
            keep = [bound.find_bit(bit).index for bit in bound.cregs[-1]]
            noisy, ideal = (exact_distribution(bound, one, keep) for one in (noise, None))
            distances.append(np.abs(noisy - ideal).sum() / 2)
        assert abs(np.mean(distances) - placement.error) < 1e-12


def test_fresh_probes_alone_choose_among_the_best_and_level_3_yields_to_what_is_surely_better(
    monkeypatch,
):
    device = small()
    monkeypatch.setattr(scores, "FRESH", 3)
    several = [Probe.random(LINE, n=2, steps=2, seed=8 + number) for number in range(4)]
    monkeypatch.setattr(scores, "FINALISTS", 3)
    monkeypatch.setattr(scores, "SURE", 100.0)
    monkeypatch.setattr(
        Probe, "random", classmethod(lambda cls, one, seed=0, lengths=None: several[seed])
    )
    found = score_placements(LINE, device, seed=7)
    by_first = score_placements(LINE, device, seed=7, probe=several[0]).ranked
    three = {one.qubits for one in by_first[:3]} | {found.level_3.qubits}
    # What a placement had by luck on the probe that it was listed by does not count.
    together = Probe(
        *(np.concatenate([getattr(one, name) for one in several[1:]]) for name in SEQUENCES)
    )
    over_all = score_placements(LINE, device, seed=7, probe=together).ranked
    exact = {one.qubits: one.error for one in over_all}
    known = {one.qubits: one.error for one in found.ranked if one.qubits in three}
    assert known == pytest.approx({qubits: exact[qubits] for qubits in three}, abs=1e-12)
    # All others are brought to the same scale, so that errors can be compared.
    rest = [one for one in found.ranked if one.qubits not in three]
    first = {one.qubits: one.error for one in by_first}
    scales = [one.error / first[one.qubits] for one in rest]
    scale = sum(known.values()) / sum(first[qubits] for qubits in three)
    assert scales == pytest.approx([scale] * len(rest), abs=1e-12)
    # Nothing is surely better by a hundred standard errors.
    assert found.best == found.level_3 == found.standing
    # Any other may stand in level 3's stead, with the same scores.
    last = max(known, key=known.get)
    moved = score_placements(LINE, device, seed=7, standing=last)
    assert moved.best == moved.standing
    assert moved.best.qubits == last
    assert moved.best.error == pytest.approx(exact[last], abs=1e-12)
    assert moved.ranked[1].error == min(known.values()) < moved.best.error


def test_what_stands_yields_to_nothing_that_loses_more_at_short_or_long_sequences():
    steps = np.repeat([1, 2, 4, 9, 16], 20)
    short, middle, long = scores._bands(steps, 0 * steps)
    assert set(steps[short]) | set(steps[middle]) == {1, 2, 4, 9}
    assert set(steps[long]) == {16}
    assert len(scores._bands(np.full(7, 3), np.zeros(7, int))) == 1
    # Weights of both kinds are held apart, as a probe has them in turn.
    probe = Probe.random(LINE, n=12)
    assert probe.kinds.tolist() == [0, 1] * 6
    assert (probe.weights[0::2] >= 0).all()
    assert (probe.weights[1::2] < 0).any()
    apart = scores._bands(probe.steps, probe.kinds)
    assert len(apart) == 6
    assert all(np.ptp(probe.kinds[band]) == 0 for band in apart)
    stands = np.random.default_rng(0).normal(0.04, 0.002, len(steps))
    bands, better = [short, middle, long], 0.8 * stands
    assert scores._beats(better, stands, bands)
    for band in bands:
        for much, yields in ((1.04, True), (1.06, False)):
            worse = np.where(band, much * stands, better)
            assert (stands - worse).mean() > scores.SURE * (stands - worse).std() / 9
            assert scores._beats(worse, stands, bands) is yields
    assert not scores._beats(stands, stands, bands)  # the same place
    # No more than chance explains.
    noise = np.random.default_rng(1).normal(0, 0.04, len(steps))
    assert not scores._beats(stands - 0.001 - noise + noise.mean(), stands, [steps > 0])


def test_placements_are_judged_by_the_lengths_that_are_to_run(monkeypatch):
    """Each length has the share that it has among the sequences, of both kinds of weights alike."""
    # Without any each scale has its share: as many of one and two steps as of four and more.
    usual = Probe.random(LINE).lengths
    assert usual.max() == 9
    assert (usual <= 2).mean() > 0.35 < (usual >= 4).mean()
    some = Probe.random(LINE, n=8, lengths=[3, 1, 40, 3, 1, 3, 40, 3])
    assert sorted(some.lengths.tolist()) == [1, 1, 3, 3, 3, 3, LONGEST, LONGEST]
    assert some.features.shape == (8, LONGEST, LINE.n_features)
    monkeypatch.setattr(scores, "FRESH", 1)
    monkeypatch.setattr(probes, "SEQUENCES", 8)
    device, lengths = small(), np.ones(5, dtype=int)
    found = score_placements(LINE, device, seed=7, lengths=lengths)
    probe = Probe.random(LINE, seed=1, lengths=lengths)
    exact = score_placements(LINE, device, seed=7, probe=probe)
    known = {one.qubits: one.error for one in exact.ranked}
    assert found.level_3.error == pytest.approx(exact.level_3.error, abs=1e-12)
    assert found.best.error == pytest.approx(known[found.best.qubits], abs=1e-12)


def test_level_3_is_what_transpile_step_gives_and_its_own_qubits_give_it_again():
    routed = route_step(LINE, BOSTON, seed=7)
    plain = transpile_step(LINE, BOSTON, seed=7)
    assert routed.qubits == plain.snapshot.physical
    again = place_step(routed, BOSTON, routed.qubits)
    assert skeleton(again.step) == skeleton(plain.step)
    # Elsewhere it is the same circuit with that place's times, not another one.
    moved = transpile_step(LINE, BOSTON, seed=7, qubits=(3, 4, 5, 6))
    assert moved.snapshot.physical == (3, 4, 5, 6)
    assert moved.step.count_ops()["rz"] == plain.step.count_ops()["rz"]


@pytest.mark.parametrize(
    ("qubits", "fault"),
    [
        ((0, 1, 2), "should name 4 qubits"),
        ((0, 1, 2, 2), "at most once"),
        ((0, 1, 2, 156), "0 to 155"),
        ((0, 1, 2, 4), "connected"),
    ],
)
def test_qubits_that_cannot_hold_the_model_are_refused(qubits, fault):
    with pytest.raises(SpecError, match=fault):
        transpile_step(LINE, BOSTON, seed=7, qubits=qubits)


def test_parts_that_no_gate_joins_are_moved_in_turn():
    """Two wires apart: each by itself has to land on the qubit that reads it best."""
    apart = Architecture(
        name="apart",
        n_qubits=2,
        n_features=2,
        encoder=(dense_angle_encoding((0, 1), ("y",)),),
        cell=(Rotations((0, 1), "y"),),
        readout=(0, 1),
    )
    device = small()
    routed = route_step(apart, device, seed=7)
    assert [len(part) for part in parts_of(routed)] == [1, 1]
    found = score_placements(apart, device, seed=7, probe=Probe.random(apart, n=2, steps=1))
    ready = len(working_qubits(device))
    assert len(found.ranked) >= 2 * (ready - 1) - 1
    held = placements_of(routed, device, held={0: 3})
    assert {qubits[0] for qubits in held} == {3}
    assert len(held) == ready - 1
    assert found.best.error <= found.level_3.error
