"""Measure what mitigation must reach; writes build/bench-mitigation.json, one row for each claim.

Every value is exact for the noise (the referee of the tests), except where shots are drawn from
exact distributions. Run from the root of the repository: python tests/benchmarks/mitigation.py
"""

import time
from pathlib import Path

from mitigation_canaries import canary_rows
from mitigation_family import Family
from mitigation_methods import (
    REFERENCE_SEED,
    folding_rows,
    readout_rows,
    refusal_rows,
    structure_rows,
    terminal_rows,
)
from mitigation_plans import (
    budget_rows,
    candidate_row,
    choice_rows,
    fixed_target_rows,
    miscalibrated_rows,
    polynomial_row,
    reuse_row,
)
from rows import at_most, write_as_they_come

OUTPUT = Path(__file__).resolve().parents[2] / "build" / "bench-mitigation.json"
OTHER_SEED = 29
HELD_OUT = range(201, 211)  # families that no choice of the package was made on
MOST_SECONDS = 900


def rows():
    start = time.perf_counter()
    yield from terminal_rows()
    for seed in (REFERENCE_SEED, OTHER_SEED):
        family = Family(seed)
        for part in (folding_rows, structure_rows, readout_rows, budget_rows, polynomial_row):
            yield from part(family)
        yield from choice_rows([family], family.label)
        yield from miscalibrated_rows(seed)
        yield from canary_rows(seed)
        yield from reuse_row(family)
    yield from refusal_rows(family)
    held_out = [Family(seed) for seed in HELD_OUT]
    yield from choice_rows(held_out, "held-out families")
    yield from fixed_target_rows(held_out)
    yield from candidate_row(held_out)
    yield at_most("whole benchmark (s)", time.perf_counter() - start, MOST_SECONDS)


def main():
    found = write_as_they_come(rows(), OUTPUT)
    print(f"{sum(item['holds'] for item in found)} of {len(found)} hold; written to {OUTPUT}")


if __name__ == "__main__":
    main()
