"""The twin machine, and what promises are worth on it.

Run by `make bench-twin`; writes build/bench-twin.json, a list of {name, measured, before, target,
holds}, and prints the rows as they come. `before` is the same measure without what the row is
about, where there is one. A miss is a row that does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.zoo.dynamic_line import DYNAMIC_LINE
from jobs.aer.recorded_device import active_qubits, on_active_qubits
from jobs.aer.static_rows import exact_distributions
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import circuit_distribution
from jobs.twin.machine import Twin

sys.path.insert(0, str(Path(__file__).parent))
from twin_certificates import certificate_rows
from twin_coverage import coverage_rows
from twin_referees import REFEREES
from twin_repetitions import repetition_rows
from twin_reset import reset_rows

Row = dict[str, object]
TRIALS = 5


def off_rows() -> Iterator[Row]:
    """Yield how far a twin without effects is from the exact engine and from Aer."""
    for name in ("fake_boston", "fake_kingston", "fake_aachen"):
        device = snapshot(name)
        step = transpile_step(DYNAMIC_LINE, device, seed=7)
        engine = aer = 0.0
        for length, seed in ((1, 0), (2, 1), (3, 2)):
            unrolled = step.unroll(length).circuit
            angles = np.random.default_rng(seed).normal(size=unrolled.num_parameters)
            made = step.embed(unrolled.assign_parameters(angles), device.n_qubits)
            out = next(one for one in made.cregs if one.name == "out")
            keep = [made.find_bit(bit).index for bit in out]
            found = Twin(device, seed=seed).distribution(made, keep=keep)
            physical = active_qubits([made])
            small, noise = on_active_qubits(made, physical), DeviceNoise(device.restrict(physical))
            engine = max(engine, np.abs(found - circuit_distribution(small, noise, keep)).max())
            (other,) = exact_distributions([small], noise, keep)
            aer = max(aer, np.abs(found - other).max())
        yield _row(f"{name}, effects off: off the exact engine", engine, None, 1e-12)
        yield _row(f"{name}, effects off: off Aer's density matrix", aer, None, 1e-10)


def effect_rows() -> Iterator[Row]:
    """Yield how far each effect is from its equation, at strengths and machines drawn anew."""
    for place, (name, deviation) in enumerate(REFEREES.items()):
        generator = np.random.default_rng([place, 2026])
        worst = max(deviation(generator, int(generator.integers(10**6))) for _ in range(TRIALS))
        yield _row(f"{name}: off its equation, {TRIALS} strengths", worst, None, 1e-11)


def _row(name: str, measured: float, before: float | None, target: float) -> Row:
    """Return a row of a number that should be at most its target."""
    return {
        "name": name,
        "measured": float(measured),
        "before": before,
        "target": target,
        "holds": bool(measured <= target),
    }


GROUPS = {
    "off": off_rows,
    "effects": effect_rows,
    "reset": reset_rows,
    "coverage": coverage_rows,
    "repetitions": repetition_rows,
    "certificates": certificate_rows,
}


def main() -> None:
    """Run all groups, or one and write no file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=GROUPS)
    only = parser.parse_args().only
    path, found, began = Path("build/bench-twin.json"), [], time.perf_counter()
    for name, rows in GROUPS.items():
        if only not in (None, name):
            continue
        for row in rows():
            print(json.dumps(row), flush=True)
            found.append(row)
            if only is None:
                path.parent.mkdir(exist_ok=True)
                path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
