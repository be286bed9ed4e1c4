import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrnn_hw.data.vectors import WordVectors, load_embedded_vectors, load_vectors
from qrnn_hw.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="vectors.txt"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def test_embedded_vectors_place_opposites_and_synonyms_as_glove_does():
    vectors = load_embedded_vectors()
    assert vectors.vectors.shape == (4887, 100)
    units = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    great, good, charger = (units[vectors.index[word]] for word in ("great", "good", "charger"))
    assert great @ good > 0.7 > 0.3 > great @ charger


@pytest.mark.parametrize("header", ["", "2 3\n"])
@pytest.mark.parametrize("ends", ["\n", " \n", "\r\n"])
def test_glove_and_word2vec_text(write, header, ends):
    path = write(header + f"good 1 -2.5 3e-1{ends}. . . 0 0 1{ends}")
    if not header:
        path = write(f"good 1 -2.5 3e-1{ends}bad 0 0 1{ends}")
    vectors = load_vectors(path)
    assert vectors.words == ("good", ". . ." if header else "bad")
    np.testing.assert_allclose(vectors.vectors, [[1, -2.5, 0.3], [0, 0, 1]], rtol=1e-6)


@pytest.mark.parametrize("name", ["v.txt", "v.npz"])
def test_keep_reads_the_wanted_words_only(tmp_path, name):
    path = tmp_path / name
    if name.endswith("npz"):
        np.savez(path, words=np.array(["a", "b", "c"]), vectors=np.eye(3))
    else:
        path.write_text("a 1 0 0\nb 0 1 0\nc 0 0 1\n")
    vectors = load_vectors(path, keep=["c", "a", "z"])
    assert vectors.words == ("a", "c")
    np.testing.assert_array_equal(vectors.vectors, np.eye(3)[[0, 2]])
    with pytest.raises(DataError, match="Got none of them"):
        load_vectors(path, keep=["z"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty file"),
        ("word\n", "line 1: should be a word and 1 numbers"),
        ("a 1 2\nb 1\n", "line 2: should be a word and 2 numbers.* Got 1"),
        ("a 1 2\nb 1 x\n", "line 2: should be a word and 2 numbers. Got '1 x'"),
        ("a 1 2\nb 1 nan\n", "line 2: numbers should be finite.* Got 'nan'"),
        ("a 1 2\nb 1 1e39\n", "line 2: numbers should be finite.* Got '1e39'"),
        ("a 1 2\nb 1 2\na 3 4\n", "line 3: each word.* Got 'a' again, after line 1"),
        ("3 2\na 1 2\nb 1 2\n", "should hold 3 words.* Got 2"),
        ("2 0\na\nb\n", "line 2: should be a word"),
        ("2 2\n", "should hold 2 words.* Got 0"),
        (b"a 1\nb\0 1\n", "line 2: should be UTF-8 text. Got a NUL"),
        (b"a 1\n\xff 1\n", "line 2: should be UTF-8 text"),
    ],
)
def test_a_bad_text_file_gets_one_line(write, content, said):
    path = write(content)
    with pytest.raises(DataError, match=said) as raised:
        load_vectors(path)
    assert len(str(raised.value).splitlines()) == 1
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"words": np.array(["a"])}, "words and vectors"),
        ({"words": np.array(["a"], dtype=object), "vectors": np.eye(1)}, "pickled"),
        ({"words": np.array([1]), "vectors": np.eye(1)}, "words should be a list of strings"),
        ({"words": np.array(["a"]), "vectors": np.array([["x"]])}, "vectors should be real"),
        ({"words": np.array(["a"]), "vectors": np.ones(3)}, "a row a word"),
        ({"words": np.array(["a", "b"]), "vectors": np.eye(3)}, "Got 2 words and 3 vectors"),
        ({"words": np.array(["a", "b"]), "vectors": np.diag([1, np.inf])}, "finite.* for 'b'"),
        ({"words": np.array(["a", "a"]), "vectors": np.eye(2)}, "several for 'a'"),
        ({"words": np.array([], dtype=str), "vectors": np.ones((0, 3))}, "a row a word"),
    ],
)
def test_a_bad_archive_gets_one_line(tmp_path, arrays, said):
    path = tmp_path / "v.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=said) as raised:
        load_vectors(path)
    assert len(str(raised.value).splitlines()) == 1
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("name", ["none.txt", "none.npz"])
def test_missing_file(tmp_path, name):
    with pytest.raises(DataError, match="nothing is"):
        load_vectors(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="Got a directory"):
        load_vectors(tmp_path / name)


@settings(max_examples=80, deadline=None)
@given(place=st.floats(0, 1), replacement=st.binary(max_size=12))
def test_a_damaged_archive_is_refused_or_read_right(tmp_path_factory, place, replacement):
    path = tmp_path_factory.mktemp("npz") / "v.npz"
    np.savez_compressed(path, words=np.array(["a", "b"]), vectors=np.eye(2))
    whole = path.read_bytes()
    start = int(place * len(whole))
    path.write_bytes(whole[:start] + replacement + whole[start + len(replacement) :])
    with contextlib.suppress(DataError):
        assert np.isfinite(load_vectors(path).vectors).all()
        return
    with pytest.raises(DataError, match=r"^[^\n]+$"):
        load_vectors(path)


def test_an_array_is_not_an_archive(tmp_path):
    path = tmp_path / "v.npz"
    with path.open("wb") as file:
        np.save(file, np.eye(2))
    with pytest.raises(DataError, match="NumPy archive"):
        load_vectors(path)


def test_index_finds_each_word():
    vectors = WordVectors(words=("x", "y"), vectors=np.eye(2, dtype=np.float32))
    assert vectors.index == {"x": 0, "y": 1}
    assert vectors.dim == 2
