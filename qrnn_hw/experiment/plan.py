"""From the settings' plans to stacks, to requests with their price, to what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.counted import counted
from jobs.store.store import Store
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.measure import Priced, running
from qrnn_hw.experiment.measured import Measured
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.rounds import MeasuredRounds, RoundsEvaluation
from qrnn_hw.experiment.settings import AUTO, DEFAULT_PLANS, RunSettings
from qrnn_hw.experiment.tiled import TiledEvaluation
from qrnn_hw.experiment.tiled_measured import TiledMeasured
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.submission.consent import Consent


def named_stacks(settings: RunSettings, chosen: Stack | None = None) -> tuple[Stack, ...]:
    """Return the stacks of a run in the order given, each once; the one for `auto` is the chosen.

    Raises:
        UsageError: a name that is no stack's.
    """
    in_rounds = settings.architecture.mode == "expectation"
    names = settings.plans or (("none",) if in_rounds else DEFAULT_PLANS)
    found = [chosen if name == AUTO else parse_stack(name) for name in names]
    return tuple(dict.fromkeys(stack for stack in found if stack is not None))


@dataclass(frozen=True, eq=False)
class Plan:
    """What is asked of a machine, held against it and priced."""

    evaluation: Evaluation | TiledEvaluation | RoundsEvaluation
    priced: Priced

    @classmethod
    def of(
        cls, evaluation: Evaluation | TiledEvaluation | RoundsEvaluation, priced: Priced
    ) -> Plan:
        """Build every circuit on the device, round after round as far as answers are stored.

        Raises:
            UsageError: too few shots, or a stack that the model has no circuits for.
        """
        evaluation.measure(priced)
        return cls(evaluation, priced)

    def measure(
        self, consent: Consent, store: Store, progress: Progress
    ) -> tuple[Measured | TiledMeasured | MeasuredRounds, Mapping[str, str]]:
        """Ask, then run what is not in the store; the keys of the jobs come by role.

        Raises:
            JobsError: see `measure.running` and `measure.Stored`.
        """
        n, sent = len(self.priced.specs), self.priced.n_parts
        in_parts = f", sent in {counted(sent, 'part')}," if sent > n else ""
        progress.stage(f"running {counted(n, 'job')}{in_parts} on {self.priced.machine.name}")
        measure = running(self.priced, consent, store, progress.advance)
        return self.evaluation.measure(measure), measure.keys
