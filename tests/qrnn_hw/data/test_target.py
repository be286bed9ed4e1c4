import jax
import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss, mean_squared_error, r2_score

from qrnn_hw.data.loss import loss
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers, answer, check_targets, quality, score
from qrnn_hw.errors import UsageError

TWO, THREE = Classes(("no", "yes")), Classes(("a", "b", "c"))
RNG = np.random.default_rng(5)


def test_two_classes_are_one_score_and_its_sign():
    scores = np.array([[0.3], [0.0], [-0.2], [1.9]])
    assert TWO.n_outputs == 1
    np.testing.assert_array_equal(answer(TWO, scores), [1, 0, 0, 1])
    labels = np.array([1, 1, 0, 0])
    np.testing.assert_array_equal(quality(TWO, scores, labels), [1, 0, 1, 0])
    expected = log_loss(labels, expit(4 * scores[:, 0]))
    assert float(loss(TWO, scores, labels, scale=4.0)) == pytest.approx(expected, abs=1e-12)


def test_more_classes_are_scores_of_which_the_largest_answers():
    scores = RNG.normal(size=(50, 3))
    labels = RNG.integers(0, 3, 50)
    softmax = np.exp(2 * scores) / np.exp(2 * scores).sum(axis=1, keepdims=True)
    expected = log_loss(labels, softmax, labels=[0, 1, 2])
    assert float(loss(THREE, scores, labels, scale=2.0)) == pytest.approx(expected, abs=1e-12)
    hits = [max(range(3), key=lambda c, row=row: row[c]) for row in scores] == labels
    np.testing.assert_array_equal(quality(THREE, scores, labels), hits)
    assert answer(THREE, [[1.0, 1.0, 0.0]]) == [0]


def test_the_softmax_of_two_scores_is_the_logistic_loss_of_their_difference():
    scores, labels = RNG.normal(size=(20, 3)), RNG.integers(0, 2, 20)
    scores[:, 2] = -1e9
    difference = scores[:, 1:2] - scores[:, :1]
    one, other = loss(THREE, scores, labels), loss(TWO, difference, labels)
    assert float(one) == pytest.approx(float(other), abs=1e-12)


def test_numbers_answer_themselves():
    target = Numbers(("height", "weight"))
    outputs, wanted = RNG.normal(size=(30, 2)), RNG.normal(size=(30, 2))
    np.testing.assert_array_equal(answer(target, outputs), outputs)
    expected = mean_squared_error(wanted, outputs)
    assert float(loss(target, outputs, wanted)) == pytest.approx(expected, abs=1e-12)
    assert quality(target, outputs, wanted).mean() == pytest.approx(expected, abs=1e-12)


def test_a_score_is_the_share_of_right_answers_or_r_squared():
    outputs, wanted = RNG.normal(size=(30, 2)), RNG.normal(size=(30, 2))
    assert score(Numbers(("x", "y")), outputs, wanted) == pytest.approx(r2_score(wanted, outputs))
    # A number that never changes has no spread to explain.
    wanted[:, 1], outputs[:, 1] = 2.0, 1.0
    assert score(Numbers(("x", "y")), outputs, wanted) == pytest.approx(r2_score(wanted, outputs))
    assert score(TWO, [[0.1], [-0.1], [0.2], [0.3]], [1, 0, 0, 1]) == 0.75
    steps = np.array([[[0.1], [9.0]], [[-0.1], [0.2]]])
    per_step = Classes(("a", "b"), per_step=True)
    assert score(per_step, steps, [[0, 0], [0, 1]], [1, 2]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "target",
    [
        Classes(("a", "b"), per_step=True),
        Classes(("a", "b", "c"), per_step=True),
        Numbers(("x",), per_step=True),
    ],
)
def test_padding_counts_in_nothing(target):
    lengths = np.array([2, 4, 1])
    outputs = RNG.normal(size=(3, 4, target.n_outputs))
    numbers = isinstance(target, Numbers)
    wanted = RNG.normal(size=(3, 4, 1)) if numbers else RNG.integers(0, len(target.names), (3, 4))
    other, garbage = wanted.copy(), outputs.copy()
    for row, length in enumerate(lengths):
        garbage[row, length:] = 50.0
        other[row, length:] = 0
    for measure in (loss, quality):
        one = measure(target, outputs, wanted, lengths)
        np.testing.assert_allclose(one, measure(target, garbage, other, lengths), rtol=1e-12)
    slope = jax.grad(lambda found: loss(target, found, wanted, lengths))(outputs)
    assert not np.asarray(slope)[0, 2:].any()
    # Each step that counts is as one sequence.
    steps = [(row, step) for row, length in enumerate(lengths) for step in range(length)]
    single = type(target)(target.names)
    flat = loss(
        single, np.array([outputs[at] for at in steps]), np.array([wanted[at] for at in steps])
    )
    assert float(loss(target, outputs, wanted, lengths)) == pytest.approx(float(flat), abs=1e-12)


@pytest.mark.parametrize(
    ("target", "targets", "said"),
    [
        (TWO, None, r"shape \(2,\). Got none"),
        (TWO, np.array([0, 2]), "from 0 to 1. Got int64, .0, 2."),
        (TWO, np.array([0.0, 1.0]), "whole numbers"),
        (Numbers(("x",)), np.array([0.0, 1.0]), r"shape \(2, 1\). Got \(2,\)"),
        (Numbers(("x",)), np.array([[0.0], [np.nan]]), "finite numbers"),
        (Classes(("a", "b"), per_step=True), np.array([0, 1]), r"shape \(2, 3\)"),
    ],
)
def test_targets_that_do_not_fit_are_refused(target, targets, said):
    sequences = Sequences(np.zeros((2, 3, 1)), np.array([3, 3]), targets=targets)
    with pytest.raises(UsageError, match=said):
        check_targets(target, sequences)


def test_targets_that_fit_are_taken_and_names_are_distinct():
    sequences = Sequences(np.zeros((2, 3, 1)), np.array([3, 3]), targets=np.array([[0, 1, 1]] * 2))
    check_targets(Classes(("a", "b"), per_step=True), sequences)
    with pytest.raises(UsageError, match="two or more distinct"):
        Classes(("a", "a"))
    with pytest.raises(UsageError, match="one or more distinct"):
        Numbers(())
    with pytest.raises(UsageError, match=r"3 columns. Got the shape \(2, 1\)"):
        answer(THREE, np.zeros((2, 1)))
