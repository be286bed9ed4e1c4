"""v1, v2 (angle encoding) and v3a, v3b (dense angle encoding): one hidden qubit, re-encoded.

Every step starts from |0>: the hidden value h is all that passes from word to word. In the
published v1 and v2 no gate joins the hidden qubit to the inputs, so that <Z> = cos(h + w) for v1
and cos(h + 2 w) for v2, whose cell acts twice: the models are blind to what they read. The
`repaired` wiring lets the ring of CNOT include the hidden wire.
"""

from __future__ import annotations

from typing import Any

from circuits.definition import Architecture, Layer
from circuits.layers.cells import Entangle, Rotations, ring
from circuits.layers.encoders import NormalisedAngleEncoding, repeated_angle_encoding
from circuits.zoo.reencoded import reencoded
from circuits.zoo.row import Row

SOURCE = "nogi2k2/QML, published notebooks"


def angle_model(name: str, repeats: int, wiring: str, mode: Any) -> Architecture:
    """Return v1 (`repeats=1`) or v2 (`repeats=2`): five inputs and hidden wire 5."""
    inputs, hidden = (0, 1, 2, 3, 4), 5
    entangled = inputs if wiring == "faithful" else (*inputs, hidden)
    cell: tuple[Layer, ...] = (Entangle(ring(entangled)), Rotations((*inputs, hidden), "y"))
    return reencoded(
        name,
        n_qubits=6,
        n_features=5,
        encoder=(NormalisedAngleEncoding(inputs),),
        hidden=hidden,
        cell=cell,
        repeats=repeats,
        mode=mode,
        summary="RY of the normalised vector, CNOT ring, RY"
        + (f", the cell {repeats} times a word" if repeats > 1 else ""),
        source=SOURCE,
        reading=wiring != "faithful",
    )


def dense_angle_model(name: str, repeats: int, mode: Any) -> Architecture:
    """Return v3a (`repeats=1`) or v3b: three inputs take five features each, hidden wire 3.

    The notebooks leave open whether v3b repeats the cell two or three times; three is the table's.
    """
    inputs, hidden = (0, 1, 2), 3
    encoding = repeated_angle_encoding(
        {wire: range(5 * wire, 5 * wire + 5) for wire in inputs}, (("y", 1.0), ("z", 0.5))
    )
    return reencoded(
        name,
        n_qubits=4,
        n_features=15,
        encoder=(encoding,),
        hidden=hidden,
        cell=(
            Entangle(ring((*inputs, hidden))),
            Rotations(inputs, "yz"),
            Rotations((hidden,), "y"),
        ),
        repeats=repeats,
        mode=mode,
        summary="five features a wire as RY RZ, CNOT ring, RY RZ"
        + (f", the cell {repeats} times a word" if repeats > 1 else ""),
        source=SOURCE,
        reading=repeats > 1,
    )


_MODES = ("expectation", "sampled")
_WIRING = {"wiring": ("faithful", "repaired"), "mode": _MODES}


def _v1(wiring: str, mode: Any) -> Architecture:
    return angle_model("v1", 1, wiring, mode)


def _v2(wiring: str, mode: Any) -> Architecture:
    return angle_model("v2", 2, wiring, mode)


def _v3a(mode: Any) -> Architecture:
    return dense_angle_model("v3a", 1, mode)


def _v3b(mode: Any) -> Architecture:
    return dense_angle_model("v3b", 3, mode)


ROWS = (
    Row("v1", _v1, _WIRING),
    Row("v2", _v2, _WIRING),
    Row("v3a", _v3a, {"mode": _MODES}),
    Row("v3b", _v3b, {"mode": _MODES}),
)
