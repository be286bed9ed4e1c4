"""The document of a core that was trained on a task, and the table on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from calibration.documents import parsed
from qrnn_hw.cli.output import print_table
from qrnn_hw.errors import ConfigurationError

if TYPE_CHECKING:
    from qrnn_hw.tasks.fit import Fitted
    from qrnn_hw.tasks.task import Task

OF_ONE_TRAINING = ("task", "core", "settings", "data")
"""What all seeds in a folder share."""

HALF_WIDTH = "_half_width"


def described(task: Task, core: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known before the training.

    Args:
        task: that is trained.
        core: its name.
        settings: the options of the `task` that were given, its `size`, `width` and `fit`.
    """
    # Files count by their content, in `data`.
    given = {k: v for k, v in settings["task"].items() if not isinstance(v, Path)}
    fit = {name: value for name, value in settings["fit"].items() if name != "seed"}
    return {
        "schema_version": 1,
        "task": task.name,
        "core": core,
        "quality": task.quality,
        "higher_is_better": task.higher_is_better,
        "settings": {**settings, "task": given, "fit": fit},
        "data": task.digest(),
        "facts": [list(fact) for fact in task.facts],
    }


def trained(first_seed: int, fitted: Sequence[Fitted]) -> dict[str, Any]:
    """Return what is known after the training of seeds one after the other."""
    return {
        "n_parameters": {"core": fitted[0].n_core, "total": fitted[0].n_total},
        "seeds": [
            {
                "seed": first_seed + index,
                "validation": one.validation,
                "test": one.test,
                "steps": one.n_steps,
                "seconds": one.seconds,
                "curve": list(one.curve),
            }
            for index, one in enumerate(fitted)
        ],
    }


def check_folder(path: Path, document: Mapping[str, Any]) -> None:
    """Refuse to write over the result of something else: only seeds of one training share a folder.

    Args:
        path: of the result.
        document: as `described` has it.

    Raises:
        ConfigurationError: there is a result of another training, or another file.
    """
    if not path.exists():
        return
    try:
        found = parsed(path.read_bytes())
    except ValueError:
        found = None
    kept = found if isinstance(found, dict) else {}
    different = [name for name in OF_ONE_TRAINING if kept.get(name) != document[name]]
    if different:
        raise ConfigurationError(
            f"{path} should be a result of the same run. Got one with other "
            f"{', '.join(different)}: choose another --output, or remove the file."
        )


def print_trained(document: Mapping[str, Any]) -> None:
    """Print the qualities of each seed, the sizes, and what was read."""
    rows = [
        (
            f"seed {one['seed']}",
            _names(one["test"]),
            *map(_values, (one["validation"], one["test"])),
        )
        for one in document["seeds"]
    ]
    print_table(("", "", "validation", "test"), rows)
    sizes = document["n_parameters"]
    typer.echo(
        f"{sizes['total']:,} parameters, {sizes['core']:,} of them in the core; "
        + ", ".join(f"{name} {_told(value)}" for name, value in document["facts"])
    )


def _names(part: Mapping[str, float]) -> str:
    return " / ".join(name.replace("_", " ") for name in part if not name.endswith(HALF_WIDTH))


def _values(part: Mapping[str, float]) -> str:
    """Return values as text, those with the half width of an interval beside it."""
    return " / ".join(
        f"{value:.4g}" + (f" ± {part[name + HALF_WIDTH]:.2g}" if name + HALF_WIDTH in part else "")
        for name, value in part.items()
        if not name.endswith(HALF_WIDTH)
    )


def _told(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(map(_told, value))
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
