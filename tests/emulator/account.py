"""What stands beside the service: tokens of keys, the instances of an account, their plans."""

import base64
import json

from emulator.records import Answer, refusal

CRN = (
    "crn:v1:bluemix:public:quantum-computing:us-east:a/"
    "00000000000000000000000000000000:00000000-0000-0000-0000-000000000001::"
)
REFUSED_KEY = "refused"


def another_crn(number):
    """Return the name of another instance of the same account."""
    return CRN.replace("-000000000001::", f"-{number:012}::")


def account_answer(path, body, instances, backends, clock):
    """Return the answer to one request that is not to the service itself."""
    settings = next(iter(instances.values()))
    if path == "/identity/token":
        if f"apikey={REFUSED_KEY}" in body.decode():
            return Answer(400, {"errorCode": "BXNIM0415E", "errorMessage": "Key not found."})
        begin, last = int(clock()), settings.token_seconds
        parts = ({"alg": "HS256"}, {"iat": begin, "exp": begin + last, "iam_id": "user"})
        encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in parts]
        token = ".".join([*(text.rstrip("=") for text in encoded), "c2ln"])
        answer = {"access_token": token, "refresh_token": "none", "token_type": "Bearer"}
        return Answer(body={**answer, "expires_in": last, "expiration": begin + last})
    if path == "/v3/resources/search":
        items = [
            {
                "crn": crn,
                "name": one.name,
                "service_plan_unique_id": f"plan-{number}",
                "tags": [],
                "doc": {"extensions": [{"backends": backends}]},
            }
            for number, (crn, one) in enumerate(instances.items(), 1)
            if one.listed
        ]
        return Answer(body={"items": items, "limit": 100})
    number = path.rpartition("/plan-")[2]
    if number.isdecimal() and 1 <= int(number) <= len(instances):
        plan = list(instances.values())[int(number) - 1].plan
        overview = {"en": {"display_name": plan.title()}}
        pricing = {"type": "free" if plan == "open" else "paid"}
        facts = {"id": f"plan-{number}", "name": plan, "kind": "plan", "overview_ui": overview}
        return Answer(body={**facts, "metadata": {"pricing": pricing}})
    return refusal(404, f"No route {path}.")


def has_expired(authorization, clock):
    """Return whether the token of a header is too old by the service's own clock."""
    middle = authorization.removeprefix("Bearer ").split(".")[1]
    facts = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return facts["exp"] <= clock()
