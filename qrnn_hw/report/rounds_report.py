"""The report of a run in host rounds."""

from __future__ import annotations

from typing import Any

from qrnn_hw.data.usage import said
from qrnn_hw.experiment.controls import baseline_interval
from qrnn_hw.experiment.rounds_job import RoundsOutcome
from qrnn_hw.experiment.versions import package_versions
from qrnn_hw.report.blocks import Findings, Heading, Table, Text, to_html
from qrnn_hw.report.files import write_json, write_text
from qrnn_hw.report.labels import label


def write_rounds_report(outcome: RoundsOutcome) -> dict[str, Any]:
    """Write `report.html` and `result.json` into the output folder and return the document."""
    folder = outcome.settings.output
    path = folder / "report.html"
    document = _document(outcome, str(path))
    title = f"{document['model']} on {document['dataset']}, {document['backend']}, in rounds"
    write_json(folder / "result.json", document)
    write_text(
        path,
        to_html(
            title,
            [
                Findings(tuple(_findings(outcome))),
                Heading("Accuracy"),
                _accuracy(document),
                Heading("The rounds"),
                Text(
                    "Each round is one job of all sentences that are not over yet. The host "
                    "computes what is fed back from the estimates of the round before; readout is "
                    "not corrected."
                ),
                _rounds(outcome),
                Heading("Where the numbers come from"),
                _provenance(document),
            ],
        ),
    )
    return document


def _document(outcome: RoundsOutcome, report: str) -> dict[str, Any]:
    settings, estimate = outcome.settings, outcome.planned.estimate
    state, network = outcome.state, outcome.prepared.network
    noise = "without noise" if outcome.prepared.noise is None else "under the machine's noise"
    return {
        "schema_version": 2,
        "model": settings.model,
        "mode": network.architecture.mode,
        "dataset": str(settings.data or settings.dataset),
        "backend": outcome.machine.name,
        "shots": settings.shots,
        "shots_per_prediction": _per_prediction(outcome),
        "seeds": settings.seeds,
        "accuracy": {name: one.to_json() for name, one in outcome.accuracy.items()},
        "controls": [
            {
                "name": control.name,
                "n_parameters": control.n_parameters,
                **baseline_interval(control, len(outcome.labels)).to_json(),
            }
            for control in outcome.controls
        ],
        "rounds": len(outcome.measured.specs),
        "stacks": ["none"],
        "jobs": [spec.key for spec in outcome.measured.specs],
        "roles": list(outcome.measured.roles),
        "qpu_seconds": estimate.best_seconds,
        "qpu_seconds_range": {"low": estimate.low_seconds, "high": estimate.high_seconds},
        "rows": {
            "training": len(outcome.prepared.training[0]),
            "test": len(outcome.labels),
        },
        "data": outcome.task.usage.to_json(),
        "training": {
            "engine": f"exact, {noise}",
            "epochs": state.finished_epochs,
            "best_epoch": int(state.best_epoch[0]) + 1,
            "n_parameters": sum(int(value.size) for value in state.of(0).values()),
            "n_quantum_weights": network.architecture.n_weights,
            "history": state.history[:, 0, :2].tolist(),
        },
        "calibration": {
            "taken": outcome.machine.snapshot.taken,
            "snapshot": outcome.machine.snapshot.digest,
        },
        "settings": settings.to_json(),
        "versions": package_versions(),
        "report": report,
    }


def _findings(outcome: RoundsOutcome) -> list[str]:
    measured, ideal = outcome.accuracy["none"], outcome.accuracy["ideal"]
    flips = ((outcome.scores["none"] > 0) != (outcome.scores["ideal"] > 0)).mean()
    return [
        f"On {outcome.machine.name} the network labels {measured.value:.1%} of {measured.n} unseen "
        f"sentences rightly with {outcome.settings.shots:,} shots of each circuit in each round, "
        f"{_per_prediction(outcome):,.0f} per prediction (95 % interval "
        f"{measured.low:.1%} to {measured.high:.1%}); without noise and with infinite shots "
        f"{ideal.value:.1%} ({ideal.low:.1%} to {ideal.high:.1%}).",
        f"{flips:.1%} of the labels differ from those without noise.",
        f"The {len(outcome.measured.specs)} rounds take about "
        f"{outcome.planned.estimate.best_seconds:.0f} s of QPU time on the machine.",
    ]


def _per_prediction(outcome: RoundsOutcome) -> float:
    """Return the shots that one prediction took, over all its rounds, on average."""
    return outcome.planned.estimate.executions / len(outcome.labels)


def _accuracy(document: dict[str, Any]) -> Table:
    rows = [(label(name), one) for name, one in document["accuracy"].items()]
    rows += [
        (f"{one['name']} ({one['n_parameters']:,} parameters)", one) for one in document["controls"]
    ]
    return Table(
        ("", "accuracy", "95 % interval", "sentences"),
        tuple(
            (name, f"{i['value']:.3f}", f"{i['low']:.3f} to {i['high']:.3f}", str(i["n"]))
            for name, i in rows
        ),
    )


def _rounds(outcome: RoundsOutcome) -> Table:
    return Table(
        ("round", "sentences", "circuits", "QPU seconds", "job"),
        tuple(
            (
                str(number),
                str(spec.pubs[0].n_rows),
                str(len(spec.pubs)),
                "" if job.estimate is None else f"{job.estimate.best_seconds:.1f}",
                spec.key[:12],
            )
            for number, (spec, job) in enumerate(
                zip(outcome.measured.specs, outcome.planned.jobs, strict=True), start=1
            )
        ),
    )


def _provenance(document: dict[str, Any]) -> Table:
    training = document["training"]
    rows = [
        ("calibration", f"{document['backend']}, taken {document['calibration']['taken']}"),
        ("snapshot", document["calibration"]["snapshot"]),
        ("training", f"{training['engine']}, {training['epochs']} epochs"),
        ("parameters", f"{training['n_parameters']:,}"),
        ("quantum weights", str(training["n_quantum_weights"])),
        ("rows", ", ".join(f"{name} {count}" for name, count in document["rows"].items())),
        ("data", said(document["data"])),
        ("seeds", ", ".join(f"{name} {seed}" for name, seed in document["seeds"].items())),
        ("versions", ", ".join(f"{k} {v}" for k, v in document["versions"].items())),
    ]
    return Table(("", ""), tuple(rows))
