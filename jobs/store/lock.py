"""A lock that several processes share and that a killed process cannot keep."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from jobs.errors import StoreError
from jobs.store.damage import ELSEWHERE


@contextmanager
def held(folder: Path, key: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of `key` inside `folder`, waiting for whoever holds it now.

    The system releases it when the process ends, however it ends. Keys that begin alike share a
    lock, so that the folder stays at 256 empty files.

    Args:
        folder: Where the lock files are; made with mode 0700 when missing.
        key: A job's key, in hex.
        wait: Whether to wait for another holder.

    Raises:
        BlockingIOError: Another process holds it, and nobody is to wait.
        StoreError: If the folder cannot be written.
    """
    lock = FileLock(folder / f"{key[:2]}.lock", timeout=-1 if wait else 0, mode=0o600)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise BlockingIOError(f"Another process holds {lock.lock_file}.") from None
    except OSError as error:
        raise StoreError(
            f"The folder of locks beside the store should be writable. Got {folder}: "
            f"{error.strerror}. Change its permissions, or {ELSEWHERE}."
        ) from None
    try:
        yield
    finally:
        lock.release()
