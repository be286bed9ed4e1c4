"""The service without its wire: instances, machines, plans, running jobs; requests to answers."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from emulator import job_routes, sessions
from emulator.account import CRN, account_answer, another_crn, has_expired
from emulator.backends import durations, load
from emulator.execution import at
from emulator.metering import charged_seconds
from emulator.records import Answer, Request, Settings, refusal
from emulator.rules import Refusal, check

API = "/experimental/api/v1"


def as_time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=UTC)


class Service:
    def __init__(self, names=("boston",), n_qubits=None, settings=None):
        self.settings = settings or Settings()
        self.instances = {CRN: self.settings}
        self.lock = threading.RLock()
        self.backends, self.lengths = {}, {}
        for name in names:
            configuration, properties = load(name, n_qubits)
            self.lengths[f"ibm_{name}"] = durations(configuration, properties)
            prefixes = ("ibm",) if self.settings.plan == "open" else ("ibm", "mock")
            for prefix in prefixes:
                full = f"{prefix}_{name}"
                self.backends[full] = (
                    {**configuration, "backend_name": full},
                    {**properties, "backend_name": full},
                )
        self.jobs, self.sessions = {}, {}
        self.history = {}
        self.posted_at = []
        self.workers = ThreadPoolExecutor(2)

    def add_instance(self, **settings):
        """Give the account another instance, and return its CRN."""
        crn = another_crn(len(self.instances) + 1)
        self.instances[crn] = Settings(
            **{"name": f"loopback-{len(self.instances) + 1}", **settings}
        )
        return crn

    def clock(self):
        """Return the service's own time, in seconds since 1970."""
        return time.time() + self.settings.clock_seconds

    def now(self):
        return at(self.clock())

    def answer(self, method, path, query, body, headers):
        """Return the answer to one request."""
        if not path.startswith(API):
            return account_answer(path, body, self.instances, list(self.backends), self.clock)
        token = headers.get("Authorization", "")
        if not token.startswith("Bearer ") or has_expired(token, self.clock):
            return refusal(401, "Authentication failed.", 1200)
        crn = headers.get("Service-CRN")
        if crn not in self.instances or self.instances[crn].forbidden:
            return refusal(403, "The instance is not within reach.", 1201)
        request = Request(crn, query, json.loads(body) if body else {})
        for verb, pattern, act in ROUTES:
            match = re.fullmatch(pattern, path.removeprefix(API))
            if verb == method and match:
                return act(self, *match.groups(), request)
        return refusal(404, f"No route {method} {path}.")

    def list_backends(self, request):
        settings = self.instances[request.crn]
        name_of_status = "online" if settings.operational else "offline"
        devices = []
        for name, (configuration, _) in self.backends.items():
            is_mock = name.startswith("mock_")
            if is_mock and request.query.get("include_mocks", ["false"])[0].lower() != "true":
                continue
            devices.append(
                {
                    "name": name,
                    "qubits": configuration["n_qubits"],
                    "queue_length": 3,
                    "status": {"name": name_of_status, "reason": settings.status_message},
                    "class": "mock" if is_mock else "physical",
                    "is_simulator": False,
                    "processor_type": configuration["processor_type"],
                }
            )
        return Answer(body={"devices": devices})

    def backend(self, name, what, request):
        if name not in self.backends:
            return refusal(404, "Backend not found.", 1216)
        if what == "configuration":
            return Answer(body=self.backends[name][0])
        if what == "properties":
            return Answer(body=self.properties_at(name, request.query.get("updated_before")))
        settings = self.instances[request.crn]
        status = {"state": settings.operational, "status": settings.status_message}
        return Answer(body={**status, "message": "", "length_queue": 3, "backend_version": "1.0.0"})

    def properties_at(self, name, moments):
        """Return the calibration that was in force; `history` has (time, properties) of before."""
        newest = self.backends[name][1]
        known = [*self.history.get(name, []), (newest["last_update_date"], newest)]
        if not moments:
            return newest
        past = [one for taken, one in known if as_time(taken) <= as_time(moments[0])]
        return past[-1] if past else known[0][1]

    def usage(self, request):
        settings = self.instances[request.crn]
        limit, used = settings.usage_limit_seconds, settings.usage_consumed_seconds
        return Answer(
            body={
                "instance_id": request.crn,
                "plan_id": "plan-1",
                "usage_consumed_seconds": used,
                "usage_limit_seconds": limit,
                "usage_limit_reached": used >= limit,
                "usage_period": {"start_time": self.now(), "end_time": self.now()},
            }
        )

    def process(self, job):
        begin = time.monotonic()
        while time.monotonic() - begin < self.settings.queue_seconds:
            time.sleep(0.01)  # so that a test may let the queue go
        with self.lock:
            if job.finished is not None:
                return
            job.running = self.now()
            job.state = {"status": self.settings.live_status or "Running"}
        name = job.request["backend"].replace("mock_", "ibm_")
        configuration = self.backends[name][0]
        program = job.program
        try:
            check(program.circuits, program.shots, configuration)
            counted = [(circuit, len(rows)) for circuit, rows in program.circuits]
            seconds = charged_seconds(
                counted,
                program.shots,
                configuration,
                self.lengths[name],
                program.rep_delay_seconds,
            )
            longest = job.request.get("cost")
            if longest and seconds > longest:
                self.end(job, {"status": "Cancelled", "reason": "Ran too long."}, 1305, longest)
                return
            result = program.run()
            time.sleep(self.settings.run_seconds)
            state = {"status": self.settings.end_status or "Completed"}
            self.end(job, state, self.settings.end_code, seconds, result)
        except Refusal as error:
            self.end(job, {"status": "Failed", "reason": str(error)}, 1517, 0.0, str(error))
        except Exception as error:
            self.end(job, {"status": "Failed", "reason": repr(error)}, 9999, 0.0, repr(error))

    def end(self, job, state, code, seconds, result=""):
        with self.lock:
            if job.finished is not None:
                return
            if job.request["backend"].startswith("mock_"):
                seconds = 0.0
            job.state = {**state, "reason_code": code} if code else state
            job.result, job.seconds, job.finished = result, seconds, self.now()
            self.instances[job.crn].usage_consumed_seconds += seconds


ROUTES = (
    ("GET", "/backends", Service.list_backends),
    ("GET", "/backends/([^/]+)/([a-z]+)", Service.backend),
    ("GET", "/instances/usage", Service.usage),
    ("POST", "/jobs", job_routes.post_job),
    ("GET", "/jobs", job_routes.list_jobs),
    ("GET", "/jobs/([^/]+)", job_routes.job),
    ("DELETE", "/jobs/([^/]+)", job_routes.delete_job),
    ("GET", "/jobs/([^/]+)/results", job_routes.results),
    ("GET", "/jobs/([^/]+)/metrics", job_routes.metrics),
    ("GET", "/jobs/([^/]+)/logs", job_routes.logs),
    ("PUT", "/jobs/([^/]+)/tags", job_routes.tags),
    ("POST", "/jobs/([^/]+)/cancel", job_routes.cancel),
    ("POST", "/sessions", sessions.open_session),
    ("GET", "/sessions/([^/]+)", sessions.session),
    ("PATCH", "/sessions/([^/]+)", sessions.patch_session),
    ("DELETE", "/sessions/([^/]+)/close", sessions.close_session),
)
