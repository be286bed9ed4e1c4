import pytest
from qiskit import QuantumCircuit, qasm3

from jobs import qpy_trial
from jobs.circuit_file import read_circuit
from jobs.digest import circuit_digest
from jobs.errors import SpecError
from jobs.packing import pack_circuit

OPENQASM_3 = """// a comment first
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit[1] c;
h q[0];
c[0] = measure q[0];
if (c[0]) { x q[1]; }
"""
OPENQASM_2 = """OPENQASM 2.0;
include "qelib1.inc";
qreg q[1];
creg c[1];
measure q[0] -> c[0];
"""


def circuit():
    made = QuantumCircuit(2, 1)
    made.h(0)
    made.measure(0, 0)
    with made.if_test((made.clbits[0], 1)):
        made.x(1)
    return made


def test_each_format_is_read(tmp_path):
    (tmp_path / "a.qpy").write_bytes(pack_circuit(circuit()))
    (tmp_path / "b.qasm").write_text(OPENQASM_3)
    (tmp_path / "c.qasm3").write_text(qasm3.dumps(circuit()))
    (tmp_path / "d.qasm").write_text("// of version 2\n" + OPENQASM_2)
    assert circuit_digest(read_circuit(tmp_path / "a.qpy")) == circuit_digest(circuit())
    for name in ("b.qasm", "c.qasm3"):
        names = [one.operation.name for one in read_circuit(tmp_path / name).data]
        assert names == ["h", "measure", "if_else"]
    assert read_circuit(tmp_path / "d.qasm").count_ops() == {"measure": 1}


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("a.txt", b"", "end in one of"),
        ("a.qpy", b"", "QPY"),
        ("a.qpy", b"QISKIT\x05" + bytes(60), "format 13 or newer"),
        ("a.qpy", b"QISKIT\x0d" + bytes(60), "readable QPY|one circuit"),
        ("a.qasm", b"", "no statement"),
        ("a.qasm", b" \n// words only\n/* and\n more */", "no statement"),
        ("a.qasm", b" ;;\n;", "no statement"),
        ("a.qasm", b"\xff\xfe\x00", "text"),
        ("a.qasm", b"OPENQASM 3.0; qubit q; frobnicate q;", "valid"),
        ("a.qasm", b"OPENQASM 2.0; qreg q[1]; nonsense q[0];", "valid"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, name, content, rule):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SpecError, match=rule) as caught:
        read_circuit(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SpecError, match="No such file"):
        read_circuit(tmp_path / "none.qpy")


@pytest.mark.parametrize("declaration", ["qubit[1000000000] q;", "bit[ 1_000_000_000 ] c;"])
def test_a_register_that_nothing_holds_is_refused_before_it_is_made(declaration, tmp_path):
    path = tmp_path / "huge.qasm"
    path.write_text(f"OPENQASM 3.0; {declaration}\n")
    with pytest.raises(SpecError, match="at most 10,000 bits"):
        read_circuit(path)


def test_damaged_qpy_that_keeps_its_reader_busy_is_given_up(tmp_path, monkeypatch):
    data = bytearray(pack_circuit(circuit()))
    data[34] = 255  # the first byte of a count
    (tmp_path / "damaged.qpy").write_bytes(data)
    monkeypatch.setattr(qpy_trial, "SECONDS", 4.0)
    with pytest.raises(SpecError, match="takes more than 4 s, as on damaged bytes; write it again"):
        read_circuit(tmp_path / "damaged.qpy")


def test_qpy_whose_reader_needs_too_much_memory_is_given_up(tmp_path, monkeypatch):
    (tmp_path / "large.qpy").write_bytes(pack_circuit(circuit()))
    monkeypatch.setattr(qpy_trial, "BYTES_OF_MEMORY", 64 << 20)
    with pytest.raises(SpecError, match="needs more than 64 MiB or is aborted"):
        read_circuit(tmp_path / "large.qpy")
