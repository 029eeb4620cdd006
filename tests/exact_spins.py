"""Laws and visits of small machines by their definitions, in float64: what samplers of spins are held against."""

from collections.abc import Callable, Sequence

import numpy as np


def law(states: np.ndarray, energy: Callable[[np.ndarray], float], beta: float) -> np.ndarray:
    """exp(-beta E) / Z of all states, (states,)."""
    log = np.array([-beta * energy(s) for s in states])
    weights = np.exp(log - log.max())
    return weights / weights.sum()


def visits(states: np.ndarray, chance: np.ndarray, nodes: Sequence[int]) -> np.ndarray:
    """Matrix P[state, next state] of drawing `nodes`, that do not feel each other, from their laws given all others."""
    matrix = np.ones((len(states), len(states)))
    for i in nodes:
        others = np.delete(states, i, axis=1)
        same = (others[:, None] == others[None]).all(axis=2)  # states that differ in node i alone
        given = same * chance[None]
        given /= given.sum(axis=1, keepdims=True)
        of_value = np.array([[given[s, states[:, i] == v].sum() for v in np.unique(states[:, i])] for s in range(len(states))])
        matrix *= of_value[:, np.searchsorted(np.unique(states[:, i]), states[:, i])]
    held = np.delete(states, list(nodes), axis=1)
    return matrix * (held[:, None] == held[None]).all(axis=2)


def balanced_sweep(states: np.ndarray, chance: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Matrix of visits of one colour after the other, each of which is seen to balance in detail."""
    whole = np.eye(len(states))
    for c in range(colours.max() + 1):
        matrix = visits(states, chance, np.flatnonzero(colours == c))
        flow = chance[:, None] * matrix
        assert np.allclose(flow, flow.T, rtol=1e-10, atol=0)
        whole = whole @ matrix
    return whole


def chi_square(found: np.ndarray, states: np.ndarray, chance: np.ndarray) -> tuple[float, int]:
    """Of the samples `found` against the chances of all states, those that are met less than five times together; and degrees of freedom."""
    place = {s.tobytes(): k for k, s in enumerate(states)}
    counts = np.bincount([place[s.tobytes()] for s in found], minlength=len(states))
    wanted = len(found) * chance
    rare = wanted < 5
    pairs = [*zip(counts[~rare], wanted[~rare], strict=True)]
    if wanted[rare].sum() >= 5:
        pairs.append((counts[rare].sum(), wanted[rare].sum()))
    return float(sum((n - w) ** 2 / w for n, w in pairs)), len(pairs) - 1
