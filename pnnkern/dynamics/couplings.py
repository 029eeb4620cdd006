"""Which nodes feel which."""

from dataclasses import dataclass

import numpy as np

from .._array import Array, Indices
from .._checks import whole
from .._constants import Copies
from .._gate import accepts_any


@dataclass(frozen=True)
class Lists:
    """What kernels walk: of node i the entries offsets[i] to offsets[i + 1], with the node there and the edge."""

    offsets: np.ndarray
    neighbour: np.ndarray
    edge: np.ndarray


@accepts_any
class Couplings:
    """Edges between nodes. Their weights are an array that you pass.

    Parameters
    ----------
    edges
        (E, 2) integers: edge e couples the nodes edges[e].
    n_nodes : int
        How many nodes there are.
    directed : bool
        By default both nodes of an edge feel each other; else the first one feels the second alone.

    Raises
    ------
    TypeError
        For edges that are no integers.
    ValueError
        For another shape, nodes that there are not, and a node that is coupled with itself, which its own law can say.
    """

    def __init__(self, edges: Indices, n_nodes: int, *, directed: bool = False) -> None:
        self.n_nodes = whole("n_nodes", n_nodes, 1, 2**31 - 1)
        given = np.asarray(edges)
        if given.dtype.kind not in "iu" and given.size:
            raise TypeError(f"edges must be integers, got {given.dtype}")
        if given.ndim != 2 or given.shape[1] != 2:
            raise ValueError(f"edges must be (edges, 2), got shape {given.shape}")
        if given.size and (given.min() < 0 or given.max() >= n_nodes):
            raise ValueError(f"edges must join nodes 0 to {n_nodes - 1}, got {given.min()} to {given.max()}")
        alone = np.flatnonzero(given[:, 0] == given[:, 1])
        if alone.size:
            raise ValueError(f"edge {alone[0]} joins node {given[alone[0], 0]} to itself: what a node does by itself, its law says")
        self.edges, self.directed = given.astype(np.int32), bool(directed)
        self.n_edges = len(self.edges)
        into, out_of = (self.edges, self.edges[:, ::-1])
        both = np.concatenate([into, out_of])
        self._into = self._lists(into if directed else both)
        self._from = self._lists(out_of) if directed else self._into
        self._copies = Copies()

    def _lists(self, entries: np.ndarray) -> Lists:
        """Of entries (node, the node at the other end), sorted by node."""
        order = np.argsort(entries[:, 0], kind="stable")
        offsets = np.searchsorted(entries[order, 0], np.arange(self.n_nodes + 1)).astype(np.int32)
        edge = (order % max(self.n_edges, 1)).astype(np.int32)
        return Lists(offsets, np.ascontiguousarray(entries[order, 1]), edge)

    def _on(self, like: Array, *names: str) -> list[Array]:
        """Lists on the device of `like`: "into" of what nodes feel, "from" of what feels them."""
        found = []
        for name in names:
            lists: Lists = getattr(self, f"_{name}")
            for part in ("offsets", "neighbour", "edge"):
                found.append(self._copies.on((name, part), getattr(lists, part), like))
        return found

    def _ends(self, like: Array) -> Array:
        return self._copies.on("ends", self.edges, like)


__all__ = ["Couplings"]
