"""What a model can do at all, before any training: audits on random inputs and weights.

- Light cone: can the readout depend on the inputs? (`circuits.audit.light_cone`, and numerically
  here)
- Jacobian rank: along how many directions of weight space do the outputs move at all?
- Constant predictor: what share of a data set gets the commonest label?
- Gradient signal-to-noise: how large is a derivative against the shot noise of its estimate?

All figures are of the ideal model, in float64.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.audit.ideal_bits import IdealWithBits
from circuits.audit.light_cone import light_cone
from circuits.definition import Architecture
from circuits.pure.ideal import IdealModel, pure_model

RANK_TOLERANCE = 1e-9
"""Singular values below this fraction of the largest one count as zero."""

BLIND_TOLERANCE = 1e-10
"""Outputs that move less than this between random inputs count as constant."""


@dataclass(frozen=True)
class Audit:
    """The audits of one model, over random inputs and one draw of random weights."""

    name: str
    mode: str
    options: dict[str, Any]
    n_qubits: int
    n_weights: int
    steps: int
    seed: int
    features_in_cone: int
    """Features of the sequence in the light cone of the readout."""

    n_features: int
    """Features of the sequence, T times d."""

    output_range: float
    """Largest difference of an output between two inputs."""

    input_blind: bool
    """No input moves an output: by structure, or by less than `BLIND_TOLERANCE`."""

    jacobian_rank: int
    """Rank of d outputs / d weights, stacked over the inputs."""

    smallest_kept: float | None
    """Smallest singular value that counts, as a fraction of the largest."""

    largest_dropped: float | None
    """Largest singular value that does not, as a fraction of the largest."""

    constant_share: float
    """Share of the commonest label among the inputs, 1 for a constant predictor."""

    gradient_snr: float | None
    """Median over inputs, outputs and weights that act of |derivative| / its standard error."""

    shots: int

    def to_dict(self) -> dict[str, Any]:
        """Return the audit as JSON-ready data."""
        return asdict(self)


def audit(architecture: Architecture, *, steps: int = 3, shots: int = 1000, seed: int = 0) -> Audit:
    """Audit a model on as many random inputs as settle the rank.

    Features are drawn uniformly from [0, pi], the range of the published pipelines, weights from
    [-pi, pi]. The rank of a generic draw is the largest one, and does not depend on `steps` once
    the sequence is long enough for every word to pass through the cell.

    Args:
        architecture: what to audit, in any mode.
        steps: T, number of words.
        shots: S, for each circuit of the gradient's estimate.
        seed: of the draw.

    Raises:
        CircuitsError: `steps` is not positive.
    """
    cone = light_cone(architecture, steps)
    model = pure_model(architecture) or IdealWithBits(architecture)
    generator = np.random.default_rng(seed)
    n_outputs = 1 if architecture.gates else len(architecture.readout)
    n_inputs = max(16, -(-2 * architecture.n_weights // n_outputs))
    features = generator.uniform(0, np.pi, (n_inputs, steps, architecture.n_features))
    weights = generator.uniform(-np.pi, np.pi, architecture.n_weights)
    outputs = np.asarray(model.batch(features, weights))
    jacobian = np.asarray(model.jacobian(features, weights))
    output_range = float(np.ptp(outputs, axis=0).max())
    rank, kept, dropped = jacobian_rank(jacobian)
    return Audit(
        name=architecture.name,
        mode=architecture.mode,
        options=dict(architecture.options),
        n_qubits=architecture.n_qubits,
        n_weights=architecture.n_weights,
        steps=steps,
        seed=seed,
        features_in_cone=int(cone.sum()),
        n_features=cone.size,
        output_range=output_range,
        input_blind=bool(not cone.any() or output_range < BLIND_TOLERANCE),
        jacobian_rank=rank,
        smallest_kept=kept,
        largest_dropped=dropped,
        constant_share=constant_share(outputs),
        gradient_snr=gradient_signal_to_noise(model, outputs, jacobian, steps, shots),
        shots=shots,
    )


def jacobian_rank(jacobian: NDArray[np.float64]) -> tuple[int, float | None, float | None]:
    """Return the rank over all inputs and outputs, with the singular values on both sides.

    Args:
        jacobian: shape (N, m, p).

    Returns:
        The rank by `RANK_TOLERANCE`, the smallest singular value kept and the largest dropped,
        as fractions of the largest; None where there is none.
    """
    if not jacobian.size:
        return 0, None, None
    stacked = jacobian.reshape(-1, jacobian.shape[-1])
    values = np.linalg.svd(stacked, compute_uv=False)
    if values[0] < RANK_TOLERANCE:
        return 0, None, None
    relative = values / values[0]
    rank = int((relative > RANK_TOLERANCE).sum())
    return (
        rank,
        float(relative[rank - 1]),
        float(relative[rank]) if rank < len(relative) else None,
    )


def constant_share(outputs: NDArray[np.float64]) -> float:
    """Return the share of the commonest label, 1 for a constant predictor.

    Args:
        outputs: shape (N, m). One output is a label by its sign, several by the largest.
    """
    outputs = np.asarray(outputs)
    labels = (outputs[:, 0] > 0) if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def gradient_signal_to_noise(
    model: IdealModel | IdealWithBits,
    outputs: NDArray[np.float64],
    jacobian: NDArray[np.float64],
    steps: int,
    shots: int,
) -> float | None:
    """Return the median of |df/dw| over the standard error of its two-term shift-rule estimate.

    A derivative by the parameter-shift rule is half the difference of two expectation values for
    each gate that holds the weight; with S shots a circuit each such term has the variance
    (1 - f^2) / (2 S) if the shifted values scatter as the unshifted one does. Weights shared over
    T steps add T terms. Derivatives below 1e-12 are of weights that do not act and are left out.
    The host's arithmetic between rounds is not propagated.

    Returns:
        None where no weight acts.
    """
    step_gates = model.weight_gates
    occurrences = np.where(step_gates > 0, steps * step_gates, 1.0)
    variance = np.maximum(1 - outputs**2, 1e-12)[:, :, None] * occurrences / (2 * shots)
    acting = np.abs(jacobian) > 1e-12
    if not acting.any():
        return None
    return float(np.median((np.abs(jacobian) / np.sqrt(variance))[acting]))
