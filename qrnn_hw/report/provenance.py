"""Where a run's numbers come from: machine, rows, seeds, versions and jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qrnn_hw.data.usage import data_lines


def provenance(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a run's document that say how to get its numbers again."""
    calibration, training = document["calibration"], document["training"]
    yield "calibration", f"{document['backend']}, taken {calibration['taken']}"
    if "qubits" in calibration:
        yield "qubits", ", ".join(map(str, calibration["qubits"]))
    for what, name in (("P(1|0)", "p01"), ("P(0|1)", "p10")):
        if calibration.get("readout"):
            errors = ", ".join(f"{p:.4f}" for p in calibration["readout"][name])
            yield f"measured readout errors {what}", errors
    yield "snapshot", calibration["snapshot"]
    under = ", ".join(training["calibrations"]) or "none, without noise"
    yield "trained under the calibrations of", under
    yield (
        "parameters",
        f"{training['n_parameters']:,}, of them {training['n_quantum_weights']} in the circuit",
    )
    seconds = document["qpu_seconds_range"]
    yield (
        "QPU seconds",
        f"{document['qpu_seconds']:.1f} ({seconds['low']:.1f} to {seconds['high']:.1f})",
    )
    if "agreement" in document:
        one = document["agreement"]
        yield "exact engine against Aer's density matrix", f"{one['exact_vs_aer']:.1e}"
        yield (
            "exact engine against Aer's shots",
            f"chi-square {one['chi_square']:.2f}, {one['degrees_of_freedom']} degrees of freedom, "
            f"p = {one['p_value']:.2f}, {one['shots']:,} shots",
        )
    yield "rows", _pairs(document["rows"])
    for said in data_lines(document):
        yield "data", said
    yield "seeds", _pairs(document["seeds"])
    yield "extrapolated by", document["extrapolated_by"]
    yield "versions", _pairs(document["versions"])
    jobs = zip(document["jobs"], document["roles"], strict=True)
    yield "jobs", ", ".join(f"{key[:12]} ({role})" for key, role in jobs)


def _pairs(named: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items())
