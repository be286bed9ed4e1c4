"""What an instance of the account, or all of them together, say about jobs."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from jobs.errors import JobNotFoundError, JobsError, MisreadAnswerError, ServiceUnavailableError
from jobs.executor import ServiceJob, ServiceMetrics
from jobs.service.job_phase import described
from jobs.service.service_errors import one_line, status_of, translated
from jobs.service.usage import charged_seconds, finished_at

PAGE = 100  # jobs of one answer to a look-up by tag
_MISSING = (
    "it has none of that id. It was deleted there, or another account sent it. "
    "`qrnn-hw jobs forget {0}` clears it from the list here."
)


class InstanceJobs:
    """The jobs of one instance.

    Args:
        connection: The client's connection to it.
        instance: Its CRN.
    """

    def __init__(self, connection: Any, instance: str) -> None:
        self._connection = connection
        self.instance = instance

    def find(self, tag: str) -> tuple[ServiceJob, ...]:
        """Return all jobs that carry `tag`, oldest first."""
        found: list[ServiceJob] = []
        skip, count = 0, 1
        while skip < count:
            with translated("look up jobs by tag", question=True):
                answer = self._connection.jobs_get(
                    limit=PAGE, skip=skip, job_tags=[tag], descending=False
                )
            page, count = _page_of(answer)
            found += [self._judged(described(one)) for one in page if tag in _tags(one)]
            if not page:
                break
            skip += len(page)
        return tuple(found)

    def look_up(self, job_id: str) -> ServiceJob:
        """Return where the job stands.

        Raises:
            JobNotFoundError: If the instance has no such job.
        """
        with _asked(f"look up job {job_id}", job_id):
            body = self._connection.job_get(job_id)
        return self._judged(described(body, job_id))

    def _judged(self, job: ServiceJob) -> ServiceJob:
        """Settle words that are not known by what the metrics say, and give failures a reason."""
        if job.phase == "unknown" and self._has_ended(job.id):
            if self._has_no_result(job.id):
                return ServiceJob(job.id, "failed", job.reason)
            return ServiceJob(job.id, "done")
        if job.phase == "failed" and not job.reason:
            # The reason of a failure may be its result, and even that may be missing.
            text = self._text(job.id)
            return ServiceJob(
                job.id, job.phase, one_line(text) if text else "The service gave no reason."
            )
        return job

    def _has_ended(self, job_id: str) -> bool:
        try:
            return self.metrics(job_id).finished_at is not None
        except JobsError:
            return False

    def _has_no_result(self, job_id: str) -> bool:
        # Only where the service says so: a result that is refused now may come later.
        try:
            with _asked(f"fetch the result of job {job_id}", job_id):
                return not self._connection.job_results(job_id)
        except JobsError:
            return False

    def _text(self, job_id: str) -> str:
        try:
            return self.answer(job_id)
        except JobsError:
            return ""

    def description(self, job_id: str) -> tuple[str, Any]:
        """Return the instance's CRN and all that it says of a job, its parameters too.

        Raises:
            JobNotFoundError: If the instance has no such job.
        """
        with _asked(f"look up job {job_id}", job_id):
            return self.instance, self._connection.job_get(job_id, exclude_params=False)

    def answer(self, job_id: str) -> str:
        """Return the result of a job that is done, as the service sent it.

        Raises:
            ServiceUnavailableError: If it gives none, now or any more.
        """
        action = f"fetch the result of job {job_id}"
        try:
            with _asked(action, job_id):
                text = self._connection.job_results(job_id)
        except JobNotFoundError:
            text = ""
        if isinstance(text, str) and text:
            return text
        raise MisreadAnswerError(
            f"The service should have the result of job {job_id}, which it calls done. Got none. "
            f"Fetch it again with `qrnn-hw jobs fetch {job_id}`; nothing needs to be sent again. "
            f"If it stays so, `qrnn-hw jobs forget {job_id}` clears it from the list here."
        )

    def cancel(self, job_id: str) -> bool:
        """Cancel the job; False when it had already ended."""
        with translated(f"cancel job {job_id}", missing=_MISSING.format(job_id)):
            try:
                self._connection.job_cancel(job_id)
            except Exception as error:
                if status_of(error) == 409:
                    return False
                raise
        return True

    def metrics(self, job_id: str) -> ServiceMetrics:
        """Return what was charged and when the run ended, as far as they are known."""
        with _asked(f"read the metrics of job {job_id}", job_id):
            found = self._connection.job_metadata(job_id)
        return ServiceMetrics(charged_seconds(found), finished_at(found))


class AccountJobs:
    """The jobs of all instances, for one of which it is not known where it was sent.

    An instance that cannot be looked at is an error in all methods: what it holds is not known.
    """

    def __init__(self, places: tuple[InstanceJobs, ...]) -> None:
        self._places = places

    def find(self, tag: str) -> tuple[ServiceJob, ...]:
        """Return all jobs that carry `tag`, those of one instance oldest first."""
        return tuple(job for place in self._places for job in place.find(tag))

    def _place_of(self, job_id: str) -> InstanceJobs:
        hidden: JobsError | None = None
        for place in self._places:
            try:
                place.look_up(job_id)
                return place
            except JobNotFoundError as error:
                last = error
            except JobsError as error:
                hidden = error
        raise hidden or last

    def look_up(self, job_id: str) -> ServiceJob:
        """Return where the job stands."""
        return self._place_of(job_id).look_up(job_id)

    def description(self, job_id: str) -> tuple[str, Any]:
        """Return the CRN of its instance and all that is said of a job, its parameters too."""
        return self._place_of(job_id).description(job_id)

    def answer(self, job_id: str) -> str:
        """Return the result of a job that is done, as the service sent it."""
        return self._place_of(job_id).answer(job_id)

    def cancel(self, job_id: str) -> bool:
        """Cancel the job; False when it had already ended."""
        return self._place_of(job_id).cancel(job_id)

    def metrics(self, job_id: str) -> ServiceMetrics:
        """Return what was charged and when the run ended, as far as they are known."""
        return self._place_of(job_id).metrics(job_id)


def _asked(action: str, job_id: str) -> AbstractContextManager[None]:
    return translated(action, missing=_MISSING.format(job_id), question=True)


def _page_of(answer: Any) -> tuple[list[Any], int]:
    if isinstance(answer, Mapping):
        page, count = answer.get("jobs"), answer.get("count")
        if isinstance(page, list) and isinstance(count, int):
            return page, count
    raise ServiceUnavailableError(
        f"The service should list jobs. Got something else: {one_line(answer, 80)} Try again later."
    )


def _tags(body: Any) -> Any:
    tags = body.get("tags") if isinstance(body, Mapping) else None
    return tags if isinstance(tags, list) else ()
