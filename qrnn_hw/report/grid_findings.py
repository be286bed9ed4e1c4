"""What the rows of a noise or mitigation study say, in plain words, a sentence each panel."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.counted import counted
from qrnn_hw.studies.rows import CellRow

AXIS = {"noise": ("source", "scale"), "mitigation": ("stack", "shots")}
"""What tells the lines of a figure apart, and what they are drawn over."""

NAMED = ("model", "dataset", "backend", "seed")
"""Parameters that a panel's name always holds; others where the study varies them."""


def findings(kind: str, rows: Sequence[CellRow]) -> tuple[str, ...]:
    """Say in plain words what each panel of a study shows."""
    describe = _noise_finding if kind == "noise" else _mitigation_finding
    lines = [describe(name, panel) for name, panel in by_panel(kind, rows).items() if panel]
    failed = sum(row.result is None for row in rows)
    if failed:
        lines.append(
            f"{failed} of {counted(len(rows), 'cell')} failed; their errors are in rows.csv."
        )
    return tuple(lines)


def by_panel(kind: str, rows: Sequence[CellRow]) -> dict[str, list[CellRow]]:
    """Group the rows that have a result and differ by the two drawn axes alone."""
    varied = _varied(kind, rows)
    panels: dict[str, list[CellRow]] = {}
    for row in rows:
        p = row.parameters
        name = f"{p['model']} on {p['dataset']}, {p['backend']}, seed {p['seed']}"
        name += "".join(f", {one.replace('_', ' ')} {p[one]}" for one in varied)
        panels.setdefault(name, [])
        if row.result is not None:
            panels[name].append(row)
    return panels


def _varied(kind: str, rows: Sequence[CellRow]) -> list[str]:
    """Return the parameters besides the named and the drawn ones that not all rows share."""
    values: dict[str, set[object]] = {}
    for row in rows:
        for name, value in row.parameters.items():
            values.setdefault(name, set()).add(value)
    known = {*NAMED, *AXIS[kind]}
    return sorted(name for name, found in values.items() if len(found) > 1 and name not in known)


def _noise_finding(name: str, rows: Sequence[CellRow]) -> str:
    if _of_numbers(rows):
        return _noise_of_numbers(name, rows)
    apart = [r for r in rows if r.parameters["scale"] == 1 and r.parameters["source"] != "all"]
    worst = max(rows, key=lambda r: (r.parameters["source"] == "all", r.parameters["scale"]))
    source = worst.parameters["source"]
    return (
        f"{name}: {_sources_apart(apart)}with "
        f"{'all noise' if source == 'all' else f'{source} noise alone'} "
        f"{worst.parameters['scale']:g} times as reported the accuracy is "
        f"{_figure(worst, 'accuracy'):.1%} "
        f"({_figure(worst, 'accuracy_low'):.1%} to {_figure(worst, 'accuracy_high'):.1%})."
    )


def _noise_of_numbers(name: str, rows: Sequence[CellRow]) -> str:
    apart = [r for r in rows if r.parameters["scale"] == 1 and r.parameters["source"] != "all"]
    worst = max(rows, key=lambda r: (r.parameters["source"] == "all", r.parameters["scale"]))
    source, said = worst.parameters["source"], ""
    if apart:
        most = max(apart, key=lambda row: _figure(row, "distance"))
        tried = _listed([str(row.parameters["source"]) for row in apart])
        each = f"of {tried}, each alone as reported, " if len(apart) > 1 else "as reported, "
        alone = "most" if len(apart) > 1 else "alone"
        said = (
            f"{each}{most.parameters['source']} moves the numbers {alone} "
            f"({_figure(most, 'distance'):.3f} deviations); "
        )
    return (
        f"{name}: {said}with {'all noise' if source == 'all' else f'{source} noise alone'} "
        f"{worst.parameters['scale']:g} times as reported the NRMSE is "
        f"{_figure(worst, 'nrmse'):.3f} ({_figure(worst, 'nrmse_low'):.3f} to "
        f"{_figure(worst, 'nrmse_high'):.3f})."
    )


def _sources_apart(rows: Sequence[CellRow]) -> str:
    """Say which of the sources that were tried at their reported size does most by itself."""
    if not rows:
        return ""
    most = max(_figure(row, "labels_changed") for row in rows)
    least = min(rows, key=lambda row: _figure(row, "margin_kept"))
    kept = f"{_figure(least, 'margin_kept'):.1%} of the mean margin"
    if len(rows) == 1:
        labels = f"changes {most:.1%} of the labels" if most else "changes no label"
        return f"as reported, {least.parameters['source']} alone {labels} and keeps {kept}; "
    tried = _listed([str(row.parameters["source"]) for row in rows])
    hardest = [str(r.parameters["source"]) for r in rows if _figure(r, "labels_changed") == most]
    verb = "changes" if len(hardest) == 1 else "each change"
    labels = (
        f"{_listed(hardest)} {verb} most labels ({most:.1%})" if most else "none changes a label"
    )
    return (
        f"of {tried}, each alone as reported, {labels} and {least.parameters['source']} leaves the "
        f"smallest margins ({kept}); "
    )


def _mitigation_finding(name: str, rows: Sequence[CellRow]) -> str:
    parts = []
    for shots in sorted({row.parameters["shots"] for row in rows}):
        same = [row for row in rows if row.parameters["shots"] == shots]
        rmse = min(_figure(row, "rmse") for row in same)
        if _of_numbers(same):
            least = min(_figure(row, "nrmse") for row in same)
            parts.append(
                f"at {shots:,} shots the numbers are closest to those without noise with "
                f"{_stacks(same, 'rmse', rmse)} (RMSE {rmse:.3g}), and to the targets with "
                f"{_stacks(same, 'nrmse', least)} (NRMSE {least:.3f})"
            )
            continue
        flips = min(_figure(row, "flips") for row in same)
        parts.append(
            f"at {shots:,} shots the scores are closest to those without noise with "
            f"{_stacks(same, 'rmse', rmse)} (RMSE {rmse:.3f}), and fewest labels flip with "
            f"{_stacks(same, 'flips', flips)} ({flips:.1%})"
            if len(same) > 1
            else f"at {shots:,} shots {_stacks(same, 'rmse', rmse)} gives scores with an RMSE of "
            f"{rmse:.3f} and flips {flips:.1%} of the labels"
        )
    return f"{name}: " + "; ".join(parts) + "."


def _stacks(rows: Sequence[CellRow], figure: str, value: float) -> str:
    """Name the stacks that have this value; 'none flips fewest' would read as its contrary."""
    names = [str(row.parameters["stack"]) for row in rows if _figure(row, figure) == value]
    return _listed(["no mitigation" if name == "none" else name for name in names])


def _of_numbers(rows: Sequence[CellRow]) -> bool:
    return all("nrmse" in (row.result or {}) for row in rows)


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _figure(row: CellRow, name: str) -> float:
    return float((row.result or {})[name])
