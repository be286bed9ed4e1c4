"""The client's service, each connection of which has our limits and shows no key."""

import logging

from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.api.client import RuntimeClient

from jobs.service.account import account_status, check_readable
from jobs.service.service_errors import translated
from jobs.service.tokens import TokenAuth, patiently
from jobs.service.transport import TIMEOUT_SECONDS, BoundedAdapter


def connect() -> QiskitRuntimeService:
    """Return the service with the account of the client's own settings.

    Raises:
        AuthenticationError: If there is no account, or it is refused.
        ServiceUnavailableError: If the service does not answer.
    """
    # What matters comes as an exception; the client's warnings repeat it over several lines.
    logging.getLogger("qiskit_ibm_runtime").setLevel(logging.ERROR)
    if (account := account_status()).source != "environment":
        check_readable(account)
    return patiently(_connected)


def _connected() -> QiskitRuntimeService:
    with translated("connect to the service"):
        return _Service()


class _Service(QiskitRuntimeService):  # type: ignore[misc]
    def _discover_backends_from_instance(self, instance: str) -> list[tuple[str, bool]]:
        # The first question of a connection that the client's constructor made.
        for connection in (self._active_api_client, *self._api_clients.values()):
            _bound(connection)
        found: list[tuple[str, bool]] = super()._discover_backends_from_instance(instance)
        return found

    def _create_new_cloud_api_client(self, instance: str) -> RuntimeClient:
        return _bound(super()._create_new_cloud_api_client(instance))


def _bound(connection: RuntimeClient) -> RuntimeClient:
    session = connection._session
    if not isinstance(session.auth, TokenAuth):
        # Whoever sends the request for a token on to another place would be sent the key.
        session.auth.tm.http_config = {"timeout": TIMEOUT_SECONDS, "allow_redirects": False}
        session.auth = TokenAuth(session.auth.tm, connection._instance)
        for scheme in ("https://", "http://"):
            session.mount(scheme, BoundedAdapter())
    return connection
