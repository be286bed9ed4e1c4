import json

import numpy as np
import pytest

from qrnn_hw.data.usage import said
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.task import load_task

WORDS = ("good", "bad", "phone", "sound", "price", "great", "poor", "battery", "works", "broken")


@pytest.fixture
def repeated(tmp_path):
    """Write 40 sentences with random labels four times each, in four spellings, some unknown."""
    rng = np.random.default_rng(3)
    lines = []
    for n in range(40):
        sentence = " ".join([*rng.choice(WORDS, 4, replace=False), f"zzz{n}"])
        spellings = (sentence, sentence.upper(), f"The {sentence}!", f"  {sentence} .")
        lines += [f"{n % 2}\t{one}" for one in spellings]
    path = tmp_path / "repeated.tsv"
    path.write_text("label\ttext\n" + "\n".join(lines) + "\n")
    return path


def test_no_sentence_is_trained_and_tested(repeated):
    settings = RunSettings(data=repeated)
    task = load_task(settings.read(), 42)
    groups = np.arange(160) // 4
    sides = [set(groups[rows]) for rows in (task.rows.development, task.rows.test)]
    assert not sides[0] & sides[1]
    assert (len(task.training), len(task.validation), len(task.test)) == (26, 6, 8)
    counts = task.usage.to_json()
    assert counts == {
        "sentences": 160,
        "repeats_left_out": 120,
        "repeats_in_two_parts": 0,
        "words": 160 * 5,
        "words_skipped": 160,
        "sentences_without_words": 0,
    }
    assert "160 sentences, 120 left out as repeats" in said(json.loads(json.dumps(counts)))
    assert "160 of 800 words skipped" in said(counts)


def test_the_embedded_text_says_what_is_left_out():
    task = load_task(RunSettings().read(), 42)
    assert (len(task.training), len(task.validation), len(task.test)) == (2587, 145, 192)
    assert task.usage.repeats_left_out == 3000 - 2587 - 145 - 192
    assert task.usage.sentences_without_words == 5
