"""SIGKILL to a real study, to a worker of its cluster, to the scheduler; then run again."""

import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rows import Row, row

sys.path.append(str(Path(__file__).parents[1]))
from dask_cluster import DaskCluster

COMMAND = [sys.executable, "-c", "from qrnn_hw.cli import main; main()", "study", "noise",
           "--axis", "source=readout,idle", "--axis", "scale=0,1,4",
           "--set", "epochs=2", "--set", "sentences=20"]  # fmt: skip
N_CELLS = 6
DEADLINE_SECONDS = 240


def kill_rows(folder: Path) -> Iterator[Row]:
    """Kill once in training and once between cells, then on a cluster, and compare the files."""
    whole, killed = folder / "whole", folder / "killed"
    _finish(whole)
    struck = 0
    for moment in (lambda: any(killed.glob("models/*/checkpoint.npz")), _has_rows(killed, 2)):
        process = _start(killed)
        struck += _wait(moment, process)
        process.kill()
        process.wait()
    yield row("SIGKILLs that struck a study of noise", struck, 2, struck == 2)
    _finish(killed)
    yield _same("the killed study", killed, whole)
    if not importlib.util.find_spec("distributed"):
        yield row("kills on a Dask cluster", "skipped: no distributed", None, True)
        return
    yield from _cluster_rows(folder, whole)


def _cluster_rows(folder: Path, whole: Path) -> Iterator[Row]:
    on_cluster = folder / "cluster"
    shutil.copytree(whole / "models", on_cluster / "models")  # trained once is enough
    cluster = _cluster(folder / "first", n_workers=2)
    process = _start(on_cluster, "--cluster", cluster.address)
    struck = _wait(_has_rows(on_cluster, 1), process)
    cluster.workers[0].kill()
    ended = process.wait(DEADLINE_SECONDS)
    yield row("study on a cluster, a worker killed: its exit code", ended, 0, struck and ended == 0)
    yield _same("the study that lost a worker", on_cluster, whole)

    (on_cluster / "rows.jsonl").unlink()
    process = _start(on_cluster, "--cluster", cluster.address)
    struck = _wait(_has_rows(on_cluster, 2), process)
    cluster.scheduler.kill()
    start = time.monotonic()
    ended = process.wait(DEADLINE_SECONDS)
    seconds = time.monotonic() - start
    cluster.close()
    kept = len((on_cluster / "rows.jsonl").read_bytes().splitlines())
    yield row(f"study on a cluster, scheduler killed with {kept} of {N_CELLS} rows: its exit code",
              ended, 6, struck and ended == 6 and kept >= 2)  # fmt: skip
    yield row("seconds from the scheduler's death to the study's end", round(seconds, 1), 60,
              seconds < 60)  # fmt: skip
    cluster = _cluster(folder / "second", n_workers=1)
    try:
        _finish(on_cluster, "--cluster", cluster.address)
    finally:
        cluster.close()
    yield _same("the study that lost its scheduler, run again", on_cluster, whole)


def _cluster(folder: Path, n_workers: int) -> DaskCluster:
    folder.mkdir()
    cluster = DaskCluster(folder)
    for _ in range(n_workers):
        cluster.add_worker()
    return cluster


def _start(output: Path, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, *options, "--output", output], stdout=subprocess.DEVNULL)


def _finish(output: Path, *options: str) -> None:
    command = [*COMMAND, *options, "--output", str(output)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=DEADLINE_SECONDS)


def _has_rows(folder: Path, n: int) -> Callable[[], bool]:
    path = folder / "rows.jsonl"
    return lambda: path.exists() and len(path.read_bytes().splitlines()) >= n


def _wait(moment: Callable[[], bool], process: subprocess.Popen[bytes]) -> bool:
    """Return whether the moment came while the process was alive."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not moment() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return process.poll() is None


def _same(what: str, folder: Path, whole: Path) -> Row:
    names = ("rows.csv", "report.html")
    same = [(folder / n).read_bytes() == (whole / n).read_bytes() for n in names]
    found = f"{', '.join(n for n, s in zip(names, same, strict=True) if s)} alike"
    return row(f"{what} and an uninterrupted one", found, "rows.csv, report.html alike", all(same))
