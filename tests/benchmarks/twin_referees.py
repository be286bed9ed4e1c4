"""Each effect of the twin against an equation of its own, on a line of three qubits without errors.

Strengths and machines are drawn anew in each trial, within what the effects take. What is returned
is the largest difference between a probability of the twin and of the equation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from qiskit import QuantumCircuit

from calibration.snapshot import InstructionRecord, QubitRecord, Snapshot
from jobs.twin.machine import Twin
from jobs.twin.moment import Moment
from jobs.twin.physics.defect import defect_wire
from jobs.twin.physics.rates import true_rates
from jobs.twin.site import Site
from jobs.twin.strengths import Strengths

T1, READ = 30e-6, 1e-6
ALL = (0, 1, 2)


def line(p01: float = 0.0, p10: float = 0.0, t1: float | None = None) -> Snapshot:
    """Return the device; gates take no time, measurements a microsecond."""
    one = [
        InstructionRecord(name, (q,), 0.0, 0.0)
        for name in ("sx", "x", "rz", "delay", "id")
        for q in ALL
    ]
    two = [InstructionRecord("cz", pair, 0.0, 0.0) for pair in ((0, 1), (1, 2))]
    reads = [InstructionRecord("measure", (q,), READ, (p01 + p10) / 2, p01, p10) for q in ALL]
    resets = [InstructionRecord("reset", (q,), READ, None) for q in ALL]
    timing, rep = {"granularity": 1}, 250e-6
    qubits = (QubitRecord(t1, t1),) * 3
    records = (*one, *two, *reads, *resets)
    return Snapshot("line", "", 1e-9, timing, qubits, records, ("if_else",), rep, (2e-5, 2e-3), ALL)


def _phase(between: Callable[[QuantumCircuit], object]) -> QuantumCircuit:
    """Return a circuit whose P(1) is (1 + v sin a) / 2 after a turn by a about Z, contrast v."""
    made = QuantumCircuit(3, 2)
    made.sx(0)
    between(made)
    made.rz(-np.pi / 2, 0)
    made.sx(0)
    made.measure(0, 0)
    return made


def _p1(twin: Twin, made: QuantumCircuit, moment: Moment | None = None) -> float:
    options = {} if moment is None else {"moment": moment}
    return float(twin.distribution(made, keep=[0], qubits=ALL, **options)[1])


def _twin(effect: str, strength: float, seed: int, **of_device: float) -> tuple[Twin, Site]:
    twin = Twin(line(**of_device), Strengths({effect: strength}), seed)
    return twin, Site(twin.snapshot, seed, (ALL,))


def cz_angle(g: np.random.Generator, seed: int) -> float:
    most = g.uniform(0.005, 0.2)
    twin, site = _twin("cz-angle", most, seed)
    angle = site.signed("cz-angle", most / 4, most, 0, 1)
    made = _phase(lambda c: [c.cz(0, 1) for _ in range(6)])
    return abs(_p1(twin, made) - (1 + np.sin(6 * angle)) / 2)


def sx_angle(g: np.random.Generator, seed: int) -> float:
    most = g.uniform(0.002, 0.1)
    twin, site = _twin("sx-angle", most, seed)
    angle = site.signed("sx-angle", most / 5, most, 0)
    made = QuantumCircuit(3, 1)
    for _ in range(4):
        made.sx(0)
        made.x(0)
        made.sx(0)
    made.measure(0, 0)
    return abs(_p1(twin, made) - np.sin(8 * angle) ** 2)


def static_zz(g: np.random.Generator, seed: int) -> float:
    most, excited, dt = g.uniform(5e3, 1e5), bool(g.integers(2)), int(g.integers(100, 4000))
    twin, site = _twin("static-zz", most, seed)
    hertz = site.draws("static-zz", 0, 1).uniform(most / 3, most)

    def rest(c: QuantumCircuit) -> None:
        if excited:
            c.x(1)
        c.cz(0, 1)
        c.delay(dt, [0, 1])
        c.cz(0, 1)

    angle = (-1) ** excited * np.pi * hertz * dt * 1e-9
    return abs(_p1(twin, _phase(rest)) - (1 + np.sin(angle)) / 2)


def measurement_crosstalk(g: np.random.Generator, seed: int) -> float:
    s = g.uniform(0.002, 0.1)
    twin, site = _twin("measurement-crosstalk", s, seed)
    phase = site.signed("measurement-crosstalk", 1.5 * s, 5 * s, 1, 0)
    made = _phase(lambda c: [c.measure(1, 1) for _ in range(3)])
    expected = (1 + (1 - 2 * s) ** 3 * np.sin(3 * phase)) / 2
    return abs(_p1(twin, made) - expected)


def read_decay(g: np.random.Generator, seed: int) -> float:
    s, p01, p10 = g.uniform(0.1, 1.5), g.uniform(0, 0.05), g.uniform(0.03, 0.1)
    twin, _ = _twin("read-decay", s, seed, p01=p01, p10=p10, t1=T1)
    made = QuantumCircuit(3, 2)
    made.x(0)
    made.measure(0, 0)
    made.measure(0, 1)
    found = twin.distribution(made, qubits=ALL).reshape(2, 2)  # [second, first]
    early = min(s * (1 - np.exp(-READ / T1)) / 2, p10)
    own, late = (p10 - early * (1 - p01)) / (1 - early), early / (1 - early)
    one = np.array([early * p01, (1 - early) * (1 - own)])  # read 1, state 0 and 1
    zero = np.array([early, 1 - early]) - one
    moved = np.array([[1 - 0.004 * s, late], [0.004 * s, 1 - late]])
    second = np.array([p01, 1 - p10])
    expected = np.array([second @ moved @ zero, second @ moved @ one])
    return float(np.abs(found[1] - expected).max() + abs(found[:, 1].sum() - (1 - p10)))


def reset(g: np.random.Generator, seed: int) -> float:
    r, p01, p10 = g.uniform(0, 0.3), g.uniform(0, 0.05), g.uniform(0, 0.1)
    twin, _ = _twin("reset", r, seed, p01=p01, p10=p10)
    made = QuantumCircuit(3, 1)
    made.x(0)
    made.reset(0)
    made.measure(0, 0)
    return abs(_p1(twin, made) - ((1 - r) * p01 + r * (1 - p10)))


def misread_bursts(g: np.random.Generator, seed: int) -> float:
    k, p = g.uniform(1.5, 10), g.uniform(0.005, 0.09)
    twin, _ = _twin("misread-bursts", k, seed, p01=p, p10=p)
    made = QuantumCircuit(3, 3)
    for bit in range(3):
        made.measure(0, bit)
    found = twin.distribution(made, qubits=ALL)
    grown, calm = k * p, p * (1 - k * p) / (1 - p)
    expected = np.zeros(8)
    for value in range(8):
        chance, last = 1.0, 0
        for bit in range(3):
            wrong = value >> bit & 1
            rate = grown if last else calm
            chance *= rate if wrong else 1 - rate
            last = wrong
        expected[value] = chance
    return float(np.abs(found - expected).max())


def readout_drift(g: np.random.Generator, seed: int) -> float:
    twin, _ = _twin("readout-drift", g.uniform(1.1, 3), seed, p01=0.05, p10=0.1)
    factors = twin.weather(1000, int(g.integers(1000))).readout
    made = QuantumCircuit(3, 1)
    made.x(0)
    made.measure(0, 0)
    return abs(_p1(twin, made, Moment(readout=factors)) - (1 - 0.1 * factors[1]))


def gate_drift(g: np.random.Generator, seed: int) -> float:
    s = g.uniform(0.05, 0.8)
    twin, _ = _twin("gate-drift", s, seed, t1=T1)
    made = QuantumCircuit(3, 1)
    made.x(0)
    made.delay(5000, 0)
    made.measure(0, 0)
    weather = twin.weather(20_000, 7)
    swing, worst = weather.swing(np.arange(20_000)), 0.0
    for moment, seen in weather.moments(0, 20_000):
        worst = max(worst, np.abs(moment.level - 1 - s * swing[seen]).max() / s - 1 / 12)
        worst = max(worst, abs(_p1(twin, made, moment) - np.exp(-moment.level * 5e-6 / T1)))
    return worst


def defect(g: np.random.Generator, seed: int) -> float:
    twin, site = _twin("defect", 0.25, seed, t1=T1)
    place, dt = defect_wire(site), int(g.integers(200, 6000))
    made = QuantumCircuit(3, 1)
    made.sx(place)
    made.delay(dt, place)
    made.rz(-np.pi / 2, place)
    made.sx(place)
    made.measure(place, 0)
    seconds = dt * 1e-9
    contrast = np.exp(-seconds / T1 - 2 * seconds / T1)
    expected = (1 + contrast * np.sin(2 * np.pi * 15e3 * seconds)) / 2
    return abs(_p1(twin, made, Moment(has_defect=True)) - expected)


def wrong_rates(g: np.random.Generator, seed: int) -> float:
    factor = g.uniform(1.1, 3)
    twin, site = _twin("wrong-rates", factor, seed, t1=T1)
    true = true_rates(site, factor).qubits[0].t1_seconds
    assert true is not None
    drawn = site.draws("wrong-rates").normal(0, np.log(factor), 4)
    made = QuantumCircuit(3, 1)
    made.x(0)
    made.delay(5000, 0)
    made.measure(0, 0)
    expected = np.exp(-5e-6 / (T1 * np.exp(drawn[2])))
    return abs(_p1(twin, made) - expected)


def leakage(g: np.random.Generator, seed: int) -> float:
    p = g.uniform(1e-4, 0.1)
    twin, _ = _twin("leakage", p, seed)
    made = QuantumCircuit(3, 1)
    for _ in range(5):
        made.cz(0, 1)
    for _ in range(3):
        made.reset(0)
    made.measure(0, 0)
    leaked = p * ((1 - p) ** (2 * np.arange(5))).sum()
    expected = leaked * (0.97**3 * 0.9 + 0.97**2 * 0.03 / 2)
    return abs(_p1(twin, made) - expected)


def controller_wait(g: np.random.Generator, seed: int) -> float:
    wait = g.uniform(1e-7, 5e-6)
    twin, _ = _twin("controller-wait", wait, seed, t1=T1)
    made = QuantumCircuit(3, 2)
    made.x(0)
    made.measure(1, 1)
    with made.if_test((made.clbits[1], 1)):
        made.x(0)
    made.measure(0, 0)
    return abs(_p1(twin, made) - np.exp(-wait / T1))


REFEREES: Mapping[str, Callable[[np.random.Generator, int], float]] = {
    "cz-angle": cz_angle,
    "sx-angle": sx_angle,
    "static-zz": static_zz,
    "measurement-crosstalk": measurement_crosstalk,
    "read-decay": read_decay,
    "reset": reset,
    "misread-bursts": misread_bursts,
    "readout-drift": readout_drift,
    "gate-drift": gate_drift,
    "defect": defect,
    "wrong-rates": wrong_rates,
    "leakage": leakage,
    "controller-wait": controller_wait,
}
