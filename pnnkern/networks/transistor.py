"""Networks of transistors, each with its gate at a voltage that is learned: the self-learning circuits of Dillavou et al.

Edge e between nodes at u and v carries ``strength max(gate - threshold - (u + v) / 2, least) (u - v)``, a MOSFET below saturation.
Such an edge conducts the worse the higher both its ends lie, so the network is nonlinear, but there is no energy that it minimises
(dI_i/dv_j differs from dI_j/dv_i): local rules that assume one are approximate here, however small their nudges.
Dillavou et al., PNAS 121, e2319718121 (2024). Gates and node voltages in volts, strength in amperes per square volt.
"""

from typing import Any

import numpy as np

from .. import _array
from .._array import Array, Indices, Values
from .._gate import accepts_any
from ._nonlinear import Nonlinear


@accepts_any
class TransistorNetwork(Nonlinear):
    """A network of transistors. The gate voltages (E,) are an array that you pass to `solve` and `relax` in place of conductances.

    Parameters
    ----------
    edges
        (E, 2) integers.
    n_nodes : int
        How many nodes there are.
    threshold : float
        Volts.
    strength : float
        A/V^2.
    least : float
        Volts by which a closed transistor still conducts.
    lower, upper
        Rails, (n_nodes,) volts.
    """

    law = "transistor"
    has_energy = False
    unit, lowest = "volts", -np.inf

    def __init__(
        self, edges: Indices, n_nodes: int, *, threshold: float = 0.7, strength: float = 1e-3, least: float = 1e-5,
        lower: Values | None = None, upper: Values | None = None,
    ) -> None:  # fmt: skip
        super().__init__(edges, n_nodes, lower, upper)
        for name, value in (("strength", strength), ("least", least)):
            if not 0 < value < np.inf:
                raise ValueError(f"{name} must be positive, got {value:g}")
        self.threshold, self.strength, self.least = float(threshold), float(strength), float(least)

    def _law(self, parameter: Array) -> tuple[Any, ...]:
        return self.strength, self.threshold, self.least, parameter

    def _currents(self, parameter: Array, u: Array, v: Array) -> tuple[Array, Array, Array]:
        over = parameter - self.threshold - (u + v) / 2
        conducts = over > self.least
        g = self.strength * _array.namespace(u).where(conducts, over, self.least)
        bend = self.strength / 2 * conducts * (u - v)
        return g * (u - v), g - bend, -g - bend

    def _by_parameter(self, parameter: Array, u: Array, v: Array) -> Array:
        return self.strength * (parameter - self.threshold - (u + v) / 2 > self.least) * (u - v)

    def _slopes(self, parameter: Array, u: Array, v: Array) -> Array:
        """Chord conductances: slopes differ at the two ends."""
        return self.strength * (parameter - self.threshold - (u + v) / 2).clip(self.least)
