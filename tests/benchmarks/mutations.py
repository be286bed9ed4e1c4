"""Random changes to a document: some leave it nearly sound, so that what reads deep is reached."""

from __future__ import annotations

import io
import json
import random
import re
from typing import Any

import numpy as np
from hostile_files import STEERING

TOKENS = (
    *(b"9" * 30, b"-1", b"1e999", b"nan", b"[" * 300, b"(" * 300, b"{", b'"', b"\0", b"\n", b"\t"),
    *(b"\xff\xfe", STEERING.encode(), "\u0661\u00b2\u2028\ud7ff\ufeff".encode(), b"\x9b2J"),
)
NUMBERS = (b"0", b"-1", b"1e999", b"nan", b"1_0", b"0.5", b"2147483648", b"9" * 30, b"1e-320")
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 0.5, 10**40, float("inf"), float("nan"), "", "x", STEERING, "\ud800"),
    *([], {}, [[]], "9" * 400, "2020-13-01T00:00:00+00:00", 1e308, [1, 2], {"a": 1}),
)
SEPARATORS = {"qasm2": b";", "qasm3": b";"}


def mutated(kind: str, data: bytes, generator: random.Random, include: bytes) -> bytes:
    """Return a document with random changes.

    Args:
        kind: as of `hostile_files.sound`.
        data: the document.
        generator: of the changes.
        include: one of the texts that are put into it.
    """
    way = generator.randrange(3)
    if kind == "json" and way:
        return _with_other_leaves(data, generator)
    if kind == "npz" and way:
        return _odd_archive(generator)
    if kind in ("qpy", "npz"):
        return _with_other_bytes(data, generator, shifts=not way)
    if way:
        return _with_other_parts(data, generator, SEPARATORS.get(kind, b"\n"), include)
    return _with_other_bytes(data, generator, shifts=True)


def _with_other_bytes(data: bytes, generator: random.Random, *, shifts: bool) -> bytes:
    found = bytearray(data)
    for _ in range(generator.choice((1, 1, 2, 4, 16))):
        place = generator.randrange(len(found) + 1)
        match generator.randrange(6 if shifts else 2):
            case 0:
                found[place : place + 1] = bytes([generator.randrange(256)])
            case 1:
                size = min(generator.choice((1, 4, 8)), len(found) - place)
                found[place : place + size] = generator.choice((b"\0", b"\xff", b"\x7f")) * size
            case 2:
                del found[place : place + generator.choice((1, 4, 40))]
            case 3:
                found[place:place] = generator.choice(TOKENS)
            case 4:
                del found[place:]
            case 5:
                other = generator.randrange(len(found) + 1)
                found[place:place] = found[other : other + generator.choice((4, 40, 400))]
    return bytes(found)


def _with_other_parts(
    data: bytes, generator: random.Random, separator: bytes, include: bytes
) -> bytes:
    """Change whole numbers, words, and lines or statements."""
    for _ in range(generator.choice((1, 1, 2, 4))):
        parts = data.split(separator)
        place = generator.randrange(len(parts))
        match generator.randrange(6):
            case 0:
                data = _replaced(rb"[0-9][0-9.e+-]*", data, generator, NUMBERS)
            case 1:
                names = re.findall(rb"[A-Za-z_]\w*", data) or [b"x"]
                data = _replaced(rb"[A-Za-z_]\w*", data, generator, names)
            case 2:
                parts.insert(generator.randrange(len(parts)), parts[place])
                data = separator.join(parts)
            case 3:
                del parts[place]
                data = separator.join(parts)
            case 4:
                generator.shuffle(parts)
                data = separator.join(parts)
            case 5:
                parts.insert(place, generator.choice((*TOKENS, include)))
                data = separator.join(parts)
    return data


def _replaced(pattern: bytes, data: bytes, generator: random.Random, by: Any) -> bytes:
    places = [one.span() for one in re.finditer(pattern, data)]
    if not places:
        return data
    first, last = generator.choice(places)
    return data[:first] + generator.choice(by) + data[last:]


def _with_other_leaves(data: bytes, generator: random.Random) -> bytes:
    found = json.loads(data)
    for _ in range(generator.choice((1, 1, 2, 4))):
        place = found
        while True:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            if not keys:
                break
            key = generator.choice(keys)
            if isinstance(place[key], dict | list) and generator.random() < 0.9:
                place = place[key]
                continue
            if generator.random() < 0.2:
                del place[key]
            else:
                place[key] = generator.choice(VALUES)
            break
    return json.dumps(found).encode()


def _odd_archive(generator: random.Random) -> bytes:
    """Return an archive of words and vectors, sound as such, of unusual types and shapes."""
    n = generator.choice((0, 1, 2, 12))
    words = [f"word{i}" for i in range(n)]
    if words and generator.random() < 0.3:
        words[0] = generator.choice((STEERING, "", "word1", "a b", "9" * 900))
    shape = generator.choice(((n, 5), (n, 5), (n, 5), (n, 0), (n,), (n + 1, 5), (n, 5, 1), ()))
    vectors = np.random.default_rng(generator.randrange(99)).normal(size=shape)
    if vectors.size and generator.random() < 0.5:
        odd = (np.nan, np.inf, 1e308, 1e-320, 0.0)
        vectors.flat[generator.randrange(vectors.size)] = generator.choice(odd)
    kinds = ("f8", "f8", "f8", "f4", "f2", "c16", "i8", "?", "U9", "O", "M8[s]", "V8", ">f8")
    with np.errstate(all="ignore"):
        made = vectors.astype("U9") if generator.random() < 0.1 else vectors
        kind = generator.choice(kinds)
        if made.dtype.kind == "f" and kind not in ("V8", "M8[s]"):
            made = made.astype(kind)
        elif kind in ("V8", "M8[s]"):
            made = np.zeros(shape, kind)
    texts = np.array(words, dtype="U")
    if generator.random() < 0.2:
        texts = generator.choice((np.char.encode(texts), texts.astype(object), texts[:, None]))
    names = generator.choice(
        (("words", "vectors"),) * 8 + (("words", "x"), ("../words", "vectors"))
    )
    packed = io.BytesIO()
    np.savez(packed, **dict(zip(names, (texts, made), strict=True)))
    return packed.getvalue()
