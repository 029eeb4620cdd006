"""Losses on measured outputs. Each gives the class scores, and the loss with its cotangent, sums over the batch; all in float64.

`judge` gives what a step of training asks for in one launch: the loss, its cotangent, and how many samples are right.

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

from .. import _array, _launch
from .._array import Array, Numbers, Real
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


NO_CLASS = _launch.fault(83, "labels must be numbers of classes that the outputs stand for")
POWERS, PAIRS, LOGITS, SHARES, SQUARES = range(5)  # numbered as in losses.cuh
THREADS = 256  # of the one block that judges a batch


@accepts_any
class _Judging:
    """A loss that a kernel works out, with its cotangent and its rating."""

    number: ClassVar[int]  # which one, for the kernel
    scale, high, low, hinge = 1.0, 1.0, 0.0, False  # unless it has them

    def __call__(self, outputs: Real, labels: Array) -> tuple[Array, Array]:
        """Loss, a sum over the batch, and its cotangent with respect to `outputs`."""
        return self.judge(outputs, labels)[:2]

    def judge(self, outputs: Real, labels: Array) -> tuple[Array, Array, Array]:
        """Loss, its cotangent with respect to `outputs`, and the rating (`metrics.ratings`); loss and rating are sums over the batch."""
        classes, (batch, n) = self.classes(outputs), outputs.shape
        xp, real = _array.namespace(outputs), labels.ndim == 2 and self.number == SQUARES
        if real:
            labels = target_shares(labels, n, batch, xp)
        else:
            class_labels(labels, batch, classes)
        which = xp.ascontiguousarray(xp.asarray(labels, np.float64 if real else np.int64))
        out, sums = xp.empty((batch, n), outputs.dtype), xp.empty(2)
        _launch.launch(
            "learning/losses", "judge", outputs.dtype, batch, n, self.number, float(self.scale), float(self.high), float(self.low),
            int(self.hinge), _array.contiguous(outputs), None if real else which, which if real else None, out, sums, block=(THREADS,),
        )  # fmt: skip
        if xp is np and not np.isfinite(sums[0]):
            self.scores(outputs)  # which says what cannot be divided by
        return sums[0], out, sums[1]

    def classes(self, outputs: Array) -> int:
        """How many classes outputs (batch, outputs) stand for.

        Raises
        ------
        ValueError
            Where they stand for none.
        """
        return int(_checked(outputs).shape[1])

    def scores(self, outputs: Real) -> Array:
        """(batch, classes)."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its scores are")


@accepts_any
class _Scored(_Judging):
    """A softmax cross-entropy of scores."""

    def value(self, scores: Real, labels: Array) -> Array:
        """The loss of samples with these scores, a sum. One score alone is that of class 1, beside 0 for class 0: logistic regression."""
        s, xp = _double(scores), _array.namespace(scores)
        if s.shape[1] == 1:
            s = xp.concatenate([xp.zeros_like(s), s], axis=1)
        return (negative_log_softmax(s)[0] * shares(labels, s.shape[1], len(s), xp)).sum()


@accepts_any
@dataclass(frozen=True)
class CrossEntropy(_Scored):
    """Softmax cross-entropy of s = scale p / max p. Mengu et al., IEEE JSTQE 26, 3700114 (2020)."""

    kind: ClassVar[str] = "cross-entropy"
    number: ClassVar[int] = POWERS

    scale: float = 10.0

    def classes(self, outputs: Numbers) -> int:
        return int(_several(_checked(outputs)).shape[1])

    def scores(self, powers: Real) -> Array:
        """(batch, classes): scale p / max p."""
        p = _several(_double(powers))
        return self.scale * p / _lit(p.max(axis=1, keepdims=True))


@accepts_any
@dataclass(frozen=True)
class Differential(_Scored):
    """Softmax cross-entropy of s = scale (p+ - p-) / (p+ + p-); powers hold all p+, then all p-. Li et al., Adv. Photon. 1, 046001 (2019)."""

    kind: ClassVar[str] = "differential"
    number: ClassVar[int] = PAIRS

    scale: float = 10.0

    middle: ClassVar[float] = 0.0  # where one pair alone tells class 1 from class 0

    def classes(self, outputs: Numbers) -> int:
        if _checked(outputs).shape[1] % 2:
            raise ValueError(f"differential detection needs an even number of detectors, got {outputs.shape[1]}")
        return int(outputs.shape[1] // 2)

    def scores(self, powers: Real) -> Array:
        """(batch, classes)."""
        p, pairs = _double(powers), self.classes(powers)
        plus, minus = p[:, :pairs], p[:, pairs:]
        both = _lit(plus + minus)
        return self.scale * (plus - minus) / both


@accepts_any
@dataclass(frozen=True)
class MeanSquare(_Judging):
    """Sum over the batch of sum_c (p_c / sum p - onehot_c)^2: the loss on intensities of Lin et al. 2018, on fractions of the power."""

    kind: ClassVar[str] = "mse"
    number: ClassVar[int] = SHARES

    def classes(self, outputs: Numbers) -> int:
        return int(_several(_checked(outputs)).shape[1])

    def scores(self, powers: Real) -> Array:
        """(batch, classes): p / sum p."""
        p = _several(_double(powers))
        return p / _lit(p.sum(axis=1, keepdims=True))

    def value(self, scores: Real, labels: Numbers) -> Array:
        """The loss of samples with these scores, a sum."""
        return ((scores - shares(labels, scores.shape[1], len(scores), _array.namespace(scores))) ** 2).sum()


@accepts_any
@dataclass(frozen=True)
class Logits(_Scored):
    """Softmax cross-entropy of ``scale * output``: outputs are signed, such as the currents of differential pairs."""

    kind: ClassVar[str] = "cross-entropy"
    number: ClassVar[int] = LOGITS

    scale: float = 1.0

    middle: ClassVar[float] = 0.0  # where one output alone tells class 1 from class 0

    def scores(self, outputs: Real) -> Array:
        """(batch, classes): scale * output."""
        return self.scale * _double(outputs)


@accepts_any
@dataclass(frozen=True)
class SquareError(_Judging):
    """Sum over the batch of ``sum_c (output_c - target_c)^2 / 2``; the target is `high` at the label, `low` elsewhere.

    For labels (batch, outputs) that are fractions it is ``low + label (high - low)``.

    Parameters
    ----------
    hinge : bool
        Outputs that are beyond their target on the right side cost nothing.
    """

    kind: ClassVar[str] = "mse"
    number: ClassVar[int] = SQUARES

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

    def targets(self, labels: Numbers, outputs: Real) -> Array:
        """(batch, classes), like `outputs`."""
        outputs = _checked(outputs)
        share = target_shares(labels, outputs.shape[1], len(outputs), _array.namespace(outputs))
        return (self.low + (self.high - self.low) * share).astype(outputs.dtype)

    def value(self, scores: Real, labels: Numbers) -> Array:
        """The loss of samples with these scores, a sum."""
        target = self.targets(labels, scores).astype(np.float64)
        d = self.scores(scores) - target
        if self.hinge:
            d[(d > 0) == (target > self.middle)] = 0.0
        return (d**2).sum() / 2


@accepts_any
@dataclass(frozen=True)
class NearestTarget:
    """Half the square distance from the outputs to the target of their class; the nearest target is the answer. Stern et al. 2021, section V.

    Parameters
    ----------
    class_targets : Array | None
        (classes, outputs), in the unit of the outputs, as of `pnnkern.learning.coupled.class_targets`; None where scores are at hand already.
        Labels are classes.
    """

    kind: ClassVar[str] = "nearest-target"

    class_targets: Array | None = None

    def scores(self, outputs: Real) -> Array:
        """(batch, classes): ``-|output - target|^2 / 2``."""
        d = _double(outputs)[:, None, :] - self._aims(outputs)[None]
        return -(d * d).sum(axis=2) / 2

    def __call__(self, outputs: Real, labels: Numbers) -> tuple[Array, Array]:
        """Loss, a sum over the batch, and its cotangent with respect to `outputs`."""
        aims = self._aims(outputs)
        class_labels(labels, len(outputs), len(aims))
        d = _double(outputs) - aims[_array.namespace(outputs).asarray(labels)]
        return (d * d).sum() / 2, d.astype(outputs.dtype)

    def value(self, scores: Real, labels: Numbers) -> Array:
        """The loss of samples with these scores, a sum."""
        class_labels(labels, len(_checked(scores)), scores.shape[1])
        xp = _array.namespace(scores)
        return -scores[xp.arange(len(scores)), xp.asarray(labels)].sum()

    def _aims(self, outputs: Array) -> Array:
        if self.class_targets is None:
            raise ValueError("class_targets are missing: (classes, outputs), which `class_targets` of pnnkern.learning makes")
        outputs = _checked(outputs)
        return shaped("class_targets", self.class_targets, "classes", outputs.shape[1])


JUDGED = (CrossEntropy, Differential, MeanSquare, Logits, SquareError)  # these very classes: what is made of them may differ
NATURAL = Target("cross-entropy", scale=10.0)  # of systems that do not say


def make(system: Any, loss: Any = "auto", scale: float = 0.0) -> Any:
    """The loss on a system's outputs by its name ("auto", "cross-entropy", "mse", "differential"); a loss itself is given back as it is.

    auto : towards the system's own targets, `system.natural_loss`.

    Parameters
    ----------
    scale : float
        Of a cross-entropy; 0 is the system's own.

    Raises
    ------
    ValueError
        For differential detection where outputs are no pairs, and for pairs under another loss.
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
