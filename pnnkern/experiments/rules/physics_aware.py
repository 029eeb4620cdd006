"""`kind = "physics-aware"`: measured forward, back through the digital twin."""

from typing import Any, Literal

from .. import registry, tables


@registry.rule("physics-aware")
class PhysicsAwareTable(tables.Supervised):
    """[rule] of physics-aware training."""

    kind: Literal["physics-aware"] = "physics-aware"

    @classmethod
    def made(cls) -> type:
        from ...learning import PhysicsAware

        return PhysicsAware

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.loss_on(system))
