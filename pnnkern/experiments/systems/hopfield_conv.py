"""`kind = "hopfield-conv"`: a convolutional Hopfield network; how a recipe describes it."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables
from ._layered import HopfieldUnitsTable


@registry.system("hopfield-conv")
class ConvolutionalHopfieldTable(HopfieldUnitsTable):
    """[system] of layers of feature maps that relax, below a dense output layer."""

    kind: Literal["hopfield-conv"] = "hopfield-conv"
    maps: list[tables.Count] = Field([32, 64], max_length=100)  # feature maps of each layer; each layer halves height and width
    channels: tables.Count = 1  # of a sample
    height: tables.Count = 28
    width: tables.Count = 28
    side: tables.Count = 3  # of the square kernels, odd
    pool: Literal["mean", "max"] = "mean"  # of squares of 2 x 2

    @classmethod
    def made(cls) -> type:
        from ...systems.convolutional import ConvolutionalHopfield

        return ConvolutionalHopfield

    def below_outputs(self) -> list[int]:
        return self.maps

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> Any:
        return self.made()(
            maps=self.maps, outputs=classes, image=(self.channels, self.height, self.width), side=self.side, pool=self.pool, gain=self.gain,
            scale=self.scale, high=self.high, low=self.low, dtype=dtype, key=key, device=device, **self.unit_settings(),
        )  # fmt: skip

    def no_circle(self) -> str:
        return "system.pool='mean': a maximum is not holomorphic" if self.pool != "mean" else super().no_circle()
