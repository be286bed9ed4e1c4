"""The circuits of one seed with their exact answers, as a plan and a pilot would meet them."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.polynomial import chebyshev

sys.path.append(str(Path(__file__).resolve().parents[1]))

import mitigation_reference as referee
import mitigation_reference_circuits as reference_family

from qrnn_hw.mitigation.noise_level import fit_noise_level
from qrnn_hw.mitigation.pilot import pilot_shots
from qrnn_hw.mitigation.plan import MitigationPlan
from qrnn_hw.mitigation.readout import ReadoutCalibration, read_distribution

N_STEPS = 5
NOISE = referee.Noise()
Z = (1.0, -1.0)
# Exact answers at these levels of the noise, and their polynomial between.
LEVELS = 13
LEAST_LEVEL, MOST_LEVEL = 0.08, 9.0


def confusion(misjudged=1.0):
    """Return the matrix of (read, true) of any bit."""
    (p01,), (p10,) = calibrated(1, misjudged).p01, calibrated(1, misjudged).p10
    return np.array([[1 - p01, p10], [p01, 1 - p10]])


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def calibrated(n_bits, misjudged=1.0):
    """Return the readout rates, or what a calibration gave that was wrong by a factor."""
    noise, nothing = NOISE.scaled(1, misjudged), (0.0,) * n_bits
    return ReadoutCalibration(
        (noise.p01,) * n_bits,
        (noise.p10,) * n_bits,
        nothing,
        nothing,
        datetime(2026, 1, 1, tzinfo=UTC),
    )


class Family:
    """Eight circuits; every exact answer is computed once.

    With `other_inputs` they have the same weights and inputs of another seed. `misjudged` is a
    factor by which the readout calibration is wrong: then plans believe it, and corrections are
    made with it.
    """

    def __init__(self, seed, misjudged=1.0, other_inputs=False):
        self.seed = seed
        self.misjudged = misjudged
        self.label = f"seed {seed}"
        drawn = reference_family.instances(8, N_STEPS, seed)
        if other_inputs:
            inputs = reference_family.instances(8, N_STEPS, seed + 5000)
            drawn = [(x, weights) for (x, _), (_, weights) in zip(inputs, drawn, strict=True)]
        self.circuits = [
            reference_family.isa(reference_family.qrnn(*instance)) for instance in drawn
        ]
        self._true = {}
        self._coefficients = {}

    def raw(self, noise):
        """Return the RMS bias when nothing is done."""
        return rms([referee.expectation(c, noise) for c in self.circuits] - self.ideal)

    @cached_property
    def ideal(self):
        return np.array([referee.expectation(c, referee.IDEAL) for c in self.circuits])

    def exact(self, level, scale_factor, exponent):
        """Return what is believed to be read with gates and idling at `level`. Shape: (8, 2)."""
        middle = np.linalg.matrix_power(confusion(self.misjudged), int(exponent))
        tables = self._final(NOISE.scaled(level, 1), scale_factor, middle)
        return read_distribution(tables, calibrated(1, self.misjudged))

    def true(self, *key):
        """Return what is read, corrections made with the calibration there is. Shape: (8, 2)."""
        if key not in self._true:
            scale_factor, exponent = key
            made = np.linalg.matrix_power(confusion(self.misjudged), int(exponent) - 1)
            tables = self._final(NOISE, scale_factor, confusion() @ made)
            self._true[key] = read_distribution(tables, calibrated(1))
        return self._true[key]

    def _final(self, noise, scale_factor, middle):
        """Return the final bit as it is where branches read with a matrix. Shape: (8, 2)."""
        noise = replace(noise, p01=middle[1, 0], p10=middle[0, 1]).folded(int(scale_factor))
        tables = [referee.distribution(circuit, noise, [N_STEPS]) for circuit in self.circuits]
        # The referee reads the final bit like the others.
        return np.array(tables) @ np.linalg.inv(middle).T

    def outcomes(self, level=1.0):
        """Return what a plan asks, from the polynomial through the exact answers."""
        low, high = np.log(LEAST_LEVEL), np.log(MOST_LEVEL)
        place = np.clip((2 * np.log(level) - low - high) / (high - low), -1, 1)
        values = chebyshev.chebvander([place], LEVELS - 1)

        def answer(scale_factor, exponent):
            coefficients = self._polynomial(scale_factor, exponent)
            return (values @ coefficients).reshape(len(self.circuits), 2)

        return answer

    def _polynomial(self, *key):
        if key not in self._coefficients:
            low, high = np.log(LEAST_LEVEL), np.log(MOST_LEVEL)
            nodes = chebyshev.chebpts1(LEVELS)
            levels = np.exp((low + high) / 2 + (high - low) / 2 * nodes)
            tables = np.array([self.exact(one, *key) for one in levels])
            vandermonde = chebyshev.chebvander(nodes, LEVELS - 1)
            self._coefficients[key] = np.linalg.solve(vandermonde, tables.reshape(LEVELS, -1))
            referee._local.cache_clear()
            referee._embedded.cache_clear()
        return self._coefficients[key]

    def forecasts(self, total_shots, candidates=None):
        """Return what each stack really does, the best first."""
        return self._choose(total_shots, candidates, [(self.true, 1.0)]).forecasts

    def plan(self, total_shots, level=1.0, nodes=((1.0, 1.0),), candidates=None):
        """Plan with the rates taken `level` times too large, at each node's factor of that."""
        worlds = [(self.outcomes(level * factor), chance) for factor, chance in nodes]
        return self._choose(total_shots, candidates, worlds)

    def _choose(self, total_shots, candidates, worlds):
        (believed, _), *alternatives = worlds
        return MitigationPlan.choose(
            total_shots,
            candidates,
            ideal=self.ideal,
            outcomes=believed,
            weights=Z,
            fed_forward=calibrated(N_STEPS, self.misjudged),
            terminal=calibrated(1, self.misjudged),
            alternatives=alternatives,
        )

    def pilot(self, total_shots, generator):
        """Draw what the first shots of the circuits as they are read. Shape: (8, 2)."""
        spent = pilot_shots(total_shots)
        return np.array([generator.multinomial(spent, p) for p in self.true(1, 1)])

    def plan_after(self, counts, total_shots, level, candidates=None):
        """Fit the level of the noise, first taken `level` times too large, and plan with it."""
        return self.plan(total_shots, level, self.fitted(counts, level).nodes(), candidates)

    def fitted(self, counts, level):
        """Return the factor on rates taken `level` times too large that the shots show."""
        return fit_noise_level(counts, lambda factor: self.outcomes(level * factor)(1, 1))
