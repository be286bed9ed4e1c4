"""Whether an untrained model tells sentences apart at all: the share of one label on a data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from qrnn_hw.data.dataset import Dataset
from qrnn_hw.experiment.recipe_settings import RecipeSettings
from qrnn_hw.experiment.recipe_training import prepare_recipe
from qrnn_hw.networks.encoding import Control, Parameters
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.trained import TrainedNetwork

DRAWS = 8


@dataclass(frozen=True)
class LabelShare:
    """The share of the commoner label, over draws of random weights; 1 is a constant predictor."""

    dataset: str
    sentences: int
    draws: int
    mean: float
    smallest: float
    largest: float

    def to_json(self) -> dict[str, Any]:
        """Return the shares as a JSON object."""
        return asdict(self)


def label_share(settings: RecipeSettings, data: Dataset) -> LabelShare:
    """Label the test sentences with random weights, from the words that our recipe starts with.

    The circuit's weights are drawn uniformly from [-pi, pi]; projection and head are those before
    training. Ideal model, infinite shots.

    Args:
        settings: model, options, data and seed; one seed, the recipe `ours`.
        data: sentences of two classes, or other rows of two.

    Raises:
        UsageError: there are other targets than two classes.
    """
    training = prepare_recipe(settings, data).training
    network, (start,), test = training.network, training.initial, training.test[0]
    shares = []
    for parameters in _drawn(network, start, settings.seed):
        scores = TrainedNetwork(network, parameters).scores(test.values, test.lengths)
        share = float((scores > 0).mean())
        shares.append(max(share, 1 - share))
    return LabelShare(
        str(settings.data or settings.dataset),
        len(test),
        len(shares),
        float(np.mean(shares)),
        min(shares),
        max(shares),
    )


def _drawn(network: Network, start: Parameters, seed: int) -> Iterator[Parameters]:
    """Yield parameters with random weights in the circuit, or in a controller in its place."""
    if isinstance(network.encoding, Control):
        projection = np.asarray(start["projection"])
        yield from (network.initial(seed + draw, projection) for draw in range(DRAWS))
    elif not start["circuit"].size:
        yield start  # nothing in it is random
    else:
        generator = np.random.default_rng(seed)
        for _ in range(DRAWS):
            weights = generator.uniform(-np.pi, np.pi, start["circuit"].shape)
            yield {**start, "circuit": jnp.asarray(weights)}
