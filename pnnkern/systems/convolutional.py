"""Convolutional Hopfield networks (`pnnkern.networks.convolutional`) as trainable systems.

Parameters are weights "W1", "W2", ..., (maps, maps below, k, k) of the convolutions and (values below, outputs) of the last layer, and
biases "b1", ..., (maps,) and (outputs,), from the input upwards. All pure numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .._array import Array
from .._gate import accepts_any
from ..networks import convolutional
from ..networks._layered import Phases
from ._encoding import flat
from ._settling import HopfieldUnits
from ._typed import check_types
from .protocols import looped_population


@accepts_any
@dataclass
class ConvolutionalHopfield(HopfieldUnits):
    """Feature maps that settle, joined by convolutions and pooling, below a dense output layer.

    maps : feature maps of each layer; each halves height and width. outputs : one for each class. image : (maps, height, width) of a
    sample. side : of the square kernels, odd. pool : "mean" or "max". Others as in `HopfieldUnits`; with `rates` an optimiser has no say
    in the weights.
    """

    maps: Sequence[int] = (32, 64)
    outputs: int = 10
    image: tuple[int, int, int] = (1, 28, 28)
    side: int = 3
    pool: str = "mean"

    room: ClassVar[Any] = convolutional

    def __post_init__(self) -> None:
        check_types(self)
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
        convolutional.check_pool(self.pool, self.activation)
        self._set_up()

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        below, halvings = self.image[0], 2 ** len(self.maps)
        shapes: dict[str, tuple[int, ...]] = {}
        for l, n in enumerate(self.maps, 1):
            shapes |= {f"W{l}": (n, below, self.side, self.side), f"b{l}": (n,)}
            below = n
        last, values = len(self.maps) + 1, below * (self.image[1] // halvings) * (self.image[2] // halvings)
        return shapes | {f"W{last}": (values, self.outputs), f"b{last}": (self.outputs,)}

    def _drawn(self, like: Array) -> dict[str, Array]:
        drawn = convolutional.initial(
            self.image, self.maps, self.outputs, self.key, side=self.side, gain=self.scale, dtype=self.dtype, like=like
        )
        return {f"W{l}": w for l, w in enumerate(drawn, 1)}

    def encode(self, images: Array) -> Array:
        """Images, uint8 or finite numbers, as (batch, maps, height, width): uint8 as fractions of 255, times the gain.

        They are (batch, values), (batch, height, width) of one map, or (batch, maps, height, width). Raises TypeError or ValueError for others.
        """
        values = flat(images, int(np.prod(self.image)), self.device, self.dtype, bounded=False)
        shape, own = np.shape(images)[1:], tuple(self.image)
        if shape not in (values.shape[1:], own) and (1, *shape) != own:
            raise ValueError(f"each image must be {own}, or flat, got shape {shape}")
        return self.gain * values.reshape(len(values), *self.image)

    forward_population = looped_population(HopfieldUnits.forward)

    def _contrast(self, relaxed: Phases, a: int, b: int) -> Sequence[Sequence[Any]]:
        return convolutional.contrast(relaxed, a, b, self.weights, pool=self.pool)

    def _kind(self) -> dict[str, Any]:
        return super()._kind() | {"pool": self.pool}


__all__ = ["ConvolutionalHopfield"]
