"""Labels that may be one class, or none, are told of; blanks around a label are no part of it."""

import numpy as np
import pandas as pd
import pytest

from qrnn_hw.data.reading import read
from qrnn_hw.errors import DataError


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


def test_a_number_is_one_class_in_every_kind_of_file(tmp_path):
    pytest.importorskip("pyarrow")
    rng, y = np.random.default_rng(0), np.arange(60) % 3
    values = rng.normal(size=(60, 4, 1))
    long = pd.DataFrame({"id": np.repeat(np.arange(60), 4), "x": values.ravel()})
    found = {}
    for kind, written in (
        ("int", y), ("float", y.astype(float)), ("text", [f"{one:.2f}" for one in y]),
        ("exponent", [f"{one:e}" for one in y]),
    ):  # fmt: skip
        column = np.repeat(np.asarray(written), 4)
        long.assign(label=column).to_csv(tmp_path / "a.csv", index=False)
        long.assign(label=column).to_parquet(tmp_path / "a.parquet")
        np.savez(tmp_path / "a.npz", X=values, y=np.asarray(written))
        for ending in ("csv", "parquet"):
            data = read(tmp_path / f"a.{ending}", sequence="id", label="label")
            found[kind, ending] = data
        found[kind, "npz"] = read(tmp_path / "a.npz", label="y")
        lines = [
            f"{','.join(map(str, one.ravel()))}:{c}" for one, c in zip(values, written, strict=True)
        ]
        head = "@univariate true\n@classLabel true 0 1 2\n@data\n"
        (tmp_path / "a.ts").write_text(head + "\n".join(lines) + "\n")
        found[kind, "ts"] = read(tmp_path / "a.ts")
    for place, data in found.items():
        assert data.target.names == ("0", "1", "2"), place
        assert data.sequences.known_targets.tolist() == y.tolist(), place
        assert not any("class" in note for note in data.notes), place
    # What is no number, or tells unlike spellings apart, is left as it is written.
    assert text(tmp_path / "a.tsv", ("007", "008")).target.names == ("007", "008")
    assert text(tmp_path / "a.tsv", ("1.10", "1.1")).target.names == ("1.1", "1.10")
    assert text(tmp_path / "a.tsv", ("1.0", "x")).target.names == ("1.0", "x")


def test_a_file_to_test_on_need_not_hold_every_class(tmp_path):
    text(tmp_path / "a.tsv", ("0", "1", "2"))
    (tmp_path / "b.tsv").write_text("label\ttext\n1.0\tnice sound\n1.0\tbroken case\n")
    data = read(tmp_path / "a.tsv", test=tmp_path / "b.tsv")
    assert data.target.names == ("0", "1", "2")
    assert data.sequences.known_targets[data.tested].tolist() == [1, 1]
    (tmp_path / "b.tsv").write_text("label\ttext\n7\tnice sound\n")
    with pytest.raises(DataError, match=r"b\.tsv: should hold classes that .* has\. Got '7'"):
        read(tmp_path / "a.tsv", test=tmp_path / "b.tsv")
    values = np.random.default_rng(0).normal(size=(40, 3, 2))
    np.savez(tmp_path / "a.npz", X=values, y=np.arange(40) % 2)
    np.savez(tmp_path / "b.npz", X=values[:2], y=np.ones(2))
    data = read(tmp_path / "a.npz", test=tmp_path / "b.npz")
    assert data.sequences.known_targets[data.tested].tolist() == [1, 1]
    # Numbers that do not vary have nothing to be measured by, one row as little as two.
    np.savez(tmp_path / "a.npz", X=values, y=values[:, -1, 0])
    for n in (1, 2):
        np.savez(tmp_path / "b.npz", X=values[:n], y=np.full(n, 0.5))
        with pytest.raises(DataError, match=r"b\.npz, y: should vary\. Got 0\.5 in all rows"):
            read(tmp_path / "a.npz", test=tmp_path / "b.npz")
