"""Where the samples of a step come from: a data set on the host, or on the GPU that works on it, where a step gathers them by number.

On a GPU what tells one step from the next lies in its memory, too, and advances there: which samples are next, the learning rate, what Adam
corrects by, keys of random numbers. So nothing is copied at a step, and a step can be captured as a graph (`_capture`).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _array, _launch, random
from .._array import Array
from .._capture import CaptureError, StepKey
from ..systems._encoding import Encoding
from .pieces import Rows

SHARE = 4  # of a GPU's memory, one part in so many may be samples that live there
KEYS, FOLDS = 128, 7  # keys that a captured step may use, and how often it may fold its own to one
COLUMNS = 3  # of what is known of each step beforehand: the learning rate and Adam's two corrections


@dataclass
class Feed:
    """Samples (n, ...) and labels (n, ...), of which batches are taken; samples may be `pieces.Rows`, which are read as they are taken.

    system : whose parameters are where labels are wanted. Its `device_samples` says that it encodes samples of a GPU: then they all live
    there, if they fit, and a step copies nothing to it. Others get samples on the host.
    """

    samples: Any
    labels: np.ndarray
    system: Any
    there: tuple[Array, Array] | None = field(init=False, default=None)  # both on the GPU, if they live there

    def __post_init__(self) -> None:
        xp = self._xp
        if xp is np or not getattr(self.system, "device_samples", False) or isinstance(self.samples, Rows):
            return
        like = next(iter(self.system.parameters.values()))
        samples = self.samples.astype(np.float32) if self.samples.dtype == np.float16 else self.samples
        if samples.nbytes + self.labels.nbytes <= _array.memory(like) // SHARE:
            both = (xp.asarray(np.ascontiguousarray(array)) for array in (samples, self.labels))
            self.there = _array.on_all_streams(tuple(both))

    @property
    def _xp(self) -> Any:
        """NumPy or CuPy, as the system's parameters are."""
        return _array.namespace(*self.system.parameters.values())

    def piece(self, which: slice) -> tuple[Any, Array]:
        """Samples and labels that follow each other."""
        if self.there is None:
            return self.samples[which], self._xp.asarray(self.labels[which])
        samples, labels = self.there
        return samples[which], labels[which]

    def take(self, numbers: np.ndarray) -> tuple[Any, Array, np.ndarray]:
        """Samples, labels and numbers of a batch, from the host."""
        return self.samples[numbers], self._xp.asarray(self.labels[numbers]), numbers


class Progress:
    """How far training has come, in the memory of a GPU: an order of the samples, which of them is next, and losses that nobody has read.

    feed : whose samples live there. steps : most of an epoch. slots : steps whose losses may wait to be read. key : of all steps; that of a
    step is folded by its number.
    """

    def __init__(self, feed: Feed, steps: int, slots: int, key: np.ndarray) -> None:
        assert feed.there is not None
        xp = feed._xp
        self.samples, self.labels = feed.there
        of_labels = getattr(feed.system, "targets", lambda labels: xp.empty((len(labels), 0), np.uint8))
        self.targets: Array = of_labels(self.labels)  # what the system's outputs should be
        self.order = xp.empty(len(self.samples), np.int64)
        self.at = xp.zeros(3, np.int64)  # samples of this epoch that are behind, and steps; number of its first step
        self.known = xp.empty((steps, COLUMNS))  # of each step of this epoch
        self.now = xp.empty(COLUMNS)  # of this step
        self.found = xp.empty((slots, 2))  # losses and ratings, sums over a batch; that of a step of an epoch is number `step % slots`

        self.keys = Keys(key, xp)

    def begin(self, order: np.ndarray, known: Sequence[tuple[float, ...]], seen: int, step: int, first: int) -> None:
        """Go through the samples in this order, from number `seen` of it, which is that of a step of the epoch, whose first is number `first`
        of all."""
        self.order.set(order)
        self.known.set(np.array(known, np.float64))
        self.at.set(np.array([seen, step, first], np.int64))
        self.keys.begin(first + step)
        self.now.set(np.array(known[min(step, len(known) - 1)], np.float64))

    def take(self, count: int) -> tuple[Array, Array, Array]:
        """The next samples, with their labels and numbers."""
        xp = _array.namespace(self.order)
        samples, labels = (xp.empty((count, *rows.shape[1:]), rows.dtype) for rows in (self.samples, self.labels))
        index = xp.empty(count, np.int64)
        _launch.launch(
            "learning/samples", "gather", np.uint8, count, self.samples[:1].nbytes, self.labels[:1].nbytes, self.order, self.at,
            self.samples.view(np.uint8), self.labels.view(np.uint8), samples.view(np.uint8), labels.view(np.uint8), index,
            grid=(min(count, 65535),),
        )  # fmt: skip
        return samples, labels, index

    def take_encoded(self, count: int, encoding: Encoding) -> tuple[Array, Array, Array, Array | None]:
        """What enters the system for the next samples, with their labels, numbers and, where it has any, targets."""
        inputs, labels, index, targets = encoding.of_next(self.order, self.at, self.samples, self.labels, self.targets, count)
        return inputs, labels, index, targets if targets.size else None

    def advance(self, count: int, loss: Any, rating: Any) -> None:
        """So many samples are behind, with this loss and rating."""
        xp = _array.namespace(self.order)
        loss, rating = (xp.asarray(value, np.float64) for value in (loss, rating))
        _launch.launch(
            "learning/samples", "advance", np.float64, count, *self.known.shape, len(self.found), self.known, loss, rating, self.at, self.now,
            self.found, *self.keys.arguments, block=(KEYS,),
        )  # fmt: skip

    def read(self, step: int, count: int) -> np.ndarray:
        """Losses and ratings (2, count) of the last steps before number `step` of the epoch."""
        numbers = np.arange(step - count, step) % len(self.found)
        return _array.to_numpy(self.found)[numbers].T


class Keys:
    """Keys of the step that is next, in the memory of a GPU: of each path of purposes that a captured step has folded its key by.

    key : of all steps.
    """

    def __init__(self, key: np.ndarray, xp: Any) -> None:
        self.key, self.numbers = key, dict[tuple[int, ...], int]()
        self.paths = xp.zeros((KEYS, FOLDS + 1), np.uint64)  # how many purposes, and they
        self.now = xp.zeros((KEYS, 2), np.uint32)

    def of_step(self) -> StepKey:
        """What stands for the key of each step."""
        return StepKey(self._place)

    def begin(self, step: int) -> None:
        """Have the keys of this step there, by all paths that are known by now."""
        paths, now = np.zeros(self.paths.shape, np.uint64), np.zeros(self.now.shape, np.uint32)
        for path, number in self.numbers.items():
            paths[number, : len(path) + 1] = [len(path), *path]
            now[number] = functools.reduce(random.fold_in, path, random.fold_in(self.key, step))
        self.paths.set(paths)
        self.now.set(now)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """As the kernel takes them that makes the keys of the next step."""
        return len(self.numbers), FOLDS + 1, *random.words_of(self.key, np)[:2], self.paths, self.now

    def _place(self, path: tuple[int, ...]) -> Array:
        if len(path) > FOLDS or (path not in self.numbers and len(self.numbers) == KEYS):
            raise CaptureError(f"a step folds its key to more than {KEYS} keys, or more than {FOLDS} times")
        return self.now[self.numbers.setdefault(path, len(self.numbers))]


__all__ = ["COLUMNS", "Feed", "Keys", "Progress"]
