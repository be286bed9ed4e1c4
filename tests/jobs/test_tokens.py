"""Tokens that do not come, are refused, or are judged by a clock that is off, over HTTP."""

import os
import time

import pytest
from emulator.faults import Fault
from emulator.worker import QUICK, answered, job

from jobs.errors import AuthenticationError, ServiceUnavailableError
from jobs.runner import run
from jobs.service.backoff import Backoff
from jobs.service.retrieval import collect, watch
from jobs.service.runtime import ServiceExecutor
from jobs.service.submission import submit
from jobs.service.tokens import _warn
from jobs.store.store import Store

ONE_ROUND = Backoff(0.05, 0.4, patience_seconds=0.0)
TOKEN = "/identity/token$"


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "jobs.db") as opened:
        yield opened


@pytest.fixture(autouse=True)
def short_tokens(emulator):
    """Let each request fetch a token, and see that none shows the key."""
    emulator.service.settings.token_seconds = 5
    yield
    assert emulator.keys_shown == 0


@pytest.fixture(autouse=True)
def nothing_said_yet():
    _warn.cache_clear()


def test_a_token_that_does_not_come_is_asked_for_again(emulator, store):
    executor = ServiceExecutor("ibm_boston")
    faults = [("status", 503), ("status", 401), ("drop", 0), ("page", 200), ("truncate", 0)]
    for seed, (kind, status) in enumerate(faults):
        (key,) = submit(job(seed), executor, store, backoff=QUICK)
        emulator.faults = [Fault(kind, "POST", TOKEN, status=status, times=3)]
        watch([key], executor, store, backoff=ONE_ROUND)
        assert answered(collect(key, store), job(seed))


@pytest.mark.parametrize("status", [401, 403, 503])
def test_a_long_trouble_with_tokens_in_a_watch_is_outlived(emulator, store, status):
    executor, spec = ServiceExecutor("ibm_boston"), job(2)
    submit(spec, executor, store, backoff=QUICK)
    emulator.faults = [Fault("status", "POST", TOKEN, status=status, times=11)]
    watch([spec.key], executor, store, backoff=QUICK)
    assert answered(collect(spec.key, store), spec)


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("status", 503, ServiceUnavailableError),
        ("page", 200, ServiceUnavailableError),
        ("page", 403, ServiceUnavailableError),
        ("portal", 302, ServiceUnavailableError),
        ("status", 401, AuthenticationError),
    ],
)
@pytest.mark.parametrize("path", [TOKEN, "/resources/search$"])
def test_trouble_that_stays_is_told_for_what_it_is(emulator, kind, status, error, path):
    emulator.faults = [Fault(kind, "POST", path, status=status, times=999)]
    with pytest.raises(error) as caught:
        ServiceExecutor("ibm_boston").plan()
    assert os.environ["QISKIT_IBM_TOKEN"] not in str(caught.value)


@pytest.mark.parametrize("kind", ["page", "portal"])
@pytest.mark.parametrize("status", [200, 401, 403, 511])
def test_a_page_of_the_network_is_not_the_services_refusal(emulator, kind, status):
    emulator.faults = [Fault(kind, "GET", "/api/v1/", status=status, times=999)]
    with pytest.raises(ServiceUnavailableError):
        ServiceExecutor("ibm_boston").backends()


def test_a_token_that_the_service_refuses_is_replaced_once(emulator, store):
    emulator.service.settings.token_seconds = 3600
    executor, spec = ServiceExecutor("ibm_boston"), job(4)
    assert executor.backend is not None
    for path in ("/jobs$", "/usage$", "/status$"):
        emulator.faults.append(Fault("status", "POST", path, status=401))
        emulator.faults.append(Fault("status", "GET", path, status=401))
    assert answered(run(spec, executor, store, backoff=QUICK), spec)
    assert len(emulator.service.jobs) == 1


@pytest.mark.parametrize(("hours", "way"), [(3.0, "3.0 h behind"), (-5.0, "5.0 h ahead of")])
def test_a_clock_that_is_hours_off_is_named_where_the_account_is_refused(emulator, hours, way):
    emulator.service.settings.clock_seconds = 3600 * hours
    emulator.faults = [Fault("status", "GET", "/backends$", status=401, times=99)]
    with pytest.raises(AuthenticationError, match=f"clock is {way} the service's"):
        ServiceExecutor("ibm_boston").backends()


@pytest.mark.parametrize("hours", [3.0, -5.0])
def test_a_clock_that_is_hours_off_is_said_once_and_keeps_no_job(emulator, store, hours, caplog):
    emulator.service.settings.clock_seconds = 3600 * hours
    spec = job(5)
    assert answered(run(spec, ServiceExecutor("ibm_boston"), store, backoff=QUICK), spec)
    said = [one.message for one in caplog.records if "clock is" in one.message]
    assert len(said) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_black_hole_is_given_up_when_patience_is_over(emulator, store, monkeypatch, method):
    monkeypatch.setattr("jobs.service.transport.TIMEOUT_SECONDS", (0.5, 0.5))
    executor, spec = ServiceExecutor("ibm_boston"), job(6)
    assert executor.backend is not None
    emulator.faults = [Fault("hold", method, "/api/v1/", times=999)]
    begin = time.monotonic()
    with pytest.raises(ServiceUnavailableError, match="Read timed out"):
        submit(spec, executor, store, backoff=Backoff(0.1, 0.1, patience_seconds=2.0))
    # One attempt may begin just before, of one question that is not repeated.
    assert time.monotonic() - begin < 4.0


def test_a_job_taken_by_a_black_hole_is_found_and_not_sent_again(emulator, store, monkeypatch):
    monkeypatch.setattr("jobs.service.transport.TIMEOUT_SECONDS", (0.5, 0.5))
    executor, spec = ServiceExecutor("ibm_boston"), job(6)
    assert executor.backend is not None
    emulator.faults = [Fault("hold after", "POST", "/jobs$", times=999)]
    assert answered(run(spec, executor, store, backoff=QUICK), spec)
    assert len(emulator.service.jobs) == 1
