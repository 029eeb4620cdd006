"""Networks on graphs: a step of coupled learning beside what published codes do, a large network, transistors, and springs.

One thread. Errors: of an update relative to the sparse peer's, of voltages in volts and positions in metres to Newton's method run to the
end.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _array, random
from ...learning import coupled_learning_update
from ...networks import ElasticNetwork, ResistorNetwork, TransistorNetwork, graphs
from ._timing import Row, interleaved, row, with_ratios

ETA = 1e-3


def _problem(n: int, batch: int, sources: int = 16, targets: int = 3) -> tuple[ResistorNetwork, np.ndarray, tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    net = ResistorNetwork(graphs.delaunay(n, random.key(0))[0], n)
    g, order = rng.uniform(0.5, 2, net.n_edges), rng.permutation(n)
    x = rng.uniform(0, 1, (batch, sources))
    y = (x[:, :targets] + x[:, targets : 2 * targets]) / 2  # within reach
    return net, g, (order[:sources], x, order[sources : sources + targets], y)


def _contrast(net: ResistorNetwork, free: np.ndarray, clamped: np.ndarray) -> np.ndarray:
    i, j = net.edges.T
    update = (clamped[:, i] - clamped[:, j]) ** 2 - (free[:, i] - free[:, j]) ** 2
    return np.asarray(update.mean(axis=0) / (2 * ETA))


def _dense_bordered(net: ResistorNetwork, g: np.ndarray, problem: tuple[Any, ...], samples: int) -> np.ndarray:
    """Each sample, free and clamped, by its own dense system of Laplacian and constraints: (L C; C^T 0)(v, -i) = (0, held)."""
    sources, x, targets, y = problem
    n = net.n_nodes
    laplacian = np.zeros((n, n))
    for (i, j), k in zip(net.edges, g, strict=True):
        laplacian[i, i] += k
        laplacian[j, j] += k
        laplacian[i, j] -= k
        laplacian[j, i] -= k

    def solve(held: np.ndarray, values: np.ndarray) -> np.ndarray:
        m = len(held)
        whole = np.zeros((n + m, n + m))
        whole[:n, :n] = laplacian
        whole[held, n + np.arange(m)] = whole[n + np.arange(m), held] = 1
        return np.asarray(np.linalg.solve(whole, np.concatenate([np.zeros(n), values]))[:n])

    free, clamped = [], []
    for s in range(samples):
        free.append(solve(sources, x[s]))
        at = free[-1][targets]
        clamped.append(solve(np.append(sources, targets), np.append(x[s], at + ETA * (y[s] - at))))
    return _contrast(net, np.array(free), np.array(clamped))


def _sparse_bordered(net: ResistorNetwork, g: np.ndarray, problem: tuple[Any, ...]) -> np.ndarray:
    """Two sparse factorisations, of the free and of the clamped system with constraints, and a solve for each sample in both."""
    from scipy.sparse import bmat, coo_array, csc_array
    from scipy.sparse.linalg import splu

    sources, x, targets, y = problem
    n, (i, j) = net.n_nodes, net.edges.T
    values = np.concatenate([-g, -g, g, g])
    laplacian = csc_array(coo_array((values, (np.concatenate([i, j, i, j]), np.concatenate([j, i, i, j]))), shape=(n, n)))

    def solve(held: np.ndarray, values: np.ndarray) -> np.ndarray:
        m = len(held)
        border = coo_array((np.ones(m), (held, np.arange(m))), shape=(n, m))
        whole = csc_array(bmat([[laplacian, border], [border.T, None]]))
        right = np.zeros((n + m, len(values)))
        right[n:] = values.T
        return np.asarray(splu(whole).solve(right)[:n].T)

    free = solve(sources, x)
    at = free[:, targets]
    clamped = solve(np.append(sources, targets), np.concatenate([x, at + ETA * (y - at)], axis=1))
    return _contrast(net, free, clamped)


def coupled_step(device: str, seconds: float, n: int = 1024, batch: int = 128, samples: int = 2) -> list[Row]:
    """One exact full-batch step; the dense peer does `samples` samples, its time is scaled to the batch."""
    net, g, problem = _problem(n, batch)
    xp = _array.device_namespace(device)
    on = (xp.asarray(g), problem[0], xp.asarray(problem[1]), problem[2], xp.asarray(problem[3]))
    more = {s: _problem(n, s) for s in (8 * batch,)}
    contenders: dict[str, Callable[[], Any]] = {
        "pnnkern": lambda: coupled_learning_update(net, *on, eta=ETA),
        f"pnnkern, batch {8 * batch}": lambda: coupled_learning_update(
            net, on[0], *[xp.asarray(a) for a in more[8 * batch][2]], eta=ETA
        ),
        "sparse, twice": lambda: _sparse_bordered(net, g, problem),
        "dense, each sample": lambda: _dense_bordered(net, g, problem, samples),
    }
    times = interleaved(contenders, device, seconds, rounds=5)
    times["dense, each sample"] *= batch / samples
    columns = len(problem[0]) + len(problem[2])
    # floor: read and write the conductances, and gather the response at both ends of each edge
    moved, flops = 8 * (2 * net.n_edges + 2 * net.n_edges * columns), 4.0 * net.n_edges * columns
    exact = _sparse_bordered(net, g, problem)
    rows = []
    for name, ms in times.items():
        got = exact if name.startswith(("dense", "sparse")) or "batch" in name else _array.to_numpy(contenders[name]())
        error = float(np.abs(got - exact).max() / np.abs(exact).max())
        extra = {"error": error} if name == "pnnkern" else {}
        work = f"{n} nodes, {net.n_edges} edges, {columns - 3} sources, 3 targets, batch {batch}"
        rows.append(row("coupled learning step", work, name, ms, moved, flops, device, **extra))
    return with_ratios(rows)


def large_network(device: str, seconds: float, n: int = 100_000, batch: int = 128) -> list[Row]:
    """One exact step of a large network."""
    net, g, problem = _problem(n, batch)
    xp = _array.device_namespace(device)
    on = (xp.asarray(g), problem[0], xp.asarray(problem[1]), problem[2], xp.asarray(problem[3]))
    times = interleaved({"pnnkern": lambda: coupled_learning_update(net, *on, eta=ETA)}, device, seconds, rounds=3)
    moved, flops = 8 * (2 * net.n_edges + 2 * net.n_edges * 19), 4.0 * net.n_edges * 19
    work = f"{n} nodes, {net.n_edges} edges, 16 sources, 3 targets, batch {batch}"
    return with_ratios([row("coupled learning, large", work, "pnnkern", times["pnnkern"], moved, flops, device)])


def _least_squares(net: TransistorNetwork, gate: np.ndarray, nodes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Kirchhoff's law of one sample by SciPy's least_squares, currents edge by edge in a Python loop."""
    from scipy.optimize import least_squares

    free = np.setdiff1d(np.arange(net.n_nodes), nodes)
    v = np.zeros(net.n_nodes)
    v[nodes] = values

    def left(x: np.ndarray) -> np.ndarray:
        v[free] = x
        out = np.zeros(net.n_nodes)
        for (i, j), g in zip(net.edges, gate, strict=True):
            flow = max(g - net.threshold - (v[i] + v[j]) / 2, net.least) * (v[i] - v[j])
            out[i] += flow
            out[j] -= flow
        return out[free]

    v[free] = least_squares(left, np.full(len(free), values.mean())).x
    return v


def transistors(device: str, seconds: float, side: int = 10, batch: int = 32) -> list[Row]:
    """A lattice of transistors, five nodes held; milliseconds of a sample."""
    rng = np.random.default_rng(0)
    net = TransistorNetwork(graphs.lattice(side, side), side * side)
    gate, nodes, values = rng.uniform(1.5, 3, net.n_edges), rng.permutation(side * side)[:5], rng.uniform(0, 0.5, (batch, 5))
    xp = _array.device_namespace(device)
    on = (xp.asarray(gate), nodes, xp.asarray(values))
    contenders: dict[str, Callable[[], Any]] = {
        "pnnkern, sweeps": lambda: net.solve(*on, method="sweep", relaxation=1.7),
        "pnnkern, Newton": lambda: net.solve(*on, method="newton"),
        "SciPy least_squares": lambda: _least_squares(net, gate, nodes, values[0]),
    }
    times = interleaved(contenders, device, seconds, rounds=5)
    exact = net.solve(gate, nodes, values[:1], method="newton", tolerance=1e-14)[0]
    rows = []
    for name, ms in times.items():
        each = ms if name.startswith("SciPy") else ms / batch
        got = contenders[name]() if name.startswith("SciPy") else _array.to_numpy(contenders[name]())[0]
        # floor: each edge once per sweep of a hundred
        moved, flops = 8.0 * (net.n_edges + 2 * net.n_nodes), 100 * 2 * 10.0 * net.n_edges
        error = float(np.abs(got - exact).max())
        work = f"{side * side} nodes, {net.n_edges} transistors, one of {batch} samples"
        rows.append(row("transistor network", work, name, each, moved, flops, device, error=error))
    return with_ratios(rows)


def _springs_by_scipy(net: ElasticNetwork, k: np.ndarray, l: np.ndarray, nodes: np.ndarray, at: np.ndarray, start: np.ndarray,
                      method: str) -> np.ndarray:  # fmt: skip
    """One sample at rest by scipy.optimize.minimize, with energy and gradient, and for "trust-exact" the Hessian, in NumPy."""
    from scipy.optimize import minimize

    n, (i, j) = net.n_nodes, net.edges.T
    x = start.copy()
    x[nodes] = at
    free = np.setdiff1d(np.arange(n), nodes)
    ends = np.concatenate([i, j])

    def shaped(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x[free] = z.reshape(-1, 2)
        w = x[i] - x[j]
        return w, np.sqrt((w * w).sum(axis=1))

    def energy(z: np.ndarray) -> tuple[float, np.ndarray]:
        w, r = shaped(z)
        force = (k * (r - l) / r)[:, None] * w
        both = np.concatenate([force, -force])
        net_force = np.stack([np.bincount(ends, both[:, a], n) for a in (0, 1)], axis=1)
        return float((k * (r - l) ** 2).sum() / 2), net_force[free].ravel()

    def hessian(z: np.ndarray) -> np.ndarray:
        w, r = shaped(z)
        tension = k * (1 - l / r)
        block = ((k - tension) / r**2)[:, None, None] * w[:, :, None] * w[:, None, :] + tension[:, None, None] * np.eye(2)
        h = np.zeros((n, n, 2, 2))
        h[i, j] = h[j, i] = -block
        for a, b in np.ndindex(2, 2):
            h[np.arange(n), np.arange(n), a, b] = np.bincount(ends, np.tile(block[:, a, b], 2), n)
        return np.asarray(h[free][:, free].transpose(0, 2, 1, 3).reshape(2 * len(free), -1))

    exact = {"hess": hessian} if method == "trust-exact" else {}
    x[free] = minimize(energy, x[free].ravel(), jac=True, method=method, options={"gtol": 1e-9, "maxiter": 5000}, **exact).x.reshape(-1, 2)
    return x


def springs(device: str, seconds: float, n: int = 40, batch: int = 100) -> list[Row]:
    """A planar network of springs, ten nodes displaced, the others at rest; milliseconds of a sample."""
    rng = np.random.default_rng(0)
    edges, x = graphs.delaunay(n, random.key(3))
    net, nodes = ElasticNetwork(edges, n), rng.permutation(n)[:10]
    k, l = rng.uniform(0.3, 3, net.n_edges), net.lengths(x[None])[0]
    at = x[nodes] + 0.02 * rng.standard_normal((batch, 10, 1)) * np.array([1.0, 0.0])
    xp = _array.device_namespace(device)
    on = [xp.asarray(a) for a in (k, l, at, x)]
    few = batch // 10  # of the samples are enough for SciPy
    contenders: dict[str, Callable[[], Any]] = {
        "pnnkern": lambda: net.relax(on[0], on[1], nodes, on[2], on[3]),
        "SciPy, BFGS": lambda: [_springs_by_scipy(net, k, l, nodes, a, x, "BFGS") for a in at[:few]],
        "SciPy, trust-exact": lambda: [_springs_by_scipy(net, k, l, nodes, a, x, "trust-exact") for a in at[:few]],
    }
    times = interleaved(contenders, device, seconds, rounds=5)
    got = net.relax(k, l, nodes, at, x, tolerance=1e-12)
    rows = []
    # floor: positions in and out, and in each of five Newton steps 30 operations for a spring and a factorisation in a band of 10
    moved, flops = 8.0 * 2 * 2 * n, 5 * (30.0 * net.n_edges + 2 * (n - len(nodes)) * 10**2)
    for name, ms in times.items():
        ours = name == "pnnkern"
        found = _array.to_numpy(contenders[name]().positions)[:few] if ours else np.array(contenders[name]())
        error = float(np.median(np.abs(found - got.positions[:few]).max(axis=(1, 2))))
        work = f"{n} nodes, {net.n_edges} springs, one of {batch} samples"
        rows.append(row("network of springs", work, name, ms / (batch if ours else few), moved, flops, device, error=error))
    return with_ratios(rows)


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases within about `budget` seconds."""
    steps = coupled_step(device, 0.4 * budget) + large_network(device, 0.3 * budget)
    return steps + transistors(device, 0.15 * budget) + springs(device, 0.1 * budget)
