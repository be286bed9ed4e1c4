"""A finished main job, opened again from its folder and the job store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.documents import read_document
from calibration.snapshot import Snapshot
from jobs.errors import StoreError
from jobs.retrieval import collect
from jobs.run_time import run_time
from jobs.spec import PubResult
from jobs.store import Store
from qrnn_hw.data.labelled_text import load_embedded, load_tsv
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.mitigation.readout_calibration import from_shots
from qrnn_hw.networks.examples import Encoded
from qrnn_hw.networks.network import TrainedNetwork
from qrnn_hw.predict import SentencePubs
from qrnn_hw.run.evaluate import ZNE, Measured
from qrnn_hw.run.main_job import Prepared, prepare, read_trained
from qrnn_hw.run.progress import Quiet
from qrnn_hw.run.settings import RunSettings
from qrnn_hw.submission.belonging import check_scaled
from qrnn_hw.submission.machine import Machine

REMEDY = "Run it again with `qrnn-hw run`, or set QRNN_HW_HOME to its store"


@dataclass(frozen=True, eq=False)
class StoredRun:
    """What a run was made of, and the bits that it measured."""

    prepared: Prepared
    trained: TrainedNetwork
    calibration: tuple[PubResult, ...]
    scaled: tuple[tuple[PubResult, ...], ...]
    """The bits of each scale factor, one result for each sentence length."""

    measured_at: datetime
    """When the readout job ran."""

    @property
    def decision(self) -> NDArray[np.float64]:
        """Score of each outcome, shape (2**m,)."""
        return self.trained.decision

    @property
    def encoded(self) -> Encoded:
        """What was bound to the circuits of the sentences that were run."""
        return self.prepared.encoded(self.trained)

    def outcomes(self) -> tuple[NDArray[np.int64], ...]:
        """Decode the bits of each scale factor, shape (n, shots) each."""
        lengths = self.prepared.test.lengths
        rows = tuple(np.flatnonzero(lengths == length) for length in sorted(set(lengths.tolist())))
        sentences = SentencePubs((), rows)
        return tuple(sentences.outcomes(results) for results in self.scaled)

    def measured(self, calibration_shots: int) -> Measured:
        """Decode the bits, with a calibration of the first shots of its two circuits.

        Args:
            calibration_shots: of each of the two circuits, at most as many as are stored.

        Raises:
            CalibrationError: so few shots tell nothing of a bit.
        """
        zeros, ones = (
            result.registers["out"][0, :calibration_shots] for result in self.calibration
        )
        return Measured(
            scaled=self.outcomes(),
            calibration=from_shots(zeros, ones, self.measured_at),
        )


def open_run(folder: Path, store: Store) -> StoredRun:
    """Open a run that `qrnn-hw run` finished; nothing is run and no service is asked.

    Args:
        folder: with its `result.json` and `checkpoint.npz`.
        store: with its jobs and its snapshot.

    Raises:
        ConfigurationError: a file is missing, unreadable or of another run.
        UsageError: its jobs are not one circuit folded by each factor.
        StoreError: bits or the snapshot are not in the store.
    """
    document = _document(folder / "result.json")
    checkpoint = folder / "checkpoint.npz"
    if not checkpoint.is_file():
        raise ConfigurationError(
            f"the folder of a run should hold checkpoint.npz. Got none in {folder}. {REMEDY}."
        )
    settings = _settings(document, folder)
    # The bits first: what is missing is then said before the text is embedded.
    calibration, *scaled = [_bits(key, store) for key in document["jobs"]]
    if len(calibration) != 2:
        raise ConfigurationError(
            f"the first job of a run should be its readout, two circuits. Got {len(calibration)} "
            f"in {folder / 'result.json'}. Run it again."
        )
    _check_bits(document["jobs"][1:], scaled, settings.shots, store)
    record = store.record(document["jobs"][0])
    assert record is not None  # its bits were read
    machine = Machine(
        document["backend"],
        _snapshot(document["calibration"]["snapshot"], store),
        is_real=record.executor == "ibm",
    )
    text = load_tsv(settings.data) if settings.data else load_embedded(settings.dataset)
    prepared = prepare(settings, text, Quiet(), machine)
    measured_at = run_time(record.key, store).at
    return StoredRun(prepared, read_trained(prepared), calibration, tuple(scaled), measured_at)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = read_document(path)
        known = {"jobs", "settings", "calibration", "backend"} <= set(document)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"the folder of a run should hold result.json. Got {type(error).__name__} for {path}. "
            "Give the --output of a finished `qrnn-hw run`."
        ) from error
    if not known or not _is_whole(document):
        raise ConfigurationError(
            f"{path} should be what `qrnn-hw run` writes of a model in one circuit: three jobs, "
            "settings and a calibration. Got a document without one of them. Run it again."
        )
    return dict(document)


def _is_whole(document: dict[str, Any]) -> bool:
    """Tell whether the parts that are read below are there, and of their kinds."""
    jobs, calibration = document["jobs"], document["calibration"]
    return (
        isinstance(jobs, list)
        and len(jobs) == 1 + len(ZNE.scale_factors)
        and isinstance(calibration, dict)
        and all(
            isinstance(one, str)
            for one in (*jobs, calibration.get("snapshot"), document["backend"])
        )
    )


def _check_bits(
    keys: list[str], scaled: list[tuple[PubResult, ...]], shots: int, store: Store
) -> None:
    """Refuse bits that are not those of the settings, or jobs in another order."""
    check_scaled([store.spec(key) for key in keys], ZNE.scale_factors)
    stored = {one.registers["out"].shape[1] for one in scaled[0]}
    if stored != {shots}:
        raise ConfigurationError(
            f"the run's settings and its bits should agree in the shots. Got {shots} and "
            f"{', '.join(map(str, sorted(stored)))}. Run it again."
        )


def _settings(document: dict[str, Any], folder: Path) -> RunSettings:
    try:
        return RunSettings.from_json(document["settings"], folder)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"the settings in {folder / 'result.json'} should be those of this version. "
            f"Got {error}. Run it again."
        ) from error


def _bits(key: str, store: Store) -> tuple[PubResult, ...]:
    if store.record(key) is None:
        raise StoreError(f"the store should hold the run's job {key[:12]}. Got none. {REMEDY}.")
    return collect(key, store)


def _snapshot(digest: str, store: Store) -> Snapshot:
    content = store.snapshot(digest)
    if content is None:
        raise StoreError(
            f"the store should hold the run's calibration {digest[:12]}. Got none. {REMEDY}."
        )
    return Snapshot.from_json(content)
