"""Cut a sentence into words."""

import re
from functools import cache

NEGATIONS = frozenset(
    {"cannot", "cant", "couldnt", "hasnt", "neither", "never", "no", "nobody", "none", "noone"}
    | {"nor", "not", "nothing", "nowhere", "without"}
)

_CONTRACTED_NOT = re.compile(r"n['’]t\b")
_WORD = re.compile(r"[a-z0-9]+")


@cache
def stop_words() -> frozenset[str]:
    """Return scikit-learn's English stop words without the negations, which carry sentiment."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS) - NEGATIONS


def tokenise(text: str, *, drop_stop_words: bool = True) -> tuple[str, ...]:
    """Return the words of `text`: lower case, letters and digits, `n't` read as ` not`.

    GloVe's own tokeniser parts `don't` into `do n't` (Penn Treebank); reading the second part as
    `not` gives it a vector in every vocabulary.

    Dropping stop words, a fixed list, takes a third off the steps (7.2 to 4.7 in the amazon file)
    and lets ten steps hold more of what decides. Measured on random 80/20 splits of the amazon,
    imdb and yelp files, in points of accuracy: logistic regression on 10 tokens x PLS-4 +2.0, +3.8,
    +0.5 (thirty splits, standard error 0.6); GRU of 449 parameters +3.0, +3.0, +3.5 (ten splits,
    standard error 0.7 to 1.8).

    >>> tokenise("I don't think it's a good phone!")
    ('not', 'think', 's', 'good', 'phone')
    """
    words = _WORD.findall(_CONTRACTED_NOT.sub(" not", text.lower()))
    if drop_stop_words:
        return tuple(word for word in words if word not in stop_words())
    return tuple(words)
