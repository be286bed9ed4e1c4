"""A cell of the user's own that the machine refuses: it resets within a branch."""

CELL = """
def step(circuit, qubits=2, inputs=1, weights=2, bits=1, *, readout=(0,)):
    circuit.ry(inputs[0], 1)
    circuit.cry(weights[0], 1, 0)
    circuit.measure(1, bits[0])
    with circuit.if_test((bits[0], 1)):
        circuit.rx(weights[1], 0)
        circuit.reset(1)
"""
