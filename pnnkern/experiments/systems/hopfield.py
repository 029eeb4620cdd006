"""`kind = "hopfield"`: a layered Hopfield network; how a recipe describes it."""

from typing import Any, Literal

from pydantic import Field

from .. import registry
from ._layered import LayeredTable
from ._writing import WrittenTable


@registry.system("hopfield")
class HopfieldTable(LayeredTable, WrittenTable):
    """[system] of a layered Hopfield network."""

    kind: Literal["hopfield"] = "hopfield"
    scale: float = Field(0.7, gt=0, allow_inf_nan=False)
    activation: Literal["hard-sigmoid", "sigmoid", "tanh"] = "hard-sigmoid"
    sweeps: int = Field(15, ge=1)  # over all layers, of the free state
    nudged_sweeps: int = Field(15, ge=1)  # of each nudged state
    bias_rates: list[float] = Field([])  # relative to training.lr; as `rates` if empty

    @classmethod
    def made(cls) -> type:
        from ...systems.layered import Hopfield

        return Hopfield

    def settings(self) -> dict[str, Any]:
        return {
            "sweeps": self.sweeps, "nudged_sweeps": self.nudged_sweeps, "activation": self.activation, "rates": self.rates,
            "bias_rates": self.bias_rates,
        }  # fmt: skip

    def build(self, *, key: Any, **options: Any) -> Any:
        network = super().build(key=key, **options)
        self.give_writers(network, [name for name in network.parameters if name.startswith("W")], key)
        return network
