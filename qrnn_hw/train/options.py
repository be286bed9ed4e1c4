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

    patience: int = 8
    """Epochs without a lower validation loss after which training stops."""

    seed: int = 0
    margin: float = 0.0
    """Distance from 0 that scores should keep; the mean squared shortfall joins the loss. A
    sentence near 0 changes its label from one set of shots to the next."""

    variance_penalty: float = 0.0
    """Factor of the mean variance of a single shot's score, which is what N shots divide by N."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} should be at least 1. Got {getattr(self, name)}.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise UsageError(f"learning_rate should be positive. Got {self.learning_rate}.")
        for name in ("margin", "variance_penalty"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"{name} should be finite and at least 0. Got {value}.")
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
