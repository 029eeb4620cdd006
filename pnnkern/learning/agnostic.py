"""Agnostic equilibrium propagation: parts that give way to what they feel, so that the physics itself makes the step.

Scellier, Mishra, Bengio and Ollivier, Agnostic physics-driven deep learning, arXiv:2205.15021 (2022).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from .. import _array
from .._array import Array, Key
from .._checks import largest
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
SHARES = 4.0  # a step of descent leads parameters at most so many times as far as one of first order, or as small a part of that


def yielding(start: Parameters, felt: Callable[[Parameters], Parameters], softness: float, within: dict[str, tuple[float, float]], *,
             steps: int, tolerance: float, rate: float = 0.0) -> Parameters:  # fmt: skip
    """Parameters theta with ``theta = start - softness felt(theta)``, each within its range.

    By turns of one and the other, all of the way; where that overshoots, half as far from then on. rate : what the softness was made of,
    in proportion. Raises ConvergenceError, which says the largest softness, or rate, that holds: when theta is still off by more than
    `tolerance` of its size after so many steps, and when it is led more than 4 times, or less than a quarter, as far as to first order.
    """

    def settles(softness: float) -> bool:
        try:
            _settled(start, felt, softness, within, steps, tolerance)
        except ConvergenceError:
            return False
        return True

    try:
        return _settled(start, felt, softness, within, steps, tolerance)
    except ConvergenceError as error:
        most = largest(settles, softness)
        bound = f"rate = {rate:g} must stay below {rate / softness * most:.3g}" if rate else f"it must stay below {most:.3g}"
        raise ConvergenceError(f"{error}; {bound} here" if most else str(error)) from error


def _settled(start: Parameters, felt: Callable[[Parameters], Parameters], softness: float, within: dict[str, tuple[float, float]],
             steps: int, tolerance: float) -> Parameters:  # fmt: skip
    at, share, last, first = start, 1.0, np.inf, Parameters()
    for _ in range(steps):
        pull = felt(at)
        first = first or pull
        off = {name: (start[name] - softness * pull[name]).clip(*within.get(name, (-np.inf, np.inf))) - at[name] for name in pull}
        most = max(float(abs(d).max()) / (float(abs(at[name]).max()) or 1.0) for name, d in off.items())
        if most <= tolerance:
            led = _share(first, pull, start, at, within)
            if not 1 / SHARES <= led <= SHARES:
                far = f"{led:.2g} times as far as a step of first order"
                raise ConvergenceError(f"parameters are led {far}: softness = {softness:g} is too large")
            return at | {name: at[name] + d for name, d in off.items()}
        if not most < last:
            share /= 2
        last = most
        at = at | {name: (at[name] + share * d).astype(at[name].dtype) for name, d in off.items()}
    raise ConvergenceError(f"parameters and states have not settled in {steps} steps: softness = {softness:g} is too large")


def _share(first: Parameters, last: Parameters, start: Parameters, at: Parameters, within: dict[str, tuple[float, float]]) -> float:
    """How far parameters are led along what is felt at the start, of how far that would, but for those that stay at a limit."""
    whole = done = 0.0
    for name, pull in first.items():
        low, high = within.get(name, (-np.inf, np.inf))
        one = (((at[name] > low) & (at[name] < high)) | (at[name] != start[name])) * pull.astype(np.float64)
        whole, done = whole + float((one * pull).sum()), done + float((one * last[name]).sum())
    return done / whole if whole else 1.0


@accepts_any
@dataclass(frozen=True)
class AgnosticEP(Rule):
    """The rule. Each parameter is a coordinate too, tied to a knob u by ``(theta - u)^2 / (2 softness)`` and pulled by its own energy.

    First the outputs are nudged by -beta while knobs are set so that the parameters stay where they are; then the knobs are left alone, the
    nudge becomes +beta, and all settles together: ``theta' = theta - softness (dE/dtheta at +beta - dE/dtheta at -beta)``, where states
    belong to their own theta. A step of descent of |output - target|^2 / 2 at the rate 2 softness beta, to lowest order, so rates must be
    small: parameters must be led from a quarter of to 4 times as far as to lowest order. All settles only where a knob's energy, 1 / softness,
    bends up more than the system's bends down, for rates below ``2 beta / curvature``, the largest -d2F/dtheta2 of the mean energy F(theta) of
    the free equilibria of a batch. Parameters are set to where the physics led them, without an optimiser, a learning rate or its schedule.
    """

    beta: NotNegative = 0.0  # of the nudges, as in equilibrium propagation; 0: the system's own
    # 2 softness beta: of the step, as a learning rate of the parameters; 0: a fifth of the largest that holds
    rate: NotNegative = 0.0
    steps: Turns = 100  # turns of states and parameters at most, until they have settled
    tolerance: Positive = 1e-6  # of the settling, relative to the size of the parameters

    kind: ClassVar[str] = "agnostic-ep"
    functions: ClassVar[Mapping[str, str]] = {"learning.agnostic_learning_step": "resistor-network; rate = 2 softness beta"}
    natural: ClassVar[Mapping[str, str]] = {"beta": "natural_nudge", "rate": ""}
    needs: ClassVar[tuple[type, ...]] = (Relaxing, Yielding)
    passes: ClassVar[int] = 3  # the free state, whose outputs are measured, and the two nudged ones

    def fitted(self, system: Any, batch: Batch | None = None) -> Self:
        rule = super().fitted(system, batch)
        if rule.rate or batch is None:
            return rule
        return replace(rule, rate=rate_within(rule.rate, 2 * rule.beta / curvature(system, batch.inputs)))

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        if not (self.beta and self.rate):
            return self.fitted(system, batch).step(system, state, batch, key)
        count, before = max(1, len(batch)), {}  # the states of each shard before anything moves

        def nudged(part: Batch, beta: float) -> Any:
            return system.relax(part.inputs, target=part.targets(system), nudges=(beta,), key=key, sample=part.index)

        def measured(part: Batch) -> Metrics:
            before[id(part)] = nudged(part, -self.beta)
            return metrics(self.loss_on(system), before[id(part)].output, part.labels)

        def felt(parameters: Parameters) -> Parameters:
            def share(part: Batch) -> Parameters:
                after = nudged(part, self.beta)
                return {name: dense(d) for name, d in system.contrast_between(before[id(part)], 1, after, 1).items()}

            with replaced(system, parameters):
                return {name: d / count for name, d in batch.sum(share).items()}

        seen = batch.sum(measured)
        start = {name: _array.namespace(p).array(p) for name, p in system.parameters.items()}
        softness = self.rate / (2 * self.beta)
        end = yielding(start, felt, softness, limits(system), steps=self.steps, tolerance=self.tolerance, rate=self.rate)
        updates: Updates = {name: Set(p) for name, p in end.items() if p is not start[name]}
        return updates, state, seen


__all__ = ["AgnosticEP", "yielding"]
