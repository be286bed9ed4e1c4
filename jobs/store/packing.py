"""Bits and circuits as bytes, without pickle."""

import io
import json
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, qpy

from calibration.documents import parsed
from jobs.digest import circuit_digest
from jobs.errors import StoreError
from jobs.spec import PubResult
from jobs.store.archives import read_archive

# Older formats of QPY embed pickled payloads; 13 is the first that does not.
MINIMUM_QPY_VERSION = 13


def pack_results(results: Sequence[PubResult]) -> bytes:
    """Return `results` as a compressed npz archive, eight bits to a byte."""
    layout = [[[name, list(bits.shape)] for name, bits in one.registers.items()] for one in results]
    arrays = [np.packbits(bits) for one in results for bits in one.registers.values()]
    manifest = np.frombuffer(json.dumps(layout).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        manifest=manifest,
        **{f"bits_{index}": array for index, array in enumerate(arrays)},
    )
    return buffer.getvalue()


def unpack_results(data: bytes) -> tuple[PubResult, ...]:
    """Return what `pack_results` packed.

    Raises:
        StoreError: If `data` is damaged.
    """
    try:
        archive = read_archive(data)
        layout = parsed(archive["manifest"].tobytes())
        arrays = (archive[f"bits_{index}"] for index in range(len(archive) - 1))
        return tuple(
            PubResult({name: _unpack(next(arrays), shape) for name, shape in registers})
            for registers in layout
        )
    except Exception as error:
        raise StoreError(
            f"a result should be an npz archive of packed bits. Got {type(error).__name__}"
        ) from None


def _unpack(packed: NDArray[np.uint8], shape: Sequence[int]) -> NDArray[np.uint8]:
    n_bits = math.prod(shape)
    if n_bits > 8 * packed.size:  # more would be filled up with zeros
        raise ValueError(f"{packed.size} bytes are too few for the shape {list(shape)}")
    return np.unpackbits(packed, count=n_bits).reshape(tuple(shape))


def pack_circuit(circuit: QuantumCircuit) -> bytes:
    """Return `circuit` in QPY."""
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer)
    return buffer.getvalue()


def packed_and_read_back(circuit: QuantumCircuit) -> tuple[bytes, str]:
    """Return `circuit` in QPY, and the digest of what is read back of that.

    Raises:
        QiskitError, StoreError, TypeError, ValueError: If it cannot be written or read.
    """
    data = pack_circuit(circuit)
    return data, circuit_digest(unpack_circuit(data))


def unpack_circuit(data: bytes) -> QuantumCircuit:
    """Return the circuit that `data` holds in QPY.

    Raises:
        StoreError: If `data` is no QPY, an old format, or holds another number of circuits.
    """
    circuits = unpack_circuits(data)
    if len(circuits) != 1:
        raise StoreError(f"A circuit file should hold one circuit. Got {len(circuits)}.")
    return circuits[0]


def unpack_circuits(data: bytes) -> tuple[QuantumCircuit, ...]:
    """Return the circuits that `data` holds in QPY.

    Raises:
        StoreError: If `data` is no QPY, an old format, or holds something else than circuits.
    """
    if data[:6] != b"QISKIT" or len(data) < 7:
        raise StoreError("A circuit file should be QPY, which begins with QISKIT. Got other bytes.")
    if data[6] < MINIMUM_QPY_VERSION:
        raise StoreError(
            f"QPY should be of format {MINIMUM_QPY_VERSION} or newer, since older ones may carry "
            f"executable payloads. Got {data[6]}. Write it again with a current Qiskit."
        )
    try:
        circuits = qpy.load(io.BytesIO(data))
    except MemoryError:
        raise
    except Exception as error:  # struct.error and the reader's own faults on damaged bytes
        raise StoreError(f"A circuit should be readable QPY. Got {type(error).__name__}.") from None
    if not circuits or not all(isinstance(one, QuantumCircuit) for one in circuits):
        raise StoreError("A circuit file should hold circuits. Got none, or something else.")
    return tuple(circuits)
