"""From the result types of Qiskit's primitives to ours."""

from qiskit.primitives import SamplerPubResult

from jobs.errors import SpecError
from jobs.spec import Pub, PubResult


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
