"""Capacities of memories that are known."""

import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.memory import capacities, delayed, parities


def test_a_shift_register_remembers_as_many_steps_as_it_has_places():
    u = np.random.default_rng(0).uniform(-1, 1, 5000)
    register = delayed(u, 3)  # linear in the last three inputs, and nothing else
    targets = delayed(u, 6)
    rows = np.arange(10, 5000)
    head = np.linalg.lstsq(register[rows], targets[rows], rcond=None)[0]
    found = capacities((register @ head)[rows], targets[rows])
    np.testing.assert_allclose(found[:3], 1, atol=1e-9)
    assert found[3:].max() < 0.01
    # A leaky memory x(t) = sum r^k u(t - k) has capacities (1 - r^2) r^(2 (k - 1)).
    leaky = np.zeros(5001)
    for t in range(5000):
        leaky[t + 1] = 0.7 * leaky[t] + u[t]
    one = capacities(np.tile(leaky[:5000, None], (1, 6))[rows], targets[rows])
    np.testing.assert_allclose(one, 0.51 * 0.49 ** np.arange(6), atol=0.04)


def test_parities_are_those_of_the_last_bits():
    bits = np.array([1, 0, 1, 1])
    expected = [[(-1) ** sum(bits[max(0, t - k) : t + 1]) for k in (1, 2)] for t in range(4)]
    np.testing.assert_array_equal(parities(bits, 2), expected)


def test_a_constant_output_remembers_nothing_and_a_constant_target_is_refused():
    targets = np.random.default_rng(1).normal(size=(20, 1))
    assert capacities(np.ones((20, 1)), targets).tolist() == [0.0]
    with pytest.raises(UsageError, match="targets that change"):
        capacities(targets, np.ones((20, 1)))
    with pytest.raises(UsageError, match=r"Got \(20, 1\) and \(20,\)"):
        capacities(targets, targets[:, 0])
