"""Tiles side by side: disjoint, in one time, one broadcast a step, and each as if it were alone."""

import itertools
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest
import rustworkx
from qiskit.circuit import ClassicalRegister, QuantumCircuit
from qiskit.circuit.classical import expr
from scipy.stats import chi2

from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.definition import Architecture
from circuits.exact.conditions import condition_of
from circuits.layers.cells import Entangle, Rotations
from circuits.layers.encoders import dense_angle_encoding
from circuits.layers.feedback import ConditionalRotation, Measure, Reset
from jobs.aer import recorded_device
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.errors import SpecError
from jobs.preflight import preflight
from jobs.preflight.broadcasts import broadcast_slots
from jobs.spec import JobSpec, Pub
from jobs.tiling.conditions import over_bits, over_registers
from jobs.tiling.merge import TileCircuit, merge
from jobs.tiling.packing import choose_tiles, coupled, distance_between
from jobs.tiling.segments import segments
from jobs.tiling.tiled_pubs import TilePub, Tiler
from jobs.tiling.tiling import tile_step
from jobs.timing import instruction_seconds, longest_path_seconds
from jobs.transpile.lifted_step import circuit_distribution, sequence_model

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
DEVICE = "fake_kingston"


@dataclass(frozen=True)
class Placement:
    qubits: tuple
    error: float


def lines(device, n):
    """Return all paths of n qubits, with the sum of reported errors as loss."""
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(device.n_qubits))
    graph.add_edges_from_no_data([tuple(sorted(pair)) for pair in coupled(device)])
    path = rustworkx.generators.path_graph(n)
    for found in rustworkx.vf2_mapping(graph, path, subgraph=True, induced=False):
        at = {wire: qubit for qubit, wire in found.items()}
        qubits = tuple(at[wire] for wire in range(n))
        pairs = itertools.pairwise(qubits)
        gates = [device.record("cz", p) or device.record("cz", p[::-1]) for p in pairs]
        read = [device.record("measure", (qubit,)) for qubit in qubits]
        yield Placement(qubits, sum(one.error for one in [*gates, *read]))


@pytest.fixture(scope="module")
def device():
    return snapshot(DEVICE)


@pytest.fixture(scope="module")
def tiling(device):
    """Return three tiles of two qubits, one of which measures more slowly."""
    found = choose_tiles(lines(device, 2), device, guard=1, most=3, worst=0.1)
    return tile_step(PAIR, device, found, seed=0, guard=1)


def test_largest_tiling_of_a_line_and_of_a_chip(device):
    line = device.restrict(range(16))  # the first row of the heavy hexagons
    for guard, most in ((0, 4), (1, 3), (2, 3)):  # 4 n + guard (n - 1) <= 16
        tiles = choose_tiles(lines(line, 4), line, guard=guard)
        assert len(tiles) == most
        assert distance_between(tiles, line) > guard
    assert len(choose_tiles(lines(device, 4), device, guard=0, worst=0.2)) >= 24
    best = min(lines(line, 4), key=lambda one: (one.error, one.qubits))
    assert choose_tiles(lines(line, 4), line, guard=1, most=1) == (best,)


def test_floor_leaves_no_tile_below_it(device):
    tiles = choose_tiles(lines(device, 2), device, guard=1, worst=0.02)
    assert 0 < max(one.error for one in tiles) <= 0.02
    with pytest.raises(SpecError, match="at least one placement with an error of at most"):
        choose_tiles(lines(device, 2), device, guard=1, worst=0.0)
    with pytest.raises(SpecError, match="one of 0, 1, 2. Got 3"):
        choose_tiles(lines(device, 2), device, guard=3)


def test_condition_under_a_mask_decides_as_the_one_it_was():
    own, joint = ClassicalRegister(3, "m"), ClassicalRegister(8, "joint")
    places = {bit: (joint, 2 + 2 * n) for n, bit in enumerate(own)}
    alone = {bit: n for n, bit in enumerate(own)}
    all_bits = {bit: n for n, bit in enumerate(joint)}
    for condition in (
        (own[1], 1),
        (own[2], 0),
        (own, 5),
        expr.equal(expr.bit_and(own, 3), 2),
        expr.logic_or(expr.logic_not(own[0]), own[2]),
        expr.less(own, 3),
    ):
        merged = over_registers(condition, places)
        back = over_bits(merged, {joint[2 + 2 * n]: bit for n, bit in enumerate(own)})
        for value in range(8):
            given = {n: value >> n & 1 for n in range(3)}
            holds = condition_of(condition, alone)[1](given)
            spread = {2 + 2 * n: bit for n, bit in given.items()} | {1: 1, 3: 1, 7: 1}
            used, holds_merged = condition_of(merged, all_bits)
            assert holds_merged(spread) == holds
            assert set(used) <= {2, 4, 6}
            assert condition_of(back, alone)[1](given) == holds


def test_tiles_keep_their_schedule_beside_neighbours(device, tiling):
    """All that changes of a tile is the wait for the slowest, which its noise acts on."""
    alone = tile_step(PAIR, device, tiling.placements[:1], seed=0, guard=1)
    assert alone.waits_dt == (0,)
    circuits = [one.unroll(3).circuit for one in tiling.tiles]
    cuts = [segments(c, t.snapshot.target()) for c, t in zip(circuits, tiling.tiles, strict=True)]
    assert len({tuple(one.length_dt for one in cut) for cut in cuts}) == 1
    merged = merge(
        [TileCircuit(c, t.snapshot.physical) for c, t in zip(circuits, tiling.tiles, strict=True)],
        device.n_qubits,
    ).circuit
    times = instruction_seconds(merged, device.target(), feed_forward_seconds=0)
    for circuit, tile in zip(circuits, tiling.tiles, strict=True):
        own = instruction_seconds(circuit, tile.snapshot.target(), feed_forward_seconds=0)
        physical = set(tile.snapshot.physical)
        beside = [
            time
            for time, one in zip(times, merged.data, strict=True)
            if {merged.find_bit(qubit).index for qubit in one.qubits} <= physical
        ]
        assert np.allclose(beside, own, atol=1e-12)
    first, lone = tiling.tiles[0].step, alone.tiles[0].step
    added = sum(i.operation.duration for i in first.data if i.name == "delay") - sum(
        i.operation.duration for i in lone.data if i.name == "delay"
    )
    assert added == 2 * tiling.waits_dt[0]


def test_one_broadcast_a_step_and_a_job_that_the_machine_takes(device, tiling):
    circuits = [one.unroll(4).circuit for one in tiling.tiles]
    merged = merge(
        [TileCircuit(c, t.snapshot.physical) for c, t in zip(circuits, tiling.tiles, strict=True)],
        device.n_qubits,
    ).circuit
    assert broadcast_slots(merged) == pytest.approx(4 * (1 + 7 * 2 / 59))
    rows = np.zeros((2, merged.num_parameters))
    target = device.target()
    assert preflight(Pub(merged, rows), target, shots=100) == ()
    alone = [
        longest_path_seconds(c, t.snapshot.target())
        for c, t in zip(circuits, tiling.tiles, strict=True)
    ]
    assert longest_path_seconds(merged, target) == pytest.approx(max(alone), abs=1e-12)


def given(tiling, seed, lengths):
    """Return pubs of one row for each tile, with the exact distribution of each."""
    generator = np.random.default_rng(seed)
    pubs, exact = [], []
    weights = generator.uniform(-2, 2, PAIR.n_weights)
    for tile, (one, steps) in enumerate(zip(tiling.tiles, lengths, strict=True)):
        x = generator.uniform(-2, 2, (2, steps, 1))
        unrolled = one.unroll(steps)
        columns = {p: n for n, p in enumerate([*unrolled.inputs.ravel(), *unrolled.weights])}
        rows = np.hstack([x.reshape(2, -1), np.tile(weights, (2, 1))])
        order = [columns[p] for p in unrolled.circuit.parameters]
        pubs.append(TilePub(tile, Pub(unrolled.circuit, rows[:, order]), steps))
        model = sequence_model(one, DeviceNoise(one.snapshot))
        exact.append(model.distributions(jnp.asarray(weights), x, jnp.full(2, steps)))
    return pubs, np.asarray(exact)  # shape of the second (tiles, rows, 2)


def test_distribution_of_a_tiled_circuit_is_the_product_of_single_ones(device, tiling):
    pubs, exact = given(tiling.without([2]), 3, (2, 2))
    tiled = Tiler(tiling.without([2])).together([pubs])
    (sent,) = tiled.pubs
    physical = [q for one in tiling.tiles[:2] for q in one.snapshot.physical]
    small = recorded_device.on_active_qubits(sent.circuit, physical)
    bound = small.assign_parameters(sent.parameters[1])
    keep = [bound.find_bit(bit).index for bit in bound.cregs[-1]]
    found = circuit_distribution(bound, DeviceNoise(device.restrict(physical)), keep)
    product = np.kron(exact[1, 1], exact[0, 1])
    assert np.abs(found - product).max() < 1e-10


@pytest.mark.parametrize("most_whole", [12, 1])  # all qubits together, and each tile by itself
def test_aer_reads_each_tile_as_the_exact_engine_has_it(device, tiling, monkeypatch, most_whole):
    monkeypatch.setattr(recorded_device, "WHOLE_QUBITS", most_whole)
    pubs, exact = given(tiling, 4, (3, 1, 2))  # lengths differ: all end together
    tiled = Tiler(tiling).together([pubs])
    (sent,) = tiled.pubs
    assert sent.n_rows == 2
    spec = JobSpec((sent,), 1500, "aer", DEVICE, seed=11)
    answers = tiled.split(RecordedDeviceExecutor(device).run(spec))
    statistic = 0.0
    for (tile, answer), pub in zip(enumerate(answers), pubs, strict=True):
        assert set(answer.registers) == {r.name for r in pub.pub.circuit.cregs}
        for row in range(2):
            counts = np.bincount(answer.registers["out"][row, :, 0], minlength=2)
            expected = 1500 * exact[tile, row]
            statistic += ((counts - expected) ** 2 / expected).sum()
    assert chi2.sf(statistic, df=6) > 1e-3


def test_rows_are_put_side_by_side_and_come_back_in_their_places(tiling):
    circuit = QuantumCircuit(2)
    circuit.add_register(ClassicalRegister(1, "out"))
    circuit.measure(0, 0)
    pubs = [TilePub(n, Pub.bound(circuit.copy())) for n in range(3)]
    loose = QuantumCircuit(2)
    loose.add_bits(QuantumCircuit(0, 1).clbits)
    loose.measure(0, 0)
    with pytest.raises(SpecError, match="outside all registers"):
        Tiler(tiling).together([[TilePub(0, Pub.bound(loose))]])
    tiled = Tiler(tiling).together([pubs[:2], pubs[2:]])
    assert [one.circuit.num_clbits for one in tiled.pubs] == [2, 1]
    assert tiled.layout.found == (((0, 0),), ((0, 0),), ((1, 0),))


def test_tiles_share_no_qubit(device, tiling):
    with pytest.raises(SpecError, match="share no qubit"):
        tile_step(PAIR, device, [tiling.placements[0]] * 2, seed=0, guard=1)
    with pytest.raises(SpecError, match="keep at least one"):
        tiling.without([0, 1, 2])


def test_a_chip_full_of_tiles_passes_the_rules_of_the_loopback_service(device):
    """Written from the documentation apart from preflight; 36 bits are fed forward in each step."""
    from emulator.backends import load
    from emulator.rules import check, share_of_broadcasts

    configuration, _ = load("kingston")
    pairs = choose_tiles(lines(device, 2), device, guard=1, most=36, worst=0.3)
    assert len(pairs) == 36
    full = tile_step(PAIR, device, pairs, seed=0, guard=1)
    pubs = []
    for number, one in enumerate(full.tiles):
        circuit = one.unroll(2).circuit
        pubs.append(TilePub(number, Pub(circuit, np.zeros((1, circuit.num_parameters))), 2))
    (sent,) = Tiler(full).together([pubs]).pubs
    assert [register.size for register in sent.circuit.cregs][:2] == [32, 4]  # of the first step
    check([(sent.circuit, np.zeros((1, sent.circuit.num_parameters)))], 100, configuration)
    # Slots of 32 and of 4 bits in each of two steps, of 2,400 in a job.
    assert share_of_broadcasts(sent.circuit) == pytest.approx(2 * (2 + 7 * 34 / 59) / 2400)
    assert broadcast_slots(sent.circuit) == pytest.approx(2 * (2 + 7 * 34 / 59))
