"""The exact engine against Aer, on the circuit that was run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from calibration.noise import DeviceNoise
from jobs.aer.executor import AerExecutor
from jobs.aer.static_rows import exact_distribution
from jobs.spec import JobSpec, Pub
from jobs.transpile.isa import TranspiledStep
from qrnn_hw.errors import DisagreementError
from qrnn_hw.networks.encoded import Encoded

CHI_SQUARE_SHOTS = 5_000
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Agreement:
    """How far two independent simulations of the same noisy circuit are apart."""

    exact_vs_aer: float
    """Largest difference of an outcome's probability, Aer by density matrix."""

    chi_square: float
    """Of Aer's shots of the dynamic circuit against the exact distribution."""

    degrees_of_freedom: int
    p_value: float
    shots: int

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return asdict(self)


def compare_with_aer(
    transpiled: TranspiledStep,
    noise: DeviceNoise,
    exact: NDArray[np.float64],
    sentence: Encoded,
    *,
    seed: int,
) -> Agreement:
    """Compare one sentence's exact distribution with Aer's density matrix and with Aer's shots.

    The longest sentence stands for all; the tests hold every model.

    Args:
        transpiled: step on its active qubits.
        noise: of these qubits.
        exact: the sentence's outcome distribution by the exact engine, shape (2**m,).
        sentence: a single one.
        seed: of the shots.

    Raises:
        DisagreementError: the two distributions differ; no number of the run could be trusted.
    """
    length = int(sentence.lengths[0])
    bound = transpiled.unroll(length).bind(sentence.features[0, :length], sentence.circuit)
    (out,) = (register for register in bound.cregs if register.name == "out")
    keep = [bound.find_bit(bit).index for bit in out]
    by_aer = exact_distribution(bound, noise, keep)
    spec = JobSpec((Pub.bound(bound),), CHI_SQUARE_SHOTS, "aer", "active qubits", seed)
    (result,) = AerExecutor(noise).run(spec)
    counts = np.zeros(exact.size)
    for outcome, times in result.counts("out").items():
        counts[outcome] = times
    expected = CHI_SQUARE_SHOTS * exact
    # Cells below five expected shots are taken together, as the test asks (Cochran 1954).
    large = expected >= 5
    observed = np.append(counts[large], counts[~large].sum())
    wanted = np.append(expected[large], expected[~large].sum())
    used = wanted > 0
    statistic = float(((observed - wanted)[used] ** 2 / wanted[used]).sum())
    degrees = max(1, int(used.sum()) - 1)
    distance = float(np.abs(by_aer - exact).max())
    if distance > TOLERANCE:
        raise DisagreementError(
            f"the exact engine and Aer should agree within {TOLERANCE:g}. Got {distance:.1e}; "
            "please report this with the versions that `qrnn-hw doctor` prints."
        )
    return Agreement(
        exact_vs_aer=distance,
        chi_square=statistic,
        degrees_of_freedom=degrees,
        p_value=float(chi2.sf(statistic, degrees)),
        shots=CHI_SQUARE_SHOTS,
    )
