"""Every number that a user can give has a finite range, which holds before anything runs."""

import math
from inspect import Parameter, signature
from typing import Annotated, get_args, get_origin, get_type_hints

import pytest
import typer

from qrnn_hw.cli import invoke
from qrnn_hw.cli.app import app


def commands(group=app, path=()):
    """Yield the words of each command and its function."""
    for inner in group.registered_groups:
        yield from commands(
            inner.typer_instance, (*path, inner.name or inner.typer_instance.info.name)
        )
    for one in group.registered_commands:
        yield (*path, one.name), one.callback


def parameters(function):
    """Yield the name, the types, the option or argument and the default of each parameter."""
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in signature(function).parameters.items():
        if get_origin(hints[name]) is Annotated:
            kind, info, *_ = get_args(hints[name])
            yield name, {kind, *get_args(kind)}, info, parameter.default


def flag(name, info):
    return next((text for text in info.param_decls or () if "--" in text), f"--{name}").replace(
        "_", "-"
    )


def numeric():
    for path, function in commands():
        for name, kinds, info, default in parameters(function):
            if kinds & {int, float}:
                yield path, function, flag(name, info), info, default


NUMERIC = list(numeric())


def test_there_are_as_many_as_there_should_be():
    assert len(NUMERIC) > 50


@pytest.mark.parametrize(
    ("info", "default"),
    [
        pytest.param(info, default, id=" ".join((*path, name)))
        for path, _, name, info, default in NUMERIC
    ],
)
def test_each_numeric_option_has_a_finite_range(info, default):
    least, most = info.parser.range
    assert math.isfinite(least)
    assert math.isfinite(most)
    assert default in (None, Parameter.empty) or least <= default <= most


HUGE = [
    "99999999999999999999",
    "9" * 5000,
    "1e308",
    "-1e308",
    "inf",
    "-inf",
    "nan",
    "x",
    "",
    "\x1b",
]


@pytest.mark.parametrize("value", HUGE)
def test_no_number_beyond_its_range_is_taken(value):
    for *_, info, _ in NUMERIC:
        with pytest.raises(typer.BadParameter, match="Got") as caught:
            info.parser(value)
        assert len(str(caught.value)) < 200
        assert "\x1b" not in str(caught.value)


def test_every_command_refuses_it_in_one_line(capsys):
    value = "9" * 5000
    for path, function, option, _, _ in NUMERIC:
        required = []
        for name, _, info, default in parameters(function):
            if default is Parameter.empty and flag(name, info) != option:
                is_option = type(info).__name__ == "OptionInfo"
                required += [flag(name, info)] * is_option
                required += ["fake_boston" if name == "backend" else "9"]
        assert invoke([*path, *required, f"{option}={value}"]) == 2, (path, option)
        said = capsys.readouterr().err
        assert "Got 9999" in said
        assert said.count("\n") == 1
        assert len(said) < 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["study", "device", "--shots", "9" * 5000],
        ["study", "device", "--shots", "٣,٤"],
        ["study", "shots", "--shots", "1," + "9" * 30],
        ["study", "device", "--hours-between", "800000", "--rounds", "3"],
        ["study", "noise", "--shard", "1/" + "9" * 5000],
        ["calibrate", "readout", "--backend", "fake_boston", "--qubits", "0-" + "9" * 5000],
        ["models", "show", "v1", "--option", "layers=" + "9" * 5000],
        ["submit", "v1", "--backend", "fake_boston", "--shots", "9", "--fold", "1," + "9" * 5000],
        ["mitigate", "--plan", f"linear(1,{'9' * 400})"],
        ["mitigate", "--plan", f"relabel (sampled {'9' * 5000})"],
    ],
)
def test_numbers_within_texts_have_their_range_too(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path))
    assert invoke(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
