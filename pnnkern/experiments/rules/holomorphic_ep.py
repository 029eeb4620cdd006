"""`kind = "holomorphic-ep"`: nudges on a circle in the complex plane, which need not be small."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables
from ._relaxed import Relaxed


@registry.rule("holomorphic-ep")
class HolomorphicEPTable(Relaxed):
    """[rule] of holomorphic equilibrium propagation."""

    kind: Literal["holomorphic-ep"] = "holomorphic-ep"
    radius: float = Field(0.2, gt=0, lt=1)  # |beta|
    points: int = Field(6, ge=2, le=100_000)  # on the circle; the error is of order radius^points

    @classmethod
    def made(cls) -> type:
        from ...learning import HolomorphicEP

        return HolomorphicEP

    def build(self, system: tables.System, key: Any) -> Any:
        if missing := system.no_circle():
            raise ValueError(f"rule.kind='holomorphic-ep' needs {missing}")
        return self.made()(self.radius, self.points, self.loss_on(system))
