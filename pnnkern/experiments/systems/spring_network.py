"""`kind = "spring-network"`: springs on a planar graph that learn; how a recipe describes them, what a report shows."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ... import _array, random
from .. import registry, tables

if TYPE_CHECKING:  # imported where they are used: a recipe is checked without loading matplotlib
    from ..plots import Picture


@registry.system("spring-network")
class SpringNetworkTable(tables.System):
    """[system] of a network of springs, a Delaunay triangulation of random points in the unit square. Metres and N/m."""

    kind: Literal["spring-network"] = "spring-network"
    outputs: ClassVar[Literal["powers", "signed"]] = "signed"
    output_unit: ClassVar[str] = "m"
    nodes: int = Field(60, ge=4, le=1_000_000)  # of the graph
    features: tables.Count = 4  # values of a sample
    complement: bool = True  # each feature a second source, which goes back when the first goes forth
    anchors: tables.Count = 2  # nodes that are held
    stroke: float = Field(0.05, gt=0)  # [m] displacement of a source for a feature of 1
    high: float = 0.015  # [m] target of the sample's class
    low: float = 0.005  # [m] target of the other classes
    hinge: bool = True  # leave outputs alone that are beyond their target on the right side
    start: float = Field(1.0, gt=0)  # [N/m] every stiffness before training
    smallest: float = Field(1e-2, gt=0)  # [N/m] lower limit of the stiffnesses
    largest: float = Field(1e2, gt=0)  # [N/m] upper limit of the stiffnesses
    learn_rest: bool = False  # rest lengths learn too

    @classmethod
    def made(cls) -> type:
        from ...systems.elastic_network import SpringNetwork

        return SpringNetwork

    def square_error(self) -> Any:
        from ...learning import SquareError

        return SquareError(self.high, self.low, self.hinge)

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> Any:
        from ...networks import graphs

        edges, positions = graphs.delaunay(self.nodes, random.fold_in(key, "graph"))
        return self.made()(
            edges, positions, self.features, classes, anchors=self.anchors, stroke=self.stroke, high=self.high, low=self.low,
            complement=self.complement, hinge=self.hinge, start=self.start, limits=(self.smallest, self.largest),
            learn_rest=self.learn_rest, key=key, device=device,
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------------------ the trained one
    def pictures(self, trainer: Any, scores: np.ndarray) -> "list[Picture]":
        from . import _network_pictures as draw
        from . import _spring_pictures

        system, data = trainer.system, trainer.dataset
        loss = trainer.rule.loss
        shown = draw.examples(scores, data.test_labels, loss)
        states = _array.to_numpy(system.states(system.encode(data.test_images[shown])))
        k = _array.to_numpy(system.parameters["stiffness"])
        titles = draw.titles(scores[shown], data.test_labels[shown], loss, self.output_unit)
        pictures = [
            _spring_pictures.shapes(system, k, states, titles),
            draw.conductances(k, self.start, (self.smallest, self.largest), "stiffness", "N/m"),
        ]
        if not data.real:
            pictures.append(draw.readings(scores, data.test_labels, self.high, self.low, "displacement", "m"))
        return pictures

    def exports(self) -> dict[str, tables.Quantity]:
        rest = {"rest": tables.Quantity("rest lengths of the springs (E,), metres", "m")} if self.learn_rest else {}
        return {"stiffness": tables.Quantity("stiffnesses of the springs (E,), N/m", "N/m")} | rest

    def export(self, what: str, parameters: dict[str, np.ndarray], index: float | None = None) -> np.ndarray:
        return parameters[what] if what in self.exports() else super().export(what, parameters, index)
