import json

import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.decisions import DecisionRule
from qrnn_hw.studies.shot_findings import summarise
from qrnn_hw.studies.shots import ShotStudy, ShotStudyPlan, study_shots

RULE = DecisionRule((0.0, 2.0, -2.0, 0.0))
PLAN = ShotStudyPlan((1, 10, 100, 1000), n_repeats=60, delta=0.05, max_shots=20_000, seed=3)


def conditions(n: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A noisy copy that is contracted and shifted, and labels that follow the ideal one mostly."""
    rng = np.random.default_rng(seed)
    ideal = rng.dirichlet(np.full(4, 3.0), n)
    noisy = 0.7 * ideal + 0.3 * np.array([0.5, 0.1, 0.3, 0.1])
    labels = (ideal @ RULE.steps + rng.normal(0, 0.4, n) > 0).astype(int)
    return {"ideal": ideal, "noisy": noisy}, labels


@pytest.fixture(scope="module")
def study() -> ShotStudy:
    return study_shots(*conditions(60, 1), RULE, PLAN)


def test_parts_add_up_to_the_whole_in_either_order(study: ShotStudy) -> None:
    tables, labels = conditions(60, 1)
    parts = [
        study_shots(
            {name: table[part] for name, table in tables.items()}, labels[part], RULE, PLAN, part
        )
        for part in (np.arange(0, 25), np.arange(25, 60))
    ]
    assert parts[0] + parts[1] == study
    assert parts[1] + parts[0] == study


def test_unlike_or_overlapping_parts_do_not_add(study: ShotStudy) -> None:
    other = study_shots(*conditions(2, 1), RULE, ShotStudyPlan((1, 10)))
    with pytest.raises(UsageError, match="one plan and one decision rule"):
        study + other
    with pytest.raises(UsageError, match="Got input 0 under 'ideal' twice"):
        study + study


def test_json_there_and_back_is_the_same_study(study: ShotStudy) -> None:
    text = json.dumps(study.to_json(), allow_nan=False)
    assert ShotStudy.from_json(json.loads(text)) == study


def test_draws_follow_the_exact_law(study: ShotStudy) -> None:
    drawn = np.stack([row.drawn(PLAN.n_repeats) for row in study.rows])
    predicted = np.array([row.predicted for row in study.rows])
    flips = np.array([row.flip_probabilities for row in study.rows])
    measured = (drawn != predicted[:, None, None]).mean(axis=2)
    for index in range(len(PLAN.shot_counts)):
        p = flips[:, index]
        sd = np.sqrt((p * (1 - p)).sum() / PLAN.n_repeats) / len(p)
        assert measured[:, index].mean() == pytest.approx(p.mean(), abs=4 * sd + 1e-9)


def test_certainty_agrees_with_the_flip_probabilities(study: ShotStudy) -> None:
    for row in study.rows:
        for shots, flip in zip(PLAN.shot_counts, row.flip_probabilities, strict=True):
            if row.exact_shots <= shots:
                assert flip <= PLAN.delta + 1e-9
        assert row.exact_shots <= max(2, row.hoeffding_shots) or row.exact_shots == np.inf


def test_summary_of_the_set(study: ShotStudy) -> None:
    summary = json.loads(json.dumps(summarise(study, "ideal"), allow_nan=False))
    ideal = summary["conditions"]["ideal"]
    assert ideal["n_inputs"] == 60
    rates = [point["flip_rate"]["value"] for point in ideal["shots"]]
    assert rates == sorted(rates, reverse=True)
    for point in ideal["shots"]:
        error = 4 * point["accuracy_sd"] / np.sqrt(PLAN.n_repeats) + 1e-9
        assert point["accuracy_drawn"]["value"] == pytest.approx(point["accuracy_mean"], abs=error)
        assert point["certain"]["value"] + point["undecided"]["value"] == pytest.approx(1)
        assert point["luck"] >= 0
    assert sum(ideal["margin_histogram"]["counts"]) == 60
    assert ideal["abstention"][-1]["accuracy"] == ideal["infinite_shot_accuracy"]


def test_noise_that_shifts_the_margin_certifies_changed_labels(study: ShotStudy) -> None:
    (comparison,) = summarise(study, "ideal")["comparisons"]
    tables, _ = conditions(60, 1)
    changed = (tables["ideal"] @ RULE.steps > 0) != (tables["noisy"] @ RULE.steps > 0)
    assert comparison["label_changed"]["value"] == pytest.approx(changed.mean())
    assert changed.mean() > 0
    assert comparison["certain_of_changed_label"]["value"] > 0
    assert comparison["p_value_holm"] == comparison["mcnemar"]["p_value"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ShotStudyPlan((10, 1)), "shot counts rise"),
        (lambda: ShotStudyPlan((1,), n_repeats=1), "two repeats or more"),
        (lambda: study_shots({"a": np.full((2, 4), 0.25)}, [0, 2], RULE, PLAN), "0 or 1"),
        (lambda: study_shots({"a": np.full((2, 4), 0.25)}, [0, 1, 1], RULE, PLAN), "Got 2 under"),
        (lambda: summarise(study_shots(*conditions(3, 4), RULE, PLAN), "b"), "ideal, noisy.*'b'"),
    ],
)
def test_misuse_is_one_clear_line(call: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()  # type: ignore[operator]
