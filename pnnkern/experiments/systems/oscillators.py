"""`kind = "oscillators"`: an oscillator Ising machine with one hidden layer; how a recipe describes it."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables
from ._layered import LayeredTable


@registry.system("oscillators")
class OscillatorsTable(LayeredTable):
    """[system] of an oscillator Ising machine. Outputs are cosines of phases; couplings in the inverse unit of time."""

    kind: Literal["oscillators"] = "oscillators"
    hidden: list[tables.Count] = Field([500], min_length=1, max_length=1)
    low: float = -1.0
    second: float = 0.0  # strength of the second harmonic at the start
    second_rate: float = Field(0.0, ge=0)  # how fast it learns, relative to training.lr
    step: float = Field(0.1, gt=0)  # of time
    steps: tables.Turns = 40  # of the free relaxation
    nudged_steps: tables.Turns = 20  # of each nudged one

    @classmethod
    def made(cls) -> type:
        from ...systems.oscillators import OscillatorMachine

        return OscillatorMachine

    def settings(self) -> dict[str, Any]:
        return {
            "second": self.second, "second_rate": self.second_rate, "step": self.step, "steps": self.steps,
            "nudged_steps": self.nudged_steps, "rates": self.rates or (1.0, 1.0),
        }  # fmt: skip

    def exports(self) -> dict[str, tables.Quantity]:
        return super().exports() | {"K": tables.Quantity("second harmonics of the hidden, then the output oscillators")}
