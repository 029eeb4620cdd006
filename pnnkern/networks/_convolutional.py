"""The launches of convolutional networks on a GPU: all sweeps of all phases of a sample by one block, and derivatives by the weights."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .. import _array, _constants, _dense, _launch
from .._array import Array
from . import _layered
from ._phases import Phases

Shape = tuple[int, ...]


class Plan(NamedTuple):
    """How a launch relaxes samples."""

    threads: int
    shared: int  # bytes
    together: int  # phases


def plan(sizes: Sequence[Shape], largest: bool, itemsize: int, together: int, limit: int) -> Plan | None:
    """The launch for layers of these shapes, the inputs first; None where its states do not fit `limit` bytes, or there are too many."""
    nodes = [math.prod(size) for size in sizes[1:]]
    if len(sizes[1]) == 1:  # no convolution at all
        return None
    most = _layered.THREADS * 4 // itemsize  # half as many in double precision, which takes twice the registers
    threads = min(most, max(128, -(-max(nodes) // 32) * 32))
    for phases in range(together, 0, -1):
        values = (2 + phases) * sum(nodes) + phases * max(nodes) + 64 + nodes[0]
        shared = values * itemsize + sum(nodes) * largest
        if shared <= limit and len(nodes) <= _layered.MOST:
            return Plan(threads, shared, phases)
    return None


def relax(how: Plan, net: Any, images: Array, target: Array | None, nudges: np.ndarray, hold: bool, start: Sequence[Array] | None,
          sweeps: int, nudged_sweeps: int, tolerance: float) -> tuple[list[Array], list[Array], Array, Array]:  # fmt: skip
    """Free states, differences (phases, batch, ...), outputs, and the last steps (1 + phases, batch), relative to the largest states."""
    xp, dtype, sizes, batch, phases = _array.namespace(images), images.dtype, net.sizes, len(images), len(nudges)
    counts = [math.prod(size) for size in sizes[1:]]
    flat, moves = xp.empty(batch * sum(counts), dtype), xp.empty(phases * batch * sum(counts), dtype)
    output, change = xp.empty((batch, counts[-1]), dtype), xp.empty((1 + phases, batch), dtype)
    states = [s.reshape(batch, *size) for s, size in zip(_layered.views(flat, counts, batch), sizes[1:], strict=True)]
    moved = [m.reshape(phases, batch, *size) for m, size in zip(_layered.views(moves, counts, phases, batch), sizes[1:], strict=True)]
    if start is not None:
        for state, begun in zip(states, net._begun(start, (batch,), dtype, images), strict=True):
            state[...] = begun
    sides = [w.shape[-1] if w.ndim == 4 else 0 for w in net.weights]
    shape = [(*size, *[1] * (3 - len(size)), side) for size, side in zip(sizes, [*sides, 0], strict=True)]
    total = None if net.slopes is None else xp.concatenate([1 / s.ravel() for s in net.slopes])
    if batch:
        _launch.launch(
            "networks/convolutional", "relax", dtype, batch, len(net.weights), _layered.MODELS[net.model], int(net.pool == "max"),
            int(net.softmax), phases, int(start is not None), int(hold), how.together, sweeps, nudged_sweeps, float(tolerance),
            _constants.constant(shape, np.int32, images), _array.contiguous(images), total,
            *_layered.eight([_array.contiguous(w) for w in net.weights]), *_layered.eight([_array.contiguous(b) for b in net.biases]),
            _constants.constant(nudges, dtype, images), target, flat, moves, output, change, grid=(min(batch, _launch.MAX_BLOCKS),),
            block=(how.threads,), shared=how.shared,
        )  # fmt: skip
    return states, moved, output, change


def contrast(settled: Phases, a: int, b: int, weights: Sequence[Array], largest: bool) -> tuple[list[Array], list[Array]]:
    """dE/dtheta of phase b less that of phase a, sums over the batch, of weights and biases."""
    inputs, states, moved = settled._arrays()
    batch, phases = len(inputs), len(moved[0])
    flat = replace(
        settled, inputs=inputs.reshape(batch, -1), states=[s.reshape(batch, -1) for s in states],
        moved=[m.reshape(phases, batch, -1) for m in moved],
    )  # fmt: skip
    factors, sums = _layered.factors(flat, b, a, drops=False, count=1)  # a less b, as the products have a minus sign
    of_weights, of_biases = [], []
    for w, given, total, below in zip(weights, factors, sums, [inputs, *states], strict=False):
        if w.ndim == 2:
            of_weights.append(_dense.outer(given.first, given.second))
            of_biases.append(total)
            continue
        picked = _choose(below, w) if largest else None
        first, second = (_array.contiguous(_array.as_type(x, w.dtype, copy=False)) for x in (given.first, given.second))
        xp, sizes = _array.namespace(w), (below.shape[1], len(w), *below.shape[2:], w.shape[2])
        of_weights.append(xp.empty(w.shape, w.dtype))
        of_biases.append(xp.empty(len(w), w.dtype))
        _launch.launch(
            "networks/convolutional", "product", w.dtype, len(second), batch, *sizes, first, second, total, picked, of_weights[-1],
            of_biases[-1], grid=(min(-(-(w.size + len(w)) // 32), 1 << 20),), block=(32, 8),
        )  # fmt: skip
    return of_weights, of_biases


def _choose(below: Array, weight: Array) -> Array:
    """Which pixel of each square is the largest of a convolution, (batch, maps, height / 2, width / 2) of 0 .. 3."""
    batch, maps, height, width = below.shape
    out: Array = _array.namespace(below).empty((batch, len(weight), height // 2, width // 2), np.uint8)
    _launch.launch(
        "networks/convolutional", "choose", weight.dtype, batch, maps, len(weight), height, width, weight.shape[2], _array.contiguous(below),
        _array.contiguous(weight), out, threads=out.size,
    )  # fmt: skip
    return out


__all__ = ["Plan", "contrast", "plan", "relax"]
