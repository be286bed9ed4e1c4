"""What comes from outside reaches the terminal as text, wherever it is printed."""

import json
import logging
import pty
import subprocess
import sys
import warnings

import pytest

from qrnn_hw.cli import invoke
from qrnn_hw.cli.console import PlainConsole
from qrnn_hw.cli.output import print_json, print_lines, print_table
from qrnn_hw.cli.progress import ConsoleProgress
from qrnn_hw.cli.tables import print_findings, print_outcome
from qrnn_hw.cli.tables import print_table as print_report_table
from qrnn_hw.cli.terminal import guarded, plain
from qrnn_hw.report.blocks import Table

STEERING = "\x1b[2J\x1b]0;title\x07\x9b31m\r\x08\u202e\u2066\u200b\u200d\ufeff\u2028[red]"
HARMFUL = frozenset(STEERING) - frozenset("[2J]0;title31mred")
OUTCOME = {
    "model": STEERING,
    "dataset": STEERING,
    "backend": STEERING,
    "shots": 1,
    "accuracy": {STEERING: {"value": 0.5, "low": 0.4, "high": 0.6, "n": 3}},
    "controls": [{"name": STEERING, "value": 0.5, "low": 0.4, "high": 0.6, "n": 3}],
    "data": dict.fromkeys(
        (
            "sentences",
            "repeats_left_out",
            "repeats_in_two_parts",
            "words",
            "words_skipped",
            "sentences_without_words",
        ),
        1,
    ),
    "qpu_seconds": 1.0,
    "qpu_seconds_range": {"low": 1.0, "high": 2.0},
    "report": STEERING,
}


def staged():
    with ConsoleProgress() as progress:
        progress.stage(STEERING)
        progress.advance(1, 2, STEERING)


PRINTERS = {
    "table": lambda: print_table(("a", STEERING), [(STEERING, 1)]),
    "lines": lambda: print_lines(("a", "b"), [(STEERING, "1")]),
    "findings": lambda: print_findings([STEERING]),
    "report": lambda: print_report_table(STEERING, Table((STEERING,), ((STEERING,),))),
    "outcome": lambda: print_outcome(OUTCOME),
    "progress": staged,
    "echo": lambda: print(STEERING, file=sys.stderr),
    "warning": lambda: warnings.warn(STEERING, stacklevel=1),
    "log": lambda: logging.getLogger("anybody's").warning(STEERING),
}


@pytest.mark.parametrize("name", PRINTERS)
def test_nothing_that_is_printed_steers_the_terminal(name, capsys):
    with guarded(), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: print(message, file=sys.stderr)
        PRINTERS[name]()
    said = "".join(capsys.readouterr())
    assert not HARMFUL & set(said)
    if name != "log":  # pytest takes it
        assert "\\x1b[2J" in "".join(part.strip("│ ") for part in said.splitlines())
        assert "[red]" in said.replace("│\n│", "").replace("\n", "")


def test_json_stays_what_it_was(capsys):
    document = {"name": STEERING, "word": "naïve"}
    with guarded():
        print_json(document)
    said = capsys.readouterr().out
    assert json.loads(said) == document
    assert not HARMFUL & set(said)


def test_a_message_of_an_error_is_one_plain_line(capsys):
    assert invoke(["run", "--model", STEERING + "\n2"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert not HARMFUL & set(said)


def test_a_defect_of_ours_is_told_behind_the_same_door(monkeypatch, capsys):
    from qrnn_hw.cli import app

    def broken(*_, **__):
        raise RuntimeError(STEERING)

    monkeypatch.setattr(app, "app", broken)
    assert invoke([]) == 1
    assert not HARMFUL & set(capsys.readouterr().err)


def test_words_of_all_scripts_stay_what_they_are():
    assert plain("größer не 好 עברית\n\t") == "größer не 好 עברית\n\t"


def test_in_a_terminal_only_the_styles_of_ours_are_left():
    code = (
        "from qrnn_hw.cli.terminal import guarded; from qrnn_hw.cli.output import print_table\n"
        f"with guarded(): print_table(('a', 'b'), [({STEERING!r}, 1)])"
    )
    master, slave = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", code],
        stdout=slave,
        check=True,
        env={"TERM": "xterm-256color", "COLUMNS": "200", "PATH": ""},
    )
    import os

    said = os.read(master, 1 << 16).decode()
    assert "\x1b[1m" in said  # the header is bold
    assert "\\x1b[2J" in said
    assert not {"\x07", "\x9b", "\u202e"} & set(said)
    assert "\x1b[2J" not in said


def test_a_console_without_the_guard_is_plain_too(capsys):
    PlainConsole().print(STEERING)
    assert not HARMFUL & set(capsys.readouterr().out)
