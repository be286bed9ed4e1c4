"""The report of repeats on a machine: findings, one row a number of shots, every job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.counted import counted
from qrnn_hw.data.target import Numbers, Target
from qrnn_hw.experiment.direct_share import direct_share
from qrnn_hw.experiment.versions import package_versions
from qrnn_hw.report.blocks import Block, Findings, Heading, Table, Text
from qrnn_hw.report.labels import percent, plain
from qrnn_hw.report.study_files import studied, target_document, write_study
from qrnn_hw.studies.device import DevicePlan, Progression
from qrnn_hw.studies.device_findings import summarise_rounds
from qrnn_hw.studies.trained import TrainedModel


def write_device_report(
    model: TrainedModel,
    plan: DevicePlan,
    found: Progression,
    folder: Path,
    *,
    parquet: bool = False,
) -> dict[str, Any]:
    """Write report.html, report.md, rows.csv and study.json, and return the document.

    Of the files only study.json holds times.
    """
    prepared, machine = model.prepared, model.prepared.machine
    summary, target = summarise_rounds(model, found.measured), model.judge.target
    lines = (*findings(summary, found), *_direct(model))
    rows = [{"round": one.round + 1, "shots": one.shots, "job": one.key} for one in found.measured]
    document = studied(prepared) | {
        "target": target_document(target),
        "reading": "final" if model.trained.network.steps is None else "steps",
        "complete": found.is_complete,
        "jobs_done": len(found.measured),
        "jobs": found.n_jobs,
        "qpu_seconds": found.spent_seconds,
        "budget_seconds": plan.budget_seconds,
        "findings": list(lines),
        "summary": summary,
        "measured": [
            row | {"ended": one.ended} for row, one in zip(rows, found.measured, strict=True)
        ],
    }
    provenance = [
        ("calibration of the first day", f"{machine.name}, taken {machine.snapshot.taken}"),
        ("snapshot", machine.snapshot.digest),
        ("QPU seconds", f"{found.spent_seconds:.1f}"),
        *((f"round {row['round']}, {row['shots']:,} shots", str(row["job"])) for row in rows),
        *package_versions().items(),
    ]
    blocks: list[Block] = [
        Findings(lines),
        Heading("By number of shots"),
        device_table(summary),
        Text(_how(target)),
        Heading("Where the numbers come from"),
        Table(("", ""), tuple(provenance)),
    ]
    title = f"Repeats of {prepared.settings.model} on {machine.name}"
    return write_study(folder, title, document, blocks, rows, parquet=parquet)


def findings(summary: list[dict[str, Any]], found: Progression) -> tuple[str, ...]:
    """Say in plain words what the rounds show so far."""
    lines = [
        f"{len(found.measured)} of {counted(found.n_jobs, 'job')} done, for "
        f"{found.spent_seconds:.0f} s of QPU time."
    ]
    for one in summary:
        lines += [_said(one), *_certified(one)]
    drifted = [one for one in summary if one["drift"] and one["drift"]["low"] > 1]
    if drifted:
        counts = ", ".join(f"{one['shots']:,}" for one in drifted)
        lines.append(f"The machine drifted between rounds beyond its shots, at {counts} shots.")
    return tuple(lines)


def _direct(model: TrainedModel) -> tuple[str, ...]:
    """Say what of the numbers no circuit computed, where that is something."""
    found = direct_share(model.judge, model.ideal_law.outputs)
    return () if found is None else (str(found),)


def _said(one: dict[str, Any]) -> str:
    """Say how good the rounds of so many shots are, and how they differ."""
    start = f"At {one['shots']:,} shots the "
    if "distance" in one:
        measured = f"NRMSE is {plain(one['nrmse'])}" if one["nrmse"] else "target does not vary"
        text = f"{start}{measured}"
        if one["half_width"]:
            text += f", and a round lies within {plain(one['half_width'])} deviations of the mean"
        far = plain(one["distance"])
        return f"{text}; the numbers lie {far} deviations from the exact noisy model's."
    text = f"{start}accuracy is {_share(one['accuracy'])}"
    if one["disagreement"]:
        text += f", and two rounds disagree on {percent(one['disagreement'])} of the labels"
    return f"{text}; {percent(one['flip_rate'])} differ from the exact noisy model's."


def _certified(one: dict[str, Any]) -> list[str]:
    certified = one.get("certified")
    if certified is None:
        return []
    answers = "number" if "distance" in one else "label"
    if certified["disagree"]:
        return [
            f"At {one['shots']:,} shots the rounds disagree: outputs scatter "
            f"{certified['scatter_over_shots']:.1f} times as much as their shots explain. No "
            f"{answers} is certified."
        ]
    by = f"By all {certified['number']} rounds of {one['shots']:,} shots "
    if answers == "number":
        return [
            f"{by}the numbers lie within {certified['half_width']:.3g} deviations of "
            f"{certified['what']} with 95 % each; of the noiseless numbers nothing is said here."
        ]
    return [
        f"{by}{certified['share']:.0%} "
        f"of the labels are {certified['what']} with 95 % each; of the noiseless labels nothing "
        "is said here."
    ]


def device_table(summary: list[dict[str, Any]]) -> Table:
    """Return one row a number of shots."""
    if any("distance" in one for one in summary):
        return Table(
            ("shots", "rounds", "NRMSE", "R2", "half-width of a round", "scatter over shots"),
            tuple(
                (
                    f"{one['shots']:,}",
                    str(one["rounds"]),
                    *(plain(one[n]) if one[n] else "-" for n in ("nrmse", "r2", "half_width")),
                    _factor(one["drift"]) if one["drift"] else "-",
                )
                for one in summary
            ),
        )
    return Table(
        ("shots", "rounds", "accuracy", "flips", "two rounds disagree", "scatter over shots"),
        tuple(
            (
                f"{one['shots']:,}",
                str(one["rounds"]),
                _share(one["accuracy"]),
                percent(one["flip_rate"]),
                percent(one["disagreement"]) if one["disagreement"] else "-",
                _factor(one["drift"]) if one["drift"] else "-",
            )
            for one in summary
        ),
    )


def _how(target: Target) -> str:
    drift = (
        "Scatter over shots: the variance of the mean output between rounds over that of "
        "independent shots, chi-square; above 1 with its whole interval, the machine drifted."
    )
    if isinstance(target, Numbers):
        return (
            "All intervals at 95 %: for NRMSE and R2 the wider of Student over rounds and a "
            "bootstrap over inputs (in blocks where they overlap in time), for half-widths and "
            "distances, in deviations of the target, Student over inputs. Distances are to the "
            f"exact engine under the calibration of the first day. {drift}"
        )
    return (
        "All intervals at 95 %: for the accuracy the wider of Student over rounds and Wilson "
        "over inputs (a bootstrap over inputs where every step has an answer), BCa bootstrap over "
        "inputs for flips, held against the exact engine under "
        "the calibration of the first day, and for the disagreement of two rounds (Wilson "
        f"where all inputs agree). {drift}"
    )


def _share(interval: dict[str, Any]) -> str:
    return plain(interval) if interval["low"] is None else percent(interval)


def _factor(interval: dict[str, float]) -> str:
    return f"{interval['value']:.2f} ({interval['low']:.2f} to {interval['high']:.2f})"
