"""A number with what is counted, in words."""


def counted(n: int, one: str, several: str | None = None) -> str:
    """Return `1 job`, `2,000 jobs`, `1 canary`, `2 canaries`.

    Args:
        n: How many there are.
        one: The noun.
        several: Its plural where that is not with an s.
    """
    return f"{n:,} {one if n == 1 else several or one + 's'}"
