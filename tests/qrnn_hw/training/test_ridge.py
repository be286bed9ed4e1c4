"""A head by ridge: its equation, what counts, and that it needs no gradient."""

import numpy as np
import pytest

from qrnn_hw.data.target import Classes, Numbers, answer
from qrnn_hw.errors import UsageError
from qrnn_hw.training.ridge import choose_head, counted, fit_head

RNG = np.random.default_rng(2)
X = np.c_[np.ones(60), RNG.normal(size=(60, 4))]


def test_the_head_solves_the_normal_equations_with_a_free_bias():
    y = RNG.normal(size=(60, 2)) + 5.0
    found = fit_head(Numbers(("a", "b")), X, y, alpha=3.0)
    penalty = 3.0 * np.diag([0.0, 1, 1, 1, 1])
    np.testing.assert_allclose(found, np.linalg.solve(X.T @ X + penalty, X.T @ y), atol=1e-10)


@pytest.mark.parametrize("names", [("no", "yes"), ("a", "b", "c")])
def test_classes_are_answered_by_sign_or_the_largest(names):
    labels = np.digitize(X[:, 1], [0.0, 0.8][: len(names) - 1])
    target = Classes(names)
    head = fit_head(target, X, labels, alpha=1e-6)
    assert head.shape == (5, target.n_outputs)
    assert (answer(target, X @ head) == labels).mean() > 0.75


def test_a_wash_out_and_padding_do_not_count():
    target = Numbers(("a",), per_step=True)
    steps = np.concatenate([np.ones((3, 5, 1)), RNG.normal(size=(3, 5, 2))], axis=2)
    truth = np.array([[1.0], [2.0], [-1.0]])
    y = steps @ truth
    y[:, :2] = 99.0
    y[1, 4:] = 99.0
    found = fit_head(target, steps, y, [5, 4, 5], alpha=1e-12, washout=2)
    np.testing.assert_allclose(found, truth, atol=1e-6)
    rows, wanted = counted(target, steps, y, [5, 4, 5], washout=2)
    assert len(rows) == 3 + 2 + 3
    assert wanted.max() < 99
    with pytest.raises(UsageError, match="leave steps to learn from. Got 5 of 5"):
        fit_head(target, steps, y, alpha=1.0, washout=5)
    with pytest.raises(UsageError, match="wash-out needs targets at every step"):
        fit_head(Numbers(("a",)), X, X[:, :1], alpha=1.0, washout=1)


def test_alpha_is_chosen_by_what_was_held_out():
    y = X @ np.array([[0.5], [1.0], [0.0], [0.0], [0.0]])
    noisy = y[:12] + 3 * RNG.normal(size=(12, 1))
    grid = (1e-6, 10.0, 1e6)
    head, alpha = choose_head(Numbers(("a",)), (X[:12], X[12:]), (noisy, y[12:]), alphas=grid)
    errors = {
        one: ((X[12:] @ fit_head(Numbers(("a",)), X[:12], noisy, alpha=one) - y[12:]) ** 2).mean()
        for one in grid
    }
    assert alpha == min(errors, key=errors.get)
    np.testing.assert_allclose(((X[12:] @ head - y[12:]) ** 2).mean(), errors[alpha])
