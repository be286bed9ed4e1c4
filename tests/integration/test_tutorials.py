"""What the documentation tells the reader to type is run as it stands."""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from qrnn_hw.cli import invoke

ROOT = Path(__file__).parents[2]
TUTORIALS = ["tutorials/hold-still.md", "tutorials/ten-minutes.md"]
"""In this order: the second one goes on with the run of the first."""


def steps(pages):
    """Yield (language, text) of each block of pages that the reader runs, in order."""
    text = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in pages)
    for language, body in re.findall(r"^```(python|console)\n(.*?)^```$", text, re.S | re.M):
        if language == "python":
            yield "python", body
        else:
            yield from (("console", line) for line in re.findall(r"^\$ (.*)\n", body, re.M))


@pytest.mark.parametrize(
    "pages",
    [
        TUTORIALS,
        pytest.param(["tutorials/own-cell.md"], marks=pytest.mark.slow),
        pytest.param(["tutorials/digits.md"], marks=pytest.mark.slow),
        pytest.param(["tutorials/front-door.md"], marks=pytest.mark.slow),
        ["how-to/scikit-learn.md"],
        ["how-to/targets.md"],
        ["how-to/own-data.md"],
        ["how-to/mitigate-your-own-circuit.md"],
    ],
)
def test_every_command_and_line_of_a_page_runs(pages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    programs = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    names = {"__name__": "__main__"}  # later blocks use the names of earlier ones
    found = 0
    for language, body in steps(pages):
        found += 1
        if language == "python":
            exec(compile(body, pages[-1], "exec"), names)
            continue
        # In this process: that a command ends with its code in one of its own is tested elsewhere.
        program, *arguments = shlex.split(body)
        assert program == "qrnn-hw"
        assert invoke(arguments) == 0, body
    assert found


def test_the_block_of_the_front_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    good, bad = ("great", "excellent", "nice"), ("awful", "terrible", "broken")
    nouns = ("sound", "case", "price", "screen", "camera")
    rows = [
        f"{label}\t{word} {noun}"
        for label, words in (("good", good), ("bad", bad))
        for word in words
        for noun in nouns
    ]
    Path("reviews.tsv").write_text("label\ttext\n" + "\n".join(rows) + "\n")
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", page, re.S | re.M)
    names = {"__name__": "__main__"}
    exec(compile(block.replace("epochs=20", "epochs=2"), "README.md", "exec"), names)
    outcome = names["outcome"]
    assert list(outcome.accuracy) == ["ideal", "noisy_exact", "none", "linear(1,3) + terminal"]
    assert "great sound" not in outcome._repr_html_()  # findings, not rows
    assert "GRU" in outcome._repr_html_()
    assert "QPU time" in str(names["plan"])
