"""Shots that are run before a stack is chosen, and are used again in whatever is chosen.

The circuit as it is, neither folded nor relabelled, has a large share of the shots in every default
stack: over two fifths with five fed-forward bits. Run a part of that first: the fit of the noise
level to it costs nothing, and what it reads goes into the estimate.
"""

from collections.abc import Sequence

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.stack import Term, share_shots

PILOT_SHARE = 0.4


def pilot_shots(total_shots: int) -> int:
    """Return how many of the shots of one item to run before the choice."""
    return max(1, round(PILOT_SHARE * total_shots))


def bare_term(listed: Sequence[Term]) -> int | None:
    """Return the place of the circuit as it is; None if the stack does not run it."""
    for place, term in enumerate(listed):
        kept = term.mask is None or all(label == "keep" for label in term.mask)
        if kept and term.scale_factor == 1 and term.twirl is None and not term.drawn:
            return place
    return None


def share_rest(total_shots: int, listed: Sequence[Term], spent: int) -> tuple[int, ...]:
    """Share what a pilot of the bare circuit left; its counts are then added to `bare_term`'s.

    Args:
        total_shots: Of one item, the pilot included.
        listed: The terms of the chosen stack.
        spent: Shots of the pilot.

    Returns:
        Shots yet to run for each term: 0 for the bare one if the pilot had its share or more.

    Raises:
        UsageError: If the stack does not run the bare circuit, or too few shots are left.
    """
    place = bare_term(listed)
    if place is None:
        raise UsageError(
            "a stack chosen after a pilot should run the circuit as it is (scale factor 1, no "
            "twirl). Got one that does not. Run it with shots of its own."
        )
    if spent > total_shots:
        raise UsageError(
            f"the shots should be at least those of the pilot ({spent}). Got {total_shots}."
        )
    rest = list(share_shots(total_shots, listed))
    if rest[place] < spent:
        others = [*listed[:place], *listed[place + 1 :]]
        rest = list(share_shots(total_shots - spent, others))
        rest.insert(place, spent)
    rest[place] -= spent
    return tuple(rest)
