"""A user's own cell of five qubits with an else-branch: run, study, estimate, submit to a service.

The file has 30 lines; the service is the tests' own, on the loopback interface. A line holds where
every command ends with 0 and the document has what it should.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

CELL = '''"""Five qubits on a line; the outer two carry the state, the middle three read a word."""


def step(circuit, qubits=5, inputs=3, weights=17, bits=3, *, readout=(0, 4)):
    data = qubits[1:4]
    for place, wire in enumerate(data):
        circuit.ry(inputs[place], wire)
    for place, wire in enumerate(qubits):
        circuit.ry(weights[place], wire)
        circuit.rz(weights[5 + place], wire)
    for first, second in zip(qubits, qubits[1:]):
        circuit.cz(first, second)
    for place, wire in enumerate(data):
        circuit.rx(weights[10 + place], wire)
    circuit.measure(data, bits)
    with circuit.if_test((bits[0], 1)) as otherwise:
        circuit.rx(weights[13], qubits[0])
    with otherwise:
        circuit.rx(weights[14], qubits[0])
        circuit.rz(weights[15], qubits[0])
    with circuit.if_test((bits[2], 1)):
        circuit.rx(weights[16], qubits[4])
    circuit.reset(data)
'''


def row() -> dict[str, Any]:
    """Return the line of all four commands."""
    from emulator.server import Emulator
    from emulator.service import Service

    from qrnn_hw.cli import invoke

    def ask(*words: str) -> Any:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = invoke([*words, "--json"])
        return code, json.loads(out.getvalue() or "null")

    began, measured = time.process_time(), {}
    before, here = dict(os.environ), Path.cwd()
    service = Emulator(Service(n_qubits=12))
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            os.environ.update(service.environment(), QRNN_HW_HOME=f"{folder}/home")
            Path("mine.py").write_text(CELL, encoding="utf-8")
            few = ("--dataset", "amazon", "--epochs", "6")
            code, ran = ask("run", "--model", "mine.py:step", *few, "--sentences", "40",
                            "--shots", "500", "--output", "own")  # fmt: skip
            measured["run"] = {"code": code, "accuracy": ran["accuracy"]["none"]["value"],
                               "without noise": ran["accuracy"]["ideal"]["value"],
                               "classical": {one["name"]: one["value"] for one in ran["controls"]},
                               "against Aer": ran["agreement"]["exact_vs_aer"]}  # fmt: skip
            code, study = ask("study", "shots", "--run", "own", "--output", "shots")
            measured["study shots"] = {"code": code, "findings": len(study["findings"])}
            code, cost = ask("estimate", "mine.py:step", "--backend", "ibm_boston", "--rows", "5")
            measured["estimate"] = {"code": code, **cost["estimate"]}
            code, sent = ask("submit", "mine.py:step", "--backend", "ibm_boston", "--rows", "2",
                             "--steps", "3", "--shots", "100", "--budget", "30", "--yes",
                             "--wait")  # fmt: skip
            states = [one.get("state") for one in sent["jobs"]]
            measured["submit"] = {"code": code, "states": states, "sent": len(service.service.jobs)}
            os.chdir(here)
    finally:
        os.chdir(here)
        service.close()
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)
    ended = all(one["code"] == 0 for one in measured.values())
    near = measured["run"]["against Aer"] < 1e-10
    done = measured["submit"]["sent"] == 1 and measured["submit"]["states"] == ["done"]
    return {
        "name": f"own cell of {len(CELL.splitlines())} lines: run, study, estimate, submit",
        "measured": measured | {"CPU seconds": time.process_time() - began},
        "baseline": {},
        "target": "every command ends with 0, the engine within 1e-10 of Aer, one job at a service",
        "holds": bool(ended and near and done),
    }


if __name__ == "__main__":
    print(json.dumps(row(), indent=2))
