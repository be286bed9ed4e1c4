"""How much of a network's answers no circuit computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.experiment.quality import Judge, to_json
from qrnn_hw.statistics.intervals import Interval

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DirectShare:
    """What reaches the answers past the circuits, beside the whole."""

    share: Array  # shape (k,)
    """Of the answers' variance: the covariance of the direct part with the answers over it. The
    circuits have the rest, so that either may be above 1 where the two pull against each other."""

    alone: Mapping[str, Interval]
    """Each measure of the same network with the circuits' part held at its mean over the rows."""

    def to_json(self) -> dict[str, Any]:
        """Return both as a JSON object, with what they mean in words."""
        return {
            "share_of_variance": self.share.tolist(),
            "without_circuits": to_json(self.alone),
            "said": str(self),
        }

    def __str__(self) -> str:
        shares = ", ".join(f"{share:.1%}" for share in self.share)
        over = ""
        if (self.share > 1).any():
            over = " More than all: the circuits' part takes some of the line's back."
        held = ""
        if missed := self.alone.get("nrmse"):
            held = f" With the circuits' part held at its mean the NRMSE is {missed.value:.3g}."
        return (
            f"{shares} of the variance of the answers at infinite shots is a line through what was "
            f"last read (--direct), which no circuit computed.{over}{held}"
        )


def direct_share(judge: Judge, outputs: Array) -> DirectShare | None:
    """Return what of the answers is direct; None where nothing is.

    Args:
        judge: of the rows.
        outputs: of the circuits, shape (n, k), per step (n, T, k).
    """
    if not np.ndim(judge.direct):
        return None
    part, whole = (one[judge.counts] for one in (np.asarray(judge.direct), outputs + judge.direct))
    spread = whole.var(axis=0)
    together = ((whole - whole.mean(axis=0)) * (part - part.mean(axis=0))).mean(axis=0)
    share = together / np.where(spread > 0, spread, 1.0)
    still = np.broadcast_to(outputs[judge.counts].mean(axis=0), outputs.shape)
    return DirectShare(share, judge.intervals(judge.answers(still)))
