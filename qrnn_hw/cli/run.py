"""`qrnn-hw run`: the main job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from qrnn_hw.cli.numbers import real, whole
from qrnn_hw.cli.options import (
    Budget,
    Degree,
    Direct,
    Effects,
    Embeddings,
    FeedbackMode,
    Guard,
    HeadShots,
    Learned,
    MachineSeed,
    Minutes,
    ModelOptions,
    Placement,
    Reading,
    RepDelay,
    Snapshots,
    Tiles,
    Wiring,
    Yes,
)
from qrnn_hw.cli.reading import ChosenData, reads_data
from qrnn_hw.ranges import (
    MOST_EPOCHS,
    MOST_LEARNING_RATE,
    MOST_ROUNDS,
    MOST_SEED,
    MOST_SENTENCES,
    MOST_SHOTS,
    MOST_WEIGHT,
)


@reads_data
def run(
    *,
    model: Annotated[
        str, typer.Option(help="Model name, such as dynamic-line or stacked-3-minimal.")
    ] = "dynamic-line",
    option: ModelOptions = None,
    mode: FeedbackMode = None,
    wiring: Wiring = None,
    reading: Reading = None,
    degree: Degree = None,
    direct: Direct = None,
    head_shots: HeadShots = None,
    chosen: ChosenData,
    embeddings: Embeddings = None,
    backend: Annotated[
        str, typer.Option(help="fake_... (recorded, offline), twin:fake_... or ibm_... (real).")
    ] = "fake_boston",
    effects: Effects = None,
    machine_seed: MachineSeed = None,
    shots: Annotated[
        int,
        whole(
            1,
            MOST_SHOTS,
            help="Shots per prediction, the same total for every mitigation; of a model in rounds, "
            "of each circuit in each round.",
        ),
    ] = 1000,
    plan: Annotated[
        list[str] | None,
        typer.Option(
            help='A mitigation stack to run, such as "linear(1,3) + relabel + terminal"; may be '
            "repeated, all at the same total of shots. auto: that of the least forecast error. By "
            'default none, terminal and "linear(1,3) + terminal". A model in rounds has only none.'
        ),
    ] = None,
    canaries: Annotated[
        int,
        whole(
            0,
            MOST_SENTENCES,
            help="Sequences with known answers that are run along: what the machine misses of them "
            "widens every interval for the noiseless value. 0 sends none.",
        ),
    ] = 8,
    repetitions: Annotated[
        int,
        whole(
            1,
            MOST_ROUNDS,
            help="Deal all circuits out over so many repetitions in one job, at most: their "
            "scatter shows what drifts. 1 runs each circuit once.",
        ),
    ] = 20,
    sentences: Annotated[
        int | None, whole(1, MOST_SENTENCES, help="Run only so many test rows on the machine.")
    ] = None,
    decoupling: Annotated[
        str | None,
        typer.Option(
            help="Echo idling by pulses: xx or xy4, inside branches too. For real machines: "
            "recorded ones (and the training) know only idling without memory, where pulses cost "
            "and bring nothing. The wait for the controller itself cannot be echoed."
        ),
    ] = None,
    placement: Placement = "level-3",
    seed: Annotated[
        int, whole(0, MOST_SEED, help="All other seeds are derived from this one.")
    ] = 0,
    engine: Annotated[
        str, typer.Option(help="Training: exact (gradients) or aer (SPSA).")
    ] = "exact",
    training_shots: Annotated[
        int | None,
        whole(
            1,
            MOST_SHOTS,
            help="With --engine aer: shots of each value of the loss. By default it is computed "
            "from Aer's density matrix, which costs less than 128 shots.",
        ),
    ] = None,
    epochs: Annotated[int, whole(1, MOST_EPOCHS, help="Train for at most so many epochs.")] = 30,
    learning_rate: Annotated[float, real(0, MOST_LEARNING_RATE, help="Of the optimiser.")] = 0.01,
    margin: Annotated[
        float,
        real(
            0,
            MOST_WEIGHT,
            help="Train scores to keep this distance from 0, as a share of the largest |score| "
            "that an outcome can give (below 1), so that few shots suffice.",
        ),
    ] = 0.0,
    variance_penalty: Annotated[
        float,
        real(0, MOST_WEIGHT, help="Weight of a single shot's variance in the training's loss."),
    ] = 0.0,
    snapshots: Snapshots = None,
    learned: Learned = None,
    training_noise: Annotated[
        str | None,
        typer.Option(
            help="Train under the noise of the machine, or none. By default machine, and none for "
            "a model in expectation mode, whose rounds take long to follow under noise."
        ),
    ] = None,
    tiles: Tiles = None,
    guard: Guard = None,
    rep_delay: RepDelay = None,
    minutes: Minutes = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder of report.html, result.json and the checkpoint. By default a folder in "
            "runs for just these settings, which runs/latest then links to."
        ),
    ] = None,
    budget: Budget = None,
    yes: Yes = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train on a machine's noise, run on it, mitigate, and report: the whole path in one go.

    Offline by default. With --backend ibm_... the jobs go to the real machine, after an estimate
    and a question. A run that was interrupted goes on from its checkpoint, and jobs that have
    already run are read from the store. A model in expectation mode runs in rounds, one job for
    each time step of all sentences.
    """
    from qrnn_hw.errors import UsageError
    from qrnn_hw.experiment.run_folder import default_folder, point_latest
    from qrnn_hw.experiment.settings import RunSettings
    from qrnn_hw.models.facts import given_options
    from qrnn_hw.models.options import chosen_architecture
    from qrnn_hw.networks.head_options import head_of
    from qrnn_hw.submission.machine import chosen_backend
    from qrnn_hw.submission.tiles import parse_tiles
    from qrnn_hw.training.options import TrainingOptions

    # What is quickly known to be wrong is said before the slow imports.
    network = chosen_architecture(model, option, mode=mode, wiring=wiring)
    if training_shots is not None and engine != "aer":
        raise UsageError(f"--training-shots should come with --engine aer. Got {engine}.")
    if head_shots is not None and (engine == "aer" or variance_penalty):
        other = "--engine aer" if engine == "aer" else "--variance-penalty"
        raise UsageError(
            f"--head-shots should be of a head that ridge fits. Got {other}, with which it learns "
            "by slopes; leave one out."
        )

    settings = RunSettings(
        model=model,
        dataset=chosen.name(RunSettings.dataset),
        data=chosen.data,
        reading=chosen.reading,
        embeddings=embeddings,
        backend=chosen_backend(backend, effects, machine_seed),
        shots=shots,
        decoupling=decoupling,
        placement=placement,
        sentences=sentences,
        canaries=canaries,
        repetitions=repetitions,
        seed=seed,
        engine=engine,  # type: ignore[arg-type]
        training_shots=RunSettings.training_shots if training_shots is None else training_shots,
        training=TrainingOptions(
            epochs=epochs,
            learning_rate=learning_rate,
            margin=margin,
            variance_penalty=variance_penalty,
        ),
        snapshots=tuple(snapshots or ()),
        learned=tuple(learned or ()),
        plans=tuple(plan or ()),
        training_noise=training_noise,  # type: ignore[arg-type]
        output=output or Path(),
        budget_seconds=budget,
        options=given_options(network),
        head=head_of(reading, degree, direct, head_shots, shots=shots),
        tiles=parse_tiles(tiles),
        guard=guard,
        minutes=minutes,
        rep_delay_seconds=None if rep_delay is None else 1e-6 * rep_delay,
    )
    rows = settings.read()
    if output is None:
        settings = replace(settings, output=default_folder(settings))

    from qrnn_hw.answers.runs import keep_model
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.cli.spending import confirmation
    from qrnn_hw.experiment import pipeline
    from qrnn_hw.report.run_report import write_report

    few = "--shots, --minutes or --sentences" if minutes is not None else "--shots or --sentences"
    confirm = confirmation(yes=yes, remedy=f"fewer {few} take less")
    with ConsoleProgress() as progress:
        outcome = pipeline.run(settings, rows, progress, confirm)
        document = write_report(outcome)
        keep_model(outcome)
        if output is None:
            point_latest(settings.output)
    if json:
        from json import dumps

        typer.echo(dumps(document, indent=2))
    else:
        from qrnn_hw.cli.tables import print_outcome

        print_outcome(document)
