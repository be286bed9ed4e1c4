"""What is to be run on a machine: a model's circuits, or those of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qrnn_hw.errors import UsageError
from qrnn_hw.models.options import chosen_architecture

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Architecture
    from jobs.spec import JSON, Pub
    from qrnn_hw.submission.machine import Machine


MOST_STEPS = 1_000
MOST_ROWS = 100_000
"""What still fits into memory; machines run far less in one job."""


@dataclass(frozen=True, eq=False)
class Workload:
    """Circuits for one machine."""

    name: str
    items: tuple[Pub | QuantumCircuit, ...]
    """A circuit by itself still has free parameters, and only preflight takes it."""

    snapshot: str = ""
    """Digest of the calibration that the circuits were made for; empty when taken as they are."""

    options: Mapping[str, JSON] = field(default_factory=dict)
    """What else tells this job from others with the same circuits."""

    @property
    def is_bound(self) -> bool:
        """Whether every circuit has its numbers."""
        return all(hasattr(item, "n_rows") for item in self.items)

    @property
    def pubs(self) -> tuple[Pub, ...]:
        """The circuits with their rows.

        Raises:
            UsageError: a circuit has free parameters.
        """
        from jobs.spec import Pub

        bound = tuple(item for item in self.items if isinstance(item, Pub))
        if len(bound) < len(self.items):
            raise UsageError(
                f"the circuits of {self.name} should have numbers for all their parameters. Got "
                "free ones; bind them before the file is written."
            )
        return bound


def is_file(source: str) -> bool:
    """Return whether a source names a file, not a model."""
    from circuits.registry import REGISTRY

    path = Path(source)
    return source not in REGISTRY and (bool(path.suffix) or path.exists() or len(path.parts) > 1)


def check_source(source: str, options: Sequence[str] = ()) -> None:
    """Refuse quickly, before a machine is opened, what is neither a model nor a file.

    Raises:
        UnknownNameError: no such model; near names are listed.
        UsageError: no such file, or options for one.
        CircuitsError: an option that the model does not take.
    """
    if not is_file(source):
        chosen_architecture(source, options)
    elif options:
        raise UsageError(f"options should go with a model. Got {options[0]!r} for a file.")
    elif not Path(source).is_file():
        raise UsageError(f"a circuit file should exist. Got {source}.")


def load_workload(
    source: str,
    machine: Machine,
    *,
    options: Sequence[str] = (),
    steps: int = 10,
    rows: int = 1,
    seed: int = 0,
) -> Workload:
    """Return the circuits of a file as they are, or those of a model made for the machine.

    Args:
        source: name of a model, or a .qpy or OpenQASM file of ISA circuits for the machine.
        machine: where it is to run.
        options: of the model, texts NAME=VALUE.
        steps: time steps T of a model.
        rows: random inputs of a model, one sequence each, all with the same random weights.
        seed: of the weights, the inputs and the transpiler.

    Raises:
        UnknownNameError: no such model.
        UsageError: steps, rows or seed out of range, or a malformed option.
        CircuitsError: an option that the model does not take.
        SpecError: a file that cannot be read.
        JobsError: the machine cannot hold the model.
    """
    from jobs.circuit_file import read_circuits
    from jobs.delays import in_dt
    from jobs.spec import Pub

    for name, value, least in (("steps", steps, 1), ("rows", rows, 1), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"{name} should be at least {least}. Got {value}.")
    for name, value, most in (("steps", steps, MOST_STEPS), ("rows", rows, MOST_ROWS)):
        if value > most:
            raise UsageError(f"{name} should be at most {most:,}. Got {value}.")
    if is_file(source):
        items = tuple(
            circuit if circuit.num_parameters else Pub.bound(circuit)
            for circuit in (
                in_dt(read, machine.snapshot.dt_seconds) for read in read_circuits(Path(source))
            )
        )
        return Workload(Path(source).name, items)
    model = chosen_architecture(source, options)
    if model.mode == "expectation":
        items = _whole(model, machine, steps, rows, seed)
    else:
        items = _stepwise(model, machine, steps, rows, seed)
    return Workload(source, items, machine.snapshot.digest)


def _stepwise(
    model: Architecture, machine: Machine, steps: int, rows: int, seed: int
) -> tuple[Pub, ...]:
    """Transpile and schedule the step, unroll it, and place it on the machine's qubits."""
    from jobs.isa import transpile_step

    transpiled = transpile_step(model, machine.snapshot, seed=seed)
    unrolled = transpiled.unroll(steps)
    circuit = transpiled.embed(unrolled.circuit, machine.snapshot.n_qubits)
    weights = {weight.name for weight in unrolled.weights}
    return (_with_random_rows(circuit, weights, rows, np.random.default_rng(seed)),)


def _whole(
    model: Architecture, machine: Machine, steps: int, rows: int, seed: int
) -> tuple[Pub, ...]:
    """Transpile what runs in rounds: one step of each, or the longest prefix of the hybrid."""
    from qiskit.transpiler import generate_preset_pass_manager

    from circuits.unrolled import unroll

    unrolled = unroll(model, steps)
    manager = generate_preset_pass_manager(
        optimization_level=3, target=machine.snapshot.target(), seed_transpiler=seed
    )
    weights = {weight.name for weight in unrolled.weights}
    generator = np.random.default_rng(seed)
    found = unrolled.step_circuits if model.in_rounds else (unrolled.circuit,)
    return tuple(
        _with_random_rows(manager.run(circuit), weights, rows, generator) for circuit in found
    )


def _with_random_rows(
    circuit: QuantumCircuit, weights: set[str], rows: int, generator: np.random.Generator
) -> Pub:
    """Give the circuit random angles in [0, pi), the weights equal in all rows."""
    from jobs.spec import Pub

    shared = [parameter.name in weights for parameter in circuit.parameters]
    values = generator.uniform(0, np.pi, (rows, len(shared)))
    values[:, shared] = values[:1, shared]
    return Pub(circuit, values)
