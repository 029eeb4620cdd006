"""Coupled learning in networks of springs: each spring compares its own lengths in the free and in the clamped state.

Stern et al., Phys. Rev. X 11, 021045 (2021), section VI; in a laboratory: Altman et al., Phys. Rev. Applied 22, 024053 (2024).
"""

from typing import Any

import numpy as np

from .. import _array
from .._array import Array, accepts_any


@accepts_any
def elastic_learning_update(
    net: Any, stiffness: Array, rest: Array, source_nodes: Any, source_positions: Array, target_nodes: Any, target_positions: Array,
    start: Array, *, eta: float = 1e-3, **options: Any,
) -> tuple[Array, Array]:  # fmt: skip
    """Updates of stiffnesses and rest lengths, each (E,), mean over the batch: add them, times a rate of their own.

    net : `ElasticNetwork`. source_positions : (batch, n_sources, dimension), where sources are held in both states. target_positions :
    (batch, n_targets, dimension), where targets should be; clamped, they are held at ``x_F + eta (y - x_F)``. start, options : of
    `ElasticNetwork.relax`.

    Stiffness ``((r_F - l)^2 - (r_C - l)^2) / (2 eta)``, rest length ``k (r_C - r_F) / eta``, for lengths r_F and r_C; r_C - r_F is
    worked out from the displacements, so that it keeps its digits for a small eta. Not the gradient of a cost for several coordinates.
    """
    if not 0 < eta <= 1:
        raise ValueError(f"eta must lie in (0, 1]: it is how far the targets are moved towards where they should be, got {eta:g}")
    sources, targets = net.apart(source_nodes, target_nodes)
    xp = _array.namespace(stiffness)
    at = xp.asarray(source_positions, np.float64)
    free = net.relax(stiffness, rest, sources, at, start, **options).positions
    held = free[:, targets] + eta * (xp.asarray(target_positions, np.float64) - free[:, targets])
    clamped = net.relax(
        stiffness, rest, np.concatenate([sources, targets]), xp.concatenate([at, held], axis=1), free, **options
    ).positions
    i, j = net.edges.T
    w_free, w_clamped = (x[:, i] - x[:, j] for x in (free, clamped))
    r_free, r_clamped = net.lengths(free), net.lengths(clamped)
    longer = ((w_clamped - w_free) * (w_clamped + w_free)).sum(axis=2) / (r_clamped + r_free)
    by_stiffness = -(longer * (r_clamped + r_free - 2 * rest)).mean(axis=0) / (2 * eta)
    by_rest = stiffness * longer.mean(axis=0) / eta
    return by_stiffness.astype(stiffness.dtype, copy=False), by_rest.astype(rest.dtype, copy=False)
