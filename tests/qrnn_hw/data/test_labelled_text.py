import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrnn_hw.data.labelled_text import LabelledText, labelled_text, load_embedded
from qrnn_hw.data.tables import open_table
from qrnn_hw.errors import DataError, UsageError, exit_code


def table(*, header="label\ttext", labels=("0", "1"), n_rows=10):
    rows = [f"{label}\tsentence {row}" for row in range(n_rows) for label in labels]
    return "\n".join([header, *rows]) + "\n"


def read(path: Path) -> LabelledText:
    return labelled_text(open_table(path), "text", "label")


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as raised:
        read(path)
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert str(path) in message
    assert exit_code(raised.value) == 3
    return message


@pytest.fixture
def write(tmp_path):
    def write_file(content: str | bytes) -> Path:
        path = tmp_path / "reviews.tsv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.mark.parametrize("name", ["amazon", "imdb", "yelp"])
def test_each_embedded_file_is_balanced(name):
    data = load_embedded(name)
    assert len(data) == 1000
    assert data.labels.sum() == 500
    assert set(data.sources) == {name}
    assert data.classes == ("0", "1")


def test_uci_is_the_three_files_in_order():
    parts = [load_embedded(name) for name in ("amazon", "imdb", "yelp")]
    whole = load_embedded("uci")
    assert whole.texts == sum((part.texts for part in parts), ())
    np.testing.assert_array_equal(whole.labels, np.concatenate([part.labels for part in parts]))
    assert whole.texts[1] == "Good case, Excellent value."
    assert whole.labels[1] == 1


def test_unknown_name_gets_the_near_one_and_all():
    with pytest.raises(
        UsageError, match=r"amazon, imdb, yelp, uci.*Got 'amazn'. Did you mean amazon"
    ):
        load_embedded("amazn")


def test_columns_in_any_order_with_others_between(write):
    rows = [f"{n}\ttext {n}\tx\t{'good' if n % 2 else 'bad'}" for n in range(20)]
    data = read(write("\r\n".join(["id\tText\tnote\tLABEL", *rows])))
    assert data.texts[3] == "text 3"
    assert data.classes == ("bad", "good")
    np.testing.assert_array_equal(data.labels, np.arange(20) % 2)
    assert data.name == "reviews"


@pytest.mark.parametrize(
    ("labels", "classes"),
    [(("10", "9"), ("9", "10")), (("-1", "+1"), ("-1", "+1")), (("nan", "b"), ("b", "nan"))],
)
def test_class_order_is_numeric_for_numbers_else_alphabetic(write, labels, classes):
    assert read(write(table(labels=labels))).classes == classes


def test_quotes_and_unicode_separators_are_ordinary_characters(write):
    texts = ['"no end', "line\u2028separator", "next\x85line", "c'est \u00e9t\u00e9"] * 5
    content = "label\ttext\n" + "".join(f"{n % 2}\t{text}\n" for n, text in enumerate(texts))
    assert read(write(content)).texts == tuple(texts)


def test_a_label_is_one_class_however_its_accents_are_stored(write):
    rows = [f"{label}\ttext" for label in ("sch\u00f6n", "scho\u0308n", "schlecht")] * 10
    assert read(write("label\ttext\n" + "\n".join(rows))).classes == ("schlecht", "sch\u00f6n")


def test_byte_order_mark_is_dropped(write):
    assert len(read(write("\ufeff" + table()))) == 20


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty file"),
        ("\n\n", "empty file"),
        ("label\ttext\n", "rows below the header. Got none"),
        ("label,text\n0,a\n", "line 1: the header should name the columns label and text"),
        ("label\ttext\ttext\n0\ta\tb\n", "line 1: should have one column 'text'. Got 2"),
        (table() + "1\n", "line 22: should have 2 cells .* Got 1"),
        (table() + "1\tone\ttwo\n", "line 22: should have 2 cells .* Got 3"),
        (table() + "1\t  \n", "line 22, column 'text': should not be empty"),
        (table() + "\ttext\n", "line 22, column 'label': should not be empty"),
        (table(labels=("1",)), "at least two classes. Got 1: '1'"),
        (b"label\ttext\n0\ta\0b\n", "line 2: should be UTF-8 text. Got a NUL"),
        (b"label\ttext\n0\tcaf\xe9\n", "line 2: .* Got the byte 0xe9 at column 6"),
        (table().encode("utf-16"), "line 1: should be UTF-8 text"),
    ],
)
def test_a_bad_file_gets_one_line_with_place_and_rule(write, content, said):
    with pytest.raises(DataError, match=said):
        read(write(content))
    refusal(write(content))


def test_missing_file_and_directory(tmp_path):
    assert "nothing is" in refusal(tmp_path / "none.tsv")
    assert "directory" in refusal(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(write):
    path = write(table())
    path.chmod(0)
    assert "Permission denied" in refusal(path)


def test_refused_read_is_one_line(write, monkeypatch):
    path = write(table())

    def refuse(*_args, **_keywords):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "Permission denied" in refusal(path)


def test_labels_must_fit_the_texts():
    with pytest.raises(UsageError, match="same length"):
        LabelledText("x", ("a",), np.zeros(2, dtype=np.int64), ("0", "1"), ("x",))


cells = st.text(
    st.characters(exclude_characters="\t\n\r\0\ufeff", exclude_categories=["Cs"]), min_size=1
).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(cells, min_size=20, max_size=30), swapped=st.booleans())
def test_what_is_written_is_read_back(tmp_path_factory, texts, swapped):
    path = tmp_path_factory.mktemp("tsv") / "table.tsv"
    rows = [("label", "text"), *((str(n % 2), text) for n, text in enumerate(texts))]
    lines = ["\t".join(reversed(row) if swapped else row) for row in rows]
    path.write_bytes("\n".join(lines).encode())
    data = read(path)
    assert data.texts == tuple(text.strip() for text in texts)
    np.testing.assert_array_equal(data.labels, np.arange(len(texts)) % 2)


pieces = st.sampled_from(
    [b"label", b"text", b"\t", b"\n", b"\r\n", b'"', b"0", b"1", b"\0", b"\xff", table().encode()]
)


@settings(max_examples=150, deadline=None)
@given(content=st.lists(pieces | st.binary(max_size=8), max_size=30).map(b"".join))
def test_no_file_causes_anything_but_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("tsv") / "table.tsv"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        data = read(path)
        assert sorted(set(data.labels)) == list(range(len(data.classes)))
        assert len(data.classes) >= 2
        assert all(text.strip() for text in data.texts)
        return
    refusal(path)
