"""Make the referee importable as `mitigation_reference`: tests are no packages here."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

spec = spec_from_file_location("mitigation_reference", Path(__file__).with_name("reference.py"))
assert spec is not None
assert spec.loader is not None
module = module_from_spec(spec)
sys.modules["mitigation_reference"] = module
spec.loader.exec_module(module)
