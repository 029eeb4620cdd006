"""`kind = "spsa"`: the loss at parameters that are all perturbed at once."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables


@registry.rule("spsa")
class SPSATable(tables.Supervised):
    """[rule] of simultaneous perturbation."""

    kind: Literal["spsa"] = "spsa"
    c: float = Field(0.05, gt=0)  # size of the perturbation, in the parameters' unit
    directions: tables.Turns = 1  # pairs of passes to average over

    @classmethod
    def made(cls) -> type:
        from ...learning import SPSA

        return SPSA

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.loss_on(system), c=self.c, directions=self.directions)
