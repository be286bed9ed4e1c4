"""Which job a command is: the one that was made for it, whatever the calibration is today.

A machine is calibrated anew every day, and a model made for it is other circuits then. What was
asked for stays the same, and so does its job: once something of it was sent, the same command means
that job, until another one is asked for.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from jobs.assess import assess
from jobs.service.submission import parts_of
from jobs.spec import JobSpec
from jobs.states import Cancelled, Done, Failed
from jobs.store.store import Store
from qrnn_hw.submission.assessment import Verdict


def request_of(spec: JobSpec, verdict: Verdict) -> str:
    """Return the digest of what was asked for; of circuits taken as they are it is the key.

    In it are the machine, shots, options, and of a model its circuits before they are made for the
    machine, with its inputs. Not in it: the calibration, and the mode of execution.
    """
    asked = verdict.workload.asked
    if not verdict.machine.is_real or not asked:
        return spec.key
    content = {
        "asked": asked,
        "backend": spec.backend,
        "options": spec.options,
        "shots": spec.shots,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def as_known(verdict: Verdict, store: Store, *, fresh: bool = False) -> Verdict:
    """Return the verdict with each job that was sent before in place of the one made today.

    Args:
        verdict: of the command, as made today.
        store: which knows what was sent.
        fresh: ask for another job where the last one has ended; one that has not is still meant,
            so that a command cut short may be given again.
    """
    jobs = []
    for job in verdict.jobs:
        known = _sent(request_of(job.spec, verdict), job.spec, store)
        if known and fresh and _has_ended(known[-1], store):
            spec = replace(job.spec, options={**job.spec.options, "repeat": len(known)})
        elif known:
            spec = store.spec(known[-1])
        else:
            spec = job.spec
        if spec.key == job.spec.key and not store.parts(spec.key):
            jobs.append(job)
        else:
            jobs.append(assess(spec, parts_of(spec, store), job.conditions))
    return replace(verdict, jobs=tuple(jobs))


def _sent(request: str, spec: JobSpec, store: Store) -> tuple[str, ...]:
    """Return the keys of what was sent of a request; older stores know only the job itself.

    A job taken as it is may be stored, and its repeats noted, under the key of an older version.
    """
    stored = store.known(spec).key
    noted = store.ledger.requested(request)
    if request == spec.key != stored:
        noted = (*store.ledger.requested(stored), *noted)
    known = dict.fromkeys(noted or (stored,))
    return tuple(key for key in known if _was_sent(key, store))


def _was_sent(key: str, store: Store) -> bool:
    return any(store.state(part) is not None for part in store.parts(key) or (key,))


def _has_ended(key: str, store: Store) -> bool:
    parts = store.parts(key) or (key,)
    return all(isinstance(store.state(part), Done | Failed | Cancelled) for part in parts)


def note_requests(made_today: Verdict, sent: Verdict, store: Store) -> None:
    """Remember, before they are sent, which jobs stand for what was asked.

    Args:
        made_today: what the command makes of it today, which says what was asked.
        sent: the same with known jobs in place, from `as_known`.
        store: where it is remembered.
    """
    asked = [request_of(spec, made_today) for spec in made_today.specs]
    store.ledger.note_requests(zip(asked, [spec.key for spec in sent.specs], strict=True))
