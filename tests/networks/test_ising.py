"""Ising machines (kernels networks/pbit): marginals against all states, ground states, the same bits everywhere, and the messages."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import _launch
from pnnkern.networks import boltzmann, ising
from pnnkern.networks.ising import SpinGraph
from pnnkern.testing import check_split

KEY = pnn.random.key(7)


def machine(rng: np.random.Generator, n: int, strength: float = 0.5) -> tuple[SpinGraph, np.ndarray, np.ndarray]:
    ring = {tuple(sorted((i, (i + 1) % n))) for i in range(n)} | {tuple(sorted(rng.choice(n, 2, replace=False))) for _ in range(n)}
    graph = SpinGraph(np.array(sorted(e for e in ring if e[0] != e[1])), n)
    return graph, rng.normal(0, strength, graph.n_edges).astype("float32"), rng.normal(0, strength, n).astype("float32")


def test_energy_and_marginals_are_the_sums_they_say(rng: np.random.Generator) -> None:
    graph, J, h = machine(rng, 5)
    s = boltzmann.states(5)
    assert len({tuple(x) for x in s}) == 32
    for x, e in zip(s, ising.energy(s, graph, J, h)):
        direct = -sum(j * x[a] * x[b] for j, (a, b) in zip(J, graph.edges)) - sum(f * m for f, m in zip(h, x))
        assert e == pytest.approx(direct, rel=1e-6, abs=1e-6)
    p = np.exp(-0.7 * ising.energy(s, graph, J, h))
    pairs, single = boltzmann.marginals(graph, J, h, beta=0.7)
    assert np.allclose(single, (p[:, None] * s).sum(axis=0) / p.sum())
    assert pairs[0] == pytest.approx((p * s[:, graph.edges[0, 0]] * s[:, graph.edges[0, 1]]).sum() / p.sum())


@pytest.mark.parametrize("n", [2, 7, 12])
def test_sweeps_follow_boltzmann(n: int, rng: np.random.Generator) -> None:
    """Means over 40 000 chains within five standard errors of the exact marginals; CPU (other backends give the same bits)."""
    graph, J, h = machine(rng, n)
    found = ising.sweep(ising.random_state(graph, 40000, KEY), graph, J, h, beta=0.8, sweeps=40, key=KEY)
    for got, exact in zip(ising.moments(found, graph), boltzmann.marginals(graph, J, h, beta=0.8)):
        assert (np.abs(got - exact) <= 5 * np.sqrt((1 - exact**2) / 40000) + 1e-4).all()


def test_time_averages_and_clamped_spins(backend, rng: np.random.Generator) -> None:
    """Spins 0 and 3 held: the others follow the law conditioned on them; `total` adds up the states."""
    graph, J, h = machine(rng, 6)
    start = np.ones((150, 6), np.int8)
    start[:, 3] = -1
    total = backend.array(np.zeros((150, 6), np.int32))
    found = ising.sweep(backend.array(start), graph, backend.array(J), backend.array(h), sweeps=60, clamped=(0, 3), key=KEY, total=total)
    found, total = backend.numpy(found), backend.numpy(total)
    assert (found[:, 0] == 1).all()
    assert (found[:, 3] == -1).all()
    assert (total[:, 0] == 60).all()
    s, p = boltzmann.states(6), boltzmann.probabilities(graph, J, h)
    kept = (s[:, 0] == 1) & (s[:, 3] == -1)
    exact = p[kept] @ s[kept] / p[kept].sum()
    assert np.abs(total.mean(axis=0) / 60 - exact).max() < 0.06


def test_same_bits_everywhere(rng: np.random.Generator) -> None:
    """CPU, CUDA kernel on the host with threads in any order, one call or two, any split of the batch."""
    graph, J, h = machine(rng, 37)
    start = ising.random_state(graph, 5, KEY)
    field = np.stack([h * k for k in range(5)]).astype("float32")
    how = {"beta": np.linspace(0.1, 3, 6), "key": KEY, "sample": 2**40}
    cpu = ising.sweep(start, graph, J, field, **how)
    for order in ("ascending", "descending", "shuffled"):
        with _launch.host(order=order):
            assert np.array_equal(ising.sweep(start, graph, J, field, **how), cpu)
    half = ising.sweep(start, graph, J, field, **how | {"beta": how["beta"][:2]})
    assert np.array_equal(ising.sweep(half, graph, J, field, **how | {"beta": how["beta"][2:]}, sweep0=2), cpu)
    check_split(lambda s, key, sample: ising.sweep(s, graph, J, h, sweeps=3, key=key, sample=sample), start, key=KEY, sample=5)


def test_limits(backend) -> None:
    """At beta 0 a coin; very cold, a spin follows its field, without overflow."""
    graph = SpinGraph(np.array([[0, 1]]), 2)
    J = backend.array(np.zeros(1, "float32"))
    s = backend.array(np.ones((2000, 2), np.int8))
    coins = backend.numpy(ising.sweep(s, graph, J, beta=0.0, sweeps=1, key=KEY))
    assert np.abs(coins.mean(axis=0)).max() < 5 / np.sqrt(2000)
    cold = ising.sweep(s, graph, J, backend.array(np.array([3e38, -1.0], "float32")), beta=1e3, sweeps=1, key=KEY)
    assert (backend.numpy(cold) == [1, -1]).all()


def test_annealing_finds_ground_states(rng: np.random.Generator) -> None:
    for _ in range(5):
        graph, J, h = machine(rng, 12, strength=1.0)
        lowest = ising.energy(boltzmann.states(12), graph, J, h).min()
        found = ising.anneal(ising.random_state(graph, 1, KEY), graph, J, h, reads=10, key=KEY)
        assert ising.energy(found, graph, J, h)[0] == pytest.approx(lowest, abs=1e-6)
    # a reverse anneal that starts cold keeps a state that cannot be improved
    again = ising.anneal(found, graph, J, h, schedule=np.full(20, 50.0), key=KEY)
    assert np.array_equal(again, found)


@pytest.mark.parametrize("chains", [None, 3])
def test_the_default_schedule_is_of_the_largest_field(backend, chains: int | None, rng: np.random.Generator) -> None:
    """From 0.1 to 10 sqrt(n) over the most that the neighbours and the field of any spin come to."""
    graph, J, h = machine(rng, 7)
    fields = h if chains is None else rng.normal(0, 1, (chains, 7)).astype("float32")
    most = max(sum(abs(j) for j, e in zip(J, graph.edges) if i in e) + abs(fields.reshape(-1, 7)[:, i]).max() for i in range(7))
    got = backend.numpy(ising.default_schedule(graph, backend.array(J), backend.array(fields), 5))
    assert got.dtype == np.float64
    assert got == pytest.approx(0.1 * (100 * np.sqrt(7)) ** (np.arange(5) / 4) / most, rel=1e-6)


def test_graphs_and_colours() -> None:
    full, layers = SpinGraph.complete(5), SpinGraph.layers(3, 4, 2)
    assert (full.n_edges, layers.n_edges) == (10, 20)
    assert layers.colours.max() == 1
    assert layers.edges[12].tolist() == [3, 7]
    bounds, order = layers.visited((1,))
    assert sorted(order) == [0, 2, 3, 4, 5, 6, 7, 8]
    assert bounds[-1] == 8
    for graph in (full, layers):
        a, b = graph.edges.T
        assert (graph.colours[a] != graph.colours[b]).all()


def test_contrast(rng: np.random.Generator) -> None:
    graph, _, _ = machine(rng, 6)
    one, two = (ising.random_state(graph, 9, pnn.random.fold_in(KEY, k)) for k in range(2))
    dJ, dh = ising.contrast(one, two, graph)
    pairs = [np.array([[x[a] * x[b] for a, b in graph.edges] for x in s]).mean(axis=0) for s in (one.astype(int), two.astype(int))]
    assert np.allclose(dJ, pairs[0] - pairs[1])
    assert np.allclose(dh, one.mean(axis=0) - two.mean(axis=0))


G, S, J1 = SpinGraph(np.array([[0, 1], [1, 2]]), 3), np.ones((2, 3), np.int8), np.ones(2, np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ising.sweep(S, G, J1), ValueError, "p-bits are random, which needs a key"),
        (lambda: ising.anneal(S, G, J1), ValueError, "annealing is random, which needs a key"),
        (lambda: ising.sweep(S.astype(int), G, J1, key=KEY), TypeError, "spins must be int8, got int64"),
        (lambda: ising.sweep(S * 0, G, J1, key=KEY), ValueError, r"spins must be \+1 or -1"),
        (lambda: ising.sweep(S[:, :2], G, J1, key=KEY), ValueError, r"spins must be \(batch, 3\)"),
        (lambda: ising.sweep(S, G, J1[:1], key=KEY), ValueError, r"coupling must be \(2,\)"),
        (lambda: ising.sweep(S, G, J1 * np.nan, key=KEY), ValueError, "coupling must be finite"),
        (lambda: ising.sweep(S, G, J1, np.ones(2), key=KEY), ValueError, r"field must be \(3,\) or \(2, 3\)"),
        (lambda: ising.sweep(S, G, J1, beta=-1.0, key=KEY), ValueError, "beta must be finite and 0 or more"),
        (lambda: ising.sweep(S, G, J1, beta=[1.0, 2.0], sweeps=3, key=KEY), ValueError, "one for each of the 3 sweeps, got 2"),
        (lambda: ising.sweep(S, G, J1, sweeps=-1, key=KEY), ValueError, "sweeps must be 0 or more"),
        (lambda: ising.sweep(S, G, J1, clamped=(5,), key=KEY), ValueError, "clamped name node 5"),
        (lambda: ising.sweep(S, G, J1, key=KEY, total=np.zeros((2, 3))), ValueError, "total must be int32"),
        (lambda: ising.sweep(S, G, J1, key=KEY, sample=np.arange(3)), ValueError, "one for each of the 2 rows"),
        (lambda: ising.anneal(S, G, J1, reads=0, key=KEY), ValueError, "reads must be at least 1"),
        (lambda: boltzmann.states(21), ValueError, "for 1 to 20 spins, got 21"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
