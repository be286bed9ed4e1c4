"""The errors a user can meet, and the exit code of each."""

from calibration.errors import CalibrationError
from circuits.errors import CircuitsError, UnknownNameError
from jobs import errors as jobs_errors


class QRNNError(Exception):
    """The family of this package's own errors: one line, the rule, what was got, the remedy."""


class UsageError(QRNNError, ValueError):
    """An argument that cannot be used as given."""


class TooFewShotsError(UsageError):
    """Fewer shots than there are circuits to run with them."""


class ConfigurationError(QRNNError, ValueError):
    """A file, setting or saved state that cannot be used as it is."""


class DataError(ConfigurationError):
    """A data set or vector file that is missing, unreadable or unfit for the task."""


class ClusterLostError(QRNNError):
    """A cluster that was there and is no more: what was finished is kept."""


class DisagreementError(QRNNError):
    """Two independent simulations of one circuit differ: a defect of ours."""


# The first class that fits gives the code, so the special stands before the general.
EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (DisagreementError, 1),
    (UsageError, 2),
    (UnknownNameError, 2),
    (jobs_errors.SpecError, 2),
    (CircuitsError, 2),
    (ConfigurationError, 3),
    (CalibrationError, 3),
    (jobs_errors.StoreError, 3),
    (jobs_errors.PreflightError, 4),
    (jobs_errors.AuthenticationError, 5),
    (jobs_errors.ServiceUnavailableError, 6),
    (ClusterLostError, 6),
    (jobs_errors.JobFailedError, 7),
    (jobs_errors.BudgetError, 8),
    (jobs_errors.PartialResultError, 9),
    (jobs_errors.PendingError, 10),
    (jobs_errors.JobsError, 3),
    (QRNNError, 3),
    (KeyboardInterrupt, 130),
)


def exit_code(error: BaseException) -> int | None:
    """Return the documented exit code of `error`, or None when it is a defect of ours."""
    for kind, code in EXIT_CODES:
        if isinstance(error, kind):
            return code
    return None
