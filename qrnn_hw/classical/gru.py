"""A gated recurrent unit with as many parameters as a quantum model, on the same inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from qrnn_hw.classical.baselines import Baseline
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.split import Split
from qrnn_hw.errors import UsageError

Parameters = dict[str, jax.Array]

BATCH_SIZE = 32
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1e-3
MAX_EPOCHS = 60
PATIENCE_EPOCHS = 10
OPTIMISER = optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)


def n_gru_parameters(dim: int, n_features: int, n_hidden: int) -> int:
    """Count the parameters: a projection with offsets, three gates with biases, a head."""
    projection = (dim + 1) * n_features
    gates = 3 * (n_features + n_hidden + 1) * n_hidden
    return projection + gates + n_hidden + 1


def nearest_hidden_size(n_parameters: int, dim: int, n_features: int) -> int:
    """Return the hidden size, 1 or more, whose parameter count comes nearest to `n_parameters`."""
    sizes = range(1, max(2, n_parameters))
    return min(sizes, key=lambda size: abs(n_gru_parameters(dim, n_features, size) - n_parameters))


def gru_classifier(
    sequences: Sequences,
    labels: NDArray[np.int64],
    split: Split,
    *,
    n_parameters: int,
    n_features: int = 4,
    seed: int,
) -> Baseline:
    """Train a GRU by mini-batch AdamW with early stopping, and predict the test rows.

    Word vectors pass a linear projection to `n_features`, trained with the rest, as in front of the
    quantum models; the hidden size makes the parameter count as near as can be to `n_parameters`.
    Padding leaves the hidden state as it is. The weights kept are those of the least validation
    loss. Cell: Cho et al., EMNLP 2014 (arXiv 1406.1078), with the reset gate after the product.

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
    if 0 in (len(split.train), len(split.validation), len(split.test)):
        raise UsageError(
            "the GRU needs rows to train on, to stop by and to predict. Got "
            f"{len(split.train)}, {len(split.validation)} and {len(split.test)}."
        )
    n_hidden = nearest_hidden_size(n_parameters, sequences.dim, n_features)
    generator = np.random.default_rng(seed)
    parameters = _initial(generator, sequences.dim, n_features, n_hidden)
    best = _train(parameters, sequences, labels, split, generator)
    values, lengths, _ = _arrays(sequences, labels, split.test)
    predictions = np.asarray(_logits(best, values, lengths) > 0, dtype=np.int64)
    return Baseline(
        name=f"GRU, {n_features} features, {n_hidden} hidden",
        n_parameters=sum(array.size for array in parameters.values()),
        predictions=predictions,
        correct=predictions == labels[split.test],
    )


def _initial(
    generator: np.random.Generator, dim: int, n_features: int, n_hidden: int
) -> Parameters:
    def normal(*shape: int) -> jax.Array:
        return jnp.asarray(generator.normal(0, shape[0] ** -0.5, shape), dtype=jnp.float32)

    return {
        "projection": normal(dim, n_features),
        "offset": jnp.zeros(n_features, dtype=jnp.float32),
        "input": normal(n_features, 3 * n_hidden),
        "recurrent": normal(n_hidden, 3 * n_hidden),
        "bias": jnp.zeros(3 * n_hidden, dtype=jnp.float32),
        "head": normal(n_hidden, 1)[:, 0],
        "head_bias": jnp.zeros(1, dtype=jnp.float32),
    }


@jax.jit
def _logits(parameters: Parameters, values: jax.Array, lengths: jax.Array) -> jax.Array:
    """Return the log-odds of class 1, shape (n,), for values (n, T, dim) and lengths (n,)."""
    features = values @ parameters["projection"] + parameters["offset"]
    driven = features @ parameters["input"] + parameters["bias"]

    def step(hidden: jax.Array, inputs: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        driven_now, is_word = inputs
        update_in, reset_in, candidate_in = jnp.split(driven_now, 3, axis=-1)
        update_h, reset_h, candidate_h = jnp.split(hidden @ parameters["recurrent"], 3, axis=-1)
        update = jax.nn.sigmoid(update_in + update_h)
        candidate = jnp.tanh(candidate_in + jax.nn.sigmoid(reset_in + reset_h) * candidate_h)
        new = update * hidden + (1 - update) * candidate
        return jnp.where(is_word[:, None], new, hidden), None

    n, n_steps, _ = values.shape
    is_word = jnp.arange(n_steps)[:, None] < lengths[None, :]
    start = jnp.zeros((n, parameters["head"].shape[0]), dtype=values.dtype)
    last, _ = jax.lax.scan(step, start, (jnp.swapaxes(driven, 0, 1), is_word))
    return last @ parameters["head"] + parameters["head_bias"][0]


@jax.jit
def _loss(
    parameters: Parameters, values: jax.Array, lengths: jax.Array, labels: jax.Array
) -> jax.Array:
    logits = _logits(parameters, values, lengths)
    signs = 2 * labels - 1
    return jnp.mean(jax.nn.softplus(-signs * logits))


def _train(
    parameters: Parameters,
    sequences: Sequences,
    labels: NDArray[np.int64],
    split: Split,
    generator: np.random.Generator,
) -> Parameters:
    state = OPTIMISER.init(parameters)
    validation = _arrays(sequences, labels, split.validation)
    batch_size = min(BATCH_SIZE, len(split.train))
    best, best_loss, best_epoch = parameters, np.inf, 0
    for epoch in range(MAX_EPOCHS):
        order = generator.permutation(split.train)
        for start in range(0, len(order) - batch_size + 1, batch_size):
            batch = _arrays(sequences, labels, order[start : start + batch_size])
            parameters, state = _update(parameters, state, batch)
        loss = float(_loss(parameters, *validation))
        if loss < best_loss:
            best, best_loss, best_epoch = parameters, loss, epoch
        elif epoch - best_epoch >= PATIENCE_EPOCHS:
            break
    return best


@jax.jit
def _update(
    parameters: Parameters,
    state: optax.OptState,
    batch: tuple[jax.Array, jax.Array, jax.Array],
) -> tuple[Parameters, optax.OptState]:
    gradients = jax.grad(_loss)(parameters, *batch)
    changes, state = OPTIMISER.update(gradients, state, parameters)
    moved: Parameters = optax.apply_updates(parameters, changes)
    return moved, state


def _arrays(
    sequences: Sequences, labels: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return values, lengths and labels of `rows`, in single precision whatever JAX's default."""
    return (
        jnp.asarray(sequences.values[rows], dtype=jnp.float32),
        jnp.asarray(sequences.lengths[rows]),
        jnp.asarray(labels[rows], dtype=jnp.float32),
    )
