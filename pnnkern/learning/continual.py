"""Continual equilibrium propagation: parameters move after every nudged step, so that no state need be kept for later.

Ernoult et al., Equilibrium propagation with continual weight updates, arXiv:2005.04168 (2020).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from .._array import Key
from .._declared import NotNegative, Turns
from .._gate import accepts_any
from .._updates import Move
from ..systems.protocols import Continual, Relaxing
from ._curvature import curvature, rate_within
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates


@accepts_any
@dataclass(frozen=True)
class ContinualEP(Rule):
    """The rule. Parameters are moved to where the moves on the way led, without an optimiser, a learning rate or its schedule.

    For small rates all moves add up to a step of the one-sided estimate of equilibrium propagation at 0 and beta; a state that
    parameters have moved moves them again, so rates from ``beta / curvature`` on are refused (see `AgnosticEP`). The free state must have
    settled: whatever it still moves counts as learning. The cost that is nudged with is the system's, |output - target|^2 / 2 unless it
    says so.
    """

    beta: NotNegative = 0.0  # of the nudge, as in equilibrium propagation; 0: the system's own
    steps: Turns = 20  # nudged ones, with a move after each
    rate: NotNegative = 0.0  # of the moves on the way, as a learning rate of the parameters; 0: a fifth of the largest that holds

    kind: ClassVar[str] = "continual-ep"
    shared: ClassVar[bool] = False  # parts move after each nudged step, by all samples
    functions: ClassVar[Mapping[str, str]] = {
        "networks.hopfield.continual": "hopfield", "networks.convolutional.continual": "hopfield-conv", "networks.drn.continual": "drn",
    }  # fmt: skip
    natural: ClassVar[Mapping[str, str]] = {"beta": "natural_nudge", "rate": ""}
    needs: ClassVar[tuple[type, ...]] = (Relaxing, Continual)
    passes: ClassVar[int] = 2  # a free and a nudged relaxation per sample and step

    def fitted(self, system: Any, batch: Batch | None = None) -> Self:
        rule = super().fitted(system, batch)
        if batch is None:
            return rule
        return replace(rule, rate=rate_within(rule.rate, rule.beta / curvature(system, batch.inputs)))

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        rule = self if self.beta and self.rate else self.fitted(system, batch)
        relaxed = system.relax(batch.inputs, key=key, sample=batch.index)
        moves = system.continual_moves(relaxed, batch.targets(system), nudge=rule.beta, steps=rule.steps, rate=rule.rate)
        return {name: Move(move) for name, move in moves.items()}, state, metrics(self.loss_on(system), relaxed.output, batch.labels)


__all__ = ["ContinualEP"]
