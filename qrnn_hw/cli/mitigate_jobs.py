"""`qrnn-hw mitigate JOB...`: expectation values of stored jobs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import typer

from qrnn_hw.cli.output import print_json, print_table

LONGEST_HOURS = 24.0 * 365 * 100


def mitigate_jobs(
    jobs: Sequence[str],
    plan: str | None,
    readout: str | None,
    register: str | None,
    max_age: float,
    shots: int | None,
    explain: bool,
    json: bool,
) -> None:
    """Print <Z> of each bit, raw and under the plan."""
    from jobs.store import Store
    from qrnn_hw.config import store_path
    from qrnn_hw.errors import UsageError
    from qrnn_hw.mitigation.stack_names import parse_stack
    from qrnn_hw.submission.stored_jobs import load_readout, load_scaled

    if explain or plan == "auto":
        raise UsageError(
            "--explain and --plan auto should come with a finished run, whose ideal scores are "
            "known. Got stored jobs; name a plan."
        )
    if not (math.isfinite(max_age) and 0 <= max_age <= LONGEST_HOURS):
        raise UsageError(f"--max-age should be hours of at least 0. Got {max_age}.")
    stack = parse_stack(plan or "none")
    with Store(store_path()) as store:
        scaled = load_scaled(jobs, stack, store, register)
        calibration = None
        if readout is not None:
            limit = timedelta(hours=max_age)
            calibration = load_readout(readout, store, scaled, limit)
    document = _document(scaled, stack, calibration, shots)
    if json:
        print_json(document)
    else:
        _print(document)


def _document(scaled: Any, stack: Any, calibration: Any, shots: int | None) -> dict[str, Any]:
    from dataclasses import replace

    from qrnn_hw.mitigation.stack import Stack
    from qrnn_hw.submission.stored_jobs import mitigated, to_json

    used, values = mitigated(scaled, stack, calibration, shots)
    # The raw value gets the shots of all scale factors, as far as its job has them.
    first = replace(scaled, bits=scaled.bits[:1])
    (raw_shots,), raw = mitigated(first, Stack(), None, min(sum(used), scaled.stored_shots[0]))
    return {
        "plan": stack.name,
        "jobs": list(scaled.keys),
        "register": scaled.register,
        "shots": {"plan": list(used), "raw": raw_shots},
        "values": [
            {
                "circuit": circuit,
                "row": row,
                "bit": bit,
                "raw": to_json(before, row, bit),
                "mitigated": to_json(after, row, bit),
            }
            for circuit, (before, after) in enumerate(zip(raw, values, strict=True))
            for row in range(after.value.shape[0])
            for bit in range(after.value.shape[1])
        ],
    }


def _print(document: dict[str, Any]) -> None:
    shots = document["shots"]
    typer.echo(
        f"<Z> of the bits of {document['register']}, from stored bits; {document['plan']} with "
        f"{' + '.join(map(str, shots['plan']))} shots a row, raw with {shots['raw']}"
    )
    print_table(
        ("circuit", "row", "bit", "raw", document["plan"], "95 % interval"),
        [
            (
                one["circuit"],
                one["row"],
                one["bit"],
                f"{one['raw']['value']:.4f} +- {one['raw']['standard_error']:.4f}",
                f"{one['mitigated']['value']:.4f} +- {one['mitigated']['standard_error']:.4f}",
                f"{one['mitigated']['low']:.4f} to {one['mitigated']['high']:.4f}",
            )
            for one in document["values"]
        ],
    )
