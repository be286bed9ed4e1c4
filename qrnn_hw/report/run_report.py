"""The report of one run, of a model in one circuit or in rounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.counted import counted
from qrnn_hw.data.target import Classes
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.outcome import Outcome
from qrnn_hw.experiment.tiled_measured import TiledMeasured
from qrnn_hw.report.blocks import Block, Figure, Findings, Heading, Table, Text, to_html
from qrnn_hw.report.chip_blocks import chip_blocks
from qrnn_hw.report.figures import circuit_figure, histogram_figure, interval_figure, line_figure
from qrnn_hw.report.files import write_json, write_text
from qrnn_hw.report.labels import MEASURES, between, label
from qrnn_hw.report.provenance import provenance
from qrnn_hw.report.run_findings import run_findings
from qrnn_hw.report.tile_blocks import tile_blocks
from qrnn_hw.report.trust_blocks import choice_blocks, trust_blocks
from qrnn_hw.submission.kept_placement import said

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
    yield Table(("", ""), tuple(provenance(document)))


def quality_blocks(outcome: Outcome) -> Iterator[Block]:
    """Yield figures and tables of the network's measures beside those of classical models."""
    judge = outcome.judge
    of_controls = [
        (f"{one.name} ({counted(one.n_parameters, 'parameter')})", judge.of_baseline(one))
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
        line = said(placement)
        yield Text(f"{line[0].upper()}{line[1:]}.")
        snapshot, tiles = outcome.prepared.machine.snapshot, outcome.settings.tiles is not None
        yield from chip_blocks(placement, snapshot, tiles=tiles)
