"""The stacks of one run: equal totals, circuits run once, old keys, and what they estimate."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from calibration.readout import readout_circuits
from circuits.exact.noise import Noise
from jobs.aer.recorded_device import on_active_qubits
from jobs.spec import JobSpec, Pub, PubResult
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import circuit_distribution
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.canary_rows import Canaries
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.measured import Measured
from qrnn_hw.experiment.settings import DEFAULT_PLANS, RunSettings
from qrnn_hw.experiment.shot_plan import plan_shots
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.readout import correct_distribution
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.mitigation.stack import construct_circuits
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.mitigation.zne import ZNEPlan, split_shots
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.submission.machine import Machine

MACHINE = Machine("fake_boston", snapshot("fake_boston"), is_real=False)
WIDTH, SEEDS = MACHINE.snapshot.n_qubits, RunSettings(seed=3).seeds
DEFAULT = tuple(map(parse_stack, DEFAULT_PLANS))
FED_FORWARD = tuple(
    map(parse_stack, ("none", "relabel + terminal", "linear(1,3) + relabel + terminal", "twirl 3"))
)


def evaluation(stacks, model="dynamic-line", total=500, lengths=(2, 1, 2)):
    architecture = circuits.architecture(model)
    transpiled = transpile_step(architecture, MACHINE.snapshot, seed=7)
    generator = np.random.default_rng(4)
    decision = generator.normal(size=2 ** len(architecture.readout))
    features = generator.uniform(-2, 2, (len(lengths), max(lengths), architecture.n_features))
    circuit = generator.uniform(-2, 2, architecture.n_weights)
    encoded = Encoded(circuit, features, np.array(lengths))
    noise = DeviceNoise(transpiled.snapshot)
    return Evaluation(
        transpiled, noise, encoded, ShotHead(decision[:, None]), tuple(stacks), total, SEEDS, WIDTH
    )


@given(total=st.integers(20, 100_000), n_sentences=st.integers(1, 2000))
def test_every_stack_spends_the_same_total(total, n_sentences):
    plan = plan_shots(total, n_sentences, DEFAULT)
    assert plan.calibration_share * n_sentences >= 2 * plan.calibration
    none, terminal, both = (plan.left(stack) for stack in DEFAULT)
    assert none == total
    assert terminal == both == total - plan.calibration_share
    assert plan.calibration_share <= max(2, 0.2 * total + 1)
    assert plan_shots(total, n_sentences, DEFAULT[:1]).calibration == 0


def test_too_few_shots_are_refused_with_the_number_needed():
    with pytest.raises(UsageError, match="at least 3, to calibrate and to extrapolate. Got 2"):
        plan_shots(2, 200, DEFAULT)
    with pytest.raises(UsageError, match="at least one for each circuit"):
        evaluation(FED_FORWARD[1:2], total=12).check()


def test_the_jobs_of_a_default_run_keep_their_keys():
    one = evaluation(DEFAULT)
    plan = plan_shots(500, 3, DEFAULT)
    read = [one.transpiled.wires[wire] for wire in one.transpiled.architecture.readout]

    def placed(circuit):
        return one.transpiled.embed(circuit, WIDTH)

    expected = [
        (
            [Pub.bound(placed(c)) for c in readout_circuits(one.transpiled.n_active, read)],
            plan.calibration,
            1003,
        )
    ]
    left = 500 - plan.calibration_share
    folded = split_shots(left, ZNEPlan((1, 3), "linear"))[1]
    for factor, shots, seed in ((1, 500, 2003), (3, folded, 3003)):
        prepared = sentence_pubs(
            one.transpiled, one.encoded, lambda c, f=factor: placed(fold(c, f))
        )
        expected.append((prepared.pubs, shots, seed))
    keys = [
        JobSpec(
            tuple(pubs), shots, "aer", "fake_boston", seed, snapshot=MACHINE.snapshot.digest
        ).key
        for pubs, shots, seed in expected
    ]
    requests = list(one.requests())
    assert [request.spec(MACHINE).key for request in requests] == keys
    assert [r.role for r in requests] == [
        "readout",
        "scale 1, 500 shots",
        f"scale 3, {folded} shots",
    ]


def test_each_stack_of_a_prediction_has_the_same_shots_and_shared_circuits_run_once():
    one = evaluation(FED_FORWARD)
    plan = one.shots
    for stack in one.stacks:
        for batch in one.batches:
            shots = [n for _, n in one.shares(stack, batch.length, plan)]
            assert sum(shots) + plan.calibration_share * stack.terminal == 500
    requests = list(one.requests())
    assert len({request.role for request in requests}) == len(requests)
    pubs = [(d, pub.n_rows) for r in requests for d, pub in zip(
        r.spec(MACHINE).circuit_digests, r.pubs, strict=True)]  # fmt: skip
    assert len(set(pubs)) == len(pubs)
    # Two lengths, each once bare with all shots, which all but the twirled stack share.
    (bare,) = (r for r in requests if r.role.startswith("scale 1, 500"))
    assert len(bare.pubs) == 2
    for members, shots in one.jobs.values():
        wanted = [
            n
            for batch, stack, term in members
            for own in one.stacks
            for found, n in one.shares(own, batch.length, plan)
            if own.circuit_of(found) == stack.circuit_of(term)
        ]
        assert max(wanted) == shots


def test_two_jobs_never_take_one_role():
    jobs = evaluation(FED_FORWARD, total=4000).jobs
    placed = [(b.length, s.circuit_of(t)) for members, _ in jobs.values() for b, s, t in members]
    assert len(placed) == len(set(placed))


def test_a_model_without_feed_forward_has_nothing_to_relabel():
    with pytest.raises(UsageError, match="feeds none; leave relabelling out"):
        evaluation(FED_FORWARD[1:2], "stacked-3-minimal").check()


class TwiceRead(Noise):
    """Readout errors alone, larger than the device's."""

    dt_seconds = 1e-9

    def __init__(self, confusion):
        self.confusion = np.asarray(confusion)

    def channel(self, name, qubits):
        return None

    def idle(self, qubit, seconds):
        return None

    def readout(self, name, qubit):
        return self.confusion


def test_relabelled_circuits_of_a_run_undo_what_branches_misread():
    """With readout errors alone, all masks and a correction of the end give the ideal score."""
    confusion = [[0.88, 0.12], [0.2, 0.8]]
    names = ("none", "terminal", "relabel + terminal")
    one = evaluation(map(parse_stack, names), total=200_000, lengths=(1,))
    noise = TwiceRead(confusion)
    # The score that the branches' errors move most, the final ones taken out.
    (batch,) = one.batches
    law = out_law(bound(batch, batch.circuit), noise)
    n_bits = law.size.bit_length() - 1
    exact = ReadoutCalibration(
        (0.12,) * n_bits, (0.2,) * n_bits, (0.0,) * n_bits, (0.0,) * n_bits, datetime.now(UTC)
    )
    moved = correct_distribution(law, exact) - out_law(bound(batch, batch.circuit), None)
    one = replace(one, head=ShotHead(np.sign(moved)[:, None]))
    errors = fed_forward_errors(one, 0.12, 0.2)
    one.__dict__["_fed_forward"] = errors
    results = {"readout": readout_bits(0.12, 0.2, one.shots.calibration, one)}
    for role, (members, shots) in one.jobs.items():
        results[role] = tuple(
            PubResult({"out": exact_bits(batch, stack, term, one, noise, shots)})
            for batch, stack, term in members
        )
    measured = Measured(one, results, datetime.now(UTC))
    ideal = exact_score(one, None)
    found = {s.name: float(measured.outputs(s, one.shots)[0, 0]) for s in one.stacks}
    assert abs(found["relabel + terminal"] - ideal) < 5e-4
    assert abs(found["terminal"] - ideal) > 5e-3
    assert abs(found["none"] - ideal) > 0.1


def fed_forward_errors(one, p01, p10):
    (length,) = (batch.length for batch in one.batches)
    known = one._fed_forward[length]
    n = known.n_bits
    return {length: replace(known, p01=(p01,) * n, p10=(p10,) * n)}


def out_law(circuit, noise):
    (out,) = (register for register in circuit.cregs if register.name == "out")
    keep = [circuit.find_bit(bit).index for bit in out]
    law = np.clip(circuit_distribution(circuit, noise, keep), 0, None)
    return law / law.sum()


def bound(batch, circuit):
    pub = batch.pub(circuit)
    return circuit.assign_parameters(pub.parameters[0])


def exact_score(one, noise):
    (batch,) = one.batches
    return float(out_law(bound(batch, batch.circuit), noise) @ one.head.coefficients[:, 0])


def exact_bits(batch, stack, term, one, noise, shots):
    """Return bits in the proportions of the law, in each first part of the shots too."""
    (circuit,) = construct_circuits(batch.circuit, stack, [term])
    law = out_law(bound(batch, circuit), noise)
    golden = np.arange(1, shots + 1) * (np.sqrt(5) - 1) / 2 % 1  # evenly spread, always
    outcomes = np.minimum(np.searchsorted(np.cumsum(law), golden), law.size - 1)
    return (outcomes[None, :, None] >> np.arange(law.size.bit_length() - 1) & 1).astype(np.uint8)


def readout_bits(p01, p10, shots, one):
    n_bits = len(one.transpiled.architecture.readout)
    place = np.arange(shots)[:, None] * np.ones(n_bits, int)
    zeros, ones = place < round(p01 * shots), place >= round(p10 * shots)
    return tuple(PubResult({"out": bits[None].astype(np.uint8)}) for bits in (zeros, ones))


def interleaved(stacks, total=2000, lengths=(2, 2, 2), n_canaries=2, repetitions=5):
    """Return an evaluation whose canaries are copies of its last rows."""
    one = evaluation(stacks, total=total, lengths=lengths)
    rows = one.encoded.take(np.arange(len(lengths) - n_canaries, len(lengths)))
    canaries = Canaries(rows, np.zeros(n_canaries)) if n_canaries else None
    return replace(one, repetitions=repetitions, canaries=canaries)


@pytest.mark.parametrize("names", [("none", "terminal", "linear(1,3) + terminal"),
                                   ("none", "linear(1,3) + relabel + terminal")])  # fmt: skip
def test_one_job_holds_all_main_circuits_in_every_repetition_and_loses_no_shot(names):
    one = interleaved(map(parse_stack, names), n_canaries=1)
    first, *rest = one.requests()
    b = one.interleaving.layout.repetitions
    assert first.role == "interleaved"
    assert b == 5
    assert all(request.role.startswith("rare, ") for request in rest)
    circuits = [id(pub.circuit) for pub in first.pubs]
    per_repetition = {place: circuits.count(place) for place in circuits}
    main = [part for part in one.interleaving.parts if part.is_main]
    assert {p.key[0] for p in main} == {"readout", "item"}
    assert sum(count >= b for count in per_repetition.values()) >= len(names)
    # The bits are each shot's place in the job: none is read twice, none of another circuit.
    results, shot = {}, 0
    for request in (first, *rest):
        bits = []
        for pub in request.pubs:
            n = pub.n_rows * request.shots
            bits.append(PubResult({"out": np.arange(shot, shot + n).reshape(-1, request.shots, 1)}))
            shot += n
        results[request.role] = tuple(bits)
    reads = Measured(one, results, datetime.now(UTC)).reads
    seen = np.concatenate([read.bits.ravel() for read in reads.values()])
    assert len(np.unique(seen)) == seen.size == shot
    for stack in one.stacks:
        for term, shots in one.shares(stack, 2, one.shots):
            read = reads["item", 2, stack.circuit_of(term)]
            assert read.bits.shape[1] >= shots
            few = read.first(shots)
            assert len(set(few.tolist())) == shots
            if len(read.repetitions) >= b:  # evenly from every repetition
                each = np.bincount(
                    read.repetitions[few // (read.bits.shape[1] // len(read.repetitions))]
                )
                assert 1 <= each.max() <= 2 * each.min() + 2
            sent = reads["canary", 2, stack.circuit_of(term)]
            assert sent.bits.shape[1] >= one.canary_shots(shots)


def test_answers_of_an_interleaved_run_are_those_of_its_law_and_canaries_miss_what_is_missing():
    """Bits drawn from the exact noisy law: values near it, and canaries see what noise took."""
    one = interleaved(DEFAULT, total=6000, lengths=(1,) * 4, n_canaries=3, repetitions=6)
    noise, generator = one.noise, np.random.default_rng(2)
    keep = {}
    for request in one.requests():
        bits = []
        for pub in request.pubs:
            rows = []
            for row in pub.parameters:
                key = id(pub.circuit), row.tobytes()
                if key not in keep:
                    small = on_active(pub.circuit, one).assign_parameters(row)
                    keep[key] = out_law(small, noise)
                law = keep[key]
                drawn = generator.choice(law.size, request.shots, p=law)
                rows.append(drawn[:, None] >> np.arange(law.size.bit_length() - 1) & 1)
            bits.append(PubResult({"out": np.array(rows, np.uint8)}))
        results = {request.role: tuple(bits)}
    exact = np.array(
        [out_law(bound_row(one, row), noise) @ one.head.coefficients[:, 0] for row in range(4)]
    )
    ideal = np.array(
        [out_law(bound_row(one, row), None) @ one.head.coefficients[:, 0] for row in range(4)]
    )
    one = replace(one, canaries=replace(one.canaries, known=ideal[1:]))
    measured = Measured(one, results, datetime.now(UTC))
    raw = measured.answers["none"]
    assert measured.repetitions == 6
    assert np.abs((raw.value - exact) / raw.standard_error).max() < 4
    assert raw.repeated is not None
    assert not raw.repeated.disagree
    assert raw.miss is not None
    off = np.sqrt(np.mean((exact - ideal)[1:] ** 2))
    assert raw.miss.beyond_shots == pytest.approx(off, abs=4 * raw.miss.own_error)
    assert raw.noiseless is not None
    assert (raw.noiseless.high - raw.noiseless.low > raw.machine.high - raw.machine.low).all()


def on_active(circuit, one):
    """Bring a circuit of the device back onto its active qubits, as they are numbered there."""
    return on_active_qubits(circuit, one.transpiled.snapshot.physical)


def bound_row(one, row):
    (batch,) = one.batches
    return batch.circuit.assign_parameters(batch.pub(batch.circuit).parameters[row])
