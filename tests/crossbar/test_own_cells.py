"""Cells with a characteristic of a user's own, in the kernels: against the built-in laws, which are array functions, and single cells by
Brent's method."""

import numpy as np
import pytest
import scipy.optimize
from pnnkern.kernels import scalar

from pnnkern import ScalarFunction, _launch, random
from pnnkern.crossbar import (
    DAC,
    IV,
    BitSerial,
    Chain,
    GaussianNoise,
    Wires,
    read,
    read_vjp,
    sinh_iv,
    solve_currents,
    solve_currents_vjp,
)
from pnnkern.crossbar import solve as module
from pnnkern.testing import check_vjp

V0 = 0.3
LAW = ScalarFunction(
    lambda v, v0: v0 * np.sinh(v / v0), constants={"v0": V0}, between=(-2, 2), cuda="v0 * sinh(v / v0)", cuda_slope="cosh(v / v0)",
    cuda_slopes={"v0": "sinh(v / v0) - v / v0 * cosh(v / v0)"},
)  # fmt: skip
TWO = ScalarFunction(lambda v, v0, k: k * v0 * np.sinh(v / v0), constants={"v0": V0, "k": 1.5}, between=(-2, 2))
WIRES, ONE = 6000.0, np.ones((1, 1))


def array(rng: np.random.Generator, dtype: str = "float64", reads: int = 3, arrays: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Voltages at which the law bends, and conductances of which wires take a good part."""
    return rng.uniform(-1, 1, (*arrays, reads, 6)).astype(dtype), rng.uniform(1e-6, 1e-4, (*arrays, 6, 4)).astype(dtype)


@pytest.mark.parametrize(("reads", "arrays"), [(3, ()), (1, (3,))])
@pytest.mark.parametrize(("dtype", "limit"), [("float32", 2e-5), ("float64", 1e-11)])
def test_as_the_built_in_law(backend, dtype: str, limit: float, reads: int, arrays: tuple[int, ...], rng: np.random.Generator) -> None:
    V, G = array(rng, dtype, reads, arrays)
    right = solve_currents(V.astype(float), G.astype(float), wires=WIRES, iv=sinh_iv(V0), tolerance=1e-14)
    linear = solve_currents(V.astype(float), G.astype(float), wires=WIRES)
    before = set(_launch.launched)
    _launch.launched.clear()
    found = backend.numpy(solve_currents(backend.array(V), backend.array(G), wires=WIRES, iv=IV(LAW), tolerance=limit / 10))
    kernels = {"pnn_characteristic_linear_f32", "pnn_characteristic_tried_f32"} if dtype == "float32" else {
        "pnn_characteristic_linear_f64", "pnn_characteristic_tried_f64"}  # fmt: skip
    assert backend.name == "cpu" or kernels <= _launch.launched
    _launch.launched.update(before)
    assert found.dtype == dtype
    assert np.abs(found - right).max() < limit * np.abs(right).max() < 0.3 * np.abs(right - linear).max()


@pytest.mark.parametrize("sets", [1, 3])
def test_what_newtons_method_asks_of_the_cells(backend, sets: int, rng: np.random.Generator) -> None:
    """Each of the values by its expression, at parts of a step between none and all of it."""
    g, v, slope = rng.uniform(0.5, 2, (6, 4, sets)), rng.uniform(-1, 1, (6, 4, 3)), rng.uniform(1, 2, (6, 4, 3))
    pairs, t = rng.uniform(-1, 1, (3, 2, 6, 4, 3)), np.array([0.0, 0.3, 1.0])
    cells = module._OwnCells(IV(LAW), backend.array(g))
    steep, slopes, known = cells.linear(backend.array(v))
    there = [[backend.array(a) for a in pair] for pair in pairs]
    found = [steep, slopes, known(), *cells.tried(backend.array(t), backend.array(slope), *there)]
    w, u, j = (a + t * (b - a) for a, b in pairs)
    right = [np.cosh(v / V0), g * np.cosh(v / V0), g * (V0 * np.sinh(v / V0) - np.cosh(v / V0) * v), w, u, j,
             np.abs(g * V0 * np.sinh((w - u) / V0) - j), np.cosh((w - u) / V0) / slope]  # fmt: skip
    for a, b in zip(map(backend.numpy, found), right, strict=True):
        assert np.abs(a - b).max() < 1e-14 * np.abs(b).max()


def test_one_cell_by_brent(backend) -> None:
    """Source, three pieces of wire and the load in series with g v0 sinh(v / v0)."""
    g, R = 1e-3, 4 * 500.0
    for volts in (-3.0, 0.4, 5.0):
        across = scipy.optimize.brentq(lambda v, volts=volts: g * V0 * np.sinh(v / V0) - (volts - v) / R, -9, 9, xtol=1e-15)
        V, G = backend.array(np.array([[volts]])), backend.array(np.array([[g]]))
        found = backend.numpy(solve_currents(V, G, wires=module.Wires(500.0, 500.0, 500.0, 500.0), iv=IV(LAW)))
        assert found[0, 0] == pytest.approx((volts - across) / R, rel=1e-9)


def test_derivative(rng: np.random.Generator) -> None:
    """Against central differences."""
    V, G = array(rng, reads=2)
    for name, step in (("V", 1e-3), ("G", 1e-8)):
        check_vjp(
            solve_currents, solve_currents_vjp, V, G[:, :3], wires=WIRES, iv=IV(LAW), tolerance=1e-13, wrt=(name,), steps=step, rtol=1e-6,
            directions=1,
        )  # fmt: skip


def test_derivative_as_of_the_built_in_law(backend, rng: np.random.Generator) -> None:
    (V, G), q = array(rng), rng.normal(0, 1, (3, 4))
    right = solve_currents_vjp(q, V, G, wires=WIRES, iv=sinh_iv(V0), tolerance=1e-14)
    found = solve_currents_vjp(backend.array(q), backend.array(V), backend.array(G), wires=WIRES, iv=IV(LAW))
    for a, b in zip(map(backend.numpy, found), right, strict=True):
        assert np.abs(a - b).max() < 1e-9 * np.abs(b).max()


def test_another_constant_is_another_law(backend, rng: np.random.Generator) -> None:
    V, G = array(rng)
    iv = IV(LAW.with_constants(v0=0.8))
    right = solve_currents(V, G, wires=WIRES, iv=sinh_iv(0.8), tolerance=1e-14)
    found = backend.numpy(solve_currents(backend.array(V), backend.array(G), wires=WIRES, iv=iv))
    assert np.abs(found - right).max() < 1e-10 * np.abs(right).max()


def test_in_reads_without_wires(backend, rng: np.random.Generator) -> None:
    """What a cell carries is f of the voltage at its input; and its derivative."""
    (V, G), q = array(rng), rng.normal(0, 1, (3, 4))
    v, g = backend.array(V), backend.array(G)
    found = backend.numpy(read(v, g, iv=IV(LAW)))
    assert np.abs(found - V0 * np.sinh(V / V0) @ G).max() < 1e-14 * np.abs(found).max()
    by_v, by_g = map(backend.numpy, read_vjp(backend.array(q), v, g, iv=IV(LAW)))
    assert np.abs(by_v - (q @ G.T) * np.cosh(V / V0)).max() < 1e-12 * np.abs(by_v).max()
    assert np.abs(by_g - (V0 * np.sinh(V / V0)).T @ q).max() < 1e-12 * np.abs(by_g).max()


def by_v0(v: np.ndarray) -> np.ndarray:
    return np.sinh(v / V0) - v / V0 * np.cosh(v / V0)


def test_derivative_by_a_constant_of_one_cell(backend) -> None:
    """In series with R: I = (V - v) / R = g f(v), so that dI/dv0 = g df/dv0 / (1 + R g f'); and g df/dv0 of a cell without wires."""
    g, R = 1e-3, 4 * 500.0
    for volts in (-3.0, 0.4):
        v = scipy.optimize.brentq(lambda v, volts=volts: g * V0 * np.sinh(v / V0) - (volts - v) / R, -9, 9, xtol=1e-15)
        V, G, one = (backend.array(np.array([[x]])) for x in (volts, g, 1.0))
        found = solve_currents_vjp(one, V, G, wires=Wires(500.0, 500.0, 500.0, 500.0), iv=IV(LAW), wrt="constants")
        assert backend.numpy(found).tolist() == pytest.approx([g * by_v0(v) / (1 + R * g * np.cosh(v / V0))], rel=1e-8)
        found, by_g = read_vjp(one, V, G, iv=LAW, wrt=("constants", "G"))
        assert backend.numpy(found).tolist() == pytest.approx([g * by_v0(volts)], rel=1e-12)
        assert float(by_g[0, 0]) == pytest.approx(V0 * np.sinh(volts / V0), rel=1e-12)


@pytest.mark.parametrize(
    "how",
    [
        {"wires": WIRES}, {"wires": Wires(WIRES, WIRES, topology="interleaved")}, {"dac": DAC(4, 0.8)}, {"dac": BitSerial(4, range=0.8)},
        {"noise": GaussianNoise(relative=0.1)}, {"noise": GaussianNoise(relative=0.1, clipped=True)},
        {"noise": GaussianNoise(relative=0.1, frozen=True)},
    ],
    ids=lambda how: f"{next(iter(how))}-{type(next(iter(how.values()))).__name__}",
)  # fmt: skip
@pytest.mark.parametrize("arrays", [(), (2,)])
def test_derivative_by_constants(how: dict, arrays: tuple[int, ...], rng: np.random.Generator) -> None:
    """Of a law of two, against central differences; with all that comes between."""
    V, G = rng.uniform(-1, 1, (3, 6)), rng.uniform(1e-6, 1e-4, (*arrays, 6, 4))
    q, given = rng.normal(size=(*arrays, 3, 4)), how | ({"key": random.key(1)} if "noise" in how else {})
    found, h = read_vjp(q, V, G, iv=TWO, wrt="constants", **given), 1e-5
    for gradient, (name, value) in zip(found, TWO.constants.items(), strict=True):
        up, down = ((q * read(V, G, iv=TWO.with_constants(**{name: value + sign * h}), **given)).sum() for sign in (1, -1))
        assert gradient == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-5 * np.abs(found).max())


@pytest.mark.parametrize(("reads", "arrays"), [(5, ()), (1, (3,)), (2, (2,))])
def test_derivatives_by_constants_add_up(reads: int, arrays: tuple[int, ...], rng: np.random.Generator) -> None:
    """Over reads and arrays of a stack, a few at a time."""
    V, G = array(rng, reads=reads, arrays=arrays)
    q, how = rng.normal(size=(*arrays, reads, 4)), {"wires": WIRES, "iv": LAW, "wrt": "constants"}
    found = solve_currents_vjp(q, V, G, memory_limit=1, **how)
    flat = [x.reshape(-1, *x.shape[-2:]) for x in (q, V, G)]
    alone = [solve_currents_vjp(a[s : s + 1], b[s : s + 1], g, **how) for a, b, g in zip(*flat, strict=True) for s in range(reads)]
    assert len(alone) == len(flat[0]) * reads
    assert found.tolist() == pytest.approx(np.sum(alone, axis=0).tolist(), rel=1e-9)


def test_a_function_is_the_law_of_all_cells(rng: np.random.Generator) -> None:
    """Where an IV is asked for: it stands for itself."""
    V, G = array(rng)
    assert Chain(iv=LAW).iv == IV(LAW)
    assert np.array_equal(read(V, G, iv=LAW), read(V, G, iv=IV(LAW)))
    assert np.array_equal(solve_currents(V, G, wires=WIRES, iv=LAW), solve_currents(V, G, wires=WIRES, iv=IV(LAW)))


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: IV([LAW, LAW]), TypeError, "^f of an IV must be a pnnkern.ScalarFunction or a function of arrays, one law for all cells"),
        (lambda: Chain(iv=[LAW]), TypeError, "^iv must be an IV, .*, or a pnnkern.ScalarFunction of .* one law for all cells, got list$"),
        (lambda: read_vjp(ONE, ONE, ONE, iv=sinh_iv(0.5), wrt="constants"), ValueError, "^wrt names .constants., which are those of an iv"),
        (lambda: solve_currents_vjp(ONE, ONE, ONE, wires=1.0, wrt="constants"), ValueError, "there are none in this call$"),
        (lambda: solve_currents_vjp(ONE, ONE, ONE, wires=1.0, iv=ScalarFunction(lambda v: v), wrt="constants"), ValueError, "are none in"),
        (lambda: IV(np.sinh), TypeError, "^slope of an IV is missing: give the derivative of f, or f as a pnnkern.ScalarFunction"),
        (lambda: IV(LAW, np.cosh), TypeError, r"^slope of an IV belongs to its ScalarFunction: ScalarFunction\(f, slope\)$"),
        (lambda: IV(ScalarFunction(lambda v, v0: v * v0)), TypeError, r"^f of an IV must be a function of v \(and constants, with values\), "
         r"got one of v, v0: name what are constants in constants=\{...\}$"),
        (lambda: IV(ScalarFunction(lambda v: v + 0.5)), ValueError, r"^f of an IV must be 0 at 0 V, got 0\.5$"),
        (lambda: IV(ScalarFunction(lambda v: np.sin(4 * v))), ValueError, r"^f of an IV must rise everywhere, got the slope -\d\.\d+ at v = "),
    ],
)  # fmt: skip
def test_what_is_no_characteristic(make, error, said: str) -> None:
    with pytest.raises(error, match=said):
        make()


def test_a_slope_that_vanishes_is_refused_where_it_is_met(rng: np.random.Generator) -> None:
    child = IV(ScalarFunction(lambda v: v * abs(v) ** 0.5, lambda v: 1.5 * abs(v) ** 0.5))
    with pytest.raises(ValueError, match="the slope of the characteristic must be positive, got 0"):
        solve_currents(*array(rng), wires=WIRES, iv=child)


def test_kernels_without_a_users_function_are_ohmic() -> None:
    """What is compiled before any user comes, and what programs in C find."""
    v, out = np.linspace(-1, 1, 5), [np.empty(5) for _ in range(3)]
    for where in (_launch.host(), None):
        for a in out:
            a[:] = np.nan
        arguments = ("crossbar/characteristic", "linear", float, 5, 1, 1, np.empty(1), np.full(5, 2.0), v, *out)
        if where is None:
            _launch.launch(*arguments, threads=5)
        else:
            with where:
                _launch.launch(*arguments, threads=5)
        assert [a.tolist() for a in out] == [[1.0] * 5, [2.0] * 5, [0.0] * 5]
    assert scalar.own_f.py_func(3.0, None) == 3.0
