"""Coupled learning and its relatives on graphs: local updates of conductances from two states of one network.

An edge sees its own voltage drop only, dv_F in the free state and dv_C in the clamped one, and goes down ``((dv_C)^2 - (dv_F)^2) / (2 eta)``.
Stern et al., Supervised learning in physical networks, Phys. Rev. X 11, 021045 (2021). Squares are never subtracted: all updates are
computed as products ``(dv_C - dv_F)(dv_C + dv_F) / (2 eta)``, and on linear networks the difference of the states itself is solved for
(one factorisation with n_sources + n_targets columns, whatever the batch), so that nothing is lost however small eta is.

What the rules follow: `adjoint_learning_update` is the gradient of C = |y - v_T|^2 / 2 exactly, `nudged_learning_update` (equilibrium
propagation) for beta -> 0. Coupled learning is not: for eta -> 0 it tends to ``<(B G_T Z^-1 d)(B v_F)>`` with Z the impedance between
targets, d = y - v_T, which is parallel to the gradient for one target only. On networks without an energy (transistors) none is exact.

Updates are dL/dg or what a rule has in its place, (E,), mean over the batch: take them, times a rate, from the conductances. Functions
called steps give the conductances themselves.
All values: source_values (batch, n_sources) and target_values (batch, n_targets), volts; conductances in siemens.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from .. import _array
from .._array import Array, Indices, Numbers, PerEdge, Real
from .._checks import class_labels, double, floats, plain, real, shaped
from .._errors import CapabilityError, NudgeError
from .._gate import accepts_any
from ..networks.resistor import Response
from .agnostic import yielding
from .frequency import amplitudes, check_tones
from .losses import NearestTarget

ENDS = {"positive": (0.0, 1.0), "negative": (-1.0, 0.0), "centred": (-1.0, 1.0)}  # of the two states, in units of the nudge


# ----------------------------------------------------------------------------------------------------------------------- rules
@accepts_any
def coupled_learning_update(
    net: Any, conductance: PerEdge, source_nodes: Indices, source_values: Numbers, target_nodes: Indices, target_values: Numbers, *,
    eta: float = 1e-3, variant: str = "positive", power: float = 0.0, weights: Numbers | None = None,
    overclamp: tuple[float, float] | None = None, rails: tuple[float, float] | None = None, response: Response | None = None,
) -> Array:  # fmt: skip
    """Coupled learning: the batch mean of ``((dv_C)^2 - (dv_F)^2) / (2 eta)``, (E,), to be descended; targets at ``v_F + eta (y - v_F)``.

    Parameters
    ----------
    net
        A `ResistorNetwork`, or any network with `relax(conductance, nodes, voltages)`; on those two states per sample are relaxed.
    eta : float
        Nudge of the targets in (0, 1]; the error it makes in the update is proportional to it, and 1 clamps them fully.
    variant : str
        "positive" compares the clamped state with the free one, "negative" the free one with one that is held as far on the other side,
        "centred" these two: the update is the difference of squares by twice that of their eta.
    power : float
        Lambda of the power-efficient variant (Stern et al. 2024), ``(dv_C)^2 - (1 - lambda) (dv_F)^2``: lowers dissipation too. Of any variant,
        ``lambda (dv_F)^2 / (2 eta)`` is added.
    weights : Array | None
        (batch,) of the samples, for rules that count some of them only (`misclassified`); the mean is over their sum.
    overclamp : tuple[float, float] | None
        (low, high) volts; targets are pulled to the rail on the side of the error, whatever its size, and the size of the error (the mean over
        the targets, volts) multiplies the update instead (Dillavou et al. 2024: eta times a small error drowns in offsets).
    rails : tuple[float, float] | None
        (low, high) volts that targets may ask for; by default what the sources of the same sample span, which is all that a network of
        resistors can reach.
    response : Response | None
        `net.response(...)` at these conductances, if there already is one.

    Raises
    ------
    ValueError
        For eta = 0, nodes that are source and target, targets beyond the rails.

    Notes
    -----
    Not the gradient of the mean square error when there are several targets (see above).
    """
    if not 0 < eta <= 1:
        raise ValueError(f"eta must lie in (0, 1]: it is how far the targets are moved towards what they should be, got {eta:g}")
    ends = _ends(eta, variant)
    conductance = floats("conductance", conductance, source_values)
    x, y, sources, targets = _checked(net, conductance, source_nodes, source_values, target_nodes, target_values, rails)
    if not hasattr(net, "response"):
        return _two_states(net, conductance, sources, x, targets, y, ends, power / eta, weights, overclamp)
    r = _answer(net, conductance, sources, targets, response)
    d, share = _errors(r.outputs(x), y, overclamp, weights)
    out = net.drop_products(*r.products(*ends, x, d, share, hold=True), 1 / (ends[1] - ends[0]))
    if power:
        out += power / eta * net.drop_products(r.sources, r.sources @ ((x * share).T @ x), 1 / 2)
    return out.astype(conductance.dtype, copy=False)


@accepts_any
def nudged_learning_update(
    net: Any, conductance: PerEdge, source_nodes: Indices, source_values: Numbers, target_nodes: Indices, target_values: Numbers, *,
    beta: float = 1e-3, variant: str = "centred", weights: Numbers | None = None, rails: tuple[float, float] | None = None,
    response: Response | None = None,
) -> Array:  # fmt: skip
    """Equilibrium propagation: targets are joined by conductances beta to sources at y, and the states' drops are compared.

    Parameters
    ----------
    beta : float
        Siemens, positive.
    variant : str
        "centred" compares states at +beta and -beta (error beta^2), "positive" and "negative" one of them with the free state (error beta).
        Other arguments and errors as in `coupled_learning_update`.

    Returns
    -------
    Array
        ``((dv_b2)^2 - (dv_b1)^2) / (2 (b2 - b1))``, (E,): for beta -> 0 the gradient of ``|y - v_T|^2 / 2``.

    Raises
    ------
    ValueError
        For a negative nudge beyond which the targets do not settle: beta must stay below 1 / (largest eigenvalue of Z).

    Notes
    -----
    Scellier and Bengio, Front. Comput. Neurosci. 11, 24 (2017); Kendall et al., arXiv:2006.01981 (2020).
    """
    if not beta > 0:
        raise ValueError(f"beta must be positive, in siemens: it joins the targets to what they should be, got {beta:g}")
    low, high = _ends(beta, variant)
    conductance = floats("conductance", conductance, source_values)
    x, y, sources, targets = _checked(net, conductance, source_nodes, source_values, target_nodes, target_values, rails)
    if not hasattr(net, "response"):
        free = net.relax(conductance, sources, x).voltages
        if low < 0:
            _refuse_nudge(low, net.nudge_bound(conductance, sources, targets, free))
        a, b = (net.relax(conductance, sources, x, start=free, load=(targets, b, y)).voltages if b else free for b in (low, high))
        return (net.contrast(a, b, _shares(a, weights)) / (high - low)).astype(conductance.dtype, copy=False)
    r = _answer(net, conductance, sources, targets, response)
    if low < 0:
        _refuse_nudge(low, r.nudge_bound)
    d, share = _errors(r.outputs(x), y, None, weights)
    return net.drop_products(*r.products(low, high, x, d, share), 1 / (high - low)).astype(conductance.dtype, copy=False)


@accepts_any
def adjoint_learning_update(
    net: Any, conductance: PerEdge, source_nodes: Indices, source_values: Numbers, target_nodes: Indices, target_values: Numbers, *,
    weights: Numbers | None = None, rails: tuple[float, float] | None = None, response: Response | None = None,
) -> Array:  # fmt: skip
    """Adjoint learning: the gradient of the mean of ``|y - v_T|^2 / 2``, (E,), exactly; linear networks.

    The second state is the network's answer to the error d = y - v_T driven as a current into the targets, sources grounded, and an edge
    multiplies its two drops: ``<(B G_T d)(B v_F)>``. Other arguments and errors as in `coupled_learning_update`.
    """
    conductance = floats("conductance", conductance, source_values)
    x, y, sources, targets = _checked(net, conductance, source_nodes, source_values, target_nodes, target_values, rails)
    r = _answer(net, conductance, sources, targets, response, "adjoint learning")
    d, share = _errors(r.outputs(x), y, None, weights)
    return net.drop_products(r.targets, r.sources @ (x.T @ (d * share))).astype(conductance.dtype, copy=False)


@accepts_any
def frequency_propagation_update(
    net: Any, conductance: PerEdge, source_nodes: Indices, source_values: Numbers, target_nodes: Indices, target_values: Numbers, *,
    gamma: float = 1e-2, frequencies: tuple[int, int] = (2, 3), samples: int = 16, rails: tuple[float, float] | None = None,
) -> Array:  # fmt: skip
    """Frequency propagation: activation and error travel through one network at once, at two frequencies, and each edge tells them apart.

    Sources oscillate as ``x cos(w1 t)``, error currents ``gamma (y - v_T) cos(w2 t)`` are driven into the targets, v_T being the amplitude of
    the free targets at w1; drops are read at `samples` instants of a common period, and an edge goes down the product of its two amplitudes,
    ``A1 A2 / gamma``, mean over the batch (E,). The network follows at once (quasi-static). On linear networks this is adjoint learning
    whatever gamma; on nonlinear ones frequencies mix, and it is a gradient approximately.

    Parameters
    ----------
    gamma : float
        Siemens.
    frequencies : tuple[int, int]
        Whole oscillations per period, different ones, below samples / 2.

    Notes
    -----
    Anisetti, Kandala, Scellier and Schwarz, Neural Comput. 36, 596 (2024), arXiv:2208.08862.
    """
    check_tones(gamma, frequencies, samples)
    conductance = floats("conductance", conductance, source_values)
    x, y, sources, targets = _checked(net, conductance, source_nodes, source_values, target_nodes, target_values, rails)
    xp = _array.namespace(x)

    def drive(values: Array, errors: Array) -> Array:
        currents = xp.zeros((len(x), net.n_nodes))
        currents[:, targets] = errors
        return net.relax(conductance, sources, values, currents=currents).voltages

    free = amplitudes(drive, x, xp.zeros_like(y), frequencies, samples)[0]
    first, second = amplitudes(drive, x, gamma * (y - free[:, targets]), frequencies, samples)
    return net.drop_products(second.T, first.T, 1 / (gamma * len(x))).astype(conductance.dtype, copy=False)


@accepts_any
def agnostic_learning_step(
    net: Any, conductance: PerEdge, source_nodes: Indices, source_values: Numbers, target_nodes: Indices, target_values: Numbers, *,
    beta: float = 1e-2, softness: float = 1e-2, limits: tuple[float, float] = (1e-6, np.inf), steps: int = 100, tolerance: float = 1e-10,
    rails: tuple[float, float] | None = None,
) -> Array:  # fmt: skip
    """Agnostic equilibrium propagation: the conductances after one step that physics makes by itself, (E,).

    Each conductance is a coordinate too, tied to a knob u by ``(k - u)^2 / (2 softness)`` and pulled by its own energy ``dv^2 / 2``. First the
    targets are nudged by -beta while the knobs are set so that the conductances stay where they are; then the knobs are left alone and the
    nudge becomes +beta, and conductances and voltages settle together: ``k' = k - softness (<dv^2 / 2 at k', +beta> - <dv^2 / 2 at k,
    -beta>)``, a step of descent of rate about 2 softness beta. The settling alternates between voltages and conductances, at most `steps`
    times, until k' moves by less than `tolerance` of its size.

    Parameters
    ----------
    softness : float
        Siemens per watt.

    Raises
    ------
    ConvergenceError
        When that does not settle (softness too large).

    Notes
    -----
    Scellier, Mishra, Bengio and Ollivier, arXiv:2205.15021 (2022).
    """
    conductance = floats("conductance", conductance, source_values)
    x, y, sources, targets = _checked(net, conductance, source_nodes, source_values, target_nodes, target_values, rails)
    for name, value in (("beta", beta), ("softness", softness)):
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value:g}")
    before = net.relax(conductance, sources, x, load=(targets, -beta, y)).voltages

    def felt(at: dict[str, Array]) -> dict[str, Array]:
        after = net.relax(at["k"], sources, x, load=(targets, beta, y)).voltages
        return {"k": net.contrast(before, after, 1 / len(x))}

    settled = yielding({"k": conductance}, felt, softness, {"k": limits}, steps=steps, tolerance=tolerance)
    return settled["k"].astype(conductance.dtype, copy=False)


# ------------------------------------------------------------------------------------------------------- carrying out an update
@accepts_any
def coupled_learning_step(
    net: Any, conductance: Real, source_nodes: Indices, source_values: Numbers, target_nodes: Indices, target_values: Numbers, *, rate: float,
    eta: float = 1e-3, step: float = 0.0, limits: tuple[float, float] = (1e-6, np.inf), weights: Numbers | None = None,
    overclamp: tuple[float, float] | None = None, rails: tuple[float, float] | None = None, response: Response | None = None,
) -> None:  # fmt: skip
    """One step of coupled learning on a linear network, in place: contrast, update and limits in one pass over the edges.

    Parameters
    ----------
    rate : float
        Alpha, times the update, down which it goes.
    step : float
        Siemens; if positive, every conductance moves by one such step down its update, as a digital potentiometer does, and not at all where
        that is zero.
    limits : tuple[float, float]
        (low, high) siemens.

    Notes
    -----
    Other arguments and errors as in `coupled_learning_update`.
    """
    if not 0 < eta <= 1:
        raise ValueError(f"eta must lie in (0, 1]: it is how far the targets are moved towards what they should be, got {eta:g}")
    x, y, sources, targets = _checked(net, conductance, source_nodes, source_values, target_nodes, target_values, rails)
    r = _answer(net, conductance, sources, targets, response, "a step in place")
    d, share = _errors(r.outputs(x), y, overclamp, weights)
    net.update(*r.products(0.0, eta, x, d, share, hold=True), conductance, -rate / eta, step=step, limits=limits)


@accepts_any
def coupled_dynamics(
    net: Any, conductance: PerEdge, source_nodes: Indices, source_values: Numbers, target_nodes: Indices, target_values: Numbers, *,
    eta: float, rate: float, capacitance: float, dt: float, steps: int, limits: tuple[float, float] = (1e-6, np.inf),
    states: Sequence[Real] | None = None, rails: tuple[float, float] | None = None,
    errors: Callable[[Array, Array], Array] = operator.sub,
) -> tuple[Array, tuple[Array, Array]]:  # fmt: skip
    """Both copies of the network and the conductances move at once: coupled learning that does not wait for equilibrium.

    ``C dv/dt = -L(k) v`` at the nodes that are not held, in a free and a clamped copy, and ``dk/dt = rate <((dv_F)^2 - (dv_C)^2) / (2 eta)>``;
    the clamped copy's targets follow ``v_F + eta (y - v_F)`` of the free one. Steps of `dt` by Euler's method.

    Parameters
    ----------
    rate : float
        Siemens per volt^2 and second.
    capacitance : float
        Of every node, farads.
    dt : float
        Seconds; 0: in each step half of the longest at which Euler's method is stable.
    limits : tuple[float, float]
        Of the conductances, siemens.
    states : Sequence[Real] | None
        (free, clamped) (batch, n_nodes) to start from; by default their equilibria.
    errors : Callable[[Array, Array], Array]
        What targets y and outputs v_F, (batch, n_targets), are to be pulled by, if it is not y - v_F.

    Returns
    -------
    tuple[Array, tuple[Array, Array]]
        The conductances (E,), and the states.

    Raises
    ------
    ValueError
        For a dt at which Euler's method is unstable.

    Notes
    -----
    Stern, Dillavou, Miskin, Durian and Liu, Phys. Rev. Research 4, L022037 (2022).
    """
    if not 0 < eta <= 1:
        raise ValueError(f"eta must lie in (0, 1]: it is how far the targets are moved towards what they should be, got {eta:g}")
    conductance = floats("conductance", conductance, source_values)
    x, y, sources, targets = _checked(net, conductance, source_nodes, source_values, target_nodes, target_values, rails)
    xp = _array.namespace(x)
    k = _array.as_type(conductance, np.float64)
    if states is None:
        free = net.relax(k, sources, x).voltages
        held = np.concatenate([sources, targets])
        clamped = net.relax(k, held, xp.concatenate([x, free[:, targets] + eta * errors(y, free[:, targets])], axis=1)).voltages
        states = (free, clamped)
    if len(states) != 2:
        raise ValueError(f"states must be two, (free, clamped), got {len(states)}")
    for name, v in zip(("states[0]", "states[1]"), states, strict=True):
        shaped(name, v, len(x), net.n_nodes)
    free, clamped = (xp.array(v.T, dtype=np.float64, order="C") for v in states)
    masks = [np.ones(net.n_nodes, np.uint8) for _ in range(2)]
    masks[0][sources], masks[1][np.concatenate([sources, targets])] = 0, 0
    mask_free, mask_clamped = (xp.asarray(m) for m in masks)
    free[sources] = clamped[sources] = x.T
    ends = net.edges.ravel()
    for _ in range(steps):
        meeting = np.bincount(ends, weights=np.repeat(_array.to_numpy(k), 2), minlength=net.n_nodes).max()
        longest = capacitance / meeting  # eigenvalues of L are at most twice the largest sum of conductances at a node
        if dt > longest:
            raise ValueError(f"dt = {dt:g} s is too long for Euler's method: here it must not exceed {longest:.3g} s")
        taken = dt or longest / 2
        free -= taken / capacitance * net.laplacian(k, free, mask_free)
        clamped -= taken / capacitance * net.laplacian(k, clamped, mask_clamped)
        clamped[targets] = free[targets] + eta * errors(y, free[targets].T).T
        net.update(clamped - free, clamped + free, k, -taken * rate / (2 * eta * len(x)), limits=limits)
    return k.astype(conductance.dtype), (xp.ascontiguousarray(free.T), xp.ascontiguousarray(clamped.T))


# ---------------------------------------------------------------------------------------------------------------- classification
@accepts_any
def class_targets(outputs: Real, labels: Numbers, *, amplitude: float = 2.0) -> Array:
    """Targets (classes, n_targets) for classification, from the network's own outputs (samples, n_targets) and labels (samples,).

    Labels are 0, 1, 2 and so on, each class with one sample at least.

    Class c should answer ``m + amplitude (m_c - m)``: m the mean output, m_c its mean over the class. So the classes are driven apart along
    the directions in which the untrained network tells them apart already, and all of it stays within reach. Stern et al. 2021, section V.
    """
    class_labels(labels, len(shaped("outputs", outputs, "samples", "n_targets")), len(outputs))  # each class has a sample
    xp = _array.namespace(outputs)
    labels = xp.asarray(labels)
    found = np.unique(_array.to_numpy(labels))
    if not len(found) or found[0] != 0 or found[-1] != len(found) - 1:
        raise ValueError(f"labels must be all of 0 .. {len(found) - 1} if there are {len(found)} classes, got {found.tolist()!s:.80}")
    member = (labels[None, :] == xp.arange(len(found))[:, None]).astype(outputs.dtype)
    means = member @ outputs / member.sum(axis=1, keepdims=True)
    return outputs.mean(axis=0) + amplitude * (means - outputs.mean(axis=0))


@accepts_any
def nearest_class(outputs: Real, targets: Real) -> Array:
    """The class (batch,) whose target (classes, n_targets) lies nearest to each output (batch, n_targets)."""
    shaped("targets", targets, "classes", shaped("outputs", outputs, "batch", "n_targets").shape[1])
    return NearestTarget(targets).scores(outputs).argmax(axis=1)


@accepts_any
def misclassified(outputs: Real, targets: Real, labels: Numbers) -> Array:
    """Weights (batch,) for the rules above: 1 where the nearest class target is not the label's, 0 elsewhere; from Stern et al. 2021."""
    nearest = nearest_class(outputs, targets)
    class_labels(labels, len(outputs), len(targets))
    return (nearest != _array.namespace(outputs).asarray(labels)).astype(np.float64)


# --------------------------------------------------------------------------------------------------------------------- inside
def _shares(x: Array, weights: Array | None) -> Any:
    """Each sample's share of the mean, (batch, 1) or a number."""
    if weights is None:
        return 1 / len(x)
    shaped("weights", real("weights", weights), len(x))
    total = float(weights.sum())
    return weights[:, None] / (total if total > 0 else 1.0)


def _errors(outputs: Array, targets: Array, overclamp: tuple[float, float] | None, weights: Array | None) -> tuple[Array, Any]:
    """How far each target is to be pulled, (batch, n_targets), and each sample's share of the update."""
    d, share = targets - outputs, _shares(outputs, weights)
    if overclamp is None:
        return d, share
    low, high = overclamp
    xp = _array.namespace(d)
    pull = xp.where(d > 0, high - outputs, xp.where(d < 0, low - outputs, 0.0))
    return pull, share * abs(d).mean(axis=1, keepdims=True)


def _checked(net: Any, conductance: Real, source_nodes: Any, source_values: Array, target_nodes: Any, target_values: Array,
             rails: tuple[float, float] | None) -> tuple[Array, Array, np.ndarray, np.ndarray]:  # fmt: skip
    """Values in float64, and nodes, if they fit each other."""
    sources, targets = net.disjoint_nodes(source_nodes, target_nodes)
    xp = _array.namespace(conductance)
    x, y = double("source_values", source_values, conductance), double("target_values", target_values, conductance)
    for name, values, nodes in (("source_values", x, sources), ("target_values", y, targets)):
        if values.ndim != 2 or values.shape[1] != len(nodes):
            raise ValueError(f"{name} must be (batch, {len(nodes)}), a column for each of their nodes, got shape {values.shape}")
    if len(x) != len(y) or not len(x):
        raise ValueError(f"source_values have {len(x)} samples and target_values {len(y)}: one of each for every sample, at least one")
    low, high = (x.min(axis=1), x.max(axis=1)) if rails is None else rails
    slack = 1e-9 * (abs(x).max() + abs(y).max())
    out = (y < xp.asarray(low - slack)[..., None]) | (y > xp.asarray(high + slack)[..., None])
    if bool(out.any()):
        sample, which = (int(i) for i in np.argwhere(_array.to_numpy(out))[0])
        span = (float(xp.broadcast_to(xp.asarray(b), (len(x),))[sample]) for b in (low, high))
        raise ValueError(
            f"target {targets[which]} of sample {sample} is {float(y[sample, which]):g} V, but the sources allow "
            + " .. ".join(f"{b:g}" for b in span) + " V only: no network of resistors gets there; ask for less, or give rails=(low, high)"
        )  # fmt: skip
    return x, y, sources, targets


def _answer(net: Any, conductance: Array, sources: np.ndarray, targets: np.ndarray, response: Any, rule: str = "this rule") -> Response:
    """`response`, if it is of these nodes, or else what the network says."""
    if response is None:
        if not hasattr(net, "response"):
            raise CapabilityError(f"{rule} needs a linear network (with `response`); {type(net).__name__} is none")
        return cast(Response, net.response(conductance, sources, targets))
    if not isinstance(response, Response):
        raise TypeError(f"response must be what net.response(...) returns, got {type(response).__name__}")
    for name, wanted in (("source", sources), ("target", targets)):
        plain(f"{name}s of the response", [getattr(response, f"{name}s")])
        shaped(f"{name}s of the response", getattr(response, f"{name}s"), net.n_nodes, len(wanted))
        if not np.array_equal(getattr(response, f"{name}_nodes"), wanted):
            raise ValueError(f"response must be of these {name} nodes, {wanted.tolist()!s:.80}")
    return response


def _ends(size: float, variant: str) -> tuple[float, float]:
    """The nudges of the two states."""
    if variant not in ENDS:
        raise ValueError(f"variant must be one of {', '.join(ENDS)}, got {variant!r}")
    low, high = ENDS[variant]
    return size * low, size * high


def _refuse_nudge(nudge: float, bound: float) -> None:
    if -nudge >= bound:
        raise NudgeError(
            f"a nudge of {nudge:g} siemens leaves the targets without an equilibrium: |beta| must stay below {bound:.4g} here"
        )


def _two_states(net: Any, conductance: Real, sources: np.ndarray, x: Array, targets: np.ndarray, y: Array, ends: tuple[float, float],
                power: float, weights: Array | None, overclamp: tuple[float, float] | None) -> Array:  # fmt: skip
    """The update of a nonlinear network, whose free and clamped states are relaxed sample by sample."""
    xp = _array.namespace(x)
    free = net.relax(conductance, sources, x).voltages
    d, share = _errors(free[:, targets], y, overclamp, weights)
    held = np.concatenate([sources, targets])

    def clamped(eta: float) -> Array:
        if eta == 0:
            return free
        return net.relax(conductance, held, xp.concatenate([x, free[:, targets] + eta * d], axis=1), start=free).voltages

    out = net.contrast(clamped(ends[0]), clamped(ends[1]), share) / (ends[1] - ends[0])
    if power:
        out += power * net.contrast(xp.zeros_like(free), free, share)
    return out.astype(conductance.dtype, copy=False)
