"""What `train --train head` writes and prints of a fitted head."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from qrnn_hw.cli.output import print_table

if TYPE_CHECKING:
    from qrnn_hw.cli.train_head import HeadWanted
    from qrnn_hw.experiment.head_training import HeadTraining
    from qrnn_hw.experiment.settings import RunSettings
    from qrnn_hw.networks.trained import TrainedNetwork


def head_document(
    wanted: HeadWanted,
    settings: RunSettings,
    training: HeadTraining,
    chosen: TrainedNetwork,
    readings: dict[str, Any],
    keys: dict[str, str],
) -> dict[str, Any]:
    """Return what head.json says of a head, before its classical models are added.

    Args:
        wanted: what the command was told.
        settings: of the data and the machine.
        training: of the head.
        chosen: the circuit that was drawn.
        readings: of the parts of the data, by where they are from.
        keys: of the jobs, by role.
    """
    from qrnn_hw.experiment.versions import package_versions

    steps, found = training.network.steps, {}
    assert steps is not None
    test, n_direct, beside = training.parts[2], training.network.direct, None
    for kind, own in readings.items():
        fitted = training.fitted(chosen, own, exact=kind == "exact")
        circuits = own[2] @ fitted.coefficients
        direct = fitted.direct_part(test.values, test.lengths)
        found[kind] = training.quality(circuits + direct)
        beside = training.direct(circuits, direct)
    return {
        "schema_version": 1,
        "model": wanted.model,
        "train": "head",
        "dataset": str(settings.data or settings.dataset),
        "backend": None if training.reader is None else settings.backend,
        "on_machine": wanted.on_machine,
        "shots": settings.shots if wanted.on_machine else None,
        "head_shots": training.n_shots,
        "draws": wanted.draws,
        "seed": wanted.seed,
        "washout": wanted.washout,
        "reading": asdict(steps) | ({"direct": n_direct} if n_direct else {}),
        "quality": found,
        **({} if beside is None else {"direct": beside}),
        "jobs": keys,
        "rows": dict(
            zip(("training", "validation", "test"), map(len, training.parts), strict=True)
        ),
        "notes": list(training.task.data.notes),
        "versions": package_versions(),
    }


def print_head(document: dict[str, Any]) -> None:
    """Print a table: the head beside the classical models of the task."""
    from qrnn_hw.report.labels import MEASURES

    said = {
        "exact": "head on exact readings" + _meant(document),
        "machine": f"head on jobs, {document['shots']} shots",
    }
    rows = [(said[kind], one) for kind, one in document["quality"].items()]
    rows += [(f"{one['name']} (classical)", one) for one in document["controls"]]
    measures = [name for name in MEASURES if any(name in one for _, one in rows)]
    header = [column for name in measures for column in (f"test {MEASURES[name]}", "95 % interval")]
    has_memory = any("capacity" in one for _, one in rows)
    table = []
    for name, one in rows:
        cells = [name]
        for measure in measures:
            if measure in one:
                found = one[measure]
                cells += [f"{found['value']:.3f}", f"{found['low']:.3f} to {found['high']:.3f}"]
            else:
                cells += ["", ""]
        capacity = one.get("capacity")
        table.append(
            (*cells, *([f"{capacity['sum']:.3f}" if capacity else ""] if has_memory else []))
        )
    print_table(("", *header, *(("capacity",) if has_memory else ())), table)
    if "direct" in document:
        typer.echo(f"direct: {document['direct']['said']}")
    typer.echo(f"model: {document['model_file']}")


def _meant(document: dict[str, Any]) -> str:
    return f", meant for {document['head_shots']} shots" if document["head_shots"] else ""
