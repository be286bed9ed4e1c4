"""`qrnn-hw estimate`: what a job would cost."""

from __future__ import annotations

from jobs.counted import counted
from qrnn_hw.cli import options
from qrnn_hw.cli.output import Json, print_json, print_table
from qrnn_hw.cli.preflight import assessed


def estimate(
    source: options.Source,
    backend: options.Backend,
    effects: options.Effects = None,
    machine_seed: options.MachineSeed = None,
    option: options.ModelOptions = None,
    steps: options.Steps = 10,
    rows: options.Rows = 1,
    shots: options.Shots = 1000,
    seed: options.Seed = 0,
    placement: options.Placement = "level-3",
    tiles: options.Tiles = None,
    guard: options.Guard = None,
    rep_delay: options.RepDelay = None,
    json: Json = False,
) -> None:
    """Price a model or a circuit file: QPU seconds as a range, and the share of the plan."""
    from jobs.preflight import require
    from qrnn_hw.submission.machine import chosen_backend

    (verdict,) = assessed(
        source,
        chosen_backend(backend, effects, machine_seed),
        options=option or (),
        steps=steps,
        rows=rows,
        shots=shots,
        seed=seed,
        mode="job",
        placement=placement,
        tiles=tiles,
        guard=guard,
        rep_delay=rep_delay,
    )
    require(verdict.circuit_findings)
    document = verdict.to_json()
    if json:
        print_json({name: document[name] for name in document if name not in ("ok", "findings")})
        return
    cost, left = document["estimate"], document["plan"]["remaining_seconds"]
    share = document["share_of_plan"]
    print_table(
        ("", ""),
        [
            ("circuit", f"{document['source']} on {document['backend']}"),
            ("longest path", f"{1e6 * cost['longest_path_seconds']:.1f} us"),
            ("between two shots", _waiting(document["rep_delay"])),
            ("executions", f"{cost['executions']:,} in {counted(document['n_jobs'], 'job')}"),
            ("QPU seconds, best", f"{cost['best_seconds']:.1f}"),
            *_sending(document["sending_seconds"]),
            ("low to high", f"{cost['low_seconds']:.1f} to {cost['high_seconds']:.1f}"),
            (
                "share of a fresh Open plan" if left is None else f"share of the {left:.0f} s left",
                "nothing is left" if share is None else f"{share:.1%}",
            ),
        ],
    )


def _waiting(delay: dict[str, float]) -> str:
    """Return the time between two shots, and what an excitation keeps of it by then."""
    return (
        f"{delay['microseconds']:g} us; a qubit that a reset missed keeps up to "
        f"{delay['left_of_excitation']:.0%} of an excitation"
    )


def _sending(seconds: float) -> list[tuple[str, str]]:
    """Return the line on how long the service takes to take the jobs, where that is noticed."""
    return [("minutes to send the jobs", f"{seconds / 60:.0f} or more")] if seconds else []
