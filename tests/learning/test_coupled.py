"""Local rules on linear networks against their laws: two whole states, limits, gradients by central differences, and what they refuse."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import learning, networks, random
from pnnkern._errors import NudgeError
from pnnkern.learning import coupled
from pnnkern.networks import ResistorNetwork, graphs

SOURCES, TARGETS = np.array([3, 8, 20]), np.array([5, 30])


def example(rng: np.random.Generator, n: int = 37, batch: int = 7) -> tuple:
    net = ResistorNetwork(graphs.delaunay(n, random.key(n))[0], n)
    x = rng.uniform(0, 5, (batch, 3))
    y = rng.uniform(x.min(axis=1), x.max(axis=1), (2, batch)).T
    return net, rng.uniform(0.5, 2, net.n_edges), SOURCES, x, TARGETS, y


def matrices(net: ResistorNetwork, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Incidence B and Laplacian B^T g B."""
    b = np.zeros((net.n_edges, net.n_nodes))
    b[np.arange(net.n_edges), net.edges[:, 0]] = 1
    b[np.arange(net.n_edges), net.edges[:, 1]] = -1
    return b, b.T @ np.diag(g) @ b


def states(net: ResistorNetwork, g: np.ndarray, held: np.ndarray, values: np.ndarray, beta: float = 0.0, y: object = 0.0) -> np.ndarray:
    """Voltages with some nodes held, and the targets joined to y by beta: dense."""
    full = matrices(net, g)[1]
    free = np.setdiff1d(np.arange(net.n_nodes), held)
    v = np.zeros((len(values), net.n_nodes))
    v[:, held] = values
    driven = np.zeros_like(v)
    if beta:
        full[TARGETS, TARGETS] += beta
        driven[:, TARGETS] = beta * np.asarray(y)
    v[:, free] = np.linalg.solve(full[np.ix_(free, free)], (driven[:, free] - v[:, held] @ full[np.ix_(held, free)]).T).T
    return v


def cost_gradient(net: ResistorNetwork, g: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the mean of |y - v_T|^2 / 2, by central differences."""

    def cost(g: np.ndarray) -> float:
        return float(0.5 * ((states(net, g, SOURCES, x)[:, TARGETS] - y) ** 2).sum(axis=1).mean())

    return np.array([(cost(g + h) - cost(g - h)) / 2e-5 for h in 1e-5 * np.eye(len(g))])


def relative(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("eta", [1.0, 0.1, 1e-3])
def test_two_whole_states_give_the_same(backend, eta: float, rng: np.random.Generator) -> None:
    """Free and clamped voltages of every sample by dense solves, squares subtracted; equal to 1e-10 of what that leaves."""
    net, g, sources, x, targets, y = example(rng)
    on = (net, backend.array(g), sources, backend.array(x), targets, backend.array(y))
    got = backend.numpy(pnn.learning.coupled_learning_update(*on, eta=eta))
    free = states(net, g, sources, x)
    held = np.concatenate([x, free[:, targets] + eta * (y - free[:, targets])], axis=1)
    clamped = states(net, g, np.append(sources, targets), held)
    b = matrices(net, g)[0]
    expected = (((clamped @ b.T) ** 2 - (free @ b.T) ** 2) / (2 * eta)).mean(axis=0)
    assert np.abs(got - expected).max() < (1e-10 if backend.name == "cpu" else 3e-9) * np.abs(expected).max() / min(1.0, 10 * eta)


def test_limit_of_small_eta(rng: np.random.Generator) -> None:
    """<(B G_T Z^-1 d)(B v_F)>, reached with slope 1 in eta."""
    net, g, sources, x, targets, y = example(rng)
    b, full = matrices(net, g)
    free = np.setdiff1d(np.arange(net.n_nodes), sources)
    green = np.zeros((net.n_nodes, 2))
    green[free] = np.linalg.inv(full[np.ix_(free, free)])[:, np.searchsorted(free, targets)]
    v = states(net, g, sources, x)
    d = y - v[:, targets]
    limit = ((d @ np.linalg.inv(green[targets]).T @ green.T @ b.T) * (v @ b.T)).mean(axis=0)
    errors = [relative(coupled.coupled_learning_update(net, g, sources, x, targets, y, eta=eta), limit) for eta in (1e-2, 1e-3, 1e-6)]
    assert errors[0] / errors[1] == pytest.approx(10, rel=1e-3)
    assert errors[2] < 1e-5
    assert cosine(limit, cost_gradient(net, g, x, y)) < 0.9999  # several targets: not the gradient


def test_one_target_is_parallel_to_the_gradient(rng: np.random.Generator) -> None:
    net, g, sources, x, _, y = example(rng)
    got = coupled.coupled_learning_update(net, g, sources, x, TARGETS[:1], y[:, :1], eta=1e-7)
    gradient = coupled.adjoint_learning_update(net, g, sources, x, TARGETS[:1], y[:, :1])
    assert cosine(got, gradient) == pytest.approx(1, abs=1e-9)


def test_adjoint_learning_is_the_gradient(backend, rng: np.random.Generator) -> None:
    net, g, sources, x, targets, y = example(rng)
    got = coupled.adjoint_learning_update(net, backend.array(g), sources, backend.array(x), targets, backend.array(y))
    assert relative(backend.numpy(got), cost_gradient(net, g, x, y)) < 1e-8


@pytest.mark.parametrize(("variant", "slope"), [("positive", 1), ("negative", 1), ("centred", 2)])
def test_nudged_learning(backend, variant: str, slope: int, rng: np.random.Generator) -> None:
    """Equal to two nudged states at a large beta; and the gradient for small ones, with the slope it should have."""
    net, g, sources, x, targets, y = example(rng)
    on = (net, backend.array(g), sources, backend.array(x), targets, backend.array(y))
    low, high = {"positive": (0, 0.2), "negative": (-0.2, 0), "centred": (-0.2, 0.2)}[variant]
    b = matrices(net, g)[0]
    one, two = (states(net, g, sources, x, beta, y) @ b.T for beta in (low, high))
    expected = ((two**2 - one**2) / (2 * (high - low))).mean(axis=0)
    got = backend.numpy(coupled.nudged_learning_update(*on, beta=0.2, variant=variant))
    assert relative(got, expected) < 1e-8
    exact = coupled.adjoint_learning_update(net, g, sources, x, targets, y)
    errors = [relative(backend.numpy(coupled.nudged_learning_update(*on, beta=beta, variant=variant)), exact) for beta in (0.02, 0.01)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(slope, abs=0.05)


def test_nudges_beyond_the_bound_are_refused(rng: np.random.Generator) -> None:
    net, g, *rest = example(rng)
    bound = net.response(g, SOURCES, TARGETS).nudge_bound
    coupled.nudged_learning_update(net, g, *rest, beta=0.99 * bound)
    with pytest.raises(NudgeError, match=r"leaves the targets without an equilibrium: \|beta\| must stay below"):
        coupled.nudged_learning_update(net, g, *rest, beta=1.01 * bound)
    coupled.nudged_learning_update(net, g, *rest, beta=1.01 * bound, variant="positive")


def test_frequency_propagation_on_a_linear_network(rng: np.random.Generator) -> None:
    net, g, *rest = example(rng, batch=3)
    exact = coupled.adjoint_learning_update(net, g, *rest)
    for gamma in (1e-3, 1.0):
        assert relative(coupled.frequency_propagation_update(net, g, *rest, gamma=gamma), exact) < 1e-9
    with pytest.raises(ValueError, match="two different whole numbers from 1 below samples / 2 = 8, got 3 and 8"):
        coupled.frequency_propagation_update(net, g, *rest, frequencies=(3, 8))


def test_agnostic_learning_steps_down(rng: np.random.Generator) -> None:
    """A step of rate 2 softness beta along the gradient, up to higher orders; and its own balance of forces holds."""
    net, g, *rest = example(rng, batch=3)
    exact = coupled.adjoint_learning_update(net, g, *rest)
    errors = []
    for size in (1e-2, 5e-3):
        new = coupled.agnostic_learning_step(net, g, *rest, beta=size, softness=size)
        errors.append(relative((g - new) / (2 * size * size), exact))
    assert errors[0] < 0.1
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.2)
    b = matrices(net, g)[0]
    new = coupled.agnostic_learning_step(net, g, *rest, beta=0.1, softness=0.01)
    before, after = (states(net, k, SOURCES, rest[1], beta, rest[3]) @ b.T for k, beta in ((g, -0.1), (new, 0.1)))
    assert np.allclose(new - g, -0.005 * (after**2 - before**2).mean(axis=0), atol=1e-10)


def test_power_and_weights_and_overclamping(rng: np.random.Generator) -> None:
    net, g, sources, x, targets, y = example(rng)
    b, free = matrices(net, g)[0], states(net, g, sources, x)
    eta, lam = 0.1, 0.02
    d = y - free[:, targets]
    weights = (np.arange(7) % 3 == 0).astype(float)
    clamped = states(net, g, np.append(sources, targets), np.concatenate([x, free[:, targets] + eta * d], axis=1))
    each = ((clamped @ b.T) ** 2 - (1 - lam) * (free @ b.T) ** 2) / (2 * eta)
    got = coupled.coupled_learning_update(net, g, sources, x, targets, y, eta=eta, power=lam, weights=weights)
    assert np.allclose(got, each[weights > 0].mean(axis=0), atol=1e-10)
    none = coupled.coupled_learning_update(net, g, sources, x, targets, y, weights=np.zeros(7))
    assert (none == 0).all()

    rail = np.where(d > 0, 5.0, 0.0) - free[:, targets]
    clamped = states(net, g, np.append(sources, targets), np.concatenate([x, free[:, targets] + eta * rail], axis=1))
    each = ((clamped @ b.T) ** 2 - (free @ b.T) ** 2) / (2 * eta) * np.abs(d).mean(axis=1, keepdims=True)
    got = coupled.coupled_learning_update(net, g, sources, x, targets, y, eta=eta, overclamp=(0.0, 5.0))
    assert np.allclose(got, each.mean(axis=0), atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_in_place(backend, dtype: str, rng: np.random.Generator) -> None:
    net, g, *rest = example(rng)
    g = g.astype(dtype)
    on = [backend.array(r) for r in rest]
    update = coupled.coupled_learning_update(net, g.astype(float), *rest, eta=0.1)
    k = backend.array(g.copy())
    coupled.coupled_learning_step(net, k, *on, eta=0.1, rate=0.7, limits=(0.6, 1.9))
    assert np.abs(backend.numpy(k) - (g - 0.7 * update).clip(0.6, 1.9)).max() < (3e-6 if dtype == "float32" else 1e-9)
    k = backend.array(g.copy())
    coupled.coupled_learning_step(net, k, *on, eta=0.1, rate=0.7, step=0.05, limits=(0.6, 1.9))
    assert np.abs(backend.numpy(k) - (g - 0.05 * np.sign(update)).clip(0.6, 1.9)).max() < 1e-6


def test_potentiometers_move_one_position() -> None:
    k = networks.potentiometer_step(1 / np.array([1e3, 2e3, 9.9e4, 900.0]), np.array([-1e-9, 3.0, 1.0, 0.0]), ohms=781.0, low=781.0, high=1e5)
    assert 1 / k == pytest.approx([781.0, 2781.0, 99781.0, 900.0])
    with pytest.raises(ValueError, match="needs ohms > 0 and 0 < low < high"):
        networks.potentiometer_step(k, k, ohms=1.0, low=5.0, high=1.0)


def test_slow_coupled_dynamics_is_coupled_learning(backend, rng: np.random.Generator) -> None:
    """Conductances that move slowly against the voltages follow the update at equilibrium; the held nodes stay where they are."""
    net, g, sources, x, targets, y = example(rng, 37, 3)
    on = (net, backend.array(g), sources, backend.array(x), targets, backend.array(y))
    got, (free, clamped) = coupled.coupled_dynamics(*on, eta=0.1, rate=1e-4, capacitance=1.0, dt=0.05, steps=50)
    expected = coupled.coupled_learning_update(net, g, sources, x, targets, y, eta=0.1) * 1e-4 * 0.05 * 50
    assert relative(g - backend.numpy(got), expected) < 2e-3
    free, clamped = backend.numpy(free), backend.numpy(clamped)
    assert np.array_equal(free[:, sources], x)
    assert np.allclose(clamped[:, targets], free[:, targets] + 0.1 * (y - free[:, targets]))
    with pytest.raises(ValueError, match="dt = 5 s is too long for Euler's method: here it must not exceed"):
        coupled.coupled_dynamics(*on, eta=0.1, rate=1e-4, capacitance=1.0, dt=5.0, steps=1)


def test_voltages_relax_from_where_they_are(rng: np.random.Generator) -> None:
    """One free node between two held ones: dv/dt = -(2 g / C)(v - mean), rate = 0."""
    net = ResistorNetwork(np.array([[0, 1], [1, 2], [2, 3]]), 4)
    x, y = np.array([[0.0, 2.0]]), np.array([[1.0]])
    start = np.array([[0.0, 0.2, 0.3, 2.0]])
    _, (free, _) = coupled.coupled_dynamics(net, np.ones(3), [0, 3], x, [1], y, eta=0.5, rate=0.0, capacitance=2.0, dt=0.1, steps=3,
                                            states=(start, start))  # fmt: skip
    v = start.copy()
    for _ in range(3):
        v[0, 1:3] -= 0.05 * np.array([2 * v[0, 1] - v[0, 2], 2 * v[0, 2] - v[0, 1] - 2.0])
    assert np.allclose(free, v)


def test_classification_helpers() -> None:
    outputs = np.array([[0.0, 1.0], [0.2, 1.2], [1.0, 0.0], [0.8, 0.1]])
    labels = np.array([0, 0, 1, 1])
    targets = coupled.class_targets(outputs, labels, amplitude=2.0)
    mean = outputs.mean(axis=0)
    assert np.allclose(targets, [2 * outputs[:2].mean(axis=0) - mean, 2 * outputs[2:].mean(axis=0) - mean])
    assert coupled.nearest_class(outputs, targets).tolist() == [0, 0, 1, 1]
    assert coupled.misclassified(outputs, targets, np.array([0, 1, 1, 1])).tolist() == [0, 1, 0, 0]


def test_allostery_is_learned(rng: np.random.Generator) -> None:
    """Two sources drive three targets to chosen voltages: the error falls a thousandfold."""
    net = ResistorNetwork(graphs.delaunay(64, random.key(9))[0], 64)
    x, y, k = np.array([[1.0, 0.0]]), np.array([[0.35, 0.55, 0.7]]), np.ones(net.n_edges)
    targets = [20, 31, 42]
    before = np.abs(net.solve(k, [5, 60], x)[:, targets] - y).max()
    for _ in range(200):
        coupled.coupled_learning_step(net, k, [5, 60], x, targets, y, eta=1e-3, rate=1000.0, limits=(1e-2, 1e2))
    assert np.abs(net.solve(k, [5, 60], x)[:, targets] - y).max() < 1e-3 * before


# ------------------------------------------------------------------------------------------------------------------- bad input
NET = ResistorNetwork(np.array([[0, 1], [1, 2], [2, 3]]), 4)
G, X, Y = np.ones(3), np.array([[0.0, 2.0]]), np.array([[1.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: learning.coupled_learning_update(NET, G, [0, 3], X, [1], Y, eta=0.0), r"eta must lie in \(0, 1\]: it is how far .* got 0"),
        (lambda: learning.coupled_learning_update(NET, G, [0, 3], X, [3], Y), "node 3 is a source and a target"),
        (lambda: learning.coupled_learning_update(NET, G, [0, 3], X, [1], Y + 2), r"target 1 of sample 0 is 3 V, but .* allow 0 \.\. 2 V"),
        (lambda: learning.coupled_learning_update(NET, G, [0, 3], X, [1], Y, rails=(0.0, 0.5)), r"allow 0 \.\. 0.5 V"),
        (lambda: learning.coupled_learning_update(NET, G, [0, 3], X, [1], np.ones((2, 1))), "1 samples and target_values 2"),
        (lambda: learning.coupled_learning_update(NET, G, [0, 3], X, [1], np.ones((1, 2))), r"target_values must be \(batch, 1\)"),
        (lambda: learning.coupled_learning_update(NET, -G, [0, 3], X, [1], Y), "at least 0 siemens, got -1"),
        (lambda: learning.nudged_learning_update(NET, G, [0, 3], X, [1], Y, beta=0.0), "beta must be positive"),
        (lambda: learning.nudged_learning_update(NET, G, [0, 3], X, [1], Y, variant="both"), "variant must be one of"),
        (lambda: coupled.coupled_learning_step(NET, G, [0, 3], X, [1], Y, rate=1.0, limits=(2.0, 1.0)), "0 <= low < high"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
