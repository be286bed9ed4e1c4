"""Six tasks in a form that a machine runs today, with its noise and a finite number of shots.

The form is the sampled hybrid by parities: 4 qubits, 1 layer, 2 bits fed forward in every step,
8 steps in one dynamic circuit. Each task is cut to what fits: one answer for each sequence. It is
trained without noise, then under the noise of fake_boston's transpiled step, and 100 test
sequences are read at 1,000 shots each: without noise, with it, with the final readout corrected,
and extrapolated linearly from folds 1 and 3 at the same total of shots. Shots are drawn from the
exact laws, which the tests hold against Aer. Run by `make tasks-hardware`; a row a task and seed in
tests/benchmarks/results/tasks-hardware.jsonl, which continues where it stopped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from qiskit_aer import AerSimulator
from scipy.stats import chisquare

import circuits
from calibration.noise import DeviceNoise
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, quality
from qrnn_hw.experiment.forecast import final_readout, scaled_model
from qrnn_hw.mitigation.readout import correct_distribution, read_distribution
from qrnn_hw.networks.network import Network, network_of
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.intervals import wilson
from qrnn_hw.submission.machine import open_machine
from qrnn_hw.tasks.constructed_pairs import OBJECTS
from qrnn_hw.tasks.copying import draw
from qrnn_hw.tasks.images import load_images
from qrnn_hw.tasks.pairs import load_pairs
from qrnn_hw.tasks.sentences import load_sentences
from qrnn_hw.tasks.text import load_text_parts
from qrnn_hw.training.adam import Adam
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.trainer import start, train

RESULTS = Path(__file__).parent / "results" / "tasks-hardware.jsonl"
T, SHOTS, N_TEST = 8, 1000, 100
OPTIONS = {"mode": "sampled", "n_qubits": 4, "n_layers": 1, "n_bits": 2, "controller": "parity"}
VOWELS = "aeiou"


@dataclass(frozen=True, eq=False)
class HardwareTask:
    """Sequences of 8 steps in three parts, and what is asked of each."""

    asked: str
    classes: Classes
    training: Sequences
    validation: Sequences
    test: Sequences


def sequences(values: Any, classes: Any) -> Sequences:
    """Return rows as sequences of all their steps."""
    found = np.asarray(values, dtype=float)
    return Sequences(found, np.full(len(found), found.shape[1]), np.asarray(classes, dtype=int))


def in_three(values: Any, classes: Any, names: tuple[str, ...], asked: str) -> HardwareTask:
    """Part rows that are in no order: the last hundred are the test, the hundred before held."""
    x, y = np.asarray(values, dtype=float), np.asarray(classes)
    cuts = (slice(0, -2 * N_TEST), slice(-2 * N_TEST, -N_TEST), slice(-N_TEST, None))
    return HardwareTask(asked, Classes(names), *(sequences(x[cut], y[cut]) for cut in cuts))


def images(permuted: bool) -> HardwareTask:
    """Scikit-learn's digits by rows."""
    data = load_images(None, permuted=permuted)
    parts = [sequences(p.values, p.classes) for p in (data.training, data.validation, data.test)]
    names = tuple(map(str, range(10)))
    return HardwareTask("the digit, of 10", Classes(names), *parts)


def sentiment() -> HardwareTask:
    """The first 8 words of a sentence."""
    data = load_sentences(None)
    parts = [
        Sequences(
            p.values[:, :T].astype(float),
            np.minimum(p.lengths, T).astype(int),
            p.classes.astype(int),
        )
        for p in (data.training, data.validation, data.test)
    ]
    return HardwareTask("the label, of 2", Classes(("negative", "positive")), *parts)


def copying() -> HardwareTask:
    """Two of four symbols, three blanks, the question, and two steps to answer in."""
    x, wanted = draw(np.random.default_rng(3), 1400, 4, 4, 2)
    pairs = tuple(a + b for a in "abcd" for b in "abcd")
    return in_three(
        x, 4 * wanted[:, -2] + wanted[:, -1], pairs, "both symbols of 6 steps before, of 16 pairs"
    )


def language() -> HardwareTask:
    """Eight characters of the carried scenes; what kind the next one is."""
    data = load_text_parts(None)
    text = "".join(data.vocabulary[index] for index in data.training).lower()
    letters = sorted(set(text))
    places = np.random.default_rng(5).permutation(len(text) - T)[:1200]
    one_hot = np.eye(len(letters))
    x = [one_hot[[letters.index(c) for c in text[at : at + T]]] for at in places]
    return in_three(
        x, [_kind(text[at + T]) for at in places], KINDS, "the next character's kind, of 4"
    )


KINDS = ("vowel", "consonant", "blank", "other")


def _kind(character: str) -> int:
    if character in VOWELS:
        return 0
    return 1 if character.isalpha() else 2 if character.isspace() else 3


def translation() -> HardwareTask:
    """The end of a German sentence; which English object and verb it asks for."""
    data = load_pairs(None)
    verbs = ("seen", "carried", "found", "bought")
    things = tuple(english.split()[-1] for _, english in OBJECTS)
    answers = tuple(f"{verb} {thing}" for verb in verbs for thing in things)
    x, wanted = [], []
    for part in (data.training, data.validation, data.test):
        for source, words in zip(part.source, part.references, strict=True):
            said = words.split()
            (verb,) = (index for index, verb in enumerate(verbs) if verb in said)
            (thing,) = (index for index, thing in enumerate(things) if thing in said)
            x.append(np.eye(len(data.source_words))[source[-T:]])
            wanted.append(verb * len(things) + thing)
    order = np.random.default_rng(7).permutation(len(x))
    return in_three(
        np.asarray(x)[order],
        np.asarray(wanted)[order],
        answers,
        f"the English verb and object, of {len(answers)}",
    )


TASKS: dict[str, Callable[[], HardwareTask]] = {
    "sentiment": sentiment,
    "pmnist": lambda: images(True),
    "mnist": lambda: images(False),
    "copy": copying,
    "language": language,
    "translation": translation,
}


def trained_network(task: HardwareTask, noisy: Any, seed: int, epochs: tuple[int, int]) -> Any:
    """Train without noise, then under it; return the network after both."""
    architecture = circuits.architecture("hybrid", **OPTIONS)
    network = network_of(architecture, task.training.dim, target=task.classes)
    parameters = network.initial(seed)
    for reader, n_epochs in ((None, epochs[0]), (noisy.distributions, epochs[1])):
        if n_epochs:
            options = TrainingOptions(epochs=n_epochs, seed=seed, patience=None, averaging=0.9)
            stepper = Adam(
                network,
                [task.training],
                [task.validation],
                options,
                [seed],
                readers=None if reader is None else [reader],
            )
            parameters = train(stepper, options, start(stepper, [parameters])).of(0)
    return TrainedNetwork(network, parameters)


def drawn(law: NDArray[np.float64], shots: int, generator: np.random.Generator) -> Any:
    """Return the shares of the outcomes in so many shots."""
    positive = np.clip(law, 0, None)
    return generator.multinomial(shots, positive / positive.sum(-1, keepdims=True)) / shots


def agreement(trained: TrainedNetwork, test: Sequences, seed: int) -> float:
    """Return the p of Aer's shots of the trained circuit of one sequence, under the exact law."""
    one = test.take(np.flatnonzero(test.lengths == test.n_steps)[:1])
    encoded = trained.encoded(one)
    bound = circuits.unroll(trained.network.architecture, test.n_steps).bind(
        encoded.features[0], encoded.circuit
    )
    law = np.asarray(
        trained.network.readings(
            trained.parameters, jnp.asarray(one.values), jnp.asarray(one.lengths)
        )
    )[0]
    shots = 20_000
    counts = AerSimulator(seed_simulator=seed).run(bound, shots=shots).result().get_counts()
    found = np.zeros_like(law)
    for key, n in counts.items():
        found[int(key.split(" ")[0], 2)] += n
    likely = law * shots > 5
    rest = found[~likely].sum(), law[~likely].sum() * shots
    observed, expected = (
        np.append(a, b) if rest[1] > 5 else a
        for a, b in ((found[likely], rest[0]), (law[likely] * shots, rest[1]))
    )
    return float(chisquare(observed, expected * observed.sum() / expected.sum()).pvalue)


def gradient_error(network: Network, parameters: Any, rows: Sequences) -> float:
    """Return how far a directional derivative through the controller is from a difference."""
    given = jnp.asarray(rows.values), jnp.asarray(rows.lengths)

    @jax.jit
    @jax.value_and_grad
    def total(p: Any) -> jax.Array:
        return jnp.sum(jnp.sin(network.readings(p, *given) @ jnp.arange(16.0)))

    rng = np.random.default_rng(0)
    way = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), parameters)
    slope = sum(
        float(jnp.sum(a * b))
        for a, b in zip(jax.tree.leaves(total(parameters)[1]), jax.tree.leaves(way), strict=True)
    )
    ends = [
        float(total(jax.tree.map(lambda a, b, h=h: a + h * b, parameters, way))[0])
        for h in (1e-5, -1e-5)
    ]
    return abs((ends[0] - ends[1]) / 2e-5 - slope) / max(1e-12, abs(slope))


@cache
def qpu_seconds(rows: int) -> float:
    """Return what the command estimates for as many rows of these circuits."""
    options = [word for name, value in OPTIONS.items() for word in ("-o", f"{name}={value}")]
    sizes = ["--steps", str(T), "--rows", str(rows), "--shots", str(SHOTS), "--json"]
    command = [sys.executable, "-m", "qrnn_hw", "estimate", "hybrid", "--backend", "fake_boston"]
    said = subprocess.run([*command, *options, *sizes], capture_output=True, text=True, check=True)
    return float(json.loads(said.stdout)["estimate"]["best_seconds"])


def measured(name: str, seed: int, epochs: tuple[int, int]) -> dict[str, Any]:
    """Train a task and read its test sequences in every way."""
    task, machine = TASKS[name](), open_machine("fake_boston")
    test = task.test.take(np.arange(min(N_TEST, len(task.test))))
    transpiled = transpile_step(
        circuits.architecture("hybrid", **OPTIONS), machine.snapshot, seed=0
    )
    noise = DeviceNoise(transpiled.snapshot)
    noisy = sequence_model(transpiled, noise)
    trained = trained_network(task, noisy, seed, epochs)
    encoded = trained.encoded(test)
    given = (
        jnp.asarray(encoded.circuit),
        jnp.asarray(encoded.features),
        jnp.asarray(encoded.lengths),
    )

    def law(model: Any) -> NDArray[np.float64]:
        # Asked once: to compile it takes longer than to run it.
        return np.asarray(model.distributions(*given))

    generator = np.random.default_rng([seed, SHOTS])
    read = jnp.asarray(test.values), jnp.asarray(test.lengths)
    without = np.asarray(trained.network.readings(trained.parameters, *read))
    with_noise = law(noisy)
    terminal = final_readout(transpiled, noise)
    raw = drawn(with_noise, SHOTS, generator)
    folded = law(scaled_model(transpiled, noise, 3, 1))
    # Final bits of the folded model are read true: misread them as those of the others are.
    threefold = drawn(np.asarray(read_distribution(folded, terminal)), SHOTS // 2, generator)
    single = drawn(with_noise, SHOTS // 2, generator)
    corrected = [np.asarray(correct_distribution(one, terminal)) for one in (single, threefold)]
    ways = {
        "ideal, infinite shots": without,
        "ideal": drawn(without, SHOTS, generator),
        "noisy, infinite shots": with_noise,
        "noisy": raw,
        "readout corrected": np.asarray(correct_distribution(raw, terminal)),
        "extrapolated": 1.5 * corrected[0] - 0.5 * corrected[1],
    }
    right = {
        way: quality(task.classes, _outputs(trained, found), test.known_targets)
        for way, found in ways.items()
    }
    shares = np.bincount(np.asarray(test.known_targets)) / len(test)
    return {
        "task": name,
        "asked": task.asked,
        "seed": seed,
        "epochs": list(epochs),
        "shots": SHOTS,
        "rows": len(test),
        "parameters": trained.n_parameters,
        "commonest": float(shares.max()),
        "right": {way: wilson(int(each.sum()), len(each)).to_json() for way, each in right.items()},
        "aer_p": agreement(trained, test, seed),
        "gradient_error": gradient_error(
            trained.network, trained.parameters, test.take(np.arange(2))
        ),
        "seconds": qpu_seconds(len(test)),
    }


def _outputs(trained: TrainedNetwork, found: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(found @ trained.coefficients)


def main() -> None:
    """Run what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, nargs=2, default=(20, 1))
    chosen = parser.parse_args()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    for seed in range(chosen.seeds):
        for name in chosen.tasks:
            lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
            same = (name, TASKS[name]().asked, seed)
            if any((d["task"], d["asked"], d["seed"]) == same for d in map(json.loads, lines)):
                continue
            row = measured(name, seed, tuple(chosen.epochs))
            # In the place of an answer to what the task asked before.
            others = [
                line
                for line in lines
                if (json.loads(line)["task"], json.loads(line)["seed"]) != (name, seed)
            ]
            RESULTS.write_text("\n".join([*others, json.dumps(row), ""]), "utf-8")
            shown = {way: round(one["value"], 3) for way, one in row["right"].items()}
            print(name, seed, json.dumps(shown), f"p {row['aer_p']:.2g}", flush=True)


if __name__ == "__main__":
    main()
