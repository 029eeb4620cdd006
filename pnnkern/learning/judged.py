"""What every supervised rule does with measured outputs."""

from typing import Any

from .. import _array
from .._array import Array
from .._classes import answers

Metrics = dict[str, Array]  # "loss" and "accuracy" of a batch, values where the outputs are: nothing waits for them


def judged(loss: Any, outputs: Array, labels: Array) -> tuple[Array, Metrics]:
    """The cotangent of the mean loss, and {"loss", "accuracy"}."""
    value, cotangent = loss(outputs, labels)
    return cotangent, {"loss": value, "accuracy": accuracy(rated(loss, loss.scores(outputs), labels), labels)}


def rated(loss: Any, scores: Array, labels: Array) -> Array:
    """What counts of each sample, (batch,), by its scores: whether the best is its label's; for real targets their mean square error.

    scores : (batch, classes), of ``loss.scores``. Errors are relative to the range of the targets.
    """
    labels = _array.namespace(scores).asarray(labels)
    if labels.ndim == 1:
        return labels == answers(scores, loss)
    error = (scores - loss.targets(labels, scores)) / (loss.high - loss.low)
    return (error**2).mean(axis=1)


def accuracy(ratings: Array, labels: Array) -> Array:
    """Of the samples with these ratings: the share that is right; for real targets 1 less the rms error relative to their range."""
    mean = ratings.mean()
    return mean if labels.ndim == 1 else 1 - mean**0.5


__all__ = ["Metrics", "accuracy", "judged", "rated"]
