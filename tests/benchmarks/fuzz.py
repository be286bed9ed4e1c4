"""Hostile and damaged files through the real commands: one line and an exit code, always.

Each input is a valid document of one kind, mutated, or one that was built to do harm. It goes
through the command line in a forked process with bounds of time and memory. `make fuzz` writes
build/fuzz.json; the tests run a small slice.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 20.0
BYTES_OF_MEMORY = 6 << 30
SECRET = "correct-horse-battery-staple"
STEERING = "\x1b]0;title\x07\x1b[2J\u202e"
CODES = frozenset({0, 2, 3, 4})
"""What a file can end in: read, a usage error, an unfit file, a circuit that is refused."""

QASM_2 = """OPENQASM 2.0;
include "qelib1.inc";
gate ecr a,b { rzx(pi/4) a,b; x a; rzx(-pi/4) a,b; }
qreg q[3]; creg c[2];
sx q[0]; rz(0.3*pi) q[1]; cz q[0],q[1]; measure q[0] -> c[0];
if(c==1) x q[1]; barrier q; reset q[2]; measure q[1] -> c[1];
"""
QASM_3 = """OPENQASM 3.0;
include "stdgates.inc";
const int n = 2; input float t;
gate g(p) a, b { rz(p) a; cx a, b; }
qubit[n + 1] q; bit[n] c = "00"; bool b = false; stretch s;
for uint i in [0:n] { sx q[i]; }
g(pi / 2) q[0], q[1]; c[0] = measure q[0]; delay[2 * 100ns] q[1]; delay[s] q[1];
if (c[0] == 1 && !b) { x q[1]; } else { z q[1]; }
switch (c) { case 0 { x q[2]; } default { } } while (c[1]) { x q[0]; break; }
"""
TOML = """study = "noise"
[axes]
source = ["all", "gate"]
scale = [0.0, 1.0]
[fixed]
shots = 100
reset_flip = 0.01
"""


def hostile(secret: Path) -> dict[str, list[bytes]]:
    """Return documents of each kind that were built to do harm."""
    text_2 = [
        f'OPENQASM 2.0; include "{secret}"; qreg q[1];',
        "OPENQASM 2.0; gate g0 a { U(0,0,0) a; } "
        + " ".join(f"gate g{n} a {{ {f'g{n - 1} a; ' * 10} }}" for n in range(1, 30))
        + " gate h a { g29 a; } qreg q[1]; h q[0];",
        "OPENQASM 2.0; qreg q[1000000000];",
        "OPENQASM 2.0; qreg q[1]; rz(" + "(" * 9000 + "1" + ")" * 9000 + ") q[0];",
        f"OPENQASM 2.0; qreg q[1]; {STEERING} q[0];",
    ]
    text_3 = [
        f'OPENQASM 3.0; include "{secret}";',
        "qubit[0x3b9aca00] q;",
        "const int n = 1 << 30; bit[n] c;",
        "x $999999999;",
        "qubit q; rz(" + "-" * 5000 + "1) q;",
        f"rz({'9' * 5000}) $0;",
        "rz(2 ** 2 ** 2 ** 2 ** 2 ** 2 ** 9) $0;",
        "for int i in [0:99999] { for int j in [0:99999] { x $0; } }",
        f"qubit q; {STEERING} q;",
        "bit[0] c; if (c == 0) x $0;",
    ]
    json_ = [
        "[" * 200_000,
        '{"schema_version":' * 5000,
        '{"schema_version": ' + "9" * 5000 + "}",
        '{"schema_version": 1, "backend": "' + STEERING.encode("unicode_escape").decode() + '"}',
        "NaN",
        "1e999",
    ]
    toml = [
        "a = " + "[" * 50_000,
        "a = " + "9" * 5000,
        f'study = "{secret}"',
        "x = inf",
        "[" * 9999,
    ]
    many = ", ".join(map(str, range(3000)))
    toml.append(f'study = "noise"\n[axes]\nscale = [{many}]\nshots = [{many}]\nseed = [{many}]')
    rows = "".join(f"{n % 2}\tword{n} good\n" for n in range(30))
    tables = [
        f"label\ttext\n{STEERING}\tx\n" * 9,
        "label\ttext\n" + rows.replace("good", STEERING),
        "label\ttext\n" + "1\t" + "a" * 2_000_000,
        "a\tb\n" * 5,
    ]
    vectors = ["good 3e38 3e38\nbad -3e38 3e38\n", "9" * 5000 + " 2\ngood 1 2\n", "good nan 1\n"]
    vectors += [f"{STEERING} 1 2\n" * 2, "good " + "1 " * 200_000]
    bomb = io.BytesIO()
    np.savez_compressed(bomb, words=np.array(["good"]), vectors=np.zeros((1, 50_000_000)))
    return {
        "qasm2": [one.encode() for one in text_2],
        "qasm3": [one.encode() for one in text_3],
        "qpy": [b"QISKIT" + bytes([n]) + b"\xff" * 90 for n in (5, 13, 17)],
        "json": [one.encode() for one in json_],
        "toml": [one.encode() for one in toml],
        "tsv": [one.encode() for one in tables],
        "vectors": [one.encode() for one in vectors],
        "npz": [bomb.getvalue(), b"PK\x05\x06" + bytes(18)],
    }


def valid() -> dict[str, bytes]:
    """Return one sound document of each kind."""
    from qiskit import qpy

    from calibration.library import snapshot
    from jobs.openqasm.version3 import read_version_3

    packed, archive = io.BytesIO(), io.BytesIO()
    qpy.dump(read_version_3(QASM_3), packed)
    np.savez(archive, words=np.array(["good", "bad"]), vectors=np.eye(2))
    small = snapshot("fake_boston").restrict([0, 1, 2])
    rows = "".join(f"{n % 2}\tword{n} {'good' if n % 2 else 'bad'}\n" for n in range(40))
    return {
        "qasm2": QASM_2.encode(),
        "qasm3": QASM_3.encode(),
        "qpy": packed.getvalue(),
        "json": json.dumps(small.to_json()).encode(),
        "toml": TOML.encode(),
        "tsv": b"label\ttext\n" + rows.encode(),
        "vectors": b"good 1 2\nbad 2 1\nword1 0 1\n",
        "npz": archive.getvalue(),
    }


ENDINGS = {"qasm2": "qasm", "qasm3": "qasm", "vectors": "txt"}


def command(kind: str, path: Path, folder: Path) -> list[str]:
    """Return the command that reads a document of a kind, and does no more than that."""
    if kind in ("qasm2", "qasm3", "qpy"):
        return ["preflight", str(path), "--backend", "fake_boston"]
    if kind == "json":
        return ["calibrate", "diff", str(path), str(path)]
    if kind == "toml":  # a shard without cells: the design is read, and nothing is run
        return ["study", "noise", str(path), "--shard", "999999/999999", "--output", str(folder)]
    option = "--data" if kind == "tsv" else "--embeddings"
    # Too few shots end the command before anything is trained.
    return ["run", option, str(path), "--shots", "1", "--output", str(folder / "run")]


def mutated(data: bytes, generator: random.Random) -> bytes:
    """Return a document with a few random changes."""
    found = bytearray(data)
    for _ in range(generator.choice((1, 1, 2, 4, 16))):
        place = generator.randrange(len(found) + 1)
        match generator.randrange(6):
            case 0:
                found[place : place + 1] = bytes([generator.randrange(256)])
            case 1:
                del found[place : place + generator.choice((1, 4, 40))]
            case 2:
                found[place:place] = found[place : place + generator.choice((4, 40, 400))]
            case 3:
                found[place:place] = generator.choice(
                    (
                        b"9" * 30,
                        b"-1",
                        b"1e999",
                        b"[" * 300,
                        b"\0",
                        STEERING.encode(),
                        b'"',
                        b"{",
                        b"\n",
                    )
                )
            case 4:
                del found[place:]
            case 5:
                other = generator.randrange(len(found) + 1)
                found[place:place] = found[other : other + 40]
        if not found:
            break
    return bytes(found)


def run_one(words: list[str]) -> tuple[int | None, str]:
    """Run a command in a forked process; the code is None where it hung or was aborted."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        resource.setrlimit(resource.RLIMIT_AS, (BYTES_OF_MEMORY, BYTES_OF_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS) + 2))
        for name in ("stdout", "stderr"):
            setattr(sys, name, io.TextIOWrapper(os.fdopen(1 if name == "stdout" else 2, "wb", 0),
                                                encoding="utf-8", write_through=True))  # fmt: skip
        code = 99
        try:
            from qrnn_hw.cli import invoke

            code = invoke(words)
        except BaseException as error:
            os.write(1, f"Traceback: {type(error).__name__}: {error}".encode(errors="replace"))
        os._exit(code)
    os.close(writing)
    said, end = b"", time.monotonic() + 4 * SECONDS
    while (left := end - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            break
        part = os.read(reading, 1 << 16)
        if not part:
            break
        said += part
    else:
        left = 0.0
    if left <= 0:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return (None if code < 0 else code), said.decode(errors="replace")


def faults_of(code: int | None, said: str, secret: str = SECRET) -> list[str]:
    """Return what is wrong with how a command ended."""
    found = []
    if code is None:
        found.append("hang or abort")
    elif code not in CODES or "Traceback" in said:
        found.append("traceback")
    if secret in said:
        found.append("local file read")
    if any((ord(one) < 32 and one not in "\n\t") or one in "\x7f\x9b\u202e" for one in said):
        found.append("escape")
    return found


def fuzz(n_inputs: int, seed: int, report: Callable[[str], None]) -> dict[str, Any]:
    """Run so many inputs and return the counts; the first of each fault are kept whole.

    Circuit files are read without a process of their own, within the bounds of the forked one; what
    ends there by a hang or abort is read again as users do, and must be one line.
    """
    import jobs.bounded_reader as reader
    import jobs.circuit_file as circuit_file

    # What every command imports and opens is made once, before the processes part.
    import qrnn_hw.run.main_job
    import qrnn_hw.submission.folded  # noqa: F401
    from calibration.library import snapshot
    from jobs.bounded_child import read
    from jobs.errors import JobsError, SpecError

    snapshot("fake_boston").target()
    real = circuit_file.read_bounded

    def inside(data: bytes, path: Path) -> Any:
        try:
            return read(data, "qpy" if path.suffix == ".qpy" else "openqasm")
        except JobsError as error:
            raise SpecError(f"{error} in {path}.") from None
        except (MemoryError, RecursionError):
            os._exit(98)
        except BaseException:  # a panic of Qiskit's own
            os._exit(98)

    reader.QPY = reader.OPENQASM = reader.Bounds(seconds=5.0, bytes_of_memory=4 << 30)
    generator = random.Random(seed)
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    kept: list[dict[str, Any]] = []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["QRNN_HW_HOME"] = name
        secret = folder / "secret.inc"
        secret.write_text(SECRET)
        sound = valid()
        built = [(kind, one) for kind, all_of in hostile(secret).items() for one in all_of]
        for number in range(n_inputs):
            if number < len(built):
                kind, data = built[number]
            else:
                kind = generator.choice(list(sound))
                data = mutated(sound[kind], generator)
            path = folder / f"input.{ENDINGS.get(kind, kind)}"
            path.write_bytes(data)
            words = command(kind, path, folder / "out")
            circuit_file.read_bounded = inside
            code, said = run_one(words)
            if code in (None, 98) and kind in ("qasm2", "qasm3", "qpy"):
                circuit_file.read_bounded = real
                counts["read again in a bounded process"] += 1
                code, said = run_one(words)
            kinds[kind] += 1
            counts[f"exit {code}"] += 1
            for fault in faults_of(code, said):
                counts[fault] += 1
                if sum(one["fault"] == fault for one in kept) < 20:
                    shown = {"said": said[-500:], "input": data[:2000].decode("latin-1")}
                    kept.append({"fault": fault, "kind": kind, "number": number} | shown)
                    report(f"{number} {kind} {fault}: {said[-300:]}")
            if number % 500 == 499:
                report(f"{number + 1} inputs, {time.monotonic() - begun:.0f} s, {dict(counts)}")
    circuit_file.read_bounded = real
    names = ("traceback", "hang or abort", "local file read", "escape")
    return {
        "inputs": n_inputs,
        "seed": seed,
        "seconds": round(time.monotonic() - begun, 1),
        "kinds": dict(sorted(kinds.items())),
        "faults": {one: counts[one] for one in names},
        "ends": {k: v for k, v in sorted(counts.items()) if k not in names},
        "kept": kept,
    }


def main() -> None:
    """Write build/fuzz.json; the exit code is 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("build/fuzz.json"))
    chosen = parser.parse_args()
    found = fuzz(chosen.inputs, chosen.seed, lambda line: print(line, file=sys.stderr, flush=True))
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({name: found[name] for name in ("inputs", "seconds", "faults", "ends")}))
    sys.exit(any(found["faults"].values()))


if __name__ == "__main__":
    main()
