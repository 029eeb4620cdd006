"""A network of resistors on a graph as a trainable system: features go in as voltages of source nodes, voltages of target nodes come out.

Its one parameter is `conductance` (E,), siemens. Target voltages are linear in the source voltages, with weights that are positive and sum
to one, so the sources get each feature twice, upwards and downwards, and the two supply rails: with those at hand, weights of either
sign can be learned.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array, _constants, random
from .._array import Array, Real
from .._checks import shaped
from .._errors import NudgeError
from .._gate import accepts_any, record
from ..networks import ResistorNetwork, Response
from ..networks._solve import solution
from . import protocols
from ._encoding import beyond, fitting, flat, one_hot, wanted
from ._typed import check_types


@record
@dataclass(frozen=True)
class Equilibria:
    """Free, nudged and held states of a batch, by what they are made of: ``v = K x + W_p d`` in phase p."""

    output: Real  # (batch, outputs), of the free state
    response: Response
    sources: Array  # x (batch, sources)
    errors: Array  # d (batch, outputs), what the phases pull the outputs by
    nudges: tuple[float, ...]  # of each phase; 0 for the first
    hold: bool

    def ways(self, a: int, b: int) -> tuple[Array, Array]:
        """(W_b - W_a, (W_a + W_b) / 2), each (nodes, outputs); the difference has all its digits."""
        r, (x, y) = self.response, (self.nudges[a], self.nudges[b])
        if self.hold:
            return (y - x) * r.held, (x + y) / 2 * r.held
        xp = _array.namespace(r.targets)
        one = xp.eye(r.targets.shape[1])
        first, second = (solution(one + nudge * r.impedance, one) for nudge in (x, y))
        return (y - x) * (r.targets @ (second @ first)), r.targets @ (x * first + y * second) / 2

    def voltages(self, p: int) -> Array:
        """Voltages (batch, n_nodes) of phase p."""
        return self.sources @ self.response.sources.T + self.errors @ self.ways(p, p)[1].T


@accepts_any
@dataclass
class ResistorCircuit:
    """A network of resistors that learns: `Relaxing`, `Yielding`, `Measurable`, `Modelled`, `Reciprocal` and `Driven`.

    edges : (E, 2) integers. n_nodes : how many nodes. features : values of a sample. outputs : target nodes, one for each class.
    volts : the upper rail, of the sources; features in [0, 1] become voltages from 0 to it. complement : give each feature a second source
        that falls when it rises.
    high, low : targets, as fractions of `volts`, of the sample's class and of the others. hinge : outputs that are beyond their target on
        the right side are left alone (a shifted hinge instead of a square).
    bounds : range of the conductances, siemens. start : conductance of every edge to begin with, siemens, with a relative rms of `spread`.
    parameters : {"conductance": ...}, given or made with `key`, which also chooses the nodes, unless `source_nodes` and `target_nodes` do.
    positions : (n_nodes, 2), for pictures. device, dtype : of the conductances.
    """

    edges: Any
    n_nodes: int
    features: int
    outputs: int
    volts: float = 1.0
    complement: bool = True
    high: float = 0.6
    low: float = 0.4
    hinge: bool = False
    start: float = 1e-3
    spread: float = 0.0
    limits: tuple[float, float] = (1e-5, 1e-1)
    parameters: dict[str, Array] = field(default_factory=dict)
    writers: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)
    source_nodes: Any = None
    target_nodes: Any = None
    positions: Any = None
    dtype: str = "float32"
    key: Any = None
    device: str = "cpu"

    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_types(self)
        self.network = ResistorNetwork(self.edges, self.n_nodes)
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {self.dtype!r}")
        if self.features < 1 or self.outputs < 1 or not self.volts > 0:
            raise ValueError(
                f"features and outputs must be at least 1 and volts positive, got {self.features}, {self.outputs} and {self.volts}"
            )
        if not 0 <= self.low < self.high <= 1:
            raise ValueError(f"targets must lie between the rails, 0 <= low < high <= 1, got low={self.low:g} and high={self.high:g}")
        if not 0 < self.limits[0] <= self.start <= self.limits[1]:
            raise ValueError(f"limits must be positive conductances around start = {self.start:g} siemens, got {self.limits}")
        needed = self.entrances + self.outputs
        if self.source_nodes is None or self.target_nodes is None:
            if needed > self.n_nodes:
                raise ValueError(f"{self.entrances} sources and {self.outputs} outputs need {needed} nodes, the network has {self.n_nodes}")
            if self.key is None:
                raise ValueError("which nodes are sources and targets is drawn at random, which needs a key: key=pnnkern.random.key(seed)")
            order = np.asarray(random.permutation(random.fold_in(self.key, "nodes"), self.n_nodes))
            self.source_nodes, self.target_nodes = order[: self.entrances], order[self.entrances : needed]
        self.source_nodes, self.target_nodes = self.network.apart(self.source_nodes, self.target_nodes)
        if (len(self.source_nodes), len(self.target_nodes)) != (self.entrances, self.outputs):
            raise ValueError(
                f"there must be {self.entrances} source_nodes and {self.outputs} target_nodes, got {len(self.source_nodes)} "
                f"and {len(self.target_nodes)}"
            )
        if not self.parameters:
            self.parameters = {"conductance": self._initial()}
        fitting(self.parameters, {"conductance": (self.network.n_edges,)}, self.dtype)

    def _initial(self) -> Array:
        xp = _array.device_namespace(self.device)
        out = xp.full(self.network.n_edges, self.start, self.dtype)
        if self.spread:
            if self.key is None:
                raise ValueError("a spread of the conductances is drawn at random, which needs a key: key=pnnkern.random.key(seed)")
            draws = random.normal(random.fold_in(self.key, "spread"), (1, len(out)), like=out)[0]
            out = (out * (1 + self.spread * draws)).clip(*self.limits).astype(self.dtype)
        return out

    @property
    def entrances(self) -> int:
        """Source nodes: one or two for each feature, and the rails."""
        return self.features * (2 if self.complement else 1) + 2

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Range of the parameter."""
        return {"conductance": self.limits}

    # ----------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Array) -> Array:
        """Images or features (batch, ...), uint8 or in [0, 1], as source voltages (batch, sources), float64."""
        xp = _array.device_namespace(self.device)
        x = flat(images, self.features, self.device, np.float64)
        rails = xp.broadcast_to(_constants.constant([0.0, 1.0], np.float64, x), (len(x), 2))
        return self.volts * xp.concatenate([x, 1 - x, rails] if self.complement else [x, rails], axis=1)

    def _response(self) -> Response:
        return self.network.response(self.parameters["conductance"], self.source_nodes, self.target_nodes)

    def forward(self, inputs: Real, key: Any = None, sample: Any = 0) -> Array:
        """One pass: source voltages (batch, sources) -> output voltages (batch, outputs), float64. Noise-free: `key` is not needed."""
        return self._response().outputs(inputs)

    def forward_population(
        self, inputs: Real, parameters: dict[str, Array], key: Any = None, sample: Any = 0, *, first: Any = 0
    ) -> Array:
        """The passes of networks {"conductance": (members, E)}, (members, batch, outputs), by `ResistorNetwork.gains`."""
        protocols.numbered(protocols.members(self, parameters), first)
        return inputs @ self.network.gains(parameters["conductance"], self.source_nodes, self.target_nodes)

    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """Output voltages of the twin, and the response and inputs for `vjp`."""
        response = self._response()
        return response.outputs(inputs), (response, inputs)

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Array]:
        """Gradient of the conductances for a cotangent (batch, outputs): ``sum over the batch of -(B G_T c)(B v)``."""
        response, inputs = record
        k = self.parameters["conductance"]
        out = self.network.contrast(response.targets, response.sources @ (inputs.T @ cotangent.astype(np.float64)), -1.0)
        return {"conductance": out.astype(k.dtype)}

    # --------------------------------------------------------------------------------------------- driven backwards and in time
    def forward_reading(self, inputs: Real, key: Any = None, sample: Any = 0) -> tuple[Array, Any]:
        """Output voltages, and the voltages inside by what they are made of."""
        return self.forward_saving(inputs)

    def backward(self, cotangent: Real, record: Any, key: Any = None, sample: Any = 0) -> dict[str, Array]:
        """Each edge's two drops multiplied: of the forward pass, and with the cotangent driven as a current into the outputs."""
        return self.vjp(cotangent, record)

    def driver(self) -> Callable[[Array, Array], Array]:
        """Voltages (batch, n_nodes) by source voltages and by currents (batch, outputs) driven into the outputs, amperes."""
        response = self._response()
        return lambda inputs, forces: inputs @ response.sources.T + forces @ response.targets.T

    def read(self, states: Real) -> Array:
        """Output voltages (batch, outputs) of voltages (batch, n_nodes)."""
        shaped("states", states, None, self.n_nodes)
        return states[:, self._at_targets(states)]

    def _at_targets(self, like: Array) -> Array:
        return _constants.constant(self.target_nodes, np.int64, like)

    def products(self, one: Real, two: Real) -> dict[str, Array]:
        """{"conductance": <dv_1 dv_2>}, mean over the batch."""
        shaped("one", one, None, self.n_nodes)
        shaped("two", two, *one.shape)
        return {"conductance": self.network.contrast(one.T, two.T, 1 / len(one)).astype(self.dtype)}

    # ---------------------------------------------------------------------------------------------------------------- learning
    def targets(self, labels: Array) -> Array:
        """Target voltages (batch, outputs): high at the label's node, low at the others."""
        return self.volts * one_hot(labels, self.outputs, self.high, self.low, self.device, np.float64)

    def relax(
        self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Any = None,
        sample: Any = 0,
    ) -> Equilibria:  # fmt: skip
        """Equilibria of all phases, from one factorisation. nudges : in siemens, or with `hold` fractions of the way to the target.

        Raises ValueError for a negative nudge beyond which the outputs have no equilibrium.
        """
        response = self._response()
        output = response.outputs(inputs)
        target = wanted(target, output, nudges)
        lowest = -min((0.0, *nudges))
        if not hold and lowest >= response.nudge_bound:
            raise NudgeError(
                f"a nudge of {-lowest:g} siemens leaves the outputs without an equilibrium: |beta| must stay below {response.nudge_bound:.4g}"
            )
        return Equilibria(output, response, inputs, self.errors(output, target), (0.0, *nudges), hold)

    def errors(self, output: Real, target: Real) -> Array:
        """``target - output``, volts; with `hinge` 0 where the output is beyond its target on the right side."""
        errors = target - output
        if self.hinge:
            errors = _array.namespace(errors).where(beyond(output, target, self.volts * (self.high + self.low) / 2), 0.0, errors)
        return errors

    def contrast(self, relaxed: Equilibria, a: int, b: int) -> dict[str, Array]:
        """{"conductance": <dv^2 / 2> in phase b less that in phase a}, mean over the batch, in product form."""
        between, mean = relaxed.ways(a, b)
        r, x, d = relaxed.response, relaxed.sources, relaxed.errors
        other = (r.sources @ (x.T @ d) + mean @ (d.T @ d)) / len(x)
        return {"conductance": self.network.contrast(between, other).astype(self.dtype)}

    def contrast_between(self, one: Equilibria, a: int, two: Equilibria, b: int) -> dict[str, Array]:
        """{"conductance": <dv^2 / 2> in phase b of `two` less that in phase a of `one`}: their conductances may differ."""
        v, w = one.voltages(a), two.voltages(b)
        return {"conductance": self.network.contrast((w - v).T, (w + v).T, 1 / (2 * len(v))).astype(self.dtype)}

    def states(self, inputs: Real) -> Array:
        """Voltages (batch, n_nodes) of the free states."""
        return inputs @ self._response().sources.T


def damaged(system: ResistorCircuit, fraction: float, key: Any) -> ResistorCircuit:
    """The same circuit with a random fraction of its edges cut, to be trained on: fewer edges, the others with their conductances.

    Edges without which a node would float are kept. key : of `pnnkern.random`.
    """
    import dataclasses

    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not 0 <= fraction < 1:
        raise ValueError(f"fraction must lie in [0, 1), got {fraction:g}")
    edges, n = system.network.edges, system.n_nodes
    keep = np.ones(len(edges), bool)
    left = round(fraction * len(edges))

    def whole() -> bool:
        used = edges[keep]
        parts = connected_components(coo_array((np.ones(len(used)), (used[:, 0], used[:, 1])), shape=(n, n)), directed=False)
        return bool(parts[0] == 1)

    for e in np.asarray(random.permutation(key, len(edges))):
        if not left:
            break
        keep[e] = False
        if whole():
            left -= 1
        else:
            keep[e] = True
    k = system.parameters["conductance"]
    xp = _array.namespace(k)
    return dataclasses.replace(system, edges=edges[keep], parameters={"conductance": k[xp.asarray(keep)]}, memory={})


__all__ = ["Equilibria", "ResistorCircuit", "damaged"]
