"""A study as a product of axes in one TOML file; each cell has a key."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import isfinite, prod
from pathlib import Path
from typing import Any

from calibration.documents import read_text
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.submission.placing import LEVEL_3, placement_name

Scalar = str | int | float | bool
MOST_CELLS = 1_000_000
KEY_SCHEMA = 1  # raised when a cell's numbers change their meaning, so that old rows never match


@dataclass(frozen=True)
class Cell:
    """One combination of an axis value each, with what all cells share."""

    kind: str
    parameters: tuple[tuple[str, Scalar], ...]

    @property
    def values(self) -> dict[str, Scalar]:
        """The parameters by name."""
        return dict(self.parameters)

    def hashed(self) -> dict[str, Any]:
        """Return what the key is the SHA-256 of: kind and parameters, nothing of where or when.

        A model whose circuits have changed since keys went by its name has them hashed too, and so
        has one of the user's own. No options, level 3, no reading and nothing direct are not
        hashed: before, there were none.
        """
        unsaid = (("options", ""), ("placement", LEVEL_3), ("reading", ""), ("direct", False))
        told = {k: value for k, value in self.values.items() if (k, value) not in unsaid}
        content = {"schema": KEY_SCHEMA, "kind": self.kind, "parameters": told}
        if "model" not in told:
            return content
        from circuits.errors import CircuitsError
        from circuits.zoo.registry import row
        from qrnn_hw.models.options import typed_options
        from qrnn_hw.networks.frozen_rows import changed_circuits

        try:
            options = typed_options(row(str(told["model"])), str(told.get("options", "")).split())
        except CircuitsError:
            return content  # the cell says it when it is run
        changed = changed_circuits(told["model"], options)
        return content | {"circuits": changed} if changed else content

    @cached_property
    def key(self) -> str:
        """SHA-256 of the cell's sorted JSON."""
        text = json.dumps(self.hashed(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Shard:
    """Every n-th cell, beginning with the i-th: 1/3, 2/3 and 3/3 make the whole."""

    index: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise UsageError(
                f"a shard should be i/n with 1 <= i <= n. Got {self.index}/{self.count}."
            )

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read "2/5"."""
        index, separator, count = text.partition("/")
        known = all(
            part.isascii() and part.isdecimal() and len(part) < 10 for part in (index, count)
        )
        if not (separator and known):
            raise UsageError(f"a shard should be written i/n, such as 1/4. Got {text[:60]!r}.")
        return cls(int(index), int(count))


@dataclass(frozen=True)
class Grid:
    """All cells of a study."""

    kind: str
    fixed: tuple[tuple[str, Scalar], ...]
    axes: tuple[tuple[str, tuple[Scalar, ...]], ...]

    def cells(self, shard: Shard | None = None) -> tuple[Cell, ...]:
        """Return the cells, the last axis running fastest."""
        names = [name for name, _ in self.axes]
        cells = tuple(
            Cell(self.kind, (*self.fixed, *zip(names, values, strict=True)))
            for values in product(*(values for _, values in self.axes))
        )
        shard = shard or Shard()
        return cells[shard.index - 1 :: shard.count]


def grid(
    kind: str,
    axes: Mapping[str, Any],
    fixed: Mapping[str, Any],
    defaults: Mapping[str, Scalar],
) -> Grid:
    """Check a design against the parameters that a kind of study has.

    Args:
        kind: of the study, such as "noise".
        axes: lists of values by name; the cells are their product.
        fixed: one value by name, the same in all cells.
        defaults: every parameter of this kind, with the value it has when not given.

    Raises:
        UsageError: an unknown name, one given twice, an empty axis, a value given twice, of
            another type than the default, or not finite.
    """
    unknown = sorted({*axes, *fixed} - set(defaults))
    twice = sorted(set(axes) & set(fixed))
    if unknown or twice:
        raise UsageError(
            f"the axes and fixed values of a {kind} study should be some of "
            f"{', '.join(sorted(defaults))}, each once. Got {', '.join(unknown or twice)}."
        )
    checked = []
    for name, values in axes.items():
        if not isinstance(values, list | tuple) or not values:
            raise UsageError(f"axis {name} should be a list of distinct values. Got {values!r}.")
        typed = tuple(_typed(name, v, defaults[name]) for v in values)
        if len(set(typed)) != len(typed):
            raise UsageError(f"axis {name} should be a list of distinct values. Got {values!r}.")
        checked.append((name, typed))
    n_cells = prod(len(values) for _, values in checked)
    if n_cells > MOST_CELLS:
        raise UsageError(
            f"a study should have at most {MOST_CELLS:,} cells. Got {n_cells:,}; take fewer values."
        )
    rest = {name: _typed(name, v, defaults[name]) for name, v in fixed.items()}
    settled = {n: rest.get(n, v) for n, v in sorted(defaults.items()) if n not in axes}
    return Grid(kind, tuple(settled.items()), tuple(checked))


def placed(design: Grid, placement: str) -> Grid:
    """Return a design whose models lie where an option says, where it says more than the design.

    Raises:
        UsageError: no placement, or the design has another.
    """
    name = placement_name(placement)
    if name == LEVEL_3:
        return design
    own = dict(design.fixed).get("placement", "an axis of them")
    if own not in (LEVEL_3, name):
        raise UsageError(f"a study should have one placement. Got {name}, and {own} in its design.")
    fixed = tuple((n, name if n == "placement" else value) for n, value in design.fixed)
    return replace(design, fixed=fixed)


def read_grid(path: Path, kinds: Mapping[str, Mapping[str, Scalar]]) -> Grid:
    """Read a TOML file: `study = "noise"`, a table `[axes]` of lists, a table `[fixed]`.

    Args:
        path: of the file.
        kinds: the defaults of each kind of study.

    Raises:
        ConfigurationError: the file cannot be read, or is not of this form.
    """
    try:
        document = tomllib.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)[:200]
        raise ConfigurationError(
            f"a study should be a TOML file. Got {path}, which cannot be read: {reason}."
        ) from None
    kind, unknown = document.get("study"), sorted(set(document) - {"study", "axes", "fixed"})
    axes, fixed = document.get("axes", {}), document.get("fixed", {})
    tables = isinstance(axes, dict) and isinstance(fixed, dict)
    if not isinstance(kind, str) or kind not in kinds or unknown or not tables:
        raise ConfigurationError(
            f"{path} should name a study, {' or '.join(kinds)}, and hold the tables axes and "
            f"fixed. Got study = {kind!r}" + (f" and {', '.join(unknown)}." if unknown else ".")
        )
    try:
        return grid(kind, axes, fixed, kinds[kind])
    except UsageError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _typed(name: str, value: object, default: Scalar) -> Scalar:
    kind = type(default)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is float and not isfinite(value):  # a row's JSON has no such number
        raise UsageError(f"{name} should be finite. Got {value!r}.")
    if type(value) is not kind:
        raise UsageError(
            f"{name} should be of type {kind.__name__}, like {default!r}. Got {value!r}."
        )
    return value
