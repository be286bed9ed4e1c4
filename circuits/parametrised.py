"""An unrolled network with its parameters by meaning, and numbers bound to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError

if TYPE_CHECKING:
    from qiskit.circuit import Parameter, QuantumCircuit


_ZERO = 1e-12


@dataclass(frozen=True)
class QRNNCircuit:
    """A recurrent network unrolled over its time steps, with its parameters by meaning.

    A model in rounds (`expectation` mode, a circuit from |0> in every step) has one circuit for
    all its steps, on the Parameters of `inputs[0]` and on `h`: bind it with `bind_step`.
    """

    circuit: QuantumCircuit
    """Parametrised logical circuit; registers `m0`, `m1`, ... (mid-circuit bits) and `out`."""

    inputs: NDArray[np.object_]  # shape (T, d)
    """Parameters of the features, step by step."""

    weights: NDArray[np.object_]  # shape (p,)
    """Parameters of the weights, in the order in which the circuit applies them."""

    readout: tuple[int, ...]  # shape (m,)
    """Measured qubits: bit j of `out` is readout[j]."""

    step_circuits: tuple[QuantumCircuit, ...] = ()
    """In `expectation` mode the circuits of one time step: one, or the four gates of an LSTM."""

    fed_back: Parameter | None = None
    """The Parameter `h` of a model in rounds."""

    vectors: tuple[tuple[int, ...], ...] = ()
    """Groups of features that `bind` divides by their common length."""

    @property
    def step(self) -> QuantumCircuit:
        """One time step as a circuit: the first of `step_circuits`.

        Raises:
            CircuitsError: the model is not in `expectation` mode.
        """
        if not self.step_circuits:
            raise CircuitsError(
                f"a step of its own should be asked of a model in expectation mode. "
                f"Got {self.circuit.name} in one circuit; use `.circuit`."
            )
        return self.step_circuits[0]

    def bind(self, features: NDArray[np.float64], weights: NDArray[np.float64]) -> QuantumCircuit:
        """Return the circuit with numbers in place of all parameters.

        Args:
            features: shape (T, d).
            weights: shape (p,).

        Raises:
            CircuitsError: a shape does not fit, a value is not finite, a vector that is to be
                normalised vanishes, or the model runs in rounds.
        """
        checked = self._features(features, self.inputs.shape)
        values = self._weights(weights) | _pairs(self.inputs, checked)
        if self.fed_back is not None:
            raise CircuitsError(
                f"a model in rounds should be bound step by step, with `bind_step`. "
                f"Got {len(self.inputs)} steps of {self.circuit.name}."
            )
        return _assign(self.circuit, values)

    def bind_step(
        self, features: NDArray[np.float64], weights: NDArray[np.float64], fed_back: float
    ) -> tuple[QuantumCircuit, ...]:
        """Return the circuits of one step of a model in rounds, with numbers for all parameters.

        Args:
            features: of the step, shape (d,).
            weights: shape (p,).
            fed_back: the value of h, 0 in the first step.

        Raises:
            CircuitsError: as `bind`, or the model does not run in rounds.
        """
        if self.fed_back is None:
            raise CircuitsError(
                "only a model that feeds a value back through the host should be bound step by "
                f"step. Got {self.circuit.name}; use `bind`."
            )
        checked = self._features(features, self.inputs.shape[1:])
        h = _finite("the fed-back value", fed_back, ())
        values = self._weights(weights) | _pairs(self.inputs[0], checked)
        values[self.fed_back] = float(h)
        return tuple(_assign(circuit, values) for circuit in self.step_circuits)

    def rows(
        self, features: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> tuple[QuantumCircuit, NDArray[np.float64]]:
        """Return the circuit and one row of parameter values for each of N sequences.

        Args:
            features: shape (N, T, d).
            weights: shape (p,).

        Returns:
            The circuit, and values of shape (N, n_parameters) in the order of its `parameters`.

        Raises:
            CircuitsError: as `bind`, or there is no sequence.
        """
        if self.fed_back is not None:
            raise CircuitsError(
                "a model in rounds should be run step by step, with `step_pubs`. "
                f"Got {len(self.inputs)} steps of {self.circuit.name}."
            )
        checked = self._batch(features, self.inputs.shape)
        return _with_rows(self.circuit, self._weights(weights), self.inputs, checked)

    def step_pubs(
        self,
        features: NDArray[np.float64],
        weights: NDArray[np.float64],
        fed_back: NDArray[np.float64],
    ) -> list[tuple[QuantumCircuit, NDArray[np.float64]]]:
        """Return the circuits of one step of a model in rounds, with a row for each sequence.

        Args:
            features: of the step, shape (N, d).
            weights: shape (p,).
            fed_back: the value of h of each sequence, shape (N,).

        Raises:
            CircuitsError: as `bind_step`, or there is no sequence.
        """
        if self.fed_back is None:
            raise CircuitsError(
                "only a model that feeds a value back through the host should be run step by "
                f"step. Got {self.circuit.name}; use `rows`."
            )
        checked = self._batch(features, self.inputs.shape[1:])
        h = _finite("fed-back values", fed_back, (len(checked),))
        names = np.append(self.inputs[0], self.fed_back)
        values = np.column_stack([checked, h])
        fixed = self._weights(weights)
        return [_with_rows(circuit, fixed, names, values) for circuit in self.step_circuits]

    def _weights(self, weights: NDArray[np.float64]) -> dict[Parameter, float]:
        return _pairs(self.weights, _finite("weights", weights, self.weights.shape))

    def _batch(self, features: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the features of N sequences, shape (N, ...), N at least 1."""
        values = _numbers("features", features)
        n_rows = len(values) if values.ndim else 0
        if n_rows == 0:
            raise CircuitsError(
                f"features should have shape (N, {', '.join(map(str, shape))}), one row or more. "
                f"Got {values.shape}."
            )
        return self._features(values, (n_rows, *shape))

    def _features(
        self, features: NDArray[np.float64], shape: tuple[int, ...]
    ) -> NDArray[np.float64]:
        return normalised(_finite("features", features, shape), self.vectors)


def normalised(
    features: NDArray[np.float64], vectors: tuple[tuple[int, ...], ...]
) -> NDArray[np.float64]:
    """Return the features, shape (..., d), with each group divided by its length.

    Zeros of a group become 1e-12, so that quotients of amplitudes are finite.

    Raises:
        CircuitsError: a group vanishes.
    """
    result = np.array(features, dtype=float)
    for vector in vectors:
        group = result[..., list(vector)]
        scale = np.abs(group).max(axis=-1, keepdims=True)
        if (scale == 0).any():
            where = np.argwhere(scale[..., 0] == 0)[0].tolist()
            raise CircuitsError(
                f"features {vector[0]} to {vector[-1]} are encoded by their direction and should "
                f"not all be zero. Got a zero vector{f' at {where}' if where else ''}; "
                "leave out padding words or give them a vector."
            )
        # The scale first: squares of very small or large features leave the range of a float.
        scaled = group / scale
        unit = scaled / np.linalg.norm(scaled, axis=-1, keepdims=True)
        result[..., list(vector)] = np.where(np.abs(unit) < _ZERO, _ZERO, unit)
    return result


def _numbers(name: str, given: Any) -> NDArray[np.float64]:
    try:
        values = np.asarray(given)
        # A cast would drop imaginary parts, and make numbers of texts and dates.
        numbers = values.astype(float) if values.dtype.kind in "biufO" else None
    except (TypeError, ValueError) as error:
        reason = str(error).rstrip(".")
        raise CircuitsError(f"{name} should be an array of numbers. Got {reason}.") from error
    if numbers is None:
        kind = "real numbers" if values.dtype.kind == "c" else "an array of numbers"
        raise CircuitsError(f"{name} should be {kind}. Got {values.dtype}.")
    return numbers


def _finite(name: str, given: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    values = _numbers(name, given)
    if values.shape != shape:
        raise CircuitsError(f"{name} should have shape {shape}. Got {values.shape}.")
    if not np.isfinite(values).all():
        raise CircuitsError(f"{name} should be finite. Got {values[~np.isfinite(values)][0]}.")
    return values


def _with_rows(
    circuit: QuantumCircuit,
    fixed: dict[Parameter, float],
    names: NDArray[np.object_],
    values: NDArray[np.float64],
) -> tuple[QuantumCircuit, NDArray[np.float64]]:
    """Return the circuit and its rows, of values shared by all and values of each."""
    own = values.reshape(len(values), -1)
    columns = dict(zip(names.ravel(), own.T, strict=True))
    columns |= {name: np.full(len(own), value) for name, value in fixed.items()}
    rows = [columns[name] for name in circuit.parameters]
    return circuit, np.stack(rows, axis=1) if rows else np.zeros((len(own), 0))


def _pairs(parameters: NDArray[np.object_], values: NDArray[np.float64]) -> dict[Parameter, float]:
    return dict(zip(parameters.ravel(), values.ravel().tolist(), strict=True))


def _assign(circuit: QuantumCircuit, values: dict[Parameter, float]) -> QuantumCircuit:
    used = circuit.parameters
    return circuit.assign_parameters({p: v for p, v in values.items() if p in used})
