"""`qrnn-hw study device`: repeats on a machine, interleaved in time, within a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.counted import counted
from qrnn_hw.cli.numbers import numbers, real, whole
from qrnn_hw.cli.options import (
    Budget,
    Degree,
    Direct,
    Effects,
    HeadShots,
    Learned,
    MachineSeed,
    ModelOptions,
    Placement,
    Reading,
    Yes,
)
from qrnn_hw.cli.output import Json, Parquet
from qrnn_hw.cli.reading import ChosenData, reads_data
from qrnn_hw.ranges import MOST_EPOCHS, MOST_HOURS, MOST_ROUNDS, MOST_SEED, MOST_SENTENCES

if TYPE_CHECKING:
    from qrnn_hw.studies.device import DevicePlan, Progression
    from qrnn_hw.studies.trained import TrainedModel


@reads_data
def device(
    *,
    backend: Annotated[
        str,
        typer.Option(
            help="A real machine of the account, or fake_..., or twin:fake_... to rehearse."
        ),
    ] = "fake_boston",
    effects: Effects = None,
    machine_seed: MachineSeed = None,
    model: Annotated[str, typer.Option(help="The model to train.")] = "dynamic-line",
    option: ModelOptions = None,
    reading: Reading = None,
    degree: Degree = None,
    direct: Direct = None,
    head_shots: HeadShots = None,
    chosen: ChosenData,
    epochs: Annotated[int, whole(1, MOST_EPOCHS, help="At most so many epochs of training.")] = 30,
    seed: Annotated[int, whole(0, MOST_SEED, help="Of the training, and of simulated shots.")] = 0,
    sentences: Annotated[int, whole(2, MOST_SENTENCES, help="Test rows of every job.")] = 20,
    counts: Annotated[str, typer.Option("--shots", help="Shot counts of a round.")] = "100,1000",
    rounds: Annotated[int, whole(2, MOST_ROUNDS, help="Repeats of every shot count.")] = 5,
    hours_between: Annotated[
        float, real(0, MOST_HOURS, help="A round begins so long after the one before.")
    ] = 0.0,
    learned: Learned = None,
    placement: Placement = "level-3",
    budget: Budget = None,
    yes: Yes = False,
    output: Annotated[
        Path, typer.Option(help="Folder of the model, the report and the first calibration.")
    ] = Path("runs/device"),
    parquet: Parquet = False,
    json: Json = False,
) -> None:
    """Repeat one evaluation on a machine in rounds spread over time, and see what holds still.

    Run it again to go on: after an interruption, when the next round is due, or with a larger
    budget. Jobs that were sent are not sent again, whatever happened. All rounds ask one place of
    the chip (tiles that leave out what went wrong would make unlike repeats; `run` takes --tiles).
    """
    from qrnn_hw.errors import UsageError
    from qrnn_hw.experiment.settings import RunSettings
    from qrnn_hw.models.facts import given_options
    from qrnn_hw.models.options import check_one_circuit, chosen_architecture
    from qrnn_hw.networks.head_options import head_of
    from qrnn_hw.studies.device import DevicePlan, check_before, first_day
    from qrnn_hw.submission.machine import chosen_backend
    from qrnn_hw.training.options import TrainingOptions

    if sentences < 2:
        raise UsageError(f"--sentences should be at least 2, for an interval. Got {sentences}.")
    backend = chosen_backend(backend, effects, machine_seed)
    plan = DevicePlan(numbers(counts), rounds, hours_between, budget, seed)
    network = chosen_architecture(model, option)
    check_one_circuit(network)
    settings = RunSettings(
        model=model,
        options=given_options(network),
        dataset=chosen.name(RunSettings.dataset),
        data=chosen.data,
        reading=chosen.reading,
        backend=backend,
        seed=seed,
        sentences=sentences,
        training=TrainingOptions(epochs=epochs),
        learned=tuple(learned or ()),
        output=output,
        placement=placement,
        head=head_of(reading, degree, direct, head_shots, shots=max(plan.shot_counts)),
    )

    if parquet:
        from qrnn_hw.report.parquet import require_parquet

        require_parquet()
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.config import writable_folder
    from qrnn_hw.experiment.kept_calibration import with_learned_of
    from qrnn_hw.report.device_report import write_device_report
    from qrnn_hw.studies.trained import trained_model
    from qrnn_hw.submission.machine import open_machine

    with ConsoleProgress() as progress:
        progress.stage(f"opening {backend}")
        opened = with_learned_of(open_machine(backend), settings)
        writable_folder(output)
        begun = first_day(opened, output)
        trained = trained_model(
            settings, progress, begun, lambda prepared: check_before(prepared, plan)
        )
    found = _run(trained, plan, yes=yes)
    document = write_device_report(trained, plan, found, output, parquet=parquet)
    if json:
        from json import dumps

        typer.echo(dumps(document, indent=2, allow_nan=False))
    else:
        from qrnn_hw.cli.tables import print_findings, print_table
        from qrnn_hw.report.device_report import device_table

        print_findings(document["findings"])
        print_table("by number of shots", device_table(document["summary"]))
        typer.echo(f"report: {document['report']}")
    _say_what_is_left(found, plan)


def _run(trained: TrainedModel, plan: DevicePlan, *, yes: bool) -> Progression:
    from jobs.store.store import Store
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.cli.spending import confirmation
    from qrnn_hw.config import store_path
    from qrnn_hw.studies.device import device_jobs, run_rounds
    from qrnn_hw.submission.consent import Consent

    machine = trained.prepared.machine
    sentences, jobs = device_jobs(trained, plan)
    with Store(store_path()) as store:
        store.put_snapshot(machine.snapshot.digest, machine.snapshot.to_json())
        # The plan has to have enough for each job when its round is due, not for all of them now.
        Consent(machine, confirmation(yes=yes)).confirm_unsent(
            [job.assessed for job in jobs], store, within_plan=False
        )
        with ConsoleProgress() as progress:
            progress.stage(
                f"{counted(len(jobs), 'job')} in {plan.n_rounds} rounds on {machine.name}"
            )
            return run_rounds(
                jobs, sentences, trained.trained.head, plan, machine.executor(), store, progress
            )


def _say_what_is_left(found: Progression, plan: DevicePlan) -> None:
    from jobs.errors import BudgetError, PendingError

    done = f"{len(found.measured)} of {counted(found.n_jobs, 'job')} done and kept"
    if found.due is not None:
        raise PendingError(
            f"The next round should begin after {found.due:%Y-%m-%d %H:%M} UTC. {done}; run the "
            "same command again then."
        )
    if found.over_budget is not None:
        raise BudgetError(
            f"the study should stay within its budget of {plan.budget_seconds:g} s. The next job "
            f"could take it to {found.over_budget:.1f} s; {done}, run again with a larger --budget."
        )
