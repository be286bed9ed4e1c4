"""What is dealt out over the repetitions of a job, and what they make of an estimate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.combining import combine_counts
from qrnn_hw.mitigation.repetitions import (
    MOST_COST,
    Layout,
    Want,
    combine_repetitions,
    lay_out,
)
from qrnn_hw.mitigation.stack import Stack, Term, share_shots, terms
from qrnn_hw.mitigation.stack_names import parse_stack

PRICE = {"seconds_per_shot": 0.35e-3, "seconds_per_job": 2.0}
NUMBERS = np.array([1.0, -1.0])


@given(
    shots=st.lists(st.integers(1, 20_000), min_size=1, max_size=6),
    rows=st.integers(1, 200),
    load=st.floats(0, 0.02),
    most=st.integers(1, 20),
    main=st.integers(1, 6),
)
@settings(max_examples=80, deadline=None)
def test_every_row_gets_its_shots_evenly_and_the_price_stays_in_bounds(
    shots, rows, load, most, main
):
    wants = [Want(n, rows, load, place < main) for place, n in enumerate(shots)]
    layout = lay_out(wants, most, **PRICE)
    assert 1 <= layout.repetitions <= most
    for want in wants:
        times = layout.times(want)
        assert times * layout.shots >= want.shots
        dealt = [layout.in_repetition(times, k) for k in range(layout.repetitions)]
        assert sum(dealt) == times
        assert max(dealt) - min(dealt) <= 1
        assert not want.is_main or times >= layout.runs
        held = [k + 0.5 for k, n in enumerate(dealt) for _ in range(n)]
        assert abs(np.mean(held) - layout.repetitions / 2) <= 0.5 + 1e-9
    once = sum(0.35e-3 * one.shots * rows for one in wants) + 2 * max(1, load * rows * len(wants))
    if layout.runs > 1:
        assert layout.seconds(wants, 0.35e-3, 2.0) <= MOST_COST * once + 1e-9


def test_broadcasts_bound_the_repetitions_and_without_them_there_are_twenty():
    free = lay_out([Want(1000, 100), Want(240, 100)], **PRICE)
    assert free.repetitions == 20
    assert free.shots in range(7, 51)
    tight = lay_out([Want(1000, 100, 1 / 120), Want(240, 100, 1 / 120)], **PRICE)
    assert 2 <= tight.repetitions < 20
    with pytest.raises(UsageError, match="Got 0 circuits"):
        lay_out([], **PRICE)


@given(number=st.integers(2, 12), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_the_value_is_that_of_all_shots_and_the_scatter_that_of_whole_repetitions(number, seed):
    listed = terms(parse_stack("linear(1,3)"))
    generator = np.random.default_rng(seed)
    counts = [generator.integers(1, 40, (number, 3, 2)) for _ in listed]
    found = combine_repetitions(counts, listed, NUMBERS)
    whole = combine_counts([one.sum(axis=0) for one in counts], listed, NUMBERS)
    assert found.value == pytest.approx(whole.value)
    assert found.shot_error == pytest.approx(whole.standard_error)
    each = np.array(
        [combine_counts([one[k] for one in counts], listed, NUMBERS).value for k in range(number)]
    )
    assert found.repeated is not None
    assert found.repeated.scatter_error == pytest.approx(each.std(0, ddof=1) / np.sqrt(number))


def test_a_term_that_some_repetitions_lack_brings_its_shots_error():
    listed = [Term(1.0, None, 0.9), Term(1.0, ("swap",), 0.1)]
    everywhere = np.array([[30, 10], [20, 20], [25, 15]])
    once = np.array([[4, 6], [0, 0], [0, 0]])
    found = combine_repetitions([everywhere, once], listed, NUMBERS)
    assert found.value == pytest.approx(0.9 * 0.25 + 0.1 * -0.2)
    scatter = 0.9 * np.std([0.5, 0, 0.25], ddof=1) / np.sqrt(3)
    rare = 0.1 * np.sqrt((1 - 0.04) / 9)
    assert found.repeated is not None
    # Ten shots lend themselves the spread of all terms here, which is their own alone.
    assert found.repeated.scatter_error == pytest.approx(np.hypot(scatter, rare))


def test_terms_of_unlike_repetitions_scatter_apart_with_satterthwaites_freedom():
    listed, generator = terms(parse_stack("linear(1,3)")), np.random.default_rng(4)
    often = generator.binomial(125, 0.4, (8, 3000))
    seldom = np.zeros((8, 3000), dtype=int)
    seldom[[1, 5]] = generator.binomial(125, 0.45, (2, 3000))
    ran = np.isin(np.arange(8), [1, 5])[:, None] * 125
    counts = [np.stack([125 - often, often], -1), np.stack([ran - seldom, seldom], -1)]
    found = combine_repetitions(counts, listed, NUMBERS)
    one = 1 - 2 * often[:, 0] / 125
    three = 1 - 2 * seldom[[1, 5], 0] / 125
    squares = [2.25 * one.var(ddof=1) / 8, 0.25 * three.var(ddof=1) / 2]
    assert found.repeated is not None
    assert found.repeated.scatter_error[0] == pytest.approx(np.sqrt(sum(squares)))
    shots = [2.25 * (1 - one.mean() ** 2) / 1000, 0.25 * (1 - three.mean() ** 2) / 250]
    expected = sum(shots) ** 2 / (shots[0] ** 2 / 7 + shots[1] ** 2)
    assert found.repeated.freedom is not None
    assert found.repeated.freedom[0] == pytest.approx(expected, rel=0.02)
    true = 1.5 * 0.2 - 0.5 * 0.1
    assert 0.95 <= np.mean((found.machine.low <= true) & (true <= found.machine.high)) <= 0.99
    assert not found.repeated.disagree
    assert found.repeated.p_value > 0.01


def test_what_wants_few_shots_is_in_some_repetitions_and_repeating_costs_a_fifth_at_most():
    wants = [Want(1000, 192, 0.004), Want(240, 192, 0.004)]
    layout = lay_out(wants, **PRICE)
    many, few = (layout.times(one) for one in wants)
    assert layout.repetitions == many >= 6
    assert 2 <= few < many
    once = 0.35e-3 * 192 * 1240 + 2 * 384 * 0.004
    assert layout.seconds(wants, 0.35e-3, 2.0) <= 1.2 * once


def test_drift_leaks_into_factors_that_run_one_after_the_other_and_not_into_repetitions():
    """The same drift and shots: in turn the extrapolation is off, interleaved it is not."""
    listed = terms(parse_stack("linear(1,3)"))
    shots = np.array(share_shots(1_000_000, listed))
    generator, b = np.random.default_rng(2), 20
    off = {"in turn": [], "interleaved": []}
    covered = []
    for _ in range(60):
        phase = generator.uniform(0, 2 * np.pi)

        def noise(t, phase=phase):
            return 0.06 * (1 + 0.3 * np.sin(2 * np.pi * t + phase))

        half = shots[0] / shots.sum()
        when = {"in turn": [np.linspace(0, half, b), np.linspace(half, 1, b)]}
        when["interleaved"] = [(np.arange(b) + half / 2) / b, (np.arange(b) + (1 + half) / 2) / b]
        for name, times in when.items():
            counts = []
            for term, n, t in zip(listed, shots, times, strict=True):
                mean = 0.5 * (1 - term.scale_factor * noise(t))
                ones = generator.binomial(n // b, (1 - mean) / 2)
                counts.append(np.stack([n // b - ones, ones], -1))
            found = combine_repetitions(counts, listed, NUMBERS)
            off[name].append(float(found.value - 0.5))
            if name == "interleaved":
                own = found.machine
                covered.append(own.low <= 0.5 <= own.high)
    rms = {name: np.sqrt(np.mean(np.square(values))) for name, values in off.items()}
    assert rms["interleaved"] < 0.6 * rms["in turn"]
    assert np.mean(covered) >= 0.9


def test_a_layout_of_one_repetition_is_each_circuit_once():
    layout = Layout(1, 500)
    assert [layout.times(Want(n)) for n in (500, 120)] == [1, 1]


def test_what_stands_beyond_a_sequences_end_has_an_interval_of_no_width():
    counts = np.array([[[30, 20]], [[28, 22]], [[35, 15]]])
    found = combine_repetitions([counts], terms(Stack()), NUMBERS[:2])
    padded = found.arranged((1, 1), 3)
    assert padded.value.shape == (1, 3)
    assert padded.machine.low[0, 1:].tolist() == padded.machine.high[0, 1:].tolist() == [0, 0]
    assert padded.machine.low[0, 0] == found.machine.low[0]
