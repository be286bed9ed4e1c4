"""The report of one run of the main job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.usage import said
from qrnn_hw.experiment.controls import baseline_interval
from qrnn_hw.experiment.outcome import Outcome
from qrnn_hw.report.figures import circuit_figure, histogram_figure, interval_figure, line_figure
from qrnn_hw.report.files import write_text
from qrnn_hw.report.labels import label
from qrnn_hw.report.page import figure, findings, heading, page, paragraph, table
from qrnn_hw.statistics.comparison import holm, mcnemar
from qrnn_hw.statistics.intervals import Interval

SIGNIFICANT = 0.05
UNSTABLE = 0.05
"""A prediction that flips more often than this does not hold still."""


def write_report(outcome: Outcome) -> dict[str, Any]:
    """Write `report.html` and `result.json` into the output folder and return the document."""
    folder = outcome.settings.output
    path = folder / "report.html"
    document = outcome.to_json(str(path))
    # The results first: nothing that a page may trip over takes them along.
    write_text(folder / "result.json", json.dumps(document, indent=2) + "\n")
    write_text(path, _page(outcome, document))
    return document


def _page(outcome: Outcome, document: dict[str, Any]) -> str:
    title = f"{document['model']} on {document['dataset']}, {document['backend']}"
    return page(
        title,
        [
            findings(run_findings(outcome)),
            *_accuracy(outcome),
            *_stability(outcome),
            *_training(outcome),
            *_circuit(outcome),
            *_provenance(document),
        ],
    )


def run_findings(outcome: Outcome) -> list[str]:
    """Say in plain words what a run found."""
    accuracy, shots = outcome.accuracy, outcome.settings.shots
    flips = outcome.flip_rate
    enough = [s for s in flips if all(rate < UNSTABLE for t, rate in flips.items() if t >= s)]
    stable = (
        f"From {enough[0]:,} shots on, fewer than {UNSTABLE:.0%} of the raw predictions of these "
        f"{len(outcome.test)} sentences differ from the infinite-shot ones."
        if enough
        else f"Even at {max(flips):,} shots {UNSTABLE:.0%} of raw predictions or more still flip."
    )
    first, *others = (stack.name for stack in outcome.stacks)
    raw, ideal = accuracy[first], accuracy["ideal"]
    how = "" if first == "none" else f" under {first}"
    stacks = [(label(name), outcome.correct(name)) for name in others]
    named = "the raw shots" if first == "none" else first
    return [
        f"Under the noise of {outcome.machine.name} the network labels {raw.value:.1%} of "
        f"{raw.n} unseen sentences rightly with {shots:,} shots each{how} (95 % interval "
        f"{raw.low:.1%} to {raw.high:.1%}); without noise and with infinite shots "
        f"{ideal.value:.1%} ({ideal.low:.1%} to {ideal.high:.1%}).",
        *(["At the same total shots, " + _compared(outcome, stacks, named)] if stacks else []),
        "On the same sentences, "
        + _compared(
            outcome,
            [(control.name, control.correct[: len(outcome.test)]) for control in outcome.controls],
            "the network",
        ),
        stable,
        f"The whole evaluation would take about {outcome.planned.estimate.best_seconds:.0f} s of "
        "QPU time on the machine.",
    ]


def _compared(
    outcome: Outcome, others: Sequence[tuple[str, NDArray[np.bool_]]], reference: str
) -> str:
    """Say of each other classifier whether it is shown to differ from the first stack's labels.

    McNemar's exact test on the same sentences, adjusted by Holm for their number.
    """
    network = outcome.correct(outcome.stacks[0].name)
    p_values = holm([mcnemar(network, correct).p_value for _, correct in others])
    said = []
    for (name, correct), p in zip(others, p_values, strict=True):
        gain = float(correct.mean() - network.mean())
        verdict = "no difference shown"
        if p <= SIGNIFICANT:
            verdict = "better" if gain > 0 else "worse"
        said.append(f"{name} {gain * 100:+.1f} points ({verdict}, p = {p:.2f})")
    return f"against {reference}: {'; '.join(said)}."


def _accuracy(outcome: Outcome) -> list[str]:
    rows: list[tuple[str, Interval]] = [
        (label(name), one) for name, one in outcome.accuracy.items()
    ]
    rows += [
        (
            f"{control.name} ({control.n_parameters:,} parameters)",
            baseline_interval(control, len(outcome.test)),
        )
        for control in outcome.controls
    ]
    evaluation = outcome.measured.evaluation
    plan, longest = evaluation.shots, int(outcome.test.lengths.max())
    spent = []
    for stack in evaluation.stacks:
        shares = evaluation.shares(stack, longest, plan)
        by_factor = [
            f"{sum(n for term, n in shares if term.scale_factor == factor):,} at scale {factor:g}"
            for factor, _ in stack.scales()
        ]
        calibration = f"{plan.calibration_share:,}" if stack.terminal else "0"
        spent.append((stack.name, len(shares), ", ".join(by_factor), calibration))
    return [
        heading("Accuracy at equal total shots"),
        figure(
            interval_figure(rows, "test accuracy"),
            "Dots are test accuracies, bars 95 % Wilson intervals: they cover the choice of test "
            "sentences, not that of the split, the training seed or the day of the calibration.",
        ),
        table(
            ("", "accuracy", "95 % interval", "sentences"),
            [(name, f"{i.value:.3f}", f"{i.low:.3f} to {i.high:.3f}", i.n) for name, i in rows],
        ),
        paragraph(
            f"The first rows are the network with {outcome.trained.n_parameters:,} parameters, "
            "the last ones classical classifiers on the same rows. "
            f"Each measured row spends {plan.total:,} shots per prediction; what several rows run "
            "is run once, and each takes its own share of the shots."
        ),
        table(
            ("stack", "circuits of the longest", "shots of its circuits", "shots of calibration"),
            spent,
        ),
    ]


def _stability(outcome: Outcome) -> list[str]:
    flips = outcome.flip_rate
    return [
        heading("How many shots until the answers hold still"),
        figure(
            line_figure(
                list(flips),
                [("flip rate", list(flips.values()))],
                labels=("shots per prediction", "share of predictions that differ"),
                log_x=True,
                mark_x=outcome.settings.shots,
            ),
            "Share of labels that differ from the infinite-shot label of the same noisy model; "
            "the vertical line is this run's number of shots.",
        ),
        figure(
            histogram_figure(outcome.scores["noisy_exact"].tolist(), label="score"),
            "Scores of the test sentences at infinite shots; those near zero flip.",
        ),
    ]


def _training(outcome: Outcome) -> list[str]:
    history = outcome.state.epochs()
    return [
        heading("Training"),
        figure(
            line_figure(
                list(range(1, len(history) + 1)),
                [
                    ("training loss", [e.training_loss for e in history]),
                    ("validation loss", [e.validation_loss for e in history]),
                    ("validation accuracy", [e.validation_accuracy for e in history]),
                ],
                labels=("epoch", "loss, accuracy"),
                mark_x=int(outcome.state.best_epoch[0]) + 1,
            ),
            "The weights of the epoch at the vertical line are used: a running mean, chosen by "
            "validation loss.",
        ),
    ]


def _circuit(outcome: Outcome) -> list[str]:
    from circuits import unroll

    logical = unroll(outcome.transpiled.architecture, 1).circuit
    step = outcome.transpiled.step
    return [
        heading("The circuit"),
        figure(
            circuit_figure(logical),
            "One time step and the final measurement, before transpilation.",
            wide=True,
        ),
        table(
            ("scheduled step on the machine", "count"),
            [(name, int(count)) for name, count in step.count_ops().items()],
        ),
    ]


def _provenance(document: dict[str, Any]) -> list[str]:
    calibration, agreement = document["calibration"], document["agreement"]
    readout = calibration["readout"]
    rows = [
        ("calibration", f"{document['backend']}, taken {calibration['taken']}"),
        ("qubits", ", ".join(map(str, calibration["qubits"]))),
        *(
            (f"measured readout errors {what}", ", ".join(f"{p:.4f}" for p in readout[name]))
            for what, name in (("P(1|0)", "p01"), ("P(0|1)", "p10"))
            if readout is not None
        ),
        ("snapshot", calibration["snapshot"]),
        (
            "trained under the calibrations of",
            ", ".join(document["training"]["calibrations"]) or "none, without noise",
        ),
        (
            "QPU seconds",
            f"{document['qpu_seconds']:.1f} ({document['qpu_seconds_range']['low']:.1f}"
            f" to {document['qpu_seconds_range']['high']:.1f})",
        ),
        ("exact engine against Aer's density matrix", f"{agreement['exact_vs_aer']:.1e}"),
        (
            "exact engine against Aer's shots",
            f"chi-square {agreement['chi_square']:.2f}, {agreement['degrees_of_freedom']} degrees "
            f"of freedom, p = {agreement['p_value']:.2f}, {agreement['shots']:,} shots",
        ),
        ("rows", ", ".join(f"{k} {v}" for k, v in document["rows"].items())),
        ("data", said(document["data"])),
        ("seeds", ", ".join(f"{k} {v}" for k, v in document["seeds"].items())),
        ("extrapolated by", document["extrapolated_by"]),
        ("versions", ", ".join(f"{k} {v}" for k, v in document["versions"].items())),
        (
            "jobs",
            ", ".join(
                f"{key[:12]} ({role})"
                for key, role in zip(document["jobs"], document["roles"], strict=True)
            ),
        ),
    ]
    return [heading("Where the numbers come from"), table(("", ""), rows)]
