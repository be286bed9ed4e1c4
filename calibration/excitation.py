"""What is left of an excitation when the next shot begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from calibration.snapshot import Snapshot


def left_of_excitation(
    snapshot: Snapshot, qubits: Sequence[int], delay_seconds: float
) -> NDArray[np.float64]:
    """Return the share of an excitation that a qubit still has after a delay, exp(-t / T1).

    Machines reset their qubits before each shot; a reset that fails leaves this share of what the
    shot before ended in. Devices do not report how often it fails, so this bounds the residual
    excitation from above.

    Args:
        snapshot: of the whole device.
        qubits: of it.
        delay_seconds: between two shots.

    Returns:
        Shape (n,), 1 for a qubit without a reported T1.
    """
    times = [snapshot.qubits[qubit].t1_seconds for qubit in qubits]
    return np.array([1.0 if not t1 else np.exp(-delay_seconds / t1) for t1 in times])
