"""What the documentation tells the reader to type is run as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
            yield "console", "".join(re.findall(r"^\$ (.*\n)", body, re.M))


@pytest.mark.parametrize(
    "pages", [TUTORIALS, ["how-to/scikit-learn.md"], ["how-to/mitigate-your-own-circuit.md"]]
)
def test_every_command_and_line_of_a_page_runs(pages, tmp_path):
    script, python = ["set -e"], ""
    for number, (language, body) in enumerate(steps(pages)):
        if language == "console":
            script.append(body)
            continue
        python += body  # later blocks use the names of earlier ones
        source = tmp_path / f"block{number}.py"
        source.write_text(python, encoding="utf-8")
        script.append(f"{sys.executable} {source}")
    assert len(script) > 1
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "QRNN_HW_HOME": str(tmp_path / "home"),
    }
    command = ["bash", "-c", "\n".join(script)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
