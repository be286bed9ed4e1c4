"""An echo-state network of as many trained numbers as a quantum model, by reservoirpy."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from qrnn_hw.classical.baseline import Baseline, answered
from qrnn_hw.data.scaling import Scaling
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Numbers

RADII = (0.5, 0.9, 1.1)
LEAKS = (0.3, 1.0)
SCALES = (0.1, 1.0)
PENALTIES = (1e-8, 1e-6, 1e-4, 1e-2, 1.0)
FEWEST_UNITS = 10


def has_reservoirs() -> bool:
    """Tell whether reservoirpy is installed (`qrnn-hw[reservoir]`)."""
    return find_spec("reservoirpy") is not None


def echo_state(
    driven: NDArray[np.float64],
    places: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    parts: tuple[Sequences, Sequences, Sequences],
    target: Numbers,
    scaling: Scaling,
    *,
    n_parameters: int,
    seed: int,
) -> Baseline:
    """Run a fixed random network along a whole series, and regress on its state.

    Jaeger & Haas, Science 304, 78 (2004). Spectral radius, leak, input scale and penalty are those
    of the least validation error; the regression is then fitted on training and validation rows. It
    reads the series from its start, not a window alone.

    Args:
        driven: scaled inputs of the whole series, shape (T, d).
        places: the last step that is read of each row of the three parts, shape (n,), or of each
            step of a row, shape (n, T).
        parts: training and validation rows with scaled targets, and test rows with their own.
        target: numbers.
        scaling: that brings answers back to their own units.
        n_parameters: numbers that the regression is to learn, as nearly as can be.
        seed: of the network.
    """
    n_units = max(FEWEST_UNITS, round(n_parameters / target.n_outputs) - 1)
    training, validation = (_flat(np.asarray(one.targets), target) for one in parts[:2])
    best: tuple[NDArray[np.float64], float] | None = None
    least = np.inf
    for radius, leak, scale in product(RADII, LEAKS, SCALES):
        states = _states(driven, n_units, radius, leak, scale, seed)
        for penalty in PENALTIES:
            model = Ridge(penalty).fit(states[places[0].ravel()], training)
            missed = model.predict(states[places[1].ravel()]).reshape(validation.shape) - validation
            if (error := float(np.mean(missed**2))) < least:
                best, least = (states, penalty), error
    assert best is not None  # errors are finite
    states, penalty = best
    fit = np.concatenate([places[0].ravel(), places[1].ravel()])
    model = Ridge(penalty).fit(states[fit], np.concatenate([training, validation]))
    outputs = model.predict(states[places[2].ravel()])
    found = scaling.unscaled(outputs.reshape(*places[2].shape, target.n_outputs))
    n_learnt = model.coef_.size + target.n_outputs
    return answered(f"echo-state network, {n_units} units", n_learnt, target, found, parts[2])


def _flat(targets: NDArray[np.float64], target: Numbers) -> NDArray[np.float64]:
    return targets.reshape(-1, target.n_outputs)


def _states(
    driven: NDArray[np.float64], n_units: int, radius: float, leak: float, scale: float, seed: int
) -> NDArray[np.float64]:
    """Return the network's state after each step, shape (T, n_units)."""
    nodes = import_module("reservoirpy.nodes")
    network = nodes.Reservoir(n_units, sr=radius, lr=leak, input_scaling=scale, seed=seed)
    return np.asarray(network.run(driven), dtype=np.float64)
