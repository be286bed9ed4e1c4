"""A user's own step: a plain Python function that appends one time step to a circuit.

    def step(circuit, qubits=5, inputs=2, weights=12, bits=2, *, readout=(0, 1)):
        circuit.ry(inputs[0], qubits[3])
        ...

The defaults of the four arguments say how many the function takes of each; it is called with the
qubits, input Parameters, weight Parameters and classical bits themselves. A fifth argument
`previous` receives the bits of the step before, none in the first step.
"""

from __future__ import annotations

import inspect
import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from circuits.errors import CircuitsError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Binding

COUNTS = ("qubits", "inputs", "weights", "bits")
EXAMPLE = "def step(circuit, qubits=5, inputs=2, weights=12, bits=2)"

MOST_COUNT = 10_000
MOST_OPTION = 1_000_000


@dataclass(frozen=True)
class Signature:
    """What a step function says of itself by its arguments."""

    counts: Mapping[str, int]
    """Of qubits, inputs, weights and bits."""

    reads_previous: bool
    readout: tuple[int, ...] | None
    """Wires measured after the last step; None where it leaves that open."""

    options: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Values that each keyword of its own takes."""

    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepFunction:
    """A step that a function appends; it acts on all wires of the architecture."""

    function: Callable[..., None]
    name: str
    """Where it is from, as `my_cell.py:step`."""

    signature: Signature = field(compare=False)
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def n_weights(self) -> int:
        """Number of trainable angles that the function takes."""
        return self.signature.counts["weights"]

    @property
    def reads_previous(self) -> bool:
        """Whether it has an argument `previous`."""
        return self.signature.reads_previous

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append what the function appends to a circuit of the step's own qubits and bits.

        Raises:
            CircuitsError: the function fails, or changes more than it was given.
        """
        from qiskit.circuit import QuantumCircuit

        bits, previous = list(binding.bits), list(binding.previous)
        n_qubits = self.signature.counts["qubits"]
        own = QuantumCircuit([*circuit.qubits[:n_qubits], *bits, *previous])
        given: list[Any] = [own, list(own.qubits), list(binding.features), list(binding.weights)]
        named: dict[str, Any] = dict(self.options)
        if self.signature.readout is not None:
            named["readout"] = self.signature.readout
        if self.reads_previous:
            named["previous"] = previous
        call(self.name, lambda: self.function(*given, bits, **named))
        if own.num_qubits != n_qubits or own.num_clbits != len(bits) + len(previous):
            raise CircuitsError(
                f"{self.name} should use the {n_qubits} qubits and {len(bits)} bits it is given. "
                f"Got a circuit of {own.num_qubits} and {own.num_clbits}: it added some; measure "
                "into `bits`, and ask for more by the defaults of `qubits` and `bits`."
            )
        strange = set(own.parameters) - {
            one for given in (*binding.features, *binding.weights) for one in given.parameters
        }
        if strange:
            raise CircuitsError(
                f"{self.name} should use the inputs and weights it is given. Got Parameter "
                f"{min(one.name for one in strange)!r} of its own; take one of `weights`."
            )
        _check_fixed(self.name, own)
        for instruction in own.data:
            circuit.append(instruction)
        circuit.global_phase += own.global_phase


def signature_of(function: Callable[..., Any], name: str) -> Signature:
    """Read what a step function takes.

    Args:
        function: its first argument is called `circuit`.
        name: for messages.

    Raises:
        CircuitsError: an argument without its number, or one that has no meaning here.
    """
    if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        raise CircuitsError(
            f"{name} should be a plain function that appends instructions. Got one that yields or "
            "awaits; leave that out."
        )
    arguments = list(inspect.signature(function).parameters.values())
    defaults = {one.name: one.default for one in arguments}
    for argument in COUNTS:
        least = 1 if argument in ("qubits", "inputs") else 0
        number = defaults.get(argument)
        if type(number) is not int or not least <= number <= MOST_COUNT:
            got = "no such argument" if argument not in defaults else f"{argument}={number!r}"
            got = got.replace(repr(inspect.Parameter.empty), "no number")
            raise CircuitsError(
                f"{name} should say how many {argument} it takes, {least} or more, by a default, "
                f"as in `{EXAMPLE}`. Got {got}."
            )
    if [one.name for one in arguments[:5]] != ["circuit", *COUNTS]:
        raise CircuitsError(
            f"{name} should take circuit, {', '.join(COUNTS)} in this order, as in `{EXAMPLE}`. "
            f"Got {', '.join(defaults)}."
        )
    options, chosen = {}, {}
    hints = get_type_hints(function) if getattr(function, "__annotations__", None) else {}
    for one in arguments[5:]:
        if one.name in ("previous", "readout"):
            continue
        options[one.name] = _values(name, one, hints.get(one.name))
        chosen[one.name] = one.default
    return Signature(
        {argument: defaults[argument] for argument in COUNTS},
        reads_previous="previous" in defaults,
        readout=_readout(name, defaults) if "readout" in defaults else None,
        options=options,
        defaults=chosen,
    )


def _check_fixed(name: str, circuit: QuantumCircuit) -> None:
    """Refuse what no engine follows: variables and stretches, times to be bound, no numbers.

    Raises:
        CircuitsError: there is some.
    """
    if circuit.num_vars or circuit.num_stretches:
        own = [*circuit.iter_vars(), *circuit.iter_stretches()][0]
        raise CircuitsError(
            f"{name} should keep what it measures in `bits`. Got the variable or stretch "
            f"{own.name!r}; leave it out."
        )
    for item in circuit.data:
        kind, params = item.operation.name, item.operation.params
        for block in getattr(item.operation, "blocks", ()):
            _check_fixed(name, block)
        if kind == "delay" and not isinstance(params[0], Real):
            raise CircuitsError(
                f"a delay of {name} should last a number of dt or seconds. Got {params[0]!s}; "
                "weights and inputs are angles of gates."
            )
        for one in params:
            if isinstance(one, Real) and not math.isfinite(one):
                raise CircuitsError(
                    f"angles of {name} should be finite numbers, inputs or weights. Got {one} of "
                    f"{kind}."
                )


def call(name: str, function: Callable[[], Any]) -> Any:
    """Call what a user wrote, whatever it does ending in one line; its output goes to stderr.

    Raises:
        CircuitsError: it raised.
    """
    try:
        with redirect_stdout(sys.stderr):  # stdout holds the command's own result
            return function()
    except (KeyboardInterrupt, MemoryError, CircuitsError):
        raise
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next(
            (f" in line {f.lineno}" for f in reversed(frames) if _is_from(f.filename, name)), ""
        )
        if isinstance(error, SyntaxError) and error.lineno is not None:
            line = f" in line {error.lineno}"
        reason = " ".join(str(error).split()).rstrip(".") or "no reason given"
        raise CircuitsError(
            f"{name} should run as it is. Got {type(error).__name__}{line}: {reason}."
        ) from error


def _is_from(filename: str, name: str) -> bool:
    return Path(filename).name == Path(name.rpartition(":")[0] or name).name


def _readout(name: str, defaults: Mapping[str, Any]) -> tuple[int, ...]:
    wires, n_qubits = defaults["readout"], defaults["qubits"]
    fits = isinstance(wires, tuple | list) and all(type(wire) is int for wire in wires)
    if (
        not fits
        or not wires
        or len(set(wires)) < len(wires)
        or not set(wires) <= {*range(n_qubits)}
    ):
        raise CircuitsError(
            f"readout of {name} should be different wires from 0 to {n_qubits - 1}, such as "
            f"readout=(0, 1). Got {wires!r}."
        )
    return tuple(wires)


def _values(name: str, argument: inspect.Parameter, hint: Any) -> Sequence[Any]:
    """Return the values of an option: whole numbers, or the texts of a `Literal`."""
    if get_origin(hint) is not None and all(isinstance(one, str) for one in get_args(hint)):
        texts = tuple(get_args(hint))
        if argument.default in texts:
            return (argument.default, *(one for one in texts if one != argument.default))
    elif type(argument.default) is int and 0 <= argument.default <= MOST_OPTION:
        return range(MOST_OPTION + 1)
    raise CircuitsError(
        f"an option of {name} should have a whole number as its default, as in depth=2, or be a "
        f'Literal of texts, as in axis: Literal["x", "y"] = "y". Got {argument}.'
    )
