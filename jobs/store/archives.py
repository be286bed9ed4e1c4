"""Arrays in npz archives, which may be damaged or made to be too large."""

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 4 << 30
"""Of all arrays together, unpacked."""
MOST_ARRAYS = 100_000

_NPY: Any = np.lib.format  # typed in some versions of NumPy only


def read_archive(source: Path | bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of an npz archive by name.

    The shape that an array claims is held against the bytes that there are before any memory is
    taken for it.

    Raises:
        OSError: a file that cannot be read.
        ValueError: anything else but an archive of plain arrays: other content, damage, Python
            objects, or arrays above `MOST_BYTES`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as zipped:
            members = zipped.infolist()
            if len(members) > MOST_ARRAYS or sum(one.file_size for one in members) > MOST_BYTES:
                raise ValueError(f"more than {MOST_ARRAYS:,} arrays or {MOST_BYTES >> 20:,} MiB")
            return {one.filename.removesuffix(".npy"): _read(zipped, one) for one in members}
    except (OSError, ValueError):
        raise
    # zipfile, zlib, lzma and numpy raise a dozen kinds on damaged bytes.
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _read(zipped: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    if not member.filename.endswith(".npy"):
        raise ValueError(f"{member.filename[:60]!r} is no array")
    with zipped.open(member) as stream:
        content = stream.read(member.file_size + 1)
    file = io.BytesIO(content)
    version = _NPY.read_magic(file)
    read_header = {
        (1, 0): _NPY.read_array_header_1_0,
        (2, 0): _NPY.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"{member.filename[:60]!r} has the unknown format {version}")
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError(f"{member.filename[:60]!r} holds Python objects")
    if (
        any(size < 0 for size in shape)
        or math.prod(shape) * dtype.itemsize != len(content) - file.tell()
    ):
        raise ValueError(f"{member.filename[:60]!r} should have the shape {shape} that it names")
    file.seek(0)
    array: NDArray[Any] = _NPY.read_array(file, allow_pickle=False)
    return array
