"""What layered networks that relax have in common: checks, sweeps over even and odd layers, nudged states as differences, and products.

Layer 0 is the clamped input. `weights[l]` (n_l, n_{l+1}) joins layers l and l + 1, `biases[l]` (n_{l+1},) belongs to layer l + 1, and
`states[l]` and `pulls[l]` (batch, n_{l+1}) to layer l + 1; with an axis of phases in front they are those of several phases.

A node takes the state ``value((drive + sum of weight times neighbour) / total)``: a conductance-weighted mean behind a diode in resistive
networks, a weighted sum behind a nonlinearity in Hopfield's (total 1). The output layer is linear, and a nudge beta adds beta to what
divides it and beta times the target to what pulls it, the exact minimum of E + beta |output - target|^2 / 2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .. import _array, _launch
from .._array import Array
from .._errors import ConvergenceError

TOLERANCE = {"float32": 1e-5, "float64": 1e-11}  # of the last step, relative to the largest state
SHARED = 160 * 1024  # bytes of shared memory that a block of the fused kernel may ask for
THREADS = 128  # of such a block
MODELS = {"box": 0, "sigmoid": 1, "tanh": 2}  # numbered in layered.cuh


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


@dataclass(frozen=True)
class Phases:
    """A free state, and how far nudges move it: ``states[l] + moved[l][p]`` is the state of phase p + 1, and phase 0 is the free one.

    inputs : (batch, n_0). states : (batch, n) of the layers after the input. moved : (phases, batch, n) of them. residual, converged : as
    in `Equilibrium`, for all phases.
    """

    inputs: Array
    states: list[Array]
    moved: list[Array]
    residual: float
    converged: bool

    @property
    def output(self) -> Array:
        """The free state of the last layer."""
        return self.states[-1]

    def pairs(self, a: int, b: int) -> list[tuple[Array, Array | None, Array, Array]]:
        """For each array of weights: mean and difference (phase b less a) of the states below, then above. The input has no difference."""
        count = len(self.moved[0])
        for phase in (a, b):
            if not 0 <= phase <= count:
                raise ValueError(f"phases are numbered 0 (free) to {count}, got {phase}")
        zero = [_array.namespace(s).zeros_like(s) for s in self.states]
        first, second = ([z if p == 0 else m[p - 1] for z, m in zip(zero, self.moved, strict=True)] for p in (a, b))
        means = [s + (x + y) / 2 for s, x, y in zip(self.states, first, second, strict=True)]
        moved = [y - x for x, y in zip(first, second, strict=True)]
        return list(zip([self.inputs, *means[:-1]], [None, *moved[:-1]], means, moved, strict=True))


class Factors(NamedTuple):
    """An array of weights' share of a contrast, ``first.T @ second``, in its factors (samples, rows) and (samples, columns)."""

    first: Array
    second: Array

    def dense(self) -> Array:
        """(rows, columns)."""
        return self.first.T @ self.second

    def scaled(self, factor: float) -> "Factors":
        return Factors(self.first, self.second * self.second.dtype.type(factor))


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


def nudges_of(nudge: Any, *, plane: bool = False) -> np.ndarray:
    """Nudges as float64 (in the complex `plane`, if they lie there, complex128), () or (phases,)."""
    values = np.asarray(nudge)
    if values.dtype.kind == "c" and not plane:
        raise ValueError("nudges must be real here: complex ones need a holomorphic activation, sigmoid or tanh")
    values = values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)
    if values.ndim > 1 or not np.isfinite(values).all():
        raise ValueError(f"a nudge must be a finite number, or one for each phase, got {nudge!r:.80}")
    return values


def refuse_unbounded(nudges: np.ndarray, bound: float, what: str) -> None:
    """Raise ValueError when a negative nudge of the size of `bound` or more lets E - |beta| C fall without end."""
    if nudges.dtype.kind == "c":
        return  # no energy is minimised there
    worst = -float(nudges.min(initial=0.0))
    if worst >= bound:
        raise ValueError(
            f"a nudge of {-worst:g} leaves the energy without a minimum: nudges must lie above -{bound:.4g}, {what}; make |beta| smaller"
        )


def tolerance_of(tolerance: float | None, dtype: Any) -> float:
    """The tolerance to use: by dtype where none is given."""
    if tolerance is None:
        return TOLERANCE["float32" if np.finfo(dtype).bits == 32 else "float64"]
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


@dataclass
class Network:
    """A layered network: what is fixed while it relaxes.

    totals : (n,) of each layer after the input, what divides its pulls; None where nothing does.
    model : of the hidden nodes, "box" (clamped to low[l] .. high[l], (n,) of each hidden layer), "sigmoid" or "tanh".
    backward : weights that act downwards, if they differ from `weights`; there is no energy then.
    linear_output : the last layer has no nonlinearity.
    """

    weights: list[Array]
    biases: list[Array]
    model: str = "box"
    totals: list[Array] | None = None
    low: list[Array] = field(default_factory=list)
    high: list[Array] = field(default_factory=list)
    backward: list[Array] | None = None
    linear_output: bool = True

    @property
    def last(self) -> int:
        return len(self.weights) - 1

    def shape(self, l: int) -> tuple[int, ...]:
        """Of layer l + 1, without batch and phases."""
        return (self.weights[l].shape[1],)

    def linear(self, l: int) -> bool:
        return self.linear_output and l == self.last

    def drive(self, inputs: Array) -> Array:
        """What the inputs and biases feed into the first layer, once for all sweeps of all phases."""
        out = inputs @ self.weights[0]
        out += self.biases[0]
        return out

    def pull(self, l: int, states: Sequence[Array], drive: Array | None, *, biased: bool = True) -> Array:
        """What reaches layer l + 1, undivided: from below (the hoisted `drive`, or weights), from above, and its bias."""
        if l:
            total = times(states[l - 1], self.weights[l])
            if biased:
                total += self.biases[l]
        else:
            total = drive
        if l < self.last:
            down = self.weights if self.backward is None else self.backward
            above = times(states[l + 1], down[l + 1].T)
            return above if total is None else above + total
        if total is None:
            return _array.namespace(states[l]).zeros_like(states[l])
        return total

    def value(self, l: int, pull: Array) -> Array:
        """States of layer l + 1 for what its neighbours pull it to."""
        xp = _array.namespace(pull)
        if self.linear(l):
            return pull
        if self.model == "box":
            return xp.clip(pull, self.low[l], self.high[l])
        return 0.5 + 0.5 * xp.tanh(2 * pull - 1) if self.model == "sigmoid" else xp.tanh(pull)

    def difference(self, l: int, pull: Array, by: Array) -> Array:
        """value(pull + by) - value(pull), without cancellation."""
        xp = _array.namespace(pull)
        if self.linear(l):
            return by
        if self.model == "box":
            x = xp.clip(pull, self.low[l], self.high[l])
            return xp.clip(by + (pull - x), self.low[l] - x, self.high[l] - x)
        x, d = (2 * pull - 1, 2 * by) if self.model == "sigmoid" else (pull, by)
        moved = xp.tanh(d) * (1 - xp.tanh(x) * xp.tanh(x + d))  # tanh(x + d) - tanh(x)
        return 0.5 * moved if self.model == "sigmoid" else moved

    # ------------------------------------------------------------------------------------------------------------ relaxation
    def relax(self, drive: Array, nudges: np.ndarray, target: Array, start: Sequence[Array] | None, sweeps: int, tolerance: float,
              ) -> tuple[list[Array], list[Array], float]:  # fmt: skip
        """States, pulls and the relative last step, for nudges () or (phases,)."""
        xp = _array.namespace(drive)
        lead, dtype = (*nudges.shape, len(drive)), np.result_type(drive.dtype, np.complex64) if nudges.dtype.kind == "c" else drive.dtype
        if start is None:
            states = [xp.zeros((*lead, *self.shape(l)), dtype) for l in range(self.last + 1)]
        else:
            states = [xp.array(xp.broadcast_to(s, (*lead, *self.shape(l))), dtype) for l, s in enumerate(start)]
        pulls = list(states)
        beta = xp.asarray(nudges, dtype).reshape(*nudges.shape, 1, 1)

        def step(l: int) -> Array:
            total = 1 if self.totals is None else self.totals[l]
            pull = self.pull(l, states, drive)
            if self.linear(l):
                pull = (pull + beta * target) / (total + beta)
            elif self.totals is not None:
                pull /= total
            pulls[l] = pull
            return self.value(l, pull)

        return states, pulls, sweep(states, step, order(self.last + 1), sweeps, tolerance)

    def respond(self, states: Sequence[Array], pulls: Sequence[Array], nudges: np.ndarray, target: Array, hold: bool, sweeps: int,
                tolerance: float) -> tuple[list[Array], float]:  # fmt: skip
        """Differences (phases, batch, n) that the nudges make to a free state, and the relative last step.

        With `hold`, the outputs are held at ``output + beta (target - output)``.
        """
        xp = _array.namespace(target)
        moved = [xp.zeros((len(nudges), *s.shape), s.dtype) for s in states]
        beta = xp.asarray(nudges, target.dtype).reshape(-1, 1, 1)
        force = beta * (target - states[-1])

        def step(l: int) -> Array:
            if l == self.last and hold:
                return force
            total = 1 if self.totals is None else self.totals[l]
            pull = self.pull(l, moved, None, biased=False)
            if l == self.last:
                return (pull + force) / (total + beta)
            return self.difference(l, pulls[l], pull / total)

        return moved, sweep(moved, step, order(self.last + 1, from_output=True), sweeps, tolerance)

    def slope(self, l: int, pull: Array) -> Array:
        """Derivative of `value`; 0 at a node that its box holds."""
        xp = _array.namespace(pull)
        if self.model == "box":
            return ((pull > self.low[l]) & (pull < self.high[l])).astype(pull.dtype)
        return 1 - xp.tanh(2 * pull - 1 if self.model == "sigmoid" else pull) ** 2

    def adjoint(self, pulls: Sequence[Array], cotangent: Array, sweeps: int, tolerance: float) -> tuple[list[Array], float]:
        """The inverse of the energy's curvature times a cotangent of the outputs: the linear response of all nodes to it."""
        slopes = [self.slope(l, pulls[l]) for l in range(self.last)]
        out = [_array.namespace(p).zeros_like(p) for p in pulls]

        def step(l: int) -> Array:
            pull, total = self.pull(l, out, None, biased=False), 1 if self.totals is None else self.totals[l]
            return (pull + cotangent) / total if l == self.last else slopes[l] * pull / total

        return out, sweep(out, step, order(self.last + 1, from_output=True), sweeps, tolerance)

    def fits(self) -> bool:
        """True if the fused kernel takes this network: one hidden layer that fits the shared memory, the same weights both ways."""
        if len(self.weights) != 2 or self.backward is not None or not self.linear_output:
            return False
        return self._shared() <= SHARED

    def _shared(self) -> int:
        hidden, outputs = self.weights[1].shape
        return (2 * hidden + outputs + THREADS) * self.weights[1].dtype.itemsize

    def phases(self, inputs: Array, target: Array, nudges: np.ndarray, hold: bool, start: Sequence[Array] | None, sweeps: int,
               nudged_sweeps: int, tolerance: float) -> tuple[list[Array], list[Array], float]:  # fmt: skip
        """Free states, differences (phases, batch, n) and the largest relative last step, by the fused kernel where it fits."""
        drive = self.drive(inputs)
        if self.fits():
            return self._fused(drive, target, nudges, hold, start, sweeps, nudged_sweeps, tolerance)
        states, pulls, residual = self.relax(drive, np.zeros(()), target, start, sweeps, tolerance)
        if not len(nudges):
            return states, [s[None][:0] for s in states], residual
        moved, second = self.respond(states, pulls, nudges, target, hold, nudged_sweeps, tolerance)
        return states, moved, max_(residual, second)

    def _fused(self, drive: Array, target: Array, nudges: np.ndarray, hold: bool, start: Sequence[Array] | None, sweeps: int,
               nudged_sweeps: int, tolerance: float) -> tuple[list[Array], list[Array], float]:  # fmt: skip
        xp = _array.namespace(drive)
        batch, dtype, (hidden, outputs) = len(drive), drive.dtype, self.weights[1].shape
        h, o = (xp.zeros((batch, n), dtype) for n in (hidden, outputs)) if start is None else (xp.array(s, dtype) for s in start)
        dh, d_o = (xp.empty((len(nudges), batch, n), dtype) for n in (hidden, outputs))
        change = xp.zeros((1 + len(nudges), batch), dtype)
        if batch:
            totals = [xp.ones(n, dtype) for n in (hidden, outputs)] if self.totals is None else self.totals
            low, high = (self.low[0], self.high[0]) if self.model == "box" else (totals[0], totals[0])
            _launch.launch(
                "networks/layered", "relax", dtype, batch, hidden, outputs, MODELS[self.model], len(nudges), int(hold), sweeps,
                nudged_sweeps, tolerance, xp.ascontiguousarray(self.weights[1].T), drive, *totals, self.biases[1], low, high,
                xp.asarray(nudges, dtype), target, h, o, dh, d_o, change,
                grid=(min(batch, _launch.MAX_BLOCKS),), block=(THREADS,), shared=self._shared(),
            )  # fmt: skip
        return [h, o], [dh, d_o], float(change.max()) if change.size else 0.0


def settled(net: Network, inputs: Array, nudges: np.ndarray, target: Array | None, hold: bool, start: Sequence[Array] | None, sweeps: int,
            nudged_sweeps: int | None, tolerance: float | None, on_failure: str) -> Phases:  # fmt: skip
    """All phases of a network, judged."""
    nudged_sweeps = sweeps if nudged_sweeps is None else nudged_sweeps
    check_settings(min(sweeps, nudged_sweeps), on_failure)
    target = target_like(target, nudges, len(inputs), net.weights)
    limit = tolerance_of(tolerance, inputs.dtype)
    states, moved, left = net.phases(inputs, target, nudges, hold, start, sweeps, nudged_sweeps, limit)
    done = judged(states, states, left, max(sweeps, nudged_sweeps), tolerance, on_failure)
    return Phases(inputs, states, moved, left, done.converged)


def implicit(net: Network, cotangent: Array, inputs: Array, free: Equilibrium | None, sweeps: int, tolerance: float | None,
             on_failure: str) -> Phases:  # fmt: skip
    """Two phases about a free state whose contrast is the exact derivative: minus and plus half the response to the cotangent."""
    check_settings(sweeps, on_failure)
    limit = tolerance_of(tolerance, inputs.dtype)
    if free is None:
        states, pulls, left = net.relax(net.drive(inputs), np.zeros(()), cotangent, None, sweeps, limit)
        free = judged(states, pulls, left, sweeps, tolerance, on_failure)
    if cotangent.shape != free.output.shape:
        raise ValueError(f"cotangent must be {free.output.shape} like the outputs, got shape {cotangent.shape}")
    response, left = net.adjoint(free.pulls, cotangent, sweeps, limit)
    done = judged(response, response, left, sweeps, tolerance, on_failure)
    half = len(inputs) / 2  # contrasts are means over the batch, a derivative is a sum
    moved = [_array.namespace(a).stack([half * a, -half * a]) for a in response]
    return Phases(inputs, free.states, moved, left, done.converged)


Contrasted = tuple[list[Factors], list[Array]]


def continual(build: Callable[[list[Array], list[Array]], Network], contrast: Callable[[Phases, int, int], Contrasted], inputs: Array,
              target: Array, weights: list[Array], biases: list[Array], nudge: float, rates: Sequence[float], steps: int,
              free: Equilibrium | Phases | None, sweeps: int, tolerance: float | None, low: float, on_failure: str,
              ) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """New weights and biases after one free relaxation, unless it is given, and `steps` nudged sweeps, each followed by an update."""
    check_settings(min(steps, sweeps), on_failure)
    if nudge == 0:
        raise ValueError("nudge must not be 0: nothing would change")
    if len(rates) != len(weights):
        raise ValueError(f"there must be one rate for each of the {len(weights)} layers, got {len(rates)}")
    beta, limit = np.float64(nudge), tolerance_of(tolerance, inputs.dtype)
    target = target_like(target, np.array(beta), len(inputs), weights)
    weights, biases = [w.copy() for w in weights], [b.copy() for b in biases]
    if free is None:
        net = build(weights, biases)
        free = judged(*net.relax(net.drive(inputs), np.zeros(()), target, None, sweeps, limit), sweeps, tolerance, on_failure)
    states = free.states
    for _ in range(steps):
        net = build(weights, biases)
        after, _, _ = net.relax(net.drive(inputs), np.array(beta), target, states, 1, 0.0)
        moved = [(a - s)[None] for a, s in zip(after, states, strict=True)]
        factors, of_biases = contrast(Phases(inputs, states, moved, 0.0, True), 0, 1)
        for w, f, b, g, rate in zip(weights, factors, biases, of_biases, rates, strict=True):
            update(w, f, rate / nudge, low)
            b -= (rate / nudge) * g
        states = after
    return weights, biases


def in_double(*lists: Sequence[Array]) -> list[list[Array]]:
    """The same arrays in float64."""
    return [[a.astype(np.float64) for a in arrays] for arrays in lists]


def distance(net: Network, inputs: Array, states: Sequence[Array], nudge: float, target: Array) -> Array:
    """The largest |state - value(pull)| of each sample's nodes, (batch,) float64; `net` in float64."""
    xp = _array.namespace(inputs)
    states, worst = [s.astype(np.float64) for s in states], xp.zeros(len(inputs))
    drive = net.drive(inputs.astype(np.float64))
    for l, s in enumerate(states):
        total, pull = 1 if net.totals is None else net.totals[l], net.pull(l, states, drive)
        if l == net.last:
            pull, total = pull + nudge * target.astype(np.float64), total + nudge
        worst = xp.maximum(worst, xp.abs(s - net.value(l, pull / total)).max(axis=1, initial=0.0))
    return worst


def pair_of(nudges: Any) -> np.ndarray:
    """The two nudges (b1, b2) of a contrast."""
    pair = nudges_of(nudges)
    if pair.shape != (2,) or pair[0] == pair[1]:
        raise ValueError(f"nudges must be two different numbers (b1, b2), got {nudges!r:.80}")
    return pair


# -------------------------------------------------------------------------------------------------------------------- products
def update(weight: Array, factors: Factors, rate: float, low: float = -np.inf, high: float = np.inf) -> None:
    """In place ``weight = clip(weight - rate first.T @ second, low, high)``, in one pass over it and without storing the product."""
    rows, columns = weight.shape
    first, second = (_array.contiguous(f) for f in factors)
    if first.shape != (len(second), rows) or second.shape != (len(first), columns):
        wanted = f"(samples, {rows}) and (samples, {columns})"
        raise ValueError(f"factors of a {weight.shape} array must be {wanted}, got {first.shape} and {second.shape}")
    if not low <= high:
        raise ValueError(f"low must not exceed high, got {low} and {high}")
    if weight.size:
        _launch.launch(
            "networks/contrast", "update", weight.dtype, rows, columns, len(first), rate, low, high, first, second, weight,
            grid=(-(-columns // 64), min(-(-rows // 64), 65535)), block=(16, 16),
        )  # fmt: skip
