"""The rules a job is held to before it is sent: one table, each with its reason and source."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]

_FLOW = "IBM Quantum documentation, Classical feedforward and control flow"
_LIMITS = "IBM Quantum documentation, Job limits"
_MODES = "IBM Quantum documentation, Execution modes"
_OPTIONS = "IBM Quantum documentation, Primitives options"
_ISA = "IBM Quantum documentation, Transpile for a backend"
_FRACTIONAL = "IBM Quantum documentation, Fractional gates"
_CLIENT = "qiskit-ibm-runtime 0.51, client-side Sampler"
_QPY = "Qiskit, qiskit.qpy"
_PRIMITIVES = "Qiskit, qiskit.primitives.DataBin"


@dataclass(frozen=True)
class Rule:
    """One thing that a machine, a plan or the client asks of a job."""

    id: str
    severity: Severity
    why: str
    remedy: str
    source: str


TABLE = (
    # Control flow
    Rule(
        "no-dynamic-circuits",
        "error",
        "The backend runs no feed-forward.",
        "Choose a backend whose operations include if_else.",
        _FLOW,
    ),
    Rule("for-loop", "error", "The machine runs no loops.", "Unroll the loop.", _FLOW),
    Rule("while-loop", "error", "The machine runs no loops.", "Unroll to a fixed number.", _FLOW),
    Rule("switch", "error", "The machine runs no switch.", "Write one if_test per case.", _FLOW),
    Rule("loop-exit", "error", "The machine runs no break or continue.", "Unroll the loop.", _FLOW),
    Rule(
        "box",
        "error",
        "The Sampler takes boxes only with twirling, which refuses feed-forward.",
        "Write the content of the box into the circuit.",
        _CLIENT,
    ),
    Rule(
        "nested-if",
        "error",
        "A branch may hold no further condition.",
        "Join the conditions into one, or put them one after the other.",
        _FLOW,
    ),
    Rule(
        "measure-in-branch",
        "error",
        "A branch may hold no measurement.",
        "Measure before or after the branch.",
        _FLOW,
    ),
    Rule(
        "reset-in-branch",
        "error",
        "A branch may hold no reset.",
        "Reset after the branch, or apply x when the bit is 1.",
        _FLOW,
    ),
    Rule(
        "wide-condition",
        "error",
        "An operand of a condition may have at most 32 bits.",
        "Split the register.",
        _FLOW,
    ),
    Rule(
        "arithmetic",
        "error",
        "Conditions may compare and combine bits, not calculate.",
        "Write the condition with comparisons and bitwise operations.",
        _FLOW,
    ),
    Rule(
        "classical-variable",
        "error",
        "The machine lists no store, and so keeps no variables and no stretches.",
        "Keep values in classical registers, and give delays a fixed length.",
        _FLOW,
    ),
    Rule(
        "unmeasured-condition",
        "warning",
        "The condition reads only bits that nothing has measured before, so it never varies.",
        "Measure into the bit first, or drop the branch.",
        _FLOW,
    ),
    # Fit to the machine
    Rule("too-many-qubits", "error", "The circuit has more qubits.", "Use fewer qubits.", _ISA),
    Rule(
        "basis",
        "error",
        "The machine has no such operation.",
        "Transpile for this backend.",
        _ISA,
    ),
    Rule(
        "own-gate",
        "error",
        "The machine runs what it has under that name, whatever the circuit defines.",
        "Give the gate another name and transpile for this backend.",
        _ISA,
    ),
    Rule(
        "coupling",
        "error",
        "The machine has the operation, but not on these qubits in this order.",
        "Transpile for this backend.",
        _ISA,
    ),
    Rule(
        "faulty-qubit",
        "error",
        "The backend reports the qubit, or the gate on it, as not operational.",
        "Transpile again with a fresh calibration; a run does so in another --output.",
        _ISA,
    ),
    Rule(
        "rzz-range",
        "error",
        "The angle of rzz should be within [0, pi/2].",
        "Fold the angle with x gates before binding, or transpile without fractional gates.",
        _FRACTIONAL,
    ),
    Rule(
        "non-finite-angle",
        "error",
        "Angles should be finite numbers.",
        "Look for the division or logarithm that made it.",
        _ISA,
    ),
    Rule(
        "unbound-parameter",
        "error",
        "Each parameter of the circuit should have a value.",
        "Bind the parameters, or give rows of values.",
        _CLIENT,
    ),
    # The way to the machine
    Rule(
        "delay",
        "error",
        "Circuits are sent as QPY, which keeps a delay only as a whole number of dt.",
        "Give it a fixed length and convert it with jobs.delays.in_dt.",
        _QPY,
    ),
    Rule(
        "delay-alignment",
        "error",
        "The control system holds delays only in multiples of its pulse alignment (error 8043).",
        "Round the delay to such a multiple.",
        "IBM Quantum, error 8043: Qiskit/qiskit-metapackage #1585",
    ),
    Rule(
        "changed-by-qpy",
        "error",
        "Circuits are sent and stored as QPY; read back, this one is not what was checked.",
        "Transpile for this backend, without metadata or gates that QPY does not keep.",
        _QPY,
    ),
    # Output
    Rule(
        "register-name",
        "error",
        "The name of a classical register becomes an attribute and a word of OpenQASM 3.",
        "Rename the register to a plain word that is no keyword.",
        _PRIMITIVES,
    ),
    Rule("empty-register", "error", "A register should have bits.", "Drop it.", _PRIMITIVES),
    Rule(
        "no-output",
        "error",
        "A circuit without measured classical registers returns nothing, and is charged.",
        "Measure into a classical register.",
        _CLIENT,
    ),
    Rule(
        "loose-bit",
        "warning",
        "A measured bit outside all registers is not returned.",
        "Put the bit into a classical register.",
        _CLIENT,
    ),
    # The job
    Rule("no-circuits", "error", "A job should hold a circuit.", "Give one.", _CLIENT),
    Rule("shots", "error", "Shots should be a whole number >= 1.", "Ask for more.", _LIMITS),
    Rule(
        "differing-shots",
        "error",
        "All circuits of one job have the same number of shots.",
        "Send one job for each number of shots.",
        _CLIENT,
    ),
    Rule(
        "executions",
        "error",
        "One job may have at most 10 million executions.",
        "Ask for fewer shots, or for several jobs.",
        _LIMITS,
    ),
    Rule(
        "instructions",
        "error",
        "One job may have at most 26.8 million control instructions on a qubit.",
        "Send fewer rows in one job, or a shorter circuit.",
        _LIMITS,
    ),
    Rule(
        "broadcasts",
        "error",
        "One job may broadcast about 2,400 single bits, or 300 times 60 bits.",
        "Send fewer rows in one job, or feed fewer bits forward.",
        _FLOW,
    ),
    Rule(
        "rep-delay",
        "error",
        "The repetition delay should be within the range of the backend.",
        "Choose one within the range, or leave it to the backend.",
        _OPTIONS,
    ),
    Rule(
        "max-execution-time",
        "error",
        "The maximum execution time should be from 1 to 10,800 s.",
        "Choose one within the range.",
        "IBM Quantum documentation, Maximum execution time",
    ),
    Rule(
        "cut-short",
        "error",
        "The service cancels a job at its maximum execution time and charges what ran.",
        "Raise the maximum above the estimate, or ask for fewer shots.",
        "IBM Quantum documentation, Maximum execution time",
    ),
    Rule(
        "session-on-open-plan",
        "error",
        "The Open plan runs jobs and batches only.",
        "Use batch mode.",
        _MODES,
    ),
    Rule(
        "plan-exhausted",
        "error",
        "The estimate should be within what the plan has left.",
        "Ask for fewer shots or rows, or wait until the period has rolled on.",
        "IBM Quantum documentation, Overview of plans",
    ),
    Rule(
        "dynamical-decoupling",
        "error",
        "The service refuses dynamical decoupling for circuits with feed-forward.",
        "Turn it off, or put the pulses into the circuit when scheduling it.",
        _CLIENT,
    ),
    Rule(
        "twirling",
        "error",
        "The service refuses twirling for circuits with feed-forward.",
        "Turn it off, or twirl the circuits before they are sent.",
        _CLIENT,
    ),
)
