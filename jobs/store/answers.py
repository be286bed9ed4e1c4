"""The results of jobs as the service sent them: kept before they are read."""

import hashlib
import os
import re
from pathlib import Path

from jobs.errors import StoreError


def keep(folder: Path, key: str, job_id: str, text: str) -> Path:
    """Write an answer to a file that only its owner may read, whatever it is, and return where.

    The same answer again is the same file.

    Raises:
        StoreError: If the file cannot be written.
    """
    data = text.encode("utf-8", "surrogatepass")
    # The id comes from the service, and is not a path.
    name = "-".join(
        (key[:12], re.sub(r"[^0-9A-Za-z]", "", job_id)[:40], hashlib.sha256(data).hexdigest()[:8])
    )
    path = folder / f"{name}.json"
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as to:
                to.write(data)
            part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"Answers of the service should be kept in {folder}. Got: {error.strerror}. Make room, "
            "or change its permissions; the job has run, and is fetched again without cost."
        ) from None
    return path
