import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qrnn_hw.data.labelled_text import load_embedded
from qrnn_hw.data.tokens import NEGATIONS, normal_form, stop_words, tokenise, words


def test_tokens():
    assert tokenise("I DON'T like it — can’t, won't!") == ("not", "like", "ca", "not", "wo", "not")
    assert tokenise("The 3 cats", drop_stop_words=False) == ("the", "3", "cats")
    assert tokenise("?!") == ()


def test_negations_are_no_stop_words():
    assert not NEGATIONS & stop_words()
    assert {"the", "was", "it"} <= stop_words()


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_tokens_are_in_normal_form_and_stay_as_they_are(text):
    found = words(text)
    assert all(normal_form(word) == word and not re.search(r"\s", word) for word in found)
    assert words(" ".join(found)) == found


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("a\u0385a n\u2260t \u226ea")  # signs that have accents of their own
def test_how_accents_are_stored_makes_no_difference(text):
    forms = {tokenise(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert len(forms) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("schöner FILM, großartig", "schöner film grossartig"),
        ("GROSSARTIG großartig", "grossartig grossartig"),
        ("очень ХОРОШИЙ ресторан", "очень хороший ресторан"),
        ("Οδός ΟΔΌΣ", "οδόσ οδόσ"),
        ("İyi iyi İSTANBUL'da sıcak", "iyi iyi istanbul da sıcak"),
        ("el niño está", "el niño está"),
        ("Việt Nam", "việt nam"),
        ("हिन्दी में फ़िल्म", unicodedata.normalize("NFKC", "हिन्दी में फ़िल्म")),
        ("كِتَاب جيد", "كِتَاب جيد"),
        ("می\u200cشود خوب", "میشود خوب"),
        ("wunder\u00adbar", "wunderbar"),
        ("ดี\u200bมาก", "ดี มาก"),
        ("п’ять м'ята", "п\u02bcять м\u02bcята"),
        ("l’été", "l été"),
        ("ｇｏｏｄ ﬁlm", "good film"),
        ("iPhone™ ☺️ 1️⃣", "iphone 1"),
        ("a_b c-d", "a b c d"),
        ("e\u0335", "e\u0335"),
    ],
)
def test_letters_of_every_script_are_letters(text, found):
    assert words(text) == tuple(found.split())


@pytest.mark.parametrize("apostrophe", list("'`´’‘ʼ＇"))
def test_every_apostrophe_negates(apostrophe):
    assert tokenise(f"It isn{apostrophe}t café") == ("not", "café")


def test_english_words_are_what_a_to_z_gives():
    """All 3,000 sentences but the nine that hold accented words."""
    others = []
    for text in load_embedded("uci").texts:
        plain = re.findall(r"[a-z0-9]+", re.sub(r"n['’]t\b", " not", text.lower()))
        if list(found := tokenise(text, drop_stop_words=False)) != plain:
            others += [word for word in found if word not in plain]
    accented = "québec clichés clichés aurvåg clichés fiancé café crêpe puréed"
    assert others == accented.split()
