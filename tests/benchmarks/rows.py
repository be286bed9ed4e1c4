"""The lines of a benchmark: {name, measured, target, holds}."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def row(name: str, measured: object, target: object, holds: object) -> Row:
    """Return one line; a target of None is none."""
    return {"name": name, "measured": measured, "target": target, "holds": bool(holds)}


def at_most(name: str, measured: float, target: float) -> Row:
    """Return one line of a number that should not be above its target."""
    return row(name, float(measured), target, measured <= target)


def write_as_they_come(rows: Iterable[Row], path: Path) -> list[Row]:
    """Print each row when it is known and write all rows so far, whole or not at all."""
    found: list[Row] = []
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    for one in rows:
        print(json.dumps(one), flush=True)
        found.append(one)
        part.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    return found
