"""What every supervised rule does with measured outputs."""

from typing import Any

import numpy as np

from .. import _array
from .._array import Array


def judged(loss: Any, outputs: Array, labels: Array) -> tuple[Array, dict[str, float]]:
    """The cotangent of the mean loss, and {"loss", "accuracy"}."""
    value, cotangent = loss(outputs, labels)
    right = _array.to_numpy(loss.scores(outputs).argmax(axis=1)) == np.asarray(labels)
    return cotangent, {"loss": value, "accuracy": float(right.mean())}
