"""What is said when the store, or one row of it, cannot be used: which, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import JobsError, StoreError

DAMAGE = (
    JobsError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)

ELSEWHERE = "set QRNN_HW_HOME to the folder of another store"


@contextmanager
def readable(path: Path, table: str, row: str, remedy: str = "") -> Iterator[None]:
    """Raise one line that names the row when what is done with its content fails.

    Args:
        path: The store.
        table: Where the row is.
        row: What tells it from the table's others.
        remedy: What else may help, a clause.

    Raises:
        StoreError: If the content is not what was written.
    """
    try:
        yield
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:150]
        if not isinstance(error, JobsError):
            reason = f"{type(error).__name__}: {reason}"
        other = f"{remedy}, or " if remedy else ""
        raise StoreError(
            f"Each row of the store should be as it was written. Got row {row} of table {table} in "
            f"{path}: {reason.rstrip('.')}. Restore the file from a copy, {other}{ELSEWHERE}."
        ) from None
