"""Learning in Boltzmann machines: statistics of the data against those of the model.

The gradient of -log likelihood is ``dE/dtheta`` averaged over data, less the same over the model: ``-(<v h>_data - <v h>_model)``.
Contrastive divergence takes for the model a few Gibbs steps from the data, which is no gradient of anything but works: Hinton, Neural
Computation 14, 1771 (2002). Persistent chains go on from where they were, and follow the model: Tieleman, ICML 2008.
"""


import numpy as np

from .. import _array
from .._array import Array, Key, Numbers, Real, Sample
from .._gate import accepts_any
from .._updates import Derivative
from ..networks import boltzmann
from ..networks.ising import layer_contrast


@accepts_any
def contrastive_divergence(
    visible: Numbers, weights: Real, a: Real, b: Real, *, steps: int = 1, chains: Numbers | None = None, key: Key | None = None,
    sample: Sample = 0, step0: int = 0,
) -> tuple[dict[str, Derivative], Array]:  # fmt: skip
    """One update of a restricted machine: {"W": factors, "a": ..., "b": ...}, to be descended, and the visible units of the chains.

    Parameters
    ----------
    visible : Array
        Data (batch, visible), 0 and 1 or grey values.
    steps : int
        Of Gibbs sampling.
    chains : Array | None
        Visible units (chains, visible) to go on from, those of the last update for persistent chains; None starts at the data, which is
        contrastive divergence. Hidden units enter by their chances given the visible ones.
    key, sample, step0
        Of `boltzmann.gibbs`; of persistent chains `step0` counts all steps.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}: at 0 the model is the data")
    dtype = weights.dtype
    boltzmann.check_units(weights, a, b, visible=visible, chains=chains)
    data = _array.as_type(visible, dtype, copy=False)
    model = boltzmann.gibbs(data if chains is None else chains, weights, a, b, steps=steps, key=key, sample=sample, step0=step0)
    of_model, of_data = ((v, boltzmann.hidden_chance(v, weights, a, b)) for v in (model, data))
    (factors,), (by_a, by_b) = layer_contrast(of_model, of_data, (1 / max(1, len(model)), 1 / max(1, len(data))))
    return {"W": factors, "a": by_a, "b": by_b}, model


@accepts_any
def exact_gradient(visible: Numbers, weights: Real, a: Real, b: Real) -> tuple[float, dict[str, Array]]:
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


__all__ = ["contrastive_divergence", "exact_gradient"]
