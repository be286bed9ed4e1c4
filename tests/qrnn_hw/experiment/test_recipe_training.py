"""Training by a recipe: the pipelines, several seeds at once, resuming, and the command."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import circuits
from qrnn_hw.cli import invoke
from qrnn_hw.data.vectors import WordVectors, load_embedded_vectors
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.recipe_settings import RecipeSettings, default_folder
from qrnn_hw.experiment.recipe_training import prepare_recipe, published_accuracy
from qrnn_hw.recipes.autoencoder import fit_autoencoder
from qrnn_hw.recipes.published_features import published_features, published_words
from qrnn_hw.recipes.recipes import FAULTS, published_recipe


@pytest.fixture(scope="module")
def sentences(tmp_path_factory):
    """Write a text in which one word decides."""
    good, bad = ("great", "excellent", "love", "nice"), ("terrible", "awful", "waste", "broken")
    rows = [
        (label, f"{words[i % 4]} {('sound', 'case', 'price')[i // 4 % 3]}")
        for label, words in (("1", good), ("0", bad))
        for i in range(30)
    ]
    path = tmp_path_factory.mktemp("text") / "small.tsv"
    path.write_text("label\ttext\n" + "\n".join(f"{a}\t{b}" for a, b in rows) + "\n")
    return path


def test_the_published_words_and_features():
    assert published_words("Don't BUY this phone!! see www.x.com/a?b=1 5 stars") == [
        "dont",
        "buy",
        "5",
        "stars",
    ]
    texts = ["good sound", "bad zzzxqy case", "great price works fine"]
    vectors, rows = load_embedded_vectors(), np.array([0, 1])
    sim = published_features(texts, vectors, rows, published_recipe("sim-v1"), seed=1)
    assert sim.shape == (3, 10, 4)
    assert (sim[rows].min(), sim[rows].max()) == pytest.approx((0, np.pi))
    # A word without a vector keeps its step, with the features of padding.
    np.testing.assert_array_equal(sim[1, 1], sim[0, 9])
    assert np.abs(sim[1, 0] - sim[0, 9]).max() > 1e-3
    faulty = published_recipe("adapted").with_published_faults()
    angles = published_features(texts, vectors, rows, faulty, seed=1)
    assert set(np.unique(angles)) <= {0.0, 1.0, 2.0, 3.0}
    pca = published_features(texts, vectors, rows, published_recipe("v1"), seed=1)
    assert pca.shape == (3, 10, 5)
    np.testing.assert_allclose(pca[rows].reshape(-1, 5).mean(0), 0, atol=1e-12)


def test_the_autoencoder_learns_and_is_the_map_of_its_layers():
    rng = np.random.default_rng(0)
    words = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 100)) / 3
    found = fit_autoencoder(words, 4, seed=2)
    assert found.losses[-1] < 0.7 * found.losses[0]
    assert [matrix.shape for matrix, _ in found.layers] == [(100, 64), (64, 4), (4, 64), (64, 100)]
    (a, b), (c, d) = found.layers[:2]
    np.testing.assert_allclose(found.encode(words), np.maximum(words @ a + b, 0) @ c + d)
    assert fit_autoencoder(words, 4, seed=2).losses == found.losses
    with pytest.raises(UsageError, match="60 words and 101 codes"):
        fit_autoencoder(words, 101, seed=0)


def test_published_rows_and_parameters_are_those_of_the_source():
    settings = RecipeSettings("v3a", "published", n_seeds=2)
    prepared = prepare_recipe(settings, settings.read())
    training = prepared.training
    assert [part.values.shape for part in training.training] == [(800, 10, 15)] * 2
    # 107 of 200: the constant predictor of the published split reaches 53.5 %.
    assert [part.known_targets.sum() for part in training.test] == [107, 107]
    options = training.options
    assert (options.epochs, options.batch_size, options.learning_rate) == (50, 1, 0.01)
    assert (options.projection_decay, options.averaging, options.patience) == (0, 0, None)
    sizes = {name: value.shape for name, value in training.initial[0].items()}
    assert sizes == {"circuit": (7,), "projection": (15, 15), "offset": (15,), "head": (2,)}
    assert prepared.published.unstratified


@pytest.mark.slow
def test_the_command_trains_and_goes_on(sentences, tmp_path, capsys):
    command = ["train", "stacked-3-minimal", "--data", str(sentences), "--json"]
    command += ["--output", str(tmp_path / "run"), "--shots", "100"]
    assert invoke([*command, "--epochs", "1"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "run" / "result.json").read_text())
    assert document["epochs"]["run"] == 1
    assert document["n_parameters"] == 48 + 101 * 8 + 4
    assert document["published_accuracy"] == 0.61
    assert set(document["accuracy"]) == {"infinite", "shots"}
    assert invoke([*command, "--epochs", "2"]) == 0
    captured = capsys.readouterr()
    assert "resuming after epoch 1" in captured.err
    assert json.loads(captured.out)["epochs"]["run"] == 2
    assert invoke([*command, "--epochs", "1"]) == 3
    assert "raise --epochs" in capsys.readouterr().err
    assert invoke([*command, "--epochs", "2", "--seed", "1"]) == 3
    assert "of the same run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("dynamic-line --recipe published", "those of v1, .*Got 'dynamic-line'"),
        ("v1 --fault unstratified", "--fault should come with --recipe published. Got ours"),
        (
            "v1 --recipe published --fault clipped",
            "v1, unstratified, repeats_shared, or none. Got clipped",
        ),
        ("v1 --recipe published --fault angles_truncated", "or none. Got angles_truncated"),
        ("v1 --recipe best", "published, ours. Got 'best'"),
        ("v1 --seed 2147473648 --seeds 3", "--seed should be 0 to 2,147,473,646. Got 2147473648"),
        ("v1 --seeds 0", "--seeds should be at least 1. Got 0"),
        ("v1 --shots 0", "shots should be at least 1"),
        ("v1 --epochs 0", "epochs should be at least 1"),
        ("hybrid --freeze", "Got hybrid, whose weights are all its controller's"),
    ],
)
def test_what_cannot_be_trained_is_said(arguments, said, capsys, tmp_path):
    assert invoke(["train", *arguments.split(), "--output", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert re.search(said, error)
    # Before any work: there is no stage to tell of, and no folder.
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_folder_that_takes_nothing_is_refused_before_the_features_are_made(capsys):
    assert invoke(["train", "v3a", "--output", "/proc/none/run"]) == 3
    error = capsys.readouterr().err
    assert error.startswith("error: the output should be a folder")
    assert "features" not in error


def test_words_that_the_published_recipe_drops_are_no_features(tmp_path, capsys):
    path = tmp_path / "other.tsv"
    rows = [f"{label}\t{text}" for label, text in (("a", "的 это"), ("b", "phone the"))] * 12
    path.write_text("label\ttext\n" + "\n".join(rows) + "\n", encoding="utf-8")
    for name in ("v1", "sim-v1"):
        words = ["train", name, "--recipe", "published", "--data", str(path), "--epochs", "1"]
        assert invoke([*words, "--output", str(tmp_path / name)]) == 3
        assert "that have vectors. Got none" in capsys.readouterr().err


def test_vectors_too_short_for_the_published_reduction_are_refused():
    short = WordVectors(("good", "bad"), np.eye(2, 8, dtype=np.float32))
    with pytest.raises(UsageError, match=r"at least the 32 dimensions.* Got 8"):
        published_features(["good"], short, np.array([0]), published_recipe("v4"), seed=0)


def test_the_faults_of_the_published_recipe_are_switched_one_by_one():
    def kept(faults):
        recipe = RecipeSettings("adapted", "published", faults=faults).published()
        return [name for name in FAULTS if getattr(recipe, name)]

    assert kept(None) == ["angles_truncated", "scaled_on_all_rows", "repeats_shared"]
    assert kept(("scaled_on_all_rows",)) == ["scaled_on_all_rows"]
    assert kept(("none",)) == kept(()) == []
    clean = RecipeSettings("v3a", "published", faults=("none",))
    prepared = prepare_recipe(clean, clean.read())
    # Stratified: as nearly as can be as many of one class as of the other, of what is distinct.
    assert [len(prepared.training.test[0]), prepared.training.test[0].known_targets.sum()] == [
        192,
        95,
    ]
    assert prepared.usage.repeats_in_two_parts == 0
    faulty = replace(clean, faults=("repeats_shared",))
    shared = prepare_recipe(faulty, faulty.read())
    assert shared.training.test[0].known_targets.sum() == 100
    assert shared.usage.repeats_in_two_parts > 0


def test_each_choice_of_settings_has_a_folder_of_its_own(sentences, tmp_path):
    plain = RecipeSettings("v1")
    others = [
        RecipeSettings("v1", options={"wiring": "repaired"}),
        RecipeSettings("v1", "published"),
        RecipeSettings("v1", "published", faults=("none",)),
        RecipeSettings("v1", seed=1),
        RecipeSettings("v1", n_seeds=2),
        RecipeSettings("v1", frozen=True),
        RecipeSettings("v1", data=sentences),
    ]
    folders = [default_folder(settings) for settings in (plain, *others)]
    assert len(set(folders)) == len(folders)
    assert default_folder(plain).name.startswith("train-v1-ours-")
    # With more epochs or shots a training goes on where it was; a moved file is the same file.
    assert default_folder(replace(plain, epochs=3, shots=9, output=tmp_path)) == folders[0]
    moved = tmp_path / "moved.tsv"
    moved.write_bytes(sentences.read_bytes())
    assert default_folder(RecipeSettings("v1", data=moved)) == folders[-1]


def test_the_published_figure_stands_beside_the_mode_that_was_published():
    assert published_accuracy(circuits.architecture("v1")) == 0.465
    assert published_accuracy(circuits.architecture("v1", wiring="repaired")) == 0.465
    assert published_accuracy(circuits.architecture("v1", mode="sampled")) is None
    assert published_accuracy(circuits.architecture("hybrid")) is None
