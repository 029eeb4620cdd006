"""Restricted Boltzmann machines: conditionals, chains and likelihood against all states, and learning by contrastive divergence."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import _launch
from pnnkern._errors import FaultError
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


def plain_chain(drive, W, b, field, sweeps: int, settle: int, sample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps in float64, with draws of `pnnkern.random`, unit by unit and class by class."""
    batch, classes = len(drive), len(b)

    def classes_of(chance, key):
        u = pnn.random.uniform(key, (batch, 1), sample=sample)
        return np.eye(classes)[(u >= chance.cumsum(axis=1)[:, :-1]).sum(axis=1)]

    y, drawn, given, mean = classes_of(np.full((batch, classes), 1 / classes), pnn.random.fold_in(KEY, "start")), [], [], 0
    for n in range(settle + sweeps):
        own = pnn.random.fold_in(KEY, n)
        chance = 1 / (1 + np.exp(-(drive + y @ W.T)))
        h = pnn.random.bernoulli(pnn.random.fold_in(own, "hidden"), chance, sample=sample)
        score = np.exp(h @ W + b + field)
        of_classes = score / score.sum(axis=1, keepdims=True)
        if n >= settle:
            drawn.append(y)
            given.append(chance)
            mean = mean + of_classes / sweeps
        y = classes_of(of_classes, pnn.random.fold_in(own, "classes"))
    return np.array(drawn), np.array(given), mean


# more hidden units than threads, classes than warps, a rest of a quad, one of each, few threads and all weights in global memory
CHAINS = [(3, 300, 11, 4, 2), (5, 37, 10, 3, 0), (1, 1, 1, 1, 1), (2, 6, 2, 5, 7), (2, 33, 70, 2, 1)]


@pytest.mark.parametrize(("batch", "hidden", "classes", "sweeps", "settle"), CHAINS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("fields", [True, False])
def test_chains_of_classes(backend, batch, hidden, classes, sweeps, settle, dtype, kept, fields, rng, monkeypatch) -> None:
    if not kept:
        monkeypatch.setattr(_launch, "shared_limit", lambda like: 0)
    drive, W, b, field = (rng.normal(size=shape).astype(dtype) for shape in ((batch, hidden), (hidden, classes), classes, (batch, classes)))
    field, sample = field if fields else 0 * field, 2**40 + rng.permutation(batch)
    on = [backend.array(a) for a in (drive, W, b)]
    how = {"sweeps": sweeps, "settle": settle, "key": KEY}
    found = boltzmann.class_chain(*on, backend.array(field) if fields else None, sample=sample, **how)
    wanted = plain_chain(*(a.astype(float) for a in (drive, W, b, field)), sweeps, settle, sample)
    for got, truth in zip(found, wanted, strict=True):
        assert got.dtype == dtype
        assert np.abs(backend.numpy(got) - truth).max() <= (2e-5 if dtype == "float32" else 1e-12)
    assert np.array_equal(backend.numpy(found[0]), wanted[0])
    assert backend.numpy(found[0]).shape == (sweeps, batch, classes)
    last = boltzmann.class_chain(on[0][batch - 1 :], *on[1:], backend.array(field[batch - 1 :]), sample=sample[batch - 1 :], **how)
    assert np.array_equal(backend.numpy(last[1])[:, 0], backend.numpy(found[1])[:, -1])


def test_chains_of_no_number_are_faults(backend, rng) -> None:
    drive, W, b = np.full((2, 5), np.nan), rng.normal(size=(5, 3)), np.zeros(3)
    on = [backend.array(a) for a in (drive, W, b)]

    def checked(*arrays, **how):
        boltzmann.class_chain(*arrays, sweeps=2, key=KEY, **how)
        pnn.check()

    with pytest.raises(FaultError, match=r"every probability must lie in \[0, 1\]"):
        checked(*on)
    with pytest.raises(FaultError, match="every sample index must be 0 or more"):
        checked(backend.array(np.zeros((2, 5))), *on[1:], sample=np.array([3, -1]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("visible", "hidden", "classes"), [(8, 12, 4), (7, 5, 3), (1, 1, 0), (130, 41, 0)])
def test_layers_are_drawn_by_their_chances(backend, visible, hidden, classes, dtype, rng) -> None:
    """Step by step by plain arrays in float64: all units of samples in a row and by their index, with classes and without, and a gain."""
    batch, gain, on = 6, 0.7, backend.array
    shapes = (visible, hidden), (hidden, classes), visible, hidden, classes
    W, U, a, b, c = (rng.normal(0, 1, shape).astype(dtype) for shape in shapes)
    W /= np.sqrt(visible).astype(dtype)
    v0, y0 = gain * rng.integers(0, 2, (batch, visible)).astype(dtype), np.eye(max(1, classes), dtype=dtype)[np.arange(batch) % max(1, classes)]
    many = 1 + (classes > 0)  # layers that are drawn beside the hidden one

    def bits(key, name: str, x: np.ndarray, sample) -> np.ndarray:
        return pnn.random.bernoulli(pnn.random.fold_in(key, name), 1 / (1 + np.exp(-x)), sample=sample).astype(float)

    for sample in (2**40, rng.integers(0, 2**50, batch)):
        v, y = v0.astype(float), y0.astype(float)
        for n in (4, 5, 6):
            own = pnn.random.fold_in(KEY, n)
            h = bits(own, "hidden", v @ W + b + (y @ U.T if classes else 0), sample)
            v = gain * bits(own, "inputs", gain * (h @ W.T + a), sample)
            if classes:
                e = np.exp(h @ U + c)
                reach = (e / e.sum(axis=1, keepdims=True)).cumsum(axis=1)[:, :-1]
                u = pnn.random.uniform(pnn.random.fold_in(own, "classes"), (batch, 1), sample=sample)
                y = np.eye(classes)[(u >= reach).sum(axis=1)]
        how = {"steps": 3, "key": KEY, "sample": sample, "step0": 4, "gain": gain}
        got = boltzmann.drawn((on(v0), on(y0))[:many], [on(W), on(U)][:many], [on(a), on(b), on(c)], **how)
        for mine, theirs in zip(got, (v, y)[:many], strict=True):
            assert mine.dtype == dtype
            assert np.array_equal(backend.numpy(mine), theirs.astype(dtype))
    assert np.isin(backend.numpy(boltzmann.gibbs(on(v0), on(W), on(a), on(b), steps=1, key=KEY)), (0, 1)).all()


def test_layers_that_cannot_be_drawn_are_faults(backend, rng) -> None:
    W, a, b, v = (backend.array(rng.normal(0, 1, s)) for s in ((5, 3), 5, 3, (2, 5)))

    def run(bias, sample) -> None:
        boltzmann.gibbs(v, W, a, bias, steps=1, key=KEY, sample=sample)
        pnn.check()

    for bias, sample, message in ((b * np.nan, 0, "probability must lie"), (b, -1, "index must be"), (b, np.array([3, -1]), "index must be")):
        with pytest.raises(FaultError, match=message):
            run(bias, sample)


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
        (lambda: boltzmann.class_chain(V, W, B, sweeps=1), "Gibbs sampling is random, which needs a key"),
        (lambda: boltzmann.class_chain(V, W, A, sweeps=1, key=KEY), r"biases must be \(2,\)"),
        (lambda: boltzmann.class_chain(V, W, B, sweeps=0, key=KEY), "sweeps must be an integer of 1 or more"),
        (lambda: boltzmann.class_chain(V, W, B, V, sweeps=1, key=KEY), r"field must be \(\d, 2\)"),
        (lambda: boltzmann.class_chain(V, W, B, sweeps=1, settle=-1, key=KEY), "settle must be an integer of 0 or more"),
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
    assert np.array_equal(pnn.networks.ising.pair_contrast(one[1:], two[1:], (0.5, 2.0)).dense(), factors[1].dense())
    for p, got in zip([*weights, *biases], [*(f.dense() for f in factors), *by_bias], strict=True):
        for at in np.ndindex(p.shape):
            values, kept = [], p[at]
            for h in (1e-4, -1e-4):
                p[at] = kept + h
                values.append(2.0 * energy(two) - 0.5 * energy(one))
            p[at] = kept
            assert got[at] == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-7)
