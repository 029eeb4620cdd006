"""`kind = "transistor-network"`: transistors on a graph that learn their gate voltages; recipe, report and export."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ... import _array, random
from .. import registry, tables
from ._writing import SteppedTable

if TYPE_CHECKING:  # imported where they are used: a recipe is checked without loading kernels or matplotlib
    from ...systems.nonlinear_network import NonlinearCircuit
    from ..plots import Picture


@registry.system("transistor-network")
class TransistorNetworkTable(SteppedTable):
    """[system] of a network of transistors; outputs are differences of two nodes. Volts."""

    kind: Literal["transistor-network"] = "transistor-network"
    outputs: ClassVar[Literal["powers", "signed"]] = "signed"
    output_unit: ClassVar[str] = "V"
    graph: Literal["lattice", "disordered"] = "lattice"  # lattice: square and periodic, side the root of nodes
    nodes: int = Field(36, ge=9, le=1_000_000)  # of the graph
    degree: float = Field(6.0, gt=0)  # mean number of neighbours; disordered only
    features: tables.Count = 4  # values of a sample
    volts: float = Field(0.45, gt=0, le=1e6)  # [V] supply
    high: float = 0.02  # [V] target of the sample's class
    low: float = -0.02  # [V] target of the other classes
    hinge: bool = True  # leave outputs alone that are beyond their target on the right side
    smallest: float = 0.8  # [V] lower limit of the gate voltages
    largest: float = 5.0  # [V] upper limit of the gate voltages
    start_low: float = 1.2  # [V] lowest gate voltage before training
    start_high: float = 2.5  # [V] highest gate voltage before training

    @classmethod
    def made(cls) -> type:
        from ...systems.nonlinear_network import NonlinearCircuit

        return NonlinearCircuit

    def square_error(self) -> Any:
        from ...learning import SquareError

        return SquareError(self.high, self.low, self.hinge)

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> "NonlinearCircuit":
        from ...networks import TransistorNetwork, graphs

        side = max(3, round(self.nodes**0.5))
        lattice = self.graph == "lattice"
        drawn = random.fold_in(key, "graph")
        edges = graphs.lattice(side, side, periodic=True) if lattice else graphs.disordered(self.nodes, self.degree, drawn)
        network = TransistorNetwork(edges, side * side if lattice else self.nodes)
        made: NonlinearCircuit = self.made()(
            network, self.features, classes, volts=self.volts, high=self.high, low=self.low, hinge=self.hinge,
            start=(self.start_low, self.start_high), limits=(self.smallest, self.largest), key=key, device=device,
        )  # fmt: skip
        self.give_steps(made, key)
        return made

    # ------------------------------------------------------------------------------------------------------------ the trained one
    def pictures(self, trainer: Any, scores: np.ndarray) -> "list[Picture]":
        from . import _network_pictures as draw

        system, data = trainer.system, trainer.dataset
        loss = trainer.rule.loss
        shown = draw.examples(scores, data.test_labels, loss)
        states = _array.to_numpy(system.relax(system.encode(data.test_images[shown])).phases[0])
        gate = _array.to_numpy(system.parameters["gate"])
        # what each transistor conducts with both ends at 0 V
        open_ = system.network.strength * np.maximum(gate - system.network.threshold, system.network.least)
        titles = draw.titles(scores[shown], data.test_labels[shown], loss, self.output_unit)
        pictures = [
            draw.network(system, open_, states, titles),
        ]
        if not data.real:
            pictures.append(draw.readings(scores, data.test_labels, self.high, self.low))
        return pictures

    def exports(self) -> dict[str, tables.Quantity]:
        return {"gate": tables.Quantity("gate voltages of the transistors (E,), volts", "V")}

    def export(self, what: str, parameters: dict[str, np.ndarray], index: float | None = None) -> np.ndarray:
        return parameters["gate"] if what == "gate" else super().export(what, parameters, index)
