"""The page of `make zoo`: what every model reached, and what the figures say together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qrnn_hw.recipes.recipes import PUBLISHED, PUBLISHED_ACCURACY
from qrnn_hw.statistics.intervals import Interval, mean_interval

KINDS = ("ours", "published", "frozen")
SHOTS = 1000

INTRODUCTION = """
The amazon file, 192 distinct test sentences, no machine noise; mean over five seeds with
Student's 95 % interval. `make zoo` writes this page and continues where it was stopped.

- *published*: the accuracy that the first source reports, one run.
- *published procedure*: its features, loss, optimiser and batches of one, with the faults that its
  code has for the family (angles cut to integers, range taken over all rows, unstratified split)
  and for all (sentences in both parts); five seeds on its one split, 200 test sentences. Fewer
  epochs than its own where the cell says so.
- *ours*: words to angles by a trained projection that starts from PLS, mini-batches, a validation
  part, a split of its own for each seed; the repaired wiring where the published one is blind.
- *quantum part frozen*: ours with the circuit's weights left as they were drawn, while projection
  and head are trained.
- *GRU of equal size*: a classical network on the same rows with as nearly as can be as many
  parameters as ours.
- *sampled* rows feed bits forward inside the shot; the others of their name feed expectation
  values back through the host. They are different models.
"""

PAIRED = """
## What training the circuit brings
Ours less the frozen control and less the GRU of equal size, seed by seed on the same split, in
points of accuracy with Student's 95 % interval. Splits share sentences, so new data would scatter
more.
"""


@dataclass(frozen=True)
class Results:
    """Everything that is there; what was not run is None."""

    documents: Mapping[tuple[str, str], dict[str, Any] | None]
    """By row and kind."""

    grus: Mapping[str, list[float]]
    """Accuracies of the network of equal size, by row."""

    controls: Mapping[str, list[float]]

    @property
    def rows(self) -> list[str]:
        """Rows of the table, in order."""
        return list(dict.fromkeys(row for row, kind in self.documents if kind != "published"))

    def values(self, row: str, kind: str) -> list[float] | None:
        """Return the accuracy of each seed at infinite shots."""
        document = self.documents.get((row, kind))
        return None if document is None else document["accuracy"]["infinite"]["values"]


def page(results: Results) -> str:
    """Return the page as Markdown."""
    lines = ["# Results of every model", INTRODUCTION, *_findings(results), ""]
    lines += _table(results)
    lines += ["", "| classical, the same rows | accuracy |", "|---|---|"]
    lines += [f"| {name} | {shown(values)} |" for name, values in results.controls.items()]
    lines += [PAIRED, *_paired(results)]
    return "\n".join(lines) + "\n"


def shown(values: list[float]) -> str:
    """Return a mean with its interval over the seeds."""
    interval = mean_interval(np.array(values))
    low, high = max(interval.low, 0.0), min(interval.high, 1.0)
    return f"{interval.value:.3f} ({low:.3f} to {high:.3f})"


def difference(one: list[float], other: list[float]) -> Interval:
    """Return the mean difference, seed by seed."""
    return mean_interval(np.array(one) - np.array(other))


def _findings(results: Results) -> list[str]:
    """Say what the figures that are there say together."""
    lines = []
    published = {
        model: mean_interval(np.array(values))
        for model in PUBLISHED
        if (values := results.values(model, "published")) is not None
    }
    if published:
        guessing = sum(one.low <= 0.5 <= one.high for one in published.values())
        known = {model: one for model, one in published.items() if model in PUBLISHED_ACCURACY}
        figure = sum(one.low <= PUBLISHED_ACCURACY[m] <= one.high for m, one in known.items())
        mean = np.mean([one.value for one in published.values()])
        cut = sum(_is_cut(results.documents[model, "published"]) for model in published)
        lines.append(
            f"- **The published procedure** reaches {mean:.3f} on average over {len(published)} "
            f"models, {cut} of them with fewer epochs than its own; the interval over seeds of "
            f"{guessing} holds 0.5, guessing, and that of {figure} of {len(known)} holds the "
            "published figure."
        )
    for kind, name in (("frozen", "the frozen control"), ("gru", "the GRU of equal size")):
        found = _differences(results, kind)
        if found:
            above = sum(one.low > 0 for one in found.values())
            below = sum(one.high < 0 for one in found.values())
            mean = 100 * np.mean([one.value for one in found.values()])
            lines.append(
                f"- **Ours against {name}**, paired by seed over {len(found)} rows: {mean:+.1f} "
                f"points on average, above it in {above} rows and below it in {below}, by "
                "intervals that leave 0 out."
            )
    return lines


def _differences(results: Results, kind: str) -> dict[str, Interval]:
    found = {}
    for row in results.rows:
        ours = results.values(row, "ours")
        other = results.grus.get(row) if kind == "gru" else results.values(row, kind)
        if ours is not None and other is not None:
            found[row] = difference(ours, other)
    return found


def _paired(results: Results) -> list[str]:
    frozen, gru = (_differences(results, kind) for kind in ("frozen", "gru"))
    lines = ["| model | less frozen | less GRU |", "|---|--:|--:|"]
    for row in sorted(gru, key=lambda row: -gru[row].value):
        lines.append(f"| {row} | {_points(frozen.get(row))} | {_points(gru[row])} |")
    return lines


def _points(interval: Interval | None) -> str:
    if interval is None:
        return ""
    value, low, high = (100 * part for part in (interval.value, interval.low, interval.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def _is_cut(document: dict[str, Any] | None) -> bool:
    """Return whether a training had fewer epochs than its recipe asks for."""
    return document is not None and document["epochs"]["asked"] < document["epochs"]["recipe"]


def _cells(document: dict[str, Any] | None) -> tuple[str, str]:
    """Return accuracy at infinite shots and at some, or that it was not run."""
    if document is None:
        return "not run", "not run"
    accuracy, epochs = document["accuracy"], document["epochs"]
    note = ""
    if _is_cut(document):
        note = f", {epochs['asked']} of {epochs['recipe']} epochs"
    return shown(accuracy["infinite"]["values"]) + note, shown(accuracy["shots"]["values"])


def _table(results: Results) -> list[str]:
    lines = [
        "| model | quantum weights | published | published procedure, infinite shots "
        f"| {SHOTS:,} shots | ours, infinite shots | {SHOTS:,} shots | quantum part frozen "
        "| GRU of equal size | parameters |",
        "|---|--:|--:|---|---|---|---|---|---|--:|",
    ]
    for row in results.rows:
        model = row.split(",")[0]
        is_published = model in PUBLISHED and not row.endswith("sampled")
        ours = results.documents.get((row, "ours"))
        published = _cells(results.documents.get((model, "published")))
        frozen = _cells(results.documents.get((row, "frozen")))[0]
        cells = [
            row,
            "" if ours is None else str(ours["n_quantum_weights"]),
            str(PUBLISHED_ACCURACY.get(model, "")) if is_published else "",
            *(published if is_published else ("", "")),
            *_cells(ours),
            frozen if (row, "frozen") in results.documents else "no weights",
            shown(results.grus[row]) if row in results.grus else "not run",
            "" if ours is None else f"{ours['n_parameters']:,}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
