"""A network of resistors on a graph as a trainable system: features go in as voltages of source nodes, voltages of target nodes come out.

Its one parameter is `conductance` (E,), siemens. Target voltages are linear in the source voltages, with weights that are positive and sum
to one, so the sources get each feature twice, upwards and downwards, and the two supply rails: with those at hand, weights of either
sign can be learned.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers, Real, Sample
from .._checks import shaped
from .._declared import Positive, Range, check
from .._errors import NudgeError
from .._gate import accepts_any, record
from .._updates import Derivative
from ..networks import ResistorNetwork, Response, graphs
from ..networks._solve import inner, product
from . import protocols
from ._encoding import resolve_target
from ._graphs import Circuit
from ._layers import check_dtype
from .system import Quantity, Target


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
    noise: tuple[float, Any, Any] = (0.0, None, 0)  # of each voltage that is measured: rms, key and sample

    def voltages(self, p: int) -> Array:
        """Voltages (batch, n_nodes) of phase p, as they are measured."""
        nudge = self.nudges[p]
        v = product(self.sources, self.response.sources.T)
        v = v + product(self.errors, self.response.between(nudge, nudge, hold=self.hold)[1].T)
        rms, key, sample = self.noise
        return v + rms * random.normal(random.fold_in(key, p), v.shape, sample=sample, dtype=v.dtype, like=v) if rms else v


@accepts_any
@dataclass(kw_only=True)
class ResistorCircuit(Circuit):
    """A network of resistors that learns. Conductances in siemens, targets as fractions of the supply voltage."""

    graph: Literal["disordered", "delaunay", "lattice", "file"] = "disordered"  # lattice: square, side the root of nodes
    nodes: Annotated[int, Range(ge=2, le=1_000_000)] = 60  # of the graph
    degree: Positive = 8.0  # mean number of neighbours; disordered only
    file: str = ""  # file only: edge list, two nodes on each line and, if it has them, the conductances before training
    complement: bool = True  # each feature a second source that falls when it rises
    high: Annotated[float, Range(gt=0, le=1)] = 0.52  # target of the sample's class, of the supply
    low: Annotated[float, Range(ge=0, lt=1)] = 0.48  # target of the other classes, of the supply
    start: Positive = 1e-3  # [S] every conductance before training
    spread: Annotated[float, Range(ge=0, lt=1)] = 0.0  # relative rms of the conductances before training
    smallest: Positive = 1e-5  # [S] lower limit of the conductances
    largest: Positive = 1e-1  # [S] upper limit of the conductances
    dtype: str = "float32"

    kind: ClassVar[str] = "resistor-network"
    recipe: ClassVar[str] = "coupled-iris"
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check(self)
        check_dtype(self.dtype)
        self._check_values(self.start, self.start)
        self._check_graph()
        measured = self._make_graph() if self.edges is None else None
        self.network = ResistorNetwork(self.edges, self.n_nodes)  # type: ignore[arg-type]
        self._choose_nodes(self.network, source=self.entrances, target=self.outputs)
        if not self.parameters:
            self.parameters = {"conductance": self._initial(measured)}
        self._check_parameters(["conductance"], self.network.n_edges, self.dtype)
        self.writing.give(self)

    def _make_graph(self) -> np.ndarray | None:
        """Make the graph that the keys describe; the conductances that its file gives, if there is one that does."""
        if (self.graph == "file") != bool(self.file):
            raise ValueError(f"graph='file' and file, a path, need each other, got graph={self.graph!r} and file={self.file!r}")
        if self.graph == "file":
            self.edges, self.n_nodes, conductance = graphs.read_edges(self.file)
            self._refuse_other(conductance)
            return conductance
        self.n_nodes = self.nodes
        if self.graph == "lattice":
            side = max(2, round(self.nodes**0.5))
            self.edges, self.n_nodes, self.positions = graphs.lattice(side, side), side * side, graphs.lattice_positions(side, side)
            return None
        key = random.fold_in(random.require_key(self.key, "the graph is drawn at random"), "graph")
        if self.graph == "delaunay":
            self.edges, self.positions = graphs.delaunay(self.nodes, key)
        else:
            self.edges = graphs.disordered(self.nodes, self.degree, key)
        return None

    def _refuse_other(self, conductance: np.ndarray | None) -> None:
        """Raise ValueError for a key that is set, and says other than the file."""
        n, own = int(self.n_nodes or 0), {field.name: field.default for field in dataclasses.fields(self)}
        says: dict[str, tuple[float | None, str]] = {"nodes": (n, f"has {n} nodes"), "degree": (2 * len(self.edges) / n, "says who is joined")}
        if conductance is not None:
            says |= {name: (None, "says which conductances there are") for name in ("start", "spread")}
        for name, (value, words) in says.items():
            given = getattr(self, name)
            if given not in (own[name], value):
                default = f"leave it at its default, {own[name]:g}"
                raise ValueError(f"{name}={given:g} contradicts the edge list {self.file}, which {words}: {default}")
        if conductance is not None and not (self.smallest <= conductance.min() and conductance.max() <= self.largest):
            raise ValueError(
                f"conductances in the edge list {self.file} must lie within smallest .. largest = {self.smallest:g} .. {self.largest:g} "
                f"siemens, they are {conductance.min():g} .. {conductance.max():g}"
            )

    def _initial(self, measured: np.ndarray | None) -> Array:
        xp = _array.device_namespace(self.device)
        if measured is not None:
            return xp.asarray(measured, self.dtype)
        out = xp.full(self.network.n_edges, self.start, self.dtype)
        if self.spread:
            key = random.fold_in(random.require_key(self.key, "a spread of the conductances is drawn at random"), "spread")
            draws = random.normal(key, (1, len(out)), like=out)[0]
            out = (out * (1 + self.spread * draws)).clip(self.smallest, self.largest).astype(self.dtype)
        return out

    @property
    def natural_loss(self) -> Target:
        return Target(high=self.volts * self.high, low=self.volts * self.low, hinge=self.hinge)

    @property
    def natural_nudge(self) -> float:
        """A tenth of the largest at which outputs that are pushed away still settle, siemens."""
        return 0.1 * self._model_response().nudge_bound

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Range of the parameter."""
        return {"conductance": (self.smallest, self.largest)}

    def exports(self) -> dict[str, Quantity]:
        return {"conductance": Quantity("conductances of the edges (E,), siemens", "S")}

    @property
    def rails(self) -> tuple[float, float]:
        """What an output can be pulled to, volts."""
        return 0.0, self.volts

    # ----------------------------------------------------------------------------------------------------------------- physics
    def resistors(self, inputs: Real) -> tuple[ResistorNetwork, Array, np.ndarray, Array, np.ndarray]:
        """The network, the conductances (E,) that it was built with, siemens, its source nodes and their volts, and its target nodes."""
        return self.network, self.built().parameters["conductance"], self.source_nodes, self._entered(inputs), self.target_nodes

    def pulls(self, output: Real, target: Real) -> Array:
        """What voltages of the target nodes (batch, outputs) are pulled by: the errors of what is read of them."""
        return self.errors(self._read(output), target)

    def _response(self) -> Response:
        """How the built network answers, from one factorisation for all passes with the same conductances."""
        if self.imperfections.perfect:
            return self._model_response()
        return self._kept("built", self.parameters["conductance"], lambda: self._response_of(self.built().parameters["conductance"]))

    def _model_response(self) -> Response:
        return self._kept("model", self.parameters["conductance"], lambda: self._response_of(self.parameters["conductance"]))

    def _response_of(self, conductance: Array) -> Response:
        return self.network.response(conductance, self.source_nodes, self.target_nodes, on_failure="check")

    def forward(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """One pass of the built network: source voltages (batch, sources) -> output voltages (batch, outputs), float64.

        Parameters
        ----------
        key
            Of its noise.
        """
        return self._measured(self._response().outputs(self._entered(inputs)), key, sample)

    def forward_population(
        self, inputs: Real, parameters: dict[str, Array], key: Key | None = None, sample: Sample = 0, *, first: Sample = 0
    ) -> Array:
        """The passes of networks {"conductance": (members, E)}, (members, batch, outputs), by `ResistorNetwork.gains`."""
        protocols.numbered(protocols.members(self, parameters), first)
        worth = parameters["conductance"] if self.imperfections.perfect else self._as_built("conductance", parameters["conductance"])
        outputs = self._entered(inputs) @ self.network.gains(worth, self.source_nodes, self.target_nodes)
        return self._measured_of_members(outputs, key, sample, first)

    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """Output voltages of the twin, and the response and inputs for `vjp`."""
        return self._passed(self._model_response(), inputs)

    @staticmethod
    def _passed(response: Response, inputs: Array) -> tuple[Array, Any]:
        return response.outputs(inputs), (response, inputs)

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Derivative]:
        """Gradient of the conductances for a cotangent (batch, outputs): ``sum over the batch of -(B G_T c)(B v)``."""
        response, inputs = record
        k = self.parameters["conductance"]
        driven = inner(inputs, _array.as_type(cotangent, np.float64))
        out = self.network.drop_products(response.targets, product(response.sources, driven), -1.0)
        return {"conductance": out.astype(k.dtype)}

    # --------------------------------------------------------------------------------------------- driven backwards and in time
    def forward_reading(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """Output voltages of the built network, and the voltages inside by what they are made of."""
        outputs, record = self._passed(self._response(), self._entered(inputs))
        return self._measured(outputs, key, sample), record

    def backward(self, cotangent: Real, record: Any, key: Key | None = None, sample: Sample = 0) -> dict[str, Derivative]:
        """Each edge's two drops multiplied: of the forward pass, and with the cotangent driven as a current into the outputs, as measured."""
        if not self.imperfections.measurement_noise:
            return self.vjp(cotangent, record)
        response, inputs = record
        there = self._noisy(product(inputs, response.sources.T), "forward", key, sample)
        back = self._noisy(product(_array.as_type(cotangent, np.float64), response.targets.T), "backward", key, sample)
        return {"conductance": self.network.drop_products(there.T, back.T, -1.0).astype(self.dtype)}

    def driver(self) -> Callable[[Array, Array], Array]:
        """Voltages (batch, n_nodes) by source voltages and by currents (batch, outputs) driven into the outputs, amperes."""
        response = self._response()
        return lambda inputs, forces: product(self._entered(inputs), response.sources.T) + product(forces, response.targets.T)

    def read(self, states: Real) -> Array:
        """Output voltages (batch, outputs) of voltages (batch, n_nodes)."""
        shaped("states", states, None, self.network.n_nodes)
        return self._read(states[:, self._on(self.target_nodes, states)])

    def products(self, one: Real, two: Real) -> dict[str, Derivative]:
        """{"conductance": dv_1 dv_2}, a sum over the batch."""
        shaped("one", one, None, self.network.n_nodes)
        shaped("two", two, *one.shape)
        return {"conductance": self.network.drop_products(one.T, two.T).astype(self.dtype)}

    # ---------------------------------------------------------------------------------------------------------------- learning
    def relax(
        self, inputs: Real, *, target: Real | Callable[[Array], Array] | None = None, nudges: tuple[float, ...] = (), hold: bool = False,
        key: Key | None = None, sample: Sample = 0,
    ) -> Equilibria:  # fmt: skip
        """Equilibria of all phases, from one factorisation.

        Parameters
        ----------
        target : Real | Callable[[Array], Array] | None
            (batch, outputs), or a function of the free outputs that gives it.
        nudges : tuple[float, ...]
            In siemens, or with `hold` fractions of the way to the target.

        Raises
        ------
        ValueError
            For a negative nudge beyond which the outputs have no equilibrium.
        """
        response, inputs = self._response(), self._entered(inputs)
        output = self._measured(response.outputs(inputs), key, sample)
        resolved = resolve_target(target, output, nudges)
        lowest = -min((0.0, *nudges))
        if not hold and lowest > 0 and lowest >= response.nudge_bound:
            raise NudgeError(
                f"a nudge of {-lowest:g} siemens leaves the outputs without an equilibrium: |beta| must stay below {response.nudge_bound:.4g}"
            )
        noise = (self.imperfections.measurement_noise, key, sample)
        return Equilibria(output, response, inputs, self.errors(output, resolved), (0.0, *nudges), hold, noise)

    def contrast(self, relaxed: Equilibria, a: int, b: int, weights: Numbers | None = None) -> dict[str, Derivative]:
        """{"conductance": dv^2 / 2 in phase b less that in phase a}, a sum over the batch by weights (batch,), in product form.

        dv are drops over the edges of the built network, each voltage as it is measured.
        """
        share = None if weights is None else weights[:, None]
        if relaxed.noise[0]:
            return self._by_conductance(relaxed.voltages(a), relaxed.voltages(b), share)
        r, (low, high) = relaxed.response, (relaxed.nudges[a], relaxed.nudges[b])
        pair = r.products(low, high, relaxed.sources, relaxed.errors, share, hold=relaxed.hold)
        return {"conductance": self.network.drop_products(*pair).astype(self.dtype)}

    def absorbed(self, relaxed: Equilibria, weights: Numbers | None = None) -> dict[str, Derivative]:
        """{"conductance": dv^2 / 2 in the free state}, as it is measured, a sum over the batch by weights (batch,)."""
        v = relaxed.voltages(0)
        return self._by_conductance(_array.namespace(v).zeros_like(v), v, None if weights is None else weights[:, None])

    def _by_conductance(self, one: Array, two: Array, share: Array | None = None) -> dict[str, Derivative]:
        return {"conductance": self.network.contrast(one, two, 1.0 if share is None else share).astype(self.dtype)}

    def contrast_between(self, one: Equilibria, a: int, two: Equilibria, b: int) -> dict[str, Derivative]:
        """{"conductance": dv^2 / 2 in phase b of `two` less that in phase a of `one`}, a sum: their conductances may differ."""
        return self._by_conductance(one.voltages(a), two.voltages(b))

    def states(self, inputs: Real) -> Array:
        return product(self._entered(inputs), self._response().sources.T)


def damaged(system: ResistorCircuit, fraction: float, key: Key) -> ResistorCircuit:
    """The same circuit with a random fraction of its edges cut, to be trained on: fewer edges, the others with their conductances.

    Edges without which a node would float are kept. key : of `pnnkern.random`.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not 0 <= fraction < 1:
        raise ValueError(f"fraction must lie in [0, 1), got {fraction:g}")
    edges, n = system.network.edges, system.network.n_nodes
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
    left_over = dataclasses.replace(system, edges=edges[keep], parameters={"conductance": k[xp.asarray(keep)]}, memory={})
    left_over.built_of(system, keep)
    return left_over


__all__ = ["Equilibria", "ResistorCircuit", "damaged"]
