"""What shots prove: this machine's label, and the noiseless one beside canaries."""

import numpy as np
import pytest

from qrnn_hw.answers.certain import CanaryCounts, machine_label, noiseless_label
from qrnn_hw.answers.machine_answer import scored
from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.decisions import UNDECIDED

TWO = np.array([[1.0], [-1.0]])
THREE = np.eye(4)[:, :3]
DELTA = 0.01


def canaries(offset, slope, columns=TWO, n=8, shots=40_000):
    """Canaries whose measured scores are offset + slope * known, in four repetitions."""
    known = np.linspace(-0.9, 0.9, n)
    one = np.rint(shots / 4 * (1 + offset + slope * known) / 2).astype(int)
    repeats = np.stack([np.stack([one, shots // 4 - one], axis=1)] * 4)
    return CanaryCounts(repeats, known[:, None])


def repeats(*rows):
    return np.array(rows, dtype=np.int64)


def test_no_label_is_certain_while_repetitions_disagree():
    steady = repeats([600, 400], [590, 410], [610, 390])
    moving = repeats([800, 200], [400, 600], [600, 400])
    assert steady.sum(axis=0).tolist() == moving.sum(axis=0).tolist()
    for is_sequential in (True, False):
        given = {"columns": TWO, "delta": DELTA, "is_sequential": is_sequential}
        assert machine_label(steady, **given) == 1
        assert machine_label(moving, **given) == UNDECIDED
    assert noiseless_label(steady, TWO, DELTA, canaries(0.0, 0.9)) == 1
    assert noiseless_label(moving, TWO, DELTA, canaries(0.0, 0.9)) == UNDECIDED


def test_a_shifted_machine_proves_its_own_label_and_not_the_noiseless_one():
    """A machine that adds 0.3 to every score says 1 of a circuit whose noiseless score is -0.1."""
    shifted, weak = canaries(0.3, 0.9), repeats([600, 400], [600, 400])
    own = {"columns": TWO, "delta": DELTA, "is_sequential": True}
    assert machine_label(weak, **own) == 1  # measured 0.2
    assert noiseless_label(weak, TWO, DELTA, shifted) == 0  # below 0.3: known to be -0.11
    assert noiseless_label(repeats([650, 350], [650, 350]), TWO, DELTA, shifted) == UNDECIDED
    assert noiseless_label(repeats([800, 200], [800, 200]), TWO, DELTA, shifted) == 1
    with pytest.raises(UsageError, match="4 canaries or more"):
        noiseless_label(weak, TWO, DELTA, canaries(0.0, 1.0, n=3))


def test_of_three_classes_every_rival_has_its_line():
    """Canaries show that the machine favours class 0 by 0.3: there its lead proves nothing."""
    known = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.4, 0.3, 0.3],
                      [0.3, 0.3, 0.4], [0.1, 0.8, 0.1]])  # fmt: skip
    counts = np.array([[400, 320, 280], [450, 270, 280]] * 2)
    found = []
    for favour in (0.0, 0.3):
        law = known * (1 - favour) + favour * np.array([1.0, 0.0, 0.0])
        table = np.concatenate([np.rint(50_000 * law), np.zeros((6, 1))], axis=1).astype(int)
        beside = CanaryCounts(np.stack([table] * 2), known)
        rows = np.concatenate([counts, np.zeros((4, 1), dtype=int)], axis=1)[[0, 0, 0, 0]]
        assert machine_label(rows, THREE, DELTA, is_sequential=True) == 0
        found.append(noiseless_label(rows, THREE, DELTA, beside))
    assert found == [0, UNDECIDED]


def test_repetitions_of_unlike_size_count_by_their_shots():
    """The error of the scatter against its law: many draws of a score that wanders."""
    generator, values, errors = np.random.default_rng(3), [], []
    sizes = np.array([100, 100, 200, 400, 800])
    for _ in range(400):
        p = np.clip(0.6 + 0.05 * generator.standard_normal(5) * np.sqrt(800 / sizes) / 2, 0, 1)
        one = generator.binomial(sizes, p)
        found = scored(np.stack([one, sizes - one], axis=1), TWO)
        values.append(found.value[0])
        errors.append(found.standard_error[0] ** 2)
    assert np.sqrt(np.mean(errors)) == pytest.approx(np.std(values), rel=0.15)
    alone = scored(repeats([1, 0]), TWO)
    assert (alone.machine.low[0], alone.machine.high[0]) < (-1, 1)
