"""Workers in clean processes, started fast: the imports happen once, in a fork server."""

import multiprocessing
import os
import queue
from pathlib import Path

from emulator.worker import work

# The fork server of Python 3.11 does not take over this process's import path.
_TESTS = Path(__file__).parents[1]
os.environ["PYTHONPATH"] = os.pathsep.join([str(_TESTS.parent), str(_TESTS)])

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["emulator.worker"])


def start(environment, path, seeds, kill_at=None, *, act="run"):
    """Start a worker and return (process, its queue of answers); `act` as in `worker.work`."""
    answers = CONTEXT.Queue()
    process = CONTEXT.Process(
        target=work,
        args=(environment, str(path), list(seeds), kill_at, act, answers),
        daemon=True,
    )
    process.start()
    return process, answers


def finish(process, answers, timeout_seconds=90.0):
    """Return what the worker told, or ("killed", "") when it could not."""
    process.join(timeout_seconds)
    if process.is_alive():
        process.kill()
        return "hung", ""
    try:
        return answers.get(timeout=0.2 if process.exitcode == 0 else 0.05)
    except queue.Empty:
        return "killed", ""
