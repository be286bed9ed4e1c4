"""Reservoirs: frozen circuits whose head is fitted to the bits of stored jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tasks_network import DEVICE, FIVE, Device, Row

from jobs.aer.executor import AerExecutor
from jobs.runner import run
from jobs.spec import JobSpec
from jobs.store.store import Store
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Numbers
from qrnn_hw.networks.network import Network, network_of
from qrnn_hw.networks.recorded import from_results
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.statistics.forecasts import nrmse
from qrnn_hw.statistics.memory import capacities, delayed
from qrnn_hw.training.reservoir import best_drawn, draw, driven, exact_readings, fit_reservoir
from qrnn_hw.training.ridge import counted

SHOTS = 1000
DRAWS = 24
"""Reservoirs that validation rows choose from."""


def reservoirs(device: Device, seeds: int) -> Iterator[Row]:
    """Yield NARMA10 and short-term memory of a frozen circuit, from shots of stored jobs."""
    from qrnn_hw.data.generators import narma10

    rng, n, window = np.random.default_rng(0), 800, 10
    u = rng.uniform(-1, 1, n)
    series = narma10(n, seed=1)
    tasks = {
        "short-term memory": (u[:, None], delayed(u, 10)),
        "narma10": (4 * series[:, :1] - 1, series[:, 1:]),
    }
    for name, (inputs, targets) in tasks.items():
        steps = StepReadings(1 if name == "short-term memory" else window, degree=3)
        names = tuple(f"y{place}" for place in range(targets.shape[1]))
        target = Numbers(names, per_step=True)
        # What a step puts out is that of the step before: y(t) from u up to t - 1 for narma10.
        network = network_of(FIVE, 1, target=target, steps=steps)
        shift = 0 if name == "short-term memory" else 1
        given = driven(inputs[: n - shift], targets[shift:], n_steps=40, washout=window)
        cuts = [int(len(given) * share) for share in (0.6, 0.75)]
        parts = [given.take(rows) for rows in np.split(np.arange(len(given)), cuts)]
        yield _reservoir(name, network, parts, device, window)


def _reservoir(
    name: str, network: Network, parts: list[Sequences], device: Device, washout: int
) -> Row:
    readings, reader = [], network.reader(device.noisy)
    drawn = [draw(network, seed) for seed in range(DRAWS)]
    bare = best_drawn(network, drawn, parts[:2], reader, washout=washout)
    parameters = bare.parameters
    path = Path("build/bench-tasks.sqlite")
    path.unlink(missing_ok=True)
    with Store(path) as store:
        for part in parts:
            pubs = sentence_pubs(device.transpiled, bare.encoded(part))
            spec = JobSpec(pubs.pubs, SHOTS, "aer", DEVICE, seed=5)
            run(spec, AerExecutor(device.noise), store)
            bits = from_results(store.raw(spec.key) or (), pubs.rows, part.lengths)
            readings.append(bits.readings(network.steps or StepReadings(1), per_step=True))
    exact = [exact_readings(network, parameters, part, reader) for part in parts]
    found: dict[str, Any] = {}
    for kind, given in (("shots", readings), ("exact", exact)):
        fitted = fit_reservoir(network, parameters, parts[:2], given[:2], washout=washout)
        outputs, wanted = counted(
            network.target, given[2] @ fitted.coefficients, parts[2].known_targets, washout=washout
        )
        numbers = np.asarray(wanted, dtype=np.float64)
        found[kind] = nrmse(outputs, numbers) if name == "narma10" else capacities(outputs, numbers)
    if name == "narma10":
        measured = {kind: float(one) for kind, one in found.items()}
        # Ridge on the same ten inputs, as many as the head reads steps.
        base = _linear(parts, washout)
        return {
            "name": "reservoir of 5 qubits, narma10: NRMSE from 1,000 shots of stored jobs",
            "measured": measured,
            "baseline": {"ridge on the last ten inputs": base, "mean": 1.0},
            "target": "below 1, the mean; the classical row beside it",
            "holds": measured["shots"] < 1,
        }
    return {
        "name": "reservoir of 5 qubits, short-term memory: capacity from 1,000 shots",
        "measured": {
            kind: {"sum": float(c.sum()), "delays": c.tolist()} for kind, c in found.items()
        },
        "baseline": {"no memory": 0.0},
        "target": "a memory of more than one step",
        "holds": float(found["shots"].sum()) > 1,
    }


def _linear(parts: list[Sequences], washout: int) -> float:
    from sklearn.linear_model import Ridge

    def past(part: Sequences) -> NDArray[np.float64]:
        values, n_steps = part.values[..., 0], part.n_steps
        slid = [values[:, washout - lag : n_steps - lag] for lag in range(washout)]
        return np.stack(slid, axis=-1).reshape(-1, washout)

    fitted = Ridge(1e-6).fit(past(parts[0]), parts[0].known_targets[:, washout:].reshape(-1, 1))
    wanted = parts[2].known_targets[:, washout:].reshape(-1, 1)
    return nrmse(fitted.predict(past(parts[2])).reshape(-1, 1), wanted)
