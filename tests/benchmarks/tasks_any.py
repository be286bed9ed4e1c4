"""Any sequence, any target: digits, vowels, forecasts, reservoirs and sentences beside baselines.

Run by `make bench-tasks`; writes build/bench-tasks.json, a list of {name, measured, baseline,
target, holds}, and prints the rows as they come. Every network is trained under FakeBoston's noise
unless its row says ideal, and tested on its exact readings under the same. `--only GROUP` runs one
group and writes no file; `--seeds N` takes fewer seeds. A miss is a row that does not hold.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from groups import side_by_side
from tasks_classes import digits, sentences, vowels
from tasks_forecasts import forecasts, forecasts_from_shots
from tasks_network import Device, Row
from tasks_reservoirs import reservoirs

SEEDS = 5


def predictions(device: Device, seeds: int) -> Iterator[Row]:
    """Yield what `predict --shots auto` promises, a thousand times over."""
    from predictions import rows

    yield from rows()


def own_cell(device: Device, seeds: int) -> Iterator[Row]:
    """Yield the way of a user's own cell: run, study, estimate, and submit to a service."""
    from own_cell import row

    yield row()


def odd_files(device: Device, seeds: int) -> Iterator[Row]:
    """Yield how many files that are odd but usual are read, or refused in one line."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider"]
    found = subprocess.run(
        [*command, "tests/qrnn_hw/data/test_odd_files.py"], capture_output=True, text=True
    )
    said = found.stdout.strip().splitlines()[-1] if found.stdout.strip() else "nothing"
    passed = re.search(r"(\d+) passed", said)
    n_passed = int(passed.group(1)) if passed else 0
    yield {
        "name": "odd but usual files: read, or refused in one line",
        "measured": {"passed": n_passed, "said": said},
        "baseline": {},
        "target": "at least 60, none failed",
        "holds": found.returncode == 0 and n_passed >= 60,
    }


GROUPS: dict[str, Callable[[Device, int], Iterator[Row]]] = {
    "forecasts": forecasts,
    "digits": digits,
    "reservoirs": reservoirs,
    "vowels": vowels,
    "predictions": predictions,
    "sentences": sentences,
    "own-cell": own_cell,
    "odd-files": odd_files,
}

BY_NAME = {"forecasts-from-shots": forecasts_from_shots}
"""As long as the forecasts, and run by `--only` alone."""


def rows_of(name: str, seeds: int) -> list[Row]:
    """Run a group and return its rows, printed as they come, with its CPU seconds in each."""
    warnings.filterwarnings("ignore")
    began, found = time.process_time(), []
    for row in (GROUPS | BY_NAME)[name](Device(), seeds):
        found.append(row | {"group": name, "seeds": seeds})
        print(json.dumps(found[-1]), flush=True)
    print(f"{name}: {time.process_time() - began:.0f} s of CPU", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Run the groups side by side and write the rows in their order."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=[*GROUPS, *BY_NAME], help="one group of rows")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--workers", type=int, default=2, help="groups at a time")
    chosen = parser.parse_args()
    if chosen.only is not None:
        rows_of(chosen.only, chosen.seeds)
        return
    each = partial(rows_of, seeds=chosen.seeds)
    side_by_side(each, list(GROUPS), Path("build/bench-tasks.json"), chosen.workers)


if __name__ == "__main__":
    main()
