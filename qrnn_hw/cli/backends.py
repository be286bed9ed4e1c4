"""`qrnn-hw backends`: where circuits can run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qrnn_hw.cli.numbers import whole
from qrnn_hw.cli.options import ModelOptions
from qrnn_hw.cli.output import Json, print_json, print_table
from qrnn_hw.ranges import MOST_SEED

if TYPE_CHECKING:
    from calibration.snapshot import Snapshot

TWINS = (
    "each recorded device has a twin, such as twin:fake_boston: the same calibration, and effects "
    "that it does not report (backends --effects)"
)


app = typer.Typer(name="backends", invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def backends(
    context: typer.Context,
    remote: Annotated[
        bool, typer.Option("--remote", help="Also ask the service for the account's machines.")
    ] = False,
    effects: Annotated[
        bool, typer.Option("--effects", help="List what can be wrong with a twin instead.")
    ] = False,
    json: Json = False,
) -> None:
    """List the recorded devices, recommended ones first, and with --remote the real machines.

    `backends show NAME` describes one of them.

    Each recorded device has a twin for rehearsal, twin:DEVICE, with effects that its calibration
    does not report: `--backend twin:fake_boston --effects reset=0.015,gate-drift=0.3`.
    """
    if context.invoked_subcommand is not None:
        return
    if effects:
        _print_effects(json)
        return
    from calibration.library import recorded_devices

    records: list[dict[str, Any]] = [
        {"is_real": False, **asdict(device), "recommended": not device.reason}
        for device in recorded_devices()
    ]
    if remote:
        from qrnn_hw.submission.machine import real_backends

        records = [*real_backends(), *records]
    if json:
        print_json(records)
        return
    print_table(
        ("backend", "qubits", "processor", "recommended"),
        [
            (
                record["name"] + (" (real)" if record["is_real"] else ""),
                record["n_qubits"] or "",
                record["processor"],
                f"no: {record['reason']}" if record["reason"] else "yes",
            )
            for record in records
        ],
    )
    typer.echo(TWINS)


def _print_effects(json: bool) -> None:
    from jobs.twin.catalogue import EFFECTS

    if json:
        print_json([asdict(effect) for effect in EFFECTS.values()])
        return
    print_table(
        ("effect", "unit", "range", "mild", "full", "what it is"),
        [
            (
                effect.name,
                effect.unit,
                f"{effect.none:g} to {effect.most:g}",
                f"{effect.mild:.3g}",
                f"{effect.full:g}",
                effect.summary,
            )
            for effect in EFFECTS.values()
        ],
    )


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="fake_..., or a real machine of the account.")],
    model: Annotated[
        str | None, typer.Option(help="Score every placement of this model, and draw them.")
    ] = None,
    option: ModelOptions = None,
    seed: Annotated[int, whole(0, MOST_SEED, help="Of the transpiler and of the probe.")] = 0,
    output: Annotated[
        Path | None, typer.Option(help="The page; by default runs/backends/NAME-MODEL.html.")
    ] = None,
    json: Json = False,
) -> None:
    """Describe a device; with --model, where on it that model's answers lose least.

    Placements are scored by the exact engine with random weights and inputs, and drawn on a page of
    one file. `run --placement auto` takes the best one.
    """
    from calibration.working import working_pairs, working_qubits
    from qrnn_hw.models.options import chosen_architecture
    from qrnn_hw.submission.machine import open_machine
    from qrnn_hw.submission.placing import scored

    architecture = None if model is None else chosen_architecture(model, option or ())
    machine = open_machine(name)
    snapshot, broken = machine.snapshot, machine.faulty_qubits
    document: dict[str, Any] = {
        "name": machine.name,
        "taken": snapshot.taken,
        "snapshot": snapshot.digest,
        "n_qubits": snapshot.n_qubits,
        "out": sorted(set(range(snapshot.n_qubits)) - working_qubits(snapshot, broken)),
        "n_pairs": len({frozenset(pair) for pair in working_pairs(snapshot, broken)}),
        "control_flow": list(snapshot.control_flow),
        "rep_delay_seconds": snapshot.rep_delay_seconds,
    }
    if architecture is not None:
        document["placement"] = scored(architecture, machine, seed)
        document["page"] = str(_write_page(document, str(model), snapshot, output))
    if json:
        print_json(document)
        return
    _print_device(document)


def _write_page(
    document: dict[str, Any], model: str, snapshot: Snapshot, output: Path | None
) -> Path:
    from qrnn_hw.experiment.run_folder import file_name
    from qrnn_hw.report.blocks import Findings, to_html
    from qrnn_hw.report.chip_blocks import chip_blocks
    from qrnn_hw.report.files import write_text
    from qrnn_hw.submission.kept_placement import said

    placement, name = document["placement"], document["name"]
    path = output or Path("runs/backends") / f"{file_name(name)}-{file_name(model)}.html"
    blocks = [Findings((f"{model}: {said(placement)}.",)), *chip_blocks(placement, snapshot)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, to_html(f"{model} on {name}", blocks))
    return path


def _print_device(document: dict[str, Any]) -> None:
    out = ", ".join(map(str, document["out"])) or "none"
    print_table(
        ("", ""),
        [
            ("device", document["name"]),
            ("calibration", document["taken"]),
            ("qubits", f"{document['n_qubits']}, out: {out}"),
            ("pairs that work", f"{document['n_pairs']}"),
            ("control flow", ", ".join(document["control_flow"]) or "none"),
            ("wait before a shot", f"{1e6 * document['rep_delay_seconds']:.0f} us by default"),
        ],
    )
    if "placement" in document:
        from qrnn_hw.report.chip_blocks import PLACEMENT_HEADER, placement_rows

        print_table(PLACEMENT_HEADER, placement_rows(document["placement"]))
        typer.echo(f"page: {document['page']}")
