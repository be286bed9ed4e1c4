"""Gate angles as a differentiable function of a circuit's parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError

if TYPE_CHECKING:
    from qiskit.circuit import Parameter, ParameterExpression


@dataclass(frozen=True, eq=False)
class AngleMap:
    """angles = matrix @ parameters + offset, but for the few that are not affine."""

    matrix: NDArray[np.float64]  # shape (n_angles, n_parameters)
    offset: NDArray[np.float64]  # shape (n_angles,)
    curved: tuple[int, ...] = ()
    """Indices of the angles that are not affine."""

    curve: Callable[..., Sequence[jax.Array]] | None = None
    """Those angles, as a function of all parameters."""

    depends: NDArray[np.bool_] | None = None  # shape (n_angles, n_parameters)

    def __call__(self, parameters: jax.Array) -> jax.Array:
        """Return the angles in radians, shape (n_angles,), for parameters of shape (n,)."""
        angles = jnp.asarray(self.matrix) @ parameters + jnp.asarray(self.offset)
        if self.curve is None:
            return angles
        values = jnp.stack([jnp.asarray(value) for value in self.curve(*parameters)])
        return angles.at[np.array(self.curved)].set(values)

    def uses(self, angle: int) -> NDArray[np.intp]:
        """Return the indices of the parameters that an angle depends on."""
        assert self.depends is not None
        return np.flatnonzero(self.depends[angle])


class AngleMapBuilder:
    """Collects angle expressions while a circuit is lifted, each distinct one once."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._parameters = list(parameters)
        self._column = {parameter: i for i, parameter in enumerate(self._parameters)}
        self._index: dict[Any, int] = {}
        self._expressions: list[ParameterExpression] = []

    def add(self, expression: ParameterExpression) -> int:
        """Return the index of the angle, adding it if it is new.

        Raises:
            CircuitsError: it uses a parameter that the caller did not name.
        """
        unknown = [p.name for p in expression.parameters if p not in self._column]
        if unknown:
            raise CircuitsError(
                "every parameter of the circuit should be among those given. "
                f"Got an angle with {', '.join(sorted(unknown))}."
            )
        if expression not in self._index:
            self._index[expression] = len(self._expressions)
            self._expressions.append(expression)
        return self._index[expression]

    def build(self) -> AngleMap:
        """Return the map of all angles added."""
        shape = (len(self._expressions), len(self._parameters))
        matrix, offset = np.zeros(shape), np.zeros(shape[0])
        depends, curved = np.zeros(shape, dtype=bool), []
        for row, expression in enumerate(self._expressions):
            used = list(expression.parameters)
            depends[row, [self._column[p] for p in used]] = True
            slopes = _constant_slopes(expression, used)
            if slopes is None:
                curved.append(row)
                continue
            matrix[row, [self._column[p] for p in used]] = slopes
            offset[row] = float(expression.bind(dict.fromkeys(used, 0.0)))
        curve = self._function([self._expressions[row] for row in curved]) if curved else None
        return AngleMap(matrix, offset, tuple(curved), curve, depends)

    def _function(self, expressions: Sequence[ParameterExpression]) -> Callable[..., Any]:
        """Return several expressions as one function; what they share is computed once."""
        import sympy

        used = sorted({p for e in expressions for p in e.parameters}, key=lambda p: self._column[p])
        columns = [self._column[p] for p in used]
        names = [p.sympify() for p in used]
        inner = sympy.lambdify(names, [e.sympify() for e in expressions], modules="jax", cse=True)
        return lambda *parameters: inner(*(parameters[c] for c in columns))


def _constant_slopes(
    expression: ParameterExpression, used: Sequence[Parameter]
) -> list[float] | None:
    """Return the derivative by each parameter, None where one is not a number."""
    slopes = []
    for parameter in used:
        try:
            slope = expression.gradient(parameter)
        except RuntimeError:  # qiskit knows no derivative of |x| and sign(x)
            return None
        if getattr(slope, "parameters", None):
            return None
        slopes.append(float(slope))
    return slopes
