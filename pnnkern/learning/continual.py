"""Continual equilibrium propagation: parameters move after every nudged step, so that no state need be kept for later.

Ernoult et al., Equilibrium propagation with continual weight updates, arXiv:2005.04168 (2020).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from .._declared import Positive, Turns
from .._gate import accepts_any
from .._updates import Move
from ..systems.protocols import Continual, Relaxing
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates


@accepts_any
@dataclass(frozen=True)
class ContinualEP(Rule):
    """The rule. Parameters are moved to where the moves on the way led, without an optimiser, a learning rate or its schedule.

    For small rates all moves add up to a step of the one-sided estimate of equilibrium propagation at 0 and beta; they must be small beside
    beta over the mean square of a sample's inputs, |x|^2, as a state that parameters have moved moves them again. The free state must have
    settled: whatever it still moves counts as learning. The cost that is nudged with is the system's, |output - target|^2 / 2 unless it
    says so.
    """

    beta: Positive = 0.1  # of the nudge, as in equilibrium propagation
    steps: Turns = 20  # nudged ones, with a move after each
    rate: Positive = 1e-3  # of the moves on the way, in the parameters' unit

    kind: ClassVar[str] = "continual-ep"
    needs: ClassVar[tuple[type, ...]] = (Relaxing, Continual)
    passes: ClassVar[int] = 2  # a free and a nudged relaxation per sample and step

    def step(self, system: Any, state: State, batch: Batch, key: Any = None) -> tuple[Updates, State, Metrics]:
        relaxed = system.relax(batch.inputs, key=key, sample=batch.index)
        moves = system.continual_moves(relaxed, system.targets(batch.labels), nudge=self.beta, steps=self.steps, rate=self.rate)
        return {name: Move(move) for name, move in moves.items()}, state, metrics(self.loss_on(system), relaxed.output, batch.labels)


__all__ = ["ContinualEP"]
