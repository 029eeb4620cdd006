"""Deep resistive networks: layers of nodes joined by conductances, with ideal diodes, that settle where they dissipate least.

The state v of all nodes minimises the power (half of it, less that of the current sources b)::

    E = 1/2 sum_l sum_ij g_ij (u_i - v_j)^2 - sum_j b_j v_j,     u in layer l, v in layer l + 1,

with the input layer clamped, the first half of every hidden layer kept at v >= 0 by its diodes, the other half at v <= 0, and the
output layer free. With all neighbours fixed, the nodes of a layer do not see each other, so a layer steps to its minimum exactly,
``v <- clip((b + sum g u) / sum g)``, and even and odd layers take turns. Kendall et al., arXiv:2006.01981 (2020); Scellier, A fast
algorithm to simulate nonlinear resistive networks, ICML 2024, arXiv:2402.11674.

Nudging joins output node k to a source at the target y_k by a conductance beta: E + beta/2 sum_k (v_k - y_k)^2. Nudged states are kept
as differences from the free state, which have all their digits however small beta is.

A node can be less steep than that (`slopes[l]`, (n_{l+1},), at most 1 where nothing supplies power): v is so many times what pulls it, as
a conductance to ground makes it, of (1 / slope - 1) times the sum of the node's other ones.

Units: conductances in siemens, voltages in volts, currents in amperes; `weights[l]` (n_l, n_{l+1}) >= 0, `biases[l]` (n_{l+1},).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike

from .. import _array, _constants, _launch, random
from .._array import Array, Key, Numbers, Real, Values
from .._checks import real
from .._gate import accepts_any
from .._updates import Factors, scaled
from . import _layered, layered
from .layered import Equilibrium, Network, Phases, Rates


# ---------------------------------------------------------------------------------------------------------------------- set up
@accepts_any
def initial(sizes: Sequence[int], key: Key, *, gain: float = 1.0, dtype: DTypeLike = np.float32, like: Numbers | None = None) -> list[Array]:
    """Conductances to start from: uniform in +-gain / sqrt(n_l), the negative half set to zero, as in Scellier 2024.

    Parameters
    ----------
    sizes : Sequence[int]
        Nodes of each layer, the input first (twice the pixels, see `encode`).
    key : np.ndarray
        Of `pnnkern.random`.
    like
        An array on the device that is to hold them.

    Returns
    -------
    list[Array]
        A list of (n_l, n_{l+1}).
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes must name at least two layers of one node or more, got {tuple(sizes)}")
    weights = []
    for l, (below, above) in enumerate(pairwise(sizes)):
        draws = random.uniform(random.fold_in(key, l), (1, below * above), dtype=dtype, like=like).reshape(below, above)
        weights.append((gain / np.sqrt(below) * (2 * draws - 1)).clip(0).astype(dtype))
    return weights


@accepts_any
def encode(images: Numbers, gain: float) -> Array:
    """Input voltages (batch, 2 n) for images (batch, n): gain times each pixel, then the same with the other sign.

    With both signs at hand, conductances, which cannot be negative, weigh the input like weights that can.
    """
    if real("images", images).ndim != 2:
        raise ValueError(f"images must be (batch, pixels), got shape {images.shape}")
    signs = _constants.constant([[gain], [-gain]], images.dtype if images.dtype.kind == "f" else np.float64, images)
    out: Array = (images[:, None] * signs).reshape(len(images), 2 * images.shape[1])
    return out


def excitatory(nodes: int) -> int:
    """How many nodes of a hidden layer, the first ones, are kept at or above 0 V: half of them, rounded up."""
    return nodes - nodes // 2


@accepts_any
def nudge_bound(weights: Sequence[Real]) -> float:
    """The largest |beta| at which an output node nudged by -beta still has a minimum: its smallest sum of conductances, in siemens."""
    if not len(weights):
        raise ValueError("a layered network needs at least one array of weights")
    return float(_bound(weights))


def _bound(weights: Sequence[Real], slopes: Sequence[Real] | None = None) -> Array:
    total = weights[-1].sum(axis=0, dtype=np.float64)
    return (total if slopes is None else total / slopes[-1]).min()


ALONE = _launch.fault(62, "a node of a resistive network is joined to nothing: all its conductances are 0")
NEGATIVE = _launch.fault(63, "conductances of a resistive network must be 0 or more")  # of two faults the higher one is told


def _network(weights: list[Array], biases: list[Array], slopes: Sequence[Real] | None = None, nudges: np.ndarray | None = None) -> Network:
    """A network whose conductances are summed, and checked, with its first drive: ValueError for a negative one, for a node without any
    and for a nudge at or below -`nudge_bound`; on a GPU at `pnnkern.check()`."""
    least = 0.0 if nudges is None or not nudges.size else min(0.0, float(nudges.min()))
    net = Network(weights, biases, "diodes", resistive=True, networks=weights[0].shape[:-2], least=least, told=_told)
    return layered.sloped(net, slopes)


def _told(net: Network) -> str:
    """What a kernel has found wrong with the conductances, and where."""
    for l, w in enumerate(net.weights):
        if w.size and not w.min() >= 0:
            return f"conductances must be 0 or more, the smallest in weights[{l}] is {float(w.min()):g}"
    above = [w.sum(axis=-1) for w in net.weights[1:]]
    for l, w in enumerate(net.weights):
        total = w.sum(axis=-2) + (above[l] if l < net.last else 0)
        if total.size and not total.min() > 0:
            return f"node {int(total.argmin()) % total.shape[-1]} of layer {l + 1} is joined to nothing: all its conductances are 0"
    return layered.unbounded(net.least, float(_bound(net.weights, net.slopes)), "minus the smallest sum of conductances at an output node")


# ------------------------------------------------------------------------------------------------------------------ relaxation
@accepts_any
def relax(inputs: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, slopes: Sequence[Real] | None = None,
          nudge: Values = 0.0, target: Numbers | None = None, start: Sequence[Numbers] | None = None, sweeps: int = 200,
          tolerance: float | None = None, on_failure: str = "raise") -> Equilibrium:  # fmt: skip
    """Let a network settle, by exact block steps of even and odd layers in turn.

    Parameters
    ----------
    inputs : Array
        (batch, n_0) volts.
    weights, biases, slopes
        See the module; biases are 0, slopes 1 by default.
    nudge
        Beta in siemens, or (phases,) of them for several phases at once;
    target : Array | None
        (batch, n_L) volts, needed unless all are 0.
    start : Sequence[Array] | None
        States of the layers after the input to start from, (batch, n_l) or with a leading axis of phases; 0 V by default.
    sweeps : int
        At most so many.
    tolerance : float | None
        Of the last step, relative to the largest voltage; 1e-5 in float32 and 1e-11 in float64 by default; 0 makes exactly `sweeps` sweeps.
    on_failure : str
        "raise" `ConvergenceError` when not settled, or "flag" it.

    Returns
    -------
    Equilibrium
        `Equilibrium`, its arrays (batch, n_l), or (phases, batch, n_l).

    Raises
    ------
    ValueError, TypeError
        For what does not fit, and for a nudge below -`nudge_bound`, where there is no minimum.

    Notes
    -----
    Source: Scellier 2024, theorem 1 and algorithm 1.
    """
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    layered.check_settings(sweeps, on_failure)
    nudges = layered.nudges_of(nudge)
    net = _network(weights, biases, slopes, nudges)
    target = layered.target_like(target, nudges, len(inputs), weights)
    limit = layered.tolerance_of(tolerance, inputs.dtype)
    states, pulls, left = net.relax(net.drive(inputs), nudges, target, start, sweeps, limit)
    return layered.check_converged(states, pulls, left, sweeps, tolerance, on_failure)


@accepts_any
def relax_many(inputs: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, slopes: Sequence[Real] | None = None,
               sweeps: int = 200, tolerance: float | None = None, on_failure: str = "raise") -> Array:  # fmt: skip
    """Outputs (networks, batch, n_L) of the free states of many networks at once, on the same inputs (batch, n_0) volts.

    weights[l] : (networks, n_l, n_{l+1}). biases[l] : (networks, n_{l+1}), 0 by default. With a tolerance, networks of two hidden layers
    or more sweep until the last of them has settled. Others as for `relax`.
    """
    return layered.free_outputs(lambda w, b, some: _network(w, b, slopes), inputs, weights, biases, sweeps, tolerance, on_failure)


@accepts_any
def phases(inputs: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, slopes: Sequence[Real] | None = None,
           nudges: Sequence[float] = (), target: Numbers | None = None, hold: bool = False, start: Sequence[Numbers] | None = None,
           sweeps: int = 200, nudged_sweeps: int | None = None, tolerance: float | None = None, on_failure: str = "raise",
           ) -> Phases:  # fmt: skip
    """The free state and how far each nudge moves it: the differences themselves are relaxed, so nothing cancels however small beta is.

    Parameters
    ----------
    nudges : Sequence[float]
        (phases,) siemens.
    hold : bool
        Instead of being nudged, the outputs are held at ``output + beta (target - output)``, whatever beta: coupled learning, and with beta = 1
        contrastive learning.
    sweeps, nudged_sweeps
        At most so many for the free state and for each other. Others as for `relax`. On a GPU all sweeps of all phases are one launch, of up to
        seven hidden layers whose states fit the shared memory of a block.
    """
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    values = np.atleast_1d(layered.nudges_of(nudges))
    net = _network(weights, biases, slopes, None if hold else values)
    return layered.settled(
        net, inputs, values, target, hold, start, sweeps, nudged_sweeps, tolerance, on_failure
    )


# ------------------------------------------------------------------------------------------------------------------- figures
@accepts_any
def energy(inputs: Numbers, states: Sequence[Real], weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
           slopes: Sequence[Real] | None = None, nudge: float = 0.0, target: Numbers | None = None) -> Array:  # fmt: skip
    """E + beta C of each sample, (batch,) watts, float64; C is half the squared distance of the output to the target."""
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    xp = _array.namespace(inputs)
    states = layered.states_of(Network(weights, biases), states, len(inputs))
    below, total = _array.as_type(inputs, np.float64), xp.zeros(len(inputs))
    if slopes is not None:
        wide = layered.in_double(weights, biases)
        plain, leaky = (_network(wide[0], wide[1], some).totals or [] for some in (None, slopes))
        for own, with_leak, v in zip(plain, leaky, states, strict=True):
            total += 0.5 * ((with_leak - own) * v.astype(np.float64) ** 2).sum(axis=1)
    for w, b, v in zip(weights, biases, states, strict=True):
        w, v = w.astype(np.float64), v.astype(np.float64)
        total += 0.5 * (below**2 @ w.sum(axis=1) + v**2 @ w.sum(axis=0)) - ((below @ w) * v).sum(axis=1) - v @ b.astype(np.float64)
        below = v
    if nudge:
        target = layered.target_like(target, np.array(nudge), len(inputs), weights)
        total += 0.5 * nudge * ((below - target) ** 2).sum(axis=1)
    return total


@accepts_any
def residual(inputs: Numbers, states: Sequence[Real], weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
             slopes: Sequence[Real] | None = None, nudge: float = 0.0, target: Numbers | None = None) -> Array:  # fmt: skip
    """How far each sample is from equilibrium: the largest |v - clip((b + sum g u) / sum g)| of its nodes, (batch,) volts, float64.

    It is zero exactly where Kirchhoff's law holds at every conducting node and every diode that blocks is biased to block.
    """
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    target = layered.target_like(target, np.array(nudge), len(inputs), weights)
    weights, biases = layered.in_double(weights, biases)
    return layered.distance(_network(weights, biases, slopes), inputs, states, nudge, target)


# ------------------------------------------------------------------------------------------------------------------- learning
@accepts_any
def contrast(settled: Phases, a: int, b: int, *, mean: bool = True) -> tuple[list[Factors], list[Array]]:
    """dE/dtheta of phase b less that of phase a, mean over the batch, else the sum: of the weights in factors, of the biases as arrays.

    It is that of the voltage drops, 1/2 <(u - v)^2>, a node's own business, computed as products of sums and differences:
    no (batch, n, m) array, no difference of squares.
    """
    # a less b, as the factors are those of -1/2 (u - v)^2
    return _layered.factors(settled, b, a, drops=True, count=layered.samples(settled, mean))


@accepts_any
def relax_vjp(cotangent: Numbers, inputs: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
              slopes: Sequence[Real] | None = None, free: Equilibrium | None = None, sweeps: int = 200, tolerance: float | None = None,
              on_failure: str = "raise") -> tuple[list[Factors], list[Array]]:  # fmt: skip
    """The exact derivative of the free output by weights (in factors) and biases, for its cotangent (batch, n_L).

    By the implicit function theorem: the response of the conducting nodes to the cotangent, relaxed like the network itself.

    Parameters
    ----------
    free : Equilibrium | None
        The free state, if it is at hand.

    Notes
    -----
    Others as for `relax`.
    """
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    response = layered.implicit(_network(weights, biases, slopes), cotangent, inputs, free, sweeps, tolerance, on_failure)
    return contrast(response, 1, 2, mean=False)


@accepts_any
def gradient(inputs: Numbers, target: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, nudges: Values = (-1.0, 1.0),
             sweeps: int = 200, nudged_sweeps: int | None = None, tolerance: float | None = None, on_failure: str = "raise",
             ) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """The estimate of equilibrium propagation of the gradient of the mean over the batch of half the squared error.

    ``(dE/dtheta at nudge b2 - dE/dtheta at nudge b1) / (b2 - b1)``.

    Parameters
    ----------
    nudges
        (b1, b2), in siemens: (-b, b) centred (error of order b^2), (0, b) and (-b, 0) one-sided (of order b).

    Returns
    -------
    tuple[list[Array], list[Array]]
        The gradients of the weights and of the biases, lists like theirs. Scellier and Bengio, Front. Comput. Neurosci. 11, 24 (2017); Kendall
        et al. 2020; for the centred form Laborieux et al., Front. Neurosci. 15, 633674 (2021).

    Notes
    -----
    Others as for `phases`.
    """
    b1, b2 = layered.pair_of(nudges)
    settled = phases(
        inputs, weights, biases, nudges=(b1, b2), target=target, sweeps=sweeps, nudged_sweeps=nudged_sweeps, tolerance=tolerance,
        on_failure=on_failure,
    )  # fmt: skip
    factors, of_biases = contrast(settled, 1, 2)
    return [scaled(f, 1 / (b2 - b1)).dense() for f in factors], [g / float(b2 - b1) for g in of_biases]


@accepts_any
def continual(inputs: Numbers, target: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, nudge: float,
              rates: Rates, steps: int = 10, slopes: Sequence[Real] | None = None, free: Equilibrium | Phases | None = None,
              sweeps: int = 200, tolerance: float | None = None, on_failure: str = "raise",
              ) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """Continual equilibrium propagation: new conductances, kept at 0 S or more, and sources. Arguments as for `hopfield.continual`."""
    inputs, weights, biases = layered.checked(inputs, weights, biases)
    nudges = layered.nudges_of(float(nudge))
    new_weights, new_biases = layered.continual(
        lambda parts: _network(parts[0], parts[1], slopes, nudges), contrast, inputs, target, [weights, biases], nudge, rates, steps, free,
        sweeps, tolerance, 0.0, on_failure,
    )  # fmt: skip
    return new_weights, new_biases


__all__ = [
    "continual", "contrast", "encode", "energy", "excitatory", "gradient", "initial", "nudge_bound", "phases", "relax", "relax_many",
    "relax_vjp", "residual",
]  # fmt: skip
