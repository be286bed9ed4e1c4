"""The plan that a run's minutes bought, kept beside its checkpoint.

What an account is charged corrects the prices of later jobs, so that the same minutes buy other
shots afterwards. A run that goes on would otherwise be other jobs, and pay again for what has run.
"""

from __future__ import annotations

import json
from typing import Any

from jobs.counted import counted
from qrnn_hw.config import writable_folder
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment.minutes import as_bought, fitted
from qrnn_hw.experiment.prepare import Prepared
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.training import CHECKPOINT

FILE_NAME = "minutes.json"


def bought_once(prepared: Prepared, minutes: float, progress: Progress) -> Prepared:
    """Return the run with what its minutes bought when it began, or buy now.

    Args:
        prepared: with the stacks and tiles of its settings.
        minutes: of the QPU.
        progress: told of the plan.

    Raises:
        ConfigurationError: the kept plan cannot be read.
        UsageError: as `fitted`.
    """
    settings = prepared.settings
    path, asked = settings.output / FILE_NAME, _asked(settings, minutes)
    if path.exists() and (settings.output / CHECKPOINT).exists():
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            shots, stacks = int(document["shots"]), tuple(map(str, document["stacks"]))
            is_same = document["asked"] == asked
        except (OSError, ValueError, KeyError, TypeError):
            raise ConfigurationError(
                f"the plan of a run's minutes should be as `qrnn-hw run` wrote it. Got {path}; "
                "choose another --output."
            ) from None
        if is_same:
            progress.stage(
                f"going on with the {counted(shots, 'shot')} per prediction for "
                f"{', '.join(stacks)} that {minutes:g} QPU minutes bought when the run began"
            )
            seconds = min(settings.budget_seconds or 60 * minutes, 60 * minutes)
            return as_bought(prepared, shots, stacks, seconds)
    progress.stage(f"looking for the most that {minutes:g} QPU minutes buy")
    found, bought = fitted(prepared, 60 * minutes)
    progress.stage(str(bought))
    document = {"asked": asked, "shots": bought.shots, "stacks": bought.stack_names}
    writable_folder(settings.output)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return found


def _asked(settings: RunSettings, minutes: float) -> dict[str, Any]:
    """Return what chooses the plan, beside what the checkpoint is known by."""
    return {
        "minutes": minutes,
        "plans": list(settings.plans),
        "sentences": settings.sentences,
        "repetitions": settings.repetitions,
        "canaries": settings.canaries,
        "tiles": settings.tiles,
        "guard": settings.guard,
        "rep_delay_seconds": settings.rep_delay_seconds,
    }
