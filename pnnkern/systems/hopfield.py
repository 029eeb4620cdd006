"""Layered Hopfield networks (`pnnkern.networks.hopfield`) as trainable systems.

Parameters are weights "W1", "W2", ... (n_l, n_{l+1}) and biases "b1", ... (n_{l+1},), from the input upwards, and with a feedback of its
own the weights "V2", ... (n_l, n_{l+1}) that act downwards. All pure numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from .. import random
from .._array import Array
from .._declared import Positive, check
from .._gate import accepts_any
from ..networks import hopfield
from ..networks.layered import Phases
from ._settling import DenseSettling, HopfieldUnits
from .system import Quantity
from .writers import Pulses


@accepts_any
@dataclass(kw_only=True)
class Hopfield(HopfieldUnits, DenseSettling):  # in this order: a dataclass takes the defaults of the first
    """Layered Hopfield network.

    Parameters
    ----------
    feedback : Literal['tied', 'separate', 'same-update']
        "tied", weights act both ways; "separate", others act downwards, V2, V3, ..., drawn by the same law from a stream of their own, so that
        there is no energy, and equilibrium propagation is that of vector fields, no gradient; "same-update", V moves as W does, by the contrast
        of tied weights, so that the two never grow further apart. Scellier et al., arXiv:1808.04873 (2018); Laborieux et al., Front. Neurosci.
        15, 633674 (2021). The separate estimate is far from the gradient in the first layers at first, and comes closer as V turns towards W.

    Notes
    -----
    Others as in `HopfieldUnits`.

    Defaults: one hidden layer of 1024 units, 15 sweeps, as in Scellier et al., arXiv:2312.15103 (2023).
    """

    scale: Positive = 0.7  # weights start uniform in +-scale / sqrt(values that a node sees from below)
    # weights act both ways; or others act downwards, with updates of their own or the same
    feedback: Literal["tied", "separate", "same-update"] = "tied"
    writing: Pulses = field(default_factory=Pulses)

    kind: ClassVar[str] = "hopfield"
    recipe: ClassVar[str] = "ep-digits"
    exact: ClassVar[Mapping[str, Any]] = {"writer": "ideal"}
    physics: ClassVar[Any] = hopfield

    def __post_init__(self) -> None:
        check(self)
        if self.feedback != "tied" and not len(self.hidden):
            raise ValueError("a feedback of its own needs a hidden layer to act on")
        self._set_up()
        self.writing.give(self, [name for name in self.parameters if name[0] in "WV"])

    @property
    def has_energy(self) -> bool:
        return self.feedback == "tied"

    @property
    def unmet(self) -> Mapping[str, str]:
        if self.feedback != "tied":
            return {"Holomorphic": "system.feedback='tied': it gives the derivative of an energy"}
        return super().unmet

    @property
    def _letters(self) -> str:
        return "Wb" if self.feedback == "tied" else "WVb"

    @property
    def _own_feedback(self) -> list[str]:
        """Names of the weights that act downwards alone."""
        return [] if self.feedback == "tied" else [f"V{l}" for l in range(2, len(self.sizes) + 1)]

    def _parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = super()._parameter_shapes()
        return shapes | {name: shapes[f"W{name[1:]}"] for name in self._own_feedback}

    def _draw_weights(self, like: Array) -> dict[str, Array]:
        drawn = super()._draw_weights(like)
        if self._own_feedback:
            _, *down = self._initial(random.fold_in(self.key, "V"), like)
            drawn |= dict(zip(self._own_feedback, down, strict=True))
        return drawn

    def _physics_settings(self) -> dict[str, Any]:
        if self.feedback == "tied":
            return super()._physics_settings()
        backward = [self.parameters["W1"], *self._parameters_of("V")]  # of the first nothing is used but the shape
        return super()._physics_settings() | {"backward": backward}

    def _continual_settings(self) -> dict[str, Any]:
        return super()._continual_settings() | {"same": self.feedback == "same-update"}

    def _contrast(self, relaxed: Phases, a: int, b: int) -> Sequence[Sequence[Any]]:
        if self.feedback == "tied":
            return hopfield.contrast(relaxed, a, b, mean=False)
        return (hopfield.same_contrast if self.feedback == "same-update" else hopfield.vector_field_contrast)(relaxed, a, b, mean=False)

    def exports(self) -> dict[str, Quantity]:
        down = {name: Quantity(f"weights from layer {name[1:]} down to layer {int(name[1:]) - 1}") for name in self._own_feedback}
        return super().exports() | down


__all__ = ["Hopfield"]
