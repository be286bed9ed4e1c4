"""A model whose host computes between the steps: one job a round for all sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from calibration.noise import DeviceNoise
from circuits.exact.noise import Noise
from circuits.exact.rounds import rounds_model
from jobs.transpile.held import check_fits
from jobs.transpile.isa import transpile_round
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.rounds import RoundsEvaluation, compiler
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.simulated import Simulated
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.models.options import one_circuit_remedy
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.expectation import Compile
from qrnn_hw.networks.finite_shots import sampled_outputs
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.readers import Reader, rounds_reader
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.placing import LEVEL_3

ONLY_NONE = (
    "the only plan of a model in rounds is none: a corrected value that is fed back makes another "
    "run of other circuits."
)


@dataclass(frozen=True, eq=False)
class InRounds:
    """A machine, and what makes a model's circuits its own; asked once for each time step."""

    settings: RunSettings
    machine: Machine
    compiled: Compile
    """Makes a logical circuit one of the machine's."""

    @classmethod
    def on(cls, machine: Machine, settings: RunSettings) -> InRounds:
        """Check that the machine has the qubits, and the settings what a model in rounds takes.

        Raises:
            UsageError: they have more.
            SpecError: the machine has too few qubits.
        """
        check_rounds(settings)
        check_fits(settings.architecture, machine.snapshot)
        seed = settings.seeds["transpiler"]
        return cls(settings, machine, compiler(machine, seed=seed, decoupling=settings.decoupling))

    def readers(self, network: Network) -> tuple[Reader, ...] | None:
        """Return the machine's circuits and noise in every round; None trains without noise."""
        return self.noisy

    @cached_property
    def noisy(self) -> tuple[Reader, ...] | None:
        """The same readings, whatever the network does with them.

        Raises:
            CircuitsError: a circuit too large to follow exactly.
        """
        if not self.settings.trains_under_noise:
            return None

        def on_machine(circuit: QuantumCircuit) -> tuple[QuantumCircuit, Noise]:
            found = transpile_round(
                circuit,
                self.machine.snapshot,
                seed=self.settings.seeds["transpiler"],
                decoupling=self.settings.decoupling,
            )
            return found.circuit, DeviceNoise(found.snapshot)

        return (rounds_reader(rounds_model(self.settings.architecture, on_machine)),)

    aer = None

    def keep(self, folder: Path) -> None:
        """Write nothing: level 3 chooses the qubits of every circuit."""

    @property
    def calibration(self) -> dict[str, Any] | None:
        """What of the machine the trained numbers depend on."""
        if not self.settings.trains_under_noise:
            return None
        return {
            "snapshot": self.machine.snapshot.digest,
            "decoupling": self.settings.decoupling,
            "seed": self.settings.seeds["transpiler"],
        }

    @property
    def trained_under(self) -> tuple[str, ...]:
        """When the calibration of the training was taken; nothing where it is without noise."""
        return (self.machine.snapshot.taken,) if self.settings.trains_under_noise else ()

    def evaluation(
        self, trained: TrainedNetwork, encoded: Encoded, stacks: Sequence[Stack]
    ) -> RoundsEvaluation:
        """Return what scores the test rows, round after round.

        Raises:
            UsageError: a stack other than none.
        """
        if tuple(stacks) != (Stack(),):
            raise UsageError(f"{ONLY_NONE} Got {', '.join(stack.name for stack in stacks)}.")
        settings = self.settings
        return RoundsEvaluation(
            trained,
            encoded,
            self.compiled,
            settings.shots,
            settings.seeds["shots_scale_1"],
            settings.output,
            repetitions=settings.repetitions,
        )

    def simulated(
        self, trained: TrainedNetwork, test: Sequences, encoded: Encoded, progress: Progress
    ) -> Simulated:
        """Return outputs without noise at infinite shots and at those of the run, and under it."""
        progress.stage("drawing the rounds without noise")
        generator = np.random.default_rng(self.settings.seed)
        outputs = {
            "ideal": trained.circuit_outputs(test.values, test.lengths),
            "ideal_shots": sampled_outputs(
                trained, test, shots=self.settings.shots, generator=generator
            ),
        }
        if self.noisy:
            given = test.values, test.lengths, self.noisy[0]
            outputs["noisy_exact"] = trained.circuit_outputs(*given)
        return Simulated(outputs)

    def described(self) -> dict[str, Any]:
        """Return what a document says of the circuits' place: each has its own."""
        return {}


def check_rounds(settings: RunSettings) -> None:
    """Refuse what a model in rounds does not take.

    Raises:
        UsageError: something is found.
    """
    remedy = one_circuit_remedy(settings.architecture)
    if settings.plans not in ((), ("none",)):
        raise UsageError(
            f"{ONLY_NONE} Got {', '.join(settings.plans)}; leave --plan out, or {remedy}."
        )
    given = {
        f"--placement {settings.placement}": settings.placement != LEVEL_3,
        f"--engine {settings.engine}": settings.engine != "exact",
        "--snapshots": bool(settings.snapshots),
        "--margin": settings.training.margin > 0,
        "--variance-penalty": settings.training.variance_penalty > 0,
    }
    found = [option for option, is_given in given.items() if is_given]
    if found:
        raise UsageError(
            "a model in expectation mode is trained by exact gradients, under one calibration or "
            f"without noise, and placed by level 3. Got {', '.join(found)}; leave that out, or "
            f"{remedy}."
        )
    if settings.trains_under_noise and not settings.architecture.in_rounds:
        raise UsageError(
            "a training under noise in rounds needs steps that start anew. Got "
            f"{settings.model}, which prepares its state again in every round; leave out "
            f"--training-noise, or {remedy}."
        )
