"""The page of the models names what the registry has."""

from pathlib import Path

import circuits
from qrnn_hw.models.facts import variants

PAGE = Path(__file__).parents[3] / "docs" / "models.md"


def test_the_table_has_every_variant_with_its_numbers():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "| " in line]
    table = [row for row in rows if row[0].split(",")[0] in circuits.architectures()]
    expected = [
        [str(number) for number in (model.n_qubits, model.n_features, model.n_weights)]
        for model in variants(circuits.architectures())
    ]
    assert [row[2:5] for row in table] == expected
    names = [model.name for model in variants(circuits.architectures())]
    assert [row[0].split(",")[0] for row in table] == names
