"""Groups of rows of a benchmark, each in a process of its own, some of them side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any


def side_by_side(
    rows_of: Callable[[str], list[dict[str, Any]]],
    names: Sequence[str],
    path: Path,
    workers: int = 2,
) -> None:
    """Run the groups and write the rows in their order, after each group those that are known.

    Args:
        rows_of: runs the group of a name; found by a new process under its own name.
        names: of all groups, the longest first, so that none is left alone at the end.
        path: of the rows.
        workers: groups at a time.
    """
    began, found = time.monotonic(), {}
    path.parent.mkdir(exist_ok=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        sent = {pool.submit(rows_of, name): name for name in names}
        for one in as_completed(sent):
            found[sent[one]] = one.result()
            rows = [row for name in names for row in found.get(name, ())]
            path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(f"{time.monotonic() - began:.0f} s")
