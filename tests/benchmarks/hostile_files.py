"""Sound files of eight kinds, their mutations, and files that were built to do harm."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from zipfile import ZipFile

import numpy as np

STEERING = "\x1b]0;title\x07\x1b[2J\u202e"
QASM_2 = """OPENQASM 2.0;
include "qelib1.inc";
gate rzx(t) a,b { h b; cx a,b; rz(t) b; cx a,b; h b; }
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


def harmful(secret: Path, gates: Path) -> dict[str, list[bytes]]:
    """Return documents of each kind that were built to do harm.

    Args:
        secret: a local file that no reader should open.
        gates: another one, which is sound OpenQASM and defines `leaked`.
    """
    text_2 = [
        f'OPENQASM 2.0; include "{secret}"; qreg q[1];',
        f'OPENQASM 2.0; include "{gates}"; qreg q[1]; leaked q[0];',
        f'OPENQASM 2.0; include "../{gates.name}"; qreg q[1]; leaked q[0];',
        "OPENQASM 2.0; qreg q[1000000000];",
        "OPENQASM 2.0; qreg q[1]; rz(" + "(" * 9000 + "1" + ")" * 9000 + ") q[0];",
        f"OPENQASM 2.0; qreg q[1]; {STEERING} q[0];",
    ]
    text_3 = [
        f'OPENQASM 3.0; include "{secret}";',
        f'OPENQASM 3.0; include "{gates}"; qubit q; leaked q;',
        f'OPENQASM 3.0; include "{gates.name}"; qubit q; leaked q;',
        "qubit[0x3b9aca00] q;",
        "const int n = 1 << 30; bit[n] c;",
        "x $999999999;",
        "qubit q; rz(" + "-" * 5000 + "1) q;",
        f"rz({'9' * 5000}) $0;",
        "rz(2 ** 2 ** 2 ** 2 ** 2 ** 2 ** 9) $0;",
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
    many = ", ".join(map(str, range(3000)))
    toml = [
        "a = " + "[" * 50_000,
        "a = " + "9" * 5000,
        f'study = "{secret}"',
        "x = inf",
        "[" * 9999,
        f'study = "noise"\n[axes]\nscale = [{many}]\nshots = [{many}]\nseed = [{many}]',
    ]
    rows = "".join(f"{n % 2}\tword{n} good\n" for n in range(30))
    tables = [
        f"label\ttext\n{STEERING}\tx\n" * 9,
        "label\ttext\n" + rows.replace("good", STEERING),
        "label\ttext\n" + "1\t" + "a" * 2_000_000,
        "a\tb\n" * 5,
    ]
    vectors = ["good 3e38 3e38\nbad -3e38 3e38\n", "9" * 5000 + " 2\ngood 1 2\n", "good nan 1\n"]
    vectors += [f"{STEERING} 1 2\n" * 2, "good " + "1 " * 200_000]
    texts = {"qasm2": text_2, "qasm3": text_3, "json": json_, "toml": toml}
    texts |= {"tsv": tables, "vectors": vectors}
    found = {kind: [one.encode() for one in all_of] for kind, all_of in texts.items()}
    found["qpy"] = [b"QISKIT" + bytes([n]) + b"\xff" * 90 for n in (5, 13, 17)]
    found["npz"] = [
        b"PK\x05\x06" + bytes(18),
        _promising("(1, 1000000000000)"),
        _promising("(" * 900),
    ]
    return found


def _promising(shape: str) -> bytes:
    """Return an archive whose vectors have a shape by their header, and a few bytes."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    words, packed = io.BytesIO(), io.BytesIO()
    np.save(words, np.array(["word1"]))
    with ZipFile(packed, "w") as archive:
        archive.writestr("words.npy", words.getvalue())
        size = len(header).to_bytes(2, "little")
        archive.writestr("vectors.npy", b"\x93NUMPY\x01\0" + size + header + bytes(64))
    return packed.getvalue()


def bombs() -> dict[str, list[bytes]]:
    """Return small documents of what takes all time or memory unless it is bounded."""
    doubled = " ".join(f"gate g{n} a {{ {f'g{n - 1} a; ' * 10} }}" for n in range(1, 30))
    packed = io.BytesIO()
    np.savez_compressed(packed, words=np.array(["good"]), vectors=np.zeros((1, 50_000_000)))
    return {
        "qasm2": [
            f"OPENQASM 2.0; gate g0 a {{ U(0,0,0) a; }} {doubled} gate h a {{ g29 a; }} "
            "qreg q[1]; h q[0];".encode()
        ],
        "qasm3": [b"for int i in [0:99999] { for int j in [0:99999] { x $0; } }"],
        "npz": [packed.getvalue()],
    }


def sound() -> dict[str, bytes]:
    """Return one document of each kind that its command reads without complaint."""
    from qiskit import qpy

    from calibration.library import snapshot
    from jobs.circuit_files.openqasm.version3 import read_version_3

    packed, archive = io.BytesIO(), io.BytesIO()
    qpy.dump(read_version_3(re.sub(r"delay[^;]*;|stretch s;", "", QASM_3)), packed)
    words = [f"word{n}" for n in range(12)]
    numbers = np.random.default_rng(0).normal(size=(len(words), 5)).round(3)
    np.savez(archive, words=np.array(words), vectors=numbers)
    small = snapshot("fake_boston").restrict([0, 1, 2])
    lines = [" ".join([word, *map(str, row)]) for word, row in zip(words, numbers, strict=True)]
    return {
        "qasm2": QASM_2.encode(),
        "qasm3": QASM_3.encode(),
        "qpy": packed.getvalue(),
        "json": json.dumps(small.to_json()).encode(),
        "toml": TOML.encode(),
        "tsv": table(),
        "vectors": "\n".join(lines).encode(),
        "npz": archive.getvalue(),
    }


def table() -> bytes:
    """Return sentences of words that `sound` has vectors of."""
    rows = [f"{n % 2}\tword{n % 12} word{n * 5 % 7} word{n // 12}" for n in range(60)]
    return "\n".join(["label\ttext", *rows, ""]).encode()


CIRCUITS = ("qasm2", "qasm3", "qpy")
ENDINGS = {"qasm2": "qasm", "qasm3": "qasm", "vectors": "txt"}


def command(kind: str, path: Path, folder: Path) -> list[str]:
    """Return the command that reads a document of a kind, and does no more than that.

    Args:
        kind: a key of `sound`.
        path: of the document.
        folder: which has `table.tsv` and `vectors.npz`, and takes what is written.
    """
    if kind in CIRCUITS:
        return ["preflight", str(path), "--backend", "fake_boston"]
    if kind == "json":
        return ["calibrate", "diff", str(path), str(path)]
    if kind == "toml":  # a shard without cells: the design is read, and nothing is run
        return ["study", "noise", str(path), "--shard", "999999/999999", "--output", str(folder)]
    texts = path if kind == "tsv" else folder / "table.tsv"
    vectors = folder / "vectors.npz" if kind == "tsv" else path
    # Too few shots end the command before anything is trained.
    options = ["--data", str(texts), "--embeddings", str(vectors), "--shots", "1"]
    return ["run", *options, "--output", str(folder / "run")]
