"""What a job breaks of the rules that it is held to before it is sent."""

from dataclasses import dataclass

from jobs.preflight.rule_table import TABLE, Severity

RULES = {rule.id: rule for rule in TABLE}


@dataclass(frozen=True)
class Finding:
    """A rule that a job breaks, and where."""

    rule: str
    severity: Severity
    where: str
    """For example "circuit 0, instruction 12 (if_else), branch 0, instruction 1 (measure)"."""
    found: str
    why: str
    remedy: str
    source: str

    def __str__(self) -> str:
        return (
            f"{self.rule}: {self.why} Got {self.found} in {self.where}. {self.remedy} "
            f"[{self.source}]"
        )


def finding(rule_id: str, where: str, found: str) -> Finding:
    """Return the finding that `found`, in `where`, breaks the rule with that id."""
    rule = RULES[rule_id]
    return Finding(rule.id, rule.severity, where, found, rule.why, rule.remedy, rule.source)
