"""What stands beside the service: tokens of keys, the instances of an account, their plan."""

import base64
import json
import time

from emulator.records import Answer, refusal

CRN = (
    "crn:v1:bluemix:public:quantum-computing:us-east:a/"
    "00000000000000000000000000000000:00000000-0000-0000-0000-000000000001::"
)
REFUSED_KEY = "refused"


def account_answer(path, body, settings, backends):
    """Return the answer to one request that is not to the service itself."""
    if path == "/identity/token":
        if f"apikey={REFUSED_KEY}" in body.decode():
            return Answer(400, {"errorCode": "BXNIM0415E", "errorMessage": "Key not found."})
        begin, last = int(time.time()), settings.token_seconds
        parts = ({"alg": "HS256"}, {"iat": begin, "exp": begin + last, "iam_id": "user"})
        encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in parts]
        token = ".".join([*(text.rstrip("=") for text in encoded), "c2ln"])
        answer = {"access_token": token, "refresh_token": "none", "token_type": "Bearer"}
        return Answer(body={**answer, "expires_in": last, "expiration": begin + last})
    if path == "/v3/resources/search":
        extensions = [{"backends": backends}]
        item = {"crn": CRN, "name": "loopback", "service_plan_unique_id": "plan-1", "tags": []}
        found = {**item, "doc": {"extensions": extensions}}
        return Answer(body={"items": [found], "limit": 100})
    if path.endswith("/plan-1"):
        plan = settings.plan
        overview = {"en": {"display_name": plan.title()}}
        pricing = {"type": "free" if plan == "open" else "paid"}
        facts = {"id": "plan-1", "name": plan, "kind": "plan", "overview_ui": overview}
        return Answer(body={**facts, "metadata": {"pricing": pricing}})
    return refusal(404, f"No route {path}.")
