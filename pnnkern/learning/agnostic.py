"""Agnostic equilibrium propagation: parts that give way to what they feel, so that the physics itself makes the step.

Scellier, Mishra, Bengio and Ollivier, Agnostic physics-driven deep learning, arXiv:2205.15021 (2022).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array
from .._array import Array
from .._errors import ConvergenceError
from .._gate import accepts_any
from ..systems.protocols import Relaxing, Update, Yielding, dense, replaced, require
from ..systems.writers import limits
from ._checks import one_or_more, positive
from .judged import Metrics, judged
from .losses import SquareError

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
class AgnosticEP:
    """The rule. Each parameter is a coordinate too, tied to a knob u by ``(theta - u)^2 / (2 softness)`` and pulled by its own energy.

    First the outputs are nudged by -beta while knobs are set so that the parameters stay where they are; then the knobs are left alone, the
    nudge becomes +beta, and all settles together: ``theta' = theta - softness (dE/dtheta at +beta - dE/dtheta at -beta)``, where states
    belong to their own theta. A step of descent of |output - target|^2 / 2 at the rate 2 softness beta, to lowest order.

    strength : beta. rate : 2 softness beta, in the parameters' unit as `training.lr`; written at the same rate without an optimiser that
    changes it, parameters end where the physics led. steps, tolerance : of the settling. loss : what outputs are judged by.
    """

    strength: float
    rate: float
    steps: int = 100
    tolerance: float = 1e-6
    loss: Any = field(default_factory=SquareError)
    needs: ClassVar[tuple[type, ...]] = (Relaxing, Yielding)
    passes: ClassVar[int] = 3  # the free state, by which outputs are judged, and the two nudged ones

    def __post_init__(self) -> None:
        positive(self, "strength", "rate", "tolerance")
        one_or_more(self, "steps")

    def step(self, system: Any, batch: tuple[Array, Array], key: Any = None, sample: Any = 0) -> tuple[dict[str, Update], Metrics]:
        """Updates {name: update} for the batch (inputs, labels), and metrics {"loss", "accuracy"} of the free outputs."""
        require(system, "agnostic equilibrium propagation", *self.needs)
        (inputs, labels), beta = batch, self.strength
        target, how = system.targets(labels), {"key": key, "sample": sample}
        before = system.relax(inputs, target=target, nudges=(-beta,), **how)

        def felt(parameters: Parameters) -> Parameters:
            with replaced(system, parameters):
                after = system.relax(inputs, target=target, nudges=(beta,), **how)
                return {name: dense(update) for name, update in system.contrast_between(before, 1, after, 1).items()}

        start = {name: _array.namespace(p).array(p) for name, p in system.parameters.items()}
        end = yielding(start, felt, self.rate / (2 * beta), limits(system), steps=self.steps, tolerance=self.tolerance)
        updates = {name: (start[name] - p) / self.rate for name, p in end.items() if p is not start[name]}
        return updates, judged(self.loss, before.output, labels)[1]


__all__ = ["AgnosticEP", "yielding"]
