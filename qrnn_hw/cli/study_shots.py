"""`qrnn-hw study shots`: how many shots until a trained model's labels hold still, and why not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.counted import counted
from qrnn_hw.cli.numbers import numbers, real, whole
from qrnn_hw.cli.options import (
    Degree,
    Direct,
    Effects,
    HeadShots,
    Learned,
    MachineSeed,
    ModelOptions,
    Placement,
    Reading,
    Snapshots,
)
from qrnn_hw.cli.output import Json, Parquet
from qrnn_hw.cli.reading import OPTIONS, ChosenData, reads_data
from qrnn_hw.ranges import (
    MOST_EPOCHS,
    MOST_REPEATS,
    MOST_SEED,
    MOST_SEEDS,
    MOST_SENTENCES,
    MOST_SHOTS,
    MOST_WEIGHT,
)

if TYPE_CHECKING:
    from qrnn_hw.experiment.settings import RunSettings
    from qrnn_hw.studies.output_shots import OutputStudy
    from qrnn_hw.studies.shots import ShotStudyPlan


@reads_data
def shots(
    *,
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Option(help="Folder of a finished `qrnn-hw run`; its trained model is studied."),
    ] = None,
    model: Annotated[str, typer.Option(help="Without --run: the model to train.")] = "dynamic-line",
    option: ModelOptions = None,
    reading: Reading = None,
    degree: Degree = None,
    direct: Direct = None,
    head_shots: HeadShots = None,
    chosen: ChosenData,
    backend: Annotated[
        str, typer.Option(help="Without --run: recorded device, fake_...")
    ] = "fake_boston",
    effects: Effects = None,
    machine_seed: MachineSeed = None,
    epochs: Annotated[
        int, whole(1, MOST_EPOCHS, help="Without --run: at most so many epochs.")
    ] = 30,
    seed: Annotated[
        int, whole(0, MOST_SEED, help="Of training without --run, and of all draws.")
    ] = 0,
    sentences: Annotated[
        int | None, whole(2, MOST_SENTENCES, help="Only so many test sentences.")
    ] = None,
    counts: Annotated[
        str | None, typer.Option("--shots", help="Shot counts, such as 10,100,1000.")
    ] = None,
    repeats: Annotated[
        int, whole(2, MOST_REPEATS, help="Drawn runs of each input at each count.")
    ] = 100,
    delta: Annotated[
        float, real(0, 1, help="Flip probability at which a label counts as certain.")
    ] = 0.01,
    adaptive: Annotated[
        bool, typer.Option(help="Also stop each input early, against fixed shots.")
    ] = True,
    max_shots: Annotated[int, whole(1, MOST_SHOTS, help="Cap of the adaptive shots.")] = 100_000,
    training_seeds: Annotated[
        int,
        whole(
            1, MOST_SEEDS, help="Train so many models that differ by seed alone, to split causes."
        ),
    ] = 1,
    jitter: Annotated[
        float,
        real(0, MOST_WEIGHT, help="Change of each word vector, as a share of its size; 0 is none."),
    ] = 0.02,
    snapshots: Snapshots = None,
    learned: Learned = None,
    placement: Placement = "level-3",
    output: Annotated[
        Path, typer.Option(help="Folder of report.html, report.md, rows.csv, study.json.")
    ] = Path("runs/shots"),
    parquet: Parquet = False,
    json: Json = False,
) -> None:
    """Find how many shots a trained model's labels need until they hold still.

    Everything follows from the exact distribution of each input, computed once: no shot is
    simulated twice. Without --run the model is trained first; its checkpoint stays in the output
    folder, so that the next study of it starts at once. Of a run in rounds, whose values fed back
    come from the shots, runs are drawn without other noise, by shots of each round.
    """
    from qrnn_hw.config import writable_folder
    from qrnn_hw.errors import UsageError
    from qrnn_hw.experiment.settings import RunSettings
    from qrnn_hw.models.facts import given_options
    from qrnn_hw.models.options import check_one_circuit, chosen_architecture
    from qrnn_hw.networks.head_options import head_of
    from qrnn_hw.studies.causes import CausePlan, study_causes
    from qrnn_hw.studies.shots import DEFAULT_SHOT_COUNTS, ShotStudyPlan
    from qrnn_hw.submission.machine import chosen_backend
    from qrnn_hw.training.options import TrainingOptions

    plan = ShotStudyPlan(
        shot_counts=numbers(counts) if counts else DEFAULT_SHOT_COUNTS,
        n_repeats=repeats,
        delta=delta,
        seed=seed,
    )
    split = CausePlan(plan.typical_shots, training_seeds, jitter, seed=seed)
    if run is not None:
        _check_alone(context)
    network = chosen_architecture(model, option)
    if run is None:
        check_one_circuit(network)
    training = TrainingOptions(epochs=epochs)
    settings = RunSettings(
        model,
        chosen.name(RunSettings.dataset),
        chosen.data,
        options=given_options(network),
        reading=chosen.reading,
        backend=chosen_backend(backend, effects, machine_seed),
        seed=seed,
        training=training,
        learned=tuple(learned or ()),
        output=output,
        placement=placement,
        head=head_of(reading, degree, direct, head_shots),
    )
    if parquet:
        from qrnn_hw.report.parquet import require_parquet

        require_parquet()
    _check_counts(sentences, max_shots)

    from dataclasses import replace

    from calibration.library import canonical_name
    from calibration.series import read_series
    from jobs.twin.name import device_of
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.report.output_shot_report import write_output_shot_report
    from qrnn_hw.report.shot_report import write_shot_report
    from qrnn_hw.studies.output_shots import study_outputs
    from qrnn_hw.studies.shot_experiment import study_shots_of
    from qrnn_hw.studies.trained import settings_of, trained_model, with_sentences

    if run is not None:
        settings = settings_of(run)
        if settings.architecture.mode == "expectation":
            if snapshots or training_seeds > 1:
                raise UsageError(
                    "a study of a run in rounds has the noise of shots alone, of one training. Got "
                    "--snapshots or --training-seeds; leave them out."
                )
            _study_rounds(settings, plan, sentences, output, parquet=parquet, json=json)
            return
    days = read_series(snapshots or [], canonical_name(device_of(settings.backend)))
    writable_folder(output)
    with ConsoleProgress() as progress:
        trained = with_sentences(trained_model(settings, progress), sentences)
        if not trained.is_one_score:
            _check_causes(snapshots, training_seeds)
            progress.stage(
                f"studying {counted(len(trained.test), 'row')} at "
                f"{counted(len(plan.shot_counts), 'count')}"
            )
            study = study_outputs(trained, plan)
            told = write_output_shot_report(study, output, parquet=parquet)
            _print_outputs(study, told, json=json)
            return
        progress.stage(
            f"studying {counted(len(trained.test), 'sentence')} at "
            f"{counted(len(plan.shot_counts), 'count')}"
        )
        experiment = study_shots_of(
            trained, plan, adaptive_max_shots=max_shots if adaptive else None
        )
        causes = study_causes(trained, split, snapshots=days, folder=output, progress=progress)
        progress.stage("writing the report")
        document = write_shot_report(replace(experiment, causes=causes), output, parquet=parquet)
    if json:
        from json import dumps

        typer.echo(dumps(document, indent=2, allow_nan=False))
        return
    from qrnn_hw.cli.tables import print_findings, print_table
    from qrnn_hw.report.shot_report import shot_table

    print_findings(document["findings"])
    print_table("under the machine's noise", shot_table(experiment, "noisy", intervals=False))
    typer.echo(f"report: {document['report']}")


def _check_causes(snapshots: list[Path] | None, training_seeds: int) -> None:
    """Refuse what is asked of one score alone."""
    from qrnn_hw.errors import UsageError

    if snapshots or training_seeds > 1:
        raise UsageError(
            "flips should be split by cause for one score of the outcome alone. Got several "
            "classes, numbers, or a head on every step, with --snapshots or --training-seeds; "
            "leave them out."
        )


def _print_outputs(study: OutputStudy, document: dict[str, Any], *, json: bool) -> None:
    """Print the study of any answers."""
    from qrnn_hw.cli.output import print_json
    from qrnn_hw.cli.tables import print_findings, print_table
    from qrnn_hw.report.output_shot_report import point_table

    if json:
        print_json(document)
        return
    print_findings(document["findings"])
    print_table("under the machine's noise", point_table(study, "noisy"))
    typer.echo(f"report: {document['report']}")


def _study_rounds(
    settings: RunSettings,
    plan: ShotStudyPlan,
    sentences: int | None,
    output: Path,
    *,
    parquet: bool,
    json: bool,
) -> None:
    """Study the shots of each round of a finished run whose host computes between the steps."""
    import numpy as np

    from qrnn_hw.cli.output import print_json
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.cli.tables import print_findings, print_table
    from qrnn_hw.config import writable_folder
    from qrnn_hw.report.round_shot_report import point_table, write_round_shot_report
    from qrnn_hw.studies.round_shots import study_round_shots
    from qrnn_hw.studies.trained import trained_model

    writable_folder(output)
    with ConsoleProgress() as progress:
        model = trained_model(settings, progress)
        test = model.test.take(np.arange(len(model.test))[:sentences])
        progress.stage(
            f"drawing runs of {counted(len(test), 'sentence')} at "
            f"{counted(len(plan.shot_counts), 'count')}"
        )
        study = study_round_shots(model.trained, test, plan)
        document = write_round_shot_report(study, settings, test, output, parquet=parquet)
    if json:
        print_json(document)
        return
    print_findings(document["findings"])
    print_table("without noise but that of shots", point_table(study))
    typer.echo(f"report: {document['report']}")


def _check_counts(sentences: int | None, max_shots: int) -> None:
    from qrnn_hw.errors import UsageError

    if sentences is not None and sentences < 2:
        raise UsageError(f"--sentences should be at least 2, for an interval. Got {sentences}.")
    if max_shots < 1:
        raise UsageError(f"--max-shots should be at least 1. Got {max_shots}.")


OF_TRAINING = (
    *("model", "option", *OPTIONS, "backend", "effects", "machine_seed", "learned"),
    *("placement", "epochs", "reading", "degree", "direct", "head_shots"),
)
"""Options that a finished run has answered."""


def _check_alone(context: typer.Context) -> None:
    """Refuse what would say how to train where the model is that of a finished run."""
    from qrnn_hw.errors import UsageError

    given = [
        f"--{name.replace('_', '-')}"
        for name in OF_TRAINING
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    if given:
        raise UsageError(
            f"--run names a model that is trained already. Got {', '.join(given)} too; leave out "
            "the one or the other."
        )
