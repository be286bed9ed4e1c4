"""What the machine charges: measured shot by shot in its own time, not by jobs.cost."""

OVERHEAD_SECONDS = 2.0
# From the start of a measurement to the gate that depends on it, in a documented trace.
MEASURE_TO_GATE_SECONDS = 2.65e-6


def charged_seconds(circuits, shots, configuration, lengths, rep_delay_seconds=None):
    """Return the seconds of a job; `circuits` holds (circuit, number of rows)."""
    if rep_delay_seconds is None:
        rep_delay_seconds = configuration["default_rep_delay"] * 1e-6
    dt_seconds = configuration["dt"] * 1e-9
    busy = sum(
        rows * shots * (rep_delay_seconds + execution_seconds(circuit, lengths, dt_seconds))
        for circuit, rows in circuits
    )
    return OVERHEAD_SECONDS + busy


def execution_seconds(circuit, lengths, dt_seconds):
    """Return the time of one execution, each branch taken half of the time."""
    clock = Clock(lengths, dt_seconds)
    clock.run(circuit, list(range(circuit.num_qubits)), list(range(circuit.num_clbits)))
    return max(clock.free.values(), default=0.0)


class Clock:
    def __init__(self, lengths, dt_seconds):
        self.lengths, self.dt_seconds = lengths, dt_seconds
        self.free, self.arrives = {}, {}

    def run(self, circuit, qubits, clbits):
        for instruction in circuit.data:
            operation = instruction.operation
            places = [qubits[circuit.find_bit(q).index] for q in instruction.qubits]
            bits = [clbits[circuit.find_bit(c).index] for c in instruction.clbits]
            begin = max((self.free.get(place, 0.0) for place in places), default=0.0)
            if operation.name == "if_else":
                begin = max([begin, *(self.arrives.get(bit, 0.0) for bit in bits)])
                length = self.mean_branch(operation, places, bits)
            elif operation.name == "barrier":
                length = 0.0
            elif operation.name == "delay":
                units = {"dt": self.dt_seconds, "s": 1.0, "us": 1e-6, "ns": 1e-9}
                length = operation.duration * units[operation.unit]
            else:
                length = self.lengths.get((operation.name, tuple(places)), 0.0)
            for place in places:
                self.free[place] = begin + length
            if operation.name.startswith("measure"):
                self.arrives.update(dict.fromkeys(bits, begin + MEASURE_TO_GATE_SECONDS))

    def mean_branch(self, operation, places, bits):
        branches = []
        for block in operation.blocks:
            clock = Clock(self.lengths, self.dt_seconds)
            clock.run(block, places, bits)
            branches.append(max(clock.free.values(), default=0.0))
        return sum(branches) / 2
