"""What networks on graphs have in common: some nodes are sources, some targets, and the edges learn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np

from .. import _array, _constants, random
from .._array import Array, Key, Numbers, Real, Sample
from .._checks import floats
from .._declared import Count, Range
from .._gate import accepts_any
from ..networks._graph import Graph
from ._encoding import Encoding, check_parameters, one_hot, past_target
from ._imperfect import BuildableEdges
from .system import Target
from .writers import Potentiometers


@accepts_any
@dataclass(kw_only=True)
class GraphNetwork(BuildableEdges):
    """A network on a graph.

    Parameters
    ----------
    outputs : Count
        Target nodes, one for each class.
    edges, n_nodes
        (E, 2) integers and how many nodes there are, in the place of a graph that keys describe.
    positions
        (n_nodes, 2) of the nodes, for pictures.
    source_nodes, target_nodes
        Drawn with `key` unless they are given.
    """

    features: Count = 4  # values of a sample
    high: float = 1.0  # target of the sample's class
    low: float = 0.0  # target of the other classes
    hinge: bool = True  # leave outputs alone that are beyond their target on the right side
    smallest: float = 0.0  # lower limit of what the edges learn
    largest: float = np.inf  # upper limit of what the edges learn
    outputs: Count = 3
    edges: Any = None
    n_nodes: int | None = None
    positions: Any = None
    source_nodes: Any = None
    target_nodes: Any = None

    complement = False  # whether each feature has a second source

    def _check_values(self, lowest: float, highest: float) -> None:
        """Raise ValueError for targets the wrong way round, and for edges that would start out of their range."""
        if not self.low < self.high:
            raise ValueError(f"the target of a sample's class must be the higher one, got low={self.low:g} and high={self.high:g}")
        if not self.smallest <= lowest <= highest <= self.largest:
            begin = f"{lowest:g}" if lowest == highest else f"{lowest:g} .. {highest:g}"
            raise ValueError(f"edges must start within smallest .. largest = {self.smallest:g} .. {self.largest:g}, got {begin}")

    def _check_graph(self) -> None:
        """Raise ValueError for a graph that is given by half."""
        if (self.edges is None) != (self.n_nodes is None):
            raise ValueError("edges and n_nodes, how many nodes these join, must be given together, or neither")

    def _choose_nodes(self, network: Graph, **counts: int) -> np.ndarray:
        """Draw or check so many `source` and `target` nodes, and others. Returns all that are held: the sources, then the others."""
        names, n, node_counts = [f"{kind}_nodes" for kind in counts], network.n_nodes, list(counts.values())
        if any(getattr(self, name) is None for name in names):
            if sum(node_counts) > n:
                each = _listed([f"{count} {kind}s" for kind, count in counts.items()])
                raise ValueError(f"{each} need {sum(node_counts)} nodes, the network has {n}")
            random.require_key(self.key, f"which nodes are {_listed([f'{kind}s' for kind in counts])} is drawn at random")
            order = np.asarray(random.permutation(random.fold_in(self.key, "nodes"), n))
            for name, nodes in zip(names, np.split(order, np.cumsum(node_counts)), strict=False):
                setattr(self, name, nodes)
        given = {name: np.atleast_1d(np.asarray(_array.to_numpy(getattr(self, name)))) for name in names}
        if [len(nodes) for nodes in given.values()] != node_counts:
            right = _listed([f"{count} {name}" for name, count in zip(names, node_counts, strict=True)])
            raise ValueError(f"there must be {right}, got {_listed([str(len(nodes)) for nodes in given.values()])}")
        targets = given.pop("target_nodes")
        held, self.target_nodes = network.disjoint_nodes(np.concatenate(list(given.values())), targets)
        for name, nodes in zip(given, np.split(held, np.cumsum([len(nodes) for nodes in given.values()])), strict=False):
            setattr(self, name, nodes)
        return np.asarray(held)

    def _check_parameters(self, names: Sequence[str], edges: int, dtype: Any) -> None:
        """Raise for parameters that are not one number of `dtype` for each edge; integers and lists become such."""
        like = _array.device_namespace(self.device).empty(0, dtype)
        given = {name: (p, floats(name, p, like)) for name, p in self.parameters.items()}
        self.parameters = {name: p if p is x else x.astype(dtype) for name, (p, x) in given.items()}
        check_parameters(self.parameters, dict.fromkeys(names, (edges,)), dtype)

    @property
    def entrances(self) -> int:
        """Source nodes: one or two for each feature."""
        return self.features * (1 + self.complement)

    @property
    def natural_loss(self) -> Target:
        return Target(high=self.high, low=self.low, hinge=self.hinge)

    # ---------------------------------------------------------------------------------------------------------------- learning
    def targets(self, labels: Numbers) -> Array:
        """What the outputs should be, (batch, outputs): `high` at the label's, `low` at the others, in their unit."""
        loss = self.natural_loss
        return one_hot(labels, self.outputs, loss.high, loss.low, self.device, np.float64)

    def errors(self, output: Real, target: Real) -> Array:
        """``target - output``; with `hinge` 0 where the output is beyond its target on the right side."""
        return self._hinged(target - output, output, target)

    def _hinged(self, values: Array, output: Array, target: Array) -> Array:
        """Values (batch, outputs), with `hinge` 0 where the output is beyond its target on the right side."""
        if not self.hinge:
            return values
        loss = self.natural_loss
        out: Array = _array.namespace(values).where(past_target(output, target, (loss.high + loss.low) / 2), 0.0, values)
        return out

    def _on(self, nodes: np.ndarray, like: Array) -> Array:
        """Node numbers on the device of `like`."""
        return _constants.constant(nodes, np.int64, like)


@accepts_any
@dataclass(kw_only=True)
class Circuit(GraphNetwork):
    """A network that carries current: sources are the features, and two rails at 0 V and at the supply."""

    volts: Annotated[float, Range(gt=0, le=1e6)] = 1.0  # [V] supply
    writing: Potentiometers = field(default_factory=Potentiometers)

    output_unit: ClassVar[str] = "V"
    nudge_unit: ClassVar[str] = "S"
    drawn_by: ClassVar[str] = "circuits"
    device_samples: ClassVar[bool] = True
    exact: ClassVar[dict[str, Any]] = {"step": 0.0, "ohms": 0.0}

    @property
    def entrances(self) -> int:
        """Source nodes: one or two for each feature, and the rails."""
        return super().entrances + 2

    def encode(self, images: Numbers) -> Array:
        """Images or features (batch, ...), uint8 or in [0, 1], as source voltages (batch, sources), float64."""
        xp = _array.device_namespace(self.device)
        x = Encoding(self.features, np.float64).of(images, self.device)
        rails = xp.broadcast_to(_constants.constant([0.0, 1.0], np.float64, x), (len(x), 2))
        return self.volts * xp.concatenate([x, 1 - x, rails] if self.complement else [x, rails], axis=1)

    def conducting(self) -> Array:
        """What each edge conducts, (E,) siemens, for pictures."""
        return self.parameters["conductance"]

    def states(self, inputs: Real) -> Array:
        """Voltages (batch, n_nodes) of the free states."""
        raise NotImplementedError(f"{type(self).__name__} does not say where it settles")

    @property
    def feature_count(self) -> int:
        """Nodes."""
        return int(self.network.n_nodes)  # type: ignore[attr-defined]

    def read_features(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """Voltages of all nodes (batch, n_nodes), volts."""
        return self._noisy(self.states(inputs), "features", key, sample)


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


__all__ = ["Circuit", "GraphNetwork"]
