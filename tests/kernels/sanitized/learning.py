"""Optimisers."""

from collections.abc import Iterator

import numpy as np

from pnnkern.learning import SGD, Adam


def optimizers() -> Iterator[np.ndarray]:
    for real in (np.float32, np.float64):
        parameters = {"x": np.linspace(0, 1, 501).astype(real)}
        for optimizer in (Adam(0.1), SGD(0.1), SGD(0.1, momentum=0.5)):
            for _ in range(2):
                optimizer.apply(parameters, {"x": np.linspace(-1, 2, 501).astype(real)})
            yield parameters["x"].copy()


CALLS = (optimizers,)
