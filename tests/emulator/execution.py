"""The two programs of the service, run on Aer."""

import json
import time
from datetime import UTC, datetime

import numpy as np
from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import ParamsModel, QuantumProgramResultModel
from qiskit.circuit import ControlFlowOp, Measure, Reset
from qiskit.primitives import BackendSamplerV2
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import run_quantum_program
from qiskit_ibm_runtime.json import RuntimeDecoder, RuntimeEncoder
from qiskit_ibm_runtime.options_models import SimulatorOptions
from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import (
    passthrough_data_to_2_0,
    quantum_program_from_2_0,
)


def at(seconds):
    """Return a time since 1970 as the service writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def now():
    return at(time.time())


def lowered(circuit):
    """Return `circuit` with the measurements and resets that Aer knows."""
    result = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        if operation.name.startswith("measure_"):
            operation = Measure()
        elif operation.name.startswith("reset_"):
            operation = Reset()
        elif isinstance(operation, ControlFlowOp):
            operation = operation.replace_blocks([lowered(block) for block in operation.blocks])
        result.append(operation, instruction.qubits, instruction.clbits)
    return result


def bound(circuit, row):
    return circuit.assign_parameters(row) if len(row) else circuit


class ExecutorProgram:
    """Jobs of the client-side primitives."""

    def __init__(self, params):
        model = ParamsModel.model_validate(params)
        self.program, options = quantum_program_from_2_0(model)
        self.shots = self.program.shots
        self.rep_delay_seconds = getattr(options, "execution", options).rep_delay
        self.circuits = [(item.circuit, _rows(item)) for item in self.program.items]

    def run(self):
        started = now()
        for item in self.program.items:
            item.circuit = lowered(item.circuit)
        result = run_quantum_program(
            AerSimulator(), self.program, SimulatorOptions(angle_decimals=15)
        )
        data = [
            {
                "results": {
                    name: CompressedTensorModel.from_numpy(bits) for name, bits in item.items()
                },
                "metadata": {},
            }
            for item in result
        ]
        timing = [{"start": started, "stop": now(), "parts": []}]
        return QuantumProgramResultModel(
            data=data,
            metadata={"chunk_timing": timing},
            passthrough_data=passthrough_data_to_2_0(self.program.passthrough_data),
            semantic_role=self.program._semantic_role,
        ).model_dump_json()


def _rows(item):
    if item.circuit.num_parameters == 0:
        return np.empty((1, 0))
    return np.reshape(item.circuit_arguments, (-1, item.circuit.num_parameters))


class SamplerProgram:
    """Jobs of the older primitive that the client still sends."""

    def __init__(self, params):
        decoded = json.loads(json.dumps(params), cls=RuntimeDecoder)
        self.shots = decoded.get("options", {}).get("default_shots", 4096)
        self.rep_delay_seconds = None
        self.circuits = []
        for pub in decoded["pubs"]:
            circuit, values, shots = (*pub, None, None)[:3]
            self.shots = shots or self.shots
            rows = np.reshape(
                np.asarray(values if values is not None else [], dtype=float),
                (-1, circuit.num_parameters) if circuit.num_parameters else (1, 0),
            )
            self.circuits.append((circuit, rows))

    def run(self):
        pubs = [
            (lowered(circuit), rows if rows.size else None, self.shots)
            for circuit, rows in self.circuits
        ]
        result = BackendSamplerV2(backend=AerSimulator()).run(pubs).result()
        return json.dumps(result, cls=RuntimeEncoder)


PROGRAMS = {"executor": ExecutorProgram, "sampler": SamplerProgram}
