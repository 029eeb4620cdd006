"""How strongly states answer parameters that move: what a rule that moves parameters while states settle must stay below."""

from typing import Any

import numpy as np

from .. import _array, random
from .._array import Array, Numbers
from .._updates import dense
from ..systems.protocols import replaced
from ..systems.writers import limits

ROUNDS = 8  # of the power iteration
SMALL = 1e-2  # of the parameters, how far they are moved
SHARE = 0.2  # of the largest rate, for one that is not given: a step is a tenth off, and batches differ


def rate_within(given: float, most: float) -> float:
    """The rate that is given, or for 0 a share of the largest at which moves die out. Raises ValueError for one that is not below that."""
    if given and given >= most:
        raise ValueError(
            f"rate={given:g} is too large: parameters and states would move each other without end, it must stay below {most:.3g} here"
        )
    return given or SHARE * most


def curvature(system: Any, inputs: Numbers) -> float:
    """The largest -d2F/dtheta2, F(theta) the mean energy of the free equilibria of a batch: how fast dE/dtheta falls as parameters rise.

    By power iteration, from equilibria at moved parameters. In units of the energy over the parameter's squared.
    """
    key, count, within = random.key(0), max(1, len(inputs)), limits(system)
    start = dict(system.parameters)
    size = SMALL * _length(start)
    away: dict[str, Array] = {
        name: random.normal(random.fold_in(key, name), (1, p.size), dtype=p.dtype, like=p).reshape(p.shape) for name, p in start.items()
    }
    free, found = system.relax(inputs, key=key), 0.0
    for _ in range(ROUNDS):
        scale = size / _length(away)
        moved = {name: (p + (scale * away[name]).astype(p.dtype)).clip(*within.get(name, (-np.inf, np.inf))) for name, p in start.items()}
        with replaced(system, moved):
            there = system.relax(inputs, key=key)
            away = {name: dense(d) / -count for name, d in system.contrast_between(free, 0, there, 0).items()}
        found = _length(away) / _length({name: moved[name] - p for name, p in start.items()})
        if not found:
            raise ValueError("no rate can be found for this system: its states do not answer its parameters")
    return found


def _length(arrays: dict[str, Array]) -> float:
    """Euclidean, of all arrays together."""
    return sum(float((_array.to_numpy(x).astype(np.float64) ** 2).sum()) for x in arrays.values()) ** 0.5


__all__ = ["curvature", "rate_within"]
