"""Linear networks: resistors that carry current, or pipes that carry a flow; voltages read as pressures.

With conductances g_e and some nodes held, the others settle where no net current leaves them, ``L v = i`` for the grounded Laplacian
``L = B^T g B`` (B: one row per edge, +1 at its first node, -1 at its second). That is where the dissipated power less that of current
sources is least. Everything is linear in what is held and what is driven, so one factorisation serves a whole batch (`response`).

Units: conductances in siemens, voltages in volts, currents in amperes (or any consistent set, such as those of flow networks).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .. import _array, _constants, _launch, _parallel
from .._array import Array, Indices, Numbers, PerEdge, Real, Values
from .._checks import double, floats, real, shaped
from .._constants import Copies
from .._gate import accepts_any, record
from ._circuit import UNSETTLED, Conductors, State, check_converged
from ._phases import check_failure
from ._solve import inner, product, solution, solved

TOLERANCE = 1e-10  # of the net currents at the free nodes, relative to the largest before they settle
_launch.fault(60, "a network's conductances span too many orders of magnitude for this precision: use float64 or solve")
LARGEST_BLOCK = 160  # free nodes of a network that a block of threads factorises
DENSE = 512  # free nodes of a network that a GPU solves by a dense factorisation


@record
@dataclass(frozen=True)
class Response:
    """How a linear network answers: free states are ``sources x``, and currents i driven into the target nodes add ``targets i``.

    Parameters
    ----------
    sources : Array
        (n_nodes, n_sources) volts per volt.
    targets : Array
        (n_nodes, n_targets) ohms, the columns of the inverse of the grounded Laplacian.
    source_nodes, target_nodes : np.ndarray
        int64.
    """

    sources: Array
    targets: Array
    source_nodes: np.ndarray
    target_nodes: np.ndarray

    @cached_property
    def impedance(self) -> Array:
        """Z (n_targets, n_targets), ohms: voltage at each target per current into each."""
        return self.targets[self._at_targets]

    @cached_property
    def held(self) -> Array:
        """H = G_T Z^-1 (n_nodes, n_targets): how the network follows when the targets are held one volt higher."""
        return solution(self.impedance.T, self.targets.T).T

    @cached_property
    def nudge_bound(self) -> float:
        """The largest |beta|, in siemens, at which targets nudged by -beta still settle: one over the largest eigenvalue of Z."""
        z = self.impedance
        return float(1 / _array.namespace(z).linalg.eigvalsh((z + z.T) / 2)[-1])

    def outputs(self, source_values: Numbers) -> Array:
        """Voltages (batch, n_targets) of the free state for source voltages (batch, n_sources)."""
        return product(source_values, self.sources[self._at_targets].T)

    def between(self, a: float, b: float, *, hold: bool = False) -> tuple[Array, Array]:
        """(W_b - W_a, (W_a + W_b) / 2), each (n_nodes, n_targets), of the states ``sources x + W d`` that errors d pull the targets to.

        Parameters
        ----------
        a, b : float
            Siemens that join targets to sources at ``output + d``; 0 is the free state. With `hold` fractions: targets are held at ``output + a
            d``. The difference has all its digits, as ``W_b = b G_T (1 + b Z)^-1``, or b H where targets are held.
        """
        if hold:
            return (b - a) * self.held, (a + b) / 2 * self.held
        one = _array.namespace(self.targets).eye(self.targets.shape[1])
        first, second = (solution(one + nudge * self.impedance, one) for nudge in (a, b))
        return (b - a) * product(self.targets, product(second, first)), product(self.targets, a * first + b * second) / 2

    def products(
        self, a: float, b: float, source_values: Numbers, errors: Numbers, share: Values | None = None, *, hold: bool = False
    ) -> tuple[Array, Array]:
        """Columns (n_nodes, n_targets) each, whose `ResistorNetwork.drop_products` is dE/dg in state b less that in a: dv^2 / 2 of each edge.

        A sum over the batch of source_values (batch, n_sources) and errors (batch, n_targets), each sample times its share, (batch, 1) or a
        number.

        Parameters
        ----------
        a, b, hold
            As of `between`.
        """
        difference, mean = self.between(a, b, hold=hold)
        weighted = errors if share is None else errors * share
        return difference, product(self.sources, inner(source_values, weighted)) + product(mean, inner(weighted, errors))

    @property
    def _at_targets(self) -> Array:
        return _constants.constant(self.target_nodes, np.int64, self.targets)


@accepts_any
class ResistorNetwork(Conductors):
    """A network of resistors on any graph. The conductances are arrays that you pass.

    Parameters
    ----------
    edges
        (E, 2) integers, the two ends of each edge.
    n_nodes : int
        How many nodes there are.

    Raises
    ------
    ValueError
        For an edge from a node to itself, two edges between the same nodes, and ends that do not exist.
    """

    def __init__(self, edges: Indices, n_nodes: int) -> None:
        super().__init__(edges, n_nodes)
        self._grounded: tuple[bytes, _Grounded] | None = None

    # --------------------------------------------------------------------------------------------------------------- solutions
    def solve(self, conductance: PerEdge, nodes: Indices, voltages: Numbers, **options: Any) -> Array:
        """Voltages (batch, n_nodes) with `nodes` held at `voltages` (batch, len(nodes)); arguments and errors as of `relax`."""
        return self.relax(conductance, nodes, voltages, **options).voltages

    def relax(
        self, conductance: PerEdge, nodes: Indices, voltages: Numbers, *, currents: Numbers | None = None,
        load: tuple[Any, Any, Numbers] | None = None, start: Numbers | None = None, method: str = "auto", tolerance: float = TOLERANCE,
        steps: int | None = None, on_failure: str = "raise",
    ) -> State:  # fmt: skip
        """The state with some nodes held.

        Parameters
        ----------
        conductance
            (E,) siemens, not negative, an array or a list; an edge of zero is not there. Solved in float64.
        nodes
            (held,) integers.
        voltages : Array
            (batch, held) volts.
        currents : Array | None
            (batch, n_nodes) amperes driven into the nodes.
        load : tuple[Any, Any, Array] | None
            (nodes, siemens, volts (batch, len)), conductances from these nodes to sources, such as a nudge; siemens a number or one for each,
            and may be negative while the rest outweighs it.
        start : Array | None
            (batch, n_nodes) volts for conjugate gradients to begin with, such as an earlier state; by default 0 V.
        method : str
            "direct" (one factorisation: sparse on the CPU, dense on a GPU for up to 512 free nodes), "cg" (conjugate gradients, all columns at
            a time, each until it has converged), or "auto": direct on a CPU and on a GPU where that is dense.
        tolerance : float
            Of the net current at the free nodes, relative to the largest one before they settle (at 0 V).
        steps : int | None
            Of the conjugate gradients at most, by default 10 per node and 1000 or more.
        on_failure : str
            "raise", "check", which raises for what a GPU has at `pnnkern.check()`, or "flag" in the result. Only "raise" waits for a GPU where
            its method is direct; else that check says what is wrong with the conductances, too.

        Returns
        -------
        State
            `State`, voltages in the precision of the conductances, float64 for integers and lists.

        Raises
        ------
        ValueError
            For nodes that float, nodes that are held twice, negative conductances.
        ConvergenceError
            When the tolerance is not reached.
        """
        conductance = floats("conductance", conductance, voltages)
        xp = _array.namespace(conductance, voltages)
        held = self._indices("nodes", nodes)
        check_failure(on_failure)
        later = xp is not np and on_failure != "raise"  # nobody waits for what comes of it
        if later:
            g, smallest = self._fitting(conductance, held), 1.0
        else:
            g, smallest, _ = self._edge_span("conductance", conductance)
        values = self._node_values("voltages", voltages, held, g)
        plan = self._plan(held, g, smallest)
        if method not in ("auto", "direct", "cg"):
            raise ValueError(f"method must be 'auto', 'direct' or 'cg', got {method!r}")
        driven, weight = self._driven(currents, load, len(values), g)
        if start is not None:
            shaped("start", real("start", start), len(values), self.n_nodes)
        out = xp.empty((len(values), self.n_nodes), conductance.dtype)
        residual, taken = (xp if later else np).zeros(len(values)), 0
        direct = method == "direct" or (method == "auto" and (not _array.on_device(g) or len(plan.free) <= DENSE))
        inverse = plan.inverse(g, weight) if direct else None
        # a node-major copy of the voltages, and about six more like it
        chunk = _array.chunk(g, 8 * 7 * self.n_nodes)
        for part in _parallel.pieces(len(values), chunk):
            fixed = xp.zeros((self.n_nodes, len(values[part])))
            fixed[_constants.constant(held, np.int64, g)] = values[part].T
            guess = None if start is None else xp.ascontiguousarray(start[part].T, dtype=np.float64)
            added = None if driven is None else xp.ascontiguousarray(driven[part].T)
            found = plan.solve(g, fixed, guess, added, weight, inverse, tolerance, steps)
            out[part] = found[0].T
            residual[part], taken = found[1] if later else _array.to_numpy(found[1]), max(taken, found[2])
        if later and on_failure == "check":
            _launch.flag(~(residual <= tolerance).all(), UNSETTLED)
        limit = "its conductances and loads lie too far apart for double precision" if direct else ""
        return check_converged(out, residual, taken, tolerance, on_failure, "the network", limit)

    def response(
        self, conductance: PerEdge, source_nodes: Indices, target_nodes: Indices, *, method: str = "auto", tolerance: float = TOLERANCE,
        on_failure: str = "raise",
    ) -> Response:  # fmt: skip
        """How the network answers to sources and to currents into targets, from one factorisation with n_sources + n_targets columns.

        Its cost does not depend on any batch. Arguments and errors as of `relax`.
        """
        conductance = floats("conductance", conductance)
        sources, targets = self.disjoint_nodes(source_nodes, target_nodes)
        xp, n, m = _array.namespace(conductance), len(sources), len(targets)

        def unit_currents() -> np.ndarray:
            drive = np.zeros((n + m, self.n_nodes))
            drive[np.arange(n, n + m), targets] = 1.0
            return drive

        drive = _constants.made(("unit currents", n, targets.tobytes(), self.n_nodes), unit_currents, conductance)
        values = _constants.made(("unit voltages", n, m), lambda: np.eye(n + m, n), conductance)
        exact = _array.as_type(conductance, np.float64, copy=False)
        how: dict[str, Any] = {"method": method, "tolerance": tolerance, "on_failure": on_failure}
        both = self.relax(exact, sources, values, currents=drive, **how).voltages
        return Response(xp.ascontiguousarray(both[:n].T), xp.ascontiguousarray(both[n:].T), sources, targets)

    def solve_many(self, conductance: PerEdge, nodes: Indices, voltages: Numbers) -> Array:
        """Many small networks at once, each with conductances of its own: one block of threads per network.

        Parameters
        ----------
        conductance
            (networks, E) siemens, an array or lists.
        nodes
            (held,).
        voltages : Array
            (batch, held), the same for all networks, or (networks, batch, held).

        Returns
        -------
        Array
            (networks, batch, n_nodes). At most 160 free nodes: a dense Cholesky factorisation that fits the memory of a block.

        Raises
        ------
        ValueError
            When a network has a node that floats.
        FaultError
            When rounding leaves a matrix that is singular.
        """
        conductance = floats("conductance", conductance, voltages)
        xp = _array.namespace(conductance, voltages)
        held = self._indices("nodes", nodes)
        self._check_networks(conductance, held)
        free = np.setdiff1d(np.arange(self.n_nodes), held)
        if len(free) > LARGEST_BLOCK:
            raise ValueError(f"at most {LARGEST_BLOCK} free nodes fit a block of threads, got {len(free)}: use solve, network by network")
        # a CPU works in float64 in any case: one compiled twin
        networks, dtype = len(conductance), conductance.dtype if _array.on_device(conductance) else np.dtype(np.float64)
        real("voltages", voltages)
        if voltages.ndim not in (2, 3) or voltages.shape[-1] != len(held) or (voltages.ndim == 3 and len(voltages) != networks):
            raise ValueError(f"voltages must be (batch, {len(held)}) or ({networks}, batch, {len(held)}), got shape {voltages.shape}")
        batch = voltages.shape[-2]
        out = xp.zeros((networks, batch, self.n_nodes), dtype)
        out[:, :, _constants.constant(held, np.int64, conductance)] = voltages
        place = np.full(self.n_nodes, -1, np.int32)
        place[free] = np.arange(len(free), dtype=np.int32)
        lists = [_constants.constant(place, np.int32, conductance), self.on("edges", self.edges, conductance)]
        lists.append(_array.contiguous(_array.as_type(conductance, dtype, copy=False)))
        work = None
        shared = len(free) * (len(free) + 1) // 2 * dtype.itemsize
        if shared > _launch.shared_limit(conductance):  # the factor goes to global memory
            work, shared = xp.empty(networks * len(free) * (len(free) + 1) // 2, dtype), 0
        _launch.launch("networks/small_networks", "solve", dtype, networks, batch, self.n_nodes, self.n_edges, len(free), *lists, work, out,
                       grid=(min(networks, _launch.MAX_BLOCKS),), block=(128,), shared=shared)  # fmt: skip
        return out.astype(conductance.dtype, copy=False)

    def gains(self, conductance: PerEdge, source_nodes: Indices, target_nodes: Indices, *, tolerance: float = TOLERANCE) -> Array:
        """Voltage at each target for one volt at each source, of many networks: (networks, n_sources, n_targets), volts per volt, float64.

        Parameters
        ----------
        conductance
            (networks, E) siemens. Up to 160 free nodes, one kernel solves all networks (`solve_many`). Beyond, reciprocity has it that a gain
            is the current which leaves at the source for one ampere driven into the target: a factorisation for each network and a column for
            each target. It is sparse, on the CPU, in an order found once for all; on a GPU, up to 512 free nodes, dense and of all networks at
            a time.
        tolerance : float
            As in `relax`.

        Notes
        -----
        Raises as `relax`.
        """
        sources, targets = self.disjoint_nodes(source_nodes, target_nodes)
        k = floats("conductance", conductance).astype(np.float64, copy=False)
        xp = _array.namespace(k)
        if self.n_nodes - len(sources) <= LARGEST_BLOCK:
            volts = _constants.made(("unit voltages", len(sources), 0), lambda: np.eye(len(sources)), k)
            return self.solve_many(k, sources, volts)[:, :, _constants.constant(targets, np.int64, k)]
        self._check_networks(k, sources)
        plan = self._plan(sources, k, 1.0)
        dense = _array.on_device(k) and len(plan.free) <= DENSE
        each = self.n_edges * len(plan.free) + 2 * len(plan.free) ** 2 if dense else len(targets) * (2 * self.n_edges + 2 * self.n_nodes)
        out, residual = xp.empty((len(k), len(sources), len(targets))), np.zeros(len(k))
        for some in _parallel.pieces(len(k), _array.chunk(k, 8 * each)):
            found, left = (plan.dense_gains if dense else plan.sparse_gains)(_array.contiguous(k[some]), sources, targets)
            out[some], residual[some] = found, _array.to_numpy(left)
        check_converged(out, residual, 1, tolerance, "raise", "a network")
        return out

    # ------------------------------------------------------------------------------------------------------------- observables
    def power(self, conductance: PerEdge, voltages: Numbers) -> Array:
        """Dissipated power sum_e g_e dv_e^2 of states (batch, n_nodes), (batch,) watts. Half of it is the energy that settles least."""
        g = self._edge_values("conductance", floats("conductance", conductance, voltages))
        return (g * self.drops(voltages).astype(np.float64) ** 2).sum(axis=1)

    def drops(self, voltages: Numbers) -> Array:
        """Voltage drops (batch, E), first node less second, of states (batch, n_nodes)."""
        self._states(voltages=voltages)
        i, j = self.ends(voltages)
        return voltages[:, i] - voltages[:, j]

    def residual(self, conductance: PerEdge, voltages: Numbers, nodes: Indices, currents: Numbers | None = None) -> Array:
        """Kirchhoff's residual of states (batch, n_nodes): (batch,) amperes, the largest net current that leaves a node not in `nodes`.

        Parameters
        ----------
        currents : Array | None
            (batch, n_nodes) amperes driven into the nodes.
        """
        conductance = floats("conductance", conductance, voltages)
        xp = _array.namespace(conductance, voltages)
        self._states(voltages=voltages)
        g, smallest, _ = self._edge_span("conductance", conductance)
        plan = self._plan(self._indices("nodes", nodes), g, smallest)
        v = xp.ascontiguousarray(_array.as_type(voltages, np.float64).T)
        net = self.laplacian(g, v, plan.mask(g))
        if currents is not None:
            net = net - shaped("currents", double("currents", currents, g), *voltages.shape).T * plan.mask(g)[:, None]
        return abs(net).max(axis=0)

    # ------------------------------------------------------------------------------------------------------------------ inside
    def _check_networks(self, conductance: Array, held: np.ndarray) -> None:
        """Raise ValueError unless these are conductances (networks, E) of networks none of whose nodes floats."""
        shaped("conductance", conductance, "networks", self.n_edges)
        if not bool((conductance >= 0).all()):
            raise ValueError(f"conductance must be finite and at least 0 siemens, got {float(conductance.min()):g}")
        joined = _array.to_numpy(conductance > 0)
        for one in joined[~joined.all(axis=1)]:
            self._refuse_floating(one, held)

    def _plan(self, held: np.ndarray, conductance: Array, smallest: float) -> "_Grounded":
        name = held.tobytes()
        if self._grounded is None or self._grounded[0] != name:
            self._refuse_floating(np.ones(self.n_edges, bool), held)
            self._grounded = (name, _Grounded(self, held))
        if smallest == 0:
            self._refuse_floating(_array.to_numpy(conductance) > 0, held)
        return self._grounded[1]


@accepts_any
def potentiometer_step(conductance: PerEdge, update: Real, *, ohms: float, low: float, high: float) -> Array:
    """Conductances (E,) after every digital potentiometer has moved one position down its update, dL/dg, or stayed where that is zero.

    Parameters
    ----------
    ohms : float
        Resistance of one position.
    low, high : float
        Range of the resistance, ohms. The rule of the first laboratory network, whose edges know the sign of their update only: Dillavou,
        Stern, Liu and Durian, Phys. Rev. Applied 18, 014040 (2022).
    """
    if not (ohms > 0 and 0 < low < high):
        raise ValueError(f"a potentiometer needs ohms > 0 and 0 < low < high, got ohms={ohms:g}, low={low:g}, high={high:g}")
    conductance = floats("conductance", conductance, update)
    shaped("update", update, *conductance.shape)
    xp = _array.namespace(conductance)
    return (1 / (1 / conductance + ohms * xp.sign(update)).clip(low, high)).astype(conductance.dtype, copy=False)


class _Grounded:
    """What follows from which nodes are held: the pattern of L[free, free], and where each conductance goes in it."""

    _ELIMINATION: ClassVar[dict[str, Any]] = {"diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}  # definite: no pivots

    def __init__(self, net: ResistorNetwork, held: np.ndarray) -> None:
        self.net = net
        self.is_free = np.ones(net.n_nodes, np.uint8)
        self.is_free[held] = 0
        self.free = np.flatnonzero(self.is_free)
        self.order = self.free
        self._copies = Copies()

    def mask(self, like: Array) -> Array:
        return self._copies.on("free or not", self.is_free, like)

    @cached_property
    def _units(self) -> np.ndarray:
        """One volt at each free node in turn, (n_nodes, free)."""
        return np.ascontiguousarray(np.eye(self.net.n_nodes)[:, self.free])

    @cached_property
    def _pattern(self) -> tuple[np.ndarray, ...]:
        """Compressed columns of L[free, free] in an order with little fill, the edge and sign of each contribution, and its place."""
        from scipy.sparse import csc_array
        from scipy.sparse.linalg import splu

        def pattern(position: np.ndarray) -> tuple[np.ndarray, ...]:
            n, (i, j) = len(self.free), position[self.net.edges.T]
            e = np.arange(self.net.n_edges)
            rows, columns = np.concatenate([i, j, i, j]), np.concatenate([j, i, i, j])
            edge, sign = np.tile(e, 4), np.repeat([-1.0, 1.0], 2 * len(e))
            inside = (rows >= 0) & (columns >= 0)
            keys, place = np.unique(columns[inside].astype(np.int64) * n + rows[inside], return_inverse=True)
            starts = np.searchsorted(keys, np.arange(n + 1) * n).astype(np.int32)
            diagonal = np.searchsorted(keys, np.arange(n) * (n + 1))
            return (keys % n).astype(np.int32), starts, edge[inside], sign[inside], place.ravel(), diagonal

        n = len(self.free)
        position = np.full(self.net.n_nodes, -1)
        position[self.free] = np.arange(n)
        rows, starts, _, sign, place, diagonal = pattern(position)
        data = np.bincount(place, weights=sign, minlength=len(rows))
        data[diagonal] += 1.0
        trial = splu(csc_array((data, rows, starts), shape=(n, n)), **self._ELIMINATION, permc_spec="MMD_AT_PLUS_A")
        self.order = np.argsort(trial.perm_c)  # free[order[k]] is eliminated k-th
        position[self.free[self.order]] = np.arange(n)
        return pattern(position)

    def inverse(self, conductance: Array, weight: Array | None) -> Any:
        """Solver of L[free, free] x = rhs for rhs (free, columns), on its device."""
        if _array.on_device(conductance) and len(self.free) <= DENSE:
            return self._dense(conductance, weight)
        if not len(self.free):
            return lambda rhs: rhs
        factor = self._factor(_array.to_numpy(conductance), None if weight is None else _array.to_numpy(weight))
        order = self.order

        def solve(rhs: Array) -> Array:
            on_host = _array.to_numpy(rhs)
            out = np.empty_like(on_host)
            out[order] = factor.solve(on_host[order])
            return _array.namespace(rhs).asarray(out)

        return solve

    def _factor(self, conductance: np.ndarray, weight: np.ndarray | None = None) -> Any:
        """Factorisation of L[free, free] with its rows and columns in `order`."""
        from scipy.sparse import csc_array
        from scipy.sparse.linalg import splu

        rows, starts, edge, sign, place, diagonal = self._pattern
        data = np.bincount(place, weights=sign * conductance[edge], minlength=len(rows))
        if weight is not None:
            data[diagonal] += weight[self.free[self.order]]
        n = len(self.free)
        return splu(csc_array((data, rows, starts), shape=(n, n)), **self._ELIMINATION, permc_spec="NATURAL")

    def _dense(self, conductance: Array, weight: Array | None) -> Any:
        """The same by a dense factorisation. A matrix without an inverse gives NaN."""
        units = self._copies.on("units", self._units, conductance)
        whole = self.net.laplacian(conductance, units, self.mask(conductance))
        if weight is not None:
            whole += weight[:, None] * units
        matrix = whole[self.at_free(conductance)]
        return lambda rhs: solved(matrix, rhs)

    def sparse_gains(self, conductance: Array, sources: np.ndarray, targets: np.ndarray) -> tuple[Array, np.ndarray]:
        """`gains` of networks (networks, E), one factorised after another, and the largest residual of each, of one ampere."""
        k, ends, n, m = _array.to_numpy(conductance), self._ends, len(conductance), len(targets)
        drive = np.eye(self.net.n_nodes)[:, targets]
        _ = self._pattern  # which finds the order
        at, v = self.free[self.order], np.zeros((self.net.n_nodes, n, m))
        for one, g in enumerate(k):
            v[at, one] = self._factor(g).solve(drive[at])
        net = (ends.T @ (k.T[:, :, None] * (ends @ v.reshape(-1, n * m)).reshape(-1, n, m)).reshape(-1, n * m)).reshape(-1, n, m)
        left = abs(net[self.free] - drive[self.free, None]).max(axis=(0, 2))
        return _array.namespace(conductance).asarray(-net[sources].swapaxes(0, 1)), left

    def dense_gains(self, conductance: Array, sources: np.ndarray, targets: np.ndarray) -> tuple[Array, Array]:
        """The same on a GPU, by dense factorisations of all networks at a time."""
        ends, at_targets = self._copies.on("ends", self._dense_ends, conductance), np.eye(self.net.n_nodes)[:, targets]
        drive = _constants.constant(at_targets[self.free], np.float64, conductance)
        inner, outer = ends[:, self.at_free(conductance)], ends[:, _constants.constant(sources, np.int64, conductance)]
        currents = conductance[:, :, None] * inner
        matrix = inner.T @ currents
        v = solved(matrix, _array.contiguous(_array.namespace(matrix).broadcast_to(drive, (len(matrix), *drive.shape))))
        return -(outer.T @ (currents @ v)), abs(matrix @ v - drive).max(axis=(1, 2))

    @cached_property
    def _ends(self) -> Any:
        """+1 at the first node of each edge and -1 at its second, sparse (E, n_nodes)."""
        from scipy.sparse import csr_array

        e = np.arange(self.net.n_edges)
        values = np.repeat([1.0, -1.0], len(e))
        return csr_array((values, (np.tile(e, 2), self.net.edges.T.ravel())), shape=(len(e), self.net.n_nodes))

    @cached_property
    def _dense_ends(self) -> np.ndarray:
        out: np.ndarray = self._ends.toarray()
        return out

    def at_free(self, like: Array) -> Array:
        return self._copies.on("free", self.free, like)

    def solve(self, g: Array, fixed: Array, guess: Array | None, driven: Array | None, weight: Array | None, inverse: Any,
              tolerance: float, steps: int | None) -> tuple[Array, Array, int]:  # fmt: skip
        """States (n_nodes, columns) with the held nodes as in `fixed`, which is 0 elsewhere; relative residuals; steps."""
        xp = _array.namespace(g)
        mask = self.mask(g)

        def net_current(v: Array) -> Array:
            out = self.net.laplacian(g, v, mask)
            return out if weight is None else out + (weight * mask)[:, None] * v

        rhs = -net_current(fixed)
        if driven is not None:
            rhs += driven * mask[:, None]
        if inverse is not None:
            x, taken, free = xp.zeros_like(rhs), 1, self.at_free(g)
            x[free] = inverse(rhs[free])
        else:
            diagonal = np.bincount(self.net.edges.ravel(), weights=np.repeat(_array.to_numpy(g), 2), minlength=self.net.n_nodes)
            total = xp.asarray(diagonal) if weight is None else xp.asarray(diagonal) + weight
            steps = steps or max(1000, 10 * len(self.free))
            first = None if guess is None else guess * (mask > 0)[:, None]
            x, taken = _conjugate_gradients(net_current, rhs, xp.where(mask > 0, total, 1.0)[:, None], tolerance / 2, steps, first)
        scale = abs(rhs).max(axis=0)
        return fixed + x, abs(rhs - net_current(x)).max(axis=0) / xp.where(scale > 0, scale, 1.0), taken


def _conjugate_gradients(apply: Any, rhs: Array, diagonal: Array, tolerance: float, steps: int, first: Array | None) -> tuple[Array, int]:
    """Columns x of apply(x) = rhs, preconditioned by the diagonal; a column stops once max |rest| <= tolerance max |rhs|."""
    xp = _array.namespace(rhs)
    x, rest = (xp.zeros_like(rhs), rhs.copy()) if first is None else (first, rhs - apply(first))
    goal = tolerance * abs(rhs).max(axis=0)
    z = rest / diagonal
    p, product = z.copy(), (rest * z).sum(axis=0)
    for step in range(steps):
        active = abs(rest).max(axis=0) > goal
        if not bool(active.any()):
            return x, step
        q = apply(p)
        curvature = (p * q).sum(axis=0)
        length = xp.where(active & (curvature > 0), product / xp.where(curvature > 0, curvature, 1.0), 0.0)
        x += length * p
        rest -= length * q
        z = rest / diagonal
        before, product = product, (rest * z).sum(axis=0)
        p = z + xp.where(active & (before > 0), product / xp.where(before > 0, before, 1.0), 0.0) * p
    return x, steps
