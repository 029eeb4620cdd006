"""What networks of layers have in common: how inputs enter, how weights start and learn, what they are trained towards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from .._array import Array, Numbers
from .._declared import Count, Length, Positive
from .._gate import accepts_any
from ._encoding import Encoding, one_hot
from ._imperfect import BuildableLayers
from .system import Quantity, Target

Sizes = Annotated[Sequence[Count], Length(0, 100)]
OneSize = Annotated[Sequence[Count], Length(1, 1)]
Rates = Annotated[Sequence[float], Length(0, 101)]


@accepts_any
@dataclass(kw_only=True)
class Layers(BuildableLayers):
    """Layers that relax.

    Parameters
    ----------
    outputs : Count
        One for each class.
    dtype : str
        float32 or float64, of the parameters.
    """

    gain: Positive = 1.0  # factor on the inputs
    scale: Positive = 1.0  # weights start uniform in +-scale / sqrt(values that a node sees from below)
    rates: Rates = ()  # of the weights of each layer, relative to training.lr; all 1 if empty
    outputs: Count = 10
    dtype: str = "float32"

    device_samples: ClassVar[bool] = True

    @property
    def below_outputs(self) -> Sequence[int]:
        """Sizes of the layers between inputs and outputs."""
        return ()

    def exports(self) -> dict[str, Quantity]:
        layers = range(1, len(self.below_outputs) + 2)
        about = {f"W{l}": f"weights between layers {l - 1} and {l}" for l in layers} | {f"b{l}": f"biases of layer {l}" for l in layers}
        return {name: Quantity(line) for name, line in about.items()}


@accepts_any
@dataclass(kw_only=True)
class GradedOutputs(Layers):
    """Layers whose outputs can have any value, so that there is a choice of what they are trained towards."""

    high: float = 1.0  # target of the sample's class
    low: float = 0.0  # target of the other classes

    @property
    def natural_loss(self) -> Target:
        return Target(high=self.high, low=self.low)

    def targets(self, labels: Numbers) -> Array:
        """(batch, outputs): `high` at the label, `low` elsewhere."""
        return one_hot(labels, self.outputs, self.high, self.low, self.device, self.dtype)


@accepts_any
@dataclass(kw_only=True)
class DenseLayers(Layers):
    """Layers that relax, fully connected from one to the next."""

    hidden: Sizes = (1024,)  # nodes of the hidden layers
    inputs: Count = 784  # values of a sample

    drawn_by: ClassVar[str] = "layers"

    @property
    def below_outputs(self) -> Sequence[int]:
        return self.hidden

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes of all layers after the input."""
        return (*self.hidden, self.outputs)

    def signed_weights(self) -> Array:
        """What each input does to each node of the first hidden layer, (inputs, hidden)."""
        return self.parameters["W1"]

    @property
    def encoding(self) -> Encoding:
        """What `encode` does."""
        return Encoding(self.inputs, self.dtype, gain=self.gain, bounded=False)

    def encode(self, images: Numbers) -> Array:
        """Images (batch, ...), uint8 or finite numbers, as inputs (batch, n): uint8 as fractions of 255, times the gain."""
        return self.encoding.of(images, self.device)


@accepts_any
@dataclass(kw_only=True)
class OneHiddenLayer(DenseLayers):
    """Inputs, one hidden layer and the outputs; W1 and W2 may learn at rates of their own."""

    hidden: OneSize = (1024,)  # nodes of the hidden layer

    def two_rates(self) -> tuple[float, float]:
        """Of W1 and of W2, relative to the learning rate.

        Raises
        ------
        ValueError
            Unless there are two of them, or none.
        """
        if len(self.rates) not in (0, 2):
            raise ValueError(f"rates must be two numbers, of W1 and of W2, got {len(self.rates)}")
        first, second = self.rates if len(self.rates) else (1.0, 1.0)
        return first, second


def check_dtype(dtype: str) -> None:
    """Raise ValueError for a working precision that is none."""
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")


__all__ = ["DenseLayers", "GradedOutputs", "Layers", "OneHiddenLayer", "OneSize", "Rates", "Sizes", "check_dtype"]
