"""ODEs of networks: closed forms, orders, what is conserved, scipy's solver, every step in NumPy, and derivatives by differences."""

import re

import numpy as np
import pytest
import scipy.integrate
import scipy.special
from node_laws import KURAMOTO, LORENZ, OSCILLATOR

from pnnkern import ScalarFunction, _launch, check, dynamics, random
from pnnkern._errors import FaultError
from pnnkern.dynamics import Couplings, Law, integrate, integrate_vjp

METHODS = {"rk4": ([0, 0.5, 0.5, 1], [1 / 6, 1 / 3, 1 / 3, 1 / 6]), "heun": ([0, 1], [0.5, 0.5])}


def alone(law: dynamics.Law, state: np.ndarray, dt: float, steps: int, k: float = 1.0, **options) -> np.ndarray:
    """Of oscillators without couplings and drive."""
    n = state.shape[2]
    none = Couplings(np.zeros((0, 2), int), n)
    return integrate(law, state, dt, steps, parameters=np.stack([np.full(n, k), np.zeros(n)]), drive=0 * state[:, :1, :1], couplings=none,
                     weights=np.zeros(0), **options)  # fmt: skip


def plain(rates, state: np.ndarray, dt: float, steps: int, method: str, noise: np.ndarray | None = None) -> np.ndarray:
    """Every step in float64 NumPy: rates(t, place in the step, states). noise (batch, steps, components, nodes): increments."""
    x, out = state.astype(np.float64), []
    for t in range(steps):
        z = 0.0 if noise is None else noise[:, t]
        if method == "leapfrog":
            q = x[:, 0] + dt / 2 * x[:, 1]
            v = x[:, 1] + dt * rates(t, 0.5, np.stack([q, x[:, 1]], 1))[:, 1]
            x = np.stack([q + dt / 2 * v, v], 1)
        else:
            places, parts = METHODS[method]
            ks: list[np.ndarray] = []
            for place in places:
                ks.append(rates(t, place, x + dt * place * ks[-1] + z if ks else x))
            x = x + dt * sum(part * k for part, k in zip(parts, ks, strict=True)) + z
        out.append(x)
    return np.stack(out, 1)


def network(rng: np.random.Generator, batch: int, n: int, steps: int, times: int, inputs: int, directed: bool = False) -> tuple:
    """Oscillators on a random graph: keywords of `integrate`, states, and their rates in NumPy."""
    edges = np.array([(i, j) for i in range(n) for j in range(n) if (i != j if directed else i < j) and (3 * i + j) % 3 != 1])
    alpha, w = 0.3, rng.uniform(0.2, 1, len(edges))
    theta, drive, state = rng.uniform(0.5, 1.5, (2, n)), rng.normal(size=(batch, times, inputs)), rng.normal(size=(batch, 2, n))
    matrix = np.zeros((n, n))
    matrix[edges[:, 0], edges[:, 1]] = w
    if not directed:
        matrix += matrix.T

    def rates(t: int, place: float, x: np.ndarray) -> np.ndarray:
        u = drive[:, 0] if times == 1 else (1 - place) * drive[:, t] + place * drive[:, t + 1]
        q = x[:, 0]
        return np.stack([x[:, 1], q @ matrix.T + theta[1] * u - theta[0] * q - alpha * q**3], 1)

    given = {"parameters": theta, "drive": drive, "couplings": Couplings(edges, n, directed=directed), "weights": w}
    return OSCILLATOR.with_constants(alpha=alpha), state, given, rates


def on(backend, given: dict) -> dict:
    return {name: backend.array(x) if isinstance(x, np.ndarray) and name != "key" else x for name, x in given.items()}


# -------------------------------------------------------------------------------------------------------------------- closed forms
@pytest.mark.parametrize(("method", "order"), [("rk4", 4), ("leapfrog", 2), ("heun", 2)])
def test_orders_of_a_harmonic_oscillator(method: str, order: int) -> None:
    """q = cos(w t), v = -w sin(w t): halving the step divides the error by 2^order."""
    state, w, errors = np.array([[[1.0], [0.0]]]), 1.5, []
    for steps in (40, 80, 160):
        t = 6.0 / steps * np.arange(1, steps + 1)
        found = alone(OSCILLATOR, state, 6.0 / steps, steps, w**2, method=method)[0, :, :, 0]
        errors.append(np.abs(found - np.stack([np.cos(w * t), -w * np.sin(w * t)], 1)).max())
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx([order] * 2, abs=0.1)
    assert errors[-1] < (1e-5 if method == "rk4" else 1e-2)


def test_duffings_oscillator_is_elliptic(backend) -> None:
    """q'' = -k q - alpha q^3 from rest at A: q = A cn(w t, m), w^2 = k + alpha A^2, m = alpha A^2 / (2 w^2), of period 4 K(m) / w."""
    k, alpha, A = 1.0, 2.0, np.array([0.5, 1.0, 3.0])
    w = np.sqrt(k + alpha * A**2)
    m = alpha * A**2 / (2 * w**2)
    state = np.stack([A, 0 * A])[None]
    law = OSCILLATOR.with_constants(alpha=alpha)
    found = backend.numpy(alone(law, state, 0.005, 800, k, every=50))[0, :, 0]
    t = 0.005 * 50 * np.arange(1, 17)[:, None]
    assert np.abs(found - A * scipy.special.ellipj(w * t, m)[1]).max() < 5e-7
    period = 4 * scipy.special.ellipk(m[1]) / w[1]
    again = alone(law, state[:, :, 1:2], period / 2000, 2000, k, every=2000)[0, 0, :, 0]
    assert again == pytest.approx([1.0, 0.0], abs=1e-9)


def test_two_phases_draw_together(backend) -> None:
    """Of equal frequency: tan(phi / 2) falls as exp(-2 w t). Of unequal ones: locked where sin(phi) is their difference over 2 w; with a
    lag the common frequency falls by w sin(lag)."""
    phi, w, dt = 2.5, 0.7, 0.01
    given = {"couplings": Couplings([[0, 1]], 2), "weights": backend.array(np.array([w]))}
    state = backend.array(np.array([[[phi, 0.0]], [[0.3, 0.0]]]))
    found = backend.numpy(integrate(KURAMOTO, state, dt, 300, parameters=backend.array(np.zeros((1, 2))), every=100, **given))[:, :, 0]
    t = np.array([1.0, 2.0, 3.0])
    start = np.array([[phi], [0.3]])
    assert np.abs(found[..., 0] - found[..., 1] - 2 * np.arctan(np.tan(start / 2) * np.exp(-2 * w * t))).max() < 1e-9
    assert np.abs(found.sum(axis=2) - start).max() < 1e-12
    omega = backend.array(np.array([[1.0, 0.2]]))
    locked = backend.numpy(integrate(KURAMOTO, state, 0.05, 2000, parameters=omega, every=2000, **given))[:, 0, 0]
    assert np.sin(locked[:, 0] - locked[:, 1]) == pytest.approx(0.8 / (2 * w), abs=1e-10)
    law = KURAMOTO.with_constants(lag=0.4)
    lagging = backend.numpy(integrate(law, state, 0.05, 2000, parameters=omega, every=1000, **given))[:, :, 0]
    slower = 0.6 - w * np.sin(0.4) * np.sqrt(1 - (0.8 / (2 * w * np.cos(0.4))) ** 2)
    assert np.diff(lagging.mean(axis=2), axis=1) / 50 == pytest.approx(slower, abs=1e-8)


def test_leapfrog_keeps_an_energy_and_goes_back(rng: np.random.Generator) -> None:
    """Over a thousand oscillations the energy comes back to what it was, as Runge and Kutta's does not; and with turned velocities so does
    the state, to rounding."""
    law, state, given, _ = network(rng, 3, 5, 1, 1, 1)
    given["drive"][:] = 0
    given["weights"] *= 0.2

    def energy(x: np.ndarray) -> np.ndarray:
        q, v = x[..., 0, :], x[..., 1, :]
        i, j = given["couplings"].edges.T
        bound = (given["weights"] * q[..., i] * q[..., j]).sum(axis=-1)
        return (v**2 / 2 + given["parameters"][0] * q**2 / 2 + 0.3 * q**4 / 4).sum(axis=-1) - bound

    way = integrate(law, state, 0.1, 60000, method="leapfrog", every=20, **given)
    drift = energy(way) / energy(state)[:, None] - 1
    assert np.abs(drift).max() < 0.02
    assert np.abs(drift[:, -500:].mean(axis=1) - drift[:, :500].mean(axis=1)).max() < 1e-4
    coarse = energy(integrate(law, state, 0.1, 60000, every=60000, **given)[:, 0]) / energy(state) - 1
    assert (coarse < -2e-3).all()
    there = integrate(law, state, 0.1, 200, method="leapfrog", every=200, **given)[:, 0] * [[1], [-1]]
    back = integrate(law, there, 0.1, 200, method="leapfrog", every=200, **given)[:, 0] * [[1], [-1]]
    assert np.abs(back - state).max() < 1e-11


def test_noise_spreads_as_a_random_walk(backend) -> None:
    """Without a force the variance is sigma^2 t; by five standard errors of 4000 walks."""
    law, batch, sigma = KURAMOTO, 2000, 0.7
    given = {"parameters": backend.array(np.zeros((1, 2))), "couplings": Couplings([[0, 1]], 2), "weights": backend.array(np.zeros(1))}
    state = backend.array(np.zeros((batch, 1, 2)))
    walks = backend.numpy(integrate(law, state, 0.25, 8, method="heun", noise=sigma, key=random.key(1), every=4, **given))
    assert walks.var(axis=(0, 2, 3)) == pytest.approx(sigma**2 * np.array([1.0, 2.0]), rel=5 * np.sqrt(2 / 4000))
    assert abs(np.corrcoef(walks[:, 0, 0].T)[0, 1]) < 5 / np.sqrt(batch)
    steps = walks[:, 1] - walks[:, 0]
    assert abs(np.corrcoef(steps.ravel(), walks[:, 0].ravel())[0, 1]) < 5 / np.sqrt(2 * batch)


def test_a_leaky_node_in_noise(backend) -> None:
    """Ornstein and Uhlenbeck's: at x = y = 0 Lorenz's z falls with the rate beta, and is noisy alone. Its variance comes to sigma^2 / (2 beta)
    as 1 - exp(-2 beta t), and what it was is forgotten as exp(-beta t); by five standard errors."""
    batch, sigma, beta, dt = 1000, 0.6, 8 / 3, 0.02
    given = {"parameters": backend.array(np.ones((1, 2))), "couplings": Couplings([[0, 1]], 2), "weights": backend.array(np.zeros(1))}
    state = backend.array(np.zeros((batch, 3, 2)))
    how = {"method": "heun", "noise": [0.0, 0.0, sigma], "key": random.key(3), "every": 10}
    found = backend.numpy(integrate(LORENZ, state, dt, 80, **how, **given))
    z, t = found[:, :, 2], 10 * dt * np.arange(1, 9)
    assert not found[:, :, :2].any()
    right = sigma**2 / (2 * beta) * (1 - np.exp(-2 * beta * t))
    assert z.var(axis=(0, 2)) == pytest.approx(right, rel=5 * np.sqrt(2 / (2 * batch)))
    past = (z[:, 6] * z[:, 7]).mean() / (z[:, 6] ** 2).mean()
    assert past == pytest.approx(np.exp(-beta * 10 * dt), abs=5 / np.sqrt(2 * batch))


# ------------------------------------------------------------------------------------------------------------------ other solvers
def test_lorenz_against_scipy(backend, rng: np.random.Generator) -> None:
    state, rho = rng.normal(size=(2, 3, 3)) + 1, np.array([[28.0, 13.0, 0.5]])
    given = {"parameters": backend.array(rho), "couplings": Couplings([[0, 1]], 3), "weights": backend.array(np.zeros(1))}
    found = backend.numpy(integrate(LORENZ, backend.array(state), 0.002, 600, every=300, **given))
    for s in range(2):
        for i in range(3):
            right = scipy.integrate.solve_ivp(
                lambda t, y, r: [10 * (y[1] - y[0]), y[0] * (r - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]], (0, 1.2), state[s, :, i],
                "DOP853", (0.6, 1.2), rtol=1e-11, atol=1e-12, args=(rho[0, i],),
            )  # fmt: skip
            assert np.abs(found[s, :, :, i] - right.y.T).max() < 2e-6


@pytest.mark.parametrize("method", ["rk4", "leapfrog", "heun"])
@pytest.mark.parametrize(("times", "inputs", "directed"), [(1, 1, False), (13, 1, True), (1, 5, True), (13, 5, False)])
def test_every_step_in_numpy(backend, rng: np.random.Generator, method: str, times: int, inputs: int, directed: bool) -> None:
    """In two tiles of samples, of which the second one is not full."""
    batch = 67 if backend.name == "cpu" else 3
    law, state, given, rates = network(rng, batch, 5, 12, times, inputs, directed)
    found = integrate(law, backend.array(state), 0.2, 12, method=method, every=3, **on(backend, given))
    right = plain(rates, state, 0.2, 12, method)
    assert type(found) is type(backend.array(state))
    assert np.abs(backend.numpy(found) - right[:, 2::3]).max() < 1e-12


def test_single_precision(backend, rng: np.random.Generator) -> None:
    law, state, given, rates = network(rng, 3, 5, 12, 13, 5)
    single = {n: x.astype(np.float32) if isinstance(x, np.ndarray) else x for n, x in given.items()}
    state = state.astype(np.float32)
    for method in ("rk4", "leapfrog"):
        found = backend.numpy(integrate(law, backend.array(state), 0.2, 12, method=method, **on(backend, single)))
        assert found.dtype == np.float32
        assert np.abs(found - plain(rates, state, 0.2, 12, method)).max() < 1e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_noise_is_that_of_the_key(backend, rng: np.random.Generator, dtype: str) -> None:
    """Heun's steps in NumPy with the draws of `random.normal`; pieces of the time and of the batch are the same."""
    batch = 67 if backend.name == "cpu" else 5  # two tiles
    law, state, given, rates = network(rng, batch, 5, 8, 9, 1)
    key, sigma, dt = random.key(5), np.array([0.2, 0.5]), 0.1
    z = random.normal(key, (batch, 8, 5, 4), sample=3, dtype=dtype)[..., :2]
    right = plain(rates, state, dt, 8, "heun", (sigma * np.sqrt(dt) * z).transpose(0, 1, 3, 2))
    single = {n: x.astype(dtype) if isinstance(x, np.ndarray) else x for n, x in given.items()}
    start = state.astype(dtype)
    how = {"method": "heun", "noise": sigma, "key": key}
    found = backend.numpy(integrate(law, backend.array(start), dt, 8, sample=3, **on(backend, single), **how))
    assert np.abs(found - right).max() < (1e-5 if dtype == "float32" else 1e-12)
    part = on(backend, single | {"drive": np.ascontiguousarray(single["drive"][:, 5:])})
    later = integrate(law, backend.array(np.ascontiguousarray(found[:, 4])), dt, 3, sample=3, start=5, **part, **how)
    assert np.array_equal(backend.numpy(later), found[:, 5:])
    some = np.array([4, 1])
    part = on(backend, single | {"drive": single["drive"][some]})
    picked = integrate(law, backend.array(start[some]), dt, 8, sample=3 + some, **part, **how)
    assert np.array_equal(backend.numpy(picked), found[some])


# -------------------------------------------------------------------------------------------------------------------- derivatives
def differences(backend, law, state: np.ndarray, dt: float, steps: int, given: dict, rng: np.random.Generator, limit: float = 1e-8) -> None:
    """Along a direction of each argument, by central differences in float64."""
    names = [n for n in ("state", "parameters", "weights", "drive") if n == "state" or isinstance(given.get(n), np.ndarray)]
    every = given.get("every", 1)
    g = rng.normal(size=(len(state), steps // every, *state.shape[1:]))
    where = on(backend, given)
    found = integrate_vjp(backend.array(g), law, backend.array(state), dt, steps, wrt=names, **where)
    found = found if len(names) > 1 else (found,)
    for name, gradient in zip(names, found, strict=True):
        base = state if name == "state" else given[name]
        gradient = backend.numpy(gradient)
        assert gradient.shape == base.shape
        way, sums = rng.normal(size=base.shape), []
        for h in (1e-5, -1e-5):
            moved = base + h * way
            out = integrate(law, moved, dt, steps, **given) if name == "state" else integrate(law, state, dt, steps, **given | {name: moved})
            sums.append(float((g * out).sum()))
        right, size = (sums[0] - sums[1]) / 2e-5, np.linalg.norm(gradient) * np.linalg.norm(way)
        assert abs(float((gradient * way).sum()) - right) < limit * size, name


@pytest.mark.parametrize("method", ["rk4", "leapfrog", "heun"])
@pytest.mark.parametrize(("times", "inputs", "directed"), [(1, 1, False), (13, 1, True), (1, 5, True), (13, 5, False)])
def test_derivatives_of_oscillators(backend, rng: np.random.Generator, method: str, times: int, inputs: int, directed: bool) -> None:
    law, state, given, _ = network(rng, 67 if backend.name == "cpu" else 3, 5, 12, times, inputs, directed)
    differences(backend, law, state, 0.2, 12, given | {"method": method, "every": 4}, rng)


def test_derivatives_with_noise(backend, rng: np.random.Generator) -> None:
    law, state, given, _ = network(rng, 67 if backend.name == "cpu" else 3, 5, 7, 8, 1)
    differences(backend, law, state, 0.2, 7, given | {"method": "heun", "noise": 0.3, "key": random.key(2), "sample": 9, "start": 4}, rng)


def test_derivatives_of_phases(backend, rng: np.random.Generator) -> None:
    """Of one component."""
    law, couplings = KURAMOTO.with_constants(lag=0.3), Couplings([[0, 1], [2, 1], [3, 0], [2, 3]], 4)
    given = {"parameters": rng.normal(size=(1, 4)), "couplings": couplings, "weights": rng.normal(size=4)}
    differences(backend, law, rng.normal(size=(2, 1, 4)), 0.1, 30, given | {"every": 30}, rng)


@pytest.mark.parametrize("directed", [False, True])
def test_derivatives_of_lorenz(backend, rng: np.random.Generator, directed: bool) -> None:
    """Coupled by sines of differences; by constants as well, of which there are some in rates and one in what is felt."""
    law, edges = LORENZ.with_constants(sigma=4.0), [[0, 1], [2, 1], [3, 0], [2, 3]]
    given = {"parameters": np.array([[28.0, 13.0, 0.5, 9.0]]), "couplings": Couplings(edges, 4, directed=directed)}
    given["weights"] = rng.normal(size=4)
    state, weights = rng.normal(size=(67, 3, 4)) + 1, rng.normal(size=(10, 3, 4))  # more than a tile, and than the teams of a block
    asked, where = ("constants", "parameters", "state"), on(backend, given)
    cotangent = np.broadcast_to(weights, (len(state), *weights.shape))
    found = integrate_vjp(backend.array(cotangent), law, backend.array(state), 0.01, 40, every=4, wrt=asked, **where)
    by_constants, by_parameters, by_state = map(backend.numpy, found)
    assert by_constants.shape == (3,)
    assert list(law.constants) == ["sigma", "beta", "lag"]

    def sums(law: dynamics.Law, state: np.ndarray, **changed) -> np.ndarray:
        """Of each sample."""
        return (weights * integrate(law, state, 0.01, 40, every=4, **given | changed)).sum(axis=(1, 2, 3))

    size, h = abs(by_constants).max(), 1e-5
    for name, gradient in zip(law.constants, by_constants, strict=True):
        up, down = (sums(law.with_constants(**{name: law.constants[name] + sign * h}), state).sum() for sign in (1, -1))
        assert abs(gradient - (up - down) / (2 * h)) < 1e-7 * size, name
    way = rng.normal(size=(1, 4))
    up, down = (sums(law, state, parameters=given["parameters"] + sign * h * way).sum() for sign in (1, -1))
    assert float((by_parameters * way).sum()) == pytest.approx((up - down) / (2 * h), rel=1e-6)
    ways = rng.normal(size=state.shape)
    up, down = (sums(law, state + sign * h * ways) for sign in (1, -1))
    assert (by_state * ways).sum(axis=(1, 2)) == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-6)


def test_the_derivative_by_a_rate_of_decay(backend) -> None:
    """At x = y = 0 z falls by R(-beta dt) in each step of RK4, the first terms of an exponential: of T steps T R^(T-1) R' (-dt)."""
    steps, dt, beta, z = 20, 0.1, 8 / 3, np.array([1.5, -0.4])
    state = np.zeros((1, 3, 2))
    state[0, 2] = z
    given = {"parameters": backend.array(np.ones((1, 2))), "couplings": Couplings([[0, 1]], 2), "weights": backend.array(np.zeros(1))}
    cotangent = np.zeros((1, 1, 3, 2))
    cotangent[0, 0, 2] = 2.0, 3.0
    found = integrate_vjp(backend.array(cotangent), LORENZ, backend.array(state), dt, steps, every=steps, wrt="constants", **given)
    a = -beta * dt
    R, slope = 1 + a + a**2 / 2 + a**3 / 6 + a**4 / 24, 1 + a + a**2 / 2 + a**3 / 6
    right = (2.0 * z[0] + 3.0 * z[1]) * steps * R ** (steps - 1) * slope * -dt
    assert backend.numpy(found).tolist() == pytest.approx([0.0, right, 0.0], rel=1e-12)


def test_derivatives_in_single_precision(backend, rng: np.random.Generator) -> None:
    law, state, given, _ = network(rng, 3, 5, 12, 13, 5)
    g, names = rng.normal(size=(3, 12, 2, 5)), ("state", "parameters", "weights", "drive")
    right = integrate_vjp(g, law, state, 0.2, 12, wrt=names, **given)
    single = {n: x.astype(np.float32) if isinstance(x, np.ndarray) else x for n, x in given.items()}
    found = integrate_vjp(backend.array(g), law, backend.array(state.astype(np.float32)), 0.2, 12, wrt=names, **on(backend, single))
    for one, other in zip(map(backend.numpy, found), right, strict=True):
        assert one.dtype == np.float32
        assert np.abs(one - other).max() < 1e-4 * np.abs(other).max()


def test_the_way_back_needs_few_states(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """About 2 sqrt(stages steps) of a sample: checkpoints, and the stages of a segment."""
    law, state, given, _ = network(rng, 2, 5, 10000, 1, 1)
    seen: list[tuple] = []
    launch = _launch.launch

    def spied(stem: str, *args, **options) -> None:
        seen.extend(a.shape for a in args if isinstance(a, np.ndarray))
        seen.append((args[6],) if stem == "dynamics/adjoint" else (0,))
        launch(stem, *args, **options)

    monkeypatch.setattr(_launch, "launch", spied)
    integrate_vjp(rng.normal(size=(2, 1, 2, 5)), law, state, 0.001, 10000, every=10000, **given)
    states = max(int(np.prod(shape)) for shape in seen if len(shape) > 1) / state.size
    segment = seen[-1][0]
    assert states + 4 * segment <= 2.1 * np.sqrt(4 * 10000)


# ------------------------------------------------------------------------------------------------------------------------ refusals
def test_states_that_run_away(backend, rng: np.random.Generator) -> None:
    """A spring that pushes: the sample, the step and the node at which the first one is no number; on a GPU that there is one."""
    law, state, given, rates = network(rng, 67 if backend.name == "cpu" else 4, 5, 60, 61, 1)
    state *= 0.1
    state[3, 0, 2] = 40.0
    law = law.with_constants(alpha=-3.0)
    given["drive"] *= 0.1

    def pushed(t: int, place: float, x: np.ndarray) -> np.ndarray:
        change = np.stack([0 * x[:, 0], 3.3 * x[:, 0] ** 3], 1)
        return rates(t, place, x) + change

    with np.errstate(all="ignore"):
        way = np.isfinite(plain(pushed, state, 0.05, 60, "rk4")[3])
    t = int(np.argmin(way.all(axis=(1, 2))))
    component, node = np.argwhere(~way[t])[0]
    said = f"sample 3 is not finite after step {t + 1} of 60, first {'qv'[component]} of node {node}: dt is too long"

    def asked() -> None:
        integrate(law, backend.array(state), 0.05, 60, every=20, **on(backend, given))
        check()

    with pytest.raises(FaultError, match=re.escape(said) if backend.device == "cpu" else "not finite"):
        asked()


def refused(**changed) -> dict:
    n = 4
    given = {"law": OSCILLATOR, "state": np.zeros((2, 2, n)), "dt": 0.1, "steps": 6, "parameters": np.ones((2, n)),
             "drive": np.zeros((2, 1, 1)), "couplings": Couplings([[0, 1]], n), "weights": np.ones(1)}  # fmt: skip
    return given | changed


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"law": "duffing"}, TypeError, "law must be a dynamics.Law, one for all nodes, got str"),
        ({"state": np.zeros((2, 4))}, ValueError, "state must be (batch, 2, nodes), with q, v of each node, got shape (2, 4)"),
        ({"state": np.zeros((2, 3, 4))}, ValueError, "state must be (batch, 2, nodes)"),
        ({"state": np.zeros((0, 2, 4))}, ValueError, "state must be (batch, 2, nodes)"),
        ({"state": np.zeros((2, 2, 4), complex)}, TypeError, "state must be real numbers, got complex128"),
        ({"dt": -0.1}, ValueError, "dt must be positive and finite"),
        ({"dt": np.nan}, ValueError, "dt must be positive and finite"),
        ({"steps": 0}, ValueError, "steps must be an integer"),
        ({"steps": 1.5}, ValueError, "steps must be an integer"),
        ({"every": 4}, ValueError, "every must divide steps, 6, got 4"),
        ({"method": "euler"}, ValueError, "method must be one of rk4, leapfrog, heun, got 'euler'"),
        ({"parameters": None}, ValueError, "the law takes parameters k, gain: give them as an array (2, nodes)"),
        ({"parameters": np.ones((2, 3))}, ValueError, "parameters must be (2, 4), got shape (2, 3)"),
        ({"drive": None}, ValueError, "a rate takes drive: give it, (batch, times, inputs)"),
        ({"drive": np.zeros((2, 6, 1))}, ValueError, "drive must be (2, 1 or steps + 1 = 7, 1 or nodes = 4), got shape (2, 6, 1)"),
        ({"drive": np.zeros((2, 7, 3))}, ValueError, "drive must be (2, 1 or steps + 1 = 7, 1 or nodes = 4), got shape (2, 7, 3)"),
        ({"drive": np.zeros((1, 1, 1))}, ValueError, "drive must be (2,"),
        ({"couplings": None}, ValueError, "a rate takes what is coupled: give couplings and weights"),
        ({"weights": None}, ValueError, "a rate takes what is coupled: give couplings and weights"),
        ({"weights": np.ones(2)}, ValueError, "weights must be (1,), got shape (2,)"),
        ({"couplings": Couplings([[0, 1]], 5)}, ValueError, "couplings must be dynamics.Couplings of 4 nodes, got of 5 nodes"),
        ({"couplings": [[0, 1]]}, ValueError, "couplings must be dynamics.Couplings of 4 nodes, got list"),
        ({"noise": 0.1}, ValueError, "noise goes with method='heun', got 'rk4'"),
        ({"noise": 0.1, "method": "heun"}, ValueError, "noise is random, which needs a key"),
        ({"noise": [0.1, 0.1, 0.1], "method": "heun"}, ValueError, "noise must be finite and 0 or more, one number or one for each of q, v"),
        ({"noise": -1.0, "method": "heun"}, ValueError, "noise must be finite and 0 or more"),
        ({"sample": np.arange(3)}, ValueError, "sample must be one index, or one for each of the 2 samples, got shape (3,)"),
        ({"sample": -1}, ValueError, "sample must be an integer"),
        ({"start": -1}, ValueError, "start must be an integer"),
    ],
)
def test_bad_input(changed: dict, error: type, said: str) -> None:
    with pytest.raises(error, match=re.escape(said)) as caught:
        integrate(**refused(**changed))
    assert "\n" not in str(caught.value)


def test_states_beyond_a_block(backend) -> None:
    """What a GPU has no shared memory for is said; a CPU takes it."""
    n = 9000
    state = backend.array(np.ones((1, 1, n)))
    given = {"parameters": backend.array(np.zeros((1, n))), "couplings": Couplings([[0, 1]], n), "weights": backend.array(np.zeros(1))}
    if backend.name == "cpu":
        assert integrate(KURAMOTO, state, 0.1, 1, **given).shape == (1, 1, 1, n)
        return
    with pytest.raises(ValueError, match=r"a state of 9000 numbers takes 288000 bytes of a block's shared memory on a GPU, and there are \d+"):
        integrate(KURAMOTO, state, 0.1, 1, **given)


def test_what_the_law_does_not_take() -> None:
    state, left = np.zeros((1, 3, 2)), ScalarFunction(lambda x, rho: -rho * x)
    fall = Law({"x": left, "y": "x", "z": "y"})
    for given, said in (({"drive": np.zeros((1, 1, 1))}, "drive is given, and no rate takes it"),
                        ({"couplings": Couplings([[0, 1]], 2), "weights": np.ones(1)}, "couplings or weights are given, and no rate takes"),
                        ({"method": "leapfrog"}, "the leapfrog takes laws {'q': 'v', 'v': f} whose f is not of v")):  # fmt: skip
        with pytest.raises(ValueError, match=re.escape(said)):
            integrate(fall, state, 0.1, 1, parameters=np.ones((1, 2)), **given)
    plain = Law({"x": ScalarFunction(lambda x: -x), "y": "x", "z": "y"})
    for name, said in (("drive", "'drive', of which"), ("constants", "'constants', of which"), ("constant", "'constant': this derivative")):
        with pytest.raises(ValueError, match=f"wrt names {said}"):
            integrate_vjp(state[:, None], plain, state, 0.1, 1, wrt=name)
    with pytest.raises(ValueError, match=re.escape("cotangent must be (1, 1, 3, 2), as what integrate gives, got shape (1, 3, 2)")):
        integrate_vjp(state, plain, state, 0.1, 1)
