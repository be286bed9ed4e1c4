"""What the service's client raises, as this package's errors: one line each, and no secret."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from traceback import walk_tb

from ibm_cloud_sdk_core import ApiException  # type: ignore[import-untyped]
from qiskit.exceptions import QiskitError
from requests import RequestException

from jobs.errors import (
    AuthenticationError,
    BudgetError,
    JobFailedError,
    JobNotFoundError,
    JobsError,
    ServiceUnavailableError,
)
from jobs.service.answer_headers import clock_remark, is_page

# By name, since only `jobs.service.runtime` imports the client.
_NO_ACCOUNT = {"AccountNotFoundError"}
_REFUSED_ACCOUNT = {"IBMNotAuthorizedError", "InvalidAccountError"}
_REFUSED_INPUT = {"IBMInputValueError", "IBMBackendValueError"}
_NO_BACKEND = {"QiskitBackendNotFoundError"}
# Refusals that pass: time-out, conflict, too early, too many requests.
_PASSING = {408, 409, 425, 429}
_GONE = {404, 410}
_CLIENTS = ("qiskit_ibm_runtime.", "ibm_cloud_sdk_core.", "ibm_platform_services.", "jwt.")
_READERS_OF_CRNS = (
    "qiskit_ibm_runtime.api.utils._location_from_crn",
    "qiskit_ibm_runtime.api.utils.cname_from_crn",
)
# The one conflict that does not pass, as documented ("Usage exceeds instance limit", POST of jobs,
# code 409) or in other words; limits on the number of jobs pass. Source: IBM Quantum documentation.
_USED_UP = (
    re.compile(r"(?i)usage|quota|allocat|allowance|(instance|plan|account).*limit|time.*left"),
    re.compile(r"(?i)exceed|limit|reached|used up|exhaust|deplet|consumed|left|remaining"),
)
_NUMBER_OF_JOBS = re.compile(r"(?i)pending|queue|concurrent|number of|per minute|\brate\b")
_SECRETS = re.compile(r"Bearer\s+\S+|eyJ[\w.\-]+|(?i:apikey|token)=\S+|[A-Za-z0-9_\-]{40,}")


@contextmanager
def translated(action: str, *, missing: str = "", question: bool = False) -> Iterator[None]:
    """Raise this package's errors instead of the client's.

    Args:
        action: What is being done; it completes "could not".
        missing: Where a job is asked for, what to say when there is none: what it means, a remedy.
        question: Whether jobs are only asked about, so that a refusal says nothing of their fate.

    Raises:
        AuthenticationError: If there is no account, or it is refused.
        JobNotFoundError: If there is no such job, where `missing` is given.
        BudgetError: If the plan is used up.
        JobFailedError: If the service refuses the request for good.
        ServiceUnavailableError: If the service does not answer, or with a fault that may pass.
    """
    try:
        yield
    except JobsError:
        raise
    except (QiskitError, ApiException, RequestException, OSError) as error:
        raise _fault(action, error, missing, question) from None
    except Exception as error:
        if not isinstance(error, JSONDecodeError) and not _passed_through(error, _CLIENTS):
            raise  # a defect of ours is not the service's fault
        if _passed_through(error, _READERS_OF_CRNS):
            # The client takes an instance's name apart without looking whether it is one.
            raise AuthenticationError(
                f"The account's instance should be a CRN. Could not {action}: "
                f"{type(error).__name__}. Correct QISKIT_IBM_INSTANCE, or log in again with "
                "`qrnn-hw auth login`."
            ) from None
        # An answer cut short, or not the service's own, ends in the client's decoders.
        raise ServiceUnavailableError(
            f"The service should answer in its own format. Could not {action}: "
            f"{type(error).__name__}: {one_line(error)} Try again later; where a network asks "
            "for a login in the browser, log in there first."
        ) from None


def _passed_through(error: BaseException, names: tuple[str, ...]) -> bool:
    """Return whether a module or function whose name begins like one of `names` raised `error`."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    found = [f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_name}" for frame in frames]
    return any(name.startswith(names) for name in found)


def _fault(action: str, error: BaseException, missing: str, question: bool) -> JobsError:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status, detail = status_of(error), one_line(error)
    chain = list(_chain(error))
    if is_page(chain):
        return ServiceUnavailableError(
            f"The service should answer in its own format. Could not {action}: got a web page. "
            "Log in to the network in a browser, or ask who runs its proxy, and try again."
        )
    if "InvalidAccountError" in kinds and (hidden := _passing_cause(error)) is not None:
        # The client blames the token for whatever happens while it looks for instances.
        kinds, detail = set(), one_line(hidden)
    if kinds & _NO_ACCOUNT:
        return AuthenticationError(
            f"There should be an account. Got none: {detail} "
            "Run `qrnn-hw auth login`, or set QISKIT_IBM_TOKEN and QISKIT_IBM_INSTANCE."
        )
    if kinds & _NO_BACKEND:
        return JobFailedError(
            f"The backend should be one that the account may use. Could not {action}. "
            "Run `qrnn-hw backends` for their names."
        )
    if kinds & _REFUSED_ACCOUNT or status in (401, 403):
        refusal = AuthenticationError(
            f"The service should accept the account. Could not {action}: {detail} "
            f"{clock_remark(chain)}"
            "Log in again with `qrnn-hw auth login`, or correct QISKIT_IBM_TOKEN; "
            "`qrnn-hw auth status` says which of the two is used."
        )
        refusal.may_pass = status in (401, 403)
        return refusal
    if status in _GONE and missing:
        return JobNotFoundError(f"The service should know the job. Could not {action}: {missing}")
    if status == 409 and _is_used_up(detail):
        return BudgetError(
            f"The plan should have QPU time left. Could not {action}: {detail} "
            "Wait until its period rolls on, or use another instance (QISKIT_IBM_INSTANCE)."
        )
    if kinds & _REFUSED_INPUT and "instance" in detail:
        return AuthenticationError(
            f"The account should reach its instance. Could not {action}: {detail} "
            "Correct QISKIT_IBM_INSTANCE, or log in again with `qrnn-hw auth login`."
        )
    refused = status is not None and 400 <= status < 500 and status not in _PASSING
    if (refused and not question) or kinds & _REFUSED_INPUT:
        return JobFailedError(
            f"The service should accept the request. Could not {action}: {detail} "
            "Change what it names and submit again."
        )
    return ServiceUnavailableError(
        f"The service should answer. Could not {action}: {detail} {clock_remark(chain)}"
        "Try again later."
    )


def _is_used_up(detail: str) -> bool:
    # The client puts the address, with words of its own, before the service's.
    said = detail.rpartition("/jobs. ")[2]
    return all(one.search(said) for one in _USED_UP) and not _NUMBER_OF_JOBS.search(said)


def status_of(error: BaseException) -> int | None:
    """Return the status of the answer that led to `error`, or None where there was no answer."""
    # The client re-raises without the status of the answer, but Python keeps what came before.
    return next((status for one in _chain(error) if (status := _own_status(one))), None)


def _own_status(error: BaseException) -> int | None:
    for name in ("status_code", "code"):
        status = getattr(error, name, None)
        if isinstance(status, int) and status > 0:
            return status
    return None


def _passing_cause(error: BaseException) -> BaseException | None:
    """Return the silence or the passing fault of the service that led to `error`, if one did."""
    for one in _chain(error):
        status = _own_status(one)
        if status is not None and (status >= 500 or status in _PASSING):
            return one
        if status is None and isinstance(one, RequestException | OSError):
            return one
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def one_line(text: object, length: int = 300) -> str:
    """Return `text` in one line that ends in a full stop, without anything like a key."""
    line = " ".join(str(text).split())
    # The client appends the whole answer to the message that it took from it.
    line = line.partition(' {"errors"')[0].rstrip(".")
    token = os.environ.get("QISKIT_IBM_TOKEN")
    if token:
        line = line.replace(token, "***")
    line = _SECRETS.sub("***", line).strip("'\" ")
    if len(line) > length:
        line = line[: length - 3] + "..."
    return line if line.endswith((".", "!", "?")) else line + "."
