"""`qrnn-hw models`: what the models are, how they look, what they can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qrnn_hw.cli.model_audit import audit
from qrnn_hw.cli.numbers import whole
from qrnn_hw.cli.options import FeedbackMode, ModelOptions, Wiring
from qrnn_hw.cli.output import Json, print_json, print_table
from qrnn_hw.ranges import MOST_SEED, MOST_UNROLLED

if TYPE_CHECKING:
    from circuits.definition import Architecture

app = typer.Typer(
    name="models",
    help="List, show, draw, export and audit the models.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[
    str, typer.Argument(help="Model name, as `qrnn-hw models list` gives it, or FILE.py:NAME.")
]
Steps = Annotated[int, whole(1, MOST_UNROLLED, help="Time steps T.")]


@app.command("list")
def list_models(json: Json = False) -> None:
    """List all models with their sizes, modes and source."""
    from qrnn_hw.models.facts import listing

    records = listing()
    if json:
        print_json(records)
        return
    print_table(
        ("model", "qubits", "features", "weights", "modes", "what it is"),
        [
            (
                record["name"],
                record["n_qubits"],
                record["n_features"],
                record["n_weights"],
                ", ".join(record["modes"]),
                record["summary"] + (" (reading)" if record["reading"] else ""),
            )
            for record in records
        ],
    )


@app.command("show")
def show(
    name: Name,
    option: ModelOptions = None,
    mode: FeedbackMode = None,
    wiring: Wiring = None,
    steps: Steps = 10,
    backend: Annotated[
        str | None, typer.Option(help="Also transpile for this recorded device, fake_...")
    ] = None,
    seed: Annotated[int, whole(0, MOST_SEED, help="Of the transpiler.")] = 0,
    json: Json = False,
) -> None:
    """Show a model: sizes, source, depth and counts, on a machine too, and what that refuses."""
    from circuits.zoo.registry import row
    from circuits.zoo.row import listed
    from qrnn_hw.models.facts import circuits_of, costs, costs_on, facts

    model = _architecture(name, option, mode, wiring)
    document: dict[str, Any] = facts(model)
    document["steps"] = steps
    document["circuits"] = costs(circuits_of(model, steps))
    if backend is not None:
        document["on_backend"] = costs_on(model, steps, backend, seed)
    if json:
        print_json(document)
        return
    # The modes are among the options.
    rows = [
        (key, value)
        for key, value in document.items()
        if key != "mode" and not isinstance(value, list | dict)
    ]
    takes = row(name).options
    rows += [
        (f"option {key}", f"{value} (one of {listed(takes[key])})")
        for key, value in document["options"].items()
    ]
    rows += _cost_rows("logical", document["circuits"])
    if backend is not None:
        rows += _cost_rows(backend, document["on_backend"]["circuits"])
        rows += [("refused", line) for line in document["on_backend"]["refusals"]]
    print_table(("", ""), rows)


@app.command("draw")
def draw(
    name: Name,
    option: ModelOptions = None,
    mode: FeedbackMode = None,
    wiring: Wiring = None,
    steps: Steps = 1,
    output: Annotated[
        Path | None, typer.Option(help="Write an SVG file; without it, text on stdout.")
    ] = None,
) -> None:
    """Draw a model's circuit as text or SVG; of a model in rounds, the circuits of one step.

    Angles too long to print, those of normalised vectors, appear as f0, f1, ...
    """
    import io

    from circuits.unrolled import check_steps
    from qrnn_hw.config import writable_folder
    from qrnn_hw.errors import UsageError
    from qrnn_hw.models.export import numbered
    from qrnn_hw.models.facts import circuits_of, drawable
    from qrnn_hw.report.files import write_bytes

    if output is not None and output.suffix.lower() != ".svg":
        raise UsageError(f"a drawing should be written to a file named .svg. Got {output}.")
    model = _architecture(name, option, mode, wiring)
    check_steps(steps)
    if output is not None:
        writable_folder(output.parent)
    found = [drawable(circuit) for circuit in circuits_of(model, steps)]
    if output is None:
        for circuit in found:
            typer.echo(str(circuit.draw("text", fold=-1)))
        return
    for path, circuit in zip(numbered(output, len(found)), found, strict=True):
        import matplotlib

        matplotlib.use("Agg")
        drawing = io.BytesIO()
        circuit.draw("mpl", fold=40).savefig(drawing, format="svg", bbox_inches="tight")
        write_bytes(path, drawing.getvalue())
        typer.echo(str(path))


@app.command("export")
def export(
    name: Name,
    output: Annotated[Path, typer.Option(help="File to write: .qasm, .qasm3 or .qpy.")],
    option: ModelOptions = None,
    mode: FeedbackMode = None,
    wiring: Wiring = None,
    steps: Steps = 10,
    seed: Annotated[
        int | None,
        whole(0, MOST_SEED, help="Bind random features and weights of this seed."),
    ] = None,
) -> None:
    """Export a model's circuit as OpenQASM 3 or QPY, with free parameters or with numbers."""
    from qrnn_hw.config import writable_folder
    from qrnn_hw.models.export import check_export, exported
    from qrnn_hw.report.files import write_bytes

    model = _architecture(name, option, mode, wiring)
    check_export(model, steps, output, seed)
    writable_folder(output.parent)
    for path, content in exported(model, steps, output, seed).items():
        write_bytes(path, content)
        typer.echo(str(path))


@app.command("new")
def new(
    path: Annotated[Path, typer.Argument(help="Python file to write, such as my_cell.py.")],
) -> None:
    """Write a commented, working start for a cell of your own."""
    from qrnn_hw.config import writable_folder
    from qrnn_hw.models.own_cell import start_of_cell
    from qrnn_hw.report.files import write_bytes

    start = start_of_cell(path)
    writable_folder(path.parent)
    write_bytes(path, start)
    typer.echo(f"{path}; see it with: qrnn-hw models show {path}:step --backend fake_boston")


app.command("audit")(audit)


def _architecture(
    name: str, given: list[str] | None, mode: str | None, wiring: str | None
) -> Architecture:
    """Build a model from its name and the options as typed."""
    from qrnn_hw.models.options import chosen_architecture

    return chosen_architecture(name, given, mode=mode, wiring=wiring)


def _cost_rows(where: str, records: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [
        (f"{where}, circuit {index}" if len(records) > 1 else where, _joined(record))
        for index, record in enumerate(records)
    ]


def _joined(record: dict[str, Any]) -> str:
    parts = []
    for key, value in record.items():
        shown = f"{1e6 * value:.1f} us" if key == "seconds" else str(value)
        parts.append(f"{key.replace('_', ' ')} {shown}")
    return ", ".join(parts)
