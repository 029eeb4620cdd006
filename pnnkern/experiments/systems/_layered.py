"""What the tables of systems of layers that relax have in common."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ... import _array
from .. import tables

if TYPE_CHECKING:
    from ..plots import Picture


class LayersTable(tables.System):
    """[system] of layers that relax."""

    outputs: ClassVar[Literal["powers", "signed"]] = "signed"
    gain: float = Field(1.0, gt=0)  # of the inputs
    scale: float = Field(1.0, gt=0)  # weights start uniform in +-scale / sqrt(values that a node sees from below)
    rates: list[float] = Field([])  # of the weights of each layer, relative to training.lr; all 1 if empty
    high: float = 1.0  # target of the sample's class
    low: float = 0.0  # and of the others

    def square_error(self) -> Any:
        from ...learning import SquareError

        return SquareError(self.high, self.low)

    def below_outputs(self) -> list[int]:
        """Sizes of the layers between inputs and outputs."""
        return []

    def exports(self) -> dict[str, tables.Quantity]:
        layers = range(1, len(self.below_outputs()) + 2)
        about = {f"W{l}": f"weights between layers {l - 1} and {l}" for l in layers} | {f"b{l}": f"biases of layer {l}" for l in layers}
        return {name: tables.Quantity(line) for name, line in about.items()}

    def export(self, what: str, parameters: dict[str, np.ndarray], index: float | None = None) -> np.ndarray:
        return parameters[what] if what in self.exports() else super().export(what, parameters, index)


class HopfieldUnitsTable(LayersTable):
    """[system] of Hopfield units that relax."""

    activation: Literal["hard-sigmoid", "sigmoid", "tanh"] = "hard-sigmoid"
    readout: Literal["state", "softmax"] = "state"  # outputs are units with a square error, or scores with a cross-entropy
    sweeps: tables.Turns = 15  # over all layers, of the free state
    nudged_sweeps: tables.Turns = 15  # of each nudged state
    bias_rates: list[float] = Field([])  # of the biases; as `rates` if empty

    def judged_by(self) -> dict[str, Any]:
        return super().judged_by() if self.readout == "state" else {"loss": "cross-entropy", "scale": 1.0}

    def no_circle(self) -> str:
        if self.activation == "hard-sigmoid":
            return "system.activation='sigmoid' or 'tanh', got 'hard-sigmoid'"
        return super().no_circle()

    def unit_settings(self) -> dict[str, Any]:
        """What a system is built with."""
        names = ("activation", "readout", "sweeps", "nudged_sweeps", "rates", "bias_rates")
        return {name: getattr(self, name) for name in names}


class LayeredTable(LayersTable):
    """[system] of a network that relaxes, fully connected from layer to layer."""

    hidden: list[tables.Count] = Field([1024], min_length=1, max_length=100)  # nodes of the hidden layers
    inputs: tables.Count = 784  # values of a sample

    def below_outputs(self) -> list[int]:
        return self.hidden

    def settings(self) -> dict[str, Any]:
        """What a system is built with, beyond what all have."""
        return {}

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> Any:
        return self.made()(
            sizes=(*self.hidden, classes), inputs=self.inputs, gain=self.gain, scale=self.scale, high=self.high, low=self.low,
            dtype=dtype, key=key, device=device, **self.settings(),
        )  # fmt: skip

    def signed_weights(self, parameters: dict[str, np.ndarray]) -> np.ndarray:
        """What each pixel does to each node of the first hidden layer, (inputs, hidden)."""
        return parameters["W1"]

    def pictures(self, trainer: Any, scores: np.ndarray) -> "list[Picture]":
        """First-layer weights of the 24 nodes with the largest ones, as images where samples are square images."""
        from ..plots import Picture, figure, png

        side = round(self.inputs**0.5)
        if side * side != self.inputs:
            return []
        weights = self.signed_weights({name: _array.to_numpy(p) for name, p in trainer.system.parameters.items()})
        shown = np.argsort(-np.linalg.norm(weights, axis=0))[:24]
        rows = -(-len(shown) // 8)
        limit = float(np.abs(weights[:, shown]).max()) or 1.0
        with figure(rows, 8, size=(9.6, 1.25 * rows), squeeze=False) as (drawn, axes):
            for axis, j in zip(axes.flat, shown, strict=False):
                axis.imshow(weights[:, j].reshape(side, side), cmap="RdBu_r", vmin=-limit, vmax=limit)
            for axis in axes.flat:
                axis.set_axis_off()
            picture = png(drawn)
        unit = self.exports()["W1"].unit.removeprefix("1")
        caption = (
            "Weights from the image to the hidden nodes that have the largest ones; red drives a node up, blue down. The deepest colours stand "
            f"for {limit:.3g} {unit}".rstrip() + "."
        )
        return [Picture("weights", "First-layer weights", caption, picture)]
