"""What every supervised rule does with measured outputs."""

from typing import Any

import numpy as np

from .. import _array
from .._array import Array


def judged(loss: Any, outputs: Array, labels: Array) -> tuple[Array, dict[str, float]]:
    """The cotangent of the mean loss, and {"loss", "accuracy"}."""
    value, cotangent = loss(outputs, labels)
    return cotangent, {"loss": value, "accuracy": accuracy(rated(loss, loss.scores(outputs), labels), labels)}


def rated(loss: Any, scores: Array, labels: Array) -> np.ndarray:
    """What counts of each sample, (batch,), by its scores: whether the best is its label's; for real targets their mean square error.

    scores : (batch, classes), of ``loss.scores``. Errors are relative to the range of the targets.
    """
    if np.ndim(labels) == 1:
        # one output tells class 1 from class 0 by the middle of its targets
        read = scores[:, 0] > (loss.high + loss.low) / 2 if scores.shape[1] == 1 else scores.argmax(axis=1)
        return np.asarray(_array.to_numpy(read) == np.asarray(labels))
    error = (scores - loss.targets(labels, scores)) / (loss.high - loss.low)
    return np.asarray(_array.to_numpy((error**2).mean(axis=1)))


def accuracy(ratings: np.ndarray, labels: Array) -> float:
    """Of the samples with these ratings: the share that is right; for real targets 1 less the rms error relative to their range."""
    mean = float(ratings.mean())
    return mean if np.ndim(labels) == 1 else 1 - mean**0.5


__all__ = ["accuracy", "judged", "rated"]
