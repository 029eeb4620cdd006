"""Relaxation of networks whose edges are not resistors: coloured sweeps of exact node steps, and Newton's method to check them by."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from .. import _array, _constants, _launch, _parallel
from .._array import Array, Indices, Numbers, PerEdge, Values
from .._checks import double, floats, real, shaped
from .._gate import accepts_any
from ._circuit import Conductors, State, check_converged
from ._phases import check_failure
from ._solve import solution, solved

TOLERANCE = 1e-10  # of the step that any node would still make, relative to the largest voltage that is held
THREADS = 128  # of the block that relaxes one sample, at most


@accepts_any
class Nonlinear(Conductors):
    """Base of networks with edges of their own law. Subclasses give `_law` and `_currents`.

    Parameters
    ----------
    lower, upper
        (n_nodes,) volts or None; nodes are kept within by ideal diodes to rails at these voltages.
    """

    kernels, law = "networks/graph_sweep", ""  # file and verb of the kernels
    own: Any = None  # a user's functions in them
    unit, lowest = "siemens", 0.0  # of the edges' parameter

    def __init__(self, edges: Indices, n_nodes: int, lower: Values | None = None, upper: Values | None = None) -> None:
        super().__init__(edges, n_nodes)
        given = (("lower", -np.inf, lower), ("upper", np.inf, upper))
        self.lower, self.upper = (np.full(n_nodes, e if v is None else real(name, np.asarray(v)), np.float64) for name, e, v in given)
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
    def solve(self, parameter: PerEdge, nodes: Indices, voltages: Numbers, **options: Any) -> Array:
        """Voltages (batch, n_nodes) with `nodes` held at `voltages` (batch, len(nodes)); arguments and errors as of `relax`."""
        return self.relax(parameter, nodes, voltages, **options).voltages

    def relax(
        self, parameter: PerEdge, nodes: Indices, voltages: Numbers, *, currents: Numbers | None = None,
        load: tuple[Any, Any, Numbers] | None = None, start: Numbers | None = None, method: str = "auto", tolerance: float = TOLERANCE,
        steps: int | None = None, relaxation: float = 1.0, on_failure: str = "raise",
    ) -> State:  # fmt: skip
        """The state with some nodes held.

        Parameters
        ----------
        parameter
            (E,) of the edges, an array or a list: conductances in siemens, or gate voltages; worked on in float64.
        nodes
            (held,) integers.
        voltages : Array
            (batch, held) volts.
        currents : Array | None
            (batch, n_nodes) amperes driven into the nodes.
        load : tuple[Any, Any, Array] | None
            (nodes, siemens, volts (batch, len)), conductances from these nodes to sources, such as a nudge.
        start : Array | None
            (batch, n_nodes) volts to begin with, such as an earlier state.
        method : str
            "sweep" (exact steps of single nodes, colour by colour), "newton" (dense, all samples at once), or "auto": Newton's method on a CPU
            for up to 256 free nodes, and sweeps where that does not end.
        tolerance : float
            Of the step a node would still make, relative to the largest voltage.
        steps : int | None
            At most, by default 20000 sweeps or 60 of Newton's.
        relaxation : float
            Each node goes this many times its exact step, in (0, 2); above 1 sweeps converge faster, but the energy need not fall in each.
        on_failure : str
            When the tolerance is not reached, "raise", "check", which raises for what a GPU has at `pnnkern.check()`, or "flag" in the result.
            Only "raise" waits for a GPU; else that check says what is wrong with the edges, too.

        Returns
        -------
        State
            `State`.

        Raises
        ------
        ValueError
            For nodes that float or are held twice, ConvergenceError.
        """
        parameter = floats("parameter", parameter, voltages)
        xp = _array.namespace(parameter, voltages)
        check_failure(on_failure)
        held, on_gpu = self._indices("nodes", nodes), _array.is_on_gpu(parameter)
        later = on_gpu and on_failure != "raise" and method != "newton"  # nobody waits for what comes of it
        p = self._given(parameter, held, later)
        values = self._node_values("voltages", voltages, held, p)
        if not 0 < relaxation < 2:
            raise ValueError(f"relaxation must lie in (0, 2), got {relaxation:g}")
        driven, weight = self._driven(currents, load, len(values), p)
        driven = xp.zeros((len(values), self.n_nodes)) if driven is None else _array.contiguous(driven)
        weight = xp.zeros(self.n_nodes) if weight is None else weight
        if start is None:
            v = xp.zeros((len(values), self.n_nodes)) + values.mean(axis=1, keepdims=True)
            v = v.clip(*self._rails(p))
        else:
            v = xp.array(shaped("start", real("start", start), len(values), self.n_nodes), np.float64, order="C")
        v[:, _constants.constant(held, np.int64, p)] = values
        free = np.ones(self.n_nodes, np.uint8)
        free[held] = 0
        scale = abs(v).max(axis=1)
        if currents is not None:  # they alone can make voltages, between sources at 0 V: as large as the first step they would make
            scale = xp.maximum(scale, abs(self._left(p, v, free, weight, driven)).max(axis=1))
        scale = xp.where((scale > 0) & xp.isfinite(scale), scale, 1.0)
        if method not in ("auto", "sweep", "newton"):
            raise ValueError(f"method must be 'auto', 'sweep' or 'newton', got {method!r}")

        def looked_at(left: Array) -> np.ndarray:
            found = _array.to_numpy(left)
            return np.where(np.isfinite(found), found, np.inf)

        def swept(most: int, goal: float, enough: float = 0.0) -> tuple[Array, Array, Array]:
            told = later and on_failure == "check"
            return self._sweep(p, v, free, weight, driven, scale, goal, most, relaxation, enough, told)

        if on_gpu and method != "newton":  # which goes on by itself to smaller tolerances
            v, count, left = swept(steps or 20000, tolerance / 50, tolerance)
            residual = left if later else looked_at(left)
            return check_converged(v.astype(parameter.dtype, copy=False), residual, count, tolerance, on_failure, "the network")
        taken, residual = 0, np.full(len(v), np.inf)
        if method == "newton" or (method == "auto" and not _array.on_device(p) and free.sum() <= 256):
            begun = v.copy()
            v, taken = self._newton(p, v, free, weight, driven, scale, tolerance, steps or 60)
            residual = looked_at(abs(self._left(p, v, free, weight, driven)).max(axis=1) / scale)
            if method == "auto":  # where it has not ended it may be anywhere
                v = xp.where(xp.asarray(residual <= tolerance)[:, None], v, begun)
        if method == "sweep" or (method == "auto" and not (residual <= tolerance).all()):
            goal, taken = tolerance / 50, 0
            while True:  # a sweep that moves little is no proof that little is left: where it is not so, go on to a smaller one
                v, more, left = swept((steps or 20000) - taken, goal)
                residual = looked_at(left)
                taken, goal = taken + int(more.max() if more.size else 0), goal / 20
                if (residual <= tolerance).all() or taken >= (steps or 20000) or goal < 1e-17:
                    break
        return check_converged(v.astype(parameter.dtype, copy=False), residual, taken, tolerance, on_failure, "the network")

    def residual(self, parameter: PerEdge, voltages: Numbers, nodes: Indices, currents: Numbers | None = None) -> Array:
        """(batch,) volts: the largest step that a node not in `nodes` would still make, to first order, in states (batch, n_nodes).

        Zero means Kirchhoff's law at the nodes between their rails, and at a rail a current that only this rail's diode can carry.
        """
        parameter = floats("parameter", parameter, voltages)
        xp = _array.namespace(parameter, voltages)
        p = self._edge_values("parameter", parameter, self.unit, self.lowest)
        free = np.ones(self.n_nodes, np.uint8)
        free[self._indices("nodes", nodes)] = 0
        self._states(voltages=voltages)
        v = _array.as_type(voltages, np.float64, order="C")
        driven = xp.zeros(v.shape) if currents is None else shaped("currents", double("currents", currents, p), *v.shape)
        driven = _array.contiguous(driven)
        return abs(self._left(p, v, free, xp.zeros(self.n_nodes), driven)).max(axis=1)

    def nudge_bound(self, parameter: PerEdge, source_nodes: Indices, target_nodes: Indices, voltages: Numbers) -> float:
        """The |beta|, in siemens, below which targets nudged by -beta still settle close to the states `voltages` (batch, n_nodes).

        The smallest of the bounds of the resistor networks that the edges' slopes make there. For transistors an estimate.
        """
        from .resistor import ResistorNetwork

        self._states(voltages=voltages)
        parameter = floats("parameter", parameter, voltages)
        i, j = self.ends(parameter)
        p = self._edge_values("parameter", parameter, self.unit, self.lowest)
        slopes = self._slopes(p, voltages[:, i].astype(np.float64), voltages[:, j].astype(np.float64))
        net = ResistorNetwork(self.edges, self.n_nodes)
        return min(net.response(slope, source_nodes, target_nodes).nudge_bound for slope in slopes)

    # ------------------------------------------------------------------------------------------------------------------ inside
    def _given(self, parameter: Array, held: np.ndarray, later: bool) -> Array:
        """The edges' parameter in float64, which nothing is wrong with, nor with what it joins; with `later` a kernel says so."""
        always = type(self)._conducting is Nonlinear._conducting
        if later:
            return self._fitting(parameter, held, lowest=self.lowest, passes=always)
        p, smallest, _ = self._edge_span("parameter", parameter, self.unit, self.lowest)
        self._refuse_floating(np.ones(self.n_edges, bool) if smallest > 0 else self._conducting(p), held)
        return p

    def _slopes(self, parameter: Array, u: Array, v: Array) -> Array:
        """Differential conductances (batch, E), siemens."""
        return self._currents(parameter, u, v)[1]

    def _lists(self, like: Array) -> list[Array]:
        """Neighbours, their edges and the sense of each, on the device of `like`."""
        return [*self.neighbours(like), self.on("sense", self._sense, like)]

    @cached_property
    def _sense(self) -> np.ndarray:
        """1 where a node is the first of its neighbour's edge, -1 where it is the second, int8."""
        offsets, _, edge = self._neighbours
        first = self.edges[edge, 0] == np.repeat(np.arange(self.n_nodes), np.diff(offsets))
        return np.where(first, 1, -1).astype(np.int8)

    def _rails(self, like: Array) -> tuple[Array, Array]:
        return self.on("lower", self.lower, like), self.on("upper", self.upper, like)

    def _among(self, nodes: np.ndarray, like: Array) -> tuple[Array, Array, Array]:
        """Nodes, and their rails, on the device of `like`."""
        tables = ((nodes, np.int64), (self.lower[nodes], np.float64), (self.upper[nodes], np.float64))
        at, low, high = (_constants.constant(table, dtype, like) for table, dtype in tables)
        return at, low, high

    def _sweep(self, p: Array, v: Array, free: np.ndarray, weight: Array, driven: Array, scale: Array, tolerance: float, steps: int,
               relaxation: float, enough: float = 0.0, told: bool = False) -> tuple[Array, Array, Array]:  # fmt: skip
        """States, the sweeps that each sample took, and what is left of it, relative to its scale.

        enough : of that, where samples are to go on by themselves until so much is left. told : else a GPU flags it.
        """
        xp = _array.namespace(p)
        nodes = np.flatnonzero(free)
        colour = self.colours[nodes]
        order = nodes[np.argsort(colour, kind="stable")].astype(np.int32)
        count = int(self.colours.max()) + 1
        first = np.searchsorted(np.sort(colour), np.arange(count + 1)).astype(np.int32)
        taken, left = xp.empty(len(v), np.int32), xp.empty(len(v))
        lists = [*self._lists(p), *(_constants.constant(table, np.int32, p) for table in (order, first))]
        law, threads = self._law(p), min(THREADS, max(32, -(-int(np.diff(first).max()) // 32) * 32))
        kept, shared = self._kept(sum(map(_array.is_array, law)), len(v), p)
        _launch.launch(self.kernels, self.law, "float64", len(v), self.n_nodes, count, steps, kept, tolerance, relaxation, enough, int(told),
                       *law, *lists, weight, *self._rails(p), driven, scale, v, taken, left,
                       grid=(max(1, min(len(v), _launch.MAX_BLOCKS)),), block=(threads,), shared=shared, own=self.own)  # fmt: skip
        return v, taken, left

    def _kept(self, values: int, batch: int, like: Array) -> tuple[int, int]:
        """What lies in a block's shared memory (2 voltages and tables, 1 voltages, 0 nothing), and bytes. values : of each edge.

        Tables of their own where all blocks of a multiprocessor have room for them at once; else its cache has one for all.
        """
        entries, voltages, limit = 2 * self.n_edges, 8 * self.n_nodes, _launch.shared_limit(like)
        whole = voltages + (8 * values + 5) * entries + 4 * (self.n_nodes + 1)
        if -(-batch // _launch.multiprocessors(like)) * whole <= limit:
            return 2, whole
        return (1, voltages) if voltages <= limit else (0, 0)

    def _left(self, p: Array, v: Array, free: np.ndarray, weight: Array, driven: Array) -> Array:
        xp = _array.namespace(p)
        out = xp.empty_like(v)
        _launch.launch(self.kernels, f"{self.law}_left", "float64", len(v), self.n_nodes, *self._law(p), *self._lists(p),
                       _constants.constant(free, np.uint8, p), weight, *self._rails(p), driven, v, out, threads=v.size,
                       own=self.own)  # fmt: skip
        return out

    def _linearisation(self, p: Array, nodes: np.ndarray, weight: Array) -> Callable[[Array], tuple[Array, Array]]:
        """States (batch, n_nodes) -> net currents (batch, nodes) that leave these nodes, and their derivative by the nodes' voltages."""
        xp, count = _array.namespace(p), len(nodes)
        place = np.full(self.n_nodes, -1)
        place[nodes] = np.arange(count)
        ends = [place[end] for end in self._ends]
        both = np.flatnonzero((ends[0] >= 0) & (ends[1] >= 0))
        tables = (nodes, both, ends[0][both], ends[1][both], np.arange(count))
        nodes, inside, rows, columns, diagonal = (_constants.constant(table, np.int64, p) for table in tables)
        i, j = self.ends(p)
        first, second = ((end[:, None] == nodes[None, :]).astype(np.float64) for end in (i, j))  # (E, nodes)

        def linearised(v: Array) -> tuple[Array, Array]:
            flow, by_first, by_second = self._currents(p, v[:, i], v[:, j])
            net = flow @ first - flow @ second + weight[nodes] * v[:, nodes]
            jacobian = xp.zeros((len(v), count, count))
            jacobian[:, diagonal, diagonal] = by_first @ first - by_second @ second + weight[nodes]
            jacobian[:, rows, columns] = by_second[:, inside]
            jacobian[:, columns, rows] = -by_first[:, inside]
            return net, jacobian

        return linearised

    def solve_vjp(self, cotangent: Numbers, parameter: PerEdge, nodes: Indices, voltages: Numbers) -> Array:
        """The derivative of `solve` by the parameter, (E,), summed over the batch, exact where it has one.

        Parameters
        ----------
        cotangent : Array
            (batch, n_nodes), of the states voltages (batch, n_nodes).
        nodes
            That are held. By the implicit function theorem, with the transpose of the linearised network: transistors are not reciprocal. Nodes
            at a rail stay there. Dense, CPU or GPU.
        """
        p = self._edge_values("parameter", floats("parameter", parameter, voltages), self.unit, self.lowest)
        (i, j), out = self.ends(p), _array.namespace(p).zeros(self.n_edges)
        for part, across in self._answers(cotangent, p, nodes, voltages):
            out -= (across * self._by_parameter(p, part[:, i], part[:, j])).sum(axis=0)
        return out

    def _answers(self, cotangent: Array, p: Array, nodes: Indices, voltages: Array) -> Iterator[tuple[Array, Array]]:
        """Some of the states, and what their cotangents make across the edges, (batch, E), in the transposed linearised network."""
        xp = _array.namespace(p)
        self._states(voltages=voltages, cotangent=cotangent)
        free = np.setdiff1d(np.arange(self.n_nodes), self._indices("nodes", nodes))
        linearised, v = self._linearisation(p, free, xp.zeros(self.n_nodes)), _array.as_type(voltages, np.float64)
        free, low, high = self._among(free, p)
        i, j = self.ends(p)
        chunk = _array.chunk(p, 8 * (2 * len(free) ** 2 + 8 * self.n_edges))
        for piece in _parallel.pieces(len(v), chunk):
            part = v[piece]
            pinned = (part[:, free] <= low) | (part[:, free] >= high)
            transposed = xp.where(pinned[:, :, None], xp.eye(len(free)), linearised(part)[1].transpose(0, 2, 1))
            right_side = xp.where(pinned, 0.0, cotangent[piece][:, free])
            answer = xp.zeros(part.shape)
            answer[:, free] = xp.where(pinned, 0.0, solution(transposed, right_side[:, :, None])[:, :, 0])
            yield part, answer[:, i] - answer[:, j]

    def _by_parameter(self, parameter: Array, u: Array, v: Array) -> Array:
        """Derivative of the edges' currents (batch, E) by their parameter."""
        raise TypeError(f"{type(self).__name__} does not say what its parameter does")

    def _newton(self, p: Array, v: Array, free: np.ndarray, weight: Array, driven: Array, scale: Array, tolerance: float,
                steps: int) -> tuple[Array, int]:  # fmt: skip
        """Newton's method on the step that each node would make, halved while that does not shrink; samples stop one by one."""
        xp = _array.namespace(p)
        linearised = self._linearisation(p, np.flatnonzero(free), weight)
        nodes, low, high = self._among(np.flatnonzero(free), p)
        chunk = _array.chunk(p, 8 * (2 * len(nodes) ** 2 + 8 * self.n_edges))
        most = 0
        for piece in _parallel.pieces(len(v), chunk):
            part, goal, into = v[piece], tolerance / 4 * scale[piece], driven[piece]
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
                change = -solved(jacobian, xp.where(pinned, 0.0, net)[:, :, None])[:, :, 0]
                fine = xp.isfinite(change).all(axis=1)  # the others stay where they are, and stop
                change = xp.where(fine[:, None], change, 0.0)
                length = xp.ones(len(going))
                for _ in range(12):
                    trial = here.copy()
                    trial[:, nodes] = (u + length[:, None] * change).clip(low, high)
                    new = self._left(p, trial, free, weight, into[going])
                    worse = fine & ~(abs(new).max(axis=1) < (1 - 1e-4 * length) * size[going])
                    if not bool(worse.any()):
                        break
                    length = xp.where(worse, length / 2, length)
                part[going], left[going] = trial, new
                size[going] = xp.where(fine, abs(new).max(axis=1), np.nan)
        return v, most
