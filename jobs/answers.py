"""The result of a job as the service sent it: kept first, read then."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.bits import pub_result
from jobs.errors import MisreadAnswerError, SpecError, StoreError
from jobs.service_errors import one_line
from jobs.spec import JobSpec, PubResult

STAMP = "qrnn-hw"
"""Where the metadata of a circuit, which come back with its bits, say which job it is of."""


def stamp(spec: JobSpec, position: int) -> dict[str, str]:
    """Return the metadata that the circuit at `position` is sent with."""
    return {STAMP: f"{spec.key[:32]}/{position}"}


def keep(folder: Path, key: str, job_id: str, text: str) -> Path:
    """Write an answer to a file that only its owner may read, whatever it is, and return where.

    The same answer again is the same file.

    Raises:
        StoreError: If the file cannot be written.
    """
    data = text.encode("utf-8", "surrogatepass")
    # The id comes from the service, and is not a path.
    name = "-".join(
        (key[:12], re.sub(r"[^0-9A-Za-z]", "", job_id)[:40], hashlib.sha256(data).hexdigest()[:8])
    )
    path = folder / f"{name}.json"
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as to:
                to.write(data)
            part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"Answers of the service should be kept in {folder}. Got: {error.strerror}. Make room, "
            "or change its permissions; the job has run, and is fetched again without cost."
        ) from None
    return path


def read(text: str, spec: JobSpec, decode: Callable[[str], Any]) -> tuple[PubResult, ...]:
    """Return the bits that an answer holds, checked against what was asked.

    Args:
        text: The answer.
        spec: The job.
        decode: The client's decoder, from text to its own result.

    Raises:
        MisreadAnswerError: If it is no answer to this job.
    """
    try:
        answer = decode(text)
        n_pubs = len(answer)
    except Exception as error:  # each of the client's formats has its own
        raise MisreadAnswerError(
            f"The result should be in the service's own format. Got {type(error).__name__}: "
            f"{one_line(error, 120)}"
        ) from None
    if n_pubs != len(spec.pubs):
        raise MisreadAnswerError(f"The result should hold {len(spec.pubs)} circuits. Got {n_pubs}.")
    results = []
    for position, (result, pub) in enumerate(zip(answer, spec.pubs, strict=True)):
        _check_stamp(result, spec, position)
        try:
            results.append(pub_result(result, pub, spec.shots))
        except (SpecError, AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise MisreadAnswerError(one_line(error)) from None
    return tuple(results)


def _check_stamp(result: Any, spec: JobSpec, position: int) -> None:
    metadata = getattr(result, "metadata", None)
    sent = metadata.get("circuit_metadata") if isinstance(metadata, dict) else None
    came = sent.get(STAMP) if isinstance(sent, dict) else None
    if came is not None and came != stamp(spec, position)[STAMP]:
        raise MisreadAnswerError(
            "The result should be of the job that was asked for. Got that of another."
        )
