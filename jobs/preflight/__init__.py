"""Whether a machine would run a job, asked before it is sent."""

from jobs.preflight.check import preflight, require
from jobs.preflight.job import Request
from jobs.preflight.rules import RULES, Finding, Rule

__all__ = ["RULES", "Finding", "Request", "Rule", "preflight", "require"]
