"""A finished run, opened again from its folder and the job store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from calibration.documents import read_document
from calibration.snapshot import Snapshot
from jobs.errors import StoreError
from jobs.service.retrieval import collect
from jobs.store.store import Store
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.experiment.canaries import canaries_of
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.finished_jobs import FinishedJobs
from qrnn_hw.experiment.in_rounds import ONLY_NONE
from qrnn_hw.experiment.measured import Measured
from qrnn_hw.experiment.place_for_trained import placed_for
from qrnn_hw.experiment.plan import named_stacks
from qrnn_hw.experiment.prepare import Prepared, prepare
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.quality import Judge
from qrnn_hw.experiment.rounds import MeasuredRounds
from qrnn_hw.experiment.run_folder import refuse_task
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.tiled_measured import TiledMeasured
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.submission.machine import Machine

REMEDY = "Run it again with `qrnn-hw run`, or set QRNN_HW_HOME to its store"


@dataclass(frozen=True, eq=False)
class StoredRun:
    """What a run was made of, and what it measured."""

    prepared: Prepared
    trained: TrainedNetwork
    measured: Measured | TiledMeasured | MeasuredRounds

    @cached_property
    def judge(self) -> Judge:
        """What is right for the rows that were run."""
        return Judge.of(self.prepared.task, len(self.prepared.test), self.trained)

    @property
    def circuits(self) -> Measured:
        """The bits of a model in one circuit.

        Raises:
            UsageError: it was run in rounds.
        """
        if isinstance(self.measured, MeasuredRounds):
            raise UsageError(f"{ONLY_NONE} Got a run in rounds; leave --plan and --explain out.")
        if isinstance(self.measured, TiledMeasured):
            raise UsageError(
                "a run to be looked at circuit by circuit should have one circuit for each "
                "sequence. Got one on tiles; ask for its own plans."
            )
        return self.measured

    @property
    def evaluation(self) -> Evaluation:
        """The sentences, the weights and the stacks that the run planned."""
        return self.circuits.evaluation

    @property
    def encoded(self) -> Encoded:
        """What was bound to the circuits of the sentences that were run."""
        return self.evaluation.encoded


def open_run(folder: Path, store: Store) -> StoredRun:
    """Open a run that `qrnn-hw run` finished; nothing is run and no service is asked.

    Args:
        folder: with its `result.json` and `checkpoint.npz`.
        store: with its jobs and its snapshot.

    Raises:
        ConfigurationError: a file is missing, unreadable or of another run, or a job is not of this
            run's circuits.
        StoreError: bits or the snapshot are not in the store.
    """
    document = opened(folder)
    settings = settings_in(document, folder)
    # What is missing is said before the text is embedded.
    for key in document["jobs"]:
        _check_stored(key, store)
    machine = stored_machine(document, store)
    prepared = prepare(settings, settings.read(), Quiet(), machine)
    machine = prepared.machine
    trained = prepared.training.trained(prepared.training.read(folder))
    prepared = placed_for(prepared, trained, Quiet())
    names = document.get("stacks")
    stacks = [parse_stack(name) for name in names] if names else named_stacks(settings)
    canaries = canaries_of(prepared, trained)
    evaluation = prepared.evaluation(trained, prepared.encoded(trained), stacks, canaries)
    recorded = FinishedJobs(
        machine, store=store, jobs=tuple(document["jobs"]), known=document.get("roles")
    )
    measured = evaluation.measure(recorded)
    recorded.check()
    return StoredRun(prepared, trained, measured)


def opened(folder: Path) -> dict[str, Any]:
    """Return the document of a finished run of either kind, whose checkpoint is there too.

    Raises:
        ConfigurationError: a file is missing, unreadable or of something else.
    """
    document = _document(folder / "result.json")
    if not (folder / "checkpoint.npz").is_file():
        raise ConfigurationError(
            f"the folder of a run should hold checkpoint.npz. Got none in {folder}. {REMEDY}."
        )
    return document


def stored_machine(document: dict[str, Any], store: Store) -> Machine:
    """Return the machine of a run, with the calibration that it was run under.

    Raises:
        StoreError: a job or the calibration is not in the store.
    """
    key = document["jobs"][0]
    record = store.record(key)
    if record is None:
        raise StoreError(f"the store should hold the run's job {key[:12]}. Got none. {REMEDY}.")
    snapshot = _snapshot(document["calibration"]["snapshot"], store)
    return Machine(document["backend"], snapshot, is_real=record.executor == "ibm")


def _document(path: Path) -> dict[str, Any]:
    try:
        document = read_document(path)
        known = {"jobs", "settings", "calibration", "backend"} <= set(document)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"the folder of a run should hold result.json. Got {type(error).__name__} for {path}. "
            "Give the --output of a finished `qrnn-hw run`."
        ) from error
    refuse_task(document, path)
    if not known or not _is_whole(document):
        raise ConfigurationError(
            f"{path} should be what `qrnn-hw run` writes: jobs, settings and a calibration. Got a "
            "document without one of them. Run it again."
        )
    return dict(document)


def _is_whole(document: dict[str, Any]) -> bool:
    """Tell whether the parts that are read below are there, and of their kinds."""
    calibration = document["calibration"]
    lists = (document["jobs"], document.get("roles", []), document.get("stacks", []))
    return (
        all(isinstance(one, list) for one in lists)
        and len(document["jobs"]) > 0
        and isinstance(calibration, dict)
        and all(
            isinstance(one, str)
            for one in (
                *(text for one in lists for text in one),
                calibration.get("snapshot"),
                document["backend"],
            )
        )
    )


def settings_in(document: dict[str, Any], folder: Path) -> RunSettings:
    """Return the settings of a run.

    Raises:
        ConfigurationError: they are of another version.
    """
    try:
        return RunSettings.from_json(document["settings"], folder)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"the settings in {folder / 'result.json'} should be those of this version. "
            f"Got {error}. Run it again."
        ) from error


def _check_stored(key: str, store: Store) -> None:
    if store.record(key) is None:
        raise StoreError(f"the store should hold the run's job {key[:12]}. Got none. {REMEDY}.")
    collect(key, store)


def _snapshot(digest: str, store: Store) -> Snapshot:
    content = store.snapshot(digest)
    if content is None:
        raise StoreError(
            f"the store should hold the run's calibration {digest[:12]}. Got none. {REMEDY}."
        )
    return Snapshot.from_json(content)
