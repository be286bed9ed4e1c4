import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.studies.engine import run_cells
from qrnn_hw.studies.grid import Shard, grid, read_grid
from qrnn_hw.studies.rows import CellRow, RowFile, in_order

DEFAULTS = {"a": 0, "b": 0.5, "c": "x", "folder": ""}
KINDS = {"sums": DEFAULTS}


class Silent:
    def __init__(self):
        self.stages = []

    def stage(self, text):
        self.stages.append(text)

    def advance(self, done, total, note=""): ...


def add(values):
    return {"sum": values["a"] + values["b"]}


def odd_ones_fail(values):
    if values["a"] % 2:
        raise ValueError(f"odd\n{values['a']}")
    return add(values)


def dies_once(values):
    mark = Path(values["folder"]) / "died"
    if values["a"] == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return add(values)


def sums(n=6, **fixed):
    return grid("sums", {"a": list(range(n)), "b": [1.0, 2.0]}, fixed, DEFAULTS)


def lasting(cells, path):
    return [json.dumps(row.lasting()) for row in in_order(cells, RowFile(path).read())]


def test_cells_are_the_product_and_keys_say_what_they_hash():
    cells = sums().cells()
    assert len({cell.key for cell in cells}) == len(cells) == 12
    assert [cell.values["a"] for cell in cells[:3]] == [0, 0, 1]
    assert cells[0].hashed()["parameters"] == {"a": 0, "b": 1.0, "c": "x", "folder": ""}
    # The order in which axes are written is no part of a cell.
    turned = grid("sums", {"b": [1, 2], "a": list(range(6))}, {}, DEFAULTS)
    assert {cell.key for cell in turned.cells()} == {cell.key for cell in cells}


def test_shards_divide_the_whole_and_merge_back(tmp_path):
    cells = sums().cells()
    parts = [sums().cells(Shard(i, 5)) for i in range(1, 6)]
    assert sorted(c.key for part in parts for c in part) == sorted(c.key for c in cells)
    for number, part in enumerate(parts):
        run_cells(part, RowFile(tmp_path / f"{number}.jsonl"), add, Silent())
    whole = RowFile(tmp_path / "whole.jsonl")
    paths = [tmp_path / f"{number}.jsonl" for number in range(5)]
    assert whole.merge(paths) == 12
    assert whole.merge(paths) == 0
    run_cells(cells, RowFile(tmp_path / "once.jsonl"), add, Silent())
    assert lasting(cells, whole.path) == lasting(cells, tmp_path / "once.jsonl")


def test_a_second_run_does_nothing_and_says_so(tmp_path):
    rows, progress = RowFile(tmp_path / "rows.jsonl"), Silent()
    assert run_cells(sums().cells(), rows, add, progress).n_run == 12
    before = rows.path.read_bytes()
    tally = run_cells(sums().cells(), rows, add, progress)
    assert (tally.n_run, tally.n_known) == (0, 12)
    assert "0 cells to run, 12 of 12" in progress.stages[-1]
    assert rows.path.read_bytes() == before


def test_a_study_is_run_by_one_process_at_a_time(tmp_path):
    rows = RowFile(tmp_path / "new" / "rows.jsonl")
    cells = sums().cells()[:2]

    def run_again(values):
        with pytest.raises(ConfigurationError, match=r"one process at a time\. Got .*--shard"):
            run_cells(cells, rows, add, Silent())
        return add(values)

    assert run_cells(cells, rows, run_again, Silent()).n_failed == 0
    assert run_cells(cells, rows, add, Silent()).n_run == 0


def test_locks_that_cannot_be_written_are_named_in_the_words_of_a_study(tmp_path):
    (tmp_path / ".locks").touch()
    rows = RowFile(tmp_path / "rows.jsonl")
    with pytest.raises(ConfigurationError, match=r"Got .*\.locks; .*choose another --output"):
        run_cells(sums().cells()[:1], rows, add, Silent())
    with pytest.raises(ConfigurationError, match="choose another --output"):
        rows.add(CellRow("ab", "sum", {}, {"sum": 1}, None, 1, 0.0))


def test_a_failing_cell_is_retried_recorded_and_the_others_go_on(tmp_path):
    rows = RowFile(tmp_path / "rows.jsonl")
    tally = run_cells(sums().cells(), rows, odd_ones_fail, Silent())
    assert (tally.n_run, tally.n_failed) == (12, 6)
    row = next(row for row in rows.read().values() if row.parameters["a"] == 3)
    assert (row.result, row.error, row.tries) == (None, "ValueError: odd 3", 2)
    assert run_cells(sums().cells(), rows, add, Silent()).n_run == 0
    tally = run_cells(sums().cells(), rows, add, Silent(), retry_failed=True)
    assert (tally.n_run, tally.n_failed) == (6, 0)


def test_a_figure_that_is_not_finite_is_an_error_and_the_others_go_on(tmp_path):
    def divide(values):
        return {"one": float("nan") if values["a"] == 3 else 1.0}

    rows = RowFile(tmp_path / "rows.jsonl")
    tally = run_cells(sums().cells(), rows, divide, Silent())
    assert (tally.n_run, tally.n_failed) == (12, 2)
    row = next(row for row in rows.read().values() if row.parameters["a"] == 3)
    assert row.result is None
    assert "not JSON compliant" in row.error


def test_a_torn_last_line_is_cut_off(tmp_path):
    rows, cells = RowFile(tmp_path / "rows.jsonl"), sums().cells()
    run_cells(cells, rows, add, Silent())
    whole = rows.path.read_bytes()
    for length in (len(whole) - 1, len(whole) - 40, len(whole) // 2, 5, 0):
        rows.path.write_bytes(whole[:length])
        run_cells(cells, rows, add, Silent())
        assert len(rows.read()) == len(rows.path.read_bytes().splitlines()) == 12


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"tries": ', '"attempts": '),
        ('{"sum": 1.0}', '{"sum": NaN}'),
        ('{"sum": 1.0}', '"all"'),
        ('{"sum": 1.0}', "null"),
        ('"error": null', '"error": "but a result too"'),
    ],
)
def test_a_broken_line_is_named(old, new, tmp_path):
    rows = RowFile(tmp_path / "rows.jsonl")
    run_cells(sums(1).cells(), rows, add, Silent())
    text = rows.path.read_text()
    assert old in text
    rows.path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError, match="line 1; remove that line"):
        rows.read()


def test_a_file_without_rows_is_not_merged(tmp_path):
    (tmp_path / "notes.txt").write_text("no rows")
    with pytest.raises(ConfigurationError, match="Got none in .*notes.txt"):
        RowFile(tmp_path / "rows.jsonl").merge([tmp_path / "notes.txt"])


def test_a_row_of_another_cell_is_named(tmp_path):
    rows, cells = RowFile(tmp_path / "rows.jsonl"), sums(1).cells()
    run_cells(cells, rows, add, Silent())
    rows.path.write_text(rows.path.read_text().replace('"b": 2.0', '"b": 7.0'))
    with pytest.raises(ConfigurationError, match=f"under {cells[1].key[:12]}"):
        in_order(cells, rows.read())


def test_processes_give_the_same_rows_though_one_is_killed(tmp_path):
    cells, progress = sums(folder=str(tmp_path)).cells(), Silent()
    rows = RowFile(tmp_path / "two.jsonl")
    tally = run_cells(cells, rows, dies_once, progress, n_workers=2)
    assert tally.n_run == 12
    assert any("a worker died" in text for text in progress.stages)
    run_cells(cells, RowFile(tmp_path / "one.jsonl"), add, Silent())
    assert lasting(cells, rows.path) == lasting(cells, tmp_path / "one.jsonl")


SLOW_STUDY = """
import sys, time
from pathlib import Path
from qrnn_hw.studies.engine import run_cells
from qrnn_hw.studies.grid import grid
from qrnn_hw.studies.rows import RowFile

class Silent:
    def stage(self, text): ...
    def advance(self, done, total, note=""): ...

def evaluate(values):
    time.sleep(0.02)
    return {"square": values["a"] ** 2}

cells = grid("squares", {"a": list(range(40))}, {}, {"a": 0}).cells()
run_cells(cells, RowFile(Path(sys.argv[1])), evaluate, Silent())
"""


def test_kill_9_and_again_gives_the_rows_of_an_uninterrupted_run(tmp_path):
    command = [sys.executable, "-c", SLOW_STUDY]
    killed, whole = tmp_path / "killed.jsonl", tmp_path / "whole.jsonl"
    for n_rows in (3, 17):
        process = subprocess.Popen([*command, killed])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if killed.exists() and killed.read_bytes().count(b"\n") >= n_rows:
                break
            time.sleep(0.002)
        process.kill()
        process.wait()
        assert n_rows <= len(RowFile(killed).read()) < 40
    for path in (killed, whole):
        subprocess.run([*command, path], check=True, timeout=60)
    cells = grid("squares", {"a": list(range(40))}, {}, {"a": 0}).cells()
    assert lasting(cells, killed) == lasting(cells, whole)
    assert len(lasting(cells, whole)) == 40


def test_a_study_is_one_toml_file(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text('study = "sums"\n[axes]\na = [1, 2]\n[fixed]\nb = 3\n')
    (first, _) = read_grid(path, KINDS).cells()
    assert first.values == {"a": 1, "b": 3.0, "c": "x", "folder": ""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study = ", "cannot be read"),
        ('study = "other"', "Got study = 'other'"),
        ('study = "sums"\nmore = 1', "and more"),
        ('study = "sums"\n[axes]\nd = [1]', "Got d"),
        ('study = "sums"\n[axes]\na = [1]\n[fixed]\na = 1', "each once. Got a"),
        ('study = "sums"\n[axes]\na = []', "list of distinct values"),
        ('study = "sums"\n[axes]\na = [1, 1]', "list of distinct values"),
        ('study = "sums"\n[axes]\na = [1.5]', "type int, like 0. Got 1.5"),
        ('study = "sums"\n[axes]\na = [[1]]', "type int, like 0. Got \\[1\\]"),
        ('study = "sums"\n[axes]\nb = [nan]', "b should be finite. Got nan"),
        ('study = "sums"\n[fixed]\nb = -inf', "b should be finite. Got -inf"),
    ],
)
def test_wrong_files_are_one_clear_line(text, words, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        read_grid(path, KINDS)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "²/2"])
def test_wrong_shards(text):
    with pytest.raises(UsageError, match="a shard should be"):
        Shard.parse(text)


def test_no_worker_is_refused(tmp_path):
    with pytest.raises(UsageError, match="at least 1. Got 0"):
        run_cells((), RowFile(tmp_path / "rows.jsonl"), add, Silent(), n_workers=0)


def test_a_cell_knows_a_model_by_its_options_and_its_own_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    step = "def step(circuit, qubits=1, inputs=1, weights=1, bits=0, *, layers=1):\n"
    step += "    circuit.ry(inputs[0], 0)\n"
    step += "    for _ in range(layers):\n        circuit.GATE(weights[0], 0)\n"
    known = {"model": "dynamic-line", "options": "", "sentences": 10}

    def key(**parameters):
        (cell,) = grid("noise", {"sentences": [10]}, parameters, known).cells()
        return cell.key

    (bare,) = grid("noise", {"sentences": [10]}, {}, {"model": "x", "sentences": 1}).cells()
    named = grid(
        "noise", {"sentences": [10]}, {"model": "dynamic-line"}, {"model": "x", "sentences": 1}
    )
    assert key() == named.cells()[0].key != bare.key  # no options, as before there were any

    Path("cell.py").write_text(step.replace("GATE", "rx"))
    first = key(model="cell.py:step")
    assert first != key(model="cell.py:step", options="layers=2")
    Path("cell.py").write_text("# the same\n" + step.replace("GATE", "rx"))
    assert key(model="cell.py:step") == first
    Path("cell.py").write_text(step.replace("GATE", "rz"))
    assert key(model="cell.py:step") != first
    with pytest.raises(UsageError, match="NAME=VALUE"):
        key(options="layers")
