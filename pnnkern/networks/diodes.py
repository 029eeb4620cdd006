"""Networks of resistors and diodes: what settles is still least of an energy, but which diodes conduct is part of the answer.

Edge e with voltage w from its first node to its second carries ``g (r w + (1 - r) max(w - drop, 0))``: a resistor for r = 1, an ideal
diode with a forward voltage for r = 0, a leaking one between. Nodes can have ideal diodes to rails too. The energy::

    E = sum_e g (r w^2 / 2 + (1 - r) max(w - drop, 0)^2 / 2) - sum_i b_i v_i

is convex, and a node's exact step to its minimum is the root of a rising function in straight pieces. Kendall et al., arXiv:2006.01981
(2020); Scellier, ICML 2024, arXiv:2402.11674. Units: siemens, volts, amperes.
"""

import copy
from typing import Any

import numpy as np

from .. import _array
from .._array import Array, Indices, Numbers, PerEdge, Values
from .._checks import floats, real
from .._gate import accepts_any
from ._nonlinear import Nonlinear


@accepts_any
class DiodeNetwork(Nonlinear):
    """A network of resistors and diodes. The conductances are an array that you pass to `solve` and `relax`.

    Parameters
    ----------
    edges
        (E, 2) integers; a diode conducts from its first node to its second.
    n_nodes : int
        How many nodes there are.
    diode
        (E,) bool, which edges are diodes; by default none.
    reverse : float
        Conductance against their direction as a fraction of that along it, [0, 1]; with 0 a node between diodes only may have no voltage of its
        own.
    drop : float
        Forward voltage of the diodes, volts, not negative.
    lower, upper
        (n_nodes,) volts; ideal diodes to rails at these voltages keep the nodes within (DRN: lower = 0 or upper = 0).
    """

    law = "diode"
    has_energy = True

    def __init__(
        self, edges: Indices, n_nodes: int, *, diode: Any = None, reverse: float = 1e-6, drop: float = 0.0, lower: Values | None = None,
        upper: Values | None = None,
    ) -> None:  # fmt: skip
        super().__init__(edges, n_nodes, lower, upper)
        self.diode = np.zeros(self.n_edges, bool) if diode is None else real("diode", np.asarray(diode)).astype(bool)
        if self.diode.shape != (self.n_edges,):
            raise ValueError(f"diode must be ({self.n_edges},), one for each edge, got shape {self.diode.shape}")
        if not 0 <= reverse <= 1:
            raise ValueError(f"reverse must lie in [0, 1], a fraction of the forward conductance, got {reverse:g}")
        if not (0 <= drop < np.inf):
            raise ValueError(f"drop must be a forward voltage of 0 V or more, got {drop:g}")
        self.reverse = np.where(self.diode, reverse, 1.0)
        self.drop = np.where(self.diode, drop, 0.0)

    def with_drop(self, drop: Values) -> "DiodeNetwork":
        """The same network with diodes of these forward voltages, (E,) volts, not negative; those of edges that are no diodes do not count."""
        volts = real("drop", np.asarray(drop)).astype(np.float64)
        if volts.shape != (self.n_edges,) or not ((volts >= 0) & np.isfinite(volts)).all():
            raise ValueError(f"drop must be ({self.n_edges},) forward voltages of 0 V or more, got shape {volts.shape}")
        other = copy.copy(self)
        other.drop, other._copies = np.where(self.diode, volts, 0.0), type(self._copies)()
        return other

    def _law(self, parameter: Array) -> tuple[Any, ...]:
        return parameter, self.on("reverse", self.reverse, parameter), self.on("drop", self.drop, parameter)

    def _conducting(self, parameter: Array) -> np.ndarray:
        return _array.to_numpy(parameter) > 0

    def _currents(self, parameter: Array, u: Array, v: Array) -> tuple[Array, Array, Array]:
        g, reverse, drop = self._law(parameter)
        over = u - v - drop
        flow = g * (reverse * (u - v) + (1 - reverse) * over.clip(0))
        slope = g * (reverse + (1 - reverse) * (over > 0))
        return flow, slope, -slope

    def _by_parameter(self, parameter: Array, u: Array, v: Array) -> Array:
        return self._currents(_array.namespace(parameter).ones_like(parameter), u, v)[0]

    def energy(self, conductance: PerEdge, voltages: Numbers, currents: Numbers | None = None) -> Array:
        """(batch,) watts of states (batch, n_nodes), with currents (batch, n_nodes) driven into the nodes; falls in every exact step."""
        self._states(voltages=voltages, **({} if currents is None else {"currents": currents}))
        g, reverse, drop = self._law(self._edge_values("conductance", floats("conductance", conductance, voltages)))
        i, j = self.ends(voltages)
        w = voltages[:, i].astype(np.float64) - voltages[:, j]
        total = (g * (reverse * w**2 + (1 - reverse) * (w - drop).clip(0) ** 2) / 2).sum(axis=1)
        return total if currents is None else total - (currents * voltages).sum(axis=1)

    def contrast(self, a: Numbers, b: Numbers, share: Values = 1.0) -> Array:
        """dE/dg of each edge in states b less that in states a (batch, n_nodes), (E,): a sum over the batch, each sample times its share."""
        return (self.contrasts(a, b) * share).sum(axis=0)

    def contrasts(self, a: Numbers, b: Numbers) -> Array:
        """dE/dg in state b less that in state a, (batch, E): each edge's own half square of voltage, in product form; a, b (batch, n_nodes)."""
        self._states(a=a, b=b)
        reverse, drop = self.on("reverse", self.reverse, a), self.on("drop", self.drop, a)
        i, j = self.ends(a)
        wa, wb = a[:, i] - a[:, j], b[:, i] - b[:, j]
        over_a, over_b = (wa - drop).clip(0), (wb - drop).clip(0)
        return (reverse * (wb - wa) * (wb + wa) + (1 - reverse) * (over_b - over_a) * (over_b + over_a)) / 2
