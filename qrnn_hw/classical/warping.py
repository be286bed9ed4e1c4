"""The nearest neighbour by dynamic time warping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import euclidean_distances

from qrnn_hw.classical.baseline import Baseline, answered, one_hot
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes

MOST_CELLS = 400_000_000
"""Of all tables of distances together; above them sequences are compared step by step."""

CHUNK_CELLS = 1_000_000
"""Distances held at a time."""


def nearest_neighbour(training: Sequences, test: Sequences, target: Classes) -> Baseline:
    """Answer with the class of the training row that is nearest.

    The distance is that of dynamic time warping (Sakoe & Chiba 1978) without a window, of squared
    Euclidean distances between steps; where that would take minutes, the sum over steps at the same
    time, zero beyond a sequence's end.

    Args:
        training: rows with their classes, of features in one scale.
        test: rows to answer.
        target: one class a sequence.
    """
    cells = len(training) * len(test) * training.n_steps * test.n_steps
    warped = cells <= MOST_CELLS
    distances = warped_distances(test, training) if warped else _step_distances(test, training)
    places = np.asarray(training.targets)[distances.argmin(axis=1)]
    name = "1-NN, dynamic time warping" if warped else "1-NN, Euclidean"
    return answered(name, 0, target, one_hot(target, places), test)


def warped_distances(first: Sequences, second: Sequences) -> NDArray[np.float64]:
    """Return the least sum of squared distances along a warping path, shape (n_first, n_second)."""
    found = np.empty((len(first), len(second)))
    size = max(1, CHUNK_CELLS // (len(second) * second.n_steps))
    for start in range(0, len(first), size):
        rows = slice(start, start + size)
        found[rows] = _warped(first.values[rows], first.lengths[rows], second)
    return found


def _warped(
    values: NDArray[np.float64], lengths: NDArray[np.int64], second: Sequences
) -> NDArray[np.float64]:
    """Return the distances of a few sequences, shape (n_rows, n_second), all pairs at once."""
    n_rows, n_steps, _ = values.shape
    others = np.ascontiguousarray(second.values.transpose(1, 0, 2))  # shape: (T, n_second, d)
    squares = (others**2).sum(axis=2)[:, :, None]
    shape = (len(others), len(second), n_rows)
    found = np.zeros(shape[1:])
    best, new = np.full(shape, np.inf), np.empty(shape)
    for step in range(n_steps):
        now = values[:, step]
        local = squares - 2 * (others @ now.T) + (now**2).sum(axis=1)
        np.add(local[0], best[0] if step else 0.0, out=new[0])  # the path begins at the start
        for other in range(1, len(others)):
            cell = np.minimum(best[other], best[other - 1], out=new[other])
            np.minimum(cell, new[other - 1], out=cell)
            cell += local[other]
        best, new = new, best
        done = np.flatnonzero(lengths == step + 1)
        ends = (second.lengths - 1)[:, None], np.arange(len(second))[:, None], done
        found[:, done] = best[ends]
    return found.T


def _step_distances(first: Sequences, second: Sequences) -> NDArray[np.float64]:
    n_steps = max(first.n_steps, second.n_steps)
    flat = []
    for one in (first, second):
        padded = np.zeros((len(one), n_steps, one.dim))
        padded[:, : one.n_steps] = one.values
        flat.append(padded.reshape(len(one), -1))
    return np.asarray(euclidean_distances(*flat, squared=True))
