"""What circuits say of sequences: (weights, features, lengths) -> readings, differentiable.

Readings are the distribution of the outcomes of one circuit, shape (n, 2**m), or what a head reads
after the last round, shape (n, k). The exact engine's `SequenceModel.distributions` is such a
reader, with a machine's noise or without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp

from circuits.exact.logical import logical_model
from circuits.exact.rounds import RoundsModel
from circuits.exact.sequence import SequenceModel
from circuits.pure.hybrid_evolution import evolve_hybrid
from circuits.pure.hybrid_layers import Readout
from circuits.pure.ideal import pure_model
from qrnn_hw.networks.encoding import Control

if TYPE_CHECKING:
    from qrnn_hw.networks.network import Network

Reader = Callable[[Any, jax.Array, jax.Array], jax.Array]
"""Weights of the circuit (of the controller, where the host has one), features (n, T, d) and
lengths (n,) to readings."""


def turned(readers: Sequence[Reader], turn: jax.Array | None) -> Reader:
    """Return the reader whose turn it is, the first where there are no turns.

    One model under several noises is traced once, its noise being data.
    """
    if turn is None:
        return readers[0]
    models = [reader for reader in readers if isinstance(reader, SequenceModel)]
    forms = {model.form for model in models}
    if len(models) == len(readers) and len(forms) == 1 and None not in forms:
        every = jax.tree.map(lambda *arrays: jnp.stack(arrays), *models)
        return cast(Reader, jax.tree.map(lambda arrays: arrays[turn], every))
    return lambda *given: cast(jax.Array, jax.lax.switch(turn, list(readers), *given))


def ideal_reader(network: Network) -> Reader:
    """Return the readings of a network's circuits without noise, from state vectors if possible.

    Raises:
        CircuitsError: no exact evolution of the model is known.
    """
    architecture = network.architecture
    if network.host_controlled:
        return _host_controlled(network)
    ideal = None if network.steps is not None else pure_model(architecture)
    if ideal is None:
        return network.reader(logical_model(architecture))
    law = ideal.law
    if law is None:
        return _one_by_one(lambda w, x, n: ideal.outputs(ideal.differentiable_offsets(x), w, n))
    return _one_by_one(lambda w, x, n: law(ideal.differentiable_offsets(x), w, n))


def rounds_reader(model: RoundsModel) -> Reader:
    """Return the readings of a model in rounds whose circuits have a machine's noise."""
    return _one_by_one(model.outputs)


def _one_by_one(read: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]) -> Reader:
    def one(weights: jax.Array, features: jax.Array, length: jax.Array) -> jax.Array:
        alive = jnp.arange(features.shape[0]) < length
        # Beyond the end any feature will do but one that cannot be normalised.
        return read(weights, jnp.where(alive[:, None], features, 1.0), length)

    return cast(Reader, jax.vmap(one, (None, 0, 0)))


def _host_controlled(network: Network) -> Reader:
    options = dict(network.architecture.options)
    assert isinstance(network.encoding, Control)
    controller = network.encoding.controller

    def read(weights: Any, features: jax.Array, lengths: jax.Array) -> jax.Array:
        z = evolve_hybrid(
            controller,
            weights,
            features,
            n_qubits=network.architecture.n_qubits,
            n_layers=int(options["n_layers"]),
            readout=cast(Readout, options["readout"]),
        )
        return jnp.take_along_axis(z, (lengths - 1)[:, None, None], axis=1)[:, 0]

    return read
