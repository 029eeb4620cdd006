"""Kinds of devices that are updated by pulses: how far one pulse moves a weight, and how cells and pulses differ.

A device is a frozen description; `pnnkern.crossbar.pulsed` moves weights by it. Weights, steps and bounds are in the units of the network.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _array
from .._array import Array, Real, Values
from .._errors import nearest
from .._gate import accepts_any
from .._own import Own, ScalarFunction, own
from . import _checks

CELLS = ("up", "down", "high", "low", "shape_up", "shape_down")  # the parameters of a cell
_MOST = {"noise": 10.0, **dict.fromkeys(("step_dtod", "up_down_dtod", "w_max_dtod", "w_min_dtod"), 1.0)}


@accepts_any
@dataclass(frozen=True)
class PulsedDevice:
    """What all pulsed devices have; use one of its kinds.

    Parameters
    ----------
    step : float
        Mean change of the weight by one pulse. 0.001.
    step_dtod : float
        Relative spread of the step from device to device. 0.3.
    noise : float
        Relative spread of each step (cycle to cycle). 0.3. The noises of the pulses of one sample are drawn as their mean.
    up_down : float
        Asymmetry a: steps up are (1 + a) times, steps down (1 - a) times the cell's step. 0.
    up_down_dtod : float
        Its spread. 0.01.
    w_max, w_min : float
        Bounds. 0.6 and -0.6.
    w_max_dtod, w_min_dtod : float
        Relative spreads. 0.3. Bounds keep their sign.

    Notes
    -----
    Relative spreads are at most 1, the noise of a step at most 10. Spreads are standard deviations of normal distributions. Defaults: the
    requirements of Gokmen and Vlasov (2016), table 1, scaled as there: 1200 steps in the range, 30 % variations. `PULSED_DEVICES` has fits to
    devices that were made.
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
            if isinstance(value, ScalarFunction):
                continue
            if not np.isfinite(_checks.real(f"{name} of a pulsed device", value, "weights, or relative", np)).all():
                raise ValueError(f"{name} of a pulsed device must be finite, got {value!r:.80}")
            if (name.endswith("dtod") or name == "noise") and value < 0:
                raise ValueError(f"{name} is a standard deviation and must not be negative, got {value!r}")
        for name, most in _MOST.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name} of a pulsed device is relative, at most {most:g}, got {getattr(self, name)!r}: 30 % is 0.3")
        if self.step <= 0:
            raise ValueError(f"step of a pulsed device must be positive, got {self.step!r}")
        if not self.w_min <= 0 <= self.w_max or self.w_min == self.w_max:
            raise ValueError(
                f"a pulsed device needs w_min <= 0 <= w_max, and not both zero, got {self.w_min!r} and {self.w_max!r}; "
                "conductances become weights by PiecewiseStep.of(..., conductances=(lowest, highest))"
            )

    def _shapes(self) -> tuple[float, ...]:
        """shape up, its spread, shape down, its spread, A up, A down, slope, offset."""
        return (0.0,) * 8

    def _nodes(self) -> np.ndarray:
        return np.zeros((2, 0), np.float32)

    def _own(self) -> Own | None:
        """A user's functions in the kernels."""
        return None

    def _table(self) -> np.ndarray:
        """The parameters in the kernels' order."""
        up, up_dtod, down, down_dtod, *rest = self._shapes()
        return np.array(
            [self.step, self.step_dtod, self.up_down, self.up_down_dtod, self.w_max, self.w_max_dtod, self.w_min, self.w_min_dtod,
             up, up_dtod, down, down_dtod, self.noise, *rest], np.float32,
        )  # fmt: skip

    def response(self, w: Real, cells: dict[str, Real]) -> tuple[Array, Array]:
        """Mean size of one step up and one step down at weights `w`, both positive; `cells` of `device_cells`. float64."""
        missing = [name for name in CELLS if name not in cells]
        if missing:
            raise ValueError(f"cells must be those of device_cells, with {', '.join(CELLS)}: {', '.join(missing)} are missing")
        for name in CELLS:
            _checks.shaped(f"cells[{name!r}]", cells[name], w.shape, "w")
        up, down = self._relative(_array.as_type(w, np.float64), {k: _array.as_type(v, np.float64) for k, v in cells.items()})
        return cells["up"] * up.clip(0, None), cells["down"] * down.clip(0, None)

    def _relative(self, w: Real, cells: dict[str, Array]) -> tuple[Array, Array]:
        raise TypeError("PulsedDevice has no response of its own: use ConstantStep, LinearStep, SoftBounds, ExponentialStep, ...")


@accepts_any
@dataclass(frozen=True)
class ConstantStep(PulsedDevice):
    """Steps that do not depend on the weight, up to hard bounds."""

    _kind: ClassVar[int] = 0

    def _relative(self, w: Real, cells: dict[str, Array]) -> tuple[Array, Array]:
        return 1 + 0 * w, 1 + 0 * w


@accepts_any
@dataclass(frozen=True)
class LinearStep(PulsedDevice):
    """Steps that change linearly: up by ``1 - gamma_up w / w_max``, down by ``1 - gamma_down w / w_min``, of the cell's own bounds.

    Parameters
    ----------
    gamma_up, gamma_down : float
        0 is a constant step, 1 a step that ends at the bound. 0.
    gamma_dtod : float
        Their spread from device to device, of each by itself. 0.05. The absolute value of gamma counts.
    """

    gamma_up: float = 0.0
    gamma_down: float = 0.0
    gamma_dtod: float = 0.05

    _kind: ClassVar[int] = 1

    def _shapes(self) -> tuple[float, ...]:
        return self.gamma_up, self.gamma_dtod, self.gamma_down, self.gamma_dtod, 0.0, 0.0, 0.0, 0.0

    def _relative(self, w: Real, cells: dict[str, Array]) -> tuple[Array, Array]:
        return 1 - cells["shape_up"] * w, 1 - cells["shape_down"] * w


@accepts_any
@dataclass(frozen=True)
class SoftBounds(LinearStep):
    """Steps that shrink linearly to nothing at the bounds: up by ``1 - w / w_max``, down by ``1 - w / w_min``."""

    gamma_up: float = 1.0
    gamma_down: float = 1.0
    gamma_dtod: float = 0.0


@accepts_any
@dataclass(frozen=True)
class ExponentialStep(PulsedDevice):
    """Steps ``max(1 - A_up exp(gamma_up z), 0)`` up and ``max(1 - A_down exp(-gamma_down z), 0)`` down, z = 2 a w / (w_max - w_min) + b.

    Defaults A_up 0.00081, A_down 0.36833, gamma_up 12.44625, gamma_down 12.78785, a 0.244, b 0.2425: the fit to resistive memory of Gong et
    al., Nature Communications 9, 2102 (2018), as in IBM's aihwkit (ExpStepDevice).

    Parameters
    ----------
    gamma_dtod : float
        Spread of each gamma. 0.
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

    def _relative(self, w: Real, cells: dict[str, Array]) -> tuple[Array, Array]:
        exp = _array.namespace(w).exp
        z = 2 * self.a * w / (cells["high"] - cells["low"]) + self.b
        return 1 - self.A_up * exp(cells["shape_up"] * z), 1 - self.A_down * exp(-cells["shape_down"] * z)


@accepts_any
@dataclass(frozen=True)
class PowerStep(PulsedDevice):
    """Steps ``((w_max - w) / (w_max - w_min))^gamma_up`` up and ``((w - w_min) / (w_max - w_min))^gamma_down`` down.

    Parameters
    ----------
    gamma_up, gamma_down : float
        1.
    gamma_dtod : float
        Spread of each. 0.1. Source: Frascaroli et al., Scientific Reports 8, 7178 (2018).
    """

    gamma_up: float = 1.0
    gamma_down: float = 1.0
    gamma_dtod: float = 0.1

    _kind: ClassVar[int] = 3

    def _shapes(self) -> tuple[float, ...]:
        return self.gamma_up, self.gamma_dtod, self.gamma_down, self.gamma_dtod, 0.0, 0.0, 0.0, 0.0

    def _relative(self, w: Real, cells: dict[str, Array]) -> tuple[Array, Array]:
        extent = cells["high"] - cells["low"]
        up, down = ((cells["high"] - w) / extent).clip(0, None), ((w - cells["low"]) / extent).clip(0, None)
        return up ** cells["shape_up"], down ** cells["shape_down"]


@accepts_any
@dataclass(frozen=True)
class PiecewiseStep(PulsedDevice):
    """Steps interpolated between measured ones.

    Parameters
    ----------
    up, down : tuple[float, ...]
        Steps relative to `step` at equally spaced weights from the cell's w_min to its w_max; two or more, as many of each, not negative. (1,
        1), a constant step.
    """

    up: tuple[float, ...] = (1.0, 1.0)
    down: tuple[float, ...] = (1.0, 1.0)

    _kind: ClassVar[int] = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.up) != len(self.down) or len(self.up) < 2 or min(*self.up, *self.down) < 0:
            raise ValueError(f"up and down must be two or more steps each, as many, not negative; got {self.up} and {self.down}")

    @classmethod
    def of(
        cls, up: Values, down: Values, *, conductances: tuple[float, float] | None = None, nodes: int = 65, **parameters: float
    ) -> "PiecewiseStep":  # fmt: skip
        """A device by the steps or the trains that you have measured, at `nodes` equally spaced weights from w_min to w_max.

        Parameters
        ----------
        up, down
            Functions, array of weights -> sizes of one step up and down, not negative; or measured trains: what a cell had before the first and
            after each pulse up (and down), two or more each. Trains may differ in length, rest where a cell is saturated, and be noisy. Where a
            train has not been there are no steps past its end, and those of its first stretch before its start.
        conductances : tuple[float, float] | None
            (lowest, highest), siemens: functions and trains are in siemens, and these stand for w_min and w_max. None: they are in weights. For
            trains, their own extremes always are w_min and w_max if it is None.
        parameters
            Of the device; `step` is by default the mean of both steps at weight 0, or the largest where they are zero there. A cell with other
            bounds has the response stretched to them.

        Raises
        ------
        ValueError
            For steps that are negative or not finite, or all zero, and trains that are too short or lead nowhere.
        """
        if not isinstance(nodes, int) or nodes < 2:
            raise ValueError(f"nodes must be 2 or more, got {nodes!r:.40}")
        w_min, w_max = (float(parameters.get(name, getattr(cls, name))) for name in ("w_min", "w_max"))
        trains = [None if callable(side) else _train(name, side) for name, side in (("up", up), ("down", down))]
        measured = [t for t in trains if t is not None]
        low, high = w_min, w_max
        if conductances is not None:
            ends = _checks.real("conductances", conductances, "siemens", np)
            low, high = ends.tolist() if ends.shape == (2,) else (0.0, 0.0)
            if not 0 <= low < high < np.inf:
                raise ValueError(f"conductances must be (lowest, highest) siemens, 0 or more, got {conductances!r:.80}")
        elif measured:
            low, high = (float(pick([pick(t) for t in measured])) for pick in (min, max))
        at, unit = np.linspace(low, high, nodes), (w_max - w_min) / (high - low)
        sides = []
        for name, side, train, sign in (("up", up, trains[0], 1), ("down", down, trains[1], -1)):
            steps = _checks.each(f"what {name} returns", side(at), at, "the weights") if train is None else _steps(name, train, at, sign)
            sides.append(np.asarray(steps, np.float64) * unit)
            if not (np.isfinite(sides[-1]).all() and sides[-1].min() >= 0):
                raise ValueError(f"steps {name} must be finite and 0 or more, got {sides[-1].min() / unit:.4g} to {sides[-1].max() / unit:.4g}")
        largest = max(float(side.max()) for side in sides)
        if largest == 0:
            raise ValueError("a device whose steps are zero everywhere cannot be written")
        rest = float(np.mean([np.interp(0.0, np.linspace(w_min, w_max, nodes), side) for side in sides]))
        step = parameters.pop("step", rest or largest)
        return cls(up=tuple((sides[0] / step).tolist()), down=tuple((sides[1] / step).tolist()), step=step, **parameters)

    def _nodes(self) -> np.ndarray:
        return np.array([self.up, self.down], np.float32)

    def _relative(self, w: Real, cells: dict[str, Array]) -> tuple[Array, Array]:
        xp = _array.namespace(w)
        x = ((w - cells["low"]) / (cells["high"] - cells["low"])).clip(0, 1) * (len(self.up) - 1)
        left = xp.where(x >= 0, x, 0).astype(np.int64).clip(0, len(self.up) - 2)  # NaN is no place
        up, down = (xp.asarray(side)[left] + (x - left) * xp.diff(xp.asarray(side))[left] for side in (self.up, self.down))
        return up, down


@accepts_any
@dataclass(frozen=True, kw_only=True)
class FunctionStep(PulsedDevice):
    """Steps by functions of your own, which run inside the kernels.

    Parameters
    ----------
    up, down : ScalarFunction
        Size of a step up, and of one down, relative to that of the cell: functions of the weight and of the cell's bounds, ``f(w, low, high)``,
        and of constants; down is by default that of up. What is negative counts as 0, and a weight that becomes NaN is an error at the next
        pulse. They are those of all cells, which differ by their bounds and by the spreads of a `PulsedDevice`.

    Raises
    ------
    TypeError
        For what is no `ScalarFunction` of these three.

    Notes
    -----
    Where other devices have the same weights on CPUs and GPUs, to the bit, these differ by as much as the exponentials and powers of their
    libraries do. Their sizes are worked out in float32.
    """

    up: ScalarFunction
    down: ScalarFunction = None  # type: ignore[assignment]  # until __post_init__

    _kind: ClassVar[int] = 5

    def __post_init__(self) -> None:
        if self.down is None:
            object.__setattr__(self, "down", self.up)
        for name, function in (("up", self.up), ("down", self.down)):
            if not isinstance(function, ScalarFunction):
                raise TypeError(f"{name} must be a pnnkern.ScalarFunction of w, low and high, one for all cells, got {type(function).__name__}")
            function._takes(("w", "low", "high"), name)
        super().__post_init__()

    def _nodes(self) -> np.ndarray:
        constants = [list(function.constants.values()) for function in (self.up, self.down)]
        nodes = np.zeros((2, max(map(len, constants))), np.float32)
        for row, values in zip(nodes, constants, strict=True):
            row[: len(values)] = values
        return nodes

    def _own(self) -> Own:
        return own(("own_up", self.up._code, "f"), ("own_down", self.down._code, "f"))

    def _relative(self, w: Real, cells: dict[str, Array]) -> tuple[Array, Array]:
        return self.up(w, cells["low"], cells["high"]), self.down(w, cells["low"], cells["high"])


def _train(name: str, values: Any) -> np.ndarray:
    """A measured train on the host, float64."""
    train = _checks.real(name, _array.to_numpy(values) if _array.is_array(values) else values, "a measured train", np)
    if train.ndim != 1 or len(train) < 2 or not np.isfinite(train).all():
        raise ValueError(f"{name} must be a function or two or more finite values, one after each pulse, got {values!r:.80}")
    return train


def _steps(name: str, train: np.ndarray, at: np.ndarray, sign: int) -> np.ndarray:
    """Mean size of a step around each of the values `at`: the stretch half way to its neighbours over the pulses that it took."""
    level = np.maximum.accumulate(sign * train)  # what noise takes back is no step
    if not level[-1] > level[0]:
        raise ValueError(f"the train {name} must lead {'up' if sign > 0 else 'down'}, got {train[0]:.4g} to {train[-1]:.4g}")
    there = np.sort(sign * at)
    edges = np.concatenate([there[:1], (there[1:] + there[:-1]) / 2, there[-1:]]).clip(level[0], level[-1])
    values, reached, count = np.unique(level, return_index=True, return_counts=True)
    left = reached + count - 1  # pulses that have been given when a level is reached, and left
    i = np.searchsorted(values, edges, side="right") - 1
    after = left[i] + (edges - values[i]) / np.append(np.diff(values), 1.0)[i]
    before = np.where(edges == values[i], reached[i], after)
    pulses = before[1:] - np.where(edges == level[0], before, after)[:-1]  # rests at the start count, those at the end are its zero
    stretch = np.diff(edges)
    steps = np.where(stretch > 0, stretch / np.where(pulses > 0, pulses, 1), 0)
    first = np.flatnonzero(stretch)[0]
    steps[:first] = steps[first]
    if count[-1] > 1:
        steps[there >= level[-1]] = 0
    return steps[::sign]


PULSED_DEVICES: dict[str, PulsedDevice] = {
    # Gokmen and Vlasov, Frontiers in Neuroscience 10, 333 (2016), scaled to weights of -1 to 1
    "gokmen-vlasov": ConstantStep(step=0.0016, w_max=1.0, w_min=-1.0),
    # symmetric, 10 000 steps: Rasch, Gokmen and Haensch, IEEE Design and Test 37, 19 (2020)
    "idealized": ConstantStep(step=0.0002, up_down_dtod=0.0, w_max=1.0, w_min=-1.0),
    # resistive memory: Gong et al., Nature Communications 9, 2102 (2018); exponential and loose soft-bounds fits of IBM's aihwkit, where
    # steps up are 0.00135 and those down 0.259359 less: here their mean and half their difference
    "reram-es": ExponentialStep(
        step=0.00135 * (1 - 0.259359 / 2), step_dtod=0.2, noise=5.0, up_down=0.259359 / (2 - 0.259359),
        up_down_dtod=0.05 / (1 - 0.259359 / 2), w_max=1.0, w_min=-1.0, a=-0.5, b=-0.5, gamma_up=5.0, gamma_down=5.0, A_up=-1.18445,
        A_down=-0.081404,
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
"""Fits to devices that were made, and two that were asked for. The parameters are those of IBM's aihwkit presets of the same papers.
Left out are the additional write noise of ReRAM and the leakage of capacitors; slopes refer to a cell's own bounds, and the noise of a
step is always relative to its size there."""


def pulsed_device(name: str | PulsedDevice) -> PulsedDevice:
    """The device of that name (`PULSED_DEVICES`), or the given device itself.

    Raises
    ------
    ValueError
        With the nearest name.
    """
    if isinstance(name, PulsedDevice):
        return name
    if not isinstance(name, str) or name not in PULSED_DEVICES:
        raise ValueError(f"no pulsed device is called {name!r:.80}: {nearest(name, PULSED_DEVICES)}")
    return PULSED_DEVICES[name]


__all__ = [
    "PULSED_DEVICES", "ConstantStep", "ExponentialStep", "FunctionStep", "LinearStep", "PiecewiseStep", "PowerStep", "PulsedDevice",
    "SoftBounds", "pulsed_device",
]  # fmt: skip
