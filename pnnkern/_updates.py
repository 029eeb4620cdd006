"""What a rule proposes to do with a parameter. Sums over samples, so that shares of a batch can be added; one sign: dL/dtheta.

`Gradient` and `Factors` are descended: by the parameter's writer, or by the optimiser, after division by the number of samples. `Move` and
`Set` are written as they are, and no optimiser sees them: what physics did by itself, or what a search has found.
"""

from dataclasses import dataclass
from typing import Any

from . import _array, _dense
from ._array import Array
from ._gate import record

Rate = float | Array  # a number, or float64 (1,) on the device, of which only kernels know the value


def rate_and_now(rate: Rate) -> tuple[float, Array | None]:
    """A rate as kernels take it, `rate` and `now`."""
    return (0.0, rate) if _array.is_array(rate) else (float(rate), None)


@record
@dataclass(frozen=True)
class Gradient:
    """A sum over samples of dL/dtheta, ``scale * value``, in the parameter's shape and dtype. The scale waits for who writes it."""

    value: Array
    scale: float = 1.0

    def dense(self) -> Array:
        """The gradient itself."""
        return self.value if self.scale == 1 else self.value * self.value.dtype.type(self.scale)


@record
@dataclass(frozen=True)
class Factors:
    """A sum over samples of dL/dtheta, ``scale * first.T @ second``, as a pulsed device or a fused kernel takes it.

    Parameters
    ----------
    first : Array
        (samples, rows).
    second : Array
        (samples, columns). A sum of several products is one with more samples.
    """

    first: Array
    second: Array
    scale: float = 1.0

    def dense(self) -> Array:
        """The gradient itself, (rows, columns)."""
        if self.first.dtype == self.second.dtype and self.first.dtype.kind == "f":
            return _dense.outer(self.first, self.second, self.scale)
        return self.first.T @ (self.second * self.second.dtype.type(self.scale))


@record
@dataclass(frozen=True)
class Move:
    """What is to be added to a parameter."""

    value: Array


@record
@dataclass(frozen=True)
class Set:
    """What a parameter is to be."""

    value: Array


Update = Gradient | Factors | Move | Set
Derivative = Any  # Array | Factors: what the physics gives for a parameter


def gradients(derivatives: dict[str, Derivative], scale: float = 1.0) -> dict[str, Update]:
    """Derivatives by parameter, times a number, as updates."""
    return {name: scaled(d, scale) if isinstance(d, Factors) else Gradient(d, scale) for name, d in derivatives.items()}


def dense(derivative: Derivative) -> Array:
    """A derivative, or the gradient in an update, as an array."""
    return derivative.dense() if isinstance(derivative, Factors | Gradient) else derivative


def scaled(derivative: Derivative, factor: float) -> Derivative:
    """A derivative times a number."""
    if isinstance(derivative, Factors):
        return Factors(derivative.first, derivative.second, derivative.scale * factor)
    return derivative * factor


def joined(one: dict[str, Derivative], two: dict[str, Derivative]) -> dict[str, Derivative]:
    """The derivatives of both, by parameter; those of a parameter that both have, as layers share one, are added."""
    both = {name: dense(one[name]) + dense(two[name]) for name in one.keys() & two.keys()}
    return one | two | both


def added(one: Update, two: Update) -> Update:
    """The update for the samples of both. Raises TypeError for updates of two kinds, ValueError for two that set different values."""
    if type(one) is not type(two):
        raise TypeError(f"a {type(one).__name__} and a {type(two).__name__} of one parameter cannot be added")
    if isinstance(one, Factors) and isinstance(two, Factors):
        xp = _array.namespace(one.first)
        other = two.second if two.scale == one.scale else two.second * two.second.dtype.type(two.scale / one.scale)
        return Factors(xp.concatenate([one.first, two.first]), xp.concatenate([one.second, other]), one.scale)
    if isinstance(one, Set) and isinstance(two, Set):
        if not bool((one.value == two.value).all()):
            raise ValueError("two shares of a batch set one parameter to different values")
        return one
    if isinstance(one, Gradient) and isinstance(two, Gradient):
        other = two.value if two.scale == one.scale else two.value * two.value.dtype.type(two.scale / one.scale)
        return Gradient(one.value + other, one.scale)
    if isinstance(one, Move) and isinstance(two, Move):
        return Move(one.value + two.value)
    raise TypeError(f"{type(one).__name__} is no update")


__all__ = ["Derivative", "Factors", "Gradient", "Move", "Set", "Update", "added", "dense", "gradients", "joined", "scaled"]
