"""`qrnn-hw backends`: where circuits can run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from qrnn_hw.cli.output import Json, print_json, print_table

TWINS = (
    "each recorded device has a twin, such as twin:fake_boston: the same calibration, and effects "
    "that it does not report (backends --effects)"
)


def backends(
    remote: Annotated[
        bool, typer.Option("--remote", help="Also ask the service for the account's machines.")
    ] = False,
    effects: Annotated[
        bool, typer.Option("--effects", help="List what can be wrong with a twin instead.")
    ] = False,
    json: Json = False,
) -> None:
    """List the recorded devices, recommended ones first, and with --remote the real machines.

    Each recorded device has a twin for rehearsal, twin:DEVICE, with effects that its calibration
    does not report: `--backend twin:fake_boston --effects reset=0.015,gate-drift=0.3`.
    """
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
