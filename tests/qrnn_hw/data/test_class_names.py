"""Labels that may be one class, or none, are told of; blanks around a label are no part of it."""

import numpy as np
import pytest

from qrnn_hw.data.reading import read


def text(path, labels):
    rows = [f"{labels[n % len(labels)]}\tgreat sound {n}" for n in range(20 * len(labels))]
    path.write_text("\n".join(["label\ttext", *rows]))
    return read(path)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("Good", "good", "bad"), "'Good' and 'good' are different classes"),
        (("1", "1.0", "2"), "'1' and '1.0' are different classes"),
        (("STRASSE", "straße"), "'STRASSE' and 'straße' are different classes"),
        (("nan", "good", "bad"), "'nan' is a class: leave its rows out if it is a gap"),
        (("N/A", "good"), "'N/A' is a class"),
    ],
)
def test_classes_that_may_be_one_or_none_are_told_of(labels, said, tmp_path):
    data = text(tmp_path / "a.tsv", labels)
    assert len(data.target.names) == len(labels)
    assert said in " ".join(data.notes)


def test_blanks_around_a_label_make_no_class_of_their_own(tmp_path):
    assert text(tmp_path / "a.tsv", ("good", "good ", "\u00a0bad", "bad")).target.names == (
        "bad",
        "good",
    )
    labels = np.array(["good", "good ", "bad  "])[np.arange(60) % 3]
    np.savez(tmp_path / "a.npz", X=np.random.default_rng(0).normal(size=(60, 4, 2)), y=labels)
    data = read(tmp_path / "a.npz")
    assert data.target.names == ("bad", "good")
    assert data.sequences.known_targets[:3].tolist() == [1, 1, 0]
    assert not any("class" in note for note in data.notes)
