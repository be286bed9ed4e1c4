"""Legal combinations of extrapolation, relabelling and readout correction, and their circuits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from qiskit import QuantumCircuit

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation import zne
from qrnn_hw.mitigation.estimate import split_by_weight
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.labels import Mask, Relabelling, all_masks, first_order, sampled_masks
from qrnn_hw.mitigation.readout import ReadoutCalibration
from qrnn_hw.mitigation.relabel import relabel
from qrnn_hw.mitigation.twirling import twirl

FeedForward = Literal["none", "invert", "amplify"]
Masks = Literal["all", "first-order", "sampled"]
MASKS: tuple[Masks, ...] = ("all", "first-order", "sampled")

MOST_BITS_FOR_ALL_MASKS = 5
"""Of more bits the masks that relabel several are drawn: there are up to 3**m of them."""


@dataclass(frozen=True)
class Stack:
    """A legal combination of methods; the default does nothing.

    The estimate of a score sum_k c_k p_k is

        sum_s w_s sum_a v_a(s) sum_k c'_k p_k(s, a),

    with p(s, a) what the circuit folded by s reads whose branches see the bits relabelled by the
    mask a. The w_s are the weights of the extrapolation (1 without), the v_a(s) those of the masks
    (one of weight 1 without relabelling; "sampled": drawn), and c' is c or, where the final bits
    are corrected, c' A = c with their confusion matrix A. Twirling averages each p(s, a).

    `feed_forward` says what happens to the readout errors that branches act on: nothing, "invert"
    (relabelling with signs) or "amplify" (the confusion matrix A becomes A^scale at each scale
    factor, and one extrapolation removes gate and readout errors together).

    Raises:
        UsageError: If "amplify" stands without an extrapolation, an extrapolation is exponential or
            has scale factors that are not odd integers.
    """

    extrapolation: zne.ZNEPlan | None = None
    feed_forward: FeedForward = "none"
    terminal: bool = False  # correct the readout of the final bits inside each scale factor
    masks: Masks = "all"
    """Of the bits that are fed forward: "all" for up to `MOST_BITS_FOR_ALL_MASKS` of them, for more
    the same sum by "sampled"."""

    n_samples: int = 32  # masks drawn at each scale factor: "sampled" only
    seed: int = 0
    twirls: int = 0  # circuits that each one is averaged over, each with Paulis of its own

    def __post_init__(self) -> None:
        plan = self.extrapolation
        if self.feed_forward not in ("none", "invert", "amplify"):
            raise UsageError(
                f"feed_forward should be one of amplify, invert, none. Got {self.feed_forward!r}."
            )
        if self.masks not in MASKS:
            raise UsageError(f"masks should be one of {', '.join(MASKS)}. Got {self.masks!r}.")
        if self.twirls < 0:
            raise UsageError(f"the number of twirls should be 0 or more. Got {self.twirls}.")
        if plan is None and self.feed_forward == "amplify":
            raise UsageError("amplified labels should come with an extrapolation. Got none.")
        if plan is not None and (
            plan.extrapolation in zne.EXPONENTIAL
            or any(factor % 2 != 1 for factor in plan.scale_factors)
        ):
            raise UsageError(
                "a stack should extrapolate linear, richardson or poly over odd scale factors. "
                f"Got {plan.extrapolation} over {plan.scale_factors}."
            )

    @property
    def name(self) -> str:
        """A short name of the methods, such as "richardson(1,3,5) + relabel + terminal"."""
        parts = []
        if self.extrapolation is not None:
            factors = ",".join(f"{factor:g}" for factor in self.extrapolation.scale_factors)
            order = "" if self.extrapolation.order is None else self.extrapolation.order
            parts.append(f"{self.extrapolation.extrapolation}{order}({factors})")
        if self.feed_forward != "none":
            kind = "relabel" if self.feed_forward == "invert" else "joint"
            sampled = f" (sampled {self.n_samples})"
            which = {"all": "", "first-order": " (first order)", "sampled": sampled}
            parts.append(kind + which[self.masks])
        if self.terminal:
            parts.append("terminal")
        if self.twirls:
            parts.append(f"twirl {self.twirls}")
        return " + ".join(parts) or "none"

    def scales(self) -> tuple[tuple[float, float], ...]:
        """Return (scale factor, weight) of each point; one point of weight 1 when not scaled."""
        if self.extrapolation is None:
            return ((1.0, 1.0),)
        weights = zne.circuit_weights(self.extrapolation).tolist()
        return tuple(zip(self.extrapolation.scale_factors, weights, strict=True))

    def relabelling(
        self, scale_factor: float, fed_forward: ReadoutCalibration | None
    ) -> Relabelling | None:
        """Return the masks to run at a scale factor, or None where the bits are left alone.

        Raises:
            UsageError: If the stack relabels and there is no calibration of the fed-forward bits.
        """
        if self.feed_forward == "none":
            return None
        if fed_forward is None:
            raise UsageError(
                f"{self.name} should have a calibration of the fed-forward bits. Got none."
            )
        power = -1.0 if self.feed_forward == "invert" else scale_factor - 1
        too_many = self.masks == "all" and fed_forward.n_bits > MOST_BITS_FOR_ALL_MASKS
        if self.masks == "sampled" or too_many:
            seed = self.seed + round(scale_factor)
            return sampled_masks(fed_forward, self.n_samples, seed, power)
        make = all_masks if self.masks == "all" else first_order
        return make(fed_forward, power)

    def without_relabelling(self) -> "Stack":
        """Return the stack for a circuit that feeds no bit forward."""
        return replace(self, feed_forward="none", masks="all")

    def circuit_of(self, term: "Term") -> tuple[object, ...]:
        """Return what tells the term's circuit from others made of the same one."""
        plan = self.extrapolation
        mask = None if all(label == "keep" for label in term.mask or ()) else term.mask
        how = ("all", True)
        if plan is not None and term.scale_factor != 1:
            how = (plan.gates, plan.stretch_delays)
        return (term.scale_factor, mask, term.twirl, *how)

    def exponent(self, scale_factor: float) -> float:
        """Return k: at this scale factor the branches act as if bits were read with A^k."""
        return {"none": 1.0, "invert": 0.0, "amplify": float(scale_factor)}[self.feed_forward]


@dataclass(frozen=True)
class Term:
    """One circuit of a stack, and the signed weight of its value."""

    scale_factor: float
    mask: Mask | None
    weight: float
    drawn: bool = False  # its mask is a random one that stands for others
    twirl: int | None = None  # seed of its Paulis


@lru_cache(maxsize=256)
def terms(stack: Stack, fed_forward: ReadoutCalibration | None = None) -> tuple[Term, ...]:
    """List the circuits of a stack; the weights sum to one.

    Args:
        stack: What to combine.
        fed_forward: Calibration of `relabel.fed_forward_bits`, in that order.

    Raises:
        UsageError: See `Stack.relabelling` and `labels.all_masks`.
    """
    listed = []
    for factor, weight in stack.scales():
        relabelling = stack.relabelling(factor, fed_forward)
        if relabelling is None:
            listed.append(Term(factor, None, weight))
            continue
        n_exact = len(relabelling.masks) - relabelling.n_drawn
        listed += [
            Term(factor, mask, weight * part, place >= n_exact)
            for place, (mask, part) in enumerate(
                zip(relabelling.masks, relabelling.weights, strict=True)
            )
        ]
    if stack.twirls:
        listed = [
            replace(
                term, weight=term.weight / stack.twirls, twirl=stack.seed + place * stack.twirls + k
            )
            for place, term in enumerate(listed)
            for k in range(stack.twirls)
        ]
    return tuple(listed)


def construct_circuits(
    circuit: QuantumCircuit, stack: Stack, listed: Sequence[Term]
) -> list[QuantumCircuit]:
    """Relabel, twirl and fold a scheduled ISA circuit once for each term.

    Raises:
        UsageError: See `relabel.relabel` and `folding.fold`.
    """
    plan = stack.extrapolation
    return [
        fold(
            _prepared(circuit, term),
            term.scale_factor,
            gates="all" if plan is None else plan.gates,
            stretch_delays=plan is None or plan.stretch_delays,
        )
        for term in listed
    ]


def _prepared(circuit: QuantumCircuit, term: Term) -> QuantumCircuit:
    relabelled = circuit if term.mask is None else relabel(circuit, term.mask)
    return relabelled if term.twirl is None else twirl(relabelled, term.twirl)


def share_shots(total_shots: int, listed: Sequence[Term]) -> tuple[int, ...]:
    """Share the shots among the terms by |weight|; see `estimate.split_by_weight`."""
    return split_by_weight(total_shots, [term.weight for term in listed])
