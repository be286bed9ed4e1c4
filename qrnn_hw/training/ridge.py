"""A head fitted to readings by ridge regression: all that a reservoir trains.

R minimises |y - r0 - X R1|^2 + alpha |R1|^2 + tr(R1^T P R1) over the rows that count: X the
readings but the 1, the bias r0 free (Hoerl & Kennard 1970; for reservoirs Lukosevicius & Jaeger
2009), and P what shots will add to the squares (`qrnn_hw.training.shot_noise`), if it is told. y
is +-1 of two classes, 1 for the own and 0 for every other of K classes, and the numbers themselves.
No gradient enters, so the readings may come from shots of a machine as well as from the exact
engine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import Ridge

from qrnn_hw.data.target import Classes, Target, score, step_weights
from qrnn_hw.errors import UsageError

Array = NDArray[np.float64]

ALPHAS = tuple(10.0**power for power in range(-8, 4))


def fit_head(
    target: Target,
    readings: Array,
    targets: ArrayLike,
    lengths: ArrayLike | None = None,
    *,
    alpha: float,
    washout: int = 0,
    penalty: Array | None = None,
) -> Array:
    """Return R, shape (r, k).

    Args:
        target: what is learnt.
        readings: shape (n, r), per step (n, T, r); the first is 1.
        targets: as `qrnn_hw.data.target.check_targets` has them.
        lengths: steps that count of each sequence, shape (n,); None for all T.
        alpha: at least 0.
        washout: steps at each sequence's start that are left out, where targets are per step.
        penalty: P, shape (r - 1, r - 1), of no negative direction; None is 0.

    Raises:
        UsageError: a wash-out that leaves no step.
    """
    rows, wanted = counted(target, readings, np.asarray(targets), lengths, washout=washout)
    numbers, x = _numbers(target, wanted), rows[:, 1:]
    if penalty is None:
        model = Ridge(alpha=alpha).fit(x, numbers)
        bias = np.broadcast_to(model.intercept_, (numbers.shape[1],))
        weights = np.asarray(model.coef_).reshape(numbers.shape[1], -1).T
        return np.concatenate([bias[None], weights])
    # Rows whose squares are the penalty: ridge of both is ridge with it.
    values, vectors = np.linalg.eigh(penalty)
    more = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    middle = x.mean(axis=0), numbers.mean(axis=0)
    joined = np.concatenate([x - middle[0], more])
    aim = np.concatenate([numbers - middle[1], np.zeros((len(more), numbers.shape[1]))])
    model = Ridge(alpha=alpha, fit_intercept=False).fit(joined, aim)
    weights = np.asarray(model.coef_).reshape(numbers.shape[1], -1).T
    return np.concatenate([(middle[1] - middle[0] @ weights)[None], weights])


def choose_head(
    target: Target,
    readings: Sequence[Array],
    targets: Sequence[ArrayLike],
    lengths: Sequence[ArrayLike | None] = (None, None),
    *,
    alphas: Sequence[float] = ALPHAS,
    washout: int = 0,
    penalty: Array | None = None,
) -> tuple[Array, float]:
    """Return R and the alpha of the best score on held-out rows, the largest of equal ones.

    Args:
        target: what is learnt.
        readings: of the rows to fit and of those held out.
        targets: of both.
        lengths: of both.
        alphas: to choose from.
        washout: as for `fit_head`.
        penalty: as for `fit_head`.
    """
    held = counted(target, readings[1], np.asarray(targets[1]), lengths[1], washout=washout)
    single = type(target)(target.names)
    found = []
    for alpha in sorted(alphas, reverse=True):
        given = readings[0], targets[0], lengths[0]
        head = fit_head(target, *given, alpha=alpha, washout=washout, penalty=penalty)
        found.append((score(single, held[0] @ head, held[1]), head, alpha))
    _, head, alpha = max(found, key=lambda one: one[0])
    return head, alpha


def counted(
    target: Target,
    values: Array,
    targets: NDArray[np.generic],
    lengths: ArrayLike | None = None,
    *,
    washout: int = 0,
) -> tuple[Array, NDArray[np.generic]]:
    """Return the values and targets of all sequences, or of all steps that count, one a row.

    Args:
        target: what is learnt.
        values: readings or outputs, shape (n, c), per step (n, T, c).
        targets: of the same rows.
        lengths: as for `fit_head`.
        washout: as for `fit_head`.

    Raises:
        UsageError: a wash-out without steps to wash out, or one that leaves none.
    """
    if not target.per_step:
        if washout:
            raise UsageError(
                f"a wash-out needs targets at every step. Got {washout} steps and one target for "
                "each sequence, whose first steps are its wash-out."
            )
        return values, targets
    counts = step_weights(values.shape[1], lengths, len(values)) > 0
    counts[:, :washout] = False
    if washout < 0 or not counts.any():
        raise UsageError(
            f"the wash-out should leave steps to learn from. Got {washout} of {values.shape[1]}."
        )
    return values[counts], targets[counts]


def _numbers(target: Target, wanted: NDArray[np.generic]) -> Array:
    if not isinstance(target, Classes):
        return np.asarray(wanted, dtype=np.float64)
    if target.n_outputs == 1:
        return 2.0 * np.asarray(wanted, dtype=np.float64)[:, None] - 1.0
    return np.asarray(np.eye(target.n_outputs)[np.asarray(wanted, dtype=np.int64)])
