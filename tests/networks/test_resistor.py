"""Linear networks: Kirchhoff's law from the incidence matrix, series and parallel resistors, least dissipation, many at once, refusals."""

import numpy as np
import pytest
import scipy.optimize

from pnnkern import _launch, networks, random
from pnnkern._errors import ConvergenceError
from pnnkern.networks import ResistorNetwork, graphs


def incidence(net: ResistorNetwork) -> np.ndarray:
    b = np.zeros((net.n_edges, net.n_nodes))
    b[np.arange(net.n_edges), net.edges[:, 0]] = 1
    b[np.arange(net.n_edges), net.edges[:, 1]] = -1
    return b


def by_inverse(net: ResistorNetwork, g: np.ndarray, held: np.ndarray, values: np.ndarray, driven: np.ndarray | float = 0.0) -> np.ndarray:
    """L v = i solved densely, column by column of the free nodes."""
    b = incidence(net)
    full = b.T @ np.diag(g) @ b
    free = np.setdiff1d(np.arange(net.n_nodes), held)
    v = np.zeros((len(values), net.n_nodes))
    v[:, held] = values
    right = np.broadcast_to(driven, v.shape)[:, free] - v[:, held] @ full[np.ix_(held, free)]
    v[:, free] = np.linalg.solve(full[np.ix_(free, free)], right.T).T
    return v


def example(rng: np.random.Generator, n: int = 31, batch: int = 5, held: int = 3) -> tuple:
    net = ResistorNetwork(graphs.delaunay(n, random.key(n))[0], n)
    g = rng.uniform(0.5, 2, net.n_edges)
    return net, g, rng.permutation(n)[:held], rng.uniform(-3, 3, (batch, held))


def test_front_door() -> None:
    net = networks.ResistorNetwork(np.array([[0, 1], [1, 2]]), 3)
    v = net.solve(np.array([1e-3, 3e-3]), nodes=[0, 2], voltages=np.array([[4.0, 0.0]]))
    assert v == pytest.approx(np.array([[4.0, 1.0, 0.0]]))  # a divider of 1000 and 333 ohms


@pytest.mark.parametrize(("n", "batch", "held"), [(3, 1, 1), (31, 33, 2), (127, 7, 5)])
def test_states_obey_kirchhoff(backend, n: int, batch: int, held: int, rng: np.random.Generator) -> None:
    net, g, nodes, values = example(rng, n, batch, held)
    driven = rng.uniform(-1, 1, (batch, n))
    got = net.solve(backend.array(g), nodes, backend.array(values), currents=backend.array(driven))
    expected = by_inverse(net, g, nodes, values, driven)
    assert np.abs(backend.numpy(got) - expected).max() < 1e-8
    left = backend.numpy(net.residual(backend.array(g), got, nodes, backend.array(driven)))
    assert left.shape == (batch,)
    assert left.max() < 1e-8
    power = backend.numpy(net.power(backend.array(g), got))
    assert np.allclose(power, ((expected @ incidence(net).T) ** 2 * g).sum(axis=1), rtol=1e-7)


def test_strided_input_is_copied(backend, rng: np.random.Generator) -> None:
    net, g, nodes, values = example(rng)
    apart, turned = backend.array(np.repeat(g, 2))[::2], backend.array(np.ascontiguousarray(values.T)).T
    assert np.abs(backend.numpy(net.solve(apart, nodes, turned)) - by_inverse(net, g, nodes, values)).max() < 1e-8


@pytest.mark.parametrize("method", ["direct", "cg"])
def test_methods_agree(method: str, rng: np.random.Generator) -> None:
    net, g, nodes, values = example(rng, 300, 4)
    g = (g**6).astype(np.float32)
    got = net.relax(g, nodes, values, method=method)
    assert got.voltages.dtype == np.float32
    assert got.converged
    assert got.residual.max() <= 1e-10
    assert np.abs(got.voltages - by_inverse(net, g.astype(float), nodes, values)).max() < 2e-6


def test_columns_stop_one_by_one(rng: np.random.Generator) -> None:
    """A sample of zeros beside others, and one a million times larger: each converges to its own scale."""
    net, g, nodes, values = example(rng, 60, 3)
    values[1], values[2] = 0, values[2] * 1e6
    got = net.relax(g, nodes, values, method="cg").voltages
    expected = by_inverse(net, g, nodes, values)
    assert (got[1] == 0).all()
    for c in (0, 2):
        assert np.abs(got[c] - expected[c]).max() < 1e-7 * np.abs(expected[c]).max()


def test_load_is_a_resistor_to_a_source(backend, rng: np.random.Generator) -> None:
    """The same network with two more nodes, held at the loads' voltages."""
    net, g, nodes, values = example(rng)
    at = np.setdiff1d(np.arange(31), nodes)[[4, 9]]
    volts = rng.uniform(-2, 2, (5, 2))
    got = net.solve(backend.array(g), nodes, backend.array(values), load=(at, np.array([0.3, 2.0]), backend.array(volts)))
    larger = ResistorNetwork(np.concatenate([net.edges, [[at[0], 31], [at[1], 32]]]), 33)
    expected = by_inverse(larger, np.append(g, [0.3, 2.0]), np.append(nodes, [31, 32]), np.concatenate([values, volts], axis=1))
    assert np.abs(backend.numpy(got) - expected[:, :31]).max() < 1e-8


def test_least_dissipation(rng: np.random.Generator) -> None:
    """scipy.optimize finds the same states, from the power alone."""
    for n in (4, 6, 9):
        net = ResistorNetwork(graphs.disordered(n, 2.5, random.key(n)), n)
        g, held = rng.uniform(0.1, 2, net.n_edges), np.array([0, n - 1])
        free = np.arange(1, n - 1)

        def power(x: np.ndarray, net: ResistorNetwork = net, g: np.ndarray = g, free: np.ndarray = free) -> float:
            v = np.zeros(net.n_nodes)
            v[0], v[free] = 5.0, x
            return float((g * (v[net.edges[:, 0]] - v[net.edges[:, 1]]) ** 2).sum())

        best = scipy.optimize.minimize(power, np.full(n - 2, 2.0), method="BFGS", options={"gtol": 1e-9})
        got = net.solve(g, held, np.array([[5.0, 0.0]]))
        assert np.abs(got[0, free] - best.x).max() < 1e-6


def test_response_is_the_inverse(backend, rng: np.random.Generator) -> None:
    net, g, _, _ = example(rng, 50)
    sources, targets = np.array([1, 7, 30]), np.array([4, 44])
    r = net.response(backend.array(g), sources, targets)
    full = incidence(net).T @ np.diag(g) @ incidence(net)
    free = np.setdiff1d(np.arange(50), sources)
    inverse = np.linalg.inv(full[np.ix_(free, free)])
    assert np.abs(backend.numpy(r.targets)[free] - inverse[:, np.searchsorted(free, targets)]).max() < 1e-8
    assert np.abs(backend.numpy(r.sources).sum(axis=1) - 1).max() < 1e-8  # all sources at 1 V: everything is
    assert np.abs(backend.numpy(r.held)[targets] - np.eye(2)).max() < 1e-9
    z = inverse[np.ix_(*[np.searchsorted(free, targets)] * 2)]
    assert r.nudge_bound == pytest.approx(1 / np.linalg.eigvalsh(z).max(), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n", "networks_", "batch", "shared"), [(9, 5, 3, False), (33, 3, 70, True)])
def test_many_small_networks(backend, dtype: str, n: int, networks_: int, batch: int, shared: bool, rng: np.random.Generator) -> None:
    net = ResistorNetwork(graphs.delaunay(n, random.key(n))[0], n)
    g = rng.uniform(0.2, 2, (networks_, net.n_edges)).astype(dtype)
    held = np.array([0, 5, n - 1])
    values = rng.uniform(-1, 1, (batch, 3) if shared else (networks_, batch, 3)).astype(dtype)
    got = backend.numpy(net.solve_many(backend.array(g), held, backend.array(values)))
    assert got.dtype == dtype
    for m in range(networks_):
        expected = by_inverse(net, g[m].astype(float), held, values if shared else values[m])
        assert np.abs(got[m] - expected).max() < (2e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("n", [40, 203, 540])  # in one kernel; factorised, on a GPU all at a time; by sparse factors there too
def test_gains_of_many_networks(backend, n: int, rng: np.random.Generator) -> None:
    """Kirchhoff's law at every free node; one network has an edge that does not conduct."""
    net = ResistorNetwork(graphs.delaunay(n, random.key(n))[0], n)
    g = rng.uniform(0.2, 2, (3, net.n_edges)).astype(np.float32)
    g[1, 4] = 0
    sources, targets = np.array([7, 0, n - 1, 3]), np.array([11, 5, 30])
    got = backend.numpy(net.gains(backend.array(g), sources, targets))
    assert (got.shape, got.dtype) == ((3, 4, 3), np.float64)
    for m in range(3):
        np.testing.assert_allclose(got[m], by_inverse(net, g[m].astype(float), sources, np.eye(4))[:, targets], atol=1e-11)
    g[2, np.unique(np.nonzero(net.edges == 1)[0])] = 0
    with pytest.raises(ValueError, match="node 1 floats"):
        net.gains(backend.array(g), sources, targets)


def test_gains_that_rounding_spoils_are_refused(rng: np.random.Generator) -> None:
    net = ResistorNetwork(graphs.delaunay(203, random.key(1))[0], 203)
    g = 10.0 ** rng.uniform(-14, 14, (2, net.n_edges))
    with pytest.raises(ConvergenceError, match="has not converged"):
        net.gains(g, [0, 1], [5], tolerance=1e-16)


def test_factors_too_large_for_shared_memory(backend, rng: np.random.Generator) -> None:
    """150 free nodes in float64 are 90 kB: with less allowed, the factor lies in global memory and the answer is the same."""
    net = ResistorNetwork(graphs.delaunay(40, random.key(1))[0], 40)
    g, held, values = rng.uniform(0.5, 2, (2, net.n_edges)), np.array([3, 8]), rng.uniform(0, 1, (3, 2))
    whole = backend.numpy(net.solve_many(backend.array(g), held, backend.array(values)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_launch, "shared_limit", lambda like: 1024)
        small = backend.numpy(net.solve_many(backend.array(g), held, backend.array(values)))
    assert np.array_equal(whole, small)


# ------------------------------------------------------------------------------------------------------------------- bad input
NET = ResistorNetwork(np.array([[0, 1], [1, 2], [3, 4]]), 5)
PATH = ResistorNetwork(np.array([[0, 1], [1, 2]]), 3)
G, V = np.ones(2), np.ones((1, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: NET.solve(np.ones(3), [0], np.ones((1, 1))), ValueError, r"node 3 floats: no path .* \(2 of 5 nodes do\)"),
        (lambda: PATH.solve(np.array([1.0, 0.0]), [0], np.ones((1, 1))), ValueError, "node 2 floats"),
        (lambda: PATH.solve_many(np.array([[1.0, 1.0], [1.0, 0.0]]), [0], np.ones((1, 1))), ValueError, "node 2 floats"),
        (lambda: PATH.gains(np.array([[1.0, 1.0], [1.0, 0.0]]), [0], [1]), ValueError, "node 2 floats"),
        (lambda: PATH.gains(np.array([[1.0, -1.0]]), [0], [1]), ValueError, "at least 0 siemens, got -1"),
        (lambda: PATH.gains(np.ones((1, 3)), [0], [1]), ValueError, r"conductance must be \(networks, 2\)"),
        (lambda: PATH.gains(np.ones((1, 2)), [0], [0]), ValueError, "node 0 is a source and a target"),
        (lambda: PATH.solve(np.array([1.0, -0.5]), [0, 2], V), ValueError, "conductance must be finite and at least 0 siemens, got -0.5"),
        (lambda: PATH.solve(np.array([1.0, np.nan]), [0, 2], V), ValueError, "conductance must be finite"),
        (lambda: PATH.solve(np.ones(3), [0, 2], V), ValueError, r"conductance must be \(2,\), one for each edge"),
        (lambda: PATH.solve(np.ones(2, complex), [0, 2], V), TypeError, "conductance must be real numbers, got complex128"),
        (lambda: PATH.solve(G, [0, 0], V), ValueError, "nodes name node 0 twice: a node is held at one voltage"),
        (lambda: PATH.solve(G, [0, 7], V), ValueError, "nodes name node 7: the network has nodes 0 .. 2"),
        (lambda: PATH.solve(G, [0, 2], np.ones((1, 3))), ValueError, r"voltages must be \(batch, 2\)"),
        (lambda: PATH.solve(G, [0, 2], np.array([[1.0, np.inf]])), ValueError, "voltages must be finite"),
        (lambda: PATH.solve(G, [0, 2], V, currents=np.ones((1, 2))), ValueError, r"currents must be \(1, 3\)"),
        (lambda: PATH.solve(G, [0, 2], V, method="lu"), ValueError, "'direct', 'cg' or 'auto'|'auto', 'direct' or 'cg'"),
        (lambda: PATH.response(G, [0, 2], [2]), ValueError, "node 2 is a source and a target: it cannot be held at two voltages"),
    ],
)
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_what_has_not_converged_is_an_error_or_a_flag(rng: np.random.Generator) -> None:
    net, g, nodes, values = example(rng, 200)
    with pytest.raises(ConvergenceError, match=r"has not converged in 5 steps: the worst of 5 samples .* on_failure='flag'"):
        net.solve(g, nodes, values, method="cg", steps=5)
    state = net.relax(g, nodes, values, method="cg", steps=5, on_failure="flag")
    assert not state.converged
    assert (state.residual > 1e-10).all()


def test_a_direct_solution_has_no_steps_to_allow(backend, rng: np.random.Generator) -> None:
    """Conductances over 28 orders of magnitude: rounding leaves more than was asked for, and nothing but that."""
    net, _, nodes, values = example(rng, 60)
    g = backend.array(10.0 ** rng.uniform(-14, 14, net.n_edges))
    for solve in (
        lambda: net.solve(g, nodes, backend.array(values), tolerance=1e-20),
        lambda: net.response(g, nodes[:-1], nodes[-1:], tolerance=1e-20),
    ):
        with pytest.raises(ConvergenceError, match=r"has not converged: .*; its conductances and loads lie too far apart for double") as said:
            solve()
        assert "step" not in str(said.value)


def test_a_state_is_a_start_for_the_next(backend) -> None:
    """From the state before a small change, conjugate gradients take fewer steps to the same state."""
    edges = graphs.lattice(12, 12)
    net, rng = ResistorNetwork(edges, 144), np.random.default_rng(2)
    g, values = rng.uniform(0.5, 2, len(edges)), rng.random((3, 4))
    on = backend.array
    before = net.relax(on(g), [0, 11, 132, 143], on(values), method="cg").voltages
    changed = g * (1 + 1e-6 * rng.standard_normal(len(g)))
    cold = net.relax(on(changed), [0, 11, 132, 143], on(values), method="cg")
    warm = net.relax(on(changed), [0, 11, 132, 143], on(values), method="cg", start=before)
    assert warm.steps < 0.8 * cold.steps
    exact = net.solve(changed, [0, 11, 132, 143], values, method="direct")
    assert np.abs(backend.numpy(warm.voltages) - exact).max() < 1e-8
    with pytest.raises(ValueError, match=r"start must be \(3, 144\), got shape \(144,\)"):
        net.relax(on(g), [0, 11, 132, 143], on(values), method="cg", start=before[0])
