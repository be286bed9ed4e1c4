"""Expectation values of stored jobs, mitigated from their bits alone; nothing is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.service.retrieval import collect
from jobs.spec import PubResult
from jobs.store.run_time import RunTime, run_time
from jobs.store.store import Store
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.combining import combine_counts
from qrnn_hw.mitigation.estimate import ValueEstimate
from qrnn_hw.mitigation.readout import corrected_mean_z
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration, from_shots
from qrnn_hw.mitigation.stack import Stack, share_shots, terms
from qrnn_hw.submission.belonging import (
    check_one_machine,
    check_readout,
    check_scaled,
    places_of,
    readings,
)


@dataclass(frozen=True, eq=False)
class Scaled:
    """The bits of one register at each scale factor of a stack, as stored."""

    keys: tuple[str, ...]
    register: str
    bits: tuple[tuple[NDArray[np.uint8], ...], ...]  # scale, circuit -> (rows, shots, n_bits)
    ran: tuple[RunTime, ...]
    """When each job ran."""

    @property
    def n_bits(self) -> int:
        """Bits of the register."""
        return int(self.bits[0][0].shape[-1])

    @property
    def stored_shots(self) -> tuple[int, ...]:
        """Shots of each scale factor."""
        return tuple(int(circuits[0].shape[1]) for circuits in self.bits)


@dataclass(frozen=True)
class StoredReadout:
    """What a readout job says of the bits of one register."""

    key: str
    calibration: ReadoutCalibration
    ran: RunTime
    distance: timedelta
    """From it to the run of the job that is farthest away, before or after."""


def check_offline(stack: Stack) -> None:
    """Refuse a stack that stored bits cannot be given.

    Raises:
        UsageError: If it relabels what branches saw, or twirls.
    """
    if stack.twirls:
        raise UsageError(
            f"a plan for stored bits should not twirl. Got {stack.name}: Paulis go into a circuit "
            "before it runs."
        )
    if stack.feed_forward != "none":
        raise UsageError(
            f"a plan for stored bits should leave fed-forward bits as they were. Got {stack.name}: "
            "the branch that a misread bit chose has already run. Relabel before running."
        )


def load_scaled(texts: Sequence[str], stack: Stack, store: Store, register: str | None) -> Scaled:
    """Read the jobs of a stack, one for each scale factor, in its order.

    Args:
        texts: beginnings of keys, or the service's ids.
        stack: what they are for.
        store: with the jobs.
        register: to read; by default `out` if there is one, else the only one.

    Raises:
        UsageError: a number of jobs that does not fit, jobs that are not one circuit folded by
            each factor, an unknown register.
        StoreError: no such job, or ambiguous.
        JobsError: its bits are not there.
    """
    check_offline(stack)
    factors = [f"{factor:g}" for factor, _ in stack.scales()]
    if len(texts) != len(factors):
        raise UsageError(
            f"{stack.name} should have one job for each scale factor ({', '.join(factors)}). "
            f"Got {len(texts)}."
        )
    keys = tuple(store.resolve(text) for text in texts)
    results = [collect(key, store) for key in keys]
    name = _register_name(results[0][0], register)
    bits = tuple(tuple(_bits(pub, name) for pub in pubs) for pubs in results)
    shapes = {tuple((one.shape[0], one.shape[2]) for one in circuits) for circuits in bits}
    if len(shapes) > 1:
        raise UsageError(
            "jobs of one plan should have the same circuits, rows and bits. Got different ones."
        )
    check_scaled([store.spec(key) for key in keys], [factor for factor, _ in stack.scales()])
    return Scaled(keys, name, bits, tuple(run_time(key, store) for key in keys))


def load_readout(text: str, store: Store, scaled: Scaled, limit: timedelta) -> StoredReadout:
    """Read the two readout circuits of a job, as `calibrate readout` and `run` store them.

    Args:
        text: beginning of its key, or the service's id.
        store: with the job and those that are to be corrected.
        scaled: what is to be corrected.
        limit: largest time between its run and that of each job. Both are taken of the most exact
            kind that the store has, see `jobs.store.run_time`: the end of the run by the service or
            in a process of ours, else when its bits were fetched, else when the job was first
            stored.

    Returns:
        The errors of the qubits that the register was read from, bit by bit, and when it ran.

    Raises:
        UsageError: a job that is no readout calibration, of another machine, or without one of
            the qubits or with another kind of measurement.
        CalibrationError: too old, or a bit that tells nothing.
    """
    key = store.resolve(text)
    results = collect(key, store)
    spec, corrected = store.spec(key), [store.spec(one) for one in scaled.keys]
    there = check_readout(spec)
    check_one_machine([*corrected, spec])
    places = places_of(readings(corrected, scaled.register), there, spec.backend)
    zeros, ones = (one.registers["out"][0][:, places] for one in results[:2])
    ran = run_time(key, store)
    calibration = from_shots(zeros, ones, ran.at)
    # A calibration long after the bits is as stale as one long before.
    distance = max(abs(one.at - ran.at) for one in scaled.ran)
    calibration.check_fresh(limit, ran.at + distance)
    return StoredReadout(key, calibration, ran, distance)


def mitigated(
    scaled: Scaled,
    stack: Stack,
    calibration: ReadoutCalibration | None,
    shots: int | None = None,
    confidence: float = 0.95,
) -> tuple[tuple[int, ...], list[ValueEstimate]]:
    """Estimate <Z> of every bit of every row of every circuit.

    Args:
        scaled: the bits.
        stack: extrapolation and readout correction.
        calibration: of the register's bits, where the stack corrects them.
        shots: of all scale factors together, by default all that are stored.
        confidence: of the intervals.

    Returns:
        Shots of each scale factor, and for each circuit arrays of shape (rows, n_bits).

    Raises:
        UsageError: too few shots or more than are stored, or a calibration that does not fit.
    """
    if stack.terminal and calibration is None:
        raise UsageError(
            f"{stack.name} should have a readout calibration. Got none; name its job with "
            "--readout."
        )
    if calibration is not None and stack.terminal and calibration.n_bits != scaled.n_bits:
        raise UsageError(
            f"the readout job should have the {scaled.n_bits} bits of {scaled.register}. "
            f"Got {calibration.n_bits}."
        )
    listed, stored = terms(stack), scaled.stored_shots
    if shots is not None and shots > sum(stored):
        raise UsageError(f"the shots should be at most those stored {stored}. Got {shots}.")
    used = stored if shots is None else share_shots(shots, listed)
    if any(wanted > there for wanted, there in zip(used, stored, strict=True)) or min(used) < 2:
        raise UsageError(
            f"each scale factor should have 2 shots or more, and at most those stored {stored}. "
            f"Got {used}."
        )
    found = []
    for circuits in zip(*scaled.bits, strict=True):
        ones = [bits[:, :n].sum(axis=1, dtype=int) for bits, n in zip(circuits, used, strict=True)]
        counts = [np.stack([n - one, one], axis=-1) for one, n in zip(ones, used, strict=True)]
        value = combine_counts(counts, listed, (1, -1), confidence)
        # The correction is affine, so it may follow: its errors then count once for all factors.
        if stack.terminal and calibration is not None:
            value = corrected_mean_z(value, calibration)
        found.append(value)
    return used, found


def to_json(value: ValueEstimate, row: int, bit: int) -> dict[str, Any]:
    """Return one number with its error and interval."""
    return {
        name: float(getattr(value, name)[row, bit])
        for name in ("value", "standard_error", "low", "high")
    }


def _register_name(result: PubResult, wanted: str | None) -> str:
    names = sorted(result.registers)
    name = wanted or ("out" if "out" in names or len(names) != 1 else names[0])
    if name not in names:
        raise UsageError(
            f"the register should be one of: {', '.join(names) or 'none'}. Got {name}; choose one "
            "with --register."
        )
    return name


def _bits(result: PubResult, register: str) -> NDArray[np.uint8]:
    return result.registers[_register_name(result, register)]
