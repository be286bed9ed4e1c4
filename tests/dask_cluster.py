"""A Dask scheduler and workers as processes of their own on the loopback interface."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait until the condition holds; AssertionError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


class DaskCluster:
    """Started with a scheduler and no worker; its processes are there to be killed.

    Args:
        folder: for the scheduler's file; its modules can be imported by the workers.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self._file.unlink(missing_ok=True)
        paths = [str(folder), str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
        self._environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        wait_for(self._is_written)
        self.address = str(json.loads(self._file.read_text())["address"])

    def add_worker(self, *, nanny: bool = False) -> subprocess.Popen[bytes]:
        """Start a worker of one thread; a nanny would start it again after its death."""
        guard = "--nanny" if nanny else "--no-nanny"
        self.workers.append(self._start("worker", "--nthreads", "1", guard))
        return self.workers[-1]

    def close(self) -> None:
        """End what is left of it."""
        for process in (*self.workers, self.scheduler):
            process.send_signal(signal.SIGCONT)
            process.kill() if process is self.scheduler else process.terminate()
            process.wait(30)

    def _is_written(self) -> bool:
        """Say whether the scheduler's file is there as a whole, not only begun."""
        try:
            return "address" in json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return False

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", kind, *arguments]
        return subprocess.Popen(
            [*command, "--no-dashboard", "--scheduler-file", str(self._file)],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
