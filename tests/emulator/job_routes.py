"""What may be asked about jobs. A job belongs to the instance that it was sent to."""

import time
import uuid

from emulator.execution import PROGRAMS
from emulator.records import Answer, Job, refusal

NOT_FOUND = "Job not found."


def post_job(service, request):
    refused = over_a_limit(service, request)
    if refused is not None:
        return refused
    content = request.content
    if content.get("backend") not in service.backends:
        return refusal(404, "Backend not found.", 1216)
    session = content.get("session_id")
    if session is not None and not service.sessions.get(session, {}).get("accepting_jobs"):
        return refusal(400, "The session is closed.", 1217)
    if content.get("program_id") not in PROGRAMS:
        return refusal(404, "Program not found.", 1291)
    try:
        program = PROGRAMS[content["program_id"]](content["params"])
    except Exception as error:  # whatever the schema's validators raise
        return refusal(400, f"The params are not valid: {type(error).__name__}.", 1207)
    state = {"status": service.settings.live_status or "Queued"}
    job = Job(f"d{uuid.uuid4().hex[:19]}", content, program, request.crn, service.now(), state)
    with service.lock:
        service.jobs[job.id] = job
    service.workers.submit(service.process, job)
    return Answer(body={"id": job.id, "backend": content["backend"], "session_id": session})


def over_a_limit(service, request):
    """Return the refusal of a job that the plan or the pace does not allow, or None."""
    settings, account = service.instances[request.crn], service.settings
    with service.lock:
        now = time.monotonic()
        recent = [one for one in service.posted_at if now - one < account.post_window_seconds]
        if account.posts_per_minute is not None and len(recent) >= account.posts_per_minute:
            refused = refusal(429, "Rate limit exceeded.")
            if account.retry_after is not None:
                refused.headers = (("Retry-After", account.retry_after),)
            return refused
        service.posted_at = [*recent, now]
    if settings.usage_consumed_seconds >= settings.usage_limit_seconds:
        return refusal(409, "Usage exceeds instance limit")
    return None


def list_jobs(service, request):
    def first(name, default=None):
        return request.query.get(name, [default])[0]

    listed_before = time.monotonic() - service.settings.listing_lag_seconds
    jobs = sorted(
        (
            job
            for job in service.jobs.values()
            if job.crn == request.crn and job.posted <= listed_before
        ),
        key=lambda job: job.created,
    )
    if first("sort") != "ASC":
        jobs.reverse()
    for name, value in (
        ("backend", lambda job: job.request["backend"]),
        ("session_id", lambda job: job.request.get("session_id")),
        ("program", lambda job: job.request["program_id"]),
    ):
        if first(name):
            jobs = [job for job in jobs if value(job) == first(name)]
    if "tags" in request.query:
        wanted = set(request.query["tags"])
        jobs = [job for job in jobs if wanted <= set(job.request.get("tags", []))]
    if first("pending"):
        pending = first("pending") == "true"
        jobs = [job for job in jobs if (job.finished is None) == pending]
    offset, limit = int(first("offset", 0)), int(first("limit", 200))
    page = [job.view() for job in jobs[offset : offset + limit]]
    return Answer(body={"jobs": page, "count": len(jobs), "limit": limit, "offset": offset})


def known(service, job_id, request):
    job = service.jobs.get(job_id)
    return job if job is not None and job.crn == request.crn else None


def job(service, job_id, request):
    found = known(service, job_id, request)
    if found is None:
        return refusal(404, NOT_FOUND, 1291)
    return Answer(body=found.view(with_params=request.query.get("exclude_params") != ["true"]))


def delete_job(service, job_id, request):
    if known(service, job_id, request) is None:
        return refusal(404, NOT_FOUND, 1291)
    del service.jobs[job_id]
    return Answer(204)


def results(service, job_id, request):
    found = known(service, job_id, request)
    if found is None:
        return refusal(404, NOT_FOUND, 1291)
    withheld = service.settings.results_status
    if withheld is not None and withheld >= 400:
        return refusal(withheld, "The result is not available.")
    if withheld is not None or found.result is None:
        return Answer(204)
    return Answer(body=found.result)


def metrics(service, job_id, request):
    found = known(service, job_id, request)
    if found is None:
        return refusal(404, NOT_FOUND, 1291)
    usage = {
        "quantum_seconds": found.seconds,
        "seconds": found.seconds,
        "qpu_charge_time_seconds": found.seconds,
        "status": "complete" if found.finished else "pending",
    }
    times = {"created": found.created, "running": found.running, "finished": found.finished}
    return Answer(body={"timestamps": times, "usage": usage, "position_in_queue": None})


def logs(service, job_id, request):
    return Answer(body="", kind="text/plain")


def tags(service, job_id, request):
    service.jobs[job_id].request["tags"] = request.content["tags"]
    return Answer(204)


def cancel(service, job_id, request):
    with service.lock:
        found = known(service, job_id, request)
        if found is None:
            return refusal(404, NOT_FOUND, 1291)
        if found.finished is not None:
            return refusal(409, "The job has ended.", 1223)
        found.state = {"status": "Cancelled", "reason": "By the user."}
        found.finished = service.now()
    return Answer(204)
