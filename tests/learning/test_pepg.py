"""PEPG: its estimates against the closed form on a quadratic loss, its life, and that it learns."""

import numpy as np
import pytest
from toy_system import TwoLayers, clouds

from pnnkern import random
from pnnkern.learning import PEPG, Adam, Batch, one_step, pepg_gradients
from pnnkern.systems import writers

KEY = random.key(3)


def test_estimates_are_unbiased_on_a_quadratic() -> None:
    # L(theta) = (theta - a)^T H (theta - a) / 2, theta = mu + sigma z: dE/dmu = H (mu - a), dE/dlog sigma = sigma^2 diag H, exactly
    dice = np.random.default_rng(0)
    n, pairs, repeats = 4, 16, 4000
    H = np.diag([1.0, 2.0, 0.5, 3.0]) + 0.3
    a, mu, sigma = dice.normal(size=n), dice.normal(size=n), np.array([0.3, 0.2, 0.5, 0.1])
    found = []
    for r in range(repeats):
        z = random.normal(random.fold_in(KEY, r), (pairs, n), dtype=np.float64)
        loss = np.stack([np.einsum("pi,ij,pj->p", d, H, d) / 2 for d in (mu + sigma * z - a, mu - sigma * z - a)])
        found.append(pepg_gradients(loss, z, sigma))
    by_mean, by_log_sigma = (np.array(part) for part in zip(*found, strict=True))
    # the baseline is the population's own mean, which takes 1 / pairs of the second estimate
    for got, right in ((by_mean, H @ (mu - a)), (by_log_sigma, sigma**2 * np.diag(H) * (1 - 1 / pairs))):
        off = (got.mean(axis=0) - right) / (got.std(axis=0, ddof=1) / np.sqrt(repeats))
        assert (off**2).sum() < 23.5  # chi-square of 4 degrees of freedom at p = 1e-4


def test_the_state_is_a_spread_for_every_parameter_and_moves() -> None:
    system = TwoLayers()
    rule = PEPG(sigma=0.1, pairs=4)
    state = rule.init(system, KEY)
    assert {name: s.shape for name, s in state.items()} == {"W1.sigma": (6, 8), "W2.sigma": (8, 3)}
    assert all((s == 0.1).all() for s in state.values())
    x, y = clouds(20)
    _, after, metrics = rule.step(system, state, Batch(x, y), KEY)
    assert all((after[name] != state[name]).any() and (after[name] > 0).all() for name in state)
    assert set(metrics) == {"loss", "rating"}


def test_it_learns_by_measured_losses_alone(backend: object) -> None:
    system, optimizer = TwoLayers(noise=0.01), Adam()
    x, y = clouds(60)
    rule = PEPG("cross-entropy", scale=5.0, sigma=0.1, pairs=16)
    state, losses = rule.init(system, KEY), []
    for step in range(120):
        updates, state, metrics = rule.step(system, state, Batch(x, y), random.fold_in(KEY, step))
        writers.apply(system, updates, optimizer, 0.03, len(y))
        losses.append(float(metrics["loss"]) / len(y))
    assert losses[-1] < 0.4 * losses[0]
    assert float(metrics["rating"]) / len(y) > 0.9


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"pairs of PEPG must be a finite number >= 2 and <= 100000, got 1"):
        PEPG(pairs=1)
    x, y = clouds(4)
    with pytest.raises(ValueError, match="the population is random, which needs a key"):
        one_step(PEPG(), TwoLayers(), Batch(x, y))
    with pytest.raises(ValueError, match=r"losses must be \(2, pairs\)"):
        pepg_gradients(np.ones((2, 3)), np.ones((4, 5)), np.ones(5))
