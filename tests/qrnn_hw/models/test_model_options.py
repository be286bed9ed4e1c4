import json

import pytest

from circuits.errors import CircuitsError
from circuits.zoo.registry import REGISTRY
from qrnn_hw.cli import invoke
from qrnn_hw.errors import UsageError
from qrnn_hw.models.options import chosen_architecture

CHOICES = [
    (row.name, option, value)
    for row in REGISTRY.values()
    for option, values in row.options.items()
    for value in values[:2]
]


@pytest.mark.parametrize(("name", "option", "value"), CHOICES)
def test_what_is_typed_is_what_is_built(name, option, value):
    typed = chosen_architecture(name, [f"{option}={value}"])
    assert typed == REGISTRY[name].architecture(**{option: value})
    assert dict(typed.options)[option] == value


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (["mode"], UsageError, "NAME=VALUE"),
        (["=sampled"], UsageError, "NAME=VALUE"),
        (["mode=sampled", "mode=sampled"], UsageError, "given once"),
        (["mode=²"], CircuitsError, "should be one of"),
        (["colour=red"], CircuitsError, "should be among"),
    ],
)
def test_options_that_do_not_fit_are_refused(given, kind, words):
    with pytest.raises(kind, match=words):
        chosen_architecture("v4", given)


@pytest.mark.parametrize("text", ["1_0", " 4", "\u0664", "+4", "4.0", ""])
def test_a_number_is_written_in_digits(text):
    with pytest.raises(CircuitsError, match=r"n_qubits of hybrid should be one of 2 to 14\. Got '"):
        chosen_architecture("hybrid", [f"n_qubits={text}"])


def test_preflight_and_estimate_take_the_options_of_a_model(capsys):
    seen = set()
    for mode in ("sampled", "expectation"):
        words = ["v2", "--backend", "fake_boston", "--steps", "2", "-o", f"mode={mode}", "--json"]
        assert invoke(["preflight", *words]) == 0, capsys.readouterr().err
        n_circuits = json.loads(capsys.readouterr().out)["n_circuits"]
        assert invoke(["estimate", *words]) == 0
        path = json.loads(capsys.readouterr().out)["estimate"]["longest_path_seconds"]
        seen.add((n_circuits, path))
    assert len(seen) == 2


@pytest.mark.parametrize("command", ["preflight", "estimate", "submit"])
def test_an_option_for_a_file_or_one_that_no_model_has_is_refused(command, capsys):
    for source in ("three.qpy", "v2"):
        words = [command, source, "--backend", "fake_boston", "--shots", "9", "-o", "colour=red"]
        assert invoke(words) == 2
        assert capsys.readouterr().err.startswith("error: options ")


@pytest.mark.parametrize("name", ["steps", "rows"])
def test_more_than_fits_is_refused_before_it_is_built(name, capsys):
    words = ["estimate", "v2", "--backend", "fake_boston", f"--{name}", "100000000"]
    assert invoke(words) == 2
    assert f"{name} should be at most" in capsys.readouterr().err


def test_a_name_that_would_steer_the_terminal_is_shown_escaped(capsys):
    assert invoke(["preflight", "\x1b[31m.qpy", "--backend", "fake_boston"]) == 2
    assert "Got \\x1b[31m.qpy" in capsys.readouterr().err
