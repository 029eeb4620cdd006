"""What outputs say of classes: several stand for a class each, and one alone is high for class 1 and low for class 0."""

from typing import Any

from . import _array
from ._array import Array
from ._checks import class_labels


def shares(labels: Array, outputs: int, batch: int, xp: Any) -> Array:
    """Whether each output is to be high, boolean (batch, outputs), for labels (batch,). Raises as `class_labels`."""
    class_labels(labels, batch, outputs)
    return xp.asarray(labels)[:, None] == (1 if outputs == 1 else xp.arange(outputs))


def target_shares(labels: Array, outputs: int, batch: int, xp: Any) -> Array:
    """How far from low to high each output is to be, (batch, outputs): `shares`, or labels (batch, outputs), real targets, as they are.

    Raises as `class_labels`, and ValueError for real targets of another shape or that are no numbers.
    """
    if labels.ndim != 2:
        return shares(labels, outputs, batch, xp)
    if labels.shape != (batch, outputs):
        raise ValueError(f"real targets must have the shape {(batch, outputs)} of the outputs, got {labels.shape}")
    if labels.dtype.kind not in "iuf":
        raise ValueError(f"real targets must be numbers, got {labels.dtype}")
    return xp.asarray(labels)


def answers(scores: Array, loss: Any) -> Array:
    """The class (batch,) that scores (batch, outputs) stand for: the best output's; one alone says 1 above the middle of its targets.

    That is the loss's `middle`: scores of either sign that have no targets tell the classes apart at 0.
    """
    if scores.shape[1] > 1:
        return scores.argmax(axis=1)
    return _array.namespace(scores).where(scores[:, 0] > loss.middle, 1, 0)


__all__ = ["answers", "shares", "target_shares"]
