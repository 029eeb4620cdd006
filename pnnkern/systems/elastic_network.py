"""A network of springs as a trainable system: features displace source nodes along the first axis, displacements of target nodes come out.

Its parameters are `stiffness` (E,), N/m, and if wanted `rest` (E,), the rest lengths, metres. Coupled learning in such networks: Stern et
al., Phys. Rev. X 11, 021045 (2021).
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array, _constants, random
from .._array import Array, Real
from .._checks import numbers
from .._errors import ConvergenceError, NudgeError
from .._gate import accepts_any, record
from ..networks import ElasticNetwork
from ._encoding import beyond, fitting, flat, one_hot, wanted
from ._typed import check_types
from .protocols import looped_population


@record
@dataclass(frozen=True)
class Shapes:
    """output (batch, outputs), metres, of the free state, and positions (batch, n_nodes, dimension) of all phases, the free one first.

    stiffness, rest : (E,), of the springs that rest there.
    """

    output: Real
    phases: list[Array]
    stiffness: Array
    rest: Array


@accepts_any
@dataclass
class SpringNetwork:
    """Springs that learn: `Relaxing`, `Yielding`, `Measurable`, `Modelled` and `Reciprocal`.

    edges : (E, 2) integers. positions : (n_nodes, dimension) metres, where all springs have their first rest lengths. features : values of
    a sample. outputs : target nodes. anchors : nodes that are held where they are, so that the network cannot drift or turn.
    complement : each feature displaces a second source, which goes back when the first goes forth.
    stroke : displacement of a source for a feature of 1, metres. high, low : targets, metres, of the sample's class and of the others.
    hinge : outputs that are beyond their target on the right side are left alone.
    start : every stiffness to begin with, N/m. limits : range of the stiffnesses. learn_rest : the rest lengths are parameters too.
    probe : largest force on an output when the network is run backwards, newtons; small, for errors are of its order.
    key : chooses the nodes, unless source_nodes, target_nodes and anchor_nodes are all given. tolerance : as in `ElasticNetwork.relax`.

    Nudged by beta, N/m, the network rests where E + beta C is least: springs of stiffness beta pull the outputs along the first axis to
    their targets, or push them away. Held targets keep their other coordinates where the free state has them.
    """

    edges: Any
    positions: Any
    features: int
    outputs: int
    anchors: int = 2
    stroke: float = 0.05
    high: float = 0.02
    low: float = -0.02
    complement: bool = False
    hinge: bool = False
    start: float = 1.0
    limits: tuple[float, float] = (1e-2, 1e2)
    learn_rest: bool = False
    probe: float = 1e-5
    tolerance: float = 1e-10
    parameters: dict[str, Array] = field(default_factory=dict)
    writers: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)
    source_nodes: Any = None
    target_nodes: Any = None
    anchor_nodes: Any = None
    key: Any = None
    device: str = "cpu"

    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_types(self)
        xp = _array.device_namespace(self.device)
        self.positions = xp.asarray(numbers("positions", self.positions))
        if self.positions.ndim != 2:
            raise ValueError(f"positions must be (n_nodes, dimension), got shape {self.positions.shape}")
        n, dimension = self.positions.shape
        self.network = ElasticNetwork(self.edges, n, dimension)
        if min(self.features, self.outputs, self.anchors) < 1 or not self.stroke > 0:
            raise ValueError(
                f"features, outputs and anchors must be at least 1 and stroke positive, got {self.features}, {self.outputs}, "
                f"{self.anchors} and {self.stroke:g}"
            )
        if not self.low < self.high:
            raise ValueError(f"the target of a sample's class must be the higher one, got low={self.low:g} and high={self.high:g}")
        if not 0 < self.limits[0] <= self.start <= self.limits[1]:
            raise ValueError(f"limits must be positive stiffnesses around start = {self.start:g} N/m, got {self.limits}")
        self._choose_nodes(n)
        self._rest = self.network.lengths(self.positions[None])[0]
        if not self.parameters:
            self.parameters = {"stiffness": xp.full(self.network.n_edges, self.start)}
            if self.learn_rest:
                self.parameters["rest"] = self._rest.copy()
        fitting(self.parameters, dict.fromkeys(("stiffness", "rest")[: 1 + self.learn_rest], (self.network.n_edges,)), np.float64)

    def _choose_nodes(self, n: int) -> None:
        ends = np.cumsum([self.entrances, self.outputs, self.anchors])
        if self.source_nodes is None or self.target_nodes is None or self.anchor_nodes is None:
            if self.key is None:
                raise ValueError("which nodes are sources, targets and anchors is drawn, which needs a key: key=pnnkern.random.key(seed)")
            if ends[-1] > n:
                raise ValueError(f"sources, targets and anchors need {ends[-1]} nodes, the network has {n}")
            order = np.asarray(random.permutation(random.fold_in(self.key, "nodes"), n))
            self.source_nodes, self.target_nodes, self.anchor_nodes, _ = np.split(order, ends)
        given = [np.asarray(nodes) for nodes in (self.source_nodes, self.target_nodes, self.anchor_nodes)]
        if [len(nodes) for nodes in given] != [self.entrances, self.outputs, self.anchors]:
            raise ValueError(f"there must be {self.entrances} source_nodes, {self.outputs} target_nodes and {self.anchors} anchor_nodes")
        self._held, self.target_nodes = self.network.apart(np.concatenate([given[0], given[2]]), given[1])
        self.source_nodes, self.anchor_nodes = np.split(self._held, [self.entrances])

    @property
    def entrances(self) -> int:
        """Source nodes: one or two for each feature."""
        return self.features * (2 if self.complement else 1)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Ranges of the parameters."""
        return {"stiffness": self.limits} | ({"rest": (0.0, np.inf)} if self.learn_rest else {})

    # ----------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Array) -> Array:
        """Images or features (batch, ...), uint8 or finite numbers, as displacements of the sources (batch, sources), metres, float64."""
        x = flat(images, self.features, self.device, np.float64, bounded=False)
        return self.stroke * (_array.namespace(x).concatenate([x, 1 - x], axis=1) if self.complement else x)

    @property
    def _springs(self) -> tuple[Array, Array]:
        return self.parameters["stiffness"], self.parameters.get("rest", self._rest)

    def states(self, inputs: Real) -> Array:
        """Positions (batch, n_nodes, dimension) of the free states, metres."""
        return self._settle(inputs).positions

    def _settle(self, inputs: Real, start: Any = None, held: Any = None, places: Any = None, **how: Any) -> Any:
        """The network at rest, with nodes `held` at `places` beside the sources and anchors."""
        xp = _array.namespace(inputs)
        at = xp.repeat(self.positions[None, self._on(self._held)], len(inputs), axis=0)
        at[:, : self.entrances, 0] += inputs
        nodes = self._held if held is None else np.concatenate([self._held, held])
        if places is not None:
            at = xp.concatenate([at, places], axis=1)
        return self.network.relax(*self._springs, nodes, at, self.positions if start is None else start, tolerance=self.tolerance, **how)

    def _on(self, nodes: np.ndarray) -> Array:
        """Node numbers on the device."""
        return _constants.constant(nodes, np.int64, self.positions)

    def _read(self, positions: Array) -> Array:
        targets = self._on(self.target_nodes)
        return positions[:, targets, 0] - self.positions[targets, 0]

    def _on_targets(self, values: Array) -> Array:
        """Values (batch, outputs) along the first axis of the target nodes, (batch, n_nodes, dimension), 0 elsewhere."""
        out = _array.namespace(values).zeros((len(values), *self.positions.shape))
        out[:, self._on(self.target_nodes), 0] = values
        return out

    def forward(self, inputs: Real, key: Any = None, sample: Any = 0) -> Array:
        """Displacements of the targets (batch, outputs), metres. Noise-free: `key` is not needed."""
        return self._read(self.states(inputs))

    forward_population = looped_population(forward)

    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """Displacements of the targets, and the positions for `vjp`."""
        positions = self.states(inputs)
        return self._read(positions), positions

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Array]:
        """Gradients for a cotangent c (batch, outputs): sums over the batch of ``-(r - l) q`` by stiffness and ``k q`` by rest length.

        q is how much longer each spring would get by forces c at the targets, ``H^-1 c`` to first order. Raises ConvergenceError where the
        network does not rest stably.
        """
        k, l = self._springs
        moved, stable = self.network.respond(k, l, self._held, record, self._on_targets(cotangent.astype(np.float64)))
        if not stable.all():
            raise ConvergenceError(f"sample {int(np.argmin(stable))} of {len(stable)} rests on a saddle of the energy: there is no derivative")
        i, j = self.network.ends(record)
        r = self.network.lengths(record)
        return self._products(r - l, ((moved[:, i] - moved[:, j]) * (record[:, i] - record[:, j])).sum(axis=2) / r)

    def _products(self, stretched: Array, longer: Array) -> dict[str, Array]:
        """Gradients: each spring's stretch times how much longer it got by the outputs' errors, (batch, E); and by its rest length."""
        out = {"stiffness": -(stretched * longer).sum(axis=0)}
        return out | ({"rest": self._springs[0] * longer.sum(axis=0)} if self.learn_rest else {})

    def forward_reading(self, inputs: Real, key: Any = None, sample: Any = 0) -> tuple[Array, Any]:
        """Displacements of the targets, and positions as they were read inside."""
        return self.forward_saving(inputs)

    def backward(self, cotangent: Real, record: Any, key: Any = None, sample: Any = 0) -> dict[str, Array]:
        """The same network with small forces at the outputs, along the cotangent: each spring's two elongations multiplied.

        Li and Mao, Nature Communications 15, 10528 (2024).
        """
        k, l = self._springs
        c = self._on_targets(cotangent.astype(np.float64))
        scale = self.probe / (float(abs(c).max()) or 1.0)
        held = record[:, self._on(self._held)]
        there = self.network.relax(k, l, self._held, held, record, forces=scale * c, tolerance=self.tolerance).positions
        return self._products(self.network.lengths(record) - l, self._longer(record, there)[0] / scale)

    def _longer(self, one: Array, two: Array) -> tuple[Array, Array]:
        """Lengths (batch, E) at positions two less those at one, and their sums; differences keep their digits."""
        i, j = self.network.ends(one)
        v, w = (x[:, i] - x[:, j] for x in (one, two))
        both = self.network.lengths(one) + self.network.lengths(two)
        return ((w - v) * (w + v)).sum(axis=2) / both, both

    # ---------------------------------------------------------------------------------------------------------------- learning
    def targets(self, labels: Array) -> Array:
        """Target displacements (batch, outputs), metres: `high` at the label's node, `low` at the others."""
        return one_hot(labels, self.outputs, self.high, self.low, self.device, np.float64)

    def relax(
        self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Any = None,
        sample: Any = 0,
    ) -> Shapes:  # fmt: skip
        """Equilibria of all phases, the nudged and held ones from the free one on. nudges : N/m, or with `hold` fractions of the way.

        Raises NudgeError, a ValueError, for a negative nudge beyond which the outputs have no equilibrium.
        """
        xp = _array.namespace(inputs)
        free = self.states(inputs)
        output = self._read(free)
        target = wanted(target, output, nudges)
        error = target - output
        pulled = xp.ones_like(output)
        if self.hinge:
            pulled = xp.where(beyond(output, target, (self.high + self.low) / 2), 0.0, pulled)
        phases = [free]
        for nudge in nudges:
            if hold:
                places = free[:, self._on(self.target_nodes)]
                places[:, :, 0] += nudge * pulled * error
                phases.append(self._settle(inputs, free, self.target_nodes, places).positions)
            else:
                phases.append(self._nudged(inputs, free, nudge * pulled, target))
        return Shapes(output, phases, *(xp.array(p) for p in self._springs))

    def _nudged(self, inputs: Real, free: Array, beta: Array, target: Real) -> Array:
        """Positions where E + beta C is least, for beta (batch, outputs), from the free ones on."""
        load = (self._on_targets(beta), self.positions + self._on_targets(target))
        if not bool((beta < 0).any()):
            return self._settle(inputs, free, load=load).positions
        found = self._settle(inputs, free, load=load, on_failure="flag")
        fine = found.residual <= self.tolerance
        for positions in (free, found.positions):  # where it starts too: else it falls into a far minimum, if there is one
            fine &= self.network.respond(*self._springs, self._held, positions, 0 * free, load=load)[1]
        if not fine.all():
            s = int(np.argmin(fine))
            raise NudgeError(
                f"a nudge of {float(beta[s].min()):g} N/m leaves the outputs of sample {s} without an equilibrium: |beta| must stay below "
                f"{self._nudge_bound(free[s : s + 1]):.3g} N/m there"
            )
        return found.positions

    def _nudge_bound(self, free: Array) -> float:
        """The |beta| at which the free state of a sample is no longer stable with all outputs nudged by -beta."""
        xp = _array.namespace(free)
        one = self._on_targets(xp.eye(self.outputs))
        same = xp.broadcast_to(free, one.shape)
        compliance = self.network.respond(*self._springs, self._held, same, one)[0][:, self._on(self.target_nodes), 0]
        return 1 / float(xp.linalg.eigvalsh(compliance).max())

    def contrast(self, relaxed: Shapes, a: int, b: int) -> dict[str, Array]:
        """Each spring's own share, phase b less phase a, mean over the batch: of (r - l)^2 / 2, and of -k (r - l) for rest lengths."""
        return self.contrast_between(relaxed, a, relaxed, b)

    def contrast_between(self, one: Shapes, a: int, two: Shapes, b: int) -> dict[str, Array]:
        """As `contrast`, phase b of `two` less phase a of `one`, whose stiffnesses and rest lengths may differ."""
        longer, both = self._longer(one.phases[a], two.phases[b])
        more, mean = longer - (two.rest - one.rest), (both - (one.rest + two.rest)) / 2  # of what the springs are stretched by
        out = {"stiffness": (more * mean).mean(axis=0)}
        by_rest = (one.stiffness + two.stiffness) / 2 * more + (two.stiffness - one.stiffness) * mean
        return out | ({"rest": -by_rest.mean(axis=0)} if self.learn_rest else {})


__all__ = ["Shapes", "SpringNetwork"]
