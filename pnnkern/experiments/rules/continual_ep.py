"""`kind = "continual-ep"`: parameters move after every nudged step."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables
from ._relaxed import Relaxed


@registry.rule("continual-ep")
class ContinualEPTable(Relaxed):
    """[rule] of continual equilibrium propagation."""

    kind: Literal["continual-ep"] = "continual-ep"
    strength: float = Field(0.1, gt=0)  # beta, as in equilibrium-propagation
    steps: tables.Turns = 20  # nudged ones, with a move after each
    rate: float = Field(1e-3, gt=0)  # of the moves on the way; with training.lr the same they are kept as they are

    @classmethod
    def made(cls) -> type:
        from ...learning import ContinualEP

        return ContinualEP

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.strength, self.steps, self.rate, self.loss_on(system))
