"""Potts spins: nodes in one of q states on a graph, sampled by graph-coloured Gibbs sweeps as those of `ising`.

E(s) = - sum over edges J_ab delta(s_a, s_b) - sum_i h_i[s_i]. A sweep gives each node, colour by colour, the state a with probability
proportional to ``exp(beta (h_i[a] + sum_j J_ij delta(s_j, a)))``: its law given its neighbours. At a fixed inverse temperature beta, states
then follow Boltzmann's law exp(-beta E). With two states it is an Ising machine of half the couplings. Wu, Rev. Mod. Phys. 54, 235 (1982).

J (edges,) and h (n_nodes, q) or (batch, n_nodes, q) are pure numbers, beta is in their inverse unit. States are int8, 0 to q - 1, (batch,
n_nodes). Draws are numbered by sweep, node and sample: a batch may be split, and sweeps continued with `sweep0`, without a change of a bit.
"""

from collections.abc import Sequence

import numpy as np

from .. import _array, _constants, _launch, random
from .._array import Array, Key, Numbers, Sample, Values
from .._gate import accepts_any
from ._spin_graphs import FactorGraph, SpinGraph
from ._sweeps import couplings_and_field, inverse_temperatures, kept_inside, sample_indices

MOST = 127  # states that int8 can tell apart
BLOCK = 128  # threads that share the nodes of a colour, at most
NO_STATE = _launch.fault(70, "a state is out of range: they must be 0 to states - 1")


def _checked(graph: SpinGraph, states: int, state: Array | None = None, look: bool = True) -> Array:
    if isinstance(graph, FactorGraph):
        raise TypeError("Potts spins are coupled in pairs: give a SpinGraph, not a FactorGraph")
    if not 2 <= states <= MOST:
        raise ValueError(f"states must be from 2 to {MOST}, got {states}")
    if state is None:
        return state
    if not _array.is_array(state) or state.dtype != np.int8:
        raise TypeError(f"states of nodes must be int8, got {getattr(state, 'dtype', type(state).__name__)}")
    if state.ndim != 2 or state.shape[1] != graph.n_nodes:
        raise ValueError(f"states of nodes must be (batch, {graph.n_nodes}), got shape {state.shape}")
    if state.size and look:
        _launch.flag(~((state >= 0) & (state < states)).all(), NO_STATE)
    return _array.contiguous(state)


@accepts_any
def energy(state: Numbers, graph: SpinGraph, coupling: Numbers, field: Numbers | None = None, *, states: int) -> Array:
    """E of each sample, (batch,) float64. Arguments as for `sweep`."""
    state = _checked(graph, states, state)
    coupling, field = couplings_and_field(graph, coupling, field, len(state), states)
    a, b = graph.ends(state)
    own = _array.namespace(state).take_along_axis(
        field.reshape(-1, graph.n_nodes, states).astype(np.float64), _array.as_type(state, np.int64)[:, :, None], axis=2
    )
    return -(state[:, a] == state[:, b]).astype(np.float64) @ _array.as_type(coupling, np.float64) - own.sum(axis=(1, 2))


@accepts_any
def random_state(graph: SpinGraph, batch: int, key: Key, *, states: int, sample: Sample = 0, like: Numbers | None = None) -> Array:
    """States drawn evenly, (batch, n_nodes) int8.

    Parameters
    ----------
    key, sample, like
        Of `pnnkern.random`.
    """
    _checked(graph, states)
    draws = random.uniform(random.fold_in(key, "start"), (batch, graph.n_nodes), sample=sample, like=like)
    return (draws * np.float32(states)).astype(np.int8)


@accepts_any
def sweep(
    state: Numbers, graph: SpinGraph, coupling: Numbers, field: Numbers | None = None, *, states: int, beta: Values = 1.0,
    sweeps: int | None = None, clamped: Sequence[int] = (), key: Key | None = None, sample: Sample = 0, sweep0: int = 0,
) -> Array:  # fmt: skip
    """Gibbs sweeps of all nodes that are not clamped.

    Parameters
    ----------
    state : Array
        (batch, n_nodes) int8, 0 to states - 1.
    coupling : Array
        (edges,).
    field : Array | None
        (n_nodes, states) or (batch, n_nodes, states), 0 by default.
    states : int
        How many a node can be in, 2 to 127.
    beta, sweeps, clamped, key, sample, sweep0
        As of `ising.sweep`; with a falling temperature it anneals.

    Returns
    -------
    Array
        The new states.

    Raises
    ------
    ValueError, TypeError, ValueError
        Without a key.

    Notes
    -----
    Chances are worked out in float32; a state of less than 2^-24 is not met.
    """
    key = random.require_key(key, "Potts spins are random")
    xp = _array.namespace(state)
    looked = xp is np  # else the kernel looks at what it is given
    state = _checked(graph, states, state, looked)
    batch = len(state)
    coupling, field = couplings_and_field(graph, coupling, field, batch, states, look=looked)
    betas = inverse_temperatures(beta, sweeps, state, look=looked)
    firsts, visit = graph.visits(clamped)
    draws, words, out = sample_indices(sample, batch, xp), random.words_of(key, xp), xp.array(state)
    if batch and len(betas) and (visit >= 0).any():
        offsets, neighbour, edge = graph.entries(state)
        threads = _threads(states, 4 * int(np.diff(firsts).max()), state)
        kept, pad, shared = kept_inside(graph, len(edge), len(betas), state, beside=4 * states * threads)
        _launch.launch(
            "networks/potts", "sweep", np.float32, batch, graph.n_nodes, 1 if field.ndim == 2 else batch, states, len(firsts) - 1, len(betas),
            kept, pad, *words, sweep0, *draws, *(_constants.constant(table, np.int32, state) for table in (firsts, visit)), offsets, neighbour,
            _array.as_type(coupling, np.float32, copy=False)[edge], _array.contiguous(_array.as_type(field, np.float32, copy=False)), betas,
            out,
            grid=(min(batch, _launch.MAX_BLOCKS),), block=(threads,), shared=4 * states * threads + shared,
        )  # fmt: skip
    return out


def _threads(states: int, visits: int, like: Array) -> int:
    """Threads of a block: as many warps as the largest colour has `visits` for, and the shared memory room for the fields of, up to 4."""
    threads = min(BLOCK, -(-visits // 32) * 32)
    while 4 * states * threads > _launch.shared_limit(like) and threads > 32:
        threads -= 32
    return threads


__all__ = ["SpinGraph", "energy", "random_state", "sweep"]
