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

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _constants, _launch, random
from .._array import Array, Key, Numbers, Real, Sample, Values
from .._checks import number, real, shaped, whole
from .._errors import ConvergenceError
from .._gate import accepts_any, record
from .._updates import Factors
from ._phases import Phases, Relaxed
from ._sweeps import sample_indices
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

    def sums(self, waves: Numbers) -> Array:
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


def _most(x: Array) -> Array:
    """The largest |x|, float64 ()."""
    return _array.largest(_array.namespace(x).abs(x)).astype(np.float64)


def _square(coupling: Array) -> Array:
    """Couplings (N, N), symmetric and without a diagonal, or ValueError."""
    if coupling.ndim != 2 or coupling.shape[0] != coupling.shape[1]:
        raise ValueError(f"coupling must be (N, N), got shape {coupling.shape}")
    _launch.flag(_most(coupling - coupling.T) > 1e-5 * _most(coupling), UNEQUAL)
    _launch.flag(_most(coupling.diagonal()) > 0, OWN)
    return _array.contiguous(coupling)


def _checked(phase: Array, coupling: Any, x: Array | None, y: Array | None, second: Array | None, batch: int | None = None,
             ) -> tuple[Array, _System]:  # fmt: skip
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
    batch = phase.shape[-2] if batch is None else batch
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


def _nudged(nudges: Any, target: Array | None, batch: int, nodes: int, dtype: Any) -> tuple[np.ndarray, Array]:
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


def _force(waves: Array, sums: Array, system: _System) -> Array:
    shape = waves.shape[1:]
    out = _array.namespace(waves).empty(shape, waves.dtype)
    if out.size:
        field = system.x if system.x is not None else system.y
        _launch.launch(
            "networks/xy", "force", out.dtype, out.size // shape[-1], shape[-1], 1 if field is None else len(field), waves[0], waves[1],
            sums[0], sums[1], system.x, system.y, system.second, out, threads=out.size,
        )  # fmt: skip
    return out


# --------------------------------------------------------------------------------------------------------- all steps in one launch
NUDGE, HOLD, LINEAR = range(3)  # modes of `respond`, numbered in xy.cuh
THREADS = 512  # of a block, at most


@dataclass(frozen=True)
class _Block:
    """How a block holds a network: `place` 0 with couplings and states in shared memory, 1 with couplings in the GPU's memory, 2 with both."""

    below: int  # oscillators of the first group, 0 for one group
    slices: tuple[int, int]  # threads that share the neighbours of an oscillator, of the first group and of the second
    threads: int
    place: int
    shared: int  # bytes
    room: int  # values beside the couplings

    @classmethod
    def of(cls, system: _System, nodes: int, like: Array, values: int) -> "_Block":
        """values : of each oscillator, beside its sums. The layout is that of xy.cuh's `xy_make`."""
        below, weights = 0, nodes * nodes
        if isinstance(system.coupling, Between):
            below, above = system.coupling.weights.shape
            weights = below * (above | 1)  # rows of an odd length, so that columns lie in different banks
        first = below or nodes
        threads = min(THREADS, max(64, 1 << (2 * nodes - 1).bit_length()))
        slices = _slices(first, nodes - below, threads), _slices(nodes - first, first, threads)
        room = values * nodes + 32 + 2 * (slices[0] * first + slices[1] * (nodes - first))
        limit, size = _launch.shared_limit(like), like.dtype.itemsize
        place = 0 if (weights + room) * size <= limit else 1 if room * size <= limit else 2
        return cls(below, slices, threads, place, size * (weights * (place == 0) + room * (place < 2)), room)

    def launch(self, verb: str, coupling: Any, rows: int, like: Array, before: tuple[Any, ...], settings: tuple[Any, ...],
               after: tuple[Any, ...]) -> None:  # fmt: skip
        xp, grid = _array.namespace(like), min(rows, _launch.MAX_BLOCKS)
        weights, across, workspace = coupling, None, None
        if isinstance(coupling, Between):
            weights = _array.contiguous(coupling.weights)
            across = xp.ascontiguousarray(weights.T) if self.place else None
        if self.place == 2:
            grid = min(grid, 512)
            workspace = xp.empty(grid * self.room, like.dtype)
        _launch.launch(
            "networks/xy", verb, like.dtype, *before, self.below, after[0], *self.slices, settings[0], self.place, *settings[1:], weights,
            across, *after[1:], workspace, grid=(grid,), block=(self.threads,), shared=self.shared,
        )  # fmt: skip


def _slices(targets: int, neighbours: int, threads: int) -> int:
    """As many as there are threads for, and no more than leave each at least as many neighbours as there are then sums to add."""
    return max(1, min(threads // max(1, targets), math.isqrt(neighbours)))


def _relaxed(start: Array, shape: tuple[int, ...], system: _System, nudges: Array | None, target: Array | None, step: float, steps: int,
             tolerance: float | None, slopes: Array | None, detuning: Array | None, outputs: int = 0,
             ) -> tuple[Array, Array, Array]:  # fmt: skip
    """Phases of `shape` after all steps, cosines of the last `outputs` of them, and the force that is left of each row."""
    xp, dtype, (batch, nodes) = _array.namespace(start), start.dtype, shape[-2:]
    rows, field = math.prod(shape[:-1]), system.x if system.x is not None else system.y
    phase, left = xp.empty(shape, dtype), xp.empty(rows, dtype)
    output = xp.empty((*shape[:-1], outputs), dtype)
    outputs = outputs if target is None else target.shape[1]
    if phase.size:
        _Block.of(system, nodes, start, 3).launch(
            "relax", system.coupling, rows, start, (rows, 1 if field is None else len(field), batch, start.size // nodes, nodes),
            (steps, 0.0 if tolerance == 0 else _limit(tolerance, dtype), float(step)),
            (outputs, system.x, system.y, system.second, slopes, detuning, nudges, target, start, phase, output if output.size else None, left),
        )  # fmt: skip
    return phase, output, left


def _warmed(start: Array, shape: tuple[int, ...], system: _System, nudges: Array | None, target: Array | None, step: float, steps: int,
            temperature: float, key: Any, sample: Any, slopes: Array | None, detuning: Array | None) -> Array:  # fmt: skip
    """Phases of `shape` after all steps in a bath. All phases of a sample have the same noise."""
    xp, (batch, nodes) = _array.namespace(start), shape[-2:]
    rows, field = math.prod(shape[:-1]), system.x if system.x is not None else system.y
    phase, numbered = xp.empty(shape, start.dtype), sample_indices(sample, batch, xp)
    if phase.size:
        _Block.of(system, nodes, start, 3).launch(
            "warm", system.coupling, rows, start, (rows, 1 if field is None else len(field), batch, start.size // nodes, nodes),
            (steps, math.sqrt(2 * temperature * step), float(step), *random.words_of(key, xp), *numbered),
            (0 if target is None else target.shape[1], system.x, system.y, system.second, slopes, detuning, nudges, target, start, phase),
        )  # fmt: skip
    return phase


def _moved(mode: int, phase: Array, system: _System, nudges: Array, target: Array, step: float, steps: int, tolerance: float | None,
           slopes: Array | None) -> tuple[Array, Array, Array]:  # fmt: skip
    """How far free phases (batch, N) move (phases, batch, N), their output cosines, and the force that is left of each row."""
    xp, dtype, (batch, nodes) = _array.namespace(phase), phase.dtype, phase.shape
    rows, field = len(nudges) * batch, system.x if system.x is not None else system.y
    moved, left, output = xp.empty((len(nudges), batch, nodes), dtype), xp.empty(rows, dtype), xp.empty(target.shape, dtype)
    if moved.size:
        _Block.of(system, nodes, phase, 7).launch(
            "respond", system.coupling, rows, phase, (rows, 1 if field is None else len(field), batch, mode, nodes),
            (steps, 0.0 if tolerance == 0 else _limit(tolerance, dtype), float(step)),
            (target.shape[1], system.x, system.y, system.second, slopes, nudges, target, phase, moved, output, left),
        )  # fmt: skip
    return moved, output, left


@accepts_any
def force(
    phase: Numbers, coupling: Numbers | Between, *, x: Numbers | None = None, y: Numbers | None = None, second: Numbers | None = None
) -> Array:
    """-dE/dphase, by two matrix products.

    Parameters
    ----------
    phase : Array
        (batch, N) radians.
    coupling
        (N, N), symmetric, no diagonal; or `Between`.
    x, y : Array | None
        Fields (N,) or (batch, N), 0 by default.
    second : Array | None
        K (N,), 0 by default.

    Returns
    -------
    Array
        An array like `phase`, in the unit of the couplings.

    Raises
    ------
    ValueError, TypeError
        .
    """
    phase, system = _checked(phase, coupling, x, y, second)
    waves = _waves(phase)
    return _force(waves, _sums(waves, system.coupling), system)


@accepts_any
def drive(inputs: Real, weights: Real, biases: Real, others: Real) -> Array:
    """Fields x of all oscillators, (batch, hidden + m): ``inputs @ weights + biases`` of the first ones, and those of all `others` as given.

    Parameters
    ----------
    inputs : Real
        (batch, n).
    weights : Real
        (n, hidden).
    biases : Real
        (hidden,).
    others : Real
        (m,). On a GPU a row's bits do not depend on the other rows.
    """
    rows, hidden = shaped("weights", weights, shaped("inputs", inputs, "batch", "n").shape[1], "hidden").shape
    nodes = hidden + len(shaped("others", others, "m"))
    arrays = inputs, weights, shaped("biases", biases, hidden), others
    if len({a.dtype for a in arrays}) > 1:
        raise TypeError(f"inputs, weights, biases and others must be of one dtype, got {', '.join(str(a.dtype) for a in arrays)}")
    xp, batch = _array.namespace(*arrays), len(inputs)
    out = xp.empty((batch, nodes), weights.dtype)
    if out.size:
        _launch.launch(
            "networks/xy", "drive", weights.dtype, batch, rows, hidden, nodes - hidden, *map(_array.contiguous, arrays), out,
            grid=(-(-nodes // 32), min(-(-batch // 16), 65535)), block=(32, 16),
        )  # fmt: skip
    return out


@accepts_any
def energy(phase: Numbers, coupling: Numbers | Between, *, x: Numbers | None = None, y: Numbers | None = None, second: Numbers | None = None,
           nudge: float = 0.0, target: Numbers | None = None) -> Array:  # fmt: skip
    """E + beta C of each sample, (batch,) float64, in the unit of the couplings. Arguments as for `force` and `relax`."""
    phase, system = _checked(phase, coupling, x, y, second)
    values, target = _nudged(nudge, target, phase.shape[-2], phase.shape[-1], phase.dtype)
    xp, phase = _array.namespace(phase), _array.as_type(phase, np.float64)
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
def relax(
    phase: Numbers, coupling: Numbers | Between, *, x: Numbers | None = None, y: Numbers | None = None, second: Numbers | None = None,
    nudge: Values | None = None, target: Numbers | None = None, step: float = 0.1, steps: int = 1000, tolerance: float | None = None,
    temperature: float = 0.0, key: Key | None = None, sample: Sample = 0, slopes: Numbers | None = None, detuning: Numbers | None = None,
    on_failure: str = "raise",
) -> Equilibrium:  # fmt: skip
    """Let phases move down the energy from `phase`, by ``phase + step * force``, until no force is left.

    Parameters
    ----------
    phase : Array
        Where to start, (batch, N).
    coupling, x, y, second
        As for `force`.
    nudge
        (phases,) of beta, or one; None for none, and then the result has no axis of phases.
    target : Array | None
        (batch, outputs), of the cosines of the last oscillators.
    step : float
        Of time, below about 1 over the largest sum of couplings.
    steps : int
        At most so many.
    tolerance : float | None
        Of the largest force, relative to the largest sum of couplings and fields at a node; 1e-4 in float32 and 1e-9 in float64 by default; 0
        makes exactly `steps` steps.
    temperature : float
        T of a bath, in units of the energy: each step adds noise of variance ``2 T step`` (Langevin); needs a key, and makes exactly `steps`
        steps; with slopes of variance ``2 T slope step``.
    key, sample
        Of `pnnkern.random`.
    slopes, detuning : Array | None
        (N,), 1 and 0 by default; detuning in the unit of the couplings.
    on_failure : str
        "raise" `ConvergenceError`, or "flag" it.
    """
    phase, system = _checked(phase, coupling, x, y, second)
    check_settings(steps, on_failure)
    step, temperature = number("step", step, positive=True), number("temperature", temperature)
    if temperature:
        key = random.require_key(key, "the noise of a temperature above 0 is random")
    dtype = phase.dtype
    values, target = _nudged(0.0 if nudge is None else nudge, target, phase.shape[-2], phase.shape[-1], dtype)
    beta = None if nudge is None or target is None else _constants.constant(values, dtype, phase)
    target = None if beta is None else target
    own = _own(slopes, detuning, phase)
    shape = phase.shape if nudge is None else (len(values), *phase.shape[-2:])
    if temperature:
        state = _warmed(phase, shape, system, beta, target, step, steps, temperature, key, sample, *own)
        return Equilibrium(state, left=np.inf, limit=_limit(None, dtype))
    state, _, left = _relaxed(phase, shape, system, beta, target, step, steps, tolerance, *own)
    return Equilibrium(state, left=left, limit=_settled(left, steps, tolerance, dtype, on_failure))


@accepts_any
def respond(phase: Numbers, coupling: Numbers | Between, *, x: Numbers | None = None, y: Numbers | None = None, second: Numbers | None = None,
            nudges: Values, target: Numbers, hold: bool = False, step: float = 0.1, steps: int = 1000, tolerance: float | None = None,
            slopes: Numbers | None = None, detuning: Numbers | None = None, on_failure: str = "raise") -> Phases:  # fmt: skip
    """How nudges move a free state: the differences of the phases themselves relax, under differences of forces in product form.

    Of the result, ``states[0]`` is the free state and ``moved[0]`` (phases, batch, N) radians; its output is the cosines of the last ones.

    Parameters
    ----------
    phase : Array
        The free state, from `relax`.
    nudges
        (phases,) of beta. The forces that `phase` has left are left out, and with them the detuning, which no nudge changes.
    hold : bool
        Instead of being nudged, the output cosines are held at ``cos + beta (target - cos)``, cut to -1 .. 1, whatever beta; a phase keeps to
        its half of the circle.

    Notes
    -----
    Others as for `relax`.
    """
    phase, system = _checked(shaped("phase", phase, "batch", "N"), coupling, x, y, second)
    check_settings(steps, on_failure)
    values, target = _nudged(nudges, target, phase.shape[0], phase.shape[1], phase.dtype)
    slopes, _ = _own(slopes, detuning, phase)
    beta = _constants.constant(values, phase.dtype, phase)
    moved, output, left = _moved(HOLD if hold else NUDGE, phase, system, beta, target, step, steps, tolerance, slopes)
    limit = _settled(left, steps, tolerance, phase.dtype, on_failure)
    return Phases(None, [phase], [moved], output, left=left, limit=limit)


@accepts_any
def phases(
    phase: Numbers, coupling: Numbers | Between, *, x: Numbers | None = None, y: Numbers | None = None, second: Numbers | None = None,
    outputs: int, nudges: Values = (), target: Numbers | None = None, hold: bool = False, step: float = 0.1, steps: int = 1000,
    nudged_steps: int | None = None, tolerance: float | None = None, slopes: Numbers | None = None, detuning: Numbers | None = None,
    on_failure: str = "raise",
) -> Phases:  # fmt: skip
    """The free state that `relax` finds from `phase`, and how far nudges move it, as `respond` does, in `nudged_steps` (`steps` by default).

    Parameters
    ----------
    phase : Array
        Where to start, (batch, N), or (N,) for all.
    outputs : int
        How many of the last oscillators are outputs, as many as targets are.
    nudges
        (phases,) of beta; none for the free state alone, and then no target is needed.

    Notes
    -----
    Others as for `relax` and `respond`.
    """
    if phase.ndim == 1:
        phase = phase[None]
        batch = next((len(a) for a in (target, x, y) if a is not None and a.ndim == 2), 1)
    else:
        batch = len(shaped("phase", phase, "batch", "N"))
    start, system = _checked(phase, coupling, x, y, second, batch)
    for count in (steps, steps if nudged_steps is None else nudged_steps):
        check_settings(count, on_failure)
    step, shape, dtype = number("step", step, positive=True), (batch, start.shape[-1]), start.dtype
    values, target = _nudged(nudges, target, *shape, dtype)
    outputs = whole("outputs", outputs, most=shape[1])
    if len(values) and target is None:
        raise ValueError("nudges need a target")
    if target is not None and target.shape[1] != outputs:
        raise ValueError(f"target must be ({batch}, {outputs}), got shape {target.shape}")
    slopes, detuning = _own(slopes, detuning, start)
    free, output, left = _relaxed(start, shape, system, None, None, step, steps, tolerance, slopes, detuning, outputs)
    limit = _settled(left, steps, tolerance, dtype, on_failure)
    if not len(values):
        return Phases(None, [free], [free[None][:0]], output, left=left, limit=limit)
    beta, how = _constants.constant(values, dtype, free), (nudged_steps or steps, tolerance)
    moved, _, left = _moved(HOLD if hold else NUDGE, free, system, beta, target, step, *how, slopes)
    return Phases(None, [free], [moved], output, left=left, limit=_settled(left, how[0], tolerance, dtype, on_failure))


def _own(slopes: Array | None, detuning: Array | None, phase: Array) -> tuple[Array | None, Array | None]:
    """What oscillators (..., N) have of their own, in their dtype. Raises TypeError or ValueError for what is no (N,) numbers, or no slope."""
    n, dtype = phase.shape[-1], phase.dtype
    if slopes is not None:
        slopes = _array.contiguous(shaped("slopes", real("slopes", slopes), n).astype(dtype, copy=False))
        _launch.flag(~((slopes > 0) & _array.namespace(slopes).isfinite(slopes)).all(), FLAT)
    if detuning is not None:
        detuning = _array.contiguous(shaped("detuning", real("detuning", detuning), n).astype(dtype, copy=False))
    return slopes, detuning


def _limit(tolerance: float | None, dtype: Any) -> float:
    return tolerance_of(tolerance, dtype, TOLERANCE) or TOLERANCE[np.dtype(dtype).name]


def _settled(left: Array, steps: int, tolerance: float | None, dtype: Any, on_failure: str) -> float:
    """The limit of what may be left; raises `ConvergenceError` if it should and more is."""
    limit = _limit(tolerance, dtype)
    if on_failure == "raise" and tolerance != 0 and not (most := float(_array.largest(left))) <= limit:
        raise ConvergenceError(
            f"the oscillators have not settled after {steps} steps: a force of {most:.1e} of the largest possible one is left, "
            f"{limit:.1e} was asked for; allow more steps, a smaller or larger step, a larger tolerance, or on_failure='flag'"
        )
    return limit


# -------------------------------------------------------------------------------------------------------------------- learning
@accepts_any
def contrast(settled: Phases, a: int, b: int, *, mean: bool = True) -> tuple[Factors, Array, Array, Array]:
    """dE/dparameter of phase b less that of phase a: of J in factors, of x and y for each sample, and of K.

    J : mean over the batch of the derivative by J_ij = J_ji, -<cos(phi_i - phi_j)>, symmetric; its diagonal is not to be used.
    x, y : (batch, N), -cos and -sin of each sample, not averaged: the fields may be a product of inputs and weights. K : (N,), mean.
    Without `mean` those of J and K are sums over the batch.
    """
    nodes, batch = settled.states[0].shape[-1], max(1, len(settled.states[0]))
    factors, dx, dy, _, harmonic = _contrast(settled, a, b, nodes, 0, 1 / batch if mean else 1.0)
    return factors, dx, dy, harmonic


@accepts_any
def contrast_between(settled: Phases, a: int, b: int, below: int) -> tuple[Factors, Array, Array, Array]:
    """As `contrast` without `mean`, for couplings between the first `below` oscillators and the others.

    Of the couplings in factors of (below, N - below); of x of the first oscillators (batch, below) for each sample, and of x of all as a sum
    over the batch, (N,); of K (N,).
    """
    factors, dx, _, field, harmonic = _contrast(settled, a, b, below, below, 1.0)
    return factors, dx, field, harmonic


def _contrast(settled: Phases, a: int, b: int, firsts: int, start: int, scale: float) -> tuple[Factors, Array, Any, Array, Array]:
    """Factors of the first `firsts` nodes and of those from `start` on; of x and y of the first ones, of x as sums, and of K."""
    if len(settled.states) != 1:
        raise ValueError(f"phases of oscillators have one array of states, got {len(settled.states)}")
    (free,), (moved,) = settled.numbered(a, b)
    xp, dtype, (batch, nodes) = _array.namespace(free), free.dtype, free.shape
    if not 1 <= firsts <= nodes:
        raise ValueError(f"below must be from 1 to {nodes}, got {firsts}")
    first, second = xp.empty((4 * batch, firsts), dtype), xp.empty((4 * batch, nodes - start), dtype)
    dx, dy = xp.empty((batch, firsts), dtype), xp.empty((batch, firsts), dtype) if start == 0 else None
    field, harmonic = xp.empty(nodes, dtype), xp.empty(nodes, dtype)
    ends = (None if p == 0 else _array.contiguous(moved[p - 1]) for p in (a, b))
    _launch.launch(
        "networks/xy", "contrast", dtype, batch, nodes, firsts, start, scale, _array.contiguous(free), *ends, first, second, dx, dy, field,
        harmonic, grid=(min(-(-nodes // 32), _launch.MAX_BLOCKS),), block=(32, 8),
    )  # fmt: skip
    return Factors(first, second), dx, dy, field, harmonic


@accepts_any
def relax_vjp(cotangent: Numbers, phase: Numbers, coupling: Numbers | Between, *, x: Numbers | None = None, y: Numbers | None = None,
              second: Numbers | None = None, step: float = 0.1, steps: int = 1000, tolerance: float | None = None, on_failure: str = "raise",
              ) -> tuple[Factors, Array, Array, Array]:  # fmt: skip
    """The exact derivative of the free output cosines, for their cotangent (batch, outputs): of J, x, y and K as in `contrast`, but sums.

    By the implicit function theorem: the response of all phases to the cotangent's force, relaxed under the slopes of the forces.

    Parameters
    ----------
    phase : Array
        The free state, from `relax`.

    Notes
    -----
    Others as for `respond`.
    """
    phase, system = _checked(shaped("phase", phase, "batch", "N"), coupling, x, y, second)
    check_settings(steps, on_failure)
    values, cotangent = _nudged(1.0, cotangent, phase.shape[0], phase.shape[1], phase.dtype)
    one = _constants.constant(values, phase.dtype, phase)
    (response,), _, left = _moved(LINEAR, phase, system, one, cotangent, number("step", step, positive=True), steps, tolerance, None)
    _settled(left, steps, tolerance, phase.dtype, on_failure)
    c, s = _waves(phase)
    dc, ds, concatenate = -s * response, c * response, _array.namespace(phase).concatenate
    factors = Factors(concatenate([c, dc, s, ds]), -concatenate([dc, c, ds, s]))
    return factors, -dc, -ds, -(2 * c * dc).sum(axis=0)  # cos(2 phi) = 2 cos^2 - 1


__all__ = [
    "Between", "Equilibrium", "Phases", "contrast", "contrast_between", "drive", "energy", "force", "phases", "relax", "relax_vjp", "respond",
]  # fmt: skip
