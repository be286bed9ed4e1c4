"""The part of a shot report that says why labels flip."""

from __future__ import annotations

from qrnn_hw.report.blocks import Block, Heading, Table, Text
from qrnn_hw.studies.causes import NOT_VARIED, CauseFlips, CauseStudy

NAMES = {
    "shots": "finite shots",
    "seed": "another training seed",
    "jitter": "a small change of the input",
    "drift": "another calibration",
    "drift x seed": "calibration and seed together",
}


def cause_findings(study: CauseStudy) -> tuple[str, ...]:
    """Say in plain words which cause changes most labels, and which moves the score most."""
    flips = sorted(study.flips, key=lambda one: -one.rate.value)
    told = "; ".join(f"{_name(one, study)} {one.rate.value:.1%}" for one in flips)
    lines = [f"Labels changed by one cause alone: {told}."]
    if len(study.split) > 1:
        largest = max(study.split, key=lambda one: one.share)
        lines.append(
            f"Of the score's variance at {study.plan.shots:,} shots, {largest.share:.0%} comes "
            f"from {NAMES[largest.cause]}"
            + ("." if largest.cause == "shots" else ", which more shots do not remove.")
        )
    return tuple(lines)


def cause_blocks(study: CauseStudy) -> list[Block]:
    """Return flips by cause, the split of the variance, and what was not varied."""
    flips = tuple(
        (
            _name(one, study),
            f"{one.rate.value:.2%} ({one.rate.low:.2%} to {one.rate.high:.2%})",
            one.method,
        )
        for one in study.flips
    )
    split = tuple(
        (
            NAMES[one.cause],
            f"{one.variance.value:.2e} ({one.variance.low:.2e} to {one.variance.high:.2e})",
            f"{one.share:.1%}",
        )
        for one in study.split
    )
    blocks: list[Block] = [
        Heading("Why labels flip"),
        Table(("cause, alone", "labels changed, 95 % interval", "interval by"), flips),
        Text(
            "Held against the label of infinitely many shots from the model as trained, under the "
            "calibration that it was trained on. Seed, calibration and input are varied at "
            "infinitely many shots; the shots alone by the exact law of the vote."
        ),
        Table(("cause", "variance of the score, 95 % interval", "share"), split),
        Text(
            f"All causes varied at once, {study.plan.n_repeats} runs of {study.plan.shots:,} shots "
            "each: a nested analysis of variance in the mean over inputs, with calibrations and "
            "training seeds crossed, jitters within these, shots within jitters. Scores are scaled "
            "so that one shot counts at most 1. An estimate below zero says that the cause is lost "
            "in the finer ones; its share counts as zero. Intervals take the degrees of freedom of "
            "one input, since all inputs share seeds and calibrations, and are on the wide side."
        ),
    ]
    for name in study.not_varied:
        blocks.append(Text(f"Not varied: {NAMES[name]}; {NOT_VARIED[name]}."))
    if len(study.taken) > 1:
        blocks.append(Text(f"Calibrations of {', '.join(study.taken)}."))
    return blocks


def _name(one: CauseFlips, study: CauseStudy) -> str:
    name = NAMES[one.cause]
    match one.cause:
        case "shots":
            return f"{name} ({study.plan.shots:,})"
        case "jitter":
            return f"{name} ({100 * study.plan.jitter:g}% of its size, {one.n_levels} times)"
        case _:
            return f"{name} ({one.n_levels} others)"
