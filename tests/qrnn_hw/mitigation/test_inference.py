from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrnn_hw._version import __version__
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation import zne
from qrnn_hw.mitigation.estimate import split_by_weight
from qrnn_hw.mitigation.inference import exponential_limit, polynomial_weights
from qrnn_hw.mitigation.zne import ZNEPlan

SCALES = st.lists(
    st.one_of(st.integers(1, 15), st.floats(1, 15).map(lambda x: round(x, 3))),
    min_size=2,
    max_size=7,
    unique=True,
)
VALUE = st.floats(-1, 1)


@pytest.fixture(scope="module")
def mitiq():
    return pytest.importorskip("mitiq.zne.inference", reason="Mitiq needs a Python below 3.13")


@given(scales=SCALES, data=st.data())
def test_weights_give_each_power_its_value_at_zero_and_are_the_shortest_that_do(scales, data):
    # Both together say least squares: by the normal equations w lies in the span of the powers.
    degree = data.draw(st.integers(1, len(scales) - 1))
    weights = polynomial_weights(scales, degree)
    points = [Fraction(scale) for scale in scales]
    for power in range(degree + 1):
        moment = sum(w * x**power for w, x in zip(weights, points, strict=True))
        assert moment == (power == 0)
    for skipped in range(len(points) - degree - 1):
        # The divided difference over degree + 2 points is orthogonal to all polynomials.
        some = points[skipped : skipped + degree + 2]
        slopes = [1 / np.prod([x - y for y in some if y != x]) for x in some]
        held = zip(slopes, weights[skipped : skipped + degree + 2], strict=True)
        assert sum(slope * w for slope, w in held) == 0


def test_known_weights_are_exact():
    assert polynomial_weights((1, 3), 1) == (Fraction(3, 2), Fraction(-1, 2))
    assert polynomial_weights((1, 3, 5), 2) == (Fraction(15, 8), Fraction(-5, 4), Fraction(3, 8))
    assert polynomial_weights((1, 3, 5), 1) == (Fraction(13, 12), Fraction(1, 3), Fraction(-5, 12))


@pytest.mark.filterwarnings("ignore::Warning")
@given(scales=SCALES, data=st.data())
def test_polynomials_are_those_of_mitiq(mitiq, scales, data):
    values = data.draw(st.lists(VALUE, min_size=len(scales), max_size=len(scales)))
    degree = data.draw(st.integers(1, len(scales) - 1))
    weights = np.array(polynomial_weights(scales, degree), dtype=float)
    theirs = mitiq.PolyFactory.extrapolate(scales, values, degree)
    # Their polyfit loses digits where scale factors nearly coincide: hold ours to its condition.
    condition = np.linalg.cond(np.vander(scales, degree + 1) / np.max(scales) ** degree)
    tolerance = max(1e-12, 1e-15 * condition) * max(1, np.abs(weights).sum())
    assert weights @ values == pytest.approx(theirs, abs=tolerance)
    if degree == 1:
        assert weights @ values == pytest.approx(
            mitiq.LinearFactory.extrapolate(scales, values), abs=tolerance
        )


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize(
    "plan",
    [
        ZNEPlan((1, 3), "linear"),
        ZNEPlan((1, 3, 5), "linear"),
        ZNEPlan((1, 3, 5)),
        ZNEPlan((1, 3, 5, 7)),
        ZNEPlan((1, 3, 5, 7), "poly", order=2),
        ZNEPlan((1, 1.5, 2, 3), n_subsets=4),
    ],
    ids=str,
)
def test_the_product_weighs_as_mitiq_does_with_and_without_it(mitiq, plan, request):
    theirs = zne.circuit_weights(plan)
    assert zne.extrapolated_by().startswith("mitiq 1.")
    request.getfixturevalue("without_mitiq")
    assert zne.extrapolated_by().startswith(f"qrnn-hw {__version__}")
    ours = zne.circuit_weights(plan)
    assert np.abs(ours - theirs).max() < 1e-12
    # A share that hung on the last bit of a weight would make another job of the same command.
    for total in range(len(ours), 3000):
        assert split_by_weight(total, ours) == split_by_weight(total, theirs)


@given(
    asymptote=st.floats(-0.5, 0.5),
    height=st.one_of(st.floats(0.1, 1), st.floats(-1, -0.1)),
    decay=st.floats(0.05, 1),
    scales=st.sampled_from([(1, 3, 5), (1, 2, 3), (1, 3, 5, 7), (5, 1, 3)]),
)
def test_an_exponential_is_found_again(asymptote, height, decay, scales):
    values = asymptote + height * np.exp(-decay * np.array(scales))
    assert exponential_limit(scales, values) == pytest.approx(asymptote + height, abs=1e-6)


def test_an_exponential_of_second_order_is_found_again():
    scales = np.array([1.0, 2, 3, 4, 5])
    values = 0.1 + 0.6 * np.exp(-0.3 * scales + 0.01 * scales**2)
    assert exponential_limit(scales, values, 2) == pytest.approx(0.7, abs=1e-6)


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize("order", [1, 2])
def test_noisy_exponentials_are_fitted_as_mitiq_fits_them(mitiq, order):
    generator = np.random.default_rng(7)
    scales = [1, 3, 5, 7, 9]
    n_fitted = n_alike = 0
    for _ in range(60):
        decay = generator.uniform(0.1, 0.4)
        truth = generator.uniform(-0.2, 0.2) + 0.6 * np.exp(-decay * np.array(scales))
        values = (truth + generator.normal(0, 1e-3, len(scales))).tolist()
        try:
            theirs = mitiq.PolyExpFactory.extrapolate(scales, values, order)
        except mitiq.ExtrapolationError:
            continue
        n_fitted += 1
        ours = exponential_limit(scales, values, order)
        n_alike += abs(ours - theirs) < 2e-6
    assert n_fitted > 50
    assert n_alike >= 0.9 * n_fitted


@pytest.mark.parametrize("values", [[0.3, -0.1, 0.2], [0.9, 0.1, 0.1]])
def test_what_is_no_exponential_is_refused(without_mitiq, values):
    plan = ZNEPlan((1, 3, 5), "exp", allow_exponential=True)
    with pytest.raises(
        UsageError, match=r"which qrnn-hw .* cannot fit .* Use linear or richardson"
    ):
        zne.combine_results(values, np.full(3, 1e-6), plan)
