"""The report of a shot study of a model in rounds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.report.blocks import Block, Findings, Heading, Table, Text
from qrnn_hw.report.study_files import write_study
from qrnn_hw.studies.round_shots import RoundStudy, rows_of


def write_round_shot_report(
    study: RoundStudy, settings: RunSettings, test: Sequences, folder: Path, *, parquet: bool
) -> dict[str, Any]:
    """Write report.html, report.md, rows.csv and study.json, and return the document."""
    blocks: list[Block] = [
        Findings(findings(study, len(test))),
        Heading("Shots of each circuit of each round"),
        Text(
            "Runs are drawn round by round from the exact laws without a machine's noise; the "
            "values fed back are those that the shots estimate."
        ),
        point_table(study),
    ]
    document = {
        "model": settings.model,
        "dataset": str(settings.data or settings.dataset),
        "backend": settings.backend,
        "seeds": settings.seeds,
        "condition": "ideal",
        "plan": asdict(study.plan),
        "n_inputs": len(test),
        "infinite_shot_accuracy": study.infinite_shot_accuracy,
        "steady_shots": study.steady_shots(),
        "points": [asdict(point) for point in study.points],
        "findings": list(findings(study, len(test))),
    }
    title = f"Shots a round for {settings.model}, without other noise"
    return write_study(folder, title, document, blocks, rows_of(study, test), parquet=parquet)


def findings(study: RoundStudy, n_inputs: int) -> tuple[str, ...]:
    """Say in plain words what the study found."""
    typical = next(one for one in study.points if one.shots == study.plan.typical_shots)
    steady, delta = study.steady_shots(), study.plan.delta
    held = (
        f"From {steady:,} shots a round on, at most {delta:.1%} of the labels of these {n_inputs} "
        "inputs differ from those of infinitely many shots."
        if steady is not None
        else f"Even at {study.points[-1].shots:,} shots a round, more than {delta:.1%} of the "
        f"labels of these {n_inputs} inputs still flip."
    )
    return (
        held,
        f"At {typical.shots:,} shots a round {typical.flip_rate:.1%} of the labels flip "
        f"({typical.flip_low:.1%} to {typical.flip_high:.1%}), and two runs disagree on "
        f"{typical.disagreement:.1%}.",
    )


def point_table(study: RoundStudy) -> Table:
    """Return the curve over shots."""
    return Table(
        ("shots a round", "flip rate (95 %)", "two runs disagree", "accuracy"),
        tuple(
            (
                f"{one.shots:,}",
                f"{one.flip_rate:.1%} ({one.flip_low:.1%} to {one.flip_high:.1%})",
                f"{one.disagreement:.1%}",
                f"{one.accuracy_mean:.1%} ± {one.accuracy_sd:.1%}",
            )
            for one in study.points
        ),
    )
