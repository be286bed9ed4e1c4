import hashlib
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.sequences import Sequences, identity
from qrnn_hw.data.vectors import WordVectors
from qrnn_hw.errors import UsageError
from qrnn_hw.features import WordProjection, project, read_text

VALUES = np.array([[[1.0], [2.0]], [[1.0], [0.0]], [[1.0], [2.0]], [[1.0], [0.0]]])
LENGTHS = np.array([2, 1, 2, 2])


@pytest.fixture
def sequences():
    return Sequences(VALUES.copy(), LENGTHS, targets=np.array([0, 1, 1, 0]))


def test_rows_of_the_same_numbers_are_one_content(sequences):
    # A step of zeros is a step; padding is none.
    np.testing.assert_array_equal(sequences.groups, [0, 1, 0, 2])
    np.testing.assert_array_equal(sequences.take(np.array([3, 2, 0])).groups, [2, 0, 0])


def test_an_identity_is_that_of_the_numbers_alone():
    by_hand = hashlib.sha256(b"(1, 2)" + b"\0\0\0\0\0\0\xf0?" + b"\0" * 8).hexdigest()
    for kind in (np.float64, np.float32, np.dtype(">f8"), np.float16):
        assert identity(np.array([[1, -0.0]], dtype=kind)) == by_hand
    assert identity(np.array([[1.0], [0.0]])) != by_hand


def test_a_digest_tells_values_order_and_targets(sequences):
    other = VALUES.copy()
    other[1, 1] = 9  # padding
    same = Sequences(other, LENGTHS, targets=np.array([0, 1, 1, 0], dtype=np.int32))
    assert same.digest == sequences.digest
    others = [
        Sequences(VALUES, np.array([2, 2, 2, 2]), targets=sequences.targets),
        Sequences(VALUES, LENGTHS, targets=np.array([0, 1, 1, 1])),
        Sequences(VALUES, LENGTHS),
        sequences.take(np.array([1, 0, 2, 3])),
    ]
    assert len({one.digest for one in [sequences, *others]}) == 5


def test_nothing_of_it_can_be_changed(sequences):
    for array in (sequences.values, sequences.lengths, sequences.targets, sequences.groups):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(FrozenInstanceError):
        sequences.values = VALUES


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match=r"targets should have an entry for each of the 4 rows"):
        Sequences(VALUES, LENGTHS, targets=np.zeros(3))
    with pytest.raises(UsageError, match=r"groups should have an entry .* Got 2"):
        Sequences(VALUES, LENGTHS, groups=np.array([0, 1]))
    with pytest.raises(UsageError, match=r"lengths should be whole numbers. Got float64"):
        Sequences(VALUES, LENGTHS.astype(float))


def test_text_is_known_by_the_vectors_that_were_read():
    vectors = WordVectors(("good", "bad"), np.array([[3, 4], [1, 1]], dtype=np.float32))
    text = LabelledText(
        "x", ("Good, bad!", "good bad", "bad zzz"), np.array([0, 1, 1]), ("n", "y"), ("x",) * 3
    )
    sequences = read_text(text, vectors, steps=3)
    assert sequences.identities[0] == sequences.identities[1] == identity(vectors.vectors)
    np.testing.assert_array_equal(sequences.groups, [0, 0, 1])
    np.testing.assert_array_equal(sequences.targets, text.labels)
    assert text.target.names == ("n", "y")
    # What is made of them by products keeps who they are.
    projected = project(sequences, WordProjection(np.array([[0.1], [0.3]]), np.zeros(1)))
    assert projected.digest == sequences.digest
