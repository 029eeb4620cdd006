"""Networks of layers: the first layer's weights as images."""

from typing import Any

import numpy as np

from ... import _array
from ..plots import Picture, receptive_fields


def pictures(trainer: Any, scores: np.ndarray) -> list[Picture]:
    """First-layer weights of the 24 nodes with the largest ones, where samples are square images."""
    system = trainer.system
    side = round(system.inputs**0.5)
    if side * side != system.inputs:
        return []
    weights = _array.to_numpy(system.signed_weights())
    shown = np.argsort(-np.linalg.norm(weights, axis=0))[:24]
    caption = "Weights from the image to the hidden nodes that have the largest ones; red drives a node up, blue down."
    unit = system.exports()["W1"].unit
    what = "weight" if unit == "1" else "difference of conductances"
    return [receptive_fields(weights[:, shown], side, "weights", "First-layer weights", caption, what, unit)]
