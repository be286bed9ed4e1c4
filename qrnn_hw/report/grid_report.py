"""The report of a noise or mitigation study: findings, one line figure a panel, all rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qrnn_hw.report.blocks import (
    Block,
    Figure,
    Findings,
    Heading,
    Table,
    Text,
    to_html,
    to_markdown,
)
from qrnn_hw.report.figures import line_figure
from qrnn_hw.report.files import package_versions, write_json, write_rows, write_text
from qrnn_hw.studies.grid import Grid
from qrnn_hw.studies.rows import Row

SCHEMA_VERSION = 1
AXIS = {"noise": ("source", "scale"), "mitigation": ("stack", "shots")}
"""What tells the lines of a figure apart, and what they are drawn over."""

SHOWN = {
    "noise": ("accuracy", "labels_changed", "margin_kept", "shift", "flip_rate"),
    "mitigation": ("rmse", "bias", "accuracy", "flips", "disagreement", "qpu_seconds"),
}
DRAWN = {"noise": ("accuracy", "flip_rate"), "mitigation": ("rmse", "flips")}
EXPLAINED = {
    "noise": "One source is scaled, the others are off; 'all' scales them together, and 1 is the "
    "machine as reported. Accuracy is at infinite shots, with a 95 % Wilson interval in rows.csv. "
    "Margins: how much of their mean size is kept, and the shift that is left where the ideal "
    "margin is zero. The flip rate is that of finite shots under the same noise.",
    "mitigation": "All stacks spend the same shots a prediction, calibration included. RMSE is "
    "that of the scores against those without noise; bias is the part that more shots do not "
    "remove. Flips are labels unlike those of the model without noise at infinite shots. Accuracy "
    "is a mean over repeats, with Student's 95 % interval in rows.csv. QPU seconds are an estimate "
    "of one evaluation of all inputs.",
}


def write_grid_report(
    design: Grid, rows: Sequence[Row], folder: Path, *, parquet: bool = False
) -> dict[str, Any]:
    """Write report.html, report.md, rows.csv and study.json, and return the document.

    rows.csv and the rows of study.json hold no times: a study that was killed and resumed gives
    the files of an uninterrupted one, byte for byte.
    """
    kind = design.kind
    title = f"{kind.capitalize()} study"
    lines = findings(kind, rows)
    table = [row.parameters | (row.result or {}) | {"error": row.error} for row in rows]
    document = {
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "fixed": dict(design.fixed),
        "axes": {name: list(values) for name, values in design.axes},
        "findings": list(lines),
        "rows": [row.lasting() for row in rows],
        "versions": package_versions(),
        "report": str(folder / "report.html"),
    }
    blocks = [
        Findings(lines),
        *panels(kind, rows),
        Heading("All cells"),
        Text(EXPLAINED[kind]),
        row_table(design, rows),
        Heading("Where the numbers come from"),
        Table(("", ""), tuple((k, str(v)) for k, v in [*design.fixed, *_versions()])),
    ]
    write_text(folder / "report.html", to_html(title, blocks))
    write_text(folder / "report.md", to_markdown(title, blocks))
    write_rows(folder, table, parquet=parquet)
    write_json(folder / "study.json", document)
    return document


def findings(kind: str, rows: Sequence[Row]) -> tuple[str, ...]:
    """Say in plain words what each panel of a study shows."""
    describe = _noise_finding if kind == "noise" else _mitigation_finding
    lines = [describe(name, panel) for name, panel in _by_panel(kind, rows).items() if panel]
    failed = sum(row.result is None for row in rows)
    if failed:
        lines.append(f"{failed} of {len(rows)} cells failed; their errors are in rows.csv.")
    return tuple(lines)


def row_table(design: Grid, rows: Sequence[Row]) -> Table:
    """Return all rows: the axes, then the figures of this kind of study."""
    names = tuple(name for name, _ in design.axes)
    shown = SHOWN[design.kind]
    return Table(
        (*names, *(name.replace("_", " ") for name in shown)),
        tuple(
            (
                *(str(row.parameters[name]) for name in names),
                *(f"{row.result[s]:.4g}" if row.result else row.error or "" for s in shown),
            )
            for row in rows
        ),
    )


def panels(kind: str, rows: Sequence[Row]) -> list[Block]:
    """Draw each panel: one figure a quantity, one line a source or stack."""
    """Draw each panel: one figure a quantity, one line a source or stack."""
    apart, over = AXIS[kind]
    blocks: list[Block] = []
    for name, panel in _by_panel(kind, rows).items():
        grouped: dict[str, dict[float, dict[str, Any]]] = {}
        for row in panel:
            line = grouped.setdefault(str(row.parameters[apart]), {})
            line[float(row.parameters[over])] = row.result or {}
        x = sorted({value for line in grouped.values() for value in line})
        if len(x) < 2:
            continue
        for figure in DRAWN[kind]:
            lines = [
                (label, [line.get(v, {}).get(figure, float("nan")) for v in x])
                for label, line in grouped.items()
            ]
            labels = (over, figure.replace("_", " "))
            log = kind == "mitigation"
            caption = f"{name}: {labels[1]} over {over}, one line a {apart}."
            blocks.append(Figure(line_figure(x, lines, labels=labels, log_x=log), caption))
    return blocks


def _by_panel(kind: str, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group the rows that differ by the two drawn axes alone."""
    panels: dict[str, list[Row]] = {}
    for row in rows:
        p = row.parameters
        name = f"{p['model']} on {p['dataset']}, {p['backend']}, seed {p['seed']}"
        panels.setdefault(name, [])
        if row.result is not None:
            panels[name].append(row)
    return panels


def _noise_finding(name: str, rows: Sequence[Row]) -> str:
    reported = [r for r in rows if r.parameters["scale"] == 1 and r.parameters["source"] != "all"]
    worst = max(rows, key=lambda r: r.parameters["scale"] if r.parameters["source"] == "all" else 0)
    text = f"{name}: "
    if reported:
        hardest = max(reported, key=lambda r: _figure(r, "labels_changed"))
        weakest = min(reported, key=lambda r: _figure(r, "margin_kept"))
        changed = _figure(hardest, "labels_changed")
        text += (
            "at scale 1 "
            + (
                f"{hardest.parameters['source']} alone changes most labels ({changed:.1%})"
                if changed
                else "no source alone changes a label"
            )
            + f" and {weakest.parameters['source']} alone shrinks the margins most (to "
            f"{_figure(weakest, 'margin_kept'):.1%}); "
        )
    return text + (
        f"with {worst.parameters['source']} noise {worst.parameters['scale']:g} times as reported "
        f"the accuracy is {_figure(worst, 'accuracy'):.1%} "
        f"({_figure(worst, 'accuracy_low'):.1%} to {_figure(worst, 'accuracy_high'):.1%})."
    )


def _mitigation_finding(name: str, rows: Sequence[Row]) -> str:
    parts = []
    for shots in sorted({row.parameters["shots"] for row in rows}):
        same = [row for row in rows if row.parameters["shots"] == shots]
        best = min(same, key=lambda r: _figure(r, "rmse"))
        fewest = min(same, key=lambda r: _figure(r, "flips"))
        parts.append(
            f"at {shots:,} shots {best.parameters['stack']} comes closest to the scores without "
            f"noise (RMSE {_figure(best, 'rmse'):.3f}) and {fewest.parameters['stack']} flips "
            f"fewest labels ({_figure(fewest, 'flips'):.1%})"
        )
    return f"{name}: " + "; ".join(parts) + "."


def _figure(row: Row, name: str) -> float:
    return float((row.result or {})[name])


def _versions() -> list[tuple[str, str]]:
    return [("versions", ", ".join(f"{k} {v}" for k, v in package_versions().items()))]
