"""Kinds of devices that are updated by pulses: how far one pulse moves a weight, and how cells and pulses differ.

A device is a frozen description; `pnnkern.crossbar.pulsed` moves weights by it. Weights, steps and bounds are in the units of the network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .. import _array
from .._array import Array
from .._errors import nearest


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
            raise ValueError(
                f"a pulsed device needs w_min <= 0 <= w_max, and not both zero, got {self.w_min!r} and {self.w_max!r}"
            )

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

    @classmethod
    def of(
        cls, up: Callable[[Array], Array], down: Callable[[Array], Array], *, nodes: int = 65, **parameters: float
    ) -> "PiecewiseStep":
        """A device whose steps you give as functions of the weight, sampled at `nodes` weights from w_min to w_max.

        up, down : array of weights -> sizes of one step up and down, not negative, in units of the weight. Their mean at weight 0 becomes
            `step`, unless that is given. parameters : of the device. A cell with other bounds has the response stretched to them.
        """
        w_min, w_max = parameters.get("w_min", cls.w_min), parameters.get("w_max", cls.w_max)
        w = np.linspace(w_min, w_max, nodes)
        sides = [np.broadcast_to(side(w), w.shape).astype(np.float64) for side in (up, down)]
        step = parameters.pop("step", float(np.mean([np.interp(0.0, w, side) for side in sides])))
        return cls(up=tuple(sides[0] / step), down=tuple(sides[1] / step), step=step, **parameters)

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
    """The device of that name (`PULSED_DEVICES`), or the given device itself. Raises ValueError with the nearest name."""
    if isinstance(name, PulsedDevice):
        return name
    if not isinstance(name, str) or name not in PULSED_DEVICES:
        raise ValueError(f"no pulsed device is called {name!r:.80}: {nearest(name, PULSED_DEVICES)}")
    return PULSED_DEVICES[name]


__all__ = [
    "PULSED_DEVICES", "ConstantStep", "ExponentialStep", "LinearStep", "PiecewiseStep", "PowerStep", "PulsedDevice", "SoftBounds",
    "pulsed_device",
]  # fmt: skip
