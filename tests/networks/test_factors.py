"""Spins coupled in groups: energies term by term, Boltzmann's law over all states, detailed balance, the same bits everywhere, and messages."""

import numpy as np
import pytest
from exact_spins import balanced_sweep, chi_square, law

import pnnkern as pnn
from pnnkern import _launch
from pnnkern.networks import boltzmann, ising
from pnnkern.networks.ising import FactorGraph, SpinGraph
from pnnkern.testing import check_split

KEY = pnn.random.key(11)
FACTORS = [(0, 1), (4, 2, 0), (1, 3, 5, 2), (3, 4), (5, 0, 3), (2, 5)]


def machine(rng: np.random.Generator) -> tuple[FactorGraph, np.ndarray, np.ndarray]:
    return FactorGraph(FACTORS, 6), rng.normal(0, 0.8, len(FACTORS)).astype("float32"), rng.normal(0, 0.4, 6).astype("float32")


def energy(s: np.ndarray, J: np.ndarray, h: np.ndarray) -> float:
    return -sum(float(j) * np.prod([int(s[i]) for i in nodes]) for j, nodes in zip(J, FACTORS)) - sum(float(f) * m for f, m in zip(h, s))


def test_energies_and_means(backend, rng: np.random.Generator) -> None:
    graph, J, h = machine(rng)
    s = boltzmann.states(6)
    exact = [energy(x, J, h) for x in s]
    assert np.allclose(backend.numpy(ising.energy(backend.array(s), graph, backend.array(J), backend.array(h))), exact, atol=1e-6)
    chance = law(s, lambda x: energy(x, J, h), 0.7)
    products, single = boltzmann.marginals(graph, J, h, beta=0.7)
    assert np.allclose(products, [chance @ np.prod(s[:, list(nodes)].astype(int), axis=1) for nodes in FACTORS])
    assert np.allclose(single, chance @ s.astype(float))
    found = [backend.numpy(x) for x in ising.moments(backend.array(s[:9]), graph)]
    assert np.allclose(found[0], [np.prod(s[:9, list(nodes)].astype(int), axis=1).mean() for nodes in FACTORS])
    schedule = backend.numpy(ising.default_schedule(graph, backend.array(J), backend.array(h), 5))
    felt = max(abs(h[i]) + sum(abs(j) for j, nodes in zip(J, FACTORS) if i in nodes) for i in range(6))
    assert schedule[0] == pytest.approx(0.1 / felt, rel=1e-6)


def test_no_two_spins_of_a_factor_are_drawn_together() -> None:
    graph = FactorGraph(FACTORS, 6)
    for nodes in FACTORS:
        assert len({int(graph.colours[i]) for i in nodes}) == len(nodes)
    assert graph.n_couplings == len(FACTORS)
    assert graph.dense == ()


def test_sweeps_follow_boltzmann(rng: np.random.Generator) -> None:
    """Chi-square over all 64 states of 40 000 independent chains (CPU; other backends give the same bits)."""
    graph, J, h = machine(rng)
    s = boltzmann.states(6)
    found = ising.sweep(ising.random_state(graph, 40000, KEY), graph, J, h, beta=0.7, sweeps=40, key=KEY)
    square, freedom = chi_square(found, s, law(s, lambda x: energy(x, J, h), 0.7))
    assert square < freedom + 5 * np.sqrt(2 * freedom)


def test_detailed_balance(rng: np.random.Generator) -> None:
    """Visits of each colour balance in detail, and a sweep goes from a state to the next ones as their product says."""
    graph, J, h = machine(rng)
    s = boltzmann.states(6)
    chance = law(s, lambda x: energy(x, J, h), 0.7)
    whole = balanced_sweep(s, chance, graph.colours)
    for start in (0, 21, 63):
        found = ising.sweep(np.repeat(s[start : start + 1], 20000, axis=0), graph, J, h, beta=0.7, sweeps=1, key=KEY)
        square, freedom = chi_square(found, s, whole[start])
        assert square < freedom + 5 * np.sqrt(2 * freedom)


def test_same_bits_everywhere(rng: np.random.Generator) -> None:
    graph, J, h = machine(rng)
    start, how = ising.random_state(graph, 19, KEY), {"beta": [0.3, 0.9, 2.0], "key": KEY, "clamped": (2,)}
    cpu = ising.sweep(start, graph, J, h, **how)
    for order in ("ascending", "shuffled"):
        with _launch.host(order=order):
            assert np.array_equal(ising.sweep(start, graph, J, h, **how), cpu)
    check_split(lambda s, key, sample: ising.sweep(s, graph, J, h, sweeps=3, key=key, sample=sample), start, key=KEY, sample=5)


def test_factors_of_two_are_edges(rng: np.random.Generator) -> None:
    """Bit for bit, as an array and with the nodes in any order."""
    edges = pnn.networks.graphs.lattice(5, 6)
    pairs, factors = SpinGraph(edges, 30), FactorGraph(edges[:, ::-1], 30)
    J, h, start = rng.normal(0, 1, len(edges)).astype("float32"), rng.normal(0, 1, 30).astype("float32"), ising.random_state(pairs, 7, KEY)
    assert np.array_equal(ising.sweep(start, pairs, J, h, sweeps=9, key=KEY), ising.sweep(start, factors, J, h, sweeps=9, key=KEY))


def test_annealing_solves_parities(rng: np.random.Generator) -> None:
    """3-spin factors of a planted state: the state, or another that satisfies all."""
    planted = rng.choice([-1, 1], 18)
    factors = np.array([rng.choice(18, 3, replace=False) for _ in range(15)])
    factors = factors[np.unique(np.sort(factors, axis=1), axis=0, return_index=True)[1]]
    graph, J = FactorGraph(factors, 18), np.prod(planted[factors], axis=1).astype("float32")
    found = ising.anneal(ising.random_state(graph, 1, KEY), graph, J, reads=20, key=KEY)
    assert ising.energy(found, graph, J)[0] == -len(factors)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ([], "at least one factor"),
        ([(0, 1), (2,)], "factor 1 must name two or more nodes by integers: what acts on one spin is a field"),
        ([0, 1, 2], "factor 0 must name two or more nodes by integers"),
        ([(0, 1.5)], "factor 0 must name two or more nodes by integers"),
        ([(0, 1, 9)], "factors join nodes 0 .. 5, but factor 0 names node 9"),
        ([(0, 1), (-1, 2)], "factors join nodes 0 .. 5, but factor 1 names node -1"),
        ([(0, 1, 0)], "factor 0 names node 0 twice: the square of a spin is 1"),
        ([(0, 1, 2), (3, 4), (2, 0, 1)], "factors 0 and 2 have the same nodes"),
    ],
)
def test_bad_factors_are_named(factors: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FactorGraph(factors, 6)


def test_factors_of_any_kind(backend) -> None:
    """Lists, arrays on the host or on the device; what is neither is named."""
    array = np.array([[2, 0, 1], [3, 1, 2]])
    assert FactorGraph(backend.array(array), 4).factors.tolist() == FactorGraph(array.tolist(), 4).factors.tolist() == [[0, 1, 2], [1, 2, 3]]
    assert array[0].tolist() == [2, 0, 1]
    assert FactorGraph.complete(4).n_couplings == 6
    with pytest.raises(TypeError, match="factors must be sequences of nodes or an array \\(factors, k\\), got int"):
        FactorGraph(5, 4)


def test_wrong_couplings_are_named() -> None:
    graph = FactorGraph(FACTORS, 6)
    with pytest.raises(ValueError, match=r"coupling must be \(6,\), one for each factor, got shape \(5,\)"):
        ising.sweep(np.ones((1, 6), np.int8), graph, np.ones(5, "float32"), key=KEY)
