"""A network of springs as a trainable system: features displace source nodes along the first axis, and target nodes are read: how far they
move along it, or how much farther apart the two of each pair come.

Its parameters are `stiffness` (E,), N/m, and if wanted `rest` (E,), the rest lengths, metres. Coupled learning in such networks: Stern et
al., Phys. Rev. X 11, 021045 (2021).
"""

import functools
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np

from .. import _array, _launch, random
from .._array import Array, Key, Numbers, Real, Sample
from .._checks import numbers
from .._declared import Count, Positive, Range, check
from .._errors import CapabilityError, ConvergenceError, NudgeError
from .._gate import accepts_any, record
from .._updates import Derivative
from ..networks import ElasticNetwork, graphs
from ._encoding import Encoding, resolve_target
from ._graphs import GraphNetwork
from ._imperfect import SpringImperfections
from .protocols import looped_population
from .system import Quantity, States

SADDLE = _launch.fault(84, "a sample rests on a saddle of the energy: there is no derivative", ConvergenceError)
UNHELD = _launch.fault(85, "a nudge leaves the outputs of a sample without an equilibrium: make |beta| smaller", NudgeError)
PUSHED = _launch.fault(
    86, "springs between pairs of nodes can only pull them to their distances: set rule.variant='positive'", NudgeError
)  # fmt: skip


@record
@dataclass(frozen=True)
class Shapes(States):
    """Output in metres, and of each phase positions (batch, n_nodes, dimension), all as they are measured.

    stiffness, rest : (E,), of the springs that rest there.
    """

    stiffness: Array
    rest: Array


@accepts_any
@dataclass(kw_only=True)
class SpringNetwork(GraphNetwork):
    """A network of springs that learns: a Delaunay triangulation of random points in the unit square. Metres and N/m.

    edges, positions : (E, 2) integers and (n_nodes, dimension) metres, where all springs have their first rest lengths, in the place of that
    triangulation.

    Parameters
    ----------
    anchor_nodes
        Drawn with `key` unless they are given.

    Notes
    -----
    Nudged by beta, N/m, the network rests where E + beta C is least: springs of stiffness beta pull the outputs along the first axis to their
    targets, or push them away. Held targets keep their other coordinates where the free state has them.

    Where distances are read, target_nodes are (2 outputs,), two for each output, and springs between these two nudge: they can only pull, and a
    distance cannot be held. So far pairs of nodes come to answer to a strain somewhere else (allostery): Rocks et al., PNAS 114, 2520 (2017).
    """

    nodes: Annotated[int, Range(ge=4, le=1_000_000)] = 60  # of the graph
    complement: bool = True  # each feature a second source, which goes back when the first goes forth
    # of target nodes along the first axis, or of the distances of pairs of them, for variant "positive" of equilibrium propagation only
    reads: Literal["displacements", "distances"] = "displacements"
    anchors: Count = 2  # nodes that are held, so that the network cannot drift or turn
    stroke: Positive = 0.05  # [m] displacement of a source for a feature of 1
    high: float = 0.015  # [m] target of the sample's class
    low: float = 0.005  # [m] target of the other classes
    start: Positive = 1.0  # [N/m] every stiffness before training
    smallest: Positive = 1e-2  # [N/m] lower limit of the stiffnesses
    largest: Positive = 1e2  # [N/m] upper limit of the stiffnesses
    learn_rest: bool = False  # rest lengths learn too
    # [N] largest force on an output when the network is run backwards; small, for errors are of its order
    probe: Positive = 1e-5
    tolerance: Positive = 1e-10  # of the forces that are left at rest, relative to the largest
    imperfections: SpringImperfections = field(default_factory=SpringImperfections)
    anchor_nodes: Any = None

    kind: ClassVar[str] = "spring-network"
    recipe: ClassVar[str] = "springs-iris"
    device_samples: ClassVar[bool] = True
    output_unit: ClassVar[str] = "m"
    nudge_unit: ClassVar[str] = "N/m"
    drawn_by: ClassVar[str] = "springs"
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check(self)
        self._check_values(self.start, self.start)
        if (self.edges is None) != (self.positions is None):
            raise ValueError("edges and positions, where the nodes are, must be given together, or neither")
        if self.edges is None:
            key = random.fold_in(random.require_key(self.key, "the graph is drawn at random"), "graph")
            self.edges, self.positions = graphs.delaunay(self.nodes, key)
        xp = _array.device_namespace(self.device)
        self.positions = xp.asarray(numbers("positions", self.positions))
        if self.positions.ndim != 2:
            raise ValueError(f"positions must be (n_nodes, dimension), got shape {self.positions.shape}")
        self.n_nodes, dimension = self.positions.shape
        self.network = ElasticNetwork(self.edges, self.n_nodes, dimension)
        self._held = self._choose_nodes(self.network, source=self.entrances, target=self._readers, anchor=self.anchors)
        self._rest = self.network.lengths(self.positions[None])[0]
        # before anything moves: where sources and anchors are, (held, dimension), and targets along the first axis; metres
        self._first_held = self.positions[self._on(self._held, self.positions)]
        self._first_read = self.positions[self._on(self.target_nodes, self.positions), 0]
        if self.reads == "distances" and self.low <= -(near := float(self._first_distances.min())):
            raise ValueError(f"low={self.low:g} m asks the nodes of a pair that are {near:.3g} m apart to come closer than to one place")
        if not self.parameters:
            self.parameters = {"stiffness": xp.full(self.network.n_edges, self.start)}
            if self.learn_rest:
                self.parameters["rest"] = self._rest.copy()
        self._check_parameters(("stiffness", "rest")[: 1 + self.learn_rest], self.network.n_edges, np.float64)

    @property
    def _readers(self) -> int:
        """Target nodes: one for each output, or two."""
        return self.outputs * (1 + (self.reads == "distances"))

    @functools.cached_property
    def _gauged(self) -> tuple[ElasticNetwork, np.ndarray]:
        """The network with a spring between the two nodes of each pair that is read, and the numbers (outputs,) of these springs."""
        edges, pairs = np.sort(self.network.edges, axis=1), np.sort(self.target_nodes.reshape(-1, 2), axis=1)
        known = {tuple(edge): number for number, edge in enumerate(edges.tolist())}
        new = [pair for pair in pairs.tolist() if tuple(pair) not in known]
        known |= {tuple(pair): len(edges) + number for number, pair in enumerate(new)}
        edges = np.concatenate([edges, np.reshape(new, (-1, 2)).astype(edges.dtype)])
        return ElasticNetwork(edges, self.network.n_nodes, self.network.dimension), np.array([known[tuple(pair)] for pair in pairs.tolist()])

    def _distances(self, positions: Array) -> tuple[Array, Array]:
        """From one node of each pair to the other, (batch, outputs, dimension), and how far that is, (batch, outputs); metres."""
        one, two = (self._on(nodes, self.positions) for nodes in self.target_nodes.reshape(-1, 2).T)
        between = positions[:, one] - positions[:, two]
        return between, (between * between).sum(axis=2) ** 0.5

    @functools.cached_property
    def _first_distances(self) -> Array:
        return self._distances(self.positions[None])[1][0]

    @property
    def natural_nudge(self) -> float:
        """A tenth of the mean stiffness, N/m."""
        return 0.1 * float(self.parameters["stiffness"].mean())

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Ranges of the parameters."""
        return {"stiffness": (self.smallest, self.largest)} | ({"rest": (0.0, np.inf)} if self.learn_rest else {})

    def exports(self) -> dict[str, Quantity]:
        rest = {"rest": Quantity("rest lengths of the springs (E,), metres", "m")} if self.learn_rest else {}
        return {"stiffness": Quantity("stiffnesses of the springs (E,), N/m", "N/m")} | rest

    def built(self) -> Self:
        device, off = super().built(), self.imperfections.rest_mismatch
        if off and not self.learn_rest:
            device._rest = self._off("rest", self._rest, off, self._rest.shape)
        return device

    def _as_built(self, name: str, values: Array) -> Array:
        if name == "rest":
            return self._off(name, values, self.imperfections.rest_mismatch, values.shape)
        return super()._as_built(name, values)

    # ----------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Numbers) -> Array:
        """Images or features (batch, ...), uint8 or finite numbers, as displacements of the sources (batch, sources), metres, float64."""
        x = Encoding(self.features, np.float64, bounded=False).of(images, self.device)
        return self.stroke * (_array.namespace(x).concatenate([x, 1 - x], axis=1) if self.complement else x)

    @property
    def _springs(self) -> tuple[Array, Array]:
        return self.parameters["stiffness"], self.parameters.get("rest", self._rest)

    def states(self, inputs: Real) -> Array:
        """Positions (batch, n_nodes, dimension) of the free states of the built network, metres."""
        found: Array = self.built()._settle(self._entered(inputs)).positions
        return found

    def _held_at(self, inputs: Real) -> Array:
        """Where sources and anchors are held, (batch, held, dimension), metres."""
        at: Array = _array.namespace(inputs).repeat(self._first_held[None], len(inputs), axis=0)
        at[:, : self.entrances, 0] += inputs
        return at

    def _settle(self, inputs: Real, start: Any = None, held: Any = None, places: Any = None, **how: Any) -> Any:
        """The network at rest, with nodes `held` at `places` beside the sources and anchors."""
        at, nodes = self._held_at(inputs), self._held if held is None else np.concatenate([self._held, held])
        if places is not None:
            at = _array.namespace(inputs).concatenate([at, places], axis=1)
        settings: dict[str, Any] = {"tolerance": self.tolerance, "on_failure": "check"} | how
        return self.network.relax(*self._springs, nodes, at, self.positions if start is None else start, **settings)

    def _outputs_of(self, positions: Array) -> Array:
        """What is read (batch, outputs) at these positions (batch, n_nodes, dimension)."""
        if self.reads == "distances":
            return self._distances(positions)[1] - self._first_distances
        return positions[:, self._on(self.target_nodes, self.positions), 0] - self._first_read

    def _on_targets(self, values: Array) -> Array:
        """Values (batch, outputs) along the first axis of the target nodes, (batch, n_nodes, dimension), 0 elsewhere."""
        out = _array.namespace(values).zeros((len(values), *self.positions.shape))
        out[:, self._on(self.target_nodes, self.positions), 0] = values
        return out

    def _forces(self, values: Array, positions: Array) -> Array:
        """Forces (batch, n_nodes, dimension) along the outputs, of these sizes (batch, outputs): a cotangent of the outputs, at the nodes."""
        if self.reads == "displacements":
            return self._on_targets(values)
        between, distance = self._distances(positions)
        along = between * (values / distance)[:, :, None]
        out = _array.namespace(values).zeros((len(values), *self.positions.shape))
        for nodes, sign in zip(self.target_nodes.reshape(-1, 2).T, (1, -1), strict=True):
            out[:, self._on(nodes, self.positions)] += sign * along
        return out

    def forward(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """What is read of the targets (batch, outputs), metres, of the built network.

        Parameters
        ----------
        key
            Of its noise.
        """
        return self._measured(self._outputs_of(self.states(inputs)), key, sample)

    @property
    def feature_count(self) -> int:
        """Coordinates of all nodes."""
        return int(self.positions.size)

    def read_features(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """Displacements of all nodes (batch, n_nodes * dimension), metres."""
        moved = (self.states(inputs) - self.positions).reshape(len(inputs), -1)
        return self._noisy(moved, "features", key, sample)

    forward_population = looped_population(forward)

    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """What is read of the targets, and the positions for `vjp`."""
        positions: Array = self._settle(inputs).positions
        return self._outputs_of(positions), positions

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Derivative]:
        """Gradients for a cotangent c (batch, outputs): sums over the batch of ``-(r - l) q`` by stiffness and ``k q`` by rest length.

        q is how much longer each spring would get by forces c at the targets, ``H^-1 c`` to first order.

        Raises
        ------
        ConvergenceError
            Where the network does not rest stably.
        """
        k, l = self._springs
        moved, stable = self.network.respond(k, l, self._held, record, self._forces(_array.as_type(cotangent, np.float64), record))
        _launch.flag(
            ~stable.all(), SADDLE, lambda: f"sample {int(np.argmin(stable))} of {len(stable)} rests on a saddle of the energy: there is no "
            "derivative",
        )  # fmt: skip
        i, j = self.network.ends(record)
        r = self.network.lengths(record)
        return self._products(k, r - l, ((moved[:, i] - moved[:, j]) * (record[:, i] - record[:, j])).sum(axis=2) / r)

    def _products(self, stiffness: Array, stretched: Array, longer: Array) -> dict[str, Derivative]:
        """Gradients: each spring's stretch times how much longer it got by the outputs' errors, (batch, E); and by its rest length."""
        out = {"stiffness": -(stretched * longer).sum(axis=0)}
        return out | ({"rest": stiffness * longer.sum(axis=0)} if self.learn_rest else {})

    def forward_reading(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """What is read of the targets of the built network, and positions as they were read inside."""
        positions = self.states(inputs)
        return self._measured(self._outputs_of(positions), key, sample), positions

    def backward(self, cotangent: Real, record: Any, key: Key | None = None, sample: Sample = 0) -> dict[str, Derivative]:
        """The same network with small forces at the outputs, along the cotangent: each spring's two elongations, as measured, multiplied.

        Li and Mao, Nature Communications 15, 10528 (2024).
        """
        k, l = self.built()._springs
        c = self._forces(_array.as_type(cotangent, np.float64), record)
        most = abs(c).max()
        scale = self.probe / _array.namespace(c).where(most == 0, 1.0, most)
        held = record[:, self._on(self._held, self.positions)]
        there = self.network.relax(k, l, self._held, held, record, forces=scale * c, tolerance=self.tolerance, on_failure="check").positions
        one, two = self._noisy(record, "forward", key, sample), self._noisy(there, "backward", key, sample)
        return self._products(k, self.network.lengths(one) - l, self.network.longer(one, two)[0] / scale)

    # ---------------------------------------------------------------------------------------------------------------- learning
    def relax(
        self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Key | None = None,
        sample: Sample = 0,
    ) -> Shapes:  # fmt: skip
        """Equilibria of all phases, the nudged and held ones from the free one on.

        Parameters
        ----------
        nudges : tuple[float, ...]
            N/m, or with `hold` fractions of the way.

        Notes
        -----
        Raises NudgeError, a ValueError, for a negative nudge beyond which the outputs have no equilibrium, and for any of distances;
        CapabilityError for distances that are to be held.
        """
        if hold and self.reads == "distances":
            way = "set rule.kind='equilibrium-propagation' and rule.variant='positive'"
            raise CapabilityError(f"distances of pairs of nodes cannot be held: {way}")
        xp, device, inputs = _array.namespace(inputs), self.built(), self._entered(inputs)
        free: Array = device._settle(inputs).positions
        there = self._outputs_of(free)
        output = self._measured(there, key, sample)
        target = resolve_target(target, output, nudges)
        aimed = target if output is there else target - (output - there)
        pulled = self._hinged(xp.ones_like(output), output, target)
        phases = [free]
        for nudge in nudges:
            if hold:
                places = free[:, self._on(self.target_nodes, self.positions)]
                places[:, :, 0] += nudge * pulled * (target - output)
                phases.append(device._settle(inputs, free, self.target_nodes, places).positions)
            else:
                phases.append(device._nudged(inputs, free, nudge, pulled, aimed))
        seen = [self._noisy(phase, p, key, sample) for p, phase in enumerate(phases)]
        return Shapes(output, seen, *(xp.array(p) for p in device._springs))

    def _nudged(self, inputs: Real, free: Array, nudge: float, pulled: Array, target: Real) -> Array:
        """Positions where E + beta C is least, from the free ones on; beta is the nudge times `pulled` (batch, outputs), 0 or 1."""
        beta = nudge * pulled
        if self.reads == "distances":
            return self._pulled_together(inputs, free, beta, target, pushes=nudge < 0)
        load = (self._on_targets(beta), self.positions + self._on_targets(target))
        on_gpu = _array.is_on_gpu(beta)
        if nudge >= 0 or not (on_gpu or (beta < 0).any()):
            return self._settle(inputs, free, load=load).positions
        found = self._settle(inputs, free, load=load, on_failure="flag")
        # where it starts too: else it falls into a far minimum, if there is one
        starts, ends = (self.network.respond(*self._springs, self._held, x, 0 * free, load=load)[1] for x in (free, found.positions))
        fine = (found.left <= self.tolerance) & starts & ends
        if on_gpu:  # which nobody waits for
            _launch.flag(~fine.all(), UNHELD)
        elif not fine.all():
            raise NudgeError(self._unheld(free, beta, fine, starts))
        return found.positions

    def _unheld(self, free: Array, beta: Array, fine: np.ndarray, starts: np.ndarray) -> str:
        """What a nudge away does to the first sample that is not fine, in words; starts: where the free state is stable under it."""
        s = int(np.argmin(fine))
        nudge = f"a nudge of {float(beta[s].min()):g} N/m"
        if starts[s]:
            return f"{nudge} moves the outputs of sample {s} to where no equilibrium is stable: make |beta| smaller, or its targets closer"
        bound = self._nudge_bound(free[s : s + 1])
        return f"{nudge} leaves the outputs of sample {s} without an equilibrium: |beta| must stay below {bound:.3g} N/m there"

    def _pulled_together(self, inputs: Real, free: Array, beta: Array, target: Real, pushes: bool) -> Array:
        """Positions with springs of stiffness beta (batch, outputs) and the wanted lengths between pairs, sample by sample: each has its own.

        Beside a spring of the network such a one makes one spring of the sum of their stiffnesses, and of their mean length, weighted by these.
        """
        if pushes:
            _launch.flag((beta < 0).any(), PUSHED)
        xp, places, (network, numbers) = _array.namespace(inputs), self._held_at(inputs), self._gauged
        gauges, none = self._on(numbers, self.positions), xp.zeros(network.n_edges - self.network.n_edges)
        k, l = (xp.concatenate([values, none]) for values in self._springs)
        how: dict[str, Any] = {"tolerance": self.tolerance, "on_failure": "check"}
        found = []
        for s in range(len(inputs)):
            stiffness, rest, pull = k.copy(), l.copy(), beta[s]
            stiffness[gauges] += pull
            moment = k[gauges] * l[gauges] + pull * (self._first_distances + target[s])
            rest[gauges] = xp.where(pull > 0, moment / xp.where(pull > 0, stiffness[gauges], 1.0), l[gauges])
            found.append(network.relax(stiffness, rest, self._held, places[s : s + 1], free[s], **how).positions)
        return xp.concatenate(found)

    def _nudge_bound(self, free: Array) -> float:
        """The |beta| at which the free state of a sample is no longer stable with all outputs nudged by -beta."""
        xp = _array.namespace(free)
        one = self._on_targets(xp.eye(self.outputs))
        same = xp.broadcast_to(free, one.shape)
        compliance = self.network.respond(*self._springs, self._held, same, one)[0][:, self._on(self.target_nodes, self.positions), 0]
        return 1 / float(xp.linalg.eigvalsh(compliance).max())

    def contrast(self, relaxed: Shapes, a: int, b: int) -> dict[str, Derivative]:
        """Each spring's own share, phase b less phase a, a sum over the batch: of (r - l)^2 / 2, and of -k (r - l) for rest lengths.

        k and l are those of the built network: what a spring feels are its stretch and its force.
        """
        return self.contrast_between(relaxed, a, relaxed, b)

    def contrast_between(self, one: Shapes, a: int, two: Shapes, b: int) -> dict[str, Derivative]:
        """As `contrast`, phase b of `two` less phase a of `one`, whose stiffnesses and rest lengths may differ."""
        found = self.network.contrast(one.phases[a], two.phases[b], (one.stiffness, one.rest), (two.stiffness, two.rest))
        return dict(zip(("stiffness", "rest")[: 1 + self.learn_rest], found, strict=False))


__all__ = ["Shapes", "SpringNetwork"]
