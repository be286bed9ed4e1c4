"""Tiles that agree stay, one that does not belong is found, and a little unequal is not bad."""

import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.tile_spread import Cells, bad_tiles, rotated, spread


def cells(damping, n=90, visits=3, shots=300, seed=0):
    """Return scores in [-1, 1] of sequences that each run on some tiles, damped by the tile."""
    generator = np.random.default_rng(seed)
    truth, n_tiles = generator.uniform(-0.8, 0.8, n), len(damping)
    sequence, tile = np.repeat(np.arange(n), visits), rotated(n, n_tiles, visits).ravel()
    mean = truth[sequence] * np.asarray(damping)[tile]
    value = 2 * generator.binomial(shots, (1 + mean) / 2) / shots - 1
    return Cells(sequence, tile, value, (1 - value**2) / (shots - 1))


def test_tiles_that_differ_by_shots_alone_stay():
    wrong = sum(bool(bad_tiles(cells(np.ones(9), seed=seed), 1.0)) for seed in range(200))
    assert wrong == 0
    small = [one.p_value < 1e-3 for s in range(40) for one in spread(cells(np.ones(9), seed=s))]
    assert np.mean(small) < 0.01


def test_a_little_unequal_is_seen_and_not_bad():
    damping = np.linspace(0.9, 1.0, 9)
    assert bad_tiles(cells(damping, shots=3000), 1.0) == ()


@pytest.mark.parametrize("lost", [0.2, -0.5])
def test_planted_tiles_are_found_the_worst_first(lost):
    damping = np.ones(9)
    damping[4] = lost
    found = cells(damping)
    assert bad_tiles(found, 1.0) == (4,)
    excess = {one.tile: one.excess for one in spread(found)}
    # The root mean square of (1 - lost) * truth, truth uniform in [-0.8, 0.8].
    assert excess[4] == pytest.approx((1 - lost) * 0.8 / 3**0.5, rel=0.2)
    damping[7] = -1.0
    assert set(bad_tiles(cells(damping), 1.0)) == {4, 7}


def test_two_tiles_cannot_tell_which_is_bad():
    assert bad_tiles(cells([1.0, -1.0], visits=2), 1.0) == ()
    assert spread(cells(np.ones(3), visits=1)) == ()
    with pytest.raises(UsageError, match="scale of the scores"):
        bad_tiles(cells(np.ones(3)), 0.0)


@pytest.mark.parametrize(
    ("n", "n_tiles", "visits"), [(7, 1, 1), (200, 22, 3), (40, 9, 4), (5, 4, 4)]
)
def test_every_tile_gets_its_share_and_meets_many_others(n, n_tiles, visits):
    tiles = rotated(n, n_tiles, visits)
    assert all(len(set(row)) == visits for row in tiles.tolist())
    counts = np.bincount(tiles.ravel(), minlength=n_tiles)
    assert counts.max() - counts.min() <= visits
    if n >= 4 * n_tiles and visits > 1:
        met = {(a, b) for row in tiles.tolist() for a in row for b in row if a != b}
        assert len(met) > 2 * (visits - 1) * n_tiles
