"""The tree of commands; each noun has a file of its own."""

from __future__ import annotations

import typer

from qrnn_hw._version import __version__
from qrnn_hw.cli import auth, backends, calibrate, config, jobs, models, study
from qrnn_hw.cli.doctor import doctor
from qrnn_hw.cli.estimate import estimate
from qrnn_hw.cli.mitigate import mitigate
from qrnn_hw.cli.predict import export, predict
from qrnn_hw.cli.preflight import preflight
from qrnn_hw.cli.run import run
from qrnn_hw.cli.submit import submit
from qrnn_hw.cli.train import train

app = typer.Typer(
    name="qrnn-hw",
    help="Quantum recurrent networks with mid-circuit measurement and feed-forward, on IBM "
    "machines.",
    epilog="Exit codes: 0 ok, 1 internal, 2 usage, 3 configuration, 4 preflight, 5 auth, "
    "6 service unavailable, 7 job failed, 8 budget or not confirmed, 9 partial, 10 pending, "
    "130 interrupted (never cancels a job).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Take no action of its own; commands follow."""


app.command("run")(run)
app.command("train")(train)
app.command("predict")(predict)
app.command("export")(export)
app.add_typer(backends.app, name="backends")
app.command("mitigate")(mitigate)
app.command("preflight")(preflight)
app.command("estimate")(estimate)
app.command("submit")(submit)
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(jobs.app, name="jobs")
app.add_typer(auth.app, name="auth")
app.add_typer(config.app, name="config")
app.command("doctor")(doctor)
app.add_typer(models.app, name="models")
app.add_typer(study.app, name="study")
