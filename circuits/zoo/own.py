"""Architectures from outside: a file of the user's own, or an installed package.

`my_cell.py:NAME` names what the file defines: an `Architecture`, a `Row` of one with options, or a
step function. Packages name theirs in the entry-point group `qrnn_hw.models`
(https://packaging.python.org/en/latest/specifications/entry-points/). A file is run as Python, with
all that this may do.
"""

from __future__ import annotations

import copyreg
import hashlib
import importlib.util
import sys
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from circuits.definition import Architecture, Mode
from circuits.errors import CircuitsError, UnknownNameError
from circuits.known_operations import is_standard
from circuits.layers.step_function import StepFunction, call, signature_of
from circuits.unrolled import step_circuit, unroll
from circuits.zoo.row import Row, fixed

GROUP = "qrnn_hw.models"

MOST_OUTCOMES = 10
"""Wires that are read where a step does not say which."""


def is_own(name: str) -> bool:
    """Return whether a name is that of something in a Python file."""
    return name.rpartition(":")[0].lower().endswith(".py") or name.lower().endswith(".py")


def own_row(name: str) -> Row:
    """Return the row of something in a Python file.

    Args:
        name: `PATH.py:NAME`, the path from the current folder.

    Raises:
        UnknownNameError: no such file, or nothing of that name in it.
        CircuitsError: the file fails, or what it names is no model.
    """
    path, _, attribute = name.rpartition(":") if ":" in name else (name, "", "")
    file = Path(path or name)
    if not file.is_file():
        raise UnknownNameError(f"a model of one's own should be in a file. Got {file}, not there.")
    status = file.stat()
    module = _module(str(file.resolve()), status.st_mtime_ns, status.st_size)
    found = getattr(module, attribute, None) if attribute else None
    if found is None:
        offered = ", ".join(f"{path or name}:{one}" for one in _models_in(module)) or "none"
        raise UnknownNameError(
            f"a model of one's own should be named as FILE.py:NAME. Got {name!r}; what could be "
            f"meant in that file: {offered}."
        )
    return _row(found, name)


def installed_rows() -> dict[str, EntryPoint]:
    """Return the models that installed packages offer, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def installed_row(name: str, point: EntryPoint) -> Row:
    """Return the row that a package offers.

    Raises:
        CircuitsError: it cannot be loaded, or is no model.
    """
    return _row(call(f"{name} ({point.value})", point.load), name)


def _models_in(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (isinstance(value, Architecture | Row) or _is_step(value, module.__name__))
    ]


def _is_step(value: Any, module: str) -> bool:
    names = getattr(getattr(value, "__code__", None), "co_varnames", ())
    return getattr(value, "__module__", None) == module and names[:1] == ("circuit",)


@cache
def _module(path: str, modified: int, size: int) -> ModuleType:
    """Run a file once for as long as it is unchanged, its folder not on the path of imports."""
    name = f"qrnn_hw_own_{hashlib.sha256(f'{path} {modified} {size}'.encode()).hexdigest()[:12]}"
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses look their module up
    call(Path(path).name, lambda: specification.loader.exec_module(module))  # type: ignore[union-attr]
    return module


def _row(found: Any, name: str) -> Row:
    if isinstance(found, Architecture):
        return replace(fixed(found), name=name)
    if isinstance(found, Row):
        return replace(found, name=name)
    if callable(found) and not isinstance(found, type):
        return _step_row(found, name)
    raise CircuitsError(
        f"{name} should be an Architecture, a Row or a step function. Got "
        f"{type(found).__name__}; `qrnn-hw models new my_cell.py` writes a start."
    )


def _step_row(function: Any, name: str) -> Row:
    signature = signature_of(function, name)

    def build(mode: Any = None, **chosen: Any) -> Architecture:
        layer = StepFunction(function, name, signature, tuple(chosen.items()))
        return _of_step(layer, " ".join((function.__doc__ or "").split("\n\n")[0].split()))

    mode = build(**signature.defaults).mode
    return Row(name, build, {"mode": (mode,)} | dict(signature.options), signature.defaults)


def _of_step(layer: StepFunction, summary: str) -> Architecture:
    """Return the architecture of a step function: what is reset, fed forward and read."""
    counts = layer.signature.counts
    bare = Architecture(
        name=layer.name,
        n_qubits=counts["qubits"],
        n_features=counts["inputs"],
        encoder=(),
        cell=(layer,),
        readout=layer.signature.readout or (0,),
        n_bits=counts["bits"],
        modes=("coherent", "sampled"),
        summary=summary,
        source=layer.name,
    )
    parameters = _parameters(bare)
    step, again = (step_circuit(bare, *parameters, later=True) for _ in range(2))
    # Gates of a class that the function makes anew are unlike for Qiskit, and do the same.
    if step != again and _listed(step) != _listed(again):
        raise CircuitsError(
            f"{layer.name} should append the same instructions whenever it is called: a circuit is "
            "built many times. Got others the second time; draw numbers once, outside of it, by a "
            "seed."
        )
    if not step.parameters:
        raise CircuitsError(
            f"{layer.name} should turn something by its inputs. Got a step that takes none."
        )
    fresh = tuple(wire for wire in range(bare.n_qubits) if _is_reset_last(step, wire))
    kept = tuple(wire for wire in range(bare.n_qubits) if wire not in fresh)
    readout = layer.signature.readout or kept
    if not readout or len(readout) > MOST_OUTCOMES:
        raise CircuitsError(
            f"{layer.name} should say which wires are read at the end, as in readout=(0, 1) after "
            f"a `*`. Got none said, and {len(readout)} that a step leaves in some state."
        )
    written = {step.find_bit(bit).index for item in step.data for bit in _written(item)}
    if set(range(counts["bits"])) - written:
        raise CircuitsError(
            f"{layer.name} should measure into each of its {counts['bits']} bits. Got none for bit "
            f"{min(set(range(counts['bits'])) - written)}; ask for fewer by the default of `bits`."
        )
    mode: Mode = "sampled" if any(item.name == "if_else" for item in step.data) else "coherent"
    model = replace(bare, readout=readout, data_qubits=fresh, modes=(mode,), mode=mode)
    unroll(model, 2)  # the first step has no bits before it
    return model


def _listed(circuit: Any) -> list[Any]:
    """Return what a circuit does, by names, numbers and places."""
    return [
        (
            item.operation.name,
            [one.tobytes() if hasattr(one, "tobytes") else str(one)
             for one in item.operation.params if not hasattr(one, "find_bit")],
            [circuit.find_bit(bit).index for bit in (*item.qubits, *item.clbits)],
            [_listed(one) for one in _inside(item.operation)],
        )
        for item in circuit.data
    ]  # fmt: skip


def _inside(operation: Any) -> list[Any]:
    """Return the circuits that an operation is made of, none of Qiskit's own gates."""
    if hasattr(operation, "blocks"):
        return list(operation.blocks)
    inner = None if is_standard(operation) else operation.definition
    return [] if inner is None else [inner]


def _parameters(bare: Architecture) -> tuple[list[Any], list[Any]]:
    from qiskit.circuit import ParameterVector

    return [*ParameterVector("x", bare.n_features)], [*ParameterVector("w", bare.n_weights)]


def _is_reset_last(step: Any, wire: int) -> bool:
    on_wire = [
        item
        for item in step.data
        if item.operation.name not in ("barrier", "delay")
        and wire in (step.find_bit(qubit).index for qubit in item.qubits)
    ]
    return bool(on_wire) and on_wire[-1].operation.name == "reset"


def _written(item: Any) -> list[Any]:
    """Return the bits that an instruction may write, inside branches too."""
    if not hasattr(item.operation, "blocks"):
        return list(item.clbits) if item.operation.num_clbits else []
    return [
        outer
        for block in item.operation.blocks
        for inner in block.data
        for bit in _written(inner)
        for own, outer in zip(block.clbits, item.clbits, strict=True)
        if own == bit
    ]


def _reduced(architecture: Architecture) -> Any:
    """Pickle a model of a file by its name: its functions are no other process's."""
    if not is_own(architecture.name):
        return object.__reduce_ex__(architecture, 2)
    return _restored, (architecture.name, architecture.options, _content(architecture.name))


def _restored(name: str, options: tuple[tuple[str, Any], ...], content: str) -> Architecture:
    if Path(name.rpartition(":")[0]).is_file() and _content(name) != content:
        raise CircuitsError(
            f"{name} should be as it was when the model was stored. Got another content; put the "
            "file back, or train anew."
        )
    return own_row(name).architecture(**dict(options))


def _content(name: str) -> str:
    return hashlib.sha256(Path(name.rpartition(":")[0]).read_bytes()).hexdigest()


copyreg.pickle(Architecture, _reduced)
