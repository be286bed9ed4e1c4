import os
import struct

import pytest
from qiskit import QuantumCircuit, qasm3, qpy
from qiskit.circuit import CircuitInstruction, IfElseOp
from qiskit.circuit.library import CXGate

from jobs.circuit_files import bounded_reader
from jobs.circuit_files.bounded_child import read
from jobs.circuit_files.bounded_reader import Bounds
from jobs.circuit_files.circuit_file import read_circuits
from jobs.digest import circuit_digest
from jobs.errors import SpecError
from jobs.store.packing import pack_circuit

OPENQASM_3 = """// a comment first
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit[1] c;
h q[0];
c[0] = measure q[0];
if (c[0]) { x q[1]; }
"""
# Each gate is ten of the one before, and the last has the name of one that is compared with.
DOUBLING = (
    "OPENQASM 2.0; gate g0 a { U(0,0,0) a; } "
    + " ".join(f"gate g{n} a {{ {f'g{n - 1} a; ' * 10} }}" for n in range(1, 12))
    + " gate h a { g11 a; } qreg q[1]; h q[0];"
)


def circuit():
    made = QuantumCircuit(2, 1)
    made.h(0)
    made.measure(0, 0)
    with made.if_test((made.clbits[0], 1)):
        made.x(1)
    return made


def test_each_format_is_read_as_the_circuit_that_was_written(tmp_path):
    (tmp_path / "a.qpy").write_bytes(pack_circuit(circuit()))
    (tmp_path / "c.qasm3").write_text(qasm3.dumps(circuit()))
    for name in ("a.qpy", "c.qasm3"):
        (read,) = read_circuits(tmp_path / name)
        assert circuit_digest(read) == circuit_digest(circuit())


def test_several_circuits_of_one_file_are_read_in_order(tmp_path):
    other = QuantumCircuit(1, 1)
    other.measure(0, 0)
    with (tmp_path / "two.qpy").open("wb") as stream:
        qpy.dump([circuit(), other], stream)
    read = read_circuits(tmp_path / "two.qpy")
    assert [circuit_digest(one) for one in read] == [
        circuit_digest(circuit()),
        circuit_digest(other),
    ]


def test_what_is_read_within_bounds_keeps_the_unit_of_a_delay(tmp_path):
    path = tmp_path / "delay.qasm"
    path.write_text("OPENQASM 3.0; qubit q; delay[1.5us] q; delay[200dt] q;")
    (found,) = read_circuits(path)
    delays = [one.operation for one in found.data]
    assert [(one.duration, one.unit) for one in delays] == [(1.5, "us"), (200, "dt")]


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("a.txt", b"", "end in one of"),
        ("a.qpy", b"", "QPY"),
        ("a.qpy", b"QISKIT\x05" + bytes(60), "format 13 or newer"),
        ("a.qpy", b"QISKIT\x0d" + bytes(60), "readable QPY|hold circuits"),
        ("a.qasm", b"", "no statement"),
        ("a.qasm", b"OPENQASM 3.0; qubit q; frobnicate q;", "valid"),
        ("a.qasm", b"OPENQASM 3.0; qubit q; rz(" + b"(" * 3_000, "valid|nested"),
    ],
)
def test_other_files_are_refused_in_one_line_that_names_the_file(tmp_path, name, content, rule):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SpecError, match=rule) as caught:
        read_circuits(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_missing_file_and_a_pipe_are_refused(tmp_path):
    with pytest.raises(SpecError, match="No such file"):
        read_circuits(tmp_path / "none.qpy")
    os.mkfifo(tmp_path / "pipe.qasm")
    with pytest.raises(SpecError, match="regular file"):
        read_circuits(tmp_path / "pipe.qasm")


def damaged_qpy():
    data = bytearray(pack_circuit(circuit()))
    data[34] = 255  # the first byte of a count
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "content"), [("damaged.qpy", damaged_qpy()), ("bomb.qasm", DOUBLING.encode())]
)
def test_content_that_keeps_its_reader_busy_is_given_up(tmp_path, monkeypatch, name, content):
    (tmp_path / name).write_bytes(content)
    for bounds in ("QPY", "OPENQASM"):
        monkeypatch.setattr(bounded_reader, bounds, Bounds(seconds=2.0))
    with pytest.raises(SpecError, match=r"takes more than 2 s, .* write it again"):
        read_circuits(tmp_path / name)


@pytest.mark.parametrize("name", ["large.qpy", "large.qasm"])
def test_content_whose_reader_needs_too_much_memory_is_given_up(tmp_path, monkeypatch, name):
    is_qpy = name.endswith("qpy")
    (tmp_path / name).write_bytes(pack_circuit(circuit()) if is_qpy else OPENQASM_3.encode())
    for bounds in ("QPY", "OPENQASM"):
        monkeypatch.setattr(bounded_reader, bounds, Bounds(bytes_of_memory=64 << 20))
    with pytest.raises(SpecError, match="needs more than 64 MiB or is aborted"):
        read_circuits(tmp_path / name)


def with_a_branch():
    block = QuantumCircuit(1, 1)
    block.x(0)
    circuit = QuantumCircuit(2, 2)
    circuit.append(IfElseOp((circuit.clbits[0], 1), block), [0], [0])
    return circuit


@pytest.mark.parametrize("field", [0, 4])
def test_a_branch_with_more_bits_than_its_instruction_is_refused(field):
    data = bytearray(pack_circuit(with_a_branch()))
    assert read(bytes(data), "qpy") == (with_a_branch(),)
    header = data.rindex(struct.pack("!II", 1, 1))  # of the block: one qubit, one bit
    data[header + field : header + field + 4] = struct.pack("!I", 2)
    with pytest.raises(SpecError, match=r"Got 'if_else', instruction 0"):
        read(bytes(data), "qpy")


@pytest.mark.parametrize("inside", [False, True])
def test_an_instruction_on_one_qubit_twice_is_refused(inside):
    block = QuantumCircuit(2, 1)
    block.h(0)
    block._append(CircuitInstruction(CXGate(), [block.qubits[0]] * 2))
    circuit = QuantumCircuit(2, 1)
    circuit.append(IfElseOp((circuit.clbits[0], 1), block), [0, 1], [0])
    with pytest.raises(SpecError, match=r"Got 'cx', instruction 1"):
        read(pack_circuit(circuit if inside else block), "qpy")
