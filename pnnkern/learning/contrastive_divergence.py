"""Contrastive divergence as a rule: what the data make a machine's parts do, against what it dreams.

Hinton, Neural Computation 14, 1771 (2002); persistent chains: Tieleman, ICML 2008. For a machine without labels see `boltzmann`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import random
from .._declared import Count, Turns
from .._gate import accepts_any
from .._updates import gradients
from ..systems.protocols import Generative
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates


@accepts_any
@dataclass(frozen=True)
class ContrastiveDivergence(Rule):
    """The rule. Persistent chains follow the machine's law: the update is the gradient of -log P(inputs, labels), but for the chains' lag.

    Otherwise they start at the data, which is no gradient of anything, and less noisy. The state is where the chains are.
    """

    steps: Turns = 1  # of drawing all units
    persistent: bool = False  # dreams go on from where the last ones ended
    chains: Count = 50  # dreams side by side, where they are persistent

    kind: ClassVar[str] = "contrastive-divergence"
    needs: ClassVar[tuple[type, ...]] = (Generative,)

    @property
    def passes(self) -> int:
        """The pass that is measured, the data's, and those of the dream."""
        return 2 + self.steps

    def init(self, system: Any, key: Any = None) -> State:
        super().init(system, key)
        if not self.persistent:
            return {}
        return dict(zip(_CHAINS, system.undecided(self.chains, random.needed(key, "chains start at random")), strict=True))

    def step(self, system: Any, state: State, batch: Batch, key: Any = None) -> tuple[Updates, State, Metrics]:
        random.needed(key, "dreams are random")
        data = batch.inputs, system.targets(batch.labels)
        start, which = data, batch.index
        if self.persistent:
            start, which = (state["chains.inputs"], state["chains.classes"]), np.arange(self.chains)
        model = system.dream(*start, steps=self.steps, key=random.fold_in(key, "dream"), sample=which)
        if self.persistent:
            state = dict(zip(_CHAINS, model, strict=True))
        updates = system.joint_contrast(data, model)
        return gradients(updates), state, metrics(self.loss_on(system), system.forward(batch.inputs, key, batch.index), batch.labels)


_CHAINS = ("chains.inputs", "chains.classes")

__all__ = ["ContrastiveDivergence"]
