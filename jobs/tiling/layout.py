"""Where the rows of single tiles stand in what is sent for all of them, and their bits back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.errors import SpecError
from jobs.spec import PubResult

Places = tuple[tuple[str, int], ...]
"""Register of the sent circuit and place in it, of each bit of a tile's register."""


@dataclass(frozen=True, eq=False)
class TileRows:
    """Rows of the tiles' pubs in the rows of the sent ones."""

    found: tuple[tuple[tuple[int, int], ...], ...]
    """For each tile's pub and row: number of the sent pub, and row in it."""

    slots: tuple[tuple[int, ...], ...]
    """For each sent pub, the tile's pub that each of its tiles was given by."""

    bits: tuple[tuple[Mapping[str, Places], ...], ...]
    """For each sent pub and each of its tiles, register by register, where each bit is read."""

    def split(self, results: Sequence[PubResult]) -> tuple[PubResult, ...]:
        """Return the bits of each tile's pub, registers and rows as if it had run alone.

        Args:
            results: of the sent pubs, in order.
        """
        answers = []
        for number, rows in enumerate(self.found):
            registers: dict[str, list[NDArray[np.uint8]]] = {}
            for sent, row in rows:
                bits = self.bits[sent][self.slots[sent].index(number)]
                for name, places in bits.items():
                    columns = [results[sent].registers[r][row, :, place] for r, place in places]
                    registers.setdefault(name, []).append(np.stack(columns, axis=-1))
            answers.append(PubResult({name: np.stack(each) for name, each in registers.items()}))
        return tuple(answers)

    def to_json(self) -> dict[str, Any]:
        """Return the layout as a JSON object."""
        return {
            "found": [[list(place) for place in rows] for rows in self.found],
            "slots": [list(one) for one in self.slots],
            "bits": [
                [{name: [list(bit) for bit in bits] for name, bits in tile.items()} for tile in one]
                for one in self.bits
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TileRows:
        """Return the layout that `to_json` gave.

        Raises:
            SpecError: it is no such document.
        """
        try:
            return cls(
                tuple(tuple((int(a), int(b)) for a, b in rows) for rows in document["found"]),
                tuple(tuple(map(int, one)) for one in document["slots"]),
                tuple(
                    tuple(
                        {n: tuple((str(r), int(p)) for r, p in bits) for n, bits in tile.items()}
                        for tile in one
                    )
                    for one in document["bits"]
                ),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SpecError(
                "the tiles of a job should be a document written by this project. Got one that "
                f"cannot be read ({type(error).__name__})."
            ) from None
