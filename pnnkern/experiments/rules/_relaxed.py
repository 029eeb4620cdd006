"""What the tables of rules that compare equilibria have in common."""

from typing import Any, Literal

from pydantic import Field

from .. import tables


class Relaxed(tables.Rule):
    """[rule] that moves a system which relaxes towards its targets; it is judged by the loss that its nudges lower."""

    def exact(self, system: tables.System) -> tables.Rule:
        from ..registry import rule

        table: tables.Rule = rule.classes()["in-silico"](**system.judged_by())
        return table

    def loss_on(self, system: tables.System) -> Any:
        """The loss. Raises ValueError for a rule that holds outputs where they are scores."""
        if getattr(self.made(), "hold", False) and getattr(system, "readout", "state") == "softmax":
            raise ValueError(
                f"rule.kind={self.kind!r} holds outputs at their targets, which the scores of a softmax are not: set system.readout='state'"
            )
        return self.exact(system).loss_on(system)  # type: ignore[attr-defined]


class Contrastive(Relaxed):
    """[rule] that compares equilibria at two nudges."""

    strength: float = Field(gt=0)  # of the nudges
    variant: Literal["centred", "positive", "negative", "random"] = "centred"  # -b and b, 0 and b, -b and 0, one of these at random

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.strength, self.variant, self.loss_on(system))
