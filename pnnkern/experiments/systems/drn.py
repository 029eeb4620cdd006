"""`kind = "drn"`: a deep resistive network, layers of diodes joined by conductances; how a recipe describes it."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from .. import registry, tables
from ._layered import LayeredTable


@registry.system("drn")
class DRNTable(LayeredTable):
    """[system] of a deep resistive network. Conductances in siemens, voltages in volts; the gain is the voltage of a white pixel."""

    kind: Literal["drn"] = "drn"
    gain: float = Field(480.0, gt=0)
    sweeps: tables.Turns = 4  # over all layers, of the free and of each nudged state
    bias_rates: list[float] = Field([])  # of the current sources, relative to training.lr; as `rates` if empty

    @classmethod
    def made(cls) -> type:
        from ...systems.layered import DRN

        return DRN

    def settings(self) -> dict[str, Any]:
        return {"sweeps": self.sweeps, "rates": self.rates, "bias_rates": self.bias_rates}

    def exports(self) -> dict[str, tables.Quantity]:
        lines = {
            name: q.about.replace("weights", "conductances").replace("biases", "current sources") for name, q in super().exports().items()
        }
        return {name: tables.Quantity(line, "S" if name[0] == "W" else "A") for name, line in lines.items()}

    def signed_weights(self, parameters: dict[str, np.ndarray]) -> np.ndarray:
        return parameters["W1"][: self.inputs] - parameters["W1"][self.inputs :]
