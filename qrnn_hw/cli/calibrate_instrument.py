"""`qrnn-hw calibrate instrument`: what measurements leave behind, whom they reach, and waiting."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qrnn_hw.cli import options
from qrnn_hw.cli.calibration_job import sent, write
from qrnn_hw.cli.numbers import whole
from qrnn_hw.cli.output import Json, print_json, print_table
from qrnn_hw.ranges import MOST_SEED, MOST_SHOTS


def instrument(
    backend: options.Backend,
    qubits: Annotated[str, typer.Option(help="Qubits of the device, such as 0,3,5-7.")],
    effects: options.Effects = None,
    machine_seed: options.MachineSeed = None,
    instruction: Annotated[
        str | None,
        typer.Option(
            help="measure or measure_2; by default what reads within circuits, measure_2 where all "
            "of the qubits have it."
        ),
    ] = None,
    alone: Annotated[
        bool,
        typer.Option(
            "--alone", help="Four circuits only: neighbours and the wait at branches are left out."
        ),
    ] = False,
    shots: Annotated[
        int, whole(1, MOST_SHOTS, help="Shots of each circuit, in ten repetitions.")
    ] = 4000,
    seed: Annotated[int, whole(0, MOST_SEED, help="Of a recorded device's shots.")] = 0,
    budget: options.Budget = None,
    yes: options.Yes = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Measure again, as `calibrate readout --fresh` does.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="Also write the document here.")] = None,
    json: Json = False,
) -> None:
    """Measure what a reading records and leaves behind, what it does to neighbours, and the wait.

    Three readings in a row and with flips between give each qubit's instrument; neighbours in
    superposition show what readings beside them do; branches in a row show the controller's wait.
    `--learned FILE` of `run` and the studies puts all of it into the noise of training and
    forecasts.
    """
    from qrnn_hw.submission.instrument_run import (
        REPETITIONS,
        InstrumentRun,
        instrument_document,
        instrument_workload,
        read_by,
    )
    from qrnn_hw.submission.machine import chosen_backend, open_machine
    from qrnn_hw.submission.readout_run import parse_qubits

    machine, chosen = (
        open_machine(chosen_backend(backend, effects, machine_seed)),
        parse_qubits(qubits),
    )
    machine.snapshot.restrict(chosen)
    read = instruction or read_by(machine.snapshot, chosen)
    run = InstrumentRun(machine.snapshot, chosen, read, beside=not alone)
    document = sent(
        machine,
        instrument_workload(machine, run),
        lambda key, store: instrument_document(key, store, run),
        (-(-shots // REPETITIONS), seed, budget, yes, fresh),
    )
    write(document, output)
    if json:
        print_json(document)
        return
    _print_instrument(document)


def _print_instrument(document: dict[str, Any]) -> None:
    typer.echo(
        f"{document['backend']}, {document['instruction']}, {document['measured_at']}, "
        f"job {document['job'][:12]}"
    )
    print_table(
        ("qubit", "P(1 | 0)", "P(0 | 1)", "0 left in 1", "1 left in 0", "leaves both", "fit"),
        [
            (
                one["qubit"],
                f"{one['p01']:.4f} +- {one['p01_standard_error']:.4f}",
                f"{one['p10']:.4f} +- {one['p10_standard_error']:.4f}",
                f"{one['left_in_1_of_0']:.4f}",
                f"{one['left_in_0_of_1']:.4f}",
                f"{one['leaves']:.4f} +- {one['leaves_standard_error']:.4f}",
                "good" if one["fit_p_value"] > 0.001 else "poor: more happens than this",
            )
            for one in document["qubits"]
        ],
    )
    if document["crosstalk"]:
        print_table(
            ("measured", "neighbour", "Z with", "phase, rad"),
            [
                (
                    one["measured"],
                    one["neighbour"],
                    f"{one['dephasing']:.4f} +- {one['dephasing_standard_error']:.4f}",
                    f"{one['phase']:.4f} +- {one['phase_standard_error']:.4f}",
                )
                for one in document["crosstalk"]
            ],
        )
    if document["repetitions"]["disagree"]:
        typer.echo(
            "the machine changed while the job ran: its repetitions scatter "
            f"{document['repetitions']['scatter_over_shots']:.1f} times as much as shots explain, "
            "and so do these numbers"
        )
    wait, error = document["branch_wait_seconds"], document["branch_wait_standard_error"]
    if wait is not None:
        typer.echo(f"wait at a branch: {1e6 * wait:.2f} +- {1e6 * error:.2f} us")
