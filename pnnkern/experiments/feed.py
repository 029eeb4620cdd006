"""Where the samples of a step come from: a data set on the host, or on the GPU that works on it, where a step gathers them by number."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array

SHARE = 4  # of a GPU's memory, one part in so many may be samples that live there


@dataclass
class Feed:
    """Samples (n, ...) and labels (n, ...), of which batches are taken.

    system : whose parameters are where labels are wanted. Its `device_samples` says that it encodes samples of a GPU: then they all live
    there, if they fit, and a step copies nothing to it. Others get samples on the host.
    """

    samples: np.ndarray
    labels: np.ndarray
    system: Any
    _there: tuple[Array, Array] | None = field(init=False, default=None)
    _order: tuple[np.ndarray, Array] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        xp = self._xp
        if xp is np or not getattr(self.system, "device_samples", False):
            return
        like = next(iter(self.system.parameters.values()))
        samples = self.samples.astype(np.float32) if self.samples.dtype == np.float16 else self.samples
        if samples.nbytes + self.labels.nbytes <= _array.memory(like) // SHARE:
            self._there = _array.on_all_streams((xp.asarray(np.ascontiguousarray(samples)), xp.asarray(np.ascontiguousarray(self.labels))))

    @property
    def _xp(self) -> Any:
        """NumPy or CuPy, as the system's parameters are."""
        return _array.namespace(*self.system.parameters.values())

    def piece(self, which: slice) -> tuple[Any, Array]:
        """Samples and labels that follow each other."""
        if self._there is None:
            return self.samples[which], self._xp.asarray(self.labels[which])
        samples, labels = self._there
        return samples[which], labels[which]

    def take(self, order: np.ndarray, which: slice) -> tuple[Any, Array, Any]:
        """Samples, labels and numbers of a batch: those at `which` of an order of samples, int64.

        An order is copied to the GPU when it is first met, as long as it is the one array.
        """
        if self._there is None:
            numbers = order[which]
            return self.samples[numbers], self._xp.asarray(self.labels[numbers]), numbers
        xp, (samples, labels) = self._xp, self._there
        if self._order is None or self._order[0] is not order:
            self._order = order, xp.asarray(order)
        index = self._order[1][which]
        count = len(index)
        out, out_labels = (xp.empty((count, *rows.shape[1:]), rows.dtype) for rows in (samples, labels))
        _launch.launch(
            "learning/samples", "gather", np.uint8, count, samples[:1].nbytes, labels[:1].nbytes, index, samples.view(np.uint8),
            labels.view(np.uint8), out.view(np.uint8), out_labels.view(np.uint8), grid=(min(count, 65535),),
        )  # fmt: skip
        return out, out_labels, index


__all__ = ["Feed"]
