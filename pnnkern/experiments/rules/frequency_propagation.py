"""`kind = "frequency-propagation"`: activation and error at two frequencies at once."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables
from ._relaxed import Relaxed


@registry.rule("frequency-propagation")
class FrequencyPropagationTable(Relaxed):
    """[rule] of frequency propagation."""

    kind: Literal["frequency-propagation"] = "frequency-propagation"
    gamma: float = Field(1e-3, gt=0, allow_inf_nan=False)  # of the error, siemens in circuits
    activation: int = Field(2, ge=1)  # oscillations of the inputs in a period
    error: int = Field(3, ge=1)  # oscillations of the error in a period
    samples: int = Field(16, ge=3)  # instants of a period at which parts look

    @classmethod
    def made(cls) -> type:
        from ...learning import FrequencyPropagation

        return FrequencyPropagation

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.gamma, (self.activation, self.error), self.samples, self.loss_on(system))
