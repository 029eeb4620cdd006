"""Zeroth-order rules: the loss is measured at perturbed parameters, and nothing else is known.

Simultaneous perturbation (SPSA): all parameters move at once by +-c, at random, and back by as much:
``g_i = (L(theta + c D) - L(theta - c D)) / (2 c D_i)``, D_i = +-1. Spall, IEEE Trans. Automatic Control 37, 332 (1992). Its mean is the
gradient up to c^2, its variance grows with the number of parameters. At a bound a parameter is perturbed to one side only, by an error of
order c there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers
from .._checks import real
from .._declared import NotNegative, Share, Turns
from .._gate import accepts_any
from .._updates import Gradient
from ..systems.protocols import Measurable
from ..systems.writers import limits
from .metrics import Metrics, metrics
from .rule import Batch, State, Supervised, Updates


@accepts_any
def both_ways(parameter: Numbers, moves: Numbers, low: float = -np.inf, high: float = np.inf) -> tuple[Array, Array]:
    """``parameter + move`` for all moves, then ``parameter - move``, kept within low .. high; and how far the two lie apart.

    Parameters
    ----------
    parameter : Array
        (...).
    moves : Array
        (directions, ...).

    Returns
    -------
    tuple[Array, Array]
        (2 directions, ...) and (directions, ...). At a bound a parameter moves to one side only.
    """
    xp = _array.namespace(parameter)
    there = xp.concatenate([parameter + moves, parameter - moves])
    kept = there.clip(low, high)
    cut = (kept != there).reshape(2, *moves.shape).any(axis=0)
    return kept, xp.where(cut, kept[: len(moves)] - kept[len(moves) :], 2 * moves)


def population_metrics(system: Measurable, loss: Any, batch: Batch, members: dict[str, Array], key: Key) -> tuple[Array, Array]:
    """Losses and ratings of a population, (members,), sums over the batch; members : parameters with a first axis."""
    outputs = system.forward_population(batch.inputs, members, key, batch.index)
    found = [metrics(loss, member, batch.labels) for member in outputs]
    xp = _array.namespace(outputs)
    return xp.stack([one["loss"] for one in found]), xp.stack([one["rating"] for one in found])


@accepts_any
def spsa_gradient(change: Numbers, apart: Numbers) -> Array:
    """``sum over directions of change / apart``: the estimate of the gradient; 0 for a parameter that could not move.

    Parameters
    ----------
    change : Array
        (directions,), by how much the loss is larger at the one end.
    apart : Array
        (directions, ...), how far the ends lie apart.
    """
    xp = _array.namespace(apart)
    real("change", change)
    still = xp.equal(apart, 0)
    each = xp.where(still, 0.0, _array.as_type(change, apart.dtype).reshape(-1, *[1] * (apart.ndim - 1)) / xp.where(still, 1.0, apart))
    return each.sum(axis=0).astype(apart.dtype)


@accepts_any
@dataclass(frozen=True)
class ZerothOrder(Supervised):
    """Base of rules that estimate gradients from losses alone, at random.

    Where there are many parameters an estimate is nearly at right angles to the gradient and many times as long, too long for a learning rate
    that suits the gradient. It is multiplied by the cosine between the two, which makes it as long.
    """

    shrink: Share = field(default=0.0, kw_only=True)  # factor on the estimate; 0: its expected cosine with the gradient; 1: no bias

    needs: ClassVar[tuple[type, ...]] = (Measurable,)

    def fitted(self, system: Any, batch: Batch | None = None) -> Self:
        rule = super().fitted(system, batch)
        if rule.shrink:
            return rule
        return replace(rule, shrink=float(rule.expected_cosine(sum(p.size for p in system.parameters.values()))))

    def expected_cosine(self, parameters: int) -> float:
        """Cosine of the estimate with the gradient, of so many parameters, from their mean squares."""
        raise NotImplementedError(f"{type(self).__name__} does not say how good its estimate is")


@accepts_any
@dataclass(frozen=True)
class SPSA(ZerothOrder):
    """The rule."""

    c: NotNegative = 0.0  # size of the perturbation, in the parameters' unit; 0: the system's own
    directions: Turns = 1  # pairs of passes to average over

    kind: ClassVar[str] = "spsa"
    functions: ClassVar[Mapping[str, str]] = {"learning.both_ways": "", "learning.spsa_gradient": ""}
    natural: ClassVar[Mapping[str, str]] = {"c": "natural_step", "shrink": ""}

    def expected_cosine(self, parameters: int) -> float:
        """``sqrt(k / (k + n - 1))``: <|g|^2> is (k + n - 1) / k times that of the gradient, for k directions and n parameters."""
        return (self.directions / (self.directions + parameters - 1)) ** 0.5

    @property
    def passes(self) -> int:
        """Physical passes per sample and step."""
        return 2 * self.directions

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        key = random.require_key(key, "the perturbations are random")
        parameters, loss, within, rule = system.parameters, self.loss_on(system), limits(system), self.fitted(system)
        moved, apart = {}, {}
        for name, p in parameters.items():
            moves = rule.c * self._signs(random.fold_in(key, name), p)
            moved[name], apart[name] = both_ways(p, moves, *within.get(name, ()))
        losses, ratings = batch.sum(lambda part: population_metrics(system, loss, part, moved, random.fold_in(key, "noise")))
        change = rule.shrink * (losses[: self.directions] - losses[self.directions :]) / self.directions
        updates: Updates = {name: Gradient(spsa_gradient(change, apart[name])) for name in parameters}
        return updates, state, {"loss": losses.mean(), "rating": ratings.mean()}

    def _signs(self, key: Any, parameter: Array) -> Array:
        """+-1 for each direction and element: (directions, *shape)."""
        bits = random.bernoulli(key, 0.5, (self.directions, parameter.size), like=parameter)
        return (2 * bits.reshape(self.directions, *parameter.shape).astype(parameter.dtype) - 1).astype(parameter.dtype)
