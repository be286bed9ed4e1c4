"""The numbers a real backend holds a job to, each with its source, all of them settings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one job, and one plan, may ask for.

    Source: IBM Quantum documentation of September 2026, "Job limits", "Execution modes" and
    "Classical feedforward and control flow".
    """

    executions: int = 10_000_000
    """Shots times rows, over all circuits of a job."""
    instructions_per_qubit: float = 26.8e6
    """Control instructions on the busiest qubit, over all rows of a job."""
    broadcast_slots: int = 2_400
    """See `jobs.preflight.broadcasts.broadcast_slots`."""
    rows_multiply_broadcasts: bool = True
    """Undocumented; assumed, since a job that is too large is refused only after the queue."""
    condition_bits: int = 32
    posts_per_minute: int = 5
    """Jobs that a user may send. Source: as above, "Job limits"."""
    execution_seconds: tuple[int, int] = (1, 10_800)
    """Range of `max_execution_time`."""
    rep_delay_seconds: tuple[float, float] = (20e-6, 2_000e-6)
    """Used when the backend does not tell its own range."""
    rzz_radians: tuple[float, float] = (0.0, 1.5707963267948966)


DEFAULT_LIMITS = Limits()

# Control instructions that the machine compiles each operation to. Source: as above, "Job limits".
CONTROL_INSTRUCTIONS = {
    "rz": 1,
    "delay": 1,
    "sx": 2,
    "x": 2,
    "rx": 2,
    "cz": 5,
    "ecr": 5,
    "rzz": 5,
    "measure": 10,
    "measure_2": 10,
    "reset": 17,
    "reset_2": 17,
}
INITIALISATION_INSTRUCTIONS = 50
