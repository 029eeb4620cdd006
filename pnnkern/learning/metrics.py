"""How well outputs do: the loss and the share that is right, as sums over samples."""

from typing import Any

from .. import _array
from .._array import Array, Numbers
from .._classes import answers
from .losses import JUDGED

Metrics = dict[str, Array]  # "loss" and "rating", sums over a batch, values where the outputs are: nothing waits for them


def loss_and_metrics(loss: Any, outputs: Numbers, labels: Numbers) -> tuple[Array, Metrics]:
    """The cotangent of the loss, a sum over the batch, and {"loss", "rating"}."""
    if type(loss) in JUDGED:
        value, cotangent, rating = loss.judge(outputs, labels)
        return cotangent, {"loss": value, "rating": rating}
    value, cotangent = loss(outputs, labels)
    return cotangent, {"loss": value, "rating": ratings(loss, loss.scores(outputs), labels).sum()}


def metrics(loss: Any, outputs: Numbers, labels: Numbers) -> Metrics:
    """{"loss", "rating"}, sums over the batch."""
    return loss_and_metrics(loss, outputs, labels)[1]


def ratings(loss: Any, scores: Numbers, labels: Numbers) -> Array:
    """What counts of each sample, (batch,), by its scores: whether the best is its label's; for real targets their mean square error.

    Parameters
    ----------
    scores : Array
        (batch, classes), of ``loss.scores``. Errors are relative to the range of the targets.
    """
    labels = _array.namespace(scores).asarray(labels)
    if labels.ndim == 1:
        return labels == answers(scores, loss)
    error = (scores - loss.targets(labels, scores)) / (loss.high - loss.low)
    return (error**2).mean(axis=1)


def accuracy(rating: Numbers, real: bool) -> Array:
    """Of a mean rating: the share that is right; for real targets 1 less the rms error relative to their range."""
    return 1 - rating**0.5 if real else rating


__all__ = ["Metrics", "accuracy", "loss_and_metrics", "metrics", "ratings"]
