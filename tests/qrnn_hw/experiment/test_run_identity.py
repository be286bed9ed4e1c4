"""A run is known by what it was made from: its circuits and its data, on every processor."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import circuits
from circuits.layers.cells import Rotations
from circuits.zoo.registry import REGISTRY
from circuits.zoo.row import fixed
from jobs.digest import circuit_digest
from jobs.spec import Pub
from qrnn_hw.data import read_text
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment import task
from qrnn_hw.experiment.kept_features import KeptRounds
from qrnn_hw.experiment.prepare import prepare
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.recipe_settings import RecipeSettings
from qrnn_hw.experiment.recipe_settings import default_folder as training_folder
from qrnn_hw.experiment.run_folder import default_folder
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.networks import encoding
from qrnn_hw.networks.frozen_rows import changed_circuits, is_unchanged
from qrnn_hw.networks.identity import architecture_digest
from qrnn_hw.studies.grid import Cell
from qrnn_hw.training.checkpoint import save
from qrnn_hw.training.trainer import start

NAME = "dynamic-line"


@pytest.fixture
def text(tmp_path):
    good, bad = ("great", "excellent", "love", "nice"), ("terrible", "awful", "waste", "broken")
    nouns = ("sound", "case", "price", "screen", "camera", "cable")
    rows = [
        f"{label}\t{word} {noun}"
        for label, words in (("1", good), ("0", bad))
        for word in words
        for noun in nouns
    ]
    path = tmp_path / "small.tsv"
    path.write_text("label\ttext\n" + "\n".join(rows) + "\n")
    return path


def settings_of(text, folder):
    return RunSettings(NAME, data=text, sentences=4, shots=200, output=folder)


def kept(settings):
    """Leave a checkpoint of no epochs, as a training does after its first."""
    prepared = prepare(settings, settings.read(), Quiet())
    training = prepared.training
    state = start(training.stepper(), training.initial)
    save(settings.output / "checkpoint.npz", state, training.identity)
    return prepared


def read_trained(prepared):
    training = prepared.training
    return training.trained(training.read(prepared.settings.output))


def with_another_cell(monkeypatch):
    """Change the cell of a row of the registry; its name, sizes and options stay."""
    row = circuits.architecture(NAME)
    place = next(i for i, layer in enumerate(row.cell) if isinstance(layer, Rotations))
    layer = row.cell[place]
    other = replace(layer, axes="x" * len(layer.axes))
    cell = (*row.cell[:place], other, *row.cell[place + 1 :])
    changed = replace(row, cell=cell, options=())
    assert changed.n_weights == row.n_weights
    monkeypatch.setitem(REGISTRY, NAME, fixed(changed))


def test_a_checkpoint_of_another_circuit_under_the_same_name_is_refused(
    text, tmp_path, monkeypatch
):
    settings = settings_of(text, tmp_path / "run")
    before = kept(settings)
    read_trained(before)
    names = default_folder(settings), training_folder(RecipeSettings(NAME, data=text))
    key = Cell("noise", (("model", NAME),)).key
    assert is_unchanged(before.training.network.architecture)
    with_another_cell(monkeypatch)
    after = prepare(settings, settings.read(), Quiet())
    assert not is_unchanged(after.training.network.architecture)
    with pytest.raises(
        ConfigurationError, match=r"Got one with other circuit: put that back to go on; remove it"
    ):
        read_trained(after)
    # Whatever else is looked up by name is another one too.
    assert default_folder(settings) != names[0]
    assert training_folder(RecipeSettings(NAME, data=text)) != names[1]
    assert Cell("noise", (("model", NAME),)).key != key


def test_every_row_is_what_it_was_when_it_was_known_by_its_name():
    for name in circuits.architectures():
        for mode in REGISTRY[name].options["mode"]:
            assert changed_circuits(name, [("mode", mode)]) is None
    assert changed_circuits("no such model") is None


def test_what_the_host_computes_is_part_of_the_circuits():
    model = circuits.architecture("v1")
    other = circuits.architecture("adapted").recurrence
    assert architecture_digest(replace(model, recurrence=other)) != architecture_digest(model)
    sampled = circuits.architecture("v1", mode="sampled")
    assert architecture_digest(sampled) != architecture_digest(model)
    assert architecture_digest(replace(model, name="w", summary="")) == architecture_digest(model)


def nudged(array):
    return np.nextafter(np.asarray(array), np.inf)


def another_processor(monkeypatch):
    """Let every product end one bit higher, as on a processor with other vector units."""
    plain, read, fit = encoding.mapped, read_text.read_text, task.fit_pls

    def embedded(*given, **options):
        found = read(*given, **options)
        return replace(found, values=np.where(found.values, nudged(found.values), 0.0))

    def fitted(*given):
        found = fit(*given)
        return replace(found, matrix=nudged(found.matrix))

    def mapped(*given):
        found = plain(*given)
        return found if isinstance(found, jax.core.Tracer) else jax.numpy.asarray(nudged(found))

    monkeypatch.setattr(read_text, "read_text", embedded)
    monkeypatch.setattr(task, "fit_pls", fitted)
    monkeypatch.setattr(encoding, "mapped", mapped)


def sent(prepared, encoded):
    """Return what a job's key is made from: the content of every bound circuit."""
    rows = zip(encoded.features, encoded.lengths.tolist(), strict=True)
    unroll = prepared.circuit.transpiled.unroll
    return [circuit_digest(unroll(n).bind(x[:n], encoded.circuit)) for x, n in rows]


def test_another_processor_resumes_the_training_and_sends_the_same_jobs(
    text, tmp_path, monkeypatch
):
    settings = settings_of(text, tmp_path / "run")
    here = kept(settings)
    trained = read_trained(here)
    jobs = sent(here, here.encoded(trained))
    another_processor(monkeypatch)
    there = prepare(settings, settings.read(), Quiet())
    assert (there.task.training.values != here.task.training.values).any()
    assert there.training.identity.digest == here.training.identity.digest
    again = read_trained(there)
    fresh = again.encoded(there.test)
    assert (fresh.features != here.encoded(trained).features).any()
    assert sent(there, there.encoded(again)) == jobs
    assert sent(there, fresh) != jobs
    # Other weights are bound anew: the file is of one training.
    moved = {**again.parameters, "offset": again.parameters["offset"] + 0.1}
    other = replace(again, parameters=moved)
    np.testing.assert_array_equal(there.encoded(other).features, other.encoded(there.test).features)


def test_other_data_are_another_run(text, tmp_path):
    settings = settings_of(text, tmp_path / "run")
    kept(settings)
    lines = text.read_text().splitlines()
    for changed in (
        [line.replace("great", "awful") for line in lines],
        [*lines[:1], *(("0" if line[0] == "1" else "1") + line[1:] for line in lines[1:])],
        lines[:-1],
    ):
        text.write_text("\n".join(changed) + "\n")
        other = prepare(settings, settings.read(), Quiet())
        with pytest.raises(
            ConfigurationError, match=r"Got one with other data: put that back to go on; remove it"
        ):
            read_trained(other)


def test_rounds_bind_what_they_first_bound(tmp_path):
    circuit = circuits.unroll(circuits.architecture("v1"), 1).step_circuits[0]
    rows, seen = np.random.default_rng(0).normal(size=(3, circuit.num_parameters)), []

    def measure(pubs):
        seen.append(pubs[0].parameters)
        return np.zeros((1, 3, 1))

    KeptRounds(measure, tmp_path)([Pub(circuit, rows)])
    again = KeptRounds(measure, tmp_path)
    again([Pub(circuit, nudged(rows))])
    again([Pub(circuit, rows + 1)])
    np.testing.assert_array_equal(seen[1], rows)
    before = (tmp_path / "rounds.npz").read_bytes()
    KeptRounds(lambda pubs: measure(pubs), tmp_path, is_planned=True)([Pub(circuit, rows + 5)])
    assert (tmp_path / "rounds.npz").read_bytes() == before
    np.testing.assert_array_equal(seen[2], rows + 1)
    # Another run in the same folder is no neighbour by last bits.
    KeptRounds(measure, tmp_path)([Pub(circuit, rows + 1e-6)])
    np.testing.assert_array_equal(seen[4], rows + 1e-6)


def test_a_checkpoint_whose_features_are_damaged_is_one_line(text, tmp_path):
    settings = settings_of(text, tmp_path / "run")
    prepared = kept(settings)
    trained = read_trained(prepared)
    prepared.encoded(trained)
    (settings.output / "features.npz").write_bytes(b"PK")
    with pytest.raises(ConfigurationError, match=r"features\.npz should be a checkpoint .*remove"):
        prepared.encoded(trained)


def test_a_folder_that_may_only_be_read_stays_as_it_is(text, tmp_path, monkeypatch):
    settings = settings_of(text, tmp_path / "run")
    prepared = kept(settings)
    trained = read_trained(prepared)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    found = prepared.encoded(trained)
    assert not (settings.output / "features.npz").exists()
    np.testing.assert_array_equal(found.features, trained.encoded(prepared.test).features)


def test_an_epoch_more_still_resumes(text, tmp_path):
    settings = settings_of(text, tmp_path / "run")
    kept(settings)
    longer = replace(settings, training=replace(settings.training, epochs=99))
    prepared = prepare(longer, longer.read(), Quiet())
    assert prepared.training.read(settings.output).finished_epochs == 0
