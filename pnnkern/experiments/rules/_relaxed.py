"""What the tables of rules that compare equilibria have in common."""

from typing import Any, Literal

from pydantic import Field

from .. import tables


class Relaxed(tables.Rule):
    """[rule] that moves a system which relaxes towards its targets; what it is judged by is the square error."""

    def exact(self, system: tables.System) -> tables.Rule:
        from ..registry import rule

        table: tables.Rule = rule.classes()["in-silico"](loss="mse")
        return table


class Contrastive(Relaxed):
    """[rule] that compares equilibria at two nudges."""

    strength: float = Field(gt=0, allow_inf_nan=False)  # of the nudges
    variant: Literal["centred", "positive", "negative", "random"] = "centred"  # -b and b, 0 and b, -b and 0, one of these at random

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.strength, self.variant, system.square_error())
