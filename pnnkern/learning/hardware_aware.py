"""Hardware-aware training: the twin's parameters are shaken in every pass, so that what is learned bears the errors of devices.

W~ = W + N(0, (noise max|W|)^2), forward and back with W~, and the update goes to the clean W. Joshi et al., Nature Communications 11, 2473
(2020); Rasch et al., Nature Communications 14, 5282 (2023).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _array, random
from .._array import Array
from .._gate import accepts_any
from ..systems.protocols import Modelled, Update, replaced, require
from ..systems.writers import limits
from .judged import Metrics, judged


@accepts_any
@dataclass(frozen=True)
class HardwareAware:
    """The rule: exact gradients of a twin with noisy parameters, kept within their bounds. noise : of the largest value of each array."""

    loss: Any
    noise: float = 0.04
    needs: ClassVar[tuple[type, ...]] = (Modelled,)
    passes: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if not 0 <= self.noise <= 1:
            raise ValueError(f"noise must be from 0 to 1 (of the largest value of each array), got {self.noise!r}")

    def step(
        self, system: Modelled, batch: tuple[Array, Array], key: Any = None, sample: Any = 0
    ) -> tuple[dict[str, Update], Metrics]:
        """Gradients {name: update} at one draw of the noise, by `key` (fold in the step), and metrics {"loss", "accuracy"}."""
        require(system, "hardware-aware training", *self.needs)
        if key is None:
            raise ValueError("the noise of hardware-aware training is random, which needs a key: key=pnnkern.random.key(seed)")
        bounds = limits(system)
        shaken = {name: self._shaken(p, random.fold_in(key, name), *bounds.get(name, ())) for name, p in system.parameters.items()}
        with replaced(system, shaken):
            outputs, record = system.forward_saving(batch[0])
            cotangent, metrics = judged(self.loss, outputs, batch[1])
            return system.vjp(cotangent, record), metrics

    def _shaken(self, parameter: Array, key: Any, low: float = -np.inf, high: float = np.inf) -> Array:
        largest = _array.largest(_array.namespace(parameter).abs(parameter))
        size = (self.noise * largest.astype(np.float64)).astype(parameter.dtype)
        draws = random.normal(key, (1, parameter.size), dtype=parameter.dtype, like=parameter)
        noisy = parameter + size * draws.reshape(parameter.shape)
        return noisy if np.isneginf(low) and np.isposinf(high) else noisy.clip(low, high)
