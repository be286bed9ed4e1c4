"""What the service's client raises, as this package's errors: one line each, and no secret."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from ibm_cloud_sdk_core import ApiException  # type: ignore[import-untyped]
from qiskit.exceptions import QiskitError
from requests import RequestException

from jobs.errors import AuthenticationError, JobFailedError, JobsError, ServiceUnavailableError

# By name, since only `jobs.runtime` imports the client.
_NO_ACCOUNT = {"AccountNotFoundError", "InvalidAccountError"}
_REFUSED_ACCOUNT = {"IBMNotAuthorizedError"}
_REFUSED_INPUT = {"IBMInputValueError", "IBMBackendValueError"}
_NO_BACKEND = {"QiskitBackendNotFoundError"}
# Refusals that pass: time-out, conflict, too early, too many requests.
_PASSING = {408, 409, 425, 429}
_SECRETS = re.compile(r"Bearer\s+\S+|eyJ[\w.\-]+|(?i:apikey|token)=\S+|[A-Za-z0-9_\-]{40,}")


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Raise this package's errors instead of the client's.

    Args:
        action: What is being done; it completes "could not".

    Raises:
        AuthenticationError: If there is no account, or it is refused.
        JobFailedError: If the service refuses the request for good.
        ServiceUnavailableError: If the service does not answer, or with a fault that may pass.
    """
    try:
        yield
    except JobsError:
        raise
    except (QiskitError, ApiException, RequestException, OSError) as error:
        raise _fault(action, error) from None
    except (AttributeError, IndexError) as error:
        if not action.startswith("connect"):
            raise
        # The client takes an instance's name apart without looking whether it is one.
        raise AuthenticationError(
            f"The account's instance should be a CRN. Could not {action}: "
            f"{type(error).__name__}. Check QISKIT_IBM_INSTANCE with `qrnn-hw auth status`."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        # An answer cut short, or not the service's own, ends in the client's decoders.
        raise ServiceUnavailableError(
            f"The service should answer in its own format. Could not {action}: "
            f"{type(error).__name__}: {one_line(error)} Try again later."
        ) from None


def _fault(action: str, error: BaseException) -> JobsError:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status, detail = _status(error), one_line(error)
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
        return AuthenticationError(
            f"The service should accept the account. Could not {action}: {detail} "
            "Check it with `qrnn-hw auth status`, or log in again."
        )
    if kinds & _REFUSED_INPUT and "instance" in detail:
        return AuthenticationError(
            f"The account should reach its instance. Could not {action}: {detail} "
            "Check QISKIT_IBM_INSTANCE, or log in again."
        )
    refused = status is not None and 400 <= status < 500 and status not in _PASSING
    if refused or kinds & _REFUSED_INPUT:
        return JobFailedError(
            f"The service should accept the request. Could not {action}: {detail} "
            "Change what it names and submit again."
        )
    return ServiceUnavailableError(
        f"The service should answer. Could not {action}: {detail} Try again later."
    )


def _status(error: BaseException | None) -> int | None:
    # The client re-raises without the status of the answer, but Python keeps what came before.
    while error is not None:
        for name in ("status_code", "code"):
            status = getattr(error, name, None)
            if isinstance(status, int) and status > 0:
                return status
        error = error.__cause__ or error.__context__
    return None


def one_line(text: object, length: int = 300) -> str:
    """Return `text` in one line that ends in a full stop, without anything like a key."""
    line = " ".join(str(text).split())
    token = os.environ.get("QISKIT_IBM_TOKEN")
    if token:
        line = line.replace(token, "***")
    line = _SECRETS.sub("***", line).strip("'\" ")
    if len(line) > length:
        line = line[: length - 3] + "..."
    return line if line.endswith((".", "!", "?")) else line + "."
