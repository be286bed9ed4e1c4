"""Draw where a trained decoder looks: docs/images/attention.svg, on the constructed pairs.

Run by hand; minutes. `--steps` batches of the hybrid's translation task with X, Y and Z read, then
one test sentence and how far from even the attention is over all of them.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
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
    parser.add_argument("--steps", type=int, default=3000)
    chosen = parser.parse_args()
    size = replace(TASKS["translation"].size, readout="xyz")
    data, make = load_pairs(None), core_of("qrnn", size)
    options = FitOptions(epochs=1000, max_steps=chosen.steps, learning_rate=1e-2, evaluations=10)
    fitted = fit(translation(data, make), options, lambda *said: print(*said, flush=True))
    print(fitted.validation, fitted.test, f"{fitted.n_steps} steps")
    translator = Translator(data, make, 32, 32)
    source, target = data.test.source[:1], data.test.target[:1]
    found = translator.translations(fitted.parameters, data.test)[0]
    _, weights = translator.logits(fitted.parameters, source, target[:, :-1])
    is_word = source[0] != PAD
    largest = np.asarray(weights)[0].max(axis=-1)
    print(f"largest weight of a word: {largest.round(2).tolist()}; even is {1 / is_word.sum():.2f}")
    n_words = int(np.flatnonzero(target[0] == END)[0])
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "qrnn-hw"
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 5))
    shown = axis.imshow(np.asarray(weights)[0, :n_words, is_word].T, cmap="Greys", vmin=0, vmax=1)
    figure.colorbar(shown, label="attention", fraction=0.04)
    given = [data.source_words[word] for word in source[0][is_word]]
    wanted = [data.target_words[word] for word in target[0, 1 : n_words + 1]]
    axis.set_xticks(range(len(given)), given, rotation=60, fontsize=8)
    axis.set_yticks(range(len(wanted)), wanted, fontsize=8)
    axis.set_xlabel("German words, as the encoder reads them")
    axis.set_ylabel("English words, as the decoder says them")
    axis.set_title(f"decoded: {found}", fontsize=9)
    figure.tight_layout()
    figure.savefig(Path("docs/images/attention.svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
