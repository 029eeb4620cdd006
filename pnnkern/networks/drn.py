"""Deep resistive networks: layers of nodes joined by conductances, with ideal diodes, that settle where they dissipate least.

The state v of all nodes minimises the power (half of it, less that of the current sources b)::

    E = 1/2 sum_l sum_ij g_ij (u_i - v_j)^2 - sum_j b_j v_j,     u in layer l, v in layer l + 1,

with the input layer clamped, the first half of every hidden layer kept at v >= 0 by its diodes, the other half at v <= 0, and the
output layer free. With all neighbours fixed, the nodes of a layer do not see each other, so a layer steps to its minimum exactly,
``v <- clip((b + sum g u) / sum g)``, and even and odd layers take turns. Kendall et al., arXiv:2006.01981 (2020); Scellier, A fast
algorithm to simulate nonlinear resistive networks, ICML 2024, arXiv:2402.11674.

Nudging joins output node k to a source at the target y_k by a conductance beta: E + beta/2 sum_k (v_k - y_k)^2. Nudged states are kept
as differences from the free state, which have all their digits however small beta is.

Units: conductances in siemens, voltages in volts, currents in amperes; `weights[l]` (n_l, n_{l+1}) >= 0, `biases[l]` (n_{l+1},).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import _array, random
from .._array import Array, accepts_any
from . import _layered
from ._layered import Contrast, Equilibrium


# ---------------------------------------------------------------------------------------------------------------------- set up
def initial(sizes: Sequence[int], key: np.ndarray, *, gain: float = 1.0, dtype: Any = np.float32, like: Any = None) -> list[Array]:
    """Conductances to start from: uniform in +-gain / sqrt(n_l), the negative half set to zero, as in Scellier 2024.

    sizes : nodes of each layer, the input first (twice the pixels, see `encode`). key : of `pnnkern.random`. like : an array on the
    device that is to hold them. Returns a list of (n_l, n_{l+1}).
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes must name at least two layers of one node or more, got {tuple(sizes)}")
    weights = []
    for l, (below, above) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        draws = random.uniform(random.fold_in(key, l), (1, below * above), dtype=dtype, like=like).reshape(below, above)
        weights.append((gain / np.sqrt(below) * (2 * draws - 1)).clip(0).astype(dtype))
    return weights


@accepts_any
def encode(images: Array, gain: float) -> Array:
    """Input voltages (batch, 2 n) for images (batch, n): gain times each pixel, then the same with the other sign.

    With both signs at hand, conductances, which cannot be negative, weigh the input like weights that can.
    """
    if images.ndim != 2:
        raise ValueError(f"images must be (batch, pixels), got shape {images.shape}")
    return _array.namespace(images).concatenate([gain * images, -gain * images], axis=1)


def excitatory(nodes: int) -> int:
    """How many nodes of a hidden layer, the first ones, are kept at or above 0 V: half of them, rounded up."""
    return nodes - nodes // 2


@accepts_any
def nudge_bound(weights: Sequence[Array]) -> float:
    """The largest |beta| at which an output node nudged by -beta still has a minimum: its smallest sum of conductances, in siemens."""
    return float(weights[-1].sum(axis=0, dtype=np.float64).min())


@dataclass
class _Network:
    """Weights, biases, and what follows from the weights alone."""

    weights: list[Array]
    biases: list[Array]

    @cached_property
    def totals(self) -> list[Array]:
        """Sum of the conductances at each node of each layer after the input."""
        own = [w.sum(axis=0) for w in self.weights]
        return [t + self.weights[l + 1].sum(axis=1) if l + 1 < len(own) else t for l, t in enumerate(own)]

    def check(self) -> None:
        """Raises ValueError for a negative conductance and for a node without any."""
        for l, w in enumerate(self.weights):
            smallest = float(w.min(initial=0.0))
            if not smallest >= 0:
                raise ValueError(f"conductances must be 0 or more, the smallest in weights[{l}] is {smallest:g}")
        for l, t in enumerate(self.totals):
            if t.size and not float(t.min()) > 0:
                raise ValueError(f"node {int(t.argmin())} of layer {l + 1} is joined to nothing: all its conductances are 0")

    def drive(self, inputs: Array) -> Array:
        """What the inputs and the sources feed into the first layer, once for all sweeps of all phases."""
        out = inputs @ self.weights[0]
        out += self.biases[0]
        return out

    def project(self, l: int, pull: Array) -> Array:
        """Voltages that the diodes allow."""
        if l == len(self.weights) - 1:
            return pull
        k, out = excitatory(pull.shape[-1]), pull.copy()
        xp = _array.namespace(pull)
        xp.maximum(out[..., :k], 0, out=out[..., :k])
        xp.minimum(out[..., k:], 0, out=out[..., k:])
        return out

    def moved(self, l: int, pull: Array, by: Array) -> Array:
        """project(pull + by) - project(pull), without cancellation."""
        if l == len(self.weights) - 1:
            return by
        xp = _array.namespace(pull)
        k, out = excitatory(pull.shape[-1]), xp.empty_like(by)
        for part, limit in ((slice(None, k), xp.maximum), (slice(k, None), xp.minimum)):
            u, d = pull[..., part], by[..., part]
            out[..., part] = xp.where(limit(u, 0) == u, limit(d, -u), limit(u + d, 0))
        return out

    # ------------------------------------------------------------------------------------------------------------ relaxation
    def relax(self, drive: Array, nudges: np.ndarray, target: Array, start: Sequence[Array] | None, sweeps: int, tolerance: float,
              ) -> tuple[list[Array], list[Array], float]:  # fmt: skip
        """States, pulls and the relative last step, for nudges () or (phases,)."""
        xp, last = _array.namespace(drive), len(self.weights) - 1
        lead = (*nudges.shape, len(drive))
        if start is None:
            states = [xp.zeros((*lead, w.shape[1]), drive.dtype) for w in self.weights]
        else:
            states = [xp.array(xp.broadcast_to(s, (*lead, w.shape[1])), drive.dtype) for s, w in zip(start, self.weights, strict=True)]
        pulls = list(states)
        beta = xp.asarray(nudges, drive.dtype).reshape(*nudges.shape, 1, 1)

        def step(l: int) -> Array:
            pull = _layered.neighbours(l, states, self.weights, drive, self.biases)
            if l < last:
                pull = pull / self.totals[l]
            else:
                pull = (pull + beta * target) / (self.totals[l] + beta)
            pulls[l] = pull
            return self.project(l, pull)

        residual = _layered.sweep(states, step, _layered.order(last + 1), sweeps, tolerance)
        return states, pulls, residual

    def respond(self, states: Sequence[Array], pulls: Sequence[Array], nudges: np.ndarray, target: Array, sweeps: int, tolerance: float,
                ) -> tuple[list[Array], float]:  # fmt: skip
        """Differences (phases, batch, n) that the nudges make to a free state, and the relative last step."""
        xp, last = _array.namespace(target), len(self.weights) - 1
        moved = [xp.zeros((len(nudges), *s.shape), s.dtype) for s in states]
        beta = xp.asarray(nudges, target.dtype).reshape(-1, 1, 1)
        force = beta * (target - states[-1])

        def step(l: int) -> Array:
            pull = _layered.neighbours(l, moved, self.weights, None, None)
            if l < last:
                return self.moved(l, pulls[l], pull / self.totals[l])
            return (pull + force) / (self.totals[l] + beta)

        order = _layered.order(last + 1, from_output=True)
        return moved, _layered.sweep(moved, step, order, sweeps, tolerance)

    def phases(self, inputs: Array, target: Array, nudges: np.ndarray, start: Sequence[Array] | None, sweeps: int, nudged_sweeps: int,
               tolerance: float) -> tuple[list[Array], list[Array], float]:  # fmt: skip
        """Free states, differences (phases, batch, n) and the largest relative last step, by the fused kernel where it fits."""
        drive = self.drive(inputs)
        if _layered.fits(self.weights):
            model = (excitatory(self.weights[1].shape[0]),)
            states, moved, change = _layered.fused(
                "networks/drn", model, drive, self.weights[1], (self.totals[0], self.totals[1]), self.biases[1], nudges, target, start,
                sweeps, nudged_sweeps, tolerance,
            )  # fmt: skip
            return states, moved, float(change.max()) if change.size else 0.0
        states, pulls, residual = self.relax(drive, np.zeros(()), target, start, sweeps, tolerance)
        moved, second = self.respond(states, pulls, nudges, target, nudged_sweeps, tolerance)
        return states, moved, _layered.max_(residual, second)

    # -------------------------------------------------------------------------------------------------------------- learning
    def contrasts(self, inputs: Array, states: Sequence[Array], first: Sequence[Array], second: Sequence[Array], scale: float,
                  ) -> list[Contrast]:  # fmt: skip
        """dE/dg and dE/db of the second phase minus the first, times `scale`, averaged over the batch."""
        xp, out = _array.namespace(inputs), []
        scale = scale / max(1, len(inputs))
        for below, d_below, above, d_above in _layered.pairs(inputs, states, first, second):
            # 1/2 (u - v)^2 changes by (du - dv) (u - v) at the means
            bias = -scale * d_above.sum(axis=0)
            column = scale * (d_above * above).sum(axis=0)
            if d_below is None:
                out.append(Contrast(below, scale * d_above, bias, None, column))
                continue
            row = scale * (d_below * below).sum(axis=0)
            rows, columns = xp.concatenate([below, d_below]), scale * xp.concatenate([d_above, above])
            out.append(Contrast(rows, columns, bias, row, column))
        return out


def _network(inputs: Array, weights: Sequence[Array], biases: Sequence[Array] | None) -> tuple[Array, _Network]:
    inputs, weights, biases = _layered.checked(inputs, weights, biases)
    net = _Network(weights, biases)
    net.check()
    return inputs, net


# ------------------------------------------------------------------------------------------------------------------ relaxation
@accepts_any
def relax(inputs: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, *, nudge: Any = 0.0, target: Array | None = None,
          start: Sequence[Array] | None = None, sweeps: int = 200, tolerance: float | None = None, on_failure: str = "raise",
          ) -> Equilibrium:  # fmt: skip
    """Let a network settle, by exact block steps of even and odd layers in turn.

    inputs : (batch, n_0) volts. weights, biases : see the module; biases are 0 by default.
    nudge : beta in siemens, or (phases,) of them for several phases at once; target : (batch, n_L) volts, needed unless all are 0.
    start : states of the layers after the input to start from, (batch, n_l) or with a leading axis of phases; 0 V by default.
    sweeps : at most so many. tolerance : of the last step, relative to the largest voltage; 1e-5 in float32 and 1e-11 in float64 by
        default; 0 makes exactly `sweeps` sweeps. on_failure : "raise" `ConvergenceError` when not settled, or "flag" it.

    Returns `Equilibrium`, its arrays (batch, n_l), or (phases, batch, n_l). Raises ValueError and TypeError for what does not fit, and
    for a nudge below -`nudge_bound`, where there is no minimum. Source: Scellier 2024, theorem 1 and algorithm 1.
    """
    inputs, net = _network(inputs, weights, biases)
    _layered.check_settings(sweeps, on_failure)
    nudges = _layered.nudges_of(nudge)
    _layered.refuse_unbounded(nudges, nudge_bound(net.weights), BOUND)
    target = _layered.target_like(target, nudges, len(inputs), net.weights)
    limit = _layered.tolerance_of(tolerance, inputs.dtype)
    states, pulls, residual = net.relax(net.drive(inputs), nudges, target, start, sweeps, limit)
    return _layered.judged(states, pulls, residual, sweeps, tolerance, on_failure)


BOUND = "minus the smallest sum of conductances at an output node"


@accepts_any
def respond(free: Equilibrium, weights: Sequence[Array], nudge: Sequence[float], target: Array, *, sweeps: int = 200,
            tolerance: float | None = None, on_failure: str = "raise") -> list[Array]:  # fmt: skip
    """How nudges move a free state: the differences themselves are relaxed, so nothing cancels however small beta is.

    free : from `relax` without a nudge. nudge : (phases,) in siemens. Other arguments as for `relax`.
    Returns the differences (phases, batch, n_l) of the layers after the input.
    """
    nudges = np.atleast_1d(_layered.nudges_of(nudge))
    _layered.check_settings(sweeps, on_failure)
    _layered.refuse_unbounded(nudges, nudge_bound(weights), BOUND)
    target = _layered.target_like(target, nudges, len(free.output), weights)
    limit = _layered.tolerance_of(tolerance, target.dtype)
    net = _Network([_array.contiguous(w) for w in weights], [])
    moved, residual = net.respond(free.states, free.pulls, nudges, target, sweeps, limit)
    _layered.judged(moved, moved, residual, sweeps, tolerance, on_failure)
    return moved


# ------------------------------------------------------------------------------------------------------------------- figures
@accepts_any
def energy(inputs: Array, states: Sequence[Array], weights: Sequence[Array], biases: Sequence[Array] | None = None, *,
           nudge: float = 0.0, target: Array | None = None) -> Array:  # fmt: skip
    """E + beta C of each sample, (batch,) watts, float64; C is half the squared distance of the output to the target."""
    inputs, net = _network(inputs, weights, biases)
    xp = _array.namespace(inputs)
    below, total = inputs.astype(np.float64), xp.zeros(len(inputs))
    for w, b, v in zip(net.weights, net.biases, states, strict=True):
        w, v = w.astype(np.float64), v.astype(np.float64)
        total += 0.5 * (below**2 @ w.sum(axis=1) + v**2 @ w.sum(axis=0)) - ((below @ w) * v).sum(axis=1) - v @ b.astype(np.float64)
        below = v
    if nudge:
        target = _layered.target_like(target, np.array(nudge), len(inputs), net.weights)
        total += 0.5 * nudge * ((below - target) ** 2).sum(axis=1)
    return total


@accepts_any
def residual(inputs: Array, states: Sequence[Array], weights: Sequence[Array], biases: Sequence[Array] | None = None, *,
             nudge: float = 0.0, target: Array | None = None) -> Array:  # fmt: skip
    """How far each sample is from equilibrium: the largest |v - clip((b + sum g u) / sum g)| of its nodes, (batch,) volts, float64.

    It is zero exactly where Kirchhoff's law holds at every conducting node and every diode that blocks is biased to block.
    """
    inputs, net = _network(inputs, weights, biases)
    xp = _array.namespace(inputs)
    target = _layered.target_like(target, np.array(nudge), len(inputs), net.weights).astype(np.float64)
    net = _Network([w.astype(np.float64) for w in net.weights], [b.astype(np.float64) for b in net.biases])
    states = [s.astype(np.float64) for s in states]
    drive, last, worst = net.drive(inputs.astype(np.float64)), len(states) - 1, xp.zeros(len(inputs))
    for l, v in enumerate(states):
        pull, beta = _layered.neighbours(l, states, net.weights, drive, net.biases), nudge if l == last else 0.0
        if l == last:
            pull = pull + beta * target
        worst = xp.maximum(worst, xp.abs(v - net.project(l, pull / (net.totals[l] + beta))).max(axis=1, initial=0.0))
    return worst


# ------------------------------------------------------------------------------------------------------------------- learning
@accepts_any
def gradient(inputs: Array, target: Array, weights: Sequence[Array], biases: Sequence[Array] | None = None, *, nudges: Any = (-1.0, 1.0),
             sweeps: int = 200, nudged_sweeps: int | None = None, tolerance: float | None = None, on_failure: str = "raise",
             ) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """The estimate of equilibrium propagation of the gradient of the mean over the batch of half the squared error.

    ``(dE/dtheta at nudge b2 - dE/dtheta at nudge b1) / (b2 - b1)``, from the two states' voltage drops and nothing else, computed as
    products of sums and differences: matrix products, no (batch, n, m) array, no difference of squares.

    nudges : (b1, b2), in siemens: (-b, b) centred (error of order b^2), (0, b) and (-b, 0) one-sided (of order b).
    sweeps, nudged_sweeps : at most so many for the free and for each nudged state. Others as for `relax`.

    Returns the gradients of the weights and of the biases, lists like theirs. Scellier and Bengio, Front. Comput. Neurosci. 11, 24
    (2017); Kendall et al. 2020; for the centred form Laborieux et al., Front. Neurosci. 15, 633674 (2021).
    """
    inputs, net = _network(inputs, weights, biases)
    pair = _layered.nudges_of(nudges)
    if pair.shape != (2,) or pair[0] == pair[1]:
        raise ValueError(f"nudges must be two different numbers (b1, b2), got {nudges!r:.80}")
    nudged_sweeps = sweeps if nudged_sweeps is None else nudged_sweeps
    _layered.check_settings(min(sweeps, nudged_sweeps), on_failure)
    _layered.refuse_unbounded(pair, nudge_bound(net.weights), BOUND)
    target = _layered.target_like(target, pair, len(inputs), net.weights)
    limit = _layered.tolerance_of(tolerance, inputs.dtype)
    states, moved, left = net.phases(inputs, target, pair, None, sweeps, nudged_sweeps, limit)
    _layered.judged(states, states, left, sweeps, tolerance, on_failure)
    contrasts = net.contrasts(inputs, states, [m[0] for m in moved], [m[1] for m in moved], 1 / float(pair[1] - pair[0]))
    return [c.gradient() for c in contrasts], [c.bias for c in contrasts]


__all__ = ["encode", "energy", "excitatory", "gradient", "initial", "nudge_bound", "relax", "residual", "respond"]
