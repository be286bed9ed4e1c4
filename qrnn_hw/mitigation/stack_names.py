"""Stacks by name: what `Stack.name` writes, read back."""

import re
from typing import Any

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.zne import ZNEPlan

EXAMPLES = "none, terminal, linear(1,3), richardson(1,3,5) + relabel (first order) + terminal"

_EXTRAPOLATION = re.compile(r"(linear|richardson|poly([1-9]))\s*\(([0-9., ]+)\)")
_LABELS = re.compile(r"(relabel|joint)(?:\s*\((first order|sampled(?: (\d{1,6}))?)\))?")
_TWIRL = re.compile(r"twirl (\d{1,4})")
_FEED_FORWARD = {"relabel": "invert", "joint": "amplify"}


def parse_stack(text: str) -> Stack:
    """Return the stack of a name; parts are joined by "+", spaces, case and order do not matter.

    Raises:
        UsageError: If a part is not known, comes twice, or the parts make no legal stack.
    """
    found: dict[str, Any] = {}
    parts = [" ".join(part.lower().split()) for part in text.split("+")]
    for part in parts:
        read = {} if part == "none" and len(parts) == 1 else _part(part, text)
        if read.keys() & found.keys():
            raise UsageError(f"a plan should name each method once. Got {text!r}.")
        found |= read
    return Stack(**found)


def _part(part: str, text: str) -> dict[str, Any]:
    if part == "terminal":
        return {"terminal": True}
    if match := _TWIRL.fullmatch(part):
        if not int(match[1]):
            raise UsageError(f"a plan should twirl over one circuit or more. Got {text!r}.")
        return {"twirls": int(match[1])}
    if match := _EXTRAPOLATION.fullmatch(part):
        order, factors = match[2], match[3]
        try:
            scale_factors = tuple(sorted(_number(factor) for factor in factors.split(",")))
        except ValueError:
            raise UsageError(f"scale factors should be numbers. Got {factors!r}.") from None
        if order:
            return {"extrapolation": ZNEPlan(scale_factors, "poly", order=int(order))}
        linear = part.startswith("linear")
        return {"extrapolation": ZNEPlan(scale_factors, "linear" if linear else "richardson")}
    if match := _LABELS.fullmatch(part):
        kind, masks, n_samples = match.groups()
        read: dict[str, Any] = {"feed_forward": _FEED_FORWARD[kind]}
        if masks:
            read["masks"] = "first-order" if masks == "first order" else "sampled"
        if n_samples:
            read["n_samples"] = int(n_samples)
        return read
    raise UsageError(f"a plan should be a stack such as {EXAMPLES}. Got {text!r}.")


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value
