"""Estimates of gradients from losses alone: what moves, and what is made of two losses."""

import numpy as np

from pnnkern.learning import both_ways, spsa_gradient


def test_both_ways_keep_to_the_bounds(backend) -> None:
    """By hand: free on both sides, one-sided at the lower bound, cut at the upper one."""
    p, m = np.array([0.5, 0.0, 0.9]), np.array([[0.2, 0.1, 0.3], [-0.1, -0.4, 0.05]])
    parameter, moves = backend.array(p), backend.array(m)
    there, apart = (backend.numpy(a) for a in both_ways(parameter, moves, 0.0, 1.0))
    np.testing.assert_allclose(there, [[0.7, 0.1, 1.0], [0.4, 0.0, 0.95], [0.3, 0.0, 0.6], [0.6, 0.4, 0.85]], atol=1e-15)
    np.testing.assert_allclose(apart, [[0.4, 0.1, 0.4], [-0.2, -0.4, 0.1]], atol=1e-15)
    there, apart = (backend.numpy(a) for a in both_ways(parameter, moves))
    np.testing.assert_array_equal(there, np.concatenate([p + m, p - m]))
    np.testing.assert_array_equal(apart, 2 * m)


def test_one_direction_for_each_parameter_gives_the_gradient(backend, rng: np.random.Generator) -> None:
    """Of a loss that is linear, exactly; and 0 where a parameter could not move."""
    slope, steps = rng.normal(size=(3, 2)), rng.uniform(0.1, 0.3, 6)
    apart = np.zeros((6, 3, 2))
    apart.reshape(6, 6)[np.arange(6), np.arange(6)] = steps
    change = np.array([(slope * a).sum() for a in apart])
    found = backend.numpy(spsa_gradient(backend.array(change), backend.array(apart)))
    np.testing.assert_allclose(found, slope, rtol=1e-14)
    apart[2] = 0
    found = backend.numpy(spsa_gradient(backend.array(change), backend.array(apart)))
    assert found.ravel()[2] == 0
    np.testing.assert_allclose(np.delete(found.ravel(), 2), np.delete(slope.ravel(), 2), rtol=1e-14)


def test_signs_at_random_are_right_in_the_mean(rng: np.random.Generator) -> None:
    """Spall 1992: with moves of one size and sign at random the estimate's mean is the gradient."""
    slope = np.array([1.0, -2.0, 0.5, 3.0])
    apart = 0.02 * np.sign(rng.normal(size=(40_000, 4)))
    each = spsa_gradient(apart @ slope, apart) / len(apart)
    np.testing.assert_allclose(each, slope, atol=4 * np.sqrt((slope**2).sum() / len(apart)))
