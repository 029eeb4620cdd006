"""Potts spins (kernel networks/potts): laws over all states, detailed balance, energies of lattices, the same bits everywhere, messages."""

import itertools

import numpy as np
import pytest
from exact_spins import balanced_sweep, chi_square, law

import pnnkern as pnn
from pnnkern import _launch
from pnnkern.networks import graphs, ising, potts
from pnnkern.networks.ising import SpinGraph
from pnnkern.testing import check_split

KEY = pnn.random.key(13)
GRAPH = SpinGraph(np.array([[0, 1], [1, 2], [2, 3], [0, 3], [0, 2]]), 4)


def all_states(q: int, n: int) -> np.ndarray:
    return np.array(list(itertools.product(range(q), repeat=n)), np.int8)


def machine(rng: np.random.Generator, q: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(0, 0.8, GRAPH.n_edges).astype("float32"), rng.normal(0, 0.5, (4, q)).astype("float32")


def energy(s: np.ndarray, J: np.ndarray, h: np.ndarray) -> float:
    return -sum(float(j) * (s[a] == s[b]) for j, (a, b) in zip(J, GRAPH.edges)) - sum(float(f[m]) for f, m in zip(h, s))


def test_energies(backend, rng: np.random.Generator) -> None:
    J, h = machine(rng, 3)
    s = all_states(3, 4)
    found = potts.energy(backend.array(s), GRAPH, backend.array(J), backend.array(h), states=3)
    assert np.allclose(backend.numpy(found), [energy(x, J, h) for x in s], atol=1e-6)
    each = rng.normal(0, 1, (len(s), 4, 3)).astype("float32")
    found = potts.energy(backend.array(s), GRAPH, backend.array(J), backend.array(each), states=3)
    assert np.allclose(backend.numpy(found), [energy(x, J, f) for x, f in zip(s, each)], atol=1e-6)


@pytest.mark.parametrize("q", [2, 3, 5])
def test_sweeps_follow_boltzmann(q: int, rng: np.random.Generator) -> None:
    """Chi-square over all states of 40 000 independent chains (CPU; other backends give the same bits)."""
    J, h = machine(rng, q)
    found = potts.sweep(potts.random_state(GRAPH, 40000, KEY, states=q), GRAPH, J, h, states=q, beta=0.8, sweeps=30, key=KEY)
    s = all_states(q, 4)
    square, freedom = chi_square(found, s, law(s, lambda x: energy(x, J, h), 0.8))
    assert square < freedom + 5 * np.sqrt(2 * freedom)


def test_detailed_balance(rng: np.random.Generator) -> None:
    """Visits of each colour balance in detail, and a sweep goes from a state to the next ones as their product says."""
    J, h = machine(rng, 3)
    s = all_states(3, 4)
    chance = law(s, lambda x: energy(x, J, h), 0.8)
    whole = balanced_sweep(s, chance, GRAPH.colours)
    for start in (0, 40, 77):
        found = potts.sweep(np.repeat(s[start : start + 1], 20000, axis=0), GRAPH, J, h, states=3, beta=0.8, sweeps=1, key=KEY)
        square, freedom = chi_square(found, s, whole[start])
        assert square < freedom + 5 * np.sqrt(2 * freedom)


def torus_energy(q: int, rows: int, columns: int, beta: float) -> float:
    """Mean energy of a periodic lattice of couplings 1, by the transfer matrix: Z = Tr T^columns, <E> = -d ln Z / d beta."""
    s = all_states(q, rows)
    inside = (s == np.roll(s, 1, axis=1)).sum(axis=1)
    between = (s[:, None] == s[None]).sum(axis=2)

    def log_partition(b: float) -> float:
        symmetric = np.exp(b * ((inside[:, None] + inside[None]) / 2 + between))
        values = np.linalg.eigvalsh(symmetric)
        return columns * np.log(values[-1]) + np.log(((values / values[-1]) ** columns).sum())

    return -(log_partition(beta + 1e-4) - log_partition(beta - 1e-4)) / 2e-4


@pytest.mark.parametrize("q", [2, 3])
def test_energy_of_a_torus_at_the_critical_temperature(q: int) -> None:
    """beta_c = ln(1 + sqrt q) of the infinite lattice; within five standard errors of 512 independent chains, and these are small."""
    rows, columns, beta = 4, 12, np.log(1 + np.sqrt(q))
    graph = SpinGraph(graphs.lattice(rows, columns, periodic=True), rows * columns)
    J, state = np.ones(graph.n_edges, "float32"), potts.random_state(graph, 512, KEY, states=q)
    means = np.zeros(512)
    for n in range(60):
        state = potts.sweep(state, graph, J, states=q, beta=beta, sweeps=10, key=KEY, sweep0=10 * n)
        means += potts.energy(state, graph, J, states=q) / 50 if n >= 10 else 0
    error = means.std() / np.sqrt(511)
    assert abs(means.mean() - torus_energy(q, rows, columns, beta)) < 5 * error
    assert error < 0.004 * abs(means.mean())


def test_critical_energy_of_the_infinite_lattice() -> None:
    """u_c = -(1 + 1 / sqrt q) a site: strips of 4, 6 and 8 approach it, and samples lie where the next would."""
    q, beta = 3, np.log(1 + np.sqrt(3))
    exact = -(1 + 1 / np.sqrt(q))
    gaps = [torus_energy(q, size, size, beta) / size**2 - exact for size in (4, 6)]
    assert 0 > gaps[1] > gaps[0]
    graph = SpinGraph(graphs.lattice(24, 24, periodic=True), 576)
    J, state, means = np.ones(graph.n_edges, "float32"), potts.random_state(graph, 64, KEY, states=q), np.zeros(64)
    for n in range(60):
        state = potts.sweep(state, graph, J, states=q, beta=beta, sweeps=50, key=KEY, sweep0=50 * n)
        means += potts.energy(state, graph, J, states=q) / 576 / 40 if n >= 20 else 0
    # corrections fall as size^-(2 - 1 / nu) = size^-0.8, Wu 1982
    assert abs(means.mean() - (exact + gaps[1] * (6 / 24) ** 0.8)) < 5 * means.std() / np.sqrt(63) + 0.005


def test_two_states_are_spins(rng: np.random.Generator) -> None:
    """An Ising machine of half the couplings: the same means within five standard errors of both."""
    graph = SpinGraph(graphs.lattice(3, 3), 9)
    J, h = rng.normal(0, 0.6, graph.n_edges).astype("float32"), rng.normal(0, 0.3, 9).astype("float32")
    spins = ising.sweep(ising.random_state(graph, 20000, KEY), graph, J, h, sweeps=30, key=KEY)
    fields = np.stack([-h, h], axis=1)
    found = 2 * potts.sweep(potts.random_state(graph, 20000, KEY, states=2), graph, 2 * J, fields, states=2, sweeps=30, key=KEY) - 1
    for one, two in zip(ising.moments(spins, graph), ising.moments(found.astype(np.int8), graph)):
        assert (abs(one - two) < 5 * np.sqrt((2 - one**2 - two**2) / 20000) + 1e-4).all()


def test_same_bits_everywhere(backend, rng: np.random.Generator, monkeypatch) -> None:
    """CPU, kernel on the host, one call or two, any split; clamped nodes stay."""
    graph, q = SpinGraph(graphs.delaunay(37, KEY)[0], 37), 7
    J, h = rng.normal(0, 1, graph.n_edges).astype("float32"), rng.normal(0, 1, (21, 37, q)).astype("float32")
    start, beta, how = potts.random_state(graph, 21, KEY, states=q), np.linspace(0.1, 3, 5), {"states": q, "key": KEY, "clamped": (3, 8)}
    cpu = potts.sweep(start, graph, J, h, beta=beta, sample=2**40, **how)
    assert (cpu[:, [3, 8]] == start[:, [3, 8]]).all()
    on = [backend.array(x) for x in (start, J, h)]
    assert np.array_equal(backend.numpy(potts.sweep(on[0], graph, *on[1:], beta=beta, sample=2**40, **how)), cpu)
    half = potts.sweep(on[0], graph, *on[1:], beta=beta[:2], sample=2**40, **how)
    assert np.array_equal(backend.numpy(potts.sweep(half, graph, *on[1:], beta=beta[2:], sample=2**40, sweep0=2, **how)), cpu)
    for order in ("descending", "shuffled"):
        with _launch.host(order=order):
            assert np.array_equal(potts.sweep(start, graph, J, h, beta=beta, sample=2**40, **how), cpu)
    for room in (4 * q * 32 + 36, 4 * q * 32 + 37, 4 * q * 32 + 37 + 8 * 36 * 7):  # of states and tables neither, the states, both
        monkeypatch.setattr(_launch, "shared_limit", lambda like, room=room: room)
        assert np.array_equal(backend.numpy(potts.sweep(on[0], graph, *on[1:], beta=beta, sample=2**40, **how)), cpu)
    check_split(lambda s, key, sample: potts.sweep(s, graph, J, h[0], states=q, sweeps=3, key=key, sample=sample), start, key=KEY, sample=5)


def test_limits(backend) -> None:
    """At beta 0 even chances; very cold, the largest field, without overflow; as many states as int8 can tell apart."""
    graph, J, s = SpinGraph(np.array([[0, 1]]), 2), backend.array(np.zeros(1, "float32")), np.zeros((3000, 2), np.int8)
    dice = backend.numpy(potts.sweep(backend.array(s), graph, J, states=6, beta=0.0, sweeps=1, key=KEY))
    assert (abs(np.bincount(dice.ravel(), minlength=6) - 1000) < 5 * np.sqrt(1000)).all()
    fields = np.zeros((2, 127), "float32")
    fields[0, 126], fields[1] = 3e38, -3e38
    fields[1, 5] = 0
    cold = potts.sweep(backend.array(s[:50]), graph, J, backend.array(fields), states=127, beta=1e3, sweeps=1, key=KEY)
    assert (backend.numpy(cold) == [126, 5]).all()
    even = backend.numpy(potts.random_state(graph, 4000, KEY, states=127, like=J))
    assert (even.min(), even.max()) == (0, 126)


S, J1 = np.ones((2, 4), np.int8), np.ones(5, np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: potts.sweep(S, GRAPH, J1, states=3), ValueError, "Potts spins are random, which needs a key"),
        (lambda: potts.sweep(S, GRAPH, J1, states=1, key=KEY), ValueError, "states must be from 2 to 127, got 1"),
        (lambda: potts.random_state(GRAPH, 2, KEY, states=128), ValueError, "states must be from 2 to 127, got 128"),
        (lambda: potts.sweep(S + 1, GRAPH, J1, states=2, key=KEY), ValueError, "they must be 0 to states - 1"),
        (lambda: potts.sweep(S - 2, GRAPH, J1, states=2, key=KEY), ValueError, "they must be 0 to states - 1"),
        (lambda: potts.sweep(S.astype(int), GRAPH, J1, states=3, key=KEY), TypeError, "states of nodes must be int8, got int64"),
        (lambda: potts.sweep(S[:, :2], GRAPH, J1, states=3, key=KEY), ValueError, r"states of nodes must be \(batch, 4\)"),
        (lambda: potts.sweep(S, GRAPH, J1[:2], states=3, key=KEY), ValueError, r"coupling must be \(5,\), one for each edge"),
        (lambda: potts.sweep(S, GRAPH, J1, np.ones((4, 2)), states=3, key=KEY), ValueError, r"field must be \(4, 3\) or \(2, 4, 3\)"),
        (lambda: potts.sweep(S, GRAPH, J1, states=3, beta=-1.0, key=KEY), ValueError, "beta must be finite and 0 or more"),
        (lambda: potts.sweep(S, GRAPH, J1, states=3, clamped=(5,), key=KEY), ValueError, "clamped name node 5"),
        (lambda: potts.sweep(S, ising.FactorGraph([(0, 1, 2)], 4), J1, states=3, key=KEY), TypeError, "give a SpinGraph, not a FactorGraph"),
        (lambda: potts.sweep(S, GRAPH, J1 * np.inf, states=3, key=KEY), ValueError, "coupling must be finite"),
        (lambda: potts.sweep(S, GRAPH, J1, states=3, key=KEY, sample=np.arange(3)), ValueError, "one for each of the 2 rows"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
