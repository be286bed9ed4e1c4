"""The result of a job, read from the service's text and checked against what was asked."""

from collections.abc import Callable
from typing import Any

from jobs.bits import pub_result
from jobs.errors import MisreadAnswerError, SpecError
from jobs.service.service_errors import one_line
from jobs.spec import JobSpec, PubResult

STAMP = "qrnn-hw"
"""Where the metadata of a circuit, which come back with its bits, say which job it is of."""


def stamp(spec: JobSpec, position: int) -> dict[str, str]:
    """Return the metadata that the circuit at `position` is sent with."""
    return {STAMP: f"{spec.key[:32]}/{position}"}


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
