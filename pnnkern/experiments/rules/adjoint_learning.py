"""`kind = "adjoint-learning"`: errors go back through the device itself."""

from typing import Any, Literal

from .. import registry, tables


@registry.rule("adjoint-learning")
class AdjointLearningTable(tables.Supervised):
    """[rule] of adjoint learning, in-situ backpropagation in optics."""

    kind: Literal["adjoint-learning"] = "adjoint-learning"

    @classmethod
    def made(cls) -> type:
        from ...learning import AdjointLearning

        return AdjointLearning

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.loss_on(system))
