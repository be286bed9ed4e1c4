"""What tables call scores, and the stacks of every run; a stack by another name is shown by it."""

import math
from collections.abc import Mapping

LABELS = {
    "ideal": "no noise, infinite shots",
    "ideal_shots": "no noise, raw shots",
    "noisy_exact": "noise, infinite shots",
    "none": "noise, raw shots",
    "terminal": "readout corrected",
    "linear(1,3) + terminal": "readout corrected and extrapolated to zero noise",
    "threshold": "raw, threshold moved",
}

MEASURES = {"accuracy": "accuracy", "nrmse": "NRMSE", "r2": "R2"}
"""What tables call the measures of quality."""


def label(name: str) -> str:
    """Return the row's name in a table."""
    return LABELS.get(name, name)


def between(low: float | None, high: float | None) -> str:
    """Say the ends of an interval, or that there are too few rows for one."""
    if low is None or high is None or math.isnan(low):
        return "too few rows"
    return f"{low:.3f} to {high:.3f}"


def percent(interval: Mapping[str, float]) -> str:
    """Say a share with its interval."""
    return f"{interval['value']:.1%} ({interval['low']:.1%} to {interval['high']:.1%})"


def plain(interval: Mapping[str, float | None]) -> str:
    """Say a number with its interval, where there are rows enough for one."""
    low, high = interval["low"], interval["high"]
    ends = "too few rows" if low is None or high is None else f"{low:.3g} to {high:.3g}"
    return f"{interval['value']:.3g} ({ends})"
