"""Files that are odd but usual: each is read rightly, or refused in one line."""

import gzip
import io
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrnn_hw.data.reading import read
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.errors import QRNNError, exit_code

SERIES = {"target": "x", "window": 2}


def texts(template="{label}\t{text}", header="label\ttext", n=20, labels=("0", "1"), end="\n"):
    """A table of good and bad phones."""
    words = ("bad phone", "good phone")
    rows = [
        template.format(label=labels[i % len(labels)], text=f"{words[i % 2]} {i}") for i in range(n)
    ]
    return end.join([header, *rows]) + end


def column(*cells, header="x", n=8, end="\n"):
    """A series that counts from 0, then the cells."""
    return end.join([header, *map(str, range(n)), *cells]) + end


def table(rows, header="time,x"):
    return "\n".join([header, *rows]) + "\n"


def holds(condition):
    assert condition


def is_text(data, *, first="bad phone 0", classes=("0", "1"), n=20):
    assert data.target == Classes(classes)
    assert len(data) == n
    assert data.text.texts[0] == first
    np.testing.assert_array_equal(data.sequences.targets[:4], np.arange(4) % len(classes))


def is_series(*last):
    """Check that the last values read are these, after 0 to 7."""

    def check(data):
        np.testing.assert_array_equal(data.series.values[:, 0], [*range(8), *last])

    return check


LONG = "who,t,x,kind\n" + "".join(
    f"{i},{t},{10 * i + t},{'ab'[i % 2]}\n" for t in (2, 0, 1) for i in range(20)
)
TS = "@problemName p\n@timeStamps false\n@univariate true\n@classLabel true a b\n@data\n"
CASES = "".join(f"{i},{i + 1}{',7' * (i % 3)}:{'ab'[i % 2]}\n" for i in range(20))


def archive(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def parquet(**columns):
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    stream = io.BytesIO()
    pyarrow.parquet.write_table(arrow.table(columns), stream)
    return stream.getvalue()


X = np.arange(80.0).reshape(20, 2, 2)
Y = np.arange(20) % 2


def is_long(data):
    np.testing.assert_array_equal(data.sequences.values[3, :, 0], [30, 31, 32])
    np.testing.assert_array_equal(data.sequences.targets, Y)
    assert data.features == ("x",)


def is_ts(data):
    np.testing.assert_array_equal(data.sequences.lengths[:3], [2, 3, 4])
    np.testing.assert_array_equal(data.sequences.values[2, :, 0], [2, 3, 7, 7])
    np.testing.assert_array_equal(data.sequences.targets, Y)


def is_column(data):
    assert data.target == Classes(("False", "True"))
    np.testing.assert_array_equal(data.sequences.targets, Y)


def is_archive(data):
    np.testing.assert_array_equal(data.sequences.values, X)


def split_apart(data):
    parts = data.split(seed=1)
    kept = [data.text.texts[row] for row in (*parts.train, *parts.validation, *parts.test)]
    assert len(kept) == len(set(kept)) == 20


GERMAN = table([f"0{d}.01.2020;{d},5" for d in range(1, 9)], header="Tag;x")
READ = {
    "lines end in CR LF": ("a.tsv", texts(end="\r\n"), {}, is_text),
    "no end of the last line": ("a.tsv", texts().rstrip(), {}, is_text),
    "a byte order mark": ("a.tsv", texts().encode("utf-8-sig"), {}, is_text),
    "blank lines between": ("a.tsv", texts(end="\n\n"), {}, is_text),
    "quotes in tabs are letters": (
        "a.tsv",
        texts('{label}\t"{text}'),
        {},
        lambda d: is_text(d, first='"bad phone 0'),
    ),
    "a column for each class, as many as steps": (
        "a.npz",
        archive(X=X, y=np.eye(2, dtype=int)[Y]),
        {},
        lambda d: holds(d.target.per_step and "y.argmax(axis=1)" in d.notes[-1]),
    ),
    "files joined, each with its mark": (
        "a.csv",
        texts("{label},{text}", "label,text", n=20).encode("utf-8-sig")
        + "\n".join(f"{n % 2},nice case {n}" for n in range(20)).encode("utf-8-sig"),
        {},
        lambda d: is_text(d, n=40),
    ),
    "signs that are not seen around a label": (
        "a.tsv",
        texts(labels=("0", "1\u200b", "\u20600", "1")),
        {},
        lambda d: holds(d.target.names == ("0", "1")),
    ),
    "the tab that is said": (
        "a.csv",
        texts("{label}\t{text}, yes", "sep=\t\nlabel\ttext"),
        {},
        lambda d: is_text(d, first="bad phone 0, yes"),
    ),
    "other names, other case": (
        "a.tsv",
        texts(header="Stars\tReview"),
        {"label": "stars", "text": "review"},
        is_text,
    ),
    "names with blanks around them": (
        "a.csv",
        texts("{label},{text}", " label , text "),
        {},
        is_text,
    ),
    "ending in capitals": ("A.CSV", texts("{label},{text}", "label,text"), {}, is_text),
    "another ending": ("reviews.txt", texts(), {}, is_text),
    "all cells quoted": ("a.csv", texts('"{label}","{text}"', '"label","text"'), {}, is_text),
    "quoted header after a byte order mark": (
        "a.csv",
        texts('"{label}","{text}"', '"label","text"').encode("utf-8-sig"),
        {},
        is_text,
    ),
    "commas in quotes": (
        "a.csv",
        texts('{label},"{text}, really"', "label,text"),
        {},
        lambda d: is_text(d, first="bad phone 0, really"),
    ),
    "doubled quotes": (
        "a.csv",
        texts('{label},"so ""{text}"""', "label,text"),
        {},
        lambda d: is_text(d, first='so "bad phone 0"'),
    ),
    "a line end in quotes": (
        "a.csv",
        texts('{label},"{text}\r\nyes"', "label,text", end="\r\n"),
        {},
        lambda d: is_text(d, first="bad phone 0\r\nyes"),
    ),
    "an apostrophe begins a cell": (
        "a.csv",
        texts("{label},'{text}", "label,text"),
        {},
        lambda d: is_text(d, first="'bad phone 0"),
    ),
    "semicolons": (
        "a.csv",
        texts("{label};{text}, yes", "label;text"),
        {},
        lambda d: is_text(d, first="bad phone 0, yes"),
    ),
    "the separator is said": ("a.csv", texts("{label};{text}", "sep=;\nlabel;text"), {}, is_text),
    "tabs in a csv": ("a.csv", texts('{label}\t"{text}"'), {}, is_text),
    "bars": ("a.csv", texts("{label}|{text}", "label|text"), {}, is_text),
    "lines end in CR, as old Macs write": (
        "a.csv",
        texts("{label},{text}", "label,text", end="\r"),
        {},
        is_text,
    ),
    "rows of nothing at the end": (
        "a.csv",
        texts("{label},{text}", "label,text") + ",\n,\n",
        {},
        is_text,
    ),
    "ten classes in the order of numbers": (
        "a.tsv",
        texts(labels=[str(n) for n in range(10, 0, -1)], n=100),
        {},
        lambda d: holds(d.target.names == tuple(map(str, range(1, 11)))),
    ),
    "labels of words": (
        "a.tsv",
        texts(labels=("no", "yes")),
        {},
        lambda d: is_text(d, classes=("no", "yes")),
    ),
    "duplicates": (
        "a.tsv",
        texts() + "".join(texts().splitlines(keepends=True)[1:]),
        {},
        split_apart,
    ),
    "letters beyond English": (
        "a.tsv",
        texts("{label}\tEl niño: {text} 😀"),
        {},
        lambda d: is_text(d, first="El niño: bad phone 0 😀"),
    ),
    "a series as R writes it": ("a.csv", column("8", header='"x"'), SERIES, is_series(8)),
    "an index without a name": (
        "a.csv",
        table([f"{n},{n}" for n in range(9)], ",x"),
        SERIES,
        is_series(8),
    ),
    "decimal commas": (
        "a.csv",
        GERMAN,
        SERIES,
        lambda d: np.testing.assert_array_equal(d.series.values[:, 0], np.arange(1, 9) + 0.5),
    ),
    "decimal commas between tabs": ("a.tsv", column("8,25"), SERIES, is_series(8.25)),
    "points between semicolons": (
        "a.csv",
        table([f"a;{n}.0" for n in range(8)] + ["a;8.25"], "c;x"),
        SERIES,
        is_series(8.25),
    ),
    "gaps that are to be filled": (
        "a.csv",
        table([f"{n},{n}" for n in range(8)] + ["8,", "9,NA", "10,3"]),
        SERIES | {"gaps": "last"},
        is_series(7, 7, 3),
    ),
    "exponents and signs": (
        "a.csv",
        column("1e-3", "+2", "-3.5E2", ".5", "7."),
        SERIES,
        is_series(0.001, 2, -350, 0.5, 7),
    ),
    "blanks around numbers": ("a.csv", column(" 8", "9 "), SERIES, is_series(8, 9)),
    "a unit in the name": (
        "a.csv",
        column("8", header="x (°C)"),
        SERIES | {"target": "x (°C)"},
        is_series(8),
    ),
    "large numbers": (
        "a.csv",
        column("1e15", "123456789012"),
        SERIES,
        is_series(1e15, 123456789012),
    ),
    "a constant input": (
        "a.csv",
        table([f"5,{n}" for n in range(20)], "c,x"),
        {"target": "x", "inputs": ("c", "x"), "window": 2},
        lambda d: holds(np.isfinite(d.parts(0).training.values).all()),
    ),
    "days": (
        "a.csv",
        table([f"2020-02-{n + 1:02d},{n}" for n in range(9)]),
        SERIES | {"time": "time"},
        is_series(8),
    ),
    "days with slashes, the year first": (
        "a.csv",
        table([f"2020/2/{n + 1},{n}" for n in range(9)]),
        SERIES | {"time": "time"},
        is_series(8),
    ),
    "months": (
        "a.csv",
        table([f"2020-{n + 1:02d},{n}" for n in range(9)]),
        SERIES | {"time": "time"},
        is_series(8),
    ),
    "moments of a time zone": (
        "a.csv",
        table([f"2020-02-01T{n:02d}:30:00+02:00,{n}" for n in range(9)]),
        SERIES | {"time": "time"},
        is_series(8),
    ),
    "years that leave some out": (
        "a.csv",
        table([f"{1990 + n * n},{n}" for n in range(9)]),
        SERIES | {"time": "time"},
        is_series(8),
    ),
    "hours of the day": (
        "a.csv",
        table([f"{n % 3},{n}" for n in range(9)]),
        SERIES,
        is_series(8),
    ),
    "months by name that nobody calls a time": (
        "a.csv",
        table([f"Jan {n} 2000,{n}" for n in range(9)]),
        SERIES,
        is_series(8),
    ),
    "a long table in any order": (
        "a.csv",
        LONG,
        {"sequence": "who", "time": "t", "label": "kind"},
        is_long,
    ),
    "a file of aeon": ("a.ts", TS + CASES, {}, is_ts),
    "tags in capitals, comments, CR LF": (
        "a.ts",
        ("# c\n% c\n" + TS.upper().replace("A B", "a b") + CASES).replace("\n", "\r\n"),
        {},
        is_ts,
    ),
    "half precision": ("a.npz", archive(X=X.astype("f2"), y=Y), {}, is_archive),
    "whole numbers": ("a.npz", archive(X=X.astype("i1"), y=Y), {}, is_archive),
    "column order": ("a.npz", archive(X=np.asfortranarray(X), y=Y), {}, is_archive),
    "other byte order": ("a.npz", archive(X=X.astype(">f8"), y=Y.astype(">i4")), {}, is_archive),
    "a column of classes": ("a.npz", archive(X=X, y=Y[:, None] > 0), {}, is_column),
    "groups by name": (
        "a.npz",
        archive(X=X, y=Y, groups=np.array(list("abcdefghij") * 2)),
        {},
        lambda d: holds(len(set(d.sequences.groups.tolist())) == 10),
    ),
}

REFUSED = {
    "one of several targets is constant": (
        "a.npz",
        archive(X=X, y=np.stack([X[:, 0, 0] + 0.5, np.full(20, 0.5), X[:, 1, 0] + 0.5], axis=1)),
        {},
        r"y, column 1: should vary\. Got 0\.5 in all rows",
    ),
    "a target whose squares are none": (
        "a.npz",
        archive(X=X, y=X[:, 0, 0] * 1e-200),
        {},
        r"y: should vary\. Got 0 in all rows",
    ),
    "a row of totals": (
        "a.csv",
        table([*[f"d{n},{n}" for n in range(8)], "Total,28"]),
        SERIES,
        r"line 10: the last row should be one of the series\. Got 'Total'",
    ),
    "a header within": (
        "a.csv",
        2 * table([f"{n},{n}" for n in range(8)]),
        SERIES,
        r"line 10: a row should hold data\. Got the header again",
    ),
    "a column for each class": (
        "a.npz",
        archive(X=X, y=np.eye(3, dtype=int)[np.arange(20) % 3]),
        {},
        r"Got \(20, 3\): classes in a column each are y\.argmax\(axis=1\)",
    ),
    "nothing": ("a.csv", "", SERIES, "lines of text. Got an empty file"),
    "blank lines": ("a.csv", "\n\r\n\n", SERIES, "Got an empty file"),
    "a header alone": ("a.csv", "x\n", SERIES, "rows below the header. Got none"),
    "UTF-16, little end first": ("a.csv", column("8").encode("utf-16"), SERIES, "Got UTF-16: save"),
    "UTF-16, big end first": (
        "a.tsv",
        b"\xfe\xff" + texts().encode("utf-16-be"),
        {},
        "line 1: .*Got UTF-16: save",
    ),
    "UTF-16 without a mark": (
        "a.csv",
        column("8").encode("utf-16-le"),
        SERIES,
        "UTF-16 to be saved",
    ),
    "UTF-32": ("a.csv", column("8").encode("utf-32"), SERIES, "Got UTF-32: save"),
    "Latin-1": (
        "a.tsv",
        texts("{label}\tcafé {text}").encode("latin-1"),
        {},
        "line 2: .*byte 0xe9 at column 6: save the file as UTF-8",
    ),
    "a NUL": ("a.csv", column("8\0"), SERIES, "line 10: .*Got a NUL byte"),
    "an Excel workbook": ("a.xlsx", b"PK\x03\x04", SERIES, "Excel workbook: save the sheet as CSV"),
    "a zip archive called csv": ("a.csv", b"PK\x03\x04rest", SERIES, "zip archive: unpack"),
    "a gzip archive": ("a.csv", gzip.compress(b"x\n1\n"), SERIES, "gzip archive: unpack"),
    "JSON": ("a.json", "[1]", SERIES, "Got JSON: write a table"),
    "a pickle": ("a.pkl", b"\x80\x04.", {}, "Got a pickle, which could run code"),
    "a single array": ("a.npy", b"\x93NUMPY", {}, "single array: write an .npz"),
    "HDF5": ("data", b"\x89HDF\r\n", {}, "HDF5: write an .npz"),
    "tabs in lines of old Macs": (
        "a.tsv",
        texts(end="\r"),
        {},
        "line 1: lines should end in LF.*Got CR alone",
    ),
    "a quote without end": (
        "a.csv",
        texts('{label},"{text}', "label,text"),
        {},
        "line 3: quotes should enclose.*further up",
    ),
    "text after a quoted cell": (
        "a.csv",
        texts('{label},"{text}" yes', "label,text"),
        {},
        "line 2: quotes should enclose",
    ),
    "a short row": (
        "a.csv",
        table(["1,2"] * 9 + ["3"]),
        SERIES,
        "line 11: .*2 cells parted by commas",
    ),
    "a long row": (
        "a.csv",
        table(["1;2"] * 9 + ["3;4;5"], "a;x"),
        SERIES,
        "line 11: .*2 cells parted by semicolons.*Got 3",
    ),
    "no header": ("a.csv", "1,2\n3,4\n", SERIES, "line 1: the first line should name the columns"),
    "no such column": (
        "a.csv",
        column(header="temp"),
        SERIES | {"target": "tmp"},
        "line 1: should have a column 'tmp'. Got none among 'temp'. Did you mean 'temp'",
    ),
    "a column twice": (
        "a.csv",
        table(["1,2"] * 9, "x,X"),
        SERIES | {"target": " x"},
        "should have one column ' x'. Got 2 among 'x', 'X'",
    ),
    "a gap": (
        "a.csv",
        table(["1,1", ",2"] * 5, "x,y"),
        SERIES,
        "line 3, column 'x': .*Got a gap: fill it",
    ),
    "NA": ("a.csv", column("NA"), SERIES, "line 10, column 'x': .*Got a gap written 'NA'"),
    "NaN": ("a.csv", column("NaN"), SERIES, "line 10, .*gap written 'NaN'"),
    "a hyphen for a gap": ("a.csv", column("-"), SERIES, "line 10, .*gap written '-'"),
    "a gap before any number": (
        "a.csv",
        table(["1,", "2,1", "3,2"] * 3),
        SERIES | {"gaps": "last"},
        "line 2, column 'x': .*Got a gap",
    ),
    "infinity": ("a.csv", column("inf"), SERIES, "line 10, .*Got 'inf': it should be finite"),
    "beyond all bounds": ("a.csv", column("1e400"), SERIES, "line 10, .*Got '1e400'"),
    "text": ("a.csv", column("rain"), SERIES, "line 10, column 'x': .*Got the text 'rain'"),
    "a unit": ("a.csv", column("5 kg"), SERIES, "line 10, .*Got the text '5 kg'"),
    "a share": ("a.csv", column("5%"), SERIES, "line 10, .*Got the text '5%'"),
    "money": ("a.csv", column("$5"), SERIES, r"line 10, .*Got the text '\$5'"),
    "a date for a number": (
        "a.csv",
        column("2020-01-31"),
        SERIES,
        "line 10, .*Got the date or time '2020-01-31'",
    ),
    "a time of the day": ("a.csv", column("12:30"), SERIES, "line 10, .*date or time '12:30'"),
    "a decimal comma between commas": (
        "a.csv",
        table(["a,1", 'a,"1,5"'] * 5, "c,x"),
        SERIES,
        "line 3, .*Got '1,5', with a comma",
    ),
    "thousands": (
        "a.csv",
        table(["a,1", 'a,"1,234.5"'] * 5, "c,x"),
        SERIES,
        "line 3, .*with parted thousands",
    ),
    "points and commas": (
        "a.csv",
        table(["a;1,5", "a;1.234"] * 5, "c;x"),
        SERIES,
        "line 3, .*Got '1.234', with a point",
    ),
    "thousands with points beside decimal commas": (
        "a.csv",
        table(["1,5;1.234"] * 9, "c;x"),
        SERIES,
        "line 2, .*Got '1.234', with a point",
    ),
    "digits of a program": ("a.csv", column("1_000"), SERIES, "line 10, .*Got the text '1_000'"),
    "digits of another script": ("a.csv", column("５"), SERIES, "line 10, .*Got the text '５'"),
    "newest first": (
        "a.csv",
        table([f"2020-02-{9 - n:02d},{n}" for n in range(9)]),
        SERIES,
        "line 3, column 'time': .*oldest first.*reverse the rows",
    ),
    "several series in one table": (
        "a.csv",
        table([f"2020-02-{1 + n % 5:02d},{n}" for n in range(20)]),
        SERIES,
        "line 7, column 'time': .*Got '2020-02-01' after '2020-02-05'.*--sequence",
    ),
    "a time twice": (
        "a.csv",
        table([f"{n % 5},{n}" for n in (0, 1, 2, 2, 3, 4)]),
        SERIES | {"time": "time"},
        "line 5, column 'time': times should rise.*Got '2' again",
    ),
    "times in no order": (
        "a.csv",
        table(["1,1", "3,2", "2,3"] * 3),
        SERIES | {"time": "time"},
        "line 4, .*Got '2' after a later one",
    ),
    "day or month first": (
        "a.csv",
        table([f"0{n}/02/2020,{n}" for n in range(1, 9)]),
        SERIES | {"time": "time"},
        "line 2, column 'time': .*the day from the month.*Got '01/02/2020'.*year in front",
    ),
    "a day that is none": (
        "a.csv",
        table([f"{n}.02.2021,{n}" for n in range(20, 31)]),
        SERIES | {"time": "time"},
        "line 11, column 'time': .*year in front.*Got '29.02.2021'",
    ),
    "no such day": (
        "a.csv",
        table([f"2021-02-{n},{n}" for n in range(25, 32)]),
        SERIES | {"time": "time"},
        "line 6, .*Got '2021-02-29'",
    ),
    "one row": ("a.csv", "x\n1\n", SERIES, "longer than window and horizon.*Got 1 steps"),
    "shorter than a window": ("a.csv", column(), {"target": "x"}, "Got 8 steps, a window of 12"),
    "a constant target": (
        "a.csv",
        table(["1,5"] * 20),
        SERIES,
        "target 'x' should vary. Got 5 in all",
    ),
    "one class": ("a.tsv", texts(labels=("1",)), {}, "at least two classes. Got 1: '1'"),
    "a row of each class": (
        "a.tsv",
        texts(n=2),
        {},
        "at least 10 rows.*Got 1 of '0', and 1 other classes",
    ),
    "an empty label": (
        "a.tsv",
        texts() + "\thi\n",
        {},
        "line 22, column 'label': .*empty. Got a gap",
    ),
    "an empty text": ("a.tsv", texts() + "1\t \n", {}, "line 22, column 'text': .*empty"),
    "numbers without a target": (
        "a.csv",
        column(),
        {},
        "line 1: should name the columns text and label.*--target.*Got 'x'",
    ),
    "a window without a target": ("a.csv", column(), {"window": 2}, "should have a target"),
    "a label and a target": (
        "a.csv",
        column(),
        {"label": "a", "target": "x"},
        "either a label .* or a target",
    ),
    "a sequence with a time twice": (
        "a.csv",
        LONG + "3,1,5,b\n",
        {"sequence": "who", "time": "t", "label": "kind"},
        "line 62, column 't': .*one row at each time. Got '1' again, after .*line 45",
    ),
    "a sequence of two classes": (
        "a.csv",
        LONG + "3,9,5,a\n",
        {"sequence": "who", "time": "t", "label": "kind"},
        "line 62, column 'kind': .*one 'kind'. Got 'a' after 'b'.*--per-step",
    ),
    "a step of no sequence": (
        "a.csv",
        LONG + ",9,5,a\n",
        {"sequence": "who", "label": "kind"},
        "line 62, column 'who': should name a sequence",
    ),
    "text among the inputs": (
        "a.csv",
        LONG + "3,9,hot,b\n",
        {"sequence": "who", "time": "t", "label": "kind"},
        "line 62, column 'x': .*the text 'hot'",
    ),
    "a sequence without anything to learn": (
        "a.csv",
        LONG,
        {"sequence": "who"},
        "either a label .* Got none",
    ),
    "missing values in a ts file": (
        "a.ts",
        TS + CASES + "1,?,3:a\n",
        {},
        "line 26, dimension 1, step 2: .*gap written '\\?'",
    ),
    "time stamps in a ts file": (
        "a.ts",
        TS.replace("Stamps false", "Stamps true") + CASES,
        {},
        "line 2: .*without time stamps",
    ),
    "a class that the header has not": (
        "a.ts",
        TS + CASES + "1,2:c\n",
        {},
        "line 26: the class at the end .* a, b. Got 'c'",
    ),
    "two dimensions where one is said": (
        "a.ts",
        TS + "1,2:3,4:a\n",
        {},
        "line 6: .*1 dimensions.*Got 2",
    ),
    "dimensions of two lengths": (
        "a.ts",
        TS.replace("univariate true", "dimensions 2") + "1,2:3:a\n",
        {},
        "line 6: .*one length. Got 1, 2",
    ),
    "other lengths than the header says": (
        "a.ts",
        TS.replace("@data", "@equalLength true\n@seriesLength 2\n@data") + CASES,
        {},
        "line 9: .*2 steps, as the header says. Got 3",
    ),
    "a tag without a name": ("a.ts", TS.replace("data", ""), {}, "a line @data"),
    "no line of data": ("a.ts", TS.replace("@data\n", ""), {}, "a line @data"),
    "no labels in a ts file": (
        "a.ts",
        TS.replace("true a b", "false") + "1,2\n",
        {},
        "@classLabel true or @targetLabel true",
    ),
    "arrays of Python objects": (
        "a.npz",
        archive(X=np.array([{}], dtype=object), y=Y),
        {},
        "without pickled.*Python objects",
    ),
    "half an archive": ("a.npz", archive(X=X, y=Y)[:300], {}, "should be a NumPy archive"),
    "no y": ("a.npz", archive(X=X), {}, "Got no y among X"),
    "an array that nobody asked for": (
        "a.npz",
        archive(X=X, y=Y, z=Y),
        {},
        "no arrays but .*Got z",
    ),
    "two axes": (
        "a.npz",
        archive(X=X[:, 0], y=Y),
        {},
        r"X: .*\(n, T, d\).*Got \(20, 2\).*X\[:, :, None\]",
    ),
    "no rows": ("a.npz", archive(X=X[:0], y=Y[:0]), {}, r"Got \(0, 2, 2\)"),
    "complex numbers": (
        "a.npz",
        archive(X=X + 1j, y=Y),
        {},
        "real numbers. Got the type complex128",
    ),
    "strings for numbers": (
        "a.npz",
        archive(X=X.astype(str), y=Y),
        {},
        "real numbers. Got the type <U",
    ),
    "not a number within": (
        "a.npz",
        archive(X=np.where(X == 7, np.nan, X), y=Y),
        {},
        r"X\[1, 1, 1\]: should be finite.*Got nan; what is padding is told by lengths",
    ),
    "too few labels": (
        "a.npz",
        archive(X=X, y=Y[:9]),
        {},
        r"y: should have the shape \(20,\).*Got \(9,\)",
    ),
    "lengths beyond the steps": (
        "a.npz",
        archive(X=X, y=Y, lengths=Y + 2),
        {},
        "lengths, row 1: .*1 to the 2 steps.*Got 3",
    ),
    "lengths with fractions": (
        "a.npz",
        archive(X=X, y=Y, lengths=Y + 1.0),
        {},
        "lengths: .*20 whole numbers.*float64",
    ),
    "groups for some": ("a.npz", archive(X=X, y=Y, groups=Y[:5]), {}, "groups: .*20 whole numbers"),
    "classes or numbers": (
        "a.npz",
        archive(X=X, y=Y + 0.0),
        {},
        "y: whole numbers .* may be classes or numbers. Got 2 values of float64: --label y",
    ),
    "a gap in y": (
        "a.npz",
        archive(X=X, y=np.where(Y, np.nan, 0.5)),
        {},
        r"y\[1, 0\]: should be finite.*Got nan",
    ),
    "classes that are missing": (
        "a.npz",
        archive(X=X, y=np.where(Y, np.nan, 1.0)),
        {"label": "y"},
        "y: classes should be finite numbers. Got nan",
    ),
    "a window of arrays": ("a.npz", archive(X=X, y=Y), {"window": 3}, "without --window"),
    "no Parquet": ("a.parquet", b"PAR1 no", SERIES, "should be a Parquet file"),
}


def written(folder, file, content):
    path = folder / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", READ)
def test_it_is_read(tmp_path, name):
    file, content, options, check = READ[name]
    path = written(tmp_path, file, content)
    check(read(path, **options))


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_one_line(tmp_path, name):
    file, content, options, said = REFUSED[name]
    path = written(tmp_path, file, content)
    with pytest.raises(QRNNError, match=said) as raised:
        read(path, **options)
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert exit_code(raised.value) in (2, 3)
    assert str(path) in message or exit_code(raised.value) == 2


def test_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet(x=[float(n) for n in range(9)], name=["a"] * 9))
    is_series(8)(read(path, **SERIES))
    path.write_bytes(parquet(text=[f"good {n}" for n in range(20)], label=list("ab") * 10))
    assert read(path).target == Classes(("a", "b"))
    path.write_bytes(parquet(who=[{"a": 1}] * 9, x=list(range(9)), of=[[1, 2]] * 9))
    is_series(8)(read(path, **SERIES))  # what is not asked for may be of any type
    path.write_bytes(parquet(x=[1, None, 3]))
    with pytest.raises(QRNNError, match="row 2, column 'x': .*Got a gap"):
        read(path, **SERIES)
    path.write_bytes(parquet(x=[*range(8), None, 9]))
    data = read(path, **SERIES, gaps="last")
    is_series(7, 9)(data)
    assert data.notes[-1] == "1 gap is the last number before it."
    path.write_bytes(parquet(x=["1", "2", "3"]))
    with pytest.raises(QRNNError, match="column 'x': should hold numbers. Got the type string"):
        read(path, **SERIES)
    path.write_bytes(parquet(x=[2**60 + 1024 * n for n in range(9)]))  # beyond what floats count
    assert read(path, **SERIES).series.values[8, 0] == 2**60 + 8192


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([b"a", b"b"], "Got the type binary: write texts as strings"),
        ([[0], [1]], "Got the type list<"),
        ([{"a": 0}, {"a": 1}], "Got the type struct<"),
        ([float("nan"), 1.0], "should not be empty. Got a gap"),
    ],
)
def test_parquet_cells_that_are_no_label(tmp_path, labels, said):
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet(text=[f"good {n}" for n in range(20)], label=labels * 10))
    with pytest.raises(QRNNError, match=f"column 'label': .*{said}"):
        read(path)


def test_every_step_of_a_long_table_may_have_its_own(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(LONG.replace(",b\n", ",a\n", 1))
    options = {"sequence": "who", "time": "t", "target": "x", "inputs": "t"}
    data = read(path, **options, per_step=True)
    assert data.target == Numbers(("x",), per_step=True)
    np.testing.assert_array_equal(data.sequences.targets[3, :, 0], [30, 31, 32])
    with pytest.raises(QRNNError, match="one 'x'. Got '.*' after"):
        read(path, **options)


@pytest.mark.slow
def test_a_million_rows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,a,x\n" + "".join(f"{n},{n % 7}.25,{n % 1000}\n" for n in range(10**6)))
    began = time.process_time()
    data = read(path, **SERIES, time="time")
    assert len(data) == 10**6 - 2
    assert data.sequences.targets[-1] == 999
    assert len(data.parts(0).test) == 200_000
    assert time.process_time() - began < 30


separators = [b",", b";", b"\t", b":", b"\n", b"\r\n", b"\r", b'"', b"\0", b"\xff", b"\xef\xbb\xbf"]
cells = [b"x", b"text", b"label", b"1", b"2,5", b"-", b"?", b"1e9", b"@data\n"]
tables = [one.encode() for one in (texts(), column("8"), TS + CASES, LONG)]
pieces = st.sampled_from([*separators, *cells, *tables])


@settings(max_examples=120, deadline=None)
@given(
    content=st.lists(pieces | st.binary(max_size=6), max_size=12).map(b"".join),
    ending=st.sampled_from(["csv", "tsv", "ts", "npz", "parquet"]),
    options=st.sampled_from([{}, SERIES, {"sequence": "who", "label": "kind"}, {"label": "x"}]),
)
def test_no_file_causes_anything_but_one_line(tmp_path_factory, content, ending, options):
    path = written(tmp_path_factory.mktemp("any"), f"a.{ending}", content)
    message, code = "", 2
    try:
        assert np.isfinite(read(path, **options).sequences.values).all()
    except QRNNError as error:
        message, code = str(error), exit_code(error)
    assert len(message.splitlines()) <= 1
    assert code in (2, 3)
