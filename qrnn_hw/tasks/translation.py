"""Translation by an encoder and a decoder of the same core, with soft attention over read-outs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qrnn_hw.tasks.attention import attend, attention_parameters
from qrnn_hw.tasks.core import Parameters, normal
from qrnn_hw.tasks.cores import CoreOf
from qrnn_hw.tasks.decoding import decode
from qrnn_hw.tasks.pairs import BEGIN, END, PAD, PairData, PairRows
from qrnn_hw.tasks.task import Part, Task, cross_entropy, shuffled

ROWS_AT_ONCE = 64


class Translator:
    """The network: the encoder's last state is the decoder's first one."""

    def __init__(self, data: PairData, core_of: CoreOf, n_embedded: int, n_mixed: int) -> None:
        """Set up both cores, which are of one kind and size."""
        self.data = data
        self.core = core_of(n_embedded)
        self._sizes = n_embedded, n_mixed
        self._advance = jax.jit(self._next_word)
        self._encode = jax.jit(self._encoded)

    def init(self, key: jax.Array) -> Parameters:
        """Draw all parameters."""
        keys, (n_embedded, n_mixed) = jax.random.split(key, 5), self._sizes
        n_source, n_target = len(self.data.source_words), len(self.data.target_words)
        encoder, decoder = self.core.init(keys[0]), self.core.init(keys[1])
        return {
            "core": {f"encoder {name}": value for name, value in encoder.items()}
            | {f"decoder {name}": value for name, value in decoder.items()},
            "source": normal(keys[2], n_source, n_embedded, scale=0.5),
            "target": normal(keys[3], n_target, n_embedded, scale=0.5),
            "attention": attention_parameters(keys[4], self.core.n_out, n_mixed, n_target),
        }

    def _encoded(
        self, p: Parameters, source: jax.Array, key: Any = None
    ) -> tuple[Any, jax.Array, jax.Array]:
        z, state = self.core.run(_side(p, "encoder"), p["source"][source], key=key)
        return state, z, source != PAD

    def logits(
        self, p: Parameters, source: jax.Array, before: jax.Array, key: Any = None
    ) -> tuple[jax.Array, jax.Array]:
        """Return logits (batch, T, n_words) and attention (batch, T, S), given the true words.

        The key draws the dropout of both cores, in cores that have it.
        """
        first, second = (None, None) if key is None else jax.random.split(key)
        state, memory, is_word = self._encoded(p, source, first)
        z, _ = self.core.run(_side(p, "decoder"), p["target"][before], state, second)
        return attend(p["attention"], z, memory, is_word)

    def _next_word(self, p: Parameters, state: Any, words: jax.Array) -> tuple[Any, jax.Array]:
        own, memory, is_word = state
        decoder = self.core.prepared(_side(p, "decoder"))
        own, z = self.core.step(decoder, own, self.core.drive(decoder, p["target"][words]))
        logits = attend(p["attention"], z[:, None], memory, is_word)[0][:, 0]
        allowed = logits.at[:, jnp.array([PAD, BEGIN])].set(-jnp.inf)
        return (own, memory, is_word), jax.nn.log_softmax(allowed)

    def translations(self, p: Parameters, rows: PairRows, n_beams: int = 1) -> list[str]:
        """Return a sentence for each row, words parted by blanks."""
        found = []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            index = np.minimum(np.arange(start, start + ROWS_AT_ONCE), len(rows) - 1)
            state = self._encode(p, rows.source[index])
            longest = rows.target.shape[1] + 6
            marks = {"begin": BEGIN, "end": END, "n_beams": n_beams, "longest": longest}
            words = decode(lambda s, w: self._advance(p, s, w), state, ROWS_AT_ONCE, **marks)
            for row in words.tolist():
                sentence = row[: row.index(END)] if END in row else row
                found.append(" ".join(self.data.target_words[word] for word in sentence))
        return found[: len(rows)]


def translation(
    data: PairData,
    core_of: CoreOf,
    *,
    batch: int = 32,
    n_embedded: int = 32,
    n_mixed: int = 32,
    n_beams: int = 1,
    n_held: int = 512,
) -> Task:
    """Return the task; its quality is BLEU of decoded sentences.

    Args:
        data: pairs in three parts.
        core_of: makes the core of the encoder, and that of the decoder.
        batch: pairs of a batch.
        n_embedded: numbers of a word.
        n_mixed: of the layer before the words.
        n_beams: of the decoding; 1 is greedy.
        n_held: pairs of the validation part that are decoded in each evaluation.
    """
    translator = Translator(data, core_of, n_embedded, n_mixed)

    def loss(p: Parameters, given: Any, key: Any, state: Any) -> tuple[jax.Array, Any]:
        source, target = given
        before, wanted = target[:, :-1], target[:, 1:]
        found = cross_entropy(translator.logits(p, source, before, key)[0], wanted)
        counts = (wanted != PAD).astype(found.dtype)
        return (found * counts).sum() / counts.sum(), state

    def epoch(generator: np.random.Generator) -> Iterator[Any]:
        for rows in shuffled(len(data.training), batch, generator):
            yield data.training.source[rows], data.training.target[rows]

    def evaluate(p: Parameters, part: Part) -> dict[str, float]:
        rows: PairRows = getattr(data, part)
        if part == "validation":
            rows = PairRows(rows.source[:n_held], rows.target[:n_held], rows.references[:n_held])
        return bleu(translator.translations(p, rows, n_beams), rows.references)

    facts = tuple((part, len(getattr(data, part))) for part in ("training", "validation", "test"))
    if data.n_repeats:
        facts += (("repeats left out", data.n_repeats),)
    words = ("words", [len(data.source_words), len(data.target_words)])
    return Task(
        "translation",
        translator.core,
        translator.init,
        loss,
        epoch,
        len(data.training) // min(batch, len(data.training)),
        evaluate,
        "bleu",
        rates={
            f"{side} {name}": rate
            for side in ("encoder", "decoder")
            for name, rate in translator.core.rates.items()
        },
        facts=(("source", data.source), *facts, words),
        digest=lambda: data.digest,
    )


def bleu(found: list[str], references: tuple[str, ...]) -> dict[str, float]:
    """Return BLEU of sentences whose words are parted by blanks on both sides.

    Returns:
        `bleu`, 0 to 100, and `bleu_half_width`, that of its 95 % interval by sacrebleu's bootstrap
        over the sentences (1,000 draws): what other sentences might give, not another training.
    """
    from sacrebleu.metrics import BLEU

    metric = BLEU(tokenize="none", force=True)
    score = metric.corpus_score(found, [list(references)], n_bootstrap=1000)
    # Written out is the only public way to the interval, and it is missing where all draws are 0.
    told = json.loads(score.format(width=6, signature=str(metric.get_signature()), is_json=True))
    return {"bleu": float(score.score), "bleu_half_width": told.get("confidence_var", 0.0)}


def _side(p: Parameters, side: str) -> Parameters:
    start = f"{side} "
    return {
        name[len(start) :]: value for name, value in p["core"].items() if name.startswith(start)
    }
