"""The two programs of the service, run on Aer."""

import json
import time
from datetime import UTC, datetime

import numpy as np
from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import ParamsModel, QuantumProgramResultModel
from qiskit.circuit import ClassicalRegister, Clbit, ControlFlowOp, Measure, Reset
from qiskit.primitives import (
    BackendSamplerV2,
    BitArray,
    DataBin,
    PrimitiveResult,
    SamplerPubResult,
)
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


def told_apart(circuit):
    """Return `circuit` with a register of its own for each bit, which no sampler reads wrongly.

    Aer's samplers take a register for as many neighbouring bits as it has, from its first one on.
    """
    result = circuit.copy()
    for place, bit in enumerate(circuit.clbits):
        result.add_register(ClassicalRegister(bits=[bit], name=f"bit{place}of{circuit.num_clbits}"))
    result.add_bits([Clbit() for _ in circuit.clbits])  # no register of the circuit ends beyond
    return result


def put_together(circuit, read):
    """Return {register: bits} of a circuit from {name: bits} of what `told_apart` gave."""
    return {
        register.name: np.concatenate(
            [read[f"bit{circuit.find_bit(bit).index}of{circuit.num_clbits}"] for bit in register],
            axis=-1,
        )
        for register in circuit.cregs
    }


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
            item.circuit = told_apart(lowered(item.circuit))
        result = run_quantum_program(
            AerSimulator(), self.program, SimulatorOptions(angle_decimals=15)
        )
        data = [
            {
                "results": {
                    name: CompressedTensorModel.from_numpy(bits)
                    for name, bits in put_together(circuit, item).items()
                },
                "metadata": {},
            }
            for (circuit, _), item in zip(self.circuits, result, strict=True)
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
        return json.dumps(PrimitiveResult(self.answers(), {}), cls=RuntimeEncoder)

    def answers(self):
        pubs = [
            (told_apart(lowered(circuit)), rows if rows.size else None, self.shots)
            for circuit, rows in self.circuits
        ]
        result = BackendSamplerV2(backend=AerSimulator()).run(pubs).result()
        return [
            SamplerPubResult(_data_bin(circuit, one.data), one.metadata)
            for (circuit, _), one in zip(self.circuits, result, strict=True)
        ]


def _data_bin(circuit, data):
    read = {name: bits.to_bool_array(order="little") for name, bits in data.items()}
    registers = put_together(circuit, read)
    found = {n: BitArray.from_bool_array(bits, order="little") for n, bits in registers.items()}
    return DataBin(**found, shape=data.shape)


PROGRAMS = {"executor": ExecutorProgram, "sampler": SamplerProgram}
