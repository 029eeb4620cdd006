"""What every rule is: a description of plain numbers, declared once, and a life: `init`, then `step` after `step`, and `predict`.

A rule is one file in this package, with a class that names its `kind`, beside the pure functions that it wraps. Its plain fields are the
keys of the table [rule] of a recipe.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from .._array import Array
from .._declared import Choice, Described, NotNegative, check
from .._kinds import Kinds
from .._updates import Update
from ..systems.protocols import Measurable, require
from . import losses
from .metrics import Metrics

kinds = Kinds("rule", "pnnkern.learning")

Updates = dict[str, Update]
State = dict[str, Array]  # what a rule keeps between steps; saved with a run


@dataclass(frozen=True)
class Batch:
    """Samples of one step.

    samples : (batch, ...) as the data set has them. labels : (batch,) integers, or (batch, outputs) real targets. index : number of each
    sample in the whole data set, whatever share of it is here: int64 (batch,), or that of the first. encode : what makes inputs of samples
    (a system's `encode`); None: they are inputs already.
    """

    samples: Any
    labels: Array
    index: Any = 0
    encode: Callable[[Any], Array] | None = None

    @functools.cached_property
    def inputs(self) -> Array:
        """What enters the system, made when it is first asked for."""
        return self.samples if self.encode is None else self.encode(self.samples)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Rule(Described):
    """Base of all rules."""

    kind: ClassVar[str] = ""
    needs: ClassVar[tuple[type, ...]] = ()  # protocols of `pnnkern.systems.protocols`
    passes: ClassVar[Any] = 1  # physical passes per sample and step; a rule may say it by a property

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kinds.file(cls)

    def __post_init__(self) -> None:
        check(self)

    def init(self, system: Any, key: Any = None) -> State:
        """The state before the first step, a flat dict of arrays. key : of all that the rule draws once.

        Raises `CapabilityError` for a system that lacks what the rule needs.
        """
        require(system, self.kind, *self.needs)
        return {}

    def check_samples(self, system: Any, samples: Any) -> None:
        """Raise ValueError for samples (batch, ...) that it cannot learn from; a run asks before it begins."""

    def step(self, system: Any, state: State, batch: Batch, key: Any = None) -> tuple[Updates, State, Metrics]:
        """Updates by parameter, the new state, and {"loss", "rating"}, all sums over the batch. key : of the step; draws what is random."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its step is")

    def predict(self, system: Any, state: State, batch: Batch, key: Any = None) -> Array:
        """Scores (batch, classes) that the trained system gives the samples, whose labels are not looked at."""
        return self.loss_on(system).scores(system.forward(batch.inputs, key, batch.index))

    def loss_on(self, system: Any) -> Any:
        """The loss that outputs of this system are measured by."""
        return losses.make(system)


@dataclass(frozen=True)
class Supervised(Rule):
    """Base of rules that lower a loss on measured outputs; a loss of your own may stand in the place of a name."""

    # cross-entropy, mse, or differential: of pairs of detectors; auto: towards the system's own targets
    loss: Annotated[Any, Choice(("auto", "cross-entropy", "mse", "differential"))] = "auto"
    scale: NotNegative = field(default=0.0, kw_only=True)  # factor on the outputs before a cross-entropy; 0: the system's own

    needs: ClassVar[tuple[type, ...]] = (Measurable,)

    def loss_on(self, system: Any) -> Any:
        return losses.make(system, self.loss, self.scale)


def one_step(rule: Rule, system: Any, batch: Batch, key: Any = None) -> tuple[Updates, Metrics]:
    """The first step of a rule by itself: updates and metrics."""
    updates, _, metrics = rule.step(system, rule.init(system, key), batch, key)
    return updates, metrics


__all__ = ["Batch", "Rule", "State", "Supervised", "Updates", "kinds", "one_step"]
