"""Functions of units that more than one room needs."""

from . import _array
from ._array import Array


def softmax(scores: Array) -> Array:
    """exp(scores) over its sum along the last axis; scores may be complex."""
    xp = _array.namespace(scores)
    out = xp.exp(scores - scores.real.max(axis=-1, keepdims=True))
    out /= out.sum(axis=-1, keepdims=True)
    return out


def negative_log_softmax(scores: Array) -> tuple[Array, Array]:
    """Minus the logarithm of the softmax along the last axis, and the softmax."""
    xp = _array.namespace(scores)
    shifted = scores - scores.max(axis=-1, keepdims=True)
    exponential = xp.exp(shifted)
    total = exponential.sum(axis=-1, keepdims=True)
    return xp.log(total) - shifted, exponential / total


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)), which does not overflow."""
    return 0.5 + 0.5 * _array.namespace(x).tanh(x / 2)


__all__ = ["logistic", "negative_log_softmax", "softmax"]
