"""Graphs of spins, and the tables that their kernels walk (kernels networks/pbit and networks/potts)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import _array, _constants
from .._array import Array, Numbers
from .._gate import accepts_any
from ._graph import Graph

PANEL = 8  # nodes that a dense layer works on together: two quads


@dataclass(frozen=True)
class Layer:
    """A colour whose nodes have nearly all the same neighbours. quads : its quads. input : the neighbours, ascending, int32.

    edge : (panels, inputs, 8) int32, the edges between them and the nodes of each panel; the number of edges where there is none.
    """

    quads: slice
    input: np.ndarray
    edge: np.ndarray


@accepts_any
class SpinGraph(Graph):
    """Spins and the edges they are coupled by: edges (E, 2), n_nodes. ``SpinGraph.complete(n)`` couples all to all."""

    width = 1  # other nodes of a coupling

    @classmethod
    def complete(cls, n_nodes: int) -> "SpinGraph":
        """Every spin coupled to every other: edge (a, b) for a < b in order."""
        return cls(np.stack(np.triu_indices(n_nodes, 1), axis=1), n_nodes)

    @classmethod
    def layers(cls, *sizes: int) -> "SpinGraph":
        """Layers coupled each to the next: edges of one pair of layers after another, in the C order of (below, above)."""
        starts = np.cumsum([0, *sizes])
        pairs = [np.indices(sizes[l : l + 2]).reshape(2, -1).T + starts[l : l + 2] for l in range(len(sizes) - 1)]
        return cls(np.concatenate(pairs), int(starts[-1]))

    @property
    def n_couplings(self) -> int:
        """How many couplings there are: one for each edge."""
        return self.n_edges

    @cached_property
    def _neighbours(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As of any graph; the neighbours of a node ascend, in which order fields are summed."""
        ends = np.concatenate([self.edges, self.edges[:, ::-1]])
        order = np.lexsort((ends[:, 1], ends[:, 0]))
        offsets = np.zeros(self.n_nodes + 1, np.int32)
        np.cumsum(np.bincount(ends[:, 0], minlength=self.n_nodes), out=offsets[1:])
        return offsets, np.ascontiguousarray(ends[order, 1]), np.tile(np.arange(self.n_edges, dtype=np.int32), 2)[order]

    def entries(self, like: Numbers) -> tuple[Array, ...]:
        """Couplings at each node, offsets[i] to offsets[i + 1]: offsets, the other nodes (entries, width) and the couplings' numbers."""
        return self.neighbours(like)

    def _products(self, state: Array) -> Array:
        """Products of the spins of each coupling, (batch, n_couplings) int8."""
        a, b = self.ends(state)
        return state[:, a] * state[:, b]

    # --------------------------------------------------------------------------------------------------------------------- visits
    @cached_property
    def _quads(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self.colours, kind="stable")
        firsts, tables, start = [0], [], 0
        for count in np.bincount(self.colours):
            quads = -(-count // 4)
            table = np.full(4 * quads, -1)
            table[:count] = order[start : start + count]
            tables.append(table.reshape(4, quads).T)
            firsts.append(firsts[-1] + quads)
            start += count
        return np.array(firsts, np.int32), np.ascontiguousarray(np.concatenate(tables), np.int32)

    def visits(self, clamped: Sequence[int] = ()) -> tuple[np.ndarray, np.ndarray]:
        """Bounds (colours + 1,) of each colour in the quads, and the nodes of each quad (quads, 4), -1 for none or one that is clamped."""
        firsts, table = self._quads
        if not len(clamped):
            return firsts, table
        free = np.ones(self.n_nodes + 1, bool)
        free[self._indices("clamped", clamped)] = False
        return firsts, np.where(free[table], table, -1)

    # --------------------------------------------------------------------------------------------------------------------- layers
    @cached_property
    def dense(self) -> tuple[Layer, ...]:
        """The colours as layers, if edges are at least half of all that there could be between their nodes and their neighbours; or none."""
        firsts, visit = self._quads
        offsets, neighbour, edge = self._neighbours
        colours, panels = len(firsts) - 1, -(-np.diff(firsts) // 2)
        if self.n_nodes < PANEL * colours:
            return ()
        near = np.zeros((colours, self.n_nodes), bool)
        near[np.repeat(self.colours, np.diff(offsets)), neighbour] = True
        if 2 * self.n_edges < PANEL * int((panels * near.sum(axis=1)).sum()) / 2:
            return ()
        made = []
        for c in range(colours):
            place, nodes = np.cumsum(near[c]) - 1, visit[firsts[c] : firsts[c + 1]].ravel()
            table = np.full((panels[c], int(near[c].sum()), PANEL), self.n_edges, np.int32)
            for r, i in enumerate(nodes):
                if i >= 0:
                    here = slice(offsets[i], offsets[i + 1])
                    table[r // PANEL, place[neighbour[here]], r % PANEL] = edge[here]
            made.append(Layer(slice(int(firsts[c]), int(firsts[c + 1])), np.flatnonzero(near[c]).astype(np.int32), table))
        return tuple(made)


@accepts_any
class FactorGraph(SpinGraph):
    """Spins coupled in groups: each factor f adds ``-J_f`` times the product of its spins to the energy.

    Parameters
    ----------
    factors
        Sequences of two or more different nodes from 0, or an array (factors, k) of them.
    n_nodes : int
        How many nodes there are.

    Raises
    ------
    ValueError, TypeError
        .

    Notes
    -----
    No two factors may have the same nodes. Two nodes of one factor are never of one colour, so that sweeps stay exact.
    """

    def __init__(self, factors: Any, n_nodes: int) -> None:
        if _array.is_array(factors):
            factors = list(np.atleast_1d(_array.to_numpy(factors)))
        if not isinstance(factors, Sequence):
            raise TypeError(f"factors must be sequences of nodes or an array (factors, k), got {type(factors).__name__}")
        groups = [np.asarray(_array.to_numpy(nodes) if _array.is_array(nodes) else nodes) for nodes in factors]
        if not groups:
            raise ValueError("a graph of spins needs at least one factor")
        for f, nodes in enumerate(groups):
            if nodes.ndim != 1 or len(nodes) < 2 or nodes.dtype.kind not in "iu":
                raise ValueError(f"factor {f} must name two or more nodes by integers: what acts on one spin is a field")
            groups[f] = nodes = np.sort(nodes)
            if nodes[0] < 0 or nodes[-1] >= n_nodes:
                wrong = int(nodes[0]) if nodes[0] < 0 else int(nodes[-1])
                raise ValueError(f"factors join nodes 0 .. {n_nodes - 1}, but factor {f} names node {wrong}")
            if (nodes[1:] == nodes[:-1]).any():
                twice = int(nodes[1:][nodes[1:] == nodes[:-1]][0])
                raise ValueError(f"factor {f} names node {twice} twice: the square of a spin is 1, so leave it out")
        named: dict[tuple[int, ...], int] = {}
        for f, nodes in enumerate(groups):
            first = named.setdefault(tuple(nodes.tolist()), f)
            if first != f:
                raise ValueError(f"factors {first} and {f} have the same nodes: give one, with the sum of their couplings")
        most = max(map(len, groups))
        self.factors = np.full((len(groups), most), -1, np.int32)  # ascending nodes, -1 after the last
        for f, nodes in enumerate(groups):
            self.factors[f, : len(nodes)] = nodes
        pairs = [self.factors[:, [a, b]] for a in range(most) for b in range(a + 1, most)]
        joined = np.concatenate(pairs)
        super().__init__(np.unique(joined[joined[:, 1] >= 0], axis=0), n_nodes)
        self.width = most - 1

    @property
    def n_couplings(self) -> int:
        """How many couplings there are: one for each factor."""
        return len(self.factors)

    @cached_property
    def _entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        f, place = np.nonzero(self.factors >= 0)
        node = self.factors[f, place]
        columns = np.arange(self.width + 1)
        others = np.where(columns == place[:, None], -1, self.factors[f])
        others = np.take_along_axis(others, np.argsort(others < 0, axis=1, kind="stable"), axis=1)[:, : self.width]
        order = np.lexsort((f, node))
        offsets = np.zeros(self.n_nodes + 1, np.int32)
        np.cumsum(np.bincount(node, minlength=self.n_nodes), out=offsets[1:])
        return offsets, np.ascontiguousarray(others[order], np.int32), f[order].astype(np.int32)

    def entries(self, like: Numbers) -> tuple[Array, ...]:
        names = "factor offsets", "factor nodes", "factor numbers"
        return tuple(self.on(name, table, like) for name, table in zip(names, self._entries, strict=True))

    def _products(self, state: Array) -> Array:
        out = state[:, _constants.constant(self.factors[:, 0], np.int32, state)]
        for column in self.factors.T[1:]:
            spins = state[:, _constants.constant(np.maximum(column, 0), np.int32, state)]
            spins[:, _constants.constant(np.flatnonzero(column < 0), np.int64, state)] = 1
            out = out * spins
        return out

    @cached_property
    def dense(self) -> tuple[Layer, ...]:
        return ()


__all__ = ["PANEL", "FactorGraph", "Layer", "SpinGraph"]
