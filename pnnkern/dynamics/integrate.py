"""ODEs of networks, many samples at a time, in one launch; and the exact derivative of its steps.

    x' = f(x, c, u, theta),     c_i = sum_j w_ij g(x_i, x_j)

for each node i, with rates f and coupling g of your own (`Law`). All steps have one length. Methods: "rk4", Runge and Kutta's of fourth
order; "leapfrog" (half a step of the places, the velocities, half a step of the places), second order, which keeps an energy; "heun", second
order, which takes white noise (Stratonovich's and Ito's are the same, as it is additive). Units are the law's: time in seconds, or in what
its rates are per.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, Key, Numbers, Sample, Values
from .._checks import floats, number, numbers, only, real, whole, wrt_names
from .._gate import accepts_any
from ..random import require_key, words_of
from .couplings import Couplings
from .law import Law

METHODS = {"rk4": (0, 4), "leapfrog": (1, 1), "heun": (2, 2)}  # number in the kernels, and stages
NOT_FINITE = _launch.fault(90, "a state of an ODE is not finite: its step dt is too long, or a force gives NaN or infinity there")
LANES = 64  # samples of a tile of the twins, as in kernels/dynamics/ode.py
WRT = ("state", "parameters", "weights", "drive", "constants")
THREADS = 128  # of a block


@dataclass
class _Call:
    """All arguments of a call, checked, on the device of the states."""

    law: Law
    state: Array
    dt: float
    steps: int
    every: int
    method: int
    stages: int
    parameters: Array
    drive: Array | None
    couplings: Couplings | None
    weights: Array
    sigma: Array | None
    key: Any
    sample0: int
    index: Array | None
    start: int

    @property
    def sizes(self) -> tuple[int, int]:
        return int(self.state.shape[0]), int(self.state.shape[2])

    @property
    def rows(self) -> int:
        """Numbers of a sample's state."""
        return int(self.state.shape[1] * self.state.shape[2])

    def launch(self, stem: str, verb: str, own: Any, between: Sequence[Any], lists: Sequence[Any], behind: Sequence[Any], shared: int) -> None:
        """between : behind `every` or instead of it; behind : the last arguments. shared : numbers that a sample needs at hand on a GPU."""
        xp = _array.namespace(self.state)
        samples, n = self.sizes
        team, teams, grid, room = self._blocks(shared)
        times, channels = (1, 0) if self.drive is None else self.drive.shape[1:]
        key = (0, 0, None) if self.sigma is None else words_of(self.key, xp)
        _launch.launch(
            stem, verb, self.state.dtype, samples, n, self.steps, *between, self.start, self.method, team, times, channels, self.dt,
            self.law._table(self.state), self.parameters, self.weights, *lists, self.drive, int(self.sigma is not None), self.sigma, *key,
            self.sample0, self.index, self.state, *behind, grid=grid, block=(team * teams,), shared=room, own=own,
        )  # fmt: skip

    def _blocks(self, shared: int) -> tuple[int, int, tuple[int], int]:
        """Threads of a sample, samples of a block, the grid, and bytes of shared memory."""
        samples, n = self.sizes
        team = min(1 << max(0, n - 1).bit_length(), THREADS)
        each = shared * self.state.dtype.itemsize
        limit = _launch.shared_limit(self.state)
        if each > limit and _array.on_device(self.state):
            raise ValueError(f"a state of {self.rows} numbers takes {each} bytes of a block's shared memory on a GPU, and there are {limit}")
        teams = max(1, min(THREADS // team, limit // max(each, 1), samples))
        return team, teams, (max(1, min(-(-samples // teams), _launch.MAX_BLOCKS)),), teams * each


@accepts_any
def integrate(
    law: Law, state: Numbers, dt: float, steps: int, *, parameters: Values | None = None, drive: Numbers | None = None,
    couplings: Couplings | None = None, weights: Values | None = None, method: str = "rk4", every: int = 1,
    noise: float | Sequence[float] = 0.0, key: Key | None = None, sample: Sample = 0, start: int = 0,
) -> Array:  # fmt: skip
    """States of networks in the course of time.

    Parameters
    ----------
    law : Law
        The rates of a node.
    state : Array
        (batch, components, nodes), where they begin; float32 or float64, in which all is worked out.
    dt : float
        The step, in the law's unit of time.
    steps : int
        How many.
    parameters
        (parameters, nodes), in the order of `law.parameters`.
    drive : Array | None
        (batch, times, inputs): times is 1 for a constant one, or steps + 1 for values at all steps, with straight lines between; inputs is 1
        for one that all nodes get, or nodes.
    couplings : Couplings | None
        Which nodes feel which.
    weights
        (edges,) of the couplings.
    method : str
        "rk4", "leapfrog" (laws ``{"q": "v", "v": f}``, with f not of v), "heun".
    every : int
        Of so many steps one is kept; it divides `steps`.
    noise : float | Sequence[float]
        With "heun": standard deviation of white noise added to all rates, or of each component, in its unit per root of time.
    key, sample
        Of the noise, and the global number of row 0, or of each row: draws are elements 4 (t nodes + i) + component of the sample, at step t.
    start : int
        The number of the first step for the noise: pieces of a run are the same as the whole.

    Returns
    -------
    Array
        (batch, steps / every, components, nodes): after every, 2 every, ... steps.

    Raises
    ------
    TypeError, ValueError
        For what does not fit, and for what the law takes and is not given.
    FaultError
        Where states are not finite, with the sample, the step and the node (on a GPU at `pnnkern.check()`, without them).
    """
    call = _checked(law, state, dt, steps, parameters, drive, couplings, weights, method, every, noise, key, sample, start)
    law._ready(call.state, back=False)
    out = _solved(call, call.every)
    xp = _array.namespace(out)
    _launch.flag(~xp.isfinite(out[:, -1]).all(), NOT_FINITE, lambda: _said(call, out))
    return out


@accepts_any
def integrate_vjp(
    cotangent: Numbers, law: Law, state: Numbers, dt: float, steps: int, *, parameters: Values | None = None, drive: Numbers | None = None,
    couplings: Couplings | None = None, weights: Values | None = None, method: str = "rk4", every: int = 1,
    noise: float | Sequence[float] = 0.0, key: Key | None = None, sample: Sample = 0, start: int = 0, wrt: str | Sequence[str] = "state",
) -> Any:  # fmt: skip
    """The derivative of `integrate`: of its steps, exact to rounding, not of the ODE.

    Of the way there one state in about sqrt(stages steps) is kept, and the rest made again: for each sample 2 sqrt(stages steps) states.

    Parameters
    ----------
    cotangent : Array
        As the result of `integrate`.
    wrt : str | Sequence[str]
        Of "state", "parameters", "weights", "drive", "constants". Others are those of `integrate`.

    Returns
    -------
    Array | tuple[Array, ...]
        In the order of `wrt`, shaped as what they are by; those by parameters and weights are sums over the batch, and those by constants,
        (constants,) in the order of `law.constants`, over the nodes as well.

    Raises
    ------
    TypeError, ValueError
        As `integrate`; and where a function of the law has no derivative by one of its arguments, or another one.
    """
    names = wrt_names(wrt, WRT)
    call = _checked(law, state, dt, steps, parameters, drive, couplings, weights, method, every, noise, key, sample, start)
    for name, there in (("parameters", law.parameters), ("weights", call.couplings), ("drive", call.drive is not None),
                        ("constants", "constants" in names and law.constants)):  # fmt: skip
        if name in names and not there:
            raise ValueError(f"wrt names {name!r}, of which there are none in this call")
    constants = "constants" in names
    own = law.back(constants)
    law._ready(call.state, back=True, constants=constants)
    xp, real_ = _array.namespace(call.state), call.state.dtype
    shape = (len(call.state), call.steps // call.every, *call.state.shape[1:])
    given = floats("cotangent", cotangent, call.state)
    if given.shape != shape:
        raise ValueError(f"cotangent must be {shape}, as what integrate gives, got shape {given.shape}")
    given = xp.ascontiguousarray(xp.asarray(given, real_))
    segment = max(1, round(math.sqrt(call.steps / call.stages)))
    kept = _solved(call, segment)
    edges = 0 if call.couplings is None else call.couplings.n_edges
    sums = _sums(call, own)
    by_state = xp.empty_like(call.state)
    count = len(law.parameters)
    by_parameters = xp.zeros((sums, count + own.firsts[-1] * constants, call.state.shape[2]), real_)  # and by constants
    by_weights = xp.zeros((sums, edges), real_)
    by_drive = None if call.drive is None or "drive" not in names else xp.zeros_like(call.drive)
    on_device = _array.on_device(call.state)
    history = xp.empty((sums, segment, call.stages, call.rows), real_) if on_device else None
    lists = [None] * 6 if call.couplings is None else call.couplings._on(call.state, "into", "from")
    ends = None if call.couplings is None else call.couplings._ends(call.state)
    both = int(call.couplings is not None and not call.couplings.directed)
    call.launch(
        "dynamics/adjoint", "back", own, (call.every, segment), (*lists, edges, both, ends),
        (kept, given, history, by_state, by_parameters, by_weights, by_drive), _back_room(call),
    )  # fmt: skip
    by_node = by_parameters.sum(axis=0)
    found = {"state": by_state, "parameters": by_node[:count], "weights": by_weights.sum(axis=0), "drive": by_drive}
    if constants:
        found["constants"] = law._by_name(by_node[count:].sum(axis=1))
    return only(found, names)


# --------------------------------------------------------------------------------------------------------------------------- inside
def _solved(call: _Call, every: int) -> Array:
    """(batch, steps // every, components, nodes)."""
    xp = _array.namespace(call.state)
    out = xp.empty((call.sizes[0], call.steps // every, *call.state.shape[1:]), call.state.dtype)
    lists = [None] * 3 if call.couplings is None else call.couplings._on(call.state, "into")
    call.launch("dynamics/ode", "solve", call.law.forward, (every,), lists, (out,), 4 * call.rows)
    return out


def _back_room(call: _Call) -> int:
    """Numbers of a sample that a block goes back with."""
    return 5 * call.rows + 4 * call.sizes[1]


def _sums(call: _Call, own: Any) -> int:
    """How many partial sums over the samples there are: of each tile, or of each sample that is on the way at once."""
    if not _array.on_device(call.state):
        return -(-call.sizes[0] // LANES)
    _, teams, grid, _ = call._blocks(_back_room(call))
    return teams * grid[0]


def _said(call: _Call, out: Array) -> str:
    """Where the first sample leaves the numbers: its steps from the last states that are finite are taken once more."""
    finite = np.isfinite(out).all(axis=(2, 3))
    s = int(np.argmin(finite[:, -1]))
    record = int(np.argmin(finite[s]))
    begin = record * call.every
    state = call.state[s : s + 1] if record == 0 else out[s : s + 1, record - 1]
    drive = None if call.drive is None else call.drive[s : s + 1]
    if drive is not None and drive.shape[1] > 1:
        drive = np.ascontiguousarray(drive[:, begin : begin + call.every + 1])
    index = None if call.index is None else call.index[s : s + 1]
    again = _Call(
        call.law, np.ascontiguousarray(state), call.dt, call.every, 1, call.method, call.stages, call.parameters, drive, call.couplings,
        call.weights, call.sigma, call.key, call.sample0 + s, index, call.start + begin,
    )  # fmt: skip
    way = np.isfinite(_solved(again, 1)[0])
    t = int(np.argmin(way.all(axis=(1, 2))))
    component, node = (int(i) for i in np.argwhere(~way[t])[0])
    return (
        f"sample {s} is not finite after step {begin + t + 1} of {call.steps}, first {call.law.states[component]} of node {node}: dt is too "
        "long, or a force gives NaN or infinity there"
    )


def _checked(law: Any, state: Any, dt: Any, steps: Any, parameters: Any, drive: Any, couplings: Any, weights: Any, method: Any, every: Any,
             noise: Any, key: Any, sample: Any, start: Any) -> _Call:  # fmt: skip
    if not isinstance(law, Law):
        raise TypeError(f"law must be a dynamics.Law, one for all nodes, got {type(law).__name__}")
    x = floats("state", state)
    d = len(law.states)
    if x.ndim != 3 or x.shape[1] != d or 0 in x.shape:
        raise ValueError(f"state must be (batch, {d}, nodes), with {', '.join(law.states)} of each node, got shape {x.shape}")
    xp, batch, n = _array.namespace(x), int(x.shape[0]), int(x.shape[2])
    step, count = number("dt", dt, "time", positive=True), whole("steps", steps, 1, 2**31 - 1)
    keep = whole("every", every, 1)
    if count % keep:
        raise ValueError(f"every must divide steps, {count}, got {keep}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r:.40}")
    if method == "leapfrog" and not law.is_second_order:
        raise ValueError(f"the leapfrog takes laws {{'q': 'v', 'v': f}} whose f is not of v, got {law!r}: use rk4")

    def like(name: str, values: Any, shape: tuple[Any, ...] | None) -> Array:
        array = xp.ascontiguousarray(xp.asarray(floats(name, values, x), x.dtype))
        if shape is not None and array.shape != shape:
            raise ValueError(f"{name} must be {shape}, got shape {array.shape}")
        return array

    names = ", ".join(law.parameters)
    if (parameters is None) != (not law.parameters):
        raise ValueError(
            f"the law takes parameters {names}: give them as an array ({len(law.parameters)}, nodes)" if law.parameters
            else "parameters are given, and no rate takes any"
        )  # fmt: skip
    theta = xp.zeros((0, n), x.dtype) if parameters is None else like("parameters", parameters, (len(law.parameters), n))
    if (drive is not None) != law.driven:
        raise ValueError("a rate takes drive: give it, (batch, times, inputs)" if law.driven else "drive is given, and no rate takes it")
    if drive is not None:
        drive = like("drive", drive, None)
        if drive.ndim != 3 or drive.shape[0] != batch or drive.shape[1] not in (1, count + 1) or drive.shape[2] not in (1, n):
            raise ValueError(f"drive must be ({batch}, 1 or steps + 1 = {count + 1}, 1 or nodes = {n}), got shape {drive.shape}")
    if (couplings is not None) != law.coupled or (weights is not None) != law.coupled:
        raise ValueError(
            "a rate takes what is coupled: give couplings and weights" if law.coupled
            else "couplings or weights are given, and no rate takes them"
        )  # fmt: skip
    if couplings is not None and (not isinstance(couplings, Couplings) or couplings.n_nodes != n):
        what = f"of {couplings.n_nodes} nodes" if isinstance(couplings, Couplings) else type(couplings).__name__
        raise ValueError(f"couplings must be dynamics.Couplings of {n} nodes, got {what}")
    w = xp.zeros(0, x.dtype) if couplings is None else like("weights", weights, (couplings.n_edges,))
    sigma = _noise(noise, d, law)
    if sigma is not None and method != "heun":
        raise ValueError(f"noise goes with method='heun', got {method!r}")
    sample0, index = 0, None
    if isinstance(sample, int | np.integer) and not isinstance(sample, bool):
        sample0 = whole("sample", sample, 0)
    else:
        index = xp.ascontiguousarray(xp.asarray(real("sample", sample if _array.is_array(sample) else np.asarray(sample)), np.int64))
        if index.shape != (batch,):
            raise ValueError(f"sample must be one index, or one for each of the {batch} samples, got shape {index.shape}")
    if sigma is not None:
        key = require_key(key, "noise is random")
        sigma = xp.asarray(sigma.astype(x.dtype))
    number_, stages = METHODS[method]
    return _Call(law, xp.ascontiguousarray(x), step, count, keep, number_, stages, theta, drive, couplings, w, sigma, key, sample0, index,
                 whole("start", start, 0))  # fmt: skip


def _noise(noise: Any, d: int, law: Law) -> np.ndarray | None:
    """Standard deviations of the components, None without noise."""
    given = numbers("noise", noise)
    if given.shape not in ((), (d,)) or not (np.isfinite(given).all() and (given >= 0).all()):
        raise ValueError(f"noise must be finite and 0 or more, one number or one for each of {', '.join(law.states)}, got {noise!r:.60}")
    return np.array(np.broadcast_to(given, (d,))) if given.any() else None


__all__ = ["integrate", "integrate_vjp"]
