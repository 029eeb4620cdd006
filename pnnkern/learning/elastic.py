"""Learning in networks of springs: each spring compares its own lengths in the free and in the clamped or nudged state.

Stern et al., Phys. Rev. X 11, 021045 (2021), section VI; in a laboratory: Altman et al., Phys. Rev. Applied 22, 024053 (2024).
"""

from typing import Any

import numpy as np

from .. import _array
from .._array import Array, Indices, Numbers, PerEdge
from .._checks import double, floats, shaped
from .._gate import accepts_any


@accepts_any
def elastic_learning_update(
    net: Any, stiffness: PerEdge, rest: PerEdge, source_nodes: Indices, source_positions: Numbers, target_nodes: Indices,
    target_positions: Numbers, start: Numbers, *, eta: float = 1e-3, **options: Any,
) -> tuple[Array, Array]:  # fmt: skip
    """dL/dk and dL/dl of stiffnesses and rest lengths, each (E,), mean over the batch: to be descended, each at a rate of its own.

    Parameters
    ----------
    net
        `ElasticNetwork`.
    source_positions : Array
        (batch, n_sources, dimension), where sources are held in both states. target_positions : (batch, n_targets, dimension), where targets
        should be; clamped, they are held at ``x_F + eta (y - x_F)``.
    start, options
        Of `ElasticNetwork.relax`.

    Notes
    -----
    Stiffness ``((r_C - l)^2 - (r_F - l)^2) / (2 eta)``, rest length ``-k (r_C - r_F) / eta``, for lengths r_F and r_C; r_C - r_F is worked out
    from the displacements, so that it keeps its digits for a small eta. Not the gradient of a cost for several coordinates.
    """
    if not 0 < eta <= 1:
        raise ValueError(f"eta must lie in (0, 1]: it is how far the targets are moved towards where they should be, got {eta:g}")
    stiffness, rest = floats("stiffness", stiffness, source_positions), floats("rest", rest, source_positions)
    sources, targets = net.disjoint_nodes(source_nodes, target_nodes)
    xp, given = _array.namespace(stiffness), double("target_positions", target_positions, stiffness)
    at = shaped("source_positions", double("source_positions", source_positions, stiffness), "batch", len(sources), net.dimension)
    shaped("target_positions", given, len(at), len(targets), net.dimension)
    free = net.relax(stiffness, rest, sources, at, start, **options).positions
    held = free[:, targets] + eta * (given - free[:, targets])
    clamped = net.relax(
        stiffness, rest, np.concatenate([sources, targets]), xp.concatenate([at, held], axis=1), free, **options
    ).positions
    by_stiffness, by_rest = (by / (eta * len(at)) for by in net.contrast(free, clamped, (stiffness, rest)))
    return by_stiffness.astype(stiffness.dtype, copy=False), by_rest.astype(rest.dtype, copy=False)


@accepts_any
def allosteric_learning_update(
    net: Any, stiffness: PerEdge, rest: PerEdge, source_nodes: Indices, source_positions: Numbers, gauges: Indices, distances: Numbers,
    start: Numbers, *, beta: float = 1e-2, **options: Any,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """dC/dk and dC/dl of stiffnesses and rest lengths, for far pairs of nodes to come to given distances when the sources are moved.

    Parameters
    ----------
    gauges
        (n,) numbers of edges of `net` that are no springs: they mark the target pairs. What `stiffness` and `rest` have there is not looked at,
        and not updated.
    distances : Array
        (n,) metres, wanted between the nodes of each.

    Returns
    -------
    tuple[Array, Array, Array]
        Them, each (E,), 0 at the gauges, and the distances (batch, n) that the pairs have without the nudge.

    Notes
    -----
    Other arguments as above.

    Equilibrium propagation: with springs of stiffness `beta` (N/m) and the wanted rest lengths in place of the gauges, the network rests where
    E + beta C is least, C = sum (d - y)^2 / 2. Each spring compares its own lengths there and without them, so what comes of it, to be
    descended, is dC/dk and dC/dl up to an error of order beta; mean over the batch.

    The task, by other means: Rocks et al., PNAS 114, 2520 (2017); by coupled learning: Stern et al., Phys. Rev. X 11, 021045 (2021).
    """
    if not 0 < beta < np.inf:
        raise ValueError(f"beta must be positive: the stiffness, N/m, of the springs that pull targets to their distances; got {beta:g}")
    stiffness, rest = (shaped(n, floats(n, x, source_positions), net.n_edges) for n, x in (("stiffness", stiffness), ("rest", rest)))
    at, y = np.asarray(_array.to_numpy(gauges)), double("distances", distances, stiffness)
    if at.ndim != 1 or at.dtype.kind not in "iu" or not len(at) or at.min() < 0 or at.max() >= net.n_edges or len(np.unique(at)) < len(at):
        raise ValueError(f"gauges must be different numbers of edges, 0 .. {net.n_edges - 1}, got {at.tolist()}")
    if y.shape != at.shape or not bool((y > 0).all()):
        raise ValueError(f"distances must be ({len(at)},) and positive, metres, one for each gauge, got {_array.to_numpy(y).tolist()}")
    k, l = _array.as_type(stiffness, np.float64), _array.as_type(rest, np.float64)
    k[at], l[at] = 0.0, y
    free = net.relax(k, l, source_nodes, source_positions, start, **options).positions
    k[at] = beta
    nudged = net.relax(k, l, source_nodes, source_positions, free, **options).positions
    k[at] = 0.0
    by_stiffness, by_rest = (by / (beta * len(free)) for by in net.contrast(free, nudged, (k, l)))
    by_stiffness[at] = 0.0
    return by_stiffness.astype(stiffness.dtype, copy=False), by_rest.astype(rest.dtype, copy=False), net.lengths(free)[:, at]
