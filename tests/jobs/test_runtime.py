import json

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import CPhaseGate, CRXGate, CRYGate, CRZGate, RXGate, RYGate, RZZGate
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError
from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.circuit.library import MidCircuitMeasure
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMNotAuthorizedError,
    IBMRuntimeError,
)

from jobs.errors import (
    AuthenticationError,
    JobFailedError,
    ServiceUnavailableError,
    SpecError,
)
from jobs.service.runtime import LocalRuntimeExecutor
from jobs.service.service_errors import one_line, translated
from jobs.spec import JobSpec, Pub


def dynamic_circuit():
    """Rotate and measure one qubit, turn the other by another angle in each branch."""
    first, then, otherwise = Parameter("first"), Parameter("then"), Parameter("otherwise")
    qubits = QuantumRegister(2, "q")
    middle, last = ClassicalRegister(1, "m"), ClassicalRegister(2, "out")
    circuit = QuantumCircuit(qubits, middle, last)
    circuit.rx(first, 0)
    circuit.measure(0, middle[0])
    with circuit.if_test((middle[0], 1)) as else_branch:
        circuit.rx(then, 1)
    with else_branch:
        circuit.ry(otherwise + 0.1, 1)
    circuit.measure(0, last[0])
    circuit.measure(1, last[1])
    return circuit


def probabilities(first, otherwise, then):
    """Return the exact distribution of `dynamic_circuit`'s `out`, index q0 + 2 q1."""
    one = np.sin(first / 2) ** 2
    in_one, in_zero = np.sin(then / 2) ** 2, np.sin((otherwise + 0.1) / 2) ** 2
    return np.array(
        [(1 - one) * (1 - in_zero), one * (1 - in_one), (1 - one) * in_zero, one * in_one]
    )


def spec(*pubs, shots=4000, seed=3):
    return JobSpec(pubs, shots, "aer", "fake_boston", seed=seed)


@pytest.fixture(scope="module")
def executor():
    return LocalRuntimeExecutor(AerSimulator(method="statevector"))


def test_rows_follow_the_exact_distribution(executor):
    values = np.random.default_rng(5).uniform(0.3, 2.5, size=(3, 3))
    circuit = dynamic_circuit()
    assert [p.name for p in circuit.parameters] == ["first", "otherwise", "then"]
    (result,) = executor.run(spec(Pub(circuit, values)))
    shapes = {name: bits.shape for name, bits in result.registers.items()}
    assert shapes == {"m": (3, 4000, 1), "out": (3, 4000, 2)}
    np.testing.assert_array_equal(result.registers["m"][..., 0], result.registers["out"][..., 0])
    for row, angles in enumerate(values):
        counts, expected = result.counts("out", row), 4000 * probabilities(*angles)
        chi_square = sum((counts.get(k, 0) - expected[k]) ** 2 / expected[k] for k in range(4))
        assert chi_square < 21.1  # 3 degrees of freedom, p = 1e-4


def test_the_seed_decides_the_bits(executor):
    pub = Pub(dynamic_circuit(), [[1.0, 1.2, 0.7]])

    def bits(seed):
        return executor.run(spec(pub, shots=200, seed=seed))[0].registers["out"]

    np.testing.assert_array_equal(bits(3), bits(3))
    assert (bits(3) != bits(4)).any()
    assert (bits(None) != bits(None)).any()


def test_equal_pubs_and_equal_rows_draw_independent_bits(executor):
    pub = Pub(dynamic_circuit(), [[1.0, 1.2, 0.7]] * 2)
    one, other = executor.run(spec(pub, pub, shots=400))
    draws = [one.registers["out"][0], one.registers["out"][1], *other.registers["out"]]
    for first in range(4):
        for second in range(first):
            agreement = (draws[first] == draws[second]).all(axis=1).mean()
            assert agreement < 0.5, (first, second)


def test_bound_circuits_and_several_registers_keep_their_order(executor):
    few, many = ClassicalRegister(1, "z"), ClassicalRegister(3, "a")
    circuit = QuantumCircuit(QuantumRegister(2, "q"), few, many)
    circuit.x(1)
    circuit.measure(1, many[2])
    (result,) = executor.run(spec(Pub.bound(circuit), shots=5))
    assert result.counts("a") == {0b100: 5}
    assert result.counts("z") == {0: 5}


def test_the_noise_model_of_the_simulator_is_used():
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0, 1], [1, 0]]))
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    simulator = AerSimulator(method="statevector", noise_model=noise)
    (result,) = LocalRuntimeExecutor(simulator).run(spec(Pub.bound(circuit), shots=50))
    assert result.counts("c") == {1: 50}


@pytest.mark.parametrize("gate", [RXGate, RYGate, RZZGate])
def test_gates_that_may_be_bound_are_bound_rightly(executor, gate):
    angle = Parameter("angle")
    values = np.array([[0.4], [1.3], [2.9]])

    def circuit(value):
        made = QuantumCircuit(2, 2)
        made.h([0, 1])
        made.append(gate(value), [0, 1][: gate(0.0).num_qubits])
        made.sx(0)
        made.sx(1)
        made.measure([0, 1], [0, 1])
        return made

    (rows,) = executor.run(spec(Pub(circuit(angle), values), shots=20_000))
    for row, (value,) in enumerate(values):
        (bound,) = executor.run(spec(Pub.bound(circuit(value)), shots=20_000, seed=9))
        for outcome in range(4):
            difference = rows.counts("c", row).get(outcome, 0) - bound.counts("c").get(outcome, 0)
            assert abs(difference) < 500  # five standard deviations


@pytest.mark.parametrize("gate", [CPhaseGate, CRXGate, CRYGate, CRZGate])
@pytest.mark.parametrize("in_branch", [False, True])
def test_gates_that_aer_binds_wrongly_are_refused(executor, gate, in_branch):
    angle = ParameterVector("x", 1)[0]
    circuit = QuantumCircuit(2, 1)
    if in_branch:
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.append(gate(angle), [0, 1])
    else:
        circuit.append(gate(angle), [0, 1])
    name = gate(0.0).name
    with pytest.raises(SpecError, match=f"rx, ry, rz, rzz.*Got one in {name}"):
        executor.run(spec(Pub(circuit, [[0.3]])))


def test_instructions_unknown_to_aer_are_refused(executor):
    circuit = QuantumCircuit(1, 1)
    circuit.append(MidCircuitMeasure(), [0], [0])
    with pytest.raises(SpecError, match=r"Got measure_2.*Lower"):
        executor.run(spec(Pub.bound(circuit)))


def chained(status):
    """Return what the client raises after re-raising an answer with `status`."""
    try:
        try:
            raise RequestsApiError("418 Client Error for url: http://host", status)
        except RequestsApiError as error:
            raise IBMRuntimeError(f"Failed to run program: {error}") from None
    except IBMRuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (AccountNotFoundError("Unable to find account."), AuthenticationError),
        (IBMNotAuthorizedError("401"), AuthenticationError),
        (IBMInputValueError("does not have access to the instance crn"), AuthenticationError),
        (IBMInputValueError("No pubs provided."), JobFailedError),
        (chained(401), AuthenticationError),
        (chained(403), AuthenticationError),
        (chained(400), JobFailedError),
        (chained(404), JobFailedError),
        (chained(429), ServiceUnavailableError),
        (chained(500), ServiceUnavailableError),
        (chained(-1), ServiceUnavailableError),
        (ConnectionResetError("reset"), ServiceUnavailableError),
        (json.JSONDecodeError("Expecting value", "", 0), ServiceUnavailableError),
    ],
)
def test_the_clients_exceptions_become_ours(raised, expected):
    with pytest.raises(expected, match="should") as caught, translated("submit the job"):
        raise raised
    assert type(caught.value) is expected
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_defects_of_ours_are_not_disguised():
    with pytest.raises(AttributeError), translated("submit the job"):
        raise AttributeError("no attribute")


def test_messages_hold_no_token(monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "short-canary")
    key = "K" * 44
    text = one_line(f"failed for short-canary\nAuthorization: Bearer abc.def apikey={key} {key}")
    for secret in ("short-canary", "abc.def", key):
        assert secret not in text
    assert text.endswith(".")
    assert "\n" not in text
