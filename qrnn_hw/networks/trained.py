"""A network with its trained numbers: what it binds, and what it puts out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.networks.network import Network
from qrnn_hw.networks.readers import Reader
from qrnn_hw.networks.shot_head import ShotHead


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network with its trained numbers."""

    network: Network
    parameters: Parameters

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers."""
        return sum(int(np.size(part)) for part in self.parameters.values())

    @property
    def coefficients(self) -> NDArray[np.float64]:
        """R: of a single circuit, the outputs of each outcome, shape (2**m, k)."""
        return np.asarray(self.network.coefficients(self.parameters))

    @cached_property
    def head(self) -> ShotHead:
        """R, as it meets shots."""
        network = self.network
        return ShotHead(
            self.coefficients,
            network.steps,
            network.target.per_step,
            network.architecture.n_bits,
            len(network.architecture.readout),
        )

    @property
    def decision(self) -> NDArray[np.float64]:
        """The only column of R, shape (n_readings,): of two classes, the score of each outcome.

        Raises:
            UsageError: there are several outputs, or the bits of every step are read.
        """
        if self.network.steps is not None:
            raise UsageError(
                "a score of each outcome should be asked of a head that reads the outcome alone. "
                "Got one that reads the bits of every step."
            )
        return _only(self.coefficients)

    def encoded(self, sequences: Sequences) -> Encoded:
        """Return all numbers that are bound to the circuits of some sequences."""
        features = self.network.features(self.parameters, jnp.asarray(sequences.values))
        circuit = np.asarray(self.parameters["circuit"])
        return Encoded(circuit, np.asarray(features), sequences.lengths)

    def outputs(
        self,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        reader: Reader | None = None,
    ) -> NDArray[np.float64]:
        """Return the outputs of sequences at infinite shots, shape (n, k), per step (n, T, k)."""
        circuits = self.circuit_outputs(inputs, lengths, reader)
        return circuits + self.direct_part(inputs, lengths)

    def circuit_outputs(
        self,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        reader: Reader | None = None,
    ) -> NDArray[np.float64]:
        """Return r R at infinite shots: the outputs but for what reaches them past the circuits."""
        given = jnp.asarray(inputs), jnp.asarray(lengths)
        return np.asarray(self.network.compiled_outputs(self.parameters, *given, reader))

    def direct_part(
        self, inputs: NDArray[np.float64], lengths: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return what reaches the outputs past the circuits, shape as theirs; 0 without any."""
        given = jnp.asarray(inputs), jnp.asarray(lengths)
        return np.asarray(self.network.direct_part(self.parameters, *given))

    def scores(
        self,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        reader: Reader | None = None,
    ) -> NDArray[np.float64]:
        """Return the only output of each sequence at infinite shots, shape (n,).

        Raises:
            UsageError: there are several outputs.
        """
        return _only(self.outputs(inputs, lengths, reader))


def _only(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    if columns.shape[1] != 1:
        raise UsageError(
            f"this asks for a model with one output, of two classes. Got {columns.shape[1]}."
        )
    return columns[:, 0]
