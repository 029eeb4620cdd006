"""Hardware-aware training: the twin's parameters are shaken in every pass, so that what is learned bears the errors of devices.

W~ = W + N(0, (noise max|W|)^2), forward and back with W~, and the update goes to the clean W. Joshi et al., Nature Communications 11, 2473
(2020); Rasch et al., Nature Communications 14, 5282 (2023).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _array, random
from .._array import Array
from .._checks import real
from .._declared import Share
from .._gate import accepts_any
from .._updates import gradients
from ..systems.protocols import Modelled, replaced
from ..systems.writers import limits
from .in_silico import in_silico_gradient
from .metrics import Metrics
from .rule import Batch, State, Supervised, Updates


@accepts_any
def shaken(parameter: Array, noise: float, key: Any, low: float = -np.inf, high: float = np.inf) -> Array:
    """``W + N(0, (noise max|W|)^2)``, each element with a draw of its own, within low .. high. key : of `pnnkern.random`."""
    real("parameter", parameter)
    largest = _array.largest(_array.namespace(parameter).abs(parameter))
    size = (noise * largest.astype(np.float64)).astype(parameter.dtype)
    draws = random.normal(key, (1, parameter.size), dtype=parameter.dtype, like=parameter)
    noisy = parameter + size * draws.reshape(parameter.shape)
    return noisy if np.isneginf(low) and np.isposinf(high) else noisy.clip(low, high)


@accepts_any
@dataclass(frozen=True)
class HardwareAware(Supervised):
    """The rule: exact gradients of a twin with noisy parameters, kept within their bounds."""

    noise: Share = 0.04  # of the parameters, relative to the largest of each array

    kind: ClassVar[str] = "hardware-aware"
    needs: ClassVar[tuple[type, ...]] = (Modelled,)
    passes: ClassVar[int] = 0
    functions: ClassVar[Mapping[str, str]] = {"learning.shaken": "", "learning.in_silico_gradient": "on the shaken parameters"}

    def step(self, system: Any, state: State, batch: Batch, key: Any = None) -> tuple[Updates, State, Metrics]:
        random.require_key(key, "the noise of hardware-aware training is random")
        bounds = limits(system)
        noisy = {name: shaken(p, self.noise, random.fold_in(key, name), *bounds.get(name, ())) for name, p in system.parameters.items()}

        def share(part: Batch) -> tuple[Updates, Metrics]:
            found, metrics = in_silico_gradient(system, part.inputs, part.labels, self.loss_on(system))
            return gradients(found), metrics

        with replaced(system, noisy):
            updates, metrics = batch.sum(share)
        return updates, state, metrics
