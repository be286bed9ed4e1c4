"""The stacks that a choice is made among, where none are named."""

from itertools import product

from qrnn_hw.mitigation.stack import MOST_BITS_FOR_ALL_MASKS, FeedForward, Masks, Stack
from qrnn_hw.mitigation.zne import ZNEPlan

# Near factors for strong noise, far ones for weak: a far point costs few shots but bends more.
# Of the 63 linear and Richardson plans through 1 with two to four odd factors up to 15, no other
# gains 5 % in error on twelve families of reference circuits at 256 to 262,144 shots.
EXTRAPOLATIONS = (
    ZNEPlan((1, 3), "linear"),
    ZNEPlan((1, 5), "linear"),
    ZNEPlan((1, 9), "linear"),
    ZNEPlan((1, 3, 5), "richardson"),
    ZNEPlan((1, 3, 9), "richardson"),
    ZNEPlan((1, 5, 15), "richardson"),
    ZNEPlan((1, 3, 9, 15), "richardson"),
)


def default_stacks(n_fed_forward_bits: int) -> tuple[Stack, ...]:
    """Combine extrapolations with relabelling and final readout correction.

    All masks are run for up to five bits that are fed forward, sampled ones beyond, the first order
    beside both. (Amplified labels need all masks: their errors grow with the scale.)
    """
    relabellings: list[tuple[FeedForward, Masks]] = [("none", "all")]
    if n_fed_forward_bits:
        relabellings.append(("invert", "first-order"))
    if 0 < n_fed_forward_bits <= MOST_BITS_FOR_ALL_MASKS:
        relabellings += [("invert", "all"), ("amplify", "all")]
    if n_fed_forward_bits > MOST_BITS_FOR_ALL_MASKS:
        relabellings.append(("invert", "sampled"))
    return tuple(
        Stack(extrapolation, feed_forward, terminal, masks)
        for extrapolation, (feed_forward, masks), terminal in product(
            (None, *EXTRAPOLATIONS), relabellings, (False, True)
        )
        if extrapolation is not None or feed_forward != "amplify"
    )
