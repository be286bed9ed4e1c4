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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("good 1 2\n\u0085 3 4\nbad 5 6\n", ("good", "bad")),
        ("good 1 2\n\u00a0 3 4\n 5 6\nbad 5 6\n", ("good", "bad")),
        (". . . 1 2\ngood 3 4\nbad 5 6\n", (". . .", "good", "bad")),
        ("good 1 2\nat name@x.org 3 4\nbad 5 6\n", ("good", "at name@x.org", "bad")),
        ("good\t1\t2\nx\u2028y  3   4 \nbad 5 6\n", ("good", "x\u2028y", "bad")),
        ("\ufeff  3   2 \ngood 1 2\n\x1c 3 4\nbad 5 6\n", ("good", "bad")),
        ("7 1 2\n8 3 4\n", ("7", "8")),
    ],
)
def test_odd_words_part_nothing_and_hide_no_dimension(write, content, words):
    vectors = load_vectors(write(content))
    assert vectors.words == words
    assert vectors.dim == 2
    np.testing.assert_array_equal(vectors.vectors[-1], [5, 6] if "bad" in words else [3, 4])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a 1 2\nb 1 2 3\nc 1 2\n", "line 2: should be a word and 2 numbers.* Got 3"),
        ("a 1 2 3\nb 1 2\nc 1 2\n", "line 1: should be a word and 2 numbers.* Got 3"),
        ("2 2\na 1 2 3\nb 1 2 3\n", "line 2: should be a word and 2 numbers.* Got 3"),
        ("a 1 2\nb 1 3e38\n", "line 2: numbers should be finite and at most 1e.06.* Got '3e38'"),
        ("a 1 2\nb 1 1_0\n", "line 2: should be a word and 2 numbers. Got '1 1_0'"),
        (b"\x1f\x8b\x08\x00", "Got a gzip archive: unpack it"),
        (b"2 2\na \x00\x00\x80?\x00\x00\x80?", "Got the binary format of word2vec or fastText"),
        (b"\xba\x16\x4f\x2f\x0c", "Got the binary format of word2vec or fastText"),
    ],
)
def test_other_dimensions_sizes_and_formats_are_named(write, content, said):
    with pytest.raises(DataError, match=said):
        load_vectors(write(content))


def test_another_format_is_known_by_its_name(write):
    with pytest.raises(DataError, match=r"cc.de.300.bin.* Got the binary format"):
        load_vectors(write("good 1 2\n", "cc.de.300.bin"))
    with pytest.raises(DataError, match=r"Got a gzip archive"):
        load_vectors(write("good 1 2\n", "cc.de.300.vec.gz"))


@pytest.mark.parametrize("name", ["v.txt", "v.npz"])
@pytest.mark.parametrize(
    ("words", "kept", "vector"),
    [
        (["Haus", "haus"], "haus", [0, 1]),
        (["HAUS", "Haus"], "haus", [1, 0]),
        (["cafe\u0301", "bar"], "caf\u00e9", [1, 0]),
        (["Straße", "bar"], "strasse", [1, 0]),
        (["п’ять", "bar"], "п\u02bcять", [1, 0]),
    ],
)
def test_words_are_found_in_their_normal_form(tmp_path, name, words, kept, vector):
    path = tmp_path / name
    if name.endswith("npz"):
        np.savez(path, words=np.array(words), vectors=np.eye(2))
    else:
        path.write_text(f"{words[0]} 1 0\n{words[1]} 0 1\n")
    for keep in ([kept], None):
        vectors = load_vectors(path, keep=keep)
        np.testing.assert_array_equal(vectors.vectors[vectors.index[kept]], vector)


def test_words_of_a_script_without_blanks_are_told_to_be_parted(write):
    with pytest.raises(DataError, match=r"Got none of them. Most are of scripts that write no bl"):
        load_vectors(write("电影 1 2\n好 3 4\n"), keep=["这个电影很好", "ดีมาก", "ok"])


def test_a_word_may_come_twice_with_one_vector(write):
    assert load_vectors(write("a 1 2\na 1 2\n")).words == ("a",)


def test_index_finds_each_word():
    vectors = WordVectors(words=("x", "y"), vectors=np.eye(2, dtype=np.float32))
    assert vectors.index == {"x": 0, "y": 1}
    assert vectors.dim == 2
