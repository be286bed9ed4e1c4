"""What a training run is told."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from qrnn_hw.errors import UsageError


@dataclass(frozen=True)
class TrainingOptions:
    """Settings of one training run; all of them are in its fingerprint."""

    epochs: int = 30
    """At most so many passes over the training rows."""

    batch_size: int = 32
    learning_rate: float = 0.01
    """Of Adam (Kingma and Ba, arXiv:1412.6980)."""

    projection_decay: float = 1e-3
    """Factor of the squared projection in the loss."""

    averaging: float = 0.98
    """Decay of the running mean of the weights, per batch; the mean is what is kept (Polyak and
    Juditsky 1992): a single iterate wins a small validation part by luck."""

    patience: int | None = 8
    """Epochs without a lower validation loss after which training stops, the best one kept; None
    keeps the last epoch."""

    seed: int = 0
    margin: float = 0.0
    """Distance from 0 that scores should keep, as a share of the largest |score| that an outcome
    can give; the mean squared shortfall joins the loss. A sentence near 0 changes its label from
    one set of shots to the next."""

    variance_penalty: float = 0.0
    """Factor of the mean variance of a single shot's score, in the square of the margin's unit,
    which is what N shots divide by N."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("epochs", "batch_size", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} should be at least 1. Got {value}.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise UsageError(f"learning_rate should be positive. Got {self.learning_rate}.")
        if not 0 <= self.margin < 1:
            raise UsageError(
                "margin should be at least 0 and below 1, the score of an outcome that is sure. "
                f"Got {self.margin}."
            )
        if not (math.isfinite(self.variance_penalty) and self.variance_penalty >= 0):
            raise UsageError(
                f"variance_penalty should be finite and at least 0. Got {self.variance_penalty}."
            )
        if not 0 <= self.averaging < 1:
            raise UsageError(f"averaging should be in [0, 1). Got {self.averaging}.")

    @property
    def is_regularised(self) -> bool:
        """Whether the loss asks for more than right labels at infinite shots."""
        return self.margin > 0 or self.variance_penalty > 0

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a JSON object; a regularisation that is off is left out.

        So a run without it keeps the fingerprint, and the checkpoints, of before there was one.
        """
        document = asdict(self)
        for name in ("margin", "variance_penalty"):
            if not document[name]:
                del document[name]
        return document
