"""The report of a shot study: how many shots until this model's labels hold still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qrnn_hw.experiment.versions import package_versions
from qrnn_hw.report.blocks import Block, Figure, Findings, Heading, Table, Text
from qrnn_hw.report.cause_blocks import cause_blocks, cause_findings
from qrnn_hw.report.figures import histogram_figure, line_figure
from qrnn_hw.report.labels import percent
from qrnn_hw.report.study_files import studied, write_study
from qrnn_hw.statistics.certificates import MACHINE, NOISELESS
from qrnn_hw.studies.adaptive import AdaptiveRow
from qrnn_hw.studies.shot_experiment import ShotExperiment


def write_shot_report(
    experiment: ShotExperiment, folder: Path, *, parquet: bool = False
) -> dict[str, Any]:
    """Write report.html, report.md, rows.csv and study.json, and return the document.

    The document is study.json without the rows of the single inputs.
    """
    prepared = experiment.model.prepared
    return write_study(
        folder,
        f"Shots for {prepared.settings.model} on {prepared.machine.name}",
        studied(prepared)
        | {
            "findings": list(findings(experiment)),
            "summary": experiment.summary,
            "adaptive": [row.to_json() for row in experiment.adaptive],
            "causes": experiment.causes.to_json() if experiment.causes else None,
        },
        _blocks(experiment),
        _csv_rows(experiment),
        parquet=parquet,
        every_row={"study": experiment.study.to_json()},
    )


def findings(experiment: ShotExperiment) -> tuple[str, ...]:
    """Say in plain words what the study found; every sentence is one figure of the summary."""
    noisy = experiment.summary["conditions"]["noisy"]
    (comparison,) = experiment.summary["comparisons"]
    plan = experiment.study.plan
    typical = experiment.study.plan.typical_shots
    point = next(one for one in noisy["shots"] if one["shots"] == typical)
    last = noisy["shots"][-1]
    n, accuracy = noisy["n_inputs"], noisy["infinite_shot_accuracy"]
    changed, certain = comparison["label_changed"], comparison["certain_of_changed_label"]
    lines = [
        f"Under the noise of {experiment.model.prepared.machine.name}, {typical:,} shots are "
        f"enough for {point['certain']['value']:.0%} of these {n} inputs (a label that flips with "
        f"at most {plan.delta:.1%}); {last['undecided']['value']:.0%} would need more than "
        f"{last['shots']:,}.",
        f"At {typical:,} shots {point['flip_rate']['value']:.1%} of the labels differ from those "
        f"of infinitely many shots, and two runs disagree on {point['disagreement']:.1%}.",
        f"Accuracy at infinite shots is {percent(accuracy)}; runs of {typical:,} shots scatter "
        f"about {point['accuracy_mean']:.1%} by {point['accuracy_sd']:.1%}, and the best of "
        f"{plan.n_repeats} looks {100 * point['luck']:.1f} points better than their mean by luck "
        "alone.",
        f"The noise changes the label of {changed['value']:.1%} of the inputs; for "
        f"{certain['value']:.1%} more shots only make the changed label certain.",
    ]
    lines.append(
        "Certain is the label of this noise model. A machine with errors that its calibration does "
        f"not report has labels of its own: its shots certify {MACHINE}; {NOISELESS}, takes those."
    )
    if experiment.causes:
        lines += cause_findings(experiment.causes)
    for row in experiment.adaptive:
        if row.condition == "noisy" and row.saving is not None:
            lines.append(
                "Stopping each input as soon as its label under this noise is certain "
                f"({row.test}, error at most {row.delta:.1%}) answers {row.decided.value:.1%} of "
                f"the inputs and takes {row.mean_shots.value:,.0f} shots in the mean; a fixed "
                f"number that answers as many with the same guarantee is {row.fixed_shots:,}, "
                f"{row.saving:.1f} times as "
                "many shots."
            )
    return tuple(lines)


def shot_table(experiment: ShotExperiment, condition: str, *, intervals: bool = True) -> Table:
    """Return the curve over shots of one condition; a terminal has no room for the intervals."""
    share = percent if intervals else _plain
    rows = tuple(
        (
            f"{one['shots']:,}",
            share(one["certain"]),
            share(one["flip_rate"]),
            f"{one['disagreement']:.1%}",
            f"{one['accuracy_mean']:.1%} ± {one['accuracy_sd']:.1%}",
            f"{one['best_repeat']:.1%}",
        )
        for one in experiment.summary["conditions"][condition]["shots"]
    )
    header = (
        "shots",
        "certain",
        "flip",
        "two runs disagree",
        "accuracy, mean ± sd",
        f"best of {experiment.study.plan.n_repeats}",
    )
    return Table(header, rows)


def shot_figure(experiment: ShotExperiment) -> Figure:
    """Draw what share of the inputs is certain, and what share flips, over shots."""
    plan, conditions = experiment.study.plan, experiment.summary["conditions"]
    return Figure(
        line_figure(
            list(plan.shot_counts),
            [
                (f"{name}: {label}", [_value(one[key]) for one in conditions[name]["shots"]])
                for key, label in (("certain", "certain"), ("flip_rate", "flips"))
                for name in ("noisy", "ideal")
            ],
            labels=("shots per prediction", "share of inputs"),
            log_x=True,
            mark_x=plan.typical_shots,
        ),
        "Exact laws of the vote, nothing is sampled; the same numbers stand in the tables.",
    )


def adaptive_table(rows: tuple[AdaptiveRow, ...]) -> Table:
    """Return mean adaptive shots beside fixed shots that answer as many inputs."""
    return Table(
        (
            "condition",
            "test",
            "answered",
            "wrong",
            "mean shots",
            "fixed shots, same guarantee",
            "times fewer",
            "fixed shots, law known",
            "times fewer",
        ),
        tuple(
            (
                row.condition,
                f"{row.test}, at most {row.max_shots:,}",
                f"{row.decided.value:.1%}",
                f"{row.wrong.value:.2%} ({row.wrong.low:.2%} to {row.wrong.high:.2%})",
                f"{row.mean_shots.value:,.0f} ({row.mean_shots.low:,.0f} to "
                f"{row.mean_shots.high:,.0f})",
                "-" if row.fixed_shots is None else f"{row.fixed_shots:,}",
                "-" if row.saving is None else f"{row.saving:.1f}",
                "-" if row.oracle_shots is None else f"{row.oracle_shots:,}",
                "-" if row.oracle_saving is None else f"{row.oracle_saving:.1f}",
            )
            for row in rows
        ),
    )


def _blocks(experiment: ShotExperiment) -> list[Block]:
    conditions = experiment.summary["conditions"]
    margins = [row.margin for row in experiment.study.under("noisy")]
    blocks: list[Block] = [
        Findings(findings(experiment)),
        Heading("How many shots until the labels hold still"),
        shot_figure(experiment),
    ]
    for name, label in (("noisy", "Under the machine's noise"), ("ideal", "Without noise")):
        blocks += [Heading(label), shot_table(experiment, name)]
    blocks += [
        Text(
            "Shares have 95 % Wilson intervals, flip rates a BCa bootstrap over inputs, or "
            "Wilson's where all inputs agree. Accuracy is that of one run with the given shots: "
            "mean and standard deviation over repeated runs of these very inputs. The best of "
            "many runs is what picking a seed shows."
        ),
        Heading("Margins"),
        Figure(
            histogram_figure(margins, label="margin under the machine's noise"),
            "Score less threshold of each input at infinite shots; those near zero flip.",
        ),
        Heading("Answering only what is certain"),
        Table(
            ("inputs answered", *conditions),
            tuple(
                (f"{cells[0]['coverage']:.0%}", *(percent(cell["accuracy"]) for cell in cells))
                for cells in zip(*(one["abstention"] for one in conditions.values()), strict=True)
            ),
        ),
    ]
    if experiment.causes:
        blocks += cause_blocks(experiment.causes)
    if experiment.adaptive:
        blocks += [
            Heading("Stopping early"),
            adaptive_table(experiment.adaptive),
            Text(
                "Each input is run batch by batch until an anytime-valid test is certain, or the "
                "cap is reached and it stays undecided. The same guarantee: Hoeffding's test at "
                "one number of shots for all inputs, margins unknown, which answers as large a "
                "share. Law known: the number at which as large a share flips with at most delta "
                "by the exact law, which no experiment tells. Wrong: unlike the infinite-shot "
                "label. Intervals at 95 %, bootstrapped over inputs, Wilson's where all "
                "agree."
            ),
        ]
    return [*blocks, *_provenance(experiment)]


def _provenance(experiment: ShotExperiment) -> list[Block]:
    prepared, plan = experiment.model.prepared, experiment.study.plan
    rows = (
        ("calibration", f"{prepared.machine.name}, taken {prepared.machine.snapshot.taken}"),
        ("snapshot", prepared.machine.snapshot.digest),
        ("data", str(prepared.settings.data or prepared.settings.dataset)),
        ("seeds", ", ".join(f"{k} {v}" for k, v in prepared.settings.seeds.items())),
        ("draws", f"{plan.n_repeats} repeats, seed {plan.seed}"),
        ("versions", ", ".join(f"{k} {v}" for k, v in package_versions().items())),
    )
    return [Heading("Where the numbers come from"), Table(("", ""), rows)]


def _csv_rows(experiment: ShotExperiment) -> list[dict[str, Any]]:
    rows = []
    for row in experiment.study.rows:
        fields = row.to_json()
        flips = fields.pop("flip_probabilities")
        for name in ("drawn_labels", "disagreements"):
            fields.pop(name)
        shots = experiment.study.plan.shot_counts
        rows.append(fields | {f"flip_at_{s}": p for s, p in zip(shots, flips, strict=True)})
    return rows


def _plain(interval: dict[str, float]) -> str:
    return f"{interval['value']:.1%}"


def _value(interval: dict[str, float]) -> float:
    return interval["value"]
