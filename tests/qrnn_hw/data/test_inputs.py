"""What a trained model reads of new files, which need hold no labels."""

import numpy as np
import pytest

from qrnn_hw.data.inputs import read_inputs, text_inputs
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.reading import read
from qrnn_hw.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        (tmp_path / name).write_text(content)
        return tmp_path / name

    return write_file


def test_the_newest_window_has_no_target_yet(write):
    path = write("a.csv", "t,x,y\n" + "".join(f"20{n:02d}-01-01,{n},{-n}\n" for n in range(30)))
    options = ReadOptions(target="y", inputs=("x", "y"), window=4, horizon=2, time="t")
    known = read(path, options)
    found = read_inputs(path, options, features=known.features)
    np.testing.assert_array_equal(found.sequences.values[:-2], known.sequences.values)
    np.testing.assert_array_equal(found.sequences.values[-1, :, 0], [26, 27, 28, 29])
    assert found.sequences.targets is None
    assert found.names[-1] == "2029-01-01"
    # A file that ends with one window has one answer, and needs no other column.
    path = write("b.csv", "x,y\n1,2\n2,3\n3,4\n4,5\n")
    assert len(read_inputs(path, window=4, features=("x", "y")).sequences) == 1
    with pytest.raises(DataError, match="at least the 5 steps of a window. Got 4"):
        read_inputs(path, window=5, features=("x",))
    with pytest.raises(DataError, match="should have a column 'z'"):
        read_inputs(path, window=4, features=("z",))


def test_every_step_of_a_series_is_read_the_last_ones_too(write):
    path = write("a.csv", "x\n" + "".join(f"{n}\n" for n in range(10)))
    found = read_inputs(path, target="x", window=4, per_step=True, features=("x",)).sequences
    np.testing.assert_array_equal(found.values[..., 0], [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 0]])
    np.testing.assert_array_equal(found.lengths, [4, 4, 2])


def test_sentences_say_what_is_not_known_of_them(write):
    path = write("a.tsv", "text\ngood phone\na zzqx phone\nzzqx qqzx\nthe\n")
    found = read_inputs(path, steps=5, features=[f"v{n}" for n in range(100)])
    np.testing.assert_array_equal(found.sequences.lengths, [2, 1, 1, 1])
    assert found.notes == (
        "",
        "1 of 2 words unknown: 'zzqx'",
        "no word is known: 'zzqx', 'qqzx'",
        "no word is known",
    )
    assert not found.sequences.values[2:].any()
    trained = write("b.tsv", "label\ttext\n" + "0\tgood phone\n1\tbad phone\n" * 10)
    same = read(trained, steps=5).sequences.values[0]
    np.testing.assert_array_equal(found.sequences.values[0], same)
    assert text_inputs(["good phone"], ReadOptions(steps=5)).sequences.identities == (
        found.sequences.identities[0],
    )


def test_arrays_and_sequences_need_no_labels(write, tmp_path):
    values = np.arange(12.0).reshape(2, 3, 2)
    np.savez(tmp_path / "a.npz", X=values, lengths=[3, 2])
    found = read_inputs(tmp_path / "a.npz", features=("x0", "x1"))
    assert found.sequences.values[1, 2].tolist() == [0, 0]
    with pytest.raises(DataError, match="the 3 features that the model reads. Got 2"):
        read_inputs(tmp_path / "a.npz", features=("a", "b", "c"))
    header = "@problemName p\n@univariate true\n@classLabel {}\n@data\n"
    for said, end in (("false", ""), ("true a b", ":?")):
        path = write("a.ts", header.format(said) + f"1,2,3{end}\n4,5{end}\n")
        found = read_inputs(path, features=("x0",)).sequences
        np.testing.assert_array_equal(found.values[..., 0], [[1, 2, 3], [4, 5, 0]])
    path = write("a.csv", "who,t,x\nb,2,5\na,1,3\nb,1,4\n")
    found = read_inputs(path, sequence="who", time="t", label="kind", features=("x",))
    assert found.names == ("b", "a")
    np.testing.assert_array_equal(found.sequences.values[..., 0], [[4, 5], [3, 0]])
