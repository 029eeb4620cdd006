"""Forward-forward: every layer by itself tells samples that carry their own label from samples that carry a wrong one.

The label is written into the sample before it is encoded. A layer's goodness is the mean square of its outputs, g = <h^2>; it is to be above
a threshold tau for the right label and below it for a wrong one, ``log(1 + exp(-+ s (g / tau - 1)))``. Outputs are divided by their rms
before they go on, so that the next layer cannot read the goodness off their length. A sample is of the class whose label gives it the most
goodness. Nothing travels backwards between layers, and none need be known but its own derivative. Hinton, arXiv:2212.13345 (2022); with
optics between trainable layers: Oguz et al., arXiv:2305.19170 (2023).

The threshold is the running mean of the layer's goodness, so that it suits volts, currents and light alike.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from .. import _array, _launch, random
from .._array import Array, Key, Numbers
from .._checks import class_labels, real, shaped
from .._declared import Count, Positive, Range, Share
from .._gate import accepts_any
from .._updates import Derivative, gradients, joined
from ..communicator import added_up
from ..systems._encoding import ENCODED
from ..systems._samples import on_device
from ..systems.protocols import Staged
from .losses import Logits
from .metrics import Metrics
from .rule import Batch, Rule, State, Updates

THREADS, PARTS = 256, 64  # of a block, and of a sum, as in goodness.cuh


@accepts_any
def with_label(samples: Numbers, labels: Numbers, classes: int, level: float = 1.0, width: int = 1) -> Array:
    """Samples (batch, ...) with their label written over the first values, `width` for each class: `level` of full scale at its own, else 0.

    Full scale is 255 for uint8 and 1 otherwise.

    Raises
    ------
    ValueError
        For samples with fewer values and for other labels.
    """
    needed = _room(samples, classes, width)
    class_labels(labels, len(samples), classes)
    xp = _array.namespace(samples)
    out = xp.array(samples).reshape(len(samples), -1)
    full = 255 if samples.dtype == np.uint8 else 1
    out[:, :needed] = ((xp.arange(needed) // width == xp.asarray(labels)[:, None]) * (level * full)).astype(samples.dtype)
    return out.reshape(samples.shape)


def _room(samples: Array, classes: int, width: int) -> int:
    """How many values of a sample a label takes. Raises ValueError where there are fewer."""
    values, needed = int(np.prod(samples.shape[1:])), classes * width
    if samples.ndim < 2 or values < needed:
        wide = f" of width {width}" if width > 1 else ""
        raise ValueError(f"a label{wide} of {classes} classes is longer than a sample: it takes {needed} values, and there are {values}")
    return needed


@accepts_any
def goodness(outputs: Numbers) -> Array:
    """Mean square of a layer's outputs (batch, ...), for each sample (batch,), float64."""
    if not np.prod(real("outputs", outputs).shape[1:]):
        raise ValueError(f"outputs must be (batch, ...) with one value or more of each sample, got shape {outputs.shape}")
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    return (flat * flat).mean(axis=1)


@accepts_any
def forward_forward_loss(outputs: Numbers, positive: Numbers, threshold: float | Numbers, sharpness: float = 4.0) -> tuple[Array, Array]:
    """``log(1 + exp(-+ sharpness (g / threshold - 1)))`` of each sample (batch,), - where it is positive; and its cotangent by the outputs.

    Parameters
    ----------
    outputs : Array
        (batch, ...), real.
    positive : Array
        (batch,) booleans.
    threshold
        Goodness, a positive number or 0-d array.
    """
    shaped("positive", positive, len(outputs))
    xp = _array.namespace(outputs)
    logit = sharpness * (goodness(outputs) / threshold - 1)
    sign = xp.where(positive, -1.0, 1.0)
    slope = sign * sharpness / threshold / (1 + xp.exp(-sign * logit))  # of the loss by the goodness
    each = int(np.prod(outputs.shape[1:]))
    cotangent = (2 / each * slope).reshape(-1, *[1] * (outputs.ndim - 1)) * outputs
    return xp.logaddexp(0.0, sign * logit), cotangent.astype(outputs.dtype)


@accepts_any
def paired_loss(outputs: Numbers, threshold: float | Numbers, sharpness: float = 4.0) -> tuple[Array, Array]:
    """``log(1 + exp(-sharpness (g+ - g-) / threshold))`` of each pair (batch,); and its cotangent by the outputs.

    Parameters
    ----------
    outputs : Array
        (2 batch, ...), real: of the samples with their own label, then of the same with a wrong one. How good a sample is with any label, as a
        bright one is in optics, does not matter. Lee and Song, arXiv:2303.08418 (2023).

    Raises
    ------
    ValueError
        For an odd number.
    """
    n, odd = divmod(len(outputs), 2)
    if odd:
        raise ValueError(f"pairs need an even number of outputs, right ones and as many wrong ones, got {len(outputs)}")
    xp, g = _array.namespace(outputs), goodness(outputs)
    logit = sharpness * (g[:n] - g[n:]) / threshold
    slope = -sharpness / threshold / (1 + xp.exp(logit))  # of the loss by the goodness of the first
    each = int(np.prod(outputs.shape[1:]))
    cotangent = (2 / each * xp.concatenate([slope, -slope])).reshape(-1, *[1] * (outputs.ndim - 1)) * outputs
    return xp.logaddexp(0.0, -logit), cotangent.astype(outputs.dtype)


@accepts_any
@dataclass(frozen=True)
class ForwardForward(Rule):
    """The rule. Its state are the thresholds."""

    # each sample against the threshold, or with its own label against itself with a wrong one
    against: Literal["threshold", "pair"] = "threshold"
    sharpness: Positive = 4.0  # of the step from bad to good, per threshold of goodness
    level: Share = 1.0  # of the label that is written into a sample, of full scale
    width: Count = 1  # values of a sample that stand for a class; where one is little beside the rest of a sample, take more
    memory: Annotated[float, Range(ge=0, lt=1)] = 0.9  # of the threshold, from step to step
    last_counts: bool = True  # the goodness of the last stage in the answer too; where it has an output for each class, it knows little

    kind: ClassVar[str] = "forward-forward"
    functions: ClassVar[Mapping[str, str]] = {
        "learning.with_label": "", "learning.goodness": "", "learning.forward_forward_loss": "rule.against='threshold'",
        "learning.paired_loss": "rule.against='pair'",
    }  # fmt: skip
    needs: ClassVar[tuple[type, ...]] = (Staged,)
    encodes: ClassVar[bool] = True
    passes: ClassVar[int] = 2

    def init(self, system: Any, key: Key | None = None) -> State:
        super().init(system, key)
        if system.outputs < 2:
            raise ValueError(f"forward-forward tries each label: it needs two classes or more, with an output each, got {system.outputs}")
        return {"threshold": _array.namespace(*system.parameters.values()).zeros(system.stages)}  # 0: none yet

    def check_samples(self, system: Any, samples: Any) -> None:
        if not (_array.is_array(samples) and samples.ndim):
            raise TypeError("samples must be an array (batch, ...)")
        with_label(samples[:1], np.zeros(1, np.int64), system.outputs, self.level, self.width)

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        key = random.require_key(key, "wrong labels are random")
        shaped("threshold of the state", state["threshold"], system.stages)
        xp, stages = _array.namespace(*system.parameters.values()), system.stages
        before, thresholds = _array.contiguous(state["threshold"]), xp.empty(stages)
        found: dict[str, Derivative] = {}
        pairs: dict[int, _Pairs] = {}  # of this rank's shards, stage after stage: a threshold is of the whole batch

        def passed(part: Batch, l: int) -> Array:
            if not l:
                pairs[id(part)] = self._pairs(system, part, key)
            pair = pairs[id(part)]
            pair.outputs, pair.record = system.stage(l, pair.inputs, key, pair.index)
            pair.goodness, parts = _parts(pair.outputs)
            return parts

        def learn(pair: "_Pairs", l: int, parts: Array) -> Array:
            counts = 1 + (l > 0) if self._counts(l, system) else 0
            how = int(self.against == "pair"), float(self.sharpness), float(self.memory), 2 * len(batch), counts
            return pair.learn(l, *how, parts, before[l : l + 1], thresholds[l : l + 1])

        def learned(part: Batch, l: int, parts: Array) -> dict[str, Derivative]:
            pair = pairs[id(part)]
            derivatives: dict[str, Derivative] = system.stage_vjp(l, learn(pair, l, parts), pair.record)
            pair.record = None
            return derivatives

        for l in range(stages):
            parts = batch.sum(functools.partial(passed, l=l))
            if not pairs:  # of more ranks than shards: thresholds are known to all
                learn(_Pairs.none(xp, stages), l, parts)
            found = joined(found, batch.sum(functools.partial(learned, l=l, parts=parts)))
        sums = batch.sum(lambda part: pairs[id(part)].rated(self.against == "pair"))
        loss, rating = added_up(*(sums[l] for l in range(stages))), sums[stages]
        return gradients(found), {"threshold": thresholds}, {"loss": loss, "rating": rating}

    def _pairs(self, system: Any, part: Batch, key: Any) -> "_Pairs":
        """Samples with their own label, then the same with a wrong one, where the system is."""
        xp, n, classes = _array.namespace(*system.parameters.values()), len(part), system.outputs
        labels = xp.asarray(part.labels)
        numbers = part.index + np.arange(n) if np.ndim(part.index) == 0 else part.index
        index, samples = on_device(numbers, labels), xp.asarray(part.samples)
        own = random.fold_in(key, "wrong")
        if xp is np or samples.dtype not in ENCODED:
            drawn = random.words(own, (n, 1), sample=index)[:, 0] % (classes - 1)
            wrong = (labels + 1 + drawn.astype(np.int64)) % classes
            two = with_label(xp.concatenate([samples, samples]), xp.concatenate([labels, wrong]), classes, self.level, self.width)
            twice = xp.concatenate([index, index])
        else:
            two, twice = _with_labels(samples, labels, classes, self.level, self.width, own, index)
        each = n if self.against == "pair" else 2 * n
        return _Pairs(system.encode(two), twice, xp.empty((system.stages, each)), xp.empty(2 * n))

    def predict(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> Array:
        scores, tau = [], shaped("threshold of the state", state["threshold"], system.stages)
        tau = tau + (tau == 0)  # before the first step
        xp = _array.namespace(*system.parameters.values())
        samples, index = xp.asarray(batch.samples), on_device(batch.index, tau)
        for label in range(system.outputs):
            inputs, score = system.encode(with_label(samples, xp.full(len(batch), label), system.outputs, self.level, self.width)), 0.0
            for l in range(system.stages):
                outputs, _ = system.stage(l, inputs, key, index)
                if self._counts(l, system):
                    score = score + goodness(outputs) / tau[l]
                inputs = _level(outputs)
            scores.append(score)
        return self.sharpness * xp.stack(scores, axis=1)

    def _counts(self, stage: int, system: Any) -> bool:
        """Whether a stage has a say in the answer."""
        return self.last_counts or stage < system.stages - 1 or stage == 0

    def loss_on(self, system: Any) -> Any:
        return Logits(1.0)  # of the goodness that each label gives, as log chances


@dataclass
class _Pairs:
    """Pairs of a shard on their way through the stages: (2 samples, ...), those with the right label first."""

    inputs: Any  # of the next stage
    index: Any
    losses: Any  # (stages, one for each that is held against something)
    ratings: Any
    outputs: Any = None
    record: Any = None
    goodness: Any = None

    @classmethod
    def none(cls, xp: Any, stages: int) -> "_Pairs":
        """Those of no samples."""
        return cls(None, None, xp.empty((stages, 0)), xp.empty(0), xp.empty((0, 1)), None, xp.empty(0))

    def learn(
        self, l: int, pairs: int, sharpness: float, memory: float, batch: int, counts: int, parts: Array, before: Array, threshold: Array
    ) -> Array:
        """The cotangent of a stage's outputs, which make place for what enters the next one."""
        x, dtype, shape = _flat(self.outputs), self.outputs.dtype, self.outputs.shape
        xp, last = _array.namespace(x), l == len(self.losses) - 1
        cotangent, level = xp.empty(x.shape, x.dtype), None if last else xp.empty(x.shape, x.dtype)
        _launch.launch(
            "learning/goodness", "learn", x.dtype, *x.shape, pairs, sharpness, memory, batch, counts, x, self.goodness, parts, before,
            cotangent, level, self.losses[l], self.ratings, threshold, grid=(max(1, min(len(x), _launch.MAX_BLOCKS)),), block=(THREADS,),
        )  # fmt: skip
        self.outputs, self.inputs = None, None if level is None else level.reshape(shape).astype(dtype, copy=False)
        out: Array = cotangent.reshape(shape).astype(dtype, copy=False)
        return out

    def rated(self, pairs: bool) -> Array:
        """Losses of all stages (stages,), sums over the samples, and how many samples are right, in one array."""
        sums: Array = _array.namespace(self.losses).empty(len(self.losses) + 1)
        _launch.launch(
            "learning/goodness", "rate", np.float64, len(self.ratings), len(self.losses), int(pairs), self.losses, self.ratings, sums,
            block=(THREADS,),
        )  # fmt: skip
        return sums


def _flat(outputs: Array) -> Array:
    """A stage's outputs (batch, values), as kernels take them."""
    if not np.prod(real("outputs", outputs).shape[1:]):
        raise ValueError(f"outputs must be (batch, ...) with one value or more of each sample, got shape {outputs.shape}")
    x = outputs if outputs.dtype in (np.float32, np.float64) else _array.as_type(outputs, np.float64)
    return _array.contiguous(x.reshape(len(x), -1))


def _parts(outputs: Array) -> tuple[Array, Array]:
    """The goodness of each sample, and its sum in `PARTS` parts."""
    x, xp = _flat(outputs), _array.namespace(outputs)
    found, parts = xp.empty(len(x)), xp.empty(PARTS)
    _launch.launch("learning/goodness", "parts", x.dtype, *x.shape, x, found, parts, grid=(min(PARTS, _launch.MAX_BLOCKS),), block=(THREADS,))
    return found, parts


def _with_labels(samples: Array, labels: Array, classes: int, level: float, width: int, key: Any, index: Array) -> tuple[Array, Array]:
    """Samples twice, with their label and with a wrong one (`with_label`), which their numbers draw; and these twice."""
    _room(samples, classes, width)
    class_labels(labels, len(samples), classes)
    xp, n, full = _array.namespace(samples), len(samples), 255 if samples.dtype == np.uint8 else 1
    out, twice = xp.empty((2 * n, *samples.shape[1:]), samples.dtype), xp.empty(2 * n, np.int64)
    labels, index = (xp.ascontiguousarray(xp.asarray(a, np.int64)) for a in (labels, index))
    _launch.launch(
        "learning/goodness", "pairs", samples.dtype, n, int(np.prod(samples.shape[1:])), classes, width, float(level * full),
        *random.words_of(key, xp), index, labels, _array.contiguous(samples), out, twice, threads=out.size,
    )  # fmt: skip
    return out, twice


def _level(outputs: Array) -> Array:
    """Outputs with an rms of 1, as they go on: the next stage cannot read the goodness off their length."""
    rms = goodness(outputs) ** 0.5
    rms = rms.reshape(-1, *[1] * (outputs.ndim - 1)).astype(outputs.dtype)
    return outputs / _array.namespace(outputs).maximum(rms, np.finfo(outputs.dtype).tiny)


__all__ = ["ForwardForward", "forward_forward_loss", "goodness", "paired_loss", "with_label"]
