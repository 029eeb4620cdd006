"""Learning in Boltzmann machines: statistics of the data against those of the model.

The gradient of -log likelihood is ``dE/dtheta`` averaged over data, less the same over the model: ``-(<v h>_data - <v h>_model)``.
Contrastive divergence takes for the model a few Gibbs steps from the data, which is no gradient of anything but works: Hinton, Neural
Computation 14, 1771 (2002). Persistent chains go on from where they were, and follow the model: Tieleman, ICML 2008.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array
from .._array import Array, Real
from .._gate import accepts_any
from .._updates import Derivative, Factors
from ..networks import boltzmann


@accepts_any
def contrastive_divergence(visible: Array, weights: Real, a: Real, b: Real, *, steps: int = 1, chains: Array | None = None, key: Any = None,
                           sample: Any = 0, step0: int = 0) -> tuple[dict[str, Derivative], Array]:  # fmt: skip
    """One update of a restricted machine: {"W": factors, "a": ..., "b": ...}, to be descended, and the visible units of the chains.

    visible : data (batch, visible), 0 and 1 or grey values. steps : of Gibbs sampling. chains : visible units (chains, visible) to go on
        from; None starts at the data, which is contrastive divergence. Hidden units enter by their chances given the visible ones.
    key, sample, step0 : of `boltzmann.gibbs`; of persistent chains `step0` counts all steps.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}: at 0 the model is the data")
    xp, dtype = _array.namespace(visible), weights.dtype
    boltzmann.check_units(weights, a, b, visible=visible, chains=chains)
    data = visible.astype(dtype, copy=False)
    model = boltzmann.gibbs(data if chains is None else chains, weights, a, b, steps=steps, key=key, sample=sample, step0=step0)
    of_data, of_model = (boltzmann.hidden_chance(v, weights, a, b) for v in (data, model))
    n, m = max(1, len(data)), max(1, len(model))
    factors = Factors(xp.concatenate([data, model]), xp.concatenate([of_data / -n, of_model / m]))
    updates = {
        "W": factors, "a": model.sum(axis=0) / m - data.sum(axis=0) / n, "b": of_model.sum(axis=0) / m - of_data.sum(axis=0) / n,
    }  # fmt: skip
    return updates, model


@accepts_any
@dataclass
class PersistentChains:
    """Persistent contrastive divergence: holds its chains between updates.

    visible : where the chains start, (chains, visible). steps : between two updates. done : steps so far.
    """

    visible: Array
    key: Any
    steps: int = 1
    done: int = 0

    def __post_init__(self) -> None:
        if not _array.is_array(self.visible) or self.visible.ndim != 2:
            got = getattr(self.visible, "shape", type(self.visible).__name__)
            raise ValueError(f"visible must be an array (chains, visible) where the chains start, got {got}")
        if self.key is None:
            raise ValueError("chains are random, which needs a key: key=pnnkern.random.key(seed)")

    def update(self, data: Array, weights: Real, a: Real, b: Real) -> dict[str, Derivative]:
        """The update for a batch of data; the chains move on."""
        updates, self.visible = contrastive_divergence(
            data, weights, a, b, steps=self.steps, chains=self.visible, key=self.key, step0=self.done
        )
        self.done += self.steps
        return updates


@accepts_any
def exact_gradient(visible: Array, weights: Real, a: Real, b: Real) -> tuple[float, dict[str, Array]]:
    """-log likelihood per sample and its gradient, by all states of the visible units (at most 20)."""
    boltzmann.check_units(weights, a, b, visible=visible)
    everything = (boltzmann.states(len(a)) + 1) // 2
    chance = np.exp(-boltzmann.free_energy(everything, weights, a, b) - boltzmann.log_partition(weights, a, b))
    of_data, of_model = (boltzmann.hidden_chance(v, weights, a, b) for v in (visible, everything.astype(weights.dtype)))
    loss = float(boltzmann.free_energy(visible, weights, a, b).mean() + boltzmann.log_partition(weights, a, b))
    n = len(visible)
    gradient = {
        "W": (everything * chance[:, None]).T @ of_model - visible.T @ of_data / n,
        "a": chance @ everything - visible.sum(axis=0) / n, "b": chance @ of_model - of_data.sum(axis=0) / n,
    }  # fmt: skip
    return loss, gradient


__all__ = ["PersistentChains", "contrastive_divergence", "exact_gradient"]
