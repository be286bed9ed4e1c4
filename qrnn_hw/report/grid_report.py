"""The report of a noise or mitigation study: findings, one line figure a panel, all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment.versions import package_versions
from qrnn_hw.mitigation.zne import extrapolated_by
from qrnn_hw.report.blocks import Block, Figure, Findings, Heading, Table, Text
from qrnn_hw.report.figures import line_figure
from qrnn_hw.report.grid_findings import AXIS, by_panel, findings
from qrnn_hw.report.study_files import write_study
from qrnn_hw.studies.grid import Grid, Scalar
from qrnn_hw.studies.rows import CellRow

SHOWN = {
    "noise": ("accuracy", "labels_changed", "margin_kept", "shift", "flip_rate"),
    "mitigation": ("rmse", "bias", "accuracy", "flips", "disagreement", "qpu_seconds"),
}
OF_NUMBERS = {
    "noise": ("nrmse", "distance", "half_width", "shift"),
    "mitigation": ("rmse", "bias", "nrmse", "distance", "half_width", "qpu_seconds"),
}
"""What is shown of numbers."""

SHARES = {"accuracy", "labels_changed", "margin_kept", "flip_rate", "flips", "disagreement"}
ROUNDING = 1e-12
"""Below this a figure is what rounding left of zero."""

DRAWN = {
    "noise": ("accuracy", "flip_rate", "nrmse", "half_width"),
    "mitigation": ("rmse", "flips", "nrmse"),
}
"""As far as the rows have them."""

EXPLAINED = {
    "noise": "One source is scaled, the others are off; 'all' scales them together, and 1 is the "
    "machine as reported. Accuracy is at infinite shots, with a 95 % interval. "
    "Margins: how much of their mean size is kept, and the shift that is left where the ideal "
    "margin is zero. The flip rate is that of finite shots under the same noise. "
    "Numbers: NRMSE at infinite shots, mean distance to the numbers without noise and 95 % "
    "half-width at finite shots, in deviations of the target.",
    "mitigation": "All stacks spend the same shots a prediction, calibration included. RMSE is "
    "that of the scores against those without noise; bias is the part that more shots do not "
    "remove. Flips are labels unlike those of the model without noise at infinite shots. Accuracy "
    "is a mean over repeats, with Student's 95 % interval. QPU seconds are an estimate "
    "of one evaluation of all inputs. Numbers: NRMSE over repeats, mean distance to the numbers "
    "without noise and the half-width of 95 % of the repeats, in deviations of the target.",
}


def write_grid_report(
    design: Grid, rows: Sequence[CellRow], folder: Path, *, parquet: bool = False
) -> dict[str, Any]:
    """Write report.html, report.md, rows.csv and study.json, and return the document.

    rows.csv and the rows of study.json hold no times: a study that was killed and resumed gives
    the files of an uninterrupted one, byte for byte.
    """
    kind = design.kind
    check_figures(kind, rows)
    lines = findings(kind, rows)
    by = {"extrapolated_by": extrapolated_by()} if kind == "mitigation" else {}
    table = [row.parameters | (row.result or {}) | {"error": row.error} for row in rows]
    document = {
        "kind": kind,
        "fixed": dict(design.fixed),
        "axes": {name: list(values) for name, values in design.axes},
        "findings": list(lines),
        "rows": [row.lasting() for row in rows],
        **by,
    }
    blocks = [
        Findings(lines),
        *panels(kind, rows),
        Heading("All cells"),
        Text(EXPLAINED[kind]),
        row_table(design, rows),
        Heading("Where the numbers come from"),
        Table(("", ""), tuple((k, str(v)) for k, v in [*design.fixed, *_where_from(by)])),
    ]
    title = f"{kind.capitalize()} study"
    return write_study(folder, title, document, blocks, table, parquet=parquet)


def check_figures(kind: str, rows: Sequence[CellRow]) -> None:
    """Check that every result holds the figures that are reported.

    Raises:
        ConfigurationError: one does not.
    """
    for row in rows:
        lacking = [
            name
            for name in needed(kind, row)
            if row.result is not None and not isinstance(row.result.get(name), int | float)
        ]
        if lacking:
            raise ConfigurationError(
                f"a row should hold every figure of its cell. Got {row.key[:12]} without "
                f"{', '.join(lacking)}; remove that line of rows.jsonl, and its cell runs again."
            )


def needed(kind: str, row: CellRow) -> tuple[str, ...]:
    """Return the figures that a row should hold: of labels, or of numbers."""
    if "nrmse" in (row.result or {}):
        return (*OF_NUMBERS[kind], "nrmse_low", "nrmse_high")
    return (*SHOWN[kind], "accuracy_low", "accuracy_high")


def shown(kind: str, rows: Sequence[CellRow]) -> tuple[str, ...]:
    """Return the figures of a table of rows: those of labels, of numbers, or of both."""
    of_numbers = ["nrmse" in row.result for row in rows if row.result is not None]
    names = OF_NUMBERS[kind] if any(of_numbers) else ()
    return tuple(dict.fromkeys((*(() if of_numbers and all(of_numbers) else SHOWN[kind]), *names)))


def row_table(design: Grid, rows: Sequence[CellRow], *, intervals: bool = True) -> Table:
    """Return all rows: the axes, then the figures of this kind of study, or the error of a row.

    Args:
        design: the study.
        rows: its rows.
        intervals: beside their figures; a terminal has no room for them.
    """
    names, figures_of = tuple(name for name, _ in design.axes), shown(design.kind, rows)
    table = []
    for row in rows:
        axes = [_axis_value(row.parameters[name]) for name in names]
        figures = [row.error or "", *[""] * (len(figures_of) - 1)]
        if row.result is not None:
            figures = [_shown(name, row.result, intervals) for name in figures_of]
        table.append((*axes, *figures))
    return Table((*names, *(name.replace("_", " ") for name in figures_of)), tuple(table))


def _axis_value(value: Scalar) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shown(name: str, result: Mapping[str, Any], intervals: bool) -> str:
    if name not in result:
        return ""
    if name not in SHARES:
        value = result[name]
        text = "0" if abs(value) < ROUNDING else f"{value:.3g}"
        if intervals and f"{name}_low" in result:
            text += f" ({result[f'{name}_low']:.3g} to {result[f'{name}_high']:.3g})"
        return text
    text = f"{result[name]:.1%}"
    if intervals and f"{name}_low" in result:
        text += f" ({result[f'{name}_low']:.1%} to {result[f'{name}_high']:.1%})"
    return text


def panels(kind: str, rows: Sequence[CellRow]) -> list[Block]:
    """Draw each panel: one figure a quantity, one line a source or stack."""
    apart, over = AXIS[kind]
    blocks: list[Block] = []
    for name, panel in by_panel(kind, rows).items():
        grouped: dict[str, dict[float, dict[str, Any]]] = {}
        for row in panel:
            line = grouped.setdefault(str(row.parameters[apart]), {})
            line[float(row.parameters[over])] = row.result or {}
        x = sorted({value for line in grouped.values() for value in line})
        if len(x) < 2:
            continue
        for figure in DRAWN[kind]:
            if not any(figure in (row.result or {}) for row in panel):
                continue
            lines = [
                (label, [line.get(v, {}).get(figure, float("nan")) for v in x])
                for label, line in grouped.items()
            ]
            labels = (over, figure.replace("_", " "))
            log = kind == "mitigation"
            caption = f"{name}: {labels[1]} over {over}, one line a {apart}."
            blocks.append(Figure(line_figure(x, lines, labels=labels, log_x=log), caption))
    return blocks


def _where_from(by: Mapping[str, str]) -> list[tuple[str, str]]:
    versions = ", ".join(f"{name} {version}" for name, version in package_versions().items())
    return [("versions", versions), *((k.replace("_", " "), v) for k, v in by.items())]
