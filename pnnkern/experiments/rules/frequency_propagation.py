"""`kind = "frequency-propagation"`: activation and error at two frequencies at once."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables
from ._relaxed import Relaxed


@registry.rule("frequency-propagation")
class FrequencyPropagationTable(Relaxed):
    """[rule] of frequency propagation."""

    kind: Literal["frequency-propagation"] = "frequency-propagation"
    gamma: float = Field(1e-3, gt=0)  # of the error, siemens in circuits
    activation: tables.Count = 2  # oscillations of the inputs in a period
    error: tables.Count = 3  # and of the error
    samples: int = Field(16, ge=3, le=100_000)  # instants of a period at which parts look

    @classmethod
    def made(cls) -> type:
        from ...learning import FrequencyPropagation

        return FrequencyPropagation

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.gamma, (self.activation, self.error), self.samples, self.loss_on(system))
