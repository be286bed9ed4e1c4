"""The networks of `make bench-tasks`: five qubits under FakeBoston's noise, and how they learn."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.definition import Architecture
from circuits.exact.logical import logical_model
from circuits.exact.sequence import SequenceModel
from circuits.layers.cells import Entangle, Rotations
from circuits.layers.encoders import dense_angle_encoding
from circuits.layers.feedback import ConditionalRotation, Measure, Reset
from jobs.transpile.isa import TranspiledStep, transpile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.data.dataset import Parts
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, score
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.training.adam import Adam
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.reservoir import exact_readings, ridge_start
from qrnn_hw.training.shot_noise import drawn_readings
from qrnn_hw.training.trainer import start, train

Row = dict[str, Any]
DEVICE = "fake_boston"
SHOTS = 1000
SMALL = 0.2
"""Deviation of a feature before the tanh at the start: near its offset the angle is linear."""

HIDDEN, DATA = (0, 4), (1, 2, 3)
FIVE = Architecture(
    name="line-of-five",
    n_qubits=5,
    n_features=6,
    encoder=(dense_angle_encoding(DATA, ("y", "z")),),
    cell=(
        Rotations(HIDDEN, "zyz"),
        Rotations(DATA, "yz"),
        Entangle(((1, 0), (3, 4), (2, 1), (2, 3))),
        Rotations((0, 1, 2, 3, 4), "y"),
        Entangle(((0, 1), (4, 3))),
        Measure(DATA),
        ConditionalRotation(bit=0, wire=0, axes="y"),
        ConditionalRotation(bit=2, wire=4, axes="y"),
        Reset(DATA),
    ),
    readout=HIDDEN,
    data_qubits=DATA,
    n_bits=3,
    modes=("sampled",),
    mode="sampled",
    summary="dynamic-line with a third data qubit in the middle",
)


AROUND = (0, 1, 3, 4)
AROUND_ONE = Architecture(
    name="four-around-one",
    n_qubits=5,
    n_features=8,
    encoder=(dense_angle_encoding(AROUND, ("y", "z")),),
    cell=(
        Rotations((2,), "zyz"),
        Rotations(AROUND, "yz"),
        Entangle(((0, 1), (4, 3))),
        Rotations(AROUND, "y"),
        Entangle(((1, 2), (3, 2))),
        Rotations((0, 1, 2, 3, 4), "y"),
        Entangle(((1, 0), (3, 4))),
        Rotations(AROUND, "y"),
        Measure(AROUND),
        ConditionalRotation(bit=1, wire=2, axes="y"),
        ConditionalRotation(bit=2, wire=2, axes="y"),
        Reset(AROUND),
    ),
    readout=(2,),
    data_qubits=AROUND,
    n_bits=4,
    modes=("sampled",),
    mode="sampled",
    summary="four data qubits around one that remembers",
)
"""For classes: a head on every step wants bits of each step more than a memory."""


class Device:
    """A step on FakeBoston, with its noise, and the ideal one."""

    def __init__(self, architecture: Architecture = FIVE) -> None:
        self.architecture = architecture

    @cached_property
    def transpiled(self) -> TranspiledStep:
        """The step for the machine."""
        return transpile_step(self.architecture, snapshot(DEVICE), seed=7)

    @cached_property
    def noise(self) -> DeviceNoise:
        """What the machine reports of its qubits."""
        return DeviceNoise(self.transpiled.snapshot)

    @cached_property
    def noisy(self) -> SequenceModel:
        """The exact engine under that noise."""
        return sequence_model(self.transpiled, self.noise)

    @cached_property
    def ideal(self) -> SequenceModel:
        """The exact engine without noise."""
        return logical_model(self.architecture)


def learnt(
    network: Network, model: SequenceModel, parts: Parts, options: TrainingOptions, seeds: int
) -> list[TrainedNetwork]:
    """Return the trained networks of all seeds, of classes.

    They start from heads that ridge fits, as those of a run do. Of two draws of a seed the one that
    does better on validation rows is kept.
    """
    reader, both = network.reader(model), (parts.training, parts.validation)

    draws = range(2 * seeds)
    drawn = [network.initial(seed, first_projection(network, parts, seed)) for seed in draws]
    every = [parts.training] * len(draws), [parts.validation] * len(draws)
    stepper = Adam(network, *every, options, draws, readers=[reader])
    first = [ridge_start(network, one, both, [reader]) for one in drawn]
    state = train(stepper, options, start(stepper, first))
    trained = [TrainedNetwork(network, state.of(seed)) for seed in draws]
    groups = [trained[seed::seeds] for seed in range(seeds)]
    return [max(own, key=lambda one: score_of(one, reader, parts.validation)) for own in groups]


def first_projection(network: Network, parts: Parts, seed: int) -> NDArray[np.float64]:
    """Return P to start from: small, of classes the directions that part their steps."""
    rows, width = parts.training, network.architecture.n_features
    if isinstance(network.target, Classes):
        steps = rows.values[rows.mask]
        labels = np.repeat(rows.known_targets, rows.lengths)
        found = LinearDiscriminantAnalysis().fit(steps, labels).scalings_[:, :width]
        return np.asarray(SMALL * found / (steps @ found).std(axis=0))
    generator = np.random.default_rng(seed)
    return np.asarray(generator.uniform(-2, 2, (rows.dim, width)) * SMALL / rows.dim**0.5)


def score_of(
    one: TrainedNetwork, reader: Any, rows: Sequences, n_shots: int | None = None, seed: int = 0
) -> float:
    """Return the score of answers at infinite shots, or from so many."""
    network = one.network
    read = exact_readings(network, one.parameters, rows, reader)
    if n_shots is not None:
        read = drawn_readings(network, read, n_shots, np.random.default_rng(seed))
    outputs = read @ np.asarray(one.coefficients)
    return score(network.target, outputs, rows.known_targets)
