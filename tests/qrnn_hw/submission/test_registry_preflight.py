"""Every model of the registry, made for a machine, passes the machine's rules."""

import pytest

from circuits.zoo.registry import REGISTRY
from qrnn_hw.submission.assessment import assess
from qrnn_hw.submission.machine import open_machine
from qrnn_hw.submission.workload import load_workload

STEPS = 10


def options_of(row):
    """Yield each option with its first values, the others in the mode that one circuit runs in.

    Only <Z> can be read of a sampled hybrid.
    """
    sampled = ("mode=sampled",) if "sampled" in row.options["mode"] else ()
    for option, values in row.options.items():
        for value in values[:2]:
            alone = option == "mode" or value == "xyz"
            yield (*(() if alone else sampled), f"{option}={value}")


ALL = [(row.name, options) for row in REGISTRY.values() for options in options_of(row)]
FAST = [
    ("dynamic-line", ("mode=sampled",)),
    ("v2", ("mode=sampled", "wiring=repaired")),
    ("stacked-3-minimal", ("mode=coherent",)),
    ("sim-v1", ("input_mode=accumulate",)),
    ("hybrid", ("mode=expectation",)),
]


def assert_passes(name, options, backend):
    machine = open_machine(backend)
    workload = load_workload(name, machine, options=options, steps=STEPS)
    verdict = assess(workload, machine, shots=1000)
    assert verdict.findings == ()
    # What the machine charges before the first shot, and less than a week's share of a month.
    assert 2.0 < verdict.estimate.best_seconds < 60.0
    assert len(verdict.parts) == (STEPS if workload.in_rounds else 1)


@pytest.mark.parametrize("backend", ["fake_boston", "fake_kingston"])
@pytest.mark.parametrize(("name", "options"), FAST)
def test_a_model_of_each_kind_passes(name, options, backend):
    assert_passes(name, options, backend)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["fake_boston", "fake_kingston"])
@pytest.mark.parametrize(("name", "options"), ALL)
def test_every_model_passes_in_every_mode_and_wiring(name, options, backend):
    assert_passes(name, options, backend)
