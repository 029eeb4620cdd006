"""Spins: Gibbs sweeps of a lattice and of layers that are coupled all to all, beside thrml (JAX) and whole arrays of NumPy.

All make the same visits: chains of their own from one start, float32, one colour after the other. One core; JAX compiled and warm.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _array, random
from ...networks import boltzmann, graphs, ising
from ...networks.ising import SpinGraph
from ._timing import PEERS, Row, environment, installed, interleaved, row, with_ratios

# Operations on 32-bit lanes that a visit takes at least: a quarter of a Philox block (10 rounds of 2 products, 2 shifts and 4 exclusive ors,
# taken in pairs, all on lanes of 64 bits: 120), its share of putting words together (2), and the decision (30: size and gain of the field 4,
# exponential 15, quotient and whole number 5, comparisons and choice 6). An edge adds a fused multiplication and addition, counted as 2.
VISIT, END = 120 / 4 + 2 + 30, 2
ONE_THREAD = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "JAX_PLATFORMS": "cpu"}


def thrml_sweeps(graph: SpinGraph, coupling: np.ndarray, beta: float, sweeps: int, state: np.ndarray) -> Callable[[], Any]:
    """The same sweeps by thrml: a block of nodes for each colour, chains by `jax.vmap`, compiled whole. Returns the states of the blocks."""
    with environment(**ONE_THREAD):
        import jax
        from thrml import Block, SamplingSchedule, SpinNode
        from thrml.block_sampling import sample_states
        from thrml.models import IsingEBM, IsingSamplingProgram

        nodes = [SpinNode() for _ in range(graph.n_nodes)]
        places = [np.flatnonzero(graph.colours == c) for c in range(graph.colours.max() + 1)]
        blocks = [Block([nodes[i] for i in place]) for place in places]
        edges = [(nodes[a], nodes[b]) for a, b in graph.edges]
        numbers = jax.numpy
        model = IsingEBM(nodes, edges, numbers.zeros(graph.n_nodes), numbers.asarray(coupling), numbers.asarray(np.float32(beta)))
        program, schedule = IsingSamplingProgram(model, blocks, []), SamplingSchedule(sweeps, 1, 1)
        compiled = jax.jit(jax.vmap(lambda key, start: sample_states(key, program, schedule, start, [], blocks)))
        keys, start = jax.random.split(jax.random.key(1), len(state)), [numbers.asarray(state[:, place] > 0) for place in places]
    return lambda: jax.block_until_ready(compiled(keys, start))


def _rows(case: str, work: str, contenders: dict[str, Callable[[], Any]], graph: SpinGraph, visits: int, device: str,
          seconds: float) -> list[Row]:  # fmt: skip
    """Timed rows, with millions of visits a second; thrml is named where it is not installed."""
    operations = visits * (VISIT + END * 2 * graph.n_edges / graph.n_nodes)
    rows = [
        row(case, work, name, ms, 2.0 * visits, operations, device, m_s=visits / ms / 1e3)
        for name, ms in interleaved(contenders, device, seconds).items()
    ]
    absent = {} if "thrml" in contenders else {"thrml": PEERS if device == "cpu" else "compared on a CPU"}
    return with_ratios(rows, absent)


def lattice_sweeps(device: str, seconds: float, side: int = 32, batch: int = 64, sweeps: int = 20) -> list[Row]:
    """A periodic square lattice; whole arrays do a half of the chessboard at a time."""
    xp = _array.device_namespace(device)
    graph, key = SpinGraph(graphs.lattice(side, side, periodic=True), side * side), random.key(1)
    coupling = xp.ones(graph.n_edges, np.float32)
    state = ising.random_state(graph, batch, key, like=coupling)
    generator, board = xp.random.default_rng(1), xp.asarray(np.indices((side, side)).sum(axis=0) % 2 == 0)

    def by_arrays() -> Any:
        s = state.reshape(batch, side, side).astype(np.float32)
        for _ in range(sweeps):
            for half in (board, ~board):
                field = sum(xp.roll(s, shift, axis) for shift in (1, -1) for axis in (1, 2))
                chance = 1 / (1 + xp.exp(-2 * 0.4 * field))
                s = xp.where(half & True, xp.where(generator.random(s.shape, np.float32) < chance, 1, -1), s).astype(np.float32)
        return s

    contenders = {"pnnkern": lambda: ising.sweep(state, graph, coupling, beta=0.4, sweeps=sweeps, key=key), "whole arrays": by_arrays}
    if device == "cpu" and installed("jax", "thrml"):
        contenders["thrml"] = thrml_sweeps(graph, coupling, 0.4, sweeps, state)
    work = f"{side}^2 lattice, {batch} chains, {sweeps} sweeps"
    return _rows("Gibbs sweeps", work, contenders, graph, batch * side * side * sweeps, device, seconds)


def dense_sweeps(device: str, seconds: float, sizes: tuple[int, int] = (784, 128), batch: int = 64, sweeps: int = 10) -> list[Row]:
    """Two layers coupled all to all; `boltzmann.gibbs` and whole arrays do the same with units of 0 and 1."""
    xp = _array.device_namespace(device)
    graph, key, (below, above) = SpinGraph.layers(*sizes), random.key(1), sizes
    weights = xp.asarray(np.random.default_rng(0).normal(0, 0.05, sizes).astype(np.float32))
    coupling, biases = weights.reshape(-1), (xp.zeros(below, np.float32), xp.zeros(above, np.float32))
    state = ising.random_state(graph, batch, key, like=coupling)
    visible, generator = (state[:, :below] > 0).astype(np.float32), xp.random.default_rng(1)

    def drawn(field: Any) -> Any:
        return (generator.random(field.shape, np.float32) < 1 / (1 + xp.exp(-field))).astype(np.float32)

    def by_arrays() -> Any:
        v = visible
        for _ in range(sweeps):
            v = drawn(drawn(v @ weights + biases[1]) @ weights.T + biases[0])
        return v

    contenders = {
        "pnnkern": lambda: ising.sweep(state, graph, coupling, beta=0.5, sweeps=sweeps, key=key),
        "pnnkern, boltzmann.gibbs": lambda: boltzmann.gibbs(visible, weights, *biases, steps=sweeps, key=key),
        "whole arrays": by_arrays,
    }
    if device == "cpu" and installed("jax", "thrml"):
        contenders["thrml"] = thrml_sweeps(graph, coupling, 0.5, sweeps, state)
    work = f"{below} x {above} layers, {batch} chains, {sweeps} sweeps"
    return _rows("Gibbs sweeps, dense", work, contenders, graph, batch * graph.n_nodes * sweeps, device, seconds)


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds."""
    return lattice_sweeps(device, budget / 2) + dense_sweeps(device, budget / 2)
