"""Make referee and circuits importable as `mitigation_...`: tests are no packages here."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

for name in ("reference", "reference_circuits"):
    spec = spec_from_file_location(f"mitigation_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


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
