"""`kind = "in-silico"`: exact gradients of the digital twin."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from .. import registry, tables

if TYPE_CHECKING:
    from ...learning import InSilico


@registry.rule("in-silico")
class InSilicoTable(tables.Rule):
    """[rule] of in-silico training."""

    kind: Literal["in-silico"] = "in-silico"
    loss: Literal["cross-entropy", "mse", "differential"] = "cross-entropy"
    scale: float = Field(10.0, gt=0, allow_inf_nan=False)  # of the scores; mse has none

    def build(self, system: tables.System) -> "InSilico":
        from ...learning import CrossEntropy, Differential, InSilico, MeanSquare

        pairs = getattr(system, "detectors", "single") == "differential"
        if pairs != (self.loss == "differential"):
            raise ValueError(
                f"system.detectors='differential' and rule.loss='differential' need each other, got rule.loss={self.loss!r}"
            )
        if self.loss == "mse":
            return InSilico(MeanSquare())
        return InSilico((Differential if pairs else CrossEntropy)(self.scale))
