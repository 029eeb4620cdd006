"""Contrastive divergence as a rule: what the data make a machine's parts do, against what it dreams.

Hinton, Neural Computation 14, 1771 (2002); persistent chains: Tieleman, ICML 2008. For a machine without labels see `boltzmann`.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array, random
from .._array import Array
from .._gate import accepts_any
from ..systems.protocols import Generative, Update, require
from .judged import Metrics, judged
from .losses import Logits


@accepts_any
@dataclass(frozen=True)
class ContrastiveDivergence:
    """The rule. steps : of drawing all units. persistent : dreams go on from where the last ones ended, and then follow the machine's law:
    the update is the gradient of -log P(inputs, labels), but for the chains' lag. Otherwise they start at the data, which is no gradient of
    anything, and less noisy. loss : what outputs, logarithms of chances, are judged by.
    """

    steps: int = 1
    persistent: bool = False
    loss: Any = field(default_factory=Logits)
    needs: ClassVar[tuple[type, ...]] = (Generative,)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps!r}: at 0 the model is the data")

    @property
    def passes(self) -> int:
        """The pass that is judged, the data's, and those of the dream."""
        return 2 + self.steps

    def step(
        self, system: Generative, batch: tuple[Array, Array], key: Any = None, sample: Any = 0
    ) -> tuple[dict[str, Update], Metrics]:
        """Updates {name: update} for the batch (inputs, labels), and metrics {"loss", "accuracy"}. Persistent chains live in system.memory."""
        require(system, "contrastive divergence", *self.needs)
        if key is None:
            raise ValueError("dreams are random, which needs a key: key=pnnkern.random.key(seed)")
        inputs, labels = batch
        xp, data = _array.namespace(inputs), (inputs, system.targets(labels))
        start, which = data, sample
        if self.persistent:
            start = tuple(xp.asarray(system.memory.get(f"chains.{name}", x)) for name, x in zip(_NAMES, data, strict=True))
            which = np.arange(len(start[0]))
        model = system.dream(*start, steps=self.steps, key=random.fold_in(key, "dream"), sample=which)
        if self.persistent:
            system.memory.update({f"chains.{name}": x for name, x in zip(_NAMES, model, strict=True)})
        return system.joint_contrast(data, model), judged(self.loss, system.forward(inputs, key, sample), labels)[1]


_NAMES = ("inputs", "classes")

__all__ = ["ContrastiveDivergence"]
