"""Where on its machine a model is put: by level 3, by the exact engine, or on qubits named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from qrnn_hw.errors import UsageError
from qrnn_hw.submission.kept_placement import check_kept, read_placement

if TYPE_CHECKING:
    from circuits.definition import Architecture
    from jobs.transpile.isa import TranspiledStep
    from jobs.transpile.probe import Probe
    from jobs.transpile.scores import Placements
    from qrnn_hw.submission.machine import Machine

LEVEL_3 = "level-3"
AUTO = "auto"
LISTED = 20
"""Placements that are kept of all that were scored, the best ones."""


def parse_placement(text: str) -> str | tuple[int, ...]:
    """Return `auto`, `level-3`, or the qubits of a list such as 35,19,15,14.

    Raises:
        UsageError: it is none of these.
    """
    plain = text.strip().lower()
    if plain in (LEVEL_3, AUTO):
        return plain
    parts = [part.strip() for part in plain.split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) < 7 for part in parts):
        raise UsageError(
            "a placement should be auto, level-3, or qubits of the machine such as 35,19,15,14. "
            f"Got {text[:60]!r}."
        )
    return tuple(map(int, parts))


def placement_name(text: str) -> str:
    """Return a placement as it is always written.

    Raises:
        UsageError: it is none.
    """
    found = parse_placement(text)
    return found if isinstance(found, str) else ",".join(map(str, found))


@dataclass(frozen=True, eq=False)
class PlacedStep:
    """A model's step on its qubits, and how these were found."""

    step: TranspiledStep
    is_level_3: bool
    """Whether it lies where the transpiler's level 3 puts it."""

    document: dict[str, Any] | None = None
    """The scores with the calibration they hold for, where placements were scored."""


def place(
    architecture: Architecture,
    machine: Machine,
    placement: str,
    *,
    seed: int,
    decoupling: str | None = None,
    kept: Path | None = None,
    probe: Probe | None = None,
    lengths: ArrayLike | None = None,
) -> PlacedStep:
    """Transpile a model's step to where it is to lie.

    Args:
        architecture: coherent or sampled.
        machine: open.
        placement: `auto`, `level-3`, or qubits.
        seed: of the transpiler.
        decoupling: as for `transpile_step`.
        kept: scores of before, whose choice stands; None scores anew.
        probe: inputs that `auto` judges by; None takes random ones.
        lengths: of the sequences that are to run, which random ones have; None is from 1 to 10.

    Raises:
        UsageError: qubits that the model cannot lie on.
        SpecError: the machine cannot hold the model.
        ConfigurationError: the scores of before cannot be read.
    """
    from jobs.transpile.isa import transpile_step

    chosen, document = parse_placement(placement), None
    snapshot = machine.snapshot
    plain = transpile_step(architecture, snapshot, seed=seed, decoupling=decoupling)
    if chosen == LEVEL_3:
        return PlacedStep(plain, is_level_3=True)
    if isinstance(chosen, str):
        document = (
            read_placement(kept)
            if kept
            else scored(architecture, machine, seed, decoupling, probe, lengths)
        )
        qubits = tuple(document["placements"][0]["qubits"])
    else:
        _check(architecture, machine, chosen, len(plain.snapshot.physical))
        qubits = chosen
    return _on(plain, qubits, machine, seed, decoupling, document)


def on_qubits(
    architecture: Architecture,
    machine: Machine,
    qubits: tuple[int, ...],
    *,
    seed: int,
    decoupling: str | None = None,
    document: dict[str, Any] | None = None,
) -> PlacedStep:
    """Transpile a model's step to qubits that scores have chosen.

    Raises:
        SpecError: the machine cannot hold the model.
    """
    from jobs.transpile.isa import transpile_step

    plain = transpile_step(architecture, machine.snapshot, seed=seed, decoupling=decoupling)
    return _on(plain, qubits, machine, seed, decoupling, document)


def _on(
    plain: TranspiledStep,
    qubits: tuple[int, ...],
    machine: Machine,
    seed: int,
    decoupling: str | None,
    document: dict[str, Any] | None,
) -> PlacedStep:
    """Put a step on qubits; level 3's own give level 3's."""
    from jobs.transpile.isa import transpile_step

    snapshot = machine.snapshot
    if document is not None:
        check_kept(plain.architecture, machine, qubits)
    if tuple(snapshot.physical[qubit] for qubit in qubits) == plain.snapshot.physical:
        return PlacedStep(plain, is_level_3=True, document=document)
    step = transpile_step(
        plain.architecture, snapshot, seed=seed, decoupling=decoupling, qubits=qubits
    )
    return PlacedStep(step, is_level_3=False, document=document)


def scored(
    architecture: Architecture,
    machine: Machine,
    seed: int,
    decoupling: str | None = None,
    probe: Probe | None = None,
    lengths: ArrayLike | None = None,
) -> dict[str, Any]:
    """Score all placements of a model on a machine, as a JSON object that lists the best.

    Arguments are those of `scores_on`.

    Raises:
        UsageError, SpecError: as for `scores_on`.
    """
    found = scores_on(architecture, machine, seed, decoupling, probe=probe, lengths=lengths)
    return found.to_json(LISTED)


def scores_on(
    architecture: Architecture,
    machine: Machine,
    seed: int,
    decoupling: str | None = None,
    *,
    probe: Probe | None = None,
    alike: bool = False,
    lengths: ArrayLike | None = None,
    fresh: Sequence[Probe] = (),
    standing: tuple[int, ...] | None = None,
) -> Placements:
    """Score all placements of a model on a machine, on qubits that work.

    Args:
        architecture: the model.
        machine: open.
        seed: of the transpiler.
        decoupling: as for `transpile_step`.
        probe: inputs that placements are judged by; None takes random ones.
        alike: as for `transpile_step`.
        lengths: of the sequences that are to run, for random inputs; None is from 1 to 10.
        fresh: inputs beside the probe that choose among its best.
        standing: qubits that another placement has to beat surely; None is level 3's.

    Raises:
        UsageError: no working qubits hold the model, or it runs in rounds.
        SpecError: the machine cannot hold the model.
    """
    from jobs.transpile.scores import score_placements

    if architecture.mode == "expectation":
        raise UsageError(
            f"placements are scored of a model in one circuit. Got {architecture.name}, which runs "
            "in rounds; choose --option mode=sampled, or another model."
        )
    found = score_placements(
        architecture,
        machine.snapshot,
        seed=seed,
        broken=machine.faulty_qubits,
        decoupling=decoupling,
        probe=probe,
        alike=alike,
        lengths=lengths,
        fresh=fresh,
        standing=standing,
    )
    if not found.ranked:
        raise UsageError(
            f"{machine.name} should have working qubits that hold {architecture.name}. Got none; "
            "choose another backend."
        )
    return found


def _check(
    architecture: Architecture, machine: Machine, qubits: Sequence[int], n_routed: int
) -> None:
    from jobs.errors import SpecError
    from jobs.transpile.routed import check_qubits

    n = architecture.n_qubits
    if len(qubits) not in (n, n_routed):
        spare = f", or {n_routed} with those that routing takes" if n_routed > n else ""
        raise UsageError(
            f"a placement of {architecture.name} should name {n} qubits, one for each wire{spare}. "
            f"Got {len(qubits)}: {','.join(map(str, qubits))}."
        )
    try:
        check_qubits(architecture, machine.snapshot, qubits, machine.faulty_qubits)
    except SpecError as error:
        raise UsageError(str(error)) from None
