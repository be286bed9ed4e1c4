"""`qrnn-hw auth`: the account of the service; its token is never shown, nor an argument."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from qrnn_hw.cli.output import Json, print_json, print_table

app = typer.Typer(
    name="auth",
    help="Log in to the service, and see where the account comes from.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LONGEST_TOKEN = 4096
"""Characters; a key of the service has 44, a token of a request some 1,500."""

_CRN = re.compile(r"crn:v1(:[!-9;-~]*){8}")


@app.command("login")
def login(
    instance: Annotated[
        str | None, typer.Option(help="CRN of the instance; asked for in a terminal.")
    ] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input.")
    ] = False,
) -> None:
    """Save an account for all later commands, in a file that only you may read."""
    from qrnn_hw.errors import UsageError

    if not token_stdin and not sys.stdin.isatty():
        raise UsageError("a token should be typed in a terminal. Got none; use --token-stdin.")
    if token_stdin and instance is None:
        raise UsageError("with --token-stdin the instance should be given. Got none; --instance.")
    if token_stdin:
        token = sys.stdin.readline().strip()
    else:
        token = typer.prompt("Token (not shown)", hide_input=True, err=True).strip()
    _check_token(token)
    if instance is None:
        instance = typer.prompt("Instance (CRN)", err=True)
    instance = instance.strip()
    if not _CRN.fullmatch(instance):
        raise UsageError(
            "an instance should be its CRN, crn:v1:... with nine colons, as the page of the "
            f"instance shows it. Got {instance[:200]!r}."
        )

    from jobs.service.account import account_path
    from jobs.service.runtime import save_account

    save_account(token, instance)
    typer.echo(f"saved to {account_path()}, for its owner only")


def _check_token(token: str) -> None:
    """Refuse what no header of a request could carry; the token itself is never shown."""
    from qrnn_hw.errors import UsageError

    if not token:
        raise UsageError("a token should not be empty. Got nothing.")
    if len(token) > LONGEST_TOKEN:
        raise UsageError(
            f"a token should have at most {LONGEST_TOKEN:,} characters. Got {len(token):,}."
        )
    if not re.fullmatch(r"[!-~]+", token):
        raise UsageError(
            "a token should be one word of letters, digits and signs. Got a space, a control "
            "character or a letter outside ASCII in it; copy it again."
        )


@app.command("status")
def status(
    remote: Annotated[
        bool, typer.Option("--remote", help="Also ask the service whether it takes the account.")
    ] = False,
    json: Json = False,
) -> None:
    """Say where the account comes from and whether it is private; exit code 5 without one."""
    from jobs.service.account import account_status

    known = account_status()
    document: dict[str, str | bool | float | None] = {
        "source": known.source,
        "path": str(known.path),
        "is_private": known.is_private,
        "is_readable": known.is_readable,
    }
    if remote:
        from jobs.service.runtime import ServiceExecutor

        service = ServiceExecutor("")
        document["plan"] = service.plan()
        document["remaining_seconds"] = service.remaining_seconds()
    if json:
        print_json(document)
    else:
        print_table(("", ""), list(document.items()))
    if known.source == "none":
        raise typer.Exit(5)
