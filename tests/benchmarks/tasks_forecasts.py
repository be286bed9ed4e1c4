"""Forecasts of six series under FakeBoston's noise, beside classical models and frozen circuits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tasks_network import FIVE, Device, Row, learnt

from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.classical.task_baselines import task_baselines
from qrnn_hw.data.dataset import Dataset, Parts
from qrnn_hw.data.named import read_named
from qrnn_hw.data.reading import read
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.forecasts import nrmse, nrmse_difference
from qrnn_hw.statistics.intervals import Interval
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.reservoir import beside_inputs, exact_readings
from qrnn_hw.training.ridge import choose_head

CO2 = Path(os.environ.get("QRNN_HW_DATA", "../shared/data")) / "timeseries" / "co2_weekly.csv"
"""Weekly carbon dioxide of Mauna Loa, which the package does not carry: `$QRNN_HW_DATA` names a
folder with it; without it there is no such row."""

SERIES: dict[str, dict[str, Any]] = {
    "mackey-glass": {"length": 1200},
    "mackey-glass, 84 steps": {"length": 2400, "horizon": 84, "window": 20},
    "lorenz63": {"length": 1200},
    "narma10": {"length": 1200},
    "sunspots": {},
    "co2": {},
}


def forecasts(device: Device, seeds: int) -> Iterator[Row]:
    """Yield the error of each series, trained and frozen, beside its classical models."""
    for name, given in SERIES.items():
        if name == "co2" and not CO2.exists():
            continue
        data = (
            read(CO2, target=("co2",), window=12, horizon=1, gaps="last")
            if name == "co2"
            else read_named(name.split(",")[0], **given)
        )
        yield forecast(name, data, device, seeds)


def forecast(name: str, data: Dataset, device: Device, seeds: int) -> Row:
    """Return the row of one series."""
    parts, window = data.parts(0), data.sequences.n_steps
    scaling = parts.scaling
    assert scaling is not None  # numbers are
    network = network_of(
        FIVE, data.sequences.dim, target=data.target, steps=StepReadings(window, degree=2)
    )
    options = TrainingOptions(
        15, batch_size=64, learning_rate=0.02, projection_decay=0.0, averaging=0.9
    )
    trained, frozen = learnt(network, device.noisy, parts, options, seeds)
    reader, test = network.reader(device.noisy), parts.test
    wanted = scaling.unscaled(test.known_targets)
    baselines = task_baselines(data, parts, n_parameters=trained[0].n_parameters, seed=0)

    def together(networks: list[TrainedNetwork]) -> NDArray[np.float64]:
        every = [one.outputs(test.values, test.lengths, reader) for one in networks]
        return np.concatenate([scaling.unscaled(one) for one in every], axis=1)

    ours, still = together(trained), together(frozen)
    beside = [_beside_inputs(one, reader, parts) for one in trained]
    still_beside = [_beside_inputs(one, reader, parts) for one in frozen]
    # Which head is the network's is chosen on validation rows, over all seeds.
    held = scaling.unscaled(parts.validation.known_targets)
    alone = [one.outputs(*_given(parts.validation), reader) for one in trained]
    takes_inputs = _mean_nrmse([one[0] for one in beside], held, scaling) < _mean_nrmse(
        alone, held, scaling
    )
    both, still_both = (
        np.concatenate([scaling.unscaled(one[1]) for one in every], axis=1)
        for every in (beside, still_beside)
    )
    tiled = np.tile(wanted, (1, seeds))
    block = min(window + max(1, data.gap), len(wanted) // 2)
    chosen, rival = (both, still_both) if takes_inputs else (ours, still)

    def against(theirs: NDArray[np.float64]) -> Interval:
        return nrmse_difference(chosen, theirs, tiled, block=block, seed=0)

    errors = {one.name: nrmse(_numbers(one, wanted), wanted) for one in baselines}
    last = next(one for one in baselines if one.name.startswith("last value"))
    than_last = against(np.tile(_numbers(last, wanted), (1, seeds)))
    than_frozen = against(rival)
    first = min(errors, key=errors.__getitem__)
    measured = nrmse(chosen, tiled)
    return {
        "name": f"{name}: NRMSE under FakeBoston's noise, {seeds} seeds",
        "measured": {
            "trained": measured,
            "head": "bits and the window's inputs" if takes_inputs else "bits alone",
            "bits alone": nrmse(ours, tiled),
            "bits and the window's inputs": nrmse(both, tiled),
            "first": first if errors[first] < measured else "trained network",
            "less than last value": than_last.to_json(),
            "less than frozen circuit": than_frozen.to_json(),
            "bits alone, less than frozen circuit": nrmse_difference(
                ours, still, tiled, block=block, seed=0
            ).to_json(),
        },
        "baseline": errors
        | {
            "frozen circuit, bits alone": nrmse(still, tiled),
            "frozen circuit, bits and the window's inputs": nrmse(still_both, tiled),
        },
        "target": "below last value and its own frozen circuit with the same head, by intervals",
        "holds": bool(than_last.high < 0 and than_frozen.high < 0),
    }


def _given(rows: Sequences) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    return rows.values, rows.lengths


def _mean_nrmse(outputs: list[NDArray[np.float64]], held: NDArray[np.float64], by: Any) -> float:
    return float(np.mean([nrmse(by.unscaled(one), held) for one in outputs]))


def _beside_inputs(
    one: TrainedNetwork, reader: Any, parts: Parts
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return validation and test outputs of a head on the circuit's bits and the window itself."""
    every = parts.training, parts.validation, parts.test
    read = [
        beside_inputs(exact_readings(one.network, one.parameters, part, reader), part)
        for part in every
    ]
    targets = [part.known_targets for part in every[:2]]
    head, _ = choose_head(one.network.target, read[:2], targets)
    return read[1] @ head, read[2] @ head


def _numbers(one: Baseline, wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(one.predictions, dtype=np.float64).reshape(wanted.shape)
