"""Relaxing networks, spins, oscillators and updates: more nodes of a colour than threads, more samples and networks than blocks."""

import contextlib
import functools
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from pnnkern import _dense, _launch
from pnnkern._errors import FaultError

REALS = (np.float32, np.float64)
THREADS = 32  # of the blocks that share the nodes of one sample


def lattice(ny: int, nx: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges (E, 2) of a square lattice, and the two colours of its nodes."""
    node = np.arange(ny * nx, dtype=np.int32).reshape(ny, nx)
    across, down = (np.stack([a.ravel(), b.ravel()], 1) for a, b in ((node[:, :-1], node[:, 1:]), (node[:-1], node[1:])))
    return np.concatenate([across, down]), np.indices((ny, nx)).sum(0).ravel() % 2


def neighbours(edges: np.ndarray, n: int) -> tuple[np.ndarray, ...]:
    """offsets, neighbour, edge, sense of a graph."""
    e = np.arange(len(edges))
    here, there, edge, sense = np.concatenate([np.c_[edges, e, e * 0 + 1], np.c_[edges[:, ::-1], e, e * 0 - 1]]).T
    by_node = np.argsort(here, kind="stable")
    offsets = np.append(0, np.cumsum(np.bincount(here, minlength=n)))
    return (*(a.astype(np.int32) for a in (offsets, there[by_node], edge[by_node])), sense[by_node].astype(np.int8))


def by_colour(colours: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The free nodes colour by colour, and where each colour begins."""
    order = np.flatnonzero(free)[np.argsort(colours[free > 0], kind="stable")].astype(np.int32)
    return order, np.append(0, np.cumsum(np.bincount(colours[free > 0]))).astype(np.int32)


# --------------------------------------------------------------------------------------------------------------- nonlinear networks
def graph_sweeps() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    edges, colours = lattice(9, 16)
    n, batch, lists = 144, 5, neighbours(edges, 144)
    free = np.ones(n, np.uint8)
    free[[0, 77, 143]] = 0
    order, first = by_colour(colours, free)
    load, driven = rng.uniform(0, 0.1, n), rng.normal(0, 0.05, (batch, n))
    low, high = np.full(n, -0.8), np.full(n, 0.8)
    diodes = rng.uniform(0.5, 2, len(edges)), np.where(rng.random(len(edges)) < 0.5, 0.01, 1.0), np.full(len(edges), 0.2)
    transistors = 1.0, 0.7, 1e-3, rng.uniform(0.6, 3, len(edges))
    elements = rng.uniform(0.5, 2, len(edges)), (rng.random(len(edges)) < 0.5).astype(float)
    laws = (("graph_sweep", "diode", diodes, (), 1.0), ("graph_sweep", "transistor", transistors, (), 0.4),
            ("elements", "sweep", elements, (np.ones(1),), 1.0))  # fmt: skip
    for stem, verb, of_edges, constants, size in laws:
        law = (*of_edges, *constants)
        start, scale = rng.uniform(-size, size, (batch, n)), np.full(batch, size)
        whole = 8 * n + 4 * (n + 1) + (5 + 8 * sum(np.ndim(a) for a in of_edges)) * len(lists[1])
        for sweeps, *how in ((3, 0.0, 1.3, 0.0, 0), (400, 1e-3, 1.0, 0.0, 0), (900, 1e-2, 1.0, 1e-6, 1)):
            for kept, shared in enumerate((0, 8 * n, whole)):
                v, taken, left = start.copy(), np.zeros(batch, np.int32), np.zeros(batch)
                _launch.launch(
                    f"networks/{stem}", verb, float, batch, n, 2, sweeps, kept, *how, *law, *lists, order, first, load, low, high, driven,
                    scale, v, taken, left, grid=(2,), block=(THREADS,), shared=shared,
                )  # fmt: skip
                yield from (v, taken, 1 + left)  # what is left is a difference of voltages, rounded as these are
        left = np.empty_like(v)
        sizes = batch, n
        _launch.launch(
            f"networks/{stem}", f"{verb}_left", float, *sizes, *law, *lists, free, load, low, high, driven, start, left, threads=v.size
        )
        yield left


def nodes_without_a_root() -> Iterator[np.ndarray]:
    """Single transistor nodes between two that are held. Driven harder than it can conduct, or where the guess goes in circles, a node
    follows its own current, up or (the first of the first sample) down."""
    rng = np.random.default_rng(1)
    stars, batch = 60, 5
    free = np.arange(0, 3 * stars, 3, dtype=np.int32)
    edges = np.stack([np.repeat(free, 2), np.delete(np.arange(3 * stars), free)], 1)
    v, driven, gate = rng.uniform(-4, 8, (batch, 3 * stars)), rng.normal(0, 2, (batch, 3 * stars)), rng.uniform(0.5, 4, 2 * stars)
    v[:, 1::3], v[:, 2::3] = rng.uniform(-3, 3, (2, batch, stars))
    v[0, :3], driven[0, 0], gate[:2] = (5.305506, 2.355275, -0.733829), -0.118671, (3.046113, 1.088272)
    none, rails, taken = np.zeros(3 * stars), np.full(3 * stars, 1e3), np.zeros(batch, np.int32)
    law, lists = (1.0, 0.7, 0.05, gate), neighbours(edges, 3 * stars)
    _launch.launch(
        "networks/graph_sweep", "transistor", float, batch, 3 * stars, 1, 1, 0, 0.0, 1.0, 0.0, 0, *law, *lists, free,
        np.array([0, stars], np.int32), none, -rails, rails, driven, np.ones(batch), v, taken, np.zeros(batch), grid=(2,), block=(THREADS,),
    )  # fmt: skip
    yield v


def last_colour_at_rest() -> Iterator[np.ndarray]:
    """Two nodes between sources move for many sweeps, while the one that a thread visits last is where it belongs."""
    edges = np.array([[0, 1], [1, 2], [2, 3], [0, 4], [4, 3]])
    lists, ones, batch = neighbours(edges, 5), np.ones(5), 4
    v, taken = np.zeros((batch, 5)), np.zeros(batch, np.int32)
    v[:, 3] = 1, 2, 0, 3
    v[:, 4] = v[:, 3] / 2
    _launch.launch(
        "networks/graph_sweep", "diode", float, batch, 5, 3, 50, 0, 1e-6, 1.0, 0.0, 0, ones, ones, 0 * ones, *lists,
        np.array([1, 2, 4], np.int32), np.arange(4, dtype=np.int32), 0 * ones, -9 * ones, 9 * ones, np.zeros((batch, 5)), np.ones(batch), v,
        taken, np.zeros(batch), grid=(2,), block=(THREADS,),
    )  # fmt: skip
    assert taken.tolist() == [11, 12, 1, 12]  # steps V 4^(1 - sweep) until below 1e-6
    yield from (v, taken)


# ----------------------------------------------------------------------------------------------------------------- layered networks
def eight(*arrays: np.ndarray) -> tuple[np.ndarray | None, ...]:
    return (*arrays, *[None] * (8 - len(arrays)))


def layers_of(sizes: tuple[int, ...], networks: int, real: type, rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights and biases of some networks."""
    weights = [rng.uniform(0, 1, (networks, a, b)).astype(real) for a, b in pairwise(sizes)]
    return weights, [rng.normal(0, 9, (networks, n)).astype(real) for n in sizes[1:]]


def layered_drive() -> Iterator[np.ndarray]:
    """Two networks, more samples than blocks take at once, a block without a tile; with totals, without inputs, of layers that go on; layers in
    multiples of four, more rows than threads have at once, and others."""
    rng, batch = np.random.default_rng(1), 11
    for real in REALS:
        for sizes in ((300, 21, 9, 40), (2076, 12, 16, 8)):
            weights, biases = layers_of(sizes, 2, real, rng)
            x, slope = rng.normal(0, 1, (batch, sizes[0])).astype(real), rng.uniform(0.5, 1, sum(sizes[1:])).astype(real)
            for inputs, leak, layers, given in ((x, None, 3, 3), (x, slope, 3, 3), (None, slope, 2, 3), (x, None, 1, 1)):
                drive = None if inputs is None else np.empty((2, batch, sizes[1]), real)
                total = np.empty((2, sum(sizes[1 : layers + 1])), real) if given > 1 else None
                tiles = sum(-(-n // 8) for n in sizes[1 : layers + 1])
                _launch.launch(
                    "networks/layered", "drive", real, 2, batch, layers, given, -1.0, np.array(sizes, np.int32), inputs, biases[0], leak,
                    *eight(*weights), drive, total, grid=(tiles + 1, 2, 1), block=(8, 64),
                )  # fmt: skip
                yield from (a for a in (drive, total) if a is not None)


def layered_relax() -> Iterator[np.ndarray]:
    """Every model, nudged and held, for so many sweeps and until it rests; phases together and one by one, the last weights staged and not;
    layers wider than the block, narrow and very narrow ones; two networks of three samples each."""
    batch, each, threads, phases = 6, 3, 64, 3
    for real in REALS:
        for model, sizes in enumerate(((1, 150, 7), (1, 40, 5, 33), (1, 9, 70, 1, 3), (1, 4))):
            rng, size, nodes = np.random.default_rng(model), np.array(sizes, np.int32), sum(sizes[1:])
            weights, biases = layers_of(sizes, 2, real, rng)
            drive, total = (rng.normal(0, 40, (batch, sizes[1])).astype(real), rng.uniform(60, 300, (2, nodes)).astype(real))
            nudge, target = np.array([-3, 5, 2], real), rng.normal(0, 1, (batch, sizes[-1])).astype(real)
            for hold, sweeps, tolerance, together, staged in ((0, 3, 0.0, 2, 1), (1, 2, 0.0, 1, 0), (0, 200, 1e-3, 1, 1)):
                pitch = sizes[-1] | 1 if staged and len(sizes) > 2 else 0
                state, moved = rng.normal(0, 0.3, batch * nodes).astype(real), np.empty(phases * batch * nodes, real)
                change = np.empty((1 + phases, batch), real)
                values = (2 + together) * nodes + together * max(sizes[1:]) + max(64, together * threads) + sizes[-2] * pitch
                _launch.launch(
                    "networks/layered", "relax", real, batch, each, len(sizes) - 1, model, phases, int(hold), hold, together, pitch, sweeps,
                    sweeps + 1, tolerance, size, drive, None if model == 2 else total, *eight(*weights)[1:], *eight(*biases)[1:], nudge, target,
                    state, moved, change, grid=(2,), block=(threads,), shared=values * np.dtype(real).itemsize,
                )  # fmt: skip
                yield from (state, moved)
                if real is np.float64:  # a last step of single precision has few digits left
                    yield change


def layered_relax_few_outputs() -> Iterator[np.ndarray]:
    """All in registers: one warp and three, of which threads have all their nodes, some, or none; sixteen outputs, ten, and one; phases in
    blocks of their own, where states are not begun."""
    batch, each, phases = 6, 3, 3
    for real, own in ((np.float32, 4), (np.float64, 1)):
        for model, sizes in enumerate(((1, 70 * own, 7), (1, 40, 16), (1, 9, 1), (1, 96 * own, 10), (1, 50, 10))):
            rng, nodes = np.random.default_rng(model), sum(sizes[1:])
            weights, biases = layers_of(sizes, 2, real, rng)
            drive, total = (rng.normal(0, 40, (batch, sizes[1])).astype(real), rng.uniform(60, 300, (2, nodes)).astype(real))
            nudge, target = np.array([-3, 5, 2], real), rng.normal(0, 1, (batch, sizes[-1])).astype(real)
            for hold, sweeps, tolerance, together, blocks in (
                (0, 3, 0.0, 2, 1), (1, 2, 0.0, 2, 1), (0, 200, 1e-3, 1, 1), (1, 200, 1e-3, 1, 1), (0, 3, 0.0, 2, 3), (1, 1, 0.0, 2, 2),
            ):  # fmt: skip
                state, moved = rng.normal(0, 0.3, batch * nodes).astype(real), np.empty(phases * batch * nodes, real)
                change = np.empty((1 + phases, batch), real)
                _launch.launch(
                    "networks/layered", "relax_few", real, batch, each, *sizes[1:], model % 4, phases, int(blocks == 1), hold, together, sweeps,
                    sweeps + 1, tolerance, drive, None if model == 2 else total, weights[1], biases[1], nudge, target, state, moved, change,
                    grid=(2, blocks), block=(32 * -(-sizes[1] // (own * 32)),),
                )  # fmt: skip
                yield from (state, moved)
                yield 1 + change  # steps are differences of states: beside 1 they have the states' rounding


def layered_contrast() -> Iterator[np.ndarray]:
    """From a free and from a nudged phase, more samples than lanes, with and without the rows of drops."""
    rng, batch, sizes = np.random.default_rng(2), 11, (70, 33, 5)
    size = np.array(sizes, np.int32)
    for real in REALS:
        x, *states = (rng.normal(0, 1, (batch, n)).astype(real) for n in sizes)
        moved = [rng.normal(0, 1, (2, batch, n)).astype(real) for n in sizes[1:]]
        for drops, a, b in ((1, 0, 2), (0, 2, 1), (1, 1, 0)):
            inputs = np.empty((batch + 1, sizes[0]), real) if drops else None
            factors, sums = np.empty(3 * (batch + drops) * sum(sizes[1:]), real), np.empty(sum(sizes[1:]), real)
            _launch.launch(
                "networks/layered", "contrast", real, batch, 2, drops, a, b, size, x, *eight(*states), *eight(*moved), inputs, factors, sums,
                grid=(2,), block=(32, 8),
            )  # fmt: skip
            yield from (a for a in (inputs, factors, sums) if a is not None)


def convolutions() -> Iterator[np.ndarray]:
    """Two convolutions and one, of other sizes; maps of fewer and of more nodes than a block has threads; both poolings, both read-outs, from a
    start and held, until samples rest; and the products of many samples and of one."""
    batch, phases = 3, 3
    for real in REALS:
        two, one = ((2, 4, 8, 3), (3, 2, 4, 5), (4, 1, 2, 0), (5, 1, 1, 0)), ((1, 8, 8, 3), (5, 4, 4, 0), (3, 1, 1, 0))
        for shape, threads in ((two, 32), (one, 64)):
            rng, layers, sizes = np.random.default_rng(len(shape)), len(shape) - 1, [m * h * w for m, h, w, _ in shape]
            below, nodes, first = shape[-2][0], sum(sizes[1:]), sizes[1]
            weights = [rng.normal(0, 0.4, (b[0], a[0], a[3], a[3])).astype(real) for a, b in pairwise(shape[:-1])]
            weights.append(rng.normal(0, 0.4, (sizes[-2], sizes[-1])).astype(real))
            biases = [rng.normal(0.3, 0.3, s[0]).astype(real) for s in shape[1:]]
            x, target = rng.random((batch, sizes[0])).astype(real), rng.random((batch, sizes[-1])).astype(real)
            nudge, total = np.array([-0.03, 0.05, 0.02], real), rng.uniform(1, 2, nodes).astype(real)
            for model, (largest, softmax, begun, hold, together, tolerance) in enumerate(
                ((0, 0, 0, 0, 2, 0.0), (1, 0, 1, 1, 1, 1e-3), (0, 1, 1, 0, 2, 0.0), (1, 1, 0, 0, 1, 1e-3))
            ):
                state, moved = rng.random(batch * nodes).astype(real), np.empty(phases * batch * nodes, real)
                output, change = np.empty((batch, sizes[-1]), real), np.empty((1 + phases, batch), real)
                shared = ((2 + together) * nodes + together * max(sizes[1:]) + 64 + first) * state.itemsize + nodes * largest
                _launch.launch(
                    "networks/convolutional", "relax", real, batch, layers, model % 3, largest, softmax, phases, begun, hold, together, 3, 4,
                    tolerance, np.array(shape, np.int32), x, total if begun else None, *eight(*weights), *eight(*biases), nudge, target, state,
                    moved, output, change, grid=(2,), block=(threads,), shared=shared,
                )  # fmt: skip
                yield from (state, output)
                yield moved if real is np.float64 else 1 + moved  # differences of states have the states' rounding
                if real is np.float64:
                    yield change
            below, height, width, side = shape[0]
            maps, pixels = shape[1][0], height * width // 4
            picked = np.empty((batch, maps, pixels), np.uint8)
            how = below, maps, height, width, side
            _launch.launch("networks/convolutional", "choose", real, batch, *how, x, weights[0], picked, threads=picked.size)
            yield picked
            for rows, which in ((batch, picked), (2 * batch, picked), (11, None)):
                given = rng.normal(size=(rows, sizes[0])).astype(real), rng.normal(size=(rows, maps, pixels)).astype(real)
                out = np.empty_like(weights[0]), np.empty_like(biases[0])
                _launch.launch(
                    "networks/convolutional", "product", real, rows, batch, *how, *given, rng.random((maps, pixels)).astype(real), which, *out,
                    grid=(2,), block=(32, 8),
                )  # fmt: skip
                yield from out


# ---------------------------------------------------------------------------------------------------------- spins and oscillators
def quads(order: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nodes of each colour four by four, a quarter of the colour apart, -1 for none; and where each colour begins."""
    counts = -(-np.diff(first) // 4)
    visit = np.full((counts.sum(), 4), -1, np.int32)
    begin = np.append(0, np.cumsum(counts)).astype(np.int32)
    for c, count in enumerate(counts):
        for k, i in enumerate(order[first[c] : first[c + 1]]):
            visit[begin[c] + k % count, k // count] = i
    return begin, visit


def spins() -> Iterator[np.ndarray]:
    """Pairs, and factors of three, of which some are of two: the others of an entry are a neighbour and a node of the other colour."""
    rng, n = np.random.default_rng(2), 288
    edges, colours = lattice(18, 16)
    offsets, neighbour, edge, _ = neighbours(edges, n)
    coupling = rng.normal(0, 0.7, len(edges)).astype(np.float32)[edge]
    first, visit = quads(*by_colour(colours, (rng.random(n) < 0.9).astype(np.uint8)))
    here = np.repeat(colours, np.diff(offsets))
    third = np.where(rng.random(len(here)) < 0.7, rng.choice(np.flatnonzero(colours == 0), len(here)), -1)
    third[here == 0] = np.where(third[here == 0] < 0, -1, rng.choice(np.flatnonzero(colours == 1), (here == 0).sum()))
    beta, batch = np.array([0.3, 0.8, 1.2]), 5
    for field_rows, which, total in ((1, (3, None), None), (batch, (0, rng.integers(0, 2**40, batch)), np.zeros((batch, n), np.int32))):
        there = None if total is None else np.array([9, 10], np.uint32)
        field = rng.normal(0, 0.5, (field_rows, n)).astype(np.float32)
        for width, other in ((1, neighbour), (2, np.stack([neighbour, third], 1).astype(np.int32))):
            # in blocks with fewer threads than quads of a colour, and with more
            for kept, pad, threads in ((0, 0, THREADS), (1, 0, 64), (2, 1, THREADS), (2, 0, 64)):
                state = rng.choice(np.array([-1, 1], np.int8), (batch, n))
                shared = n * (kept > 0) + 4 * (len(neighbour) + pad * n) * (1 + width) * (kept == 2)
                launch = functools.partial(
                    _launch.launch, "networks/pbit", "sweep", np.float32, batch, n, field_rows, 2, len(beta), width, kept, pad, 1, 2, there,
                    2**33, *which, first, visit, offsets, other, grid=(2,), block=(threads,), shared=shared,
                )  # fmt: skip
                launch(coupling, field, beta, state, total)
                yield state
                if total is not None:
                    yield total.copy()
    yield from differences(rng)


def differences(rng: np.random.Generator) -> Iterator[np.ndarray]:
    """More samples than warps, and nodes than a block has lanes for."""
    a, b = (rng.choice(np.array([-1, 1], np.int8), (11, 45)) for _ in range(2))
    first, second, moved, field = (np.empty(shape, np.float32) for shape in ((22, 40), (22, 5), (11, 40), 45))
    _launch.launch("networks/pbit", "contrast", np.float32, 11, 45, 40, a, b, first, second, moved, field, grid=(1,), block=(32, 8))
    yield from (first, second, moved, field)


def dense_spins() -> Iterator[np.ndarray]:
    rng, batch, n, inputs, panels = np.random.default_rng(5), 70, 61, 30, 4
    visit = np.append(rng.permutation(31), -1).astype(np.int32)
    visit[rng.integers(0, 31, 4)] = -1
    below, weight = np.arange(31, 61, dtype=np.int32), rng.normal(0, 0.3, (panels, inputs, 8)).astype(np.float32)
    for field_rows, which in ((1, (3, None)), (batch, (0, rng.integers(0, 2**40, batch)))):
        field = rng.normal(0, 0.5, (field_rows, n)).astype(np.float32)
        there, state = None if field_rows == 1 else np.array([9, 10], np.uint32), rng.choice(np.array([-1, 1], np.float32), (5, n, 16))
        state.transpose(0, 2, 1).reshape(80, n)[batch:] = 1
        _launch.launch(
            "networks/pbit", "layer", np.float32, batch, n, field_rows, panels, inputs, 1, 2, there, 2**33, *which, visit, below, weight, field,
            np.array([0.7]), state, grid=(2, 3), block=(32,),
        )  # fmt: skip
        yield state.transpose(0, 2, 1).reshape(80, n)[:batch].copy()


def potts() -> Iterator[np.ndarray]:
    rng, n, q, batch = np.random.default_rng(6), 288, 5, 5
    edges, colours = lattice(18, 16)
    offsets, neighbour, edge, _ = neighbours(edges, n)
    coupling = rng.normal(0, 0.7, len(edges)).astype(np.float32)[edge]
    first, visit = quads(*by_colour(colours, (rng.random(n) < 0.9).astype(np.uint8)))
    beta = np.array([0.3, 0.8, 1.2])
    for field_rows, which in ((1, (3, None)), (batch, (0, rng.integers(0, 2**40, batch)))):
        field = rng.normal(0, 0.5, (field_rows, n, q)).astype(np.float32)
        there = None if field_rows == 1 else np.array([9, 10], np.uint32)
        # in blocks with fewer threads than quads of a colour, and with more
        for kept, pad, threads in ((0, 0, THREADS), (1, 0, 64), (2, 1, THREADS), (2, 0, 64)):
            state = rng.integers(0, q, (batch, n)).astype(np.int8)
            shared = 4 * q * threads + n * (kept > 0) + 8 * (len(neighbour) + pad * n) * (kept == 2)
            _launch.launch(
                "networks/potts", "sweep", np.float32, batch, n, field_rows, q, 2, len(beta), kept, pad, 1, 2, there, 2**33, *which, first,
                visit, offsets, neighbour, coupling, field, beta, state, grid=(2,), block=(threads,), shared=shared,
            )  # fmt: skip
            yield state


def chains_of_classes() -> Iterator[np.ndarray]:
    """More samples than blocks, hidden units than threads, classes than warps; weights in both places, with a field and without, faults."""
    rng = np.random.default_rng(9)
    batch, hidden, classes, settle, sweeps = 5, 41, 3, 1, 2
    for real in REALS:
        drive, w, bias, field = (rng.normal(0, 1, s).astype(real) for s in ((batch, hidden), (hidden, classes), classes, (batch, classes)))
        index = rng.integers(0, 2**40, batch)
        for kept, beside, there in ((1, field, None), (0, None, np.array([9, 10], np.uint32))):
            keys = 1, 2, there, 3, 4, 5, 6, 7, 8
            drawn, given, mean = (np.empty(s, real) for s in ((sweeps, batch, classes), (sweeps, batch, hidden), (batch, classes)))
            room = hidden + 3 * classes + kept * hidden * (classes | 1)
            launch = functools.partial(
                _launch.launch, "networks/boltzmann", "chain", real, batch, hidden, classes, settle, sweeps, kept, *keys, 0,
                grid=(2,), block=(THREADS,), shared=room * drive.itemsize,
            )  # fmt: skip
            launch(index, drive, w, bias, beside, drawn, given, mean)
            yield from (drawn, given, mean)
            with pytest.raises(FaultError):
                launch(index, np.nan * drive, w, bias, beside, drawn.copy(), given.copy(), mean.copy())
            with pytest.raises(FaultError):
                launch(-1 - index, drive, w, bias, beside, drawn.copy(), given.copy(), mean.copy())


def layers_of_units() -> Iterator[np.ndarray]:
    """Rows of whole quads and of a rest, on grids smaller than they are in both directions; of one pull and of two; no numbers."""
    rng = np.random.default_rng(10)
    for real in REALS:
        for units in (64, 67):
            pull, more = (rng.normal(0, 2, (13, units)).astype(real) for _ in range(2))
            bias, index = rng.normal(0, 1, units).astype(real), rng.integers(0, 2**40, 13)
            for which, beside, slope, one in (((3, None), None, 1.0, 1.0), ((0, index), more, 0.7, 0.3)):
                out, there = np.empty_like(pull), None if beside is None else np.array([9, 10], np.uint32)
                launch = functools.partial(
                    _launch.launch, "networks/boltzmann", "units", real, 13, units, slope, one, 1, 2, there, grid=(1, 2), block=(8, 2)
                )
                launch(*which, pull, bias, beside, out)
                yield out
            for numbers in ((index, np.nan * pull), (-1 - index, pull)):
                with pytest.raises(FaultError):
                    launch(0, numbers[0], numbers[1], bias, None, np.empty_like(pull))


def oscillators() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(3)
    phases, batch, nodes = 2, 7, 31
    for real in REALS:
        phase, x, y = (rng.normal(0, 2, (phases, batch, nodes)).astype(real) for _ in range(3))
        c, s = np.empty_like(phase), np.empty_like(phase)
        _launch.launch("networks/xy", "waves", real, phase.size, phase, c, s, threads=phase.size)
        yield from (c, s)
        one, each = (rng.normal(0, 1, (rows, nodes)).astype(real) for rows in (1, batch))
        second = rng.normal(0, 1, nodes).astype(real)
        for rows, fields in ((1, (None, None, None)), (1, (one, None, second)), (batch, (each, -each, second))):
            out = np.empty_like(phase)
            _launch.launch("networks/xy", "force", real, phases * batch, nodes, rows, c, s, x, y, *fields, out, threads=phase.size)
            yield out


def oscillator_steps() -> Iterator[np.ndarray]:
    """One group and two, in every place; more networks than blocks, more oscillators than threads, slices and none, settled and not."""
    rng = np.random.default_rng(7)
    for real in REALS:
        for below, above, slices in ((0, 41, (1, 1)), (40, 3, (1, 6)), (3, 19, (2, 1))):
            nodes, phases, batch, outputs, threads = below + above, 2, 3, 3, 32
            J = rng.normal(0, 0.3, (nodes, nodes))
            J = (np.triu(J, 1) + np.triu(J, 1).T).astype(real) if not below else J[:below, below:].astype(real)
            J = np.ascontiguousarray(J)
            across, first, pitch = np.ascontiguousarray(J.T), below or nodes, above | 1
            x, second, slope, detuning = (rng.normal(1, 0.1, n).astype(real) for n in ((batch, nodes), nodes, nodes, nodes))
            nudge, target = np.array([0.5, -0.2], real), rng.uniform(-1, 1, (batch, outputs)).astype(real)
            start, rows = rng.uniform(-1, 1, (batch, nodes)).astype(real), phases * batch
            for place in (0, 1, 2):
                for tolerance in (0.0, 0.3):
                    for verb, values in (("relax", 3), ("respond", 7)):
                        room = values * nodes + 32 + 2 * (slices[0] * first + slices[1] * (nodes - first))
                        shared = (room * (place < 2) + (below * pitch if below else nodes * nodes) * (place == 0)) * J.itemsize
                        work = np.empty(2 * room, real)
                        out, left = np.zeros((rows, nodes), real), np.zeros(rows, real)
                        output = np.zeros((rows if verb == "relax" else batch, outputs), real)
                        many = (batch,) if verb == "relax" else ()
                        own = (x, -x, second, slope, detuning) if verb == "relax" else (x, None, second, slope)
                        for mode in ((),) if verb == "relax" else ((0,), (1,), (2,)):
                            _launch.launch(
                                "networks/xy", verb, real, rows, batch, batch, *many, *mode, nodes, below, outputs, *slices, 4, place,
                                tolerance, 0.1, J, across, *own, nudge, target, start, out, output, left, work, grid=(2,), block=(threads,),
                                shared=shared,
                            )  # fmt: skip
                            yield from (out.copy(), left.copy(), output.copy())
                room = 3 * nodes + 32 + 2 * (slices[0] * first + slices[1] * (nodes - first))
                shared = (room * (place < 2) + (below * pitch if below else nodes * nodes) * (place == 0)) * J.itemsize
                for index, own in ((None, (x, -x, second, None, None)), (rng.integers(0, 2**40, batch), (x, None, None, slope, detuning))):
                    out, work = np.empty((rows, nodes), real), np.empty(2 * room, real)
                    there = None if index is None else np.array([9, 10], np.uint32)
                    _launch.launch(
                        "networks/xy", "warm", real, rows, batch, batch, batch, nodes, below, outputs, *slices, 3, place, 0.2, 0.1, 1, 2, there,
                        2**33, index, J, across, *own, nudge, target, start, out, work, grid=(2,), block=(threads,), shared=shared,
                    )  # fmt: skip
                    yield out


def oscillator_fields() -> Iterator[np.ndarray]:
    """Tiles of rows and columns with rests, more tiles of rows than blocks; more samples than warps, phases that moved and not."""
    rng = np.random.default_rng(8)
    for real in REALS:
        x, w, bias, others = (rng.normal(0, 1, shape).astype(real) for shape in ((35, 130), (130, 37), 37, 5))
        out = np.empty((35, 42), real)
        _launch.launch("networks/xy", "drive", real, 35, 130, 37, 5, x, w, bias, others, out, grid=(2, 2), block=(32, 16))
        yield out
        free, a, b = (rng.normal(0, 1, (11, 42)).astype(real) for _ in range(3))
        for firsts, start, ends, each in ((42, 0, (None, b), True), (37, 37, (a, b), False)):
            first, second, dx = np.empty((44, firsts), real), np.empty((44, 42 - start), real), np.empty((11, firsts), real)
            dy, field, harmonic = np.empty_like(dx) if each else None, np.empty(42, real), np.empty(42, real)
            _launch.launch(
                "networks/xy", "contrast", real, 11, 42, firsts, start, 0.5, free, *ends, first, second, dx, dy, field, harmonic, grid=(1,),
                block=(32, 8),
            )  # fmt: skip
            yield from (first, second, dx, field, harmonic)


# -------------------------------------------------------------------------------------------------------------------------- updates
def updates() -> Iterator[np.ndarray]:
    """Tiles of 64 x 64 with rests on both sides, of four arrays, and a block more; some that are no multiple of 16 bytes high or wide."""
    rng = np.random.default_rng(4)
    shapes = ((132, 68, 19), (72, 5, 4), (1, 131, 1), (65, 8, 2))
    how = np.array([(0.3, -1.5, 1.8), (-2.0, -np.inf, np.inf), (1.0, 0.0, np.inf), (0.5, -1.0, 1.0)])
    for real in REALS:
        first, second, weights = ([rng.normal(0, 1, (s[i], s[j])).astype(real) for s in shapes] for i, j in ((2, 0), (2, 1), (0, 1)))
        _launch.launch(
            "networks/contrast", "update", real, len(shapes), 0.5, None, np.array(shapes), how, *eight(*first), *eight(*second),
            *eight(*weights), grid=(14,), block=(16, 16),
        )  # fmt: skip
        yield from weights
        _launch.launch(
            "networks/contrast", "update", real, 1, 0.0, np.array([0.5]), np.array(shapes[:1]), how[:1], *eight(first[0]), *eight(second[0]),
            *eight(weights[0]), grid=(6,), block=(16, 16),
        )  # fmt: skip
        yield weights[0]


def edge_updates() -> Iterator[np.ndarray]:
    """One lane for an edge, some, and a warp that goes round the columns; a potentiometer's steps."""
    rng = np.random.default_rng(5)
    edges, _ = lattice(9, 16)
    n, count, lists = 144, len(edges), neighbours(edges, 144)[:3]
    for real in REALS:
        for columns, lanes in ((1, 1), (5, 8), (37, 32)):
            a, b = (rng.normal(0, 1, (n, columns)).astype(real) for _ in range(2))
            out, conductance = np.empty(count, real), rng.uniform(0.5, 1.5, count).astype(real)
            _launch.launch("networks/edges", "contrast", real, count, columns, lanes, -0.5, edges, a, b, out, threads=count * lanes)
            yield out
            for step in (0.0, 0.125):
                how = 0.01, step, 0.6, 1.4
                _launch.launch("networks/edges", "update", real, count, columns, lanes, *how, edges, a, b, conductance, threads=count * lanes)
                yield conductance.copy()
    free, v, out = (rng.random(n) < 0.8).astype(np.uint8), rng.normal(0, 1, (n, 5)), np.empty((n, 5))
    _launch.launch("networks/edges", "laplacian", float, n, 5, *lists, free, rng.uniform(0.5, 2, count), v, out, threads=v.size)
    yield out


def edge_faults() -> Iterator[np.ndarray]:
    """Nothing is wrong, though some edges are open, of a path that ends where another begins; with marks in either memory."""
    edges, _ = lattice(9, 16)
    lists, free, value = neighbours(edges, 144)[:3], np.ones(144, np.uint8), np.ones(len(edges))
    free[[3, 140]] = 0
    value[::3] = 0
    for passes in (0, 1):
        for marks, shared in ((None, 288), (np.zeros(288, np.uint8), 0)):
            with contextlib.suppress(FaultError):  # some nodes may float
                _launch.launch(
                    "networks/edges", "fit", float, 144, len(edges), 0.0, passes, *lists, free, value, marks, block=(THREADS,), shared=shared
                )
                yield value


def eliminations() -> Iterator[np.ndarray]:
    """More systems and slices than blocks, more rows than warps, the last slice not whole; one without an inverse."""
    rng = np.random.default_rng(8)
    for n, columns, wide in ((1, 1, 1), (5, 3, 3), (37, 40, 16)):
        matrix, rhs = rng.normal(size=(3, n, n)) + 3 * n**0.5 * np.eye(n)[::-1], rng.normal(size=(3, n, columns))
        out, how = np.empty_like(rhs), {"grid": (2,), "block": (THREADS,), "shared": 8 * n * (n + wide + 1)}
        _launch.launch("networks/elimination", "solve", float, 3, n, columns, wide, matrix, rhs, out, **how)
        yield out.copy()
        matrix[1] = 0
        _launch.launch("networks/elimination", "solve", float, 3, n, columns, wide, matrix, rhs, out, **how)
        assert np.isnan(out[1]).all()
        yield out[[0, 2]]


# -------------------------------------------------------------------------------------------------------------- factorised networks
def small_networks() -> Iterator[np.ndarray]:
    """More networks than blocks, more rows and samples than threads; factors in shared and in global memory; two that are singular."""
    rng = np.random.default_rng(6)
    edges, _ = lattice(6, 7)
    n, networks, batch = 42, 5, 35
    held = [0, 20, 41]
    place = np.full(n, -1, np.int32)
    m = n - 3
    place[np.setdiff1d(np.arange(n), held)] = np.arange(m)
    size = m * (m + 1) // 2
    for real in REALS:
        conductance, voltages = rng.uniform(0.5, 2, (networks, len(edges))).astype(real), np.zeros((networks, batch, n), real)
        voltages[..., held] = rng.normal(0, 1, (networks, batch, 3))

        def solve(work: np.ndarray | None) -> np.ndarray:
            out = voltages.copy()  # noqa: B023
            g = conductance  # noqa: B023
            _launch.launch(
                "networks/small_networks", "solve", g.dtype, networks, batch, n, len(edges), m, place, edges, g, work, out,
                grid=(2,), block=(THREADS,), shared=0 if work is not None else size * g.itemsize,
            )  # fmt: skip
            return out

        yield from (solve(None), solve(np.empty(networks * size, real)))
        conductance[1:3] = 0
        with pytest.raises(FaultError):
            solve(None)


def springs() -> Iterator[np.ndarray]:
    """In one, two and three dimensions, in shared and in global memory; a sample that is no minimum and does not respond."""
    edges, _ = lattice(4, 5)
    n, batch = 20, 5
    offsets, neighbour, edge, _ = neighbours(edges, n)
    node = np.setdiff1d(np.arange(n), [0, 10, 19]).astype(np.int32)
    place = np.full(n, -1, np.int32)
    place[[0, 10, 19]], place[node] = [-1, -2, -3], np.arange(len(node))
    first = np.array([min([place[j] for j in neighbour[offsets[i] : offsets[i + 1]] if place[j] >= 0] + [place[i]]) for i in node], np.int32)
    for dimension in (1, 2, 3):
        rng = np.random.default_rng(dimension)
        m = len(node) * dimension
        width = dimension * (np.arange(len(node)) - first).repeat(dimension) + np.tile(np.arange(dimension), len(node)) + 1
        begin = np.append(np.cumsum(width) - 1 - np.arange(m), width.sum()).astype(np.int64)
        grid_points = np.stack([np.arange(n) // 5, np.arange(n) % 5, 0 * np.arange(n)], 1)[:, :dimension]
        x0 = grid_points + 0.1 * rng.standard_normal((batch, n, dimension))
        if dimension == 1:
            x0 = np.arange(n)[:, None] + 0.1 * rng.standard_normal((batch, n, 1))
        k, l = rng.uniform(0.5, 2, len(edges)), 0.8 * np.linalg.norm(x0[0, edges[:, 0]] - x0[0, edges[:, 1]], axis=1)
        pull, load = 0.05 * rng.standard_normal(x0.shape), rng.uniform(0, 0.5, x0.shape)
        lists = offsets, neighbour, edge, node, place, first, begin
        memory = int(begin[-1]) + 3 * m + n * dimension
        for work, shared, threads in ((None, 8 * memory, THREADS), (np.empty(2 * memory), 0, 2 * THREADS)):
            x, left, taken = np.empty(x0.shape), np.zeros(batch), np.zeros(batch, np.int32)
            how = {"grid": (2,), "block": (threads,), "shared": shared}
            sizes = batch, n, len(node), len(edges), dimension
            held = x0[:, [0, 10, 19]].copy()
            for of_all, start in ((1, x0[0].copy()), (batch, x0)):
                given = 3, *[of_all] * 3, 60, 1e-11, 1, k, l, *lists, held, start, pull[:of_all].copy(), load[:of_all].copy()
                _launch.launch("networks/springs", "settle", float, *sizes, *given, work, x, left, taken, **how)
                assert (left <= 1e-11).all()
                yield x
            y, stable, stiff = pull.copy(), np.full(batch, 7, np.int32), load.copy()
            stiff[3] = -9
            _launch.launch("networks/springs", "respond", float, *sizes, batch, k, l, *lists, stiff, work, x, y, stable, **how)
            assert stable.tolist() == [1, 1, 1, 0, 1]
            yield y


def dense() -> Iterator[np.ndarray]:
    """Several slices of the inputs, tiles that are not full, more tiles than blocks."""
    for real in (np.float32, np.float64):
        x, w = np.linspace(-1, 1, 37 * 150).reshape(37, 150).astype(real), np.linspace(0.1, -0.1, 3 * 150 * 32).reshape(3, 150, 32).astype(real)
        for activation in _dense.ACTIVATIONS:
            up = _dense.layer(x, w, activation)
            yield from (up, _dense.layer(up[..., :32], w[:, :32], activation))
            yield _dense.layer(x, w, activation, ones=not activation)
            if activation:
                yield _dense.sloped(x, activation, np.flip(x, 0))
                yield _dense.below(up[0, :, :32], w[0], activation, x)
        yield _dense.outer(x, up[1, :, :32], 0.25)
        yield _dense.outer(w[0], x.reshape(150, 37), 1.0)


CALLS = (
    dense, graph_sweeps, nodes_without_a_root, last_colour_at_rest, layered_drive, layered_relax, layered_relax_few_outputs,
    layered_contrast, convolutions, spins, dense_spins, potts, chains_of_classes, layers_of_units, oscillators, oscillator_steps,
    oscillator_fields, updates, edge_updates, edge_faults, eliminations, small_networks, springs,
)  # fmt: skip
