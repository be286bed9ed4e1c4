"""Facts about the models of the registry, as JSON-ready data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Architecture
    from circuits.zoo.row import Row

# Options that make a second model of one row: what is audited beside the defaults.
VARIANTS: tuple[dict[str, str], ...] = (
    {},
    {"wiring": "repaired"},
    {"input_mode": "accumulate"},
    {"mode": "sampled"},
    {"wiring": "repaired", "mode": "sampled"},
)


def listing() -> list[dict[str, Any]]:
    """Return one record a model: sizes, modes, source and options, at their defaults.

    Those of installed packages follow ours, but for one that has a name of ours.
    """
    from circuits.zoo.own import installed_rows
    from circuits.zoo.registry import REGISTRY

    records = []
    for row in REGISTRY.values():
        records.append(facts(row.architecture()) | {"options": _listed(row)})
    for name, point in installed_rows().items():
        if name not in REGISTRY:
            records.append(_offered(name, point))
    return records


def _listed(row: Row) -> dict[str, list[Any]]:
    return {
        name: [f"{values[0]} to {values[-1]}"]
        if isinstance(values, range) and len(values) > 100
        else list(values)
        for name, values in row.options.items()
    }


def _offered(name: str, point: EntryPoint) -> dict[str, Any]:
    """Return the record of a package's model; of one that fails, why."""
    from circuits.errors import CircuitsError
    from circuits.zoo.own import installed_row

    try:
        row = installed_row(name, point)
        return facts(row.architecture()) | {"options": _listed(row)}
    except CircuitsError as error:
        unknown = dict.fromkeys(("n_qubits", "n_features", "n_weights", "n_outputs", "mode"))
        return unknown | {
            "name": name,
            "summary": f"cannot be loaded: {error}",
            "modes": [],
            "reading": False,
            "source": point.value,
            "options": {},
        }


def facts(architecture: Architecture) -> dict[str, Any]:
    """Return what the row says about an architecture."""
    return {
        "name": architecture.name,
        "summary": architecture.summary,
        "n_qubits": architecture.n_qubits,
        "n_features": architecture.n_features,
        "n_weights": architecture.n_weights,
        "n_outputs": len(architecture.readout),
        "modes": list(architecture.modes),
        "mode": architecture.mode,
        "reading": architecture.reading,
        "source": architecture.source,
        "options": dict(architecture.options),
    }


def given_options(architecture: Architecture) -> tuple[tuple[str, Any], ...]:
    """Return the options in which a model differs from its row's defaults."""
    from circuits.zoo.registry import row

    own = row(architecture.name)
    return tuple((k, value) for k, value in architecture.options if value != own.default(k))


def circuits_of(architecture: Architecture, steps: int) -> tuple[QuantumCircuit, ...]:
    """Return what runs: the circuits of one round, or the one circuit of the whole sequence."""
    from circuits.unrolled import unroll

    q = unroll(architecture, steps)
    return q.step_circuits if architecture.in_rounds else (q.circuit,)


def drawable(circuit: QuantumCircuit, longest: int = 24) -> QuantumCircuit:
    """Return a copy whose angles of more than `longest` characters are short names, f0, f1, ..."""
    from qiskit.circuit import Parameter

    names: dict[str, Parameter] = {}

    def short(angle: Any) -> Any:
        text = str(angle)
        return (
            angle if len(text) <= longest else names.setdefault(text, Parameter(f"f{len(names)}"))
        )

    result = circuit.copy_empty_like()
    for item in circuit.data:
        operation = item.operation
        if operation.params and not hasattr(operation, "blocks"):
            operation = operation.to_mutable()
            operation.params = [short(angle) for angle in operation.params]
        result.append(operation, item.qubits, item.clbits)
    return result


def costs(circuits: Iterable[QuantumCircuit]) -> list[dict[str, Any]]:
    """Return depth and counts of each circuit, branches included.

    Barriers do not count; of the branches of an `if_else` the larger count does.
    """
    return [
        {
            "depth": circuit.depth(lambda item: item.operation.name != "barrier"),
            "two_qubit_gates": _count(circuit, lambda item: len(item.qubits) == 2),
            "measurements": _count(circuit, lambda item: item.operation.name.startswith("measure")),
            "resets": _count(circuit, lambda item: item.operation.name.startswith("reset")),
            "branches": _count(circuit, lambda item: False, branch=1),
        }
        for circuit in circuits
    ]


def _count(circuit: QuantumCircuit, chosen: Any, branch: int = 0) -> int:
    total = 0
    for item in circuit.data:
        if hasattr(item.operation, "blocks"):
            inner = (_count(block, chosen, branch) for block in item.operation.blocks)
            total += branch + max(inner, default=0)
        elif item.operation.name != "barrier":
            total += bool(chosen(item))
    return total


def costs_on(architecture: Architecture, steps: int, backend: str, seed: int) -> dict[str, Any]:
    """Return the costs on a recorded device after transpilation, and what its machine refuses.

    Args:
        architecture: what to run.
        steps: number of time steps.
        backend: name of a recorded device, such as `fake_boston`.
        seed: of the transpiler, and of the random numbers bound before the check.

    Returns:
        `circuits` (one record of costs a circuit, with broadcast slots and seconds) and
        `refusals`, the rules that the circuits break, one line each.

    Raises:
        CalibrationError: no such device; near names are listed.
        SpecError: the device has too few qubits, or no `if_else` where the model needs it.
    """
    import numpy as np
    from qiskit.transpiler import generate_preset_pass_manager

    from calibration.library import snapshot
    from jobs.preflight import preflight
    from jobs.preflight.broadcasts import broadcast_slots
    from jobs.timing import longest_path_seconds
    from jobs.transpile.held import check_fits
    from jobs.twin.name import device_of

    device = snapshot(device_of(backend))
    check_fits(architecture, device)
    target = device.target()
    manager = generate_preset_pass_manager(
        optimization_level=3, target=target, seed_transpiler=seed
    )
    generator = np.random.default_rng(seed)
    records, refusals = [], []
    for circuit in circuits_of(architecture, steps):
        values = generator.uniform(0.1, 3.0, circuit.num_parameters)
        isa = manager.run(circuit.assign_parameters(values))
        (record,) = costs([isa])
        record["broadcast_slots"] = broadcast_slots(isa)
        record["seconds"] = longest_path_seconds(isa, target)
        records.append(record)
        refusals += [str(one) for one in preflight(isa, target, shots=1000)]
    return {"backend": backend, "circuits": records, "refusals": refusals}


def variants(names: Iterable[str]) -> list[Architecture]:
    """Return the models of these names, those of two wirings, input or feedback modes in each."""
    from circuits.zoo.registry import row

    def has_choice(name: str, variant: Mapping[str, str]) -> bool:
        own = row(name).options
        return all(len(own.get(k, ())) > 1 and value in own[k] for k, value in variant.items())

    return [
        row(name).architecture(**variant)
        for name in names
        for variant in VARIANTS
        if has_choice(name, variant)
    ]


def audited(
    architecture: Architecture, *, steps: int, shots: int, seed: int, backend: str | None = None
) -> dict[str, Any]:
    """Audit a model, and say what a machine refuses of it.

    Args:
        architecture: what to audit.
        steps: T.
        shots: for the signal-to-noise of a gradient.
        seed: of the random inputs and weights.
        backend: name of a recorded device; adds `refusals`.

    Returns:
        The fields of `circuits.audit.audit.Audit`, JSON-ready.
    """
    from circuits.audit.audit import audit

    report = audit(architecture, steps=steps, shots=shots, seed=seed).to_dict()
    if backend is not None:
        report["backend"] = backend
        report["refusals"] = costs_on(architecture, steps, backend, seed)["refusals"]
    return report


def summary(
    audits: Iterable[Mapping[str, Any]],
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Return column names and one row a model: what an audit found, in short."""
    reports = list(audits)
    shares = ("one label",) if any("label_share" in one for one in reports) else ()
    rows = [
        (
            _full_name(one),
            one["n_weights"],
            one["jacobian_rank"],
            one["input_blind"],
            *([f"{100 * one['label_share']['mean']:.0f} %"] if shares else []),
        )
        for one in reports
    ]
    return ("model", "weights", "rank", "blind", *shares), rows


def markdown(audits: Iterable[Mapping[str, Any]]) -> str:
    """Return the audits as one Markdown table, model after model."""
    from circuits.zoo.registry import architecture

    reports = list(audits)
    sets = {report["label_share"]["dataset"] for report in reports if "label_share" in report}
    shares = [f"one label on {name}" for name in sets]
    columns = ["model", "mode", "qubits", "features", "weights", "Jacobian rank"]
    columns += ["reads its input", "one label on random inputs", *shares]
    columns += ["gradient / shot noise", "source"]
    rules = ["---", "---", *["--:"] * 4, "---", "--:", *["--:"] * len(shares), "--:", "---"]
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join(rules)}|"]
    for report in reports:
        model = architecture(report["name"], **report["options"])
        signal = report["gradient_snr"]
        cells = [
            _full_name(report),
            report["mode"],
            str(report["n_qubits"]),
            str(model.n_features),
            str(report["n_weights"]),
            str(report["jacobian_rank"]),
            "**no**" if report["input_blind"] else "yes",
            f"{100 * report['constant_share']:.0f} %",
            *([f"{100 * report['label_share']['mean']:.0f} %"] if shares else []),
            "none" if signal is None else f"{signal:.2g}",
            model.source + (" (reading)" if model.reading else ""),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _full_name(report: Mapping[str, Any]) -> str:
    """Return a model's name with the options that are not its row's defaults."""
    from circuits.zoo.registry import row

    own, options = row(report["name"]), report["options"]
    chosen = [f"{key} {value}" for key, value in options.items() if value != own.default(key)]
    return ", ".join([report["name"], *chosen])
