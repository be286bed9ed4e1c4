"""What a scikit-learn estimator fitted, as a model that answers anywhere, and its rows."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from qrnn_hw.answers.model_file import Model
from qrnn_hw.data.inputs import Inputs
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.scaling import Scaling
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Target
from qrnn_hw.networks.network import Network, network_of
from qrnn_hw.networks.trained import TrainedNetwork

Array = NDArray[np.float64]


def model_of(
    name: str, fitted: Network, parameters: Mapping[str, Array], target: Target, scaling: Scaling
) -> Model:
    """Return a model that reads sequences as arrays hold them (`.npz`).

    Args:
        name: of the registry, or of a user's own cell.
        fitted: the estimator's network, which knows no width of its rows.
        parameters: of it, by name.
        target: with the names of the classes, or of the numbers.
        scaling: of the numbers that are answered, and the range that was fitted to.

    Raises:
        UsageError: two classes are written alike.
    """
    n_inputs = len(scaling.mean)
    network = network_of(
        fitted.architecture, n_inputs, target=target, steps=fitted.steps, direct=fitted.direct
    )
    shapes = {name: np.shape(value) for name, value in network.initial(0).items()}
    own = {one: jnp.asarray(parameters[one]).reshape(shape) for one, shape in shapes.items()}
    features = tuple(f"x{place}" for place in range(n_inputs))
    return Model(name, TrainedNetwork(network, own), features, ReadOptions(), scaling)


def inputs_of(steps: Array) -> Inputs:
    """Return rows (n, T, d) to be answered."""
    lengths = np.full(len(steps), steps.shape[1], dtype=np.int64)
    names = tuple(f"row {row + 1}" for row in range(len(steps)))
    return Inputs(Sequences(steps, lengths), names, ("",) * len(steps))
