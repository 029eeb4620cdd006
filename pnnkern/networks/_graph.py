"""What all networks on graphs have in common: the checked edge list, neighbours, colours, and what is held where."""

from functools import cached_property
from typing import Any

import numpy as np

from .. import _array, _constants, _launch
from .._array import Array, Indices, Numbers
from .._checks import double, real, shaped
from .._constants import Copies
from .._gate import accepts_any

NOT_FINITE = _launch.fault(64, "what is given for the nodes or edges of a network must be finite")


@accepts_any
class Graph:
    """Nodes and the edges between them. Without loops and parallel edges.

    Parameters
    ----------
    edges
        (E, 2) integers from 0, the two ends of each edge.
    n_nodes : int
        How many nodes there are.
    """

    def __init__(self, edges: Indices, n_nodes: int) -> None:
        edges = np.asarray(_array.to_numpy(edges))
        if edges.ndim != 2 or edges.shape[1] != 2 or not len(edges) or edges.dtype.kind not in "iu":
            raise ValueError(f"edges must be (E, 2) integers with E at least 1, got {edges.dtype} of shape {edges.shape}")
        if edges.min() < 0 or edges.max() >= n_nodes:
            wrong = int(edges.min()) if edges.min() < 0 else int(edges.max())
            raise ValueError(f"edges join nodes 0 .. {n_nodes - 1}, but one ends at node {wrong}")
        if (edges[:, 0] == edges[:, 1]).any():
            e = int(np.argmax(edges[:, 0] == edges[:, 1]))
            raise ValueError(f"edge {e} joins node {edges[e, 0]} to itself: an edge needs two different nodes")
        keys = np.sort(edges, axis=1) @ np.array([n_nodes, 1])
        _, first, count = np.unique(keys, return_index=True, return_counts=True)
        if (count > 1).any():
            a, b = edges[first[np.argmax(count > 1)]]
            raise ValueError(f"nodes {a} and {b} are joined by {count.max()} edges: give one, with the sum of their conductances")
        self.edges, self.n_nodes, self.n_edges = edges.astype(np.int32), int(n_nodes), len(edges)
        self._copies = Copies()

    # ------------------------------------------------------------------------------------------------------------------ shape
    @cached_property
    def _neighbours(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Neighbours of node i: neighbour[k] over edge[k], offsets[i] <= k < offsets[i + 1]; int32."""
        ends = np.concatenate([self.edges, self.edges[:, ::-1]])
        order = np.argsort(ends[:, 0], kind="stable")
        offsets = np.zeros(self.n_nodes + 1, np.int32)
        np.cumsum(np.bincount(ends[:, 0], minlength=self.n_nodes), out=offsets[1:])
        edge = np.tile(np.arange(self.n_edges, dtype=np.int32), 2)[order]
        return offsets, np.ascontiguousarray(ends[order, 1]), edge

    @cached_property
    def colours(self) -> np.ndarray:
        """A colour for each node, (n_nodes,) int32, so that no edge joins two nodes of one colour; greedy, the largest degree first."""
        offsets, neighbour, _ = self._neighbours
        colour = np.full(self.n_nodes, -1, np.int32)
        for i in np.argsort(-np.diff(offsets), kind="stable"):
            taken = set(colour[neighbour[offsets[i] : offsets[i + 1]]].tolist())
            colour[i] = next(c for c in range(len(taken) + 1) if c not in taken)
        return colour

    @cached_property
    def _ends(self) -> tuple[np.ndarray, ...]:
        return tuple(np.ascontiguousarray(end) for end in self.edges.T)

    def ends(self, like: Numbers) -> tuple[Array, ...]:
        """First and second nodes of the edges, (E,) int32 each, on the device of `like`."""
        return tuple(self.on(f"end {k}", end, like) for k, end in enumerate(self._ends))

    def neighbours(self, like: Numbers) -> tuple[Array, ...]:
        """Offsets, neighbours and edges of all nodes (`_neighbours`), on the device of `like`."""
        return tuple(self.on(name, table, like) for name, table in zip(("offsets", "neighbour", "edge"), self._neighbours, strict=True))

    def on(self, name: str, array: np.ndarray, like: Numbers) -> Array:
        """`array` on the device of `like`; copied to a GPU once and kept under `name`."""
        return self._copies.on(name, array, like)

    # ----------------------------------------------------------------------------------------------------------------- checks
    def _indices(self, what: str, nodes: Any) -> np.ndarray:
        """Node numbers as int64 (n,). Raises ValueError for one that does not exist or is named twice."""
        found = np.atleast_1d(np.asarray(_array.to_numpy(nodes)))
        if found.ndim != 1 or found.dtype.kind not in "iu" or not len(found):
            raise ValueError(f"{what} must be a list of at least one node number, got {found.dtype} of shape {found.shape}")
        found = found.astype(np.int64)
        if found.min() < 0 or found.max() >= self.n_nodes:
            wrong = found[(found < 0) | (found >= self.n_nodes)][0]
            raise ValueError(f"{what} name node {wrong}: the network has nodes 0 .. {self.n_nodes - 1}")
        if np.count_nonzero(self._marked(found)) < len(found):
            values, count = np.unique(found, return_counts=True)
            raise ValueError(f"{what} name node {values[count > 1][0]} twice: a node is held at one voltage")
        return found

    def _marked(self, nodes: np.ndarray) -> np.ndarray:
        """Which of all nodes are among these, boolean (n_nodes,)."""
        out = np.zeros(self.n_nodes, bool)
        out[nodes] = True
        return out

    def disjoint_nodes(self, source_nodes: Indices, target_nodes: Indices) -> tuple[np.ndarray, np.ndarray]:
        """Checked node numbers of sources and targets.

        Raises
        ------
        ValueError
            If a node is both.
        """
        sources, targets = self._indices("source_nodes", source_nodes), self._indices("target_nodes", target_nodes)
        both = targets[self._marked(sources)[targets]]
        if len(both):
            raise ValueError(f"node {both[0]} is a source and a target: it cannot be held at two voltages")
        return sources, targets

    def _edge_values(self, what: str, values: Array, unit: str = "siemens", lowest: float = 0.0) -> Array:
        """One finite value of at least `lowest` for each edge, in float64."""
        return self._edge_span(what, values, unit, lowest)[0]

    def _edge_span(self, what: str, values: Array, unit: str = "siemens", lowest: float = 0.0) -> tuple[Array, float, float]:
        """The same, and the smallest and the largest of them: one look at a GPU."""
        if values.shape != (self.n_edges,):
            raise ValueError(f"{what} must be ({self.n_edges},), one for each edge, got shape {values.shape}")
        smallest, largest = _array.to_numpy(_array.namespace(values).stack([values.min(), values.max()])).tolist()
        if not (smallest >= lowest and np.isfinite(largest)):
            wrong = smallest if not smallest >= lowest else largest
            raise ValueError(f"{what} must be finite and at least {lowest:g} {unit}, got {wrong:g}")
        return _array.contiguous(values.astype(np.float64, copy=False)), smallest, largest

    def _node_values(self, what: str, values: Array, nodes: np.ndarray, like: Array) -> Array:
        """Values (batch, len(nodes)) as float64 on the device of `like`."""
        values = double(what, values, like)
        if values.ndim != 2 or values.shape[1] != len(nodes):
            raise ValueError(f"{what} must be (batch, {len(nodes)}), a column for each of their nodes, got shape {values.shape}")
        check_finite(what, values)
        return values

    def _refuse_floating(self, conducting: np.ndarray, nodes: np.ndarray) -> None:
        """Raise ValueError if a node has no path of conducting edges to one of `nodes`."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        used = self.edges[conducting]
        graph = coo_array((np.ones(len(used), np.int8), (used[:, 0], used[:, 1])), shape=(self.n_nodes, self.n_nodes))
        _, part = connected_components(graph, directed=False)
        floating = ~np.isin(part, part[nodes])
        if floating.any():
            raise ValueError(
                f"node {int(np.argmax(floating))} floats: no path of conducting edges joins it to a node that is held "
                f"({int(floating.sum())} of {self.n_nodes} nodes do); remove it or raise the conductances around it"
            )

    def _driven(self, currents: Array | None, load: Any, batch: int, like: Array) -> tuple[Array | None, Array | None]:
        """Currents (batch, n_nodes) with those of the loads' sources, and the loads' conductances (n_nodes,); None for none."""
        xp = _array.namespace(like)
        if currents is not None:
            currents = shaped("currents", double("currents", currents, like), batch, self.n_nodes)
        if load is None:
            return currents, None
        if not isinstance(load, tuple | list) or len(load) != 3:
            raise TypeError("load must be (nodes, siemens, volts)")
        nodes = self._indices("load", load[0])
        weight, at = xp.zeros(self.n_nodes), _constants.constant(nodes, np.int64, like)
        siemens = real("load", load[1] if _array.is_array(load[1]) else np.asarray(load[1]))
        weight[at] = float(siemens) if siemens.ndim == 0 else xp.asarray(siemens, np.float64)
        driven = xp.zeros((batch, self.n_nodes)) if currents is None else currents.copy()
        driven[:, at] += weight[at] * self._node_values("load", load[2], nodes, like)
        return driven, weight


def check_finite(what: str, values: Numbers) -> None:
    """Raise ValueError for values that are not finite, on a GPU at `pnnkern.check()`."""
    _launch.flag(~_array.namespace(values).isfinite(values).all(), NOT_FINITE, lambda: f"{what} must be finite")
