"""What is to be run on a machine: a model's circuits, or those of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qrnn_hw.errors import UsageError
from qrnn_hw.models.options import chosen_architecture
from qrnn_hw.ranges import MOST_ROWS, MOST_STEPS
from qrnn_hw.submission.drawn_inputs import DrawnInputs, drawn_inputs
from qrnn_hw.submission.placing import LEVEL_3, place, placement_name
from qrnn_hw.submission.source import is_file
from qrnn_hw.submission.tiles import TILED, Tiles, check_mode, tiling_of

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Architecture
    from jobs.spec import JSON, Pub
    from qrnn_hw.submission.machine import Machine


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

    n_rounds: int = 0
    """Jobs that a model in rounds takes, each with as many of the circuits; 0 is one job of all."""

    asked: Mapping[str, JSON] = field(default_factory=dict)
    """What was asked for, whatever the machine's calibration makes of it; empty for circuits that
    are taken as they are."""

    placement: Mapping[str, JSON] | None = None
    """The scores by which the circuits were placed, with their calibration; None where level 3 or
    the user chose."""

    @property
    def in_rounds(self) -> bool:
        """Whether one job follows on the other."""
        return self.n_rounds > 0

    @property
    def n_circuits(self) -> int:
        """Number of different circuits."""
        return len({id(item.circuit if hasattr(item, "circuit") else item) for item in self.items})

    @property
    def jobs(self) -> tuple[tuple[Pub, ...], ...]:
        """The circuits with their rows, job by job.

        Raises:
            UsageError: a circuit has free parameters.
        """
        pubs, n = self.pubs, max(1, self.n_rounds)
        size = len(pubs) // n
        return tuple(pubs[number * size : (number + 1) * size] for number in range(n))

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


def load_workload(
    source: str,
    machine: Machine,
    *,
    options: Sequence[str] = (),
    steps: int = 10,
    rows: int = 1,
    seed: int = 0,
    placement: str = LEVEL_3,
    tiles: Tiles | None = None,
) -> Workload:
    """Return the circuits of a file as they are, or those of a model made for the machine.

    Args:
        source: name of a model, or a .qpy or OpenQASM file of ISA circuits for the machine.
        machine: where it is to run.
        options: of the model, texts NAME=VALUE.
        steps: time steps T of a model.
        rows: random inputs of a model, one sequence each, all with the same random weights; a
            file's circuit is taken so many times.
        seed: of the weights, the inputs and the transpiler.
        placement: of a model in one circuit: `level-3`, `auto` for where these rows lose least, or
            qubits.
        tiles: copies of a model side by side, that the rows are dealt out over; None is one.

    Raises:
        UnknownNameError: no such model.
        UsageError: steps, rows or seed out of range, a malformed option, or a placement or tiles
            that the model cannot have.
        CircuitsError: an option that the model does not take.
        SpecError: a file that cannot be read.
        JobsError: the machine cannot hold the model.
    """
    from jobs.circuit_files.circuit_file import read_circuits
    from jobs.delays import in_dt
    from jobs.spec import Pub

    for name, value, least in (("steps", steps, 1), ("rows", rows, 1), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"{name} should be at least {least}. Got {value}.")
    for name, value, most in (("steps", steps, MOST_STEPS), ("rows", rows, MOST_ROWS)):
        if value > most:
            raise UsageError(f"{name} should be at most {most:,}. Got {value}.")
    name = placement_name(placement)
    if is_file(source):
        _check_level_3(name, "a file's circuits lie where they are")
        if tiles is not None:
            raise UsageError(
                "tiles should hold a model. Got --tiles for a file, whose circuits lie where they "
                "are; leave it out."
            )
        items = tuple(
            circuit if circuit.num_parameters else Pub.bound(circuit)
            for circuit in (
                in_dt(read, machine.snapshot.dt_seconds) for read in read_circuits(Path(source))
            )
        )
        bound = all(isinstance(item, Pub) for item in items)
        return Workload(Path(source).name, items * rows if bound else items)
    model = chosen_architecture(source, options)
    if tiles is not None:
        check_mode(model)
    asked = _asked(model, steps, rows, seed)
    if model.mode == "expectation":
        _check_level_3(name, "a model in rounds is placed by level 3")
        pubs = _in_rounds(model, machine, steps, rows, seed)
        return Workload(source, pubs, machine.snapshot.digest, n_rounds=steps, asked=asked)
    drawn = drawn_inputs(model, machine.snapshot, steps, rows, seed)
    if tiles is not None:
        return _tiled(source, model, machine, drawn, seed, tiles, asked)
    placed = place(model, machine, name, seed=seed, probe=drawn.probe)
    return Workload(
        source,
        (drawn.pub(placed.step, machine.snapshot.n_qubits),),
        machine.snapshot.digest,
        asked=asked if name == LEVEL_3 else asked | {"placement": name},
        placement=placed.document,
    )


def _tiled(
    source: str,
    model: Architecture,
    machine: Machine,
    drawn: DrawnInputs,
    seed: int,
    tiles: Tiles,
    asked: dict[str, JSON],
) -> Workload:
    """Deal the rows out over tiles: row i runs on tile i modulo their number."""
    from jobs.tiling.tiled_pubs import TilePub, Tiler

    tiling, document = tiling_of(
        model,
        machine,
        most=tiles.most or None,
        guard=tiles.guard,
        seed=seed,
        probe=drawn.probe,
    )
    rows = [np.arange(drawn.n_rows)[number :: len(tiling)] for number in range(len(tiling))]
    group = [
        TilePub(number, drawn.pub(step, None, own), drawn.n_steps)
        for number, (step, own) in enumerate(zip(tiling.tiles, rows, strict=True))
        if len(own)
    ]
    tiled = Tiler(tiling).together([group])
    said: JSON = {
        "qubits": [list(tiling.tiles[one.tile].snapshot.physical) for one in group],
        "rows": [own.tolist() for own in rows if len(own)],
        "layout": tiled.layout.to_json(),
    }
    return Workload(
        source,
        tiled.pubs,
        machine.snapshot.digest,
        options={TILED: said},
        asked=asked | {"tiles": tiles.most, "guard": tiles.guard},
        placement=document,
    )


def _check_level_3(placement: str, why: str) -> None:
    if placement != LEVEL_3:
        raise UsageError(f"{why}. Got --placement {placement}; leave it out.")


def _asked(model: Architecture, steps: int, rows: int, seed: int) -> dict[str, JSON]:
    """Return what identifies a model and its inputs before they are made for a machine."""
    from circuits.unrolled import unroll
    from jobs.digest import circuit_digest

    logical = unroll(model, steps)
    circuits = logical.step_circuits if model.in_rounds else (logical.circuit,)
    digests = [circuit_digest(circuit) for circuit in circuits]
    options: JSON = {name: str(value) for name, value in dict(model.options).items()}
    return {
        "circuits": digests,
        "options": options,
        "steps": steps,
        "rows": rows,
        "seed": seed,
    }


def _in_rounds(
    model: Architecture, machine: Machine, steps: int, rows: int, seed: int
) -> tuple[Pub, ...]:
    """Make the circuits of every round: those of a step, or the prefix in each basis read."""
    from jobs.transpile.isa import transpile_round

    def made(circuit: QuantumCircuit) -> QuantumCircuit:
        return transpile_round(circuit, machine.snapshot, seed=seed).whole

    generator, weights = np.random.default_rng(seed), dict[str, float]()
    pubs: list[Pub] = []
    for found, names in _rounds(model, steps, made):
        pubs += [_with_random_rows(one, names, rows, generator, weights) for one in found]
    return tuple(pubs)


def _rounds(
    model: Architecture, steps: int, made: Callable[[QuantumCircuit], QuantumCircuit]
) -> Iterator[tuple[tuple[QuantumCircuit, ...], set[str]]]:
    """Yield the circuits of each round and the names of their weights."""
    from circuits.unrolled import unroll
    from circuits.zoo.hybrid import in_basis

    if model.in_rounds:
        one = unroll(model, 1)
        step = tuple(made(circuit) for circuit in one.step_circuits)
        names = {weight.name for weight in one.weights}
        yield from ((step, names) for _ in range(steps))
        return
    for length in range(1, steps + 1):
        # Reading a state destroys it: each round prepares it again, once for each basis.
        prefix = unroll(model, length)
        circuit = made(prefix.circuit)
        found = tuple(in_basis(circuit, basis) for basis in str(dict(model.options)["readout"]))
        yield found, {weight.name for weight in prefix.weights}


def _with_random_rows(
    circuit: QuantumCircuit,
    weights: set[str],
    rows: int,
    generator: np.random.Generator,
    known: dict[str, float] | None = None,
) -> Pub:
    """Give the circuit random angles in [0, pi), the weights equal in all rows.

    Weights in `known` are as there, others are added to it.
    """
    from jobs.spec import Pub

    names = [parameter.name for parameter in circuit.parameters]
    values = generator.uniform(0, np.pi, (rows, len(names)))
    known = {} if known is None else known
    for column, name in enumerate(names):
        if name in weights:
            values[:, column] = known.setdefault(name, float(values[0, column]))
    return Pub(circuit, values)
