"""A token on each request, and never the key itself.

The client sends the account's key in a header when it gets no token for it. Here a token that does
not come is asked for again, and one that is refused is replaced once.
"""

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from jobs.errors import AuthenticationError, JobsError, ServiceUnavailableError
from jobs.service.answer_headers import skew_remark
from jobs.service.service_errors import translated

WAITS_SECONDS = (1.0, 2.0, 4.0)
"""Between the questions for one token."""

LONGEST_SECONDS = 30.0
"""After which nothing is asked again: who waited for an answer in vain does not wait twice."""


_logger = logging.getLogger(__name__)


@cache
def _warn(text: str) -> None:
    """Say something once."""
    _logger.warning(text)


def patiently(ask: Callable[[], Any], sleep: Callable[[float], None] = time.sleep) -> Any:
    """Return what `ask` returns; a fault or a refusal that may pass is asked again.

    Raises:
        JobsError: What the last question ended in, or a refusal of the key at once.
    """
    begin = time.monotonic()
    for wait in WAITS_SECONDS:
        try:
            return ask()
        except (ServiceUnavailableError, AuthenticationError) as error:
            final = isinstance(error, AuthenticationError) and not error.may_pass
            if final or time.monotonic() - begin > LONGEST_SECONDS:
                raise
            sleep(wait)
    return ask()


class TokenAuth(AuthBase):
    """Authorises the requests of one connection.

    Args:
        manager: The token manager of IBM's SDK, which keeps a token until it is about to end.
        instance: CRN that the requests are for.
        sleep: There for tests.
    """

    def __init__(
        self, manager: Any, instance: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._manager = manager
        self._instance = instance
        self._sleep = sleep

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Return the request with its headers.

        Raises:
            AuthenticationError: If the key is refused.
            ServiceUnavailableError: If no token comes.
        """
        self._authorise(request)
        request.register_hook("response", self._renew)
        return request

    def _authorise(self, request: PreparedRequest) -> None:
        token = patiently(self._token, self._sleep)
        request.headers["Service-CRN"] = self._instance
        request.headers["Authorization"] = f"Bearer {token}"

    def _token(self) -> str:
        try:
            with translated("get a token for the account"):
                token = self._manager.get_token()
        except JobsError:
            # After a failure the manager would wait a minute for an answer to that request.
            self._manager.request_time = 0
            raise
        if not isinstance(token, str) or not token:
            raise ServiceUnavailableError(
                "The service should give a token for the account. Got none. Try again later."
            )
        return token

    def _renew(self, response: Response, **settings: Any) -> Response:
        """Send a request whose token was refused once more, with a new token."""
        if remark := skew_remark(response.headers):
            _warn(remark)
        if response.status_code != 401:
            return response
        _ = response.content  # so that the connection can be used again
        response.close()
        self._manager.expire_time = 0
        again = response.request.copy()
        self._authorise(again)
        renewed: Response = response.connection.send(again, **settings)
        renewed.history.append(response)
        renewed.request = again
        return renewed
