"""`qrnn-hw config`: the settings in force."""

from __future__ import annotations

import typer

from qrnn_hw.cli.output import Json, print_json, print_table

app = typer.Typer(
    name="config", help="Show the settings in force.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def root() -> None:
    """Keep `show` a command of its own."""


@app.command("show")
def show(json: Json = False) -> None:
    """Show where files lie, which variables are set, and the numbers that jobs are held to."""
    from qrnn_hw.config import settings_in_force

    document = settings_in_force()
    if json:
        print_json(document)
        return
    print_table(
        ("", ""),
        [
            (f"{group}.{name}", value)
            for group, values in document.items()
            for name, value in values.items()
        ],
    )
