"""Losses on measured outputs. Each gives the class scores, and the loss with its cotangent, sums over the batch; all in float64.

A loss is a value where the outputs are, which nothing waits for: a 0-d array on a GPU, a NumPy scalar on the CPU.

powers (batch, detectors) of light are in any unit: losses on them depend on their ratios only. labels (batch,) are integers; the square
error also takes real targets, (batch, outputs) fractions of the way from its low target to its high one. One output alone stands for class 1,
above the loss's `middle`, and for class 0 below it; powers are compared with each other, and need two.

Raises TypeError for outputs that are not real and labels that are not integers, ValueError for other shapes, for labels of classes that there
are not, and for a sample whose score would be 0 / 0, as no light reaches its detectors. The values of arrays on a GPU are not looked at: there
the loss of such a sample is NaN, which ends a run where it is next read.
"""

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _array
from .._array import Array, Real
from .._checks import class_labels, shaped
from .._classes import shares, target_shares
from .._functions import negative_log_softmax
from .._gate import accepts_any
from ..systems.system import Target


def _checked(outputs: Array) -> Array:
    """Outputs, if they are (batch, outputs)."""
    shaped("outputs", outputs, None, None)
    return outputs


def _double(outputs: Array) -> Array:
    """Outputs (batch, outputs) in float64."""
    return _checked(outputs).astype(np.float64)


def _lit(power: Array) -> Array:
    """`power`, float64, if it can be divided by."""
    if not _array.is_on_gpu(power):
        dark = ((power <= 0) | (power == np.inf)).reshape(len(power), -1).any(axis=1)  # NaN stays NaN: a run that diverges is told so
        if dark.any():
            raise ValueError(f"sample {int(dark.argmax())} of the batch has detectors that no light reaches, or infinite power")
    return power


def _several(outputs: Array) -> Array:
    """Outputs that a class is read from by comparison, if there is more than one."""
    if outputs.shape[1] == 1:
        raise ValueError("the power on one detector alone says nothing, as only ratios count: two classes need two detectors, got 1")
    return outputs


@accepts_any
class _Scored:
    """A softmax cross-entropy of scores."""

    def value(self, scores: Real, labels: Array) -> Array:
        """The loss of samples with these scores, a sum."""
        return _softmax_cross_entropy(_double(scores), labels)[0]


def _softmax_cross_entropy(scores: Array, labels: Array) -> tuple[Array, Array]:
    """Sum of -log softmax(scores)[label], and its cotangent, softmax - one hot.

    One score alone is that of class 1, beside 0 for class 0: logistic regression.
    """
    xp = _array.namespace(scores)
    if scores.shape[1] == 1:
        loss, g = _softmax_cross_entropy(xp.concatenate([xp.zeros_like(scores), scores], axis=1), labels)
        return loss, g[:, 1:]
    surprise, chance = negative_log_softmax(scores)
    hot = shares(labels, scores.shape[1], len(scores), xp)
    return (surprise * hot).sum(), chance - hot


@accepts_any
@dataclass(frozen=True)
class CrossEntropy(_Scored):
    """Softmax cross-entropy of s = scale p / max p. Mengu et al., IEEE JSTQE 26, 3700114 (2020)."""

    kind: ClassVar[str] = "cross-entropy"

    scale: float = 10.0

    def scores(self, powers: Real) -> Array:
        """(batch, classes): scale p / max p."""
        return self._scaled(powers)[0]

    def _scaled(self, powers: Real) -> tuple[Array, Array, Array]:
        """The scores, and what they are made of: powers (batch, classes) in float64 and the largest of each sample (batch, 1)."""
        p = _several(_double(powers))
        largest = _lit(p.max(axis=1, keepdims=True))
        return self.scale * p / largest, p, largest

    def __call__(self, powers: Real, labels: Array) -> tuple[Array, Array]:
        """Loss, a sum over the batch, and its cotangent with respect to `powers`."""
        scores, p, largest = self._scaled(powers)
        loss, g = _softmax_cross_entropy(scores, labels)
        brightest = p.argmax(axis=1)[:, None] == _array.namespace(p).arange(p.shape[1])
        out = self.scale / largest * g - brightest * (self.scale * (g * p).sum(axis=1, keepdims=True) / largest**2)
        return loss, out.astype(powers.dtype)


@accepts_any
@dataclass(frozen=True)
class Differential(_Scored):
    """Softmax cross-entropy of s = scale (p+ - p-) / (p+ + p-); powers hold all p+, then all p-. Li et al., Adv. Photon. 1, 046001 (2019)."""

    kind: ClassVar[str] = "differential"

    scale: float = 10.0

    middle: ClassVar[float] = 0.0  # where one pair alone tells class 1 from class 0

    def scores(self, powers: Real) -> Array:
        """(batch, classes)."""
        plus, minus, total = self._halves(powers)
        return self.scale * (plus - minus) / total

    def _halves(self, powers: Array) -> tuple[Array, Array, Array]:
        """All p+, all p-, and their sums."""
        p = _double(powers)
        if p.shape[1] % 2:
            raise ValueError(f"differential detection needs an even number of detectors, got {p.shape[1]}")
        plus, minus = p[:, : p.shape[1] // 2], p[:, p.shape[1] // 2 :]
        return plus, minus, _lit(plus + minus)

    def __call__(self, powers: Real, labels: Array) -> tuple[Array, Array]:
        """Loss, a sum over the batch, and its cotangent with respect to `powers`."""
        plus, minus, total = self._halves(powers)
        loss, g = _softmax_cross_entropy(self.scale * (plus - minus) / total, labels)
        xp = _array.namespace(powers)
        out = xp.concatenate([2 * self.scale * minus * g / total**2, -2 * self.scale * plus * g / total**2], axis=1)
        return loss, out.astype(powers.dtype)


@accepts_any
@dataclass(frozen=True)
class MeanSquare:
    """Sum over the batch of sum_c (p_c / sum p - onehot_c)^2: the loss on intensities of Lin et al. 2018, on fractions of the power."""

    kind: ClassVar[str] = "mse"

    def scores(self, powers: Real) -> Array:
        """(batch, classes): p / sum p."""
        return self._shares(powers)[0]

    def _shares(self, powers: Array) -> tuple[Array, Array]:
        """p / sum p, and the sum (batch, 1)."""
        p = _several(_double(powers))
        total = _lit(p.sum(axis=1, keepdims=True))
        return p / total, total

    def __call__(self, powers: Real, labels: Array) -> tuple[Array, Array]:
        """Loss, a sum over the batch, and its cotangent with respect to `powers`."""
        q, total = self._shares(powers)
        d = q - shares(labels, q.shape[1], len(q), _array.namespace(q))
        out = 2 * (d - (d * q).sum(axis=1, keepdims=True)) / total
        return (d**2).sum(), out.astype(powers.dtype)

    def value(self, scores: Real, labels: Array) -> Array:
        """The loss of samples with these scores, a sum."""
        return ((scores - shares(labels, scores.shape[1], len(scores), _array.namespace(scores))) ** 2).sum()


@accepts_any
@dataclass(frozen=True)
class Logits(_Scored):
    """Softmax cross-entropy of ``scale * output``: outputs are signed, such as the currents of differential pairs."""

    kind: ClassVar[str] = "cross-entropy"

    scale: float = 1.0

    middle: ClassVar[float] = 0.0  # where one output alone tells class 1 from class 0

    def scores(self, outputs: Real) -> Array:
        """(batch, classes): scale * output."""
        return self.scale * _double(outputs)

    def __call__(self, outputs: Real, labels: Array) -> tuple[Array, Array]:
        """Loss, a sum over the batch, and its cotangent with respect to `outputs`."""
        loss, g = _softmax_cross_entropy(self.scores(outputs), labels)
        return loss, (self.scale * g).astype(outputs.dtype)


@accepts_any
@dataclass(frozen=True)
class SquareError:
    """Sum over the batch of ``sum_c (output_c - target_c)^2 / 2``; the target is `high` at the label, `low` elsewhere.

    For labels (batch, outputs) that are fractions it is ``low + label (high - low)``.

    hinge : outputs that are beyond their target on the right side cost nothing.
    """

    kind: ClassVar[str] = "mse"

    high: float = 1.0
    low: float = 0.0
    hinge: bool = False

    @property
    def middle(self) -> float:
        """Where one output alone tells class 1 from class 0: midway between its targets."""
        return (self.high + self.low) / 2

    def scores(self, outputs: Real) -> Array:
        """(batch, classes): the outputs."""
        return _double(outputs)

    def targets(self, labels: Array, outputs: Real) -> Array:
        """(batch, classes), like `outputs`."""
        outputs = _checked(outputs)
        share = target_shares(labels, outputs.shape[1], len(outputs), _array.namespace(outputs))
        return (self.low + (self.high - self.low) * share).astype(outputs.dtype)

    def __call__(self, outputs: Real, labels: Array) -> tuple[Array, Array]:
        """Loss, a sum over the batch, and its cotangent with respect to `outputs`."""
        d = self._errors(outputs, labels)
        return (d**2).sum() / 2, d.astype(outputs.dtype)

    def value(self, scores: Real, labels: Array) -> Array:
        """The loss of samples with these scores, a sum."""
        return (self._errors(scores, labels) ** 2).sum() / 2

    def _errors(self, outputs: Real, labels: Array) -> Array:
        """output - target, float64; 0 where the hinge leaves an output alone."""
        target = self.targets(labels, outputs).astype(np.float64)
        d = self.scores(outputs) - target
        if self.hinge:
            d[(d > 0) == (target > self.middle)] = 0.0
        return d


@accepts_any
@dataclass(frozen=True)
class NearestTarget:
    """Half the square distance from the outputs to the target of their class; the nearest target is the answer. Stern et al. 2021, section V.

    class_targets : (classes, outputs), in the unit of the outputs, as of `pnnkern.learning.coupled.class_targets`; None where scores are
    at hand already. Labels are classes.
    """

    kind: ClassVar[str] = "nearest-target"

    class_targets: Array | None = None

    def scores(self, outputs: Real) -> Array:
        """(batch, classes): ``-|output - target|^2 / 2``."""
        d = _double(outputs)[:, None, :] - self._aims(outputs)[None]
        return -(d * d).sum(axis=2) / 2

    def __call__(self, outputs: Real, labels: Array) -> tuple[Array, Array]:
        """Loss, a sum over the batch, and its cotangent with respect to `outputs`."""
        aims = self._aims(outputs)
        class_labels(labels, len(outputs), len(aims))
        d = _double(outputs) - aims[_array.namespace(outputs).asarray(labels)]
        return (d * d).sum() / 2, d.astype(outputs.dtype)

    def value(self, scores: Real, labels: Array) -> Array:
        """The loss of samples with these scores, a sum."""
        class_labels(labels, len(_checked(scores)), scores.shape[1])
        xp = _array.namespace(scores)
        return -scores[xp.arange(len(scores)), xp.asarray(labels)].sum()

    def _aims(self, outputs: Array) -> Array:
        if self.class_targets is None:
            raise ValueError("class_targets are missing: (classes, outputs), which `class_targets` of pnnkern.learning makes")
        outputs = _checked(outputs)
        return shaped("class_targets", self.class_targets, "classes", outputs.shape[1])


NATURAL = Target("cross-entropy", scale=10.0)  # of systems that do not say


def make(system: Any, loss: Any = "auto", scale: float = 0.0) -> Any:
    """The loss on a system's outputs by its name ("auto", "cross-entropy", "mse", "differential"); a loss itself is given back as it is.

    auto : towards the system's own targets, `system.natural_loss`. scale : of a cross-entropy; 0 is the system's own.
    Raises ValueError for differential detection where outputs are no pairs, and for pairs under another loss.
    """
    if not isinstance(loss, str):
        return loss
    return _make(getattr(system, "natural_loss", NATURAL), getattr(system, "measured", "signed") == "powers", loss, scale)


@functools.lru_cache(64)
def _make(natural: Target, powers: bool, loss: str, scale: float) -> Any:
    """The loss on outputs with these targets, which may be powers."""
    name = natural.loss if loss == "auto" else loss
    if (name == "differential") != (natural.loss == "differential"):
        raise ValueError(f"system.detectors='differential' and rule.loss='differential' need each other, got rule.loss={loss!r}")
    if name == "mse" and not natural.real:
        raise ValueError("outputs are logarithms of chances, which have no targets: set rule.loss='cross-entropy'")
    if name == "mse":
        return MeanSquare() if powers else SquareError(natural.high, natural.low, natural.hinge)
    scale = scale or (natural.scale if natural.loss == name else 10.0)
    return (Differential if name == "differential" else CrossEntropy if powers else Logits)(scale)
