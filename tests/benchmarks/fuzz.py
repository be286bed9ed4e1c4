"""Hostile and damaged files through the real commands: one line and an exit code, always.

Each input is a sound document of one of eight kinds, mutated, or one that was built to do harm. It
goes through the command line in a forked process with bounds of time and memory. `make fuzz` writes
build/fuzz.json; the tests run a small slice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import hostile_files
from mutations import mutated
from persistent_worker import Ended, Worker, steers
from rows import row, write_as_they_come

CODES = frozenset({0, 2, 3, 4})
"""What a file can end in: read, a usage error, an unfit file, a circuit that is refused."""
SECRET = "correct-horse-battery-staple"
FAULTS = ("traceback", "hang or abort", "local file read", "escape")
KEPT = 20
EVERY = 250


def faults_of(ended: Ended, data: bytes, *, is_built: bool) -> list[str]:
    """Return what is wrong with how a command ended."""
    found = []
    if ended.code is None:
        found.append("hang or abort")
    elif ended.code not in CODES or "Traceback" in ended.said:
        found.append("traceback")
    # A parser that reads an included file quotes it, gives a place in it, or knows its gates.
    quotes = SECRET in ended.said or re.search(r"(secret|gates)\.inc\W*:\d", ended.said)
    opens = any(Path(one).suffix == ".inc" for one in ended.opened)
    knows = is_built and b"leaked" in data and ended.code in (0, 4)
    if quotes or opens or knows:
        found.append("local file read")
    if steers(ended.said):
        found.append("escape")
    return found


def prepare(as_users: bool) -> None:
    """Let circuit files be read in this process, within its bounds, or as users read them.

    What is too much here (the stack, memory, a panic) is read as users do at once.
    """
    import jobs.circuit_files.bounded_reader as reader
    import jobs.circuit_files.circuit_file as circuit_file
    from jobs.circuit_files.bounded_child import read
    from jobs.errors import JobsError, SpecError

    reader.QPY = reader.OPENQASM = reader.Bounds(seconds=4.0, bytes_of_memory=3 << 30)

    def inside(data: bytes, path: Path) -> Any:
        try:
            return read(data, "qpy" if path.suffix == ".qpy" else "openqasm")
        except JobsError as error:
            raise SpecError(f"{str(error).rstrip('.')} in {path}.") from None
        except BaseException:
            return reader.read_bounded(data, path)

    circuit_file.read_bounded = reader.read_bounded if as_users else inside


def inputs(n_inputs: int, seed: int, folder: Path, part: int, n_parts: int) -> Any:
    """Yield number, kind, content and whether it was built; bombs are the last."""
    sound = hostile_files.sound()
    harmful = hostile_files.harmful(folder / "secret.inc", folder / "gates.inc")
    built = [(kind, one) for kind, all_of in harmful.items() for one in all_of]
    bombs = [(kind, one) for kind, all_of in hostile_files.bombs().items() for one in all_of]
    kinds = list(sound)
    for number in range(part, n_inputs, n_parts):
        if number < len(built):
            yield number, *built[number], True
        elif n_inputs > 1000 and number >= n_inputs - len(bombs):
            yield number, *bombs[number - n_inputs], True
        else:
            kind = kinds[number % len(kinds)]
            generator = random.Random(f"{seed} {number}")
            include = f'include "{folder}/secret.inc";'.encode()
            yield number, kind, mutated(kind, sound[kind], generator, include), False


def run_part(n_inputs: int, seed: int, part: int, n_parts: int) -> dict[str, Any]:
    """Run a share of the inputs; return counts, and the first of each fault whole."""
    # What every command imports and opens is made once, before the processes part.
    from calibration.library import snapshot

    snapshot("fake_boston").target()
    counts: Counter[str] = Counter()
    kept: list[dict[str, Any]] = []
    slowest: dict[str, float] = {}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        os.environ["QRNN_HW_HOME"] = str(folder / "home")
        (folder / "secret.inc").write_text(SECRET)
        (folder / "gates.inc").write_text("gate leaked a { U(0,0,0) a; }\n")
        (folder / "table.tsv").write_bytes(hostile_files.table())
        (folder / "vectors.npz").write_bytes(hostile_files.sound()["npz"])
        worker = Worker(folder, prepare)
        for done, (number, kind, data, is_built) in enumerate(
            inputs(n_inputs, seed, folder, part, n_parts), 1
        ):
            path = folder / f"input.{hostile_files.ENDINGS.get(kind, kind)}"
            path.write_bytes(data)
            words = hostile_files.command(kind, path, folder)
            started = time.monotonic()
            ended = worker.run(words)
            if ended.code is None and kind in hostile_files.CIRCUITS:
                counts["read again as users do"] += 1
                ended = worker.run(words, as_users=True)
            slowest[kind] = max(slowest.get(kind, 0.0), time.monotonic() - started)
            counts[f"kind {kind}"] += 1
            counts[f"{kind} ends with {ended.code}"] += 1
            for fault in faults_of(ended, data, is_built=is_built):
                counts[fault] += 1
                if sum(one["fault"] == fault for one in kept) < KEPT:
                    shown = {"said": ended.said[-3000:], "input": data[:20_000].decode("latin-1")}
                    kept.append({"fault": fault, "kind": kind, "number": number} | shown)
                    _report(f"{number} {kind} {fault}: {ended.said[-300:]!a}")
            if done % EVERY == 0:
                per_second = done / (time.monotonic() - begun)
                _report(f"part {part}: {done} inputs, {per_second:.1f} a second")
        worker.close()
    return {"counts": counts, "kept": kept, "slowest": slowest}


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def fuzz(n_inputs: int, seed: int, n_workers: int, output: Path) -> bool:
    """Run so many inputs, write what was found, and return whether there were no faults."""
    begun = time.monotonic()
    if n_workers == 1:
        parts = [run_part(n_inputs, seed, 0, 1)]
    else:
        with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
            of = range(n_workers)
            shares = [pool.submit(run_part, n_inputs, seed, n, n_workers) for n in of]
            parts = [share.result() for share in shares]
    seconds = time.monotonic() - begun
    counts = sum((part["counts"] for part in parts), Counter[str]())
    n_run = sum(n for name, n in counts.items() if name.startswith("kind "))
    slowest = {k: max(p["slowest"].get(k, 0.0) for p in parts) for k in parts[0]["slowest"]}
    names = {"traceback": "tracebacks", "hang or abort": "hangs or aborts"}
    names |= {"local file read": "local files read", "escape": "escapes to the terminal"}
    found = [row("inputs", n_run, 10_000, n_run >= 10_000)]
    found += [row(names[one], counts[one], 0, counts[one] == 0) for one in FAULTS]
    rate = n_run / seconds / n_workers
    found.append(row("inputs a second and process", round(rate, 1), None, True))
    found += [
        row(f"slowest {k}, seconds", round(s, 2), None, True) for k, s in sorted(slowest.items())
    ]
    others = sorted(name for name in counts if name not in FAULTS)
    found += [row(name, counts[name], None, True) for name in others]
    write_as_they_come(found, output)
    kept = [one for part in parts for one in part["kept"]]
    output.with_name(f"{output.stem}-kept.json").write_text(json.dumps(kept, indent=2) + "\n")
    return not any(counts[one] for one in FAULTS)


def main() -> None:
    """Write build/fuzz.json; the exit code is 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("build/fuzz.json"))
    chosen = parser.parse_args()
    sys.exit(not fuzz(chosen.inputs, chosen.seed, chosen.workers, chosen.output))


if __name__ == "__main__":
    main()
