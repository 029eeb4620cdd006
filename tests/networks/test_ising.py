"""Ising machines (kernels networks/pbit): marginals against all states, ground states, the same bits everywhere, and the messages."""

import itertools

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


def reference(state, graph, J, h, beta, sample, sweep0, clamped=()) -> np.ndarray:
    """Sweeps by the documented draws, in float64: block ``sweep n_nodes + quad``, its words for nodes a quarter of their colour apart."""
    s, n = state.astype(float), graph.n_nodes
    coupled = np.zeros((n, n))
    coupled[graph.edges[:, 0], graph.edges[:, 1]] = coupled[graph.edges[:, 1], graph.edges[:, 0]] = J
    for m, b in enumerate(beta):
        words = pnn.random.words(KEY, (len(s), 4 * n), sample=sample, element0=4 * n * (sweep0 + m)).astype(float)
        quad = 0
        for c in range(graph.colours.max() + 1):
            nodes = np.flatnonzero(graph.colours == c)
            quads = -(-len(nodes) // 4)
            fields = s @ coupled[:, nodes] + (h[:, nodes] if h.ndim == 2 else h[nodes])
            for k, i in enumerate(nodes):
                if i not in clamped:
                    against = words[:, 4 * (quad + k % quads) + k // quads] < 2**32 / (1 + np.exp(2 * b * abs(fields[:, k])))
                    s[:, i] = np.where(against == (fields[:, k] < 0), 1, -1)
            quad += quads
    return s.astype(np.int8)


@pytest.mark.parametrize("graph", [SpinGraph(pnn.networks.graphs.lattice(6, 7), 42), SpinGraph.layers(21, 13, 6), SpinGraph.complete(9)])
@pytest.mark.parametrize("each", [False, True])
def test_every_decision(backend, graph: SpinGraph, each: bool, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """All spins of all sweeps are those that float64 gives for the same draws; as a dense layer, too."""
    J, sample = rng.normal(0, 0.4, graph.n_edges).astype("float32"), np.array([7, 2**40, 3, 2**33 + 1, 8] * 4)[:19] + np.arange(19)
    h = rng.normal(0, 0.4, (19, graph.n_nodes) if each else graph.n_nodes).astype("float32")
    start, beta, held = ising.random_state(graph, 19, KEY), np.linspace(0.2, 2, 8), (4, graph.n_nodes - 1)
    expected = reference(start, graph, J, h, beta, sample, 2**33, held)
    on = [backend.array(x) for x in (J, h)]
    for least, room in ((1 << 60, 1 << 17), (1 << 60, graph.n_nodes), (1 << 60, 0), (0, 0)):  # of shared memory: for all, for states, for none
        monkeypatch.setattr(ising, "DENSE", least)
        monkeypatch.setattr(_launch, "shared_limit", lambda like, room=room: room)
        total = backend.array(np.ones(start.shape, np.int32))
        how = {"beta": beta, "key": KEY, "sample": sample, "sweep0": 2**33, "clamped": held, "total": total}
        assert np.array_equal(backend.numpy(ising.sweep(backend.array(start), graph, *on, **how)), expected)
        sums = 1 + sum(reference(start, graph, J, h, beta[: n + 1], sample, 2**33, held).astype(int) for n in range(8))
        assert np.array_equal(backend.numpy(total), sums)


def test_dense_layers_sum_in_the_same_order(backend, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """Fields in which large couplings cancel, so that their last digits are of another size in every order: ascending, bit for bit."""
    graph, start = SpinGraph.layers(32, 24), np.ones((50, 56), np.int8)
    large = rng.uniform(1e6, 1e7, (8, 24))
    J = rng.permuted(np.concatenate([large, -large, rng.normal(0, 1, (16, 24))]), axis=0).astype("float32")
    fields = np.zeros(24, np.float32)
    for row in J:
        fields = fields + row
    how, found = {"beta": 0.5, "sweeps": 1, "key": KEY, "clamped": range(32)}, []
    for least, room in ((1 << 60, 1 << 17), (1 << 60, graph.n_nodes), (1 << 60, 0), (0, 0)):  # of shared memory: for all, for states, for none
        monkeypatch.setattr(ising, "DENSE", least)
        monkeypatch.setattr(_launch, "shared_limit", lambda like, room=room: room)
        on = [backend.array(x) for x in (start, J.ravel())]
        found.append(backend.numpy(ising.sweep(on[0], graph, on[1], **how)))
    free = np.concatenate([np.zeros(32), fields]).astype("float32")
    assert np.array_equal(found[0], ising.sweep(start, graph, 0 * J.ravel(), free, **how))
    assert np.array_equal(found[0], found[1])
    for other in (J[::-1].cumsum(axis=0, dtype=np.float32)[-1], J.astype(float).sum(axis=0).astype("float32")):
        there = ising.sweep(start, graph, 0 * J.ravel(), np.concatenate([np.zeros(32), other]).astype("float32"), **how)
        assert not np.array_equal(found[0], there)  # which shows that the order can be seen here


def test_dense_layers_are_found() -> None:
    assert [len(layer.input) for layer in SpinGraph.layers(30, 20).dense] == [30, 20]
    assert [layer.edge.shape for layer in SpinGraph.layers(30, 20, 9).dense] == [(3, 39, 8), (5, 20, 8)]
    for sparse in (SpinGraph(pnn.networks.graphs.lattice(8, 8), 64), SpinGraph.complete(20), SpinGraph.layers(2, 2)):
        assert sparse.dense == ()


def test_time_goes_into_dense_layers_only_where_it_pays(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """Which kernels are launched: one for all sweeps of a small machine, one for each colour of a large one."""
    names = []
    monkeypatch.setattr(_launch, "launch", lambda stem, verb, *args, **how: names.append(verb))
    for graph, expected in ((SpinGraph.layers(20, 10), ["sweep"]), (SpinGraph.layers(400, 128), ["layer"] * 4)):
        names.clear()
        ising.sweep(np.ones((16, graph.n_nodes), np.int8), graph, np.zeros(graph.n_edges, "float32"), sweeps=2, key=KEY)
        assert names == expected


def test_threads_and_batch_do_not_matter(rng: np.random.Generator) -> None:
    """One thread or all, and batches that are no whole number of registers."""
    from pnnkern.kernels.networks import pbit

    graph, J, h = machine(rng, 33)
    start = ising.random_state(graph, 50, KEY)
    whole = ising.sweep(start, graph, J, h, sweeps=4, key=KEY)
    for pieces in ([50], [1, 49], [16, 17, 17], [33, 17]):
        cuts = np.cumsum([0, *pieces])
        parts = [ising.sweep(start[a:b], graph, J, h, sweeps=4, key=KEY, sample=int(a)) for a, b in itertools.pairwise(cuts)]
        assert np.array_equal(np.concatenate(parts), whole)
    together = pbit.pnn_pbit_sweep
    try:
        pbit.pnn_pbit_sweep = together.alone
        _launch._plans.clear()
        assert np.array_equal(ising.sweep(start, graph, J, h, sweeps=4, key=KEY), whole)
    finally:
        pbit.pnn_pbit_sweep = together
        _launch._plans.clear()


def test_totals_of_many_sweeps() -> None:
    """Which are kept in float32 for 65 536 at a time: as those of two halves, and whole."""
    graph, J, totals = SpinGraph(np.array([[0, 1]]), 3), np.ones(1, "float32"), np.zeros((2, 17, 3), np.int32)
    start = np.ones((17, 3), np.int8)
    ising.sweep(start, graph, J, sweeps=70000, key=KEY, clamped=(2,), total=totals[0])
    half = ising.sweep(start, graph, J, sweeps=35000, key=KEY, clamped=(2,), total=totals[1])
    ising.sweep(half, graph, J, sweeps=35000, key=KEY, clamped=(2,), total=totals[1], sweep0=35000)
    assert (totals[0] == totals[1]).all()
    assert (totals[0, :, 2] == 70000).all()


# ------------------------------------------------------------------------------------------------------------- statistical physics
def chances(graph: SpinGraph, J: np.ndarray, h: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Boltzmann's law over all states, and the matrices of the visits of each colour, P[state, next state], by the definitions."""
    s = boltzmann.states(graph.n_nodes).astype(float)
    field = np.zeros((graph.n_nodes, graph.n_nodes))
    field[graph.edges[:, 0], graph.edges[:, 1]] = field[graph.edges[:, 1], graph.edges[:, 0]] = J
    law = np.exp(beta * ((s @ field * s).sum(axis=1) / 2 + s @ h))
    matrices = []
    for c in range(graph.colours.max() + 1):
        matrix = np.ones((len(s), len(s)))
        for i in range(graph.n_nodes):
            up = 1 / (1 + np.exp(-2 * beta * (s @ field[i] + h[i])))
            matrix *= np.where(s[:, i] == 1, up[:, None], 1 - up[:, None]) if graph.colours[i] == c else s[:, None, i] == s[None, :, i]
        matrices.append(matrix)
    return law / law.sum(), np.array(matrices)


def test_detailed_balance(rng: np.random.Generator) -> None:
    """The visits of each colour are in detailed balance with Boltzmann's law, and a sweep goes from every state to the next ones as their
    product says: chi-square over 16 x 20 000 sweeps."""
    graph, J, h = machine(rng, 4)
    law, matrices = chances(graph, J, h, 0.7)
    for matrix in matrices:
        flow = law[:, None] * matrix
        assert np.allclose(flow, flow.T, rtol=1e-12, atol=0)
    expected = np.linalg.multi_dot([*matrices, np.eye(16)])
    start = np.repeat(boltzmann.states(4), 20000, axis=0)
    found = ising.sweep(start, graph, J, h, beta=0.7, sweeps=1, key=KEY)
    place = ((found > 0) @ np.array([8, 4, 2, 1])).reshape(16, -1)
    for row, chance in zip(place, expected):
        wanted = 20000 * chance
        likely = wanted > 5
        square = ((np.bincount(row, minlength=16) - wanted) ** 2 / np.maximum(wanted, 1e-300))[likely].sum()
        assert square < 15 + 5 * np.sqrt(2 * 15)


@pytest.mark.parametrize("K", [0.2, 0.35])
def test_onsager_energy(K: float) -> None:
    """Energy of a site above the critical temperature, where 32 x 32 periodic spins are as good as infinitely many: Onsager, Phys. Rev. 65,
    117 (1944). Within five standard errors of 64 independent chains."""
    from scipy.special import ellipk

    graph = SpinGraph(pnn.networks.graphs.lattice(32, 32, periodic=True), 1024)
    J, modulus = np.ones(graph.n_edges, "float32"), 2 * np.sinh(2 * K) / np.cosh(2 * K) ** 2
    exact = -(1 + 2 / np.pi * (2 * np.tanh(2 * K) ** 2 - 1) * ellipk(modulus**2)) / np.tanh(2 * K)
    state, means = ising.random_state(graph, 64, KEY), np.zeros(64)
    for n in range(60):
        state = ising.sweep(state, graph, J, beta=K, sweeps=10, key=KEY, sweep0=10 * n)
        means += (ising.energy(state, graph, J) / 1024 if n >= 10 else 0) / 50
    assert abs(means.mean() - exact) < 5 * means.std() / np.sqrt(63)
    assert means.std() / np.sqrt(63) < 2e-3


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
    bounds, visit = layers.visits((1,))
    assert sorted(visit[visit >= 0]) == [0, 2, 3, 4, 5, 6, 7, 8]
    assert bounds.tolist() == [0, 1, 3]  # quads of the 4 nodes in the middle, which have most neighbours, and of the 5 others
    places = np.repeat(np.arange(2), np.diff(bounds))
    assert all(layers.colours[i] == c for nodes, c in zip(visit, places) for i in nodes if i >= 0)
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


@pytest.mark.parametrize(("batch", "below", "above"), [(1, 1, 1), (9, 33, 5), (20, 3, 40)])
def test_contrasts_of_two_groups(backend, batch: int, below: int, above: int, rng: np.random.Generator) -> None:
    a, b = (rng.choice(np.array([-1, 1], np.int8), (batch, below + above)) for _ in range(2))
    factors, moved, field = ising.contrast_between(backend.array(a), backend.array(b), below)
    one, two = a.astype(int), b.astype(int)
    J = one[:, :below].T @ one[:, below:] - two[:, :below].T @ two[:, below:]
    for got, wanted in ((factors.dense(), J), (moved, (one - two)[:, :below]), (field, (one - two).sum(axis=0))):
        assert np.array_equal(backend.numpy(got), wanted)


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
        (lambda: ising.contrast_between(S, S[:1], 1), ValueError, r"two must be \(2, 3\)"),
        (lambda: ising.contrast_between(S, S.astype(float), 1), TypeError, "spins must be int8, got float64"),
        (lambda: ising.contrast_between(S, S, 4), ValueError, "below must be an integer from 1 to 3"),
        (lambda: boltzmann.states(21), ValueError, "for 1 to 20 spins, got 21"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
