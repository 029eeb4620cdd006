"""`kind = "equilibrium-propagation"`: outputs pulled towards their targets, by nudges of both signs."""

from typing import Literal

from pydantic import Field

from .. import registry
from ._relaxed import Contrastive


@registry.rule("equilibrium-propagation")
class EquilibriumPropagationTable(Contrastive):
    """[rule] of equilibrium propagation."""

    kind: Literal["equilibrium-propagation"] = "equilibrium-propagation"
    strength: float = Field(0.1, gt=0)  # beta, in the unit that makes E + beta C an energy: siemens for resistors

    @classmethod
    def made(cls) -> type:
        from ...learning import EquilibriumPropagation

        return EquilibriumPropagation
