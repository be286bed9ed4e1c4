"""Placing what was trained by its own weights, beside placing it by random ones before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from timing import Row

from qrnn_hw.experiment.pipeline import train
from qrnn_hw.experiment.place_for_trained import placed_for, probe_of
from qrnn_hw.experiment.prepare import prepare
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.submission.placing import scores_on
from qrnn_hw.training.options import TrainingOptions

MACHINES = ("fake_kingston", "fake_boston", "fake_marrakesh")
"""The model is trained under the noise of the first, and placed on each."""


def placed_again() -> Iterator[Row]:
    """How far outputs of test rows are from those without noise, in each of the two places."""
    trained = None
    for machine in MACHINES:
        with TemporaryDirectory() as folder:
            settings = RunSettings(
                backend=machine,
                placement="auto",
                training=TrainingOptions(epochs=6),
                output=Path(folder),
            )
            prepared = prepare(settings, settings.read(), Quiet())
            if trained is None:
                trained = prepared.training.trained(train(prepared, Quiet()))
            moved = placed_for(prepared, trained, Quiet())
        first, second = prepared.circuit.qubits, moved.circuit.qubits
        probe = probe_of(trained.encoded(prepared.test), trained)
        found = scores_on(
            settings.architecture,
            prepared.machine,
            settings.seeds["transpiler"],
            probe=probe,
            standing=second,
        )
        errors = {one.qubits: one.error for one in found.ranked}
        said = (
            f"outputs of {len(probe.features)} test rows {errors[first]:.4f} from those without "
            f"noise where random weights place it, {errors[second]:.4f} where its own do, "
            f"{found.level_3.error:.4f} at level 3, {found.best.error:.4f} at the best of "
            f"{len(errors):,} for these rows"
        )
        what = f"{settings.model} trained, on {machine}: error placed before over placed after"
        yield Row.at_least(what, errors[first] / errors[second], said, 1.0)
