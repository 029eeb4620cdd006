"""Boltzmann machines: spins that follow exp(-beta E). Exactly, by all states of a few; and restricted ones, layer by layer.

On any graph `ising.sweep` draws +-1 spins. A restricted machine has visible units v and hidden units h of 0 and 1, with

    E(v, h) = - a v - b h - v W h,

coupled only across, so that a whole layer is drawn at once: P(h_j = 1 | v) = 1 / (1 + exp(-(b_j + v W_j))), two matrix products a step.
Hinton, Neural Computation 14, 1771 (2002). W (visible, hidden), a (visible,), b (hidden,); all pure numbers, at beta = 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _array, _launch, random
from .._array import Array, Key, Numbers, Real, Sample
from .._checks import floats, real, shaped, whole
from .._functions import logistic, softmax
from .._gate import accepts_any
from . import ising
from ._sweeps import sample_indices
from .ising import SpinGraph

LARGEST = 20  # spins whose states are all listed


# ------------------------------------------------------------------------------------------------------- all states, exactly
def states(n: int) -> np.ndarray:
    """All 2^n states of n spins, (2^n, n) int8, the last spin fastest.

    Raises
    ------
    ValueError
        Above 20 spins.
    """
    if not 1 <= n <= LARGEST:
        raise ValueError(f"all states are listed for 1 to {LARGEST} spins, got {n}: sample larger machines with ising.sweep")
    bits = np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1)[None, :]
    return (2 * (bits & 1) - 1).astype(np.int8)


@accepts_any
def probabilities(graph: SpinGraph, coupling: Numbers, field: Numbers | None = None, *, beta: float = 1.0) -> Array:
    """exp(-beta E) / Z of all `states`, (2^n,) float64."""
    log: Array = -beta * ising.energy(states(graph.n_nodes), graph, coupling, field)
    return softmax(log)


@accepts_any
def marginals(graph: SpinGraph, coupling: Numbers, field: Numbers | None = None, *, beta: float = 1.0) -> tuple[Array, Array]:
    """Exact <s_a s_b> of each edge, or of the product of each factor, and <s_i> of each spin."""
    s, p = states(graph.n_nodes), probabilities(graph, coupling, field, beta=beta)
    return p @ graph._products(s).astype(np.float64), p @ s.astype(np.float64)


# ------------------------------------------------------------------------------------------------------------ restricted machines
def check_units(weights: Numbers, a: Numbers, b: Numbers, **units: Array | None) -> None:
    """Raise ValueError or TypeError for arrays of a machine that do not fit each other; units are visible unless called hidden."""
    visible, hidden = shaped("weights", weights, "visible", "hidden").shape
    shaped("a", a, visible)
    shaped("b", b, hidden)
    for name, x in units.items():
        if x is not None:
            shaped(f"{name} units", real(f"{name} units", x), "batch", hidden if name == "hidden" else visible)


@accepts_any
def hidden_chance(visible: Numbers, weights: Real, a: Real, b: Real) -> Array:
    """P(h_j = 1 | v), (batch, hidden).

    Parameters
    ----------
    visible : Array
        (batch, visible), 0 and 1, or grey values in between.
    """
    check_units(weights, a, b, visible=visible)
    return logistic(_array.as_type(visible, weights.dtype, copy=False) @ weights + b)


@accepts_any
def visible_chance(hidden: Numbers, weights: Real, a: Real, b: Real) -> Array:
    """P(v_i = 1 | h), (batch, visible)."""
    check_units(weights, a, b, hidden=hidden)
    return logistic(_array.as_type(hidden, weights.dtype, copy=False) @ weights.T + a)


@accepts_any
def gibbs(
    visible: Numbers, weights: Real, a: Real, b: Real, *, steps: int, key: Key | None = None, sample: Sample = 0, step0: int = 0
) -> Array:
    """Draw all hidden units, then all visible ones, `steps` times over; returns visible units (batch, visible) of 0 and 1.

    Parameters
    ----------
    key, sample
        Of `pnnkern.random`.
    step0 : int
        Number of the first step, to go on with a chain of the same key.
    """
    key = random.require_key(key, "Gibbs sampling is random")
    if steps < 0:
        raise ValueError(f"steps must be 0 or more, got {steps}")
    check_units(weights, a, b, visible=visible)
    weights = floats("weights", weights)
    return drawn((_array.as_type(visible, weights.dtype),), [weights], [a, b], steps=steps, key=key, sample=sample, step0=step0)[0]


def drawn(units: tuple[Numbers, ...], weights: Sequence[Numbers], biases: Sequence[Numbers], *, steps: int, key: Key, sample: Sample = 0,
          step0: int = 0, gain: float = 1.0) -> tuple[Array, ...]:  # fmt: skip
    """Visible units (batch, visible) after Gibbs sampling; with one-hot classes (batch, classes), if there are such beyond the hidden units.

    units : (visible,) or (visible, classes). weights : between visible and hidden units, and hidden units and classes. biases : of visible
    units, hidden units and classes. gain : the value of a visible unit that is not 0. Others as of `gibbs`.
    """
    v, rest = units[0], units[1:]
    numbered = sample_indices(sample, len(v), _array.namespace(v))
    for n in range(step0, step0 + steps):
        own = random.fold_in(key, n)
        more = [y @ weights[1].T for y in rest]
        h = _layer(v @ weights[0], biases[1], more[0] if more else None, random.fold_in(own, "hidden"), numbered)
        v = _layer(h @ weights[0].T, biases[0], None, random.fold_in(own, "inputs"), numbered, gain, gain)
        rest = tuple(one_hot_sample(softmax(h @ weights[1] + biases[2]), random.fold_in(own, "classes"), sample) for _ in rest)
    return v, *rest


def _layer(pull: Array, bias: Array, more: Array | None, key: Any, numbered: tuple[int, Array | None], slope: float = 1.0,
           one: float = 1.0) -> Array:  # fmt: skip
    """Units (batch, units), `one` with the chance that ``slope (pull + bias + more)`` gives them, else 0."""
    pull = _array.contiguous(pull)
    out, (batch, units) = _array.namespace(pull).empty_like(pull), pull.shape
    if out.size:
        grid, block = random.tiles(batch, units // 4 + 2)
        _launch.launch(
            "networks/boltzmann", "units", pull.dtype, batch, units, slope, one, *random.words_of(key, _array.namespace(pull)), *numbered, pull,
            _array.contiguous(bias.astype(pull.dtype, copy=False)), None if more is None else _array.contiguous(more), out,
            grid=grid, block=block,
        )  # fmt: skip
    return out


@accepts_any
def class_chain(drive: Real, weights: Real, biases: Real, field: Real | None = None, *, sweeps: int, settle: int = 0, key: Key | None = None,
                sample: Sample = 0) -> tuple[Array, Array, Array]:  # fmt: skip
    """Hidden units and one of C classes, drawn in turn from an even start, all steps in one launch; at temperature 1.

    Parameters
    ----------
    drive : Real
        (batch, hidden), what inputs and their biases pull hidden units with.
    weights : Real
        (hidden, classes).
    biases : Real
        Of the classes.
    field : Real | None
        (batch, classes) beside these, 0 by default.
    sweeps : int
        Steps that count, after `settle` that do not.
    key, sample
        Of `pnnkern.random`; step n draws hidden units by fold_in(fold_in(key, n), "hidden"), the next class by that of "classes".

    Notes
    -----
    Returns, of each step that counts, the class that was there (sweeps, batch, classes), one-hot, and the chances of the hidden units given it
    (sweeps, batch, hidden); and the mean chance of each class given the hidden units, (batch, classes).

    Raises ValueError and TypeError; FaultError for a drive that is no number, on a GPU at `pnnkern.check()`.
    """
    key = random.require_key(key, "Gibbs sampling is random")
    batch, hidden = shaped("drive", drive, "batch", "hidden").shape
    classes = shaped("weights", weights, hidden, "classes").shape[1]
    whole("sweeps", sweeps), whole("settle", settle, least=0)
    arrays = [drive, weights, shaped("biases", biases, classes)]
    arrays += [] if field is None else [shaped("field", field, batch, classes)]
    if len({a.dtype for a in arrays}) > 1:
        raise TypeError(f"drive, weights, biases and field must be of one dtype, got {', '.join(str(a.dtype) for a in arrays)}")
    if not hidden or not classes:
        raise ValueError(f"there must be hidden units and classes, got weights of shape {weights.shape}")
    xp, dtype = _array.namespace(*arrays), drive.dtype
    drawn, given = xp.empty((sweeps, batch, classes), dtype), xp.empty((sweeps, batch, hidden), dtype)
    mean, numbered = xp.empty((batch, classes), dtype), sample_indices(sample, batch, xp)
    if batch:
        room, threads = hidden + 3 * classes, min(256, max(32, 1 << (hidden - 1).bit_length()))
        kept = (room + hidden * (classes | 1)) * dtype.itemsize <= _launch.shared_limit(drive)
        words = [*random.words_of(key, xp), *(w for name in ("start", "hidden", "classes") for w in random.purpose_words(name))]
        _launch.launch(
            "networks/boltzmann", "chain", dtype, batch, hidden, classes, settle, sweeps, int(kept), *words, *numbered,
            *map(_array.contiguous, arrays), *([None] if field is None else []), drawn, given, mean,
            grid=(min(batch, _launch.MAX_BLOCKS),), block=(threads,), shared=(room + hidden * (classes | 1) * kept) * dtype.itemsize,
        )  # fmt: skip
    return drawn, given, mean


def one_hot_sample(chance: Numbers, key: Key, sample: Sample) -> Array:
    """One-hot draws (batch, classes) by chances that sum to one."""
    xp = _array.namespace(chance)
    u = random.uniform(key, (len(chance), 1), sample=sample, like=chance)
    number = (u >= chance.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return (number[:, None] == xp.arange(chance.shape[1])[None, :]).astype(chance.dtype)


@accepts_any
def free_energy(visible: Numbers, weights: Real, a: Real, b: Real) -> Array:
    """-log sum_h exp(-E(v, h)) of each sample, (batch,) float64."""
    check_units(weights, a, b, visible=visible)
    xp = _array.namespace(visible)
    v = _array.as_type(visible, np.float64)
    return -(v @ _array.as_type(a, np.float64)) - xp.logaddexp(0.0, v @ _array.as_type(weights, np.float64) + b).sum(axis=1)


@accepts_any
def log_partition(weights: Real, a: Real, b: Real) -> float:
    """log Z, exactly, by all states of the smaller layer.

    Raises
    ------
    ValueError
        If that has more than 20 units.
    """
    check_units(weights, a, b)
    if weights.shape[0] > weights.shape[1]:
        weights, a, b = weights.T, b, a
    bits = (states(weights.shape[0]) + 1) // 2
    log = -free_energy(_array.as_type(bits, np.float64), _array.as_type(weights, np.float64), a, b)
    return float(log.max() + np.log(np.exp(log - log.max()).sum()))


__all__ = ["class_chain", "free_energy", "gibbs", "hidden_chance", "log_partition", "marginals", "probabilities", "states", "visible_chance"]
