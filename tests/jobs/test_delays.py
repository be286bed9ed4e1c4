"""A delay is one number of dt from the file to the store, or it is refused."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import ControlFlowOp, Duration, Parameter, QuantumCircuit
from qiskit.circuit.classical import expr

import circuits
from calibration.errors import CalibrationError
from calibration.library import snapshot
from calibration.noise import DeviceNoise, NoiseScale, delay_seconds
from circuits.errors import CircuitsError
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.circuit_files.circuit_file import read_circuits
from jobs.cost import qpu_seconds
from jobs.delays import check_units, in_dt
from jobs.digest import circuit_digest
from jobs.errors import SpecError
from jobs.preflight import preflight
from jobs.spec import JobSpec, Pub
from jobs.store import spec_rows
from jobs.store.packing import pack_circuit, unpack_circuit
from jobs.store.store import Store
from jobs.transpile.isa import transpile_step
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.submission.machine import open_machine
from qrnn_hw.submission.workload import load_workload

DT = 4e-9
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "ps": 10**12}


def delays(circuit):
    for one in circuit.data:
        if isinstance(one.operation, ControlFlowOp):
            for block in one.operation.blocks:
                yield from delays(block)
        elif one.operation.name == "delay":
            yield one.operation.duration, one.operation.unit


def with_delay(length, unit="dt", *, inside=False):
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(1, 1)
    if inside:
        with circuit.if_test((circuit.clbits[1], 0)):
            circuit.delay(length, 0, unit)
    else:
        circuit.delay(length, 0, unit)
    circuit.measure(0, 0)
    return circuit


LENGTHS = st.one_of(
    st.tuples(st.integers(0, 10_000), st.just("dt")),
    st.tuples(st.floats(0, 1e4), st.sampled_from(["us", "ns", "ps"])),
    st.tuples(st.floats(0, 2), st.sampled_from(["s", "ms"])),
)


@settings(max_examples=100, deadline=None)
@given(LENGTHS, st.booleans())
def test_a_delay_of_any_unit_becomes_the_nearest_number_of_dt(drawn, inside):
    length, unit = drawn
    circuit = in_dt(with_delay(length, unit, inside=inside), DT)
    ((found, found_unit),) = delays(circuit)
    exact = Fraction(length) / (1 if unit == "dt" else PER_SECOND[unit] * Fraction(DT))
    assert found_unit == "dt"
    assert isinstance(found, int)
    assert abs(found - exact) <= Fraction(1, 2) + Fraction(1, 10**6)
    assert circuit_digest(unpack_circuit(pack_circuit(circuit))) == circuit_digest(circuit)


def test_expressions_of_durations_are_computed():
    third = expr.div(expr.lift(Duration.us(3)), 3)
    for length, expected in (
        (expr.lift(Duration.dt(70)), 70),
        (third, 250),
        (expr.add(third, Duration.dt(5)), 255),
        (expr.sub(expr.mul(third, 2.5), Duration.ns(4)), 624),
        (expr.mul(expr.div(third, Duration.ns(100)), Duration.dt(3)), 30),
    ):
        circuit = QuantumCircuit(1, 1)
        circuit.delay(length, 0)
        assert list(delays(in_dt(circuit, DT))) == [(expected, "dt")]
    with pytest.raises(CircuitsError, match="not an expression"):
        lift(circuit, (), DeviceNoise(snapshot("fake_boston").restrict([0])))
    with pytest.raises(CalibrationError, match="not an expression"):
        delay_seconds(circuit.data[0].operation, DT)


def test_what_has_no_fixed_length_is_left_for_preflight():
    length = Parameter("length")
    free = with_delay(length, "us")
    assert in_dt(free, DT) is free
    open_ended = QuantumCircuit(1, 1)
    open_ended.delay(open_ended.add_stretch("a"), 0)
    assert in_dt(open_ended, DT) is open_ended
    plain = with_delay(320, inside=True)
    assert in_dt(plain, DT) is plain
    seconds = with_delay(1, "us")
    assert in_dt(seconds, None) is seconds  # a machine without a clock
    bound = in_dt(with_delay(length, "dt").assign_parameters({length: 100.0}), DT)
    assert list(delays(bound)) == [(100, "dt")]
    for check in (lambda one: in_dt(one, DT), Pub.bound):
        with pytest.raises(SpecError, match=r"whole number of dt.* Got 33.3"):
            check(with_delay(length, "dt").assign_parameters({length: 33.3}))


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("written", [(2, "s"), (33.3, "ns"), (Parameter("t"), "dt")])
def test_a_delay_that_has_lost_its_unit_is_refused(written, inside):
    lost = unpack_circuit(pack_circuit(with_delay(*written, inside=inside)))
    with pytest.raises(SpecError, match=rf"whole number of dt.* Got {written[0]}"):
        check_units(lost)
    check_units(unpack_circuit(pack_circuit(with_delay(50_000, inside=inside))))


def test_a_file_with_such_a_delay_is_refused(tmp_path):
    path = tmp_path / "late.qpy"
    path.write_bytes(pack_circuit(with_delay(2, "s")))
    with pytest.raises(SpecError, match=r"whole number of dt.* Got 2.0 in .*late.qpy"):
        read_circuits(path)


def test_a_delay_in_microseconds_is_priced_waited_for_and_stored(tmp_path):
    path = tmp_path / "late.qasm"
    path.write_text(
        'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; x $3; delay[200us] $3; c[0] = measure $3;'
    )
    machine = open_machine("fake_boston")
    (pub,) = load_workload(str(path), machine).pubs
    target = machine.snapshot.target()
    assert preflight(pub, target, shots=1000) == ()
    priced = qpu_seconds([pub], target, shots=1000)
    assert priced.circuit_seconds == pytest.approx(200e-6, rel=0.02)

    quiet = NoiseScale(gate=0, readout=0)
    spec = JobSpec((pub,), 4000, "aer", "fake_boston", seed=1)
    (result,) = RecordedDeviceExecutor(machine.snapshot, quiet).run(spec)
    decayed = np.exp(-200e-6 / machine.snapshot.qubits[3].t1_seconds)
    assert result.registers["c"].mean() == pytest.approx(decayed, abs=0.03)
    noise = DeviceNoise(machine.snapshot, quiet)
    np.testing.assert_allclose(
        distribution(lift(pub.circuit, (), noise), np.zeros(0), [0])[1], decayed, rtol=1e-9
    )
    with Store(tmp_path / "store.sqlite") as store:
        store.put_spec(spec)
        assert store.spec(spec.key).key == spec.key


def test_nothing_is_stored_that_is_read_back_as_another_circuit(tmp_path):
    named = with_delay(3)
    named.metadata = {"by": object()}
    with Store(tmp_path / "store.sqlite") as store:
        for circuit in (with_delay(3, "us"), with_delay(1, "s", inside=True), named):
            with pytest.raises(SpecError, match="the same after it was written as QPY"):
                store.put_spec(JobSpec((Pub.bound(circuit),), 5, "ibm", "ibm_boston"))
        assert store.jobs() == ()


@pytest.mark.parametrize("unit", ["s", "us", "ps"])
def test_rows_of_older_versions_get_back_the_unit_that_their_key_was_made_with(
    tmp_path, monkeypatch, unit
):
    spec = JobSpec((Pub.bound(with_delay(200, unit, inside=True)),), 5, "ibm", "ibm_boston")
    with Store(tmp_path / "store.sqlite") as store:
        monkeypatch.setattr(
            spec_rows, "_packed", lambda pub: pack_circuit(pub.circuit)
        )  # what was read back nobody asked
        store.put_spec(spec)
        (pub,) = store.spec(spec.key).pubs
    assert list(delays(pub.circuit)) == [(200.0, unit)]


@pytest.mark.parametrize("backend", ["fake_brisbane", "fake_algiers"])
def test_our_own_circuits_keep_the_alignment_of_the_machine(backend):
    device = snapshot(backend)
    assert device.timing["pulse_alignment"] > 1
    for decoupling in (None, "xx", "xy4"):
        made = transpile_step(
            circuits.architecture("dynamic-line"), device, seed=0, decoupling=decoupling
        )
        unrolled = made.unroll(2).circuit
        bound = unrolled.assign_parameters(np.full(unrolled.num_parameters, 0.3))
        for circuit in (bound, fold(bound, 3)):
            found = preflight(circuit, made.snapshot.target(), shots=10)
            assert not [one for one in found if one.rule.startswith("delay")]


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("length", "unit"), [(1e30, "s"), (1e300, "ns"), (2**54, "dt")])
def test_a_delay_that_no_clock_counts_is_refused(length, unit, inside):
    with pytest.raises(SpecError, match=r"at most 2\^53 dt.*Got [0-9.]+e\+[0-9]+ dt"):
        in_dt(with_delay(length, unit, inside=inside), DT)
    longest = with_delay(2**53, "dt", inside=inside)
    assert in_dt(longest, DT) is longest
