"""`qrnn-hw backends`: where circuits can run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from qrnn_hw.cli.output import Json, print_json, print_table


def backends(
    remote: Annotated[
        bool, typer.Option("--remote", help="Also ask the service for the account's machines.")
    ] = False,
    json: Json = False,
) -> None:
    """List the recorded devices, recommended ones first, and with --remote the real machines."""
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
