"""What a job returned: counts to read, and an archive to keep."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jobs.spec import PubResult
from jobs.store.packing import pack_circuit
from jobs.store.store import Store
from jobs.tiling.layout import TileRows
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.submission.job_documents import full_document
from qrnn_hw.submission.tiles import TILED


def counts_document(key: str, store: Store, results: tuple[PubResult, ...]) -> dict[str, Any]:
    """Return the counts of each register in each row of each circuit, bit 0 rightmost.

    Of a job on tiles one record for each sequence, with the qubits of its tile.

    Raises:
        SpecError: it cannot be told which tile is where.
    """
    record, options = store.record(key), store.spec(key).options
    tiled = None if "part" in options else options.get(TILED)  # a part has some of the rows
    head = {
        "key": key,
        "backend": record.backend if record else "",
        "shots": record.shots if record else 0,
    }
    if isinstance(tiled, Mapping):
        return head | {"sequences": _sequences(tiled, results)}
    return head | {
        "circuits": [
            {"rows": [_row(result, row) for row in range(result.n_rows)]} for result in results
        ],
    }


def _sequences(tiled: Mapping[str, Any], results: Sequence[PubResult]) -> list[dict[str, Any]]:
    """Return what each sequence read on its tile, in the order in which they were asked for."""
    answers = TileRows.from_json(tiled["layout"]).split(results)
    found = [
        {"sequence": number, "tile": qubits, "registers": _row(answer, row)}
        for qubits, rows, answer in zip(tiled["qubits"], tiled["rows"], answers, strict=True)
        for row, number in enumerate(rows)
    ]
    return sorted(found, key=lambda one: one["sequence"])


def _row(result: PubResult, row: int) -> dict[str, dict[str, int]]:
    return {
        name: {
            format(value, f"0{bits.shape[2]}b"): n for value, n in result.counts(name, row).items()
        }
        for name, bits in result.registers.items()
    }


def write_archive(key: str, store: Store, path: Path) -> None:
    """Write all that is known of a job to a zip archive that needs only numpy and Qiskit to read.

    `job.json` holds what the key is the hash of, states, notes and costs; `circuits/N.qpy` and
    `parameters/N.npy` what was sent; `bits/N.npz` each register, shape (rows, shots, bits);
    `calibration.json` the snapshot, where there is one.

    Raises:
        ConfigurationError: the file exists already, or cannot be written.
        StoreError: there is no such job.
    """
    spec = store.spec(key)
    members: dict[str, bytes] = {
        "job.json": _json({**full_document(key, store), "hashed": spec.hashed()})
    }
    for number, pub in enumerate(spec.pubs):
        members[f"circuits/{number}.qpy"] = pack_circuit(pub.circuit)
        buffer = io.BytesIO()
        np.save(buffer, pub.parameters, allow_pickle=False)
        members[f"parameters/{number}.npy"] = buffer.getvalue()
    for number, result in enumerate(store.raw(key) or ()):
        members[f"bits/{number}.npz"] = _npz(result)
    snapshot = store.snapshot(spec.snapshot) if spec.snapshot else None
    if snapshot is not None:
        members["calibration.json"] = _json(snapshot)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in members.items():
            writer.writestr(name, content)
    _write_new(path, archive.getvalue())


def _npz(result: PubResult) -> bytes:
    buffer = io.BytesIO()
    # By hand, since a register may bear the name of an argument of `savez`.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, bits in result.registers.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.save(member, bits, allow_pickle=False)
    return buffer.getvalue()


def _write_new(path: Path, content: bytes) -> None:
    """Write a new file whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"an archive should go to a new file that can be written. Got {path}: {error.strerror}."
        ) from None


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode()
