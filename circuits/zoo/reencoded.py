"""Models whose hidden state is one number: measured at the end of a step, re-encoded in the next.

In `expectation` mode every step is a circuit from |0> and the host feeds <Z> back. In `sampled`
mode all steps are one dynamic circuit: the read wires are measured, each shot feeds its own bits
back, and the wires start anew. The two are different models; the label of a result names the mode.
"""

from __future__ import annotations

import numpy as np

from circuits.definition import Architecture, Layer, Mode, Recurrence
from circuits.layers.controllers import FedBack
from circuits.layers.feedback import Measure, Reset
from circuits.outcomes import outcome_signs
from circuits.recurrence import FeedValue

_FEED_VALUE = FeedValue()


def reencoded(
    name: str,
    *,
    n_qubits: int,
    n_features: int,
    encoder: tuple[Layer, ...],
    hidden: int,
    cell: tuple[Layer, ...],
    mode: Mode,
    summary: str,
    source: str,
    reading: bool,
    readout: tuple[int, ...] = (),
    repeats: int = 1,
    recurrence: Recurrence = _FEED_VALUE,
) -> Architecture:
    """Return the architecture in one of its two modes.

    Args:
        name: of the architecture.
        n_qubits: number of wires.
        n_features: features a step.
        encoder: layers that encode the features; RY(h) on the hidden wire follows.
        hidden: the wire that takes the fed-back value.
        cell: trainable layers of one step.
        mode: `expectation` or `sampled`.
        summary: one line for a list.
        source: where the model was published.
        reading: whether the row fills a gap of the publication; `sampled` mode, which was not
            published, always does.
        readout: measured wires, the hidden one by default.
        repeats: how often the cell acts in a step.
        recurrence: what the host does with <Z> of the readout wires.
    """
    readout = readout or (hidden,)
    others = tuple(wire for wire in range(n_qubits) if wire not in readout)
    sampled = mode == "sampled"
    return Architecture(
        name=name,
        n_qubits=n_qubits,
        n_features=n_features,
        encoder=(
            *((Reset(readout),) if sampled else ()),
            *encoder,
            FedBack(hidden, _values(recurrence, len(readout))),
        ),
        cell=cell,
        repeats=repeats,
        after_cell=(Measure(readout), Reset(others)) if sampled else (),
        data_qubits=others if sampled else (),
        n_bits=len(readout) if sampled else 0,
        readout=readout,
        recurrence=recurrence,
        modes=("expectation", "sampled"),
        mode=mode,
        summary=summary,
        source=source,
        reading=reading or sampled,
    )


def _values(recurrence: Recurrence, n_bits: int) -> tuple[float, ...]:
    """Return h for each value of the bits: the recurrence at <Z> = 1 - 2 bit."""
    signs = outcome_signs(n_bits)
    states = recurrence.update(np.zeros((len(signs), recurrence.n_state)), signs, np)
    return tuple(np.asarray(recurrence.fed_back(states)).tolist())
