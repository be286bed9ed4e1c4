"""What the loopback service answers, asked without any client: the rules of the documentation."""

import base64
import json
import time
from email.utils import parsedate_to_datetime

import pytest
import requests
from emulator import worker
from emulator.account import CRN
from emulator.damage import DAMAGES
from emulator.faults import Fault

from jobs.service.runtime import ServiceExecutor


@pytest.fixture
def ask(emulator):
    """Return a function that sends one request as a client with a token would."""
    root = f"http://127.0.0.1:{emulator.port}"

    def asked(method, path, *, crn=CRN, content=None, token=None):
        if token is None:
            key = {"apikey": "loopback-token"}
            token = requests.post(f"{root}/identity/token", data=key).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Service-CRN": crn}
        url = f"{root}/experimental/api/v1{path}"
        return requests.request(method, url, headers=headers, json=content, timeout=10)

    return asked


@pytest.fixture
def sent(emulator):
    """Return the id and the request of a job that has run."""
    job_id = ServiceExecutor("ibm_boston").submit(worker.job(1), "tag")
    while emulator.service.jobs[job_id].finished is None:
        time.sleep(0.01)
    return job_id, emulator.service.jobs[job_id].request


def test_a_job_is_known_to_its_own_instance_only(emulator, ask, sent):
    other = emulator.service.add_instance(name="second", plan="premium")
    job_id, _ = sent
    assert ask("GET", f"/jobs/{job_id}").json()["state"]["status"] == "Completed"
    assert ask("GET", f"/jobs/{job_id}", crn=other).status_code == 404
    assert ask("POST", f"/jobs/{job_id}/cancel", crn=other).status_code == 404
    assert ask("GET", "/jobs", crn=other).json()["count"] == 0
    assert ask("GET", "/jobs").json()["count"] == 1
    emulator.service.instances[other].forbidden = True
    assert ask("GET", "/jobs", crn=other).status_code == 403
    assert ask("GET", "/jobs", crn=other + "x").status_code == 403


def test_a_sixth_job_within_a_minute_is_too_many(emulator, ask, sent):
    settings = emulator.service.settings
    settings.posts_per_minute = 5
    emulator.service.posted_at.clear()
    codes = [ask("POST", "/jobs", content=sent[1]).status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    settings.post_window_seconds = 0.0
    assert ask("POST", "/jobs", content=sent[1]).status_code == 200


def test_a_used_up_instance_takes_no_job_and_another_does(emulator, ask, sent):
    other = emulator.service.add_instance()
    emulator.service.settings.usage_consumed_seconds = 600.0
    refused = ask("POST", "/jobs", content=sent[1])
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["message"] == "Usage exceeds instance limit"
    assert ask("POST", "/jobs", crn=other, content=sent[1]).status_code == 200


def test_the_list_lags_and_the_id_does_not(emulator, ask, sent):
    emulator.service.settings.listing_lag_seconds = 0.5
    job_id = ask("POST", "/jobs", content=sent[1]).json()["id"]
    assert ask("GET", f"/jobs/{job_id}").status_code == 200
    assert job_id not in [one["id"] for one in ask("GET", "/jobs").json()["jobs"]]
    time.sleep(0.6)
    assert job_id in [one["id"] for one in ask("GET", "/jobs").json()["jobs"]]


@pytest.mark.parametrize("status", ["Cancelled - Ran too long", "Expired", "COMPLETED"])
def test_a_job_ends_in_any_words_and_without_results(emulator, ask, sent, status):
    settings = emulator.service.settings
    settings.end_status, settings.results_status = status, 204
    job_id = ask("POST", "/jobs", content=sent[1]).json()["id"]
    while emulator.service.jobs[job_id].finished is None:
        time.sleep(0.01)
    assert ask("GET", f"/jobs/{job_id}").json()["status"] == status
    assert ask("GET", f"/jobs/{job_id}/results").status_code == 204
    assert ask("DELETE", f"/jobs/{job_id}").status_code == 204
    assert ask("GET", f"/jobs/{job_id}").status_code == 404


def test_a_token_ends_by_the_services_clock_and_answers_bear_its_date(emulator, ask):
    emulator.service.settings.clock_seconds = 3 * 3600.0
    answer = ask("GET", "/backends")
    ahead = parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
    assert ahead == pytest.approx(3 * 3600, abs=2)
    middle = base64.urlsafe_b64encode(json.dumps({"exp": time.time()}).encode()).decode()
    assert ask("GET", "/backends", token=f"a.{middle}.b").status_code == 401


def test_a_machine_out_of_service_says_so(emulator, ask):
    settings = emulator.service.settings
    settings.operational, settings.status_message = False, "maintenance"
    assert ask("GET", "/backends/ibm_boston/status").json()["state"] is False
    (device,) = ask("GET", "/backends").json()["devices"]
    assert device["status"] == {"name": "offline", "reason": "maintenance"}


@pytest.mark.parametrize("kind", ["page", "portal"])
def test_a_captive_portal_answers_with_a_page(emulator, ask, kind):
    emulator.faults = [Fault(kind, "GET", "/backends$", status=200)]
    answer = ask("GET", "/backends")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html"
    assert bool(answer.history) == (kind == "portal")


def test_every_damage_changes_what_is_sent(emulator, ask, sent):
    whole = ask("GET", f"/jobs/{sent[0]}/results").text
    seen = set()
    for name in DAMAGES:
        emulator.faults = [Fault("damage", "GET", "/results$", damage=name)]
        seen.add(ask("GET", f"/jobs/{sent[0]}/results").text)
    assert whole not in seen
    assert len(seen) == len(DAMAGES)


def test_a_fault_may_be_of_one_instance_and_a_held_request_does_nothing(emulator, ask, sent):
    other = emulator.service.add_instance()
    emulator.faults = [Fault("status", "GET", "/backends$", status=403, crn=other)]
    assert ask("GET", "/backends").status_code == 200
    assert ask("GET", "/backends", crn=other).status_code == 403
    emulator.faults = [Fault("hold", "DELETE", "/jobs/")]
    root = f"http://127.0.0.1:{emulator.port}/experimental/api/v1"
    with pytest.raises(requests.ReadTimeout):
        requests.delete(f"{root}/jobs/{sent[0]}", timeout=0.3)
    assert ask("GET", f"/jobs/{sent[0]}").status_code == 200
