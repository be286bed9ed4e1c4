"""What a plan takes for granted of the machine: said before it is sent, and in what is reported."""

from __future__ import annotations

from collections.abc import Sequence

from calibration.noise import DeviceNoise
from jobs.transpile.isa import TranspiledStep
from qrnn_hw.mitigation.relabel import fed_forward_slots
from qrnn_hw.mitigation.stack import Stack


def assumptions(
    transpiled: TranspiledStep, noise: DeviceNoise, stacks: Sequence[Stack], steps: int
) -> tuple[str, ...]:
    """Say what relabelling assumes of the readings that branches act on, and what is known of it.

    Signed relabelling undoes that a branch acts on a wrong bit. It takes the state that a reading
    leaves to be the one that it found, and knows no memory of readings nor their neighbours.

    Args:
        transpiled: step on its active qubits.
        noise: of the same qubits, with what was learned of them.
        stacks: that are planned.
        steps: of the longest circuit.

    Returns:
        One sentence, none where no stack relabels.
    """
    names = [stack.name for stack in stacks if stack.feed_forward != "none"]
    if not names:
        return ()
    circuit = transpiled.unroll(steps).circuit
    read = {
        (circuit.data[slot].operation.name, circuit.find_bit(circuit.data[slot].qubits[0]).index)
        for slot in fed_forward_slots(circuit)
    }
    taken = (
        f"{', '.join(names)} takes each reading that a branch acts on to leave the state that it "
        "found, and to reach no neighbour"
    )
    known = {at: noise.instrument(*at) for at in sorted(read)}
    missing = [noise.snapshot.physical[qubit] for (_, qubit), one in known.items() if one is None]
    if missing:
        qubits = ",".join(map(str, sorted(set(missing))))
        return (f"{taken}; not measured: `qrnn-hw calibrate instrument --qubits {qubits}`",)
    moved = max(
        max(float(one[0, :, 1].sum()), float(one[1, :, 0].sum()))
        for one in known.values()
        if one is not None
    )
    reached = sum(len(noise.beyond.reached(name, qubit)) for name, qubit in known)
    return (
        f"{taken}; measured, they leave up to {100 * moved:.2f} % in the other state and reach "
        f"{reached} neighbours, which relabelling does not undo and the forecast counts",
    )
