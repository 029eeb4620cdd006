"""Networks of transistors, or of resistors and diodes, as trainable systems: they learn what no linear network can, such as XOR.

Features go in as voltages of source nodes beside two supply rails; an output is the difference between the voltages of two target nodes,
so that it can have either sign. Dillavou et al., PNAS 121, e2319718121 (2024).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _array, _constants, random
from .._array import Array, Real
from .._checks import shaped
from .._gate import accepts_any, record
from ..networks import DiodeNetwork, TransistorNetwork
from . import protocols
from ._encoding import beyond, fitting, flat, one_hot, wanted
from ._typed import check_types


@record
@dataclass(frozen=True)
class States:
    """output (batch, outputs) of the free state, and voltages (batch, n_nodes) of all phases, the free one first."""

    output: Real
    phases: list[Array]


@accepts_any
@dataclass
class NonlinearCircuit:
    """A nonlinear network that learns: `Relaxing`, `Measurable`, `Modelled` and `Driven`.

    network : `TransistorNetwork`, whose parameter is "gate" (volts), or `DiodeNetwork`, with "conductance" (siemens).
    features, outputs : how many values go in and come out; features in [0, 1] become voltages from 0 to `volts`, the supply.
    high, low : targets, volts, of the output of the sample's class and of the others; one output alone tells classes 1 and 0 apart.
    hinge : outputs beyond their target on the right side are left alone.
    start : (low, high), range of the parameters drawn with `key`, which also chooses the nodes, unless they are given:
    source_nodes (features + 2,), of the features and the rails at 0 and `volts`; target_nodes (2 * outputs,), all positive ends, then all
    negative ones. limits : of the parameters. relaxation, tolerance : as in `Nonlinear.relax`.

    Held outputs keep the mean of their two nodes. Nudges are currents ``beta (target - output)`` into the positive end and out of the
    negative one, beta in siemens. Transistors have no energy: their contrasts are no gradients, however small the nudge.
    """

    network: TransistorNetwork | DiodeNetwork
    features: int
    outputs: int
    volts: float = 0.45
    high: float = 0.02
    low: float = -0.02
    hinge: bool = True
    start: tuple[float, float] = (1.2, 2.5)
    limits: tuple[float, float] = (0.8, 5.0)
    relaxation: float = 1.5
    tolerance: float = 1e-9
    parameters: dict[str, Array] = field(default_factory=dict)
    writers: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)
    source_nodes: Any = None
    target_nodes: Any = None
    key: Any = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_types(self)
        if self.features < 1 or self.outputs < 1 or not self.volts > 0:
            raise ValueError(
                f"features and outputs must be at least 1 and volts positive, got {self.features}, {self.outputs} and {self.volts}"
            )
        if not self.low < self.high:
            raise ValueError(f"the target of a sample's class must be the higher one, got low={self.low:g} and high={self.high:g}")
        needed, n = self.features + 2 + 2 * self.outputs, self.network.n_nodes
        if self.key is None and (self.source_nodes is None or self.target_nodes is None or not self.parameters):
            raise ValueError("nodes and parameters are drawn at random, which needs a key: key=pnnkern.random.key(seed)")
        if self.source_nodes is None or self.target_nodes is None:
            if needed > n:
                raise ValueError(f"{self.features} features and {self.outputs} outputs need {needed} nodes, the network has {n}")
            order = np.asarray(random.permutation(random.fold_in(self.key, "nodes"), n))
            self.source_nodes, self.target_nodes = order[: self.features + 2], order[self.features + 2 : needed]
        self.source_nodes, self.target_nodes = self.network.apart(self.source_nodes, self.target_nodes)
        if (len(self.source_nodes), len(self.target_nodes)) != (self.features + 2, 2 * self.outputs):
            raise ValueError(f"there must be {self.features + 2} source_nodes and {2 * self.outputs} target_nodes")
        xp = _array.device_namespace(self.device)
        if not self.parameters:
            like = xp.empty(0, np.float64)
            draws = random.uniform(random.fold_in(self.key, "start"), (1, self.network.n_edges), dtype=np.float64, like=like)[0]
            self.parameters = {self.name: self.start[0] + (self.start[1] - self.start[0]) * draws}
        fitting(self.parameters, {self.name: (self.network.n_edges,)}, np.float64)

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return "conductance" if self.network.has_energy else "gate"

    @property
    def has_energy(self) -> bool:
        """Whether equilibria are minima of an energy: with diodes yes, with transistors no."""
        return self.network.has_energy

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Range of the parameter."""
        return {self.name: self.limits}

    # ----------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Array) -> Array:
        """Images or features (batch, ...), uint8 or in [0, 1], as source voltages (batch, features + 2), float64."""
        xp = _array.device_namespace(self.device)
        x = flat(images, self.features, self.device, np.float64)
        rails = xp.broadcast_to(_constants.constant([0.0, 1.0], np.float64, x), (len(x), 2))
        return self.volts * xp.concatenate([x, rails], axis=1)

    def _settle(self, inputs: Real, **how: Any) -> Array:
        held = how.pop("held", self.source_nodes)
        return self.network.relax(
            self.parameters[self.name], held, inputs, relaxation=self.relaxation, tolerance=self.tolerance, **how
        ).voltages

    def forward(self, inputs: Real, key: Any = None, sample: Any = 0) -> Array:
        """One pass: source voltages (batch, features + 2) -> outputs (batch, outputs), volts. Noise-free: `key` is not needed."""
        return self.read(self._settle(inputs))

    forward_population = protocols.looped_population(forward)

    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """Outputs of the twin, and its voltages for `vjp`."""
        voltages = self._settle(inputs)
        return self.read(voltages), voltages

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Array]:
        """Exact gradient of the parameter for a cotangent (batch, outputs), through the equilibrium."""
        xp = _array.namespace(record)
        wanted, g = xp.zeros(record.shape), cotangent.astype(np.float64)
        wanted[:, self._at(self.target_nodes, wanted)] = xp.concatenate([g, -g], axis=1)
        return {self.name: self.network.solve_vjp(wanted, self.parameters[self.name], self.source_nodes, record)}

    # ---------------------------------------------------------------------------------------------------------------- learning
    def targets(self, labels: Array) -> Array:
        """Target outputs (batch, outputs), volts."""
        if self.outputs == 1 and labels.ndim == 1:
            labels = (labels == 1).astype(np.float64)[:, None]
        return one_hot(labels, self.outputs, self.high, self.low, self.device, np.float64)

    def relax(
        self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Any = None,
        sample: Any = 0,
    ) -> States:  # fmt: skip
        """Equilibria of all phases, the nudged and held ones from the free one on."""
        xp = _array.namespace(inputs)
        free = self._settle(inputs)
        output = self.read(free)
        error = self.errors(output, wanted(target, output, nudges))
        apart = xp.concatenate([error, -error], axis=1)  # of the positive and the negative ends
        phases = [free]
        for nudge in nudges:
            if hold:
                held = np.concatenate([self.source_nodes, self.target_nodes])
                values = xp.concatenate([inputs, free[:, self._at(self.target_nodes, free)] + nudge / 2 * apart], axis=1)
                phases.append(self._settle(values, held=held, start=free))
            else:
                currents = xp.zeros(free.shape)
                currents[:, self._at(self.target_nodes, free)] = nudge * apart
                phases.append(self._settle(inputs, currents=currents, start=free))
        return States(output, phases)

    def errors(self, output: Real, target: Real) -> Array:
        """``target - output``, volts; with `hinge` 0 where the output is beyond its target on the right side."""
        errors = target - output
        if self.hinge:
            errors = _array.namespace(errors).where(beyond(output, target, (self.high + self.low) / 2), 0.0, errors)
        return errors

    def driver(self) -> Callable[[Array, Array], Array]:
        """Voltages (batch, n_nodes) by source voltages and by currents (batch, outputs), amperes.

        These go into the positive nodes of the outputs and out of the negative ones.
        """

        def drive(inputs: Real, forces: Array) -> Array:
            xp = _array.namespace(inputs)
            currents = xp.zeros((len(inputs), self.network.n_nodes))
            currents[:, self._at(self.target_nodes, currents)] = xp.concatenate([forces, -forces], axis=1)
            return self._settle(inputs, currents=currents)

        return drive

    def read(self, states: Real) -> Array:
        """Outputs (batch, outputs) of voltages (batch, n_nodes)."""
        shaped("states", states, None, self.network.n_nodes)
        high, low = (self._at(nodes, states) for nodes in np.split(self.target_nodes, 2))
        return states[:, high] - states[:, low]

    def _at(self, nodes: np.ndarray, like: Array) -> Array:
        """Node numbers on the device of `like`."""
        return _constants.constant(nodes, np.int64, like)

    def products(self, one: Real, two: Real) -> dict[str, Array]:
        """{name: <dv_1 dv_2>} of the drops over each edge, mean over the batch."""
        shaped("one", one, None, self.network.n_nodes)
        shaped("two", two, *one.shape)
        return {self.name: self.network.contrast(one.T, two.T, 1 / len(one))}

    def contrast(self, relaxed: States, a: int, b: int) -> dict[str, Array]:
        """{name: each edge's own share}, phase b less phase a, mean over the batch: dv^2 / 2 for transistors, dE/dg with diodes."""
        one, two = relaxed.phases[a], relaxed.phases[b]
        if isinstance(self.network, DiodeNetwork):
            return {self.name: self.network.contrast_of(one, two).mean(axis=0)}
        return {self.name: self.network.contrast((two - one).T, (two + one).T, 1 / (2 * len(one)))}
