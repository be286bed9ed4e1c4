"""Which backends an account reaches, told by the service itself.

The client's own list takes any refusal for an account without backends, and leaves out a backend
whose configuration it could not read. Here the service is asked through the same connections, and
what goes wrong is raised.
"""

from typing import Any


def reachable(service: Any) -> dict[str, Any]:
    """Return each real backend's name with the client's connection to the instance that has it.

    Args:
        service: The client's service object.

    Raises:
        Exception: What the client raises, if no instance answers.
    """
    found: dict[str, Any] = {}
    refused: list[Exception] = []
    for connection in service._api_clients.values():
        try:
            devices = connection.list_backends(True)
        # An account may hold instances that are closed to it beside those that are not.
        except Exception as error:
            refused.append(error)
            continue
        for device in devices:
            if device.get("class") != "mock":
                found.setdefault(device["name"], connection)
    if refused and not found:
        raise refused[0]
    return found


def opened(service: Any, name: str) -> Any:
    """Return the client's object for a backend, with its properties and target.

    Raises:
        QiskitBackendNotFoundError: If the account has none of that name.
        Exception: What else the client raises.
    """
    found = service.backends(name, include_mocks=True)
    if not found:
        connection = reachable(service).get(name)
        if connection is not None:
            connection.backend_configuration(name)
        found = [service.backend(name)]
    # The client reads both late, where nobody expects the service to be asked.
    found[0].properties()
    found[0].target  # noqa: B018
    return found[0]
