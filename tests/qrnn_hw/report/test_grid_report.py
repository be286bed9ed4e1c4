import re

import pytest

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.report.figures import line_figure
from qrnn_hw.report.grid_findings import by_panel, findings
from qrnn_hw.report.grid_report import check_figures, row_table
from qrnn_hw.studies.grid import grid
from qrnn_hw.studies.mitigation import DEFAULTS as MITIGATION
from qrnn_hw.studies.noise import DEFAULTS as NOISE
from qrnn_hw.studies.rows import CellRow


def noise_rows(results, **axes):
    cells = grid("noise", axes, {}, NOISE).cells()
    figures = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "flip_rate": 0.01}
    figures |= {"labels_changed": 0.0, "margin_kept": 1.0, "shift": 4e-17}
    return [
        CellRow(cell.key, cell.kind, cell.values, figures | dict(result), None, 1, 0.0)
        for cell, result in zip(cells, results, strict=True)
    ]


def mitigation_rows(stacks, rmse, flips):
    cells = grid("mitigation", {"stack": stacks}, {}, MITIGATION).cells()
    return [
        CellRow(cell.key, cell.kind, cell.values, {"rmse": r, "flips": f}, None, 1, 0.0)
        for cell, r, f in zip(cells, rmse, flips, strict=True)
    ]


def test_margins_that_grew_are_not_said_to_shrink_nor_untried_sources_to_be_harmless():
    (line,) = findings("noise", noise_rows([{"margin_kept": 1.004}], source=["readout"]))
    assert "readout alone changes no label and keeps 100.4% of the mean margin" in line
    assert "shrink" not in line
    assert "no source" not in line


def test_sources_that_tie_are_all_named():
    changed = [{"labels_changed": value} for value in (0.02, 0.0, 0.02)]
    (line,) = findings("noise", noise_rows(changed, source=["gate", "idle", "reset"]))
    assert "of gate, idle and reset, each alone" in line
    assert "gate and reset each change most labels (2.0%)" in line


@pytest.mark.parametrize(
    ("scales", "sources", "words"),
    [
        ([1.0, 4.0], ["gate", "all"], "all noise 4 times"),
        ([0.0, 4.0], ["gate"], "gate noise alone 4 times"),
    ],
)
def test_the_hardest_noise_tried_is_told(scales, sources, words):
    rows = noise_rows([{}] * len(scales) * len(sources), source=sources, scale=scales)
    assert words in findings("noise", rows)[0]


def test_rows_of_another_varied_parameter_are_a_panel_of_their_own():
    rows = noise_rows([{}] * 4, shots=[100, 1000], scale=[0.0, 1.0])
    panels = by_panel("noise", rows)
    assert [len(panel) for panel in panels.values()] == [2, 2]
    assert [name.rpartition(", ")[2] for name in panels] == ["shots 100", "shots 1000"]


def test_no_mitigation_is_not_told_as_nothing_and_ties_are_named():
    rows = mitigation_rows(["none", "terminal", "linear(1,3)"], [0.1, 0.2, 0.3], [0.0, 0.0, 0.5])
    (line,) = findings("mitigation", rows)
    assert "closest to those without noise with no mitigation (RMSE 0.100)" in line
    assert "fewest labels flip with no mitigation and terminal (0.0%)" in line


def test_a_single_stack_is_not_said_to_be_the_best():
    (line,) = findings("mitigation", mitigation_rows(["linear(1,3)"], [0.1], [0.25]))
    assert "linear(1,3) gives scores with an RMSE of 0.100 and flips 25.0% of the labels" in line


def test_a_table_has_intervals_and_a_failed_row_its_error_once():
    design = grid("noise", {"scale": [0.0, -1.0]}, {}, NOISE)
    good, _ = noise_rows([{}] * 2, scale=[0.0, -1.0])
    bad = CellRow(
        design.cells()[1].key, "noise", design.cells()[1].values, None, "no scale", 1, 0.0
    )
    table = row_table(design, [good, bad])
    assert table.rows[0] == ("0", "80.0% (70.0% to 90.0%)", "0.0%", "100.0%", "0", "1.0%")
    assert table.rows[1] == ("-1", "no scale", "", "", "", "")
    assert row_table(design, [good], intervals=False).rows[0][1] == "80.0%"


def test_as_many_lines_as_a_study_has_stacks_look_different():
    def looks(n):
        lines = [(str(k), [k % 2.0, k % 2.0]) for k in range(n)]
        svg = line_figure([0.0, 1.0], lines, labels=("x", "y"))
        curves = re.findall(r'<path d="M [^"]*?L [^"]*?" clip-path="[^"]*" style="([^"]*)"', svg)
        drawn = [style for style in curves if "stroke-width: 1.8" in style]
        marked = svg.count("<use ")
        return drawn, marked

    (four, marks), (five, more) = looks(4), looks(5)
    assert len(set(four)) == 4
    assert len(five) == 5
    assert more >= marks + 2  # the fifth line has the dashes of the first, and dots


@pytest.mark.parametrize(("figure", "value"), [("accuracy", None), ("shift", "0")])
def test_a_row_that_lost_a_figure_is_named(figure, value):
    (row,) = noise_rows([{figure: value}], scale=[1.0])
    with pytest.raises(ConfigurationError, match=f"{row.key[:12]} without {figure}; remove"):
        check_figures("noise", [row])


def test_a_table_in_a_pipe_is_not_folded(capsys):
    from qrnn_hw.cli.tables import print_table

    design = grid("noise", {"scale": [-1.0]}, {}, NOISE)
    (cell,) = design.cells()
    told = "CalibrationError: " + "a factor of noise should be at least 0. " * 5
    row = CellRow(cell.key, cell.kind, cell.values, None, told, 1, 0.0)
    print_table("1 of 1 cells", row_table(design, [row]))
    assert told.strip() in capsys.readouterr().out
