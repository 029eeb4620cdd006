"""Restricted Boltzmann machines: conditionals, chains and likelihood against all states, and learning by contrastive divergence."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern.learning import boltzmann as learning
from pnnkern.networks import boltzmann
from pnnkern.testing import check_split

KEY = pnn.random.key(9)


def machine(rng: np.random.Generator, visible: int, hidden: int, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(rng.normal(0, 0.7, s).astype(dtype) for s in ((visible, hidden), visible, hidden))


def joint(W: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All (v, h) and exp(-E), term by term."""
    s = (boltzmann.states(len(a) + len(b)) + 1) // 2
    v, h = s[:, : len(a)], s[:, len(a) :]
    return v, h, np.exp(v @ a + h @ b + np.einsum("si,ij,sj->s", v, W, h))


def test_conditionals_and_partition(backend, rng: np.random.Generator) -> None:
    W, a, b = machine(rng, 4, 3)
    v, h, weight = joint(W, a, b)
    assert boltzmann.log_partition(W, a, b) == pytest.approx(np.log(weight.sum()))
    assert boltzmann.log_partition(W.T, b, a) == pytest.approx(np.log(weight.sum()))
    one = np.array([[1, 0, 1, 1]])
    mine = (v == one).all(axis=1)
    on = [backend.array(x) for x in (W, a, b)]
    chance = backend.numpy(boltzmann.hidden_chance(backend.array(one), *on))[0]
    assert np.allclose(chance, weight[mine] @ h[mine] / weight[mine].sum())
    assert backend.numpy(boltzmann.free_energy(backend.array(one), *on))[0] == pytest.approx(-np.log(weight[mine].sum()))
    other = np.array([[0, 1, 1]])
    mine = (h == other).all(axis=1)
    assert np.allclose(backend.numpy(boltzmann.visible_chance(backend.array(other), *on))[0], weight[mine] @ v[mine] / weight[mine].sum())


def test_chains_follow_the_model(rng: np.random.Generator) -> None:
    W, a, b = machine(rng, 4, 3, "float32")
    v, _, weight = joint(W, a, b)
    got = boltzmann.gibbs(np.zeros((20000, 4), "float32"), W, a, b, steps=30, key=KEY)
    exact = weight @ v / weight.sum()
    assert (np.abs(got.mean(axis=0) - exact) < 5 * np.sqrt(exact * (1 - exact) / 20000)).all()
    again = boltzmann.gibbs(boltzmann.gibbs(got[:9], W, a, b, steps=2, key=KEY), W, a, b, steps=1, key=KEY, step0=2)
    assert np.array_equal(again, boltzmann.gibbs(got[:9], W, a, b, steps=3, key=KEY))
    check_split(lambda x, key, sample: boltzmann.gibbs(x, W, a, b, steps=2, key=key, sample=sample), got[:7], key=KEY, sample=3)


def test_exact_gradient_is_the_slope_of_the_likelihood(rng: np.random.Generator) -> None:
    W, a, b = machine(rng, 4, 3)
    data = rng.integers(0, 2, (6, 4)).astype(float)

    def loss() -> float:
        v, _, weight = joint(W, a, b)
        return -np.mean([np.log(weight[(v == x).all(axis=1)].sum() / weight.sum()) for x in data])

    value, gradient = learning.exact_gradient(data, W, a, b)
    assert value == pytest.approx(loss())
    for name, p in (("W", W), ("a", a), ("b", b)):
        for i in np.ndindex(p.shape):
            ends = []
            for h in (1e-5, -1e-5):
                p[i] += h
                ends.append(loss())
                p[i] -= h
            assert gradient[name][i] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8)


def test_long_chains_give_the_gradient_and_short_ones_learn(rng: np.random.Generator) -> None:
    W, a, b = machine(rng, 4, 3)
    data = np.repeat(np.array([[1.0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]]), 3000, axis=0)
    updates, chains = learning.contrastive_divergence(data, W, a, b, steps=30, key=KEY)
    _, exact = learning.exact_gradient(data, W, a, b)
    assert chains.shape == data.shape
    for name, g in exact.items():
        got = updates[name].dense() if name == "W" else updates[name]
        assert np.abs(got - g).max() < 0.03
    small, start = data[::300], learning.exact_gradient(data, W, a, b)[0]
    for persistent in (False, True):
        w, u, c = W.copy(), a.copy(), b.copy()
        chains = small
        for n in range(300):
            if persistent:
                updates, chains = learning.contrastive_divergence(
                    small, w, u, c, steps=2, chains=chains, key=pnn.random.fold_in(KEY, 1), step0=2 * n
                )
            else:
                updates, _ = learning.contrastive_divergence(small, w, u, c, steps=1, key=pnn.random.fold_in(KEY, n))
            for p, g in ((w, updates["W"].dense()), (u, updates["a"]), (c, updates["b"])):
                p -= 0.1 * g
        assert learning.exact_gradient(data, w, u, c)[0] < start - 0.5


W, A, B, V = np.zeros((3, 2)), np.zeros(3), np.zeros(2), np.zeros((4, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: boltzmann.gibbs(V, W, A, B, steps=1), "needs a key"),
        (lambda: boltzmann.gibbs(V, W, A, B, steps=-1, key=KEY), "steps must be 0 or more"),
        (lambda: boltzmann.hidden_chance(V[:, :2], W, A, B), r"visible units must be \(batch, 3\)"),
        (lambda: boltzmann.visible_chance(V, W, A, B), r"hidden units must be \(batch, 2\)"),
        (lambda: boltzmann.hidden_chance(V, W, B, A), r"a must be \(3,\), got shape \(2,\)"),
        (lambda: boltzmann.hidden_chance(V, A, A, B), r"weights must be \(visible, hidden\)"),
        (lambda: learning.contrastive_divergence(V, W, A, B, steps=0, key=KEY), "at 0 the model is the data"),
        (lambda: boltzmann.log_partition(np.zeros((21, 22)), np.zeros(21), np.zeros(22)), "for 1 to 20 spins"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_layers_feel_the_derivative_of_their_energy(rng: np.random.Generator) -> None:
    """The contrast of layers, which Ising and Boltzmann machines share, by central differences of the energy written out."""
    one, two = ([rng.normal(size=(n, m)) for m in (3, 4, 2)] for n in (5, 7))
    weights, biases = [rng.normal(size=s) for s in ((3, 4), (4, 2))], [rng.normal(size=n) for n in (3, 4, 2)]

    def energy(units: list[np.ndarray]) -> float:
        pairs = sum(np.einsum("bi,ij,bj->", u, w, v) for u, w, v in zip(units[:-1], weights, units[1:], strict=True))
        return -float(pairs + sum((u @ b).sum() for u, b in zip(units, biases, strict=True)))

    factors, by_bias = pnn.networks.ising.layer_contrast(one, two, (0.5, 2.0))
    for p, got in zip([*weights, *biases], [*(f.dense() for f in factors), *by_bias], strict=True):
        for at in np.ndindex(p.shape):
            values, kept = [], p[at]
            for h in (1e-4, -1e-4):
                p[at] = kept + h
                values.append(2.0 * energy(two) - 0.5 * energy(one))
            p[at] = kept
            assert got[at] == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-7)
