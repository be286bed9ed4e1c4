"""A twin as a place to run jobs."""

from __future__ import annotations

from jobs.spec import JobSpec, PubResult
from jobs.twin.machine import Twin


class TwinExecutor:
    """Runs the circuits that the device would get on its twin; nothing leaves the process."""

    name = "twin"

    def __init__(self, twin: Twin) -> None:
        self._twin = twin

    def run(self, spec: JobSpec) -> tuple[PubResult, ...]:
        """Return the bits of each pub.

        Raises:
            SpecError: the circuits are not for this device.
            CircuitsError: an instruction without an exact map, or too large a group of qubits.
        """
        # The key holds the seed of the shots; another job meets another weather.
        return self._twin.run(spec.pubs, spec.shots, int(spec.key[:15], 16))
