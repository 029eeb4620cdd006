"""Crossbars whose wires have resistance: currents that are exact for any resistance, their derivatives, and the voltages inside.

For fixed conductances the currents are linear in the voltages, I = V @ T. The effective conductance T is what is left between every
driver and every output once all nodes in between are eliminated (star-mesh transforms up a binary tree of sub-arrays). Only positive
numbers are added and multiplied on the way: nothing cancels, float32 keeps 6e-6 of every entry and float64 1e-13, and the time depends
neither on the resistance nor on the conductances. After that a batch is one matrix product::

    T = effective_conductance(G, wires=Wires(word=1.0, bit=1.0, source=50.0))
    I = V @ T

Siemens, ohms, volts and amperes. G (..., n_in, n_out) has leading axes for a stack of arrays. Four circuits (`Wires.topology`)::

    "lines"          V_i --source-word--+--word--+--word--+        word line i is driven at the left and carries the current;
                                        g        g        g        bit line j collects it, and ends in a virtual ground below.
                                        |        |        |
                                       bit      bit      bit       the last bit segment is followed by the load
                                        |        |        |

    "interleaved"    V+ --word--+--word--+    as "lines", but rows come in pairs of positive and negative weights, 2 k and 2 k + 1,
                               g+        g+   that share their node on the bit line: their currents cancel there before they meet
                     V- --word--+--word--+    its resistance. The caller drives row 2 k + 1 with the opposite voltage.
                               g-        g-
                               bit       bit

    "gated"            V_read --source-word--+        the input opens or closes a transistor at every cell of its row and carries no
                                    |        |        current. Each bit line has a supply line beside it, fed at the top ("word" is
                       x_i --------(g)--+    |word    a segment of that one), and columns do not see each other.
                                        |bit |
    "gated-interleaved"   the same with two supply lines, of +V_read for rows 2 k and -V_read for rows 2 k + 1, and one bit line.

The gated circuits have no T, because their conductances follow the inputs: `solve_currents`. An array that is driven from the right, or
read out at the top, is its mirror image: reverse that axis of G.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _parallel
from .._array import Array, Real
from .._checks import only, wrt_names
from .._gate import accepts_any
from . import _checks
from ._ladders import keeper
from ._levels import Levels
from ._tree import PORTS, Circuit, Tree

TOPOLOGIES = ("lines", "interleaved", "gated", "gated-interleaved")
PERFECT = 1e20  # conductance of a segment without resistance, in units of about the largest cell
ROOM = 160  # in double precision cells are taken as they are if the largest is within so many powers of two of a siemens


@dataclass(frozen=True)
class Wires:
    """Resistances of the wires of a crossbar, ohms; 0 is a perfect wire and infinity an open one.

    Parameters
    ----------
    word, bit : float
        Of one segment of a word and of a bit line. Word line i is driven through one word segment into cell (i, 0); bit line j leaves cell
        (n_in - 1, j) through one bit segment into virtual ground.
    source, load : float
        In series with each driver, and with each output.
    topology : str
        "lines", "interleaved", "gated" or "gated-interleaved", drawn at the head of this module.

    Raises
    ------
    ValueError
        For a resistance that is negative or NaN, and for an unknown topology.
    """

    word: float
    bit: float
    source: float = 0.0
    load: float = 0.0
    topology: str = "lines"

    def __post_init__(self) -> None:
        for name in ("word", "bit", "source", "load"):
            r = getattr(self, name)
            if isinstance(r, bool) or not isinstance(r, int | float | np.number) or not r >= 0:
                raise ValueError(f"{name} must be a resistance of 0 or more (ohms), got {r!r:.80}")
            object.__setattr__(self, name, float(r))
        if self.topology not in TOPOLOGIES:
            raise ValueError(f"topology must be one of {', '.join(TOPOLOGIES)}, got {self.topology!r:.80}")

    @property
    def pair(self) -> bool:
        """True if rows come in pairs that share the node on the bit line."""
        return self.topology.endswith("interleaved")

    @property
    def gated(self) -> bool:
        """True if the inputs gate the cells instead of driving them."""
        return self.topology.startswith("gated")


def as_wires(wires: Any) -> Wires:
    """`Wires` as they are; a number of ohms is the resistance of every segment of word and bit lines."""
    if isinstance(wires, Wires):
        return wires
    if isinstance(wires, bool) or not isinstance(wires, int | float | np.number):
        raise TypeError(f"wires must be Wires(word=, bit=, ...) or a number of ohms per segment, got {wires!r:.80}")
    return Wires(wires, wires)  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------------------------- all currents
@accepts_any
def effective_conductance(G: Real, *, wires: Wires | float, memory_limit: int | None = None) -> Array:
    """What the outputs see of the inputs through the wires: T with ``currents = V @ T``, exact.

    Parameters
    ----------
    G : Real
        (..., n_in, n_out) siemens, float32 or float64, 0 or more.
    wires
        `Wires`, or ohms per segment.
    memory_limit : int | None
        Bytes to work with on a GPU, by default a quarter of what is free; the CPU takes one array at a time.

    Returns
    -------
    Array
        T (..., n_in, n_out) siemens like G: V (..., n_in) volts at the drivers, currents (..., n_out) amperes into the virtual grounds. Driving
        the outputs with the inputs grounded reads T transposed.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For conductances that are negative or not finite, and for gated wires.

    Notes
    -----
    About 56 n^3 flop for n x n cells, whatever the resistance.
    """
    wires = as_wires(wires)
    stack = Stack(G, wires)
    T = stack.xp.empty_like(stack.cells)

    def work(part: slice) -> None:
        stack.solver(part, T=T[part])

    stack.each(work, 0, memory_limit)
    if stack.unit != 1:
        T *= T.dtype.type(stack.unit)
    return T.reshape(G.shape)


@accepts_any
def effective_conductance_vjp(
    cotangent: Real, G: Real, *, wires: Wires | float, wrt: str | Sequence[str] = ("G",), memory_limit: int | None = None
) -> Any:
    """The derivative of `effective_conductance`, down the same tree: for all cells about twice the work of T.

    Parameters
    ----------
    cotangent : Real
        dL/dT like G.
    wrt : str | Sequence[str]
        Any of "G", "word", "bit", "source", "load". ``dL/dg = -sum_ij cotangent_ij dv_i dv_j``: the voltage across the cell when driver i alone
        is at one volt, times that when output j alone is; the same across wire segments, with ``dL/dr = -g^2 dL/dg``.

    Returns
    -------
    array
        One array, or a tuple in the order of `wrt`; resistances as float64 of shape (), summed over the stack.

    Raises
    ------
    ValueError
        Where it is asked for the derivative by a resistance of perfect segments, and as `effective_conductance`.
    """
    wires, names = as_wires(wires), wrt_names(wrt, ("G", "word", "bit", "source", "load"))
    stack = Stack(G, wires)
    cotangent = like("cotangent", cotangent, "G", G).reshape(stack.cells.shape)
    gradient, segments = stack.xp.empty_like(stack.cells), stack.xp.empty((len(stack.cells), 4), np.float64)

    def work(part: slice) -> None:
        gradient[part], segments[part] = stack.solver(part, keep=True).vjp(cotangent[part])

    stack.each(work, 0, memory_limit)
    results: dict[str, Any] = {"G": gradient.reshape(G.shape)}
    by_conductance = segments.sum(0)
    for name, kinds, others in (
        ("word", (0, 2), "source"),
        ("source", (2,), "word"),
        ("bit", (1, 3), "load"),
        ("load", (3,), "bit"),
    ):
        if name in names:
            results[name] = sum(by_conductance[k] * slope for k, slope in zip(kinds, _slopes(stack, wires, name, others)))
    return only(results, names)


def _slopes(stack: "Stack", wires: Wires, name: str, other: str) -> list[float]:
    """d(conductance in the stack's unit) / d(resistance), times the unit, of the segments that a resistance is part of."""
    r, beside = getattr(wires, name), getattr(wires, other)
    alone = [r] if name in ("word", "bit") else []
    slopes = []
    for total in (*alone, r + beside):
        if total == 0:
            raise ValueError(f"there is no derivative by {name} where it is 0 ohms and nothing is in series: the wire is perfect")
        slopes.append(-stack.unit * (1 / (total * stack.unit)) ** 2 * stack.unit if np.isfinite(total) else 0.0)
    return slopes


@accepts_any
def node_voltages(V: Real, G: Real, *, wires: Wires | float, memory_limit: int | None = None) -> tuple[Array, Array]:
    """Voltages of the nodes on the word and bit lines at every cell, exact.

    Parameters
    ----------
    V : Real
        (..., batch, n_in) volts at the drivers, of the dtype of G.
    G : Real
        (..., n_in, n_out) siemens.
    wires
        `Wires` or ohms per segment.
    memory_limit : int | None
        Bytes to work with at a time besides the result.

    Returns
    -------
    tuple[Array, Array]
        (word, bit), each (..., batch, n_in, n_out) volts; the current through cell (i, j) is ``G[i, j] (word - bit)[i, j]``. A node that
        nothing reaches is at 0.

    Notes
    -----
    Raises as `effective_conductance`, and ValueError for shapes that do not chain.
    """
    wires = as_wires(wires)
    stack = Stack(G, wires)
    V = voltages_like(V, G)
    drivers = V.reshape(len(stack.cells), -1, V.shape[-1])
    shape = (*drivers.shape[:2], *G.shape[-2:])
    word, bit = (stack.xp.empty(shape, G.dtype) for _ in range(2))
    for rows in stack.batches(drivers.shape[1], memory_limit):
        inputs = drivers[:, rows].swapaxes(1, 2)

        def work(part: slice, rows: slice = rows, inputs: Array = inputs) -> None:
            grounded = stack.xp.zeros((*inputs[part].shape[:1], G.shape[-1], inputs.shape[-1]), G.dtype)
            for to, values in zip((word, bit), stack.solver(part, keep=True).voltages(inputs[part], grounded)):
                to[part, rows] = stack.xp.moveaxis(values, -1, 1)

        stack.each(work, inputs.shape[-1], memory_limit)
    lead = (*V.shape[:-1], *G.shape[-2:])
    return word.reshape(lead), bit.reshape(lead)


# ---------------------------------------------------------------------------------------------------------------------- inside
class Stack:
    """Checked conductances as `cells` (arrays, n_in, n_out) in a `unit` (siemens): as they are where products of them fit the numbers with room
    to spare, else a power of two near the largest, so that no digit changes."""

    def __init__(self, G: Real, wires: Wires) -> None:
        largest = check_conductances(G)
        if wires.gated:
            raise ValueError(
                f"topology {wires.topology!r} has no effective conductance, its cells follow the inputs: use solve_currents"
            )
        check_pairs(G, wires)
        self.xp = _array.namespace(G)
        power = int(np.floor(np.log2(largest))) if largest > 0 else 0
        near = 2.0**power
        self.cells, self.unit, self.perfect = _array.contiguous(G).reshape(-1, *G.shape[-2:]), 1.0, PERFECT * near
        if G.dtype != np.float64 or wires.pair or power % 2 or abs(power) > ROOM:  # roots of odd powers are rounded
            self.unit, out = near, keeper(self.cells.shape, self.cells)("cells")
            self.cells = self.xp.multiply(self.cells, self.cells.dtype.type(1 / near), out=out)
        self.circuit = Circuit(wires.pair, *(self._conductance(r) for r in (wires.word, wires.bit, wires.word + wires.source,
                                                                            wires.bit + wires.load)))  # fmt: skip

    def _conductance(self, r: float) -> float:
        return min(self.perfect, 1 / r if r > 0 else np.inf) / self.unit

    def solver(self, part: slice, keep: bool = False, T: Array | None = None) -> Any:
        """The eliminated arrays of a part of the stack, with T put into `T`: `Levels` on a GPU, else the `Tree` of its one array."""
        if _array.on_device(self.cells):
            return Levels(self.cells[part], self.circuit, keep, T)
        tree = Tree(self.cells[part.start], self.circuit, keep)
        if T is not None:
            T[0] = tree.T
        return _One(tree)

    def each(self, work: Callable[[slice], None], columns: int, memory_limit: int | None) -> None:
        """`work` on slices that cover the stack: one array each on the CPU, on a GPU what fits; `columns` of voltages at a time."""
        count, n_in, n_out = self.cells.shape
        if not _array.on_device(self.cells):

            def some(start: int, stop: int) -> None:
                for i in range(start, stop):
                    work(slice(i, i + 1))

            _parallel.over(count, some)
            return
        n = max(n_in, n_out, PORTS)
        each = self.cells.dtype.itemsize * (n * n * int(14 * np.log2(n) + 64) + 4 * n_in * n_out * columns)
        step = _array.chunk(self.cells, each, memory_limit)
        for part in _parallel.pieces(count, step):
            work(part)

    def batches(self, count: int, memory_limit: int | None) -> list[slice]:
        """Slices of `count` reads whose voltages at all nodes of one array fit the memory."""
        each = 5 * self.cells.dtype.itemsize * self.cells[0].size
        return _parallel.pieces(count, _array.chunk(self.cells, each, memory_limit))


class _One:
    """A `Tree` with the leading axis of `Levels`."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def vjp(self, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gradient, segments = self.tree.vjp(cotangent[0])
        return gradient[None], segments[None]

    def voltages(self, drivers: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        word, bit = self.tree.voltages(drivers[0], outputs[0])
        return word[None], bit[None]


def check_conductances(G: Real) -> float:
    """Refuse what is no stack of arrays of conductances; the largest of them, siemens."""
    if G.ndim < 2 or not G.size:
        raise ValueError(f"G must have shape (..., n_in, n_out) with at least one cell, got {G.shape}")
    # Bits of numbers that are not negative are in their order, and below those of all other values: one reduction, one look at a GPU.
    bits = _array.to_numpy(G.view(f"u{G.dtype.itemsize}").max().reshape(1))
    low, high = 0.0, float(bits.view(G.dtype)[0])
    if np.signbit(high) or not np.isfinite(high):
        low, high = _array.to_numpy(_array.namespace(G).stack([G.min(), G.max()])).tolist()
    if not (low >= 0 and np.isfinite(high)):
        raise ValueError(f"conductances must be finite and not negative (siemens), got values from {low:.4g} to {high:.4g}")
    _checks.siemens("G", high)
    return high


def check_pairs(G: Real, wires: Wires) -> None:
    if wires.pair and G.shape[-2] % 2:
        raise ValueError(f"topology {wires.topology!r} takes rows in pairs, got G of {G.shape[-2]} rows")


def voltages_like(V: Real, G: Real) -> Array:
    """V (..., batch, n_in), contiguous, if it fits G (..., n_in, n_out)."""
    if V.dtype != G.dtype:
        raise TypeError(f"V must be an array of {G.dtype} (volts) like G, got {V.dtype}")
    if V.ndim != G.ndim or V.shape[-1] != G.shape[-2] or V.shape[:-2] != G.shape[:-2]:
        raise ValueError(
            f"V must be (..., batch, n_in) for G (..., n_in, n_out) with the same leading axes, got V {V.shape} and G {G.shape}"
        )
    return _array.contiguous(V)


def like(name: str, array: Real, other: str, model: Real) -> Array:
    """`array`, contiguous, if it has the shape and dtype of `model`, which is called `other`."""
    if array.shape != model.shape or array.dtype != model.dtype:
        raise ValueError(f"{name} must be {model.dtype} {model.shape} like {other}, got {array.dtype} {array.shape}")
    return _array.contiguous(array)


__all__ = ["TOPOLOGIES", "Wires", "as_wires", "effective_conductance", "effective_conductance_vjp", "node_voltages"]
