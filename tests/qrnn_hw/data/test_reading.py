import numpy as np
import pytest

from qrnn_hw.data.named import read_named
from qrnn_hw.data.reading import read
from qrnn_hw.data.sequences import identity
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.errors import DataError, UsageError


@pytest.fixture
def series(tmp_path):
    """Rows 0 to 99 of t, 2 t and its square."""
    path = tmp_path / "s.csv"
    rows = [f"2020-{1 + t // 28:02d}-{1 + t % 28:02d},{2 * t},{t * t}" for t in range(100)]
    path.write_text("\n".join(["date,a,b", *rows]))
    return path


def test_a_window_holds_the_steps_before_its_target(series):
    data = read(series, target="b", inputs=("a", "b"), window=3, horizon=2, time="date")
    assert data.target == Numbers(("b",))
    assert data.features == ("a", "b")
    found = data.sequences
    assert found.values.shape == (100 - 3 - 2 + 1, 3, 2)
    np.testing.assert_array_equal(found.values[5], [[10, 25], [12, 36], [14, 49]])
    assert found.targets[5] == 9**2
    assert found.targets[-1] == 99**2
    assert found.identities[5] == identity(found.values[5])


def test_training_knows_nothing_of_what_is_tested(series):
    data = read(series, target="b", window=3, horizon=4)
    rows = data.split(seed=1)
    last_known = data.series.last_steps()
    assert last_known[rows.train[-1]] + 4 <= last_known[rows.validation[0]]
    assert last_known[rows.validation[-1]] + 4 <= last_known[rows.test[0]]
    parts = data.parts(seed=1)
    seen = data.sequences.take(rows.train)
    np.testing.assert_allclose(parts.scaling.mean, [seen.values.mean()])
    np.testing.assert_allclose(parts.scaling.target_deviation, [seen.targets.std()])
    np.testing.assert_allclose(parts.training.targets.std(), 1)
    # Whatever comes after training moves no number of training.
    changed = read(series, target="b", window=3, horizon=4)
    values = changed.series.values.copy()
    values[last_known[rows.train[-1]] + 5 :] *= 1000
    object.__setattr__(changed.series, "values", values)
    object.__setattr__(changed, "sequences", changed.series.windows())
    np.testing.assert_array_equal(changed.parts(1).training.values, parts.training.values)
    np.testing.assert_allclose(
        parts.scaling.unscaled(parts.test.targets), data.sequences.targets[rows.test]
    )


def test_pieces_have_a_target_for_each_step(series):
    data = read(series, target="b", inputs="a", window=7, horizon=1, per_step=True)
    assert data.target == Numbers(("b",), per_step=True)
    assert data.sequences.values.shape == (14, 7, 1)
    np.testing.assert_array_equal(
        data.sequences.targets, data.sequences.values**2 / 4 + data.sequences.values + 1
    )


def test_names_may_be_parted_by_commas(series):
    data = read(series, target="a,b", inputs=("b, a",), window=3)
    assert (data.features, data.target.names) == (("b", "a"), ("a", "b"))
    assert read_named("lorenz63", inputs="x,z", length=30).features == ("x", "z")
    path = series.with_name("c.csv")
    path.write_text('"a,b"\n' + "".join(f"{n}\n" for n in range(30)))
    assert read(path, target="a,b").features == ("a,b",)


def test_a_series_of_one_column_reads_itself(series):
    data = read(series, target="B")
    assert data.features == ("b",)
    assert data.sequences.values.shape == (88, 12, 1)


@pytest.fixture
def archive(tmp_path):
    def write(**arrays):
        path = tmp_path / "a.npz"
        np.savez(path, **arrays)
        return path

    return write


def rows(n=60, n_steps=4, d=2):
    return np.random.default_rng(5).normal(size=(n, n_steps, d))


def test_classes_of_arrays_are_split_by_groups(archive):
    groups = np.repeat(np.arange(20), 3)
    labels = np.array(["c", "a", "b"])[np.arange(60) % 3]
    lengths = 1 + np.arange(60) % 4
    values = rows()
    values[~(np.arange(4) < lengths[:, None])] = np.nan  # padding
    data = read(archive(X=values, y=labels, lengths=lengths, groups=groups))
    assert data.target == Classes(("a", "b", "c"))
    np.testing.assert_array_equal(data.sequences.targets, [2, 0, 1] * 20)
    assert data.sequences.values[0, 1:].sum() == 0
    found = data.split(seed=3)
    parts = (found.train, found.validation, found.test)
    assert sorted(np.concatenate(parts).tolist()) == list(range(60))
    assert sum(len(set(groups[part])) for part in parts) == 20
    assert len(found.test) == 12
    np.testing.assert_array_equal(found.test, data.split(seed=3).test)
    assert set(found.test) != set(data.split(seed=4).test)


def test_zeros_that_look_like_padding_are_said_where_no_lengths_are_given(archive):
    values, lengths = rows(), 2 + np.arange(60) % 3
    values[~(np.arange(4) < lengths[:, None])] = 0.0
    notes = read(archive(X=values, y=np.arange(60) % 2)).notes
    assert "40 of 60 rows of X end in steps of zeros, up to 2 of them" in notes[1]
    assert "by the array lengths" in notes[1]
    assert (
        len(read(archive(X=values, y=np.arange(60) % 2, lengths=lengths)).notes) == len(notes) - 1
    )
    values[:, 2:] = 0.0  # of all rows the same
    assert "zeros" not in " ".join(read(archive(X=values, y=np.arange(60) % 2)).notes)


@pytest.mark.parametrize(
    ("y", "target", "shape"),
    [
        (np.linspace(0, 1, 60), Numbers(("y",)), (60, 1)),
        (np.ones((60, 3)) * np.arange(60.0)[:, None], Numbers(("y0", "y1", "y2")), (60, 3)),
        (np.ones((60, 4)) * np.arange(60.0)[:, None], Numbers(("y",), True), (60, 4, 1)),
        (np.arange(240).reshape(60, 4) % 3, Classes(("0", "1", "2"), True), (60, 4)),
        (np.arange(60) % 2 == 0, Classes(("False", "True")), (60,)),
    ],
)
def test_what_y_is_shows_in_its_type_and_shape(archive, y, target, shape):
    data = read(archive(X=rows(), y=y))
    assert data.target == target
    assert data.sequences.targets.shape == shape
    if shape[0] == 60 and isinstance(target, Numbers):
        np.testing.assert_array_equal(data.sequences.targets.reshape(y.shape), y)
    assert len(data.parts(seed=0).test) == 12


def test_the_flags_say_what_whole_numbers_are(archive):
    path = archive(X=rows(), y=np.arange(60) // 6)
    with pytest.raises(DataError, match="at least 10 rows.*Got 6 of '0'.*--target"):
        read(path)
    assert read(path, target="y").target == Numbers(("y",))
    assert read(archive(X=rows(), y=np.arange(60) % 3 + 0.0), label="y").target == Classes(
        ("0", "1", "2")
    )


def test_sentences_of_any_number_of_classes(tmp_path):
    path = tmp_path / "mood.csv"
    texts = ["good phone", "bad, really bad phone", 'a "plain" phone']
    lines = [
        '"{}";{}'.format(texts[n % 3].replace('"', '""') + f" number {n}", "ABC"[n % 3])
        for n in range(60)
    ]
    path.write_text("\r\n".join(["Review;Mood", *lines]), encoding="utf-8-sig")
    data = read(path, text="review", label="mood", steps=2, words="last")
    assert data.target == Classes(("A", "B", "C"))
    assert data.text.texts[2] == 'a "plain" phone number 2'
    assert data.sequences.n_steps == 2
    assert not data.is_scaled
    assert len(data.split(seed=0).test) == 12
    assert 0 < data.share_read.min() < 1
    assert "the last 2" in data.notes[0]
    with pytest.raises(UsageError, match="Text should be read without --time"):
        read(path, text="review", label="mood", time="x")
    with pytest.raises(DataError, match="line 1: .*columns Mod and review"):
        read(path, text="review", label="Mod")


def test_a_file_of_a_carried_name_is_a_file(tmp_path):
    path = tmp_path / "uci.tsv"
    path.write_text("label\ttext\n" + "".join(f"{n % 2}\tgood {n} phone\n" for n in range(40)))
    assert len(read(path).split(seed=0).test) == 8


def test_a_second_file_is_tested(tmp_path):
    words = ("good", "bad", "poor")
    for name, n_rows, first in (("a", 60, 0), ("b", 9, 100)):
        rows = [f"{'xyz'[n % 3]}\t{words[n % 3]} phone {n + first}" for n in range(n_rows)]
        # A row that training has too is tested, and taught no more.
        rows.append("x\tgood phone 0")
        (tmp_path / f"{name}.tsv").write_text("\n".join(["label\ttext", *rows]))
    data = read(tmp_path / "a.tsv", test=tmp_path / "b.tsv")
    rows = data.split(seed=1)
    assert {"poor phone 108", "good phone 0"} <= {data.text.texts[row] for row in rows.test}
    assert "good phone 0" not in {data.text.texts[row] for row in rows.development}
    assert len(rows.development) == 59
    assert sorted(data.sequences.targets[rows.test].tolist()) == [0] * 4 + [1] * 3 + [2] * 3
    (tmp_path / "c.tsv").write_text("label\ttext\n" + "u\tgood\nx\tbad\n" * 10)
    with pytest.raises(DataError, match="c.tsv: should hold classes that .*a.tsv has. Got 'u'"):
        read(tmp_path / "a.tsv", test=tmp_path / "c.tsv")


def test_few_rows_of_a_class_do_where_test_rows_are_given(tmp_path):
    header = "@univariate true\n@classLabel true a b c\n@data\n"
    for name, n_rows in (("train", 6), ("test", 5)):
        rows = "".join(f"{n},{len(name)},{n % 3}:{'abc'[n % 3]}\n" for n in range(n_rows))
        (tmp_path / f"{name}.ts").write_text(header + rows)
    data = read(tmp_path / "train.ts", test=tmp_path / "test.ts")
    parts = data.split(seed=0)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (3, 3, 5)
    with pytest.raises(DataError, match=r"Got 2 of 'a', .* With test rows of their own \(--test\)"):
        read(tmp_path / "train.ts")


def test_what_would_take_gigabytes_is_refused(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("label\ttext\n" + "0\tgood\n1\tbad\n" * 40)
    with pytest.raises(DataError, match="at most 536,870,912 numbers. Got 800,000,000"):
        read(path, steps=100_000)
