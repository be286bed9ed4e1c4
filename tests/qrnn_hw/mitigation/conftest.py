"""Make referee and circuits importable as `mitigation_...`: tests are no packages here."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

for name in ("reference", "reference_circuits"):
    spec = spec_from_file_location(f"mitigation_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
