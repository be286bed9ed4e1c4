"""A calibration's circuits sent as one job, and the document of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.store.store import Store
    from qrnn_hw.submission.machine import Machine
    from qrnn_hw.submission.workload import Workload


def sent(
    machine: Machine,
    workload: Workload,
    document: Callable[[str, Store], dict[str, Any]],
    spent: tuple[int, int, float | None, bool, bool],
) -> dict[str, Any]:
    """Send a calibration, wait for it, and return the document of its job."""
    from jobs.store.store import Store
    from qrnn_hw.cli.submit import send_and_follow
    from qrnn_hw.config import store_path
    from qrnn_hw.submission.assessment import assess, plan_state

    shots, seed, budget, yes, fresh = spent
    verdict = assess(workload, machine, shots=shots, seed=seed, plan=plan_state(machine))
    with Store(store_path()) as store:
        (meant,), _, interrupted = send_and_follow(
            (verdict,), store, budget=budget, yes=yes, fresh=fresh, wait=True
        )
        if interrupted:
            raise SystemExit(130)
        (spec,) = meant.specs
        return document(spec.key, store)


def write(document: dict[str, Any], output: Path | None) -> None:
    """Write a document to a file, where one is named."""
    if output is not None:
        from json import dumps

        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(dumps(document, indent=2) + "\n", encoding="utf-8")
