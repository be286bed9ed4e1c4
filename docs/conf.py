"""Sphinx: `make docs` writes build/docs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import command_help

from qrnn_hw import __version__

project = "qrnn-hw"
author = "The qrnn-hw developers"
release = version = __version__

extensions = ["myst_parser", "qiskit_sphinx_theme", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "qiskit-ecosystem"
html_title = f"qrnn-hw {release}"
exclude_patterns = ["README.md"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}


def _escape(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep bars and trailing underscores, which docstrings mean literally."""
    lines[:] = [re.sub(r"(?<=\w)_(?=\W|$)", r"\\_", line.replace("|", r"\|")) for line in lines]


def setup(app: Any) -> None:
    """Write the reference of the commands from their own help before Sphinx reads the sources."""
    app.connect("autodoc-process-docstring", _escape, priority=100)
    command_help.write(Path(__file__).parent / "reference" / "commands.md")
