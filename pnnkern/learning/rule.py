"""What every rule is: a description of plain numbers, declared once, and a life: `init`, then `step` after `step`, and `predict`.

A rule is one file in this package, with a class that names its `kind`, beside the pure functions that it wraps. Its plain fields are the
keys of the table [rule] of a recipe.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Self, TypeVar

import numpy as np

from .._array import Array, Key, Sample
from .._declared import Choice, Described, NotNegative, check
from .._gate import accepts_any, record
from .._kinds import Kinds
from .._updates import Update
from ..communicator import SERIAL, Communicator, shared_out, total
from ..systems.protocols import Measurable, require
from ..systems.system import System
from . import losses
from .metrics import Metrics

kinds = Kinds("rule", "pnnkern.learning")
T = TypeVar("T")

Updates = dict[str, Update]
State = dict[str, Array]  # what a rule keeps between steps; saved with a run


@record
@dataclass(frozen=True)
class Batch:
    """Samples of one step, the same on all ranks.

    Parameters
    ----------
    samples
        (batch, ...) as the data set has them.
    labels : Array
        (batch,) integers, or (batch, outputs) real targets.
    index
        Number of each sample in the whole data set: int64 (batch,), or that of the first.
    encode : Callable[[Any], Array] | None
        What makes inputs of samples (a system's `encode`); None: they are inputs already.
    chunk : int
        Samples of a shard, 0 for all.
    communicator : Communicator
        By which ranks share the shards.
    known : Array | None
        What the system's `targets` makes of the labels, if that was done before.
    """

    samples: Any
    labels: Array
    index: Sample = 0
    encode: Callable[[Any], Array] | None = None
    chunk: int = 0
    communicator: Communicator = SERIAL
    known: Array | None = None

    @functools.cached_property
    def inputs(self) -> Array:
        """What enters the system, made when it is first asked for."""
        return self.samples if self.encode is None else self.encode(self.samples)

    def targets(self, system: Any) -> Array:
        """What a system's outputs should be."""
        targets: Array = system.targets(self.labels) if self.known is None else self.known
        return targets

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shards(self) -> list["Batch"]:
        """The batch in fixed pieces of `chunk` samples, in the order of the samples."""
        return self._pieces if 0 < self.chunk < len(self) else [self]

    @functools.cached_property
    def _pieces(self) -> list["Batch"]:
        index: Any = self.index + np.arange(len(self)) if np.ndim(self.index) == 0 else self.index
        pieces = [slice(first, first + self.chunk) for first in range(0, len(self), self.chunk)]
        known = (None if self.known is None else self.known[p] for p in pieces)
        return [Batch(self.samples[p], self.labels[p], index[p], self.encode, known=k) for p, k in zip(pieces, known, strict=True)]

    def sum(self, function: Callable[["Batch"], T]) -> T:
        """The sum of what a function gives for each shard: arrays, numbers and updates, in dictionaries and tuples.

        Each rank works on its own shards; the shares of all are added in the order of the samples.
        """
        own = shared_out(self.communicator, len(self.shards))
        summed: T = total(self.communicator, {number: function(self.shards[number]) for number in own})
        return summed


@accepts_any
@dataclass(frozen=True)
class Rule(Described):
    """Base of all rules."""

    kind: ClassVar[str] = ""
    needs: ClassVar[tuple[type, ...]] = ()  # protocols of `pnnkern.systems.protocols`
    encodes: ClassVar[bool] = False  # whether it looks at `samples` of a batch before they are encoded, not at its `inputs` alone
    shared: ClassVar[bool] = True  # whether ranks share the samples of a step; else each does all of it
    passes: ClassVar[Any] = 1  # physical passes per sample and step; a rule may say it by a property
    # Fields with a unit or a scale, of which 0 means the system's own, and which of its properties that is; "": the rule works it out.
    natural: ClassVar[Mapping[str, str]] = {}
    # Public functions of pnnkern that are its algebra, or give what it gives without a rule; each with the systems or keys for which that holds
    functions: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kinds.file(cls)

    def __post_init__(self) -> None:
        check(self)

    def fitted(self, system: Any, batch: Batch | None = None) -> Self:
        """The rule with numbers in the place of what is 0 for "the system's own", by the system as it is now.

        Parameters
        ----------
        batch : Batch | None
            Samples such as it will see, where a value depends on them.
        """
        own = {name: float(_natural(system, which)) for name, which in self.natural.items() if which and not getattr(self, name)}
        return replace(self, **own) if own else self

    def init(self, system: Any, key: Key | None = None) -> State:
        """The state before the first step, a flat dict of arrays.

        Parameters
        ----------
        key
            Of all that the rule draws once.

        Raises
        ------
        CapabilityError
            For a system that lacks what the rule needs.
        """
        require(system, self.kind, *self.needs)
        return {}

    def prepare(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> State:
        """The state, once the untrained system could answer the training samples; before the first step. Most rules do not ask."""
        return state

    def check_samples(self, system: Any, samples: Any) -> None:
        """Raise ValueError for samples (batch, ...) that it cannot learn from; a run asks before it begins."""

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        """Updates by parameter, the new state, and {"loss", "rating"}, all sums over the batch.

        Parameters
        ----------
        key
            Of the step; draws what is random.

        Notes
        -----
        All that is summed over samples goes through `batch.sum`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what its step is")

    def predict(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> Array:
        """Scores (batch, classes) that the trained system gives the samples, whose labels are not looked at."""
        return self.loss_on(system).scores(system.forward(batch.inputs, key, batch.index))

    def loss_on(self, system: Any) -> Any:
        """The loss that outputs of this system are measured by."""
        return losses.make(system)


@accepts_any
@dataclass(frozen=True)
class Supervised(Rule):
    """Base of rules that lower a loss on measured outputs; a loss of your own may stand in the place of a name."""

    # cross-entropy, mse, or differential: of pairs of detectors; auto: towards the system's own targets
    loss: Annotated[Any, Choice(("auto", "cross-entropy", "mse", "differential"))] = "auto"
    scale: NotNegative = field(default=0.0, kw_only=True)  # factor on the outputs before a cross-entropy; 0: the system's own

    needs: ClassVar[tuple[type, ...]] = (Measurable,)

    def loss_on(self, system: Any) -> Any:
        return losses.make(system, self.loss, self.scale)


def _natural(system: Any, which: str) -> Any:
    """A property of any system, by what `System` says of those that do not say it."""
    return getattr(system, which) if hasattr(system, which) else getattr(System, which).fget(system)


@accepts_any
def one_step(rule: Rule, system: Any, batch: Batch, key: Key | None = None) -> tuple[Updates, Metrics]:
    """The first step of a rule by itself: updates and metrics."""
    state = rule.init(system, key)  # which refuses what cannot be
    rule = rule.fitted(system, batch)
    updates, _, metrics = rule.step(system, rule.prepare(system, state, batch, key), batch, key)
    return updates, metrics


__all__ = ["Batch", "Rule", "State", "Supervised", "Updates", "kinds", "one_step"]
