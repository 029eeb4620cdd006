"""`kind = "hardware-aware"`: exact gradients of a twin whose parameters are noisy."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables


@registry.rule("hardware-aware")
class HardwareAwareTable(tables.Supervised):
    """[rule] of hardware-aware training."""

    kind: Literal["hardware-aware"] = "hardware-aware"
    noise: float = Field(0.04, ge=0, le=1)  # of the parameters, relative to the largest of each array

    @classmethod
    def made(cls) -> type:
        from ...learning import HardwareAware

        return HardwareAware

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.loss_on(system), noise=self.noise)
