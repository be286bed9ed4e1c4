"""`qrnn-hw mitigate`: a finished run's stored bits, mitigated again offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qrnn_hw.cli.output import Json, print_json, print_table

if TYPE_CHECKING:
    from qrnn_hw.mitigation.plan import MitigationPlan
    from qrnn_hw.recompute import Recomputed

LABELS = {
    "ideal": "no noise, infinite shots",
    "noisy": "raw",
    "readout": "readout corrected",
    "zne": "readout corrected and extrapolated to zero noise",
    "threshold": "raw, threshold moved",
}


def mitigate(
    run: Annotated[
        Path, typer.Option(help="Folder of a finished `qrnn-hw run` (its --output).")
    ] = Path("runs/latest"),
    shots: Annotated[
        int | None, typer.Option(help="Use only so many of the stored shots per prediction.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Forecast every stack under the machine's reported noise."),
    ] = False,
    json: Json = False,
) -> None:
    """Recompute each stack of a finished run at equal total shots; nothing is run."""
    from jobs.store import Store
    from qrnn_hw.config import store_path
    from qrnn_hw.evaluate import plan_shots
    from qrnn_hw.forecast import forecast
    from qrnn_hw.recompute import ideal_scores, recompute
    from qrnn_hw.stored_run import open_run

    with Store(store_path()) as store:
        stored = open_run(run, store)
    found, plan = recompute(stored, shots), None
    if explain:
        prepared = stored.prepared
        calibration_shots = plan_shots(found.shots, len(prepared.test)).calibration
        plan = forecast(
            prepared.transpiled,
            prepared.noise,
            stored.weights,
            prepared.test,
            shots=found.shots,
            ideal=ideal_scores(stored),
            terminal=stored.measured(calibration_shots).calibration,
        )
    if json:
        print_json(_document(run, found, plan))
    else:
        _print(found, plan)


def _print(found: Recomputed, plan: MitigationPlan | None) -> None:
    typer.echo(f"{found.shots:,} shots per prediction for every stack, from stored bits")
    print_table(
        ("", "accuracy", "95 % interval", "labels unlike ideal", "mean score error"),
        [
            (
                LABELS[row.stack] + (f" to {found.threshold:+.3f}" * (row.stack == "threshold")),
                f"{row.accuracy.value:.3f}",
                f"{row.accuracy.low:.3f} to {row.accuracy.high:.3f}",
                f"{row.flips:.1%}",
                "" if row.score_error is None else f"{row.score_error:.4f}",
            )
            for row in found.rows
        ],
    )
    if plan is not None:
        typer.echo("forecast of every stack, from the reported noise (not from the stored bits)")
        typer.echo(plan.explain())


def _document(run: Path, found: Recomputed, plan: MitigationPlan | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "run": str(run),
        "shots": found.shots,
        "threshold": found.threshold,
        "stacks": {row.stack: row.to_json() for row in found.rows},
    }
    if plan is not None:
        document["plan"] = {
            "chosen": plan.stack.name,
            "least_gain": plan.least_gain,
            "forecasts": [
                {
                    "stack": item.stack.name,
                    "n_circuits": item.n_circuits,
                    "squared_bias": item.squared_bias,
                    "variance": item.variance,
                    "rmse": item.rmse,
                }
                for item in plan.forecasts
            ],
            "declined": [
                {"stack": item.stack.name, "reason": item.reason} for item in plan.declined
            ],
        }
    return document
