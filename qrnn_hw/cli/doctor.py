"""`qrnn-hw doctor`: is this installation in order."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from qrnn_hw.cli.output import Json, print_json


def doctor(
    remote: Annotated[
        bool, typer.Option("--remote", help="Also ask whether the service answers.")
    ] = False,
    json: Json = False,
) -> None:
    """Look at versions, files, account, engine and service; say the remedy of what is wrong.

    Exit code 3 when something is wrong.
    """
    from qrnn_hw.doctor import checks

    found = []
    for check in checks(remote=remote):
        found.append(check)
        if not json:
            remedy = f"  ->  {check.remedy}" if check.remedy else ""
            typer.echo(f"{check.status:5}  {check.name}: {check.found}{remedy}")
    is_well = all(check.status != "wrong" for check in found)
    if json:
        print_json({"ok": is_well, "checks": [asdict(check) for check in found]})
    if not is_well:
        raise typer.Exit(3)
