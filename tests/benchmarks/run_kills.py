"""SIGKILL to `qrnn-hw run` on a service, in training and between jobs; then run again.

One row for each way a model goes: all in one circuit, its sampled form, and in rounds, where each
job's angles come from the answer before. A run that was killed has to end with the jobs, the bits
and the bill of one that was not.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rows import Row, row

sys.path.append(str(Path(__file__).parents[1]))
from emulator.server import Emulator
from emulator.service import Service

# The client keeps to the service's five jobs a minute, which no benchmark has to wait for.
COMMAND = (
    "from jobs.service import pace; pace.PERIOD_SECONDS = 1.0\nfrom qrnn_hw.cli import main; main()"
)
KINDS = {
    "in one circuit": ("--model", "dynamic-line"),
    "sampled": ("--model", "adapted", "--mode", "sampled"),
    "in rounds": ("--model", "v1", "--wiring", "repaired"),
}
SMALL = ("--dataset", "amazon", "--sentences", "6", "--shots", "300", "--epochs", "2", "--yes",
         "--backend", "ibm_boston", "--json", "--output", "run")  # fmt: skip
DEADLINE_SECONDS = 900


def run_kill_rows(folder: Path) -> Iterator[Row]:
    """Kill each kind of run in training, after its first job and before its last answer."""
    for kind, words in KINDS.items():
        whole = _Campaign(folder / kind.replace(" ", "-"), words)
        try:
            whole.finish()
            jobs_of_whole, bill_of_whole = whole.charged()
        finally:
            whole.close()
        killed = _Campaign(folder / f"{kind.replace(' ', '-')}-killed", words)
        try:
            struck = sum(killed.kill(moment) for moment in (killed.is_trained, *killed.jobs_of()))
            document = killed.finish()
            jobs, bill = killed.charged()
            again = killed.finish()
            repeated = killed.charged()
        finally:
            killed.close()
        wanted = {"SIGKILLs": 3, "jobs": jobs_of_whole, "seconds": bill_of_whole, "doubles": 0,
                  "after": "the same"}  # fmt: skip
        found = {
            "SIGKILLs": struck,
            "jobs": jobs,
            "seconds": bill,
            "doubles": jobs - len(set(killed.tags())),
            "after": "the same" if again == document and repeated == (jobs, bill) else "another",
        }
        yield row(f"run {kind}, killed and run again", found, wanted, found == wanted)


class _Campaign:
    """A user's folder and store, and a service of its own that keeps what it was sent."""

    def __init__(self, folder: Path, words: tuple[str, ...]):
        folder.mkdir(parents=True)
        self.folder, self.words = folder, (*words, *SMALL)
        self.emulator = Emulator(Service(n_qubits=12))
        self.emulator.service.settings.queue_seconds = 1.0  # there is time to be killed in
        clean = {k: v for k, v in os.environ.items() if not k.startswith("QISKIT_IBM")}
        self.environment = {
            **clean,
            **self.emulator.environment(),
            "QRNN_HW_HOME": str(folder / "home"),
        }

    def close(self) -> None:
        self.emulator.close()

    def start(self, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", COMMAND, "run", *self.words]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment, text=True, **options
        )

    def kill(self, moment: Callable[[], bool]) -> bool:
        """Start the command and kill it at a moment; return whether it was alive then."""
        process = self.start(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not moment() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        alive = process.poll() is None and time.monotonic() < deadline
        process.kill()
        process.wait()
        return alive

    def finish(self) -> Any:
        """Run to the end and return what was measured, without what differs by the clock."""
        process = self.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0, err[-2000:]
        document = json.loads(out)
        return {key: document[key] for key in ("jobs", "measured", "training") if key in document}

    def is_trained(self) -> bool:
        return any(self.folder.glob("run/checkpoint.npz"))

    def jobs_of(self) -> tuple[Callable[[], bool], Callable[[], bool]]:
        """Return the moments at which the service took the first job, and answered one."""
        service = self.emulator.service
        return (
            lambda: bool(service.jobs),
            lambda: any(job.finished is not None for job in list(service.jobs.values())),
        )

    def charged(self) -> tuple[int, float]:
        """Return how many jobs the service has, and what it metered for them in seconds."""
        jobs = self.emulator.service.jobs.values()
        return len(jobs), round(sum(job.seconds for job in jobs), 6)

    def tags(self) -> list[str]:
        """Return the tag of each job, which names its content."""
        return [str(job.request.get("tags")) for job in self.emulator.service.jobs.values()]
