"""Predictions that hold still: 200 sentences with `--shots auto --delta 0.01`, 1,000 times over.

Writes build/bench-predictions.json: the share of named labels that differ from those of infinitely
many shots, and the shots, beside a fixed number for every sentence with the same guarantee.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

import qrnn_hw as qh
from qrnn_hw.answers.asked_rows import from_texts
from qrnn_hw.answers.prediction import laws
from qrnn_hw.statistics.decisions import UNDECIDED, DecisionRule, decide, infinite_shot_labels
from qrnn_hw.statistics.intervals import mean_share
from qrnn_hw.statistics.sequential import Betting
from qrnn_hw.studies.adaptive import growing_looks, label_in_batches, simulated_draw

SENTENCES, REPEATS, DELTA, MOST = 200, 1000, 0.01, 1_000_000


def rows(epochs: int = 10) -> list[dict[str, object]]:
    """Train on the amazon sentences under noise, and predict the first 200 of yelp's."""
    data = qh.read("amazon")
    with tempfile.TemporaryDirectory() as folder:
        trained = qh.train("dynamic-line", data, epochs=epochs, folder=folder)
        texts = list(qh.read("yelp").text.texts[:SENTENCES])
        law = np.clip(laws(trained.model, from_texts(trained.model, texts), None), 0, None)
    law /= law.sum(axis=1, keepdims=True)
    rule = DecisionRule(tuple(trained.model.trained.decision.tolist()))
    truth = infinite_shot_labels(law, rule)
    draw = simulated_draw(law, REPEATS, 0)
    stopped = label_in_batches(Betting(rule, DELTA), draw, SENTENCES * REPEATS, growing_looks(MOST))
    labels = stopped.labels.reshape(SENTENCES, REPEATS)
    decided = labels != UNDECIDED
    wrong = mean_share((decided & (labels != truth[:, None])).mean(axis=1), seed=0)
    share, spent = float(decided.mean()), float(stopped.shots.mean())
    fixed = _fixed(law, rule, share)
    return [
        {
            "name": "predict --shots auto --delta 0.01: decided labels that are wrong",
            "measured": wrong.to_json(),
            "baseline": {"decided": share, "sentences": SENTENCES, "repeats": REPEATS},
            "target": DELTA,
            "holds": wrong.high <= DELTA,
        },
        {
            "name": "predict --shots auto: times fewer shots than a fixed number as certain",
            "measured": fixed / spent,
            "baseline": {"mean_shots": spent, "fixed_shots": fixed},
            "target": 3.0,
            "holds": fixed / spent >= 3.0,
        },
    ]


def _fixed(law: np.ndarray, rule: DecisionRule, share: float) -> int:
    """Return the fewest shots for every sentence at which as large a share is certain."""
    shots = 16
    while True:
        generator = np.random.default_rng(shots)
        counts = generator.multinomial(shots, np.repeat(law, 50, axis=0))
        if float((decide(counts, rule, DELTA) != UNDECIDED).mean()) >= share or shots > 1 << 26:
            return shots
        shots = int(shots * 1.25) + 1


def main() -> None:
    """Print and write the rows."""
    found = rows()
    path = Path("build/bench-predictions.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")
    for row in found:
        print(f"{row['name']}: {row['measured']}, target {row['target']}, holds {row['holds']}")


if __name__ == "__main__":
    main()
