"""A study on a real Dask cluster of processes on the loopback interface, which are killed."""

import json
import signal
import time

import pytest
from dask_cluster import DaskCluster, wait_for

from qrnn_hw.errors import ClusterLostError, ConfigurationError, exit_code
from qrnn_hw.studies import cluster
from qrnn_hw.studies.engine import run_cells
from qrnn_hw.studies.grid import grid
from qrnn_hw.studies.rows import RowFile, in_order

pytest.importorskip("distributed", reason="needs qrnn-hw[dask]")

CELLS = '''
import os, time
from pathlib import Path

def square(values):
    """Leave a mark, so that the test knows who computes what, then take a while."""
    folder = Path(values["folder"])
    (folder / f"{values['a']}-{os.getpid()}").touch()
    stalls = (folder.parent / "stall").exists() and len(list(folder.iterdir())) == 7
    time.sleep(300 if stalls else 0.1)
    return {"square": values["a"] ** 2}

def deadly(values):
    if values["a"] == 1:
        os._exit(9)
    return square(values)

def unknown_there(values):
    return {}
'''
N = 24


class Said:
    """Progress that calls back after each cell."""

    def __init__(self, after=lambda done: None):
        self.stages, self.after = [], after

    def stage(self, text):
        self.stages.append(text)

    def advance(self, done, total, note=""):
        self.after(done)


@pytest.fixture
def dask(tmp_path, monkeypatch):
    (tmp_path / "cells_of_a_test.py").write_text(CELLS)
    monkeypatch.syspath_prepend(tmp_path)
    running = DaskCluster(tmp_path)
    yield running
    running.close()


def cells_in(folder):
    marks = folder / "marks"
    marks.mkdir(exist_ok=True)
    defaults = {"a": 0, "folder": ""}
    return grid("squares", {"a": list(range(N))}, {"folder": str(marks)}, defaults).cells()


def lasting(cells, path):
    return [json.dumps(row.lasting()) for row in in_order(cells, RowFile(path).read())]


def test_no_row_is_lost_when_a_worker_and_then_the_scheduler_are_killed(
    dask, tmp_path, monkeypatch
):
    from cells_of_a_test import square

    cells, path = cells_in(tmp_path), tmp_path / "rows.jsonl"
    rows = RowFile(path)
    monkeypatch.setattr(cluster, "REPLY_SECONDS", 3.0)
    (tmp_path / "stall").touch()
    victim = dask.add_worker()

    def after(done):
        if done == 6:
            # It alone computes, and hangs in the cell that it has begun.
            wait_for(lambda: len(list(tmp_path.glob(f"marks/*-{victim.pid}"))) > 6)
            victim.kill()
            dask.add_worker()
        if done == 16:
            assert victim.wait(30) == -signal.SIGKILL
            dask.scheduler.kill()

    start = time.monotonic()
    with pytest.raises(ClusterLostError, match="finished cells are kept; run the same command"):
        run_cells(cells, rows, square, Said(after), cluster=dask.address)
    assert time.monotonic() - start < 300  # bounded; a study that waits for ever hangs the suite
    n_kept = len(rows.read())
    assert 16 <= n_kept < N

    dask.scheduler.wait(30)
    again = DaskCluster(tmp_path)
    again.add_worker()
    try:
        tally = run_cells(cells, rows, square, Said(), cluster=again.address)
    finally:
        again.close()
    assert (tally.n_known, tally.n_run) == (n_kept, N - n_kept)
    begun = [int(p.name.split("-")[0]) for p in tmp_path.glob("marks/*")]
    assert len(begun) > len(set(begun))  # the cell of the killed worker ran again
    run_cells(cells, RowFile(tmp_path / "one.jsonl"), square, Said())
    assert lasting(cells, path) == lasting(cells, tmp_path / "one.jsonl")


def test_results_that_died_with_their_worker_are_computed_again(dask, tmp_path, monkeypatch):
    from cells_of_a_test import square

    monkeypatch.setattr(cluster, "REPLY_SECONDS", 2.0)
    cells, rows = cells_in(tmp_path)[:6], RowFile(tmp_path / "rows.jsonl")
    dask.add_worker()

    def after(done):
        if done == 1:
            wait_for(lambda: len(list(tmp_path.glob("marks/*"))) == 6)
            time.sleep(0.5)  # the last one too is finished, and none but the first is fetched
            dask.workers[0].kill()
            dask.add_worker()

    assert run_cells(cells, rows, square, Said(after), cluster=dask.address).n_run == 6
    assert [row.result["square"] for row in in_order(cells, rows.read())] == [0, 1, 4, 9, 16, 25]
    assert len(list(tmp_path.glob("marks/*"))) >= 11


def test_a_scheduler_that_stops_answering_ends_the_study(dask, tmp_path, monkeypatch):
    from cells_of_a_test import square

    monkeypatch.setattr(cluster, "CHECK_SECONDS", 0.3)
    monkeypatch.setattr(cluster, "REPLY_SECONDS", 1.0)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 2.0)
    dask.add_worker()
    stopped = Said(lambda done: done == 2 and dask.scheduler.send_signal(signal.SIGSTOP))
    rows = RowFile(tmp_path / "rows.jsonl")
    with pytest.raises(ClusterLostError, match="gives no answer") as caught:
        run_cells(cells_in(tmp_path), rows, square, stopped, cluster=dask.address)
    assert exit_code(caught.value) == 6
    assert len(rows.read()) >= 2


def test_a_cluster_without_workers_is_not_waited_for_for_ever(dask, tmp_path, monkeypatch):
    from cells_of_a_test import square

    monkeypatch.setattr(cluster, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(cluster, "WORKERLESS_SECONDS", 0.5)
    said, rows = Said(), RowFile(tmp_path / "rows.jsonl")
    with pytest.raises(ClusterLostError, match="should have workers"):
        run_cells(cells_in(tmp_path), rows, square, said, cluster=dask.address)
    assert "the cluster has no worker" in said.stages[-1]


@pytest.mark.slow
def test_a_cell_that_kills_every_worker_is_named_after_all_others_are_done(dask, tmp_path):
    from cells_of_a_test import deadly

    for _ in range(2):
        dask.add_worker(nanny=True)
    rows = RowFile(tmp_path / "rows.jsonl")
    with pytest.raises(ConfigurationError, match="whose workers died at every try"):
        run_cells(cells_in(tmp_path), rows, deadly, Said(), cluster=dask.address)
    kept = {row.parameters["a"] for row in rows.read().values()}
    assert 1 not in kept
    assert len(kept) >= N - 4  # those that shared a worker with it may be blamed with it


def test_a_worker_that_lacks_the_code_is_one_line(dask, tmp_path):
    from cells_of_a_test import unknown_there

    (tmp_path / "cells_of_a_test.py").write_text(CELLS.replace("unknown_there", "other"))
    dask.add_worker()
    rows = RowFile(tmp_path / "rows.jsonl")
    with pytest.raises(ConfigurationError, match="install the same qrnn-hw there"):
        run_cells(cells_in(tmp_path)[:1], rows, unknown_there, Said(), cluster=dask.address)


def test_no_scheduler_is_one_line(tmp_path, monkeypatch):
    from operator import itemgetter

    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    rows = RowFile(tmp_path / "rows.jsonl")
    with pytest.raises(ClusterLostError, match="address of a running Dask scheduler"):
        run_cells(cells_in(tmp_path)[:1], rows, itemgetter("a"), Said(),
                  cluster="tcp://127.0.0.1:9")  # fmt: skip
