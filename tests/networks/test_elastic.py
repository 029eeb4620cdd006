"""Springs at rest: by hand, against scipy.optimize, forces in balance; coupled learning of stiffness and rest length."""

import numpy as np
import pytest
import scipy.optimize

from pnnkern import learning, random
from pnnkern._errors import ConvergenceError
from pnnkern.networks import ElasticNetwork, graphs


def example(n: int = 14) -> tuple:
    edges, x = graphs.delaunay(n, random.key(3))
    net = ElasticNetwork(edges, n)
    return net, np.full(len(edges), 2.0), net.lengths(x[None])[0], x


def moved(rng: np.random.Generator, x: np.ndarray, nodes: np.ndarray, batch: int = 3, size: float = 0.05) -> np.ndarray:
    return x[nodes] + size * rng.standard_normal((batch, len(nodes), 2))


def test_unstrained_springs_stay(backend) -> None:
    net, k, l, x = example()
    got = net.relax(backend.array(k), backend.array(l), [0, 5, 9], backend.array(x[None, [0, 5, 9]]), backend.array(x))
    assert np.abs(backend.numpy(got.positions)[0] - x).max() < 1e-12


def test_two_springs_by_hand() -> None:
    """A node between two walls 3 m apart: k1 (x - 1) = k2 (2 - x) for rest lengths of 1 m; a force of 1 N moves it by 1 / (k1 + k2)."""
    net = ElasticNetwork(np.array([[0, 1], [1, 2]]), 3, dimension=1)
    k, l, walls = np.array([3.0, 1.0]), np.ones(2), np.array([[[0.0], [3.0]]])
    start = np.array([[0.0], [1.4], [3.0]])
    assert net.solve(k, l, [0, 2], walls, start)[0, 1, 0] == pytest.approx((3 * 1 + 1 * 2) / 4)
    forces = np.array([[[0.0], [1.0], [0.0]]])
    assert net.solve(k, l, [0, 2], walls, start, forces=forces)[0, 1, 0] == pytest.approx(1.25 + 0.25)
    load = (np.array([[[0.0], [4.0], [0.0]]]), np.full((1, 3, 1), 2.0))  # of 4 N/m, to 2 m
    assert net.solve(k, l, [0, 2], walls, start, load=load)[0, 1, 0] == pytest.approx((4 * 1.25 + 4 * 2) / 8)
    assert net.respond(k, l, [0, 2], start[None], forces, load=load)[0][0, 1, 0] == pytest.approx(1 / 8)


def test_least_energy_and_balance(backend, rng: np.random.Generator) -> None:
    net, k, l, x = example()
    k = k * rng.uniform(0.5, 1.5, len(k))
    nodes = np.array([0, 5, 9])
    at = moved(rng, x, nodes)
    got = net.relax(*(backend.array(a) for a in (k, l)), nodes, backend.array(at), backend.array(x))
    y = backend.numpy(got.positions)
    assert got.converged
    assert np.array_equal(y[:, nodes], at)
    free = np.setdiff1d(np.arange(14), nodes)
    for s in range(3):
        force = np.zeros((14, 2))
        for (i, j), stiff, rest in zip(net.edges, k, l, strict=True):
            w = y[s, i] - y[s, j]
            f = stiff * (np.linalg.norm(w) - rest) * w / np.linalg.norm(w)
            force[i] += f
            force[j] -= f
        assert np.abs(force[free]).max() < 1e-8

        def energy(z: np.ndarray, s: int = s) -> float:
            v = y[s].copy()
            v[free] = z.reshape(-1, 2)
            i, j = net.edges.T
            return float((k * (np.linalg.norm(v[i] - v[j], axis=1) - l) ** 2).sum() / 2)

        near = (y[s, free] + 0.01 * rng.standard_normal((len(free), 2))).ravel()  # of several minima, this one
        best = scipy.optimize.minimize(energy, near, method="BFGS", options={"gtol": 1e-8})
        assert np.abs(best.x.reshape(-1, 2) - y[s, free]).max() < 1e-5


def test_far_start_settles(backend, rng: np.random.Generator) -> None:
    """From positions where the Hessian has negative eigenvalues the energy falls in every step, to a minimum."""
    net, k, l, x = example()
    start = 0.4 * x + 0.1 * rng.standard_normal(x.shape)  # squeezed
    nodes = np.array([0, 5, 9])
    start[nodes] = x[nodes]
    on = [backend.array(a) for a in (k, l, x[None, nodes], start)]
    assert not net.respond(k, l, nodes, start[None], 0 * start[None])[1].any()
    whole = net.relax(on[0], on[1], nodes, on[2], on[3])
    assert whole.converged
    assert net.respond(k, l, nodes, backend.numpy(whole.positions), 0 * start[None])[1].all()
    energies = [net.energy(k, l, start[None])[0]]
    for steps in range(1, whole.steps + 1):
        after = net.relax(on[0], on[1], nodes, on[2], on[3], steps=steps, on_failure="flag")
        energies.append(net.energy(k, l, backend.numpy(after.positions))[0])
    assert whole.steps > 3
    assert (np.diff(energies) <= 1e-12 * np.abs(energies[0])).all()
    assert energies[-1] < energies[0]


def test_springs_without_stiffness_hold_nothing() -> None:
    net, k, l, x = example()
    k[(net.edges == 6).any(axis=1)] = 0
    with pytest.raises(ValueError, match="node 6 floats"):
        net.solve(k, l, [0, 5, 9], x[None, [0, 5, 9]], x)


def test_update_is_its_definition(backend, rng: np.random.Generator) -> None:
    net, k, l, x = example()
    sources, targets = np.array([0, 5, 9]), np.array([3, 11])
    at, eta = moved(rng, x, sources), 0.05
    want = moved(rng, x, targets)
    on = [backend.array(a) for a in (k, l, at, want, x)]
    dk, dl = learning.elastic_learning_update(net, on[0], on[1], sources, on[2], targets, on[3], on[4], eta=eta)
    free = net.solve(k, l, sources, at, x)
    held = free[:, targets] + eta * (want - free[:, targets])
    clamped = net.solve(k, l, np.append(sources, targets), np.concatenate([at, held], axis=1), free)
    r_free, r_clamped = net.lengths(free), net.lengths(clamped)
    assert np.allclose(backend.numpy(dk), (((r_clamped - l) ** 2 - (r_free - l) ** 2) / (2 * eta)).mean(axis=0), atol=1e-8)
    assert np.allclose(backend.numpy(dl), (-k * (r_clamped - r_free) / eta).mean(axis=0), atol=1e-8)


def test_allostery_is_learned() -> None:
    """Pulling a source aside should move a target at the other end of the network: rest lengths and stiffnesses learn it."""
    net, k, l, x = example(20)
    order = np.argsort(x[:, 0])
    sources, target = order[[0, 1, 10]], order[[-2]]
    at = x[None, sources].copy()
    at[0, 0] += [0.05, 0.0]
    want = x[None, target] + [0.0, 0.04]

    def error() -> float:
        return float(np.abs(net.solve(k, l, sources, at, x)[0, target] - want[0]).max())

    before = error()
    for _ in range(60):
        dk, dl = learning.elastic_learning_update(net, k, l, sources, at, target, want, x, eta=0.1)
        k, l = (k - 20 * dk).clip(0.2, 20), (l - 0.05 * dl).clip(0.01)
    assert error() < 0.05 * before


def allosteric() -> tuple:
    """A triangular lattice whose last two edges are gauges; the source pair is far from both."""
    edges, x = graphs.triangular(7, 6, jitter=0.15, key=random.key(4))
    gauges = [int(np.flatnonzero((edges == pair).all(axis=1))[0]) for pair in ([11, 17], [29, 35])]
    net = ElasticNetwork(np.concatenate([np.delete(edges, gauges, axis=0), edges[gauges]]), 42)
    return net, np.arange(net.n_edges - 2, net.n_edges), net.lengths(x[None])[0], x


def strained(x: np.ndarray, pair: list[int], strain: float) -> np.ndarray:
    a, b = x[pair]
    return np.array([[a - strain / 2 * (b - a), b + strain / 2 * (b - a)]])


def test_allosteric_update_is_the_gradient(backend, rng: np.random.Generator) -> None:
    net, gauges, l, x = allosteric()
    k, pair = rng.uniform(0.5, 2, net.n_edges), [6, 12]
    at, want = strained(x, pair, 0.1), l[gauges] * [1.05, 0.97]
    on = [backend.array(a) for a in (k, l, at, want, x)]
    got = learning.allosteric_learning_update(net, on[0], on[1], pair, on[2], gauges, on[3], on[4], beta=1e-5, tolerance=1e-13)
    dk, dl, distances = (backend.numpy(a) for a in got)
    springs = np.delete(np.arange(net.n_edges), gauges)[::7]  # some of them

    def distance(k: np.ndarray, l: np.ndarray) -> np.ndarray:
        k = k.copy()
        k[gauges] = 0
        return net.lengths(net.solve(k, l, pair, at, x, tolerance=1e-12))[0, gauges]

    def cost(k: np.ndarray, l: np.ndarray) -> float:
        return float(((distance(k, l) - want) ** 2).sum() / 2)

    assert np.allclose(distances[0], distance(k, l), atol=1e-10)
    assert not dk[gauges].any()
    assert not dl[gauges].any()
    for update, change in ((dk, lambda h: (k + h, l)), (dl, lambda h: (k, l + h))):
        numeric = np.array([(cost(*change(h)) - cost(*change(-h))) / 2e-5 for h in 1e-5 * np.eye(net.n_edges)[springs]])
        assert np.linalg.norm(update[springs] - numeric) < 1e-3 * np.linalg.norm(numeric)


def test_two_sources_and_two_targets_are_learned() -> None:
    """Each source asks other strains of the targets. What is learned is looked at by SciPy, with the physics written out here."""
    net, gauges, l, x = allosteric()
    pairs, wanted = [[6, 12], [24, 30]], 0.05 * np.array([[1.0, 0.0], [0.0, -1.0]])
    learned, adam, steps = {"stiffness": np.ones(net.n_edges)}, learning.Adam(0.1, epsilon=1e-7), 400
    for step in range(steps):
        updates = [
            learning.allosteric_learning_update(net, learned["stiffness"], l, pair, strained(x, pair, 0.05), gauges, l[gauges] * (1 + w), x)[0]
            for pair, w in zip(pairs, wanted, strict=True)
        ]
        adam.apply(learned, {"stiffness": sum(updates)}, lr=0.05 * (1 + np.cos(np.pi * step / steps)))
        learned["stiffness"].clip(1e-2, 1e2, out=learned["stiffness"])
    i, j = np.delete(net.edges, gauges, axis=0).T
    rest = np.linalg.norm(x[i] - x[j], axis=1)
    for k, worst in ((np.ones(len(i)), None), (np.delete(learned["stiffness"], gauges), 1e-4)):
        errors = []
        for pair, w in zip(pairs, wanted, strict=True):
            free = np.setdiff1d(np.arange(42), pair)
            y = x.copy()
            y[pair] = strained(x, pair, 0.05)[0]

            def energy(z: np.ndarray, k: np.ndarray = k, y: np.ndarray = y, free: np.ndarray = free) -> tuple[float, np.ndarray]:
                y[free] = z.reshape(-1, 2)
                d = y[i] - y[j]
                r = np.linalg.norm(d, axis=1)
                force, pull = np.zeros_like(y), (k * (r - rest) / r)[:, None] * d
                np.add.at(force, i, pull)
                np.add.at(force, j, -pull)
                return float((k * (r - rest) ** 2).sum() / 2), force[free].ravel()

            energy(scipy.optimize.minimize(energy, x[free].ravel(), jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 4000}).x)
            a, b = net.edges[gauges].T
            errors.append(np.linalg.norm(y[a] - y[b], axis=1) / np.linalg.norm(x[a] - x[b], axis=1) - 1 - w)
        if worst is None:
            assert np.abs(errors).max() > 0.04  # untrained, the targets do not answer
        else:
            assert np.abs(errors).max() < worst


def test_more_steps_are_not_advised_where_they_gain_nothing(backend) -> None:
    """Rounding leaves some 1e-16 of the forces after a few steps: what remains is to ask for less."""
    net, k, l, x = example()
    held = x[None, [0, 1, 5]] + np.array([[0.05, 0], [0, 0], [0, 0]])
    with pytest.raises(ConvergenceError, match=r"in \d\d? steps: .* 1.0e-30 was .*; no further step gains anything: start closer") as said:
        net.solve(backend.array(k), backend.array(l), [0, 1, 5], backend.array(held), backend.array(x), tolerance=1e-30)
    assert "more steps" not in str(said.value)


def test_refusals() -> None:
    net, k, l, x = example()
    with pytest.raises(ValueError, match="dimension must be 1, 2 or 3, got 4"):
        ElasticNetwork(net.edges, 14, dimension=4)
    with pytest.raises(ValueError, match="stiffness must be finite and at least 0 N/m, got -2"):
        net.solve(-k, l, [0, 1], x[None, :2], x)
    with pytest.raises(ValueError, match=r"positions must be \(batch, 2, 2\)"):
        net.solve(k, l, [0, 1], x[:2], x)
    with pytest.raises(ValueError, match="eta must lie in"):
        learning.elastic_learning_update(net, k, l, [0, 1], x[None, :2], [5], x[None, 5:6], x, eta=0.0)
    for more, message in (
        ({"beta": 0.0}, "beta must be positive"),
        ({"gauges": [3, 3]}, r"gauges must be different numbers of edges, 0 \.\. "),
        ({"gauges": [999]}, "gauges must be different numbers of edges"),
        ({"distances": np.zeros(1)}, r"distances must be \(1,\) and positive"),
    ):
        given = {"gauges": [2], "distances": np.ones(1)} | more
        with pytest.raises(ValueError, match=message):
            learning.allosteric_learning_update(net, k, l, [0, 1], x[None, :2], start=x, **given)
    with pytest.raises(ValueError, match="node 0 is a source and a target"):
        learning.elastic_learning_update(net, k, l, [0, 1], x[None, :2], [0], x[None, :1], x)
    with pytest.raises(ValueError, match=r"positions must be \(batch, 14, 2\), got shape \(14, 2\)"):
        net.respond(k, l, [0, 1], x, x)
    with pytest.raises(ConvergenceError, match="have not come to rest in 1 steps"):
        net.solve(k, 1.5 * l, [0, 1, 5], x[None, [0, 1, 5]], x, steps=1)
