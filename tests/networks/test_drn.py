"""Deep resistive networks: against SciPy's constrained minimiser, Kirchhoff's law, implicit gradients, and float64; and their kernels."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize

from pnnkern import _launch, random
from pnnkern._errors import ConvergenceError
from pnnkern.experiments import data
from pnnkern.networks import drn, layered

LIMIT = {"float32": 3e-5, "float64": 1e-9}


def circuit(rng: np.random.Generator, sizes: tuple[int, ...], batch: int = 3, dtype: str = "float64") -> dict:
    weights = [rng.uniform(0, 1, pair).astype(dtype) for pair in pairwise(sizes)]
    biases = [rng.normal(size=n).astype(dtype) for n in sizes[1:]]
    return {
        "inputs": rng.normal(size=(batch, sizes[0])).astype(dtype) * 5, "target": rng.normal(size=(batch, sizes[-1])).astype(dtype),
        "weights": weights, "biases": biases,
    }  # fmt: skip


def on(backend, c: dict) -> dict:
    return {k: [backend.array(a) for a in v] if isinstance(v, list) else backend.array(v) for k, v in c.items()}


def sources(c: dict) -> tuple:
    return c["inputs"], c["weights"], c["biases"]


def power(c: dict, v: np.ndarray, s: int, nudge: float = 0.0) -> float:
    """1/2 sum g (u - v)^2 - b v + beta/2 (o - y)^2 of sample s, edge by edge; v: all free nodes in a row."""
    layers = np.split(v, np.cumsum([len(b) for b in c["biases"]])[:-1])
    total, below = 0.0, c["inputs"][s]
    for g, b, above in zip(c["weights"], c["biases"], layers):
        total += 0.5 * (g * (below[:, None] - above[None, :]) ** 2).sum() - b @ above
        below = above
    return total + 0.5 * nudge * ((below - c["target"][s]) ** 2).sum()


def bounds(sizes: tuple[int, ...]) -> list:
    out: list = []
    for n in sizes[1:-1]:
        out += [(0, None)] * ((n + 1) // 2) + [(None, 0)] * (n // 2)
    return out + [(None, None)] * sizes[-1]


@pytest.mark.parametrize("sizes", [(4, 3), (5, 7, 3), (4, 5, 3, 2), (3, 4, 1, 5, 2)])
@pytest.mark.parametrize("nudge", [0.0, 0.7, -0.1])
def test_settles_where_scipy_finds_the_least_power(backend, sizes, nudge, rng: np.random.Generator) -> None:
    c = circuit(rng, sizes)
    if nudge < 0:
        c["weights"][-1] += 0.2
    here = on(backend, c)
    found = drn.relax(*sources(here), nudge=nudge, target=here["target"])
    states = np.concatenate([backend.numpy(s) for s in found.states], axis=1)
    assert found.converged
    energy = backend.numpy(drn.energy(*here_args(here, found), nudge=nudge, target=here["target"]))
    for s in range(3):
        best = minimize(lambda v, s=s: power(c, v, s, nudge), np.zeros(states.shape[1]), bounds=bounds(sizes), method="L-BFGS-B",
                        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 5000})  # fmt: skip
        assert np.allclose(states[s], best.x, atol=2e-5)
        assert energy[s] <= best.fun + 1e-10
        assert energy[s] == pytest.approx(power(c, states[s], s, nudge), rel=1e-10)


def many(backend, cs: list[dict]) -> tuple:
    """Inputs of the first of some circuits, and the weights and biases of all, with a first axis of networks."""
    stacked = [[backend.array(np.stack(parts)) for parts in zip(*(c[name] for c in cs), strict=True)] for name in ("weights", "biases")]
    return backend.array(cs[0]["inputs"]), *stacked


@pytest.mark.parametrize("sizes", [(5, 7, 3), (4, 5, 3, 2)])
def test_many_networks_settle_where_scipy_finds_the_least_power(backend, sizes, rng: np.random.Generator) -> None:
    cs = [circuit(rng, sizes) for _ in range(3)]
    outputs = backend.numpy(drn.relax_many(*many(backend, cs)))
    assert outputs.shape == (3, 3, sizes[-1])
    for c, found in zip(cs, outputs, strict=True):
        c["inputs"] = cs[0]["inputs"]
        for s in range(3):
            best = minimize(lambda v, c=c, s=s: power(c, v, s), np.zeros(sum(sizes[1:])), bounds=bounds(sizes), method="L-BFGS-B",
                            options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 5000})  # fmt: skip
            assert np.allclose(found[s], best.x[-sizes[-1] :], atol=2e-5)


def here_args(c: dict, found: object) -> tuple:
    return c["inputs"], found.states, c["weights"], c["biases"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kirchhoff_and_diodes(backend, dtype: str, rng: np.random.Generator) -> None:
    """Currents into a conducting node add to zero; a node at the diode's limit is pushed against it. Written edge by edge."""
    c = circuit(rng, (6, 9, 4, 3), dtype=dtype)
    here = on(backend, c)
    found = drn.relax(*sources(here), sweeps=2000)
    states = [c["inputs"], *(backend.numpy(s) for s in found.states)]
    scale = max(np.abs(s).max() for s in states) * 9
    for l in (1, 2, 3):
        v = states[l].astype(float)
        current = c["biases"][l - 1] + np.einsum("ij,bij->bj", c["weights"][l - 1], states[l - 1][:, :, None] - v[:, None, :])
        if l < 3:
            current += np.einsum("jk,bjk->bj", c["weights"][l], states[l + 1][:, None, :] - v[:, :, None])
        sign = np.where(np.arange(v.shape[1]) < (v.shape[1] + 1) // 2, 1, -1) if l < 3 else np.zeros(v.shape[1])
        assert (sign * v >= 0).all()
        blocked = (v == 0) & (sign != 0)
        assert np.abs(current[~blocked]).max() < LIMIT[dtype] * scale
        assert (sign * current)[blocked].max(initial=-np.inf) <= LIMIT[dtype] * scale
        assert l == 3 or 0 < blocked.sum() < blocked.size
    assert backend.numpy(drn.residual(*here_args(here, found))).max() < LIMIT[dtype] * scale


def test_every_block_step_lowers_the_energy(rng: np.random.Generator) -> None:
    c = circuit(rng, (6, 9, 7, 3))
    states, last = None, np.inf
    for _ in range(6):
        states = drn.relax(*sources(c), nudge=0.5, target=c["target"], start=states, sweeps=1, tolerance=0).states
        energy = drn.energy(c["inputs"], states, c["weights"], c["biases"], nudge=0.5, target=c["target"])
        assert (energy <= last + 1e-12 * np.abs(energy)).all()
        last = energy
    net, half = drn._network(c["weights"], c["biases"]), [np.zeros((3, n)) for n in (9, 7, 3)]
    drive, last = net.drive(c["inputs"]), np.inf
    for l in layered.order(3) * 4:  # layer by layer
        half[l] = net.value(l, net.pull(l, half, drive) / net.totals[l])
        energy = drn.energy(c["inputs"], half, c["weights"], c["biases"])
        assert (energy <= last + 1e-12 * np.abs(energy)).all()
        last = energy


def test_warm_start_and_phases_together(backend, rng: np.random.Generator) -> None:
    c = on(backend, circuit(rng, (5, 8, 6, 2)))
    free = drn.relax(*sources(c))
    again = drn.relax(*sources(c), start=free.states, sweeps=1)
    assert again.converged
    together = drn.relax(*sources(c), nudge=(0.0, 0.4, 2.0), target=c["target"])
    for p, nudge in enumerate((0.0, 0.4, 2.0)):
        alone = drn.relax(*sources(c), nudge=nudge, target=c["target"])
        for a, b in zip(together.states, alone.states):
            assert np.allclose(backend.numpy(a[p]), backend.numpy(b), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("sizes", [(5, 7, 3), (1, 1, 1), (12, 131, 33), (4, 6, 5, 2), (6, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_differences_are_those_of_the_nudged_states(backend, sizes, dtype: str, rng: np.random.Generator) -> None:
    """One hidden layer by the fused kernel, others sweep by sweep: both against separate relaxations in float64."""
    c = circuit(rng, sizes)
    c["weights"][-1] += 0.2
    small = {k: [a.astype(dtype) for a in v] if isinstance(v, list) else v.astype(dtype) for k, v in c.items()}
    wide = {k: [a.astype(float) for a in v] if isinstance(v, list) else v.astype(float) for k, v in small.items()}
    here = on(backend, small)
    nudges = (-0.1, 0.02, 3.0)
    found = drn.phases(*sources(here), nudges=nudges, target=here["target"], sweeps=4000)
    assert found.converged
    free = drn.relax(*sources(wide), tolerance=1e-14, sweeps=20000, on_failure="flag")
    scale = max(np.abs(s).max() for s in free.states)
    for s, t in zip(found.states, free.states):
        assert np.abs(backend.numpy(s) - t).max() <= LIMIT[dtype] * scale
    for p, nudge in enumerate(nudges):
        moved = drn.relax(*sources(wide), nudge=nudge, target=wide["target"], tolerance=1e-14, sweeps=20000, on_failure="flag")
        wanted = [m - s for m, s in zip(moved.states, free.states)]
        size = max(np.abs(w).max() for w in wanted)
        for got, w in zip(found.moved, wanted):
            assert backend.numpy(got).dtype == dtype
            assert np.abs(backend.numpy(got[p]) - w).max() <= 10 * LIMIT[dtype] * max(size, scale * 1e-2)


@pytest.mark.parametrize("sizes", [(5, 7, 3), (5, 6, 4, 3)])
def test_held_outputs(backend, sizes, rng: np.random.Generator) -> None:
    """Outputs at o + nu (y - o), the rest at least power given that: a network whose outputs are tied by huge conductances."""
    c = circuit(rng, sizes)
    here = on(backend, c)
    found = drn.phases(*sources(here), nudges=(0.3, -0.3), target=here["target"], hold=True)
    free = [backend.numpy(s) for s in found.states]
    for p, nu in enumerate((0.3, -0.3)):
        held = free[-1] + nu * (c["target"] - free[-1])
        tied = drn.relax(*sources(c), nudge=1e9, target=held)
        for s, m, t in zip(free, found.moved, tied.states):
            assert np.allclose(s + backend.numpy(m[p]), t, atol=1e-6)


# ------------------------------------------------------------------------------------------------------------------ gradients
def loss(c: dict) -> float:
    found = drn.relax(*sources(c), tolerance=1e-15, sweeps=5000, on_failure="flag")
    return 0.5 * ((found.output - c["target"]) ** 2).sum(axis=1).mean()


def implicit_gradient(c: dict) -> list[np.ndarray]:
    """d loss / d theta through the equilibrium, by the linear system of the nodes that conduct, edge by edge."""
    found = drn.relax(*sources(c), tolerance=1e-15, sweeps=5000, on_failure="flag")
    sizes = [len(b) for b in c["biases"]]
    starts = np.cumsum([0, *sizes])
    grads = [np.zeros_like(a) for a in (*c["weights"], *c["biases"])]
    layers = len(sizes)
    for s in range(len(c["inputs"])):
        v = np.concatenate([x[s] for x in found.states])
        hessian = np.zeros((starts[-1], starts[-1]))
        for l, g in enumerate(c["weights"]):
            above = slice(starts[l], starts[l + 1])
            hessian[above, above] += np.diag(g.sum(axis=0))
            if l:
                below = slice(starts[l - 1], starts[l])
                hessian[below, below] += np.diag(g.sum(axis=1))
                hessian[below, above] -= g
                hessian[above, below] -= g.T
        active = v != 0
        active[starts[-2] :] = True
        adjoint = np.zeros(starts[-1])
        force = np.zeros(starts[-1])
        force[starts[-2] :] = found.output[s] - c["target"][s]
        adjoint[active] = np.linalg.solve(hessian[np.ix_(active, active)], force[active])
        for l in range(layers):
            below = c["inputs"][s] if l == 0 else v[starts[l - 1] : starts[l]]
            push = np.zeros(len(below)) if l == 0 else adjoint[starts[l - 1] : starts[l]]
            above, pull = v[starts[l] : starts[l + 1]], adjoint[starts[l] : starts[l + 1]]
            # dE/dg = (u - v)^2 / 2; its gradient in the state, times -adjoint
            grads[l] -= (below[:, None] - above) * (push[:, None] - pull) / len(c["inputs"])
            grads[layers + l] += pull / len(c["inputs"])
    return grads


def estimates(c: dict, nudges: tuple[float, float]) -> list[np.ndarray]:
    w, b = drn.gradient(c["inputs"], c["target"], c["weights"], c["biases"], nudges=nudges, tolerance=1e-14, sweeps=5000)
    return [*w, *b]


@pytest.mark.parametrize("sizes", [(5, 7, 3), (5, 6, 4, 3)])
def test_implicit_gradient_is_that_of_the_loss(sizes, rng: np.random.Generator) -> None:
    c = circuit(rng, sizes)
    grads = implicit_gradient(c)
    for g, array in zip(grads, (*c["weights"], *c["biases"])):
        index = tuple(int(rng.integers(n)) for n in array.shape)
        before, h = array[index], 1e-5
        array[index] = before + h
        up = loss(c)
        array[index] = before - h
        down = loss(c)
        array[index] = before
        assert g[index] == pytest.approx((up - down) / (2 * h), rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("sizes", [(5, 7, 3), (5, 6, 4, 3)])
def test_relax_vjp(backend, sizes, rng: np.random.Generator) -> None:
    c = circuit(rng, sizes)
    here = on(backend, c)
    free = drn.relax(*sources(here), sweeps=5000)
    cotangent = (free.output - here["target"]) / 3
    for given in (free, None):
        factors, biases = drn.relax_vjp(cotangent, *sources(here), free=given, sweeps=5000)
        for got, exact in zip([*(f.dense() for f in factors), *biases], implicit_gradient(c)):
            assert np.allclose(backend.numpy(got), exact, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("sizes", [(5, 7, 3), (5, 6, 4, 3)])
def test_estimates_have_the_order_they_should(sizes, rng: np.random.Generator) -> None:
    """Error of order beta one-sided, beta^2 centred, over nudges that leave the set of blocking diodes as it is."""
    c = circuit(rng, sizes)
    exact = np.concatenate([g.ravel() for g in implicit_gradient(c)])
    betas = np.array([4e-3, 2e-3, 1e-3])
    for ends, order in (((0, 1), 1), ((-1, 0), 1), ((-1, 1), 2)):
        errors = []
        for beta in betas:
            found = drn.phases(*sources(c), nudges=np.multiply(ends, beta), target=c["target"], tolerance=1e-14, sweeps=5000)
            for s, m in zip(found.states, found.moved):
                assert ((s + m != 0) == (s != 0)).all(), "a diode switched: choose smaller nudges"
            got = np.concatenate([g.ravel() for g in estimates(c, tuple(np.multiply(ends, beta)))])
            errors.append(np.linalg.norm(got - exact) / np.linalg.norm(exact))
        slope = np.polyfit(np.log(betas), np.log(errors), 1)[0]
        assert slope == pytest.approx(order, abs=0.1)
        assert errors[-1] < 1e-2


def test_contrast_is_the_difference_of_squared_voltage_drops(backend, rng: np.random.Generator) -> None:
    """The definition, edge by edge in float64, for any two phases."""
    c = circuit(rng, (5, 7, 4, 3))
    here = on(backend, c)
    found = drn.phases(*sources(here), nudges=(-0.05, 0.1), target=here["target"])
    free, moved = [backend.numpy(s) for s in found.states], [backend.numpy(m) for m in found.moved]
    for a, b in ((0, 1), (1, 2), (2, 0)):
        one, two = ([c["inputs"], *(s if p == 0 else s + m[p - 1] for s, m in zip(free, moved))] for p in (a, b))
        factors, biases = drn.contrast(found, a, b)
        for l, (f, g) in enumerate(zip(factors, biases)):
            drops = [0.5 * (x[l][:, :, None] - x[l + 1][:, None, :]) ** 2 for x in (one, two)]
            assert np.allclose(backend.numpy(f.dense()), (drops[1] - drops[0]).mean(axis=0), atol=1e-10)
            assert np.allclose(backend.numpy(g), -(two[l + 1] - one[l + 1]).mean(axis=0), atol=1e-12)


@pytest.mark.parametrize(
    ("hidden", "gain", "sweeps", "beta"), [((1024,), 480, 4, 1.0), ((1024, 1024), 2000, 5, 1.0), ((1024, 1024, 1024), 4000, 6, 2.0)]
)
def test_float32_gradients_at_the_published_gains(hidden, gain, sweeps, beta) -> None:
    """Cosine to float64 above 0.999 in every layer; the published float32 code has 0.996, 0.64 and 0.25 in the first one."""
    digits = data.load().head(4, 4)
    images = digits.train_images.reshape(4, -1).astype(np.float32) / 255
    target = np.eye(10, dtype=np.float32)[digits.train_labels]
    inputs = drn.encode(images, gain)
    weights = drn.initial((inputs.shape[1], *hidden, 10), random.key(3))
    how = {"nudges": (-beta, beta), "sweeps": sweeps, "tolerance": 0}
    got, _ = drn.gradient(inputs, target, weights, **how)
    true, _ = drn.gradient(inputs.astype(float), target.astype(float), [w.astype(float) for w in weights], **how)
    for g, t in zip(got, true):
        assert g.dtype == np.float32
        assert (g * t).sum() / np.linalg.norm(g) / np.linalg.norm(t) > 0.999


def test_continual_updates(rng: np.random.Generator) -> None:
    c = circuit(rng, (5, 7, 3))
    w, b = drn.gradient(c["inputs"], c["target"], c["weights"], c["biases"], nudges=(0.0, 0.1))
    rate = 1e-6
    new_w, new_b = drn.continual(c["inputs"], c["target"], c["weights"], c["biases"], nudge=0.1, rates=[rate, rate], steps=100)
    for got, old, wanted in zip([*new_w, *new_b], [*c["weights"], *c["biases"]], [*w, *b]):
        assert np.allclose((old - got) / rate, wanted, rtol=1e-2, atol=1e-3 * np.abs(wanted).max())
    far, _ = drn.continual(c["inputs"], c["target"], c["weights"], c["biases"], nudge=0.1, rates=[1.0, 0.0], steps=2)
    assert far[0].min() == 0
    assert np.array_equal(far[1], c["weights"][1])


# -------------------------------------------------------------------------------------------------------------------- update
@pytest.mark.parametrize(("rows", "columns", "samples"), [(1, 1, 1), (31, 33, 7), (65, 130, 40), (5, 3, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_update_in_one_pass(backend, rows: int, columns: int, samples: int, dtype: str, rng: np.random.Generator) -> None:
    w, a, b = (rng.normal(size=s).astype(dtype) for s in ((rows, columns), (samples, rows), (samples, columns)))
    out = backend.array(w.copy())
    layered.update(out, layered.Factors(backend.array(a), backend.array(b)), 0.3, -0.5, 0.8)
    expected = np.clip(w - 0.3 * np.einsum("si,sj->ij", a.astype(float), b.astype(float)), -0.5, 0.8)
    assert np.allclose(backend.numpy(out), expected, atol=2e-6 if dtype == "float32" else 1e-13)


def test_kernel_in_any_order_of_threads(rng: np.random.Generator) -> None:
    """The same bits for threads run up, down and shuffled: no thread reads what another has yet to write."""
    c = circuit(rng, (5, 37, 3), dtype="float32")
    results = []
    for order in ("ascending", "descending", "shuffled"):
        with _launch.host(order=order):
            results.append(drn.phases(*sources(c), nudges=(-0.1, 0.1), target=c["target"], sweeps=5, tolerance=0))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0].moved + results[0].states, other.moved + other.states))


# ------------------------------------------------------------------------------------------------------------------- bad input
W = [np.full((3, 4), 0.5), np.full((4, 2), 0.5)]
X, Y = np.ones((2, 3)), np.ones((2, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: drn.relax(X, [W[0], -W[1]]), ValueError, r"conductances must be 0 or more, the smallest in weights\[1\] is -0.5"),
        (lambda: drn.relax(X, [W[0] * np.nan, W[1]]), ValueError, "conductances must be 0 or more"),
        (lambda: drn.relax(X, [W[0] * 0, W[1] * 0]), ValueError, "node 0 of layer 1 is joined to nothing"),
        (lambda: drn.relax(X, [W[0], W[1].T]), ValueError, r"weights\[1\] must be \(4, nodes of the next layer\), got shape \(2, 4\)"),
        (lambda: drn.relax(X[:, :2], W), ValueError, r"weights\[0\] must be \(2, nodes"),
        (lambda: drn.relax(X, W, [np.zeros(4)]), ValueError, "one array of biases for each of the 2 weights, got 1"),
        (lambda: drn.relax(X, [W[0], W[1].astype("float32")]), TypeError, "all weights and biases must be float64"),
        (lambda: drn.relax(X, [w.astype(int) for w in W]), TypeError, r"weights\[0\] must be an array of float32 or float64, got int64"),
        (lambda: drn.relax(X, W, nudge=0.1), ValueError, "a nudge other than 0 needs a target"),
        (lambda: drn.relax(X, W, nudge=0.1, target=Y[:1]), ValueError, r"target must be \(2, 2\), got shape \(1, 2\)"),
        (lambda: drn.relax(X, W, nudge=-2.0, target=Y), ValueError, "a nudge of -2 leaves the energy without a minimum: .* above -2,"),
        (lambda: drn.gradient(X, Y, W, nudges=(-2.5, 2.5)), ValueError, "leaves the energy without a minimum"),
        (lambda: drn.gradient(X, Y, W, nudges=(0.1, 0.1)), ValueError, "two different numbers"),
        (lambda: drn.relax(X, W, nudge=np.nan, target=Y), ValueError, "a nudge must be a finite number"),
        (lambda: drn.relax(X, W, sweeps=1), ConvergenceError, "has not settled after 1 sweeps"),
        (lambda: drn.relax(X, W, sweeps=0), ValueError, "sweeps must be at least 1"),
        (lambda: drn.relax(X, W, tolerance=-1), ValueError, r"tolerance must lie in \[0, 1\)"),
        (lambda: drn.relax(X, W, on_failure="ignore"), ValueError, "'raise' or 'flag'"),
        (lambda: drn.initial((4,), random.key(1)), ValueError, "at least two layers"),
        (lambda: drn.encode(X[0], 1.0), ValueError, r"images must be \(batch, pixels\)"),
        (lambda: layered.update(W[0].copy(), layered.Factors(X, Y), 1.0), ValueError, r"must be \(samples, 3\) and \(samples, 4\)"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_not_settled_can_be_flagged() -> None:
    found = drn.relax(X, W, sweeps=1, on_failure="flag")
    assert not found.converged
    assert found.residual > 0.1


def test_a_response_that_runs_away_is_not_settled(backend) -> None:
    """A NaN among the steps stays: an infinite state must not pass for one that has come to rest because others did."""
    weights = [backend.array(np.full((1, 1), g, np.float32)) for g in (0.1, 0.5)]
    inputs, target = (backend.array(np.full((3, 1), v, np.float32)) for v in (1.0, -2.0))
    settled = drn.phases(inputs, weights, nudges=(-0.1,), target=target, sweeps=20000, on_failure="flag")
    assert not np.isfinite(backend.numpy(settled.moved[-1])).any()  # each sweep multiplies the difference by 0.5^2 / (0.6 0.4) > 1
    assert not settled.converged
