"""Convolutional Hopfield networks (`pnnkern.networks.convolutional`) as trainable systems.

Parameters are weights "W1", "W2", ..., (maps, maps below, k, k) of the convolutions and (values below, outputs) of the last layer, and
biases "b1", ..., (maps,) and (outputs,), from the input upwards. All pure numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array
from .._array import Array
from ..networks import convolutional
from ..networks._layered import Phases
from ._encoding import flat, one_hot
from .protocols import Update, population


@dataclass
class ConvolutionalHopfield:
    """Feature maps that settle, joined by convolutions and pooling, below a dense output layer. `Relaxing` and `Measurable`.

    maps : feature maps of each layer; each halves height and width. outputs : one for each class.
    image : (maps, height, width) of a sample. side : of the square kernels, odd. gain : of the inputs.
    sweeps, nudged_sweeps : of the free and of each nudged relaxation; exactly so many with tolerance 0, else at most, and not to settle
        is an error. high, low : targets of the outputs, of the sample's class and of the others.
    parameters : given, or drawn with `key`, weights uniform in +-scale / sqrt(values that a unit sees) and biases zero.
    device, dtype : of the arrays.
    """

    maps: Sequence[int] = (32, 64)
    outputs: int = 10
    image: tuple[int, int, int] = (1, 28, 28)
    side: int = 3
    gain: float = 1.0
    sweeps: int = 15
    nudged_sweeps: int | None = None
    tolerance: float | None = 0.0
    high: float = 1.0
    low: float = 0.0
    scale: float = 1.0
    parameters: dict[str, Array] = field(default_factory=dict)
    writers: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)
    dtype: str = "float32"
    key: Any = None
    device: str = "cpu"

    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if len(self.image) != 3 or min((*self.image, *self.maps, self.outputs)) < 1:
            raise ValueError(
                f"image must be three numbers, and all sizes 1 or more, got image {tuple(self.image)}, maps {tuple(self.maps)} "
                f"and outputs {self.outputs}"
            )
        if self.side < 1 or self.side % 2 == 0:
            raise ValueError(f"side must be odd, so that a kernel has a middle, got {self.side}")
        halvings = 2 ** len(self.maps)
        if self.image[1] % halvings or self.image[2] % halvings:
            raise ValueError(
                f"{len(self.maps)} layers that pool need a height and width divisible by {halvings}, got {self.image[1]} x {self.image[2]}"
            )
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {self.dtype!r}")
        xp = _array.device_namespace(self.device)
        if not self.parameters:
            if self.key is None:
                raise ValueError("a convolutional network needs a key to draw its weights from, or its parameters")
            drawn = convolutional.initial(
                self.image, self.maps, self.outputs, self.key, side=self.side, gain=self.scale, dtype=self.dtype,
                like=xp.empty(0, self.dtype),
            )  # fmt: skip
            self.parameters = {f"W{l}": w for l, w in enumerate(drawn, 1)}
            self.parameters |= {f"b{l}": xp.zeros(n, self.dtype) for l, n in enumerate((*self.maps, self.outputs), 1)}
        for name, shape in self._shapes().items():
            p = self.parameters.get(name)
            if p is None or p.shape != shape or p.dtype != self.dtype:
                got = "nothing" if p is None else f"{p.dtype} {p.shape}"
                raise ValueError(f"{name} must be {self.dtype} {shape}, got {got}")

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        below, halvings = self.image[0], 2 ** len(self.maps)
        shapes: dict[str, tuple[int, ...]] = {}
        for l, n in enumerate(self.maps, 1):
            shapes |= {f"W{l}": (n, below, self.side, self.side), f"b{l}": (n,)}
            below = n
        last, values = len(self.maps) + 1, below * (self.image[1] // halvings) * (self.image[2] // halvings)
        return shapes | {f"W{last}": (values, self.outputs), f"b{last}": (self.outputs,)}

    @property
    def weights(self) -> list[Array]:
        return [self.parameters[f"W{l}"] for l in range(1, len(self.maps) + 2)]

    @property
    def biases(self) -> list[Array]:
        return [self.parameters[f"b{l}"] for l in range(1, len(self.maps) + 2)]

    # ----------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Array) -> Array:
        """Images (batch, ...), uint8 or numbers, as (batch, maps, height, width): uint8 as fractions of 255, times the gain."""
        values = flat(images, int(np.prod(self.image)), self.device, self.dtype)
        return self.gain * values.reshape(len(values), *self.image)

    def targets(self, labels: Array) -> Array:
        """(batch, outputs): `high` at the label, `low` elsewhere."""
        return one_hot(labels, self.outputs, self.high, self.low, self.device, self.dtype)

    def forward(self, inputs: Array, key: Any = None, sample: Any = 0) -> Array:
        """Free outputs (batch, outputs). Noise-free: `key` is not needed."""
        return self.relax(inputs).output

    def forward_population(self, inputs: Array, parameters: dict[str, Array], key: Any = None, sample: Any = 0) -> Array:
        """Free outputs of a population, (members, batch, outputs)."""
        return population(self, inputs, parameters, key, sample)

    # ---------------------------------------------------------------------------------------------------------------- learning
    def relax(self, inputs: Array, *, target: Array | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Any = None,
              sample: Any = 0) -> Phases:  # fmt: skip
        """The free state and how far nudges move it."""
        return convolutional.phases(
            inputs, self.weights, self.biases, nudges=nudges, target=target, hold=hold, sweeps=self.sweeps,
            nudged_sweeps=self.nudged_sweeps, tolerance=self.tolerance,
        )  # fmt: skip

    def contrast(self, relaxed: Phases, a: int, b: int) -> dict[str, Update]:
        """dE/dparameter in phase b less that in phase a, mean over the batch."""
        of_weights, of_biases = convolutional.contrast(relaxed, a, b, self.weights)
        return {f"W{l}": g for l, g in enumerate(of_weights, 1)} | {f"b{l}": g for l, g in enumerate(of_biases, 1)}


__all__ = ["ConvolutionalHopfield"]
