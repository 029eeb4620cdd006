"""Networks of transistors, or of resistors and diodes, as trainable systems: they learn what no linear network can, such as XOR.

Features go in as voltages of source nodes beside two supply rails; an output is the difference between the voltages of two target nodes,
so that it can have either sign. Dillavou et al., PNAS 121, e2319718121 (2024).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np

from .. import _array, _launch, random
from .._array import Array, Key, Numbers, Real, Sample
from .._checks import largest, shaped
from .._declared import Positive, Range, check
from .._errors import NudgeError
from .._gate import accepts_any
from .._updates import Derivative
from ..networks import DiodeNetwork, ElementNetwork, ResistorNetwork, TransistorNetwork, graphs
from ..networks._circuit import State
from . import protocols
from ._encoding import resolve_target
from ._graphs import Circuit
from ._imperfect import ThresholdImperfections
from .system import Quantity, States

SEARCH = 500  # iterations of a relaxation in the search for the largest nudge, where most settle at once or never
OVERDRIVEN = _launch.fault(
    87, "a nudge, or gamma, drives outputs of a sample further than they are off their targets: make it smaller", NudgeError
)  # fmt: skip
SLACK = 1e3  # times what relaxations leave: outputs that are so close to their targets may move further


@accepts_any
@dataclass(kw_only=True)
class NonlinearCircuit(Circuit):
    """A network of transistors that learns their gate voltages; outputs are differences of two nodes. Volts.

    Parameters
    ----------
    network
        Another network than transistors on that graph, a `TransistorNetwork` with a law of its own, or a `DiodeNetwork` or `ElementNetwork`,
        whose parameter is "conductance" (siemens) and not "gate" (volts): targets and limits are in these units. One output alone tells classes
        1 and 0 apart. source_nodes : (features + 2,), of the features and the rails at 0 and `volts`. target_nodes : (2 * outputs,), all
        positive ends, then all negative ones.

    Notes
    -----
    Held outputs keep the mean of their two nodes. Nudges are currents ``beta (target - output)`` into the positive end and out of the negative
    one, of the free output, beta in siemens; small ones, that move the outputs by less than they are off. Transistors have no energy: their
    contrasts are no gradients, however small the nudge.
    """

    graph: Literal["lattice", "disordered"] = "lattice"  # lattice: square and periodic, side the root of nodes
    nodes: Annotated[int, Range(ge=9, le=1_000_000)] = 36  # of the graph
    degree: Positive = 6.0  # mean number of neighbours; disordered only
    volts: Annotated[float, Range(gt=0, le=1e6)] = 0.45  # [V] supply
    high: float = 0.02  # [V] target of the sample's class
    low: float = -0.02  # [V] target of the other classes
    smallest: float = 0.8  # [V] lower limit of the gate voltages
    largest: float = 5.0  # [V] upper limit of the gate voltages
    start_low: float = 1.2  # [V] lowest gate voltage before training
    start_high: float = 2.5  # [V] highest gate voltage before training
    relaxation: Annotated[float, Range(gt=0, lt=2)] = 1.5  # of the sweeps: nodes go so many times their exact step
    tolerance: Positive = 1e-9  # of the step that a node would still make, relative to the largest voltage
    network: Any = None
    imperfections: ThresholdImperfections = field(default_factory=ThresholdImperfections)

    kind: ClassVar[str] = "transistor-network"
    recipe: ClassVar[str] = "coupled-iris-transistors"

    def __post_init__(self) -> None:
        check(self)
        self._check_values(self.start_low, self.start_high)
        self._check_graph()
        if self.network is None:
            if self.edges is None:
                self._make_graph()
            self.network = TransistorNetwork(self.edges, self.n_nodes)  # type: ignore[arg-type]
        if not isinstance(self.network, TransistorNetwork | DiodeNetwork | ElementNetwork):
            raise TypeError(f"network must be a TransistorNetwork, a DiodeNetwork or an ElementNetwork, got {type(self.network).__name__}")
        self._choose_nodes(self.network, source=self.entrances, target=2 * self.outputs)
        if not self.parameters:
            key = random.fold_in(random.require_key(self.key, "the edges start at random"), "start")
            like = _array.device_namespace(self.device).empty(0, np.float64)
            draws = random.uniform(key, (1, self.network.n_edges), dtype=np.float64, like=like)[0]
            self.parameters = {self.name: self.start_low + (self.start_high - self.start_low) * draws}
        self._check_parameters([self.name], self.network.n_edges, np.float64)
        self.writing.give(self)

    def _make_graph(self) -> None:
        """Make the graph that the keys describe."""
        if self.graph == "lattice":
            side = max(3, round(self.nodes**0.5))
            self.edges, self.n_nodes = graphs.lattice(side, side, periodic=True), side * side
        else:
            key = random.fold_in(random.require_key(self.key, "the graph is drawn at random"), "graph")
            self.edges, self.n_nodes = graphs.disordered(self.nodes, self.degree, key), self.nodes

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return "conductance" if self.network.has_energy else "gate"

    @property
    def has_energy(self) -> bool:
        """Whether equilibria are minima of an energy: with diodes yes, with transistors no."""
        return bool(self.network.has_energy)

    @property
    def natural_nudge(self) -> float:
        """A tenth of what one output is tied by, siemens: of the nudge bound of resistors that conduct as the edges do at 0 V."""
        network = ResistorNetwork(self.network.edges, self.network.n_nodes)
        return 0.1 * network.response(self.conducting(), self.source_nodes, self.target_nodes).nudge_bound

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Range of the parameter."""
        return {self.name: (self.smallest, self.largest)}

    @property
    def rails(self) -> tuple[float, float]:
        """What an output can be pulled to: one of its nodes at the supply, the other at 0 V."""
        return -self.volts, self.volts

    def exports(self) -> dict[str, Quantity]:
        if self.name == "gate":
            return {"gate": Quantity("gate voltages of the transistors (E,), volts", "V")}
        return {"conductance": Quantity("conductances of the edges (E,), siemens", "S")}

    def conducting(self) -> Array:
        if self.name == "conductance":
            return self.parameters["conductance"]
        net, gate = self.network, self.parameters["gate"]  # with both ends at 0 V
        return net.strength * _array.namespace(gate).maximum(gate - net.threshold, net.least)

    def _as_built(self, name: str, values: Array) -> Array:
        """Gates act as if what they are above the threshold were off by the mismatch: so much more or less does a transistor conduct.

        With a threshold that is too high they act as if they were lower by as much.
        """
        if name != "gate":
            return super()._as_built(name, values)
        threshold, off = self.network.threshold, self.imperfections.threshold_offset
        over = values - threshold
        if off:
            over = over - off * self._once("threshold", values.shape[-1:], values)
        return self._stuck(name, threshold + self._off(name, over, self.imperfections.mismatch, values.shape[-1:]))

    @functools.cached_property
    def _built_network(self) -> Any:
        """The network with the forward voltages that its diodes came out with."""
        if not (self.imperfections.threshold_offset and isinstance(self.network, DiodeNetwork)):
            return self.network
        like = self.parameters[self.name]
        off = _array.to_numpy(self._once("threshold", (self.network.n_edges,), like))
        return self.network.with_drop(np.maximum(self.network.drop + self.imperfections.threshold_offset * off, 0.0))

    def built(self) -> Self:
        device = super().built()
        if not self.imperfections.perfect:
            device.network = self._built_network
        return device

    # ----------------------------------------------------------------------------------------------------------------- physics
    def _relaxed(self, inputs: Real, **how: Any) -> State:
        held = how.pop("held", self.source_nodes)
        settings: dict[str, Any] = {"relaxation": self.relaxation, "tolerance": self.tolerance, "on_failure": "check"} | how
        found: State = self.network.relax(self.parameters[self.name], held, inputs, **settings)
        return found

    def _settle(self, inputs: Real, **how: Any) -> Array:
        return self._relaxed(inputs, **how).voltages

    def states(self, inputs: Real) -> Array:
        return self.built()._settle(self._entered(inputs))

    def forward(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """One pass of the built network: source voltages (batch, features + 2) -> outputs (batch, outputs), volts.

        Parameters
        ----------
        key
            Of its noise.
        """
        return self._measured(self._across(self.states(inputs)), key, sample)

    forward_population = protocols.looped_population(forward)

    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """Outputs of the twin, and its voltages for `vjp`."""
        voltages = self._settle(inputs)
        return self._across(voltages), voltages

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Derivative]:
        """Exact gradient of the parameter for a cotangent (batch, outputs), through the equilibrium."""
        xp = _array.namespace(record)
        of_nodes, g = xp.zeros(record.shape), _array.as_type(cotangent, np.float64)
        of_nodes[:, self._on(self.target_nodes, of_nodes)] = xp.concatenate([g, -g], axis=1)
        return {self.name: self.network.solve_vjp(of_nodes, self.parameters[self.name], self.source_nodes, record)}

    # ---------------------------------------------------------------------------------------------------------------- learning
    def relax(
        self, inputs: Real, *, target: Real | Callable[[Array], Array] | None = None, nudges: tuple[float, ...] = (), hold: bool = False,
        key: Key | None = None, sample: Sample = 0,
    ) -> States:  # fmt: skip
        """Equilibria of all phases, the nudged and held ones from the free one on.

        Parameters
        ----------
        target : Real | Callable[[Array], Array] | None
            (batch, outputs), or a function of the free outputs that gives it.

        Notes
        -----
        Raises NudgeError, a ValueError, for a nudge that drives a sample's outputs further than they are off their targets.
        """
        xp, device, inputs = _array.namespace(inputs), self.built(), self._entered(inputs)
        free = device._settle(inputs)
        output = self._measured(self._across(free), key, sample)
        error = self.errors(output, resolve_target(target, output, nudges))
        apart = xp.concatenate([error, -error], axis=1)  # of the positive and the negative ends
        phases = [free]
        for nudge in nudges:
            if hold:
                held = np.concatenate([self.source_nodes, self.target_nodes])
                values = xp.concatenate([inputs, free[:, self._on(self.target_nodes, free)] + nudge / 2 * apart], axis=1)
                phases.append(device._settle(values, held=held, start=free))
            else:
                phases.append(device._nudged(inputs, free, error, nudge))
        return States(output, [self._noisy(phase, p, key, sample) for p, phase in enumerate(phases)])

    def refuse_forces(self, inputs: Real, error: Real, gamma: float) -> None:
        """Raise NudgeError, a ValueError, for currents ``gamma error`` that drive a sample's outputs further than `error`, (batch, outputs).

        Beyond that they are nothing small any more, and tones at which they oscillate mix.
        """
        device, inputs = self.built(), self._entered(inputs)
        device._nudged(inputs, device._settle(inputs), error, gamma, "gamma = {:g} siemens", "it")

    def _nudged(
        self, inputs: Real, free: Array, error: Array, nudge: float, name: str = "a nudge of {:g} siemens", size: str = "|beta|"
    ) -> Array:
        """Voltages with currents ``nudge error`` driven into the outputs, from the free ones on."""
        found, bears = self._driven_by(inputs, free, nudge * error, error)
        if _array.is_on_gpu(bears):  # which nobody waits for
            _launch.flag(~bears, OVERDRIVEN)
        elif not bears:
            bound = largest(lambda b: self._driven_by(inputs, free, np.copysign(b, nudge) * error, error, steps=SEARCH)[1], abs(nudge))
            raise NudgeError(
                f"{name.format(nudge)} drives outputs further than they are off their targets: {size} must stay below {bound:.3g} "
                "siemens here"
            )
        return found

    def _driven_by(self, inputs: Real, free: Array, forces: Array, error: Array, steps: int | None = None) -> tuple[Array, Any]:
        """Voltages with these currents driven into the outputs, and whether they settle where outputs have moved by less than `error`; a bool,
        on a GPU there."""
        found = self._relaxed(inputs, currents=self._into(forces), start=free, steps=steps, on_failure="flag")
        moved, slack = self.read(found.voltages) - self.read(free), SLACK * self.tolerance * self.volts
        bears = (found.left <= found.limit) & ((moved**2).sum(axis=1) ** 0.5 <= (error**2).sum(axis=1) ** 0.5 + slack)
        return found.voltages, bears.all()

    def _into(self, forces: Array) -> Array:
        """Currents (batch, n_nodes): into the positive nodes of the outputs and out of the negative ones."""
        xp = _array.namespace(forces)
        currents = xp.zeros((len(forces), self.network.n_nodes))
        currents[:, self._on(self.target_nodes, currents)] = xp.concatenate([forces, -forces], axis=1)
        return currents

    def driver(self) -> Callable[[Array, Array], Array]:
        """Voltages (batch, n_nodes) by source voltages and by currents (batch, outputs), amperes.

        These go into the positive nodes of the outputs and out of the negative ones.
        """
        device = self.built()
        return lambda inputs, forces: device._settle(self._entered(inputs), currents=self._into(forces))

    def read(self, states: Real) -> Array:
        """Outputs (batch, outputs) of voltages (batch, n_nodes)."""
        shaped("states", states, None, self.network.n_nodes)
        return self._read(self._across(states))

    def _across(self, states: Array) -> Array:
        """Differences (batch, outputs) between the two nodes of each output."""
        high, low = (self._on(nodes, states) for nodes in np.split(self.target_nodes, 2))
        return states[:, high] - states[:, low]

    def products(self, one: Real, two: Real) -> dict[str, Derivative]:
        """{name: dv_1 dv_2} of the drops over each edge, a sum over the batch."""
        shaped("one", one, None, self.network.n_nodes)
        shaped("two", two, *one.shape)
        return {self.name: self.network.drop_products(one.T, two.T)}

    def contrast(self, relaxed: States, a: int, b: int, weights: Numbers | None = None) -> dict[str, Derivative]:
        """{name: each edge's own share}, phase b less phase a: dv^2 / 2 for transistors, dE/dg with diodes.

        dv are drops over the edges of the built network, each voltage as it is measured. A sum over the batch, by weights (batch,).
        """
        return self._by_parameter(relaxed.phases[a], relaxed.phases[b], weights)

    def absorbed(self, relaxed: States, weights: Numbers | None = None) -> dict[str, Derivative]:
        """{name: each edge's own share} of the free state, as in `contrast`."""
        return self._by_parameter(_array.namespace(relaxed.output).zeros_like(relaxed.phases[0]), relaxed.phases[0], weights)

    def _by_parameter(self, one: Array, two: Array, weights: Array | None) -> dict[str, Derivative]:
        return {self.name: self.built().network.contrast(one, two, 1.0 if weights is None else weights[:, None])}
