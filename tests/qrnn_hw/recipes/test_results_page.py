"""What the results page says of its figures."""

import re
from pathlib import Path

from benchmarks import zoo_page

import circuits
from qrnn_hw.networks.encoding import Control
from qrnn_hw.networks.network import network_of

ROW = re.compile(r"\| ([\w-]+)((?:, \w+)*) \| (\d+) \|.*\| ([\d,]+) \|")


def document(values, asked=40):
    summary = {"values": values}
    return {
        "accuracy": {"infinite": summary, "shots": summary},
        "epochs": {"asked": asked, "recipe": 40},
        "n_quantum_weights": 7,
        "n_parameters": 9,
    }


def test_the_page_says_no_more_than_its_figures():
    documents = {
        ("v3a", "published"): document([0.49, 0.51, 0.53], asked=12),
        ("adapted", "published"): document([0.90, 0.91, 0.92]),
        ("v3a", "ours"): document([0.70, 0.71, 0.72]),
        ("adapted", "ours"): None,
    }
    grus = {"v3a": [0.60, 0.62, 0.61], "adapted": [0.8, 0.8, 0.8]}
    text = zoo_page.page(zoo_page.Results(documents, grus, {}))
    assert (
        "reaches 0.710 on average over 2 models, 1 of them with fewer epochs than its own; the "
        "interval over seeds of 1 holds 0.5, guessing, and that of 1 of 2 holds the published"
    ) in text
    assert "learns next to nothing" not in text  # one of them labels nine of ten rightly
    assert "paired by seed over 1 rows: +10.0 points on average, above it in 1 rows" in text
    assert "| v3a |  | +10.0 (+7.5 to +12.5) |" in text
    assert "not run" in next(line for line in text.splitlines() if line.startswith("| adapted |"))


def test_each_row_is_of_the_network_that_its_name_claims():
    """By its trained numbers: a controller or a wiring that is not there would be missed."""
    rows = ROW.findall((Path(__file__).parents[3] / "docs" / "results.md").read_text())
    assert len(rows) == 31
    for name, more, n_weights, n_parameters in rows:
        given = {"repaired": {"wiring": "repaired"}, "sampled": {"mode": "sampled"}}
        options = {key: one for word in more.split(", ")[1:] for key, one in given[word].items()}
        network = network_of(circuits.architecture(name, **options), 100)
        assert network.architecture.n_weights == int(n_weights)
        trained = sum(array.size for array in network.initial(0).values())
        assert trained == int(n_parameters.replace(",", "")), (name, more)
        assert isinstance(network.encoding, Control) == (name == "hybrid")
