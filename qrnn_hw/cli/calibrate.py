"""`qrnn-hw calibrate`: what a device says of itself, and what its readout really does."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from qrnn_hw.cli.output import Json, print_json, print_table

app = typer.Typer(
    name="calibrate",
    help="Keep a device's calibration, compare two, measure readout errors.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Backend = Annotated[str, typer.Option(help="fake_... (recorded) or a real machine of the account.")]


@app.command("snapshot")
def snapshot(
    backend: Backend,
    output: Annotated[
        Path | None, typer.Option(help="File to write; by default BACKEND-TIME.json.")
    ] = None,
) -> None:
    """Write a backend's calibration of now to a JSON file."""
    from calibration.files import write_snapshot
    from qrnn_hw.machine import open_machine

    taken = open_machine(backend).snapshot
    moment = taken.taken.replace(":", "").split("+")[0] or "undated"
    path = output or Path(f"{taken.backend}-{moment}.json")
    write_snapshot(taken, path)
    typer.echo(str(path))


@app.command("diff")
def diff(
    before: Annotated[Path, typer.Argument(help="Snapshot file.")],
    after: Annotated[Path, typer.Argument(help="Later snapshot file of the same device.")],
    largest: Annotated[int, typer.Option(help="So many of the largest changes.")] = 10,
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


def _short(value: float | None) -> str:
    return "not reported" if value is None else f"{value:.3g}"
