"""What a network gives without a machine: outputs by simulation, with the law of their shots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.experiment.agreement import Agreement
from qrnn_hw.experiment.output_law import OutputLaw


@dataclass(frozen=True, eq=False)
class Simulated:
    """Outputs of the test rows that no machine was asked for."""

    outputs: Mapping[str, NDArray[np.float64]]  # each of shape (n, k), per step (n, T, k)
    """`ideal` without noise, `noisy_exact` under the machine's at infinite shots, `ideal_shots`
    with the noise of shots alone."""

    noisy: OutputLaw | None = None
    """Of shots under noise, where a sequence is one circuit."""

    agreement: Agreement | None = None
