"""`kind = "resistor-network"`: resistors on a graph that learn; how a recipe describes them, what a report shows and what can be exported."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ... import _array, random
from .. import registry, tables
from ._writing import SteppedTable

if TYPE_CHECKING:  # imported where they are used: a recipe is checked without loading kernels or matplotlib
    from ...systems.resistor_network import ResistorCircuit
    from ..plots import Picture


@registry.system("resistor-network")
class ResistorNetworkTable(SteppedTable):
    """[system] of a network of resistors. Conductances in siemens, targets as fractions of the supply voltage."""

    kind: Literal["resistor-network"] = "resistor-network"
    outputs: ClassVar[Literal["powers", "signed"]] = "signed"
    output_unit: ClassVar[str] = "V"
    graph: Literal["disordered", "delaunay", "lattice", "file"] = "disordered"  # lattice: square, side the root of nodes
    nodes: int = Field(60, ge=2, le=1_000_000)  # of the graph
    degree: float = Field(8.0, gt=0)  # mean number of neighbours; disordered only
    edges: str = ""  # file only: edge list, two node numbers on each line
    features: tables.Count = 4  # values of a sample
    complement: bool = True  # each feature a second source that falls when it rises
    volts: float = Field(1.0, gt=0, le=1e6)  # [V] supply
    high: float = Field(0.52, gt=0, le=1)  # target of the sample's class, of the supply
    low: float = Field(0.48, ge=0, lt=1)  # target of the other classes, of the supply
    hinge: bool = True  # leave outputs alone that are beyond their target on the right side
    start: float = Field(1e-3, gt=0)  # [S] every conductance before training
    spread: float = Field(0.0, ge=0, lt=1)  # relative rms of the conductances before training
    smallest: float = Field(1e-5, gt=0)  # [S] lower limit of the conductances
    largest: float = Field(1e-1, gt=0)  # [S] upper limit of the conductances

    @classmethod
    def made(cls) -> type:
        from ...systems.resistor_network import ResistorCircuit

        return ResistorCircuit

    def square_error(self) -> Any:
        from ...learning import SquareError

        return SquareError(self.volts * self.high, self.volts * self.low, self.hinge)

    def _graph(self, key: Any) -> tuple[np.ndarray, int, np.ndarray | None]:
        """Edges, number of nodes, and positions where the graph has them."""
        from ...networks import graphs

        if self.graph == "file":
            edges, nodes, _ = graphs.read_edges(self.edges)
            return edges, nodes, None
        if self.graph == "lattice":
            side = max(2, round(self.nodes**0.5))
            return graphs.lattice(side, side), side * side, graphs.lattice_positions(side, side)
        if self.graph == "delaunay":
            edges, positions = graphs.delaunay(self.nodes, key)
            return edges, self.nodes, positions
        return graphs.disordered(self.nodes, self.degree, key), self.nodes, None

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> "ResistorCircuit":
        edges, nodes, positions = self._graph(random.fold_in(key, "graph"))
        made: ResistorCircuit = self.made()(
            edges, nodes, self.features, classes, volts=self.volts, complement=self.complement, high=self.high, low=self.low,
            hinge=self.hinge, start=self.start, spread=self.spread, limits=(self.smallest, self.largest), positions=positions,
            dtype=dtype, key=key, device=device,
        )  # fmt: skip
        self.give_steps(made, key)
        return made

    # ------------------------------------------------------------------------------------------------------------ the trained one
    def pictures(self, trainer: Any, scores: np.ndarray) -> "list[Picture]":
        from . import _network_pictures as draw

        system, data = trainer.system, trainer.dataset
        loss = trainer.rule.loss
        shown = draw.examples(scores, data.test_labels, loss)
        states = _array.to_numpy(system.states(system.encode(data.test_images[shown])))
        k = _array.to_numpy(system.parameters["conductance"]).astype(np.float64)
        titles = draw.titles(scores[shown], data.test_labels[shown], loss, self.output_unit)
        pictures = [
            draw.network(system, k, states, titles),
            draw.conductances(k, self.start, (self.smallest, self.largest)),
        ]
        if not data.real:
            pictures.append(draw.readings(scores, data.test_labels, self.volts * self.high, self.volts * self.low))
        return pictures

    def exports(self) -> dict[str, tables.Quantity]:
        return {"conductance": tables.Quantity("conductances of the edges (E,), siemens", "S")}

    def export(self, what: str, parameters: dict[str, np.ndarray], index: float | None = None) -> np.ndarray:
        if what == "conductance":
            return parameters["conductance"].astype(np.float64)
        return super().export(what, parameters, index)
