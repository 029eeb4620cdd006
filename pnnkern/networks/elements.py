"""Networks whose edges are elements of your own: two terminals and a current that rises with the voltage between them.

Edge e with voltage w from its first node to its second carries ``g f(w)``, with f a scalar function in volts, or ``g w`` where it is a
resistor. What settles is least of the co-content (Millar, Philosophical Magazine 42, 1150 (1951))::

    E = sum_e g integral_0^w f - sum_i b_i v_i

which is convex, as f rises. Units: siemens, volts, amperes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _array
from .._array import Array, Indices, Numbers, PerEdge, Values
from .._checks import floats, only, real, wrt_names
from .._gate import accepts_any
from .._own import ScalarFunction, own
from ._nonlinear import Nonlinear

NODES = 48  # of Gauss and Legendre, for what an element stores: right to rounding for an exponential that grows by e^100


@accepts_any
class ElementNetwork(Nonlinear):
    """A network of resistors and elements of your own. The conductances are an array that you pass to `solve` and `relax`.

    Parameters
    ----------
    edges
        (E, 2) integers; f is of the voltage from the first node to the second.
    n_nodes : int
        How many nodes there are.
    characteristic : ScalarFunction
        f(w), volts -> volts, of the voltage across an element: it rises (or stays) with w, and an element of g siemens carries g f(w). It is
        one law for all elements of a network.
    element
        (E,) bool, which edges have this characteristic; the others are resistors. By default all.
    lower, upper
        (n_nodes,) volts; ideal diodes to rails at these voltages keep the nodes within.

    Raises
    ------
    TypeError
        For what is no `ScalarFunction` of one voltage.
    ValueError
        Where it falls within its `between`, and for shapes that do not fit.
    """

    kernels, law = "networks/elements", "sweep"
    has_energy = True

    def __init__(self, edges: Indices, n_nodes: int, characteristic: ScalarFunction, *, element: Values | None = None,
                 lower: Values | None = None, upper: Values | None = None) -> None:  # fmt: skip
        super().__init__(edges, n_nodes, lower, upper)
        if not isinstance(characteristic, ScalarFunction):
            raise TypeError(
                "characteristic must be a pnnkern.ScalarFunction of the voltage, one for all elements (the others are resistors, by element), "
                f"got {type(characteristic).__name__}"
            )
        characteristic._takes(("w",), "characteristic")
        characteristic._rises("characteristic")
        self.characteristic = characteristic
        self.element = np.ones(self.n_edges, bool) if element is None else real("element", np.asarray(element)).astype(bool)
        if self.element.shape != (self.n_edges,):
            raise ValueError(f"element must be ({self.n_edges},), one for each edge, got shape {self.element.shape}")
        code = characteristic._code
        self.own = own(("own_f", code, "f"), ("own_slope", code, "slope"))

    def _law(self, parameter: Array) -> tuple[Any, ...]:
        self.characteristic._ready(parameter, "f", "slope")
        ohmic = self.on("ohmic", np.where(self.element, 0.0, 1.0), parameter)
        return parameter, ohmic, self.characteristic._table(np.float64, parameter)

    def _kept(self, values: int, batch: int, like: Array) -> tuple[int, int]:
        return super()._kept(2, batch, like)  # constants are not of the edges

    def _conducting(self, parameter: Array) -> np.ndarray:
        return _array.to_numpy(parameter) > 0

    def _carried(self, w: Array) -> Array:
        """f of voltages (..., E), and of resistors the voltage itself."""
        f = self.characteristic(w)
        return f if self.element.all() else _array.namespace(w).where(self.on("element", self.element, w), f, w)

    def _currents(self, parameter: Array, u: Array, v: Array) -> tuple[Array, Array, Array]:
        w = u - v
        slope = self.characteristic.slope(w)
        if not self.element.all():
            slope = _array.namespace(w).where(self.on("element", self.element, w), slope, 1.0)
        return parameter * self._carried(w), parameter * slope, -parameter * slope

    def solve_vjp(
        self, cotangent: Numbers, parameter: PerEdge, nodes: Indices, voltages: Numbers, wrt: str | Sequence[str] = "parameter"
    ) -> Any:
        """The derivative of `solve` by the conductances, (E,), siemens, or by constants of the characteristic; summed over the batch.

        Parameters
        ----------
        cotangent, parameter, nodes, voltages
            As for other networks: (batch, n_nodes) of the states, (E,) siemens, what is held, (batch, n_nodes) volts.
        wrt : str | Sequence[str]
            Of "parameter", and "constants", which gives (constants,), in the order of `characteristic.constants`.

        Returns
        -------
        Array | tuple[Array, ...]
            In the order of `wrt`.

        Raises
        ------
        ValueError
            For constants where there are none, and shapes that do not fit.
        """
        names, law = wrt_names(wrt, ("parameter", "constants")), self.characteristic
        if "constants" in names and not law.constants:
            raise ValueError(f"wrt names 'constants', of which {law!r} has none")
        p = self._edge_values("parameter", floats("parameter", parameter, voltages))
        (i, j), xp = self.ends(p), _array.namespace(p)
        found = {"parameter": xp.zeros(self.n_edges), "constants": xp.zeros(len(law.constants))}
        elements = p * self.on("elements", self.element.astype(np.float64), p)
        for part, across in self._answers(cotangent, p, nodes, voltages):
            w = part[:, i] - part[:, j]
            if "parameter" in names:
                found["parameter"] -= (across * self._carried(w)).sum(axis=0)
            if "constants" in names:
                found["constants"] -= law._constants_vjp(across * elements, w)
        return only(found, names)

    def _stored(self, a: Array, b: Array) -> Array:
        """The integral of f from voltages a to b (..., E)."""
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        total = 0 * (b - a)
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
            total = total + weight / 2 * self._carried(a + (b - a) * ((1 + node) / 2))
        return total * (b - a)

    def energy(self, conductance: PerEdge, voltages: Numbers, currents: Numbers | None = None) -> Array:
        """(batch,) watts of states (batch, n_nodes), with currents (batch, n_nodes) driven into the nodes; falls in every exact step."""
        self._states(voltages=voltages, **({} if currents is None else {"currents": currents}))
        g = self._edge_values("conductance", floats("conductance", conductance, voltages))
        i, j = self.ends(voltages)
        w = voltages[:, i].astype(np.float64) - voltages[:, j]
        total = (g * self._stored(0 * w, w)).sum(axis=1)
        return total if currents is None else total - (currents * voltages).sum(axis=1)

    def contrast(self, a: Numbers, b: Numbers, share: Values = 1.0) -> Array:
        """dE/dg of each edge in states b less that in states a (batch, n_nodes), (E,): a sum over the batch, each sample times its share."""
        return (self.contrasts(a, b) * share).sum(axis=0)

    def contrasts(self, a: Numbers, b: Numbers) -> Array:
        """dE/dg in state b less that in state a, (batch, E), the integral of f from one voltage to the other; a, b (batch, n_nodes)."""
        self._states(a=a, b=b)
        i, j = self.ends(a)
        return self._stored(a[:, i] - a[:, j], b[:, i] - b[:, j])


__all__ = ["ElementNetwork"]
