"""Optimisers, losses, samples."""

from collections.abc import Iterator

import numpy as np

from pnnkern import _launch
from pnnkern.learning import SGD, Adam, CrossEntropy, Differential, Logits, MeanSquare, SquareError
from pnnkern.systems._encoding import flat


def optimizers() -> Iterator[np.ndarray]:
    for real in (np.float32, np.float64):
        parameters = {"x": np.linspace(0, 1, 501).astype(real)}
        for optimizer in (Adam(0.1), SGD(0.1), SGD(0.1, momentum=0.5)):
            for _ in range(2):
                optimizer.apply(parameters, {"x": np.linspace(-1, 2, 501).astype(real)})
            yield parameters["x"].copy()


def judged() -> Iterator[np.ndarray]:
    for real in (np.float32, np.float64):
        p = np.linspace(0.1, 1, 301 * 6).reshape(301, 6).astype(real)
        for loss in (CrossEntropy(), Differential(), MeanSquare(), Logits(), SquareError(hinge=True)):
            yield loss.judge(p, np.arange(301) % 3)[1]
        yield SquareError().judge(p, p.astype(np.float64))[1]


def samples() -> Iterator[np.ndarray]:
    for kind in (np.uint8, np.float32, np.float64):
        x = (np.arange(7 * 600).reshape(7, 600) % 2).astype(kind)
        for real in (np.float32, np.float64):
            yield flat(x, 600, "cpu", real, gain=3.0, both=True)
    index = np.array([5, 0, 6, 5])
    for width in (592, 8, 12, 7):
        rows, labels = np.arange(7 * width, dtype=np.uint8).reshape(7, width), np.arange(7)
        out, found = np.zeros((4, width), np.uint8), np.zeros(4, np.int64)
        _launch.launch(
            "learning/samples", "gather", np.uint8, 4, width, 8, index, rows, labels.view(np.uint8), out, found.view(np.uint8), grid=(3,)
        )
        yield out
        yield found


CALLS = (optimizers, judged, samples)
