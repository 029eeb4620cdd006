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
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers, Sample
from .._checks import class_labels, shaped
from .._declared import NotNegative, Positive, Share
from .._errors import CapabilityError
from .._gate import accepts_any
from .._updates import Derivative, dense, gradients, joined, scaled
from ..systems.protocols import Relaxing, Weighing, lacks
from .coupled import ENDS, class_targets, misclassified
from .losses import NearestTarget
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates

Variant = Literal["centred", "positive", "negative", "random"]
_TARGETS = {f"learning.{name}": "rule.targets='class-means'" for name in ("class_targets", "nearest_class")}


@accepts_any
def contrasted(system: Relaxing, inputs: Numbers, target: Numbers, ends: tuple[float, float], *, hold: bool = False, key: Key | None = None,
               sample: Sample = 0) -> tuple[dict[str, Derivative], Any]:  # fmt: skip
    """``(dE/dtheta at b2 - dE/dtheta at b1) / (b2 - b1)`` for ends (b1, b2), one of which may be 0; and the equilibria.

    Parameters
    ----------
    hold : bool
        Hold the outputs at ``output + b (target - output)`` instead of nudging them.

    Raises
    ------
    ValueError
        If b1 = b2.
    """
    found, scale, relaxed = _contrast(system, inputs, target, ends, hold, key, sample)
    return {name: scaled(derivative, scale) for name, derivative in found.items()}, relaxed


def _contrast(system: Relaxing, inputs: Array, target: Array, ends: tuple[float, float], hold: bool, key: Any, sample: Any,
              ) -> tuple[dict[str, Derivative], float, Any]:  # fmt: skip
    """``dE/dtheta at b2 - dE/dtheta at b1``, the ``1 / (b2 - b1)`` that is still to come, and the equilibria."""
    b1, b2 = ends
    if b1 == b2 or not np.isfinite(ends).all():
        raise ValueError(f"the two ends of a contrast must be different numbers, got {b1:g} and {b2:g}")
    nudges, phases = phases_of(ends)
    relaxed = system.relax(inputs, target=target, nudges=nudges, hold=hold, key=key, sample=sample)
    return system.contrast(relaxed, *phases), 1 / (b2 - b1), relaxed


def phases_of(ends: tuple[float, float]) -> tuple[tuple[float, ...], tuple[int, int]]:
    """The nudges to relax with for ends (b1, b2), one of which may be 0, and the numbers of their phases."""
    nudges = tuple(b for b in ends if b != 0)
    phase = {0.0: 0} | {b: p + 1 for p, b in enumerate(nudges)}
    return nudges, (phase[ends[0]], phase[ends[1]])


@accepts_any
@dataclass(frozen=True)
class _Contrastive(Rule):
    """Compares two equilibria."""

    # of classes: high at the class's output and low at the others, or what `class_targets` says of the untrained system's outputs
    targets: Literal["one-hot", "class-means"] = field(default="one-hot", kw_only=True)
    # of class-means: how far apart targets of classes are, relative to the untrained system's mean outputs of these classes
    amplitude: Positive = field(default=2.0, kw_only=True)

    needs: ClassVar[tuple[type, ...]] = (Relaxing,)
    hold: ClassVar[bool] = False

    def nudge(self) -> tuple[float, str]:
        """Size of the nudge, and which equilibria are compared."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it nudges")

    def init(self, system: Any, key: Key | None = None) -> State:
        refuse_scores(system, self.kind, self.hold)
        if self.targets == "class-means":
            _refuse_class_means(system.natural_loss)
        return super().init(system, key)

    def prepare(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> State:
        if self.targets == "one-hot":
            return state
        if batch.labels.ndim != 1:
            raise ValueError("rule.targets='class-means' needs labels that are classes, these are real targets: leave it at 'one-hot'")
        outputs = [system.forward(part.inputs, key, part.index) for part in batch.shards]
        whole = _array.namespace(*outputs).concatenate(outputs)
        return state | {"class_targets": class_targets(whole, batch.labels, amplitude=self.amplitude)}

    def predict(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> Array:
        return self._loss(system, state).scores(system.forward(batch.inputs, key, batch.index))

    def loss_on(self, system: Any) -> Any:
        return super().loss_on(system) if self.targets == "one-hot" else NearestTarget()

    def _loss(self, system: Any, state: State) -> Any:
        """The loss with the targets that the state has."""
        return self.loss_on(system) if self.targets == "one-hot" else NearestTarget(state["class_targets"])

    def _target(self, system: Any, state: State, batch: Batch) -> Array:
        """What the outputs should be, (batch, outputs)."""
        if self.targets == "one-hot":
            return batch.targets(system)
        labels = batch.labels
        of_classes = shaped("class_targets of the state", state["class_targets"], "classes", system.outputs)
        class_labels(labels, len(labels), len(of_classes))
        return of_classes[labels]

    @property
    def passes(self) -> int:
        """Relaxations per sample and step."""
        return 3 if self.nudge()[1] == "centred" else 2

    def ends(self, key: Key | None = None) -> tuple[float, float]:
        """The nudges (b1, b2); for the variant "random" with a sign drawn from the key."""
        size, variant = self.nudge()
        if variant != "random":
            low, high = ENDS[variant]
            return size * low, size * high
        key = random.require_key(key, "the sign of the nudge is random")
        sign = 1 if _array.to_numpy(random.bernoulli(random.fold_in(key, "sign"), 0.5, (1, 1)))[0, 0] else -1
        return (0.0, size) if sign > 0 else (-size, 0.0)

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        ends, loss = self.fitted(system).ends(key), self._loss(system, state)

        def share(part: Batch) -> tuple[Updates, Metrics]:
            target = self._target(system, state, part)
            found, scale, relaxed = _contrast(system, part.inputs, target, ends, self.hold, key, part.index)
            return gradients(found, scale), metrics(loss, relaxed.output, part.labels)

        updates, measured = batch.sum(share)
        return updates, state, measured


def refuse_scores(system: Any, kind: str, hold: bool) -> None:
    """Raise ValueError for a rule that holds outputs where they are scores beside the energy."""
    if hold and getattr(system, "readout", "state") == "softmax":
        raise ValueError(
            f"rule.kind={kind!r} holds outputs at their targets, which the scores of a softmax are not: set system.readout='state'"
        )


def _refuse_class_means(natural: Any) -> None:
    """Raise ValueError for a system whose outputs are not to come near to targets that lie anywhere."""
    if not natural.real:
        raise ValueError("rule.targets='class-means' are values of outputs, but here these are chances of classes: leave it at 'one-hot'")
    if natural.hinge:
        raise ValueError("rule.targets='class-means' are to be met from both sides: set system.hinge=false")


@accepts_any
@dataclass(frozen=True)
class EquilibriumPropagation(_Contrastive):
    """The rule. The cost that is nudged with is the system's, |output - target|^2 / 2 unless it says so."""

    beta: NotNegative = 0.0  # of the nudges, in the unit that makes E + beta C an energy: siemens for resistors; 0: the system's own
    variant: Variant = "centred"  # -beta and beta, 0 and beta, -beta and 0, one of these two at random in each step

    kind: ClassVar[str] = "equilibrium-propagation"
    functions: ClassVar[Mapping[str, str]] = {
        "learning.contrasted": "", "learning.nudged_learning_update": "resistor-network, transistor-network; system.hinge=false",
        "learning.allosteric_learning_update": "spring-network; system.reads='distances', rule.variant='positive', system.hinge=false",
        **_TARGETS,
    }  # fmt: skip
    natural: ClassVar[Mapping[str, str]] = {"beta": "natural_nudge"}

    def nudge(self) -> tuple[float, str]:
        return self.beta, self.variant


@accepts_any
@dataclass(frozen=True)
class CoupledLearning(_Contrastive):
    """The rule: outputs are held at ``output + eta (target - output)``, in any system that relaxes. No gradient of the cost.

    What `coupled_learning_update` can do beside, circuits can: power, overclamp and samples.
    """

    eta: Share = 0.0  # how far outputs are moved towards their targets, a fraction; 0: the system's own
    variant: Variant = "positive"  # -eta and eta, 0 and eta, -eta and 0, one of these two at random in each step
    power: NotNegative = 0.0  # lambda: each part also goes down lambda / eta times its own share of the free state's power; circuits
    # outputs are pulled to the rail on the side of their error, and the size of the error multiplies the update instead; circuits
    overclamp: bool = False
    samples: Literal["all", "misclassified"] = "all"  # that count; the others have no share of the mean; circuits

    kind: ClassVar[str] = "coupled-learning"
    functions: ClassVar[Mapping[str, str]] = {
        "learning.contrasted": "",
        "learning.coupled_learning_update": "resistor-network, transistor-network; system.hinge=false; rule.power, rule.overclamp",
        "learning.coupled_learning_step": "resistor-network; system.hinge=false, and training.optimizer='sgd' or system.step and by_sign",
        "learning.misclassified": "rule.samples='misclassified'", "learning.elastic_learning_update": "spring-network; system.hinge=false",
        **_TARGETS,
    }  # fmt: skip
    natural: ClassVar[Mapping[str, str]] = {"eta": "natural_hold"}
    hold: ClassVar[bool] = True

    def nudge(self) -> tuple[float, str]:
        return self.eta, self.variant

    @property
    def _more(self) -> str:
        """Which keys ask for more than equilibria."""
        own = {"power": self.power, "overclamp": self.overclamp, "samples": self.samples != "all"}
        return " and ".join(f"rule.{name}" for name, value in own.items() if value)

    def init(self, system: Any, key: Key | None = None) -> State:
        if self._more and (missing := lacks(system, Weighing)):
            raise CapabilityError(f"{self.kind} with {self._more} needs {missing}, which circuits have and {type(system).__name__} has not")
        return super().init(system, key)

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        if not self._more:
            return super().step(system, state, batch, key)
        rule, loss = self.fitted(system), self._loss(system, state)
        ends = rule.ends(key)
        nudges, phases = phases_of(ends)

        def share(part: Batch) -> tuple[Updates, Metrics, Any]:
            target = self._target(system, state, part)
            pulled = (lambda output: railed(system, output, target)) if self.overclamp else target
            relaxed = system.relax(part.inputs, target=pulled, nudges=nudges, hold=True, key=key, sample=part.index)
            weights = counted = self._counted(system, state, relaxed.output, part.labels)
            if self.overclamp:
                weights = counted * abs(system.errors(relaxed.output, target)).mean(axis=1)
            found = {name: scaled(d, 1 / (ends[1] - ends[0])) for name, d in system.contrast(relaxed, *phases, weights).items()}
            if self.power:
                taken = {name: scaled(d, rule.power / rule.eta) for name, d in system.absorbed(relaxed, weights).items()}
                found = joined(found, taken)
            return gradients(found), metrics(loss, relaxed.output, part.labels), counted.sum()

        updates, measured, counted = batch.sum(share)
        mean = len(batch) / (float(counted) or 1.0)  # over those that count: it is divided by all of them when it is written
        return gradients({name: scaled(dense(update), mean) for name, update in updates.items()}), state, measured

    def _counted(self, system: Any, state: State, output: Array, labels: Array) -> Array:
        """1 for each sample (batch,) that counts, 0 for the others."""
        xp = _array.namespace(output)
        if self.samples == "all":
            return xp.ones(len(output))
        if labels.ndim != 1:
            raise ValueError("rule.samples='misclassified' needs labels that are classes, these are real targets: leave it at 'all'")
        classes = len(state["class_targets"]) if self.targets == "class-means" else max(2, system.outputs)
        return misclassified(output, self._target(system, state, Batch(None, xp.arange(classes))), labels)


def railed(system: Weighing, output: Numbers, target: Numbers) -> Array:
    """The rail on the side of each output's error (batch, outputs), and the output itself where there is none."""
    error, (low, high) = system.errors(output, target), system.rails
    where = _array.namespace(error).where
    out: Array = where(error > 0, high, where(error < 0, low, output))
    return out


@accepts_any
@dataclass(frozen=True)
class ContrastiveLearning(_Contrastive):
    """Contrastive (Hebbian) learning: the outputs fully clamped against the free ones."""

    kind: ClassVar[str] = "contrastive-learning"
    functions: ClassVar[Mapping[str, str]] = {
        "learning.contrasted": "", "learning.coupled_learning_update": "resistor-network, transistor-network; eta = 1; system.hinge=false",
        **_TARGETS,
    }  # fmt: skip
    hold: ClassVar[bool] = True

    def nudge(self) -> tuple[float, str]:
        return 1.0, "positive"


__all__ = ["ContrastiveLearning", "CoupledLearning", "EquilibriumPropagation", "contrasted"]
