"""The reports in a real browser: errors, outside requests, legibility in both themes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from browser import Browser, find_browser
from rows import Row, row

WIDTHS, THEMES = (400, 1400), ("light", "dark")
LEAST_TEXT_PX, LEAST_CONTRAST = 9.0, 4.5


def page_rows(pages: Sequence[Path]) -> Iterator[Row]:
    """Open every page at both widths in both themes; contrast is WCAG's, 4.5 its level AA."""
    path = find_browser()
    if path is None:
        yield row("reports in headless Chromium", "skipped: no chromium on PATH", None, True)
        return
    with Browser(path) as browser:
        shown = {
            f"{page.parent.name}/{page.name} at {width} px, {theme}": browser.open(
                page, width, theme
            )
            for page in pages
            for width in WIDTHS
            for theme in THEMES
        }
    what = f"{len(pages)} reports in Chromium at {WIDTHS[0]} and {WIDTHS[1]} px, both themes"
    errors = sum(len(one["errors"]) for one in shown.values())
    yield row(f"{what}: console errors", errors, 0, errors == 0)
    requests = sum(len(one["requests"]) for one in shown.values())
    yield row(f"{what}: requests besides the page", requests, 0, requests == 0)
    name, worst = max(shown.items(), key=lambda item: item[1]["beyond"])
    yield row(f"{what}: px beyond the window, most ({name})", worst["beyond"], 0,
              worst["beyond"] <= 0)  # fmt: skip
    name, worst = min(shown.items(), key=lambda item: item[1]["size"])
    yield row(f"{what}: px of the smallest text ({name}: {worst['smallest']!r})",
              round(worst["size"], 1), LEAST_TEXT_PX, worst["size"] >= LEAST_TEXT_PX)  # fmt: skip
    name, worst = min(shown.items(), key=lambda item: item[1]["contrast"])
    yield row(f"{what}: least contrast ({name}: {worst['faintest']!r})",
              round(worst["contrast"], 1), LEAST_CONTRAST,
              worst["contrast"] >= LEAST_CONTRAST)  # fmt: skip
    least = min(one["texts"] for one in shown.values())
    yield row(f"{what}: texts seen on the emptiest page", least, 20, least >= 20)
