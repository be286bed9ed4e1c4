"""The reference of the commands, from their own help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from qrnn_hw.cli.app import app

WIDTH = 96


def write(path: Path) -> None:
    """Write the help of every command as one Markdown page."""
    lines = ["# Commands", "Results are on stdout, progress and errors on stderr.", ""]
    for name, command in _commands(typer.main.get_command(app), "qrnn-hw"):
        context = command.make_context(name, ["--help"], resilient_parsing=True)
        context.terminal_width = WIDTH
        lines += [f"## {name}", "```text", command.get_help(context), "```", ""]
    path.write_text("\n".join(lines), encoding="utf-8")


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    yield name, command
    for part, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(inner, f"{name} {part}")
