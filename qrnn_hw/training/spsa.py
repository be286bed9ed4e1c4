"""SPSA on Aer itself: shots or density matrices of the machine.

SPSA needs two values of the loss a step, however many weights there are (Spall, IEEE Trans.
Autom. Control 37, 332, 1992). It estimates all derivatives from one random direction, so the
projection of the inputs, some hundred numbers, stays as it was fitted; all else is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from calibration.noise import DeviceNoise
from jobs.aer.executor import AerExecutor
from jobs.aer.static_rows import RowSimulator
from jobs.spec import JobSpec
from jobs.transpile.isa import TranspiledStep
from qrnn_hw.data.loss import loss as loss_of
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import check_targets, score
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.training.losses import check_robustness, data_loss
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.trainer import Moved, TrainingState

STEPS_PER_EPOCH = 10
PERTURBATION = 0.1
"""Size of SPSA's random step, radians."""

HELD = "projection"


@dataclass(frozen=True)
class AerReadings:
    """Outcome distributions by Aer under a machine's noise, measured or exact."""

    transpiled: TranspiledStep
    noises: tuple[DeviceNoise | None, ...]
    """Of one calibration or more; steps of the training meet them in turn."""

    shots: int
    """Of each sequence; 0 is the exact distribution, of Aer's density matrix."""

    @cached_property
    def _exact(self) -> tuple[RowSimulator, ...]:
        return tuple(RowSimulator(noise) for noise in self.noises)

    def __call__(self, encoded: Encoded, *, seed: int, turn: int = 0) -> NDArray[np.float64]:
        """Return the share of each outcome, shape (n, 2**m).

        Args:
            encoded: n sequences.
            seed: of the shots.
            turn: which calibration, counted through them round and round.
        """
        sentences = sentence_pubs(self.transpiled, encoded)
        noise = self.noises[turn % len(self.noises)]
        if not self.shots:
            simulator = self._exact[turn % len(self.noises)]
            return sentences.by_sentence(simulator.distributions(sentences.pubs))
        spec = JobSpec(
            pubs=sentences.pubs,
            shots=self.shots,
            executor="aer",
            backend=self.transpiled.snapshot.backend,
            seed=seed,
        )
        results = AerExecutor(noise).run(spec)
        return np.asarray(sentences.outcome_counts(results) / self.shots)

    def mean(self, encoded: Encoded, *, seed: int) -> NDArray[np.float64]:
        """Return the mean over all calibrations."""
        each = [self(encoded, seed=seed, turn=turn) for turn in range(len(self.noises))]
        return np.asarray(np.mean(each, axis=0))


def check_aer(network: Network) -> None:
    """Refuse a head that Aer's readings are not for.

    Raises:
        UsageError: it reads the bits of every step.
    """
    if network.steps is not None:
        raise UsageError(
            "Aer's training reads the outcome alone. Got a head that reads the bits of every step; "
            "train it with the exact engine."
        )


@dataclass(frozen=True, eq=False)
class SPSA:
    """Steps of one seed on Aer."""

    network: Network
    readings: AerReadings
    training: Sequences
    validation: Sequences
    options: TrainingOptions

    def __post_init__(self) -> None:
        """Refuse targets that are not the network's, and options that mean nothing for them."""
        for part in (self.training, self.validation):
            check_targets(self.network.target, part)
        check_robustness(self.network, self.options)
        check_aer(self.network)

    def optimiser(self, parameters: Parameters) -> Any:
        """Return nothing: a step depends on its number and the seed alone."""
        return ()

    def epoch(self, state: TrainingState) -> Moved:
        """Take `STEPS_PER_EPOCH` steps."""
        from qiskit_machine_learning.optimizers import SPSA as Algorithm
        from qiskit_machine_learning.utils import algorithm_globals

        parameters, losses = _unstacked(state.parameters), []
        order = np.random.default_rng([self.options.seed, state.finished_epochs])
        for step in range(STEPS_PER_EPOCH):
            rows = order.permutation(len(self.training))[: self.options.batch_size]
            batch, seed = self.training.take(rows), self._seed(state.finished_epochs + 1, step)
            turn = state.finished_epochs * STEPS_PER_EPOCH + step

            def loss(
                point: NDArray[np.float64],
                batch: Sequences = batch,
                like: Parameters = parameters,
                seed: int = seed,
                turn: int = turn,
            ) -> float:
                # Both ends of the step see the same shots' seed: their noise partly cancels.
                value = self._loss(_unpacked(point, like), batch, seed, turn)
                losses.append(value)
                return value

            # One step a call, its direction drawn from a seed of its own: a resumed run repeats it.
            algorithm_globals.random_seed = seed
            algorithm = Algorithm(
                maxiter=1,
                learning_rate=10 * self.options.learning_rate,
                perturbation=PERTURBATION,
            )
            found = algorithm.minimize(loss, _packed(parameters))
            parameters = _unpacked(np.asarray(found.x), parameters)
        keep, before = 0.5 if state.finished_epochs else 0.0, _unstacked(state.average)
        average = {name: keep * before[name] + (1 - keep) * new for name, new in parameters.items()}
        return Moved(_stacked(parameters), (), _stacked(average), np.array([np.mean(losses)]))

    def validate(self, average: Parameters) -> NDArray[np.float64]:
        """Return loss and quality, shape (1, 2)."""
        trained = TrainedNetwork(self.network, _unstacked(average))
        shares = self.readings.mean(trained.encoded(self.validation), seed=self._seed(0, 0))
        held = self.validation
        direct = trained.direct_part(held.values, held.lengths)
        outputs = jnp.asarray(shares @ trained.coefficients + direct)
        given = self.network.target, outputs, held.known_targets, held.lengths
        return np.array([[float(loss_of(*given, scale=self.network.scale)), score(*given)]])

    def _loss(self, parameters: Parameters, batch: Sequences, seed: int, turn: int) -> float:
        trained = TrainedNetwork(self.network, parameters)
        shares = self.readings(trained.encoded(batch), seed=seed, turn=turn)
        given = jnp.asarray(shares), jnp.asarray(trained.coefficients), batch.known_targets
        options, scale = self.options, self.network.scale
        direct = trained.direct_part(batch.values, batch.lengths)
        return float(data_loss(self.network.target, *given, batch.lengths, options, scale, direct))

    def _seed(self, epoch: int, step: int) -> int:
        sequence = np.random.SeedSequence([self.options.seed, epoch, step])
        return int(sequence.generate_state(1)[0]) >> 1


def _trained(parameters: Parameters) -> list[str]:
    """Return the names that are trained; those of every model keep their order."""
    first = ("offset", "circuit", "head")
    return [
        *(name for name in first if name in parameters),
        *sorted(set(parameters) - {*first, HELD}),
    ]


def _packed(parameters: Parameters) -> NDArray[np.float64]:
    return np.concatenate([np.ravel(parameters[name]) for name in _trained(parameters)])


def _unpacked(point: NDArray[np.float64], like: Parameters) -> Parameters:
    names = _trained(like)
    parts = np.split(point, np.cumsum([like[name].size for name in names])[:-1])
    new = {n: jnp.asarray(p.reshape(like[n].shape)) for n, p in zip(names, parts, strict=True)}
    return {**like, **new}


def _stacked(parameters: Parameters) -> Parameters:
    return {name: value[None] for name, value in parameters.items()}


def _unstacked(parameters: Parameters) -> Parameters:
    return {name: value[0] for name, value in parameters.items()}
