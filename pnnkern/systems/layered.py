"""Fully connected networks that relax, as trainable systems: deep resistive networks and Hopfield networks.

Parameters are weights "W1", "W2", ... (n_l, n_{l+1}) and biases "b1", ... (n_{l+1},), from the input upwards, and in Hopfield networks
with a feedback of their own the weights "V2", ... (n_l, n_{l+1}) that act downwards.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from .. import random
from .._array import Array
from .._declared import check
from .._gate import accepts_any
from ..networks import drn, hopfield
from ..networks.layered import Phases
from ._encoding import flat
from ._settling import HopfieldUnits, Settling


@accepts_any
@dataclass
class _LayeredNetwork(Settling):
    """What both have in common.

    sizes : nodes after the input, the outputs last. inputs : values of a sample (pixels, features). Others as in `Settling`; weights are
    written in one pass without a gradient array.
    """

    sizes: Sequence[int] = (1024, 10)
    inputs: int = 784

    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check(self)
        if len(self.sizes) < 1 or min(self.sizes) < 1 or self.inputs < 1:
            raise ValueError(f"sizes and inputs must be 1 or more, got sizes {tuple(self.sizes)} and inputs {self.inputs}")
        self._set_up()

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for l, (below, above) in enumerate(zip((self._entrances(), *self.sizes), self.sizes, strict=False), 1):
            shapes |= {f"W{l}": (below, above), f"b{l}": (above,)}
        return shapes

    def _drawn(self, like: Array) -> dict[str, Array]:
        return {f"W{l}": w for l, w in enumerate(self._initial(self.key, like), 1)}

    def _initial(self, key: Any, like: Array) -> list[Array]:
        weights: list[Array] = self.room.initial((self._entrances(), *self.sizes), key, gain=self.scale, dtype=self.dtype, like=like)
        return weights

    def _entrances(self) -> int:
        """Nodes of the input layer."""
        return self.inputs

    def encode(self, images: Array) -> Array:
        """Images (batch, ...), uint8 or finite numbers, as the input layer (batch, n_0): uint8 as fractions of 255, times the gain."""
        return self._enter(flat(images, self.inputs, self.device, self.dtype, bounded=False))

    def _enter(self, values: Array) -> Array:
        return self.gain * values


@accepts_any
@dataclass
class DRN(_LayeredNetwork):
    """Deep resistive network (`pnnkern.networks.drn`): weights are conductances in siemens, at least 0, inputs voltages of both signs.

    Defaults: DRN-1H of Scellier, ICML 2024: 1568-1024-10 nodes, gain 480 V, four sweeps; trained with batch 4, beta 1 S, lr 0.006.
    """

    _: KW_ONLY
    gain: float = 480.0
    sweeps: int = 4

    room: ClassVar[Any] = drn
    floor: ClassVar[float] = 0.0

    def _entrances(self) -> int:
        return 2 * self.inputs

    def _enter(self, values: Array) -> Array:
        return drn.encode(values, self.gain)


FEEDBACKS = ("tied", "separate", "same-update")


@accepts_any
@dataclass
class Hopfield(_LayeredNetwork, HopfieldUnits):
    """Layered Hopfield network (`pnnkern.networks.hopfield`).

    feedback : "tied", weights act both ways; "separate", others act downwards, V2, V3, ..., drawn by the same law from a stream of their
        own, so that there is no energy, and equilibrium propagation is that of vector fields, no gradient; "same-update", V moves as W
        does, by the contrast of tied weights, so that the two never grow further apart. Scellier et al., arXiv:1808.04873 (2018);
        Laborieux et al., Front. Neurosci. 15, 633674 (2021). The separate estimate is far from
        the gradient in the first layers at first, and comes closer as V turns towards W. Others as in `HopfieldUnits`.

    Defaults: one hidden layer of 1024 units, 15 sweeps, as in Scellier et al., arXiv:2312.15103 (2023).
    """

    _: KW_ONLY
    feedback: str = "tied"

    room: ClassVar[Any] = hopfield

    def __post_init__(self) -> None:
        check(self)
        if self.feedback not in FEEDBACKS:
            raise ValueError(f"feedback must be one of {', '.join(FEEDBACKS)}, got {self.feedback!r}")
        if self.feedback != "tied" and len(self.sizes) < 2:
            raise ValueError("a feedback of its own needs a hidden layer to act on")
        super().__post_init__()

    @property
    def has_energy(self) -> bool:
        return self.feedback == "tied"

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = super()._shapes()
        own = {} if self.feedback == "tied" else {f"V{l}": shapes[f"W{l}"] for l in range(2, len(self.sizes) + 1)}
        return shapes | own

    def _drawn(self, like: Array) -> dict[str, Array]:
        drawn = super()._drawn(like)
        if self.feedback != "tied":
            down = self._initial(random.fold_in(self.key, "V"), like)
            drawn |= {f"V{l}": v for l, v in enumerate(down[1:], 2)}
        return drawn

    def _kind(self) -> dict[str, Any]:
        if self.feedback == "tied":
            return super()._kind()
        return super()._kind() | {"backward": [self.parameters["W1"], *self._all("V")]}  # of the first nothing is used but the shape

    def _moves(self) -> dict[str, Any]:
        return super()._moves() | {"same": self.feedback == "same-update"}

    def _contrast(self, relaxed: Phases, a: int, b: int) -> Sequence[Sequence[Any]]:
        if self.feedback == "tied":
            return hopfield.contrast(relaxed, a, b)
        return (hopfield.same_contrast if self.feedback == "same-update" else hopfield.vector_field_contrast)(relaxed, a, b)


__all__ = ["DRN", "Hopfield"]
