"""Rules for systems that relax: they compare equilibria, and each part of the system changes by its own share of the difference.

Equilibrium propagation nudges the outputs towards their targets, with E + beta C in place of the energy E, and moves parameters by
``(dE/dtheta at b2 - dE/dtheta at b1) / (b2 - b1)``. For small nudges that is the gradient of the cost: up to an error of order beta
one-sided, of beta^2 centred. Scellier and Bengio, Front. Comput. Neurosci. 11, 24 (2017); centred: Laborieux et al., Front. Neurosci.
15, 633674 (2021). In a system without an energy it is no gradient, however small beta is.

Coupled learning holds the outputs instead, at ``output + eta (target - output)``: Stern et al., PRX 11, 021045 (2021); in layered
networks, with both signs of eta, Scellier et al., arXiv:2312.15103 (2023). With eta = 1 it is contrastive (Hebbian) learning: Movellan
(1991). These are no gradients of the cost, even for small eta: with several outputs a held one answers with more force, the stiffer
it is.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array, random
from .._array import Array
from .._gate import accepts_any
from ..systems.protocols import Relaxing, Update, require, scaled
from .judged import Metrics, judged
from .losses import SquareError

VARIANTS = {"positive": (0.0, 1.0), "negative": (-1.0, 0.0), "centred": (-1.0, 1.0)}


def contrasted(system: Relaxing, inputs: Array, target: Array, ends: tuple[float, float], *, hold: bool = False, key: Any = None,
               sample: Any = 0) -> tuple[dict[str, Update], Any]:  # fmt: skip
    """``(dE/dtheta at b2 - dE/dtheta at b1) / (b2 - b1)`` for ends (b1, b2), one of which may be 0; and the equilibria.

    hold : hold the outputs at ``output + b (target - output)`` instead of nudging them. Raises ValueError if b1 = b2.
    """
    b1, b2 = ends
    if b1 == b2 or not np.isfinite(ends).all():
        raise ValueError(f"the two ends of a contrast must be different numbers, got {b1:g} and {b2:g}")
    nudges = tuple(b for b in ends if b != 0)
    relaxed = system.relax(inputs, target=target, nudges=nudges, hold=hold, key=key, sample=sample)
    phase = {0.0: 0} | {b: p + 1 for p, b in enumerate(nudges)}
    updates = system.contrast(relaxed, phase[b1], phase[b2])
    return {name: scaled(update, 1 / (b2 - b1)) for name, update in updates.items()}, relaxed


@accepts_any
@dataclass(frozen=True)
class _Contrastive:
    """beta or eta, and which two equilibria are compared."""

    strength: float
    variant: str = "centred"
    loss: Any = field(default_factory=SquareError)
    needs: ClassVar[tuple[type, ...]] = (Relaxing,)
    hold: ClassVar[bool] = False
    title: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.strength) and self.strength > 0):
            raise ValueError(f"the strength of the nudges must be positive, got {self.strength!r}: with 0 nothing is compared")
        if self.variant not in (*VARIANTS, "random"):
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, random, got {self.variant!r}")

    @property
    def passes(self) -> int:
        """Relaxations per sample and step."""
        return 3 if self.variant == "centred" else 2

    def ends(self, key: Any = None) -> tuple[float, float]:
        """The nudges (b1, b2); for the variant "random" with a sign drawn from the key."""
        if self.variant != "random":
            low, high = VARIANTS[self.variant]
            return self.strength * low, self.strength * high
        if key is None:
            raise ValueError("the sign of the nudge is random, which needs a key: key=pnnkern.random.key(seed)")
        sign = 1 if _array.to_numpy(random.bernoulli(random.fold_in(key, "sign"), 0.5, (1, 1)))[0, 0] else -1
        return (0.0, self.strength) if sign > 0 else (-self.strength, 0.0)

    def step(self, system: Relaxing, batch: tuple[Array, Array], key: Any = None, sample: Any = 0,
             ) -> tuple[dict[str, Update], Metrics]:  # fmt: skip
        """Updates {name: update} for the batch (inputs, labels), and metrics {"loss", "accuracy"} of the free outputs."""
        require(system, self.title, *self.needs)
        inputs, labels = batch
        updates, relaxed = contrasted(
            system, inputs, system.targets(labels), self.ends(key), hold=self.hold, key=key, sample=sample
        )
        return updates, judged(self.loss, relaxed.output, labels)[1]


@accepts_any
@dataclass(frozen=True)
class EquilibriumPropagation(_Contrastive):
    """The rule. strength : beta, in the unit that makes E + beta C an energy (siemens in resistive networks).

    variant : "centred", nudges -beta and beta; "positive", 0 and beta; "negative", -beta and 0; "random", one of the two at random in
    each step. loss : what outputs are judged by; the cost that is nudged with is the system's, |output - target|^2 / 2 unless it says so.
    """

    title: ClassVar[str] = "equilibrium propagation"


@accepts_any
@dataclass(frozen=True)
class CoupledLearning(_Contrastive):
    """Coupled learning in any system that relaxes: outputs are held at ``output + eta (target - output)``, eta = +-`strength`.

    Variants as in `EquilibriumPropagation`. With strength 1 and "positive" it is contrastive learning. No gradient of the cost.
    """

    hold: ClassVar[bool] = True
    title: ClassVar[str] = "coupled learning with held outputs"


def contrastive_learning(loss: Any = None) -> CoupledLearning:
    """Contrastive (Hebbian) learning: the outputs fully clamped against the free ones."""
    return CoupledLearning(1.0, "positive") if loss is None else CoupledLearning(1.0, "positive", loss)


__all__ = ["CoupledLearning", "EquilibriumPropagation", "contrasted", "contrastive_learning"]
