"""Test accuracy over five splits and seeds, beside classical classifiers on the same rows.

Run by `make accuracy`; writes build/accuracy.json and prints the table kept in docs/accuracy.md.
"""

import json
from pathlib import Path

import numpy as np

from qrnn_hw.data.target import TWO_CLASSES, score
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.experiment.prepare import prepare
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.statistics.intervals import mean_interval
from qrnn_hw.training.trainer import start, train

SEEDS = range(5)
TARGETS = {("uci", "dynamic-line"): 0.77, ("amazon", "dynamic-line"): 0.70}
SHOTS = 1000


def one(dataset: str, model: str, seed: int) -> tuple[dict[str, float], int]:
    """Train once and return the test accuracies by name, and the number of parameters."""
    settings = RunSettings(model=model, dataset=dataset, seed=seed)
    prepared = prepare(settings, settings.read(), Quiet())
    training, task = prepared.training, prepared.task
    stepper = training.stepper()
    state = train(stepper, settings.training, start(stepper, training.initial))
    trained = training.trained(state)
    decision, encoded = trained.coefficients, trained.encoded(task.test)
    labels = task.test.known_targets
    noisy, ideal = (
        exact_distributions(engine, encoded)
        for engine in (prepared.circuit.noisy, prepared.circuit.ideal)
    )
    draws = np.random.default_rng(seed).multinomial(SHOTS, noisy / noisy.sum(1, keepdims=True))
    found = {
        f"{model}, noise": score(TWO_CLASSES, noisy @ decision, labels),
        f"{model}, noise, {SHOTS:,} shots": score(TWO_CLASSES, draws @ decision, labels),
        f"{model}, no noise": score(TWO_CLASSES, ideal @ decision, labels),
    }
    if model == "dynamic-line":
        for control in task.classical(n_parameters=trained.n_parameters, seed=seed):
            found[control.name] = control.accuracy
    return found, trained.n_parameters


def main() -> None:
    """Run all, print the table, write the rows."""
    rows = []
    for dataset in ("uci", "amazon"):
        gathered: dict[str, list[float]] = {}
        for model in ("dynamic-line", "stacked-3-minimal"):
            for seed in SEEDS:
                for name, value in one(dataset, model, seed)[0].items():
                    gathered.setdefault(name, []).append(value)
        for name, values in gathered.items():
            interval = mean_interval(np.array(values))
            target = next(
                (t for (d, m), t in TARGETS.items() if d == dataset and name == f"{m}, noise"), None
            )
            rows.append(
                {
                    "name": f"{dataset}: {name}",
                    "measured": interval.value,
                    "low": interval.low,
                    "high": interval.high,
                    "values": values,
                    "target": target,
                    "holds": target is None or interval.value >= target,
                }
            )
            print(
                f"| {dataset} | {name} | {interval.value:.3f} | {interval.low:.3f} to "
                f"{interval.high:.3f} | {'' if target is None else target} |",
                flush=True,
            )
    Path("build").mkdir(exist_ok=True)
    Path("build/accuracy.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
