"""Whether a machine would run a job, asked before it is sent."""

from jobs.preflight.broken import broken_findings
from jobs.preflight.check import Look, Seen, looking, preflight, require
from jobs.preflight.job import Sending, request_findings
from jobs.preflight.rule_table import Rule
from jobs.preflight.rules import RULES, Finding

__all__ = [
    "RULES",
    "Finding",
    "Look",
    "Rule",
    "Seen",
    "Sending",
    "broken_findings",
    "looking",
    "preflight",
    "request_findings",
    "require",
]
