"""Continual equilibrium propagation: parameters move after every nudged step, so that no state need be kept for later.

Ernoult et al., Equilibrium propagation with continual weight updates, arXiv:2005.04168 (2020).
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from .._array import Array
from .._gate import accepts_any
from ..systems.protocols import Continual, Relaxing, Update, require
from ._checks import one_or_more, positive
from .judged import Metrics, judged
from .losses import SquareError


@accepts_any
@dataclass(frozen=True)
class ContinualEP:
    """The rule. strength : beta, the nudge. steps : nudged ones, with a move after each.

    rate : learning rate of the moves on the way, in the parameters' unit as `training.lr`. Written at the same rate without an optimiser
    that changes it, a step leaves parameters exactly where these moves led. For small rates all moves add up to the one-sided estimate of
    equilibrium propagation at 0 and beta; they must be small beside beta over the mean square of a sample's inputs, |x|^2, as a state that
    parameters have moved moves them again. The free state must have settled: whatever it still moves counts as learning.

    loss : what outputs are judged by; the cost that is nudged with is the system's, |output - target|^2 / 2 unless it says so.
    """

    strength: float
    steps: int = 20
    rate: float = 1e-3
    loss: Any = field(default_factory=SquareError)
    needs: ClassVar[tuple[type, ...]] = (Relaxing, Continual)
    passes: ClassVar[int] = 2  # a free and a nudged relaxation per sample and step

    def __post_init__(self) -> None:
        positive(self, "strength", "rate")
        one_or_more(self, "steps")

    def step(self, system: Any, batch: tuple[Array, Array], key: Any = None, sample: Any = 0) -> tuple[dict[str, Update], Metrics]:
        """Updates {name: update} for the batch (inputs, labels), and metrics {"loss", "accuracy"} of the free outputs."""
        require(system, "continual equilibrium propagation", *self.needs)
        inputs, labels = batch
        relaxed = system.relax(inputs, key=key, sample=sample)
        updates = system.continual_contrast(
            relaxed, system.targets(labels), nudge=self.strength, steps=self.steps, rate=self.rate
        )
        return updates, judged(self.loss, relaxed.output, labels)[1]


__all__ = ["ContinualEP"]
