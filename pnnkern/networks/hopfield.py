"""Layered Hopfield networks: units that settle where an energy is least, a layer joined to the next.

The states s of all units minimise::

    E = sum_l [sum_j G(s_j) - b_l s_l - s_l W_l s_{l+1}],     the input layer clamped,

with G(s) = s^2 / 2 for s in [0, 1] (activation "hard-sigmoid"), or the integral of the inverse of a smooth activation ("sigmoid", which
is 1 / (1 + exp(2 - 4 u)), and "tanh"); the output layer is linear, G(s) = s^2 / 2. With all neighbours fixed the units of a layer do not
see each other, so a layer steps to its minimum exactly, ``s <- activation(b + W^T s_below + W s_above)``, and even and odd layers take
turns. Scellier and Bengio, Front. Comput. Neurosci. 11, 24 (2017); Scellier et al., arXiv:2312.15103 (2023).

Nudges add beta |output - target|^2 / 2 to the energy, which has a minimum for beta > -1. Everything here is a pure number.

`backward` weights act downwards in place of W (the first is not used: the input is clamped). Then there is no energy, and the contrasts
are those of vector-field equilibrium propagation, no gradient: Scellier et al., arXiv:1808.04873 (2018); Laborieux et al., Front.
Neurosci. 15, 633674 (2021). Functions that give something for each array of weights give it for the backward ones, too, then.

Units can differ in slope (`slopes[l]`, (n_{l+1},), 1 by default): their states are ``activation(slope pull)``, and the energy has
G(s) / slope. What connects two units does not see it.

With the readout "softmax" the last layer is no part of the energy: outputs are its scores, s W + b, and the cost is the cross-entropy of
their softmax with the target, one-hot. A nudge beta adds ``beta W (target - softmax)`` to what pulls the layer below; no nudge is too
large, as the units below are bounded. In `states` the last layer is ``beta (target - softmax)``, zero in the free state. Nudged sweeps
are fixed-point steps, not exact block steps. Laborieux et al. (2021), section 3.2.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import _array, random
from .._array import Array, Key, Numbers, Real, Values
from .._checks import shaped
from .._gate import accepts_any
from .._updates import Factors, scaled
from . import _layered, layered
from .layered import Equilibrium, Network, Phases, Rates

ACTIVATIONS = {"hard-sigmoid": "box", "sigmoid": "sigmoid", "tanh": "tanh"}
HOLOMORPHIC = ("sigmoid", "tanh")
READOUTS = ("state", "softmax")
BOUND = "where the outputs' own energy keeps them"


@accepts_any
def initial(sizes: Sequence[int], key: Key, *, gain: float = 1.0, dtype: DTypeLike = np.float32, like: Numbers | None = None) -> list[Array]:
    """Weights to start from: uniform in +-gain / sqrt(n_l).

    Parameters
    ----------
    sizes : Sequence[int]
        Units of each layer, the input first. Others as in `drn.initial`.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes must name at least two layers of one unit or more, got {tuple(sizes)}")
    weights = []
    for l, (below, above) in enumerate(pairwise(sizes)):
        draws = random.uniform(random.fold_in(key, l), (1, below * above), dtype=dtype, like=like).reshape(below, above)
        weights.append((gain / np.sqrt(below) * (2 * draws - 1)).astype(dtype))
    return weights


def check_kind(activation: str, readout: str) -> None:
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    if readout not in READOUTS:
        raise ValueError(f"readout must be one of {', '.join(READOUTS)}, got {readout!r}")


def nudges_of(nudge: Values, readout: str, slopes: Sequence[Real] | None = None, *, plane: bool = False, held: bool = False) -> np.ndarray:
    """Nudges that leave the energy a minimum, or that hold the outputs; they may lie in the complex `plane`."""
    nudges = layered.nudges_of(nudge, plane=plane)
    if readout == "state" and not held:
        layered.refuse_unbounded(nudges, lambda: 1.0 if slopes is None else 1 / slopes[-1].max(), BOUND)
    return nudges


def refuse_sharp(activation: str) -> None:
    if activation not in HOLOMORPHIC:
        raise ValueError(f"nudges in the complex plane need a holomorphic activation, sigmoid or tanh, got {activation!r}")


def _network(weights: list[Array], biases: list[Array], activation: str, backward: Sequence[Real] | None = None, readout: str = "state",
             slopes: Sequence[Real] | None = None) -> Network:  # fmt: skip
    check_kind(activation, readout)
    dtype = weights[0].dtype
    if backward is not None:
        shapes = [w.shape for w in weights]
        if [w.shape for w in backward] != shapes:
            raise ValueError(f"backward weights must have the shapes {shapes} of the weights, got {[w.shape for w in backward]}")
        backward = [_array.contiguous(_array.as_type(w, dtype, copy=False)) for w in backward]
    softmax, networks = readout == "softmax", weights[0].shape[:-2]
    net = Network(weights, biases, ACTIVATIONS[activation], backward=backward, softmax=softmax, networks=networks)
    return layered.sloped(net, slopes)


# ------------------------------------------------------------------------------------------------------------------ relaxation
@accepts_any
def relax(inputs: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, activation: str = "hard-sigmoid",
          backward: Sequence[Real] | None = None, readout: str = "state", slopes: Sequence[Real] | None = None, nudge: Values = 0.0,
          target: Numbers | None = None, start: Sequence[Numbers] | None = None, sweeps: int = 200, tolerance: float | None = None,
          on_failure: str = "raise") -> Equilibrium:  # fmt: skip
    """Let a network settle, by exact block steps of even and odd layers in turn.

    Parameters
    ----------
    inputs : Array
        (batch, n_0). weights[l] : (n_l, n_{l+1}). biases[l] : (n_{l+1},), 0 by default.
    backward, readout, slopes
        See the module.
    nudge
        Beta, or (phases,) of them for several phases at once; complex ones for `holomorphic_gradient`.
    target : Array | None
        (batch, n_L), needed unless all are 0.
    start, sweeps, tolerance, on_failure
        As in `drn.relax`.

    Returns
    -------
    Equilibrium
        `Equilibrium`.

    Raises
    ------
    ValueError
        For a nudge of -1 or below of outputs that are states, where E + beta C has no minimum.
    """
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    net = _network(weights, biases, activation, backward, readout, slopes)
    layered.check_settings(sweeps, on_failure)
    nudges = nudges_of(nudge, readout, slopes, plane=activation in HOLOMORPHIC)
    target = layered.target_like(target, nudges, len(inputs), weights)
    limit = layered.tolerance_of(tolerance, inputs.dtype)
    states, pulls, left = net.relax(net.drive(inputs), nudges, target, start, sweeps, limit)
    return layered.check_converged(states, pulls, left, sweeps, tolerance, on_failure)


@accepts_any
def relax_many(inputs: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, activation: str = "hard-sigmoid",
               backward: Sequence[Real] | None = None, readout: str = "state", slopes: Sequence[Real] | None = None, sweeps: int = 200,
               tolerance: float | None = None, on_failure: str = "raise") -> Array:  # fmt: skip
    """Outputs (networks, batch, n_L) of the free states of many networks at once, on the same inputs (batch, n_0).

    weights[l], backward[l] : (networks, n_l, n_{l+1}). biases[l] : (networks, n_{l+1}), 0 by default. With a tolerance, networks of two
    hidden layers or more sweep until the last of them has settled. Others as for `relax`.
    """
    for l, (v, w) in enumerate(zip(backward or (), weights, strict=False)):
        shaped(f"backward[{l}]", v, *w.shape)

    def make(w: list[Array], b: list[Array], some: slice) -> Network:
        return _network(w, b, activation, None if backward is None else [v[some] for v in backward], readout, slopes)

    return layered.free_outputs(make, inputs, weights, biases, sweeps, tolerance, on_failure)


@accepts_any
def phases(inputs: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, activation: str = "hard-sigmoid",
           backward: Sequence[Real] | None = None, readout: str = "state", slopes: Sequence[Real] | None = None,
           nudges: Sequence[float] = (), target: Numbers | None = None, hold: bool = False, start: Sequence[Numbers] | None = None,
           sweeps: int = 200, nudged_sweeps: int | None = None, tolerance: float | None = None, on_failure: str = "raise",
           ) -> Phases:  # fmt: skip
    """The free state and how far each nudge moves it, as differences that keep all their digits. Arguments as in `drn.phases`.

    A softmax read-out is no part of what settles and cannot be held.
    """
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    net = _network(weights, biases, activation, backward, readout, slopes)
    values = np.atleast_1d(nudges_of(nudges, readout, slopes, held=hold))
    return layered.settled(net, inputs, values, target, hold, start, sweeps, nudged_sweeps, tolerance, on_failure)


# --------------------------------------------------------------------------------------------------------------------- figures
def own_energy(s: Numbers, activation: str, last: bool) -> Array:
    """G(s) of each unit."""
    xp = _array.namespace(s)
    if last or activation == "hard-sigmoid":
        return s**2 / 2
    tiny = np.finfo(np.float64).tiny
    if activation == "sigmoid":  # the integral of (ln(s / (1 - s)) + 2) / 4
        return (s * xp.log(xp.maximum(s, tiny)) + (1 - s) * xp.log(xp.maximum(1 - s, tiny)) + 2 * s) / 4
    return 0.5 * ((1 + s) * xp.log(xp.maximum(1 + s, tiny)) + (1 - s) * xp.log(xp.maximum(1 - s, tiny)))


@accepts_any
def energy(inputs: Numbers, states: Sequence[Real], weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
           activation: str = "hard-sigmoid", slopes: Sequence[Real] | None = None, nudge: float = 0.0, target: Numbers | None = None,
           ) -> Array:  # fmt: skip
    """E + beta C of each sample, (batch,) float64."""
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    net = _network(weights, biases, activation, slopes=slopes)
    states = layered.states_of(net, states, len(inputs))
    below, total = _array.as_type(inputs, np.float64), _array.namespace(inputs).zeros(len(inputs))
    for l, (w, b, s) in enumerate(zip(weights, biases, states, strict=True)):
        s = s.astype(np.float64)
        own = own_energy(s, activation, l == len(weights) - 1)
        total += (own if slopes is None else own / slopes[l]).sum(axis=1) - s @ b.astype(np.float64)
        total -= ((below @ w.astype(np.float64)) * s).sum(axis=1)
        below = s
    if nudge:
        target = layered.target_like(target, np.array(nudge), len(inputs), weights)
        total += 0.5 * nudge * ((below - target) ** 2).sum(axis=1)
    return total


@accepts_any
def residual(inputs: Numbers, states: Sequence[Real], weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
             activation: str = "hard-sigmoid", backward: Sequence[Real] | None = None, readout: str = "state",
             slopes: Sequence[Real] | None = None, nudge: float = 0.0, target: Numbers | None = None) -> Array:  # fmt: skip
    """How far each sample is from equilibrium: the largest |s - activation(pull)| of its units, (batch,) float64."""
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    target = layered.target_like(target, np.array(nudge), len(inputs), weights)
    w, b, down = layered.in_double(weights, biases, weights if backward is None else backward)
    return layered.distance(_network(w, b, activation, down, readout, slopes), inputs, states, nudge, target)


# -------------------------------------------------------------------------------------------------------------------- learning
@accepts_any
def contrast(settled: Phases, a: int, b: int, *, mean: bool = True) -> tuple[list[Factors], list[Array]]:
    """dE/dtheta of phase b less that of phase a, mean over the batch, else the sum: of the weights in factors, of the biases as arrays.

    -<s_below s_above> and -<s>, Hebbian products of two units' states, as products of means and differences.
    """
    # a less b, as the products have a minus sign
    return _layered.factors(settled, b, a, drops=False, count=layered.samples(settled, mean))


@accepts_any
def vector_field_contrast(settled: Phases, a: int, b: int, *, mean: bool = True) -> tuple[list[Factors], list[Factors], list[Array]]:
    """The same for networks whose weights differ between up and down: of the weights, of the backward weights, and of the biases.

    Each weight sees the change of the unit that it drives and the mean state of the one that drives it. No gradient of anything, but
    where both weights are equal the two sum to `contrast`. The first backward weights, which nothing uses, have factors without rows.
    Scellier et al., arXiv:1808.04873 (2018), equation 11.
    """
    forward, backward, biases, count = [], [], [], layered.samples(settled, mean)
    for below, d_below, above, d_above in settled.pairs(b, a):  # a less b, as the products have a minus sign
        forward.append(Factors(below, d_above, 1 / count))
        backward.append(Factors(below[:0], above[:0]) if d_below is None else Factors(d_below, above, 1 / count))
        biases.append(layered.divided(d_above.sum(axis=0), count))
    return forward, backward, biases


@accepts_any
def same_contrast(settled: Phases, a: int, b: int, *, mean: bool = True) -> tuple[list[Factors], list[Factors], list[Array]]:
    """The same with one update for both, the `contrast` of tied weights: what sets them apart neither grows nor shrinks."""
    factors, biases = contrast(settled, a, b, mean=mean)
    return factors, factors, biases


def _shares(backward: Any, same: bool = False) -> Any:
    """The contrast for a network with these backward weights, or none."""
    return contrast if backward is None else same_contrast if same else vector_field_contrast


@accepts_any
def relax_vjp(cotangent: Numbers, inputs: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
              activation: str = "hard-sigmoid", backward: Sequence[Real] | None = None, readout: str = "state",
              slopes: Sequence[Real] | None = None, free: Equilibrium | None = None, sweeps: int = 200, tolerance: float | None = None,
              on_failure: str = "raise") -> tuple[list[Any], ...]:  # fmt: skip
    """The exact derivative of the free output by weights (in factors) and biases, for its cotangent. Arguments as in `drn.relax_vjp`.

    With `backward` weights the response to the cotangent is that of the network whose weights up and down are exchanged, and the
    derivatives by the weights, the backward weights and the biases come back.
    """
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    net = _network(weights, biases, activation, backward, readout, slopes)
    response = layered.implicit(net, cotangent, inputs, free, sweeps, tolerance, on_failure)
    shares: tuple[list[Any], ...] = _shares(backward)(response, 1, 2, mean=False)
    return shares


@accepts_any
def gradient(inputs: Numbers, target: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, nudges: Values = (-0.2, 0.2),
             backward: Sequence[Real] | None = None, **settings: Any) -> tuple[list[Array], ...]:  # fmt: skip
    """The estimate of equilibrium propagation of the gradient of the mean cost over the batch.

    The cost is half the squared error, or the cross-entropy.

    Parameters
    ----------
    settings
        Of `phases`. Others as in `drn.gradient`.

    Returns
    -------
    tuple[list[Array], ...]
        The gradients of the weights and of the biases, lists like theirs; with `backward` weights, the estimates (no gradients) for the
        weights, the backward weights and the biases.
    """
    b1, b2 = layered.pair_of(nudges)
    settled = phases(inputs, weights, biases, nudges=(b1, b2), target=target, backward=backward, **settings)
    *factors, of_biases = _shares(backward)(settled, 1, 2)
    scale = 1 / float(b2 - b1)
    return *([scaled(f, scale).dense() for f in part] for part in factors), [g * scale for g in of_biases]


@accepts_any
def continual(inputs: Numbers, target: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, nudge: float,
              rates: Rates, steps: int = 20, activation: str = "hard-sigmoid", backward: Sequence[Real] | None = None,
              same: bool = False, readout: str = "state", slopes: Sequence[Real] | None = None,
              free: Equilibrium | Phases | None = None, sweeps: int = 200, tolerance: float | None = None, on_failure: str = "raise",
              ) -> tuple[list[Array], ...]:  # fmt: skip
    """Continual equilibrium propagation: weights move after every nudged sweep, by the difference of consecutive states.

    The free state is kept nowhere, so everything is local in time as well. For small rates all moves add up to the one-sided estimate, ``-rate
    (dE/dtheta at nudge - dE/dtheta free) / nudge``; with `backward` weights up to an error of order beta, as without an energy the sum depends
    on the way.

    Parameters
    ----------
    nudge : float
        Beta, above -1.
    rates : Rates
        Learning rate of each layer, or a list of these for the weights, (the backward weights,) and the biases.
    steps : int
        Nudged sweeps.
    same : bool
        `backward` weights move as the weights do, see `same_contrast`.
    free : Equilibrium | Phases | None
        The free state, if it is at hand.

    Returns
    -------
    tuple[list[Array], ...]
        New weights and biases; with `backward` weights, new weights, backward weights and biases. Ernoult et al., Equilibrium propagation with
        continual weight updates, arXiv:2005.04168 (2020).

    Notes
    -----
    Others as for `relax`.
    """
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    beta = float(nudges_of(float(nudge), readout, slopes))

    def build(parts: Sequence[list[Array]]) -> Network:
        return _network(parts[0], parts[-1], activation, None if backward is None else parts[1], readout, slopes)

    parts = [weights, biases] if backward is None else [weights, list(backward), biases]
    return tuple(
        layered.continual(
            build, _shares(backward, same), inputs, target, parts, beta, rates, steps, free, sweeps, tolerance, -np.inf, on_failure
        )
    )


@accepts_any
def holomorphic_contrast(inputs: Numbers, target: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
                         radius: float = 0.2, points: int = 6, activation: str = "sigmoid", **settings: Any,
                         ) -> tuple[list[Factors], list[Array]]:  # fmt: skip
    """`holomorphic_gradient` with the gradients of the weights in factors: a row for each sample and each point of half the circle."""
    refuse_sharp(activation)
    if settings.get("backward") is not None:
        raise ValueError("nudges on a circle give the derivative of an energy, and weights that differ up and down leave none")
    shares = layered.around(
        inputs, lambda nudges: relax(inputs, weights, biases, activation=activation, nudge=nudges, target=target, **settings),
        radius, points,
    )  # fmt: skip
    return [Factors(first, second) for first, second, _ in shares], [own.sum(axis=0) for _, _, own in shares]


@accepts_any
def holomorphic_gradient(inputs: Numbers, target: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, **settings: Any,
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


__all__ = [
    "continual", "contrast", "energy", "gradient", "holomorphic_contrast", "holomorphic_gradient", "initial", "phases", "relax",
    "relax_many", "relax_vjp", "residual", "same_contrast", "vector_field_contrast",
]  # fmt: skip
