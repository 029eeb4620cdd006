"""`kind = "crossbar"`: a multilayer network on crossbars; how a recipe describes it, what a report shows and what can be exported."""

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ... import _array
from .. import registry, tables
from ._writing import WrittenTable

if TYPE_CHECKING:
    from ...crossbar import DAC, BitSerial, Crossbar
    from ...systems import CrossbarNetwork
    from ..plots import Picture

AGES = {"an hour": 3600.0, "a day": 86400.0, "a month": 30 * 86400.0, "a year": 365.25 * 86400.0}


@registry.system("crossbar")
class CrossbarTable(WrittenTable):
    """[system] of a multilayer network on crossbars. Zero bits, noise and ohms mean: perfect."""

    kind: Literal["crossbar"] = "crossbar"
    outputs: ClassVar[Literal["powers", "signed"]] = "signed"
    inputs: tables.Count = 784
    hidden: list[tables.Count] = Field([256], max_length=100)  # nodes of the hidden layers
    classes: tables.Count = 10
    activation: Literal["tanh", "relu", "sigmoid"] = "tanh"
    weight_max: float = Field(1.0, gt=0)  # where no pulsed device bounds the weights
    # how the arrays are built, and read when the network is measured
    device: str = ""  # a name in pnnkern.crossbar.DEVICES, programmed with the weights; "": ideal
    mapping: Literal["one-sided", "two-sided", "offset"] = "one-sided"  # pairs of cells for a weight, or a column to subtract
    tile_rows: tables.Count = 512
    tile_columns: int = Field(512, ge=2, le=tables.MOST)
    dac_bits: int = Field(0, ge=0, le=tables.MOST)
    adc_bits: int = Field(0, ge=0, le=tables.MOST)
    read_noise: bool = False  # of the device, fresh in each read
    cell_noise: float = Field(0.0, ge=0, le=1)  # fresh in each read, relative to the conductance
    wires: float = Field(0.0, ge=0)  # ohms per segment
    # interleaved: pairs are rows of one array and meet on its bit lines; gated: inputs open rows bit by bit (see pnnkern.crossbar.wires)
    topology: Literal["lines", "interleaved", "gated", "gated-interleaved"] = "lines"
    stuck_low: float = Field(0.0, ge=0, le=1)  # fraction of cells
    stuck_high: float = Field(0.0, ge=0, le=1)
    time: float = Field(0.0, ge=0)  # seconds since programming
    compensation: Literal["none", "global", "column"] = "none"  # of the drift

    @classmethod
    def made(cls) -> type:
        from ...systems import CrossbarNetwork

        return CrossbarNetwork

    def ideal(self) -> "CrossbarTable":
        return self.model_copy(update={"writer": "ideal", **_PERFECT})

    def hardware(self) -> "Crossbar | None":
        """The description of one array; None if it is perfect."""
        from ...crossbar import ADC, Chain, Crossbar, DifferentialPair, GaussianNoise, OffsetColumn, Wires

        if all(getattr(self, name) == value for name, value in _PERFECT.items()):
            return None
        noise = None
        if self.read_noise or self.cell_noise:
            noise = GaussianNoise(relative=self.cell_noise, device=self.device or None if self.read_noise else None)
        self._check_topology()
        lies = self.wires or self.topology != "lines"
        chain = Chain(
            wires=Wires(self.wires, self.wires, topology=self.topology) if lies else None, noise=noise, dac=self._dac(),
            adc=ADC(self.adc_bits, "calibrated") if self.adc_bits else None,
        )  # fmt: skip
        weights = OffsetColumn() if self.mapping == "offset" else DifferentialPair(one_sided=self.mapping == "one-sided")
        return Crossbar(
            weights=weights, device=self.device or "ideal", tile=(self.tile_rows, self.tile_columns), stuck_low=self.stuck_low,
            stuck_high=self.stuck_high, chain=chain,
        )  # fmt: skip

    def _dac(self) -> "DAC | BitSerial | None":
        from ...crossbar import DAC, BitSerial

        if not self.dac_bits:
            return None
        if self.topology.startswith("gated"):
            return BitSerial(self.dac_bits, 1, 0.2, signed=False)
        return DAC(self.dac_bits, 0.2)

    def _check_topology(self) -> None:
        """Refuse settings that cannot be meant together, in the words of the recipe."""
        gated, paired = self.topology.startswith("gated"), self.topology.endswith("interleaved")
        for wrong, right in (
            (paired and self.mapping == "offset", "has rows of G+ and of G-: set system.mapping to one-sided or two-sided"),
            (gated and not self.dac_bits, "sends inputs bit by bit: set system.dac_bits"),
            (gated and self.activation == "tanh" and self.hidden, "takes inputs of 0 or more: set system.activation to relu or sigmoid"),
        ):
            if wrong:
                raise ValueError(f"system.topology={self.topology!r} {right}")

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> "CrossbarNetwork":
        from ...systems import CrossbarNetwork

        if classes != self.classes:
            raise ValueError(f"the data have {classes} classes and the network {self.classes} outputs: set system.classes={classes}")
        network = CrossbarNetwork(
            (self.inputs, *self.hidden, classes), activation=self.activation, weight_max=self.weight_max, hardware=self.hardware(),
            time=self.time, compensation=self.compensation, key=key, dtype=dtype, device=device,
        )  # fmt: skip
        self.give_writers(network, list(network.parameters), key)
        return network

    # ------------------------------------------------------------------------------------------------------------ the trained one
    def pictures(self, trainer: Any, scores: np.ndarray) -> "list[Picture]":
        from . import _crossbar_pictures as draw

        weights = {name: _array.to_numpy(w) for name, w in trainer.system.parameters.items()}
        side = math.isqrt(self.inputs)
        pictures = [draw.weights(weights)]
        if side * side == self.inputs and side > 2:
            pictures.insert(0, draw.receptive_fields(weights["w0"], side))
        if trainer.system.hardware is not None:
            pictures.append(draw.conductances(_array.to_numpy(trainer.system.conductances(0))))
        return pictures if trainer.dataset.real else [*pictures, draw.mean_scores(scores, trainer.dataset.test_labels)]

    def checks(self, trainer: Any, chosen: np.ndarray) -> tables.Checks:
        from ...learning.judged import judged
        from ..loop import MEASUREMENT, stream

        system, data = trainer.system, trainer.dataset
        inputs, labels = system.encode(data.test_images[chosen]), data.test_labels[chosen]

        def accuracy(outputs: Any) -> float:
            return float(judged(trainer.rule.loss, outputs, labels)[1]["accuracy"])

        def measured(network: Any) -> float:
            return accuracy(network.forward(inputs, key=stream(trainer.training.seed, MEASUREMENT), sample=chosen))

        rows = [{"what": "digital twin", "accuracy": accuracy(system.forward_saving(inputs)[0]), "note": "the same weights, exact arithmetic"}]
        if system.hardware is not None:
            rows.append({"what": "arrays, just programmed", "accuracy": measured(system.aged(0.0)), "note": self._built()})
            for age, seconds in AGES.items() if self._drifts() else ():
                for compensation in ("none", "global", "column"):
                    note = {"none": "no compensation", "global": "one factor per array", "column": "one factor per column"}[compensation]
                    rows.append({"what": f"after {age}", "accuracy": measured(system.aged(seconds, compensation)), "note": note})
        caption = f"The same weights on the same {len(chosen)} test images. Compensation scales outputs by what reference inputs have lost."
        return tables.Checks("On the hardware, and as it ages", caption, rows)

    def _drifts(self) -> bool:
        from ...crossbar import device

        used, G = device(self.device or "ideal"), np.array([1e-6])
        return used.exponents(G) is not None or used.relaxation(G, 3600.0) is not None

    def _built(self) -> str:
        """The hardware in words."""
        wires = [] if self.topology == "lines" else [f"{self.topology} wires"]
        named = {"DAC bits": self.dac_bits, "ADC bits": self.adc_bits, "ohms per segment": self.wires, "relative cell noise": self.cell_noise}
        return ", ".join([self.device or "ideal cells", f"{self.mapping} weights", *wires, *(f"{v:g} {k}" for k, v in named.items() if v)])

    def estimates(self, system: Any) -> dict[str, float]:
        return {} if system.hardware is None else system.estimate()

    def exports(self) -> dict[str, tables.Quantity]:
        about = "weights of array {} (inputs and bias, outputs), no unit"
        return {f"w{l}": tables.Quantity(about.format(l + 1)) for l in range(len(self.hidden) + 1)}

    def export(self, what: str, parameters: dict[str, np.ndarray], index: float | None = None) -> np.ndarray:
        return parameters[what]


_PERFECT: dict[str, Any] = {
    "device": "", "dac_bits": 0, "adc_bits": 0, "read_noise": False, "cell_noise": 0.0, "wires": 0.0, "stuck_low": 0.0, "stuck_high": 0.0,
    "topology": "lines",
}  # fmt: skip
