"""Images as sequences of rows or pixels: MNIST's idx files, or scikit-learn's digits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import DataError
from qrnn_hw.tasks.classification import ClassData, ClassRows
from qrnn_hw.tasks.files import contents_of

PERMUTATION_SEED = 92916
"""Of the one permutation of pixels that all images of the permuted task share."""

Order = Literal["rows", "pixels"]
KINDS_AND_AXES = (("images", 3), ("labels", 1))


def load_images(
    folder: Path | None, *, permuted: bool = False, order: Order = "rows", pooled: bool = False
) -> ClassData:
    """Return images in three parts, a tenth of the training images for validation.

    Args:
        folder: of the four idx files of MNIST, gzipped or not, or their zip archive; None is
            scikit-learn's digits, 1,797 images of 8 x 8 pixels, a fifth of them for the test.
        permuted: the pixels in one random order.
        order: a step is a row of the image, or a pixel.
        pooled: means of 2 x 2 pixels.

    Raises:
        DataError: a file is missing or is no idx file of images or labels.
    """
    if folder is None:
        source, train, test = "scikit-learn digits", *_digits()
    else:
        source = f"idx files of {folder}"
        train, test = _idx(folder)
    parts = [_sequences(images, permuted, order, pooled) for images, _ in (train, test)]
    n_held = max(1, len(parts[0]) // 10)
    rows = [
        ClassRows(x, np.full(len(x), x.shape[1], np.int32), classes.astype(np.int32))
        for x, (_, classes) in zip(parts, (train, test), strict=True)
    ]
    shuffled = np.random.default_rng(0).permutation(len(parts[0]))
    name = "pmnist" if permuted else "mnist"
    held, fitted = rows[0].take(shuffled[:n_held]), rows[0].take(shuffled[n_held:])
    return ClassData(name, fitted, held, rows[1], 10, source)


Images = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Images (n, height, width) in [0, 1], and their classes (n,)."""


def _digits() -> tuple[Images, Images]:
    from sklearn.datasets import load_digits

    found = load_digits()
    images, classes = (found.images / 16).astype(np.float32), found.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(images))
    n_test = len(images) // 5
    test, train = order[:n_test], order[n_test:]
    return (images[train], classes[train]), (images[test], classes[test])


def _idx(folder: Path) -> tuple[Images, Images]:
    """Read the images and labels of both parts; some copies have `.idx` in place of `-idx`."""
    named = [(f"{part}-{kind}", n) for part in ("train", "t10k") for kind, n in KINDS_AND_AXES]
    names = [(f"{name}-idx{n}-ubyte", f"{name}.idx{n}-ubyte") for name, n in named]
    form = "the folder or zip archive of the four idx files of MNIST"
    contents = contents_of(folder, names, form)
    arrays = [
        _read_idx(content, f"{own[0]} of {folder}", n)
        for content, own, (_, n) in zip(contents, names, named, strict=True)
    ]
    parts: list[Images] = []
    for part, images, classes in zip(("train", "t10k"), arrays[::2], arrays[1::2], strict=True):
        if len(images) != len(classes) or len(images) < 10 or classes.max() > 9:
            raise DataError(
                f"{folder} should hold as many labels from 0 to 9 as images, 10 or more. Got "
                f"{len(images)} images and {len(classes)} labels up to {classes.max(initial=0)} in "
                f"its {part} files."
            )
        parts.append(((images / np.float32(255)).astype(np.float32), classes.astype(np.int64)))
    if parts[0][0].shape[1:] != parts[1][0].shape[1:] or 0 in parts[0][0].shape:
        raise DataError(
            f"images of {folder} should be of one size, 1 x 1 pixels or more. Got "
            f"{arrays[0].shape[1:]} to train on and {arrays[2].shape[1:]} to test on."
        )
    return parts[0], parts[1]


def _read_idx(content: bytes, name: str, n_axes: int) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes: two zeros, 8, the number of axes, sizes, numbers."""
    start = 4 + 4 * n_axes
    if len(content) < start or content[:4] != bytes((0, 0, 8, n_axes)):
        raise DataError(f"{name} should be an idx file of bytes on {n_axes} axes. Got another.")
    sizes = [int(size) for size in np.frombuffer(content[4:start], ">u4")]
    values = np.frombuffer(content[start:], np.uint8)
    if values.size != math.prod(sizes):
        raise DataError(f"{name} should hold {sizes} numbers. Got {values.size}.")
    return values.reshape(sizes)


def _sequences(
    images: NDArray[np.float32], permuted: bool, order: Order, pooled: bool
) -> NDArray[np.float32]:
    """Return images (n, height, width) as sequences (n, T, d)."""
    if pooled:
        n, height, width = images.shape
        if min(height, width) < 2:
            raise DataError(
                f"images should be 2 x 2 pixels or more to be pooled. Got {height} x {width}; "
                "leave pooled=yes out."
            )
        even = images[:, : height // 2 * 2, : width // 2 * 2]
        images = even.reshape(n, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
    n, _, width = images.shape
    flat: NDArray[np.float32] = images.reshape(n, -1)
    if permuted:
        flat = flat[:, np.random.default_rng(PERMUTATION_SEED).permutation(flat.shape[1])]
    steps: NDArray[np.float32] = flat.reshape(n, -1, width if order == "rows" else 1)
    return steps
