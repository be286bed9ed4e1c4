"""`qrnn-hw jobs`: what was sent, how it stands, and what came back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.counted import counted
from qrnn_hw.cli.numbers import whole
from qrnn_hw.cli.output import Json, print_json, print_lines, print_table
from qrnn_hw.ranges import MOST_LISTED

if TYPE_CHECKING:
    from jobs.store.store import Store

app = typer.Typer(
    name="jobs",
    help="List, show, watch, fetch, adopt, import, cancel, forget and export jobs. list, show and "
    "export read the store only; the others ask the service.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Key = Annotated[str, typer.Argument(help="The beginning of a job's key, or the service's id.")]
Keys = Annotated[list[str] | None, typer.Argument(help="Beginnings of keys, or the service's ids.")]


@app.command("list")
def list_jobs(
    limit: Annotated[int, whole(0, MOST_LISTED, help="So many of the newest; 0 is all.")] = 50,
    state: Annotated[
        list[str] | None, typer.Option(help="Only jobs in this state; may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """List the jobs of the store, newest first, with the age of what is shown."""
    from qrnn_hw.submission.job_documents import age_text, check_states, list_document

    check_states(state or ())
    with _store() as store:
        records = store.jobs(limit=limit if limit > 0 else None, states=state or ())
    documents = [list_document(record) for record in records]
    if json:
        print_json({"jobs": documents})
        return
    print_lines(
        ("key", "state", "as of", "backend", "shots", "QPU s", "id"),
        [
            (
                one["key"][:12],
                one["state"],
                f"{age_text(one['age_seconds'])} ago",
                one["backend"],
                str(one["shots"]),
                "" if one["quantum_seconds"] is None else f"{one['quantum_seconds']:.1f}",
                one["id"] or "",
            )
            for one in documents
        ],
    )


@app.command("show")
def show(key: Key, json: Json = False) -> None:
    """Show one job: states with their times, notes, estimate and charge."""
    from qrnn_hw.submission.job_documents import age_text, full_document

    with _store() as store:
        document = full_document(store.resolve(key), store)
    if json:
        print_json(document)
        return
    estimate, charge = document["estimate_seconds"], document["quantum_seconds"]
    rows: list[tuple[str, Any]] = [
        (name, document[name]) for name in ("key", "id", "backend", "shots", "created_at")
    ]
    rows.append(("state", f"{document['state']}, as of {age_text(document['age_seconds'])} ago"))
    if estimate:
        rows.append(("estimate", f"{estimate[1]:.1f} s ({estimate[0]:.1f} to {estimate[2]:.1f} s)"))
    rows.append(("charged", "not known" if charge is None else f"{charge:.1f} s"))
    if len(document["charges"]) > 1:
        for one in document["charges"]:
            known = "not known" if one["seconds"] is None else f"{one['seconds']:.1f} s"
            rows.append((f"charged as {one['id']}", known))
    for one in document["history"]:
        rows.append((one["at"], " ".join([one["state"], one.get("reason", "")]).strip()))
    rows += [(note["at"], note["text"]) for note in document["notes"]]
    rows += [("part", f"{part['key'][:12]} {part['state']}") for part in document["parts"]]
    print_table(("", ""), rows)


@app.command("watch")
def watch(keys: Keys = None, json: Json = False) -> None:
    """Wait until jobs have ended; without keys, all that have not. Ctrl-C leaves them running."""
    from jobs.errors import JobsError
    from qrnn_hw.cli.submit import come_back, report_change
    from qrnn_hw.submission.tracking import parts_of, pending_keys, watch_jobs

    with _store() as store:
        wanted = _resolved(keys, store) or pending_keys(store)
        try:
            parts = watch_jobs(wanted, store, report_change)
        except KeyboardInterrupt:
            typer.echo(come_back(wanted), err=True)
            raise SystemExit(130) from None
        except JobsError:
            # What became of the others is told all the same.
            _print_states(parts_of(wanted, store), store, json)
            raise
        _print_states(parts, store, json)
        code = _exit_code(parts, store)
    if code:
        raise typer.Exit(code)


@app.command("fetch")
def fetch(key: Key, json: Json = False) -> None:
    """Print the counts of a job that is done, from the store or, the first time, the service."""
    from qrnn_hw.submission.job_results import counts_document
    from qrnn_hw.submission.tracking import fetch_job

    with _store() as store:
        full = store.resolve(key)
        document = counts_document(full, store, fetch_job(full, store))
    if json:
        print_json(document)
        return
    header, places = _places(document)
    rows = [
        [*where, register, bits, str(n)]
        for *where, registers in places
        for register, counts in registers.items()
        for bits, n in sorted(counts.items(), key=lambda item: -item[1])
    ]
    print_lines((*header, "register", "bits", "shots"), rows)


def _places(document: dict[str, Any]) -> tuple[tuple[str, str], list[tuple[str, str, Any]]]:
    """Return two columns that say where registers were read, and what they say of each place."""
    if "sequences" in document:
        return ("sequence", "tile"), [
            (str(one["sequence"]), ",".join(map(str, one["tile"])), one["registers"])
            for one in document["sequences"]
        ]
    return ("circuit", "row"), [
        (str(circuit), str(row), registers)
        for circuit, content in enumerate(document["circuits"])
        for row, registers in enumerate(content["rows"])
    ]


@app.command("adopt")
def adopt(keys: Keys = None, json: Json = False) -> None:
    """Look up jobs whose sending was cut short, keep those found, cancel and report doubles."""
    from qrnn_hw.submission.tracking import adopt_jobs

    with _store() as store:
        found = adopt_jobs(_resolved(keys, store), store)
        for key in found:
            for _, text in store.notes(key):
                typer.echo(f"{key[:12]} {text}", err=True)
        left = len(store.jobs(limit=None, states=("intended",)))
        _print_states(found, store, json)
    if left:
        typer.echo(
            f"{counted(left, 'job')} not in the service's list: submit again, or cancel.",
            err=True,
        )


@app.command("import")
def import_(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The service's id of the job.")],
    json: Json = False,
) -> None:
    """Take a job of the account that was not sent from here into the store.

    Circuits, parameters, bits, charge, and the calibration of its time where the service has it:
    `mitigate`, `jobs fetch` and `jobs export` work on it as on any other. Jobs of a sampler that
    have ended.
    """
    from qrnn_hw.submission.imported import import_job
    from qrnn_hw.submission.job_documents import full_document

    with _store() as store:
        key, is_new = import_job(job_id, store)
        document = {**full_document(key, store), "new": is_new}
        if not is_new:
            typer.echo(f"{key[:12]} is in the store already", err=True)
        if json:
            print_json(document)
        else:
            _print_states((key,), store, json=False)


@app.command("cancel")
def cancel(
    keys: Annotated[list[str], typer.Argument(help="Beginnings of keys, or the service's ids.")],
    json: Json = False,
) -> None:
    """Cancel jobs that have not ended."""
    from qrnn_hw.submission.tracking import cancel_jobs, parts_of

    with _store() as store:
        wanted = _resolved(keys, store)
        cancelled = cancel_jobs(wanted, store)
        parts = parts_of(wanted, store)
        for key in parts:
            if key not in cancelled:
                typer.echo(f"{key[:12]} had ended already", err=True)
        _print_states(parts, store, json)


@app.command("forget")
def forget(
    keys: Annotated[list[str], typer.Argument(help="Beginnings of keys, or the service's ids.")],
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway",
            help="Even if the service cannot be asked, or says that the job lives: it may still "
            "run, and be charged.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Clear jobs that the service no longer has, or has no result of. It is asked first."""
    from qrnn_hw.submission.tracking import forget_jobs

    with _store() as store:
        parts = forget_jobs(_resolved(keys, store), store, anyway=anyway)
        _print_states(parts, store, json)


@app.command("export")
def export(
    key: Key, output: Annotated[Path, typer.Option(help="Zip archive to write; a new file.")]
) -> None:
    """Write a job's circuits, parameters, bits, states and calibration to one zip archive."""
    from qrnn_hw.submission.job_results import write_archive

    with _store() as store:
        write_archive(store.resolve(key), store, output)
    typer.echo(str(output))


def _store() -> Store:
    from jobs.store.store import Store
    from qrnn_hw.config import store_path

    return Store(store_path())


def _resolved(keys: list[str] | None, store: Store) -> tuple[str, ...]:
    return tuple(store.resolve(key) for key in keys or ())


def _print_states(keys: Sequence[str], store: Store, json: bool) -> None:
    from qrnn_hw.submission.job_documents import short_document

    documents = [short_document(key, store) for key in keys]
    if json:
        print_json({"jobs": documents})
    else:
        print_lines(
            ("key", "id", "state"),
            [(one["key"][:12], one["id"] or "", one["state"]) for one in documents],
        )


def _exit_code(keys: Sequence[str], store: Store) -> int:
    """Return 0 when all are done, 7 when all were lost, 9 when some were, 10 with one unsent."""
    from qrnn_hw.submission.job_documents import short_document

    states = [short_document(key, store)["state"] for key in keys]
    n_lost = sum(state in ("failed", "cancelled") for state in states)
    if n_lost:
        return 7 if n_lost == len(states) else 9
    unsent = [key[:12] for key, state in zip(keys, states, strict=True) if state == "intended"]
    if unsent:
        typer.echo(
            f"{' '.join(unsent)} never reached the service: there is nothing to wait for. Submit "
            "it again, or cancel it.",
            err=True,
        )
    return 10 if unsent else 0
