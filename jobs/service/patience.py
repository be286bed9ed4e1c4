"""For how long a question about a job is asked again that gets no answer, or a strange one."""

from jobs.errors import (
    AuthenticationError,
    JobNotFoundError,
    JobsError,
    MisreadAnswerError,
    ServiceUnavailableError,
    UnknownStatusError,
)
from jobs.service.backoff import Backoff


class Patience:
    """Whether to ask once more; one for all jobs that are followed together."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._last_answer = backoff.clock()
        self._strange_since: dict[str, float] = {}
        self._told: set[str] = set()

    def answered(self, key: str) -> None:
        """Note that the service has told where the job stands."""
        self._told.add(key)
        self._last_answer = self._backoff.clock()
        self._strange_since.pop(key, None)

    def is_over(self, key: str, error: JobsError) -> bool:
        """Return whether nothing more is to be asked about the job after `error`."""
        now = self._backoff.clock()
        patience = self._backoff.patience_seconds
        doubt = min(self._backoff.doubt_seconds, patience)
        since = self._strange_since.setdefault(key, now)
        match error:
            case JobNotFoundError() | MisreadAnswerError():
                # The service is there, and what it says of this job should pass soon if it does.
                self._last_answer = now
                return now - since > doubt
            case UnknownStatusError():
                self._last_answer = now
                return now - since > patience
            case AuthenticationError(may_pass=True):
                # The longer where it was told of to the same account before.
                return now - since > (patience if key in self._told else doubt)
            case ServiceUnavailableError():
                return now - min(since, self._last_answer) > patience
        return True
