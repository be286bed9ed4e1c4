"""The commands in a process without what Windows lacks; nothing here has run on Windows."""

import json
import os
import subprocess
import sys
from pathlib import Path

from qiskit import QuantumCircuit, qpy

WINDOWS_LACKS = """
import builtins, os
found = builtins.__import__
def lacking(name, globals=None, *others, **named):
    importer = (globals or {}).get("__name__", "").partition(".")[0]
    # Other packages have their own code for Windows, which is not run here.
    if importer in ("qrnn_hw", "circuits", "calibration", "jobs", "filelock") and name in (
        "fcntl", "resource", "termios", "pwd", "grp", "posix"
    ):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return found(name, globals, *others, **named)
builtins.__import__ = lacking
def symlink(*arguments, **options):
    raise OSError(1314, "A required privilege is not held by the client")
os.symlink = symlink
"""
COMMANDS = """
import json, sys
from qrnn_hw.cli import invoke
for words in json.loads(sys.argv[1]):
    code = invoke(words)
    print("--", code, *words[:2], flush=True)
    if code:
        sys.exit(code)
"""


def test_the_commands_need_neither_locks_limits_nor_links_of_unix(tmp_path):
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "sitecustomize.py").write_text(WINDOWS_LACKS)
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    with (tmp_path / "bell.qpy").open("wb") as file:
        qpy.dump(circuit, file)
    # Of the sizes of the other runs that are tested, so that what they compiled serves here too.
    short = ["--dataset", "amazon", "--sentences", "12", "--shots", "900", "--epochs", "2"]
    commands = [
        ["doctor", "--json"],
        ["run", *short, "--json"],
        ["mitigate", "--json"],
        ["preflight", "bell.qpy", "--backend", "fake_boston"],
        ["jobs", "list"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "lacking"), *filter(None, sys.path)]),
           "QRNN_HW_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.count("\n-- 0 ") + done.stdout.startswith("-- 0 ") == len(commands)
    (run,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    assert Path(tmp_path / "runs" / "latest").read_text() == f"{run.name}\n"
    assert '"extrapolated_by"' in done.stdout
