"""What sweeps over spins are given: couplings, fields, inverse temperatures and the indices of samples."""

from typing import Any

import numpy as np

from .. import _array, _constants, _launch
from .._array import Array, Numbers, Sample
from .._checks import real
from ._graph import check_finite
from ._spin_graphs import FactorGraph, SpinGraph

SWEEPS = 4  # from which on tables are copied to shared memory
NO_BETA = _launch.fault(67, "beta must be finite and 0 or more")


def couplings_and_field(graph: SpinGraph, coupling: Numbers, field: Numbers | None, batch: int, *states: int, look: bool = True,
                        ) -> tuple[Array, Array]:  # fmt: skip
    """Checked couplings, and a field for each node, or for each of the `states` of each; 0 if there is none. look : also at the numbers."""
    xp = _array.namespace(coupling)
    if real("coupling", coupling).shape != (graph.n_couplings,):
        each = "factor" if isinstance(graph, FactorGraph) else "edge"
        raise ValueError(f"coupling must be ({graph.n_couplings},), one for each {each}, got shape {coupling.shape}")
    one = (graph.n_nodes, *states)
    if field is None:
        field = xp.zeros(one, np.float32)
    if real("field", field).shape not in (one, (batch, *one)):
        raise ValueError(f"field must be {one} or {(batch, *one)}, got shape {field.shape}")
    if look:
        check_finite("coupling", coupling)
        check_finite("field", field)
    return coupling, field


def inverse_temperatures(beta: Any, sweeps: int | None, like: Numbers, look: bool = True) -> Array:
    """Inverse temperatures (sweeps,) float64 on the device of `like`. look : also at those of a GPU."""
    real("beta", beta if _array.is_array(beta) else np.asarray(beta))
    if _array.is_array(beta) and _array.namespace(beta) is not np:
        betas = beta.reshape(-1).astype(np.float64, copy=False)
        if look:
            _launch.flag(~(_array.namespace(betas).isfinite(betas) & (betas >= 0)).all(), NO_BETA)
    else:
        betas = np.atleast_1d(np.asarray(beta, np.float64))
    if sweeps is not None:
        if sweeps < 0:
            raise ValueError(f"sweeps must be 0 or more, got {sweeps}")
        if len(betas) not in (1, sweeps):
            raise ValueError(f"beta must be one number, or one for each of the {sweeps} sweeps, got {len(betas)}")
        betas = _array.namespace(betas).broadcast_to(betas, sweeps) if len(betas) == 1 else betas
    if _array.namespace(betas) is not np:
        return _array.contiguous(betas)
    if betas.ndim != 1 or not np.isfinite(betas).all() or (betas < 0).any():
        raise ValueError("beta must be finite and 0 or more")
    return _constants.constant(np.ascontiguousarray(betas), np.float64, like)


def sample_indices(sample: Sample, batch: int, xp: Any) -> tuple[int, Array | None]:
    """The index of row 0 and None, or 0 and an index for each row."""
    if isinstance(sample, int | np.integer):
        return int(sample), None
    index = sample if _array.is_array(sample) else np.asarray(sample)
    if index.dtype.kind not in "iu":
        raise TypeError(f"sample must be integers, got {index.dtype}")
    if index.shape != (batch,):
        raise ValueError(f"sample must be one index, or one for each of the {batch} rows, got shape {index.shape}")
    return 0, xp.ascontiguousarray(xp.asarray(index, dtype=np.int64))


def kept_inside(graph: SpinGraph, entries: int, sweeps: int, like: Numbers, beside: int = 0) -> tuple[int, int, int]:
    """What lies in a block's shared memory (2 states and tables, 1 states, 0 nothing), entries between nodes of tables, and bytes.

    Tables pay where several sweeps read them; rows of an even length begin an odd number apart. beside : bytes that are taken already.
    """
    room, nodes = _launch.shared_limit(like) - beside, graph.n_nodes
    pad = int(entries // nodes % 2 == 0)
    tables = 4 * (entries + pad * nodes) * (1 + graph.width)
    if sweeps >= SWEEPS and tables + nodes <= room:
        return 2, pad, tables + nodes
    return (1, 0, nodes) if nodes <= room else (0, 0, 0)


__all__ = ["couplings_and_field", "inverse_temperatures", "kept_inside", "sample_indices"]
