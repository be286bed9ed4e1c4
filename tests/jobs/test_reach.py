"""What the client takes for an account without backends, over HTTP."""

import pytest
from emulator.faults import Fault

from jobs.errors import AuthenticationError, JobFailedError, ServiceUnavailableError
from jobs.service.runtime import ServiceExecutor


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("path", ["/backends$", "/configuration$", "/properties$"])
def test_a_refusal_of_any_answer_about_backends_is_one_of_the_account(emulator, status, path):
    emulator.faults = [Fault("status", "GET", path, status=status, times=99)]
    with pytest.raises(AuthenticationError, match="auth login") as caught:
        assert ServiceExecutor("ibm_boston").backend is None
    assert "\n" not in str(caught.value)


def test_a_refusal_of_the_list_is_not_an_empty_list(emulator):
    emulator.faults = [Fault("status", "GET", "/backends$", status=401, times=99)]
    for ask in (ServiceExecutor("").backends, ServiceExecutor("").backend_facts):
        with pytest.raises(AuthenticationError, match="Could not list the backends: 401"):
            ask()


def test_a_list_that_was_lost_once_is_asked_for_again(emulator):
    emulator.faults = [Fault("truncate", "GET", "/backends$")]
    assert ServiceExecutor("").backends() == ("ibm_boston",)
    emulator.faults = [Fault("truncate", "GET", "/configuration$")]
    assert ServiceExecutor("ibm_boston").backend.num_qubits == 12


def test_a_backend_without_a_configuration_is_listed_as_such(emulator):
    emulator.faults = [Fault("status", "GET", "/configuration$", status=404, times=99)]
    assert ServiceExecutor("").backend_facts() == (("ibm_boston", None, False),)
    with pytest.raises(JobFailedError, match="404"):
        assert ServiceExecutor("ibm_boston").backend is None


@pytest.mark.parametrize("path", ["/v3/resources/search", "/identity/token"])
@pytest.mark.parametrize("kind", ["status", "drop", "truncate"])
def test_a_service_that_is_down_is_not_taken_for_a_wrong_token(emulator, path, kind):
    emulator.faults = [Fault(kind, "POST", path, status=503, times=99)]
    with pytest.raises(ServiceUnavailableError, match="Try again later"):
        ServiceExecutor("").plan()


def test_a_wrong_token_is_not_taken_for_no_account(emulator, monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "refused")
    with pytest.raises(AuthenticationError, match="should accept the account"):
        ServiceExecutor("").backends()
