import re

import pytest

from calibration.library import snapshot
from circuits import architecture, unroll
from qrnn_hw.report import figures
from qrnn_hw.report.chip_layout import chip_layout
from qrnn_hw.statistics.intervals import wilson


def test_a_picture_that_cannot_be_drawn_is_a_note(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no <font>")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", broken)
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


@pytest.mark.parametrize(
    "backend", ["fake_kingston", "fake_brisbane", "fake_berlin", "fake_algiers"]
)
def test_coupled_qubits_are_drawn_side_by_side_and_none_on_another(backend):
    device = snapshot(backend)
    pairs = {tuple(sorted(r.qubits)) for r in device.instructions if len(r.qubits) == 2}
    points = chip_layout(device.n_qubits, pairs)
    assert len(set(points)) == device.n_qubits
    steps = {
        abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in ((points[i], points[j]) for i, j in pairs)
    }
    assert steps == {1.0}


def test_a_lattice_numbered_at_random_still_has_a_point_for_each_qubit():
    order = [3, 0, 5, 1, 4, 2]
    ring = {(order[i], order[(i + 1) % 6]) for i in range(6)} | {(0, 1), (2, 3), (3, 4)}
    points = chip_layout(6, ring)
    assert len({(round(x, 3), round(y, 3)) for x, y in points}) == 6


def test_a_chip_has_a_cross_for_what_is_out_and_names_the_chosen_placement_only():
    points = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]
    pairs = [(0, 1), (1, 2), (2, 3)]
    given = points, pairs, [0.2, 0.1, 0.1, None]
    svg = figures.chip_figure(*given, [(1, 2)], out=[3], label="chip <a>")
    assert re.findall(r">(\d)</text>", svg) == ["1", "2"]
    tiles = figures.chip_figure(*given, [(0, 1), (2, 3)], dotted=(1, 2), label="tiles")
    assert re.findall(r">(\d)</text>", tiles) == ["1", "2"]
    assert "stroke-width: 3" in tiles
    # Where level 3's place lies on the chosen one it is still seen.
    over = figures.chip_figure(*given, [(0, 1, 2)], dotted=(1, 2, 3), label="tiles")
    dots = re.findall(r"stroke-dasharray: [^;]*; [^;]*; stroke: var\(--(\w+)\)", over)
    assert dots == ["accent", "ink"]
    shades = [float(one) for one in re.findall(r"fill-opacity: ([\d.]+)", svg)]
    assert min(shades) == 0.12  # the worst; the best are full
    assert 'aria-label="chip &lt;a&gt;"' in svg
    assert "<script" not in svg
    assert "#010101" not in svg


def test_a_curve_of_one_point_is_seen():
    """Training for one epoch has no line: without a mark its picture is empty."""
    curves = [("loss", [0.5]), ("accuracy", [0.7])]
    n_marks = [
        len(re.findall(r"clip-path[^>]*>\s*<use", figures.line_figure(x, lines, labels=("x", "y"))))
        for x, lines in (([1.0], curves), ([1.0, 2.0], [(name, y * 2) for name, y in curves]))
    ]
    assert n_marks == [2, 0]
