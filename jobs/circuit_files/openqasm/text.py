"""What an OpenQASM file is before a parser sees it: characters, version, includes."""

import re
from dataclasses import dataclass

from jobs.errors import SpecError

LARGEST_REGISTER = 10_000
"""Bits or qubits of one register, or number of a physical qubit; a parser would make a billion of
them one by one."""

INCLUDES = ("qelib1.inc", "stdgates.inc")
"""The two that come with Qiskit. Any other would read a file of the user's into a message."""

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Strings first, since a comment's marks mean nothing in them. Possessive, so that a file of
# nothing but comments takes time in proportion to its length.
_STRING = r"\"[^\"\n]*+\"|'[^'\n]*+'"
_NOT_CODE = {
    2: re.compile(rf"{_STRING}|//[^\n]*+"),
    3: re.compile(rf"{_STRING}|//[^\n]*+|/\*.*?(?:\*/|\Z)", re.DOTALL),
}
_BLANK = re.compile(r"[\s;]++")
_VERSION = re.compile(r"OPENQASM\s++([0-9]{1,9})(?:\s*+\.\s*+[0-9]{1,9})?+\s*+;")
_INCLUDE = re.compile(r"\binclude\b\s*+(?:\"([^\"\n]*+)\"|'([^'\n]*+)')?")
_REGISTER = re.compile(r"\b[qc]reg\s++\w++\s*+\[\s*+([0-9_]++)")


@dataclass(frozen=True)
class Source:
    """A text that may be parsed."""

    text: str
    version: int


def source_of(data: bytes) -> Source:
    """Decode an OpenQASM file and refuse what no parser should be given.

    Args:
        data: content of the file, UTF-8, or UTF-16 or UTF-32 with their byte order mark. Lines may
            end as on any system.

    Raises:
        SpecError: other bytes, no statement, another version than 2 or 3, an include of another
            file than Qiskit's own two, or a register that nothing holds.
    """
    text = _decoded(data).replace("\r\n", "\n").replace("\r", "\n")
    version, code = _version(text)
    for match in _INCLUDE.finditer(code):
        name = match[1] or match[2]
        if name not in INCLUDES:
            raise SpecError(
                f"An OpenQASM file should include nothing but {' or '.join(INCLUDES)}. Got "
                f"{'no name' if name is None else repr(name[:60])}; write its content into the file"
            )
    if version == 2:  # of version 3 the converter sees each size as a number
        for match in _REGISTER.finditer(code):
            check_register(int(match[1].replace("_", "").lstrip("0")[:12] or 0))
    return Source(text, version)


def check_register(size: int) -> None:
    """Refuse a register that nothing holds.

    Raises:
        SpecError: it has more than `LARGEST_REGISTER` bits.
    """
    if size > LARGEST_REGISTER:
        raise SpecError(
            f"A register of a circuit file should have at most {LARGEST_REGISTER:,} bits. "
            f"Got {min(size, 10**12):,}{' or more' * (size > 10**12)}"
        )


def _decoded(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise SpecError(
            "An OpenQASM file should be text. Got other bytes; save it as UTF-8"
        ) from None
    if "\0" in text:
        raise SpecError(
            "An OpenQASM file should be text. Got NUL characters: the file is binary, or UTF-16 "
            "without its mark; save it as UTF-8"
        )
    return text


def _version(text: str) -> tuple[int, str]:
    """Return the version and the text without comments."""
    code = _without_comments(text, 3)
    start = match.end() if (match := _BLANK.match(code)) else 0
    if start == len(code):
        raise SpecError("An OpenQASM file should hold a circuit. Got no statement")
    named = _VERSION.match(code, start)
    version = 3 if named is None else int(named[1])
    if version not in (2, 3):
        raise SpecError(f"OpenQASM should be of version 2 or 3. Got {version}")
    return version, code if version == 3 else _without_comments(text, 2)


def _without_comments(text: str, version: int) -> str:
    return _NOT_CODE[version].sub(lambda match: " " if match[0].startswith("/") else match[0], text)
