"""Data of the six tasks: readers, and what they refuse."""

import gzip
import struct
import zipfile

import jax
import numpy as np
import pytest

from qrnn_hw.errors import DataError, UsageError
from qrnn_hw.tasks.catalogue import chosen_options
from qrnn_hw.tasks.classical_cores import gru
from qrnn_hw.tasks.classification import classification
from qrnn_hw.tasks.copying import chance, draw
from qrnn_hw.tasks.images import load_images
from qrnn_hw.tasks.pairs import BEGIN, END, PAD, UNKNOWN, load_pairs
from qrnn_hw.tasks.sentences import load_sentences
from qrnn_hw.tasks.text import load_text_parts


def write_idx(path, values):
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    content = header + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def mnist(folder):
    rng = np.random.default_rng(0)
    for part, n, end in (("train", 20, ".gz"), ("t10k", 10, "")):
        write_idx(folder / f"{part}-images-idx3-ubyte{end}", rng.integers(256, size=(n, 4, 6)))
        write_idx(folder / f"{part}-labels-idx1-ubyte{end}", np.arange(n) % 10)
    return folder


def test_idx_files_are_rows_or_pixels_in_one_order(tmp_path):
    folder = mnist(tmp_path)
    rows = load_images(folder)
    assert rows.training.values.shape == (18, 4, 6)
    assert rows.validation.values.shape == (2, 4, 6)
    raw = gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    images = np.frombuffer(raw, np.uint8).reshape(20, 4, 6) / 255
    both = np.concatenate([rows.training.values, rows.validation.values])
    np.testing.assert_allclose(np.sort(both, axis=0), np.sort(images, axis=0), atol=1e-7)
    pixels = load_images(folder, order="pixels").test.values
    np.testing.assert_array_equal(pixels.reshape(10, 24), rows.test.values.reshape(10, 24))
    permuted = load_images(folder, permuted=True).test.values.reshape(10, 24)
    assert not np.array_equal(permuted, rows.test.values.reshape(10, 24))
    np.testing.assert_array_equal(np.sort(permuted), np.sort(rows.test.values.reshape(10, 24)))
    pooled = load_images(folder, pooled=True).test.values
    assert pooled.shape == (10, 2, 3)
    assert pooled[0, 0, 0] == pytest.approx(rows.test.values[0, :2, :2].mean())
    for part, n in (("train", 20), ("t10k", 10)):
        (folder / f"{part}-images-idx3-ubyte.gz").unlink(missing_ok=True)
        write_idx(folder / f"{part}-images-idx3-ubyte", np.zeros((n, 1, 6)))
    with pytest.raises(DataError, match="2 x 2 pixels or more to be pooled. Got 1 x 6"):
        load_images(folder, pooled=True)
    assert load_images(folder).test.values.shape == (10, 1, 6)


def test_damaged_idx_files_are_refused(tmp_path):
    folder = mnist(tmp_path)
    labels = folder / "t10k-labels-idx1-ubyte"
    whole = labels.read_bytes()
    for content, match in (
        (whole[:-1], r"should hold \[10\] numbers\. Got 9"),
        (b"\0\0\x0d\x01" + whole[4:], "should be an idx file of bytes on 1 axes"),
        (whole[:5], "should be an idx file"),
        (whole[:-1] + b"\x0b", "labels from 0 to 9"),
        # Sizes whose product is that of the numbers, in 64 bits alone.
        (b"\0\0\x08\x01" + b"\xff" * 4, r"should hold \[4294967295\] numbers\. Got 0"),
    ):
        labels.write_bytes(content)
        with pytest.raises(DataError, match=match):
            load_images(folder)
    labels.unlink()
    with pytest.raises(DataError, match="without t10k-labels-idx1-ubyte"):
        load_images(folder)
    labels.write_bytes(whole)
    damaged = folder / "train-images-idx3-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:-40])
    with pytest.raises(DataError, match="should be readable"):
        load_images(folder)


def test_copying_asks_for_its_symbols_after_the_delay():
    x, wanted = draw(np.random.default_rng(0), 3, 5, 8, 2)
    given = x.argmax(axis=-1)
    assert given.shape == (3, 9)
    np.testing.assert_array_equal(given[:, :2], wanted[:, -2:])
    assert (given[:, 6] == 9).all()
    assert (given == 9).sum() == 3
    assert (wanted[:, :-2] == 8).all()
    assert (given[:, 7:] == 8).all()
    assert chance(50) == pytest.approx(0.297, abs=1e-3)


def test_a_text_is_split_and_numbered_by_its_training_part(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\ufeff" + "ab" * 900 + "c" * 200, encoding="utf-8")
    data = load_text_parts(path)
    assert [len(part) for part in (data.training, data.validation, data.test)] == [1800, 100, 100]
    assert set(data.vocabulary) == {"a", "b", "<unk>"}
    assert (data.test == data.vocabulary.index("<unk>")).all()
    digests = set()
    for end in ("\n", "\r\n", "\r"):
        path.write_bytes(f"ab c{end}d{end}".encode() * 300)
        digests |= {load_text_parts(path, unit).digest for unit in ("characters", "words")}
    assert len(digests) == 2  # the ends of lines of any system are one
    names = [f"word{n:04d}" for n in range(1010)]
    path.write_text(" ".join(names))
    whole = load_text_parts(path, "words")
    # The borders lie within words, which go to the part before: none is cut in two.
    assert [len(part) for part in (whole.training, whole.validation, whole.test)] == [909, 51, 50]
    assert whole.vocabulary[:909] == tuple(names[:909])
    words = load_text_parts(None, "words", 50)
    assert len(words.vocabulary) == 51
    path.write_bytes(b"\xff" * 3000)
    with pytest.raises(DataError, match="UTF-8"):
        load_text_parts(path)
    path.write_text("short")
    with pytest.raises(DataError, match=r"1,000 characters or more.* Got 5"):
        load_text_parts(path)
    with pytest.raises(DataError, match=r"without ptb.train.txt, ptb.valid.txt"):
        load_text_parts(tmp_path)
    for content, said in (
        (("ab" * 900).encode("utf-32"), "UTF-16 or UTF-32"),
        (("ab" * 900).encode("utf-16-le"), "bytes of 0"),
        (b"", "Got 0 in"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=said):
            load_text_parts(path)


def test_a_text_of_three_files_is_read_from_a_folder_or_its_archive(tmp_path):
    texts = {"train": "a b\n" * 500, "valid": "b a\n" * 9, "test": "c a\n" * 8}
    with zipfile.ZipFile(tmp_path / "ptb.zip", "w") as archive:
        for part, text in texts.items():
            archive.writestr(f"simple/data/ptb.{part}.txt", text)
            archive.writestr(f"__MACOSX/simple/data/._ptb.{part}.txt", b"\0\xff")
    of_archive = load_text_parts(tmp_path / "ptb.zip", "words")
    assert [len(getattr(of_archive, part)) for part in ("training", "validation", "test")] == [
        1500,
        27,
        24,
    ]
    assert load_text_parts(tmp_path, "words").digest == of_archive.digest
    with zipfile.ZipFile(tmp_path / "ptb.zip", "a") as archive:
        for part, text in texts.items():  # a copy of each is the same text
            archive.writestr(f"copy/{part}.txt.gz", gzip.compress(text.encode()))
    assert load_text_parts(tmp_path, "words").digest == of_archive.digest
    with zipfile.ZipFile(tmp_path / "ptb.zip", "a") as archive:
        archive.writestr("other/valid.txt", "another text")
    with pytest.raises(DataError, match=r"simple/data/ptb\.valid\.txt and other/valid\.txt; keep"):
        load_text_parts(tmp_path, "words")
    for part, text in texts.items():
        (tmp_path / f"{part}.txt").write_bytes(gzip.compress(text.encode()))
    assert load_text_parts(tmp_path, "words").digest == of_archive.digest
    (tmp_path / "valid.txt").write_text("")
    with pytest.raises(DataError, match=r"each part 2\. Got 1,524 in .*: 1,500 \+ 0 \+ 24"):
        load_text_parts(tmp_path, "words")
    whole = (tmp_path / "ptb.zip").read_bytes()
    (tmp_path / "ptb.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="no zip archive that can be read"):
        load_text_parts(tmp_path / "ptb.zip")
    with zipfile.ZipFile(tmp_path / "ptb.zip", "w") as archive:
        archive.writestr("ptb.train.txt", texts["train"])
    with pytest.raises(DataError, match=r"archive .* without ptb\.valid\.txt, ptb\.test\.txt"):
        load_text_parts(tmp_path / "ptb.zip")


def test_pairs_are_numbered_with_their_marks(tmp_path):
    path = tmp_path / "pairs.tsv"
    lines = [f"Der Hund {i} .\tthe dog {i} ." for i in range(20)]
    path.write_text("\n".join(lines))
    data = load_pairs(path, longest=3)
    assert [len(part) for part in (data.training, data.validation, data.test)] == [16, 2, 2]
    row = data.training.source[0]
    assert row.shape == (4,)
    assert data.source_words[row[0]] == "der"
    assert row[-1] == END
    target = data.test.target[0]
    assert (target[0], target[-1]) == (BEGIN, END)
    assert target[3] == UNKNOWN  # a number that no training sentence has
    assert PAD not in target[:4]
    built = load_pairs(None)
    assert len(built.training) + len(built.validation) + len(built.test) == 600
    for language, word in (("de", "hund"), ("en", "dog")):
        for part in ("train", "val", "test_2016_flickr"):
            # A separator of lines that is none here, and a line end of another system.
            text = f"{word}\u2028one\r\n{word} two\n"
            (tmp_path / f"{part}.{language}").write_bytes(text.encode())
    found = load_pairs(tmp_path)
    assert (len(found.training), found.test.references) == (2, ("dog one", "dog two"))
    (tmp_path / "val.de").write_text("hund\n")
    with pytest.raises(DataError, match=r"val of .* as many .* Got 1 and 2"):
        load_pairs(tmp_path)
    for language in ("de", "en"):
        (tmp_path / f"val.{language}").write_text("\n \n")
    with pytest.raises(DataError, match=r"and a pair of sentences\. Got 2 and 2"):
        load_pairs(tmp_path)
    (tmp_path / "train.de").unlink()
    path.write_text("one cell\n")
    with pytest.raises(DataError, match=r"Got 'one cell' in line 1\.$"):
        load_pairs(path)
    path.write_text("Hallo.\tHello.\tCC-BY 2.0\n")
    with pytest.raises(DataError, match=r"in line 1; keep two columns \(cut -f1,2\)\.$"):
        load_pairs(path)
    with pytest.raises(DataError, match=r"without train\.de"):
        load_pairs(tmp_path)


def test_pairs_of_a_table_are_told_apart_by_their_source(tmp_path):
    """A sentence with many translations, as collections of pairs have them, is on one side."""
    path = tmp_path / "pairs.tsv"
    lines = [f"Satz {i} .\tsentence {j} of {i} ." for i in range(20) for j in range(3)]
    again = [line.upper() for line in lines[:9]]
    path.write_text("\n\n".join([*lines, *again]) + "\n \n")
    data = load_pairs(path)
    parts = (data.training, data.validation, data.test)
    assert [len(part) for part in parts] == [48, 6, 6]
    assert data.n_repeats == 9
    assert load_pairs(path, fewest=48).target_words[4:] == ("sentence", "of", ".")
    with pytest.raises(DataError, match=r"none that its training part has 200 times"):
        load_pairs(path, fewest=200)
    numbers = [{one.split()[3] for one in part.references} for part in parts]
    assert [len(one) for one in numbers] == [16, 2, 2]
    assert len(set.union(*numbers)) == 20
    path.write_text("Satz\tsentence\n" * 30)
    with pytest.raises(DataError, match=r"10 different source sentences or more\. Got 1\."):
        load_pairs(path)
    path.write_text("Satz\tsentence\nSatz\t \n")
    with pytest.raises(DataError, match=r"two sentences\. Got 'Satz\\t ' in line 2"):
        load_pairs(path)


def test_sentiment_has_as_many_classes_as_its_data(tmp_path):
    path, rng = tmp_path / "rows.npz", np.random.default_rng(0)
    x, classes = rng.normal(size=(60, 4, 2)), np.arange(60) % 3
    np.savez(path, X=x, y=classes)
    data = load_sentences(path)
    assert data.n_classes == 3
    task = classification(data, lambda d: gru(d, 3))
    p = task.init(jax.random.key(0))
    batch = next(task.epoch(np.random.default_rng(0)))
    loss, _ = task.loss(p, batch, None, None)
    assert 0.5 < float(loss) < 2.5  # chance is log 3
    for targets, said in (
        (rng.normal(size=60), "Got numbers in place of classes"),
        (rng.normal(size=(60, 4)), "Got numbers at every step"),
        (rng.integers(2, size=(60, 4)), "Got classes at every step"),
    ):
        np.savez(path, X=x, y=targets)
        with pytest.raises(DataError, match=said):
            load_sentences(path)


def test_options_of_a_task_are_checked():
    given = {"delay": "20", "n_qubits": "6", "readout": "xyz", "dropout": "0.2"}
    size, options, settings = chosen_options("copy", given | {"learning_rate": "2e-3"})
    assert (size.dropout, options.learning_rate) == (0.2, 0.002)
    assert (size.n_qubits, size.readout, settings) == (6, "xyz", {"delay": 20})
    # Of the carried digits an epoch has 20 batches, of MNIST 843.
    assert [chosen_options("pmnist", {}, carried=c)[1].epochs for c in (True, False)] == [20, 10]
    for given, match in (
        ({"delay": "0"}, r"1 to 10,000\. Got '0'"),
        ({"delay": "1_0"}, r"Got '1_0'"),
        ({"dropout": "1"}, r"0 to 0\.95\. Got '1'"),
        ({"learning_rate": "nan"}, r"1e-06 to 1\. Got 'nan'"),
        ({"readout": "q"}, r"z or xyz\. Got 'q'"),
    ):
        with pytest.raises(UsageError, match=match):
            chosen_options("copy", given)
    for core, option, whose in (
        ("gru", "dropout=0.2", "qrnn or frozen"),
        ("product", "dropout=0.2", "qrnn or frozen"),
        ("frozen", "angle_rate=0.2", "qrnn or product"),
        ("no-quantum", "angle_rate=0.2", "qrnn or product"),
    ):
        with pytest.raises(UsageError, match=f"should come with --core {whose}. Got --core {core}"):
            chosen_options("copy", dict([option.split("=")]), core=core)
    assert chosen_options("copy", {"dropout": "0.2"}, core="frozen")[0].dropout == 0.2
