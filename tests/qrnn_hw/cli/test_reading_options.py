"""The options of data, as a command takes them."""

import numpy as np
import pytest
import typer

from qrnn_hw.cli.reading import ChosenData, reads_data
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.errors import QRNNError, UsageError
from qrnn_hw.experiment.settings import read_data


@pytest.fixture
def command(tmp_path):
    """A command with all options of data, which returns what was read."""
    app = typer.Typer(add_completion=False)

    @app.command()
    @reads_data
    def take(*, chosen: ChosenData):
        return read_data(chosen.data, chosen.name("amazon"), chosen.reading, None)

    def run(*arguments):
        return typer.main.get_command(app).main(list(arguments), standalone_mode=False)

    return run


def test_a_series_from_the_command_line(command, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("t,x,z\n" + "".join(f"{n},{n},{-n}\n" for n in range(50)))
    found = command(
        "--data", str(path), "--target", "x", "--target", "z", "--inputs", "z", "--window", "3",
        "--horizon", "2", "--time", "t",
    )  # fmt: skip
    assert found.target == Numbers(("x", "z"))
    np.testing.assert_array_equal(found.sequences.values[0, :, 0], [0, -1, -2])
    np.testing.assert_array_equal(found.sequences.targets[0], [4, -4])


def test_gaps_are_filled_where_that_is_said(command, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,z\n" + "1,2\n,3\n4,5\n" * 9)
    found = command("--data", str(path), "--target", "x", "--window", "2", "--gaps", "last")
    np.testing.assert_array_equal(found.sequences.values[0, :, 0], [1, 1])
    with pytest.raises(QRNNError, match="line 3, column 'x': .*--gaps last"):
        command("--data", str(path), "--target", "x")
    with pytest.raises(QRNNError, match="gaps should be one of refused, last. Got 'zero'"):
        command("--data", str(path), "--target", "x", "--gaps", "zero")


def test_sentences_and_names_from_the_command_line(command, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("say,mood\n" + "".join(f"good {n} phone,{'abc'[n % 3]}\n" for n in range(30)))
    found = command(
        "--data", str(path), "--text", "say", "--label", "mood", "--steps", "1", "--read", "last"
    )
    assert found.target == Classes(("a", "b", "c"))
    assert found.sequences.n_steps == 1
    assert command().name == "amazon"
    made = command("--dataset", "narma10", "--length", "40", "--data-seed", "3", "--per-step")
    assert made.target == Numbers(("y",), per_step=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dataset", "amazon", "--data", "a.csv"), "either --data or --dataset"),
        (("--read", "middle"), "one of first, last, spread. Got 'middle'"),
        (("--dataset", "stm", "--steps", "3"), "series stm should be read without --steps"),
        (("--dataset", "stm", "--read", "last"), "series stm should be read without --read"),
        (("--data", "none.csv"), "Got a path where nothing is"),
        (("--window", "0"), "should be at least 1. Got 0"),
    ],
)
def test_options_without_sense_are_one_line(command, arguments, said):
    with pytest.raises((QRNNError, typer.BadParameter), match=said) as raised:
        command(*arguments)
    assert len(str(raised.value).splitlines()) == 1


def test_options_go_to_a_document_and_back(tmp_path):
    options = ReadOptions(target=("x",), window=4, embeddings=tmp_path / "v.txt", words="spread")
    document = options.to_json()
    assert ReadOptions.from_json(document) == options
    assert ReadOptions.from_json(ReadOptions().to_json()) == ReadOptions()
    with pytest.raises(UsageError, match="either a label .* or a target"):
        ReadOptions(label="a", target="b")
