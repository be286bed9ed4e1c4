"""German and English sentences constructed from templates: a stand-in that anybody may copy.

They say nothing of translation; they let the task run where no real pairs are. Word order differs
between the two (a German participle stands last), so that attention has something to do.
"""

from __future__ import annotations

from itertools import product

SUBJECTS = (
    ("ein mann", "a man"),
    ("eine frau", "a woman"),
    ("ein kind", "a child"),
    ("ein junges mädchen", "a young girl"),
    ("ein alter herr", "an old gentleman"),
    ("ein hund", "a dog"),
)
OBJECTS = (
    ("einen ball", "a ball"),
    ("ein buch", "a book"),
    ("eine rote tasche", "a red bag"),
    ("ein kleines boot", "a small boat"),
    ("den alten stuhl", "the old chair"),
)
VERBS = (
    ("gesehen", "has seen"),
    ("getragen", "has carried"),
    ("gefunden", "has found"),
    ("gekauft", "has bought"),
)
PLACES = (
    ("am strand", "at the beach"),
    ("im garten", "in the garden"),
    ("auf der straße", "on the street"),
    ("gestern", "yesterday"),
    ("vor dem haus", "in front of the house"),
)


def constructed_pairs() -> list[tuple[str, str]]:
    """Return 600 different pairs, German first."""
    return [
        (
            f"{subject[0]} hat {place[0]} {thing[0]} {verb[0]} .",
            f"{subject[1]} {verb[1]} {thing[1]} {place[1]} .",
        )
        for subject, thing, verb, place in product(SUBJECTS, OBJECTS, VERBS, PLACES)
    ]
