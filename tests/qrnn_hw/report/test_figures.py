import re

import pytest

from circuits import architecture, unroll
from qrnn_hw.report import figures
from qrnn_hw.statistics.intervals import wilson


def test_a_picture_that_cannot_be_drawn_is_a_note(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no <font>")

    monkeypatch.setattr(figures, "_svg", broken)
    for note in (
        figures.interval_figure([("a", wilson(1, 2))], "accuracy"),
        figures.histogram_figure([1.0], label="score"),
        figures.line_figure([1.0], [("a", [1.0])], labels=("x", "y")),
    ):
        assert "could not be drawn (RuntimeError: no &lt;font&gt;)" in note


def test_names_leave_the_plot_its_width():
    long = "logistic regression, mean word vector (101 parameters)"
    widths = []
    for name in ("a", long):
        svg = figures.interval_figure([(name, wilson(80, 100))], "accuracy")
        (plot,) = re.findall(r'<g id="patch_2">\s*<path d="M ([\d.]+) [\d.]+ \s*L ([\d.]+)', svg)
        whole = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])
        widths.append((float(plot[1]) - float(plot[0])) / whole)
    assert widths[1] == pytest.approx(widths[0], abs=0.02)
    assert min(widths) > 0.85


def test_a_circuit_is_no_wider_than_a_narrow_page_can_show():
    svg = figures.circuit_figure(unroll(architecture("dynamic-line"), 1).circuit)
    assert float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1]) < 700
