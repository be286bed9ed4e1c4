"""What the rows of a shot study say about the set: curves, shares and comparisons."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.comparison import accuracy_difference, holm, mcnemar
from qrnn_hw.statistics.curves import (
    abstention_curve,
    accuracy_law,
    correct_probabilities,
    selection_luck,
)
from qrnn_hw.statistics.intervals import mean_interval, mean_share, wilson
from qrnn_hw.statistics.reliability import brier, expected_calibration_error, reliability_bins
from qrnn_hw.studies.shots import InputRow, ShotStudy, ShotStudyPlan

COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def summarise(study: ShotStudy, reference: str | None = None) -> dict[str, Any]:
    """Return the set's quantities under each condition, and each against a reference condition.

    Every interval is at 95 %: Wilson for shares, Student over repeats, BCa bootstrap over inputs
    for flip rates and Brier scores, paired percentile bootstrap for differences of accuracy.

    Args:
        study: rows of at least two inputs; conditions that are compared hold the same inputs.
        reference: the condition that the others are compared with, such as "ideal"; the first in
            alphabetical order if not given.

    Raises:
        UsageError: if the reference is not in the study, or the conditions' inputs differ.
    """
    conditions = study.conditions
    reference = conditions[0] if reference is None else reference
    if reference not in conditions:
        raise UsageError(
            f"the reference is one of the study's conditions, {', '.join(conditions)}. "
            f"Got {reference!r}."
        )
    return {
        "plan": asdict(study.plan),
        "reference": reference,
        "conditions": {name: _condition(study.under(name), study.plan) for name in conditions},
        "comparisons": _comparisons(study, reference),
    }


def _condition(rows: tuple[InputRow, ...], plan: ShotStudyPlan) -> dict[str, Any]:
    labels = np.array([row.label for row in rows])
    predicted = np.array([row.predicted for row in rows])
    margin = np.array([row.margin for row in rows])
    stated = np.array([row.stated for row in rows])
    needed = np.array([row.exact_shots for row in rows])
    right, n = predicted == labels, len(rows)
    largest = float(np.abs(margin).max()) or 1.0
    histogram, edges = np.histogram(margin, bins=20, range=(-largest, largest))
    middle = float(np.quantile(needed, 0.5, method="higher"))
    return {
        "n_inputs": n,
        "infinite_shot_accuracy": wilson(int(right.sum()), n).to_json(),
        "shots": _shot_curve(rows, labels, predicted, plan),
        "median_shots_for_certainty": middle if np.isfinite(middle) else None,
        "beyond_max_shots": wilson(int(np.isinf(needed).sum()), n).to_json(),
        "abstention": [
            {"coverage": coverage, "accuracy": interval.to_json()}
            for coverage, interval in zip(
                COVERAGES, abstention_curve(margin, right, COVERAGES), strict=True
            )
        ],
        "margin_histogram": {"counts": histogram.tolist(), "edges": edges.tolist()},
        "brier": brier(stated, labels, seed=plan.seed).to_json(),
        "calibration_error": expected_calibration_error(stated, labels).to_json(),
        "reliability": [
            {"stated": one.stated, "observed": one.observed.to_json()}
            for one in reliability_bins(stated, labels)
        ],
    }


def _shot_curve(
    rows: tuple[InputRow, ...], labels: NDArray[Any], predicted: NDArray[Any], plan: ShotStudyPlan
) -> list[dict[str, Any]]:
    flips = np.array([row.flip_probabilities for row in rows])
    drawn = np.stack([row.drawn(plan.n_repeats) for row in rows])  # (inputs, counts, repeats)
    curve = []
    for index, shots in enumerate(plan.shot_counts):
        flip = flips[:, index]
        law = accuracy_law(correct_probabilities(flip, predicted, labels))
        accuracies = (drawn[:, index] == labels[:, None]).mean(axis=0)
        luck = selection_luck(accuracies)
        certain = int((flip <= plan.delta).sum())
        curve.append(
            {
                "shots": shots,
                "flip_rate": mean_share(flip, seed=plan.seed).to_json(),
                "flip_rate_drawn": float((drawn[:, index] != predicted[:, None]).mean()),
                "disagreement": float((2 * flip * (1 - flip)).mean()),
                "certain": wilson(certain, len(rows)).to_json(),
                "undecided": wilson(len(rows) - certain, len(rows)).to_json(),
                "accuracy_mean": law.mean,
                "accuracy_sd": law.sd,
                "accuracy_drawn": mean_interval(accuracies).to_json(),
                "accuracy_sd_drawn": float(accuracies.std(ddof=1)),
                "best_repeat": float(accuracies.max()),
                "luck": luck.best_minus_mean,
                "luck_expected": luck.expected,
            }
        )
    return curve


def _comparisons(study: ShotStudy, reference: str) -> list[dict[str, Any]]:
    base = study.under(reference)
    others = [name for name in study.conditions if name != reference]
    comparisons: list[dict[str, Any]] = []
    for name in others:
        rows = study.under(name)
        if [row.input_id for row in rows] != [row.input_id for row in base]:
            raise UsageError(
                f"conditions are compared on the same inputs. Got {len(base)} under "
                f"{reference!r} and others, {len(rows)}, under {name!r}."
            )
        right, base_right = ([row.predicted == row.label for row in part] for part in (rows, base))
        changed = [row.predicted != one.predicted for row, one in zip(rows, base, strict=True)]
        # These inputs only become more certain of the changed label with more shots.
        certain = [
            one and np.isfinite(row.exact_shots) for one, row in zip(changed, rows, strict=True)
        ]
        test = mcnemar(right, base_right)
        comparisons.append(
            {
                "condition": name,
                "label_changed": wilson(sum(changed), len(rows)).to_json(),
                "certain_of_changed_label": wilson(int(sum(certain)), len(rows)).to_json(),
                "accuracy_difference": accuracy_difference(
                    right, base_right, seed=study.plan.seed
                ).to_json(),
                "mcnemar": asdict(test),
            }
        )
    if comparisons:
        adjusted = holm([one["mcnemar"]["p_value"] for one in comparisons])
        for one, p_value in zip(comparisons, adjusted.tolist(), strict=True):
            one["p_value_holm"] = p_value
    return comparisons
