"""Networks of coupled oscillators: the XY model, and with a second harmonic the oscillator Ising machine.

The phases phi of N oscillators relax down the energy::

    E = - sum_{i<j} J_ij cos(phi_i - phi_j) - sum_i [x_i cos phi_i + y_i sin phi_i] - 1/2 sum_i K_i cos(2 phi_i),     dphi/dt = -dE/dphi.

Oscillators that are not alike follow ``dphi/dt = detuning - slope dE/dphi``: each has a frequency of its own, in the frame of the others,
and answers to a force more or less. They lock where ``dE/dphi = detuning / slope``, if there is such a place.

J (N, N) is symmetric with no diagonal. (x, y) is the field of sources outside: of strength b and direction psi, x = b cos psi and
y = b sin psi. K > 0 draws phases to 0 and pi, the two states of a spin. Couplings are in rad/s (or the time's unit), phases in radians.

Since sin(a - b) = sin a cos b - cos a sin b, all forces are two matrix products, of cosines and of sines with J.

The last oscillators may be outputs, read as cos phi and nudged with beta |cos phi - target|^2 / 2. Wang, Wanjura and Marquardt, Training
coupled phase oscillators as a neuromorphic platform using equilibrium propagation, arXiv:2402.08579 (2024); with the second harmonic
Gower, How to train an oscillator Ising machine using equilibrium propagation, arXiv:2505.02103 (2025).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _constants, _launch, random
from .._array import Array
from .._checks import number, real, shaped
from .._errors import ConvergenceError
from .._gate import accepts_any, record
from .._updates import Factors
from ._phases import Phases, Relaxed
from .layered import FLAT, check_settings, tolerance_of

TOLERANCE = {"float32": 1e-4, "float64": 1e-9}  # of the largest force, relative to the largest sum of couplings and fields of a node

UNEQUAL = _launch.fault(68, "coupling must be symmetric: oscillators that pull each other unequally have no energy")
OWN = _launch.fault(69, "coupling must have no diagonal: an oscillator does not pull itself")


@record
@dataclass(frozen=True)
class Equilibrium(Relaxed):
    """Phases (batch, N), or (phases, batch, N). residual : the largest force left, relative to the largest possible one."""

    phase: Array


@accepts_any
@dataclass(frozen=True)
class Between:
    """Couplings of two groups of oscillators with each other and none within: (n1, n2), of the first n1 with the last n2. NumPy or CuPy.

    Stands for the (N, N) array wherever one is asked for, and costs n1 n2 instead of N^2.
    """

    weights: Array

    def __post_init__(self) -> None:
        if not _array.is_array(self.weights):
            raise TypeError(f"couplings between two groups must be an array, got {type(self.weights).__name__}")
        if self.weights.ndim != 2:
            raise ValueError(f"couplings between two groups must be (n1, n2), got shape {self.weights.shape}")

    def sums(self, waves: Array) -> Array:
        """waves @ the whole array, for (rows, N)."""
        shaped("waves", waves, "rows", sum(self.weights.shape))
        first = len(self.weights)
        out = _array.namespace(waves).empty_like(waves)
        out[:, :first] = waves[:, first:] @ self.weights.T
        out[:, first:] = waves[:, :first] @ self.weights
        return out


# ---------------------------------------------------------------------------------------------------------------------- checks
@dataclass(frozen=True)
class _System:
    coupling: Any  # (N, N), or Between
    x: Array | None
    y: Array | None
    second: Array | None

    def largest(self) -> Array:
        """The largest force that any node could feel, float64 (); 1 if that is none."""
        if isinstance(self.coupling, Between):
            xp, size = _array.namespace(self.coupling.weights), abs(self.coupling.weights)
            total = xp.concatenate([size.sum(axis=1), size.sum(axis=0)])
        else:
            xp = _array.namespace(self.coupling)
            total = xp.abs(self.coupling).sum(axis=0)
        for field in (self.x, self.y):
            if field is not None and field.size:
                total = total + xp.abs(field).max(axis=0)
        if self.second is not None:
            total = total + xp.abs(self.second)
        return _or_one(total.astype(np.float64))


def _most(x: Array) -> Array:
    """The largest |x|, float64 ()."""
    return _array.largest(_array.namespace(x).abs(x)).astype(np.float64)


def _or_one(x: Array) -> Array:
    """The largest |x|, float64 (), or 1 where that is 0."""
    most = _most(x)
    return _array.namespace(x).where(most != 0, most, 1.0)


def _square(coupling: Array) -> Array:
    """Couplings (N, N), symmetric and without a diagonal, or ValueError."""
    if coupling.ndim != 2 or coupling.shape[0] != coupling.shape[1]:
        raise ValueError(f"coupling must be (N, N), got shape {coupling.shape}")
    _launch.flag(_most(coupling - coupling.T) > 1e-5 * _most(coupling), UNEQUAL)
    _launch.flag(_most(coupling.diagonal()) > 0, OWN)
    return _array.contiguous(coupling)


def _checked(phase: Array, coupling: Any, x: Array | None, y: Array | None, second: Array | None) -> tuple[Array, _System]:
    couplings = coupling.weights if isinstance(coupling, Between) else coupling
    if not _array.is_array(couplings):
        raise TypeError(f"coupling must be an array (N, N) or Between, got {type(coupling).__name__}")
    dtype, xp = couplings.dtype, _array.namespace(phase, couplings)
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"coupling must be float32 or float64, got {dtype}")
    if isinstance(coupling, Between):
        nodes = sum(couplings.shape)
    else:
        coupling = _square(coupling)
        nodes = len(coupling)
    if real("phase", phase).ndim not in (2, 3) or phase.shape[-1] != nodes:
        raise ValueError(f"phase must be (batch, {nodes}), got shape {phase.shape}")
    batch = phase.shape[-2]
    fields: list[Any] = []
    for name, field in (("x", x), ("y", y)):
        if field is not None:
            if real(name, field).shape not in ((nodes,), (batch, nodes)):
                raise ValueError(f"{name} must be ({nodes},) or ({batch}, {nodes}), got shape {field.shape}")
            field = _array.contiguous(field.astype(dtype, copy=False).reshape(-1, nodes))
        fields.append(field)
    if all(f is not None for f in fields) and fields[0].shape != fields[1].shape:
        fields = [_array.contiguous(xp.broadcast_to(f, (batch, nodes))) for f in fields]
    if second is not None:
        second = shaped("second", real("second", second), nodes)
        second = _array.contiguous(second.astype(dtype, copy=False))
    return _array.contiguous(phase.astype(dtype, copy=False)), _System(coupling, fields[0], fields[1], second)


def _nudged(nudges: Any, target: Array | None, batch: int, nodes: int, dtype: Any) -> tuple[np.ndarray, Array | None]:
    values = np.atleast_1d(real("nudges", np.asarray(nudges)).astype(np.float64))
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"nudges must be finite numbers, one for each phase, got {nudges!r:.80}")
    if target is None:
        if values.any():
            raise ValueError("a nudge other than 0 needs a target")
        return values, None
    if real("target", target).ndim != 2 or len(target) != batch or not 1 <= target.shape[1] <= nodes:
        raise ValueError(f"target must be ({batch}, outputs) with 1 to {nodes} outputs, got shape {target.shape}")
    return values, _array.contiguous(target.astype(dtype, copy=False))


# --------------------------------------------------------------------------------------------------------------------- physics
def _waves(phase: Array) -> Array:
    """Cosines and sines, (2, *phase.shape)."""
    out = _array.namespace(phase).empty((2, *phase.shape), phase.dtype)
    if phase.size:
        _launch.launch("networks/xy", "waves", phase.dtype, phase.size, phase, out[0], out[1], threads=phase.size)
    return out


def _sums(waves: Array, coupling: Any) -> Array:
    """Both products with the couplings, as one."""
    flat = waves.reshape(-1, waves.shape[-1])
    return (coupling.sums(flat) if isinstance(coupling, Between) else flat @ coupling).reshape(waves.shape)


def _force(waves: Array, sums: Array, system: _System, nudges: Array | None, target: Array | None) -> Array:
    shape = waves.shape[1:]
    out = _array.namespace(waves).empty(shape, waves.dtype)
    if out.size:
        field = system.x if system.x is not None else system.y
        rows, nodes = out.size // shape[-1], shape[-1]
        outputs = 0 if target is None else target.shape[1]
        _launch.launch(
            "networks/xy", "force", out.dtype, rows, nodes, 1 if field is None else len(field), shape[-2], outputs, waves[0], waves[1],
            sums[0], sums[1], system.x, system.y, system.second, nudges, target, out, threads=out.size,
        )  # fmt: skip
    return out


@accepts_any
def force(phase: Array, coupling: Any, *, x: Array | None = None, y: Array | None = None, second: Array | None = None) -> Array:
    """-dE/dphase, by two matrix products.

    phase : (batch, N) radians. coupling : (N, N), symmetric, no diagonal; or `Between`. x, y : fields (N,) or (batch, N), 0 by default.
    second : K (N,), 0 by default. Returns an array like `phase`, in the unit of the couplings. Raises ValueError and TypeError.
    """
    phase, system = _checked(phase, coupling, x, y, second)
    waves = _waves(phase)
    return _force(waves, _sums(waves, system.coupling), system, None, None)


@accepts_any
def energy(phase: Array, coupling: Any, *, x: Array | None = None, y: Array | None = None, second: Array | None = None,
           nudge: float = 0.0, target: Array | None = None) -> Array:  # fmt: skip
    """E + beta C of each sample, (batch,) float64, in the unit of the couplings. Arguments as for `force` and `relax`."""
    phase, system = _checked(phase, coupling, x, y, second)
    values, target = _nudged(nudge, target, phase.shape[-2], phase.shape[-1], phase.dtype)
    xp, phase = _array.namespace(phase), phase.astype(np.float64)
    c, s = xp.cos(phase), xp.sin(phase)
    if isinstance(system.coupling, Between):
        J: Any = Between(system.coupling.weights.astype(np.float64))
    else:
        J = system.coupling.astype(np.float64)
    total = -0.5 * (_sums(c, J) * c + _sums(s, J) * s).sum(axis=-1)
    for field, wave in ((system.x, c), (system.y, s)):
        if field is not None:
            total -= (field * wave).sum(axis=-1)
    if system.second is not None:
        total -= 0.5 * (system.second * xp.cos(2 * phase)).sum(axis=-1)
    if target is not None:
        total += 0.5 * float(values[0]) * ((c[..., c.shape[-1] - target.shape[1] :] - target) ** 2).sum(axis=-1)
    return total


@accepts_any
def relax(phase: Array, coupling: Any, *, x: Array | None = None, y: Array | None = None, second: Array | None = None, nudge: Any = None,
          target: Array | None = None, step: float = 0.1, steps: int = 1000, tolerance: float | None = None, temperature: float = 0.0,
          key: Any = None, sample: Any = 0, slopes: Array | None = None, detuning: Array | None = None, on_failure: str = "raise",
          ) -> Equilibrium:  # fmt: skip
    """Let phases move down the energy from `phase`, by ``phase + step * force``, until no force is left.

    phase : where to start, (batch, N). coupling, x, y, second : as for `force`. nudge : (phases,) of beta, or one; None for none, and
        then the result has no axis of phases. target : (batch, outputs), of the cosines of the last oscillators.
    step : of time, below about 1 over the largest sum of couplings. steps : at most so many. tolerance : of the largest force, relative to
        the largest sum of couplings and fields at a node; 1e-4 in float32 and 1e-9 in float64 by default; 0 makes exactly `steps` steps.
    temperature : T of a bath, in units of the energy: each step adds noise of variance ``2 T step`` (Langevin); needs a key, and makes
        exactly `steps` steps; with slopes of variance ``2 T slope step``. key, sample : of `pnnkern.random`.
    slopes, detuning : (N,), 1 and 0 by default; detuning in the unit of the couplings. on_failure : "raise" `ConvergenceError`, or "flag" it.
    """
    phase, system = _checked(phase, coupling, x, y, second)
    check_settings(steps, on_failure)
    step, temperature = number("step", step, positive=True), number("temperature", temperature)
    if temperature:
        random.require_key(key, "the noise of a temperature above 0 is random")
    xp, dtype = _array.namespace(phase), phase.dtype
    values, target = _nudged(0.0 if nudge is None else nudge, target, phase.shape[-2], phase.shape[-1], dtype)
    scale, limit = system.largest(), _limit(tolerance, dtype)
    state = xp.array(phase) if nudge is None else xp.array(xp.broadcast_to(phase, (len(values), *phase.shape[-2:])))
    beta = None if nudge is None or target is None else _constants.constant(values, dtype, phase)
    target = None if beta is None else target
    slopes, detuning = _own(slopes, detuning, state)
    left: Any = np.inf
    for n in range(steps):
        waves = _waves(state)
        push = _force(waves, _sums(waves, system.coupling), system, beta, target)
        push = push if slopes is None else slopes * push
        push = push if detuning is None else detuning + push
        state += step * push
        if temperature:
            draws = random.normal(random.fold_in(key, n), (phase.shape[-2], phase.shape[-1]), sample=sample, dtype=dtype, like=state)
            draws = draws if slopes is None else xp.sqrt(slopes) * draws
            state += np.sqrt(2 * temperature * step).astype(dtype) * draws
        elif tolerance != 0 or n == steps - 1:
            left = _most(push) / scale
            if tolerance != 0 and left <= limit:
                break
    if not temperature:
        _refuse_unsettled(left, limit, steps, tolerance, on_failure)
    return Equilibrium(state, left=left, limit=limit)


@accepts_any
def respond(phase: Array, coupling: Any, *, x: Array | None = None, y: Array | None = None, second: Array | None = None,
            nudges: Any, target: Array, hold: bool = False, step: float = 0.1, steps: int = 1000, tolerance: float | None = None,
            slopes: Array | None = None, detuning: Array | None = None, on_failure: str = "raise") -> Phases:  # fmt: skip
    """How nudges move a free state: the differences of the phases themselves relax, under differences of forces in product form.

    Of the result, ``states[0]`` is the free state and ``moved[0]`` (phases, batch, N) radians; its output is the cosines of the last ones.

    phase : the free state, from `relax`. nudges : (phases,) of beta. The forces that `phase` has left are left out, and with
        them the detuning, which no nudge changes. Others as for `relax`.
    hold : instead of being nudged, the output cosines are held at ``cos + beta (target - cos)``, cut to -1 .. 1, whatever beta; a phase
        keeps to its half of the circle.
    """
    phase, system = _checked(shaped("phase", phase, "batch", "N"), coupling, x, y, second)
    check_settings(steps, on_failure)
    values, target = _nudged(nudges, target, phase.shape[0], phase.shape[1], phase.dtype)
    xp, dtype, outputs = _array.namespace(phase), phase.dtype, target.shape[1]
    c, s = waves = _waves(phase)
    X, Y = _sums(waves, system.coupling)
    X = X if system.x is None else X + system.x
    Y = Y if system.y is None else Y + system.y
    beta = _constants.constant(values, dtype, phase).reshape(-1, 1, 1)
    moved, last = xp.zeros((len(values), *phase.shape), dtype), slice(phase.shape[1] - outputs, None)
    free = slice(None, phase.shape[1] - outputs if hold else None)
    limit, left, (slopes, _) = _limit(tolerance, dtype), 0.0, _own(slopes, detuning, phase)
    scale = xp.minimum(system.largest(), _or_one(beta * (target - c[:, last])))  # the force that starts it
    if hold:
        wide, half = phase[:, last].astype(np.float64), xp.where(s[:, last] < 0, -1, 1)
        cosine = xp.cos(wide)
        held = xp.arccos(xp.clip(cosine + beta.astype(np.float64) * (target - cosine), -1, 1))
        moved[..., last] = half * (held - xp.arccos(cosine))
    for n in range(steps):
        dc, ds = _moved_waves(phase, moved)
        dX, dY = _sums(xp.stack([dc, ds]), system.coupling)
        push = dc * Y + (c + dc) * dY - ds * X - (s + ds) * dX
        if hold:
            push[..., last] = 0
        else:
            push[..., last] -= (s + ds)[..., last] * beta * (target - (c + dc)[..., last])
        if system.second is not None:  # sin(2 phi + 2 d) - sin(2 phi)
            pull = 2 * system.second * xp.cos(2 * phase + moved) * xp.sin(moved)
            push[..., free] -= pull[..., free]
        push = push if slopes is None else slopes * push
        moved += step * push
        if tolerance != 0 or n == steps - 1:
            left = _most(push) / scale
            if tolerance != 0 and left <= limit:
                break
    _refuse_unsettled(left, limit, steps, tolerance, on_failure)
    return phases_of(phase, moved, outputs, left=left, limit=limit)


def phases_of(free: Array, moved: Array, outputs: int, *, left: Any, limit: float) -> Phases:
    """Free phases (batch, N) and how far they moved (phases, batch, N); the output is cosines of the last ones, (batch, outputs)."""
    return Phases(None, [free], [moved], _array.namespace(free).cos(free[:, free.shape[1] - outputs :]), left=left, limit=limit)


def _moved_waves(phase: Array, moved: Array) -> tuple[Array, Array]:
    """cos(phase + moved) - cos(phase), and of the sines."""
    xp = _array.namespace(phase)
    middle, sine = phase + moved / 2, xp.sin(moved / 2)
    return -2 * xp.sin(middle) * sine, 2 * xp.cos(middle) * sine


def _own(slopes: Array | None, detuning: Array | None, phase: Array) -> tuple[Array | None, Array | None]:
    """What oscillators (..., N) have of their own, in their dtype. Raises TypeError or ValueError for what is no (N,) numbers, or no slope."""
    n, dtype = phase.shape[-1], phase.dtype
    if slopes is not None:
        slopes = shaped("slopes", real("slopes", slopes), n).astype(dtype, copy=False)
        _launch.flag(~((slopes > 0) & _array.namespace(slopes).isfinite(slopes)).all(), FLAT)
    return slopes, None if detuning is None else shaped("detuning", real("detuning", detuning), n).astype(dtype, copy=False)


def _limit(tolerance: float | None, dtype: Any) -> float:
    return tolerance_of(tolerance, dtype, TOLERANCE) or TOLERANCE[np.dtype(dtype).name]


def _refuse_unsettled(left: Any, limit: float, steps: int, tolerance: float | None, on_failure: str) -> None:
    """Raise `ConvergenceError` if it should and the force that is left is above the limit."""
    if on_failure == "raise" and tolerance != 0 and not left <= limit:
        raise ConvergenceError(
            f"the oscillators have not settled after {steps} steps: a force of {float(left):.1e} of the largest possible one is left, "
            f"{limit:.1e} was asked for; allow more steps, a smaller or larger step, a larger tolerance, or on_failure='flag'"
        )


# -------------------------------------------------------------------------------------------------------------------- learning
@accepts_any
def contrast(settled: Phases, a: int, b: int, *, mean: bool = True) -> tuple[Factors, Array, Array, Array]:
    """dE/dparameter of phase b less that of phase a: of J in factors, of x and y for each sample, and of K.

    J : mean over the batch of the derivative by J_ij = J_ji, -<cos(phi_i - phi_j)>, symmetric; its diagonal is not to be used.
    x, y : (batch, N), -cos and -sin of each sample, not averaged: the fields may be a product of inputs and weights. K : (N,), mean.
    Without `mean` those of J and K are sums over the batch.
    """
    c, dc, s, ds = _waves_between(settled, a, b)
    return _shares(c, dc, s, ds, scale=1 / max(1, len(c)) if mean else 1.0)


def _waves_between(settled: Phases, a: int, b: int) -> tuple[Array, Array, Array, Array]:
    """Means and differences (phase b less a) of cosines and of sines, each (batch, N)."""
    if len(settled.states) != 1:
        raise ValueError(f"phases of oscillators have one array of states, got {len(settled.states)}")
    (middle,), (moved,) = settled.between(a, b)
    xp, half = _array.namespace(middle), moved / 2
    c, s = xp.cos(middle), xp.sin(middle)
    # cos(m + h) + cos(m - h) = 2 cos m cos h,  cos(m + h) - cos(m - h) = -2 sin m sin h
    return c * xp.cos(half), -2 * s * xp.sin(half), s * xp.cos(half), 2 * c * xp.sin(half)


def _shares(c: Array, dc: Array, s: Array, ds: Array, scale: float) -> tuple[Factors, Array, Array, Array]:
    """How dE/dparameter changes with the cosines and sines: by J and K summed over the batch times `scale`."""
    xp = _array.namespace(c)
    factors = Factors(xp.concatenate([c, dc, s, ds]), xp.concatenate([dc, c, ds, s]) * c.dtype.type(-scale))
    return factors, -dc, -ds, -(2 * c * dc).sum(axis=0) * c.dtype.type(scale)  # cos(2 phi) = 2 cos^2 - 1


@accepts_any
def relax_vjp(cotangent: Array, phase: Array, coupling: Any, *, x: Array | None = None, y: Array | None = None,
              second: Array | None = None, step: float = 0.1, steps: int = 1000, tolerance: float | None = None, on_failure: str = "raise",
              ) -> tuple[Factors, Array, Array, Array]:  # fmt: skip
    """The exact derivative of the free output cosines, for their cotangent (batch, outputs): of J, x, y and K as in `contrast`, but sums.

    By the implicit function theorem: the response of all phases to the cotangent's force, relaxed under the slopes of the forces.
    phase : the free state, from `relax`. Others as for `respond`.
    """
    phase, system = _checked(shaped("phase", phase, "batch", "N"), coupling, x, y, second)
    check_settings(steps, on_failure)
    _, cotangent = _nudged(1.0, cotangent, phase.shape[0], phase.shape[1], phase.dtype)
    xp, outputs = _array.namespace(phase), cotangent.shape[1]
    c, s = waves = _waves(phase)
    X, Y = _sums(waves, system.coupling)
    X = X if system.x is None else X + system.x
    Y = Y if system.y is None else Y + system.y
    own, push_out, response = -(s * Y + c * X), xp.zeros_like(phase), xp.zeros_like(phase)
    if system.second is not None:
        own -= 2 * system.second * xp.cos(2 * phase)
    push_out[:, phase.shape[1] - outputs :] = s[:, phase.shape[1] - outputs :] * cotangent  # minus the slope of the cosines
    size, limit, left = _or_one(push_out), _limit(tolerance, phase.dtype), 0.0
    for n in range(steps):
        dX, dY = _sums(xp.stack([-s * response, c * response]), system.coupling)
        push = own * response + c * dY - s * dX + push_out
        response += step * push
        if tolerance != 0 or n == steps - 1:
            left = _most(push) / size
            if tolerance != 0 and left <= limit:
                break
    _refuse_unsettled(left, limit, steps, tolerance, on_failure)
    return _shares(c, -s * response, s, c * response, 1.0)


__all__ = ["Between", "Equilibrium", "Phases", "contrast", "energy", "force", "relax", "relax_vjp", "respond"]
