"""How long one request to the service may take, and which of them are repeated at once."""

from types import TracebackType
from typing import Any, Self

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import MaxRetryError, TimeoutError
from urllib3.util.retry import Retry

TIMEOUT_SECONDS = (10.0, 60.0)  # to connect, and between two pieces of an answer
PASSING = (429, 500, 502, 503, 504, 520, 521, 522, 524)


class QuickRetry(Retry):
    """Repeats what was dropped or refused in passing, and nothing that was waited for in vain."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Return what is left of the repetitions.

        Raises:
            MaxRetryError: If none is, or the request timed out.
        """
        if isinstance(error, TimeoutError) and _pool is not None:
            raise MaxRetryError(_pool, url, error) from error
        return super().increment(method, url, response, error, _pool, _stacktrace)


class BoundedAdapter(HTTPAdapter):
    """Sends requests with a limit on their time.

    Only what reads is repeated, and soon: whoever sends a job must know whether it was taken, and
    waits longer than a moment are the business of `jobs.service.backoff`.
    """

    def __init__(self) -> None:
        super().__init__(
            max_retries=QuickRetry(
                total=2,
                backoff_factor=0.25,
                status_forcelist=PASSING,
                allowed_methods=frozenset({"GET"}),
                # The service might ask for an hour.
                respect_retry_after_header=False,
                raise_on_status=False,
            )
        )

    def send(self, request: PreparedRequest, *arguments: Any, **settings: Any) -> Response:
        """Send the request within `TIMEOUT_SECONDS`, whatever the caller asks for."""
        # The client sets no time at all where there is a proxy.
        return super().send(request, *arguments, **{**settings, "timeout": TIMEOUT_SECONDS})
