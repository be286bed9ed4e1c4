"""The report of one run, of a model in one circuit or in rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.usage import said
from qrnn_hw.experiment.controls import baseline_interval
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.outcome import Outcome
from qrnn_hw.report.blocks import Block, Figure, Findings, Heading, Table, Text, to_html
from qrnn_hw.report.chip_blocks import chip_blocks
from qrnn_hw.report.figures import circuit_figure, histogram_figure, interval_figure, line_figure
from qrnn_hw.report.files import write_json, write_text
from qrnn_hw.report.labels import label
from qrnn_hw.report.trust_blocks import choice_blocks, trust_blocks, trust_findings
from qrnn_hw.statistics.comparison import holm, mcnemar

SIGNIFICANT = 0.05
UNSTABLE = 0.05
"""A prediction that flips more often than this does not hold still."""


def write_report(outcome: Outcome) -> dict[str, Any]:
    """Write `report.html` and `result.json` into the output folder and return the document."""
    folder = outcome.settings.output
    path = folder / "report.html"
    document = outcome.to_json(str(path))
    # The results first: nothing that a page may trip over takes them along.
    write_json(folder / "result.json", document)
    write_text(path, to_html(title(document), list(_blocks(outcome, document))))
    return document


def title(document: dict[str, Any]) -> str:
    """Return the report's title."""
    rounds = ", in rounds" if "rounds" in document else ""
    return f"{document['model']} on {document['dataset']}, {document['backend']}{rounds}"


def _blocks(outcome: Outcome, document: dict[str, Any]) -> Iterator[Block]:
    yield Findings(tuple(run_findings(outcome)))
    yield Heading("Accuracy at equal total shots")
    yield from accuracy_blocks(outcome)
    if isinstance(outcome.plan.evaluation, Evaluation):
        yield _spending(outcome.plan.evaluation, int(outcome.test.lengths.max()))
    else:
        yield from _rounds(outcome)
    yield from trust_blocks(outcome.answers)
    if outcome.choice is not None:
        yield from choice_blocks(outcome.choice)
    if outcome.flip_rate:
        yield from _stability(outcome)
    yield from _training(outcome)
    yield from _circuit(outcome)
    yield Heading("Where the numbers come from")
    yield Table(("", ""), tuple(_provenance(document)))


def run_findings(outcome: Outcome) -> list[str]:
    """Say in plain words what a run found."""
    accuracy = outcome.accuracy
    first, *others = (stack.name for stack in outcome.stacks)
    raw, ideal = accuracy[first], accuracy["ideal"]
    how = "" if first == "none" else f" under {first}"
    stacks = [(label(name), outcome.correct(name)) for name in others]
    named = "the raw shots" if first == "none" else first
    controls = [
        (control.name, control.correct[: len(outcome.test)]) for control in outcome.controls
    ]
    flips = ((outcome.scores[first] > 0) != (outcome.scores["ideal"] > 0)).mean()
    return [
        f"Under the noise of {outcome.prepared.machine.name} the network labels {raw.value:.1%} of "
        f"{raw.n} unseen sentences rightly with {_shots(outcome)}{how} (95 % interval "
        f"{raw.low:.1%} to {raw.high:.1%}); without noise and with infinite shots "
        f"{ideal.value:.1%} ({ideal.low:.1%} to {ideal.high:.1%}). {flips:.1%} of the labels "
        "differ from those.",
        *(["At the same total shots, " + _compared(outcome, stacks, named)] if stacks else []),
        "On the same sentences, " + _compared(outcome, controls, "the network"),
        *(trust_findings(outcome.answers) if outcome.answers else []),
        *([_stable(outcome)] if outcome.flip_rate else []),
        "The whole evaluation would take about "
        f"{outcome.plan.priced.estimate.best_seconds:.0f} s of QPU time on the machine.",
    ]


def _shots(outcome: Outcome) -> str:
    shots = outcome.settings.shots
    if isinstance(outcome.plan.evaluation, Evaluation):
        return f"{shots:,} shots each"
    return (
        f"{shots:,} shots of each circuit in each round, "
        f"{outcome.shots_per_prediction:,.0f} per prediction,"
    )


def _stable(outcome: Outcome) -> str:
    flips = outcome.flip_rate
    enough = [s for s in flips if all(rate < UNSTABLE for t, rate in flips.items() if t >= s)]
    if not enough:
        return f"Even at {max(flips):,} shots {UNSTABLE:.0%} of raw predictions or more still flip."
    return (
        f"From {enough[0]:,} shots on, fewer than {UNSTABLE:.0%} of the raw predictions of these "
        f"{len(outcome.test)} sentences differ from the infinite-shot ones."
    )


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


def accuracy_blocks(outcome: Outcome) -> Iterator[Block]:
    """Yield a figure and a table of the network's accuracies beside those of its controls."""
    rows = [(label(name), one) for name, one in outcome.accuracy.items()]
    for control in outcome.controls:
        name = f"{control.name} ({control.n_parameters:,} parameters)"
        rows.append((name, baseline_interval(control, len(outcome.test))))
    yield Figure(
        interval_figure(rows, "test accuracy"),
        "Dots are test accuracies, bars 95 % Wilson intervals: they cover the choice of test "
        "sentences, not that of the split, the training seed or the day of the calibration.",
    )
    yield Table(
        ("", "accuracy", "95 % interval", "sentences"),
        tuple(
            (name, f"{one.value:.3f}", f"{one.low:.3f} to {one.high:.3f}", str(one.n))
            for name, one in rows
        ),
    )
    yield Text(
        f"The first rows are the network with {outcome.trained.n_parameters:,} parameters, the "
        "last ones classical classifiers on the same rows."
    )


def _spending(evaluation: Evaluation, longest: int) -> Table:
    """Say what each stack spends of the same total for each prediction."""
    plan = evaluation.shots
    rows = []
    for stack in evaluation.stacks:
        shares = evaluation.shares(stack, longest, plan)
        by_factor = [
            f"{sum(n for term, n in shares if term.scale_factor == factor):,} at scale {factor:g}"
            for factor, _ in stack.scales()
        ]
        calibration = f"{plan.calibration_share:,}" if stack.terminal else "0"
        rows.append((stack.name, str(len(shares)), ", ".join(by_factor), calibration))
    header = (
        f"stack, {plan.total:,} shots per prediction each",
        "circuits of the longest",
        "shots of its circuits",
        "shots of calibration",
    )
    return Table(header, tuple(rows))


def _rounds(outcome: Outcome) -> Iterator[Block]:
    yield Heading("The rounds")
    yield Text(
        "Each round is one job of all sentences that are not over yet. The host computes what is "
        "fed back from the estimates of the round before; readout is not corrected."
    )
    priced = outcome.plan.priced
    yield Table(
        ("round", "sentences", "circuits", "QPU seconds", "job"),
        tuple(
            (
                role.removeprefix("round "),
                str(spec.pubs[0].n_rows),
                str(len(spec.pubs)),
                "" if job.estimate is None else f"{job.estimate.best_seconds:.1f}",
                outcome.jobs[role][:12],
            )
            for role, spec, job in zip(priced.roles, priced.specs, priced.jobs, strict=True)
        ),
    )


def _stability(outcome: Outcome) -> Iterator[Block]:
    flips = outcome.flip_rate
    yield Heading("How many shots until the answers hold still")
    yield Figure(
        line_figure(
            list(flips),
            [("flip rate", list(flips.values()))],
            labels=("shots per prediction", "share of predictions that differ"),
            log_x=True,
            mark_x=outcome.settings.shots,
        ),
        "Share of labels that differ from the infinite-shot label of the same noisy model; "
        "the vertical line is this run's number of shots.",
    )
    yield Figure(
        histogram_figure(outcome.scores["noisy_exact"].tolist(), label="score"),
        "Scores of the test sentences at infinite shots; those near zero flip.",
    )


def _training(outcome: Outcome) -> Iterator[Block]:
    history = outcome.state.epochs()
    yield Heading("Training")
    yield Figure(
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
    )


def _circuit(outcome: Outcome) -> Iterator[Block]:
    from circuits import unroll

    logical = unroll(outcome.trained.network.architecture, 1).circuit
    yield Heading("The circuit")
    yield Figure(
        circuit_figure(logical),
        "One time step and the final measurement, before transpilation.",
        is_wide=True,
    )
    if isinstance(outcome.plan.evaluation, Evaluation):
        counts = outcome.plan.evaluation.transpiled.step.count_ops()
        yield Table(
            ("scheduled step on the machine", "count"),
            tuple((name, str(count)) for name, count in counts.items()),
        )
    placement = outcome.prepared.execution.described().get("placement")
    if placement is not None:
        yield Heading("Where it lies")
        yield from chip_blocks(placement, outcome.prepared.machine.snapshot)


def _provenance(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    calibration, training = document["calibration"], document["training"]
    yield "calibration", f"{document['backend']}, taken {calibration['taken']}"
    if "qubits" in calibration:
        yield "qubits", ", ".join(map(str, calibration["qubits"]))
    for what, name in (("P(1|0)", "p01"), ("P(0|1)", "p10")):
        if calibration.get("readout"):
            errors = ", ".join(f"{p:.4f}" for p in calibration["readout"][name])
            yield f"measured readout errors {what}", errors
    yield "snapshot", calibration["snapshot"]
    under = ", ".join(training["calibrations"]) or "none, without noise"
    yield "trained under the calibrations of", under
    yield (
        "parameters",
        f"{training['n_parameters']:,}, of them {training['n_quantum_weights']} in the circuit",
    )
    seconds = document["qpu_seconds_range"]
    yield (
        "QPU seconds",
        f"{document['qpu_seconds']:.1f} ({seconds['low']:.1f} to {seconds['high']:.1f})",
    )
    if "agreement" in document:
        one = document["agreement"]
        yield "exact engine against Aer's density matrix", f"{one['exact_vs_aer']:.1e}"
        yield (
            "exact engine against Aer's shots",
            f"chi-square {one['chi_square']:.2f}, {one['degrees_of_freedom']} degrees of freedom, "
            f"p = {one['p_value']:.2f}, {one['shots']:,} shots",
        )
    yield "rows", _pairs(document["rows"])
    yield "data", said(document["data"])
    yield "seeds", _pairs(document["seeds"])
    yield "extrapolated by", document["extrapolated_by"]
    yield "versions", _pairs(document["versions"])
    jobs = zip(document["jobs"], document["roles"], strict=True)
    yield "jobs", ", ".join(f"{key[:12]} ({role})" for key, role in jobs)


def _pairs(named: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items())
