"""Contrastive divergence as a rule: what the data make a machine's parts do, against what it dreams.

Hinton, Neural Computation 14, 1771 (2002); persistent chains: Tieleman, ICML 2008. For a machine without labels see `boltzmann`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import random
from .._array import Key
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
    functions: ClassVar[Mapping[str, str]] = {
        "learning.boltzmann.contrastive_divergence": "boltzmann, of one hidden layer that does not see the classes; rule.persistent"
    }
    needs: ClassVar[tuple[type, ...]] = (Generative,)

    @property
    def passes(self) -> int:
        """The pass that is measured, the data's, and those of the dream."""
        return 2 + self.steps

    def init(self, system: Any, key: Key | None = None) -> State:
        super().init(system, key)
        if not self.persistent:
            return {}
        return dict(zip(_CHAINS, system.undecided(self.chains, random.require_key(key, "chains start at random")), strict=True))

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        key = random.require_key(key, "dreams are random")
        noise, loss, model = random.fold_in(key, "dream"), self.loss_on(system), None
        if self.persistent:
            chains = state["chains.inputs"], state["chains.classes"]
            model = system.dream(*chains, steps=self.steps, key=noise, sample=np.arange(self.chains))
            state = dict(zip(_CHAINS, model, strict=True))

        def share(part: Batch) -> tuple[Updates, Metrics]:
            data = part.inputs, part.targets(system)
            dreamt = model or system.dream(*data, steps=self.steps, key=noise, sample=part.index)
            measured = metrics(loss, system.forward(part.inputs, key, part.index), part.labels)
            return gradients(system.joint_contrast(data, dreamt)), measured

        updates, found = batch.sum(share)
        return updates, state, found


_CHAINS = ("chains.inputs", "chains.classes")

__all__ = ["ContrastiveDivergence"]
