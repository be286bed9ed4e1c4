"""What a network is known by: the content of its circuits, encoding and head, never its name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from circuits.definition import Architecture
from circuits.unrolled import unroll
from jobs.digest import circuit_digest
from qrnn_hw.data.target import Classes
from qrnn_hw.networks.network import Network

PROBED_STEPS = 2
"""The first step, and one that has a step before it: all later ones are like that."""

PROBED_DIGITS = 9


def architecture_digest(architecture: Architecture) -> str:
    """Return the SHA-256 of what a model runs: circuits, readout, mode, what the host computes.

    Hashed are the content of the circuits of two steps (or of one, where each starts anew), the
    features that are normalised together, and the host's function between the steps by its values.
    Not hashed are name, summary, source and the names of options.
    """
    q = unroll(architecture, 1 if architecture.in_rounds else PROBED_STEPS)
    circuits = q.step_circuits if architecture.in_rounds else (q.circuit,)
    return digest(
        {
            "mode": architecture.mode,
            "circuits": [circuit_digest(circuit) for circuit in circuits],
            "readout": list(architecture.readout),
            "vectors": [list(vector) for vector in architecture.vectors],
            "host": _host(architecture),
        }
    )


def network_content(network: Network) -> dict[str, Any]:
    """Return what tells one network from another, by name: `circuit`, `encoding` and `head`.

    A `target` where it is not two classes; what they are called trains nothing.
    """
    content: dict[str, Any] = {
        "circuit": architecture_digest(network.architecture),
        "encoding": repr(network.encoding),
        "head": [network.head, network.scale],
    }
    target = network.target
    if target.n_outputs > 1 or target.per_step or not isinstance(target, Classes):
        content["target"] = [type(target).__name__, target.n_outputs, target.per_step]
    if network.steps is not None:
        content["steps"] = asdict(network.steps)
    if network.direct:
        content["direct"] = network.direct
    return content


def digest(content: Any) -> str:
    """Return the SHA-256 of a JSON document, whatever the order of its names."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _host(architecture: Architecture) -> list[Any]:
    """Return values of the host's function at fixed points, to so many digits."""
    recurrence = architecture.recurrence
    if recurrence is None or not architecture.in_rounds:
        return []
    n_values = len(architecture.cells) * len(architecture.readout)
    generator = np.random.default_rng(0)
    state = generator.uniform(-1, 1, (3, recurrence.n_state))
    values = generator.uniform(-1, 1, (3, n_values))
    moved = recurrence.update(state, values, np)
    parts = recurrence.fed_back(state), moved, recurrence.output(moved, values)
    return [np.round(np.asarray(part, dtype=float), PROBED_DIGITS).tolist() for part in parts]
