"""What a data set shows as a whole: accuracy and flips over shots, abstention, luck."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, special

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.decisions import (
    DecisionRule,
    flip_probabilities,
    infinite_shot_labels,
    margins,
)
from qrnn_hw.statistics.intervals import Interval, bootstrap, mean_interval, wilson

Array = NDArray[np.float64]


@dataclass(frozen=True)
class AccuracyLaw:
    """Mean and standard deviation of a set's accuracy over repeated runs of S shots."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Luck:
    """How far the best of several runs stands above their mean, and how far chance puts it."""

    best_minus_mean: float
    expected: float
    mean: Interval


def flip_rate_curve(
    probabilities: ArrayLike, rule: DecisionRule, shot_counts: Sequence[int], *, seed: int
) -> list[Interval]:
    """Return the mean flip probability at each number of shots, bootstrapped over inputs.

    The interval says what other inputs of the same kind would show; for these inputs the value is
    exact.

    Args:
        probabilities: shape (n, 2**m), exact outcome distributions.
        rule: the weights and the threshold.
        shot_counts: the numbers of shots.
        seed: of the resampling.
    """
    return [
        bootstrap(flip_probabilities(probabilities, rule, shots), seed=seed)
        for shots in shot_counts
    ]


def correct_probabilities(flips: ArrayLike, predicted: ArrayLike, labels: ArrayLike) -> Array:
    """Return the probability that each input is labelled right, shape (n,).

    Args:
        flips: shape (n,), probabilities of another label than the infinite-shot one.
        predicted: shape (n,), infinite-shot labels.
        labels: shape (n,), true labels, 0 or 1.
    """
    flips, predicted, labels = np.asarray(flips), np.asarray(predicted), _binary(labels)
    return np.where(predicted == labels, 1 - flips, flips)


def accuracy_law(correct: ArrayLike) -> AccuracyLaw:
    """Return the accuracy over repeated runs: the mean of p, and sqrt(sum p (1 - p)) / N.

    Inputs are run independently, so that the variances of their right answers add.

    Args:
        correct: shape (n,), the probability that each input is labelled right.
    """
    p = np.asarray(correct, dtype=np.float64)
    return AccuracyLaw(float(p.mean()), float(np.sqrt((p * (1 - p)).sum()) / p.size))


def infinite_shot_accuracy(
    probabilities: ArrayLike, rule: DecisionRule, labels: ArrayLike
) -> Interval:
    """Return the accuracy that the model itself has, shots aside, with a Wilson interval."""
    right = infinite_shot_labels(probabilities, rule) == _binary(labels)
    return wilson(int(right.sum()), right.size)


def selection_luck(accuracies: ArrayLike) -> Luck:
    """Return how much of the best run's accuracy comes from having picked it.

    `expected` is what the best of as many equal runs would exceed their mean by, for a normal law
    with the spread that they show: the mean of the largest of k draws (Tippett, Biometrika 17,
    364, 1925) times the standard deviation. Luck of about that size says that no run is better.

    Args:
        accuracies: shape (k,), k >= 2, of runs that differ by seed alone.
    """
    values = np.asarray(accuracies, dtype=np.float64)
    mean = mean_interval(values)
    expected = expected_maximum(values.size) * float(values.std(ddof=1))
    return Luck(float(values.max()) - mean.value, expected, mean)


def expected_maximum(n: int) -> float:
    """Return the mean of the largest of n standard normal draws.

    >>> round(expected_maximum(5), 3)
    1.163
    """

    def density(x: float) -> float:
        log_density = (n - 1) * special.log_ndtr(x) - x**2 / 2
        return float(n * x * np.exp(log_density) / np.sqrt(2 * np.pi))

    return float(integrate.quad(density, -10, 10, limit=200)[0])


def abstention_curve(
    margin: ArrayLike, correct: ArrayLike, coverages: Sequence[float]
) -> list[Interval]:
    """Return the accuracy on the inputs of largest margin, for each share of inputs answered.

    Source: El-Yaniv and Wiener, J. Mach. Learn. Res. 11, 1605 (2010), risk against coverage; each
    with a Wilson interval.

    Args:
        margin: shape (n,), score minus threshold.
        correct: shape (n,), whether the label is right.
        coverages: shares of the inputs, above 0 and at most 1.
    """
    sizes, right = np.abs(np.asarray(margin, dtype=np.float64)), np.asarray(correct).astype(bool)
    if sizes.ndim != 1 or sizes.shape != right.shape or not all(0 < c <= 1 for c in coverages):
        raise UsageError(
            "abstention needs one margin and one result per input and coverages above 0, up to 1. "
            f"Got shapes {sizes.shape} and {right.shape}, coverages {list(coverages)}."
        )
    ranked = right[np.argsort(-sizes, kind="stable")]
    kept = [max(1, round(coverage * right.size)) for coverage in coverages]
    return [wilson(int(ranked[:n].sum()), n) for n in kept]


def margin_histogram(
    probabilities: ArrayLike, rule: DecisionRule, n_bins: int = 20
) -> tuple[NDArray[np.int64], Array]:
    """Return counts, shape (n_bins,), and edges, shape (n_bins + 1,), of the margins.

    The edges are symmetric about zero, so that with an even number of bins none spans both labels.
    """
    margin = margins(probabilities, rule)
    largest = float(np.abs(margin).max()) or 1.0
    counts, edges = np.histogram(margin, bins=n_bins, range=(-largest, largest))
    return counts.astype(np.int64), edges


def _binary(labels: ArrayLike) -> NDArray[np.int8]:
    values = np.asarray(labels)
    if values.ndim != 1 or not np.isin(values, (0, 1)).all():
        raise UsageError(f"labels are a list of 0 and 1. Got {np.unique(values)[:5].tolist()}.")
    return values.astype(np.int8)
