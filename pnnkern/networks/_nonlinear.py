"""Relaxation of networks whose edges are not resistors: coloured sweeps of exact node steps, and Newton's method to check them by."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, accepts_any
from ._graph import Graph, State, judged

TOLERANCE = 1e-10  # of the step that any node would still make, relative to the largest voltage that is held
THREADS = 64  # of the block that relaxes one sample


class Nonlinear(Graph):
    """Base of networks with edges of their own law. Subclasses give `_law` and `_currents`.

    lower, upper : (n_nodes,) volts or None; nodes are kept within by ideal diodes to rails at these voltages.
    """

    law = ""  # verb of the kernels
    unit, lowest = "siemens", 0.0  # of the edges' parameter

    def __init__(self, edges: Any, n_nodes: int, lower: Any = None, upper: Any = None) -> None:
        super().__init__(edges, n_nodes)
        given = ((-np.inf, lower), (np.inf, upper))
        self.lower, self.upper = (np.full(n_nodes, e if v is None else v, np.float64) for e, v in given)
        if (self.lower > self.upper).any():
            i = int(np.argmax(self.lower > self.upper))
            raise ValueError(f"node {i} cannot lie between {self.lower[i]:g} and {self.upper[i]:g} V: lower must not exceed upper")

    # ------------------------------------------------------------------------------------------------------------- subclasses
    def _law(self, parameter: Array) -> tuple[Any, ...]:
        """What the kernels need to know of the edges."""
        raise TypeError(f"{type(self).__name__} does not say what flows along its edges")

    def _currents(self, parameter: Array, u: Array, v: Array) -> tuple[Array, Array, Array]:
        """Currents (batch, E) from first nodes at u to second nodes at v, and their derivatives by u and by v."""
        raise TypeError(f"{type(self).__name__} does not say what flows along its edges")

    def _conducting(self, parameter: Array) -> np.ndarray:
        """Which edges can carry a current in both directions, (E,) bool."""
        return np.ones(self.n_edges, bool)

    # --------------------------------------------------------------------------------------------------------------- solutions
    @accepts_any
    def solve(self, parameter: Array, nodes: Any, voltages: Array, **options: Any) -> Array:
        """Voltages (batch, n_nodes) with `nodes` held at `voltages` (batch, len(nodes)); arguments and errors as of `relax`."""
        return self.relax(parameter, nodes, voltages, **options).voltages

    @accepts_any
    def relax(
        self, parameter: Array, nodes: Any, voltages: Array, *, currents: Array | None = None, load: tuple[Any, Any, Array] | None = None,
        start: Array | None = None, method: str = "auto", tolerance: float = TOLERANCE, steps: int | None = None, relaxation: float = 1.0,
        on_failure: str = "raise",
    ) -> State:  # fmt: skip
        """The state with some nodes held.

        parameter : (E,) of the edges, float32 or float64: conductances in siemens, or gate voltages; worked on in float64.
        nodes : (held,) integers. voltages : (batch, held) volts.
        currents : (batch, n_nodes) amperes driven into the nodes. load : (nodes, siemens, volts (batch, len)), conductances from these nodes
            to sources, such as a nudge. start : (batch, n_nodes) volts to begin with, such as an earlier state.
        method : "sweep" (exact steps of single nodes, colour by colour), "newton" (dense, all samples at once), or "auto": Newton's method
            on a CPU for up to 256 free nodes, and sweeps where that does not end.
        tolerance : of the step a node would still make, relative to the largest voltage. steps : at most, by default 20000 sweeps or 60 of
            Newton's. relaxation : each node goes this many times its exact step, in (0, 2); above 1 sweeps converge faster, but the energy
            need not fall in each.
        on_failure : when the tolerance is not reached, "raise" or "flag" in the result.

        Returns `State`. Raises ValueError for nodes that float or are held twice, ConvergenceError.
        """
        xp = _array.namespace(parameter, voltages)
        held = self._indices("nodes", nodes)
        p = self._edge_values("parameter", parameter, self.unit, self.lowest)
        values = self._node_values("voltages", voltages, held, p)
        self._refuse_floating(self._conducting(p), held)
        if not 0 < relaxation < 2:
            raise ValueError(f"relaxation must lie in (0, 2), got {relaxation:g}")
        driven, weight = self._driven(currents, load, len(values), p)
        driven = xp.zeros((len(values), self.n_nodes)) if driven is None else driven
        weight = xp.zeros(self.n_nodes) if weight is None else weight
        if start is None:
            v = xp.zeros((len(values), self.n_nodes)) + values.mean(axis=1, keepdims=True)
            v = v.clip(xp.asarray(self.lower), xp.asarray(self.upper))
        else:
            v = xp.array(start, np.float64)
            if v.shape != (len(values), self.n_nodes):
                raise ValueError(f"start must be {(len(values), self.n_nodes)}, got shape {v.shape}")
        v[:, held] = values
        free = np.ones(self.n_nodes, np.uint8)
        free[held] = 0
        scale = abs(v).max(axis=1)
        if currents is not None:  # they alone can make voltages, between sources at 0 V: as large as the first step they would make
            scale = xp.maximum(scale, abs(self._left(p, v, free, weight, driven)).max(axis=1))
        scale = xp.where((scale > 0) & xp.isfinite(scale), scale, 1.0)
        if method not in ("auto", "sweep", "newton"):
            raise ValueError(f"method must be 'auto', 'sweep' or 'newton', got {method!r}")

        def left_over() -> np.ndarray:
            found = _array.to_numpy(abs(self._left(p, v, free, weight, driven)).max(axis=1) / scale)
            return np.where(np.isfinite(found), found, np.inf)

        taken, residual = 0, np.full(len(v), np.inf)
        if method == "newton" or (method == "auto" and not _array.on_device(p) and free.sum() <= 256):
            begun = v.copy()
            v, taken = self._newton(p, v, free, weight, driven, scale, tolerance, steps or 60)
            residual = left_over()
            if method == "auto":  # where it has not ended it may be anywhere
                v = xp.where(xp.asarray(residual <= tolerance)[:, None], v, begun)
        if method == "sweep" or (method == "auto" and not (residual <= tolerance).all()):
            goal, taken = tolerance / 50, 0
            while True:  # a sweep that moves little is no proof that little is left: where it is not so, go on to a smaller one
                v, more = self._sweep(p, v, free, weight, driven, scale, goal, (steps or 20000) - taken, relaxation)
                taken, residual, goal = taken + more, left_over(), goal / 20
                if (residual <= tolerance).all() or taken >= (steps or 20000) or goal < 1e-17:
                    break
        return judged(v.astype(parameter.dtype, copy=False), residual, taken, tolerance, on_failure, "the network")

    @accepts_any
    def residual(self, parameter: Array, voltages: Array, nodes: Any, currents: Array | None = None) -> Array:
        """(batch,) volts: the largest step that a node not in `nodes` would still make, to first order, in states (batch, n_nodes).

        Zero means Kirchhoff's law at the nodes between their rails, and at a rail a current that only this rail's diode can carry.
        """
        xp = _array.namespace(parameter, voltages)
        p = self._edge_values("parameter", parameter, self.unit, self.lowest)
        free = np.ones(self.n_nodes, np.uint8)
        free[self._indices("nodes", nodes)] = 0
        v = voltages.astype(np.float64)
        driven = xp.zeros(v.shape) if currents is None else xp.asarray(currents, np.float64)
        return abs(self._left(p, v, free, xp.zeros(self.n_nodes), driven)).max(axis=1)

    @accepts_any
    def nudge_bound(self, parameter: Array, source_nodes: Any, target_nodes: Any, voltages: Array) -> float:
        """The |beta|, in siemens, below which targets nudged by -beta still settle close to the states `voltages` (batch, n_nodes).

        The smallest of the bounds of the resistor networks that the edges' slopes make there. For transistors an estimate.
        """
        from .resistor import ResistorNetwork

        i, j = self.edges.T
        p = self._edge_values("parameter", parameter, self.unit, self.lowest)
        slopes = self._slopes(p, voltages[:, i].astype(np.float64), voltages[:, j].astype(np.float64))
        net = ResistorNetwork(self.edges, self.n_nodes)
        return min(net.response(slope, source_nodes, target_nodes).nudge_bound for slope in slopes)

    # ------------------------------------------------------------------------------------------------------------------ inside
    def _slopes(self, parameter: Array, u: Array, v: Array) -> Array:
        """Differential conductances (batch, E), siemens."""
        return self._currents(parameter, u, v)[1]

    def _lists(self, like: Array) -> list[Array]:
        """Neighbours, their edges and the sense of each, on the device of `like`."""
        offsets, neighbour, edge = self._neighbours
        sense = np.where(self.edges[edge, 0] == np.repeat(np.arange(self.n_nodes), np.diff(offsets)), 1, -1).astype(np.int8)
        names = ("offsets", "neighbour", "edge", "sense")
        return [self.on(name, array, like) for name, array in zip(names, (offsets, neighbour, edge, sense), strict=True)]

    def _sweep(self, p: Array, v: Array, free: np.ndarray, weight: Array, driven: Array, scale: Array, tolerance: float, steps: int,
               relaxation: float) -> tuple[Array, int]:  # fmt: skip
        xp = _array.namespace(p)
        nodes = np.flatnonzero(free)
        colour = self.colours[nodes]
        order = nodes[np.argsort(colour, kind="stable")].astype(np.int32)
        count = int(self.colours.max()) + 1
        first = np.searchsorted(np.sort(colour), np.arange(count + 1)).astype(np.int32)
        taken = xp.empty(len(v), np.int32)
        rails = (xp.asarray(self.lower), xp.asarray(self.upper))
        _launch.launch("networks/graph_sweep", self.law, "float64", len(v), self.n_nodes, count, steps, tolerance, relaxation, *self._law(p),
                       *self._lists(p), xp.asarray(order), xp.asarray(first), weight, *rails, driven, scale, v, taken,
                       grid=(max(1, min(len(v), _launch.MAX_BLOCKS)),), block=(THREADS,))  # fmt: skip
        return v, int(taken.max())

    def _left(self, p: Array, v: Array, free: np.ndarray, weight: Array, driven: Array) -> Array:
        xp = _array.namespace(p)
        out = xp.empty_like(v)
        rails = (xp.asarray(self.lower), xp.asarray(self.upper))
        _launch.launch("networks/graph_sweep", f"{self.law}_left", "float64", len(v), self.n_nodes, *self._law(p), *self._lists(p),
                       xp.asarray(free), weight, *rails, driven, v, out, threads=v.size)  # fmt: skip
        return out

    def _linearisation(self, p: Array, nodes: np.ndarray, weight: Array) -> Callable[[Array], tuple[Array, Array]]:
        """States (batch, n_nodes) -> net currents (batch, nodes) that leave these nodes, and their derivative by the nodes' voltages."""
        xp, count = _array.namespace(p), len(nodes)
        place = np.full(self.n_nodes, -1)
        place[nodes] = np.arange(count)
        i, j = self.edges.T
        inside = np.flatnonzero((place[i] >= 0) & (place[j] >= 0))
        rows, columns, diagonal = place[i[inside]], place[j[inside]], np.arange(count)
        first, second = (xp.asarray((end[:, None] == nodes[None, :]).astype(np.float64)) for end in (i, j))  # (E, nodes)

        def linearised(v: Array) -> tuple[Array, Array]:
            flow, by_first, by_second = self._currents(p, v[:, i], v[:, j])
            net = flow @ first - flow @ second + weight[nodes] * v[:, nodes]
            jacobian = xp.zeros((len(v), count, count))
            jacobian[:, diagonal, diagonal] = by_first @ first - by_second @ second + weight[nodes]
            jacobian[:, rows, columns] = by_second[:, inside]
            jacobian[:, columns, rows] = -by_first[:, inside]
            return net, jacobian

        return linearised

    @accepts_any
    def solve_vjp(self, cotangent: Array, parameter: Array, nodes: Any, voltages: Array) -> Array:
        """The derivative of `solve` by the parameter, (E,), summed over the batch, exact where it has one.

        cotangent : (batch, n_nodes), of the states voltages (batch, n_nodes). nodes : that are held. By the implicit function theorem, with
        the transpose of the linearised network: transistors are not reciprocal. Nodes at a rail stay there. Dense, CPU or GPU.
        """
        xp = _array.namespace(parameter, voltages)
        p = self._edge_values("parameter", parameter, self.unit, self.lowest)
        free = np.setdiff1d(np.arange(self.n_nodes), self._indices("nodes", nodes))
        linearised, v = self._linearisation(p, free, xp.zeros(self.n_nodes)), voltages.astype(np.float64)
        i, j = self.edges.T
        out, chunk = xp.zeros(self.n_edges), _array.chunk(p, 8 * (2 * len(free) ** 2 + 8 * self.n_edges))
        for a in range(0, len(v), chunk):
            part = v[a : a + chunk]
            pinned = (part[:, free] <= xp.asarray(self.lower[free])) | (part[:, free] >= xp.asarray(self.upper[free]))
            transposed = xp.where(pinned[:, :, None], xp.eye(len(free)), linearised(part)[1].transpose(0, 2, 1))
            wanted = xp.where(pinned, 0.0, cotangent[a : a + chunk][:, free])
            answer = xp.zeros(part.shape)
            answer[:, free] = xp.where(pinned, 0.0, xp.linalg.solve(transposed, wanted[:, :, None])[:, :, 0])
            out -= ((answer[:, i] - answer[:, j]) * self._by_parameter(p, part[:, i], part[:, j])).sum(axis=0)
        return out

    def _by_parameter(self, parameter: Array, u: Array, v: Array) -> Array:
        """Derivative of the edges' currents (batch, E) by their parameter."""
        raise TypeError(f"{type(self).__name__} does not say what its parameter does")

    def _newton(self, p: Array, v: Array, free: np.ndarray, weight: Array, driven: Array, scale: Array, tolerance: float,
                steps: int) -> tuple[Array, int]:  # fmt: skip
        """Newton's method on the step that each node would make, halved while that does not shrink; samples stop one by one."""
        xp = _array.namespace(p)
        nodes = np.flatnonzero(free)
        low, high = xp.asarray(self.lower[nodes]), xp.asarray(self.upper[nodes])
        linearised = self._linearisation(p, nodes, weight)
        chunk = _array.chunk(p, 8 * (2 * len(nodes) ** 2 + 8 * self.n_edges))
        most = 0
        for a in range(0, len(v), chunk):
            part, goal, into = v[a : a + chunk], tolerance / 4 * scale[a : a + chunk], driven[a : a + chunk]
            left = self._left(p, part, free, weight, into)
            size = abs(left).max(axis=1)
            for step in range(steps):
                going = xp.flatnonzero(size > goal)
                if not len(going):
                    break
                most = max(most, step + 1)
                here = part[going]
                u = here[:, nodes]
                net, jacobian = linearised(here)
                net = net - into[going][:, nodes]
                # a node that would leave its rails goes to the rail
                aim = u - left[going][:, nodes]
                pinned = (aim <= low) & (u <= low) | (aim >= high) & (u >= high)
                jacobian = xp.where(pinned[:, :, None], xp.eye(len(nodes)), jacobian)
                change = -xp.linalg.solve(jacobian, xp.where(pinned, 0.0, net)[:, :, None])[:, :, 0]
                length = xp.ones(len(going))
                for _ in range(12):
                    trial = here.copy()
                    trial[:, nodes] = (u + length[:, None] * change).clip(low, high)
                    new = self._left(p, trial, free, weight, into[going])
                    worse = ~(abs(new).max(axis=1) < (1 - 1e-4 * length) * size[going])
                    if not bool(worse.any()):
                        break
                    length = xp.where(worse, length / 2, length)
                part[going], left[going] = trial, new
                size[going] = abs(new).max(axis=1)
        return v, most
