"""Parameter-exploring policy gradients (PEPG): a population is drawn around the parameters, and their mean and spread follow the better half.

theta = mu +- sigma z, z ~ N(0, 1), in symmetric pairs with losses L+ and L-. The gradient of the expected loss by mu is
``<(L+ - L-) / 2  z / sigma>``, and by log sigma ``<((L+ + L-) / 2 - b) (z^2 - 1)>`` with the population's mean loss b as baseline. No model is
needed, and nothing is read but the loss. Sehnke et al., Neural Networks 23, 551 (2010); on an optical network: Skalli et al.,
arXiv:2503.16943 (2025).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from .. import _array, _dense, random
from .._array import Array, Key, Numbers
from .._checks import floats, real
from .._declared import NotNegative, Range
from .._gate import accepts_any
from .._updates import Gradient
from ..systems.writers import limits
from .metrics import Metrics
from .perturbation import ZerothOrder, population_metrics
from .rule import Batch, State, Updates


@accepts_any
def pepg_gradients(losses: Numbers, draws: Numbers, sigma: Numbers) -> tuple[Array, Array]:
    """Estimated gradients of the expected loss, by mu and by log sigma, in the shape of the parameter.

    Parameters
    ----------
    losses : Array
        (2, pairs), of ``mu + sigma z`` and of ``mu - sigma z``.
    draws : Array
        Z (pairs, ...).
    sigma : Array
        (...), the parameter's shape.

    Raises
    ------
    ValueError
        For other shapes.

    Notes
    -----
    Both are means over the pairs.
    """
    if losses.ndim != 2 or losses.shape != (2, len(draws)) or draws.shape[1:] != sigma.shape:
        raise ValueError(
            f"losses must be (2, pairs), draws (pairs, ...) and sigma (...), got shapes {losses.shape}, {draws.shape} and {sigma.shape}"
        )
    draws = floats("draws", draws)
    half = ((real("losses", losses)[0] - losses[1]) / 2).astype(draws.dtype)
    mean = losses.mean(axis=0)
    above = (mean - mean.mean()).astype(draws.dtype)
    return _weighed(half, draws) / (len(draws) * sigma), _weighed(above, draws * draws - 1) / len(draws)


def _weighed(weights: Array, values: Array) -> Array:
    """The sum of weights (pairs,) times values (pairs, ...)."""
    return _dense.layer(weights[None], values.reshape(len(values), -1)).reshape(values.shape[1:])


@accepts_any
@dataclass(frozen=True)
class PEPG(ZerothOrder):
    """The rule. The mean goes down its gradient by the optimiser; the spread, which is the rule's state, by itself."""

    sigma: NotNegative = 0.0  # spread of every parameter at the start, in the parameters' unit; 0: the system's own
    pairs: Annotated[int, Range(ge=2, le=100_000)] = 8  # of members, mirror images of each other
    adapt: NotNegative = 0.05  # change of log sigma in a step, at most: for the gradient's largest element

    kind: ClassVar[str] = "pepg"
    functions: ClassVar[Mapping[str, str]] = {"learning.pepg_gradients": ""}
    natural: ClassVar[Mapping[str, str]] = {"sigma": "natural_step", "shrink": ""}

    def expected_cosine(self, parameters: int) -> float:
        """``sqrt(k / (k + n + 1))``: <|g|^2> is (k + n + 1) / k times that of the gradient, for k pairs and n parameters."""
        return (self.pairs / (self.pairs + parameters + 1)) ** 0.5

    @property
    def passes(self) -> int:
        """Physical passes per sample and step."""
        return 2 * self.pairs

    def init(self, system: Any, key: Key | None = None) -> State:
        super().init(system, key)
        sigma = self.fitted(system).sigma
        return {f"{name}.sigma": _array.namespace(p).full(p.shape, sigma, p.dtype) for name, p in system.parameters.items()}

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        key = random.require_key(key, "the population is random")
        parameters, loss, within, shrink = system.parameters, self.loss_on(system), limits(system), self.fitted(system).shrink
        xp = _array.namespace(*parameters.values())
        draws = {name: self._draws(random.fold_in(key, name), p) for name, p in parameters.items()}
        moved = {}
        for name, p in parameters.items():
            away = state[f"{name}.sigma"] * draws[name]
            moved[name] = xp.concatenate([p + away, p - away]).clip(*within.get(name, (-np.inf, np.inf)))
        losses, ratings = batch.sum(lambda part: population_metrics(system, loss, part, moved, random.fold_in(key, "noise")))
        updates: Updates = {}
        spread = {}
        for name in parameters:
            sigma = state[f"{name}.sigma"]
            by_mean, by_log_sigma = pepg_gradients(losses.reshape(2, -1), draws[name], sigma)
            updates[name] = Gradient(shrink * by_mean)
            largest = xp.abs(by_log_sigma).max()
            spread[f"{name}.sigma"] = sigma * xp.exp(-self.adapt * by_log_sigma / xp.maximum(largest, np.finfo(sigma.dtype).tiny))
        return updates, spread, {"loss": losses.mean(), "rating": ratings.mean()}

    def _draws(self, key: Any, parameter: Array) -> Array:
        """z for each pair and element: (pairs, *shape)."""
        draws = random.normal(key, (self.pairs, parameter.size), dtype=parameter.dtype, like=parameter)
        return draws.reshape(self.pairs, *parameter.shape)


__all__ = ["PEPG", "pepg_gradients"]
