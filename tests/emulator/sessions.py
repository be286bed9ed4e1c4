"""Sessions and batches, which hold the jobs that name them."""

import uuid

from emulator.records import Answer, refusal


def open_session(service, request):
    if service.instances[request.crn].plan == "open" and request.content.get("mode") == "dedicated":
        reason = "You are not authorized to run a session when using the open plan."
        return refusal(400, reason, 1352)
    session = {
        "id": f"s{uuid.uuid4().hex[:19]}",
        "backend_name": request.content.get("backend"),
        "mode": request.content.get("mode"),
        "state": "open",
        "accepting_jobs": True,
        "max_ttl": request.content.get("max_ttl", 28_800),
    }
    service.sessions[session["id"]] = session
    return Answer(201, session)


def session(service, session_id, request):
    found = service.sessions.get(session_id)
    return Answer(body=found) if found else refusal(404, "Session not found.")


def patch_session(service, session_id, request):
    service.sessions[session_id]["accepting_jobs"] = request.content.get("accepting_jobs", False)
    return Answer(204)


def close_session(service, session_id, request):
    service.sessions[session_id].update(state="closed", accepting_jobs=False)
    for job in service.jobs.values():
        if job.request.get("session_id") == session_id and job.state["status"] == "Queued":
            job.state = {"status": "Cancelled", "reason": "The session was closed."}
    return Answer(204)
