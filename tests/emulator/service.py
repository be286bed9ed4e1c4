"""The service without its wire: jobs, sessions, backends, plan; requests in, answers out."""

import json
import re
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from emulator.account import CRN, account_answer
from emulator.backends import durations, load
from emulator.execution import PROGRAMS, now
from emulator.metering import charged_seconds
from emulator.records import Answer, Job, Settings, refusal
from emulator.rules import Refusal, check

API = "/experimental/api/v1"
ENDED = ("Completed", "Failed", "Cancelled")


class Service:
    def __init__(self, names=("boston",), n_qubits=None, settings=None):
        self.settings = settings or Settings()
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
        self.workers = ThreadPoolExecutor(2)

    def answer(self, method, path, query, body, headers):
        """Return the answer to one request."""
        if not path.startswith(API):
            return account_answer(path, body, self.settings, list(self.backends))
        if not headers.get("Authorization", "").startswith("Bearer "):
            return refusal(401, "Authentication failed.", 1200)
        if headers.get("Service-CRN") != CRN:
            return refusal(403, "The instance is not within reach.", 1201)
        content = json.loads(body) if body else {}
        for verb, pattern, act in self.ROUTES:
            match = re.fullmatch(pattern, path.removeprefix(API))
            if verb == method and match:
                return getattr(self, act)(*match.groups(), query=query, content=content)
        return refusal(404, f"No route {method} {path}.")

    ROUTES = (
        ("GET", "/backends", "list_backends"),
        ("GET", "/backends/([^/]+)/([a-z]+)", "backend"),
        ("GET", "/instances/usage", "usage"),
        ("POST", "/jobs", "post_job"),
        ("GET", "/jobs", "list_jobs"),
        ("GET", "/jobs/([^/]+)", "job"),
        ("DELETE", "/jobs/([^/]+)", "delete_job"),
        ("GET", "/jobs/([^/]+)/results", "results"),
        ("GET", "/jobs/([^/]+)/metrics", "metrics"),
        ("GET", "/jobs/([^/]+)/logs", "logs"),
        ("PUT", "/jobs/([^/]+)/tags", "tags"),
        ("POST", "/jobs/([^/]+)/cancel", "cancel"),
        ("POST", "/sessions", "open_session"),
        ("GET", "/sessions/([^/]+)", "session"),
        ("PATCH", "/sessions/([^/]+)", "patch_session"),
        ("DELETE", "/sessions/([^/]+)/close", "close_session"),
    )

    def list_backends(self, query, content):
        devices = []
        for name, (configuration, _) in self.backends.items():
            is_mock = name.startswith("mock_")
            if is_mock and query.get("include_mocks", ["false"])[0].lower() != "true":
                continue
            devices.append(
                {
                    "name": name,
                    "qubits": configuration["n_qubits"],
                    "queue_length": 3,
                    "status": {"name": "online", "reason": "available"},
                    "class": "mock" if is_mock else "physical",
                    "is_simulator": False,
                    "processor_type": configuration["processor_type"],
                }
            )
        return Answer(body={"devices": devices})

    def backend(self, name, what, query, content):
        if name not in self.backends:
            return refusal(404, "Backend not found.", 1216)
        if what == "configuration":
            return Answer(body=self.backends[name][0])
        if what == "properties":
            return Answer(body=self.backends[name][1])
        status = {"state": self.settings.operational, "status": "active", "message": "available"}
        return Answer(body={**status, "length_queue": 3, "backend_version": "1.0.0"})

    def usage(self, query, content):
        limit, used = self.settings.usage_limit_seconds, self.settings.usage_consumed_seconds
        return Answer(
            body={
                "instance_id": CRN,
                "plan_id": "plan-1",
                "usage_consumed_seconds": used,
                "usage_limit_seconds": limit,
                "usage_limit_reached": used >= limit,
                "usage_period": {"start_time": now(), "end_time": now()},
            }
        )

    def post_job(self, query, content):
        if content.get("backend") not in self.backends:
            return refusal(404, "Backend not found.", 1216)
        session = content.get("session_id")
        if session is not None and not self.sessions.get(session, {}).get("accepting_jobs"):
            return refusal(400, "The session is closed.", 1217)
        if content.get("program_id") not in PROGRAMS:
            return refusal(404, "Program not found.", 1291)
        try:
            program = PROGRAMS[content["program_id"]](content["params"])
        except Exception as error:  # whatever the schema's validators raise
            return refusal(400, f"The params are not valid: {type(error).__name__}.", 1207)
        job = Job(f"d{uuid.uuid4().hex[:19]}", content, program)
        with self.lock:
            self.jobs[job.id] = job
        self.workers.submit(self.process, job)
        return Answer(body={"id": job.id, "backend": content["backend"], "session_id": session})

    def process(self, job):
        begin = time.monotonic()
        while time.monotonic() - begin < self.settings.queue_seconds:
            time.sleep(0.01)  # so that a test may let the queue go
        with self.lock:
            if job.state["status"] == "Cancelled":
                return
            job.state, job.running = {"status": "Running"}, now()
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
            self.end(job, {"status": "Completed"}, None, seconds, result)
        except Refusal as error:
            self.end(job, {"status": "Failed", "reason": str(error)}, 1517, 0.0, str(error))
        except Exception as error:
            self.end(job, {"status": "Failed", "reason": repr(error)}, 9999, 0.0, repr(error))

    def end(self, job, state, code, seconds, result=""):
        with self.lock:
            if job.state["status"] in ENDED:
                return
            if job.request["backend"].startswith("mock_"):
                seconds = 0.0
            job.state = {**state, "reason_code": code} if code else state
            job.result, job.seconds, job.finished = result, seconds, now()
            self.settings.usage_consumed_seconds += seconds

    def list_jobs(self, query, content):
        def first(name, default=None):
            return query.get(name, [default])[0]

        jobs = sorted(self.jobs.values(), key=lambda job: job.created)
        if first("sort") != "ASC":
            jobs.reverse()
        for name, value in (
            ("backend", lambda job: job.request["backend"]),
            ("session_id", lambda job: job.request.get("session_id")),
            ("program", lambda job: job.request["program_id"]),
        ):
            if first(name):
                jobs = [job for job in jobs if value(job) == first(name)]
        if "tags" in query:
            jobs = [job for job in jobs if set(query["tags"]) <= set(job.request.get("tags", []))]
        if first("pending"):
            wanted = first("pending") == "true"
            jobs = [job for job in jobs if (job.state["status"] not in ENDED) == wanted]
        offset, limit = int(first("offset", 0)), int(first("limit", 200))
        page = [job.view() for job in jobs[offset : offset + limit]]
        return Answer(body={"jobs": page, "count": len(jobs), "limit": limit, "offset": offset})

    def known(self, job_id):
        return self.jobs.get(job_id)

    def job(self, job_id, query, content):
        job = self.known(job_id)
        if job is None:
            return refusal(404, "Job not found.", 1291)
        return Answer(body=job.view(with_params=query.get("exclude_params") != ["true"]))

    def delete_job(self, job_id, query, content):
        return Answer(204) if self.jobs.pop(job_id, None) else refusal(404, "Job not found.", 1291)

    def results(self, job_id, query, content):
        job = self.known(job_id)
        if job is None:
            return refusal(404, "Job not found.", 1291)
        return Answer(204) if job.result is None else Answer(body=job.result)

    def metrics(self, job_id, query, content):
        job = self.known(job_id)
        if job is None:
            return refusal(404, "Job not found.", 1291)
        usage = {
            "quantum_seconds": job.seconds,
            "seconds": job.seconds,
            "qpu_charge_time_seconds": job.seconds,
            "status": "complete" if job.finished else "pending",
        }
        times = {"created": job.created, "running": job.running, "finished": job.finished}
        return Answer(body={"timestamps": times, "usage": usage, "position_in_queue": None})

    def logs(self, job_id, query, content):
        return Answer(body="", kind="text/plain")

    def tags(self, job_id, query, content):
        self.jobs[job_id].request["tags"] = content["tags"]
        return Answer(204)

    def cancel(self, job_id, query, content):
        with self.lock:
            job = self.known(job_id)
            if job is None:
                return refusal(404, "Job not found.", 1291)
            if job.state["status"] in ENDED:
                return refusal(409, "The job has ended.", 1223)
            job.state, job.finished = {"status": "Cancelled", "reason": "By the user."}, now()
        return Answer(204)

    def open_session(self, query, content):
        if self.settings.plan == "open" and content.get("mode") == "dedicated":
            reason = "You are not authorized to run a session when using the open plan."
            return refusal(400, reason, 1352)
        session = {
            "id": f"s{uuid.uuid4().hex[:19]}",
            "backend_name": content.get("backend"),
            "mode": content.get("mode"),
            "state": "open",
            "accepting_jobs": True,
            "max_ttl": content.get("max_ttl", 28_800),
        }
        self.sessions[session["id"]] = session
        return Answer(201, session)

    def session(self, session_id, query, content):
        found = self.sessions.get(session_id)
        return Answer(body=found) if found else refusal(404, "Session not found.")

    def patch_session(self, session_id, query, content):
        self.sessions[session_id]["accepting_jobs"] = content.get("accepting_jobs", False)
        return Answer(204)

    def close_session(self, session_id, query, content):
        self.sessions[session_id].update(state="closed", accepting_jobs=False)
        for job in self.jobs.values():
            if job.request.get("session_id") == session_id and job.state["status"] == "Queued":
                job.state = {"status": "Cancelled", "reason": "The session was closed."}
        return Answer(204)
