"""A gated recurrent unit with as many parameters as a quantum model, on the same inputs."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from qrnn_hw.classical.baseline import Baseline, answered
from qrnn_hw.data.loss import loss
from qrnn_hw.data.scaling import Scaling
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.split import Split
from qrnn_hw.data.target import Classes, Target
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.trainer import Moved, TrainingState, start, train

BATCH_SIZE = 32
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1e-3
MAX_EPOCHS = 60
PATIENCE_EPOCHS = 10
LEAST_UPDATES = 1000
"""Of two classes, where the rows fill so few batches that `MAX_EPOCHS` end before."""

MORE_UPDATES = 12_000
"""Of numbers and more classes: NRMSE on NARMA10 is 0.31 after so many, 0.59 after 1,000."""
WORST = float(np.finfo(np.float32).max)
"""Stands for a loss that is no number."""

OPTIMISER = optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)


def n_gru_parameters(dim: int, n_features: int, n_hidden: int, n_outputs: int = 1) -> int:
    """Count the parameters: a projection with offsets, three gates with biases, a head."""
    projection = (dim + 1) * n_features
    gates = 3 * (n_features + n_hidden + 1) * n_hidden
    return projection + gates + (n_hidden + 1) * n_outputs


def nearest_hidden_size(n_parameters: int, dim: int, n_features: int, n_outputs: int = 1) -> int:
    """Return the hidden size, 1 or more, whose parameter count comes nearest to `n_parameters`."""
    sizes = range(1, max(2, n_parameters))
    return min(
        sizes,
        key=lambda size: abs(n_gru_parameters(dim, n_features, size, n_outputs) - n_parameters),
    )


def gru_classifier(
    sequences: Sequences,
    labels: NDArray[np.int64],
    split: Split,
    *,
    n_parameters: int,
    n_features: int = 4,
    seed: int,
) -> Baseline:
    """Train a GRU on two classes, as `gru` does.

    Args:
        sequences: all sentences as word vectors, before any projection.
        labels: the class of each, shape (n,), in {0, 1}.
        split: the rows to train on, to stop by and to predict; none of the three may be empty.
        n_parameters: of the quantum model to be compared with.
        n_features: of each word, after the projection.
        seed: of the initial weights and of the order of the mini-batches.

    Raises:
        UsageError: a part of the split is empty.
    """
    labelled = replace(sequences, targets=labels)
    return gru(
        labelled.take(split.train),
        labelled.take(split.validation),
        labelled.take(split.test),
        Classes(("0", "1")),
        n_parameters=n_parameters,
        n_features=n_features,
        seed=seed,
    )


def gru(
    training: Sequences,
    validation: Sequences,
    test: Sequences,
    target: Target,
    *,
    n_parameters: int,
    n_features: int = 4,
    seed: int,
    scaling: Scaling | None = None,
) -> Baseline:
    """Train a GRU by mini-batch AdamW with early stopping, and answer the test rows.

    The numbers of a step pass a linear projection to `n_features`, trained with the rest, as in
    front of the quantum models; the hidden size makes the parameter count as near as can be to
    `n_parameters`. Padding leaves the hidden state as it is. The outputs are linear in the last
    state, or in that of each step. The weights kept are those of the least validation loss. Cell:
    Cho et al., EMNLP 2014 (arXiv 1406.1078), with the reset gate after the product.

    Args:
        training: rows to learn from; numbers with scaled targets.
        validation: rows to stop by, likewise.
        test: rows to answer, with targets in their own units.
        target: classes or numbers, for each sequence or each step.
        n_parameters: of the quantum model to be compared with.
        n_features: of each step, after the projection.
        seed: of the initial weights and of the order of the mini-batches.
        scaling: that brings numbers back to their own units; None where they are not scaled.

    Raises:
        UsageError: a part is empty.
    """
    sizes = (len(training), len(validation), len(test))
    if 0 in sizes:
        raise UsageError(
            "the GRU needs rows to train on, to stop by and to predict. Got "
            f"{sizes[0]}, {sizes[1]} and {sizes[2]}."
        )
    n_outputs = target.n_outputs
    n_hidden = nearest_hidden_size(n_parameters, training.dim, n_features, n_outputs)
    generator = np.random.default_rng(seed)
    parameters = _initial(generator, training.dim, n_features, n_hidden, n_outputs)
    steps = _Steps(training, validation, target, generator)
    best = train(steps, steps.options(), start(steps, [parameters])).of()
    values, lengths, _ = _arrays(test, np.arange(len(test)))
    outputs = np.asarray(_outputs(best, values, lengths, per_step=target.per_step), np.float64)
    if scaling is not None and not isinstance(target, Classes):
        outputs = scaling.unscaled(outputs)
    n_learnt = sum(array.size for array in parameters.values())
    name = f"GRU, {n_features} features, {n_hidden} hidden"
    return answered(name, n_learnt, target, outputs, test)


def _initial(
    generator: np.random.Generator, dim: int, n_features: int, n_hidden: int, n_outputs: int
) -> Parameters:
    def normal(*shape: int) -> jax.Array:
        return jnp.asarray(generator.normal(0, shape[0] ** -0.5, shape), dtype=jnp.float32)

    return {
        "projection": normal(dim, n_features),
        "offset": jnp.zeros(n_features, dtype=jnp.float32),
        "input": normal(n_features, 3 * n_hidden),
        "recurrent": normal(n_hidden, 3 * n_hidden),
        "bias": jnp.zeros(3 * n_hidden, dtype=jnp.float32),
        "head": normal(n_hidden, n_outputs),
        "head_bias": jnp.zeros(n_outputs, dtype=jnp.float32),
    }


@partial(jax.jit, static_argnames="per_step")
def _outputs(
    parameters: Parameters, values: jax.Array, lengths: jax.Array, *, per_step: bool
) -> jax.Array:
    """Return the outputs, shape (n, k) or (n, T, k), for values (n, T, dim) and lengths (n,)."""
    features = values @ parameters["projection"] + parameters["offset"]
    driven = features @ parameters["input"] + parameters["bias"]

    def step(hidden: jax.Array, inputs: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        driven_now, counts = inputs
        update_in, reset_in, candidate_in = jnp.split(driven_now, 3, axis=-1)
        update_h, reset_h, candidate_h = jnp.split(hidden @ parameters["recurrent"], 3, axis=-1)
        update = jax.nn.sigmoid(update_in + update_h)
        candidate = jnp.tanh(candidate_in + jax.nn.sigmoid(reset_in + reset_h) * candidate_h)
        new = update * hidden + (1 - update) * candidate
        new = jnp.where(counts[:, None], new, hidden)
        return new, new if per_step else new[:0]

    n, n_steps, _ = values.shape
    counts = jnp.arange(n_steps)[:, None] < lengths[None, :]
    start = jnp.zeros((n, parameters["head"].shape[0]), dtype=values.dtype)
    last, every = jax.lax.scan(step, start, (jnp.swapaxes(driven, 0, 1), counts))
    read = jnp.swapaxes(every, 0, 1) if per_step else last
    return read @ parameters["head"] + parameters["head_bias"]


def _loss(
    parameters: Parameters,
    values: jax.Array,
    lengths: jax.Array,
    targets: jax.Array,
    *,
    target: Target,
) -> jax.Array:
    outputs = _outputs(parameters, values, lengths, per_step=target.per_step)
    return loss(target, outputs, targets, lengths)


class _Steps:
    """AdamW on mini-batches of one seed, as a stepper of `qrnn_hw.training.trainer`."""

    def __init__(
        self,
        training: Sequences,
        validation: Sequences,
        target: Target,
        generator: np.random.Generator,
    ) -> None:
        self._training, self._target, self._generator = training, target, generator
        self._held_out = _arrays(validation, np.arange(len(validation)))
        self._size = min(BATCH_SIZE, len(training))
        self._n_batches = len(training) // self._size
        self._held_loss: NDArray[Any] = np.zeros(1)

    def options(self) -> TrainingOptions:
        """Return how long to train: few rows are few updates an epoch."""
        is_score = isinstance(self._target, Classes) and self._target.n_outputs == 1
        least_updates = LEAST_UPDATES if is_score else MORE_UPDATES
        n_epochs = max(MAX_EPOCHS, -(-least_updates // self._n_batches))
        patience = max(PATIENCE_EPOCHS, n_epochs * PATIENCE_EPOCHS // MAX_EPOCHS)
        return TrainingOptions(epochs=n_epochs, patience=patience)

    def optimiser(self, parameters: Parameters) -> Any:
        return jax.vmap(OPTIMISER.init)(parameters)

    def epoch(self, state: TrainingState) -> Moved:
        n_rows = self._n_batches * self._size
        order = self._generator.permutation(len(self._training))[:n_rows]
        batches = tuple(
            part.reshape(self._n_batches, self._size, *part.shape[1:])
            for part in _arrays(self._training, order)
        )
        parameters, moments, *losses = _epoch(
            state.parameters, state.optimiser, batches, self._held_out, target=self._target
        )
        # A control that diverges keeps the best weights that it had, and ends no run.
        loss, self._held_loss = (np.nan_to_num(np.asarray(one)[None], nan=WORST) for one in losses)
        return Moved(parameters, moments, parameters, loss)

    def validate(self, average: Parameters) -> NDArray[np.float64]:
        return np.stack([self._held_loss, np.full(1, np.nan)], axis=1)


@partial(jax.jit, static_argnames="target")
def _epoch(
    parameters: Parameters,
    state: optax.OptState,
    batches: tuple[jax.Array, ...],
    held_out: tuple[jax.Array, ...],
    *,
    target: Target,
) -> tuple[Parameters, optax.OptState, jax.Array, jax.Array]:
    """Return parameters after one step for each batch, and the losses of both kinds of rows."""

    def update(
        carry: tuple[Parameters, optax.OptState], batch: tuple[jax.Array, ...]
    ) -> tuple[tuple[Parameters, optax.OptState], jax.Array]:
        moving, moments = carry
        missed, gradients = jax.value_and_grad(_loss)(moving, *batch, target=target)
        changes, moments = OPTIMISER.update(gradients, moments, moving)
        return (optax.apply_updates(moving, changes), moments), missed

    of_one = jax.tree.map(lambda leaf: leaf[0], (parameters, state))
    moved, losses = jax.lax.scan(update, of_one, batches)
    held_loss = _loss(moved[0], *held_out, target=target)
    return *jax.tree.map(lambda leaf: leaf[None], moved), losses.mean(), held_loss


def _arrays(
    sequences: Sequences, rows: NDArray[np.int64]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return values, lengths and targets of `rows`, in single precision whatever JAX's default."""
    targets = np.asarray(sequences.targets)[rows]
    return (
        jnp.asarray(sequences.values[rows], dtype=jnp.float32),
        jnp.asarray(sequences.lengths[rows]),
        jnp.asarray(targets, dtype=jnp.int32 if targets.dtype.kind in "iu" else jnp.float32),
    )
