"""The files of a study: one document, one table of rows, and a report of both kinds of page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qrnn_hw.data.target import Classes, Target
from qrnn_hw.experiment.prepare import Prepared
from qrnn_hw.experiment.versions import package_versions
from qrnn_hw.report.blocks import Block, to_html, to_markdown
from qrnn_hw.report.files import write_json, write_rows, write_text

SCHEMA_VERSION = 1


def studied(prepared: Prepared) -> dict[str, Any]:
    """Return what a study's document says first: of which model, on which rows and machine."""
    settings, machine = prepared.settings, prepared.machine
    return {
        "model": settings.model,
        "dataset": str(settings.data or settings.dataset),
        "backend": machine.name,
        "snapshot": machine.snapshot.digest,
        "seeds": settings.seeds,
    }


def target_document(target: Target) -> dict[str, Any]:
    """Return what a study's document says of what is learnt."""
    return {
        "kind": "classes" if isinstance(target, Classes) else "numbers",
        "names": list(target.names),
        "per_step": target.per_step,
    }


def write_study(
    folder: Path,
    title: str,
    document: Mapping[str, Any],
    blocks: Sequence[Block],
    rows: Sequence[Mapping[str, Any]],
    *,
    parquet: bool,
    every_row: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write study.json, rows.csv, report.html and report.md, and return the document.

    Args:
        folder: of the study.
        title: of the report.
        document: what the study found.
        blocks: of the report.
        rows: of the table.
        parquet: whether rows.parquet is written too.
        every_row: what study.json has beside the document that is returned.

    Raises:
        ConfigurationError: Parquet without its package.
    """
    whole = {
        "schema_version": SCHEMA_VERSION,
        **document,
        "versions": package_versions(),
        "report": str(folder / "report.html"),
    }
    write_json(folder / "study.json", {**whole, **(every_row or {})})
    write_rows(folder, rows, parquet=parquet)
    write_text(folder / "report.html", to_html(title, blocks))
    write_text(folder / "report.md", to_markdown(title, blocks))
    return whole
