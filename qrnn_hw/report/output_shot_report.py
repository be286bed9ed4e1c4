"""The report of a shot study of several classes, numbers, or a head on every step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qrnn_hw.experiment.direct_share import direct_share
from qrnn_hw.report.blocks import Block, Figure, Findings, Heading, Table, Text
from qrnn_hw.report.figures import line_figure
from qrnn_hw.report.labels import MEASURES
from qrnn_hw.report.study_files import studied, target_document, write_study
from qrnn_hw.studies.output_shots import NoiseCondition, OutputStudy


def write_output_shot_report(
    study: OutputStudy, folder: Path, *, parquet: bool = False
) -> dict[str, Any]:
    """Write report.html, report.md, rows.csv and study.json, and return the document."""
    prepared, target = study.model.prepared, study.model.judge.target
    steps = study.model.trained.network.steps
    document = studied(prepared) | {
        "target": target_document(target),
        "reading": "final" if steps is None else "steps",
        "findings": list(findings(study)),
        "summary": study.to_json(),
    }
    title = f"Shots for {prepared.settings.model} on {prepared.machine.name}"
    return write_study(folder, title, document, _blocks(study), study.rows(), parquet=parquet)


def findings(study: OutputStudy) -> tuple[str, ...]:
    """Say in plain words what the study found."""
    noisy, machine = study.conditions["noisy"], study.model.prepared.machine.name
    point = next(one for one in noisy.points if one.shots == study.plan.typical_shots)
    low, high = point.size.low, point.size.high
    whose = "answers at the steps of" if study.model.judge.target.per_step else "answers to"
    n = f"these {len(study.model.test)} inputs"
    if not study.of_labels:
        reached = [
            f"{float(share):.0%} of a deviation takes {shots:,.0f}"
            for share, shots in noisy.needed.items()
            if shots is not None
        ]
        return (
            f"Under the noise of {machine}, {point.shots:,} shots bring the {whose} {n} within "
            f"{point.size.value:.3g} of the target's deviation of those of infinitely many (95 % "
            f"half-width, mean; {low:.3g} to {high:.3g}).",
            f"A half-width of {'; of '.join(reached)} shots (median)."
            if reached
            else f"No half-width that was asked for takes {study.plan.max_shots:,} shots or fewer.",
            f"The noise itself moves the numbers by {study.unlike:.3g} deviations on average.",
            *_direct(study),
        )
    (middle,) = noisy.needed.values()
    return (
        f"Under the noise of {machine}, {point.shots:,} shots are enough for {point.certain:.0%} "
        f"of the {whose} {n} (a label that flips with at most {study.plan.delta:.1%}).",
        f"At {point.shots:,} shots {point.size.value:.1%} of the labels differ from those of "
        f"infinitely many shots ({low:.1%} to {high:.1%}), and two runs disagree on "
        f"{point.disagreement:.1%}.",
        f"Half of the labels are certain with {middle:,.0f} shots or fewer."
        if middle is not None
        else f"Half of the labels need more than {study.plan.max_shots:,} shots to be certain.",
        f"The noise itself changes {study.unlike:.1%} of the labels.",
    )


def _direct(study: OutputStudy) -> tuple[str, ...]:
    """Say what of the numbers no circuit computed, where that is something."""
    found = direct_share(study.model.judge, study.model.ideal_law.outputs)
    return () if found is None else (str(found),)


def point_table(study: OutputStudy, condition: str) -> Table:
    """Return the curve over shots under one condition."""
    points = study.conditions[condition].points
    if not study.of_labels:
        return Table(
            ("shots", "half-width in deviations (95 %)"),
            tuple(
                (
                    f"{one.shots:,}",
                    f"{one.size.value:.3g} ({one.size.low:.3g} to {one.size.high:.3g})",
                )
                for one in points
            ),
        )
    return Table(
        ("shots", "flip rate (95 %)", "two runs disagree", "certain"),
        tuple(
            (
                f"{one.shots:,}",
                f"{one.size.value:.1%} ({one.size.low:.1%} to {one.size.high:.1%})",
                f"{one.disagreement:.1%}",
                f"{one.certain:.1%}",
            )
            for one in points
        ),
    )


def _blocks(study: OutputStudy) -> list[Block]:
    shots = list(study.plan.shot_counts)
    what = "share of labels that differ" if study.of_labels else "half-width in deviations"
    curves = [
        (name, [point.size.value for point in one.points]) for name, one in study.conditions.items()
    ]
    blocks: list[Block] = [
        Findings(findings(study)),
        Heading("How many shots until the answers hold still"),
        Figure(
            line_figure(shots, curves, labels=("shots", what), log_x=True),
            "Against infinitely many shots of the same circuits, mean over all answers.",
        ),
    ]
    for name, label in (("noisy", "Under the machine's noise"), ("ideal", "Without noise")):
        blocks += [Heading(label), _quality(study.conditions[name]), point_table(study, name)]
    return [*blocks, Text(_how(study))]


def _quality(condition: NoiseCondition) -> Table:
    return Table(
        ("at infinite shots", "", "95 % interval"),
        tuple(
            (MEASURES[name], f"{one.value:.3f}", f"{one.low:.3f} to {one.high:.3f}")
            for name, one in condition.quality.items()
        ),
    )


def _how(study: OutputStudy) -> str:
    if not study.of_labels:
        how = "Half-widths follow from the exact variance of a shot's output."
    elif study.model.trained.network.steps is None:
        how = (
            "Flips follow from the exact law of the vote, of more than two classes as the sum over "
            "the rivals of the leading one, which is at least the truth."
        )
    else:
        how = (
            "Flips follow from the exact mean and variance of a shot's outputs, by the normal law; "
            "of more than two classes they are the sum over the rivals of the leading one."
        )
    return (
        f"{how} Intervals are over the inputs. Sequential tests and the split by cause are those "
        "of one score of the outcome alone."
    )
