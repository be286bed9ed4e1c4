"""Models from a user's file: built as written, exact as Aer has them, refused in one line."""

import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from qiskit import transpile
from qiskit_aer import AerSimulator
from scipy.stats import chisquare

from circuits import architecture, unroll
from circuits.audit.audit import audit
from circuits.errors import CircuitsError, UnknownNameError
from circuits.exact.logical import logical_model
from circuits.outcomes import outcome_signs
from circuits.pure.ideal import pure_model

FILE = '''
import random
from typing import Literal

from qiskit.circuit import Gate, QuantumCircuit
from qiskit.circuit.classical import expr

from circuits.definition import Architecture
from circuits.layers.cells import Rotations


def kept(circuit, qubits=3, inputs=1, weights=3, bits=1, *, readout=(0, 2)):
    """Measures a wire that goes on."""
    circuit.rx(inputs[0], 1)
    circuit.ry(weights[0], 0)
    circuit.cx(0, 1)
    circuit.crx(weights[1], 1, 2)
    circuit.measure(qubits[1], bits[0])
    with circuit.if_test((bits[0], 1)):
        circuit.ry(weights[2], 2)


def inside(circuit, qubits=3, inputs=1, weights=2, bits=2, *, readout=(0, 2)):
    """Measures one wire or another into a bit."""
    circuit.rx(inputs[0], 1)
    circuit.ry(weights[0], 0)
    circuit.cx(0, 1)
    circuit.cry(weights[1], 1, 2)
    circuit.measure(1, bits[0])
    with circuit.if_test((bits[0], 1)) as otherwise:
        circuit.measure(0, bits[1])
    with otherwise:
        circuit.measure(2, bits[1])
    circuit.barrier()
    with circuit.if_test((bits[1], 1)):
        circuit.rx(0.7, 0)


def before(circuit, qubits=2, inputs=1, weights=2, bits=1, previous=(), *, readout=(0,)):
    """Reads the bit of the step before."""
    for bit in previous:
        with circuit.if_test((bit, 1)):
            circuit.rx(weights[1], 0)
    circuit.rx(inputs[0], 1)
    circuit.ry(weights[0], 0)
    circuit.cx(0, 1)
    circuit.measure(1, bits[0])
    circuit.reset(1)


def gates(circuit, qubits=3, inputs=2, weights=5, bits=0):
    """Gates of many kinds, with free angles."""
    circuit.rzz(weights[0], 0, 1)
    circuit.u(weights[1], inputs[0], weights[2], 1)
    circuit.u(weights[1], 0.5, 0.25, 0)
    circuit.cp(inputs[1], 1, 2)
    circuit.ccx(0, 1, 2)
    circuit.rxx(weights[3], 0, 2)
    circuit.ry(weights[4].sin() + inputs[0] * weights[0], 1)
    circuit.unitary([[0, 1], [1, 0]], 2)


def named(circuit, qubits=2, inputs=1, weights=1, bits=1, *, readout=(0,)):
    """A gate of its own that bears the name of another."""
    own = QuantumCircuit(2, name="cx")
    own.ry(1.1, 0)
    own.cz(0, 1)
    circuit.ry(inputs[0], 0)
    circuit.append(own.to_gate(), [0, 1])
    circuit.h(1)
    circuit.measure(1, bits[0])
    with circuit.if_test(expr.logic_not(bits[0])):
        circuit.ry(weights[0], 0)
    circuit.reset(1)


def early(circuit, qubits=2, inputs=1, weights=1, bits=1, *, readout=(0,)):
    """Measures what has just been reset."""
    circuit.ry(inputs[0], 1)
    circuit.cx(1, 0)
    circuit.reset(1)
    circuit.measure(1, bits[0])
    with circuit.if_test((bits[0], 0)):
        circuit.rx(weights[0], 0)


Axis = Literal["x", "y"]


def turned(circuit, qubits=2, inputs=1, weights=2, bits=0, *, layers=1, axis: Axis = "y"):
    """Options."""
    for _ in range(layers):
        getattr(circuit, f"r{axis}")(weights[0] + inputs[0], 0)
        circuit.cx(0, 1)
        circuit.ry(weights[1], 1)


def loop(circuit, qubits=1, inputs=1, weights=0, bits=0):
    circuit.ry(inputs[0], 0)
    with circuit.for_loop(range(2)):
        circuit.x(0)


def opaque(circuit, qubits=1, inputs=1, weights=1, bits=0):
    circuit.append(Gate("mine", 1, [weights[0]]), [0])


def adding(circuit, qubits=1, inputs=1, weights=0, bits=0):
    circuit.measure_all()


def counting(circuit, qubits=1, inputs=1, weights=0, bits=0):
    circuit.ry(inputs[1], 0)


def leaving(circuit, qubits=1, inputs=1, weights=0, bits=0):
    raise SystemExit("gone")


def keeping(circuit, qubits=1, inputs=1, weights=0, bits=0):
    circuit.add_var("kept", False)


def waiting(circuit, qubits=1, inputs=1, weights=1, bits=0):
    circuit.delay(weights[0], 0)


def boundless(circuit, qubits=1, inputs=1, weights=0, bits=1):
    circuit.measure(0, bits[0])
    with circuit.if_test((bits[0], 1)):
        circuit.rx(float("inf"), 0)


def drawing(circuit, qubits=1, inputs=1, weights=0, bits=0):
    own = QuantumCircuit(1, name="drawn")
    own.ry(random.random(), 0)
    circuit.append(own.to_gate(), [0])


def blind(circuit, qubits=1, inputs=2, weights=1, bits=0):
    circuit.h(0)


def yielding(circuit, qubits=1, inputs=1, weights=0, bits=0):
    yield circuit.ry(inputs[0], 0)


def classy(circuit, qubits=1, inputs=1, weights=1, bits=0):
    """A gate of a class that is made anew in every call."""

    class Mine(Gate):
        def __init__(self, angle):
            super().__init__("mine", 1, [angle])

        def _define(self):
            self.definition = QuantumCircuit(1)
            self.definition.ry(self.params[0], 0)

    circuit.append(Mine(inputs[0] + weights[0]), [0])


def unsaid(circuit, qubits, inputs=1, weights=0, bits=0):
    pass


def disordered(circuit, inputs=1, qubits=1, weights=0, bits=0):
    pass


def unmeasured(circuit, qubits=1, inputs=1, weights=0, bits=1):
    circuit.ry(inputs[0], 0)


def outside(circuit, qubits=2, inputs=1, weights=0, bits=0, *, readout=(2,)):
    circuit.ry(inputs[0], 0)


def floating(circuit, qubits=2, inputs=1, weights=0, bits=0, *, strength=0.5):
    circuit.ry(inputs[0], 0)


LAYERS = Architecture(
    name="layers", n_qubits=1, n_features=1, encoder=(), cell=(Rotations((0,), "y"),), readout=(0,)
)
NUMBER = 3
'''


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "cells.py"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "mode", "fresh"),
    [
        ("kept", "sampled", ()),
        ("inside", "sampled", ()),
        ("before", "sampled", (1,)),
        ("gates", "coherent", ()),
        ("named", "sampled", (1,)),
        ("early", "sampled", ()),
        ("turned", "coherent", ()),
    ],
)
def test_a_step_function_is_exactly_what_it_appends(file, name, mode, fresh):
    model = architecture(f"{file}:{name}")
    assert (model.mode, model.data_qubits) == (mode, fresh)
    generator = np.random.default_rng(5)
    features = generator.uniform(0, 3, (3, model.n_features))
    weights = generator.uniform(-3, 3, model.n_weights)
    law = logical_model(model).distributions(weights, features[None], np.array([3]))[0]

    circuit, simulator, shots = unroll(model, 3).bind(features, weights), AerSimulator(), 20_000
    if name == "named":  # Aer goes by the name
        circuit = circuit.decompose("cx")
    compiled = transpile(circuit, simulator, optimization_level=0)
    counts = simulator.run(compiled, shots=shots, seed_simulator=1).result().get_counts()
    seen = np.zeros(len(law))
    for bits, number in counts.items():
        seen[int(bits.split()[0], 2)] += number
    expected = np.asarray(law, dtype=float)
    possible = expected > 1e-9
    assert not seen[~possible].any()
    assert chisquare(seen[possible], shots * expected[possible]).pvalue > 1e-4

    pure = pure_model(model)
    assert (pure is not None) == (name == "turned")
    if pure is not None:
        signs = outcome_signs(len(model.readout))
        assert pure.batch(features[None], weights)[0] == pytest.approx(expected @ signs, abs=1e-12)


def test_a_cell_without_a_pure_form_is_audited(file):
    found = audit(architecture(f"{file}:kept"), steps=2)
    assert not found.input_blind
    assert found.jacobian_rank == 3


def test_options_are_those_of_the_function(file):
    model = architecture(f"{file}:turned", layers=2, axis="x")
    assert model.options == (("mode", "coherent"), ("layers", 2), ("axis", "x"))
    assert unroll(model, 1).circuit.count_ops() == {
        "rx": 2,
        "cx": 2,
        "ry": 2,
        "barrier": 1,
        "measure": 2,
    }
    with pytest.raises(CircuitsError, match=r"option axis of .* should be one of y, x. Got 'z'"):
        architecture(f"{file}:turned", axis="z")
    assert architecture(f"{file}:LAYERS").n_weights == 1
    law = logical_model(architecture(f"{file}:classy")).distributions(
        np.array([0.4]), np.array([[[0.9]]]), np.array([1])
    )
    np.testing.assert_allclose(law[0], [np.cos(0.65) ** 2, np.sin(0.65) ** 2], atol=1e-12)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loop", "Got for_loop; repeat its instructions by a loop of Python"),
        ("opaque", "should be built of rotations. Got mine"),
        ("adding", "should use the 1 qubits and 0 bits it is given. Got a circuit of 1 and 1"),
        ("counting", r"Got IndexError in line 1\d\d: list index out of range"),
        ("leaving", r"Got SystemExit in line 1\d\d: gone"),
        ("keeping", "Got the variable or stretch 'kept'; leave it out"),
        ("waiting", r"should last a number of dt or seconds\. Got w\[0\]"),
        ("boundless", "should be finite numbers, inputs or weights. Got inf of rx"),
        ("drawing", "append the same instructions whenever it is called"),
        ("blind", "should turn something by its inputs. Got a step that takes none"),
        ("yielding", "should be a plain function that appends instructions"),
        ("unsaid", "should say how many qubits it takes, 1 or more, by a default.* Got qubits=no"),
        ("disordered", "in this order.* Got circuit, inputs, qubits, weights, bits"),
        ("unmeasured", "should measure into each of its 1 bits. Got none for bit 0"),
        ("outside", r"different wires from 0 to 1.* Got \(2,\)"),
        ("floating", "should have a whole number as its default.* Got strength=0.5"),
        ("NUMBER", "should be an Architecture, a Row or a step function. Got int"),
        ("absent", "what could be meant in that file: .*cells.py:kept, .*cells.py:LAYERS"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(file, name, message):
    with pytest.raises(CircuitsError, match=message) as refused:
        logical_model(architecture(f"{file}:{name}"))
    assert "\n" not in str(refused.value)


def test_files_that_fail_are_refused_with_their_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match=r"Got none.py, not there"):
        architecture("none.py:step")
    (tmp_path / "broken.py").write_text("import os\ndef step(circuit:\n", encoding="utf-8")
    with pytest.raises(
        CircuitsError, match="broken.py should run as it is. Got SyntaxError in line 2"
    ):
        architecture("broken.py:step")
    (tmp_path / "fails.py").write_text("x = 1\ny = 1 / 0\n", encoding="utf-8")
    with pytest.raises(CircuitsError, match="Got ZeroDivisionError in line 2: division by zero"):
        architecture("fails.py:step")
    with pytest.raises(UnknownNameError, match="FILE.py:NAME"):
        architecture("dynamic-lin")


def test_a_model_of_a_file_is_pickled_by_name_and_content(file, tmp_path):
    path = tmp_path / "moved.py"
    path.write_text(FILE, encoding="utf-8")
    stored = pickle.dumps(architecture(f"{path}:turned", layers=2))
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer).options)"
    other = subprocess.run([sys.executable, "-c", program], input=stored, capture_output=True)
    assert other.stdout.decode().strip() == "(('mode', 'coherent'), ('layers', 2), ('axis', 'y'))"
    path.write_text(FILE + "\n# changed\n", encoding="utf-8")
    with pytest.raises(CircuitsError, match="should be as it was when the model was stored"):
        pickle.loads(stored)


def test_an_installed_package_offers_models(tmp_path, monkeypatch):
    from qrnn_hw.models.facts import listing

    (tmp_path / "offered_cells.py").write_text(FILE, encoding="utf-8")
    described = tmp_path / "offered-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(
        textwrap.dedent("""\
            [qrnn_hw.models]
            turned-line = offered_cells:turned
            gone = offered_cells:gone
            v1 = offered_cells:turned
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert architecture("turned-line", layers=3).name == "turned-line"
    assert architecture("v1").n_weights == 6  # ours comes first
    with pytest.raises(CircuitsError, match="gone .*should run as it is. Got AttributeError"):
        architecture("gone")
    found = {record["name"]: record for record in listing()}
    assert found["turned-line"]["n_weights"] == 2
    assert found["gone"]["summary"].startswith("cannot be loaded")
