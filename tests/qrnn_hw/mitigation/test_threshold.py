import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.threshold import fit_threshold


def right(scores, labels, threshold):
    return int(((np.asarray(scores) > threshold) == (np.asarray(labels) == 1)).sum())


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.sampled_from([0, 1])), min_size=2, max_size=30).filter(
        lambda pairs: len({label for _, label in pairs}) == 2
    )
)
def test_no_threshold_between_scores_decides_better(pairs):
    scores, labels = (np.array(column) for column in zip(*pairs, strict=True))
    found = right(scores, labels, fit_threshold(scores, labels))
    assert found >= right(scores, labels, 0.0)
    # A threshold on a score parts the scores as one just above that score does.
    assert found >= max(
        (right(scores, labels, level) for level in np.unique(scores)[:-1]), default=0
    )


def test_contraction_and_offset_of_noise_are_undone_on_unseen_scores():
    generator = np.random.default_rng(5)
    labels = generator.integers(0, 2, 4000)
    ideal = 0.3 * (2 * labels - 1) + 0.2 * generator.standard_normal(4000)
    noisy = 0.6 * ideal - 0.15
    threshold = fit_threshold(noisy[:2000], labels[:2000])
    assert threshold == pytest.approx(-0.15, abs=0.03)
    unseen, truth = noisy[2000:], labels[2000:]
    assert right(unseen, truth, threshold) >= right(ideal[2000:], truth, 0) - 10
    assert right(unseen, truth, threshold) > right(unseen, truth, 0) + 200


def test_without_an_offset_the_threshold_stays_at_zero():
    assert fit_threshold([-0.4, -0.1, 0.2, 0.3], [0, 0, 1, 1]) == 0


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        ([], [], "both"),
        ([0.1, 0.2], [1, 1], "both"),
        ([0.1, np.nan], [0, 1], "finite"),
        ([0.1, 0.2], [0], r"\(2,\) and \(1,\)"),
    ],
)
def test_scores_that_fit_nothing_are_refused(scores, labels, words):
    with pytest.raises(UsageError, match=words):
        fit_threshold(scores, labels)
