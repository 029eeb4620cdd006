"""Zeroth-order rules: the loss is measured at perturbed parameters, and nothing else is known.

Simultaneous perturbation (SPSA): all parameters move at once by +-c, at random, and back by as much:
``g_i = (L(theta + c D) - L(theta - c D)) / (2 c D_i)``, D_i = +-1. Spall, IEEE Trans. Automatic Control 37, 332 (1992). Its mean is the
gradient up to c^2, its variance grows with the number of parameters.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from .. import _array, random
from .._array import Array
from .._declared import Positive, Turns
from .._gate import accepts_any
from .._updates import Gradient
from ..systems.protocols import Measurable
from .metrics import Metrics, metrics
from .rule import Batch, State, Supervised, Updates


@accepts_any
@dataclass(frozen=True)
class SPSA(Supervised):
    """The rule."""

    c: Positive = 0.05  # size of the perturbation, in the parameters' unit
    directions: Turns = 1  # pairs of passes to average over

    kind: ClassVar[str] = "spsa"
    needs: ClassVar[tuple[type, ...]] = (Measurable,)

    @property
    def passes(self) -> int:
        """Physical passes per sample and step."""
        return 2 * self.directions

    def step(self, system: Any, state: State, batch: Batch, key: Any = None) -> tuple[Updates, State, Metrics]:
        random.needed(key, "the perturbations are random")
        parameters, loss = system.parameters, self.loss_on(system)
        signs = {name: self._signs(random.fold_in(key, name), p) for name, p in parameters.items()}
        xp = _array.namespace(*parameters.values())
        moved = {name: xp.concatenate([parameters[name] + self.c * D, parameters[name] - self.c * D]) for name, D in signs.items()}
        outputs = system.forward_population(batch.inputs, moved, random.fold_in(key, "noise"), batch.index)
        found = [metrics(loss, member, batch.labels) for member in outputs]
        losses, ratings = (xp.stack([one[name] for one in found]) for name in ("loss", "rating"))
        slopes = (losses[: self.directions] - losses[self.directions :]) / (2 * self.c * self.directions)
        updates: Updates = {
            name: Gradient(sum(s * d for s, d in zip(slopes.astype(D.dtype), D, strict=True))) for name, D in signs.items()
        }
        return updates, state, {"loss": losses.mean(), "rating": ratings.mean()}

    def _signs(self, key: Any, parameter: Array) -> Array:
        """+-1 for each direction and element: (directions, *shape)."""
        bits = random.bernoulli(key, 0.5, (self.directions, parameter.size), like=parameter)
        return (2 * bits.reshape(self.directions, *parameter.shape).astype(parameter.dtype) - 1).astype(parameter.dtype)
