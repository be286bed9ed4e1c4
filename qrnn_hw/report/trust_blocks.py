"""What a run says of its own intervals: for this machine's mean, and for the noiseless value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from jobs.counted import counted
from qrnn_hw.experiment.choosing import Choice
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.noise_level import NoiseLevel
from qrnn_hw.report.blocks import Block, Heading, Table, Text
from qrnn_hw.report.labels import label
from qrnn_hw.statistics.certificates import MACHINE, NOISELESS
from qrnn_hw.statistics.repetitions import DISAGREE


def trust_findings(answers: Mapping[str, Answer]) -> list[str]:
    """Say in plain words whether repetitions agreed, and what canaries missed."""
    return [*_scatter(answers), *_canaries(answers)]


def _scatter(answers: Mapping[str, Answer]) -> Iterator[str]:
    repeated = {name: one.repeated for name, one in answers.items() if one.repeated is not None}
    if not repeated:
        yield (
            "Every circuit was run once: whether the machine drifted meanwhile is not known, and "
            "no interval counts it (--repetitions)."
        )
        return
    for name, one in repeated.items():
        if one.disagree:
            yield (
                f"The machine changed while the job ran: {label(name)} scatters {one.ratio:.1f} "
                f"times as much between its {one.n_repetitions} repetitions as its shots explain "
                f"(over {DISAGREE:g} is told). Its intervals count the scatter; certify no label "
                "of it."
            )


def _canaries(answers: Mapping[str, Answer]) -> Iterator[str]:
    missed = {name: one.miss for name, one in answers.items() if one.miss is not None}
    if not missed:
        yield (
            "No canaries were sent: the intervals cover this machine's own mean, and nothing "
            "here says how far it lies from the noiseless value (--canaries)."
        )
        return
    first = next(iter(missed.values()))
    said = [
        f"{label(name)} missed them by {one.beyond_shots:.3f} beyond its shots"
        if one.beyond_shots > 0
        else f"{label(name)} missed them by no more than its shots explain ({one.own_error:.3f})"
        for name, one in missed.items()
    ]
    yield (
        f"{counted(first.n_canaries, 'canary', 'canaries')}, circuits of the same structure with "
        f"known answers, went along: "
        f"{'; '.join(said)}. If they are like the sentences, the noiseless scores lie in "
        "the wider intervals."
    )


def trust_blocks(answers: Mapping[str, Answer]) -> Iterator[Block]:
    """Yield a table of every error, and how many labels each interval settles."""
    if not answers:
        return
    yield Heading("What the intervals cover")
    yield Table(
        (
            "",
            "error of the shots",
            "of the scatter",
            "canaries missed",
            "95 % half-width, this machine's mean",
            "noiseless value",
            "labels settled, this machine's",
            "noiseless",
        ),
        tuple(_row(name, one) for name, one in answers.items()),
    )
    yield Text(
        "Root mean squares over the sentences, in units of the score. The first interval covers "
        "the mean that this machine would give after any number of shots, its changes during the "
        "job counted; it says nothing of the noiseless value. The second holds what canaries "
        "missed beside, and covers the noiseless value if canaries are representative. A label is "
        f"settled where 0 lies outside the interval: {MACHINE}, or {NOISELESS}. The wider of shots "
        "and scatter counts, scatter with Student's quantile."
    )


def choice_blocks(choice: Choice) -> Iterator[Block]:
    """Yield why a plan was chosen: forecasts, with what canaries missed under each."""
    plan = choice.plan
    yield Heading("Why this plan")
    rows = []
    for item in plan.forecasts:
        seen = choice.evidence.get(item.stack.name)
        rows.append(
            (
                item.stack.name + (" (chosen)" if item.stack == plan.stack else ""),
                f"{item.rmse:.4f}",
                f"{item.squared_bias**0.5:.4f}",
                f"{item.variance**0.5:.4f}",
                "not tried" if seen is None else f"{seen.squared_miss**0.5:.4f}",
                "" if seen is None else f"{seen.squared_error**0.5:.4f}",
            )
        )
    yield Table(
        ("plan", "expected RMSE", "bias", "deviation", "canaries missed", "shots explain"),
        tuple(rows),
    )
    yield Text(
        _tried(choice.level)
        if choice.evidence
        else "Without canaries these are forecasts of the reported noise alone: what it does not "
        "name is in none of them."
    )


def _tried(level: NoiseLevel | None) -> str:
    said = "The best plan of each kind was tried on canaries on the machine. "
    if level is not None:
        low, high = level.interval()
        said += (
            f"They fit {level.factor:.2f} times the reported noise other than readout ({low:.2f} "
            f"to {high:.2f}), at which all plans were forecast again. "
        )
    return said + (
        "The expected bias weighs what they missed against the forecast; a plan that was not tried "
        "is taken to miss its forecast as the one of its kind did."
    )


def _row(name: str, one: Answer) -> tuple[str, ...]:
    scatter = None if one.repeated is None else one.repeated.scatter_error
    machine, noiseless = one.machine, one.noiseless
    told = one.repeated is not None and one.repeated.disagree
    return (
        label(name),
        _rms(one.shot_error),
        "not known" if scatter is None else _rms(scatter),
        "none sent" if one.miss is None else f"{one.miss.beyond_shots:.4f}",
        _rms(machine.high - machine.value),
        "not known" if noiseless is None else _rms(noiseless.high - noiseless.value),
        "none, it drifts" if told else f"{one.settled(one.machine):.0%}",
        "not known" if noiseless is None else f"{one.settled(noiseless):.0%}",
    )


def _rms(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    return f"{float(np.sqrt(np.mean(np.square(values)))):.4f}"
