"""From the result types of Qiskit's primitives to ours."""

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.primitives import SamplerPubResult

from jobs.errors import SpecError
from jobs.spec import Pub, PubResult

EVERY_BIT = "every_bit_of_the_circuit"


def registers_of(circuit: QuantumCircuit, bits: NDArray[np.uint8]) -> PubResult:
    """Return the registers of a circuit from its bits.

    Args:
        circuit: whose registers may share bits and lie between each other.
        bits: shape (rows, shots, n_bits), bit j of the circuit in column j.
    """
    place = {bit: index for index, bit in enumerate(circuit.clbits)}
    return PubResult({one.name: bits[:, :, [place[bit] for bit in one]] for one in circuit.cregs})


def readable_as_blocks(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit of which a sampler that takes a register for a block reads each bit.

    It has a register `EVERY_BIT` in front, of all its bits in order, where one of its own is no
    block of neighbouring bits; what else the sampler says of it is to be left alone.
    """
    if all(_is_block(circuit, register) for register in circuit.cregs):
        return circuit
    named = circuit.copy()
    named.add_register(ClassicalRegister(bits=circuit.clbits, name=EVERY_BIT))
    # So that no block, wherever it begins, is longer than what there is.
    named.add_bits([Clbit() for _ in range(max(map(len, circuit.cregs)))])
    return named


def _is_block(circuit: QuantumCircuit, register: ClassicalRegister) -> bool:
    places = [circuit.find_bit(bit).index for bit in register]
    return places == list(range(places[0], places[0] + len(places))) if places else True


def pub_result(result: SamplerPubResult, pub: Pub, shots: int) -> PubResult:
    """Return the bits of a sampler's answer to `pub`, checked against what was asked.

    Raises:
        SpecError: If registers, rows or shots differ from those of `pub`.
    """
    registers = {}
    for register in pub.circuit.cregs:
        expected = (pub.n_rows, shots, register.size)
        if register.name not in result.data:
            raise SpecError(
                f"The answer should hold register {register.name!r}. "
                f"Got {', '.join(sorted(result.data)) or 'none'}."
            )
        bits = result.data[register.name].to_bool_array(order="little").astype("uint8")
        if bits.ndim == 2:
            bits = bits[None]
        if bits.shape != expected:
            raise SpecError(
                f"The answer for register {register.name!r} should have shape {expected} (rows, "
                f"shots, bits). Got {bits.shape}."
            )
        registers[register.name] = bits
    return PubResult(registers)
