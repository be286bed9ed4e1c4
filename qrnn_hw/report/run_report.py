"""The report of one run, of a model in one circuit or in rounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.target import Classes
from qrnn_hw.data.usage import data_lines
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.outcome import Outcome
from qrnn_hw.experiment.quality import Judge
from qrnn_hw.experiment.tiled import TiledEvaluation
from qrnn_hw.experiment.tiled_measured import TiledMeasured
from qrnn_hw.report.blocks import Block, Figure, Findings, Heading, Table, Text, to_html
from qrnn_hw.report.chip_blocks import chip_blocks
from qrnn_hw.report.figures import circuit_figure, histogram_figure, interval_figure, line_figure
from qrnn_hw.report.files import write_json, write_text
from qrnn_hw.report.labels import MEASURES, between, label
from qrnn_hw.report.tile_blocks import tile_blocks
from qrnn_hw.report.trust_blocks import choice_blocks, trust_blocks, trust_findings
from qrnn_hw.statistics.comparison import holm, mcnemar

SIGNIFICANT = 0.05
UNSTABLE = 0.05
"""A prediction that flips more often than this does not hold still."""

_COVERED = (
    "they cover the choice of test rows, not that of the split, the training seed or the day of "
    "the calibration."
)
INTERVALS = {
    "accuracy": f"Dots are test accuracies, bars 95 % Wilson intervals: {_COVERED}",
    "nrmse": "Root mean squared error over the targets' standard deviation; 1 is the mean as the "
    f"answer. Bars are 95 % intervals of a moving-block bootstrap: {_COVERED}",
    "r2": "Share of the targets' variance that is explained; 0 is the mean as the answer. Bars as "
    "above.",
}


PER_STEP = (
    "Over all steps that count; bars are 95 % intervals of a bootstrap over whole sequences, whose "
    f"steps are no sample of their own: {_COVERED}"
)


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
    yield Heading("Quality at equal total shots")
    yield from quality_blocks(outcome)
    if isinstance(outcome.plan.evaluation, Evaluation):
        yield _spending(outcome.plan.evaluation, int(outcome.test.lengths.max()))
    elif isinstance(outcome.measured, TiledMeasured):
        yield from tile_blocks(outcome.measured)
    else:
        yield from _rounds(outcome)
    if outcome.judge.is_one_score:
        yield from trust_blocks(outcome.answers)
    if outcome.choice is not None:
        yield from choice_blocks(outcome.choice)
    if outcome.flip_rate or outcome.half_width:
        yield from _stability(outcome)
    yield from _training(outcome)
    yield from _circuit(outcome)
    yield Heading("Where the numbers come from")
    yield Table(("", ""), tuple(_provenance(document)))


def run_findings(outcome: Outcome) -> list[str]:
    """Say in plain words what a run found."""
    first, *others = (stack.name for stack in outcome.stacks)
    how = "" if first == "none" else f" under {first}"
    named = "the raw shots" if first == "none" else first
    stacks = [(label(name), outcome.predictions[name]) for name in others]
    controls = [(one.name, outcome.judge.given(one.predictions)) for one in outcome.controls]
    said = [
        f"Under the noise of {outcome.prepared.machine.name}, with {_shots(outcome)}{how}, the "
        f"network {_told(outcome, first)}; without noise and with infinite shots it "
        f"{_told(outcome, 'ideal')}. {_unlike(outcome, first)}"
    ]
    said += _one_label(outcome.judge, outcome.predictions[first])
    if stacks:
        said.append("At the same total shots, " + _compared(outcome, stacks, named))
    said.append("On the same rows, " + _compared(outcome, controls, "the network"))
    if outcome.answers and outcome.judge.is_one_score:
        said += trust_findings(outcome.answers)
    said += [f"Assumed: {line}." for line in outcome.assumptions]
    if outcome.flip_rate:
        said.append(_stable(outcome))
    if outcome.half_width:
        shots, width = outcome.settings.shots, _width_at(outcome)
        said.append(
            f"With {shots:,} shots a raw number is known to {width:.3g} either way (95 %, mean "
            f"over the rows); half of that takes {4 * shots:,}."
        )
    said.append(
        "The whole evaluation would take about "
        f"{outcome.estimate.best_seconds:.0f} s of QPU time on the machine."
    )
    return said


def _told(outcome: Outcome, name: str) -> str:
    """Say how good one set of answers is."""
    found = outcome.quality
    each = "every step of " if outcome.judge.target.per_step else ""
    if one := found.get("accuracy", {}).get(name):
        whose = f"of the steps of {one.n} unseen rows" if each else f"of {one.n} unseen rows"
        return (
            f"labels {one.value:.1%} {whose} rightly (95 % interval {one.low:.1%} to "
            f"{one.high:.1%})"
        )
    if one := found.get("nrmse", {}).get(name):
        whose = f"the numbers at {each}{one.n} unseen rows" if each else f"{one.n} unseen numbers"
        return (
            f"misses {whose} by {one.value:.3f} of their standard deviation (NRMSE, "
            f"95 % interval: {between(one.low, one.high)})"
        )
    return "answers too few rows, or constant ones, for a measure"


def _one_label(judge: Judge, answers: NDArray[Any]) -> list[str]:
    """Say where all rows get one label: such a network has learnt nothing that labels show."""
    found, rights = np.unique(answers), np.unique(judge.wanted)
    if not isinstance(judge.target, Classes) or len(found) != 1 or len(rights) < 2:
        return []
    return [
        f"All {len(answers):,} rows get one label, {judge.target.names[int(found[0])]!r}, right or "
        "not: the network does not tell them apart. Training for longer, or another model, may."
    ]


def _unlike(outcome: Outcome, name: str) -> str:
    value = outcome.judge.unlike(outcome.predictions[name], outcome.predictions["ideal"])
    if isinstance(outcome.judge.target, Classes):
        return f"{value:.1%} of the labels differ from those."
    return f"The numbers are {value:.3f} standard deviations from those on average."


def _shots(outcome: Outcome) -> str:
    shots = outcome.settings.shots
    if isinstance(outcome.plan.evaluation, Evaluation | TiledEvaluation):
        return f"{shots:,} shots each"
    return (
        f"{shots:,} shots of each circuit in each round, "
        f"{outcome.shots_per_prediction:,.0f} per prediction"
    )


def _width_at(outcome: Outcome) -> float:
    return outcome.half_width[1] / math.sqrt(outcome.settings.shots)


def _stable(outcome: Outcome) -> str:
    flips = outcome.flip_rate
    enough = [s for s in flips if all(rate < UNSTABLE for t, rate in flips.items() if t >= s)]
    if not enough:
        return f"Even at {max(flips):,} shots {UNSTABLE:.0%} of raw predictions or more still flip."
    return (
        f"From {enough[0]:,} shots on, fewer than {UNSTABLE:.0%} of the raw predictions of these "
        f"{len(outcome.test)} rows differ from the infinite-shot ones."
    )


def _compared(outcome: Outcome, others: Sequence[tuple[str, NDArray[Any]]], reference: str) -> str:
    """Say of each other set of answers whether it is shown to differ from the first stack's."""
    first, judge = outcome.predictions[outcome.stacks[0].name], outcome.judge
    answers = [one for _, one in others]
    if isinstance(judge.target, Classes) and not judge.target.per_step:
        verdicts = _labels_compared(first, answers, judge.wanted)
    else:
        verdicts = _by_intervals(first, answers, judge)
    told = (f"{name} {verdict}" for (name, _), verdict in zip(others, verdicts, strict=True))
    return f"against {reference}: {'; '.join(told)}."


def _labels_compared(
    first: NDArray[Any], others: Sequence[NDArray[Any]], wanted: NDArray[Any]
) -> list[str]:
    """Compare by McNemar's exact test on the same rows, adjusted by Holm for their number."""
    network = first == wanted
    p_values = holm([mcnemar(network, one == wanted).p_value for one in others])
    said = []
    for one, p in zip(others, p_values, strict=True):
        gain = float((one == wanted).mean() - network.mean())
        verdict = "no difference shown"
        if p <= SIGNIFICANT:
            verdict = "better" if gain > 0 else "worse"
        said.append(f"{gain * 100:+.1f} points ({verdict}, p = {p:.2f})")
    return said


def _by_intervals(first: NDArray[Any], others: Sequence[NDArray[Any]], judge: Judge) -> list[str]:
    """Compare by the bootstrap interval of the difference on the same rows, of whole sequences."""
    said, of_labels = [], isinstance(judge.target, Classes)
    for one in others:
        found = judge.difference(one, first)
        if found is None:
            said.append("cannot be compared on so few rows, or constant ones")
            continue
        verdict = "no difference shown"
        if found.high < 0 or found.low > 0:
            verdict = "better" if (found.value > 0) == of_labels else "worse"
        interval = f"{found.low:+.3f} to {found.high:+.3f}"
        what = "accuracy" if of_labels else "NRMSE"
        said.append(f"{found.value:+.3f} in {what} ({verdict}, 95 % interval {interval})")
    return said


def quality_blocks(outcome: Outcome) -> Iterator[Block]:
    """Yield figures and tables of the network's measures beside those of classical models."""
    judge = outcome.judge
    of_controls = [
        (f"{one.name} ({one.n_parameters:,} parameters)", judge.of_baseline(one))
        for one in outcome.controls
    ]
    for measure, found in outcome.quality.items():
        how = PER_STEP if judge.target.per_step else INTERVALS[measure]
        rows = [(label(name), one) for name, one in found.items()]
        rows += [(name, one[measure]) for name, one in of_controls if measure in one]
        if not rows:
            continue
        said = MEASURES[measure]
        yield Figure(interval_figure(rows, f"test {said}"), how)
        yield Table(
            ("", said, "95 % interval", "rows"),
            tuple(
                (name, f"{one.value:.3f}", between(one.low, one.high), str(one.n))
                for name, one in rows
            ),
        )
    yield Text(
        f"The first rows are the network with {outcome.trained.n_parameters:,} parameters, the "
        "last ones classical models on the same rows."
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
        "Each round is one job of all rows that are not over yet. The host computes what is "
        "fed back from the estimates of the round before; readout is not corrected."
    )
    priced = outcome.plan.priced
    yield Table(
        ("round", "rows", "circuits", "QPU seconds", "job"),
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
    labels = isinstance(outcome.judge.target, Classes)
    curve = outcome.flip_rate or outcome.half_width
    what = "share of predictions that differ" if labels else "half-width of the 95 % interval"
    yield Heading("How many shots until the answers hold still")
    yield Figure(
        line_figure(
            list(curve),
            [("flip rate" if labels else "half-width", list(curve.values()))],
            labels=("shots per prediction", what),
            log_x=True,
            mark_x=outcome.settings.shots,
        ),
        (
            "Share of labels that differ from the infinite-shot label of the same noisy model"
            f"{_how_flips(outcome)}; "
            if labels
            else "How near raw shots bring a number to that of infinitely many, mean over rows; "
        )
        + "the vertical line is this run's number of shots.",
    )
    outputs = outcome.outputs["noisy_exact"]
    if outcome.judge.is_one_score:
        yield Figure(
            histogram_figure(outputs[:, 0].tolist(), label="score"),
            "Scores of the test rows at infinite shots; those near zero flip.",
        )


def _how_flips(outcome: Outcome) -> str:
    """Say by which law flips are told where it is not that of the vote."""
    if outcome.trained.network.steps is None:
        return ""
    return ", by the normal law with the exact mean and variance of a shot"


def _training(outcome: Outcome) -> Iterator[Block]:
    history = outcome.state.epochs()
    score = "accuracy" if isinstance(outcome.judge.target, Classes) else "R2"
    yield Heading("Training")
    yield Figure(
        line_figure(
            list(range(1, len(history) + 1)),
            [
                ("training loss", [e.training_loss for e in history]),
                ("validation loss", [e.validation_loss for e in history]),
                (f"validation {score}", [e.validation_accuracy for e in history]),
            ],
            labels=("epoch", f"loss, {score}"),
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
        snapshot, tiles = outcome.prepared.machine.snapshot, outcome.settings.tiles is not None
        yield from chip_blocks(placement, snapshot, tiles=tiles)


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
    for said in data_lines(document):
        yield "data", said
    yield "seeds", _pairs(document["seeds"])
    yield "extrapolated by", document["extrapolated_by"]
    yield "versions", _pairs(document["versions"])
    jobs = zip(document["jobs"], document["roles"], strict=True)
    yield "jobs", ", ".join(f"{key[:12]} ({role})" for key, role in jobs)


def _pairs(named: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items())
