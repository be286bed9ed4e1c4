import numpy as np
import pytest

from qrnn_hw.statistics.certainty import (
    exact_shots,
    hoeffding_shots,
    normal_shots,
    shots_at_quantile,
)
from qrnn_hw.statistics.decisions import DecisionRule, flip_probabilities, margins, shot_variances

LEARNED = (1.3131, 0.7247, -0.4409, -1.6153)
DELTAS = (0.05, 0.01, 0.001)
# margin: Hoeffding and normal shots at each delta, for one +-1 readout
TABLE = {
    0.5: ((24, 37, 56), (9, 17, 29)),
    0.2: ((150, 231, 346), (65, 130, 230)),
    0.1: ((600, 922, 1382), (268, 536, 946)),
    0.05: ((2397, 3685, 5527), (1080, 2159, 3810)),
    0.02: ((14979, 23026, 34539), (6763, 13521, 23861)),
    0.01: ((59915, 92104, 138156), (27058, 54098, 95472)),
}


@pytest.mark.parametrize("margin", TABLE)
def test_the_published_table_of_shots(margin: float) -> None:
    hoeffding, normal = TABLE[margin]
    assert tuple(hoeffding_shots(margin, 2.0, delta) for delta in DELTAS) == hoeffding
    # The table rounds the quantiles to three decimals, which moves its last digits.
    rounded = (1.645, 2.326, 3.090)
    assert tuple(shots_at_quantile(margin, 1 - margin**2, z) for z in rounded) == normal
    for delta, shots in zip(DELTAS, normal, strict=True):
        assert normal_shots(margin, 1 - margin**2, delta) == pytest.approx(shots, rel=4e-4, abs=1)


def test_a_difference_of_two_readouts_has_four_times_the_hoeffding_shots() -> None:
    assert hoeffding_shots(0.1, 4.0, 0.01) == np.ceil(8 * np.log(100) / 0.01)


def test_a_zero_margin_never_holds_still() -> None:
    assert hoeffding_shots(0.0, 2.0, 0.01) == np.inf
    assert normal_shots(0.0, 1.0, 0.01) == np.inf
    assert exact_shots([[0.5, 0.5]], DecisionRule((1, -1)), 0.01, 1000)[0] == np.inf


@pytest.mark.parametrize("weights", [(1, -1), (0, 2, -2, 0), LEARNED])
def test_exact_shots_are_the_fewest_and_lie_under_hoeffding(weights: tuple[float, ...]) -> None:
    rule = DecisionRule(weights)
    p = np.random.default_rng(1).dirichlet(np.full(len(weights), 4.0), 15)
    shots = exact_shots(p, rule, 0.05, 100_000)
    found = np.isfinite(shots)
    assert found.sum() >= 12
    p, shots = p[found], shots[found]
    on_a_lattice = weights != LEARNED
    assert flip_probabilities(p, rule, shots).max() <= 0.05
    if on_a_lattice:
        assert flip_probabilities(p, rule, shots + 1).max() <= 0.05
    fewer = np.floor(shots * (1 if on_a_lattice else 0.995)) - 1
    longer = fewer >= 1
    assert flip_probabilities(p[longer], rule, fewer[longer]).min() > 0.05 - 1e-4
    assert (shots <= np.maximum(2, hoeffding_shots(margins(p, rule), rule.width, 0.05))).all()
    normal = normal_shots(margins(p, rule), shot_variances(p, rule), 0.05)
    large = shots > 200
    np.testing.assert_allclose(shots[large], normal[large], rtol=0.1)


def test_exact_shots_beyond_the_limit_are_infinite() -> None:
    p = [[0.505, 0.495], [0.8, 0.2]]
    shots = exact_shots(p, DecisionRule((1, -1)), 0.01, 1000)
    assert shots[0] == np.inf
    assert shots[1] < 50
