"""What layered networks that relax have in common: checks, sweeps over even and odd layers, nudged states as differences, and products.

Layer 0 is the clamped input. `weights[l]` (n_l, n_{l+1}) joins layers l and l + 1, `biases[l]` (n_{l+1},) belongs to layer l + 1, and
`states[l]` and `pulls[l]` (batch, n_{l+1}) to layer l + 1; with an axis of phases in front they are those of several phases.

A node takes the state ``value((drive + sum of weight times neighbour) / total)``: a conductance-weighted mean behind a diode in resistive
networks, a weighted sum behind a nonlinearity in Hopfield's (total 1). The output layer is linear, and a nudge beta adds beta to what
divides it and beta times the target to what pulls it, the exact minimum of E + beta |output - target|^2 / 2.

With a softmax read-out the last layer is no part of the energy. Its pulls are scores, read by a softmax, and its state is the force
``beta (target - softmax(scores))`` that beta times the cross-entropy exerts on them and its weights hand down: nothing in the free state.
dF/dweights of F = E + beta C is then the same product of states as everywhere, so nothing else need know of it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import numpy as np

from .. import _array, _constants, _launch, _parallel
from .._array import Array, Numbers, Values
from .._checks import plain, real, shaped
from .._errors import ConvergenceError, FaultError
from .._functions import softmax
from .._gate import record
from .._updates import Factors
from . import _layered
from ._phases import Phases, Relaxed, worst

TOLERANCE = {"float32": 1e-5, "float64": 1e-11}  # of the last step, relative to the largest state
UNBOUNDED = _launch.fault(61, "a nudge leaves the energy without a minimum: make |beta| smaller")
FLAT = _launch.fault(71, "slopes of units must be positive and finite")
CLAMPED = ("box", "diodes")
Rates = Sequence[float] | Sequence[Sequence[float]]  # of the layers, or of the layers for each kind of parameter
N = TypeVar("N", bound="Network")


@record
@dataclass(frozen=True)
class Equilibrium(Relaxed):
    """A state that a layered network has relaxed to.

    Parameters
    ----------
    states : list[Array]
        Of the layers after the input.
    pulls : list[Array]
        What the neighbours pulled each node to, before its nonlinearity.
    sweeps : int
        The most that were allowed. residual : the last step, relative to the largest state. converged : residual <= tolerance.
    """

    states: list[Array]
    pulls: list[Array]
    sweeps: int

    @property
    def output(self) -> Array:
        """The state of the last layer, or its scores where a softmax reads it."""
        return self.pulls[-1]


# --------------------------------------------------------------------------------------------------------------------- checks
def checked(inputs: Numbers, weights: Sequence[Numbers], biases: Sequence[Numbers] | None) -> tuple[Array, list[Array], list[Array]]:
    """Contiguous arrays of one dtype whose shapes fit; biases of zero where none are given.

    Raises
    ------
    TypeError, ValueError
        .
    """
    if not len(weights):
        raise ValueError("a layered network needs at least one array of weights")
    dtype, xp = weights[0].dtype, _array.namespace(inputs, *weights)
    if real("inputs", inputs).ndim != 2:
        raise ValueError(f"inputs must be (batch, nodes of the first layer), got shape {inputs.shape}")
    for l, w in enumerate(weights):
        shaped(f"weights[{l}]", w, inputs.shape[1] if l == 0 else weights[l - 1].shape[1], "nodes of the next layer")
    if biases is None:
        biases = [xp.zeros(w.shape[1], dtype) for w in weights]
    if len(biases) != len(weights):
        raise ValueError(f"there must be one array of biases for each of the {len(weights)} weights, got {len(biases)}")
    for l, (w, b) in enumerate(zip(weights, biases, strict=True)):
        shaped(f"biases[{l}]", b, w.shape[1])
        if w.dtype != dtype or b.dtype != dtype:
            raise TypeError(f"all weights and biases must be {dtype}, got {w.dtype} and {b.dtype} in layer {l + 1}")
    inputs = _array.contiguous(_array.as_type(inputs, dtype, copy=False))
    return inputs, [_array.contiguous(w) for w in weights], [_array.contiguous(b) for b in biases]


def target_like(target: Numbers | None, nudges: Numbers, batch: int, weights: Sequence[Numbers]) -> Array:
    """The target (batch, outputs) in the network's dtype; zeros if nothing is nudged."""
    shape, dtype = (batch, weights[-1].shape[1]), weights[0].dtype
    xp = _array.namespace(weights[0])
    if target is None:
        if np.any(nudges):
            raise ValueError("a nudge other than 0 needs a target")
        return xp.zeros(shape, dtype)
    return _array.contiguous(xp.asarray(shaped("target", real("target", target), *shape), dtype))


def states_of(net: "Network", states: Sequence[Numbers], batch: int, name: str = "states") -> list[Array]:
    """`states`, if they are real ones of the network's layers after the input.

    Raises
    ------
    ValueError, TypeError
        .
    """
    if len(states) != len(net.weights):
        raise ValueError(f"{name} must be of each of the {len(net.weights)} layers after the input, got {len(states)}")
    found = plain(name, states)
    for l, s in enumerate(found):
        shaped(f"{name}[{l}]", real(name, s), batch, *net.shape(l))
    return found


def nudges_of(nudge: Values, *, plane: bool = False) -> np.ndarray:
    """Nudges as float64 (in the complex `plane`, if they lie there, complex128), () or (phases,)."""
    values = np.asarray(nudge)
    if values.dtype.kind not in "biufc":
        raise TypeError(f"a nudge must be a number, or one for each phase, got {nudge!r:.80}")
    if values.dtype.kind == "c" and not plane:
        raise ValueError("nudges must be real here: complex ones need a holomorphic activation, sigmoid or tanh")
    values = values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)
    if values.ndim > 1 or not np.isfinite(values).all():
        raise ValueError(f"a nudge must be a finite number, or one for each phase, got {nudge!r:.80}")
    return values


def refuse_unbounded(nudges: np.ndarray, bound: Callable[[], Any], what: str) -> None:
    """Raise ValueError when a negative nudge of the size of `bound()` or more, which may be on a GPU, lets E - |beta| C fall without end."""
    if nudges.dtype.kind == "c" or not (nudges < 0).any():  # no energy is minimised in the complex plane
        return
    size, most = -float(nudges.min()), bound()

    _launch.flag(size >= most, UNBOUNDED, lambda: unbounded(-size, float(most), what))


def unbounded(nudge: float, most: float, what: str) -> str:
    """That a nudge is at or below -`most`, which is `what`."""
    return f"a nudge of {nudge:g} leaves the energy without a minimum: nudges must lie above -{most:.4g}, {what}; make |beta| smaller"


def tolerance_of(tolerance: float | None, dtype: Any, by_dtype: Mapping[str, float] = TOLERANCE) -> float:
    """The tolerance to use: by dtype where none is given."""
    if tolerance is None:
        return by_dtype["float32" if np.finfo(dtype).bits == 32 else "float64"]
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance must lie in [0, 1), got {tolerance}")
    return tolerance


def check_converged(states: list[Array], pulls: list[Array], left: Any, sweeps: int, tolerance: float | None, fail: str) -> Equilibrium:
    """The result; raises `ConvergenceError` if it should and what is left is above the tolerance."""
    found = Equilibrium(states, pulls, sweeps, left=left, limit=tolerance_of(tolerance or None, states[0].dtype))
    if fail == "raise" and tolerance != 0 and not found.converged:
        raise ConvergenceError(
            f"the network has not settled after {sweeps} sweeps: its last step was {found.residual:.1e} of the largest state, "
            f"{found.limit:.1e} was asked for; allow more sweeps, a larger tolerance, or on_failure='flag'"
        )
    return found


def check_settings(sweeps: int, on_failure: str) -> None:
    if sweeps < 1:
        raise ValueError(f"sweeps must be at least 1, got {sweeps}")
    if on_failure not in ("raise", "flag"):
        raise ValueError(f"on_failure must be 'raise' or 'flag', got {on_failure!r}")


@lru_cache(64)
def _rail(nodes: int, up: bool, dtype: Any) -> np.ndarray:
    """Limits of nodes, of which the first half is kept from going below 0 and the second from going above."""
    rail = np.repeat(np.array([np.inf, 0.0] if up else [0.0, -np.inf], dtype), [nodes - nodes // 2, nodes // 2])
    rail.flags.writeable = False
    return rail


# --------------------------------------------------------------------------------------------------------------------- sweeps
def times(state: Numbers, weight: Numbers) -> Array:
    """(..., n) @ (n, m) as one matrix product, or (networks, batch, n) @ (networks, n, m) as one for each network."""
    if weight.ndim == 3:
        return _array.namespace(state, weight).matmul(state, weight)
    return (state.reshape(-1, state.shape[-1]) @ weight).reshape(*state.shape[:-1], weight.shape[1])


def order(layers: int, *, from_output: bool = False) -> list[int]:
    """Layers in the order of one sweep: all of one parity, then all of the other, so each half is an exact block step.

    The half that holds the input's neighbour goes first, or with `from_output` the half that holds the output.
    """
    first = (layers - 1) % 2 if from_output else 0
    return [*range(first, layers, 2), *range(1 - first, layers, 2)]


def sweep(states: list[Array], step: Callable[[int], Array], layers: Sequence[int], sweeps: int, tolerance: float) -> Any:
    """Replace states[l] by step(l) for `layers`, over and over, in place of the list; the last step relative to the largest state.

    A fixed number of sweeps, tolerance 0, is not waited for on a GPU: the last step is a number there that nobody has looked at.
    """
    xp = _array.namespace(*states)
    number, larger = (float, max_) if xp is np else (lambda x: x, xp.maximum)
    looking, left = xp is np or tolerance > 0, 0.0
    for n in range(sweeps):
        moved, largest = [], []
        for l in layers:
            new = step(l)
            if new.size and (looking or n == sweeps - 1):
                moved.append(number(xp.abs(new - states[l]).max()))
                largest.append(number(xp.abs(new).max()))
            states[l] = new
        if moved:
            left = _relative(xp, reduce(larger, moved), reduce(larger, largest))
        if looking:
            left = float(left)
            if left <= tolerance:
                break
    return left


def max_(a: float, b: float) -> float:
    """The larger, or NaN if one is."""
    return a if a >= b or a != a else b


def _relative(xp: Any, moved: Any, largest: Any) -> Any:
    """moved / largest in float64, or `moved` where nothing is large: floats on a CPU, numbers of the device on a GPU."""
    if xp is np:
        return moved / largest if largest > 0 else moved
    return moved.astype(np.float64) / xp.where(largest > 0, largest, 1)


@dataclass
class Network:
    """A layered network: what is fixed while it relaxes.

    Parameters
    ----------
    model : str
        Of the hidden nodes, "box" (clamped to 0 .. 1), "diodes" (the first half, rounded up, kept at or above 0, the others at or below),
        "sigmoid" or "tanh".
    resistive : bool
        Weights are conductances, and their sum at a node divides its pulls.
    slopes : list[Array] | None
        (n,) of each layer after the input, which multiply what its nodes are pulled to, as if they divided its totals; None for 1.
    backward : list[Array] | None
        Weights that act downwards, if they differ from `weights`; there is no energy then.
    softmax : bool
        The last layer is a softmax read-out.
    networks : tuple[int, ...]
        () or, of a population, (how many,): weights, biases, totals and states have a first axis of networks, and the free state is all that
        there is.
    least : float
        The least nudge of the outputs, which resistive networks may not have a minimum at.
    told : Callable[['Network'], str] | None
        What is wrong with a resistive network's weights and `least`, in words.
    """

    weights: list[Array]
    biases: list[Array]
    model: str = "box"
    resistive: bool = False
    slopes: list[Array] | None = None
    backward: list[Array] | None = None
    softmax: bool = False
    networks: tuple[int, ...] = ()
    least: float = 0.0
    told: Callable[["Network"], str] | None = None
    _total: Array | None = field(default=None, init=False, repr=False)  # what `total` and `totals` give, once it is made
    _totals: list[Array] | None = field(default=None, init=False, repr=False)

    @property
    def last(self) -> int:
        return len(self.weights) - 1

    def shape(self, l: int) -> tuple[int, ...]:
        """Of layer l + 1, without batch and phases."""
        return (self.weights[l].shape[-1],)

    def at(self, inputs: Numbers, states: Sequence[Numbers]) -> "Network":
        """The network whose couplings answer for small changes about a state: the same, where they do not depend on it."""
        return self

    def transposed(self) -> "Network":
        """The network whose weights up and down are exchanged."""
        return self if self.backward is None else replace(self, weights=self.backward, backward=self.weights)

    def drive(self, inputs: Numbers) -> Array:
        """What the inputs and biases feed into the first layer, once for all sweeps of all phases."""
        by_library = not self.resistive if _array.device_of(inputs) == "cpu" else len(inputs) > _layered.MANY
        if inputs.size and not by_library:
            drive = self._feed(inputs)
            return drive if self.networks else drive[0]
        out = inputs @ self.weights[0]
        out += self.biases[0]
        return out

    def _feed(self, inputs: Array | None) -> Any:
        """The drive, (networks, batch, n); and the totals of a resistive network, made with it."""
        try:
            drive, total = _layered.feed(
                [_array.contiguous(w) for w in self.weights], self.biases[0], math.prod(self.networks), inputs, self.resistive, self.slopes,
                self.least,
            )  # fmt: skip
        except FaultError as fault:
            raise FaultError(str(fault) if self.told is None else self.told(self)) from None
        if total is not None:
            self._total = total
        return drive

    @property
    def total(self) -> Array | None:
        """What divides the pulls of all nodes, layer after layer, (networks, nodes); None where nothing does."""
        if self._total is None and self.resistive:
            self._feed(None)
        if self._total is None and self.slopes is not None:
            xp = _array.namespace(*self.weights)
            nodes = xp.concatenate([1 / s for s in self.slopes])
            self._total = _array.contiguous(xp.broadcast_to(nodes, (math.prod(self.networks), nodes.size)))
        return self._total

    @property
    def totals(self) -> list[Array] | None:
        """The same, (n,) of each layer after the input, or (networks, 1, n)."""
        if self._totals is None and (total := self.total) is not None:
            ends = [0, *accumulate(w.shape[-1] for w in self.weights)]
            parts: list[Array] = [total[:, a:b] for a, b in pairwise(ends)]
            self._totals = [part[:, None] if self.networks else part[0] for part in parts]
        return self._totals

    def rails(self, l: int, like: Numbers) -> tuple[Any, Any]:
        """The lowest and the highest state of the nodes of layer l + 1 that are clamped."""
        if self.model == "box":
            return 0, 1
        nodes = like.shape[-1]

        def made(up: bool) -> Array:
            return _constants.made(("rail", nodes, up, like.dtype), lambda: _rail(nodes, up, like.dtype), like)

        return made(False), made(True)

    def pull(self, l: int, states: Sequence[Numbers], drive: Numbers | None, *, biased: bool = True) -> Array:
        """What reaches layer l + 1, undivided: from below (the hoisted `drive`, or weights), from above, and its bias."""
        if l:
            total = times(states[l - 1], self.weights[l])
            if biased:
                total += self.biases[l]
        else:
            total = drive
        if l < self.last:
            down = self.weights if self.backward is None else self.backward
            above = times(states[l + 1], down[l + 1].swapaxes(-1, -2))
            return above if total is None else above + total
        if total is None:
            return _array.namespace(states[l]).zeros_like(states[l])
        return total

    def value(self, l: int, pull: Numbers) -> Array:
        """States of layer l + 1 for what its neighbours pull it to."""
        xp = _array.namespace(pull)
        if l == self.last:
            return pull
        if self.model in CLAMPED:
            return xp.clip(pull, *self.rails(l, pull))
        return 0.5 + 0.5 * xp.tanh(2 * pull - 1) if self.model == "sigmoid" else xp.tanh(pull)

    def outcome(self, pull: Numbers, beta: float | Numbers, target: Numbers) -> tuple[Array, Array]:
        """State of the last layer for an undivided pull, under a nudge beta; and its pull, which is the output."""
        if self.softmax:
            return beta * (target - softmax(pull)), pull
        totals = self.totals
        out = (pull + beta * target) / ((1 if totals is None else totals[-1]) + beta)
        return out, out

    def difference(self, l: int, pull: Numbers, by: Numbers) -> Array:
        """value(pull + by) - value(pull), without cancellation."""
        xp = _array.namespace(pull)
        if self.model in CLAMPED:
            low, high = self.rails(l, pull)
            x = xp.clip(pull, low, high)
            return xp.clip(by + (pull - x), low - x, high - x)
        x, d = (2 * pull - 1, 2 * by) if self.model == "sigmoid" else (pull, by)
        moved = xp.tanh(d) * (1 - xp.tanh(x) * xp.tanh(x + d))  # tanh(x + d) - tanh(x)
        return 0.5 * moved if self.model == "sigmoid" else moved

    # ------------------------------------------------------------------------------------------------------------ relaxation
    def relax(self, drive: Numbers, nudges: np.ndarray, target: Numbers, start: Sequence[Numbers] | None, sweeps: int, tolerance: float,
              ) -> tuple[list[Array], list[Array], Any]:  # fmt: skip
        """States, pulls and the relative last step, for nudges () or (phases,)."""
        lead = (*nudges.shape, *drive.shape[: len(self.networks) + 1])
        dtype = np.result_type(drive.dtype, np.complex64) if nudges.dtype.kind == "c" else drive.dtype
        states = self._begun(start, lead, dtype, drive)
        pulls = list(states)
        beta, totals = _constants.constant(nudges, dtype, drive).reshape(*nudges.shape, 1, 1), self.totals

        def step(l: int) -> Array:
            pull = self.pull(l, states, drive)
            if l == self.last:
                state, pulls[l] = self.outcome(pull, beta, target)
                return state
            if totals is not None:
                pull /= totals[l]
            pulls[l] = pull
            return self.value(l, pull)

        left = sweep(states, step, order(self.last + 1), sweeps, tolerance)
        if self.softmax:  # read the states where they came to rest, though the layer below may have moved last
            pulls[-1] = self.pull(self.last, states, drive)
        return states, pulls, left

    def _begun(self, start: Sequence[Array] | None, lead: tuple[int, ...], dtype: Any, like: Array) -> list[Array]:
        """States to begin with, of batch and phases `lead`, not to be found elsewhere: copies of `start`, or 0."""
        xp, shapes = _array.namespace(like), [(*lead, *self.shape(l)) for l in range(self.last + 1)]
        if start is None:
            return [xp.zeros(shape, dtype) for shape in shapes]
        if len(start) != len(shapes):
            raise ValueError(f"start must be states of each of the {len(shapes)} layers after the input, got {len(start)}")
        for l, (s, shape) in enumerate(zip(start, shapes, strict=True)):
            if np.dtype(dtype).kind != "c":
                real(f"start[{l}]", s)
            if s.shape not in (shape, shape[len(lead) - 1 :]):
                raise ValueError(f"start[{l}] must be {shape[len(lead) - 1 :]}, or with an axis of phases in front, got shape {s.shape}")
        return [xp.array(xp.broadcast_to(s, shape), dtype, order="C") for s, shape in zip(start, shapes, strict=True)]

    def respond(self, states: Sequence[Numbers], pulls: Sequence[Numbers], nudges: np.ndarray, target: Numbers, hold: bool, sweeps: int,
                tolerance: float) -> tuple[list[Array], Any]:  # fmt: skip
        """Differences (phases, batch, n) that the nudges make to a free state, and the relative last step.

        With `hold`, the outputs are held at ``output + beta (target - output)``.
        """
        xp = _array.namespace(target)
        moved = [xp.zeros((len(nudges), *s.shape), s.dtype) for s in states]
        beta = _constants.constant(nudges, target.dtype, target).reshape(-1, 1, 1)
        force, totals = beta * (target - states[-1]), self.totals

        def step(l: int) -> Array:
            if l == self.last and hold:
                return force
            total = 1 if totals is None else totals[l]
            pull = self.pull(l, moved, None, biased=False)
            if l == self.last:
                return self.outcome(pulls[l] + pull, beta, target)[0] if self.softmax else (pull + force) / (total + beta)
            return self.difference(l, pulls[l], pull / total)

        return moved, sweep(moved, step, order(self.last + 1, from_output=True), sweeps, tolerance)

    def slope(self, l: int, pull: Numbers) -> Array:
        """Derivative of `value`; 0 at a node that its box holds."""
        xp = _array.namespace(pull)
        if self.model in CLAMPED:
            low, high = self.rails(l, pull)
            return ((pull > low) & (pull < high)).astype(pull.dtype)
        return 1 - xp.tanh(2 * pull - 1 if self.model == "sigmoid" else pull) ** 2

    def adjoint(self, pulls: Sequence[Numbers], cotangent: Numbers, sweeps: int, tolerance: float) -> tuple[list[Array], Any]:
        """The inverse of the energy's curvature times a cotangent of the outputs: the linear response of all nodes to it.

        Where weights differ up and down, the derivative wants that of the `transposed` network.
        """
        slopes = [self.slope(l, pulls[l]) for l in range(self.last)]
        out, totals = [_array.namespace(p).zeros_like(p) for p in pulls], self.totals

        def step(l: int) -> Array:
            if l == self.last and self.softmax:
                return cotangent
            pull, total = self.pull(l, out, None, biased=False), 1 if totals is None else totals[l]
            return (pull + cotangent) / total if l == self.last else slopes[l] * pull / total

        return out, sweep(out, step, order(self.last + 1, from_output=True), sweeps, tolerance)

    def plan(self, together: int) -> _layered.Plan | None:
        """How the fused kernel is launched, see `_layered.plan`; None for what it does not take: weights that differ up and down, a
        softmax, more layers than a launch has room for, states that do not fit the shared memory.

        On a CPU, products of a batch with two or more arrays of weights are the library's, which is faster.
        """
        most = _layered.MOST if _array.device_of(self.weights[0]) != "cpu" else 2
        if len(self.weights) > most or self.backward is not None or self.softmax:
            return None
        limit = _launch.shared_limit(self.weights[0])
        return _layered.plan(_layered.sizes_of(self.weights), self.weights[0].dtype.itemsize, together, limit)

    def phases(self, inputs: Numbers, target: Numbers | None, nudges: np.ndarray, hold: bool, start: Sequence[Numbers] | None, sweeps: int,
               nudged_sweeps: int, tolerance: float) -> tuple[list[Array], list[Array], Array, Any]:  # fmt: skip
        """Free states, differences (phases, batch, n), output and the relative last steps, by the fused kernel where it fits."""
        drive, plan = self.drive(inputs), self.plan(2 if len(nudges) > 1 and tolerance == 0 else 1)
        if plan is not None:
            states, moved, left = self._fused(plan, drive, target, nudges, hold, start, sweeps, nudged_sweeps, tolerance)
            return states, moved, states[-1], left
        if target is None:
            target = _array.namespace(drive).zeros((len(inputs), self.weights[-1].shape[-1]), drive.dtype)
        states, pulls, left = self.relax(drive, np.zeros(()), target, start, sweeps, tolerance)
        if not len(nudges):
            return states, [s[None][:0] for s in states], pulls[-1], left
        moved, second = self.at(inputs, states).respond(states, pulls, nudges, target, hold, nudged_sweeps, tolerance)
        return states, moved, pulls[-1], worst(left, second)

    def _fused(self, plan: _layered.Plan, drive: Array, target: Array | None, nudges: np.ndarray, hold: bool,
               start: Sequence[Array] | None, sweeps: int, nudged_sweeps: int, tolerance: float,
               ) -> tuple[list[Array], list[Array], Any]:  # fmt: skip
        xp, lead, dtype, sizes = _array.namespace(drive), drive.shape[:-1], drive.dtype, _layered.sizes_of(self.weights)
        batch, count, phases, nodes = math.prod(lead), math.prod(self.networks), len(nudges), sum(sizes[1:])
        flat, change = xp.empty(batch * nodes, dtype), xp.empty((1 + phases, batch), dtype)
        moves = xp.empty(phases * batch * nodes, dtype)
        weights = [self.weights[0], *(_array.contiguous(w) for w in self.weights[1:])]
        states, moved = _layered.views(flat, sizes[1:], *lead), _layered.views(moves, sizes[1:], phases, *lead)
        if start is not None:
            for state, begun in zip(states, self._begun(start, lead, dtype, drive), strict=True):
                state[...] = begun
        if batch:
            how = batch, batch // count
            what = _layered.MODELS[self.model], phases, int(start is not None), int(hold), plan.together
            until, nudge = (sweeps, nudged_sweeps, float(tolerance)), _constants.constant(nudges, dtype, drive)
            grid: tuple[int, ...] = (min(batch, _launch.MAX_BLOCKS),)
            block = (plan.threads,)
            if plan.pitch is None:
                if start is None and batch * phases <= _layered.SPREAD:
                    grid = (batch, max(1, phases))
                _launch.launch(
                    "networks/layered", "relax_few", dtype, *how, *sizes[1:], *what, *until, drive, self.total, weights[1], self.biases[1],
                    nudge, target, flat, moves, change, grid=grid, block=block,
                )  # fmt: skip
            else:
                _launch.launch(
                    "networks/layered", "relax", dtype, *how, len(weights), *what, plan.pitch, *until,
                    _constants.constant(sizes, np.int32, drive), drive, self.total, *_layered.eight(weights)[1:],
                    *_layered.eight(self.biases)[1:], nudge, target, flat, moves, change, grid=grid, block=block, shared=plan.shared,
                )  # fmt: skip
        return states, moved, change


def sloped(net: N, slopes: Sequence[Numbers] | None) -> N:
    """The network with units of other slopes: their states are ``value(slope pull / total)``, which is the same as a total over the slope.

    Parameters
    ----------
    slopes : Sequence[Array] | None
        Of each layer after the input, one positive number for each of its units; None for 1. Where there is an energy, a unit's own term in it
        is divided by its slope. A softmax read-out has no units.

    Raises
    ------
    TypeError, ValueError
        For what is no such array.
    """
    if slopes is None:
        return net
    if len(slopes) != net.last + 1:
        raise ValueError(f"slopes must be of each of the {net.last + 1} layers after the input, got {len(slopes)}")
    xp, dtype, own = _array.namespace(*net.weights), net.weights[0].dtype, []
    for l, s in enumerate(slopes):
        own.append(shaped(f"slopes[{l}]", real(f"slopes[{l}]", s), *net.shape(l)).astype(dtype))
        _launch.flag(~((own[-1] > 0) & xp.isfinite(own[-1])).all(), FLAT)
    return replace(net, slopes=own)


def settled(net: Network, inputs: Numbers, nudges: np.ndarray, target: Numbers | None, hold: bool, start: Sequence[Numbers] | None, sweeps: int,
            nudged_sweeps: int | None, tolerance: float | None, on_failure: str) -> Phases:  # fmt: skip
    """All phases of a network; raises `ConvergenceError` as `check_converged`."""
    nudged_sweeps = sweeps if nudged_sweeps is None else nudged_sweeps
    check_settings(min(sweeps, nudged_sweeps), on_failure)
    if target is not None or len(nudges):
        target = target_like(target, nudges, len(inputs), net.weights)
    limit = tolerance_of(tolerance, inputs.dtype)
    if hold and net.softmax:
        raise ValueError("the outputs of a softmax read-out cannot be held: they are no part of what settles; nudge them instead")
    states, moved, output, left = net.phases(inputs, target, nudges, hold, start, sweeps, nudged_sweeps, limit)
    done = check_converged(states, states, left, max(sweeps, nudged_sweeps), tolerance, on_failure)
    return Phases(inputs, states, moved, output, left=left, limit=done.limit)


def free_outputs(make: Callable[[list[Array], list[Array], slice], Network], inputs: Numbers, weights: Sequence[Numbers],
                 biases: Sequence[Numbers] | None, sweeps: int, tolerance: float | None, on_failure: str) -> Array:  # fmt: skip
    """Outputs (networks, batch, n_L) of the free states of a population: weights[l] (networks, n_l, n_{l+1}), biases[l] (networks, n_{l+1}).

    Parameters
    ----------
    make : Callable[[list[Array], list[Array], slice], Network]
        The `Network` of weights (some, n_l, n_{l+1}) and biases (some, 1, n_{l+1}), and which of all they are.

    Raises
    ------
    TypeError, ValueError
        For what does not fit.

    Notes
    -----
    Many layers sweep until the last network has settled.
    """
    check_settings(sweeps, on_failure)
    first, limit = weights[0] if len(weights) else inputs, tolerance_of(tolerance, inputs.dtype)
    for l, w in enumerate(weights):
        shaped(f"weights[{l}]", w, len(first), "nodes of the layer below", "nodes of the next layer")
    for l, b in enumerate(biases or ()):
        shaped(f"biases[{l}]", b, len(first), "nodes of the layer")
    if not len(first):
        raise ValueError(f"weights must be (networks, ...) of one network or more, got shape {first.shape}")
    inputs, _, _ = checked(inputs, [w[0] for w in weights], None if biases is None else [b[0] for b in biases])
    xp, dtype, count = _array.namespace(inputs), inputs.dtype, len(first)
    if any(w.dtype != dtype for w in weights) or any(b.dtype != dtype for b in biases or ()):
        raise TypeError(f"all weights and biases must be {dtype}")
    biases = [xp.zeros((count, w.shape[-1]), dtype) for w in weights] if biases is None else biases
    for l, (b, w) in enumerate(zip(biases, weights, strict=True)):
        shaped(f"biases[{l}]", b, count, w.shape[-1])
    out = xp.empty((count, len(inputs), weights[-1].shape[-1]), dtype)
    values = sum(w.shape[-2] * w.shape[-1] + 6 * len(inputs) * w.shape[-1] for w in weights)
    for some in _parallel.pieces(count, _array.chunk(inputs, dtype.itemsize * values)):
        net = make([w[some] for w in weights], [_array.contiguous(b[some])[:, None] for b in biases], some)
        states, _, out[some], left = net.phases(inputs, None, np.zeros(0), False, None, sweeps, sweeps, limit)
        check_converged(states, states, left, sweeps, tolerance, on_failure)
    return out


def implicit(net: Network, cotangent: Numbers, inputs: Numbers, free: Equilibrium | None, sweeps: int, tolerance: float | None,
             on_failure: str) -> Phases:  # fmt: skip
    """Two phases about a free state whose contrast is the exact derivative: minus and plus half the response to the cotangent."""
    check_settings(sweeps, on_failure)
    limit = tolerance_of(tolerance, inputs.dtype)
    shaped("cotangent", real("cotangent", cotangent), len(inputs), *net.shape(net.last))
    cotangent = _array.as_type(cotangent, inputs.dtype, copy=False)
    if free is None:
        states, pulls, left = net.relax(net.drive(inputs), np.zeros(()), cotangent, None, sweeps, limit)
        check_converged(states, pulls, left, sweeps, tolerance, on_failure)
    else:
        states, pulls = (states_of(net, part, len(inputs), f"free.{name}") for name, part in (("states", free.states), ("pulls", free.pulls)))
    response, left = net.at(inputs, states).transposed().adjoint(pulls, cotangent, sweeps, limit)
    done = check_converged(response, response, left, sweeps, tolerance, on_failure)
    moved = [_array.namespace(a).stack([a / 2, -a / 2]) for a in response]
    return Phases(inputs, states, moved, pulls[-1], left=left, limit=done.limit)


def continual(build: Callable[[Sequence[list[Array]]], Network], contrast: Callable[[Phases, int, int], Sequence[Sequence[Any]]],
              inputs: Numbers, target: Numbers, parts: Sequence[Sequence[Numbers]], nudge: float, rates: Rates, steps: int,
              free: Equilibrium | Phases | None, sweeps: int, tolerance: float | None, low: float, on_failure: str,
              ) -> list[list[Array]]:  # fmt: skip
    """New parameters after one free relaxation, unless it is given, and `steps` nudged sweeps, each followed by an update.

    Parameters
    ----------
    parts : Sequence[Sequence[Array]]
        The parameters, a list of arrays for each kind (weights, biases), one for each layer; `build` makes the network of such parts, and
        `contrast` gives shares like them, in factors or as arrays.
    rates : Rates
        (layers,), or (kinds, layers).
    low : float
        The least that one with shares in factors may become.
    """
    check_settings(min(steps, sweeps), on_failure)
    layers = len(parts[0])
    if nudge == 0:
        raise ValueError("nudge must not be 0: nothing would change")
    if np.shape(rates) not in ((layers,), (len(parts), layers)):
        raise ValueError(f"there must be one rate for each of the {layers} layers, got shape {np.shape(rates)}")
    of_parts: list[list[float]] = np.broadcast_to(real("rates", np.asarray(rates)), (len(parts), layers)).tolist()
    beta, limit = np.float64(nudge), tolerance_of(tolerance, inputs.dtype)
    target = target_like(target, np.array(beta), len(inputs), parts[0])
    moving = [[_array.copied(p) for p in part] for part in parts]
    if free is None:
        net = build(moving)
        free = check_converged(*net.relax(net.drive(inputs), np.zeros(()), target, None, sweeps, limit), sweeps, tolerance, on_failure)
        states = free.states
    else:
        states = states_of(build(moving), free.states, len(inputs), "free.states")
    for _ in range(steps):
        net = build(moving)
        after, pulls, _ = net.relax(net.drive(inputs), np.array(beta), target, states, 1, 0.0)
        moved = [(a - s)[None] for a, s in zip(after, states, strict=True)]
        step = Phases(inputs, states, moved, pulls[-1], left=0.0, limit=limit)
        for part, shares, own in zip(moving, contrast(step, 0, 1), of_parts, strict=True):
            for p, share, rate in zip(part, shares, own, strict=True):
                if isinstance(share, Factors):
                    update(p, share, rate / nudge, low)
                else:
                    p -= (rate / nudge) * share
        states = after
    return moving


def around(inputs: Numbers, relax: Callable[[np.ndarray], Equilibrium], radius: float, points: int,
           ) -> list[tuple[Array, Array, Array]]:  # fmt: skip
    """``1/(N r) sum_k dE/dtheta(r w^k) w^-k``, w = exp(2 pi i / N), of each layer: two arrays whose products, summed over their first
    axis, are the weights' share, and what summed over it is the biases'. States at conjugate nudges are conjugate: half the circle is
    relaxed, by `relax`, for nudges (phases,).
    """
    if points < 2:
        raise ValueError(f"points must be at least 2, got {points}")
    if not 0 < radius < 1:
        raise ValueError(f"radius must lie between 0 and 1, got {radius}")
    half = np.exp(2j * np.pi * np.arange(points // 2 + 1) / points)
    found = relax(radius * half)
    xp = _array.namespace(inputs)
    own = np.isclose(half.imag, 0)  # their own conjugates; each other stands for two
    factor = xp.asarray((np.where(own, 1, 2) / half / (points * radius * max(1, len(inputs)))).astype(found.states[-1].dtype))
    below, shares = xp.broadcast_to(inputs, (len(half), *inputs.shape)), []
    for s in found.states:
        # the real part of a sum of products is one real product, of real and imaginary parts
        weighted = factor.reshape(-1, *[1] * (s.ndim - 1)) * s
        rows = [x.reshape(-1, *x.shape[2:]) for x in ([below.real, below.imag] if below.dtype.kind == "c" else [below])]
        columns = [y.reshape(-1, *y.shape[2:]) for y in (-weighted.real, weighted.imag)]
        shares.append((xp.concatenate(rows), xp.concatenate(columns[: len(rows)]), columns[0]))
        below = s
    return shares


def in_double(*lists: Sequence[Array]) -> list[list[Array]]:
    """The same arrays in float64."""
    return [[a.astype(np.float64) for a in arrays] for arrays in lists]


def distance(net: Network, inputs: Numbers, states: Sequence[Numbers], nudge: float, target: Numbers) -> Array:
    """The largest |state - value(pull)| of each sample's nodes, (batch,) float64; `net` in float64."""
    xp, states = _array.namespace(inputs), states_of(net, states, len(inputs))
    states, most = [s.astype(np.float64) for s in states], xp.zeros(len(inputs))
    drive = net.drive(_array.as_type(inputs, np.float64))
    for l, s in enumerate(states):
        total, pull = 1 if net.totals is None else net.totals[l], net.pull(l, states, drive)
        there = net.outcome(pull, nudge, _array.as_type(target, np.float64))[0] if l == net.last else net.value(l, pull / total)
        most = xp.maximum(most, _array.largest(xp.abs(s - there).reshape(len(s), -1), axis=1))
    return most


def pair_of(nudges: Values) -> np.ndarray:
    """The two nudges (b1, b2) of a contrast."""
    pair = nudges_of(nudges)
    if pair.shape != (2,) or pair[0] == pair[1]:
        raise ValueError(f"nudges must be two different numbers (b1, b2), got {nudges!r:.80}")
    return pair


# -------------------------------------------------------------------------------------------------------------------- products
def samples(settled: Phases, mean: bool) -> int:
    """What sums over the batch are to be divided by for the mean, or 1 where that is not asked for."""
    return max(1, len(settled.inputs)) if mean else 1


def divided(total: Numbers, count: int) -> Array:
    """A sum over so many samples; one is no work."""
    return total if count == 1 else total / count


updates = _layered.updates


def update(weight: Numbers, factors: Factors, rate: float, low: float = -np.inf, high: float = np.inf) -> None:
    """In place ``weight = clip(weight - rate first.T @ second, low, high)``, in one pass over it and without storing the product."""
    _layered.updates([(weight, factors, rate, low, high)])


__all__ = ["Equilibrium", "Factors", "Network", "Phases", "update"]
