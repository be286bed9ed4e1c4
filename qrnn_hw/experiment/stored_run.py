"""A finished main job, opened again from its folder and the job store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.documents import read_document
from calibration.snapshot import Snapshot
from jobs.errors import StoreError
from jobs.service.retrieval import collect
from jobs.spec import JobSpec, PubResult
from jobs.store.run_time import run_time
from jobs.store.store import Store
from qrnn_hw.data.labelled_text import load_embedded, load_tsv
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment.evaluation import READOUT, Evaluation
from qrnn_hw.experiment.main_job import Prepared, prepare, read_trained
from qrnn_hw.experiment.measure import Request
from qrnn_hw.experiment.measured import Measured, decode
from qrnn_hw.experiment.planning import evaluation_of
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import DEFAULT_PLANS, RunSettings
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.network import TrainedNetwork
from qrnn_hw.submission.machine import Machine

SAME_ANGLE = 1e-9
"""Radians by which angles of one weight may differ between processors."""

REMEDY = "Run it again with `qrnn-hw run`, or set QRNN_HW_HOME to its store"


@dataclass(frozen=True, eq=False)
class StoredRun:
    """What a run was made of, and the bits that it measured."""

    prepared: Prepared
    trained: TrainedNetwork
    measured: Measured

    @property
    def evaluation(self) -> Evaluation:
        """The sentences, the weights and the stacks that the run planned."""
        return self.measured.evaluation

    @property
    def decision(self) -> NDArray[np.float64]:
        """Score of each outcome, shape (2**m,)."""
        return self.trained.decision

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
    # The bits first: what is missing is then said before the text is embedded.
    bits = {key: _bits(key, store) for key in document["jobs"]}
    machine = stored_machine(document, store)
    text = load_tsv(settings.data) if settings.data else load_embedded(settings.dataset)
    prepared = prepare(settings, text, Quiet(), machine)
    trained = read_trained(prepared)
    stacks = [parse_stack(name) for name in document.get("stacks", DEFAULT_PLANS)]
    evaluation = evaluation_of(prepared, prepared.encoded(trained), trained.decision, stacks)
    requests = list(evaluation.requests(machine.snapshot.n_qubits, settings.seeds))
    keys = _by_role(document, requests)
    for request in requests:
        _check_belongs(keys[request.role], request.spec(machine), store)
    results = {role: bits[key] for role, key in keys.items()}
    at = run_time(keys[READOUT], store).at if READOUT in keys else None
    return StoredRun(prepared, trained, decode(evaluation, results, keys, at))


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


def _by_role(document: dict[str, Any], requests: list[Request]) -> dict[str, str]:
    """Return the key of each request's job; documents without roles name them in their order."""
    roles = document.get("roles", [request.role for request in requests])
    keys = dict(zip(roles, document["jobs"], strict=False))
    wanted = {request.role for request in requests}
    if len(roles) != len(document["jobs"]) or set(keys) != wanted:
        raise ConfigurationError(
            f"a run's jobs should be for {', '.join(sorted(wanted))}. Got {len(document['jobs'])} "
            f"for {', '.join(map(str, roles))}. Run it again."
        )
    return keys


def _check_belongs(key: str, wanted: JobSpec, store: Store) -> None:
    """Refuse a job that did not run these circuits with these numbers on this machine.

    Angles may differ in the last digits, which depend on the processor that computed them.
    """
    if key == wanted.key:
        return
    found = store.spec(key)
    same = (found.backend, found.shots, len(found.pubs), found.circuit_digests) == (
        wanted.backend,
        wanted.shots,
        len(wanted.pubs),
        wanted.circuit_digests,
    )
    if not same or any(
        one.parameters.shape != other.parameters.shape
        or not np.allclose(one.parameters, other.parameters, rtol=0, atol=SAME_ANGLE)
        for one, other in zip(found.pubs, wanted.pubs, strict=True)
    ):
        raise ConfigurationError(
            "a run's jobs should have run the circuits of its trained model, each with its shots. "
            f"Got job {key[:12]}, which ran others. Run it again."
        )


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
