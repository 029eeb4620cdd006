"""Networks of elements of a user's own: against single nodes by Brent's method, closed forms of powers, and networks that are built in."""

import numpy as np
import pytest
import scipy.optimize

from pnnkern import ScalarFunction
from pnnkern.networks import DiodeNetwork, ElementNetwork, ResistorNetwork, graphs

VT = 1.5 * 0.02585  # ideality times kT/q at 300 K, volts

DIODE = ScalarFunction(
    lambda w, vt: vt * (np.exp(w / vt) - 1), constants={"vt": VT}, between=(-0.5, 0.5), cuda="vt * expm1(w / vt)", cuda_slope="exp(w / vt)",
    cuda_slopes={"vt": "expm1(w / vt) - w / vt * exp(w / vt)"},
)  # fmt: skip
# space charge in a vacuum diode, both ways: Child's law
CHILD = ScalarFunction(
    lambda w: w * abs(w) ** 0.5, lambda w: 1.5 * abs(w) ** 0.5, cuda="w * sqrt(fabs(w))", cuda_slope="1.5 * sqrt(fabs(w))"
)  # fmt: skip


@pytest.mark.parametrize("method", ["auto", "sweep"])
def test_a_diode_behind_a_resistor(backend, method: str) -> None:
    """5 V over 1 kilohm, up and down, and backwards, where only the saturation current flows."""
    g, saturation = 1e-3, 1e-12
    net = ElementNetwork([[0, 1], [1, 2]], 3, DIODE, element=[False, True])
    volts = np.array([[5.0, 0.0], [0.3, 0.0], [-2.0, 0.0], [100.0, -1.0]])
    found = backend.numpy(net.solve(backend.array(np.array([g, saturation / VT])), [0, 2], backend.array(volts), method=method))
    for (high, low), u in zip(volts, found[:, 1], strict=True):
        right = scipy.optimize.brentq(
            lambda u, high, low: g * (high - u) - saturation * np.expm1((u - low) / VT), low - 3, low + 2, (high, low), xtol=1e-14
        )
        assert u == pytest.approx(right, abs=1e-9)


def test_childs_law_divides_by_powers(backend) -> None:
    """Three in a row carry one current: voltages go as g^(-2/3); with an edge that is turned around, too."""
    g = np.array([1.0, 3.0, 0.5])
    share = g ** (-2 / 3) / (g ** (-2 / 3)).sum()
    for edges in ([[0, 1], [1, 2], [2, 3]], [[0, 1], [2, 1], [2, 3]]):
        for method in ("auto", "sweep"):
            net = ElementNetwork(edges, 4, CHILD)
            found = backend.numpy(net.solve(backend.array(g), [0, 3], backend.array(np.array([[2.0, 0.0], [-1.0, 1.0]])), method=method))
            assert np.abs(np.diff(found, axis=1) - [-2 * share, 2 * share]).max() < 1e-9


def test_the_energy_of_childs_law(backend, rng: np.random.Generator) -> None:
    """g |w|^(5/2) / (5/2), which the equilibrium has the least of; its contrast is the difference of two."""
    edges = graphs.lattice(3, 4)
    g, net = rng.uniform(0.5, 2, len(edges)), ElementNetwork(edges, 12, CHILD)
    held = backend.array(rng.uniform(-1, 1, (3, 2)))
    there = backend.array(g)
    v = backend.numpy(net.solve(there, [0, 11], held, method="sweep"))
    w = v[:, edges[:, 0]] - v[:, edges[:, 1]]
    right = np.abs(w) ** 2.5 / 2.5
    energy = backend.numpy(net.energy(there, backend.array(v)))
    assert np.abs(energy - right @ g).max() < 1e-5 * energy.max()  # Gauss' rule across the kink of |w|^(3/2)
    moved = v.copy()
    moved[:, 5] += 1e-3
    more = backend.numpy(net.energy(there, backend.array(moved)))
    assert (more > energy).all()
    b = v + 0.3 * rng.normal(0, 1, v.shape)
    wb = b[:, edges[:, 0]] - b[:, edges[:, 1]]
    contrast = backend.numpy(net.contrasts(backend.array(v), backend.array(b)))
    assert np.abs(contrast - (np.abs(wb) ** 2.5 / 2.5 - right)).max() < 1e-4
    total = backend.numpy(net.contrast(backend.array(v), backend.array(b)))
    assert total.tolist() == pytest.approx(contrast.sum(0).tolist(), rel=1e-12)


def test_the_energy_of_diodes_is_exact() -> None:
    """vt^2 (exp(w / vt) - 1) - vt w, from -10 to 60 times vt."""
    net = ElementNetwork([[0, 1]], 2, DIODE)
    for w in (-10 * VT, 3 * VT, 60 * VT):
        found = net.energy(np.array([2.0]), np.array([[w, 0.0]]))
        assert found[0] == pytest.approx(2 * (VT**2 * np.expm1(w / VT) - VT * w), rel=1e-12)


def test_many_nodes(backend, rng: np.random.Generator) -> None:
    """Kirchhoff's law at every free node, by the law written out; sweeps come to where Newton's method does."""
    edges = graphs.lattice(6, 7)
    element, g = rng.random(len(edges)) < 0.6, rng.uniform(0.5, 2, len(edges))
    net = ElementNetwork(edges, 42, CHILD, element=element)
    held, volts, currents = [0, 20, 41], rng.uniform(-2, 2, (4, 3)), rng.normal(0, 0.1, (4, 42))
    given = {"currents": backend.array(currents), "load": ([3], np.array([0.7]), backend.array(np.full((4, 1), 0.25)))}
    v = backend.numpy(net.solve(backend.array(g), held, backend.array(volts), method="sweep", relaxation=1.2, **given))
    w = v[:, edges[:, 0]] - v[:, edges[:, 1]]
    flow = g * np.where(element, np.sign(w) * np.abs(w) ** 1.5, w)
    net_current = np.zeros_like(v)
    for sign, end in ((1, 0), (-1, 1)):
        for s in range(4):
            np.add.at(net_current[s], edges[:, end], sign * flow[s])
    net_current[:, 3] += 0.7 * (v[:, 3] - 0.25)
    off = np.abs(net_current - currents)
    assert off[:, np.setdiff1d(np.arange(42), held)].max() < 1e-8
    newton = backend.numpy(net.solve(backend.array(g), held, backend.array(volts), method="auto", **given))
    assert np.abs(newton - v).max() < 1e-8


def test_resistors_alone(backend, rng: np.random.Generator) -> None:
    edges = graphs.lattice(4, 4)
    g, volts = rng.uniform(0.5, 2, len(edges)), rng.uniform(-1, 1, (2, 2))
    right = ResistorNetwork(edges, 16).solve(g, [0, 15], volts)
    net = ElementNetwork(edges, 16, CHILD, element=np.zeros(len(edges), bool))
    found = backend.numpy(net.solve(backend.array(g), [0, 15], backend.array(volts), method="sweep"))
    assert np.abs(found - right).max() < 1e-9


def test_rails_are_those_of_diode_networks(backend) -> None:
    """Ideal diodes at a node: the voltage that a network of resistors with the same rails has."""
    edges, g, volts = [[0, 1], [1, 2]], np.array([1.0, 1.0]), np.array([[4.0, 0.0]])
    right = DiodeNetwork(edges, 3, upper=[9, 0.5, 9]).solve(g, [0, 2], volts)
    net = ElementNetwork(edges, 3, CHILD, upper=[9, 0.5, 9])
    assert backend.numpy(net.solve(backend.array(g), [0, 2], backend.array(volts), method="sweep")).tolist() == right.tolist()


def test_derivative_by_the_conductances(backend, rng: np.random.Generator) -> None:
    """Against central differences of solutions by sweeps, and in closed form for two of Child's in a row: u = V / (1 + (b / a)^(2/3))."""
    a, b, V = 2.0, 0.7, 1.5
    net = ElementNetwork([[0, 1], [1, 2]], 3, CHILD)
    g, volts = backend.array(np.array([a, b])), backend.array(np.array([[V, 0.0]]))
    found = backend.numpy(net.solve_vjp(backend.array(np.array([[0.0, 1.0, 0.0]])), g, [0, 2], net.solve(g, [0, 2], volts)))
    ratio = (b / a) ** (2 / 3)
    by_ratio = -V / (1 + ratio) ** 2
    assert found.tolist() == pytest.approx([by_ratio * ratio * -2 / (3 * a), by_ratio * ratio * 2 / (3 * b)], rel=1e-7)


def test_derivative_behind_a_resistor(backend) -> None:
    """Of the root of a (V - u) = b u^(3/2), by the implicit function theorem."""
    a, b, V = 2.0, 0.7, 1.5
    net = ElementNetwork([[0, 1], [1, 2]], 3, CHILD, element=[False, True])
    g, volts = backend.array(np.array([a, b])), backend.array(np.array([[V, 0.0]]))
    v = net.solve(g, [0, 2], volts, method="sweep")
    found = backend.numpy(net.solve_vjp(backend.array(np.array([[0.0, 1.0, 0.0]])), g, [0, 2], v))
    u = scipy.optimize.brentq(lambda u: a * (V - u) - b * u**1.5, 0, V, xtol=1e-15)
    rate = a + 1.5 * b * np.sqrt(u)
    assert found.tolist() == pytest.approx([(V - u) / rate, -(u**1.5) / rate], rel=1e-8)


def test_derivative_by_the_constants_of_a_diode(backend) -> None:
    """Behind a resistor: a (V - u) = g f(u), so that du/dvt = -g df/dvt / (a + g exp(u / vt)), summed over the batch."""
    a, g = 1e-3, 1e-12 / VT
    net = ElementNetwork([[0, 1], [1, 2]], 3, DIODE, element=[False, True])
    volts, weights = np.array([[5.0, 0.0], [0.4, 0.0]]), np.array([2.0, -3.0])
    there = backend.array(np.array([a, g]))
    v = net.solve(there, [0, 2], backend.array(volts), method="sweep")
    cotangent = np.zeros((2, 3))
    cotangent[:, 1] = weights
    by_constants, by_g = net.solve_vjp(backend.array(cotangent), there, [0, 2], v, wrt=("constants", "parameter"))
    u = np.array([scipy.optimize.brentq(lambda u, V=V: a * (V - u) - g * VT * np.expm1(u / VT), 0, 5, xtol=1e-15) for V in volts[:, 0]])
    right = weights @ (-g * (np.expm1(u / VT) - u / VT * np.exp(u / VT)) / (a + g * np.exp(u / VT)))
    assert backend.numpy(by_constants).tolist() == pytest.approx([right], rel=1e-7)
    assert np.array_equal(backend.numpy(by_g), backend.numpy(net.solve_vjp(backend.array(cotangent), there, [0, 2], v)))


def test_derivative_by_constants_of_many_elements(rng: np.random.Generator) -> None:
    """Against central differences; resistors among them have none."""
    law = ScalarFunction(lambda w, a, b: a * w + b * w * w * w, constants={"a": 0.5, "b": 2.0})
    edges = graphs.lattice(3, 4)
    element, g, volts, q = rng.random(len(edges)) < 0.6, rng.uniform(0.5, 2, len(edges)), rng.uniform(-1, 1, (3, 2)), rng.normal(size=(3, 12))

    def solved(law: ScalarFunction) -> np.ndarray:
        return ElementNetwork(edges, 12, law, element=element).solve(g, [0, 11], volts, tolerance=1e-13)

    net, h = ElementNetwork(edges, 12, law, element=element), 1e-5
    found = net.solve_vjp(q, g, [0, 11], solved(law), wrt="constants")
    for gradient, (name, value) in zip(found, law.constants.items(), strict=True):
        up, down = ((q * solved(law.with_constants(**{name: value + sign * h}))).sum() for sign in (1, -1))
        assert gradient == pytest.approx((up - down) / (2 * h), rel=1e-6)
    with pytest.raises(ValueError, match=r"^wrt names 'constants', of which ScalarFunction\(the function\(w\)\) has none$"):
        ElementNetwork(edges, 12, CHILD).solve_vjp(q, g, [0, 11], solved(law), wrt="constants")


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: ElementNetwork([[0, 1]], 2, [CHILD, DIODE]), TypeError, r"one for all elements \(the others are resistors, .*\), got list$"),
        (lambda: ElementNetwork([[0, 1]], 2, np.tanh), TypeError, "^characteristic must be a pnnkern.ScalarFunction of the voltage, one for"),
        (lambda: ElementNetwork([[0, 1]], 2, ScalarFunction(lambda w, g: w * g)), TypeError, r"^characteristic must be a function of w \(and"),
        (lambda: ElementNetwork([[0, 1]], 2, ScalarFunction(lambda w: -w)), ValueError, "^characteristic must rise everywhere, got the slope"),
        (lambda: ElementNetwork([[0, 1]], 2, CHILD, element=[True, False]), ValueError, r"^element must be \(1,\), one for each edge, got"),
    ],
)  # fmt: skip
def test_what_is_no_element(make, error, said: str) -> None:
    with pytest.raises(error, match=said):
        make()
