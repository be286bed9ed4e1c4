import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import settings

# No deadlines: first calls import and compile. Continuous integration draws the same examples in
# every run, so that a failure there can be repeated; elsewhere each run explores.
settings.register_profile("default", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("default")


QUICK_COMPILATION = (
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false "
    "--xla_cpu_parallel_codegen_split_count=1"
)
"""Most programs of the tests run a few times: optimising them takes longer than it saves."""

KNOWS_IT = "0.10.2"
"""The jaxlib of constraints.txt; another one may lack a flag, and ends the process for it."""


def pytest_configure(config):
    """Let all processes of a run share what JAX has compiled, and nothing with another run."""
    # As many workers as cores: threads of their own would wait for each other, spinning.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if metadata.version("jaxlib") == KNOWS_IT:
        os.environ.setdefault("XLA_FLAGS", QUICK_COMPILATION)
    if not hasattr(config, "workerinput") and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="qrnn-hw-compiled-")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


# The loopback service, the benchmarks and the referees of mitigation are importable by tests.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def emulator(monkeypatch):
    """Run a loopback service with the first 12 qubits of a real machine, and point at it."""
    from emulator.server import Emulator
    from emulator.service import Service

    running = Emulator(Service(n_qubits=12))
    for name in [name for name in os.environ if name.startswith("QISKIT_IBM")]:
        monkeypatch.delenv(name)
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("jobs.service.pace.PERIOD_SECONDS", 0.0)
    monkeypatch.setattr("jobs.service.tokens.WAITS_SECONDS", (0.02, 0.05, 0.1))
    yield running
    running.close()
