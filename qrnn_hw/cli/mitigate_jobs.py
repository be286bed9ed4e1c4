"""`qrnn-hw mitigate JOB...`: expectation values of stored jobs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import typer

from qrnn_hw.cli.output import print_json, print_table

LONGEST_HOURS = 24.0 * 365 * 100
RUN_TIMES = {
    "finished": "the end of the run",
    "done": "the end of the run",
    "fetched": "when bits were fetched, since nobody said when they ran",
    "created": "when a job was first stored, since nobody said when it ran",
}


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
    from jobs.store.store import Store
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
        stored = None
        if readout is not None:
            stored = load_readout(readout, store, scaled, timedelta(hours=max_age))
    document = _document(scaled, stack, stored, shots)
    if json:
        print_json(document)
    else:
        _print(document)


def _document(scaled: Any, stack: Any, readout: Any, shots: int | None) -> dict[str, Any]:
    from dataclasses import replace

    from qrnn_hw.mitigation.stack import Stack
    from qrnn_hw.mitigation.zne import extrapolated_by
    from qrnn_hw.submission.stored_jobs import mitigated, to_json

    calibration = None if readout is None else readout.calibration
    used, values = mitigated(scaled, stack, calibration, shots)
    # The raw value gets the shots of all scale factors, as far as its job has them.
    first = replace(scaled, bits=scaled.bits[:1])
    (raw_shots,), raw = mitigated(first, Stack(), None, min(sum(used), scaled.stored_shots[0]))
    return {
        "plan": stack.name,
        "extrapolated_by": None if stack.extrapolation is None else extrapolated_by(),
        "jobs": list(scaled.keys),
        "ran": [_when(one) for one in scaled.ran],
        "readout": None
        if readout is None
        else {
            "job": readout.key,
            **_when(readout.ran),
            "distance_seconds": readout.distance.total_seconds(),
        },
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


def _when(ran: Any) -> dict[str, str]:
    return {"at": ran.at.isoformat(), "kind": ran.kind}


def _print(document: dict[str, Any]) -> None:
    plan, shots = document["plan"], document["shots"]
    # Without a plan the raw values are all there is.
    names = ["raw"] if plan == "none" else ["raw", plan]
    used = "" if plan == "none" else f"{plan} with {' + '.join(map(str, shots['plan']))} shots, "
    typer.echo(
        f"<Z> of the bits of {document['register']}, from stored bits; {used}raw with "
        f"{shots['raw']} shots a row"
    )
    if (readout := document["readout"]) is not None:
        known = {RUN_TIMES[one["kind"]] for one in (readout, *document["ran"])}
        typer.echo(
            f"readout job {readout['job'][:12]} is {readout['distance_seconds'] / 3600:.1f} h from "
            f"the farthest job, by {' or '.join(sorted(known))}"
        )
    print_table(
        ("circuit", "row", "bit", *names, "95 % interval"),
        [
            (
                one["circuit"],
                one["row"],
                one["bit"],
                *(
                    f"{value['value']:.4f} +- {value['standard_error']:.4f}"
                    for value in (one["raw"], one["mitigated"])[: len(names)]
                ),
                f"{one['mitigated']['low']:.4f} to {one['mitigated']['high']:.4f}",
            )
            for one in document["values"]
        ],
    )
