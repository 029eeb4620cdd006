"""Zeroth-order rules: the loss is measured at perturbed parameters, and nothing else is known.

Simultaneous perturbation (SPSA): all parameters move at once by +-c, at random, and back by as much:
``g_i = (L(theta + c D) - L(theta - c D)) / (2 c D_i)``, D_i = +-1. Spall, IEEE Trans. Automatic Control 37, 332 (1992). Its mean is the
gradient up to c^2, its variance grows with the number of parameters.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _array, random
from .._array import Array
from .._gate import accepts_any
from ..systems.protocols import Measurable, Update, require
from .judged import Metrics, judged


@accepts_any
@dataclass(frozen=True)
class SPSA:
    """The rule. c : size of the perturbation, in the parameters' unit. directions : pairs of passes to average over."""

    loss: Any
    c: float = 0.05
    directions: int = 1
    needs: ClassVar[tuple[type, ...]] = (Measurable,)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.c) and self.c > 0):
            raise ValueError(f"c must be positive, got {self.c!r}")
        if self.directions < 1:
            raise ValueError(f"directions must be at least 1, got {self.directions}")

    @property
    def passes(self) -> int:
        """Physical passes per sample and step."""
        return 2 * self.directions

    def step(
        self, system: Measurable, batch: tuple[Array, Array], key: Any = None, sample: Any = 0
    ) -> tuple[dict[str, Update], Metrics]:
        """Estimated gradients {name: update} of the mean loss over the batch (inputs, labels), and metrics {"loss", "accuracy"}.

        key : draws the perturbations (fold in the step), and the system's noise.
        """
        require(system, "simultaneous perturbation", *self.needs)
        if key is None:
            raise ValueError("the perturbations are random, which needs a key: key=pnnkern.random.key(seed)")
        parameters = system.parameters
        signs = {name: self._signs(random.fold_in(key, name), p) for name, p in parameters.items()}
        xp = _array.namespace(*parameters.values())
        moved = {name: xp.concatenate([parameters[name] + self.c * D, parameters[name] - self.c * D]) for name, D in signs.items()}
        outputs = system.forward_population(batch[0], moved, random.fold_in(key, "noise"), sample)
        found = [judged(self.loss, member, batch[1])[1] for member in outputs]
        metrics = {name: xp.stack([one[name] for one in found]) for name in ("loss", "accuracy")}
        up, down = metrics["loss"][: self.directions], metrics["loss"][self.directions :]
        slopes = (up - down) / (2 * self.c * self.directions)
        updates = {name: sum(s * d for s, d in zip(slopes.astype(D.dtype), D, strict=True)) for name, D in signs.items()}
        return updates, {name: values.mean() for name, values in metrics.items()}

    def _signs(self, key: Any, parameter: Array) -> Array:
        """+-1 for each direction and element: (directions, *shape)."""
        bits = random.bernoulli(key, 0.5, (self.directions, parameter.size), like=parameter)
        return (2 * bits.reshape(self.directions, *parameter.shape).astype(parameter.dtype) - 1).astype(parameter.dtype)
