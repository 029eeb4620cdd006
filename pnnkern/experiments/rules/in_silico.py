"""`kind = "in-silico"`: exact gradients of the digital twin."""

from typing import Any, Literal

from .. import registry, tables


@registry.rule("in-silico")
class InSilicoTable(tables.Supervised):
    """[rule] of in-silico training."""

    kind: Literal["in-silico"] = "in-silico"

    @classmethod
    def made(cls) -> type:
        from ...learning import InSilico

        return InSilico

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.loss_on(system))
