"""Draw where a trained decoder looks: docs/images/attention.svg, on the constructed pairs.

Run by hand; a minute. `--steps` batches of the hybrid's translation task, one test sentence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np

from qrnn_hw.tasks.catalogue import TASKS
from qrnn_hw.tasks.cores import core_of
from qrnn_hw.tasks.fit import FitOptions, fit
from qrnn_hw.tasks.pairs import END, PAD, load_pairs
from qrnn_hw.tasks.translation import Translator, translation


def main() -> None:
    """Train and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400)
    chosen = parser.parse_args()
    data, make = load_pairs(None), core_of("qrnn", TASKS["translation"].size)
    options = FitOptions(epochs=1000, max_steps=chosen.steps, learning_rate=1e-2, evaluations=1)
    fitted = fit(translation(data, make), options)
    print(fitted.validation, fitted.test, f"{fitted.n_steps} steps")
    translator = Translator(data, make, 32, 32)
    source, target = data.test.source[:1], data.test.target[:1]
    found = translator.translations(fitted.parameters, data.test)[0]
    _, weights = translator.logits(fitted.parameters, source, target[:, :-1])
    is_word = source[0] != PAD
    n_words = int(np.flatnonzero(target[0] == END)[0])
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "qrnn-hw"
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(5, 4))
    axis.imshow(np.asarray(weights)[0, :n_words, is_word].T, cmap="Greys", vmin=0, vmax=1)
    given = [data.source_words[word] for word in source[0][is_word]]
    wanted = [data.target_words[word] for word in target[0, 1 : n_words + 1]]
    axis.set_xticks(range(len(given)), given, rotation=60, fontsize=8)
    axis.set_yticks(range(len(wanted)), wanted, fontsize=8)
    axis.set_title(f"decoded: {found}", fontsize=8)
    figure.tight_layout()
    figure.savefig(Path("docs/images/attention.svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
