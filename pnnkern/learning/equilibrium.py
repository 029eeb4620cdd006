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

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from .. import _array, random
from .._array import Array
from .._declared import NotNegative, Share
from .._gate import accepts_any
from .._updates import Derivative, gradients, scaled
from ..systems.protocols import Relaxing
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates

ENDS = {"positive": (0.0, 1.0), "negative": (-1.0, 0.0), "centred": (-1.0, 1.0)}  # of the two states, in units of the nudge
Variant = Literal["centred", "positive", "negative", "random"]


def contrasted(system: Relaxing, inputs: Array, target: Array, ends: tuple[float, float], *, hold: bool = False, key: Any = None,
               sample: Any = 0) -> tuple[dict[str, Derivative], Any]:  # fmt: skip
    """``(dE/dtheta at b2 - dE/dtheta at b1) / (b2 - b1)`` for ends (b1, b2), one of which may be 0; and the equilibria.

    hold : hold the outputs at ``output + b (target - output)`` instead of nudging them. Raises ValueError if b1 = b2.
    """
    b1, b2 = ends
    if b1 == b2 or not np.isfinite(ends).all():
        raise ValueError(f"the two ends of a contrast must be different numbers, got {b1:g} and {b2:g}")
    nudges = tuple(b for b in ends if b != 0)
    relaxed = system.relax(inputs, target=target, nudges=nudges, hold=hold, key=key, sample=sample)
    phase = {0.0: 0} | {b: p + 1 for p, b in enumerate(nudges)}
    found = system.contrast(relaxed, phase[b1], phase[b2])
    return {name: scaled(derivative, 1 / (b2 - b1)) for name, derivative in found.items()}, relaxed


@accepts_any
@dataclass(frozen=True)
class _Contrastive(Rule):
    """Compares two equilibria."""

    needs: ClassVar[tuple[type, ...]] = (Relaxing,)
    hold: ClassVar[bool] = False

    def nudge(self) -> tuple[float, str]:
        """Size of the nudge, and which equilibria are compared."""
        raise NotImplementedError

    def init(self, system: Any, key: Any = None) -> State:
        refuse_scores(system, self.kind, self.hold)
        return super().init(system, key)

    @property
    def passes(self) -> int:
        """Relaxations per sample and step."""
        return 3 if self.nudge()[1] == "centred" else 2

    def ends(self, key: Any = None) -> tuple[float, float]:
        """The nudges (b1, b2); for the variant "random" with a sign drawn from the key."""
        size, variant = self.nudge()
        if variant != "random":
            low, high = ENDS[variant]
            return size * low, size * high
        random.needed(key, "the sign of the nudge is random")
        sign = 1 if _array.to_numpy(random.bernoulli(random.fold_in(key, "sign"), 0.5, (1, 1)))[0, 0] else -1
        return (0.0, size) if sign > 0 else (-size, 0.0)

    def step(self, system: Any, state: State, batch: Batch, key: Any = None) -> tuple[Updates, State, Metrics]:
        ends, loss = self.fitted(system).ends(key), self.loss_on(system)

        def share(part: Batch) -> tuple[Updates, Metrics]:
            found, relaxed = contrasted(
                system, part.inputs, system.targets(part.labels), ends, hold=self.hold, key=key, sample=part.index
            )
            return gradients(found), metrics(loss, relaxed.output, part.labels)

        updates, measured = batch.sum(share)
        return updates, state, measured


def refuse_scores(system: Any, kind: str, hold: bool) -> None:
    """Raise ValueError for a rule that holds outputs where they are scores beside the energy."""
    if hold and getattr(system, "readout", "state") == "softmax":
        raise ValueError(
            f"rule.kind={kind!r} holds outputs at their targets, which the scores of a softmax are not: set system.readout='state'"
        )


@accepts_any
@dataclass(frozen=True)
class EquilibriumPropagation(_Contrastive):
    """The rule. The cost that is nudged with is the system's, |output - target|^2 / 2 unless it says so."""

    beta: NotNegative = 0.0  # of the nudges, in the unit that makes E + beta C an energy: siemens for resistors; 0: the system's own
    variant: Variant = "centred"  # -beta and beta, 0 and beta, -beta and 0, one of these two at random in each step

    kind: ClassVar[str] = "equilibrium-propagation"
    natural: ClassVar[Mapping[str, str]] = {"beta": "natural_nudge"}

    def nudge(self) -> tuple[float, str]:
        return self.beta, self.variant


@accepts_any
@dataclass(frozen=True)
class CoupledLearning(_Contrastive):
    """The rule: outputs are held at ``output + eta (target - output)``, in any system that relaxes. No gradient of the cost."""

    eta: Share = 0.0  # how far outputs are moved towards their targets, a fraction; 0: the system's own
    variant: Variant = "positive"  # -eta and eta, 0 and eta, -eta and 0, one of these two at random in each step

    kind: ClassVar[str] = "coupled-learning"
    natural: ClassVar[Mapping[str, str]] = {"eta": "natural_hold"}
    hold: ClassVar[bool] = True

    def nudge(self) -> tuple[float, str]:
        return self.eta, self.variant


@accepts_any
@dataclass(frozen=True)
class ContrastiveLearning(_Contrastive):
    """Contrastive (Hebbian) learning: the outputs fully clamped against the free ones."""

    kind: ClassVar[str] = "contrastive-learning"
    hold: ClassVar[bool] = True

    def nudge(self) -> tuple[float, str]:
        return 1.0, "positive"


__all__ = ["ContrastiveLearning", "CoupledLearning", "EquilibriumPropagation", "contrasted"]
