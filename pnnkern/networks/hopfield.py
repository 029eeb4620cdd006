"""Layered Hopfield networks: units that settle where an energy is least, a layer joined to the next.

The states s of all units minimise::

    E = sum_l [sum_j G(s_j) - b_l s_l - s_l W_l s_{l+1}],     the input layer clamped,

with G(s) = s^2 / 2 for s in [0, 1] (activation "hard-sigmoid"), or the integral of the inverse of a smooth activation ("sigmoid", which
is 1 / (1 + exp(2 - 4 u)), and "tanh"); the output layer is linear, G(s) = s^2 / 2. With all neighbours fixed the units of a layer do not
see each other, so a layer steps to its minimum exactly, ``s <- activation(b + W^T s_below + W s_above)``, and even and odd layers take
turns. Scellier and Bengio, Front. Comput. Neurosci. 11, 24 (2017); Scellier et al., arXiv:2312.15103 (2023).

Nudges add beta |output - target|^2 / 2 to the energy, which has a minimum for beta > -1. Everything here is a pure number.

With `backward` weights, which act downwards in place of W, there is no energy, and the contrasts are those of vector-field equilibrium
propagation, no gradient: Scellier et al., arXiv:1808.04873 (2018); Laborieux et al. (2021). With the read-out "cross-entropy" the last
layer is no part of the state: its softmax is read, and nudges push the layer below it; see `readout_phases`.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .. import _array, random
from .._array import Array, accepts_any
from . import _layered
from ._layered import Equilibrium, Factors, Network, Phases

ACTIVATIONS = {"hard-sigmoid": "box", "sigmoid": "sigmoid", "tanh": "tanh"}
BOUND = "where the outputs' own energy keeps them"


def initial(sizes: Sequence[int], key: np.ndarray, *, gain: float = 1.0, dtype: Any = np.float32, like: Any = None) -> list[Array]:
    """Weights to start from: uniform in +-gain / sqrt(n_l). sizes : units of each layer, the input first. Others as in `drn.initial`."""
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes must name at least two layers of one unit or more, got {tuple(sizes)}")
    weights = []
    for l, (below, above) in enumerate(pairwise(sizes)):
        draws = random.uniform(random.fold_in(key, l), (1, below * above), dtype=dtype, like=like).reshape(below, above)
        weights.append((gain / np.sqrt(below) * (2 * draws - 1)).astype(dtype))
    return weights


def _network(weights: list[Array], biases: list[Array], activation: str, backward: Sequence[Array] | None = None) -> Network:
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    xp, dtype = _array.namespace(*weights), weights[0].dtype
    if backward is not None:
        shapes = [w.shape for w in weights]
        if [w.shape for w in backward] != shapes:
            raise ValueError(f"backward weights must have the shapes {shapes} of the weights, got {[w.shape for w in backward]}")
        backward = [_array.contiguous(w.astype(dtype, copy=False)) for w in backward]
    hidden = [w.shape[1] for w in weights[:-1]]
    low, high = [xp.zeros(n, dtype) for n in hidden], [xp.ones(n, dtype) for n in hidden]
    return Network(weights, biases, ACTIVATIONS[activation], None, low, high, backward)


# ------------------------------------------------------------------------------------------------------------------ relaxation
@accepts_any
def relax(inputs: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, *, activation: str = "hard-sigmoid",
          backward: Sequence[Array] | None = None, nudge: Any = 0.0, target: Array | None = None, start: Sequence[Array] | None = None,
          sweeps: int = 200, tolerance: float | None = None, on_failure: str = "raise") -> Equilibrium:  # fmt: skip
    """Let a network settle, by exact block steps of even and odd layers in turn.

    inputs : (batch, n_0). weights[l] : (n_l, n_{l+1}). biases[l] : (n_{l+1},), 0 by default.
    nudge : beta, or (phases,) of them for several phases at once; complex ones for `holomorphic_gradient`. target : (batch, n_L), needed
        unless all are 0.
    start, sweeps, tolerance, on_failure : as in `drn.relax`.

    Returns `Equilibrium`. Raises ValueError for a nudge of -1 or below, where E + beta C has no minimum.
    """
    inputs, weights, biases = _layered.checked(inputs, weights, biases)
    net = _network(weights, biases, activation, backward)
    _layered.check_settings(sweeps, on_failure)
    nudges = _layered.nudges_of(nudge, plane=activation in ("sigmoid", "tanh"))
    _layered.refuse_unbounded(nudges, 1.0, BOUND)
    target = _layered.target_like(target, nudges, len(inputs), weights)
    limit = _layered.tolerance_of(tolerance, inputs.dtype)
    states, pulls, left = net.relax(net.drive(inputs), nudges, target, start, sweeps, limit)
    return _layered.judged(states, pulls, left, sweeps, tolerance, on_failure)


@accepts_any
def phases(inputs: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, *, activation: str = "hard-sigmoid",
           backward: Sequence[Array] | None = None, nudges: Sequence[float] = (), target: Array | None = None, hold: bool = False,
           start: Sequence[Array] | None = None, sweeps: int = 200, nudged_sweeps: int | None = None, tolerance: float | None = None,
           on_failure: str = "raise") -> Phases:  # fmt: skip
    """The free state and how far each nudge moves it, as differences that keep all their digits. Arguments as in `drn.phases`."""
    inputs, weights, biases = _layered.checked(inputs, weights, biases)
    values = np.atleast_1d(_layered.nudges_of(nudges))
    if not hold:
        _layered.refuse_unbounded(values, 1.0, BOUND)
    net = _network(weights, biases, activation, backward)
    return _layered.settled(net, inputs, values, target, hold, start, sweeps, nudged_sweeps, tolerance, on_failure)


# --------------------------------------------------------------------------------------------------------------------- figures
def _own(s: Array, activation: str, last: bool) -> Array:
    """G(s) of each unit."""
    xp = _array.namespace(s)
    if last or activation == "hard-sigmoid":
        return s**2 / 2
    tiny = np.finfo(np.float64).tiny
    if activation == "sigmoid":  # the integral of (ln(s / (1 - s)) + 2) / 4
        return (s * xp.log(xp.maximum(s, tiny)) + (1 - s) * xp.log(xp.maximum(1 - s, tiny)) + 2 * s) / 4
    return 0.5 * ((1 + s) * xp.log(xp.maximum(1 + s, tiny)) + (1 - s) * xp.log(xp.maximum(1 - s, tiny)))


@accepts_any
def energy(inputs: Array, states: Sequence[Array], weights: Sequence[Array], biases: Sequence[Array] | None = None, *,
           activation: str = "hard-sigmoid", nudge: float = 0.0, target: Array | None = None) -> Array:  # fmt: skip
    """E + beta C of each sample, (batch,) float64."""
    inputs, weights, biases = _layered.checked(inputs, weights, biases)
    _network(weights, biases, activation)
    below, total = inputs.astype(np.float64), _array.namespace(inputs).zeros(len(inputs))
    for l, (w, b, s) in enumerate(zip(weights, biases, states, strict=True)):
        s = s.astype(np.float64)
        total += _own(s, activation, l == len(weights) - 1).sum(axis=1) - s @ b.astype(np.float64)
        total -= ((below @ w.astype(np.float64)) * s).sum(axis=1)
        below = s
    if nudge:
        target = _layered.target_like(target, np.array(nudge), len(inputs), weights)
        total += 0.5 * nudge * ((below - target) ** 2).sum(axis=1)
    return total


@accepts_any
def residual(inputs: Array, states: Sequence[Array], weights: Sequence[Array], biases: Sequence[Array] | None = None, *,
             activation: str = "hard-sigmoid", backward: Sequence[Array] | None = None, nudge: float = 0.0, target: Array | None = None,
             ) -> Array:  # fmt: skip
    """How far each sample is from equilibrium: the largest |s - activation(pull)| of its units, (batch,) float64."""
    inputs, weights, biases = _layered.checked(inputs, weights, biases)
    target = _layered.target_like(target, np.array(nudge), len(inputs), weights)
    w, b, down = _layered.in_double(weights, biases, weights if backward is None else backward)
    return _layered.distance(_network(w, b, activation, down), inputs, states, nudge, target)


# -------------------------------------------------------------------------------------------------------------------- learning
@accepts_any
def contrast(settled: Phases, a: int, b: int) -> tuple[list[Factors], list[Array]]:
    """dE/dtheta of phase b less that of phase a, mean over the batch: of the weights in factors, of the biases as arrays.

    -<s_below s_above> and -<s>, Hebbian products of two units' states, as products of means and differences.
    """
    xp = _array.namespace(settled.inputs)
    weights, biases = [], []
    for below, d_below, above, d_above in settled.pairs(a, b):
        batch = -max(1, len(below))
        if d_below is None:
            weights.append(Factors(below, d_above / batch))
        else:
            weights.append(Factors(xp.concatenate([below, d_below]), xp.concatenate([d_above, above]) / batch))
        biases.append(d_above.sum(axis=0) / batch)
    return weights, biases


@accepts_any
def vector_field_contrast(settled: Phases, a: int, b: int) -> tuple[list[Factors], list[Factors], list[Array]]:
    """The same for networks whose weights differ between up and down: of the weights, of the backward weights, and of the biases.

    Each weight sees the change of the unit that it drives and the mean state of the one that drives it. No gradient of anything, but
    where both weights are equal the two sum to `contrast`. Scellier et al., arXiv:1808.04873 (2018), equation 11.
    """
    xp = _array.namespace(settled.inputs)
    forward, backward, biases = [], [], []
    for below, d_below, above, d_above in settled.pairs(a, b):
        batch = -max(1, len(below))
        forward.append(Factors(below, d_above / batch))
        backward.append(Factors(xp.zeros_like(below) if d_below is None else d_below, above / batch))
        biases.append(d_above.sum(axis=0) / batch)
    return forward, backward, biases


@accepts_any
def relax_vjp(cotangent: Array, inputs: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, *,
              activation: str = "hard-sigmoid", free: Equilibrium | None = None, sweeps: int = 200, tolerance: float | None = None,
              on_failure: str = "raise") -> tuple[list[Factors], list[Array]]:  # fmt: skip
    """The exact derivative of the free output by weights (in factors) and biases, for its cotangent. Arguments as in `drn.relax_vjp`."""
    inputs, weights, biases = _layered.checked(inputs, weights, biases)
    net = _network(weights, biases, activation)
    return contrast(_layered.implicit(net, cotangent, inputs, free, sweeps, tolerance, on_failure), 1, 2)


@accepts_any
def gradient(inputs: Array, target: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, *, nudges: Any = (-0.2, 0.2),
             activation: str = "hard-sigmoid", sweeps: int = 200, nudged_sweeps: int | None = None, tolerance: float | None = None,
             on_failure: str = "raise") -> tuple[list[Array], list[Array]]:  # fmt: skip
    """The estimate of equilibrium propagation of the gradient of the mean over the batch of half the squared error.

    Returns the gradients of the weights and of the biases, lists like theirs. Arguments as in `drn.gradient`.
    """
    b1, b2 = _layered.pair_of(nudges)
    settled = phases(
        inputs, weights, biases, activation=activation, nudges=(b1, b2), target=target, sweeps=sweeps, nudged_sweeps=nudged_sweeps,
        tolerance=tolerance, on_failure=on_failure,
    )  # fmt: skip
    factors, of_biases = contrast(settled, 1, 2)
    return [f.scaled(1 / (b2 - b1)).dense() for f in factors], [g / float(b2 - b1) for g in of_biases]


@accepts_any
def continual(inputs: Array, target: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, *, nudge: float,
              rates: Sequence[float], steps: int = 20, activation: str = "hard-sigmoid", free: Equilibrium | Phases | None = None,
              sweeps: int = 200, tolerance: float | None = None, on_failure: str = "raise") -> tuple[list[Array], list[Array]]:  # fmt: skip
    """Continual equilibrium propagation: weights move after every nudged sweep, by the difference of consecutive states.

    The free state is kept nowhere, so everything is local in time as well. For small rates all moves add up to the one-sided estimate,
    ``-rate (dE/dtheta at nudge - dE/dtheta free) / nudge``.

    nudge : beta, above -1. rates : learning rate of each layer. steps : nudged sweeps. free : the free state, if it is at
    hand. Others as for `relax`. Returns new weights and biases.
    Ernoult et al., Equilibrium propagation with continual weight updates, arXiv:2005.04168 (2020).
    """
    inputs, weights, biases = _layered.checked(inputs, weights, biases)
    _layered.refuse_unbounded(np.array(float(nudge)), 1.0, BOUND)
    return _layered.continual(
        lambda w, b: _network(w, b, activation), contrast, inputs, target, weights, biases, nudge, rates, steps, free, sweeps, tolerance,
        -np.inf, on_failure,
    )  # fmt: skip


@accepts_any
def holomorphic_contrast(inputs: Array, target: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, *,
                         radius: float = 0.2, points: int = 6, activation: str = "sigmoid", sweeps: int = 200,
                         tolerance: float | None = None, on_failure: str = "raise") -> tuple[list[Factors], list[Array]]:  # fmt: skip
    """`holomorphic_gradient` with the gradients of the weights in factors: a row for each sample and each point of half the circle."""
    if activation not in ("sigmoid", "tanh"):
        raise ValueError(f"nudges in the complex plane need a holomorphic activation, sigmoid or tanh, got {activation!r}")
    if points < 2:
        raise ValueError(f"points must be at least 2, got {points}")
    if not 0 < radius < 1:
        raise ValueError(f"radius must lie between 0 and 1, got {radius}")
    half = np.exp(2j * np.pi * np.arange(points // 2 + 1) / points)
    found = relax(
        inputs, weights, biases, activation=activation, nudge=radius * half, target=target, sweeps=sweeps, tolerance=tolerance,
        on_failure=on_failure,
    )  # fmt: skip
    xp = _array.namespace(inputs)
    own = np.isclose(half.imag, 0)  # their own conjugates; each other stands for two
    factor = np.where(own, 1, 2) / half / (points * radius * max(1, len(inputs)))
    parts = xp.asarray(factor.astype(found.output.dtype)).reshape(-1, 1, 1)
    below, of_weights, of_biases = xp.broadcast_to(inputs, (len(half), *inputs.shape)), [], []
    for s in found.states:
        # the real part of a sum of products is one real product, of real and imaginary parts
        weighted = parts * s
        rows = [x.reshape(-1, x.shape[-1]) for x in ([below.real, below.imag] if below.dtype.kind == "c" else [below])]
        columns = [y.reshape(-1, y.shape[-1]) for y in (-weighted.real, weighted.imag)][: len(rows)]
        of_weights.append(Factors(xp.concatenate(rows), xp.concatenate(columns)))
        of_biases.append(-weighted.real.sum(axis=(0, 1)))
        below = s
    return of_weights, of_biases


@accepts_any
def holomorphic_gradient(inputs: Array, target: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, **settings: Any,
                         ) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """The gradient by nudges on a circle in the complex plane: ``1/(N r) sum_k dE/dtheta(r w^k) w^-k``, w = exp(2 pi i / N).

    Cauchy's formula: the error is of order radius^N, so nudges need not be small. The activation must be holomorphic, sigmoid or tanh.
    States at conjugate nudges are conjugate, so that only half of the circle is relaxed.

    radius : |beta|, 0.2 by default; below 1 and below the first singularity. points : N, 6 by default; 2 (the centred estimate) or more.
    activation : "sigmoid" by default. Others as for `relax`.
    Laborieux and Zenke, Holomorphic equilibrium propagation, NeurIPS 2022, arXiv:2209.00530, equation 12.
    """
    factors, of_biases = holomorphic_contrast(inputs, target, weights, biases, **settings)
    return [f.dense() for f in factors], of_biases


# ------------------------------------------------------------------------------------------------- read-out by a softmax
@accepts_any
def readout_phases(inputs: Array, target: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, *,
                   activation: str = "hard-sigmoid", nudges: Sequence[float] = (), sweeps: int = 200, nudged_sweeps: int | None = None,
                   tolerance: float | None = None, on_failure: str = "raise") -> tuple[Phases, Array]:  # fmt: skip
    """Phases of the hidden layers under the cost -log softmax(s W + b)[class], and the free softmax (batch, n_L).

    The last of `weights` reads out: it is no part of the energy. A nudge beta adds ``beta W (target - softmax)`` to what pulls the last
    hidden layer. target : (batch, n_L), one-hot. Laborieux et al., Front. Neurosci. 15, 633674 (2021), section 3.2.
    """
    inputs, weights, biases = _layered.checked(inputs, weights, biases)
    if len(weights) < 2:
        raise ValueError("a softmax read-out needs a hidden layer below it")
    nudged_sweeps = sweeps if nudged_sweeps is None else nudged_sweeps
    _layered.check_settings(min(sweeps, nudged_sweeps), on_failure)
    values = np.atleast_1d(_layered.nudges_of(nudges))
    target = _layered.target_like(target, values, len(inputs), weights)
    limit, xp = _layered.tolerance_of(tolerance, inputs.dtype), _array.namespace(inputs)
    full, (w, b) = _network(weights, biases, activation), (weights[-1], biases[-1])
    hidden = Network(weights[:-1], biases[:-1], full.model, None, full.low, full.high, linear_output=False)
    states, pulls, left = hidden.relax(hidden.drive(inputs), np.zeros(()), target, None, sweeps, limit)
    beta, moved = values.astype(inputs.dtype).reshape(-1, 1, 1), [xp.zeros((len(values), *s.shape), s.dtype) for s in states]
    beta = xp.asarray(beta)

    def step(l: int) -> Array:
        pull = hidden.pull(l, moved, None, biased=False)
        if l == hidden.last:
            pull = pull + _layered.times(beta * (target - softmax(_layered.times(states[l] + moved[l], w) + b)), w.T)
        return hidden.difference(l, pulls[l], pull)

    if len(values):
        left = _layered.max_(left, _layered.sweep(moved, step, _layered.order(len(states), from_output=True), nudged_sweeps, limit))
    done = _layered.judged(states, states, left, max(sweeps, nudged_sweeps), tolerance, on_failure)
    return Phases(inputs, states, moved, left, done.converged), softmax(states[-1] @ w + b)


def softmax(scores: Array) -> Array:
    """exp(scores) over its sum along the last axis."""
    xp = _array.namespace(scores)
    out = xp.exp(scores - scores.max(axis=-1, keepdims=True))
    out /= out.sum(axis=-1, keepdims=True)
    return out


@accepts_any
def readout_gradient(inputs: Array, target: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, *,
                     nudges: Any = (-0.2, 0.2), **settings: Any) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """The estimate of the gradient of the mean cross-entropy: the hidden layers' by equilibrium propagation, the read-out's its own.

    settings : of `readout_phases`. Returns the gradients of the weights and of the biases, lists like theirs.
    """
    b1, b2 = _layered.pair_of(nudges)
    settled, read = readout_phases(inputs, target, weights, biases, nudges=(b1, b2), **settings)
    factors, of_biases = contrast(settled, 1, 2)
    error = (read - target) / max(1, len(inputs))
    of_weights = [f.scaled(1 / (b2 - b1)).dense() for f in factors] + [settled.output.T @ error]
    return of_weights, [g / float(b2 - b1) for g in of_biases] + [error.sum(axis=0)]


__all__ = [
    "continual", "contrast", "energy", "gradient", "holomorphic_contrast", "holomorphic_gradient", "initial", "phases", "readout_gradient",
    "readout_phases", "relax", "relax_vjp", "residual", "softmax", "vector_field_contrast",
]  # fmt: skip
