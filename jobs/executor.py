"""The one seam to the places where circuits run."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from jobs.spec import JobSpec, PubResult


class Executor(Protocol):
    """A place that runs a job while the caller waits: exact, Aer, the Runtime's local mode."""

    @property
    def name(self) -> str:
        """What `JobSpec.executor` says of jobs for this place."""
        ...

    def run(self, spec: JobSpec) -> tuple[PubResult, ...]:
        """Return the measured bits, one result for each pub, in order."""
        ...


ServicePhase = Literal["queued", "running", "done", "failed", "cancelled", "unknown"]


@dataclass(frozen=True)
class ServiceJob:
    """What the service says about one of its jobs."""

    id: str
    phase: ServicePhase
    reason: str = ""
    """Why it ended, or the service's own word where that is not known."""


@dataclass(frozen=True)
class ServiceMetrics:
    """What the service says of a job that has ended; None for what it does not say yet."""

    quantum_seconds: float | None = None
    """What was charged."""

    finished_at: str | None = None
    """When its run ended, in UTC as ISO 8601."""


class JobBook(Protocol):
    """The jobs of an instance, or of an account; every call may fail without a trace.

    All methods raise `AuthenticationError` when the account is refused,
    `ServiceUnavailableError` when the answer did not come, and, asked for one job,
    `JobNotFoundError` when there is none of that id.
    """

    def find(self, tag: str) -> tuple[ServiceJob, ...]:
        """Return all jobs that carry `tag`, oldest first."""
        ...

    def look_up(self, job_id: str) -> ServiceJob:
        """Return where the job stands."""
        ...

    def description(self, job_id: str) -> tuple[str, Any]:
        """Return the CRN of its instance and all that is said of a job, its parameters too."""
        ...

    def answer(self, job_id: str) -> str:
        """Return the result of a job that is done, as the service sent it."""
        ...

    def cancel(self, job_id: str) -> bool:
        """Cancel the job; False when it had already ended."""
        ...

    def metrics(self, job_id: str) -> ServiceMetrics:
        """Return what was charged and when the run ended, as far as they are known."""
        ...


@runtime_checkable
class RemoteExecutor(Protocol):
    """A place that takes a job and answers later."""

    @property
    def name(self) -> str:
        """What `JobSpec.executor` says of jobs for this place."""
        ...

    @property
    def instance(self) -> str:
        """The instance of the account that `submit` sends to."""
        ...

    def require_working(self, spec: JobSpec) -> None:
        """Ask for what works of the machine now; `PreflightError` where the job needs more."""
        ...

    def submit(self, spec: JobSpec, tag: str, max_execution_seconds: int | None = None) -> str:
        """Send the job with `tag` on it and return the id that the service gave."""
        ...

    def at(self, instance: str) -> JobBook:
        """Return the jobs of an instance; those of the whole account where it is empty."""
        ...

    def read(self, text: str, spec: JobSpec) -> tuple[PubResult, ...]:
        """Return the bits in an answer to the job; `MisreadAnswerError` where it is none."""
        ...
