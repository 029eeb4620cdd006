"""`kind = "agnostic-ep"`: parts that give way to what they feel."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables
from ._relaxed import Relaxed


@registry.rule("agnostic-ep")
class AgnosticEPTable(Relaxed):
    """[rule] of agnostic equilibrium propagation."""

    kind: Literal["agnostic-ep"] = "agnostic-ep"
    strength: float = Field(1e-3, gt=0)  # beta, as in equilibrium-propagation
    rate: float = Field(1e-3, gt=0)  # 2 softness beta; with training.lr the same parameters end where physics led
    steps: tables.Turns = 100  # turns of states and parameters at most, until they have settled

    @classmethod
    def made(cls) -> type:
        from ...learning import AgnosticEP

        return AgnosticEP

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.strength, self.rate, self.steps, loss=self.loss_on(system))
