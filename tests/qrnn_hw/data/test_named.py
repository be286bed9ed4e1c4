import numpy as np
import pytest
from scipy.integrate import solve_ivp

from qrnn_hw.data import generators
from qrnn_hw.data.generators import parity
from qrnn_hw.data.named import NAMES, read_named
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.errors import UsageError


def test_mackey_glass_is_that_of_a_solver_with_an_error_bound():
    """By the method of steps: over one delay the equation is an ordinary one."""
    generators_start = generators.TRANSIENT_STEPS
    n_pieces, tau = 75, 17
    start = 1.2 + 0.1 * np.random.default_rng(3).uniform(-1, 1)
    pieces, state = [], [start]

    def known(t):
        return start if t <= 0 else pieces[min(int(t // tau), len(pieces) - 1)](t)[0]

    def change(t, x):
        past = known(t - tau)
        return [0.2 * past / (1 + past**10) - 0.1 * x[0]]

    for piece in range(n_pieces):
        span = (tau * piece, tau * (piece + 1))
        solved = solve_ivp(change, span, state, "DOP853", dense_output=True, rtol=1e-9, atol=1e-10)
        pieces.append(solved.sol)
        state = solved.y[:, -1]
    times = np.arange(generators_start, n_pieces * tau)
    expected = [known(t) for t in times]
    found = generators.mackey_glass(len(times), seed=3)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.ptp(found) > 0.7


def test_narma10_obeys_its_equation():
    u, y = generators.narma10(300, seed=1).T
    for t in range(9, 299):
        expected = 0.3 * y[t] + 0.05 * y[t] * sum(y[t - i] for i in range(10))
        assert y[t + 1] == pytest.approx(expected + 1.5 * u[t - 9] * u[t] + 0.1, abs=1e-12)
    assert u.min() >= 0
    assert u.max() <= 0.5


def test_lorenz63_obeys_its_equation():
    """Its finite differences of fourth order are the right-hand side."""
    found = generators.lorenz63(400, seed=2, interval=0.005)
    slopes = (found[:-4] - 8 * found[1:-3] + 8 * found[3:-1] - found[4:]) / (12 * 0.005)
    x, y, z = found[2:-2].T
    expected = np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)
    np.testing.assert_allclose(slopes, expected, atol=0.002)
    assert np.abs(expected).max() > 50


def test_short_term_memory_holds_its_delays():
    data = read_named("stm", length=60)
    values, targets = data.sequences.values[:, :, 0], data.sequences.targets
    for k in range(1, 11):
        np.testing.assert_array_equal(targets[:, k - 1], values[:, -1 - k])
    assert data.target.names[0] == "u(t-1)"


def test_parities_are_those_of_the_last_bits():
    """By counting ones, in place of multiplying signs."""
    found = parity(50, seed=2)
    bits = found[:, 0].astype(int)
    for t in range(6, 50):
        for k in range(1, 7):
            assert found[t, k] == (-1.0 if bits[t - k : t + 1].sum() % 2 else 1.0)
    data = read_named("parity", length=60)
    assert data.target.names == tuple(f"parity({k})" for k in range(1, 7))


@pytest.mark.parametrize("name", ["mackey-glass", "narma10", "stm"])
def test_a_seed_gives_one_series(name):
    first, again, other = (
        read_named(name, length=50, data_seed=seed).sequences.values for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_sunspots():
    data = read_named("sunspots")
    assert data.target == Numbers(("SUNACTIVITY",))
    np.testing.assert_array_equal(
        data.sequences.values[0, :, 0], [5, 11, 16, 23, 36, 58, 29, 20, 10, 8, 3]
    )
    assert data.sequences.targets[0] == 0
    assert data.sequences.targets[-1] == 2.9
    assert data.notes[0].startswith("Yearly")


def test_japanese_vowels_are_tested_as_their_source_does():
    data = read_named("japanese-vowels")
    assert data.target == Classes(tuple("123456789"))
    assert data.sequences.values.shape == (640, 29, 12)
    assert (data.sequences.lengths.min(), data.sequences.lengths.max()) == (7, 29)
    assert data.sequences.values[0, 0, 0] == 1.860936
    assert data.sequences.values[0, 1, 0] == 1.891651
    parts = data.parts(seed=0)
    counts = np.bincount(parts.test.targets)
    np.testing.assert_array_equal(counts, [31, 35, 88, 44, 29, 24, 40, 50, 29])
    taught = np.concatenate([parts.training.targets, parts.validation.targets])
    np.testing.assert_array_equal(np.bincount(taught), [30] * 9)
    steps = parts.training.values[parts.training.mask]
    np.testing.assert_allclose(steps.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(steps.std(axis=0), 1)
    assert np.abs(parts.test.values[parts.test.mask].mean(axis=0)).max() > 0.01


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("mackey-glas", {}, "should be one of .*Did you mean mackey-glass"),
        ("amazon", {"window": 3}, "data set amazon should be read without --window"),
        ("sunspots", {"length": 30}, "data set sunspots should be read without --length"),
        ("narma10", {"target": "x"}, "columns of narma10 are u, y. Got 'x'"),
        ("narma10", {"label": "y"}, "series narma10 should be read without --label"),
        ("japanese-vowels", {"steps": 4}, "without --steps"),
        ("stm", {"inputs": ("u(t-1)",)}, "horizon of 0 the target should not be among the inputs"),
        ("stm", {"length": 3}, "length should be from 10 to 100,000. Got 3"),
    ],
)
def test_a_name_or_option_without_sense_is_refused(name, options, said):
    with pytest.raises(UsageError, match=said):
        read_named(name, **options)


def test_all_names_are_read():
    assert {"amazon", "uci", "lorenz63", "sunspots", "japanese-vowels"} <= set(NAMES)
    data = read_named("uci", steps=3, words="spread")
    assert data.sequences.n_steps == 3
    assert {data.text.sources[row] for row in data.split(1).test} == {"amazon"}


def test_the_first_rows_that_are_tested_are_of_many_speakers():
    data = read_named("japanese-vowels")
    first, again, other = (data.split(seed).test for seed in (0, 0, 1))
    assert len(set(data.labels[first[:20]].tolist())) > 4
    assert first.tolist() == again.tolist() != other.tolist()
    assert set(first.tolist()) == set(other.tolist())
