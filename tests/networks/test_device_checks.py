"""What networks do not look at on a GPU: checks raise at the next `check`, fixed numbers of sweeps are not waited for, singular matrices
and small shared memories end as on a CPU."""

from typing import Any

import numpy as np
import pytest
import strict_cupy

import pnnkern as pnn
from pnnkern import _array, _launch, random
from pnnkern._errors import ConvergenceError, FaultError
from pnnkern.networks import (
    DiodeNetwork,
    ElasticNetwork,
    ResistorNetwork,
    TransistorNetwork,
    drn,
    graphs,
    hopfield,
    ising,
    oscillator,
    potts,
)
from pnnkern.networks._solve import solution, solved

X, Y = np.array([[1.0, -0.5, 2.0]]), np.array([[0.3, 0.1]])
W = [np.full((3, 4), 0.5), np.full((4, 2), 0.25)]
NET = ResistorNetwork(np.array([[0, 1], [1, 2]]), 3)
SPINS = ising.SpinGraph(np.array([[0, 1], [1, 2]]), 3)
SPRINGS = ElasticNetwork(np.array([[0, 1], [1, 2], [3, 1]]), 4)
KEY = random.key(3)


# --------------------------------------------------------------------------------------------------------------------- checks
@pytest.mark.parametrize(("call", "message"), [
    (lambda on: drn.relax(on(X), [on(W[0]), on(-W[1])], sweeps=2, tolerance=0), "conductances of a resistive network must be 0 or more"),
    (lambda on: drn.relax(on(X), [on(0 * W[0]), on(0 * W[1])], sweeps=2, tolerance=0), "joined to nothing"),
    (lambda on: drn.phases(on(X), [on(w) for w in W], nudges=(-1.5,), target=on(Y), sweeps=2, tolerance=0), r"make \|beta\| smaller"),
    (lambda on: oscillator.force(on(X), on(np.triu(np.ones((3, 3)), 1))), "coupling must be symmetric"),
    (lambda on: oscillator.force(on(X), on(np.eye(3))), "coupling must have no diagonal"),
    (lambda on: ising.moments(on(np.array([[1, 0, -1]], np.int8)), SPINS), r"spins must be \+1 or -1"),
    (lambda on: ising.energy(on(np.ones((1, 3), np.int8)), SPINS, on(np.array([1, np.nan], np.float32))), "must be finite"),
    (lambda on: ising.sweep(on(np.ones((1, 3), np.int8)), SPINS, on(np.ones(2, np.float32)), beta=on(np.array([-1.0])), key=KEY),
     "beta must be"),
    (lambda on: ising.sweep(on(np.zeros((1, 3), np.int8)), SPINS, on(np.ones(2, np.float32)), key=KEY), r"spins must be \+1 or -1"),
    (lambda on: ising.sweep(on(np.ones((1, 3), np.int8)), SPINS, on(np.array([1, np.inf], np.float32)), key=KEY), "must be finite"),
    (lambda on: ising.sweep(on(np.ones((1, 3), np.int8)), SPINS, on(np.ones(2, np.float32)), on(np.array([0, np.nan, 0])), key=KEY),
     "must be finite"),
    (lambda on: potts.sweep(on(np.array([[0, 3, 1]], np.int8)), SPINS, on(np.ones(2, np.float32)), states=3, key=KEY), "state is out of"),
    (lambda on: potts.sweep(on(np.array([[0, -1, 1]], np.int8)), SPINS, on(np.ones(2, np.float32)), states=3, key=KEY), "state is out of"),
    (lambda on: potts.sweep(on(np.ones((2, 3), np.int8)), SPINS, on(np.ones(2, np.float32)), states=3, beta=on(np.array([np.nan])), key=KEY),
     "beta must be"),
    (lambda on: potts.sweep(on(np.ones((2, 3), np.int8)), SPINS, on(np.array([1, np.inf], np.float32)), states=3, key=KEY), "must be finite"),
    (lambda on: potts.sweep(on(np.ones((2, 3), np.int8)), SPINS, on(np.ones(2, np.float32)), on(np.array([[0, 0, np.nan]] * 3)), states=3,
                            key=KEY), "must be finite"),
    (lambda on: potts.sweep(on(np.ones((2, 3), np.int8)), SPINS, on(np.ones(2, np.float32)), on(np.stack([0 * np.eye(3), np.inf + np.eye(3)])),
                            states=3, key=KEY), "must be finite"),
    (lambda on: NET.residual(on(np.ones(2)), NET.solve(on(np.ones(2)), [0, 2], on(np.array([[1.0, np.inf]])), on_failure="flag"), [0]),
     "must be finite"),
    (lambda on: solution(on(np.zeros((2, 2))), on(np.ones((2, 1)))), "no solution"),
])  # fmt: skip
def test_faults_of_networks(cupy: Any, call: Any, message: str) -> None:
    """On a CPU at once, on a GPU without a look at it, at the next check."""
    call(cupy.asarray)
    with pytest.raises(FaultError, match=message):
        pnn.check()
    pnn.check()  # once
    with pytest.raises(ValueError, match=r"conductances must be 0 or more, the" if "resistive network must" in message else message):
        call(np.asarray)


def test_what_is_right_raises_no_fault(cupy: Any) -> None:
    on = cupy.asarray
    drn.phases(on(X), [on(w) for w in W], nudges=(-0.9, 0.5), target=on(Y), sweeps=2, tolerance=0)
    oscillator.force(on(X), on(np.ones((3, 3)) - np.eye(3)))
    ising.sweep(on(np.ones((1, 3), np.int8)), SPINS, on(np.ones(2, np.float32)), beta=on(np.array([1.0, 2.0])), key=KEY)
    field, beta = on(np.ones((2, 3, 3))), on(np.array([1.0]))
    potts.sweep(on(np.ones((2, 3), np.int8)), SPINS, on(np.ones(2, np.float32)), field, states=3, beta=beta, key=KEY)
    pnn.check()


def settled(on: Any, k: Any, l: Any, x: Any = ((0.0, 0.0), (0.9, 0.1), (2.0, 0.0), (1.1, 1.0)), **how: Any) -> Any:
    """A node on three springs whose other ends are held."""
    x = np.asarray(x)
    held = on(x[None, [3, 0, 2]].copy())
    return SPRINGS.relax(on(np.asarray(k)), on(np.asarray(l)), [3, 0, 2], held, on(x), **{"on_failure": "check"} | how)


@pytest.mark.parametrize(("k", "l", "message", "steps"), [
    ((1.0, -2.0, 1.0), (1.0, 1.0, 1.0), "stiffness.* must be finite and at least 0 N/m", 200),
    ((1.0, np.nan, 1.0), (1.0, 1.0, 1.0), "stiffness.* must be finite and at least 0 N/m", 200),
    ((1.0, 1.0, np.inf), (1.0, 1.0, 1.0), "stiffness.* must be finite and at least 0 N/m", 200),
    ((1.0, 1.0, 2.0), (1.0, -1.0, 1.0), "rest.* must be finite and at least 0 m", 200),
    ((1.0, 1.0, 2.0), (1.0, 1.0, np.inf), "rest.* must be finite and at least 0 m", 200),
    ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "node .*floats: no path", 200),
    ((1.0, 2.0, 1.0), (1.0, 1.5, 1.0), "have not come to rest", 1),
])  # fmt: skip
def test_springs_say_later_what_is_wrong(cupy: Any, k: Any, l: Any, message: str, steps: int) -> None:
    """Without a wait; nodes that float and samples without rest too. On a CPU at once."""
    first = settled(cupy.asarray, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))  # tables are there now
    with strict_cupy.counted() as events:
        settled(cupy.asarray, k, l, steps=steps)
    assert strict_cupy.totals(events)["syncs"] == 0
    error = ConvergenceError if "come to rest" in message else ValueError
    with pytest.raises(error, match=message):
        pnn.check()
    pnn.check()  # once
    with pytest.raises(error, match=message):
        settled(np.asarray, k, l, steps=steps)
    assert first.converged


LATER: dict[str, Any] = {"on_failure": "check"}
TRIANGLE = np.array([[0, 1], [1, 2], [3, 1], [3, 4]])
CONDUCTORS = {
    "resistors": ResistorNetwork(TRIANGLE, 5), "diodes": DiodeNetwork(TRIANGLE, 5, diode=[False, True, False, False], reverse=0.01),
    "transistors": TransistorNetwork(TRIANGLE, 5),
}  # fmt: skip


@pytest.mark.parametrize("kind", CONDUCTORS)
def test_circuits_say_later_what_is_wrong(cupy: Any, kind: str) -> None:
    """Conductances or gates, nodes that float, voltages that do not settle: all without a wait, and on a CPU at once."""
    net, on = CONDUCTORS[kind], cupy.asarray
    values, volts, gates = np.array([1.5, 2.0, 1.8, 1.6]), np.array([[0.0, 0.3]]), kind == "transistors"
    volts_on = on(volts)
    found = [net.relax(on(values), [0, 2], volts_on, **LATER)]  # tables are there now
    given = on(values)
    with strict_cupy.counted() as events:
        found.append(net.relax(given, [0, 2], volts_on, **LATER))
    assert strict_cupy.totals(events)["syncs"] == strict_cupy.totals(events)["copies"] == 0
    pnn.check()
    np.testing.assert_allclose(found[1].voltages.get(), net.solve(values, [0, 2], volts), atol=1e-9)
    assert found[1].converged
    assert found[1].residual.shape == (1,)
    wrong = [(np.array([1.0, np.nan, 1.0, 1.0]), "must be finite"), (np.array([1.0, 1.0, np.inf, 1.0]), "must be finite")]
    if not gates:
        wrong += [(np.array([1.0, -1.0, 1.0, 1.0]), "at least 0|below the least"), (np.array([1.0, 1.0, 0.0, 1.0]), "floats")]
    for bad, message in wrong:
        given = on(bad)
        with strict_cupy.counted() as events:
            net.relax(given, [0, 2], volts_on, **LATER)
        assert strict_cupy.totals(events)["syncs"] == 0
        with pytest.raises(ValueError, match=message):
            pnn.check()
        pnn.check()
        with pytest.raises(ValueError, match=message):
            net.relax(bad, [0, 2], volts, **LATER)
    net.relax(on(values), [0, 2], volts_on, tolerance=1e-300, steps=1, **LATER)
    with pytest.raises(ConvergenceError, match="has not converged"):
        pnn.check()
    flagged = net.relax(on(values), [0, 2], volts_on, tolerance=1e-300, steps=1, on_failure="flag")
    pnn.check()
    assert not flagged.converged
    with pytest.raises(ValueError, match=r"node [34] floats"):  # with all edges
        type(net)(TRIANGLE[:3], 5).relax(on(values[:3]), [0, 2], volts_on, **LATER)


@pytest.mark.parametrize("cut", [0, 20, 39])
def test_a_chain_that_is_cut_floats(cupy: Any, cut: int) -> None:
    """Held at one end, or at both; in more turns than there are warps, in either order of nodes."""
    line = np.stack([np.arange(40), np.arange(1, 41)], axis=1)
    g = np.ones(40)
    g[cut] = 0
    for edges in (line, 40 - line):
        net = ResistorNetwork(edges, 41)
        for held, floats in (([0, 40], False), ([0], True), ([40], True)):
            given = cupy.asarray(g), held, cupy.ones((1, len(held)))
            net.relax(*given, on_failure="flag")
            if floats:
                with pytest.raises(FaultError, match="a node floats"):
                    pnn.check()
            pnn.check()


def test_one_of_many_edges_is_open(cupy: Any) -> None:
    """A star of more edges than a block has threads, of which the first one, or the last, carries nothing."""
    leaves = np.arange(1, 601)
    net = ResistorNetwork(np.stack([0 * leaves, leaves], axis=1), 601)
    for cut in (0, 599, None):
        g = np.ones(600)
        g[slice(0) if cut is None else cut] = 0
        net._fitting(cupy.asarray(g), np.array([0]))
        if cut is not None:
            with pytest.raises(FaultError, match="a node floats"):
                pnn.check()
        pnn.check()


def test_sweeps_go_on_by_themselves(cupy: Any) -> None:
    """Nodes that go a hundredth of their step have most of it left when they move little: a GPU goes on to smaller ones, each sample by itself,
    in as many sweeps as each takes alone on a CPU; against the straight line from end to end."""
    n, ends = 5, [0, 4]
    net, volts = DiodeNetwork(np.stack([np.arange(n - 1), np.arange(1, n)], axis=1), n), np.array([[0.0, 0.3], [0.0, 0.0], [0.2, -0.1]])
    how = {"tolerance": 1e-6, "relaxation": 0.01}
    given, there = cupy.ones(n - 1), cupy.asarray(volts)
    found = net.relax(given, ends, there, **how, on_failure="check")
    pnn.check()
    alone = [net.relax(np.ones(n - 1), ends, one[None], **how, method="sweep") for one in volts]
    assert found.converged
    assert found.taken.tolist() == [one.steps for one in alone]
    np.testing.assert_allclose(found.residual, [one.residual[0] for one in alone], rtol=1e-6)
    line = volts[:, :1] + (volts[:, 1:] - volts[:, :1]) * np.arange(n) / (n - 1)
    np.testing.assert_allclose(found.voltages.get(), line, atol=1e-5)
    most = max(one.steps for one in alone) - 1
    assert net.relax(given, ends, there, **how, steps=most, on_failure="flag").steps == most


def test_what_sweeps_leave_is_the_largest_of_all_warps(cupy: Any) -> None:
    """Of a chain whose far end has just been raised: by hand half of that, at its neighbour, relative to the largest voltage."""
    n = 300
    net = DiodeNetwork(np.stack([np.arange(n - 1), np.arange(1, n)], axis=1), n)
    for node in (1, 70, 150, 297):
        start = np.zeros((1, n))
        start[0, node + 1] = 0.1
        held = [0, node + 1, n - 1]
        found = net.relax(cupy.ones(n - 1), held, cupy.asarray(start[:, held]), start=cupy.asarray(start), relaxation=1e-9, steps=1,
                          on_failure="flag")  # fmt: skip
        np.testing.assert_allclose(found.residual, 0.05 / 0.1, rtol=1e-6)


def test_springs_that_join_no_held_node(cupy: Any) -> None:
    """A chain of springs whose first has no stiffness: its other nodes pull on each other, and nothing holds them. Joined at the end, all is
    well; so in the other order of nodes."""
    line = np.stack([np.arange(40), np.arange(1, 41)], axis=1)
    for edges in (line, 40 - line):
        net, x = ElasticNetwork(edges, 41, dimension=1), cupy.asarray(np.linspace(0.0, 40.0, 41)[:, None])
        k, rest = np.ones(40), cupy.ones(40)
        ends = [0, 40]
        k[17] = 0
        for held, floats in ((ends, False), (ends[:1], True), (ends[1:], True)):
            net.relax(cupy.asarray(k), rest, held, x[None, cupy.asarray(held)], x, on_failure="check")
            if floats:
                with pytest.raises(FaultError, match="a node floats"):
                    pnn.check()
            pnn.check()


def test_springs_that_are_flagged_tell_nobody(cupy: Any) -> None:
    found = settled(cupy.asarray, (1.0, 2.0, 1.0), (1.0, 1.5, 1.0), steps=1, on_failure="flag")
    pnn.check()
    assert not found.converged
    assert found.steps == 1
    assert found.residual.shape == (1,)
    with pytest.raises(ConvergenceError, match="have not come to rest in 1 steps"):
        settled(cupy.asarray, (1.0, 2.0, 1.0), (1.0, 1.5, 1.0), steps=1, on_failure="raise")
    with pytest.raises(ValueError, match="on_failure must be 'raise', 'check' or 'flag', got 'no'"):
        settled(np.asarray, (1.0, 2.0, 1.0), (1.0, 1.5, 1.0), on_failure="no")


# --------------------------------------------------------------------------------------------------------------------- sweeps
@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize("room", [drn, hopfield])
def test_fixed_sweeps_are_not_waited_for(cupy: Any, room: Any, layers: int, rng: np.random.Generator) -> None:
    """With one hidden layer, fused, and with two; what is left can be asked for afterwards, and is that of the CPU."""
    weights = [rng.uniform(0.01, 0.1, shape) for shape in ((5, 7), (7, 6), (6, 3))[3 - layers :]]
    inputs, target = rng.random((4, len(weights[0]))), rng.random((4, 3))
    how = {"nudges": (-0.02, 0.02), "sweeps": 6, "tolerance": 0}
    with _launch.host():  # as a fused kernel looks at each sample by itself
        here = room.phases(inputs, weights, target=target, **how)
    there, wanted = cupy.asarray(inputs), cupy.asarray(target)
    on_device = [cupy.asarray(w) for w in weights]
    room.phases(there, on_device, target=wanted, **how)  # constants are there now
    with strict_cupy.counted() as events:
        found = room.phases(there, on_device, target=wanted, **how)
    assert strict_cupy.totals(events)["syncs"] == strict_cupy.totals(events)["copies"] == 0
    assert found.residual == pytest.approx(here.residual, rel=1e-6)
    assert found.converged == here.converged
    for one, two in zip((*here.states, *here.moved), (*found.states, *found.moved), strict=True):
        np.testing.assert_allclose(two.get(), one, rtol=1e-9, atol=1e-12)
    pnn.check()


def test_sweeps_with_a_tolerance_look_once_each(cupy: Any, rng: np.random.Generator) -> None:
    weights = [cupy.asarray(rng.uniform(0.01, 0.1, shape)) for shape in ((5, 7), (7, 6), (6, 3))]
    inputs = cupy.asarray(rng.random((4, 5)))
    for _ in range(2):
        with strict_cupy.counted() as events:
            found = drn.relax(inputs, weights, sweeps=9, tolerance=1e-15, on_failure="flag")
    assert strict_cupy.totals(events)["syncs"] == 9
    assert not found.converged


def test_oscillators_take_fixed_steps_unwatched(cupy: Any, rng: np.random.Generator) -> None:
    coupling = oscillator.Between(rng.normal(size=(4, 2)))
    there = oscillator.Between(cupy.asarray(coupling.weights))
    start, target = rng.normal(size=(3, 6)), rng.normal(size=(3, 2))
    how = {"nudges": (0.1,), "steps": 5, "tolerance": 0}
    here = oscillator.respond(start, coupling, target=target, **how)
    on = cupy.asarray(start), cupy.asarray(target)
    for _ in range(2):
        with strict_cupy.counted() as events:
            found = oscillator.respond(on[0], there, target=on[1], **how)
            oscillator.relax(on[0], there, steps=5, tolerance=0)
    assert strict_cupy.totals(events)["syncs"] == 0
    assert found.residual == pytest.approx(here.residual)
    np.testing.assert_allclose(found.moved[0].get(), here.moved[0], rtol=1e-9, atol=1e-12)


# ------------------------------------------------------------------------------------------------------------------- singular
def test_singular_matrices_are_the_same_everywhere(backend: Any, rng: np.random.Generator) -> None:
    """NaN for the ones without an inverse, the others solved; or a fault."""
    matrices, rhs = rng.normal(size=(3, 4, 4)) + 4 * np.eye(4), rng.normal(size=(3, 4, 2))
    matrices[1, :, 2] = matrices[1, 2, :] = 0
    x = backend.numpy(solved(backend.array(matrices), backend.array(rhs)))
    assert np.isnan(x[1]).all()
    np.testing.assert_allclose(matrices[[0, 2]] @ x[[0, 2]], rhs[[0, 2]], rtol=1e-12, atol=1e-12)

    def unsolved() -> None:
        solution(backend.array(matrices[1]), backend.array(rhs[1]))
        pnn.check()

    with pytest.raises(FaultError, match="no solution"):
        unsolved()


def test_newton_leaves_what_it_cannot_solve(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample whose equations have no solution stays where it is, at once; the others go on; sweeps take over where they may."""
    from pnnkern.networks import _nonlinear

    net = DiodeNetwork(np.array([[0, 1], [1, 2], [1, 3]]), 4, diode=[False, True, False])
    g, values = backend.array(np.array([1.0, 2.0, 0.5])), backend.array(np.array([[1.0, 0.0, 0.2], [0.5, 0.0, -1.0]]))
    truth = backend.numpy(net.solve(g, [0, 2, 3], values, method="sweep"))
    counts = {"left": 0}
    original, look = _nonlinear.solved, DiodeNetwork._left

    def broken(matrix: Any, rhs: Any) -> Any:
        x = original(matrix, rhs)
        return _array.namespace(x).where(_array.namespace(x).arange(len(x))[:, None, None] == len(x) - 1, np.nan, x)  # the last sample

    def counted(self: Any, *args: Any) -> Any:
        counts["left"] += 1
        return look(self, *args)

    monkeypatch.setattr(_nonlinear, "solved", broken)
    monkeypatch.setattr(DiodeNetwork, "_left", counted)
    with pytest.raises(ConvergenceError):
        net.solve(g, [0, 2, 3], values, method="newton")
    found = net.relax(g, [0, 2, 3], values, method="newton", on_failure="flag")
    assert np.isfinite(backend.numpy(found.voltages)).all()
    counts["left"] = 0
    np.testing.assert_allclose(backend.numpy(net.solve(g, [0, 2, 3], values)), truth, rtol=1e-8, atol=1e-10)
    assert counts["left"] <= 8  # no step is halved twelve times in vain


def test_dense_and_sparse_factors(backend: Any, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """Small networks are solved densely on a GPU, larger ones by conjugate gradients: the same voltages, with currents and loads."""
    net = ResistorNetwork(graphs.lattice(6, 7), 42)
    g, held = rng.uniform(0.2, 2, net.n_edges), np.array([0, 41, 20])
    x, currents = rng.normal(size=(5, 3)), rng.normal(size=(5, 42))
    load = (np.array([3, 9]), -0.05, rng.normal(size=(5, 2)))
    truth = net.solve(g, held, x, currents=currents, load=load)
    on = backend.array
    how = {"currents": on(currents), "load": (load[0], load[1], on(load[2]))}
    for dense in (512, 0):
        monkeypatch.setattr("pnnkern.networks.resistor.DENSE", dense)
        found = net.relax(on(g), held, on(x), **how)
        np.testing.assert_allclose(backend.numpy(found.voltages), truth, rtol=1e-7, atol=1e-8)
        assert (found.steps == 1) == (backend.name == "cpu" or dense > 0)


def test_a_network_without_a_solution(backend: Any) -> None:
    """A negative load that just outweighs the rest: no inverse, on every backend the same error."""
    g, load = backend.array(np.array([1.0, 1.0])), (np.array([1]), -2.0, backend.array(np.zeros((1, 1))))
    if backend.name == "cpu":
        pytest.skip("the sparse factorisation has its own")
    with pytest.raises(ConvergenceError):
        NET.solve(g, [0, 2], backend.array(np.array([[1.0, 0.0]])), load=load)


# -------------------------------------------------------------------------------------------------- small memories, and pieces
@pytest.mark.parametrize("room", [drn, hopfield])
def test_layers_that_do_not_fit_the_shared_memory(room: Any, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """The limit of the device decides between one fused launch and none; the states are the same."""
    weights = [rng.uniform(0.01, 0.1, (5, 40)), rng.uniform(0.01, 0.1, (40, 17))]
    inputs, target = rng.random((4, 5)), rng.random((4, 17))
    needed = (3 * 57 + 40 + 128) * 8  # with one phase at a time, and the weights left in memory

    def states(limit: int) -> tuple[list[np.ndarray], bool]:
        monkeypatch.setattr(_launch, "shared_limit", lambda like: limit)
        monkeypatch.setattr(_launch, "launched", set())
        with _launch.host():
            found = room.phases(inputs, weights, nudges=(-0.02, 0.02), target=target)
        return [*found.states, *found.moved], "pnn_layered_relax_f64" in _launch.launched

    (staged, zero), (fused, one), (apart, two) = states(1 << 20), states(needed), states(needed - 1)
    assert (zero, one, two) == (True, True, False)
    for a, b, c in zip(staged, fused, apart, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(c, a, rtol=1e-8, atol=1e-10)


def test_shared_memory_of_small_cards(cupy: Any, rng: np.random.Generator) -> None:
    """A card is asked for no more than it has: the stand-in's second one, which has 64 KiB, refuses a launch that does."""
    with cupy.cuda.Device(1):
        limit = _launch.shared_limit(cupy.zeros(1))
        assert limit < 64 << 10
        weights = [cupy.asarray(rng.uniform(0.01, 0.1, shape), np.float64) for shape in ((5, 4000), (4000, 3))]
        assert limit < (2 * 4000 + 3 + 128) * 8 < 160 << 10
        assert drn.phases(cupy.asarray(rng.random((2, 5))), weights, sweeps=2, tolerance=0).output.shape == (2, 3)
        lines = ResistorNetwork(np.stack([np.arange(130), np.arange(1, 131)], axis=1), 131)
        assert limit < 8 * 129 * 130 // 2 < 160 << 10
        found = lines.solve_many(cupy.ones((1, 130)), [0, 130], cupy.asarray([[0.0, 130.0]]))
        np.testing.assert_allclose(found.get()[0, 0], np.arange(131), rtol=1e-9)
        springs, x = ElasticNetwork(graphs.lattice(14, 14), 196), graphs.lattice_positions(14, 14)
        corners, rest = [0, 13, 195], cupy.ones(springs.n_edges)
        assert limit < 8 * int(springs._rows(np.array(corners)).begin[-1]) < 160 << 10
        moved = springs.solve(cupy.ones(springs.n_edges), rest, corners, cupy.asarray(x[None, corners]), cupy.asarray(x))
        np.testing.assert_allclose(moved.get()[0], x, atol=1e-8)
    pnn.check()


def test_results_do_not_depend_on_pieces(backend: Any, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """All samples at once, or two at a time: the same within rounding, and to the bit where nothing is summed over samples."""
    edges, n = graphs.lattice(4, 5), 20
    linear, transistors = ResistorNetwork(edges, n), TransistorNetwork(edges, n)
    g, gate = backend.array(rng.uniform(0.5, 2, len(edges))), backend.array(rng.uniform(1.5, 2.5, len(edges)))
    x, held = backend.array(rng.uniform(0, 0.4, (7, 2))), [0, 19]

    def results() -> list[np.ndarray]:
        v = transistors.solve(gate, held, x, method="newton")
        gradient = transistors.solve_vjp(backend.array(np.ones((7, n))), gate, held, v)
        return [backend.numpy(r) for r in (linear.solve(g, held, x), linear.solve(g, held, x, method="cg"), v, gradient)]

    whole = results()
    monkeypatch.setattr(_array, "chunk", lambda *args, **how: 2)
    for one, two in zip(whole, results(), strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-9, atol=1e-11)
