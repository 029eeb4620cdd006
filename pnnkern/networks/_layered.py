"""What layered networks that relax have in common: checks, sweeps over even and odd layers, and their result.

Layer 0 is the clamped input. State arrays are (batch, n) for one phase and (phases, batch, n) for several; `weights[l]` (n_l, n_{l+1})
joins layers l and l + 1, `biases[l]` (n_{l+1},) belongs to layer l + 1, and `states[l]` to layer l + 1, as `pulls[l]` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array
from .._errors import ConvergenceError

TOLERANCE = {"float32": 1e-5, "float64": 1e-11}  # of the last step, relative to the largest state
SHARED = 160 * 1024  # bytes of shared memory that a block of the fused kernels may ask for
THREADS = 128  # of such a block


@dataclass(frozen=True)
class Equilibrium:
    """A state that a layered network has relaxed to.

    states : of the layers after the input. pulls : what the neighbours pulled each node to, before its nonlinearity.
    residual : the last step, relative to the largest state. sweeps : the most that were allowed. converged : residual <= tolerance.
    """

    states: list[Array]
    pulls: list[Array]
    residual: float
    sweeps: int
    converged: bool

    @property
    def output(self) -> Array:
        """The state of the last layer."""
        return self.states[-1]


# --------------------------------------------------------------------------------------------------------------------- checks
def checked(inputs: Array, weights: Sequence[Array], biases: Sequence[Array] | None) -> tuple[Array, list[Array], list[Array]]:
    """Contiguous arrays of one dtype whose shapes fit; biases of zero where none are given. Raises TypeError or ValueError."""
    if not len(weights):
        raise ValueError("a layered network needs at least one array of weights")
    dtype = weights[0].dtype
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"weights must be float32 or float64, got {dtype}")
    xp = _array.namespace(inputs, *weights)
    if biases is None:
        biases = [xp.zeros(w.shape[1], dtype) for w in weights]
    if len(biases) != len(weights):
        raise ValueError(f"there must be one array of biases for each of the {len(weights)} weights, got {len(biases)}")
    if inputs.ndim != 2:
        raise ValueError(f"inputs must be (batch, {weights[0].shape[0]}), got shape {inputs.shape}")
    size = inputs.shape[1]
    for l, (w, b) in enumerate(zip(weights, biases, strict=True)):
        if w.ndim != 2 or w.shape[0] != size:
            raise ValueError(f"weights[{l}] must be ({size}, nodes of the next layer), got shape {w.shape}")
        if b.shape != (w.shape[1],):
            raise ValueError(f"biases[{l}] must be ({w.shape[1]},), got shape {b.shape}")
        if w.dtype != dtype or b.dtype != dtype:
            raise TypeError(f"all weights and biases must be {dtype}, got {w.dtype} and {b.dtype} in layer {l + 1}")
        size = w.shape[1]
    inputs = _array.contiguous(inputs.astype(dtype, copy=False))
    return inputs, [_array.contiguous(w) for w in weights], [_array.contiguous(b) for b in biases]


def target_like(target: Array | None, nudges: Array, batch: int, weights: Sequence[Array]) -> Array:
    """The target (batch, outputs) in the network's dtype; zeros if nothing is nudged."""
    shape, dtype = (batch, weights[-1].shape[1]), weights[0].dtype
    xp = _array.namespace(weights[0])
    if target is None:
        if np.any(nudges):
            raise ValueError("a nudge other than 0 needs a target")
        return xp.zeros(shape, dtype)
    if target.shape != shape:
        raise ValueError(f"target must be {shape}, got shape {target.shape}")
    return _array.contiguous(xp.asarray(target, dtype))


def nudges_of(nudge: Any) -> np.ndarray:
    """Nudges as float64, () or (phases,)."""
    values = np.asarray(nudge, np.float64)
    if values.ndim > 1 or not np.isfinite(values).all():
        raise ValueError(f"a nudge must be a finite number, or one for each phase, got {nudge!r:.80}")
    return values


def refuse_unbounded(nudges: np.ndarray, bound: float, what: str) -> None:
    """Raise ValueError when a negative nudge of the size of `bound` or more lets E - |beta| C fall without end."""
    worst = -float(nudges.min(initial=0.0))
    if worst >= bound:
        raise ValueError(
            f"a nudge of {-worst:g} leaves the energy without a minimum: nudges must lie above -{bound:.4g}, {what}; make |beta| smaller"
        )


def tolerance_of(tolerance: float | None, dtype: Any) -> float:
    """The tolerance to use: by dtype where none is given."""
    if tolerance is None:
        return TOLERANCE[np.dtype(dtype).name]
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance must lie in [0, 1), got {tolerance}")
    return tolerance


def judged(states: list[Array], pulls: list[Array], residual: float, sweeps: int, tolerance: float | None, fail: str) -> Equilibrium:
    """The result, flagged; raises `ConvergenceError` if it should and the residual is above the tolerance."""
    limit = tolerance_of(tolerance or None, states[0].dtype)
    converged = residual <= limit
    if fail == "raise" and tolerance != 0 and not converged:
        raise ConvergenceError(
            f"the network has not settled after {sweeps} sweeps: its last step was {residual:.1e} of the largest state, {limit:.1e} was "
            "asked for; allow more sweeps, a larger tolerance, or on_failure='flag'"
        )
    return Equilibrium(states, pulls, residual, sweeps, converged)


def check_settings(sweeps: int, on_failure: str) -> None:
    if sweeps < 1:
        raise ValueError(f"sweeps must be at least 1, got {sweeps}")
    if on_failure not in ("raise", "flag"):
        raise ValueError(f"on_failure must be 'raise' or 'flag', got {on_failure!r}")


# --------------------------------------------------------------------------------------------------------------------- sweeps
def times(state: Array, weight: Array) -> Array:
    """(..., n) @ (n, m) as one matrix product."""
    return (state.reshape(-1, state.shape[-1]) @ weight).reshape(*state.shape[:-1], weight.shape[1])


def neighbours(l: int, states: Sequence[Array], weights: Sequence[Array], drive: Array | None, biases: Sequence[Array] | None) -> Array:
    """What reaches free layer l (0 is the first hidden one): from below (the hoisted `drive`, or weights), from above, and its bias."""
    total = None
    if l == 0:
        total = drive
    else:
        total = times(states[l - 1], weights[l])
        if biases is not None:
            total += biases[l]
    if l + 1 < len(states):
        above = times(states[l + 1], weights[l + 1].T)
        total = above if total is None else above + total
    return _array.namespace(states[l]).zeros_like(states[l]) if total is None else total


def order(layers: int, *, from_output: bool = False) -> list[int]:
    """Layers in the order of one sweep: all of one parity, then all of the other, so each half is an exact block step.

    The half that holds the input's neighbour goes first, or with `from_output` the half that holds the output.
    """
    first = (layers - 1) % 2 if from_output else 0
    return [*range(first, layers, 2), *range(1 - first, layers, 2)]


def sweep(states: list[Array], step: Callable[[int], Array], layers: Sequence[int], sweeps: int, tolerance: float) -> float:
    """Replace states[l] by step(l) for `layers`, over and over, in place of the list; the last step relative to the largest state."""
    ratio = 0.0
    for _ in range(sweeps):
        largest = moved = 0.0
        for l in layers:
            new = step(l)
            if new.size:
                xp = _array.namespace(new)
                moved = max_(moved, float(xp.abs(new - states[l]).max()))
                largest = max_(largest, float(xp.abs(new).max()))
            states[l] = new
        ratio = moved / largest if largest > 0 else moved
        if ratio <= tolerance:
            break
    return ratio


def max_(a: float, b: float) -> float:
    """The larger, or NaN if one is."""
    return a if a >= b or a != a else b


# -------------------------------------------------------------------------------------------------------------- fused relaxation
def fits(weights: Sequence[Array]) -> bool:
    """True if the fused kernels of one hidden layer take this network."""
    if len(weights) != 2:
        return False
    hidden, outputs = weights[1].shape
    return (2 * hidden + outputs + THREADS) * weights[0].dtype.itemsize <= SHARED


def fused(stem: str, model: Sequence[Any], drive: Array, weight: Array, totals: tuple[Array, Array], bias: Array, nudges: np.ndarray,
          target: Array, start: Sequence[Array] | None, sweeps: int, nudged_sweeps: int, tolerance: float,
          ) -> tuple[list[Array], list[Array], Array]:  # fmt: skip
    """Free states, differences (phases, batch, n), and the last steps (1 + phases, batch), by the kernel `stem`."""
    xp = _array.namespace(drive)
    batch, dtype = len(drive), drive.dtype
    hidden, outputs = weight.shape
    h, o = (xp.zeros((batch, n), dtype) for n in weight.shape) if start is None else (xp.array(s, dtype) for s in start)
    dh, d_o = (xp.empty((len(nudges), batch, n), dtype) for n in weight.shape)
    change = xp.zeros((1 + len(nudges), batch), dtype)
    if batch:
        shared = (2 * hidden + outputs + THREADS) * dtype.itemsize
        _launch.launch(
            stem, "relax", dtype, batch, hidden, outputs, *model, len(nudges), sweeps, nudged_sweeps, tolerance,
            xp.ascontiguousarray(weight.T), drive, *totals, bias, xp.asarray(nudges, dtype), target, h, o, dh, d_o, change,
            grid=(min(batch, _launch.MAX_BLOCKS),), block=(THREADS,), shared=shared,
        )  # fmt: skip
    return [h, o], [dh, d_o], change


# -------------------------------------------------------------------------------------------------------------------- contrast
@dataclass(frozen=True)
class Contrast:
    """The gradient of one array of weights, ``row[:, None] + column[None, :] - first.T @ second``, and of the biases above it, `bias`.

    first, second : (samples, rows) and (samples, columns). row, column : (rows,), (columns,), or None for zero.
    """

    first: Array
    second: Array
    bias: Array
    row: Array | None = None
    column: Array | None = None

    def gradient(self) -> Array:
        """The gradient of the weights, (rows, columns)."""
        out = self.first.T @ self.second
        _array.namespace(out).negative(out, out=out)
        if self.row is not None:
            out += self.row[:, None]
        if self.column is not None:
            out += self.column
        return out

    def update(self, weight: Array, rate: float, low: float = -np.inf, high: float = np.inf) -> None:
        """In place ``weight = clip(weight - rate * gradient, low, high)``, in one pass over it and without storing the gradient."""
        rows, columns = weight.shape
        _launch.launch(
            "networks/contrast", "update", weight.dtype, rows, columns, len(self.first), rate, low, high, self.first, self.second,
            self.row, self.column, weight, grid=(-(-columns // 64), -(-rows // 64)), block=(16, 16),
        )  # fmt: skip


def pairs(inputs: Array, states: Sequence[Array], first: Sequence[Array], second: Sequence[Array]) -> list[tuple[Any, ...]]:
    """For each array of weights (below, difference below or None, above, difference above): means and differences of two phases.

    The phases are given as differences from `states`; the input is clamped and has none.
    """
    means = [s + (a + b) / 2 for s, a, b in zip(states, first, second, strict=True)]
    moved = [b - a for a, b in zip(first, second, strict=True)]
    return list(zip([inputs, *means[:-1]], [None, *moved[:-1]], means, moved, strict=True))
