"""What each mitigation would do to a trained model on a machine, before any shot is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from calibration.noise import DeviceNoise, NoiseScale
from circuits.exact.noise import Noise
from circuits.exact.sequence import SequenceModel
from jobs.transpile.isa import TranspiledStep
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.experiment.readout_power import ReadoutPower
from qrnn_hw.experiment.step_forecast import step_world
from qrnn_hw.mitigation.candidates import default_stacks
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.noise_level import N_NODES, REPORTED, NoiseLevel, fit_noise_level
from qrnn_hw.mitigation.plan import MitigationPlan
from qrnn_hw.mitigation.readout import read_distribution
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.mitigation.relabel import fed_forward_slots
from qrnn_hw.mitigation.shot_numbers import Readout
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.worlds import World, by_outcomes
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead

Array = NDArray[np.float64]
Outcomes = Callable[[float, float], Array]
After = Callable[[int, int], None]


def bound_step(transpiled: TranspiledStep, circuit: NDArray[np.float64]) -> TranspiledStep:
    """Return the step with its trained weights as numbers: most of it then fuses when lifted."""
    values = dict(zip(transpiled.weights, circuit.tolist(), strict=True))

    def bound(circuit: QuantumCircuit) -> QuantumCircuit:
        used = {one: value for one, value in values.items() if one in circuit.parameters}
        return circuit.assign_parameters(used)

    return replace(
        transpiled, step=bound(transpiled.step), closing=bound(transpiled.closing), weights=()
    )


def folded_step(transpiled: TranspiledStep, scale_factor: float) -> TranspiledStep:
    """Fold the step and the closing part, which is to fold every circuit that is made of them."""
    return replace(
        transpiled,
        step=fold(transpiled.step, scale_factor),
        closing=fold(transpiled.closing, scale_factor),
        first=None if transpiled.first is None else fold(transpiled.first, scale_factor),
    )


def scaled_model(
    transpiled: TranspiledStep, noise: Noise, scale_factor: float, exponent: float
) -> SequenceModel:
    """Lift the folded step and closing part; mid-circuit bits are read with A^exponent, final true.

    Readout is final in the closing part alone, so the exponent acts on the step alone.

    Args:
        transpiled: step on its active qubits.
        noise: of the same qubits.
        scale_factor: an odd integer; see `folding.fold`.
        exponent: 0 where signed relabelling undoes the errors that branches act on, 1 where they
            are left, the scale factor where they are amplified with it.
    """
    folded = folded_step(transpiled, scale_factor)
    true = sequence_model(folded, ReadoutPower(noise, 0))
    if exponent == 0 or not transpiled.architecture.n_bits:
        return true
    powered = sequence_model(folded, ReadoutPower(noise, int(exponent)))
    return replace(true, step=powered.step, first=powered.first)


def exact_outcomes(
    transpiled: TranspiledStep,
    noise: Noise,
    encoded: Encoded,
    terminal: ReadoutCalibration,
) -> Outcomes:
    """Return the exact distributions read, (n, 2**m), by scale factor and exponent, for a plan.

    The final bits are read with the errors of `terminal`: a plan that corrects them with measured
    rates and forecasts them with reported ones sees a bias that is not there.

    Nothing is compiled: each model is asked once, and compiling takes longer than running.
    """
    bound = bound_step(transpiled, encoded.circuit)
    given = jnp.asarray(encoded.features), jnp.asarray(encoded.lengths)

    def outcomes(scale_factor: float, exponent: float) -> NDArray[np.float64]:
        model = scaled_model(bound, noise, scale_factor, exponent)
        true = np.asarray(model.distributions(jnp.zeros(0), *given))
        return read_distribution(true, terminal)

    return outcomes


def measured_noise_level(
    transpiled: TranspiledStep,
    noise: DeviceNoise,
    encoded: Encoded,
    counts: Mapping[float, NDArray[np.int64]],
    terminal: ReadoutCalibration,
    after: After = lambda done, total: None,
) -> NoiseLevel:
    """Fit one factor on all reported rates but readout to what folded and plain circuits read.

    Args:
        transpiled: step on its active qubits.
        noise: as reported.
        encoded: sentences.
        counts: by scale factor, shots that read each outcome. Shape of each: (n, 2**m).
        terminal: calibration of the final bits.
        after: called after each exact evolution, with their number so far and in all.
    """
    done = count(1)

    def probabilities(factor: float) -> NDArray[np.float64]:
        scaled = at_level(noise, factor)
        outcomes = exact_outcomes(transpiled, scaled, encoded, terminal)
        table = np.concatenate([outcomes(scale_factor, 1) for scale_factor in counts])
        after(next(done), N_NODES)
        return table

    return fit_noise_level(np.concatenate(list(counts.values())), probabilities)


def at_level(noise: DeviceNoise, factor: float) -> DeviceNoise:
    """Multiply all rates but those of readout: calibrations, which corrections use, give them."""
    return noise.scaled(NoiseScale(gate=factor, idle=factor, reset=factor))


def fed_forward_readout(
    transpiled: TranspiledStep, noise: DeviceNoise, steps: int
) -> ReadoutCalibration | None:
    """Return the reported readout errors of the bits that branches read; None if there are none.

    Args:
        transpiled: step on its active qubits.
        noise: of the same qubits.
        steps: T of the circuit.
    """
    circuit = transpiled.unroll(steps).circuit
    return _reported(circuit, fed_forward_slots(circuit), noise)


def final_readout(transpiled: TranspiledStep, noise: DeviceNoise) -> ReadoutCalibration:
    """Return the reported readout errors of the final bits, for before any are measured."""
    found = _reported(transpiled.closing, range(len(transpiled.closing.data)), noise)
    assert found is not None  # every model reads something
    return found


def _reported(
    circuit: QuantumCircuit, slots: Iterable[int], noise: DeviceNoise
) -> ReadoutCalibration | None:
    """Return the reported errors of the measurements among some instructions, in their order."""
    matrices = [
        noise.readout(one.operation.name, circuit.find_bit(one.qubits[0]).index)
        for one in (circuit.data[slot] for slot in slots)
        if one.operation.name.startswith("measure")
    ]
    if not matrices:
        return None
    exact = (0.0,) * len(matrices)
    return ReadoutCalibration(
        p01=tuple(float(matrix[0, 1]) for matrix in matrices),
        p10=tuple(float(matrix[1, 0]) for matrix in matrices),
        p01_standard_error=exact,
        p10_standard_error=exact,
        measured_at=datetime.fromisoformat(noise.snapshot.taken),
    )


def forecast(
    transpiled: TranspiledStep,
    noise: DeviceNoise,
    encoded: Encoded,
    head: ShotHead,
    *,
    shots: int,
    ideal: NDArray[np.float64],
    terminal: ReadoutCalibration,
    level: NoiseLevel = REPORTED,
    candidates: Sequence[Stack] | None = None,
    interleaved: bool = False,
    after: After = lambda done, total: None,
) -> MitigationPlan:
    """Choose among all stacks by bias^2 + variance under the noise at its likely levels.

    Relabelling is priced for the longest sentence, which has the most fed-forward bits.

    Args:
        transpiled: step on its active qubits.
        noise: of the same qubits.
        encoded: sentences.
        head: what a shot adds to the outputs.
        shots: for each sentence, shared by all circuits of a stack.
        ideal: outputs without noise. Shape: (n, k), per step (n, T, k).
        terminal: calibration of the final bits; of a head that reads every step the reported one is
            taken, as it is for the bits of the steps.
        level: what is believed about the factor on all reported rates but readout.
        candidates: stacks to compare; all of `plan.default_stacks` if None.
        interleaved: whether all scale factors run in the same repetitions.
        after: called after each exact evolution, with their number so far and in all.

    Raises:
        UsageError: fewer than two shots.
    """
    fed_forward = fed_forward_readout(transpiled, noise, int(encoded.lengths.max()))
    if candidates is None:
        candidates = default_stacks(0 if fed_forward is None else fed_forward.n_bits)
    asked = {(s, one.exponent(s)) for one in (Stack(), *candidates) for s, _ in one.scales()}
    total, done = len(asked) * len(level.nodes()), count(1)
    seen: set[tuple[float, float, float]] = set()

    def told(world: World, factor: float) -> World:
        def answer(stack: Stack, scale_factor: float, exponent: float) -> tuple[Array, Array]:
            found = world(stack, scale_factor, exponent)
            if (factor, scale_factor, exponent) not in seen:
                seen.add((factor, scale_factor, exponent))
                after(next(done), total)
            return found

        return answer

    # Folded once for all levels: what is compiled of one serves the others.
    folded = _Folded(bound_step(transpiled, encoded.circuit))
    readout = None if head.steps is None else reported_readout(transpiled, noise)

    def world_at(factor: float) -> World:
        scaled = at_level(noise, factor)
        if readout is not None:
            return step_world(folded, scaled, encoded, head, readout)
        outcomes = exact_outcomes(transpiled, scaled, encoded, terminal)
        return by_outcomes(outcomes, head.coefficients, terminal, len(encoded))

    return MitigationPlan.among(
        shots,
        candidates,
        ideal=ideal,
        worlds=[(told(world_at(factor), factor), chance) for factor, chance in level.nodes()],
        fed_forward=fed_forward,
        interleaved=interleaved,
    )


class _Folded(dict[float, TranspiledStep]):
    """A step by the scale factor that it is folded with, each made when it is asked for."""

    def __init__(self, step: TranspiledStep) -> None:
        super().__init__()
        self._step = step

    def __missing__(self, scale_factor: float) -> TranspiledStep:
        self[scale_factor] = folded_step(self._step, scale_factor)
        return self[scale_factor]


def reported_readout(transpiled: TranspiledStep, noise: DeviceNoise) -> Readout:
    """Return the reported errors of the final bits, and of those that a step records."""
    slots = [
        place
        for _, place in sorted(
            (transpiled.step.find_bit(one.clbits[0]).index, place)
            for place, one in enumerate(transpiled.step.data)
            if one.operation.name.startswith("measure")
        )
    ]
    return Readout(final_readout(transpiled, noise), _reported(transpiled.step, slots, noise))
