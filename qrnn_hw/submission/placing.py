"""Where on its machine a model is put: by level 3, by the exact engine, or on qubits named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from jobs.counted import counted
from qrnn_hw.errors import ConfigurationError, UsageError

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

AGAIN = "placed_again"
"""In a document whether a run places its circuit again for what was trained; in that of the second
choice, what the first one scored."""


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
class Placed:
    """A model's step on its qubits, and how these were found."""

    step: TranspiledStep
    is_level_3: bool
    """Whether it lies where the transpiler's level 3 puts it."""

    document: dict[str, Any] | None = None
    """The scores with the calibration they hold for, where placements were scored."""


def said(document: Mapping[str, Any]) -> str:
    """Return one line on the scores of a placement."""
    own, other = document["placements"][0], document["level_3"]
    tiles, where = document.get("tiles"), ",".join(map(str, own["qubits"]))
    n, first = f"{document['n_placements']:,}", document.get(AGAIN)
    if isinstance(first, dict):
        moved = "stays" if first["qubits"] == own["qubits"] else "moves to"
        return (
            f"what was trained {moved} {where}, of {n}: its outputs are {own['error']:.4f} from "
            f"those without noise, {first['error']:.4f} where it was trained, {other['error']:.4f} "
            f"where level 3 puts it (calibration of {document['taken']})"
        )
    begin = f"placed on {where}, the best of {n}: "
    if tiles is not None:
        asked = document.get("tiles_asked") or tiles
        fewer = f" ({asked:,} were asked for, no more fit)" if asked > tiles else ""
        side_by_side = f"{counted(tiles, 'tile')} side by side{fewer}"
        begin = f"{side_by_side}, of {n} placements; the best tile is {where}: "
    return (
        begin
        + f"its answers are {own['error']:.4f} from those without noise, {other['error']:.4f} "
        f"where level 3 puts it (calibration of {document['taken']})"
    )


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
) -> Placed:
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
        return Placed(plain, is_level_3=True)
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
) -> Placed:
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
) -> Placed:
    """Put a step on qubits; level 3's own give level 3's."""
    from jobs.transpile.isa import transpile_step

    snapshot = machine.snapshot
    if document is not None:
        check_kept(plain.architecture, machine, qubits)
    if tuple(snapshot.physical[qubit] for qubit in qubits) == plain.snapshot.physical:
        return Placed(plain, is_level_3=True, document=document)
    step = transpile_step(
        plain.architecture, snapshot, seed=seed, decoupling=decoupling, qubits=qubits
    )
    return Placed(step, is_level_3=False, document=document)


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


def check_kept(architecture: Architecture, machine: Machine, qubits: Sequence[int]) -> None:
    """Refuse qubits of a kept choice that no choice on this machine would name.

    Whether they work today is not asked: a run goes on where it began.

    Raises:
        ConfigurationError: too few, one twice, or one that the machine does not have.
    """
    n_device = machine.snapshot.n_qubits
    there = all(0 <= qubit < n_device for qubit in qubits)
    if not there or len(set(qubits)) < len(qubits) or len(qubits) < architecture.n_qubits:
        raise ConfigurationError(
            f"a kept placement should name {architecture.n_qubits} or more different qubits of the "
            f"{n_device} of {machine.name}. Got {','.join(map(str, qubits))}; remove the run's "
            "placement files, and places are chosen anew."
        )


def read_placement(path: Path) -> dict[str, Any]:
    """Return the scores that a run has kept, the qubits that it chose first.

    Raises:
        ConfigurationError: they cannot be read.
    """
    from calibration.documents import read_document

    try:
        document: dict[str, Any] = read_document(path)
        qubits = document["placements"][0]["qubits"]
        if not all(type(qubit) is int for qubit in qubits):
            raise ValueError("qubits that are no numbers")
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the placement of a run should be a document written by this project. Got {path}, "
            f"which cannot be read ({type(error).__name__}); remove it, and places are chosen anew."
        ) from None
    return document
