"""`kind = "contrastive-learning"`: outputs clamped to their targets, against the free state (contrastive Hebbian learning)."""

from typing import Any, Literal

from .. import registry, tables
from ._relaxed import Relaxed


@registry.rule("contrastive-learning")
class ContrastiveLearningTable(Relaxed):
    """[rule] of contrastive (Hebbian) learning: coupled learning with a full clamp. It has nothing to set."""

    kind: Literal["contrastive-learning"] = "contrastive-learning"

    @classmethod
    def made(cls) -> type:
        from ...learning import CoupledLearning

        return CoupledLearning

    def build(self, system: tables.System, key: Any) -> Any:
        from ...learning import contrastive_learning

        return contrastive_learning(self.loss_on(system))
