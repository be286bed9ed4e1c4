"""`qrnn-hw calibrate`: what a device says of itself, and what its readout really does."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from qrnn_hw.cli import options
from qrnn_hw.cli.calibrate_instrument import instrument
from qrnn_hw.cli.calibration_job import sent, write
from qrnn_hw.cli.numbers import whole
from qrnn_hw.cli.output import Json, print_json, print_table
from qrnn_hw.ranges import MOST_LISTED, MOST_SEED, MOST_SHOTS

app = typer.Typer(
    name="calibrate",
    help="Keep a device's calibration, compare two, measure what it does not report.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

app.command("instrument")(instrument)

Backend = options.Backend


@app.command("snapshot")
def snapshot(
    backend: Backend,
    effects: options.Effects = None,
    machine_seed: options.MachineSeed = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write; by default BACKEND-TIME.json.")
    ] = None,
) -> None:
    """Write a backend's calibration of now to a JSON file."""
    from calibration.files import write_snapshot
    from qrnn_hw.submission.machine import chosen_backend, open_machine

    taken = open_machine(chosen_backend(backend, effects, machine_seed)).snapshot
    moment = taken.taken.replace(":", "").split("+")[0] or "undated"
    path = output or Path(f"{taken.backend}-{moment}.json")
    write_snapshot(taken, path)
    typer.echo(str(path))


@app.command("diff")
def diff(
    before: Annotated[Path, typer.Argument(help="Snapshot file.")],
    after: Annotated[Path, typer.Argument(help="Later snapshot file of the same device.")],
    largest: Annotated[int, whole(0, MOST_LISTED, help="So many of the largest changes.")] = 10,
    json: Json = False,
) -> None:
    """Compare two snapshots of a device: medians, and the largest changes."""
    from calibration.drift import changes, shifts
    from calibration.files import read_snapshot

    old, new = read_snapshot(before), read_snapshot(after)
    moved, found = shifts(old, new), changes(old, new)
    if json:
        print_json(
            {
                "backend": old.backend,
                "before": old.taken,
                "after": new.taken,
                "medians": [asdict(shift) for shift in moved],
                "changes": [asdict(change) for change in found],
            }
        )
        return
    typer.echo(f"{old.backend}: {old.taken} to {new.taken}, {len(found):,} values changed")
    print_table(
        ("median of", "values", "changed", "before", "after"),
        [
            (one.quantity, one.n_values, one.n_changed, _short(one.before), _short(one.after))
            for one in moved
        ],
    )
    print_table(
        ("largest changes", "qubits", "before", "after"),
        [
            (one.quantity, ", ".join(map(str, one.qubits)), _short(one.before), _short(one.after))
            for one in found[: max(largest, 0)]
        ],
    )


@app.command("readout")
def readout(
    backend: Backend,
    qubits: Annotated[str, typer.Option(help="Qubits of the device, such as 0,3,5-7.")],
    effects: options.Effects = None,
    machine_seed: options.MachineSeed = None,
    shots: Annotated[int, whole(1, MOST_SHOTS, help="Shots of each of the four circuits.")] = 4000,
    seed: Annotated[int, whole(0, MOST_SEED, help="Of a recorded device's shots.")] = 0,
    budget: options.Budget = None,
    yes: options.Yes = False,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Measure again. Without it the store's answer is printed, of whatever day; one "
            "that was sent and has not ended is waited for in either case.",
        ),
    ] = False,
    mid_circuit: Annotated[
        bool,
        typer.Option(
            "--mid-circuit",
            help="Of measure_2, the instruction that reads within circuits on devices that have "
            "it, with errors of its own. Without it: of the final measurement.",
        ),
    ] = False,
    output: Annotated[Path | None, typer.Option(help="Also write the document here.")] = None,
    json: Json = False,
) -> None:
    """Measure each qubit's readout errors, and how often its reset ends in |1>; bits are stored.

    Devices report no reset error. `--learned FILE` of `run` and `study shots` takes what --output
    writes here: the noise of training and forecasts then holds both.
    """
    from qrnn_hw.submission.machine import chosen_backend
    from qrnn_hw.submission.readout_run import parse_qubits

    backend = chosen_backend(backend, effects, machine_seed)
    chosen = parse_qubits(qubits)
    document = _measured(
        backend, chosen, shots, seed, budget, yes, fresh=fresh, mid_circuit=mid_circuit
    )
    write(document, output)
    if json:
        print_json(document)
        return
    typer.echo(
        f"{document['backend']}, {document['instruction']}, {document['measured_at']}, "
        f"job {document['job'][:12]}"
    )
    print_table(
        ("qubit", "P(1 | 0)", "P(0 | 1)", "reset ends in 1"),
        [
            (
                one["qubit"],
                f"{one['p01']:.4f} +- {one['p01_standard_error']:.4f}",
                f"{one['p10']:.4f} +- {one['p10_standard_error']:.4f}",
                "not measured"
                if one["reset"] is None
                else f"{one['reset']:.4f} +- {one['reset_standard_error']:.4f}",
            )
            for one in document["qubits"]
        ],
    )


def _measured(
    backend: str,
    qubits: tuple[int, ...],
    shots: int,
    seed: int,
    budget: float | None,
    yes: bool,
    *,
    fresh: bool,
    mid_circuit: bool,
) -> dict[str, Any]:
    from qrnn_hw.submission.machine import open_machine
    from qrnn_hw.submission.readout_run import readout_document, readout_workload

    machine = open_machine(backend)
    return sent(
        machine,
        readout_workload(machine, qubits, mid_circuit=mid_circuit),
        lambda key, store: readout_document(key, store, qubits),
        (shots, seed, budget, yes, fresh),
    )


def _short(value: float | None) -> str:
    return "not reported" if value is None else f"{value:.3g}"
