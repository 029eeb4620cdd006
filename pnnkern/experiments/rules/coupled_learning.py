"""`kind = "coupled-learning"`: outputs held a little closer to their targets, against the free state."""

from typing import Literal

from pydantic import Field

from .. import registry
from ._relaxed import Contrastive


@registry.rule("coupled-learning")
class CoupledLearningTable(Contrastive):
    """[rule] of coupled learning."""

    kind: Literal["coupled-learning"] = "coupled-learning"
    strength: float = Field(1e-2, gt=0, le=1)  # eta: how far outputs are moved towards their targets
    variant: Literal["centred", "positive", "negative", "random"] = "positive"

    @classmethod
    def made(cls) -> type:
        from ...learning import CoupledLearning

        return CoupledLearning
