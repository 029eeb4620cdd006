"""Convolutional Hopfield networks (`pnnkern.networks.convolutional`) as trainable systems.

Parameters are weights "W1", "W2", ..., (maps, maps below, k, k) of the convolutions and (values below, outputs) of the last layer, and
biases "b1", ..., (maps,) and (outputs,), from the input upwards. All pure numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from .._array import Array, Numbers
from .._declared import Count, Length, check
from .._gate import accepts_any
from ..networks import convolutional
from ..networks.layered import Phases
from ._encoding import Encoding
from ._settling import HopfieldUnits
from .protocols import looped_population


@accepts_any
@dataclass(kw_only=True)
class ConvolutionalHopfield(HopfieldUnits):
    """Feature maps that settle, joined by convolutions and pooling, below a dense output layer.

    With `rates` an optimiser has no say in the weights. Others as in `HopfieldUnits`.
    """

    maps: Annotated[Sequence[Count], Length(0, 100)] = (32, 64)  # feature maps of each layer; each layer halves height and width
    channels: Count = 1  # of a sample, which is an image
    height: Count = 28  # pixels of a sample
    width: Count = 28  # pixels of a sample
    side: Count = 3  # of the square kernels, odd
    pool: Literal["mean", "max"] = "mean"  # of squares of 2 x 2

    kind: ClassVar[str] = "hopfield-conv"
    recipe: ClassVar[str] = "ep-conv-digits"
    physics: ClassVar[Any] = convolutional

    def __post_init__(self) -> None:
        check(self)
        if self.side % 2 == 0:
            raise ValueError(f"side must be odd, so that a kernel has a middle, got {self.side}")
        halvings = 2 ** len(self.maps)
        if self.height % halvings or self.width % halvings:
            raise ValueError(
                f"{len(self.maps)} layers that pool need a height and width divisible by {halvings}, got {self.height} x {self.width}"
            )
        convolutional.check_pool(self.pool, self.activation)
        self._set_up()

    @property
    def image(self) -> tuple[int, int, int]:
        """(channels, height, width) of a sample."""
        return self.channels, self.height, self.width

    @property
    def below_outputs(self) -> Sequence[int]:
        return self.maps

    @property
    def unmet(self) -> Mapping[str, str]:
        return {"Holomorphic": "system.pool='mean': a maximum is not holomorphic"} if self.pool != "mean" else super().unmet

    def _parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        below, halvings = self.channels, 2 ** len(self.maps)
        shapes: dict[str, tuple[int, ...]] = {}
        for l, n in enumerate(self.maps, 1):
            shapes |= {f"W{l}": (n, below, self.side, self.side), f"b{l}": (n,)}
            below = n
        last, values = len(self.maps) + 1, below * (self.height // halvings) * (self.width // halvings)
        return shapes | {f"W{last}": (values, self.outputs), f"b{last}": (self.outputs,)}

    @property
    def _unit_shapes(self) -> list[tuple[int, ...]]:
        return [(n, self.height >> l, self.width >> l) for l, n in enumerate(self.maps, 1)] + [(self.outputs,)]

    def _draw_weights(self, like: Array) -> dict[str, Array]:
        drawn = convolutional.initial(
            self.image, self.maps, self.outputs, self.key, side=self.side, gain=self.scale, dtype=self.dtype, like=like
        )
        return {f"W{l}": w for l, w in enumerate(drawn, 1)}

    def _physics_settings(self) -> dict[str, Any]:
        return super()._physics_settings() | {"pool": self.pool}

    @property
    def encoding(self) -> Encoding:
        """What `encode` does."""
        return Encoding(int(np.prod(self.image)), self.dtype, gain=self.gain, bounded=False, image=self.image)

    def encode(self, images: Numbers) -> Array:
        """Images, uint8 or finite numbers, as (batch, maps, height, width): uint8 as fractions of 255, times the gain.

        They are (batch, values), (batch, height, width) of one map, or (batch, maps, height, width).

        Raises
        ------
        TypeError, ValueError
            For others.
        """
        return self.encoding.of(images, self.device)

    forward_population = looped_population(HopfieldUnits.forward)

    def _contrast(self, relaxed: Phases, a: int, b: int) -> Sequence[Sequence[Any]]:
        return convolutional.contrast(relaxed, a, b, self.weights, pool=self.pool, mean=False)


__all__ = ["ConvolutionalHopfield"]
