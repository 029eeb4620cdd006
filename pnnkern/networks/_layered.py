"""The launches of layered networks: what inputs and conductances feed, all sweeps of all phases, factors of a contrast, and updates.

A launch takes up to `MOST` arrays of weights. Arrays of layers that a kernel writes are views of one, layer after layer: no layer costs a
launch or an allocation of its own.
"""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from .. import _array, _constants, _launch
from .._array import Array, Numbers
from .._updates import Factors, Rate, rate_and_now
from ._phases import Phases

MOST = 8  # arrays that a launch takes, as in layered.cuh and contrast.cu
FEW, FEW_WARPS = 16, 8  # as in few_outputs.cuh
SPREAD = 128  # blocks up to which each has a multiprocessor of its own: phases then have blocks of their own, too
THREADS = 512  # of a block that relaxes a sample, at most; 1024 have too few registers each
MANY = 128  # samples above which a product with the inputs is the library's
MODELS = {"box": 0, "sigmoid": 1, "tanh": 2, "diodes": 3}  # numbered in layered.cuh


def views(flat: Numbers, sizes: Sequence[int], *lead: int) -> list[Array]:
    """The arrays (*lead, n) of layers of `sizes` that lie one after another in `flat`."""
    rows = math.prod(lead)
    ends = [rows * end for end in accumulate(sizes, initial=0)]
    return [flat[a:b].reshape(*lead, n) for a, b, n in zip(ends[:-1], ends[1:], sizes, strict=True)]


def eight(arrays: Sequence[Numbers | None]) -> list[Array | None]:
    """The arrays, and null pointers where a launch could have more."""
    return [*arrays, *[None] * (MOST - len(arrays))]


def sizes_of(weights: Sequence[Numbers]) -> list[int]:
    """Nodes of all layers, the inputs first."""
    return [weights[0].shape[-2], *(w.shape[-1] for w in weights)]


# ------------------------------------------------------------------------------------------------------------------------- drive
def feed(weights: Sequence[Numbers], bias: Numbers, networks: int, inputs: Numbers | None, resistive: bool, slopes: Sequence[Numbers] | None,
         least: float) -> tuple[Array | None, Array | None]:  # fmt: skip
    """``inputs @ weights[0] + bias``, (networks, batch, n), or None without inputs; and of resistive networks the total conductance
    of every node over its slope, (networks, nodes). Both read each weight once, together.

    least : the least nudge of the outputs. Raises `FaultError` for a negative conductance, a node without any, and a nudge too low.
    """
    xp, dtype, sizes = _array.namespace(*weights), weights[0].dtype, sizes_of(weights)
    batch = 0 if inputs is None else len(inputs)
    drive = None if inputs is None else xp.empty((networks, batch, sizes[1]), dtype)
    if not resistive:
        _feed(1, weights[:1], bias, networks, inputs, None, 0.0, drive, None)
        return drive, None
    total = xp.empty((networks, sum(sizes[1:])), dtype)
    if len(weights) <= MOST:
        _feed(len(weights), weights, bias, networks, inputs, slopes, least, drive, total)
        return drive, total
    for m in range(networks):  # more than a launch takes: windows of layers, of one network after another
        own, at = [w[m] if w.ndim == 3 else w for w in weights], 0
        for first in range(0, len(weights) - 1, MOST - 1):
            some = own[first : first + MOST]
            count = len(some) if first + MOST >= len(weights) else MOST - 1
            of = None if slopes is None else slopes[first : first + count]
            x, out = (inputs, None if drive is None else drive[m]) if first == 0 else (None, None)
            _feed(count, some, bias.reshape(networks, -1)[m], 1, x, of, least, out, total[m, at:])
            at += sum(sizes[first + 1 : first + count + 1])
    return drive, total


def _feed(count: int, weights: Sequence[Array], bias: Array, networks: int, inputs: Array | None, slopes: Sequence[Array] | None,
          least: float, drive: Array | None, total: Array | None) -> None:  # fmt: skip
    """One launch: of the first `count` layers; where there is another array of weights, the network goes on."""
    xp, dtype, sizes = _array.namespace(*weights), weights[0].dtype, sizes_of(weights)
    batch = 0 if inputs is None else len(inputs)
    tiles = sum(-(-n // 8) for n in sizes[1 : count + 1])
    if not tiles:
        return
    slope = None if slopes is None else xp.concatenate([s.ravel() for s in slopes])
    _launch.launch(
        "networks/layered", "drive", dtype, networks, batch, count, len(weights), float(least),
        _constants.constant(sizes, np.int32, weights[0]), inputs, bias, slope, *eight(weights), drive, total,
        grid=(tiles, min(max(1, -(-batch // 4)), 65535), min(networks, 65535)), block=(8, 64),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------------- relax
def room(sizes: Sequence[int], together: int, staged: bool) -> tuple[int, int, int]:
    """Threads of a block, values of shared memory that it needs, and the pitch of the last weights there, or 0."""
    nodes, widest = sum(sizes[1:]), max(sizes[1:])
    threads = min(THREADS, max(128, -(-max(sizes[1:-1], default=1) // 32) * 32))
    pitch = sizes[-1] | 1 if staged and len(sizes) > 2 else 0  # an odd one: columns lie in different banks
    return threads, (2 + together) * nodes + together * widest + max(64, together * threads) + sizes[-2] * pitch, pitch


class Plan(NamedTuple):
    """How a launch relaxes samples."""

    threads: int
    shared: int  # bytes
    together: int  # phases
    pitch: int | None  # of the last weights in shared memory, 0 where they do not fit; None: all is in registers, see few_outputs.cuh


def plan(sizes: Sequence[int], itemsize: int, together: int, limit: int) -> Plan | None:
    """The launch for layers of these sizes; None where its states do not fit `limit` bytes."""
    own = 32 * (4 if itemsize == 4 else 1)  # hidden nodes of a warp
    if len(sizes) == 3 and 0 < sizes[1] <= FEW_WARPS * own and 0 < sizes[2] <= FEW:
        return Plan(32 * -(-sizes[1] // own), 0, together, None)
    for phases, staged in ((together, True), (together, False), (1, False)):
        threads, values, pitch = room(sizes, phases, staged)
        if values * itemsize <= limit:
            return Plan(threads, values * itemsize, phases, pitch)
    return None


# ---------------------------------------------------------------------------------------------------------------------- contrast
def factors(settled: Phases, a: int, b: int, *, drops: bool, count: int) -> tuple[list[Factors], list[Array]]:
    """Phase b less phase a of ``sum below above`` of each array of weights, times 1 / count, as products of means and differences; and
    of the sum of the states above. drops : of resistive networks, ``-1/2 (below - above)^2``.

    With m and d the mean and the difference of a layer, a product changes by m d' + d m'; a drop by
    ``m d' - (d' m') + d m' - (d m)``, which adds two rows: -1, and the sums of d m over the samples.
    """
    inputs, states, moved = settled._arrays()
    phases = len(moved[0])
    for phase in (a, b):
        if not 0 <= phase <= phases:
            raise ValueError(f"phases are numbered 0 (free) to {phases}, got {phase}")
    xp, dtype = _array.namespace(inputs), np.result_type(np.float32, inputs, *states, *moved)
    inputs, states, moved = (  # one dtype
        [_array.contiguous(x.astype(dtype, copy=False)) for x in arrays] for arrays in ([inputs], states, moved)
    )
    below, batch, sizes = inputs[0], len(inputs[0]), [s.shape[1] for s in states]
    half = batch + drops
    weights: list[Factors] = []
    biases: list[Array] = []
    if drops:
        below = xp.empty((half, below.shape[1]), dtype)
    for first in range(0, len(states), MOST):
        some, n = slice(first, first + MOST), sizes[first : first + MOST]
        flat, sums = xp.empty(3 * half * sum(n), dtype), xp.empty(sum(n), dtype)
        copied = drops and not first
        tiles = sum(-(-k // 32) for k in [below.shape[1] * copied, *n])
        if tiles:
            size = _constants.constant([below.shape[1], *n], np.int32, inputs[0])
            _launch.launch(
                "networks/layered", "contrast", dtype, batch, len(n), int(drops), a, b, size, inputs[0], *eight(states[some]),
                *eight(moved[some]), below if copied else None, flat, sums, grid=(min(tiles, 1 << 20),), block=(32, 8),
            )  # fmt: skip
        for of_layer, total in zip(views(flat, n, 3 * half), views(sums, n), strict=True):
            above = of_layer[half : 2 * half] if not weights else of_layer[half:]
            weights.append(Factors(below, above, 1 / count))
            biases.append(total if count == 1 else total / count)
            below = of_layer[: 2 * half]
    return weights, biases


# ----------------------------------------------------------------------------------------------------------------------- updates
Change = tuple[Array, Factors, float, float, float]  # weight, factors of its derivative, rate, low, high


def updates(changes: Sequence[Change], rate: Rate = 1.0) -> None:
    """In place ``weight = clip(weight - rate own_rate first.T @ second, low, high)`` of all of them, in one pass over each and without
    storing the product; up to 8 of one dtype are one launch."""
    by_dtype: dict[Any, list[Change]] = {}
    for change in changes:
        _check_change(*change)
        if change[0].size:
            by_dtype.setdefault(change[0].dtype, []).append(change)
    for dtype, alike in by_dtype.items():
        for first in range(0, len(alike), MOST):
            _update(dtype, alike[first : first + MOST], rate)


def _check_change(weight: Array, given: Factors, own: float, low: float, high: float) -> None:
    rows, columns = weight.shape
    first, second = given.first, given.second
    if first.shape != (len(second), rows) or second.shape != (len(first), columns):
        right = f"(samples, {rows}) and (samples, {columns})"
        raise ValueError(f"factors of a {weight.shape} array must be {right}, got {first.shape} and {second.shape}")
    if not low <= high:
        raise ValueError(f"low must not exceed high, got {low} and {high}")


def _update(dtype: Any, changes: Sequence[Change], rate: Rate) -> None:
    weights = [_array.contiguous(change[0]) for change in changes]
    shape = [(*w.shape, len(change[1].first)) for w, change in zip(weights, changes, strict=True)]
    how = [(own * given.scale, low, high) for _, given, own, low, high in changes]
    tiles = sum(-(-rows // 64) * -(-columns // 64) for rows, columns, _ in shape)
    _launch.launch(
        "networks/contrast", "update", dtype, len(changes), *rate_and_now(rate), _constants.constant(shape, np.int64, weights[0]),
        _constants.constant(how, np.float64, weights[0]), *eight([_array.contiguous(change[1].first) for change in changes]),
        *eight([_array.contiguous(change[1].second) for change in changes]), *eight(weights), grid=(tiles,), block=(16, 16),
    )  # fmt: skip
    for change, weight in zip(changes, weights, strict=True):
        if weight is not change[0]:
            change[0][...] = weight
