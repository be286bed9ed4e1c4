"""The exact engine against Aer, on the circuit that was run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.stats import chi2

from calibration.noise import DeviceNoise
from circuits.exact.sequence import SequenceModel
from jobs.aer import AerExecutor
from jobs.isa import TranspiledStep
from jobs.spec import JobSpec, Pub
from jobs.static_form import exact_distribution
from qrnn_hw.classifier import Examples, Weights, angles

CHI_SQUARE_SHOTS = 20_000


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
    model: SequenceModel,
    weights: Weights,
    sentence: Examples,
    *,
    seed: int,
) -> Agreement:
    """Run one sentence's circuit on the exact engine, on Aer's density matrix and by Aer's shots.

    Args:
        transpiled: step on its active qubits.
        noise: of these qubits.
        model: exact engine with the same noise.
        weights: of the classifier.
        sentence: a single example.
        seed: of the shots.
    """
    length = int(sentence.lengths[0])
    encoded = np.asarray(angles(weights, jnp.asarray(sentence.vectors)))
    exact = np.asarray(
        model.distributions(weights.quantum, jnp.asarray(encoded), jnp.asarray(sentence.lengths))
    )[0]
    bound = transpiled.unroll(length).bind(encoded[0, :length], np.asarray(weights.quantum))
    (out,) = (register for register in bound.cregs if register.name == "out")
    keep = [bound.find_bit(bit).index for bit in out]
    by_aer = exact_distribution(bound, noise, keep)
    spec = JobSpec((Pub.bound(bound),), CHI_SQUARE_SHOTS, "aer", "active qubits", seed)
    (result,) = AerExecutor(noise).run(spec)
    counts = np.zeros(exact.size)
    for outcome, times in result.counts("out").items():
        counts[outcome] = times
    expected = CHI_SQUARE_SHOTS * exact
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return Agreement(
        exact_vs_aer=float(np.abs(by_aer - exact).max()),
        chi_square=statistic,
        degrees_of_freedom=exact.size - 1,
        p_value=float(chi2.sf(statistic, exact.size - 1)),
        shots=CHI_SQUARE_SHOTS,
    )
