"""Training of a model in rounds under the noise of the machine that is to run it."""

from __future__ import annotations

from dataclasses import replace

from qiskit.circuit import QuantumCircuit

from calibration.noise import DeviceNoise
from circuits.exact.noise import Noise
from circuits.exact.rounds import rounds_model
from jobs.transpile.isa import transpile_round
from qrnn_hw.experiment.recipe_run import PreparedRecipe
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.networks.readers import rounds_reader
from qrnn_hw.submission.machine import Machine


def with_noise(prepared: PreparedRecipe, machine: Machine, settings: RunSettings) -> PreparedRecipe:
    """Return the same training with the machine's circuits and noise in every round.

    Args:
        prepared: of a model that feeds a value back in expectation mode.
        machine: whose calibration gives the noise.
        settings: whose transpiler seed and decoupling make the circuits that are run.

    Raises:
        SpecError: the machine has too few qubits.
        CircuitsError: a circuit too large to follow exactly.
    """
    seed = settings.seeds["transpiler"]

    def on_machine(circuit: QuantumCircuit) -> tuple[QuantumCircuit, Noise]:
        found = transpile_round(
            circuit, machine.snapshot, seed=seed, decoupling=settings.decoupling
        )
        return found.circuit, DeviceNoise(found.snapshot)

    noisy = rounds_model(prepared.network.architecture, on_machine)
    return replace(
        prepared,
        reader=rounds_reader(noisy),
        noise=f"{machine.snapshot.digest}, seed {seed}, decoupling {settings.decoupling}",
    )
