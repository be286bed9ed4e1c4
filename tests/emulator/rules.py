"""What the machine refuses, written from the documentation and apart from jobs.preflight."""

from qiskit.circuit import ClassicalRegister, Clbit, ControlFlowOp
from qiskit.circuit.classical import expr

ANYWHERE = {"barrier"}
CONTROL_INSTRUCTIONS = {"rz": 1, "delay": 1, "sx": 2, "x": 2, "cz": 5, "measure": 10, "reset": 17}
LARGEST_PROGRAM = 26.8e6


class Refusal(Exception):
    """The machine does not run the job."""


def check(circuits, shots, configuration):
    """Raise `Refusal` with the machine's reason unless it would run the job.

    `circuits` holds (circuit, array of rows x parameters).
    """
    if sum(len(rows) for _, rows in circuits) * shots > 10_000_000:
        raise Refusal("The job exceeds 10,000,000 executions.")
    machine = Machine(configuration)
    broadcasts = instructions = 0.0
    for circuit, rows in circuits:
        machine.check(circuit, {q: i for i, q in enumerate(circuit.qubits)}, inside=False)
        for row in rows:
            machine.check_angles(circuit.assign_parameters(row) if len(row) else circuit)
        broadcasts += len(rows) * share_of_broadcasts(circuit)
        instructions += len(rows) * max(control_instructions(circuit).values(), default=0)
    if broadcasts > 1:
        raise Refusal("The job exceeds the broadcasts of the control system.")
    if instructions > LARGEST_PROGRAM:
        raise Refusal("The job exceeds the instruction memory of a qubit.")


class Machine:
    def __init__(self, configuration):
        self.names = set(configuration["supported_instructions"]) | {"rzz", "rx"}
        self.edges = {tuple(edge) for edge in configuration["coupling_map"]}
        self.n_qubits = configuration["n_qubits"]
        self.alignment = configuration.get("timing_constraints", {}).get("pulse_alignment", 1)

    def check(self, circuit, places, inside):
        if not inside and circuit.num_qubits > self.n_qubits:
            raise Refusal(f"The circuit has {circuit.num_qubits} qubits of {self.n_qubits}.")
        for instruction in circuit.data:
            operation = instruction.operation
            qubits = tuple(places[qubit] for qubit in instruction.qubits)
            if operation.name == "if_else":
                self.check_branch(operation, qubits, inside)
            elif isinstance(operation, ControlFlowOp) or operation.name.endswith("_loop"):
                raise Refusal(f"{operation.name} is not supported.")
            elif operation.name in ANYWHERE:
                continue
            elif operation.name not in self.names:
                raise Refusal(f"The instruction {operation.name} is not supported.")
            elif operation.name == "delay" and operation.duration % self.alignment:
                raise Refusal(f"Delays must be a multiple of {self.alignment} samples [8043].")
            elif inside and operation.name.split("_")[0] in ("measure", "reset"):
                raise Refusal(f"{operation.name} inside a conditional is not supported.")
            elif len(qubits) == 2 and qubits not in self.edges:
                raise Refusal(f"{operation.name} is not supported on qubits {qubits}.")

    def check_branch(self, operation, qubits, inside):
        if "if_else" not in self.names:
            raise Refusal("Dynamic circuits are not supported.")
        if inside:
            raise Refusal("Nested conditionals are not supported.")
        check_condition(operation.condition)
        for block in operation.blocks:
            self.check(block, dict(zip(block.qubits, qubits, strict=True)), inside=True)

    def check_angles(self, circuit):
        for instruction in circuit.data:
            operation = instruction.operation
            if isinstance(operation, ControlFlowOp):
                for block in operation.blocks:
                    self.check_angles(block)
                continue
            for angle in operation.params:
                if operation.name in ("rz", "rx", "rzz") and not abs(float(angle)) < float("inf"):
                    raise Refusal(f"The angle of {operation.name} is not finite.")
            if operation.name == "rzz" and not -1e-9 <= float(operation.params[0]) <= 1.5707963278:
                raise Refusal("The angle of rzz is outside [0, pi/2].")


def check_condition(condition):
    if isinstance(condition, tuple):
        operand = condition[0]
        if isinstance(operand, ClassicalRegister) and operand.size > 32:
            raise Refusal("Operands wider than 32 bits are not supported.")
        return
    if getattr(condition.type, "width", 1) > 32:
        raise Refusal("Operands wider than 32 bits are not supported.")
    if isinstance(condition, expr.Binary):
        if condition.op.name in ("ADD", "SUB", "MUL", "DIV"):
            raise Refusal("Arithmetic is not supported.")
        check_condition(condition.left)
        check_condition(condition.right)
    elif isinstance(condition, expr.Unary | expr.Cast):
        check_condition(condition.operand)


def share_of_broadcasts(circuit):
    """Return what one execution takes of 2,400 broadcasts of 1 bit, or of 300 of 60 bits."""
    share, age, seen = 0.0, {}, set()
    for time, instruction in enumerate(circuit.data):
        operation = instruction.operation
        if operation.name == "if_else":
            bits = read_bits(operation.condition)
            version = tuple(sorted((circuit.find_bit(b).index, age.get(b, -1)) for b in bits))
            if bits and version not in seen:
                seen.add(version)
                share += 1 / 2400 + (len(bits) - 1) / 59 * (1 / 300 - 1 / 2400)
        elif operation.name.startswith("measure"):
            age.update(dict.fromkeys(instruction.clbits, time))
    return share


def read_bits(condition):
    if isinstance(condition, tuple):
        variables = [condition[0]]
    else:
        variables = [variable.var for variable in expr.iter_vars(condition)]
    bits = set()
    for variable in variables:
        bits |= {variable} if isinstance(variable, Clbit) else set(variable)
    return bits


def control_instructions(circuit):
    """Return {qubit: control instructions of one execution}."""
    total = dict.fromkeys(range(circuit.num_qubits), 50)
    for instruction in circuit.data:
        operation = instruction.operation
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        if operation.name == "barrier":
            continue
        if operation.name == "if_else":
            for block in operation.blocks:
                for inner, weight in control_instructions(block).items():
                    total[qubits[inner]] += weight - 50
            continue
        for qubit in qubits:
            total[qubit] += CONTROL_INSTRUCTIONS.get(operation.name.split("_")[0], 5)
    return total
