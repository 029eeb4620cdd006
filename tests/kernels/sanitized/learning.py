"""Optimisers, losses, samples."""

from collections.abc import Iterator

import numpy as np

from pnnkern import _launch, random
from pnnkern.communicator import _on_gpu
from pnnkern.learning import SGD, Adam, CrossEntropy, Differential, Logits, MeanSquare, SquareError, readout
from pnnkern.learning.forward_forward import _Pairs, _parts, _with_labels
from pnnkern.learning.hardware_aware import _shaken
from pnnkern.systems._encoding import Encoding


def optimizers() -> Iterator[np.ndarray]:
    for real in (np.float32, np.float64):
        parameters = {"x": np.linspace(0, 1, 501).astype(real)}
        for optimizer in (Adam(0.1), SGD(0.1), SGD(0.1, momentum=0.5)):
            for _ in range(2):
                optimizer.apply(parameters, {"x": np.linspace(-1, 2, 501).astype(real)}, bounds={"x": (0.05, 0.8)})
            yield parameters["x"].copy()
        several = {f"w{n}": np.linspace(0, 1, n).astype(real) for n in (1, 70, 32, 300, 5, 64, 33, 2)}
        for optimizer in (Adam(0.1), SGD(0.1, momentum=0.5)):
            optimizer.apply(several, {name: 2 * p - 1 for name, p in several.items()}, bounds={"w70": (0.3, 0.4), "w2": (0.0, 0.9)})
            yield from (p.copy() for p in several.values())


def shaken() -> Iterator[np.ndarray]:
    for real in (np.float32, np.float64):
        arrays = {f"w{n}": np.linspace(-2, 1, n).astype(real) for n in (1, 6, 1027, 70_001)}
        yield from _shaken(arrays, 0.1, random.key(3), {"w6": (-1.0, 1.0)}, {name: name for name in arrays}).values()
        sizes, limits, out = np.array([5003]), np.array([-1.0, 1.0]), np.empty(5003, real)
        p, parts = np.linspace(-2, 1, 5003).astype(real), np.ones(64, real)
        how = 1, sizes, limits, 0.1, 3, 4, np.array([5, 6], np.uint32), None, parts
        _launch.launch("learning/shake", "add", real, *how, p, *[None] * 7, out, *[None] * 7, grid=(2, 1), block=(64,))
        yield out


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
            yield Encoding(600, real, gain=3.0, both=True).of(x, "cpu")
    order, at = np.array([1, 5, 0, 6, 5]), np.array([1, 2, 10])
    for width in (592, 8, 12, 7):
        rows, labels = np.arange(7 * width, dtype=np.uint8).reshape(7, width), np.arange(7)
        out, found, index = np.zeros((4, width), np.uint8), np.zeros(4, np.int64), np.zeros(4, np.int64)
        _launch.launch(
            "learning/samples", "gather", np.uint8, 4, width, 8, order, at, rows, labels.view(np.uint8), out, found.view(np.uint8), index,
            grid=(3,),
        )  # fmt: skip
        yield from (out, found, index)
    targets = np.linspace(0, 1, 21).reshape(7, 3)
    for kind in (np.uint8, np.float32, np.float64):
        x = (np.arange(7 * 600).reshape(7, 600) % 2).astype(kind)
        for real in (np.float32, np.float64):
            for both in (True, False):
                yield from Encoding(600, real, both=both).of_next(order, at, x, np.arange(7), targets, 4)
    now, losses = np.zeros(3), np.zeros((2, 2))
    paths, keys = np.arange(70 * 4).reshape(70, 4).astype(np.uint64), np.zeros((70, 2), np.uint32)
    paths[:, 0] = np.arange(70) % 4
    known, both = np.linspace(0, 1, 12).reshape(4, 3), np.array([3.0, 4.0])
    for _ in range(3):
        _launch.launch(
            "learning/samples", "advance", np.float64, 5, 4, 3, 2, known, both[:1], both[1:], at, now, losses, 70, 4, 7, 8, paths, keys,
            block=(32,),
        )  # fmt: skip
    yield from (at, now, losses, keys)


def spread() -> Iterator[np.ndarray]:
    """Lines that cover several pixels, one, and none."""
    reach = np.array([[0, 0], [0, 2], [1, 3], [2, 3], [0, 1], [0, 4], [3, 4], [0, 0]], np.int32)  # of 4 rows and 4 columns
    for real, field in ((np.float32, np.complex64), (np.float64, np.complex128)):
        images = np.arange(9.0 * 3 * 4).reshape(9, 3, 4).astype(real)
        rows, columns = np.linspace(0.1, 1, 12).astype(real).reshape(4, 3), np.linspace(1, 2, 16).astype(real).reshape(4, 4)
        out = np.empty((9, 4, 4), field)
        _launch.launch("learning/samples", "spread", field, 9, 4, 3, 4, rows, columns, reach, images, out, threads=out.size)
        yield out


def readouts() -> Iterator[np.ndarray]:
    """Several tiles and panels, the last ones not whole."""
    for real in (np.float32, np.float64):
        x = np.linspace(-2, 1, 70 * 67).reshape(70, 67).astype(real) ** 3
        for outputs, wanted in ((5, np.arange(70) % 5), (1, np.arange(70) % 2), (35, np.cos(np.arange(70.0 * 35)).reshape(70, 35))):
            gram, cross = readout._moments(x, wanted, outputs)
            weights = readout._eliminated(gram, cross, 0.1)
            yield from (gram, cross, weights, readout._scores(x, weights))


def shares() -> Iterator[np.ndarray]:
    for real in (np.float32, np.float64):
        for count in (3, 17):
            yield _on_gpu([np.linspace(0, n + 1, 301).astype(real) for n in range(count)])


def forward_forward() -> Iterator[np.ndarray]:
    """More samples than parts of the sum, and values than threads."""
    for kind in (np.uint8, np.float32, np.float64):
        x, labels, index = (np.arange(5 * 301) % 7).reshape(5, 301).astype(kind), np.arange(5) % 3, np.arange(4, 9)
        yield from _with_labels(x, labels, 3, 0.5, 2, random.key(3), index)
    for real in (np.float32, np.float64):
        h = np.cos(np.arange(150.0 * 300)).reshape(150, 300).astype(real) * np.linspace(0.5, 2, 150).astype(real)[:, None]
        for pairs, before in ((0, 0.0), (1, 0.3)):
            pair, now = _Pairs(None, None, np.empty((2, 150 - 75 * pairs)), np.empty(150)), np.empty(2)
            for l in range(2):
                pair.outputs = h
                pair.goodness, parts = _parts(h)
                yield pair.learn(l, pairs, 3.0, 0.9, 150, 1 + l, parts, np.array([before]), now[l : l + 1])
                yield from (pair.goodness, np.array([parts.sum()]), h if l else pair.inputs)
            yield from (pair.losses, pair.ratings, pair.rated(bool(pairs)), now)


CALLS = (optimizers, shaken, judged, samples, spread, readouts, shares, forward_forward)
