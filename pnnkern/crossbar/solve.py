"""Currents of a crossbar with wires where the effective conductance does not pay or does not exist: few reads of conductances that change,
cells that do not obey Ohm's law, and gated inputs.

Few reads are solved by conjugate gradients over whole lines (`_ladders`), cells with a curved characteristic by Newton's method around
them: every step is a linear array with the slopes of the cells as conductances. Siemens, volts, amperes, ohms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _launch, _parallel
from .._array import Array, Numbers, Real
from .._checks import only, wrt_names
from .._errors import ConvergenceError
from .._gate import accepts_any
from .._own import ScalarFunction, own
from . import _checks, _gated
from ._ladders import Ladders, iterations, keeper
from .wires import (
    PERFECT,
    Stack,
    Wires,
    as_wires,
    check_conductances,
    check_pairs,
    effective_conductance,
    effective_conductance_vjp,
    like,
    voltages_like,
)

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
NEWTON = 60  # steps of Newton's method; it takes 3 to 8, more only where the first guess is far off
STEEPER = 30.0  # times; by which the slope of a cell may grow in one of them
# Nanoseconds on one core (AVX-512, 3 GHz) by which "auto" chooses: T of n x n cells takes TREE[0] n^2 + TREE[1] n^3, an iteration of
# conjugate gradients SWEEP n^2 for each read, and it takes about half of the bound.
TREE = (300.0, 2.8)
SWEEP = 16.0


# ------------------------------------------------------------------------------------------------------------- characteristics
@dataclass(frozen=True)
class IV:
    """A cell of conductance G carries ``I = G f(v)`` at v volts: f(0) = 0, and f rises everywhere.

    Parameters
    ----------
    f : Callable[[Array], Array] | ScalarFunction
        Volts -> volts: a function of arrays, or a `pnnkern.ScalarFunction` of v, which runs inside the kernels, currents and slopes of all
        cells in one pass.
    slope : Callable[[Array], Array] | None
        Its derivative, positive. Functions of arrays return such of the same shape, or a number for all. A `ScalarFunction` has its own.

    Raises
    ------
    TypeError
        For what is no function; without a slope, or with a second one; for a `ScalarFunction` of more than v.
    ValueError
        For a `ScalarFunction` that is not 0 at 0 V, or falls within its `between`.
    """

    f: Callable[[Array], Array] | ScalarFunction
    slope: Callable[[Array], Array] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.f, ScalarFunction):
            if not callable(self.f):
                raise TypeError(
                    f"f of an IV must be a pnnkern.ScalarFunction or a function of arrays, one law for all cells, got {type(self.f).__name__}"
                )
            if self.slope is None:
                raise TypeError("slope of an IV is missing: give the derivative of f, or f as a pnnkern.ScalarFunction, which has its own")
            return
        if self.slope is not None:
            raise TypeError("slope of an IV belongs to its ScalarFunction: ScalarFunction(f, slope)")
        self.f._takes(("v",), "f of an IV")
        self.f._rises("f of an IV", from_zero=True)
        object.__setattr__(self, "slope", self.f.slope)


def sinh_iv(v0: float) -> IV:
    """``f = v0 sinh(v / v0)``: hopping and tunnelling conduction, Ohm's law far below v0 volts.

    Raises
    ------
    ValueError
        Unless v0 > 0.
    """
    if not v0 > 0:
        raise ValueError(f"v0 must be positive (volts), got {v0!r:.80}")
    return IV(lambda v: v0 * _array.namespace(v).sinh(v / v0), lambda v: _array.namespace(v).cosh(v / v0))


def cubic_iv(a: float) -> IV:
    """``f = v + a v^3``, a in 1 / volt^2: the first term that symmetry allows.

    Raises
    ------
    ValueError
        Unless a >= 0.
    """
    if not a >= 0:
        raise ValueError(f"a must not be negative (1 / volt^2), got {a!r:.80}")
    return IV(lambda v: v + a * v**3, lambda v: 1 + 3 * a * v**2)


def as_iv(iv: Any) -> IV:
    """An `IV`, or the one of a `ScalarFunction`. Raises TypeError for anything else."""
    if isinstance(iv, ScalarFunction):
        return IV(iv)
    if not isinstance(iv, IV):
        raise TypeError(
            "iv must be an IV, such as sinh_iv(0.5), or a pnnkern.ScalarFunction of the voltage, one law for all cells, got "
            f"{type(iv).__name__}"
        )
    return iv


def with_constants(iv: IV | ScalarFunction | None) -> ScalarFunction:
    """The function of an `IV` with derivatives by its constants. Raises ValueError for what has none."""
    f = None if iv is None else as_iv(iv).f
    if not isinstance(f, ScalarFunction) or not f.constants:
        raise ValueError("wrt names 'constants', which are those of an iv that is a pnnkern.ScalarFunction: there are none in this call")
    return f


def carried(iv: IV | ScalarFunction, v: Real) -> Array:
    """f at these volts, like `v`; refuses what a user's function returns if it is not."""
    return _checks.each("what f of an IV returns", as_iv(iv).f(v), v, "the volts")


def steepness(iv: IV | ScalarFunction, v: Real) -> Array:
    """The slope at these volts, as `carried`."""
    slope: Any = as_iv(iv).slope  # which an IV has seen to
    return _checks.each("what slope of an IV returns", slope(v), v, "the volts")


class _Cells:
    """Cells g (n_in, n_out, 1 or reads) with a characteristic: what Newton's method asks of them."""

    def __init__(self, iv: IV, g: Array) -> None:
        self.iv, self.g, self.xp = iv, g, _array.namespace(g)

    def linear(self, v: Array) -> tuple[Array, Array, Callable[[], Array]]:
        """Slopes of f at volts v (n_in, n_out, reads), conductances, and, to be asked for, currents: a cell is a conductance and a source."""
        g, slope = self.g, steepness(self.iv, v)
        slopes = self.xp.ascontiguousarray(self.xp.broadcast_to(g * slope, v.shape).astype(g.dtype))
        return slope, slopes, lambda: g * carried(self.iv, v) - slopes * v

    def tried(self, t: Array, slope: Array, *pairs: tuple[Array, Array]) -> tuple[Array, ...]:
        """Word, bit and current between two of each, at t (reads,); and how far cells carry another current, and by how much they are
        steeper."""
        w, u, j = (a + t * (b - a) for a, b in pairs)
        with np.errstate(over="ignore", invalid="ignore"):
            return w, u, j, self.xp.abs(self.g * carried(self.iv, w - u) - j), steepness(self.iv, w - u) / slope


class _OwnCells(_Cells):
    """The same with a scalar function, in one pass over the cells each."""

    def __init__(self, iv: IV, g: Array) -> None:
        super().__init__(iv, g)
        f: Any = iv.f
        f._ready(g, "f", "slope")
        self.constants, self.own = f._table(g.dtype, g), own(("own_f", f._code, "f"), ("own_slope", f._code, "slope"))

    def _launched(self, verb: str, count: int, *arrays: Array) -> tuple[Array, ...]:
        """`count` arrays made of these; the first is (n_in, n_out, reads) or belongs to all cells."""
        like, g = arrays[0], self.g
        out = tuple(self.xp.empty_like(like) for _ in range(count))
        _launch.launch("crossbar/characteristic", verb, g.dtype, g.shape[0] * g.shape[1], like.shape[-1], g.shape[-1], self.constants,
                       _array.contiguous(g), *arrays, *out, threads=like.size, own=self.own)  # fmt: skip
        return out

    def linear(self, v: Array) -> tuple[Array, Array, Callable[[], Array]]:
        slope, slopes, known = self._launched("linear", 3, v)
        return slope, slopes, lambda: known

    def tried(self, t: Array, slope: Array, *pairs: tuple[Array, Array]) -> tuple[Array, ...]:
        return self._launched("tried", 5, slope, t, *(array for pair in pairs for array in pair))


# -------------------------------------------------------------------------------------------------------------------- currents
@accepts_any
def solve_currents(
    V: Real,
    G: Real,
    *,
    wires: Wires | float,
    method: str = "auto",
    iv: IV | ScalarFunction | None = None,
    tolerance: float | None = None,
    max_iterations: int = 1000,
    memory_limit: int | None = None,
) -> Array:
    """Currents into the outputs of a crossbar with wires.

    Parameters
    ----------
    V : Real
        (..., batch, n_in) volts, of the dtype of G. In a gated circuit 0, or one read voltage of either sign where the gate is open.
    G : Real
        (..., n_in, n_out) siemens, float32 or float64, 0 or more; leading axes are a stack of arrays, each with its reads.
    wires
        `Wires` or ohms per segment.
    method : str
        "tree" (`effective_conductance`, then one product), "cg" (conjugate gradients for each read), or "auto": what is faster by measured
        cost, and "cg" with an `iv`. Gated circuits have a method of their own.
    iv : IV | ScalarFunction | None
        The characteristic of all cells, `sinh_iv`, `cubic_iv`, an `IV` of your own, or the `ScalarFunction` of one; Ohm's law by default.
    tolerance : float | None
        Of "cg", relative to the drive (and of Kirchhoff's law with an `iv`): 1e-10 in float64, 1e-5 in float32.
    max_iterations : int
        Of conjugate gradients.
    memory_limit : int | None
        Bytes to work with at a time.

    Returns
    -------
    Array
        (..., batch, n_out) amperes like G.

    Raises
    ------
    ConvergenceError
        With the residual that was reached.
    ValueError
        For shapes that do not chain, an unknown method, "tree" with an `iv`, gated inputs of two voltages, and as `effective_conductance`.
    """
    solver = _Solver(V, G, wires, method, iv, tolerance, max_iterations, memory_limit)
    if solver.wires.gated:
        return solver.gated(None)[0]
    if solver.method == "tree":
        return V @ effective_conductance(G, wires=solver.wires, memory_limit=memory_limit)
    return solver.run(None)[0]


@accepts_any
def solve_currents_vjp(
    cotangent: Real,
    V: Real,
    G: Real,
    *,
    wires: Wires | float,
    method: str = "auto",
    iv: IV | ScalarFunction | None = None,
    tolerance: float | None = None,
    max_iterations: int = 1000,
    memory_limit: int | None = None,
    wrt: str | Sequence[str] = ("V", "G"),
) -> Any:
    """The derivative of `solve_currents`: one more solve for each read, with the cotangents as drive at the outputs.

    Parameters
    ----------
    cotangent : Real
        Like the currents.
    wrt : str | Sequence[str]
        Of "V", "G", and "constants", those of an `iv` that is a `ScalarFunction`; gates that open or close have no derivative, so gated
        circuits only "G".

    Returns
    -------
    array
        One array, or a tuple in the order of `wrt`; by constants (constants,), in the order of the function's. Other arguments and errors as
        for `solve_currents`.

    Notes
    -----
    With the voltages dv of the read and dy of the adjoint one across a cell, ``dL/dg = -f(dv) dy``, and by a constant c of f the sum of
    ``-g df/dc(dv) dy`` over the cells.
    """
    names = wrt_names(wrt, ("V", "G", "constants"))
    solver = _Solver(V, G, wires, method, iv, tolerance, max_iterations, memory_limit)
    law = with_constants(solver.iv) if "constants" in names else None
    currents = _array.namespace(V).broadcast_to(G[..., :1, :], (*V.shape[:-1], G.shape[-1]))
    cotangent = like("cotangent", cotangent, "the currents", currents)
    results: dict[str, Any] = {}
    if solver.wires.gated:
        if "V" in names:
            raise ValueError("gated inputs are open or shut: there is no derivative by V, only by G")
        results["G"] = solver.gated(cotangent)[1]
    elif solver.method == "tree":
        if "V" in names:
            T = effective_conductance(G, wires=solver.wires, memory_limit=memory_limit)
            results["V"] = cotangent @ T.swapaxes(-1, -2)
        if "G" in names:
            by_T = _array.contiguous(V.swapaxes(-1, -2) @ cotangent)
            results["G"] = effective_conductance_vjp(by_T, G, wires=solver.wires, memory_limit=memory_limit)
    else:
        _, results["V"], results["G"], results["constants"] = solver.run(cotangent, law)
    return only(results, names)


def open_conductance(G: Real, *, wires: Wires | float) -> Array:
    """What each cell of a gated circuit (n_in, n_out) carries into its output while all gates are open, for a volt of the read voltage:
    siemens like G, negative for rows that -V_read feeds. Columns of it add up to the currents."""
    solver = _Solver(_array.namespace(G).ones((1, G.shape[0]), G.dtype), G, wires, "auto", None, None, 1000, None)
    column, supplies = solver.open_column(solver.cells[0], solver.xp.ones((1, G.shape[0], 1), bool)), dict(solver.supplies(1.0))
    supply, bit = _gated.voltages(column, {**supplies, "b": 0.0}, G.shape[0])
    across: Array = (supply - bit)[0]
    return across * G


def gated_reads(V: Real, G: Real, spread: Numbers | None, *, wires: Wires | float) -> tuple[Array, Array | None]:
    """Currents (batch, n_out) of a gated circuit (n_in, n_out), and the variance of each, amperes^2, by fresh noise of the open cells of
    standard deviation `spread`, siemens like G; to first order. Columns share no cells, so that the noise of outputs is independent."""
    solver = _Solver(V, G, wires, "auto", None, None, 1000, None)
    currents, _, variance = solver.gated(None, spread)
    return currents, variance


# ---------------------------------------------------------------------------------------------------------------------- inside
class _Solver:
    """Checked arguments, and the two ways that need no T."""

    def __init__(self, V: Real, G: Real, wires: Wires | float, method: str, iv: IV | ScalarFunction | None, tolerance: float | None,
                 limit: int, memory_limit: int | None) -> None:  # fmt: skip
        self.wires: Wires = as_wires(wires)
        self.largest = check_conductances(G)
        self.G, self.V, self.iv, self.limit, self.memory_limit = (
            _array.contiguous(G),
            voltages_like(V, G),
            None if iv is None else as_iv(iv),
            _checks.whole("max_iterations", limit),
            memory_limit,
        )
        self.xp = _array.namespace(G)
        self.tolerance = TOLERANCE[G.dtype.name] if tolerance is None else tolerance
        if not isinstance(self.tolerance, int | float | np.number) or not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance must lie between 0 and 1, got {tolerance!r:.80}")
        if method not in ("auto", "tree", "cg"):
            raise ValueError(f"method must be 'auto', 'tree' or 'cg', got {method!r:.80}")
        if iv is not None and (method == "tree" or self.wires.gated):
            raise ValueError(
                "cells with a characteristic have no effective conductance: use method='cg', and a circuit that is not gated"
            )
        if self.wires.gated:
            check_pairs(G, self.wires)
            self.unit = 2.0 ** np.floor(np.log2(self.largest)) if self.largest > 0 else 1.0
            self.cells = self.G.reshape(-1, *G.shape[-2:]) * G.dtype.type(1 / self.unit)
            return
        self.stack = Stack(self.G, self.wires)
        self.method = "cg" if iv is not None else self._cheapest() if method == "auto" else method

    def _cheapest(self) -> str:
        c, shape = self.stack.circuit, self.G.shape[-2:]
        n = float(np.sqrt(shape[0] * shape[1]))
        bound = iterations(float(self.stack.cells.max()), min(c.word, c.first), min(c.bit, c.last), shape, self.tolerance)
        return "cg" if self.V.shape[-2] * SWEEP * (bound / 2 + 3) < TREE[0] + TREE[1] * n and bound < self.limit else "tree"

    # ---- conjugate gradients
    def run(self, cotangent: Array | None, law: ScalarFunction | None = None) -> tuple[Array, Any, Any, Any]:
        """Currents; for a cotangent also dL/dV and dL/dG, and with a law of the cells dL/dconstants."""
        cells, reads = self.stack.cells, self.V.shape[-2]
        arrays, n_in, n_out = cells.shape
        V, Q = self.V.reshape(arrays, reads, n_in), None if cotangent is None else cotangent.reshape(arrays, reads, n_out)
        out = self.xp.empty((arrays, reads, n_out), cells.dtype)
        by_V, by_G = self.xp.empty_like(V), self.xp.zeros_like(cells)
        by_constants = None if law is None else self.xp.zeros(len(law.constants), cells.dtype)
        step = _array.chunk(cells, (12 if self.iv is None else 24) * cells.dtype.itemsize * n_in * n_out, self.memory_limit)

        def piece(g: Array, arrays_: slice, reads_: slice) -> None:
            """All reads of a piece, with g (n_in, n_out, 1) or (n_in, n_out, reads)."""
            rhs = V[arrays_, reads_].reshape(-1, n_in)
            q = None if Q is None else Q[arrays_, reads_].reshape(-1, n_out)
            I, dV, dg, dc = self._piece(g, rhs, q, law)
            out[arrays_, reads_] = I.reshape(out[arrays_, reads_].shape)
            if q is not None:
                by_V[arrays_, reads_] = dV.reshape(by_V[arrays_, reads_].shape)
                by_G[arrays_] += self.xp.moveaxis(dg, -1, 0) if g.shape[-1] > 1 else dg.sum(-1)
            if by_constants is not None:
                by_constants[...] += dc

        if reads == 1 and arrays > 1:
            for part in _parallel.pieces(arrays, step):
                piece(self.xp.ascontiguousarray(self.xp.moveaxis(cells[part], 0, -1)), part, slice(None))
        else:
            for a in range(arrays):
                for part in _parallel.pieces(reads, step):
                    piece(cells[a][..., None], slice(a, a + 1), part)
        shape = self.V.shape[:-1]
        return out.reshape(*shape, n_out), by_V.reshape(self.V.shape), by_G.reshape(self.G.shape), by_constants

    def _piece(self, g: Array, V: Real, q: Array | None, law: ScalarFunction | None) -> tuple[Array, Any, Any, Any]:
        xp, c, dtype = self.xp, self.stack.circuit, g.dtype
        n_in, n_out, _ = g.shape
        before, after = np.full(n_out, c.word), np.full(n_in, c.bit)
        if c.pair:
            after[::2] = PERFECT
        before[0], after[-1] = c.first, c.last
        drive = keeper((n_in, n_out, len(V)), g)("drive")
        drive[:, 1:] = 0
        drive[:, 0] = V.T * dtype.type(c.first)
        if self.iv is None:
            ladders = Ladders(g, before, after)
            if q is None:
                bit, _ = ladders.bits(drive, None, self.tolerance, self.limit)
            else:
                word, bit, _ = ladders.solve(drive, None, self.tolerance, self.limit)
        else:
            word, bit, ladders = self._newton(g, before, after, drive)
        unit = dtype.type(self.stack.unit)
        currents = (bit[-1] * dtype.type(c.last)).T * unit
        if q is None:
            return currents, None, None, None
        back = xp.zeros_like(drive)
        back[-1] = q.T * dtype.type(c.last)
        word_y, bit_y, _ = ladders.solve(xp.zeros_like(drive), back, self.tolerance, self.limit)
        across = word - bit
        flow, back = across if self.iv is None else carried(self.iv, across), word_y - bit_y
        by_constants = None if law is None else law._constants_vjp(-unit * g * back, across)
        return currents, (word_y[:, 0] * dtype.type(c.first)).T * unit, -flow * back, by_constants

    def _newton(self, g: Array, before: np.ndarray, after: np.ndarray, drive: Array) -> tuple[Array, Array, Ladders]:
        """Voltages at which every cell carries g f(v), and the linear array of the slopes there.

        The state is voltages and currents j that obey Kirchhoff's law for a `share` of the drive, 0 at first; what is left is the mismatch
        g f(v) - j of each cell. A step solves the array with the slopes as conductances. It is halved, for each read of its own, until no
        slope grows by more than `STEEPER`, and the mismatch shrinks once all of the drive is on.
        """
        xp, iv = self.xp, self.iv
        if iv is None:
            raise TypeError("Newton's method is for cells with a characteristic")
        word, bit, current = (xp.zeros_like(drive) for _ in range(3))
        v = word - bit
        mismatch, size, share = (
            xp.zeros(drive.shape[-1], np.float64),
            xp.zeros(drive.shape[-1], np.float64),
            xp.zeros(drive.shape[-1], g.dtype),
        )
        cells = (_OwnCells if isinstance(iv.f, ScalarFunction) else _Cells)(iv, g)
        for _ in range(NEWTON):
            slope, slopes, sources = cells.linear(v)
            if not float(slope.min()) > 0:
                raise ValueError(f"the slope of the characteristic must be positive, got {float(slope.min()):.4g}")
            ladders = Ladders(slopes, before, after)
            if bool(((share == 1) & (mismatch <= self.tolerance * size)).all()):
                return word, bit, ladders
            known = sources()
            to_word, to_bit, _ = ladders.solve(drive - known, known, 0.1 * self.tolerance, self.limit)
            to_current = known + slopes * (to_word - to_bit)
            t = xp.ones(drive.shape[-1], g.dtype)
            for _ in range(40):
                w, u, j, off, growth = cells.tried(t, slope, (word, to_word), (bit, to_bit), (current, to_current))
                off, growth = off.max((0, 1)).astype(np.float64), growth.max((0, 1))
                scale = xp.abs(j).max((0, 1)).astype(np.float64)
                better = (share < 1) | (off <= mismatch * (1 - 0.1 * t)) | (off <= self.tolerance * scale)
                better &= growth <= STEEPER
                if bool(better.all()):
                    break
                t = xp.where(better, t, t / 2)
            else:
                if bool(xp.isnan(off).any()):
                    raise ValueError("cells carry NaN: V must be finite (volts), and f of the IV at all volts between them")
            word, bit, current, v, mismatch, size = w, u, j, w - u, off, scale
            share = xp.where(t == 1, 1, share + t * (1 - share)).astype(g.dtype)
        worst = float((mismatch / xp.where(size > 0, size, 1)).max())
        raise ConvergenceError(
            f"the voltages have not converged to {self.tolerance:.2g} in {NEWTON} Newton steps: the largest mismatch of a cell is {worst:.2g} "
            "of the largest current of a cell"
        )

    # ---- gated
    def gated(self, cotangent: Array | None, spread: Array | None = None) -> tuple[Array, Any, Any]:
        """Currents; for a cotangent also dL/dG, for a spread of the cells of one array also the variance of the currents."""
        xp, dtype = self.xp, self.G.dtype
        n_in, n_out = self.G.shape[-2:]
        open_ = self.V != 0
        high, low = (float(self.V.max()), float(self.V.min())) if self.V.size else (0.0, 0.0)
        read = high if high > 0 else low
        if not bool((self.V[open_] == dtype.type(read)).all()) or not np.isfinite(read):
            raise ValueError("inputs of a gated circuit are gates: V must be 0 or one read voltage")
        cells, gates = self.cells, open_.reshape(len(self.cells), self.V.shape[-2], n_in)
        out, by_G = xp.empty((*gates.shape[:2], n_out), dtype), xp.zeros_like(cells)
        variance = None if spread is None else xp.empty_like(out)
        q = None if cotangent is None else cotangent.reshape(out.shape)
        supplies = self.supplies(read)
        step = _array.chunk(cells, (16 if self.wires.pair else 8) * dtype.itemsize * n_in * n_out, self.memory_limit)
        for a in range(len(cells)):
            for part in _parallel.pieces(gates.shape[1], step):
                gate = gates[a, part, :, None]
                column = self.open_column(cells[a], gate)
                out[a, part] = _gated.currents(column, supplies) * dtype.type(self.unit)
                if q is not None or variance is not None:
                    supply, bit = _gated.voltages(column, {**dict(supplies), "b": 0.0}, n_in)
                    supply_y, bit_y = _gated.voltages(column, {**dict.fromkeys(dict(supplies), 0.0), "b": 1.0}, n_in)
                    moved = -(supply - bit) * (supply_y - bit_y) * gate  # of an output, for each siemens of a cell
                    if q is not None:
                        by_G[a] += (moved * q[a, part, None, :]).sum(0)
                    if variance is not None:
                        variance[a, part] = ((moved * spread) ** 2).sum(1)
        shape = (*self.V.shape[:-1], n_out)
        return out.reshape(shape), by_G.reshape(self.G.shape), None if variance is None else variance.reshape(shape)

    def supplies(self, volts: float) -> list[tuple[str, float]]:
        """Volts at the terminals of the supply lines."""
        return [("P", volts), ("N", -volts)] if self.wires.pair else [("P", volts)]

    def open_column(self, cells: Array, gate: Array) -> _gated.Column:
        """The columns of one array with some gates open, (reads, n_in, 1)."""
        w = self.wires
        wire = {"word": w.word, "bit": w.bit, "first": w.word + w.source, "last": w.bit + w.load}
        wire = {name: min(PERFECT, 1 / (r * self.unit)) if r > 0 else PERFECT for name, r in wire.items()}
        return _gated.eliminate(self.xp.where(gate, cells, 0).astype(cells.dtype), wire, w.pair)


__all__ = ["IV", "cubic_iv", "sinh_iv", "solve_currents", "solve_currents_vjp"]
