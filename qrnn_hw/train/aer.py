"""Training on Aer itself: shots or density matrices of the machine, SPSA for the gradient.

SPSA needs two values of the loss a step, however many weights there are (Spall, IEEE Trans.
Autom. Control 37, 332, 1992). It estimates all derivatives from one random direction, so the
projection of the word vectors, some hundred numbers, stays as it was fitted; rotations, offsets
and decision are trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from calibration.noise import DeviceNoise
from jobs.aer import AerExecutor
from jobs.isa import TranspiledStep
from jobs.spec import JobSpec
from jobs.static_rows import RowSimulator
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.classifier import Examples, Weights, accuracy
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.train.exact import Epoch, TrainingState, data_loss, logistic_loss, stopped
from qrnn_hw.train.options import TrainingOptions

STEPS_PER_EPOCH = 10
PERTURBATION = 0.1
"""Size of SPSA's random step, radians."""


@dataclass(frozen=True)
class AerTrainer:
    """What is needed to evaluate the loss on Aer."""

    transpiled: TranspiledStep
    noises: tuple[DeviceNoise | None, ...]
    """Of one calibration or more; steps of the training meet them in turn."""

    shots: int
    """Of each value of the loss; 0 is the exact one, of Aer's density matrix."""

    @cached_property
    def _exact(self) -> tuple[RowSimulator, ...]:
        return tuple(RowSimulator(noise) for noise in self.noises)

    def distributions(
        self, weights: Weights, examples: Examples, *, seed: int, turn: int = 0
    ) -> NDArray[np.float64]:
        """Return the share of each outcome, shape (n, 2**m), measured or exact.

        Args:
            weights: of the classifier.
            examples: n sentences.
            seed: of the shots.
            turn: which calibration, counted through them round and round.
        """
        sentences = sentence_pubs(self.transpiled, weights, examples)
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

    def scores(self, weights: Weights, examples: Examples, *, seed: int) -> NDArray[np.float64]:
        """Return the measured score of each sentence, shape (n,), the mean over calibrations."""
        each = [
            self.distributions(weights, examples, seed=seed, turn=turn)
            for turn in range(len(self.noises))
        ]
        return np.asarray(np.mean(each, axis=0) @ np.asarray(weights.decision))

    def train(
        self,
        training: Examples,
        validation: Examples,
        options: TrainingOptions,
        state: TrainingState,
        after_epoch: Callable[[TrainingState], None] = lambda state: None,
    ) -> TrainingState:
        """Train in epochs of `STEPS_PER_EPOCH` SPSA steps; arguments as for the exact engine.

        Raises:
            ConfigurationError: the loss is no longer finite.
        """
        while state.finished_epochs < options.epochs and not stopped(state, options):
            weights, loss = self._epoch(training, options, state)
            average = _mean(state.average, weights, 0.5 if state.history else 0.0)
            measured = self.scores(average, validation, seed=_seed(options, 0, 0))
            validation_loss = float(
                logistic_loss(jnp.asarray(measured), jnp.asarray(validation.labels, dtype=float))
            )
            if not (np.isfinite(loss) and np.isfinite(validation_loss)):
                raise ConfigurationError(
                    f"the loss should stay finite. Got {loss} in epoch "
                    f"{state.finished_epochs + 1}; use a lower --learning-rate."
                )
            better = validation_loss < state.best_loss
            epoch = Epoch(loss, validation_loss, accuracy(measured, validation.labels))
            state = replace(
                state,
                weights=weights,
                average=average,
                best=average if better else state.best,
                best_epoch=state.finished_epochs if better else state.best_epoch,
                history=(*state.history, epoch),
            )
            after_epoch(state)
        return state

    def _epoch(
        self, training: Examples, options: TrainingOptions, state: TrainingState
    ) -> tuple[Weights, float]:
        from qiskit_machine_learning.optimizers import SPSA
        from qiskit_machine_learning.utils import algorithm_globals

        weights, losses = state.weights, []
        order = np.random.default_rng([options.seed, state.finished_epochs])
        for step in range(STEPS_PER_EPOCH):
            rows = order.permutation(len(training))[: options.batch_size]
            batch = training.take(rows)
            seed = _seed(options, state.finished_epochs + 1, step)
            turn = state.finished_epochs * STEPS_PER_EPOCH + step

            def loss(
                point: NDArray[np.float64],
                batch: Examples = batch,
                weights: Weights = weights,
                seed: int = seed,
                turn: int = turn,
            ) -> float:
                # Both ends of the step see the same shots' seed: their noise partly cancels.
                moved = _unpack(point, weights)
                shares = jnp.asarray(self.distributions(moved, batch, seed=seed, turn=turn))
                labels = jnp.asarray(batch.labels, dtype=float)
                value = float(data_loss(shares, moved.decision, labels, options))
                losses.append(value)
                return value

            # One step a call, its direction drawn from a seed of its own: a resumed run repeats it.
            algorithm_globals.random_seed = seed
            spsa = SPSA(
                maxiter=1,
                learning_rate=10 * options.learning_rate,
                perturbation=PERTURBATION,
            )
            weights = _unpack(np.asarray(spsa.minimize(loss, _pack(weights)).x), weights)
        return weights, float(np.mean(losses))


def _seed(options: TrainingOptions, epoch: int, step: int) -> int:
    drawn = np.random.SeedSequence([options.seed, epoch, step]).generate_state(1)[0]
    return int(drawn) >> 1


def _pack(weights: Weights) -> NDArray[np.float64]:
    return np.concatenate(
        [np.asarray(p) for p in (weights.offset, weights.quantum, weights.decision)]
    )


def _unpack(point: NDArray[np.float64], like: Weights) -> Weights:
    ends = np.cumsum([like.offset.size, like.quantum.size])
    offset, quantum, decision = (jnp.asarray(part) for part in np.split(point, ends))
    return Weights(like.projection, offset, quantum, decision)


def _mean(old: Weights, new: Weights, keep: float) -> Weights:
    pairs = zip(old, new, strict=True)
    return Weights(*(keep * before + (1 - keep) * after for before, after in pairs))
