"""Layered networks that relax, as trainable systems: deep resistive networks and Hopfield networks.

Parameters are weights "W1", "W2", ... (n_l, n_{l+1}) and biases "b1", ... (n_{l+1},), from the input upwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array
from .._array import Array
from ..networks import drn, hopfield
from ..networks._layered import Equilibrium, Phases
from ._encoding import flat, one_hot
from .protocols import OuterProduct, Update, population
from .writers import InPlace


@dataclass
class _LayeredNetwork:
    """What both have in common.

    sizes : nodes after the input, the outputs last. inputs : values of a sample (pixels, features). gain : of the inputs.
    sweeps, nudged_sweeps : of the free and of each nudged relaxation; exactly so many with tolerance 0, else at most, and not to settle
        is an error. high, low : targets of the outputs, of the sample's class and of the others.
    parameters : given, or drawn with `key`, weights uniform in +-scale / sqrt(n_l) and biases zero. rates : of W1, W2, ... relative to
        the learning rate, and bias_rates of the biases; written in one pass without a gradient array. device, dtype : of the arrays.
    """

    sizes: Sequence[int] = (1024, 10)
    inputs: int = 784
    gain: float = 1.0
    sweeps: int = 4
    nudged_sweeps: int | None = None
    tolerance: float | None = 0.0
    high: float = 1.0
    low: float = 0.0
    scale: float = 1.0
    rates: Sequence[float] = ()
    bias_rates: Sequence[float] = ()
    parameters: dict[str, Array] = field(default_factory=dict)
    writers: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)
    dtype: str = "float32"
    key: Any = None
    device: str = "cpu"

    room: ClassVar[Any] = None
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        layers = len(self.sizes)
        if layers < 1 or min(self.sizes) < 1 or self.inputs < 1:
            raise ValueError(f"sizes and inputs must be 1 or more, got sizes {tuple(self.sizes)} and inputs {self.inputs}")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {self.dtype!r}")
        for name in ("rates", "bias_rates"):
            if len(getattr(self, name)) not in (0, layers):
                raise ValueError(f"{name} must be one number for each of the {layers} layers, got {len(getattr(self, name))}")
        xp = _array.device_namespace(self.device)
        if not self.parameters:
            if self.key is None:
                raise ValueError("a layered network needs a key to draw its weights from, or its parameters")
            drawn = self.room.initial(
                (self._entrances(), *self.sizes), self.key, gain=self.scale, dtype=self.dtype, like=xp.empty(0, self.dtype)
            )
            self.parameters = {f"W{l}": w for l, w in enumerate(drawn, 1)}
            self.parameters |= {f"b{l}": xp.zeros(n, self.dtype) for l, n in enumerate(self.sizes, 1)}
        for l, (below, above) in enumerate(zip((self._entrances(), *self.sizes), self.sizes, strict=False), 1):
            for name, shape in ((f"W{l}", (below, above)), (f"b{l}", (above,))):
                p = self.parameters.get(name)
                if p is None or p.shape != shape or p.dtype != self.dtype:
                    got = "nothing" if p is None else f"{p.dtype} {p.shape}"
                    raise ValueError(f"{name} must be {self.dtype} {shape}, got {got}")
            rate = self.rates[l - 1] if self.rates else 1.0
            self.writers.setdefault(f"W{l}", InPlace(self.floor, rate=rate))
            if self.bias_rates or rate != 1:
                self.writers.setdefault(f"b{l}", InPlace(rate=self.bias_rates[l - 1] if self.bias_rates else rate))

    floor: ClassVar[float] = -np.inf  # of the weights

    def _entrances(self) -> int:
        """Nodes of the input layer."""
        return self.inputs

    def _settings(self) -> dict[str, Any]:
        return {"sweeps": self.sweeps, "tolerance": self.tolerance} | self._kind()

    def _kind(self) -> dict[str, Any]:
        return {}

    @property
    def weights(self) -> list[Array]:
        return [self.parameters[f"W{l}"] for l in range(1, len(self.sizes) + 1)]

    @property
    def biases(self) -> list[Array]:
        return [self.parameters[f"b{l}"] for l in range(1, len(self.sizes) + 1)]

    # ----------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Array) -> Array:
        """Images (batch, ...), uint8 or numbers, as values of the input layer (batch, n_0): uint8 as fractions of 255, times the gain."""
        return self._enter(flat(images, self.inputs, self.device, self.dtype))

    def _enter(self, values: Array) -> Array:
        return self.gain * values

    def targets(self, labels: Array) -> Array:
        """(batch, outputs): `high` at the label, `low` elsewhere."""
        return one_hot(labels, self.sizes[-1], self.high, self.low, self.device, self.dtype)

    def forward(self, inputs: Array, key: Any = None, sample: Any = 0) -> Array:
        """Free outputs (batch, outputs). Noise-free: `key` is not needed."""
        return self.relax(inputs).output

    def forward_population(self, inputs: Array, parameters: dict[str, Array], key: Any = None, sample: Any = 0) -> Array:
        """Free outputs of a population, (members, batch, outputs)."""
        return population(self, inputs, parameters, key, sample)

    def relax(self, inputs: Array, *, target: Array | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Any = None,
              sample: Any = 0) -> Phases:  # fmt: skip
        """The free state and how far nudges move it."""
        return self.room.phases(
            inputs, self.weights, self.biases, nudges=nudges, target=target, hold=hold, nudged_sweeps=self.nudged_sweeps, **self._settings()
        )

    def contrast(self, relaxed: Phases, a: int, b: int) -> dict[str, Update]:
        """dE/dparameter in phase b less that in phase a, mean over the batch."""
        return self._named(self.room.contrast(relaxed, a, b))

    def continual_contrast(self, relaxed: Phases, target: Array, *, nudge: float, steps: int, rate: float) -> dict[str, Update]:
        """What continual equilibrium propagation adds up to. On the way the weights and biases of a layer move at its share of `rate`."""
        rates = [rate * share for share in (self.rates or [1.0] * len(self.sizes))]
        ends = self.room.continual(
            relaxed.inputs, target, self.weights, self.biases, nudge=nudge, rates=rates, steps=steps, free=relaxed, **self._settings()
        )
        return {
            f"{name}{l}": (self.parameters[f"{name}{l}"] - end) * (1 / r if r else 0.0)
            for name, arrays in zip("Wb", ends, strict=True) for l, (end, r) in enumerate(zip(arrays, rates, strict=True), 1)
        }  # fmt: skip

    def _named(self, updates: tuple[list[Any], list[Array]]) -> dict[str, Update]:
        factors, biases = updates
        named: dict[str, Update] = {f"W{l}": OuterProduct(*f) for l, f in enumerate(factors, 1)}
        return named | {f"b{l}": g for l, g in enumerate(biases, 1)}

    # -------------------------------------------------------------------------------------------------------------- exact twin
    def forward_saving(self, inputs: Array) -> tuple[Array, Any]:
        """Free outputs, and the state for `vjp`."""
        free: Equilibrium = self.room.relax(inputs, self.weights, self.biases, **self._settings())
        return free.output, (inputs, free)

    def vjp(self, cotangent: Array, record: Any) -> dict[str, Update]:
        """The exact derivative through the equilibrium, by the response of all nodes to the cotangent."""
        inputs, free = record
        settings = self._settings()
        settings["sweeps"] = max(self.sweeps, self.nudged_sweeps or 0)
        return self._named(self.room.relax_vjp(cotangent, inputs, self.weights, self.biases, free=free, **settings))


@dataclass
class DRN(_LayeredNetwork):
    """Deep resistive network (`pnnkern.networks.drn`): weights are conductances in siemens, at least 0, inputs voltages of both signs.

    Defaults: DRN-1H of Scellier, ICML 2024: 1568-1024-10 nodes, gain 480 V, four sweeps; trained with batch 4, beta 1 S, lr 0.006.
    """

    gain: float = 480.0

    room: ClassVar[Any] = drn
    floor: ClassVar[float] = 0.0

    def _entrances(self) -> int:
        return 2 * self.inputs

    def _enter(self, values: Array) -> Array:
        return drn.encode(values, self.gain)


@dataclass
class Hopfield(_LayeredNetwork):
    """Layered Hopfield network (`pnnkern.networks.hopfield`). activation : "hard-sigmoid", "sigmoid" or "tanh".

    Defaults: one hidden layer of 1024 units, 15 sweeps, as in Scellier et al., arXiv:2312.15103 (2023).
    """

    sweeps: int = 15
    activation: str = "hard-sigmoid"

    room: ClassVar[Any] = hopfield

    def _kind(self) -> dict[str, Any]:
        return {"activation": self.activation}

    def holomorphic_contrast(self, inputs: Array, target: Array, *, radius: float, points: int) -> dict[str, Update]:
        """The gradient of |output - target|^2 / 2 by nudges on a circle; only the smooth activations can be followed there."""
        settings = self._settings()
        settings["sweeps"] = max(self.sweeps, self.nudged_sweeps or 0)
        return self._named(
            hopfield.holomorphic_contrast(inputs, target, self.weights, self.biases, radius=radius, points=points, **settings)
        )


__all__ = ["DRN", "Hopfield"]
