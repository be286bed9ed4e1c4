"""Adam on mini-batches, with exact gradients through measurement and feed-forward."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from qrnn_hw.data.loss import loss
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import check_targets, score
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.readers import Reader, turned
from qrnn_hw.training.losses import check_robustness, data_loss
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.trainer import Moved, TrainingState


class Adam:
    """Steps of K seeds at once, each on rows of its own, in one compiled program."""

    def __init__(
        self,
        network: Network,
        training: Sequence[Sequences],
        validation: Sequence[Sequences] | None,
        options: TrainingOptions,
        seeds: Sequence[int],
        *,
        readers: Sequence[Reader] | None = None,
        frozen: bool = False,
    ) -> None:
        """Set up the steps.

        Args:
            network: what is trained.
            training: rows to fit, of each seed, equally many.
            validation: rows to stop by; None keeps the last epoch.
            options: settings.
            seeds: of the order of the rows.
            readers: with the noise to train under; None is without noise. Several, such as those
                of one step under the calibrations of several days, take turns from batch to batch,
                and the mean of their outputs is validated: weights for the machine's drift, not for
                one morning.
            frozen: whether the circuit's weights stay as they were drawn.

        Raises:
            ConfigurationError: no reader.
            UsageError: targets that are not the network's, or options that mean nothing for them.
        """
        for part in (*training, *(validation or ())):
            check_targets(network.target, part)
        check_robustness(network, options)
        given = (network.ideal,) if readers is None else tuple(readers)
        if not given:
            raise ConfigurationError("training needs at least one model. Got none.")
        self._target, self._scale = network.target, network.scale
        self._options, self._seeds, self._n_turns = options, tuple(seeds), len(given)
        self._adam = optax.adam(options.learning_rate)
        self._data = stacked(training)
        self._held = None if validation is None else stacked(validation)
        over = over_seeds(len(self._seeds))
        still, miss = ("circuit",) if frozen else (), _miss(network, options)
        self._run = jax.jit(over(epoch_of(network, given, options, self._adam, still, miss)))
        self._validate = jax.jit(over(validated(network, given)))

    def optimiser(self, parameters: Parameters) -> Any:
        """Return Adam's moments before the first step."""
        return jax.vmap(self._adam.init)(parameters)

    def epoch(self, state: TrainingState) -> Moved:
        """Pass once over the training rows of every seed."""
        given = self._seeds, state.finished_epochs, self._data[2].shape[1]
        order = orders(*given, self._options.batch_size)
        turns = turns_of(order, state.finished_epochs, self._n_turns)
        parameters, moments, average, loss = self._run(
            state.parameters, state.optimiser, state.average, order, turns, self._data
        )
        return Moved(parameters, moments, average, np.asarray(loss))

    def validate(self, average: Parameters) -> NDArray[np.float64] | None:
        """Return loss and quality of each seed, shape (K, 2)."""
        if self._held is None:
            return None
        losses, outputs = self._validate(average, self._held)
        _, lengths, targets = self._held
        each = zip(outputs, targets, lengths, strict=True)
        good = [score(self._target, *map(np.asarray, one)) for one in each]
        return np.stack([np.asarray(losses), good], axis=1)


def orders(seeds: Sequence[int], epoch: int, n_rows: int, batch_size: int) -> jax.Array:
    """Return row numbers, shape (K, n_batches, batch_size); a short rest waits."""
    size = min(batch_size, n_rows)
    each = [
        np.random.default_rng([seed, epoch]).permutation(n_rows)[: n_rows // size * size]
        for seed in seeds
    ]
    return jnp.asarray(np.stack(each).reshape(len(each), -1, size))


def stacked(parts: Sequence[Sequences]) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return inputs, lengths and targets of the rows of each seed, with K as the first axis."""
    return (
        jnp.asarray(np.stack([part.values for part in parts])),
        jnp.asarray(np.stack([part.lengths for part in parts])),
        jnp.asarray(np.stack([part.known_targets for part in parts])),
    )


def over_seeds(n_seeds: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what gives a function of one seed the axis of K; one seed compiles without any."""
    if n_seeds > 1:
        return jax.vmap

    def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
        def of_one(*given: Any) -> Any:
            found = function(*jax.tree.map(lambda leaf: leaf[0], given))
            return jax.tree.map(lambda leaf: leaf[None], found)

        return of_one

    return lifted


def turns_of(order: jax.Array, finished_epochs: int, n_turns: int) -> jax.Array | None:
    """Return which reader each batch of an epoch takes, shape (K, n_batches); None of one."""
    if n_turns == 1:
        return None
    n_batches = order.shape[1]
    at = (finished_epochs * n_batches + np.arange(n_batches)) % n_turns
    return jnp.asarray(np.tile(at, (len(order), 1)))


def epoch_of(
    network: Network,
    readers: Sequence[Reader],
    options: TrainingOptions,
    adam: optax.GradientTransformation,
    still: Collection[str],
    miss: Callable[..., jax.Array],
) -> Callable[..., Any]:
    """Return one pass of Adam over the batches of one seed, with the parameters' running mean.

    Args:
        network: that is trained.
        readers: which the batches take in turn.
        options: settings.
        adam: the optimiser.
        still: names of parameters that are not moved.
        miss: (parameters, readings, inputs, lengths, targets, *more) to the loss of a batch.
    """

    def slope(parameters: Parameters, turn: jax.Array | None, batch: Any, more: Any) -> Any:
        (inputs, lengths, _), reader = batch, turned(readers, turn)

        def objective(parameters: Parameters) -> jax.Array:
            found = network.readings(parameters, inputs, lengths, reader)
            loss = miss(parameters, found, *batch, *more)
            if not options.projection_decay:
                return loss
            return loss + options.projection_decay * jnp.sum(parameters["projection"] ** 2)

        loss, slopes = jax.value_and_grad(objective)(parameters)
        none = {name: jnp.zeros_like(slopes[name]) for name in still if name in slopes}
        return loss, {**slopes, **none}

    def epoch(
        parameters: Parameters,
        moments: Any,
        average: Parameters,
        order: Any,
        turns: Any,
        data: Any,
        *more: Any,
    ) -> Any:
        def step(carry: Any, at: tuple[jax.Array, jax.Array | None]) -> tuple[Any, jax.Array]:
            parameters, moments, average = carry
            rows, turn = at
            loss, slopes = slope(parameters, turn, [part[rows] for part in data], more)
            updates, moments = adam.update(slopes, moments)
            parameters = optax.apply_updates(parameters, updates)
            keep = options.averaging
            average = jax.tree.map(lambda a, b: keep * a + (1 - keep) * b, average, parameters)
            return (parameters, moments, average), loss

        carry, losses = jax.lax.scan(step, (parameters, moments, average), (order, turns))
        return (*carry, losses.mean())

    return epoch


def _miss(network: Network, options: TrainingOptions) -> Callable[..., jax.Array]:
    def miss(
        parameters: Parameters,
        readings: jax.Array,
        inputs: jax.Array,
        lengths: jax.Array,
        targets: jax.Array,
    ) -> jax.Array:
        given = readings, network.coefficients(parameters), targets, lengths
        direct = network.direct_part(parameters, inputs, lengths)
        return data_loss(network.target, *given, options, network.scale, direct)

    return miss


def validated(network: Network, readers: Sequence[Reader]) -> Callable[..., Any]:
    """Return what gives loss and outputs of held-out rows, the mean over the readers."""

    def validate(parameters: Parameters, held: Any) -> tuple[jax.Array, jax.Array]:
        inputs, lengths, targets = held

        def outputs_at(turn: jax.Array | None) -> jax.Array:
            return network.outputs(parameters, inputs, lengths, turned(readers, turn))

        n = len(readers)
        outputs = (
            outputs_at(None) if n == 1 else jax.lax.map(outputs_at, jnp.arange(n)).mean(axis=0)
        )
        found = loss(network.target, outputs, targets, lengths, scale=network.scale)
        return found, outputs

    return validate
