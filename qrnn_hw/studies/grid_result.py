"""A grid with the rows that it has so far."""

from __future__ import annotations

from dataclasses import dataclass

from qrnn_hw.studies.grid import Grid
from qrnn_hw.studies.rows import CellRow, RowFile, in_order


@dataclass(frozen=True)
class GridResult:
    """What a study found; a notebook shows it as findings, figures and a table."""

    design: Grid
    rows: tuple[CellRow, ...]
    """In the order of the cells."""

    @classmethod
    def read(cls, design: Grid, rows: RowFile) -> GridResult:
        """Take those of the design's cells that have their row."""
        return cls(design, tuple(in_order(design.cells(), rows.read())))

    def _repr_html_(self) -> str:
        from qrnn_hw.report.notebook import grid_html

        return grid_html(self)
