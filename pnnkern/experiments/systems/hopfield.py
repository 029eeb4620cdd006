"""`kind = "hopfield"`: a layered Hopfield network; how a recipe describes it."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables
from ._layered import HopfieldUnitsTable, LayeredTable
from ._writing import WrittenTable


@registry.system("hopfield")
class HopfieldTable(HopfieldUnitsTable, LayeredTable, WrittenTable):
    """[system] of a layered Hopfield network."""

    kind: Literal["hopfield"] = "hopfield"
    scale: float = Field(0.7, gt=0)
    # weights act both ways; or others act downwards, with updates of their own or the same
    feedback: Literal["tied", "separate", "same-update"] = "tied"

    @classmethod
    def made(cls) -> type:
        from ...systems.layered import Hopfield

        return Hopfield

    def settings(self) -> dict[str, Any]:
        return self.unit_settings() | {"feedback": self.feedback}

    def build(self, *, key: Any, **options: Any) -> Any:
        network = super().build(key=key, **options)
        self.give_writers(network, [name for name in network.parameters if name[0] in "WV"], key)
        return network

    def no_circle(self) -> str:
        return "system.feedback='tied': it gives the derivative of an energy" if self.feedback != "tied" else super().no_circle()

    def exports(self) -> dict[str, tables.Quantity]:
        own = range(2, len(self.hidden) + 2) if self.feedback != "tied" else ()
        return super().exports() | {f"V{l}": tables.Quantity(f"weights from layer {l} down to layer {l - 1}") for l in own}
