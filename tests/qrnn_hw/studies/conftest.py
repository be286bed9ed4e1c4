import re
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def documented_columns():
    """Return the names that the documentation gives columns of rows.csv."""
    page = (Path(__file__).parents[3] / "docs" / "studies.md").read_text(encoding="utf-8")
    section = page.split("## Columns of rows.csv")[1].split("\n## ")[0]
    return set(re.findall(r"`(\w+)`", section))
