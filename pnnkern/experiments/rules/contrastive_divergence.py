"""`kind = "contrastive-divergence"`: the data against what the machine dreams."""

from typing import Any, Literal

from .. import registry, tables
from ._relaxed import Relaxed


@registry.rule("contrastive-divergence")
class ContrastiveDivergenceTable(Relaxed):
    """[rule] of contrastive divergence."""

    kind: Literal["contrastive-divergence"] = "contrastive-divergence"
    steps: tables.Turns = 1  # of drawing all units
    persistent: bool = False  # dreams go on from where the last ones ended

    @classmethod
    def made(cls) -> type:
        from ...learning import ContrastiveDivergence

        return ContrastiveDivergence

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.steps, self.persistent, self.loss_on(system))
