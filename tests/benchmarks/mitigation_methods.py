"""What each method of mitigation must reach by itself: folding, relabelling, final readout."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec

import numpy as np
from mitigation_family import N_STEPS, NOISE, Z, calibrated, referee, reference_family, rms
from qiskit import QuantumCircuit, transpile
from qiskit.primitives.containers.sampler_pub import SamplerPub
from rows import at_most, row

from calibration.errors import CalibrationError
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.branch_angles import share_branches
from qrnn_hw.mitigation.combining import outcome_numbers
from qrnn_hw.mitigation.folding import count_folded, fold
from qrnn_hw.mitigation.labels import all_masks, first_order
from qrnn_hw.mitigation.readout import correct_product
from qrnn_hw.mitigation.relabel import relabel
from qrnn_hw.mitigation.stack import Stack, share_shots, terms
from qrnn_hw.mitigation.zne import ZNEPlan, circuit_weights, construct_circuits
from qrnn_hw.submission.stored_jobs import check_offline

REFERENCE_SEED = 11  # the family that the targets were set on
REFERENCE_RAW = {
    referee.NO_READOUT_ERROR: 0.0437,
    referee.READOUT_ERROR_ONLY: 0.0228,
    NOISE: 0.0593,
}


def against_target(family, name, measured, target, noise):
    """Hold a figure against the target; of another family also against one scaled with its bias."""
    yield at_most(f"{name}, {family.label}", measured, target)
    if family.seed != REFERENCE_SEED:
        scaled = round(target * max(1.0, family.raw(noise) / REFERENCE_RAW[noise]), 5)
        yield at_most(f"{name}, {family.label}, target scaled with the raw bias", measured, scaled)


def folding_rows(family):
    noise = referee.NO_READOUT_ERROR
    yield row(f"raw RMS bias, gates and idling, {family.label}", family.raw(noise), None, True)
    for factors, gates, stretch in (
        ((1, 3, 5), "all", True),
        ((1, 3, 5), "all", False),
        ((1, 3, 5), "two-qubit", False),
        ((1, 3, 5, 7), "all", True),
    ):
        plan = ZNEPlan(factors, "richardson", gates=gates, stretch_delays=stretch)
        values = np.array(
            [
                [referee.expectation(one, noise) for one in construct_circuits(c, plan)]
                for c in family.circuits
            ]
        )
        measured = rms(values @ circuit_weights(plan) - family.ideal)
        numbers = ",".join(map(str, factors))
        name = f"RMS bias, richardson({numbers}), folding {gates}{', stretching' * stretch}"
        if stretch and len(factors) == 3:
            yield from against_target(family, name, measured, 0.0075, noise)
        else:
            yield row(f"{name}, {family.label}", measured, None, True)


def structure_rows(family):
    worst, miscounted, lost = 0.0, 0, 0
    for circuit in family.circuits:
        folded = fold(circuit, 3)
        difference = referee.distribution(folded, referee.IDEAL) - referee.distribution(
            circuit, referee.IDEAL
        )
        worst = max(worst, float(np.abs(difference).max()))
        miscounted += count_folded(folded) != 3 * count_folded(circuit)
        for level in range(4):
            again = transpile(folded, basis_gates=reference_family.BASIS, optimization_level=level)
            lost += count_folded(again) != 3 * count_folded(circuit)
    yield at_most(f"ideal distribution moved by folding, {family.label}", worst, 1e-12)
    yield at_most(f"circuits with a wrong count of folded gates, {family.label}", miscounted, 0)
    yield at_most(f"circuits that lose folds at optimisation levels 0-3, {family.label}", lost, 0)


def readout_rows(family):
    noise, calibration = referee.READOUT_ERROR_ONLY, calibrated(N_STEPS)
    numbers = outcome_numbers(Z, Stack(terminal=True), calibrated(1))
    first, every = first_order(calibration), all_masks(calibration)
    errors = {"first order": [], "all masks": []}
    n_rows = set()
    for circuit, ideal in zip(family.circuits, family.ideal, strict=True):
        shared = share_branches(circuit)
        rows = shared.rows(every.masks)
        n_rows.add(SamplerPub.coerce((shared.circuit, rows)).shape)
        values = {
            mask: referee.distribution(_bound(shared, angles), noise, [N_STEPS]) @ numbers
            for mask, angles in zip(every.masks, rows, strict=True)
        }
        for name, relabelling in (("first order", first), ("all masks", every)):
            pairs = zip(relabelling.masks, relabelling.weights, strict=True)
            errors[name].append(sum(weight * values[mask] for mask, weight in pairs) - ideal)
    yield row(f"raw RMS bias, readout only, {family.label}", family.raw(noise), None, True)
    name = "first order, readout only"
    yield from against_target(family, name, rms(errors["first order"]), 8e-4, noise)
    yield at_most(f"all masks, readout only, {family.label}", rms(errors["all masks"]), 1e-12)
    shapes = [list(shape) for shape in sorted(n_rows)]
    name = f"rows of the one PUB that holds all masks of a circuit, {family.label}"
    yield row(name, shapes, [[243]], shapes == [[243]])


def _bound(shared, angles):
    return shared.circuit.assign_parameters(dict(zip(shared.parameters, angles, strict=True)))


def terminal_rows():
    generator = np.random.default_rng(1)
    bits = generator.integers(0, 2, size=(100_000, 20), dtype=np.uint8)
    start = time.perf_counter()
    correct_product(bits, calibrated(20))
    ours = time.perf_counter() - start
    few = bits[:2000, :6]
    start = time.perf_counter()
    correct_product(few, calibrated(6))
    ours_small = time.perf_counter() - start
    yield at_most("terminal correction of 20 bits, 100,000 shots (s)", ours, 1.0)
    if find_spec("mitiq") is not None:
        yield row("Mitiq rem, 6 bits, 2,000 shots (s)", mitiq_seconds(few), None, True)
    yield row("terminal correction, the same 6 bits, 2,000 shots (s)", ours_small, None, True)


def mitiq_seconds(bits):
    from mitiq import MeasurementResult
    from mitiq.rem import generate_tensored_inverse_confusion_matrix, mitigate_measurements

    one = np.array([[1 - NOISE.p01, NOISE.p10], [NOISE.p01, 1 - NOISE.p10]])
    matrix = generate_tensored_inverse_confusion_matrix(6, [one] * 6)
    start = time.perf_counter()
    mitigate_measurements(MeasurementResult(bits.tolist()), matrix)
    return time.perf_counter() - start


def refusal_rows(family):
    circuit = family.circuits[0]
    looped = QuantumCircuit(1, 1)
    with looped.while_loop((looped.clbits[0], 1)):
        looped.x(0)
    stale = replace(calibrated(1), measured_at=datetime.now(UTC) - timedelta(days=2))
    refused = {
        "a while loop": lambda: relabel(looped, ()),
        "a plan that relabels stored bits": lambda: check_offline(Stack(None, "invert")),
        "a stale calibration": lambda: stale.check_fresh(timedelta(days=1)),
        "a singular confusion matrix": lambda: replace(calibrated(1), p01=(0.5,), p10=(0.5,)),
        "too few shots": lambda: share_shots(3, terms(Stack(None, "invert"), calibrated(2))),
        "an exponential fit": lambda: ZNEPlan(extrapolation="exp"),
        "a factor below one": lambda: fold(circuit, 0.5),
    }
    for name, action in refused.items():
        try:
            action()
            message = ""
        except (UsageError, CalibrationError) as error:
            message = str(error)
        yield row(f"refused: {name}", message, "one line", message.count("\n") == 0 < len(message))
    declined = family.plan(16).declined
    named = bool(declined) and all(one.reason for one in declined)
    yield row("stacks declined at 16 shots, each with its reason", len(declined), ">= 1", named)
