"""`qrnn-hw mitigate`: stored bits, mitigated again offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qrnn_hw.cli.numbers import real, whole
from qrnn_hw.cli.output import Json, print_json, print_table
from qrnn_hw.ranges import MOST_HOURS, MOST_SHOTS

if TYPE_CHECKING:
    from qrnn_hw.experiment.recompute import Recomputed, StackRow
    from qrnn_hw.experiment.stored import StoredRun
    from qrnn_hw.mitigation.noise_level import NoiseLevel
    from qrnn_hw.mitigation.plan import MitigationPlan
    from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration


def mitigate(
    jobs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[JOB]...",
            help="Stored jobs in place of a run: one for each scale factor of the plan, from the "
            "smallest, by the beginning of the key. Prints <Z> of each bit with its interval.",
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a finished `qrnn-hw run` (its --output), by default runs/latest; not "
            "with JOB."
        ),
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(
            help='What to do, such as "terminal" or "linear(1,3) + terminal"; of a run also auto: '
            "the stack of the least forecast error, none unless it gains over 20 %. Relabelling "
            "and twirling act before a run: only of one that was planned with them (`run --plan`)."
        ),
    ] = None,
    readout: Annotated[
        str | None,
        typer.Option(help="With JOB: the readout job that `terminal` corrects with, by its key."),
    ] = None,
    register: Annotated[
        str | None, typer.Option(help="With JOB: the register to read; by default out.")
    ] = None,
    max_age: Annotated[
        float,
        real(
            0,
            MOST_HOURS,
            help="With JOB: hours at most between the run of the readout job and theirs.",
        ),
    ] = 24.0,
    shots: Annotated[
        int | None,
        whole(1, MOST_SHOTS, help="Use only so many of the stored shots per prediction or row."),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Of a run: forecast every stack under the machine's noise, its level fitted to "
            "the stored bits.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Recompute stacks from stored bits at equal total shots; nothing is run or sent.

    Of a run: accuracy, labels that differ from those without noise, and score errors of each
    stack, and of the raw scores with the decision threshold moved to where the noise moved them.
    """
    from qrnn_hw.errors import UsageError

    if jobs:
        from qrnn_hw.cli.mitigate_jobs import mitigate_jobs

        if run is not None:
            raise UsageError(f"--run should not come with JOB arguments. Got {run}; leave one out.")
        mitigate_jobs(jobs, plan, readout, register, max_age, shots, explain, json)
        return
    from qrnn_hw.experiment.run_folder import LATEST, followed

    _refuse_job_options(readout, register)
    _mitigate_run(followed(run or LATEST), plan, shots, explain, json)


def _mitigate_run(
    run: Path, plan: str | None, shots: int | None, explain: bool, json: bool
) -> None:
    """Recompute the stacks of a finished run, and forecast those that are asked for."""
    from jobs.store.store import Store
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.config import store_path
    from qrnn_hw.experiment.recompute import recompute, stored_stacks, total_shots
    from qrnn_hw.experiment.stored import open_run, opened, settings_in
    from qrnn_hw.mitigation.stack_names import parse_stack

    stack = None if plan in (None, "auto") else parse_stack(str(plan))
    if settings_in(opened(run), run).architecture.mode == "expectation":
        _refuse_in_rounds(plan, explain)
    forecast = level = None
    with ConsoleProgress() as progress:
        progress.stage(f"opening {run}")
        with Store(store_path()) as store:
            stored = open_run(run, store)
        if plan == "auto" or explain:
            total = total_shots(stored, shots)
            level = _level(stored, progress)
            if plan == "auto":
                candidates = stored_stacks(stored, total)
                stack = _forecast(stored, total, level, candidates, progress).stack
            if explain:
                forecast = _forecast(stored, total, level, None, progress)
        progress.stage("recomputing the stacks")
        found = recompute(stored, shots, stack)
    if json:
        name = None if stack is None else stack.name
        print_json(_document(run, found, plan, name, level, forecast))
    else:
        _print(found, level, forecast)
        if plan == "auto" and stack is not None:
            typer.echo(_choice(stack.name))


def _refuse_in_rounds(plan: str | None, explain: bool) -> None:
    """Refuse what a run in rounds has no plan for."""
    from qrnn_hw.errors import UsageError
    from qrnn_hw.experiment.in_rounds import ONLY_NONE
    from qrnn_hw.mitigation.stack_names import parse_stack

    if plan == "auto" or explain or parse_stack(plan or "none").name != "none":
        given = "--explain" if explain else plan
        raise UsageError(f"{ONLY_NONE} Got {given}; leave --plan and --explain out.")


def _choice(name: str) -> str:
    if name == "none":
        return (
            "auto chose none: no stack whose circuits the run has is forecast to lower the squared "
            "error by over 20 %"
        )
    return (
        f"auto chose {name}: the least forecast squared error of the stacks whose circuits the run "
        "has, lower by over 20 %"
    )


def _refuse_job_options(readout: str | None, register: str | None) -> None:
    from qrnn_hw.errors import UsageError

    if readout is not None or register is not None:
        raise UsageError(
            "--readout and --register should come with JOB arguments. Got none; a run knows its "
            "own."
        )


def _terminal(stored: StoredRun, shots: int) -> ReadoutCalibration:
    """Return the calibration of the final bits from the share of its shots, else the reported."""
    from qrnn_hw.experiment.forecast import final_readout

    prepared = stored.prepared
    plan = stored.evaluation.shot_plan(shots)
    measured = stored.circuits.calibration(plan.calibration)
    return measured or final_readout(prepared.circuit.transpiled, prepared.circuit.noise)


def _level(stored: StoredRun, progress: Any) -> NoiseLevel:
    from qrnn_hw.errors import UsageError
    from qrnn_hw.experiment.forecast import measured_noise_level

    progress.stage("fitting the level of the noise to the stored bits")
    prepared, counts = stored.prepared, stored.circuits.bare_counts()
    if not counts:
        raise UsageError(
            "the level of the noise should be fitted to circuits that are not twirled. Got a run "
            "of others only; name its plan instead of auto, and leave --explain out."
        )
    return measured_noise_level(
        prepared.circuit.transpiled,
        prepared.circuit.noise,
        stored.encoded,
        counts,
        _terminal(stored, prepared.settings.shots),
        progress.advance,
    )


def _forecast(
    stored: StoredRun, shots: int, level: NoiseLevel, candidates: Any, progress: Any
) -> MitigationPlan:
    from qrnn_hw.experiment.forecast import forecast
    from qrnn_hw.experiment.recompute import canary_evidence, ideal_outputs
    from qrnn_hw.mitigation.evidence import reconsidered

    progress.stage("forecasting every stack" if candidates is None else "choosing a stack")
    prepared = stored.prepared
    plan = forecast(
        prepared.circuit.transpiled,
        prepared.circuit.noise,
        stored.encoded,
        stored.trained.head,
        shots=shots,
        ideal=ideal_outputs(stored),
        terminal=_terminal(stored, shots),
        level=level,
        candidates=candidates,
        interleaved=stored.circuits.repetitions > 1,
        after=progress.advance,
    )
    evidence = canary_evidence(stored, candidates or (), shots)
    return reconsidered(plan, evidence) if evidence else plan


def _print(found: Recomputed, level: NoiseLevel | None, plan: MitigationPlan | None) -> None:
    from qrnn_hw.report.labels import MEASURES, between

    typer.echo(f"{found.shots:,} shots per prediction for every stack, from stored bits")
    measures = list(found.rows[0].quality)
    unlike = "labels unlike ideal" if "accuracy" in measures else "distance from ideal"
    columns = [column for one in measures for column in (MEASURES[one], "95 % interval")]
    print_table(
        ("", *columns, unlike, "mean score error"),
        [
            (
                _label(row, found),
                *(
                    text
                    for one in row.quality.values()
                    for text in (f"{one.value:.3f}", between(one.low, one.high))
                ),
                f"{row.unlike:.1%}" if "accuracy" in measures else f"{row.unlike:.3f}",
                "" if row.score_error is None else f"{row.score_error:.4f}",
            )
            for row in found.rows
        ],
    )
    if level is not None:
        low, high = level.interval()
        typer.echo(
            f"the stored bits fit {level.factor:.2f} times the reported noise other than readout "
            f"({low:.2f} to {high:.2f} at 95 %)"
        )
    if plan is not None:
        typer.echo("forecast of every stack at that noise")
        typer.echo(plan.explain())


def _label(row: StackRow, found: Recomputed) -> str:
    from qrnn_hw.report.labels import label

    if row.stack == "threshold":
        return f"{label(row.stack)} to {found.threshold:+.3f}"
    fewer = f" ({row.shots:,} shots)" if 0 < row.shots < found.shots else ""
    return label(row.stack) + fewer


def _document(
    run: Path,
    found: Recomputed,
    wanted: str | None,
    stack: str | None,
    level: NoiseLevel | None,
    plan: MitigationPlan | None,
) -> dict[str, Any]:
    from qrnn_hw.mitigation.zne import extrapolated_by

    document: dict[str, Any] = {
        "run": str(run),
        "shots": found.shots,
        "extrapolated_by": extrapolated_by(),
        "threshold": found.threshold,
        "stacks": {row.stack: row.to_json() for row in found.rows},
    }
    if wanted is not None:
        document["stack"] = stack
    if level is not None:
        document["noise_level"] = level.to_json()
    if plan is not None:
        document["plan"] = plan.to_json()
    return document
