"""Ising machines: +-1 spins on a graph, sampled by graph-coloured Gibbs sweeps (p-bits) and cooled to low energies (annealing).

E(s) = - sum over edges J_ab s_a s_b - sum_i h_i s_i. A sweep gives each spin, colour by colour, the value +1 with probability
``1 / (1 + exp(-2 beta I_i))``, I_i = h_i + sum_j J_ij s_j: what a p-bit does, m = sgn(tanh(beta I) + U(-1, 1)). At a fixed inverse
temperature beta, states then follow Boltzmann's law exp(-beta E). Camsari et al., PRX 7, 031014 (2017); Aadit et al., Nature
Electronics 5, 460 (2022) for the colours.

J (edges,) or (factors,), and h (n_nodes,) or (batch, n_nodes) are pure numbers, beta is in their inverse unit. Spins are int8, (batch,
n_nodes). Draws are numbered by sweep, node and sample: a batch may be split, and sweeps continued with `sweep0`, without a change of a bit.

A `FactorGraph` couples spins in groups, E(s) = - sum over factors J_f prod_{i in f} s_i - sum_i h_i s_i, as logic gates and k-SAT do
(Bybee et al., Nat. Commun. 14, 6033 (2023)): I_i is then h_i + sum over its factors of J_f times the product of the other spins, and all
functions here take it as they take a `SpinGraph`.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise

import numpy as np

from .. import _array, _constants, _launch, random
from .._array import Array, Key, Numbers, Sample, Values
from .._checks import real, shaped, whole
from .._gate import accepts_any
from .._updates import Factors
from ._spin_graphs import PANEL, FactorGraph, SpinGraph
from ._sweeps import couplings_and_field, inverse_temperatures, kept_inside, sample_indices

BLOCK = 128  # threads that share the nodes of a colour
LANES = 16  # chains that lie side by side in a dense layer
DENSE = 1 << 15  # ends of edges at a colour, times sixteens of chains, from which on a colour is worth a launch of its own
NO_SPIN = _launch.fault(66, "spins must be +1 or -1")


# ---------------------------------------------------------------------------------------------------------------------- checks
def _spins(state: Array, graph: SpinGraph, look: bool = True) -> Array:
    if not _array.is_array(state) or state.dtype != np.int8:
        raise TypeError(f"spins must be int8, got {getattr(state, 'dtype', type(state).__name__)}")
    if state.ndim != 2 or state.shape[1] != graph.n_nodes:
        raise ValueError(f"spins must be (batch, {graph.n_nodes}), got shape {state.shape}")
    if state.size and look:
        _launch.flag(~(abs(state) == 1).all(), NO_SPIN)
    return _array.contiguous(state)


# --------------------------------------------------------------------------------------------------------------------- physics
@accepts_any
def energy(state: Numbers, graph: SpinGraph, coupling: Numbers, field: Numbers | None = None) -> Array:
    """E of each sample, (batch,) float64. Arguments as for `sweep`."""
    state = _spins(state, graph)
    coupling, field = couplings_and_field(graph, coupling, field, len(state))
    wide, J = _array.as_type(state, np.float64), _array.as_type(coupling, np.float64)
    return -graph._products(state).astype(np.float64) @ J - (wide * field).sum(axis=1)


@accepts_any
def random_state(graph: SpinGraph, batch: int, key: Key, *, sample: Sample = 0, like: Numbers | None = None) -> Array:
    """Spins drawn evenly, (batch, n_nodes) int8.

    Parameters
    ----------
    key, sample, like
        Of `pnnkern.random`.
    """
    draws = random.bernoulli(random.fold_in(key, "start"), 0.5, (batch, graph.n_nodes), sample=sample, like=like)
    return (2 * draws.astype(np.int8) - 1).astype(np.int8)


@accepts_any
def sweep(
    state: Numbers, graph: SpinGraph, coupling: Numbers, field: Numbers | None = None, *, beta: Values = 1.0, sweeps: int | None = None,
    clamped: Sequence[int] = (), key: Key | None = None, sample: Sample = 0, sweep0: int = 0, total: Numbers | None = None,
) -> Array:  # fmt: skip
    """Gibbs sweeps of all spins that are not clamped.

    Parameters
    ----------
    state : Array
        (batch, n_nodes) int8, +-1.
    coupling : Array
        (edges,), or (factors,).
    field : Array | None
        (n_nodes,) or (batch, n_nodes), 0 by default.
    beta
        Inverse temperature, one for all `sweeps` (1 by default), or (sweeps,) of them: a schedule.
    clamped : Sequence[int]
        Nodes that keep their state.
    key
        Of `pnnkern.random`; one key serves one chain.
    sample
        Global index of row 0, or one of each row.
    sweep0 : int
        Number of the first sweep.
    total : Array | None
        (batch, n_nodes) int32; gains the state after each sweep.

    Returns
    -------
    Array
        The new state.

    Raises
    ------
    ValueError, TypeError, ValueError
        Without a key.

    Notes
    -----
    Draws are 32-bit words: of the four words of a block, each is for another node of a colour. A spin goes against its field where its word is
    below 2^32 / (1 + exp(2 beta |I|)), worked out in float32 to 3e-7 of it and rounded down to a whole number. Where edges are at least half of
    all that could be between the colours, as in `SpinGraph.layers`, fields are products of matrices: the same bits.
    """
    key = random.require_key(key, "p-bits are random")
    (firsts, visit), xp = graph.visits(clamped), _array.namespace(state)
    batch, colours = len(state) if _array.is_array(state) and state.ndim else 0, len(firsts) - 1
    dense = -(-batch // LANES) * 2 * graph.n_edges >= DENSE * colours and graph.dense
    looked = xp is np or bool(dense)  # else the kernel looks at what it is given
    state = _spins(state, graph, looked)
    coupling, field = couplings_and_field(graph, coupling, field, batch, look=looked)
    betas = inverse_temperatures(beta, sweeps, state, look=looked)
    if total is not None and (total.shape != state.shape or total.dtype != np.int32):
        raise ValueError(f"total must be int32 {state.shape}, got {total.dtype} {total.shape}")
    draws, words, out = sample_indices(sample, batch, xp), random.words_of(key, xp), xp.array(state)
    if not (batch and len(betas) and (visit >= 0).any()):
        return out
    coupling = _array.as_type(coupling, np.float32, copy=False)
    field = _array.contiguous(_array.as_type(field, np.float32, copy=False))
    with nullcontext() if total is None else _array.in_place(total) as inside:
        if dense:
            return _dense_sweeps(out, graph, coupling, field, betas, visit, words, sweep0, draws, inside)
        first, other, number = graph.entries(state)
        kept, pad, shared = kept_inside(graph, len(number), len(betas), state)
        _launch.launch(
            "networks/pbit", "sweep", np.float32, batch, graph.n_nodes, 1 if field.ndim == 1 else batch, colours, len(betas), graph.width, kept,
            pad, *words, sweep0, *draws, *(_constants.constant(table, np.int32, state) for table in (firsts, visit)), first, other,
            coupling[number], field, betas, out, inside, grid=(min(batch, _launch.MAX_BLOCKS),), block=(BLOCK,), shared=shared,
        )  # fmt: skip
    return out


def _dense_sweeps(state: Array, graph: SpinGraph, coupling: Array, field: Array, betas: Array, visit: np.ndarray,
                  key: tuple[int, int, Array | None], sweep0: int, draws: tuple[int, Array | None], total: Array | None) -> Array:  # fmt: skip
    """Sweeps of a graph that is `dense`: a product of matrices and the draws for each colour, the same bits as without."""
    xp, (batch, nodes) = _array.namespace(state), state.shape
    groups = -(-batch // LANES)
    lanes = xp.ones((groups * LANES, nodes), np.float32)
    lanes[:batch] = state
    lanes = xp.ascontiguousarray(lanes.reshape(groups, LANES, nodes).transpose(0, 2, 1))
    weights, colours = xp.concatenate([coupling, xp.zeros(1, np.float32)]), []
    for c, layer in enumerate(graph.dense):
        here = np.full(PANEL * len(layer.edge), -1, np.int32)
        quads = visit[layer.quads].reshape(-1)
        here[: len(quads)] = quads
        if (here >= 0).any():
            edge, table = (graph.on(f"{name} {c}", x, state) for name, x in (("layer edge", layer.edge), ("layer input", layer.input)))
            colours.append((layer, _constants.constant(here, np.int32, state), table, xp.take(weights, edge)))
    threads = min(BLOCK, -(-batch // 32) * 32)
    for n in range(len(betas)):
        for layer, here, table, weight in colours:
            _launch.launch(
                "networks/pbit", "layer", np.float32, batch, nodes, 1 if field.ndim == 1 else batch, len(layer.edge), len(layer.input), *key,
                (sweep0 + n) * nodes + layer.quads.start, *draws, here, table, weight, field, betas[n : n + 1], lanes,
                grid=(-(-batch // threads), min(len(layer.edge), _launch.MAX_BLOCKS)), block=(threads,),
            )  # fmt: skip
        if total is not None:
            total += lanes.transpose(0, 2, 1).reshape(-1, nodes)[:batch].astype(np.int32)
    return lanes.transpose(0, 2, 1).reshape(-1, nodes)[:batch].astype(np.int8)


@accepts_any
def anneal(state: Numbers, graph: SpinGraph, coupling: Numbers, field: Numbers | None = None, *, schedule: Values | None = None, reads: int = 1,
           clamped: Sequence[int] = (), key: Key | None = None, sample: Sample = 0) -> Array:  # fmt: skip
    """Cool each sample's spins, `reads` times from the same state, and keep the read of least energy (the first of equal ones).

    Parameters
    ----------
    state : Array
        Where to start, (batch, n_nodes): for reverse annealing the state to improve, with a schedule that starts cold enough to keep most of
        it.
    schedule
        (sweeps,) of beta; by default that of `default_schedule`.

    Returns
    -------
    Array
        Int8 (batch, n_nodes).

    Notes
    -----
    Others as for `sweep`.
    """
    if reads < 1:
        raise ValueError(f"reads must be at least 1, got {reads}")
    key = random.require_key(key, "annealing is random")
    xp = _array.namespace(state)
    if schedule is None:
        schedule = default_schedule(graph, coupling, field)
    best = lowest = None
    for r in range(reads):
        found = sweep(state, graph, coupling, field, beta=schedule, clamped=clamped, key=random.fold_in(key, r), sample=sample)
        if reads == 1:
            return found
        e = energy(found, graph, coupling, field)
        if best is None:
            best, lowest = found, e
        else:
            better = e < lowest
            best, lowest = xp.where(better[:, None], found, best), xp.where(better, e, lowest)
    return best


@accepts_any
def default_schedule(graph: SpinGraph, coupling: Numbers, field: Numbers | None, sweeps: int = 100) -> Array:
    """Inverse temperatures from 0.1 to 10 sqrt(n_nodes) over the largest field that a spin can feel, in a geometric row; float64."""
    xp, size = _array.namespace(coupling), abs(shaped("coupling", real("coupling", coupling), graph.n_couplings)).astype(np.float64)
    offsets, _, number = graph.entries(coupling)
    running = xp.concatenate([xp.zeros(1), size[number].cumsum()])  # sums over the couplings of each node, without atomic additions
    largest = running[offsets[1:]] - running[offsets[:-1]]
    if field is not None:
        if real("field", field).ndim not in (1, 2) or field.shape[-1] != graph.n_nodes:
            raise ValueError(f"field must be ({graph.n_nodes},) or (batch, {graph.n_nodes}), got shape {field.shape}")
        largest = largest + abs(field).reshape(-1, graph.n_nodes).max(axis=0)
    most = largest.max()
    row = np.geomspace(0.1, 10 * max(1.0, np.sqrt(graph.n_nodes)), sweeps)
    return _constants.constant(row, np.float64, coupling) / xp.where(most > 0, most, 1.0)


# -------------------------------------------------------------------------------------------------------------------- learning
@accepts_any
def moments(state: Numbers, graph: SpinGraph) -> tuple[Array, Array]:
    """Means over the batch of s_a s_b for each edge, (edges,), or of the product of each factor; and of s_i, (n_nodes,); float64, exact."""
    state = _spins(state, graph)
    batch = max(1, len(state))
    return graph._products(state).sum(axis=0, dtype=np.int64) / batch, state.sum(axis=0, dtype=np.int64) / batch


@accepts_any
def contrast(one: Numbers, two: Numbers, graph: SpinGraph) -> tuple[Array, Array]:
    """dE/dJ and dE/dh of the states `two` less those of `one`, means over their batches: -(<s_a s_b>_two - <s_a s_b>_one), and of s.

    Of a factor it is the product of all its spins.

    Nudged against free it is equilibrium propagation (Laydevant, Markovic and Grollier, Nat. Commun. 15, 3671 (2024)), model against data
    the Boltzmann machine's gradient of -log likelihood over beta, with the sign of descent for `one` = model and `two` = data.
    """
    (J1, h1), (J2, h2) = moments(one, graph), moments(two, graph)
    return J1 - J2, h1 - h2


@accepts_any
def pair_contrast(one: Sequence[Numbers], two: Sequence[Numbers], shares: tuple[float, float] = (1.0, 1.0)) -> Factors:
    """dE/dW of units `two` less those of units `one`, where E = -sum u W v between two layers (u, v); a sum, as factors.

    Parameters
    ----------
    one, two : Sequence[Array]
        Units of both layers, (samples, units) in floating point.
    shares : tuple[float, float]
        What a sample of each counts for.
    """
    (u1, v1), (u2, v2) = ([real("units", x) for x in units] for units in (one, two))
    s, t = shares
    concatenate = _array.namespace(u1).concatenate
    return Factors(concatenate([u1, u2]), concatenate([v1 if s == 1 else s * v1, -t * v2]).astype(v1.dtype, copy=False))


@accepts_any
def contrast_between(one: Numbers, two: Numbers, below: int) -> tuple[Factors, Array, Array]:
    """dE/dparameter of spins `two` less those of spins `one`, sums over their samples, in one launch: of couplings between the first `below`
    spins and the others in factors, of fields on the first ones of each sample (batch, below), and of all fields, (n_nodes,). float32.

    Parameters
    ----------
    one, two : Array
        Spins of the same samples, (batch, n_nodes) int8.
    """
    for name, state in (("one", one), ("two", two)):
        if not _array.is_array(state) or state.dtype != np.int8:
            raise TypeError(f"spins must be int8, got {getattr(state, 'dtype', type(state).__name__)}")
        shaped(name, state, "batch", "n_nodes")
    batch, nodes = shaped("two", two, *one.shape).shape
    xp, below = _array.namespace(one, two), whole("below", below, most=nodes)
    first, second = xp.empty((2 * batch, below), np.float32), xp.empty((2 * batch, nodes - below), np.float32)
    moved, field = xp.empty((batch, below), np.float32), xp.empty(nodes, np.float32)
    _launch.launch(
        "networks/pbit", "contrast", np.float32, batch, nodes, below, *map(_array.contiguous, (one, two)), first, second, moved, field,
        grid=(min(-(-nodes // 32), _launch.MAX_BLOCKS),), block=(32, 8),
    )  # fmt: skip
    return Factors(first, second), moved, field


@accepts_any
def layer_contrast(
    one: Sequence[Numbers], two: Sequence[Numbers], shares: tuple[float, float] = (1.0, 1.0)
) -> tuple[list[Factors], list[Array]]:
    """As `pair_contrast`, of each layer and the next, and dE/db of each layer, where E has -sum u b too."""
    layers, (s, t) = list(zip(one, two, strict=True)), shares
    factors = [pair_contrast((u1, v1), (u2, v2), shares) for (u1, u2), (v1, v2) in pairwise(layers)]
    return factors, [s * u.sum(axis=0) - t * v.sum(axis=0) for u, v in layers]


__all__ = [
    "FactorGraph", "SpinGraph", "anneal", "contrast", "contrast_between", "default_schedule", "energy", "layer_contrast", "moments",
    "pair_contrast", "random_state", "sweep",
]  # fmt: skip
