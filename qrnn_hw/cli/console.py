"""Rich's tables and bars behind the door to the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from qrnn_hw.cli.terminal import PlainStream, plain


def cell(value: object) -> Text:
    """Return a cell of a table; none of it is read as markup."""
    return Text(plain(str(value)))


class PlainConsole(Console):
    """A console of rich whose texts go through `plain`, and whose styles are its own."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        file = stream.stream if isinstance(stream, PlainStream) else stream
        super().__init__(file=file, highlight=False, markup=False, emoji=False, soft_wrap=soft_wrap)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield what is shown, with every text made plain."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(plain(segment.text), segment.style)
