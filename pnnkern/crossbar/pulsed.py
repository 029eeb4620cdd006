"""Weights that are trained by pulses: each sample's outer product is done by coincidences of two stochastic pulse trains.

Every line of inputs and of errors fires a train of pulses; a cell moves by one step wherever a pulse of its row meets one of its
column, up or down by the signs of the two values. The mean effect on a linear device is ``w - lr x^T d``. Weights are in the units of
the network, w (n_in, n_out), and bounded by their device.

No parameter of a cell is stored: steps, bounds and shapes are drawn from the key by the cell's place (device to device), and the noise
of each coincidence (cycle to cycle) by the place and the sample. So a batch gives the same weights, to the bit, in one call or many,
on any number of threads, on the CPU and the GPU.

Source: Gokmen and Vlasov, Acceleration of deep neural network training with resistive cross-point devices, Frontiers in Neuroscience
10, 333 (2016). Management of the trains: Gokmen, Onen and Haensch, Frontiers in Neuroscience 11, 538 (2017).
"""

import difflib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _array, _launch, random
from .._array import Array, accepts_any

_launch.fault(
    20, "a weight is NaN or outside the range of its cell: pnnkern.crossbar.clip_weights(w, device=..., key=...) brings all inside"
)
_launch.fault(21, "x and d must be finite")

CHUNK = 1024  # samples whose trains are held at a time
MAX_PULSES = 31  # of a train: a word holds them and the sign


# --------------------------------------------------------------------------------------------------------------------- devices
@dataclass(frozen=True)
class PulsedDevice:
    """What all pulsed devices have; use one of its kinds.

    step : mean change of the weight by one pulse. 0.001.
    step_dtod : relative spread of the step from device to device. 0.3.
    noise : relative spread of each step (cycle to cycle). 0.3. The noises of the pulses of one sample are drawn as their mean.
    up_down : asymmetry a: steps up are (1 + a) times, steps down (1 - a) times the cell's step. 0. up_down_dtod : its spread. 0.01.
    w_max, w_min : bounds. 0.6 and -0.6. w_max_dtod, w_min_dtod : relative spreads. 0.3. Bounds keep their sign.

    Spreads are standard deviations of normal distributions. Defaults: the requirements of Gokmen and Vlasov (2016), table 1, scaled as
    there: 1200 steps in the range, 30 % variations. `PULSED_DEVICES` has fits to devices that were made.
    """

    step: float = 0.001
    step_dtod: float = 0.3
    noise: float = 0.3
    up_down: float = 0.0
    up_down_dtod: float = 0.01
    w_max: float = 0.6
    w_max_dtod: float = 0.3
    w_min: float = -0.6
    w_min_dtod: float = 0.3

    _kind: ClassVar[int] = -1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not np.all(np.isfinite(value)):
                raise ValueError(f"{name} of a pulsed device must be finite, got {value!r:.80}")
            if (name.endswith("dtod") or name == "noise") and value < 0:
                raise ValueError(f"{name} is a standard deviation and must not be negative, got {value!r}")
        if self.step <= 0:
            raise ValueError(f"step of a pulsed device must be positive, got {self.step!r}")
        if not self.w_min <= 0 <= self.w_max or self.w_min == self.w_max:
            raise ValueError(f"a pulsed device needs w_min <= 0 <= w_max, and not both zero, got {self.w_min!r} and {self.w_max!r}")

    def _shapes(self) -> tuple[float, ...]:
        """shape up, its spread, shape down, its spread, A up, A down, slope, offset."""
        return (0.0,) * 8

    def _nodes(self) -> np.ndarray:
        return np.zeros((2, 0), np.float32)

    def _table(self) -> np.ndarray:
        """The parameters in the kernels' order."""
        up, up_dtod, down, down_dtod, *rest = self._shapes()
        return np.array(
            [self.step, self.step_dtod, self.up_down, self.up_down_dtod, self.w_max, self.w_max_dtod, self.w_min, self.w_min_dtod,
             up, up_dtod, down, down_dtod, self.noise, *rest], np.float32,
        )  # fmt: skip

    def response(self, w: Array, cells: dict[str, Array]) -> tuple[Array, Array]:
        """Mean size of one step up and one step down at weights `w`, both positive; `cells` of `device_cells`. float64."""
        up, down = self._relative(w.astype(np.float64), {k: v.astype(np.float64) for k, v in cells.items()})
        return cells["up"] * up.clip(0, None), cells["down"] * down.clip(0, None)

    def _relative(self, w: Array, cells: dict[str, Array]) -> tuple[Array, Array]:
        raise TypeError("PulsedDevice has no response of its own: use ConstantStep, LinearStep, SoftBounds, ExponentialStep, ...")


@dataclass(frozen=True)
class ConstantStep(PulsedDevice):
    """Steps that do not depend on the weight, up to hard bounds."""

    _kind: ClassVar[int] = 0

    def _relative(self, w: Array, cells: dict[str, Array]) -> tuple[Array, Array]:
        return 1 + 0 * w, 1 + 0 * w


@dataclass(frozen=True)
class LinearStep(PulsedDevice):
    """Steps that change linearly: up by ``1 - gamma_up w / w_max``, down by ``1 - gamma_down w / w_min``, of the cell's own bounds.

    gamma_up, gamma_down : 0 is a constant step, 1 a step that ends at the bound. 0. gamma_dtod : their spread from device to device,
        of each by itself. 0.05. The absolute value of gamma counts.
    """

    gamma_up: float = 0.0
    gamma_down: float = 0.0
    gamma_dtod: float = 0.05

    _kind: ClassVar[int] = 1

    def _shapes(self) -> tuple[float, ...]:
        return self.gamma_up, self.gamma_dtod, self.gamma_down, self.gamma_dtod, 0.0, 0.0, 0.0, 0.0

    def _relative(self, w: Array, cells: dict[str, Array]) -> tuple[Array, Array]:
        return 1 - cells["shape_up"] * w, 1 - cells["shape_down"] * w


@dataclass(frozen=True)
class SoftBounds(LinearStep):
    """Steps that shrink linearly to nothing at the bounds: up by ``1 - w / w_max``, down by ``1 - w / w_min``."""

    gamma_up: float = 1.0
    gamma_down: float = 1.0
    gamma_dtod: float = 0.0


@dataclass(frozen=True)
class ExponentialStep(PulsedDevice):
    """Steps ``max(1 - A_up exp(gamma_up z), 0)`` up and ``max(1 - A_down exp(-gamma_down z), 0)`` down, z = 2 a w / (w_max - w_min) + b.

    Defaults A_up 0.00081, A_down 0.36833, gamma_up 12.44625, gamma_down 12.78785, a 0.244, b 0.2425: the fit to resistive memory of
    Gong et al., Nature Communications 9, 2102 (2018), as in IBM's aihwkit (ExpStepDevice). gamma_dtod : spread of each gamma. 0.
    """

    A_up: float = 0.00081
    A_down: float = 0.36833
    gamma_up: float = 12.44625
    gamma_down: float = 12.78785
    gamma_dtod: float = 0.0
    a: float = 0.244
    b: float = 0.2425

    _kind: ClassVar[int] = 2

    def _shapes(self) -> tuple[float, ...]:
        return self.gamma_up, self.gamma_dtod, self.gamma_down, self.gamma_dtod, self.A_up, self.A_down, self.a, self.b

    def _relative(self, w: Array, cells: dict[str, Array]) -> tuple[Array, Array]:
        exp = _array.namespace(w).exp
        z = 2 * self.a * w / (cells["high"] - cells["low"]) + self.b
        return 1 - self.A_up * exp(cells["shape_up"] * z), 1 - self.A_down * exp(-cells["shape_down"] * z)


@dataclass(frozen=True)
class PowerStep(PulsedDevice):
    """Steps ``((w_max - w) / (w_max - w_min))^gamma_up`` up and ``((w - w_min) / (w_max - w_min))^gamma_down`` down.

    gamma_up, gamma_down : 1. gamma_dtod : spread of each. 0.1. Source: Frascaroli et al., Scientific Reports 8, 7178 (2018).
    """

    gamma_up: float = 1.0
    gamma_down: float = 1.0
    gamma_dtod: float = 0.1

    _kind: ClassVar[int] = 3

    def _shapes(self) -> tuple[float, ...]:
        return self.gamma_up, self.gamma_dtod, self.gamma_down, self.gamma_dtod, 0.0, 0.0, 0.0, 0.0

    def _relative(self, w: Array, cells: dict[str, Array]) -> tuple[Array, Array]:
        extent = cells["high"] - cells["low"]
        up, down = ((cells["high"] - w) / extent).clip(0, None), ((w - cells["low"]) / extent).clip(0, None)
        return up ** cells["shape_up"], down ** cells["shape_down"]


@dataclass(frozen=True)
class PiecewiseStep(PulsedDevice):
    """Steps interpolated between measured ones.

    up, down : steps relative to `step` at equally spaced weights from the cell's w_min to its w_max; two or more, as many of each, not
        negative. (1, 1), a constant step.
    """

    up: tuple[float, ...] = (1.0, 1.0)
    down: tuple[float, ...] = (1.0, 1.0)

    _kind: ClassVar[int] = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.up) != len(self.down) or len(self.up) < 2 or min(*self.up, *self.down) < 0:
            raise ValueError(f"up and down must be two or more steps each, as many, not negative; got {self.up} and {self.down}")

    def _nodes(self) -> np.ndarray:
        return np.array([self.up, self.down], np.float32)

    def _relative(self, w: Array, cells: dict[str, Array]) -> tuple[Array, Array]:
        xp = _array.namespace(w)
        x = ((w - cells["low"]) / (cells["high"] - cells["low"])).clip(0, 1) * (len(self.up) - 1)
        left = xp.minimum(x.astype(np.int64), len(self.up) - 2)
        up, down = (xp.asarray(side)[left] + (x - left) * xp.diff(xp.asarray(side))[left] for side in (self.up, self.down))
        return up, down


PULSED_DEVICES: dict[str, PulsedDevice] = {
    # Gokmen and Vlasov, Frontiers in Neuroscience 10, 333 (2016), scaled to weights of -1 to 1
    "gokmen-vlasov": ConstantStep(step=0.0016, w_max=1.0, w_min=-1.0),
    # symmetric, 10 000 steps: Rasch, Gokmen and Haensch, IEEE Design and Test 37, 19 (2020)
    "idealized": ConstantStep(step=0.0002, up_down_dtod=0.0, w_max=1.0, w_min=-1.0),
    # resistive memory: Gong et al., Nature Communications 9, 2102 (2018); exponential and loose soft-bounds fits of IBM's aihwkit
    "reram-es": ExponentialStep(
        step=0.00135, step_dtod=0.2, noise=5.0, up_down=0.259359, up_down_dtod=0.05, w_max=1.0, w_min=-1.0, a=-0.5, b=-0.5, gamma_up=5.0,
        gamma_down=5.0, A_up=-1.18445, A_down=-0.081404,
    ),
    "reram-sb": SoftBounds(step=0.002, noise=3.75, w_max=1.25, w_max_dtod=0.24, w_min=-0.75, w_min_dtod=0.4),
    # capacitors: Li et al., VLSI Technology 2018
    "capacitor": LinearStep(
        step=0.005, step_dtod=0.1, up_down_dtod=0.06, w_max=1.0, w_max_dtod=0.07, w_min=-1.0, w_min_dtod=0.07, gamma_up=0.05,
        gamma_down=0.05, gamma_dtod=0.01,
    ),
    # lithium electrochemical memory: Tang et al., IEDM 2018
    "ecram": LinearStep(
        step=0.002, step_dtod=0.1, w_max=1.1724, w_max_dtod=0.05, w_min=-0.8276, w_min_dtod=0.05, gamma_up=0.1153, gamma_down=0.5085,
    ),
    # metal-oxide electrochemical memory: Kim et al., IEDM 2019
    "ecram-mo": LinearStep(
        step=2.8214e-4, step_dtod=0.1, noise=2.0, w_max=1.1714, w_max_dtod=0.05, w_min=-0.8286, w_min_dtod=0.05, gamma_up=0.4152,
        gamma_down=0.7342,
    ),
}  # fmt: skip
"""Fits to devices that were made, and two that were asked for. The parameters are those of IBM's aihwkit presets of the same papers;
of these, the additional write noise of ReRAM and the leakage of capacitors are left out, and slopes refer to a cell's own bounds."""


def pulsed_device(name: str | PulsedDevice) -> PulsedDevice:
    """The device of that name (`PULSED_DEVICES`), or the given device itself. Raises ValueError with the nearest name."""
    if isinstance(name, PulsedDevice):
        return name
    if not isinstance(name, str) or name not in PULSED_DEVICES:
        near = difflib.get_close_matches(str(name).lower(), PULSED_DEVICES, 1, 0.4)
        raise ValueError(
            f"no pulsed device is called {name!r:.80}: "
            + (f"the nearest is {near[0]!r}" if near else f"there are {', '.join(PULSED_DEVICES)}")
        )
    return PULSED_DEVICES[name]


# --------------------------------------------------------------------------------------------------------------------- updates
@accepts_any
def pulse_update(w: Array, x: Array, d: Array, *, device: str | PulsedDevice, lr: float, key: Any = None, sample: Any = 0, pulses: int = MAX_PULSES,
                 managed: bool = True, origin: tuple[int, int] = (0, 0)) -> Array:  # fmt: skip
    """Add ``-lr x_s^T d_s`` to the weights for each sample s in order, by stochastic pulses.

    w : (n_in, n_out) float32, each within the bounds of its cell. x : (batch, n_in), the inputs. d : (batch, n_out), dL/dy.
    device : a name in `PULSED_DEVICES`, or a device. lr : 0 or more.
    key : of `pnnkern.random`: it makes the devices, and with `sample` all that is random. One key serves one array of weights.
    sample : the global index of row 0 of the batch, or an int64 array with one for each row; never the same again while training.
    pulses : the longest train, 1 to 31.
    managed : for each sample, take as few pulses as the largest update needs, ``ceil(lr max|x| max|d| / step)``, and share the chances
        evenly between both sides; an update larger than `pulses` steps is scaled down as a whole to that. Else every train is `pulses`
        long, and fires with chances ``sqrt(lr / (step pulses))`` times |x| and |d|, cut at 1.
    origin : row and column of w[0, 0] in the array that it is a part of, by which the cells are numbered.

    Returns the new weights. Splitting a batch, with its sample indices, changes nothing. Raises TypeError for arrays of the wrong kind,
    ValueError for shapes, numbers or names that are wrong, for a missing key, and for x and d that are not finite or weights that are
    outside of their cells' range (on a GPU: at `pnnkern.check()`).
    """
    chosen = pulsed_device(device)
    w = _weights(w)
    x, d = _lines("x", x), _lines("d", d)
    if x.shape[0] != d.shape[0] or w.shape != (x.shape[1], d.shape[1]):
        raise ValueError(
            f"w (n_in, n_out), x (batch, n_in) and d (batch, n_out) do not fit: shapes {w.shape}, {x.shape} and {d.shape}"
        )
    if isinstance(lr, bool) or not isinstance(lr, int | float | np.number) or not (np.isfinite(lr) and lr >= 0):
        raise ValueError(f"lr must be finite and 0 or more, got {lr!r:.80}")
    if isinstance(pulses, bool) or not isinstance(pulses, int) or not 1 <= pulses <= MAX_PULSES:
        raise ValueError(f"pulses must be an integer from 1 to {MAX_PULSES}, got {pulses!r:.80}")
    cycles = _key(key, "cycles")
    xp = _array.namespace(w, x, d)
    batch, (rows, columns) = len(x), w.shape
    sample0, index = _samples(sample, batch, xp)
    slots, scale_x, scale_d = _chances(x, d, float(lr), chosen.step, pulses, managed)
    out = w.copy()
    for a in range(0, batch, CHUNK):
        part = slice(a, min(a + CHUNK, batch))
        n = part.stop - a
        which = sample0 + a, None if index is None else index[part]
        x_words, d_words = xp.empty((rows, n), np.uint32), xp.empty((n, columns), np.uint32)
        for name, values, scale, words, strides in (("x", x, scale_x, x_words, (n, 1)), ("d", d, scale_d, d_words, (1, columns))):
            _launch.launch(
                "crossbar/pulse", "trains", np.float32, n, values.shape[1], *_key(key, f"pulses of {name}"), *which, scale[part],
                slots[part], values[part], *strides, words, threads=n * (-(-values.shape[1] // 4)),
            )  # fmt: skip
        _launch.launch(
            "crossbar/pulse", "update", np.float32, rows, columns, n, *_key(key, "devices"), *cycles, *_origin(origin), *which,
            *_description(chosen, xp), x_words, d_words, out, threads=out.size,
        )  # fmt: skip
    return out


@accepts_any
def apply_pulses(w: Array, counts: Array, *, device: str | PulsedDevice, key: Any = None, sample: int = 0, origin: tuple[int, int] = (0, 0)) -> Array:  # fmt: skip
    """Give each cell a number of pulses, up where positive, down where negative.

    counts : (n_in, n_out) int32. sample : the number of this round of pulses; never the same again. Others as for `pulse_update`.
    Returns the new weights. Raises as `pulse_update`.
    """
    chosen = pulsed_device(device)
    w = _weights(w)
    if not _array.is_array(counts) or counts.dtype != np.int32 or counts.shape != w.shape:
        got = f"{counts.dtype} {counts.shape}" if _array.is_array(counts) else type(counts).__name__
        raise TypeError(f"counts must be int32 like the weights {w.shape}, got {got}")
    xp = _array.namespace(w, counts)
    out = w.copy()
    _launch.launch(
        "crossbar/pulse", "apply", np.float32, *w.shape, *_key(key, "devices"), *_key(key, "counted pulses"), *_origin(origin),
        _samples(sample, 1, xp)[0], *_description(chosen, xp), _array.contiguous(counts), out, threads=out.size,
    )  # fmt: skip
    return out


@accepts_any
def device_cells(device: str | PulsedDevice, shape: tuple[int, int], *, key: Any, origin: tuple[int, int] = (0, 0), like: Any = None) -> dict[str, Array]:  # fmt: skip
    """The parameters of each cell, as `pulse_update` with this key sees them.

    shape, origin : of the part of the array that is wanted. like : an array on the device that is to hold the result.

    Returns float32 (n_in, n_out) arrays by name: "up" and "down" (mean steps), "high" and "low" (bounds), "shape_up" and "shape_down"
    (gammas; for linear devices the slopes gamma / bound).
    """
    chosen = pulsed_device(device)
    rows, columns = shape
    xp = np if like is None else _array.namespace(like)
    out = xp.empty((6, rows, columns), np.float32)
    kind, table, _, _ = _description(chosen, xp)
    _launch.launch(
        "crossbar/pulse", "cells", np.float32, rows, columns, *_key(key, "devices"), *_origin(origin), kind, table, out,
        threads=rows * columns,
    )  # fmt: skip
    return dict(zip(("up", "down", "high", "low", "shape_up", "shape_down"), out, strict=True))


@accepts_any
def clip_weights(w: Array, *, device: str | PulsedDevice, key: Any, origin: tuple[int, int] = (0, 0)) -> Array:
    """The weights nearest to `w` that the cells can hold, float32. Arguments as for `pulse_update`."""
    w = _weights(w)
    cells = device_cells(device, w.shape, key=key, origin=origin, like=w)
    return w.clip(cells["low"], cells["high"])


@accepts_any
def symmetry_point(device: str | PulsedDevice, shape: tuple[int, int], *, key: Any, origin: tuple[int, int] = (0, 0), like: Any = None) -> Array:  # fmt: skip
    """The weight of each cell at which steps up and down are equal, where alternating pulses drive it; float32 (n_in, n_out).

    By bisection; the nearest bound for cells whose steps are nowhere equal. Arguments as for `device_cells`.
    """
    chosen = pulsed_device(device)
    cells = device_cells(chosen, shape, key=key, origin=origin, like=like)
    xp = _array.namespace(cells["low"])
    low, high = (cells[side].astype(np.float64) for side in ("low", "high"))
    for _ in range(60):
        middle = (low + high) / 2
        up, down = chosen.response(middle, cells)
        low, high = xp.where(up > down, middle, low), xp.where(up > down, high, middle)
    return ((low + high) / 2).astype(np.float32).clip(cells["low"], cells["high"])


# ---------------------------------------------------------------------------------------------------------------------- inside
def _weights(w: Any) -> Array:
    if not _array.is_array(w) or w.dtype != np.float32 or w.ndim != 2:
        got = f"{w.dtype} {w.shape}" if _array.is_array(w) else type(w).__name__
        raise TypeError(f"w must be float32 (n_in, n_out), got {got}")
    return _array.contiguous(w)


def _lines(name: str, values: Any) -> Array:
    if not _array.is_array(values) or values.dtype not in (np.float32, np.float64) or values.ndim != 2:
        got = f"{values.dtype} {values.shape}" if _array.is_array(values) else type(values).__name__
        raise TypeError(f"{name} must be a float32 or float64 array (batch, lines), got {got}")
    return _array.contiguous(values.astype(np.float32, copy=False))


def _samples(sample: Any, batch: int, xp: Any) -> tuple[int, Array | None]:
    """The index of row 0, and the indices of all rows if they are given."""
    if isinstance(sample, int | np.integer) and not isinstance(sample, bool):
        if not 0 <= sample < 2**63 - max(batch, 1):
            raise ValueError(f"sample must be 0 or more and below 2^63 - {max(batch, 1)}, got {sample}")
        return int(sample), None
    index = sample if _array.is_array(sample) else np.asarray(sample)
    if index.dtype.kind not in "iu" or index.shape != (batch,) or (batch and int(index.min()) < 0):
        raise ValueError(f"sample must be one index, or {batch} indices of 0 or more, one for each row, got {sample!r:.80}")
    return 0, xp.ascontiguousarray(xp.asarray(index, dtype=np.int64))


def _origin(origin: Any) -> tuple[int, int]:
    if len(tuple(origin)) != 2 or not all(isinstance(n, int | np.integer) and 0 <= n < 2**30 for n in origin):
        raise ValueError(f"origin must be a row and a column from 0 to below 2^30, got {origin!r:.80}")
    return int(origin[0]), int(origin[1])


def _key(key: Any, purpose: str) -> tuple[int, int]:
    if key is None:
        raise ValueError("pulsed devices are random, which needs a key: key=pnnkern.random.key(seed)")
    folded = random.fold_in(key, purpose)
    return int(folded[0]), int(folded[1])


def _description(device: PulsedDevice, xp: Any) -> tuple[int, Array, int, Array]:
    if device._kind < 0:
        raise TypeError("PulsedDevice has no response of its own: use ConstantStep, LinearStep, SoftBounds, ExponentialStep, ...")
    nodes = device._nodes()
    return device._kind, xp.asarray(device._table()), nodes.shape[1], xp.asarray(nodes)


def _chances(x: Array, d: Array, lr: float, step: float, pulses: int, managed: bool) -> tuple[Array, Array, Array]:
    """For each sample the length of the trains, and what |x| and |d| are multiplied by to give the chance of a pulse."""
    xp = _array.namespace(x, d)
    batch = len(x)
    if not managed:
        scale = xp.full(batch, np.sqrt(lr / (step * pulses)))
        return xp.full(batch, pulses, np.int32), scale, scale
    x_max, d_max = (xp.abs(v).max(axis=1, initial=0).astype(np.float64) for v in (x, d))
    steps = lr * x_max * d_max / step  # of the largest update
    steps = xp.where(steps > 0, steps, 0).clip(0, pulses)  # NaN is flagged by the kernel
    slots = xp.ceil(steps).clip(1, None)
    share = xp.sqrt(steps / slots)
    scale_x, scale_d = (share / xp.where(most > 0, most, 1) for most in (x_max, d_max))
    return slots.astype(np.int32), scale_x, scale_d


__all__ = [
    "PULSED_DEVICES", "ConstantStep", "ExponentialStep", "LinearStep", "PiecewiseStep", "PowerStep", "PulsedDevice", "SoftBounds",
    "apply_pulses", "clip_weights", "device_cells", "pulse_update", "pulsed_device", "symmetry_point",
]  # fmt: skip
