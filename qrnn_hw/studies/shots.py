"""How many shots until a model's labels hold still: one row per input and condition.

Everything follows from the exact outcome distribution of each input, computed once: the laws in
closed form, and the repeats as multinomial draws from it. Rows of disjoint inputs add up, so that
a study can be run in parts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.certainty import exact_shots, hoeffding_shots, normal_shots
from qrnn_hw.statistics.decisions import (
    DecisionRule,
    check_delta,
    distributions,
    flip_probabilities,
    infinite_shot_labels,
    margins,
    shot_variances,
)

TYPICAL_SHOTS = 1000
LARGEST_SHOTS = 1_000_000_000
"""Beyond this the law of the vote is not computed exactly."""

DEFAULT_SHOT_COUNTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 60_000, 100_000)


@dataclass(frozen=True)
class ShotStudyPlan:
    """What is asked of every input: the same for all rows that are to be added up."""

    shot_counts: tuple[int, ...] = DEFAULT_SHOT_COUNTS
    n_repeats: int = 100
    delta: float = 0.01  # flip probability at which a label counts as certain
    max_shots: int = 1_000_000  # certainty beyond this is not looked for
    seed: int = 0

    def __post_init__(self) -> None:
        check_delta(self.delta)
        counts = self.shot_counts
        rising = list(counts) == sorted(set(counts))
        if not counts or min(counts) < 1 or max(counts) > LARGEST_SHOTS or not rising:
            raise UsageError(
                f"shot counts rise from at least 1 to at most {LARGEST_SHOTS:,}. "
                f"Got {list(counts)}."
            )
        if self.n_repeats < 2 or self.max_shots < 1:
            raise UsageError(
                "a shot study needs two repeats or more and at least one shot. "
                f"Got {self.n_repeats} repeats and at most {self.max_shots} shots."
            )

    @property
    def typical_shots(self) -> int:
        """The number of shots that lies nearest to a thousand."""
        return min(self.shot_counts, key=lambda shots: abs(shots - TYPICAL_SHOTS))


@dataclass(frozen=True)
class InputRow:
    """What shots do to one input under one condition; the tuples follow the plan's shot counts."""

    condition: str
    input_id: int
    label: int  # the true one
    predicted: int  # with infinitely many shots
    stated: float  # probability that a shot off the threshold votes for label 1
    margin: float
    shot_variance: float
    hoeffding_shots: float  # infinite at margin 0
    normal_shots: float
    exact_shots: float  # infinite beyond the plan's largest
    flip_probabilities: tuple[float, ...]
    drawn_labels: tuple[str, ...]  # one bit per repeat, packed, in hexadecimal

    def drawn(self, n_repeats: int) -> NDArray[np.uint8]:
        """Return the label of each repeat, shape (shot counts, n_repeats)."""
        packed = [np.frombuffer(bytes.fromhex(text), dtype=np.uint8) for text in self.drawn_labels]
        return np.unpackbits(np.stack(packed), axis=1, count=n_repeats)

    def disagreements(self) -> tuple[float, ...]:
        """Return the probability that two runs give unlike labels, at each number of shots."""
        return tuple(2 * p * (1 - p) for p in self.flip_probabilities)

    def to_json(self) -> dict[str, Any]:
        """Return the fields and the disagreements; an infinite number of shots is null."""
        fields = {
            name: None if value in (np.inf, -np.inf) else value
            for name, value in asdict(self).items()
        }
        return fields | {"disagreements": self.disagreements()}


@dataclass(frozen=True)
class ShotStudy:
    """All rows of one plan and rule, sorted by condition and input."""

    plan: ShotStudyPlan
    rule: DecisionRule
    rows: tuple[InputRow, ...]

    def __add__(self, other: "ShotStudy") -> "ShotStudy":
        """Join the rows of two parts of one study, in either order.

        Raises:
            UsageError: if plans or rules differ, or an input is in both parts.
        """
        if (self.plan, self.rule) != (other.plan, other.rule):
            raise UsageError(
                "only shot studies of one plan and one decision rule add up. "
                f"Got {self.plan} and {other.plan}, {self.rule} and {other.rule}."
            )
        rows = sorted(self.rows + other.rows, key=_place)
        for row, following in pairwise(rows):
            if _place(row) == _place(following):
                raise UsageError(
                    "parts of a study have no input in common. "
                    f"Got input {row.input_id} under {row.condition!r} twice."
                )
        return ShotStudy(self.plan, self.rule, tuple(rows))

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions, in alphabetical order."""
        return tuple(sorted({row.condition for row in self.rows}))

    def under(self, condition: str) -> tuple[InputRow, ...]:
        """Return the rows of one condition, by input."""
        return tuple(row for row in self.rows if row.condition == condition)

    def to_json(self) -> dict[str, Any]:
        """Return plan, rule and rows as a JSON object."""
        return {
            "plan": asdict(self.plan),
            "rule": asdict(self.rule),
            "rows": [row.to_json() for row in self.rows],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "ShotStudy":
        """Read back what `to_json` wrote."""
        plan, rule = dict(document["plan"]), document["rule"]
        plan["shot_counts"] = tuple(plan["shot_counts"])
        rows = []
        for fields in document["rows"]:
            kept = {name: fields[name] for name in InputRow.__dataclass_fields__}
            for name in ("hoeffding_shots", "normal_shots", "exact_shots"):
                kept[name] = np.inf if kept[name] is None else kept[name]
            for name in ("flip_probabilities", "drawn_labels"):
                kept[name] = tuple(kept[name])
            rows.append(InputRow(**kept))
        weights = tuple(rule["weights"])
        return cls(ShotStudyPlan(**plan), DecisionRule(weights, rule["threshold"]), tuple(rows))


def study_shots(
    probabilities: Mapping[str, ArrayLike],
    labels: ArrayLike,
    rule: DecisionRule,
    plan: ShotStudyPlan,
    input_ids: ArrayLike | None = None,
) -> ShotStudy:
    """Compute the rows of all inputs under all conditions.

    An input's draws depend on the plan's seed, its id and the condition's name alone, so that a
    study done in parts equals the whole.

    Args:
        probabilities: for each condition ("ideal", "noisy", ...) the exact outcome distributions,
            shape (n, 2**m).
        labels: shape (n,), true labels, 0 or 1.
        rule: the weights and the threshold.
        plan: shot counts, repeats, certainty and seed.
        input_ids: shape (n,), whole numbers that name the inputs; 0 .. n - 1 if not given.

    Raises:
        UsageError: for lengths that differ, labels other than 0 and 1, or an id given twice.
    """
    truth = np.asarray(labels)
    ids = np.arange(truth.size) if input_ids is None else np.asarray(input_ids)
    if truth.ndim != 1 or not np.isin(truth, (0, 1)).all() or ids.shape != truth.shape:
        raise UsageError(
            "a shot study needs one label, 0 or 1, and one id per input. "
            f"Got labels of shape {truth.shape} and ids of shape {ids.shape}."
        )
    study = ShotStudy(plan, rule, ())
    for condition, table in probabilities.items():
        p = distributions(table, rule)
        if p.shape[0] != truth.size:
            raise UsageError(
                f"every condition needs a distribution for each of the {truth.size} labels. "
                f"Got {p.shape[0]} under {condition!r}."
            )
        study += ShotStudy(plan, rule, _rows(condition, p, truth, ids, rule, plan))
    return study


def _rows(
    condition: str,
    p: NDArray[np.float64],
    truth: NDArray[Any],
    ids: NDArray[Any],
    rule: DecisionRule,
    plan: ShotStudyPlan,
) -> tuple[InputRow, ...]:
    margin, variance = margins(p, rule), shot_variances(p, rule)
    flips = np.stack([flip_probabilities(p, rule, shots) for shots in plan.shot_counts], axis=1)
    up, down = p[:, rule.steps > 0].sum(axis=1), p[:, rule.steps < 0].sum(axis=1)
    columns = zip(
        ids.tolist(),
        truth.tolist(),
        infinite_shot_labels(p, rule).tolist(),
        np.where(up + down > 0, up / np.maximum(up + down, 1e-300), 0.5).tolist(),
        margin.tolist(),
        variance.tolist(),
        hoeffding_shots(margin, rule.width, plan.delta).tolist(),
        normal_shots(margin, variance, plan.delta).tolist(),
        exact_shots(p, rule, plan.delta, plan.max_shots).tolist(),
        map(tuple, flips.tolist()),
        (_draw(condition, int(i), row, rule, plan) for i, row in zip(ids, p, strict=True)),
        strict=True,
    )
    return tuple(sorted((InputRow(condition, *column) for column in columns), key=_place))


def _draw(
    condition: str, input_id: int, p: NDArray[np.float64], rule: DecisionRule, plan: ShotStudyPlan
) -> tuple[str, ...]:
    rng = np.random.default_rng([plan.seed, input_id, *condition.encode()])
    tolerance = 1e-9 * float(np.abs(rule.steps).max())
    drawn = []
    for shots in plan.shot_counts:
        sums = rng.multinomial(shots, p, plan.n_repeats) @ rule.steps
        drawn.append(np.packbits(sums > tolerance * shots).tobytes().hex())
    return tuple(drawn)


def _place(row: InputRow) -> tuple[str, int]:
    return row.condition, row.input_id
