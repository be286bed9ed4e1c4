"""What the headers of an answer tell of the way it came: whose it is, and the service's clock."""

import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime

SKEW_SECONDS = 300.0
"""A difference of clocks from which it is named."""


def is_page(chain: Iterable[BaseException]) -> bool:
    """Return whether a web page stood in the place of an answer of the service.

    Args:
        chain: An exception of the client and what led to it.
    """
    kinds = (str(headers.get("Content-Type", "")).casefold() for headers in _headers(chain))
    return any("html" in kind for kind in kinds)


def clock_remark(chain: Iterable[BaseException]) -> str:
    """Return a sentence, and a space, on a clock of this machine that is minutes off, else ""."""
    chain = list(chain)
    for headers in _headers(chain):
        if remark := skew_remark(headers):
            return f"{remark} "
    # A certificate is refused before there is any answer with a date.
    if any("certificate" in str(one) and _is_about_time(str(one)) for one in chain):
        return f"This machine's clock says {time.ctime()}: set it right if that is wrong. "
    return ""


def skew_remark(headers: Mapping[str, str]) -> str:
    """Return a sentence on how far this machine's clock is from that of an answer, or ""."""
    try:
        served = parsedate_to_datetime(str(headers["Date"])).timestamp()
    except (KeyError, TypeError, ValueError):
        return ""
    seconds = time.time() - served
    if abs(seconds) < SKEW_SECONDS:
        return ""
    way = "ahead of" if seconds > 0 else "behind"
    return f"This machine's clock is {_span(abs(seconds))} {way} the service's: set it right first."


def _is_about_time(text: str) -> bool:
    return "not yet valid" in text or "expired" in text


def _headers(chain: Iterable[BaseException]) -> Iterable[Mapping[str, str]]:
    for one in chain:
        for name in ("response", "http_response"):
            headers = getattr(getattr(one, name, None), "headers", None)
            if isinstance(headers, Mapping):
                yield headers


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
