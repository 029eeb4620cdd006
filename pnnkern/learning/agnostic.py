"""Agnostic equilibrium propagation: parts that give way to what they feel, so that the physics itself makes the step.

Scellier, Mishra, Bengio and Ollivier, Agnostic physics-driven deep learning, arXiv:2205.15021 (2022).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from .. import _array
from .._array import Array
from .._declared import NotNegative, Positive, Turns
from .._errors import ConvergenceError
from .._gate import accepts_any
from .._updates import Set, dense
from ..systems.protocols import Relaxing, Yielding, replaced
from ..systems.writers import limits
from ._curvature import curvature, rate_within
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates

Parameters = dict[str, Array]


def yielding(start: Parameters, felt: Callable[[Parameters], Parameters], softness: float, within: dict[str, tuple[float, float]], *,
             steps: int, tolerance: float) -> Parameters:  # fmt: skip
    """Parameters theta with ``theta = start - softness felt(theta)``, each within its range.

    By turns of one and the other, all of the way; where that overshoots, half as far from then on. Raises ConvergenceError when theta is
    still off by more than `tolerance` of its size after so many steps.
    """
    at, share, last = start, 1.0, np.inf
    for _ in range(steps):
        pull = felt(at)
        off = {name: (start[name] - softness * pull[name]).clip(*within.get(name, (-np.inf, np.inf))) - at[name] for name in pull}
        most = max(float(abs(d).max()) / (float(abs(at[name]).max()) or 1.0) for name, d in off.items())
        if most <= tolerance:
            return at | {name: at[name] + d for name, d in off.items()}
        if not most < last:
            share /= 2
        last = most
        at = at | {name: (at[name] + share * d).astype(at[name].dtype) for name, d in off.items()}
    raise ConvergenceError(f"parameters and states have not settled in {steps} steps: softness = {softness:g} is too large")


@accepts_any
@dataclass(frozen=True)
class AgnosticEP(Rule):
    """The rule. Each parameter is a coordinate too, tied to a knob u by ``(theta - u)^2 / (2 softness)`` and pulled by its own energy.

    First the outputs are nudged by -beta while knobs are set so that the parameters stay where they are; then the knobs are left alone, the
    nudge becomes +beta, and all settles together: ``theta' = theta - softness (dE/dtheta at +beta - dE/dtheta at -beta)``, where states
    belong to their own theta. A step of descent of |output - target|^2 / 2 at the rate 2 softness beta, to lowest order: parameters are set
    to where the physics led them, without an optimiser, a learning rate or its schedule.

    All settles only where a knob's energy, 1 / softness, bends up more than the system's bends down: rates from ``2 beta / curvature`` on are
    refused, curvature = the largest -d2F/dtheta2 of the mean energy F(theta) of the free equilibria of a batch.
    """

    beta: NotNegative = 0.0  # of the nudges, as in equilibrium propagation; 0: the system's own
    # 2 softness beta: of the step, as a learning rate of the parameters; 0: a fifth of the largest that holds
    rate: NotNegative = 0.0
    steps: Turns = 100  # turns of states and parameters at most, until they have settled
    tolerance: Positive = 1e-6  # of the settling, relative to the size of the parameters

    kind: ClassVar[str] = "agnostic-ep"
    natural: ClassVar[Mapping[str, str]] = {"beta": "natural_nudge", "rate": ""}
    needs: ClassVar[tuple[type, ...]] = (Relaxing, Yielding)
    passes: ClassVar[int] = 3  # the free state, whose outputs are measured, and the two nudged ones

    def fitted(self, system: Any, batch: Batch | None = None) -> Self:
        rule = super().fitted(system, batch)
        return rule if batch is None else replace(rule, rate=rate_within(rule.rate, rule._largest_rate(system, batch)))

    def _largest_rate(self, system: Any, batch: Batch) -> float:
        """Where the knob's energy bends up as much as the system's bends down: ``2 beta / curvature``."""
        return 2 * self.beta / curvature(system, batch.inputs)

    def step(self, system: Any, state: State, batch: Batch, key: Any = None) -> tuple[Updates, State, Metrics]:
        if not (self.beta and self.rate):
            return self.fitted(system, batch).step(system, state, batch, key)
        target, how, count = system.targets(batch.labels), {"key": key, "sample": batch.index}, max(1, len(batch))
        before = system.relax(batch.inputs, target=target, nudges=(-self.beta,), **how)

        def felt(parameters: Parameters) -> Parameters:
            with replaced(system, parameters):
                after = system.relax(batch.inputs, target=target, nudges=(self.beta,), **how)
                return {name: dense(d) / count for name, d in system.contrast_between(before, 1, after, 1).items()}

        start = {name: _array.namespace(p).array(p) for name, p in system.parameters.items()}
        try:
            end = yielding(start, felt, self.rate / (2 * self.beta), limits(system), steps=self.steps, tolerance=self.tolerance)
        except ConvergenceError as error:
            raise ConvergenceError(f"{error}: rate={self.rate:g} must stay below {self._largest_rate(system, batch):.3g} here") from error
        updates: Updates = {name: Set(p) for name, p in end.items() if p is not start[name]}
        return updates, state, metrics(self.loss_on(system), before.output, batch.labels)


__all__ = ["AgnosticEP", "yielding"]
