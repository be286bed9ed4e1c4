"""Rows of a submitted model dealt out over tiles: the same rows, each back from its tile."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.unrolled import unroll
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.store.store import Store
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.errors import UsageError
from qrnn_hw.submission.assessment import assess
from qrnn_hw.submission.drawn_inputs import drawn_inputs
from qrnn_hw.submission.job_results import counts_document
from qrnn_hw.submission.kept_placement import said
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.tiles import Tiles
from qrnn_hw.submission.workload import load_workload

LINE = circuits.architecture("dynamic-line")
CHIP = replace(snapshot("fake_boston").restrict(range(12)), physical=tuple(range(12)))
MACHINE = Machine("fake_boston", CHIP, is_real=False)
SHOTS = 1000


def test_each_sequence_comes_back_from_its_tile_as_the_exact_engine_has_it(tmp_path):
    workload = load_workload("dynamic-line", MACHINE, steps=2, rows=3, tiles=Tiles(1000, 1))
    assert (workload.placement["tiles"], workload.placement["tiles_asked"]) == (2, 1000)
    assert said(workload.placement).startswith(
        "2 tiles side by side (1,000 were asked for, no more fit), of "
    )
    (pair, rest) = workload.pubs  # rows 0 and 1 side by side, then row 2 alone
    assert (pair.n_rows, rest.n_rows) == (1, 1)
    # The picture has the score of every qubit that a placement holds, not of the tiles alone.
    scored = [one is not None for one in workload.placement["least_error"]]
    assert sum(scored) > 8 == sum(len(one["qubits"]) for one in workload.placement["placements"])
    verdict = assess(workload, MACHINE, shots=SHOTS)
    assert not verdict.errors
    assert verdict.estimate.executions == 2 * SHOTS
    (spec,) = verdict.specs
    with Store(tmp_path / "store") as store:
        store.put_spec(spec)
        raw = RecordedDeviceExecutor(CHIP).run(spec)
        found = json.loads(json.dumps(counts_document(spec.key, store, raw)))["sequences"]
    assert [one["sequence"] for one in found] == [0, 1, 2]
    tiles = [tuple(one["tile"]) for one in found]
    assert tiles[0] == tiles[2] != tiles[1]
    assert not set(tiles[0]) & set(tiles[1])
    drawn, statistic = drawn_inputs(LINE, CHIP, 2, 3, 0), 0.0
    for one, features in zip(found, drawn.features, strict=True):
        step = transpile_step(LINE, CHIP, seed=0, qubits=one["tile"], alike=True)
        model = sequence_model(step, DeviceNoise(step.snapshot))
        (law,) = np.asarray(model.distributions(drawn.weights, features[None], np.array([2])))
        counts = [one["registers"]["out"].get(format(k, "02b"), 0) for k in range(4)]
        statistic += ((np.array(counts) - SHOTS * law) ** 2 / (SHOTS * law)).sum()
    assert chi2.sf(statistic, df=9) > 1e-3


def test_rows_are_those_of_the_same_command_without_tiles():
    plain = load_workload("dynamic-line", MACHINE, steps=2, rows=3, seed=5)
    values = plain.pubs[0].parameters
    # As they were drawn before there were tiles: a job of then is the same job.
    names = [one.name for one in plain.pubs[0].circuit.parameters]
    before = np.random.default_rng(5).uniform(0, np.pi, (3, len(names)))
    weights = [name.startswith("w[") for name in names]
    before[:, weights] = before[0, weights]
    assert np.array_equal(values, before)
    drawn = drawn_inputs(LINE, CHIP, 2, 3, 5)
    logical = unroll(LINE, 2)
    at = {one: names.index(one.name) for one in [*logical.inputs.ravel(), *logical.weights]}
    assert np.array_equal(drawn.features[2, 1], values[2, [at[one] for one in logical.inputs[1]]])
    assert np.array_equal(drawn.weights, values[1, [at[one] for one in logical.weights]])


def test_tiles_that_cannot_be_had_are_refused_in_one_line(tmp_path):
    with pytest.raises(UsageError, match="a model whose sequence is one circuit. Got v1"):
        load_workload("v1", MACHINE, options=["mode=expectation"], tiles=Tiles())
    (tmp_path / "one.qasm").write_text("OPENQASM 3.0;")
    with pytest.raises(UsageError, match="tiles should hold a model. Got --tiles for a file"):
        load_workload(str(tmp_path / "one.qasm"), MACHINE, tiles=Tiles())
    with pytest.raises(UsageError, match="a guard should come with tiles. Got 1"):
        Tiles.of(None, 1, "level-3")
    with pytest.raises(UsageError, match="leave one of them out"):
        Tiles.of("3", None, "auto")
    assert Tiles.of("auto", 2, "level-3") == Tiles(0, 2)
    assert Tiles.of(None, None, "auto") is None
