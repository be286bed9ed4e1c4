"""Results as a notebook shows them: findings, a figure and a table, without a page around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.counted import counted
from qrnn_hw.report import page
from qrnn_hw.report.blocks import Block, Findings, Heading, html_of

if TYPE_CHECKING:
    from qrnn_hw.experiment.outcome import Outcome
    from qrnn_hw.studies.grid_result import GridResult
    from qrnn_hw.studies.shot_experiment import ShotExperiment

_COLOURS = "--ink: currentColor; --faint: #8a9097; --accent: #4a7fd0; --panel: transparent"
"""Of the figures; they stand on the notebook's own ground, light or dark."""


def outcome_html(outcome: Outcome) -> str:
    """Return findings and accuracies of a run."""
    from qrnn_hw.report.run_findings import run_findings
    from qrnn_hw.report.run_report import quality_blocks

    settings = outcome.settings
    return _fragment(
        f"{settings.model} on {settings.data or settings.dataset}, {outcome.prepared.machine.name}",
        [Findings(tuple(run_findings(outcome))), *quality_blocks(outcome)],
    )


def shots_html(experiment: ShotExperiment) -> str:
    """Return findings, the curve over shots and its table under the machine's noise."""
    from qrnn_hw.report.shot_report import findings, shot_figure, shot_table

    prepared = experiment.model.prepared
    return _fragment(
        f"Shots for {prepared.settings.model} on {prepared.machine.name}",
        [Findings(findings(experiment)), shot_figure(experiment), shot_table(experiment, "noisy")],
    )


def grid_html(result: GridResult) -> str:
    """Return findings, figures and all rows of a study of a grid."""
    from qrnn_hw.report.grid_findings import findings
    from qrnn_hw.report.grid_report import panels, row_table

    kind, rows = result.design.kind, result.rows
    return _fragment(
        f"{kind.capitalize()} study, {len(rows)} of {counted(len(result.design.cells()), 'cell')}",
        [Findings(findings(kind, rows)), *panels(kind, rows), row_table(result.design, rows)],
    )


def _fragment(title: str, blocks: Sequence[Block]) -> str:
    body = "\n".join([html_of(Heading(title)), *map(html_of, blocks)])
    style = f"<style>{page.FRAGMENT_STYLE}</style>"
    return f'<div class="qrnn-hw" style="{_COLOURS}">{style}\n{body}\n</div>'
