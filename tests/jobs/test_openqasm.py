"""OpenQASM as people have it; bits and unitaries are judged by Qiskit on circuits made by hand."""

import re
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.circuit import ClassicalRegister, QuantumRegister
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import ECRGate
from qiskit.quantum_info import Operator
from qiskit.transpiler import generate_preset_pass_manager

from jobs.circuit_files.bounded_child import read
from jobs.digest import circuit_digest
from jobs.errors import SpecError

SMALL_2 = 'include "qelib1.inc"; qreg q[1]; creg c[1]; x q[0]; measure q[0] -> c[0];'
SMALL_3 = 'include "stdgates.inc"; qubit[1] q; bit[1] c; x q[0]; c[0] = measure q[0];'


def openqasm(text):
    data = text if isinstance(text, bytes) else text.encode()
    (found,) = read(data, "openqasm")
    return found


def names(circuit):
    return [one.operation.name for one in circuit.data]


@pytest.mark.parametrize(
    "text",
    [
        f"OPENQASM 2.0; {SMALL_2}",
        f"OPENQASM   2.0 ; {SMALL_2}",
        f"OPENQASM\n2.0;\n{SMALL_2}",
        f"OPENQASM\t2; {SMALL_2}",
        f"// of [20260927]\r\n\r\nOPENQASM 2.0;\r\n{SMALL_2}",
        f"// of [20260927]\rOPENQASM 2.0;\r{SMALL_2}",
        f"\ufeffOPENQASM 2.0; {SMALL_2}",
        f"OPENQASM 2.0; {SMALL_2}".encode("utf-16"),
        f"OPENQASM 2.0; {SMALL_2}".encode("utf-32"),
        f"OPENQASM 3.0; {SMALL_3}",
        f'OPENQASM  3.1 ;\n// job [99999999999]\n/* include "none"; */ {SMALL_3}',
        f"\ufeff{SMALL_3}",
        SMALL_3.replace('include "stdgates.inc";', ""),
    ],
)
def test_heads_and_encodings_that_editors_make(text):
    read = openqasm(text)
    assert names(read) == ["x", "measure"]
    assert [(register.name, register.size) for register in read.cregs] == [("c", 1)]


def on_a_machine(basis, *, n_qubits=3):
    made = QuantumCircuit(n_qubits, n_qubits)
    made.h(0)
    made.cx(0, 1)
    made.rzz(0.4, 1, 2)
    made.sxdg(2)
    return generate_preset_pass_manager(
        optimization_level=0, basis_gates=basis, coupling_map=[[0, 1], [1, 2]]
    ).run(made)


@pytest.mark.parametrize(
    "basis", [["sx", "x", "rz", "cz", "id"], ["sx", "x", "rz", "ecr"], ["sx", "rz", "cz", "rzz"]]
)
@pytest.mark.parametrize("write", [qasm2.dumps, qasm3.dumps])
def test_what_qiskit_writes_for_a_machine_is_read_in_the_machines_own_gates(basis, write):
    made = on_a_machine(basis)
    found = openqasm(write(made))
    assert circuit_digest(found) == circuit_digest(made)
    assert Operator(found).equiv(Operator(made))
    for one, own in zip(found.data, made.data, strict=True):
        assert one.operation.base_class is own.operation.base_class


def test_gates_of_branches_are_the_machines_own_too():
    made = QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(1, "c"))
    made.measure(0, 0)
    with made.if_test((made.clbits[0], 1)):
        made.ecr(0, 1)
    (block,) = openqasm(qasm3.dumps(made)).data[1].operation.blocks
    assert block.data[0].operation.base_class is ECRGate


def test_free_parameters_stay_free_in_gates_that_a_file_defines():
    text = (
        "input float theta; gate rzz(p) a, b { cx a, b; rz(p) b; cx a, b; } "
        "qubit[2] q; rzz(2 * theta) q[0], q[1];"
    )
    found = openqasm(text)
    own = QuantumCircuit(2)
    own.rzz(0.6, 0, 1)
    assert names(found) == ["rzz"]
    assert Operator(found.assign_parameters([0.3])).equiv(Operator(own))


@pytest.mark.parametrize(
    "text",
    [
        "gate x a { U(pi, 0, 0) a; } qubit q; x q;",
        "gate rzz(p) a, b { cx a, b; rz(-p) b; cx a, b; } qubit[2] q; rzz(0.3) q[0], q[1];",
        "OPENQASM 2.0; gate sx a { U(0,0,0) a; } qreg q[1]; sx q[0];",
        "gate ecr a { U(0, 0, 0) a; } qubit q; ecr q;",
    ],
)
def test_a_gate_with_the_name_of_another_is_refused(text):
    with pytest.raises(SpecError, match="should not have the name of another one of Qiskit's"):
        openqasm(text)


@pytest.mark.parametrize("include", ["", 'include "qelib1.inc"; '])
def test_version_2_knows_standard_gates_without_definitions(include):
    found = openqasm(
        f"OPENQASM 2.0; {include} qreg q[3]; h q[0]; iswap q[1],q[0]; ecr q[0],q[2]; "
        "ryy(pi/5) q[2],q[1]; cs q[0],q[1]; ccz q[0],q[1],q[2];"
    )
    own = QuantumCircuit(3)
    own.h(0)
    own.iswap(1, 0)
    own.ecr(0, 2)
    own.ryy(np.pi / 5, 2, 1)
    own.cs(0, 1)
    own.ccz(0, 1, 2)
    assert names(found) == names(own)
    assert Operator(found) == Operator(own)


def test_ranges_of_qubits_go_down_and_count_from_the_last():
    found = openqasm("qubit[4] q; cx q[2:-1:0], q[3]; h q[1:-2]; rx(0.3) q[:2:-1];")
    own = QuantumCircuit(4)
    own.cx([2, 1, 0], 3)
    own.h([1, 2])
    own.rx(0.3, [0, 2])
    assert Operator(found) == Operator(own)


def test_a_delay_of_version_2_is_in_dt():
    made = QuantumCircuit(1)
    made.delay(240, 0, unit="dt")
    (one,) = openqasm(qasm2.dumps(made)).data
    assert (one.operation.duration, one.operation.unit) == (240, "dt")


REGISTER = ClassicalRegister(3, "c")


def branch(condition):
    """Return a branch on bits that were measured, as Qiskit makes it."""
    made = QuantumCircuit(QuantumRegister(3, "q"), REGISTER)
    made.measure(range(3), range(3))
    with made.if_test(condition):
        made.x(0)
    return made


C = expr.lift(REGISTER)
C0, C1, C2 = REGISTER


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("c[0]", (C0, True)),
        ("!c[0]", (C0, False)),
        ("~c[0]", (C0, False)),
        ("c[0] == 1", (C0, True)),
        ("c[0] == 0", (C0, False)),
        ("0 != c[0]", (C0, True)),
        ("c[0] == true", (C0, True)),
        ("c[0] != true", (C0, False)),
        ('c[0] == "1"', (C0, True)),
        ("bool(c[2])", (C2, True)),
        ("c == 5", (REGISTER, 5)),
        ("5 == c", (REGISTER, 5)),
        ('c == "101"', (REGISTER, 5)),
        ("c == 0x5", (REGISTER, 5)),
        ("c == 2 + 3", (REGISTER, 5)),
        ("c != 5", expr.not_equal(C, 5)),
        ("c > 2", expr.greater(C, 2)),
        ("2 < c", expr.greater(C, 2)),
        ("c[0] && c[1]", expr.logic_and(C0, C1)),
        ("c[0] == 1 && c[1] == 0", expr.logic_and(C0, expr.logic_not(C1))),
        ("c[0] || !c[1]", expr.logic_or(C0, expr.logic_not(C1))),
        ("c[0] ^ c[2]", expr.bit_xor(C0, C2)),
        ("c[0] == c[2]", expr.equal(C0, C2)),
        ("(c & 3) == 1", expr.equal(expr.bit_and(C, 3), 1)),
        ("bool(c)", expr.cast(C, types.Bool())),
        ("uint[2](c) == 1", expr.equal(expr.cast(C, types.Uint(2)), 1)),
        ("int[8](c) == 5", expr.equal(expr.cast(C, types.Uint(8)), 5)),
        ("true && c[0]", (C0, True)),
    ],
)
def test_conditions_that_people_write(text, condition):
    found = openqasm(f"qubit[3] q; bit[3] c; c = measure q; if ({text}) {{ x q[0]; }}")
    assert circuit_digest(found) == circuit_digest(branch(condition))


def distribution(circuit):
    """Return which values of c a circuit without chance gives, by Aer."""
    from qiskit_aer import AerSimulator

    from jobs.aer.executor import lower

    aer = AerSimulator(method="statevector")
    return set(aer.run(lower(circuit), shots=20, seed_simulator=1).result().get_counts())


@pytest.mark.parametrize("bits", range(8))
@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("c[1:2] == 2", lambda c: c >> 1 == 2),
        ("c[{0, 2}] != 1", lambda c: ((c & 1) | (c >> 2 & 1) << 1) != 1),
        ("c == 8", lambda c: False),
        ("c < 9", lambda c: True),
        ("c > -1", lambda c: True),
        # An integer without a size loses nothing, and ranges may go down or count from the end.
        ("int(c[0]) << 1 == 2", lambda c: c & 1),
        ("(uint(c[1]) << 1 | uint(c[0])) == 2", lambda c: c & 3 == 2),
        ("(uint(c) << 1) == 8", lambda c: c == 4),
        ("(uint(c) ^ 8) == 9", lambda c: c == 1),
        ("~uint(c) == 1", lambda c: False),
        ("(1 << c) == 4", lambda c: c == 2),
        ("(1 << uint[2](c)) == 8", lambda c: c & 3 == 3),
        ("c[2:-1:0] == 1", lambda c: c == 4),
        ("c[1:-1] == 2", lambda c: c >> 1 == 2),
        ("c[-2:-1] != 3", lambda c: c >> 1 != 3),
        ("c[:0] == 1", lambda c: c & 1),
    ],
)
def test_parts_of_a_register_and_numbers_that_it_never_is(text, holds, bits):
    flips = "".join(f"x q[{n}]; " for n in range(3) if bits >> n & 1)
    program = f"qubit[4] q; bit[3] c; bit[1] r; {flips} c = measure q[0:2]; if ({text}) x q[3];"
    found = openqasm(program + " r[0] = measure q[3];")
    assert distribution(found) == {f"{int(holds(bits))} {bits:03b}"}


def test_constants_their_functions_and_loops_are_written_out():
    found = openqasm(
        "const int[32] n = 1 << 1; const float[64] part = pi / 4; const duration wait = 2 * 50ns; "
        "qubit[n + 1] q; bit[n + 1] c; rz(part * n) q[0]; rx(sin(pi / 6)) q[0]; "
        "rz(2 ** 3 % 5) q[1]; ry(float(uint[2](7))) q[1]; delay[wait] q[2]; "
        "for uint i in [0:n] { x q[i]; c[i] = measure q[i]; if (c[i] == 1) z q[i]; } "
        "for int i in {2, 0} x q[i]; if (n == 2) h q[0]; else y q[0];"
    )
    own = QuantumCircuit(QuantumRegister(3, "q"), ClassicalRegister(3, "c"))
    own.rz(np.pi / 2, 0)
    own.rx(0.5, 0)
    own.rz(3, 1)
    own.ry(3, 1)
    own.delay(100, 2, unit="ns")
    for n in range(3):
        own.x(n)
        own.measure(n, n)
        with own.if_test((own.clbits[n], True)):
            own.z(n)
    own.x([2, 0])
    own.h(0)
    assert names(found) == names(own)
    for one, two in zip(found.data, own.data, strict=True):
        wires = [[c.find_bit(bit).index for bit in i.qubits] for c, i in ((found, one), (own, two))]
        assert wires[0] == wires[1]
        if one.operation.name in ("rz", "rx", "ry"):
            assert one.operation.params == pytest.approx(two.operation.params)
    assert (found.data[4].operation.duration, found.data[4].operation.unit) == (100, "ns")


@pytest.mark.parametrize(("jump", "flips"), [("break;", 1), ("continue;", 3)])
def test_a_loop_with_a_jump_stays_a_loop(jump, flips):
    found = openqasm(
        "qubit[2] q; bit[2] c; x q[0]; c[0] = measure q[0]; "
        f"for int i in [0:2] {{ x q[1]; if (c[0]) {{ {jump} }} x q[1]; }} c[1] = measure q[1];"
    )
    assert found.count_ops()["for_loop"] == 1
    assert distribution(found) == {f"{flips % 2}1"}
    nested = openqasm(
        "qubit[2] q; bit c; for int i in [0:2] { for int j in [0:1] { x q[0]; "
        f"if (c) {jump} }} }}"
    )
    assert nested.count_ops()["for_loop"] == 1


def test_bits_that_begin_with_a_value():
    zeros = 'bit[2] c = "00"; bit d = 0; bit e = false; qubit[2] q; c = measure q;'
    assert names(openqasm(zeros)) == ["measure", "measure"]
    begun = openqasm('bit[2] c = "10"; qubit[2] q; x q[0]; if (c == 2) x q[1]; c = measure q;')
    assert names(begun) == ["store", "x", "if_else", "measure", "measure"]
    assert distribution(begun) == {"11"}


def test_variables_assignments_switches_and_stretches_are_qiskits_own():
    made = openqasm(
        "qubit[2] q; output bit[2] c; bool b = false; uint[4] n = 3; stretch s; "
        "c[0] = measure q[0]; b = c[0]; n += 1; c[1] = 1; delay[s] q[1]; "
        "switch (c) { case 0, 2 { x q[0]; } default { } } if (b && n == 4) { x q[1]; }"
    )
    assert [variable.name for variable in made.iter_declared_vars()] == ["b", "n"]
    assert [stretch.name for stretch in made.iter_declared_stretches()] == ["s"]
    assert made.count_ops() == {
        "store": 5,
        "measure": 1,
        "delay": 1,
        "switch_case": 1,
        "if_else": 1,
    }


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (" \n// words only\n/* and\n more */", "no statement"),
        (" ;;\n;", "no statement"),
        (b"\xff\xfe\x00", "text"),
        ("qubit q;".encode("utf-16-le"), "UTF-16 without its mark"),
        (b"qubit q; // \xe4", "save it as UTF-8"),
        ("OPENQASM 4.0; qubit q;", "version 2 or 3. Got 4"),
        ("OPENQASM 2.0; qreg q[1]; nonsense q[0];", "valid"),
        ("qubit[1000000000] q;", "at most 10,000 bits. Got 1,000,000,000"),
        ("bit[ 1_000_000_000 ] c;", "at most 10,000 bits"),
        ("qubit[0x3b9aca00] q;", "at most 10,000 bits. Got 1,000,000,000"),
        ("const uint n = 1 << 30; output bit[n] c;", "at most 10,000 bits"),
        ("creg c[20000];", "at most 10,000 bits"),
        ("OPENQASM 2.0; qreg q[ 1000000000 ];", "at most 10,000 bits. Got 1,000,000,000"),
        ("x $1000000000;", "at most 10,000 bits"),
        (f"rz({'9' * 5000}) $0;", "valid"),
        ("rz(2 ** 100000) $0;", "a power is too large"),
        ("rz(1 / 0) $0;", "ZeroDivisionError"),
        ("for int i in [0:1000000000] { x $0; }", "at most 100,000 rounds"),
        ("bit c; if (c == 2) x $0;", "compared with 0 or 1, not with 2"),
        ("bit[3] c; if (int[3](c) == 1) x $0;", "leave a bit for its sign"),
        ("bit[3] c; if (~int(c) > 1) x $0;", "complement of a signed number"),
        ("bit[2] c; if (c + 1 == 4) x $0;", "compared with a number of its width"),
        ("bit[2] c; if ((c - 1 | 0) == -1) x $0;", "compared with a number of its width"),
        ("qubit[3] q; x q[1:3];", "places of the register's 0 to 2"),
        ("qubit[3] q; x q[2:1];", "places of the register's 0 to 2"),
        ("int[8] n = 1; x $0;", "variables should be bit, bool"),
        ("pragma user x\nx $0;", "pragmas are not read"),
        ("def f() { } x $0;", "valid"),
    ],
)
def test_what_is_not_read_is_refused_in_one_line(text, rule):
    with pytest.raises(SpecError, match=rule) as caught:
        openqasm(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("head", ["OPENQASM 2.0; ", "OPENQASM 3.0; ", ""])
@pytest.mark.parametrize(
    "include",
    [
        'include "{}";',
        "include '{}';",
        'include\n//\n"{}";',
        '// a " quote\ninclude "{}";',
        '/* include "stdgates.inc"; */ include "{}";',
        'include "stdgates.inc"; include "{}";',
    ],
)
def test_no_file_of_the_users_is_read_into_a_message(tmp_path, head, include):
    secret = tmp_path / "secret.inc"
    secret.write_text("correct horse battery staple")
    with pytest.raises(SpecError) as caught:
        openqasm(head + include.format(secret) + " x $0;")
    assert "horse" not in str(caught.value)
    assert "nothing but qelib1.inc or stdgates.inc" in str(caught.value) or "*" in include


DECLARED = {
    "q": "qubit[3] q;",
    "c": "bit[3] c;",
    "n": "const int n = 2;",
    "t": "const float t = 0.5;",
    "rest": "stretch rest;",
    "v": "uint[4] v;",
}


def test_every_form_of_the_page_is_read():
    page = Path(__file__).parents[2] / "docs" / "reference" / "circuit-files.md"
    table = page.read_text(encoding="utf-8").split("## OpenQASM 3")[1].split("Not read")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.count(" | ") == 2][1:]
    forms = [form for row in rows for form in re.findall(r"`([^`]*)`", row[1])]
    assert len(forms) > 50
    for form in forms:
        own = re.findall(r"\b(?:u?int|float|qreg|duration|stretch|q?u?bit)(?:\[\w\])? (\w+)", form)
        usual = " ".join(text for name, text in DECLARED.items() if name not in own)
        openqasm(f"{'' if '$' in form else usual} {completed(form)}")


def completed(form):
    """Return a statement of a form of the page, some of which are expressions."""
    if re.fullmatch(r"(bool|uint\[2\]|int\[8\])\(c\)", form):
        return f"if ({form} == 1) x q[0];"
    if re.fullmatch(r"if \(.*\)", form):
        return f"{form} x q[0];"
    return form if form[-1] in ";}" else f"rz({form}) q[0];"


def test_openqasm_3_for_an_ecr_machine_folds_in_its_own_gates():
    from qrnn_hw.mitigation.folding import fold

    folded = fold(openqasm(qasm3.dumps(on_a_machine(["sx", "x", "rz", "ecr"]))), 3)
    assert set(folded.count_ops()) <= {"sx", "x", "rz", "ecr", "barrier"}
