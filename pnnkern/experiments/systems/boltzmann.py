"""`kind = "boltzmann"`: a restricted Boltzmann machine with a unit for the class; how a recipe describes it."""

from typing import Any, Literal

from pydantic import Field

from .. import registry, tables
from ._layered import LayeredTable


@registry.system("boltzmann")
class BoltzmannTable(LayeredTable):
    """[system] of a Boltzmann machine. Units are 0 or 1; what comes out are logarithms of chances."""

    kind: Literal["boltzmann"] = "boltzmann"
    hidden: list[tables.Count] = Field([256], min_length=1, max_length=1)
    scale: float = Field(0.1, gt=0)  # weights start normal, with a standard deviation of scale / sqrt(nodes below)
    sweeps: tables.Turns = 10  # draws that are averaged over
    settle: int = Field(5, ge=0, le=100_000)  # and draws before these that are not

    @classmethod
    def made(cls) -> type:
        from ...systems.boltzmann import BoltzmannMachine

        return BoltzmannMachine

    def judged_by(self) -> dict[str, Any]:
        return {"loss": "cross-entropy", "scale": 1.0}

    def square_error(self) -> Any:
        raise ValueError("outputs of a Boltzmann machine are logarithms of chances, which have no targets: set rule.loss='cross-entropy'")

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> Any:
        if (self.high, self.low) != (1.0, 0.0) or self.rates:
            raise ValueError("classes are 0 or 1 and layers learn at one rate: leave system.high, system.low and system.rates as they are")
        return self.made()(
            sizes=(*self.hidden, classes), inputs=self.inputs, gain=self.gain, scale=self.scale, sweeps=self.sweeps, settle=self.settle,
            dtype=dtype, key=key, device=device,
        )  # fmt: skip

    def exports(self) -> dict[str, tables.Quantity]:
        return super().exports() | {"a": tables.Quantity("biases of the inputs")}
