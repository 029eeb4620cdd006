"""Hardware-aware training: the twin's parameters are shaken in every pass, so that what is learned bears the errors of devices.

W~ = W + N(0, (noise max|W|)^2), forward and back with W~, and the update goes to the clean W. Joshi et al., Nature Communications 11, 2473
(2020); Rasch et al., Nature Communications 14, 5282 (2023).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _array, _constants, _launch, random
from .._array import Array, Key, Numbers
from .._checks import real
from .._declared import Share
from .._gate import accepts_any
from .._updates import gradients
from ..systems.protocols import Modelled, replaced
from ..systems.writers import limits
from .in_silico import in_silico_gradient
from .metrics import Metrics
from .optimizers import EIGHT, FREE, eights
from .rule import Batch, State, Supervised, Updates

PARTS = 64  # blocks that look for the largest value of an array, as in shake.cuh


@accepts_any
def shaken(parameter: Numbers, noise: float, key: Key, low: float = -np.inf, high: float = np.inf) -> Array:
    """``W + N(0, (noise max|W|)^2)``, each element with a draw of its own, within low .. high.

    Parameters
    ----------
    key
        Of `pnnkern.random`.
    """
    return _shaken({"parameter": parameter}, noise, key, {"parameter": (low, high)}, None)["parameter"]


def _shaken(
    parameters: Mapping[str, Array], noise: float, key: Any, bounds: Mapping[str, tuple[float, float]], purposes: Mapping[str, str] | None
) -> dict[str, Array]:
    """All parameters `shaken` within their bounds, each by the key for a purpose of its own: two launches for each eight of one kind."""
    noisy: dict[str, Array] = {}
    for name, p in parameters.items():
        random._real(real(name, p).dtype)
    for names in eights(parameters):
        arrays = [_array.contiguous(parameters[name]) for name in names]
        like, xp, none = arrays[0], _array.namespace(arrays[0]), [None] * (EIGHT - len(names))
        out, parts = [xp.empty(p.shape, p.dtype) for p in arrays], xp.empty(len(names) * PARTS, like.dtype)
        sizes = _constants.constant([p.size for p in arrays], np.int64, like)
        limits = _constants.constant([bounds.get(name, FREE) for name in names], np.float64, like)
        each = purposes and _constants.constant([random.purpose(purposes[name]) for name in names], np.uint64, like)
        _launch.launch("learning/shake", "largest", like.dtype, len(names), sizes, *arrays, *none, parts, grid=(PARTS, len(names)))
        blocks = min(-(-max(p.size for p in arrays) // (4 * _launch.BLOCK)) or 1, _launch.MAX_BLOCKS)
        _launch.launch(
            "learning/shake", "add", like.dtype, len(names), sizes, limits, float(noise), *random.words_of(key, xp), each, parts, *arrays,
            *none, *out, *none, grid=(blocks, len(names)),
        )  # fmt: skip
        noisy |= zip(names, out, strict=True)
    return {name: noisy[name] for name in parameters}


@accepts_any
@dataclass(frozen=True)
class HardwareAware(Supervised):
    """The rule: exact gradients of a twin with noisy parameters, kept within their bounds."""

    noise: Share = 0.04  # of the parameters, relative to the largest of each array

    kind: ClassVar[str] = "hardware-aware"
    needs: ClassVar[tuple[type, ...]] = (Modelled,)
    passes: ClassVar[int] = 0
    functions: ClassVar[Mapping[str, str]] = {"learning.shaken": "", "learning.in_silico_gradient": "on the shaken parameters"}

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        key = random.require_key(key, "the noise of hardware-aware training is random")
        bounds = limits(system)
        noisy = _shaken(system.parameters, self.noise, key, bounds, {name: name for name in system.parameters})

        def share(part: Batch) -> tuple[Updates, Metrics]:
            found, metrics = in_silico_gradient(system, part.inputs, part.labels, self.loss_on(system))
            return gradients(found), metrics

        with replaced(system, noisy):
            updates, metrics = batch.sum(share)
        return updates, state, metrics
