"""Checkpoints as commit 2b9fe54 wrote them go on, or are refused in one line."""

import json

import jax
import numpy as np
import pytest

import circuits
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.network import network_of
from qrnn_hw.training.adam import Adam
from qrnn_hw.training.checkpoint import Identity, load
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.trainer import start, train

KNOWN = Identity({"data": "some"}, before=("0123", "4567"))
BY_TUPLE = ("projection", "offset", "circuit", "head")
"""Order of the numbers of one seed: fields of a tuple, the last two under other names."""


def rows(n):
    inputs = np.random.default_rng(1).uniform(-1, 1, (n, 2, 3))
    return Sequences(inputs, np.full(n, 2), (inputs[:, 0, 0] > 0).astype(np.int64))


@pytest.fixture(scope="module", params=[1, 2])
def trained(request):
    """Return stepper, options, states after no epoch, one and two, of one seed or of two."""
    k, network = request.param, network_of(circuits.architecture("sim-v1"), 3)
    options = TrainingOptions(epochs=2, batch_size=8, learning_rate=0.05)
    stepper = Adam(network, [rows(16)] * k, [rows(8)] * k, options, range(k))
    states = [start(stepper, [network.initial(seed) for seed in range(k)])]
    train(stepper, options, states[0], states.append)
    return stepper, options, states


def written_before(path, state, run="4567", drop=0):
    """Write a state as that commit did: leaves by number, a header, one seed without an axis."""
    k = len(state.best_epoch)
    names = BY_TUPLE if k == 1 else sorted(state.parameters)
    moments = state.optimiser[0]
    groups = (state.parameters, moments.mu, moments.nu, state.average, state.best)
    parts = [[np.asarray(group[name]) for name in names] for group in groups]
    leaves = [*parts[0], np.asarray(moments.count), *(leaf for part in parts[1:] for leaf in part)]
    history, best = state.history[..., :2].tolist(), state.best_epoch.tolist()
    if k == 1:
        leaves = [leaf[0] for leaf in leaves]
        history, best = state.history[:, 0].tolist(), best[0]
    header = {"format": 1, "run": run, "best_epoch": best, "history": history}
    arrays = {f"leaf{place}": leaf for place, leaf in enumerate(leaves[: len(leaves) - drop])}
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8), **arrays)


def test_it_goes_on_to_the_same_numbers(trained, tmp_path):
    stepper, options, (fresh, first, whole) = trained
    path = tmp_path / "checkpoint.npz"
    written_before(path, first)
    read = load(path, fresh, KNOWN)
    assert read.finished_epochs == 1
    (epoch,) = read.epochs()
    shown = json.loads(json.dumps(epoch.to_json(), allow_nan=False))
    known = first.epochs()[0].validation_accuracy if len(first.best_epoch) == 1 else None
    assert shown["validation_accuracy"] == known
    assert shown["validation_loss"] == epoch.validation_loss
    again = train(stepper, options, read)
    np.testing.assert_array_equal(again.history[..., :2], whole.history[..., :2])
    for one, other in zip(jax.tree.leaves(again.best), jax.tree.leaves(whole.best), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_that_cannot_be_shown_to_be_the_same_is_refused(trained, tmp_path):
    _, _, (fresh, first, _) = trained
    path = tmp_path / "checkpoint.npz"
    for given in ({"run": "89ab"}, {"drop": 1}):
        written_before(path, first, **given)
        with pytest.raises(ConfigurationError, match="earlier version whose data.*; remove it"):
            load(path, fresh, KNOWN)
    written_before(path, first)
    with pytest.raises(ConfigurationError, match="earlier version"):
        load(path, fresh, Identity(KNOWN.content))
