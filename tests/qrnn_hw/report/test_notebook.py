from html.parser import HTMLParser

from qrnn_hw.studies.grid import grid
from qrnn_hw.studies.grid_result import GridResult
from qrnn_hw.studies.noise import DEFAULTS
from qrnn_hw.studies.rows import CellRow, RowFile

FIGURES = ("accuracy", "labels_changed", "margin_kept", "shift", "flip_rate",
           "accuracy_low", "accuracy_high", "contraction", "n_inputs")  # fmt: skip


class Balanced(HTMLParser):
    """Fails on tags that do not close in order; collects text."""

    VOID = ("br", "path", "use", "line", "rect", "meta")

    def __init__(self):
        super().__init__()
        self.open, self.texts = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_a_grid_shows_itself_and_only_the_rows_it_has(tmp_path):
    design = grid("noise", {"source": ["<b>all", "gate"], "scale": [0.0, 1.0, 2.0]}, {}, DEFAULTS)
    file = RowFile(tmp_path / "rows.jsonl")
    for number, cell in enumerate(design.cells()[:5]):
        result = dict.fromkeys(FIGURES, 0.1 * number + 0.01)
        file.add(CellRow(cell.key, cell.kind, cell.values, result, None, 1, 0.1))
    shown = GridResult.read(design, file)._repr_html_()
    parser = Balanced()
    parser.feed(shown)
    assert parser.open == []
    text = "".join(parser.texts)
    assert "Noise study, 5 of 6 cells" in text
    assert "0.41" in text
    assert "<svg" in shown
    assert "<b>" not in shown  # what a user named is text
    assert "<script" not in shown
