"""The twin machine: without effects it is the recorded device, and each effect is its equation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr
from scipy.stats import chi2

from calibration.library import snapshot as recorded
from calibration.noise import DeviceNoise
from calibration.snapshot import InstructionRecord, QubitRecord, Snapshot
from circuits.errors import CircuitsError
from circuits.zoo.dynamic_line import DYNAMIC_LINE
from jobs.aer.recorded_device import active_qubits, on_active_qubits
from jobs.aer.static_rows import exact_distributions
from jobs.errors import SpecError
from jobs.spec import Pub
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import circuit_distribution
from jobs.twin.catalogue import PRESETS
from jobs.twin.groups import groups_of
from jobs.twin.machine import Twin
from jobs.twin.moment import Moment
from jobs.twin.name import twin_name
from jobs.twin.physics.defect import defect_wire
from jobs.twin.physics.rates import true_rates
from jobs.twin.site import Site
from jobs.twin.strengths import Strengths, strengths_of

READ_SECONDS, GATE_SECONDS = 1e-6, 40e-9


def device(
    *,
    t1: float | None = None,
    t2: float | None = None,
    p01: float = 0.0,
    p10: float = 0.0,
    gate_seconds: float = GATE_SECONDS,
) -> Snapshot:
    """Return a line of three qubits without errors but those that are named."""
    gates = [
        InstructionRecord(name, (q,), gate_seconds if name in ("sx", "x") else 0.0, 0.0)
        for name in ("sx", "x", "rz", "delay", "id")
        for q in range(3)
    ]
    pairs = [InstructionRecord("cz", p, 2 * gate_seconds, 0.0) for p in ((0, 1), (1, 2))]
    reads = [
        InstructionRecord("measure", (q,), READ_SECONDS, (p01 + p10) / 2, p01, p10)
        for q in range(3)
    ]
    resets = [InstructionRecord("reset", (q,), READ_SECONDS, None) for q in range(3)]
    return Snapshot(
        backend="line",
        taken="",
        dt_seconds=1e-9,
        timing={},
        qubits=(QubitRecord(t1, t2),) * 3,
        instructions=(*gates, *pairs, *reads, *resets),
        control_flow=("if_else",),
        rep_delay_seconds=250e-6,
        rep_delay_range_seconds=(2e-5, 2e-3),
        physical=(0, 1, 2),
    )


def circuit(build: Callable[[QuantumCircuit], None], n_bits: int = 1) -> QuantumCircuit:
    made = QuantumCircuit(QuantumRegister(3), ClassicalRegister(n_bits, "c"))
    build(made)
    return made


def ramsey(phase: Callable[[QuantumCircuit], None], qubit: int = 0) -> QuantumCircuit:
    """Return a circuit whose P(1) is (1 + v sin a) / 2 after a turn by a about Z, contrast v."""

    def build(made: QuantumCircuit) -> None:
        made.sx(qubit)
        phase(made)
        made.rz(-np.pi / 2, qubit)
        made.sx(qubit)
        made.measure(qubit, 0)

    return circuit(build)


def p1(twin: Twin, made: QuantumCircuit, **options: object) -> float:
    return float(twin.distribution(made, keep=[0], **options)[1])  # type: ignore[arg-type]


def on(effects: str, seed: int = 3, **of_device: float) -> Twin:
    return Twin(device(**of_device), strengths_of(effects), seed)


@pytest.fixture(scope="module")
def two_steps() -> tuple[Snapshot, QuantumCircuit, list[int]]:
    """Return a device, two steps of a network on it, and the bits of its outcome."""
    snapshot = recorded("fake_boston")
    step = transpile_step(DYNAMIC_LINE, snapshot, seed=11)
    unrolled = step.unroll(2).circuit
    angles = np.random.default_rng(5).normal(size=unrolled.num_parameters)
    made = step.embed(unrolled.assign_parameters(angles), snapshot.n_qubits)
    out = next(register for register in made.cregs if register.name == "out")
    return snapshot, made, [made.find_bit(bit).index for bit in out]


def test_without_effects_it_is_the_recorded_device(
    two_steps: tuple[Snapshot, QuantumCircuit, list[int]],
) -> None:
    snapshot, made, out = two_steps
    found = Twin(snapshot).distribution(made, keep=out)
    physical = active_qubits([made])
    small = on_active_qubits(made, physical)
    noise = DeviceNoise(snapshot.restrict(physical))
    np.testing.assert_allclose(found, circuit_distribution(small, noise, out), atol=1e-12)
    (aer,) = exact_distributions([small], noise, out)
    np.testing.assert_allclose(found, aer, atol=1e-11)


def test_shots_follow_the_distribution_with_effects(
    two_steps: tuple[Snapshot, QuantumCircuit, list[int]],
) -> None:
    snapshot, made, out = two_steps
    still = "gate-drift=0,defect=0"
    twin = Twin(snapshot, strengths_of(f"full,reset=0.1,leakage=0.02,{still}"), seed=1)
    bits = twin.run([Pub.bound(made)], shots=20_000, seed=4)[0].registers["out"][0]
    counts = np.bincount(bits @ [1, 2], minlength=4)
    moment = Moment(readout=twin.weather(20_000, 4).readout)
    expected = 20_000 * twin.distribution(made, keep=out, moment=moment)
    statistic = float(((counts - expected) ** 2 / expected).sum())
    assert chi2.sf(statistic, 3) > 1e-3
    # The recorded device itself is told apart, so that the test sees the effects at all.
    plain = 20_000 * Twin(snapshot).distribution(made, keep=out)
    assert chi2.sf(((counts - plain) ** 2 / plain).sum(), 3) < 1e-3


def test_more_qubits_than_are_exact_follow_the_same_law() -> None:
    snapshot = recorded("fake_boston")
    wires = list(range(6))
    made = QuantumCircuit(snapshot.n_qubits, 6)
    for q in wires:
        made.sx(q)
    for q in wires[:-1]:
        made.cz(q, q + 1)
    made.delay(400, wires)
    made.sx(wires)
    made.measure(wires, wires)
    twin = Twin(snapshot, strengths_of("static-zz,misread-bursts=50,leakage=0.05"), seed=2)
    law = twin.distribution(made)
    bits = twin.run([Pub.bound(made)], shots=2000, seed=1)[0].registers["c"][0]
    seen = np.bincount(bits @ (1 << np.arange(6)), minlength=64)
    expected = 2000 * law
    assert expected.min() > 5
    assert chi2.sf(((seen - expected) ** 2 / expected).sum(), 63) > 1e-3


@pytest.mark.parametrize("times", [1, 7])
def test_cz_turns_too_far(times: int) -> None:
    twin = on("cz-angle=0.02")
    made = ramsey(lambda c: [c.cz(0, 1) for _ in range(2 * times)])  # type: ignore[arg-type]
    angle = np.arcsin(2 * p1(twin, made) - 1) / (2 * times)
    assert 0.005 <= abs(angle) <= 0.02
    site = Site(twin.snapshot, twin.seed)
    assert angle == pytest.approx(site.signed("cz-angle", 0.005, 0.02, 0, 1), abs=1e-12)


def test_sx_turns_too_far() -> None:
    twin = on("sx-angle=0.01")
    made = circuit(lambda c: ([c.sx(0) for _ in range(40)], c.measure(0, 0)))  # type: ignore[arg-type]
    angle = 2 * np.arcsin(np.sqrt(p1(twin, made))) / 40
    assert 0.002 <= angle <= 0.01
    halved = circuit(lambda c: ([c.x(0) for _ in range(20)], c.measure(0, 0)))  # type: ignore[arg-type]
    assert p1(twin, halved) == pytest.approx(p1(twin, made), abs=1e-12)


@pytest.mark.parametrize("gate_seconds", [GATE_SECONDS, 0.0])
def test_static_zz_turns_by_the_state_of_the_neighbour(gate_seconds: float) -> None:
    twin = on("static-zz=30000", gate_seconds=gate_seconds)
    site = Site(twin.snapshot, twin.seed, ((0, 1, 2),))
    hertz = site.draws("static-zz", 0, 1).uniform(1e4, 3e4)

    def phase(excited: bool) -> float:
        def rest(c: QuantumCircuit) -> None:
            if excited:
                c.x(1)
            c.cz(0, 1)
            c.delay(2000, 0)
            c.delay(2000, 1)
            c.cz(0, 1)

        return float(np.arcsin(2 * p1(twin, ramsey(rest)) - 1))

    assert 1e4 <= hertz <= 3e4
    for excited, sign in ((False, 1), (True, -1)):
        assert phase(excited) == pytest.approx(sign * np.pi * hertz * 2e-6, abs=1e-9)


def test_static_zz_spares_the_time_of_the_neighbours_gates() -> None:
    twin = on("static-zz=30000")
    hertz = Site(twin.snapshot, twin.seed).draws("static-zz", 0, 1).uniform(1e4, 3e4)

    def rest(c: QuantumCircuit) -> None:
        c.cz(0, 1)
        c.delay(1000, 0)
        c.sx(1)  # 40 ns, and three more: |0> again
        c.sx(1)
        c.sx(1)
        c.sx(1)
        c.delay(1000 - 160, 1)
        c.cz(0, 1)

    angle = np.arcsin(2 * p1(twin, ramsey(rest)) - 1)
    assert angle == pytest.approx(np.pi * hertz * 840e-9, abs=1e-9)


def test_a_measurement_reaches_its_neighbour() -> None:
    twin = on("measurement-crosstalk=0.02")

    def measured(c: QuantumCircuit) -> None:
        for _ in range(3):
            c.measure(1, 1)

    def contrast(turn: float) -> float:
        made = QuantumCircuit(3, 2)
        made.sx(0)
        measured(made)
        made.rz(turn, 0)
        made.sx(0)
        made.measure(0, 0)
        return 2 * p1(twin, made) - 1

    sine, cosine = contrast(np.pi / 2), contrast(0.0)
    assert np.hypot(sine, cosine) == pytest.approx(0.96**3, abs=1e-12)
    assert 0.03 <= abs(np.arctan2(sine, cosine)) / 3 <= 0.1


def test_decay_while_read_leaves_bit_and_state_apart() -> None:
    twin = on("read-decay=1", t1=20e-6, t2=20e-6, p01=0.01, p10=0.05, gate_seconds=0)
    decay = 1 - np.exp(-READ_SECONDS / 20e-6)
    made = circuit(
        lambda c: (c.x(0), c.measure(0, 0), c.measure(0, 1)),
        2,  # type: ignore[arg-type]
    )
    p = twin.distribution(made).reshape(2, 2)  # [second, first]
    assert p[:, 0].sum() == pytest.approx(0.05, abs=1e-12)  # the report stays true
    early, pure = decay / 2, (0.05 - decay / 2 * 0.99) / (1 - decay / 2)
    # Left in |1>: not decayed, or decayed early and driven up again.
    read_one = np.array([early * 0.01, (1 - early) * (1 - pure)])  # state 0, 1 at the decision
    late = decay / 2 / (1 - early)
    left_one = read_one[0] * 0.004 + read_one[1] * (1 - late)
    left_zero = read_one.sum() - left_one
    assert p[1, 1] == pytest.approx(left_one * 0.95 + left_zero * 0.01, abs=1e-12)


def test_reset_leaves_some_of_the_qubits_excited() -> None:
    made = circuit(lambda c: (c.x(0), c.reset(0), c.measure(0, 0)))  # type: ignore[arg-type]
    found = p1(on("reset=0.015", p01=0.01, p10=0.03), made)
    assert found == pytest.approx(0.985 * 0.01 + 0.015 * 0.97, abs=1e-12)


def test_misreads_follow_misreads() -> None:
    made = circuit(lambda c: (c.measure(0, 0), c.measure(0, 1)), 2)  # type: ignore[arg-type]
    p = on("misread-bursts=5", p01=0.02, p10=0.03).distribution(made).reshape(2, 2)
    calm = 0.02 * 0.9 / 0.98
    assert p[1, 1] == pytest.approx(calm * 0.1, abs=1e-12)
    assert p[1, 0] == pytest.approx((1 - calm) * calm, abs=1e-12)


def test_a_long_chain_of_misreads_has_the_reported_rate() -> None:
    made = circuit(lambda c: ([c.measure(0, 0) for _ in range(12)]))  # type: ignore[arg-type]
    twin = on("misread-bursts=5", p01=0.02, p10=0.03)
    assert p1(twin, made) == pytest.approx(0.02, abs=1e-6)


def test_leaked_qubits_read_one() -> None:
    twin = on("leakage=0.01")
    made = circuit(lambda c: ([c.cz(0, 1) for _ in range(4)], c.measure(0, 0)))  # type: ignore[arg-type]
    nobody = 0.99 ** (2 * np.arange(4))  # before each gate
    assert p1(twin, made) == pytest.approx(0.9 * 0.01 * nobody.sum(), abs=1e-12)


def test_a_leaked_qubit_comes_back_at_a_reset() -> None:
    twin = on("leakage=0.1")
    made = circuit(
        lambda c: (c.cz(0, 1), [c.reset(0) for _ in range(5)], c.measure(0, 0))  # type: ignore[arg-type]
    )
    # Back at the last reset it is random; back before, the next one leaves |0>.
    expected = 0.1 * (0.97**5 * 0.9 + 0.97**4 * 0.03 * 0.5)
    assert p1(twin, made) == pytest.approx(expected, abs=1e-12)


def test_the_controller_waits_at_a_branch() -> None:
    def build(c: QuantumCircuit) -> None:
        c.x(0)
        c.measure(1, 1)
        with c.if_test((c.clbits[1], 1)):
            c.x(0)
        c.measure(0, 0)

    made = QuantumCircuit(3, 2)
    build(made)
    twin = on("controller-wait=0.7e-6", t1=20e-6, t2=20e-6)
    # What no calibration says is not in the recorded device either.
    assert p1(on("none", t1=20e-6, t2=20e-6), made) / p1(twin, made) == pytest.approx(
        np.exp(0.7e-6 / 20e-6), abs=1e-12
    )


def test_a_defect_shortens_t1_and_detunes() -> None:
    twin = on("defect", t1=50e-6, t2=50e-6, gate_seconds=0)
    place = defect_wire(Site(twin.snapshot, twin.seed))
    made = circuit(lambda c: (c.x(place), c.delay(5000, place), c.measure(place, 0)))  # type: ignore[arg-type]
    there, qubits = Moment(has_defect=True), (0, 1, 2)
    kept = p1(twin, made, moment=there, qubits=qubits) / p1(twin, made, qubits=qubits)
    assert kept == pytest.approx(np.exp(-4 * 5e-6 / 50e-6), abs=1e-9)
    echo = ramsey(lambda c: c.delay(5000, place), place)  # type: ignore[arg-type]
    there_1, away_1 = (2 * p1(twin, echo, moment=m, qubits=qubits) - 1 for m in (there, Moment()))
    assert abs(away_1) < 1e-9
    assert there_1 > 0.2 * np.sin(2 * np.pi * 15e3 * 5e-6)


def test_wrong_rates_are_log_normal_about_the_reported() -> None:
    snapshot = device(t1=50e-6, t2=50e-6)
    ratios = [
        true_rates(Site(snapshot, seed), 1.5).qubits[0].t1_seconds / 50e-6  # type: ignore[operator]
        for seed in range(400)
    ]
    assert np.log(ratios).std() == pytest.approx(np.log(1.5), rel=0.15)
    twin = on("wrong-rates=1.5", t1=50e-6, t2=50e-6)
    made = circuit(lambda c: (c.x(0), c.delay(5000, 0), c.measure(0, 0)))  # type: ignore[arg-type]
    true = true_rates(Site(twin.snapshot, twin.seed), 1.5).qubits[0].t1_seconds
    assert true is not None
    relaxed = np.exp(-5e-6 / true)
    plain = p1(on("none", t1=50e-6, t2=50e-6), made) / np.exp(-5e-6 / 50e-6)
    assert p1(twin, made) / relaxed == pytest.approx(plain, rel=2e-3)


def test_readout_drifts_from_job_to_job() -> None:
    made = circuit(lambda c: c.measure(0, 0))  # type: ignore[arg-type]
    twin = on("readout-drift=1.4", p01=0.1, p10=0.1)
    factors = [twin.weather(1000, seed).readout for seed in range(200)]
    assert (np.array(factors) >= 1 / 1.4).all()
    assert (np.array(factors) <= 1.4).all()
    assert np.log(factors).std() == pytest.approx(np.log(1.4) / np.sqrt(3), rel=0.1)
    for seed in (0, 1):
        seen = twin.run([Pub.bound(made)], 40_000, seed)[0].registers["c"].mean()
        rate = 0.1 * factors[seed][0]
        assert abs(seen - rate) < 4 * np.sqrt(rate * (1 - rate) / 40_000)


def test_gates_drift_within_a_job() -> None:
    twin = on("gate-drift=0.3", t1=20e-6, t2=20e-6)
    made = circuit(lambda c: (c.x(0), c.delay(10_000, 0), c.measure(0, 0)))  # type: ignore[arg-type]
    weather = twin.weather(60_000, 2)
    swing = weather.swing(np.arange(60_000))
    seen = twin.run([Pub.bound(made)] * 20, 3000, 2)
    rates = [-np.log(result.registers["c"].mean()) / (10e-6 / 20e-6) for result in seen]
    expected = 1 + 0.3 * swing.reshape(20, 3000).mean(1)
    # A gate's own relaxation, 40 ns, and shots: within 0.06; without drift the spread is 0.2.
    np.testing.assert_allclose(rates, expected, atol=0.12)
    assert np.corrcoef(rates, expected)[0, 1] > 0.9


def test_a_defect_stays_for_thousands_of_shots_and_a_quarter_of_the_time() -> None:
    twin = on("defect=0.25")
    there = []
    for seed in range(60):
        for moment, seen in twin.weather(40_000, seed).moments(0, 40_000):
            if moment.has_defect:
                there.append(len(seen))
    assert sum(there) / (60 * 40_000) == pytest.approx(0.25, abs=0.05)
    stay = np.zeros(40_000)
    (moment,) = (m for m in twin.weather(40_000, 0).moments(0, 40_000) if m[0].has_defect)
    stay[moment[1]] = 1
    assert np.abs(np.diff(stay)).sum() < 40


def test_instructions_made_of_others_have_every_effect() -> None:
    inner = QuantumCircuit(1, 1, name="again")
    inner.x(0)
    inner.reset(0)
    inner.measure(0, 0)
    made = QuantumCircuit(3, 1)
    made.append(inner.to_instruction(), [0], [0])
    assert p1(on("reset=0.1", p01=0.01, p10=0.03), made) == pytest.approx(0.106, abs=1e-12)


def test_more_connected_qubits_than_it_holds_end_in_one_line() -> None:
    made = QuantumCircuit(156, 1)
    made.sx(0)
    for q in range(20):
        made.cz(q, q + 1)
    made.measure(20, 0)
    with pytest.raises(CircuitsError, match=r"at most 20 qubits.*Got 21; run the recorded device"):
        Twin(recorded("fake_boston")).run([Pub.bound(made)], 10)


def test_a_job_is_the_same_whenever_it_runs_and_others_are_not() -> None:
    made = circuit(lambda c: (c.x(0), c.reset(0), c.measure(0, 0)))  # type: ignore[arg-type]
    pub = Pub.bound(made)
    one, other = on("full", seed=1), on("full", seed=2)
    bits = one.run([pub], 2000, 9)[0].registers["c"]
    np.testing.assert_array_equal(bits, on("full", seed=1).run([pub], 2000, 9)[0].registers["c"])
    assert (bits != one.run([pub], 2000, 10)[0].registers["c"]).any()
    assert (bits != other.run([pub], 2000, 9)[0].registers["c"]).any()


def test_many_qubits_apart_cost_the_sum_of_them() -> None:
    snapshot = recorded("fake_boston")
    made = QuantumCircuit(snapshot.n_qubits, 10)
    made.x(range(10))
    made.measure(range(10), range(10))
    twin = Twin(snapshot, strengths_of("full,gate-drift=0,defect=0"), seed=1)
    bits = twin.run([Pub.bound(made)], 500, 1)[0].registers["c"][0]
    assert bits.shape == (500, 10)
    assert bits.mean() > 0.9
    alone = twin.distribution(made, keep=[3])
    assert alone.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rset=0.01", "no effect is called 'rset'.*Did you mean reset.*cz-angle.*mild"),
        ("reset=2", "from 0 to 0.5.*Got 2"),
        ("reset=nan", "from 0 to 0.5.*Got nan"),
        ("reset=-0.1", "from 0 to 0.5"),
        ("reset=a lot", "should be a number.*'a lot'"),
        ("misread-bursts=0.5", "from 1 to 100"),
        ("reset=0.01,reset=0.02", "once. Got reset twice"),
        ("", "should be named.*cz-angle"),
        ("reset=0.01,", "should be named"),
        ("reset,mild", "preset.*first"),
        ("mild,full", "preset.*first"),
    ],
)
def test_bad_effects_end_in_one_line(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        strengths_of(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["twin:", "twin:fake_boston:mild:x", "twin:fake_boston:mild:-1", "twin:a:none:1:2"]
)
def test_bad_names_end_in_one_line(text: str) -> None:
    with pytest.raises(SpecError, match="should be"):
        twin_name(text)


def test_names_say_all_of_a_twin() -> None:
    assert str(twin_name("twin:fake_boston")) == "twin:fake_boston:none:0"
    assert str(twin_name("twin:fake_boston:full:7")) == "twin:fake_boston:full:7"
    named = twin_name("twin:fake_boston:gate-drift=0.3, reset=1.5e-2,leakage=0:7")
    assert str(named) == "twin:fake_boston:reset=0.015,gate-drift=0.3:7"
    assert twin_name(str(named)) == named
    changed = strengths_of("full,leakage=0,reset=0.02")
    assert "leakage" not in changed
    assert changed["reset"] == 0.02
    assert strengths_of(Strengths(PRESETS["mild"]).text) == Strengths(PRESETS["mild"])


def test_branches_under_a_mask_connect_no_more_than_the_bits_that_decide_them():
    """Tiles share a register, so that a step takes one broadcast, and are evolved apart."""
    bits, late = ClassicalRegister(4, "c"), ClassicalRegister(1, "late")
    circuit = QuantumCircuit(QuantumRegister(5, "q"), bits, late)
    circuit.measure(range(4), bits)
    for qubit in range(4):
        masked = expr.bit_and(bits, 1 << qubit)
        with circuit.if_test(expr.equal(masked, 1 << qubit)):
            circuit.x(qubit)
    assert groups_of(circuit) == ((0,), (1,), (2,), (3,), (4,))
    with circuit.if_test(expr.equal(expr.bit_and(bits, 0b1010), 2)):
        circuit.x(4)
    assert groups_of(circuit) == ((0,), (1, 3, 4), (2,))
    with circuit.if_test((bits[2], 1)):
        circuit.measure(0, late[0])
    assert groups_of(circuit) == ((0, 2), (1, 3, 4))
    with circuit.if_test((bits, 5)):
        circuit.x(0)
    assert groups_of(circuit) == ((0, 1, 2, 3, 4),)
