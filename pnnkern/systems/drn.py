"""Deep resistive networks (`pnnkern.networks.drn`) as trainable systems: layers of diodes joined by conductances.

Parameters are conductances "W1", "W2", ... (n_l, n_{l+1}) in siemens and current sources "b1", ... (n_{l+1},) in amperes, from the input
upwards; the input layer has two nodes for each value of a sample, of either sign.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Array, Numbers
from .._declared import Positive, Turns
from .._gate import accepts_any
from ..networks import drn
from ._encoding import Encoding
from ._settling import DenseSettling
from .system import Quantity


@accepts_any
@dataclass(kw_only=True)
class DRN(DenseSettling):
    """Deep resistive network: weights are conductances, at least 0, what comes out are voltages.

    Defaults: DRN-1H of Scellier, ICML 2024: 1568-1024-10 nodes, gain 480 V, four sweeps; trained with batch 4, beta 1 S, lr 0.006.
    """

    gain: Positive = 480.0  # [V] of a white pixel
    sweeps: Turns = 4  # over all layers, of the free and of each nudged state
    high: float = 1.0  # [V] target of the sample's class
    low: float = 0.0  # [V] target of the other classes

    kind: ClassVar[str] = "drn"
    recipe: ClassVar[str] = "drn-xs-mnist"
    output_unit: ClassVar[str] = "V"
    nudge_unit: ClassVar[str] = "S"
    physics: ClassVar[Any] = drn
    least_weight: ClassVar[float] = 0.0

    @property
    def natural_nudge(self) -> float:
        """1 S, as published."""
        return 1.0

    def _slope(self, off: Array) -> Array:
        """Less than 1: a node that leaks."""
        return 1 / (1 + abs(off))

    @property
    def _entrances(self) -> int:
        return 2 * self.inputs

    @property
    def encoding(self) -> Encoding:
        """What `encode` does."""
        return Encoding(self.inputs, self.dtype, gain=self.gain, both=True, bounded=False)

    def encode(self, images: Numbers) -> Array:
        """Images (batch, ...), uint8 or finite numbers, as input voltages (batch, 2 n): the gain times each value, and minus that."""
        return self.encoding.of(images, self.device)

    # ------------------------------------------------------------------------------------------------------ for other programs
    def exports(self) -> dict[str, Quantity]:
        about = {name: what.about for name, what in super().exports().items()}
        words = {"W": ("weights", "conductances", "S"), "b": ("biases", "current sources", "A")}
        return {name: Quantity(line.replace(*words[name[0]][:2]), words[name[0]][2]) for name, line in about.items()}

    def signed_weights(self) -> Array:
        """What each input does to each node of the first hidden layer, in siemens: the conductance of one sign less that of the other."""
        return self.parameters["W1"][: self.inputs] - self.parameters["W1"][self.inputs :]


__all__ = ["DRN"]
