import sys

import pytest


@pytest.fixture
def without_mitiq(monkeypatch):
    """Extrapolate as where Mitiq is not installed."""
    from qrnn_hw.mitigation import zne

    def forget():
        zne._mitiq.cache_clear()
        zne._weights.cache_clear()

    forget()
    for name in ("mitiq", "mitiq.zne"):
        monkeypatch.setitem(sys.modules, name, None)
    yield
    forget()
