"""A model whose whole sequence is one circuit: its step on the machine, exact and noisy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from calibration.noise import DeviceNoise
from calibration.series import read_series
from calibration.snapshot import Snapshot
from circuits.exact.sequence import SequenceModel
from jobs.tiling.tiled_pubs import Tiler
from jobs.transpile.isa import TranspiledStep
from jobs.transpile.lifted_step import sequence_model
from jobs.transpile.probe import Probe
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.experiment.agreement import compare_with_aer
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.experiment.kept_calibration import PLACEMENT, kept_placement
from qrnn_hw.experiment.output_law import OutputLaw
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.simulated import Simulated
from qrnn_hw.experiment.tiled import TiledEvaluation
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.readers import Reader
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.submission.kept_placement import AGAIN
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.placing import AUTO, PlacedStep, place
from qrnn_hw.submission.tiles import GUARD, tiling_of
from qrnn_hw.training.spsa import AerReadings


@dataclass(frozen=True, eq=False)
class OneCircuit:
    """A transpiled step with its noise; asked once for the circuits of all stacks."""

    settings: RunSettings
    machine: Machine
    placed: PlacedStep
    noise: DeviceNoise
    noisy: SequenceModel
    ideal: SequenceModel
    other_noises: tuple[DeviceNoise, ...] = ()
    """Of the machine's other calibrations, trained under in turn with its own."""

    tiler: Tiler | None = None
    """What writes the tiles of the chip side by side; the circuit is that of the best of them."""

    made: dict[int, dict[tuple[object, ...], QuantumCircuit]] = field(
        default_factory=dict, repr=False
    )
    """Circuits of each tile; they do not depend on the weights."""

    @classmethod
    def on(
        cls,
        machine: Machine,
        settings: RunSettings,
        *,
        lengths: NDArray[np.int64] | None = None,
        probe: Probe | None = None,
        kept: Path | None = None,
    ) -> OneCircuit:
        """Transpile the step for a machine and lift it with its noise.

        Args:
            machine: open.
            settings: what is run.
            lengths: of the sequences, by which placements are judged; None is from 1 to 10.
            probe: sequences at trained weights to judge by in place of random ones.
            kept: scores of that probe, whose choice stands. Those of a run that goes on are in its
                folder.

        Raises:
            SpecError: the machine has too few qubits.
            CalibrationError: another calibration cannot be read, or lacks the circuit's qubits.
        """
        tiler, seed = None, settings.seeds["transpiler"]
        kept = kept_placement(settings) if probe is None else kept
        if settings.tiles is None:
            placed = place(
                settings.architecture,
                machine,
                settings.placement,
                seed=seed,
                decoupling=settings.decoupling,
                kept=kept,
                probe=probe,
                lengths=lengths,
            )
            if placed.document is not None and probe is None and kept is None:
                placed = replace(placed, document=placed.document | {AGAIN: True})
        else:
            tiling, document = tiling_of(
                settings.architecture,
                machine,
                most=settings.tiles or None,
                guard=GUARD if settings.guard is None else settings.guard,
                seed=seed,
                decoupling=settings.decoupling,
                kept=kept,
                probe=probe,
                lengths=lengths,
            )
            tiler, placed = Tiler(tiling), PlacedStep(tiling.tiles[0], False, document)
        others = read_series(settings.snapshots, machine.snapshot.backend)
        return cls._of(settings, machine, placed, others, tiler)

    @classmethod
    def _of(
        cls,
        settings: RunSettings,
        machine: Machine,
        placed: PlacedStep,
        others: Sequence[Snapshot] = (),
        tiler: Tiler | None = None,
    ) -> OneCircuit:
        noise = DeviceNoise(placed.step.snapshot)
        return cls(
            settings,
            machine,
            placed,
            noise,
            noisy=sequence_model(placed.step, noise),
            ideal=sequence_model(placed.step, None),
            other_noises=other_noises(noise, others),
            tiler=tiler,
        )

    def moved(self, placed: PlacedStep) -> OneCircuit:
        """Return the same on other qubits, to be measured there and not trained."""
        return self._of(self.settings, self.machine, placed)

    @property
    def places_again(self) -> bool:
        """Whether what is trained is then placed by its own weights; folders of before are not."""
        document, settings = self.placed.document or {}, self.settings
        return settings.placement == AUTO and settings.tiles is None and AGAIN in document

    @property
    def transpiled(self) -> TranspiledStep:
        """The step on its qubits."""
        return self.placed.step

    @property
    def training_noises(self) -> tuple[DeviceNoise, ...]:
        """What is trained under in turn; nothing where the training is without noise."""
        return (self.noise, *self.other_noises) if self.settings.trains_under_noise else ()

    @cached_property
    def models(self) -> tuple[SequenceModel, ...]:
        """The models to train on, in turn."""
        models = [self.noisy if self.training_noises else self.ideal]
        models += [sequence_model(self.transpiled, one) for one in self.training_noises[1:]]
        return tuple(models)

    def readers(self, network: Network) -> tuple[Reader, ...]:
        """Return the readings to train a network on, in turn."""
        return tuple(network.reader(model) for model in self.models)

    @property
    def aer(self) -> AerReadings | None:
        """Aer's readings, where it trains."""
        if self.settings.engine == "exact":
            return None
        noises = self.training_noises or (None,)
        return AerReadings(self.transpiled, noises, self.settings.training_shots)

    @property
    def calibration(self) -> dict[str, Any]:
        """What of the machine the trained numbers depend on, and those that are bound."""
        elsewhere = {} if self.placed.is_level_3 else {"qubits": list(self.qubits)}
        return elsewhere | {
            "snapshot": self.machine.snapshot.digest,
            "decoupling": self.settings.decoupling,
            "others": [noise.snapshot.digest for noise in self.other_noises],
            "noise": self.settings.trains_under_noise,
        }

    @property
    def trained_under(self) -> tuple[str, ...]:
        """When the calibrations of the training were taken, that of the run first."""
        return tuple(noise.snapshot.taken for noise in self.training_noises)

    def evaluation(
        self, trained: TrainedNetwork, encoded: Encoded, stacks: Sequence[Stack]
    ) -> Evaluation | TiledEvaluation:
        """Return what scores the test rows by each stack, at the shots of the settings."""
        if self.tiler is not None:
            return TiledEvaluation(
                self.tiler.tiling,
                encoded,
                trained.head,
                tuple(stacks),
                self.settings.shots,
                self.settings.seeds,
                self.machine.snapshot.n_qubits,
                self.tiler,
                self.made,
                self.settings.repetitions,
            )
        return self.alone(trained, encoded, stacks)

    def alone(
        self, trained: TrainedNetwork, encoded: Encoded, stacks: Sequence[Stack]
    ) -> Evaluation:
        """Return the same on one place of the chip, whatever tiles there are."""
        return Evaluation(
            self.transpiled,
            self.noise,
            encoded,
            trained.head,
            tuple(stacks),
            self.settings.shots,
            self.settings.seeds,
            self.machine.snapshot.n_qubits,
            self.settings.repetitions,
        )

    def simulated(
        self, trained: TrainedNetwork, test: Sequences, encoded: Encoded, progress: Progress
    ) -> Simulated:
        """Return exact outputs without noise and with it, the engine held against Aer.

        Raises:
            DisagreementError: Aer has another distribution.
        """
        progress.stage("checking the exact engine against Aer")
        longest = np.array([int(np.argmax(test.lengths))])
        agreement = compare_with_aer(
            self.transpiled,
            self.noise,
            exact_distributions(self.noisy, encoded.take(longest))[0],
            encoded.take(longest),
            seed=self.settings.seeds["shots_scale_1"],
        )
        ideal, noisy = (self.law(trained, encoded, one) for one in (self.ideal, self.noisy))
        outputs = {"ideal": ideal.outputs, "noisy_exact": noisy.outputs}
        return Simulated(outputs, noisy, agreement)

    def law(self, trained: TrainedNetwork, encoded: Encoded, model: SequenceModel) -> OutputLaw:
        """Return the exact outputs of rows by one of the models, with the law of their shots."""
        return OutputLaw(model, encoded, trained.head, trained.network.target)

    def keep(self, folder: Path) -> None:
        """Write the scores by which the qubits were chosen, before there is a checkpoint."""
        if self.placed.document is not None and kept_placement(self.settings) is None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / PLACEMENT).write_text(json.dumps(self.placed.document, indent=2) + "\n")

    def described(self) -> dict[str, Any]:
        """Return what a document says of the circuits' place."""
        placement = self.placed.document
        return {"qubits": list(self.qubits)} | ({"placement": placement} if placement else {})

    @property
    def qubits(self) -> tuple[int, ...]:
        """Of the machine, those of the circuit."""
        return self.transpiled.snapshot.physical


def other_noises(noise: DeviceNoise, snapshots: Sequence[Snapshot]) -> tuple[DeviceNoise, ...]:
    """Return the noise of a transpiled circuit under other calibrations of the whole device.

    Equal ones count once, and none that equals its own.

    Raises:
        CalibrationError: a calibration lacks the circuit's qubits.
    """
    active = [snapshot.restrict(noise.snapshot.physical) for snapshot in snapshots]
    return tuple(
        replace(noise, snapshot=one)
        for n, one in enumerate(active)
        if one not in (noise.snapshot, *active[:n])
    )
