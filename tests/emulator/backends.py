"""Configurations and properties of real machines, as the client carries them."""

import json
from pathlib import Path

import qiskit_ibm_runtime

FOLDER = Path(qiskit_ibm_runtime.__file__).parent / "fake_provider" / "backends"


def load(name, n_qubits=None):
    """Return (configuration, properties) of `name`, cut to its first qubits when asked."""
    configuration = json.loads((FOLDER / name / f"conf_{name}.json").read_text())
    properties = json.loads((FOLDER / name / f"props_{name}.json").read_text())
    if n_qubits is not None:
        _cut(configuration, properties, n_qubits)
    return configuration, properties


def _cut(configuration, properties, n_qubits):
    def kept(qubits):
        return all(qubit < n_qubits for qubit in qubits)

    configuration["n_qubits"] = n_qubits
    configuration["coupling_map"] = [e for e in configuration["coupling_map"] if kept(e)]
    for gate in configuration["gates"]:
        if "coupling_map" in gate:
            gate["coupling_map"] = [e for e in gate["coupling_map"] if kept(e)]
    configuration.pop("coords", None)
    properties["qubits"] = properties["qubits"][:n_qubits]
    properties["gates"] = [gate for gate in properties["gates"] if kept(gate["qubits"])]
    properties["general"] = []
    properties["general_qlists"] = []


def durations(configuration, properties):
    """Return {(operation, qubits): seconds}."""
    seconds = {"ns": 1e-9, "us": 1e-6, "s": 1.0}
    lengths = {}
    for gate in properties["gates"]:
        for parameter in gate["parameters"]:
            if parameter["name"] == "gate_length":
                length = parameter["value"] * seconds[parameter["unit"]]
                lengths[gate["gate"], tuple(gate["qubits"])] = length
    for qubit, facts in enumerate(properties["qubits"]):
        for fact in facts:
            if fact["name"] == "readout_length":
                lengths["measure", (qubit,)] = fact["value"] * seconds[fact["unit"]]
    return lengths
