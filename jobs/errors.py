"""Why a job was not sent, or did not come back."""


class JobsError(Exception):
    """The family of all errors of this package."""


class SpecError(JobsError, ValueError):
    """A job that cannot be described: shots, parameters or circuits out of range."""


class PreflightError(JobsError):
    """The machine would refuse the circuit; nothing was sent."""


class AuthenticationError(JobsError):
    """No account, or one that the service does not accept."""


class ServiceUnavailableError(JobsError):
    """The service did not answer, or answered with a fault that may pass."""


class JobFailedError(JobsError):
    """The service reports the job as failed or cancelled."""


class BudgetError(JobsError):
    """The estimate is above the budget, or the spending was not confirmed."""


class PartialResultError(JobsError):
    """Some of the jobs came back, others did not; what came back is stored."""


class PendingError(JobsError):
    """The job is still queued or running."""


class StoreError(JobsError):
    """The store cannot be opened, read or migrated."""
