"""Why a job was not sent, or did not come back."""


class JobsError(Exception):
    """The family of all errors of this package."""


class SpecError(JobsError, ValueError):
    """A job that cannot be described: shots, parameters or circuits out of range."""


class PreflightError(JobsError):
    """The machine would refuse the circuit; nothing was sent."""


class AuthenticationError(JobsError):
    """No account, or one that the service does not accept."""

    may_pass = False
    """Whether services refuse like that in passing too."""


class ServiceUnavailableError(JobsError):
    """The service did not answer, or answered with a fault that may pass."""


class MisreadAnswerError(ServiceUnavailableError):
    """A job has run, and what came back as its result cannot be read; it is kept."""


class JobFailedError(JobsError):
    """The service reports the job as failed or cancelled."""


class JobNotFoundError(JobFailedError):
    """The service does not know a job of that id, now or any more."""


class BudgetError(JobsError):
    """The estimate is above the budget, or the spending was not confirmed."""


class PartialResultError(JobsError):
    """Some of the jobs came back, others did not; what came back is stored."""


class PendingError(JobsError):
    """The job is still queued or running."""


class UnknownStatusError(PendingError):
    """The service says of a job what this version does not know."""


class StoreError(JobsError):
    """The store cannot be opened, read or migrated."""
