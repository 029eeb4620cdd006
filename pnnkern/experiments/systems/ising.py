"""`kind = "ising"`: an Ising machine with one hidden layer, read by annealing; how a recipe describes it."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables
from ._layered import LayeredTable


@registry.system("ising")
class IsingTable(LayeredTable):
    """[system] of an Ising machine. Spins are +-1; weights keep to -limit .. limit."""

    kind: Literal["ising"] = "ising"
    hidden: list[tables.Count] = Field([120], min_length=1, max_length=1)
    low: float = -1.0
    copies: tables.Count = 4  # output spins of a class
    sweeps: tables.Turns = 100  # of an anneal
    reads: tables.Turns = 1  # anneals of which the lowest energy counts
    reverse: float = Field(0.5, ge=0, lt=1)  # where in the schedule, 0 hot to 1 cold, a reverse anneal starts
    limit: float = Field(1.0, gt=0)

    @classmethod
    def made(cls) -> type:
        from ...systems.ising import IsingMachine

        return IsingMachine

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> Any:
        if (self.high, self.low) != (1.0, -1.0):
            raise ValueError("the targets of spins are 1 and -1: leave system.high and system.low as they are")
        return self.made()(
            sizes=(*self.hidden, classes), inputs=self.inputs, gain=self.gain, scale=self.scale, copies=self.copies, sweeps=self.sweeps,
            reads=self.reads, reverse=self.reverse, limit=self.limit, rates=self.rates or (1.0, 1.0), key=key, device=device,
        )  # fmt: skip
