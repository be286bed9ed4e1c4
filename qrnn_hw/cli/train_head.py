"""`qrnn-hw train MODEL --train head`: a reservoir's head, exact or from a machine's jobs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from qrnn_hw.cli.output import print_json
from qrnn_hw.cli.reading import ChosenData
from qrnn_hw.errors import UsageError

if TYPE_CHECKING:
    from circuits.definition import Architecture
    from jobs.store.store import Store
    from qrnn_hw.data.dataset import Dataset
    from qrnn_hw.experiment.head_training import Jobs
    from qrnn_hw.experiment.one_circuit import OneCircuit
    from qrnn_hw.experiment.settings import RunSettings
    from qrnn_hw.networks.network import Network

OF_MEMORY = ("stm", "parity")
"""Data sets whose head reads one step, so that what is remembered is the circuit's."""

SHOTS = 1000


@dataclass(frozen=True)
class HeadWanted:
    """What the command was told."""

    model: str
    option: tuple[str, ...]
    mode: str | None
    wiring: str | None
    chosen: ChosenData
    embeddings: Path | None
    seed: int
    degree: int | None
    direct: bool
    head_shots: int | None
    """That the head is fitted for, where its readings are exact; 0 is infinitely many."""

    read_steps: int | None
    washout: int
    draws: int
    backend: str | None
    effects: str | None
    machine_seed: int | None
    on_machine: bool
    shots: int | None
    budget: float | None
    output: Path | None

    def settings(self, architecture: Architecture) -> RunSettings:
        """Return the data, the machine and the folder, as a run would have them.

        Raises:
            UsageError: options that do not go together.
        """
        from qrnn_hw.experiment.settings import RunSettings
        from qrnn_hw.models.facts import given_options
        from qrnn_hw.submission.machine import chosen_backend

        backend = self.backend
        if self.effects is not None or self.machine_seed is not None:
            backend = chosen_backend(backend or "", self.effects, self.machine_seed)
        if self.on_machine and backend is None:
            raise UsageError("--on-machine should come with --backend. Got none.")
        given = {"--shots": self.shots, "--budget": self.budget}
        found = [name for name, value in given.items() if value is not None]
        if found and not self.on_machine:
            raise UsageError(f"{', '.join(found)} should come with --on-machine. Got exact ones.")
        return RunSettings(
            model=self.model,
            dataset=self.chosen.name("narma10"),
            data=self.chosen.data,
            reading=self.chosen.reading,
            embeddings=self.embeddings,
            backend=backend or RunSettings.backend,
            shots=self.shots or SHOTS,
            seed=self.seed,
            budget_seconds=self.budget,
            options=given_options(architecture),
            output=self.output or Path(),
        )


def train_head(wanted: HeadWanted, others: str, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Choose a drawn circuit, fit its head, test it beside classical models, and keep the model.

    Args:
        wanted: what to fit.
        others: options of a training of the circuit that were given and mean nothing here.
        yes: whether a price is agreed to.
        dry_run: check and price only.
        as_json: print the document in place of a table.
    """
    if others:
        raise UsageError(
            f"--train head should leave the circuit as it is drawn. Got {others}; leave that out."
        )
    from jobs.store.store import Store
    from qrnn_hw.answers.model_file import Model
    from qrnn_hw.answers.runs import MODEL
    from qrnn_hw.cli.head_document import head_document, print_head
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.config import store_path, writable_folder
    from qrnn_hw.experiment.head_training import HeadTraining
    from qrnn_hw.experiment.task import load_task
    from qrnn_hw.models.options import chosen_architecture
    from qrnn_hw.report.files import write_json

    if dry_run and not wanted.on_machine:
        raise UsageError("--dry-run should come with --on-machine. Got exact readings.")
    circuit = chosen_architecture(
        wanted.model, list(wanted.option) or None, mode=wanted.mode, wiring=wanted.wiring
    )
    settings = wanted.settings(circuit)
    data = settings.read()
    settings = replace(settings, output=wanted.output or _folder(wanted, settings))
    with ConsoleProgress() as progress:
        task = load_task(data, settings.seeds["split"])
        network = _network(wanted, circuit, data, task.training.dim)
        execution = _execution(settings, wanted, keeps=not dry_run)
        reader = None if execution is None else execution.noisy
        n_shots = settings.shots if wanted.head_shots is None else wanted.head_shots
        training = HeadTraining(task, network, wanted.washout, reader, n_shots or None)
        progress.stage(f"choosing among {wanted.draws} drawn circuits")
        chosen = training.chosen(range(wanted.seed, wanted.seed + wanted.draws))
        readings, keys = {"exact": training.exact(chosen)}, {}
        if wanted.on_machine:
            from qrnn_hw.experiment.head_training import Jobs

            assert execution is not None
            more = {"shots": settings.shots, "seed": settings.seeds["shots_scale_1"]}
            jobs = Jobs.of(training, chosen, execution, settings.output, **more)
            with Store(store_path()) as store:
                if dry_run:
                    _print_price(jobs, network, store, as_json=as_json)
                    return
                readings["machine"], keys = _run(jobs, network, store, settings, progress, yes)
        kind = "machine" if wanted.on_machine else "exact"
        trained = training.fitted(chosen, readings[kind], exact=kind == "exact")
        progress.stage("training classical models on the same rows")
        document = head_document(wanted, settings, training, chosen, readings, keys)
        learnt = ("head", "direct") if network.direct else ("head",)
        document["n_parameters"] = sum(int(trained.parameters[one].size) for one in learnt)
        document["controls"] = [
            {"name": one.name, "n_parameters": one.n_parameters, **training.of_baseline(one)}
            for one in task.classical(n_parameters=document["n_parameters"], seed=wanted.seed)
        ]
        writable_folder(settings.output)
        model = Model.of(wanted.model, trained, task)
        document["model_file"] = str(model.save(settings.output / MODEL))
        write_json(settings.output / "head.json", document)
    if as_json:
        print_json(document)
    else:
        print_head(document)


def _network(wanted: HeadWanted, circuit: Architecture, data: Dataset, n_inputs: int) -> Network:
    from qrnn_hw.networks.head_options import HeadOptions
    from qrnn_hw.networks.network import network_of
    from qrnn_hw.networks.step_readings import StepReadings

    rows = data.sequences
    one = rows.n_steps if data.name not in OF_MEMORY else 1
    if wanted.read_steps is not None and wanted.read_steps > rows.n_steps:
        raise UsageError(
            f"--read-steps should be at most the {rows.n_steps} steps of a sequence. "
            f"Got {wanted.read_steps}."
        )
    if wanted.washout and not data.target.per_step:
        raise UsageError(
            "--washout should come with --per-step: of one target for each sequence the first "
            f"steps are the wash-out. Got {wanted.washout}."
        )
    varies = int(rows.lengths.min()) < rows.n_steps and not data.target.per_step
    n_steps = wanted.read_steps or (1 if varies else min(one, 12) if data.target.per_step else one)
    # Of sequences of unlike length the means over their parts are read beside the last step.
    segments = min(4, int(rows.lengths.min())) if varies and wanted.read_steps is None else 0
    steps = StepReadings(n_steps, 2 if wanted.degree is None else wanted.degree, max(0, segments))
    direct = HeadOptions(direct=wanted.direct).direct_steps(data.target, rows)
    return network_of(circuit, n_inputs, target=data.target, steps=steps, direct=direct)


def _execution(settings: RunSettings, wanted: HeadWanted, *, keeps: bool) -> OneCircuit | None:
    if wanted.backend is None and not wanted.on_machine and wanted.effects is None:
        return None
    from qrnn_hw.config import writable_folder
    from qrnn_hw.experiment.one_circuit import OneCircuit
    from qrnn_hw.studies.device import first_day
    from qrnn_hw.submission.machine import open_machine

    machine = open_machine(settings.backend)
    if not wanted.on_machine and machine.executor_name != "aer":
        raise UsageError(
            "exact readings are those under the noise of a recorded device (fake_...). "
            f"Got {settings.backend}, which runs shots; give --on-machine."
        )
    if wanted.on_machine:
        if keeps:
            writable_folder(settings.output)
        if keeps or settings.output.exists():
            machine = first_day(machine, settings.output)
    return OneCircuit.on(machine, settings)


def _run(
    jobs: Jobs, network: Network, store: Store, settings: RunSettings, progress: Any, yes: bool
) -> Any:
    from qrnn_hw.cli.spending import confirmation
    from qrnn_hw.submission.consent import Consent

    machine = jobs.execution.machine
    progress.stage(f"running the rows of all parts on {machine.name}")
    consent = Consent(machine, confirmation(yes=yes), settings.budget_seconds)
    return jobs.run(network, consent, store, progress)


def _print_price(jobs: Jobs, network: Network, store: Store, *, as_json: bool) -> None:
    from jobs.preflight import require
    from qrnn_hw.cli.spending import described
    from qrnn_hw.submission.assessment import estimate_json

    found = jobs.priced(network, store)
    for one in found.jobs:
        require(one.findings)
    if as_json:
        print_json({"n_jobs": found.n_parts, "estimate": estimate_json(found.estimate)})
    else:
        typer.echo(described(found.estimate, jobs.execution.machine, n_jobs=found.n_parts))


def _folder(wanted: HeadWanted, settings: RunSettings) -> Path:
    from qrnn_hw.experiment.run_folder import RUNS, default_folder
    from qrnn_hw.networks.identity import digest

    told = (wanted.degree, wanted.read_steps, wanted.washout, wanted.draws, wanted.on_machine)
    more = [["head_shots", wanted.head_shots]] if wanted.head_shots is not None else []
    own = digest([*told, wanted.backend, *(["direct"] if wanted.direct else []), *more])[:6]
    return RUNS / f"head-{default_folder(settings).name}-{own}"
