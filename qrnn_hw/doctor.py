"""Whether this installation is in order: each thing that was looked at, with its remedy."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from jobs.counted import counted
from jobs.errors import AuthenticationError, JobsError
from jobs.service.account import account_status
from jobs.store.private import others_may_read
from qrnn_hw.config import store_path

Status = Literal["ok", "note", "wrong"]
DISTRIBUTION = "qrnn-hw"
REPLACED = dict.fromkeys(
    ("mitiq", "ply"), "None needed: qrnn-hw extrapolates to zero noise itself."
)
"""What the package works without, and how."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Status
    found: str
    remedy: str = ""
    """What to do about it; empty when all is well."""


def checks(*, remote: bool = False) -> Iterator[Check]:
    """Yield one check after the other, the quick ones first.

    Args:
        remote: also ask the service, which needs an account.
    """
    yield _python()
    yield from _packages()
    yield _store()
    yield from _account()
    yield _self_test()
    if remote:
        yield _service()


def _python() -> Check:
    """Hold Python against what the installed distribution asks for."""
    from packaging.specifiers import SpecifierSet

    found = ".".join(map(str, sys.version_info[:3]))
    try:
        wanted = metadata.metadata(DISTRIBUTION)["Requires-Python"]
    except metadata.PackageNotFoundError:
        wanted = ""
    if SpecifierSet(wanted).contains(found, prereleases=True):
        return Check("python", "ok", found)
    return Check("python", "wrong", f"{found}, not {wanted}", f"Use a Python {wanted}.")


def _packages() -> Iterator[Check]:
    """Hold each installed package against what this distribution asks for."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Check(
            "packages",
            "note",
            f"{DISTRIBUTION} is run from its source",
            "Install it, so that versions can be checked: make install, or pip install .",
        )
        return
    for requirement in map(Requirement, lines):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        wanted = f"{requirement.name}{requirement.specifier}"
        remedy = f"pip install '{wanted}'"
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            if requirement.name in REPLACED:
                yield Check(requirement.name, "note", "not installed", REPLACED[requirement.name])
            else:
                yield Check(requirement.name, "wrong", "not installed", remedy)
            continue
        if requirement.specifier.contains(version, prereleases=True):
            yield Check(requirement.name, "ok", version)
        else:
            yield Check(requirement.name, "wrong", f"{version}, not {wanted}", remedy)


def _store() -> Check:
    from jobs.store.store import Store

    path = store_path()
    if not path.exists():
        place = next(one for one in path.absolute().parents if one.exists())
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            remedy = "Set QRNN_HW_HOME to a folder that can be written."
            return Check(
                "store",
                "wrong",
                f"{path} cannot be made: nothing may be written in {place}",
                remedy,
            )
        return Check("store", "ok", f"{path}, not made yet")
    if others_may_read(path):
        return Check("store", "wrong", f"others may read {path}", f"chmod 600 {path}")
    try:
        with Store(path) as store:
            doubtful = len(store.jobs(limit=None, states=("intended",)))
    except JobsError as error:
        return Check("store", "wrong", str(error), "Set QRNN_HW_HOME to another folder.")
    if doubtful:
        found = f"{counted(doubtful, 'job')} cut short on the way to the service"
        return Check("store", "note", found, "Look them up: qrnn-hw jobs adopt")
    return Check("store", "ok", str(path))


def _account() -> Iterator[Check]:
    status = account_status()
    if not status.is_private:
        yield Check(
            "account file", "wrong", f"others may read {status.path}", f"chmod 600 {status.path}"
        )
    if not status.is_readable:
        yield Check(
            "account file",
            "wrong",
            f"{status.path} is not the JSON that the client expects",
            "Move it away and run: qrnn-hw auth login",
        )
    if status.source == "none":
        yield Check("account", "note", "none; real machines need one", "qrnn-hw auth login")
    else:
        yield Check("account", "ok", f"from the {status.source}")


def _self_test() -> Check:
    """Run a circuit whose fed-forward bit decides the outcome, on the simulator of this machine."""
    try:
        counts = _fed_forward_counts()
    except Exception as error:  # whatever a broken installation raises
        first = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:200]
        return Check("engine", "wrong", first, "Install again into an empty environment.")
    if counts == {3: 100}:
        return Check("engine", "ok", "feed-forward gives what it must")
    return Check(
        "engine",
        "wrong",
        f"feed-forward should read 3 in 100 of 100 shots, and gave {counts}",
        "Install again into an empty environment.",
    )


def _fed_forward_counts() -> dict[int, int]:
    from qiskit import QuantumCircuit
    from qiskit_aer import AerSimulator

    from jobs.service.runtime import LocalRuntimeExecutor
    from jobs.spec import JobSpec, Pub

    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    spec = JobSpec((Pub.bound(circuit),), 100, "aer", "aer", seed=0)
    (result,) = LocalRuntimeExecutor(AerSimulator()).run(spec)
    return result.counts("c")


def _service() -> Check:
    from jobs.service.runtime import ServiceExecutor

    service = ServiceExecutor("")
    try:
        names = service.backends()
        plan = service.plan()
    except AuthenticationError as error:
        return Check("service", "wrong", str(error), "qrnn-hw auth login")
    except JobsError as error:
        return Check("service", "wrong", str(error), "Try again later: qrnn-hw doctor --remote")
    return Check("service", "ok", f"plan {plan}, backends {', '.join(names) or 'none'}")
