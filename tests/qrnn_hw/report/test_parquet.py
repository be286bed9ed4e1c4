import csv
import sys

import pytest

from qrnn_hw.cli import invoke
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.report.files import write_rows

ROWS = [
    {"name": "a", "shots": 10, "rate": 0.5, "needed": None},
    {"name": "b, c", "shots": 100, "rate": 1, "needed": 3.0, "error": "none"},
]


def test_parquet_holds_what_the_csv_holds(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs qrnn-hw[parquet]")
    write_rows(tmp_path, ROWS, parquet=True)
    found = parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    names = ["name", "shots", "rate", "needed", "error"]
    assert found == [{name: row.get(name) for name in names} for row in ROWS]
    with (tmp_path / "rows.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    for line, row in zip(lines, found, strict=True):
        assert [v == "" for v in line.values()] == [v is None for v in row.values()]
        assert float(line["rate"]) == row["rate"]
    before = (tmp_path / "rows.parquet").read_bytes()
    write_rows(tmp_path, ROWS, parquet=True)
    assert (tmp_path / "rows.parquet").read_bytes() == before


def test_without_the_package_it_is_one_line_and_csv_does_without_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr("qrnn_hw.report.parquet.find_spec", lambda name: None)
    write_rows(tmp_path, ROWS, parquet=False)
    with pytest.raises(ConfigurationError, match=r"install qrnn-hw\[parquet\]"):
        write_rows(tmp_path, ROWS, parquet=True)


@pytest.mark.parametrize("kind", ["shots", "noise", "mitigation", "device"])
def test_the_command_says_so_before_it_does_anything(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qrnn_hw.report.parquet.find_spec", lambda name: None)
    assert invoke(["study", kind, "--parquet"]) == 3
    assert "qrnn-hw[parquet]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
