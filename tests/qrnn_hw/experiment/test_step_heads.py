"""A head on the bits of every step, measured: its mitigation, its tiles, its exact law."""

from dataclasses import replace
from datetime import UTC, datetime

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.exact.logical import logical_model
from circuits.exact.noise import Noise
from circuits.layers.feedback import ConditionalRotation, Measure, Reset
from jobs.aer.static_rows import exact_distribution
from jobs.spec import PubResult
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import circuit_distribution, sequence_model
from qrnn_hw.data.loss import loss
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.forecast import bound_step
from qrnn_hw.experiment.measured import Measured
from qrnn_hw.experiment.output_law import OutputLaw, moments_of
from qrnn_hw.experiment.readout_circuits import check_products
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.step_forecast import step_world
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.mitigation.shot_numbers import Readout
from qrnn_hw.mitigation.stack import construct_circuits
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.head_options import HeadOptions
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.recorded import drawn, estimated
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.networks.step_readings import StepReadings, products_of

BOSTON = snapshot("fake_boston")
TRANSPILED = transpile_step(circuits.architecture("dynamic-line"), BOSTON, seed=7)
P01, P10 = 0.12, 0.2


def head_of(architecture, steps, *, per_step=False, k=1, seed=0):
    network = network_of(
        architecture, 2, target=Numbers(tuple("abc"[:k]), per_step=per_step), steps=steps
    )
    r = np.random.default_rng(seed).normal(size=(network.n_readings, k))
    return ShotHead(r, steps, per_step, architecture.n_bits, len(architecture.readout))


def encoded_of(architecture, lengths, seed=4):
    rng = np.random.default_rng(seed)
    features = rng.uniform(0.5, 2, (len(lengths), max(lengths), architecture.n_features))
    return Encoded(rng.uniform(-2, 2, architecture.n_weights), features, np.array(lengths))


def law_of_all_bits(circuit, n_steps, noise, law=circuit_distribution):
    """Return p of the bits of every step and of the outcome, and these bits."""
    names = [*(f"m{step}" for step in range(n_steps)), "out"]
    registers = {one.name: one for one in circuit.cregs}
    keep = [circuit.find_bit(bit).index for name in names for bit in registers[name]]
    found = np.clip(law(circuit, noise, keep), 0, None)
    bits = np.arange(found.size)[:, None] >> np.arange(len(keep)) & 1
    n_out = registers["out"].size
    return found / found.sum(), bits[:, :-n_out].reshape(found.size, n_steps, -1), bits[:, -n_out:]


def written_out(head, steps, out):
    """Return what each bit string puts out, by the definition: products, then R."""
    made = [products_of(steps, head.steps.degree), products_of(out, head.steps.degree)]
    lengths = np.full(len(steps), steps.shape[1])
    joined = head.steps.joined(*made, lengths, per_step=head.per_step)
    return (np.asarray(joined) @ head.coefficients).reshape(len(steps), -1)


@pytest.mark.parametrize("model", ["dynamic-line", pytest.param("v3a", marks=pytest.mark.slow)])
def test_mean_and_variance_of_a_shot_are_those_of_the_joint_law_of_all_bits_by_aer(model):
    """v3a feeds the bits of a step forward in the next one, operation by operation."""
    architecture = circuits.architecture(model, mode="sampled")
    transpiled = transpile_step(architecture, BOSTON, seed=7)
    noise, encoded = DeviceNoise(transpiled.snapshot), encoded_of(architecture, (2,))
    bound = transpiled.unroll(2).bind(encoded.features[0, :2], encoded.circuit)
    law, steps, out = law_of_all_bits(bound, 2, noise, exact_distribution)
    per_step = model == "v3a"
    head = head_of(architecture, StepReadings(2, 2, 0 if per_step else 2), per_step=per_step, k=2)
    values = written_out(head, steps, out)
    mean, variance = moments_of(sequence_model(transpiled, noise), encoded, head)
    np.testing.assert_allclose(mean.ravel(), law @ values, atol=1e-10)
    np.testing.assert_allclose(variance.ravel(), law @ values**2 - (law @ values) ** 2, atol=1e-10)
    records = steps @ (1 << np.arange(steps.shape[-1]))
    outcomes = out @ (1 << np.arange(out.shape[-1]))
    shot = head.numbers(2).of_shots(outcomes, records)
    np.testing.assert_allclose(shot, values, atol=1e-12)


class Misread(Noise):
    """Readout errors alone."""

    dt_seconds = 1e-9

    def channel(self, name, qubits):
        return None

    def idle(self, qubit, seconds):
        return None

    def readout(self, name, qubit):
        return np.array([[1 - P01, P01], [P10, 1 - P10]])


def test_relabelling_and_readout_give_the_ideal_outputs_of_a_head_on_every_step():
    """With readout errors alone; either by itself does not, and extrapolates nothing."""
    line = circuits.architecture("dynamic-line")
    transpiled = transpile_step(line, BOSTON, seed=7)
    head, encoded = head_of(line, StepReadings(2)), encoded_of(line, (2,))
    names = ("none", "terminal", "relabel", "relabel + terminal")
    one = Evaluation(
        transpiled,
        DeviceNoise(transpiled.snapshot),
        encoded,
        head,
        tuple(map(parse_stack, names)),
        2_000_000,
        RunSettings().seeds,
        BOSTON.n_qubits,
    )
    known = one._fed_forward[2]
    one.__dict__["_fed_forward"] = {
        2: replace(known, p01=(P01,) * known.n_bits, p10=(P10,) * known.n_bits)
    }
    place = np.arange(one.shots.calibration)[None, :, None]
    zeros = place < round(P01 * place.size), place >= round(P10 * place.size)
    bits = [np.broadcast_to(zeros[n % 2], (1, place.size, 2)).astype(np.uint8) for n in range(4)]
    results = {"readout": tuple(PubResult({"out": one}) for one in bits)}
    for role, (members, shots) in one.jobs.items():
        results[role] = tuple(
            exact_registers(batch, stack, term, shots) for batch, stack, term in members
        )
    measured = Measured(one, results, datetime.now(UTC))
    (batch,) = one.batches
    bound = batch.circuit.assign_parameters(batch.pub(batch.circuit).parameters[0])
    law, steps, out = law_of_all_bits(bound, 2, None)
    ideal = float(law @ written_out(head, steps, out)[:, 0])
    found = {s.name: float(measured.outputs(s, one.shots)[0, 0]) for s in one.stacks}
    assert abs(found["relabel + terminal"] - ideal) < 2e-3
    for name in names[:3]:
        assert abs(found[name] - ideal) > 0.02
    # A forecast knows each mean before a shot is spent.
    same = ReadoutCalibration((P01,) * 2, (P10,) * 2, (0.0,) * 2, (0.0,) * 2, datetime.now(UTC))
    steps_of = {1.0: bound_step(transpiled, encoded.circuit)}
    world = step_world(steps_of, Misread(), encoded, head, Readout(same, same))
    for stack in one.stacks:
        mean, _ = world(stack, 1.0, stack.exponent(1.0))
        assert mean[0, 0] == pytest.approx(found[stack.name], abs=2e-3)


def exact_registers(batch, stack, term, shots):
    """Return bits in the proportions of the law under readout errors alone."""
    (circuit,) = construct_circuits(batch.circuit, stack, [term])
    bound = circuit.assign_parameters(batch.pub(circuit).parameters[0])
    law, steps, out = law_of_all_bits(bound, 2, Misread())
    golden = np.arange(1, shots + 1) * (np.sqrt(5) - 1) / 2 % 1  # evenly spread
    chosen = np.minimum(np.searchsorted(np.cumsum(law), golden), law.size - 1)
    registers = {f"m{t}": steps[chosen, t][None].astype(np.uint8) for t in range(2)}
    return PubResult({**registers, "out": out[chosen][None].astype(np.uint8)})


def test_products_are_corrected_only_where_all_bits_are_measured_before_a_branch_reads_one():
    line = circuits.architecture("dynamic-line")
    first, second = line.data_qubits
    turns = (Measure((first,)), ConditionalRotation(bit=0, wire=second, axes="y"))
    between = replace(
        line, name="between", cell=(*turns, Second((second,)), Reset((first, second)))
    )
    chosen, terminal = StepReadings(2), [parse_stack("terminal")]
    check_products(transpile_step(line, BOSTON, seed=7), head_of(line, chosen), terminal)
    one = transpile_step(between, BOSTON, seed=7)
    with pytest.raises(UsageError, match="before a branch reads one. Got terminal for between"):
        check_products(one, head_of(between, chosen), terminal)
    check_products(one, head_of(between, StepReadings(2, degree=1)), terminal)
    check_products(one, head_of(between, chosen), [parse_stack("linear(1,3)")])


class Second(Measure):
    """A measurement into the second bit."""

    def append(self, circuit, binding):
        circuit.measure(self.wires[0], binding.bits[1])


@pytest.mark.slow
def test_shots_of_a_step_that_reads_the_bits_before_it_are_those_of_the_exact_law():
    architecture = circuits.architecture("adapted", mode="sampled")
    encoded, model = encoded_of(architecture, (2,)), logical_model(architecture)
    head = head_of(architecture, StepReadings(2))
    law = OutputLaw(model, encoded, head, Numbers(("a",)))
    shots = drawn(model, encoded, 20_000, np.random.default_rng(1))
    found = estimated(shots, head.steps, head.coefficients, per_step=False)
    error = np.sqrt(law.variances / 20_000)
    assert np.abs((found.value - law.outputs) / error).max() < 4
    assert found.covariance[0, 0, 0] == pytest.approx(error[0, 0] ** 2, rel=0.05)


def test_the_gradient_under_noise_is_that_of_finite_differences():
    line = circuits.architecture("dynamic-line")
    model = sequence_model(TRANSPILED, DeviceNoise(TRANSPILED.snapshot))
    target = Classes(("a", "b"), per_step=True)
    network = network_of(line, 1, target=target, steps=StepReadings(2))
    reader, rng = network.reader(model), np.random.default_rng(2)
    values, lengths = jnp.asarray(rng.uniform(-1, 1, (3, 2, 1))), jnp.array([2, 1, 2])
    wanted = rng.integers(0, 2, (3, 2))

    @jax.jit
    @jax.value_and_grad
    def of(parameters):
        return loss(target, network.outputs(parameters, values, lengths, reader), wanted, lengths)

    first = network.initial(4)
    along = {name: rng.normal(size=value.shape) for name, value in first.items()}
    _, slopes = of(first)
    exact = sum(float((slopes[name] * along[name]).sum()) for name in first)
    h = 1e-5
    moved = [{name: first[name] + sign * h * along[name] for name in first} for sign in (1, -1)]
    assert exact == pytest.approx(float(of(moved[0])[0] - of(moved[1])[0]) / (2 * h), rel=1e-6)


@pytest.mark.slow
def test_flips_and_half_widths_are_those_of_drawn_shots():
    line = circuits.architecture("dynamic-line")
    encoded, model = encoded_of(line, (3, 2)), logical_model(line)
    shots, repeats = 40, 1000
    many = drawn(model, encoded, shots * repeats, np.random.default_rng(5))
    for k in (1, 3):
        head = head_of(line, StepReadings(2, 2, 1), k=k)
        target = Classes(tuple("abc"[: max(2, k)]))
        law = OutputLaw(model, encoded, head, target)
        one = estimated(many, head.steps, head.coefficients, per_step=False)
        np.testing.assert_allclose(
            law.variances,
            np.diagonal(one.covariance, axis1=1, axis2=2) * shots * repeats,
            rtol=0.05,
        )
        values = np.stack(
            [many.shot_readings(row, head.steps, per_step=False) @ head.coefficients
             for row in range(2)]
        )  # fmt: skip
        means = values.reshape(2, repeats, shots, k).mean(axis=2)
        exact = law.outputs
        if k == 1:
            flips = ((means > 0) != (exact > 0)[:, None])[..., 0].mean(axis=1)
            np.testing.assert_allclose(law.flips(shots), flips, atol=0.05)
        else:
            flips = (means.argmax(axis=2) != exact.argmax(axis=1)[:, None]).mean(axis=1)
            assert (law.flips(shots) > flips - 0.05).all()  # a union bound
            assert (law.flips(shots) < 2 * flips + 0.05).all()


def test_what_a_head_is_to_read_is_told_by_the_data_and_refused_by_name():
    from qrnn_hw.data.sequences import Sequences

    rows = Sequences(np.zeros((3, 6, 1)), np.array([6, 6, 6]))
    unlike = replace(rows, lengths=np.array([6, 3, 5]))
    labels, steps = Classes(("a", "b")), HeadOptions("steps", 1)
    assert HeadOptions().readings(labels, rows) is None
    assert steps.readings(labels, rows) == StepReadings(6, 1)
    assert steps.readings(labels, unlike) == StepReadings(1, 1, 3)
    assert HeadOptions().readings(replace(labels, per_step=True), unlike) == StepReadings(6)
    with pytest.raises(UsageError, match="outcome answers once. Got the reading final"):
        HeadOptions("final").readings(replace(labels, per_step=True), rows)
    for wrong in ({"reading": "all"}, {"degree": 0}, {"reading": "final", "degree": 1}):
        with pytest.raises(UsageError, match="Got"):
            HeadOptions(**wrong)
    with pytest.raises(UsageError, match="record bits within one circuit.*Got sim-v1 in coherent"):
        RunSettings(model="sim-v1", head=HeadOptions("steps"))
    again = RunSettings.from_json(RunSettings(head=steps).to_json(), RunSettings().output)
    assert again.head == steps
