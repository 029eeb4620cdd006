"""Layered Hopfield networks: SciPy's minimiser, the loss itself, orders of the estimates, complex nudges, softmax read-out, asymmetry."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import softmax

from pnnkern import random
from pnnkern._errors import ConvergenceError
from pnnkern.networks import hopfield, layered

EXACT = {"tolerance": 1e-15, "sweeps": 3000, "on_failure": "flag"}
LIMIT = {"float32": 1e-4, "float64": 1e-8}


def network(rng: np.random.Generator, sizes: tuple[int, ...], batch: int = 3, dtype: str = "float64", gain: float = 0.35) -> dict:
    return {
        "inputs": rng.uniform(0, 1, (batch, sizes[0])).astype(dtype), "target": np.eye(sizes[-1], dtype=dtype)[np.arange(batch) % sizes[-1]],
        "weights": [rng.normal(0, gain / np.sqrt(max(pair)), pair).astype(dtype) for pair in pairwise(sizes)],
        "biases": [rng.normal(0.3, 0.5, n).astype(dtype) for n in sizes[1:]],
    }  # fmt: skip


def on(backend, c: dict) -> dict:
    return {k: [backend.array(a) for a in v] if isinstance(v, list) else backend.array(v) for k, v in c.items()}


def sources(c: dict) -> tuple:
    return c["inputs"], c["weights"], c["biases"]


def start(c: dict) -> tuple:
    return c["inputs"], c["target"], c["weights"], c["biases"]


OWN = {
    "hard-sigmoid": lambda s: s**2 / 2,
    "sigmoid": lambda s: (s * np.log(s) + (1 - s) * np.log(1 - s)) / 4 + s / 2,
    "tanh": lambda s: s * np.arctanh(s) + np.log(1 - s**2) / 2,
}
RANGE = {"hard-sigmoid": (0, 1), "sigmoid": (1e-12, 1 - 1e-12), "tanh": (-1 + 1e-12, 1 - 1e-12)}


def energy(c: dict, v: np.ndarray, n: int, activation: str, nudge: float) -> float:
    """E + beta C of sample n, unit by unit."""
    layers = np.split(v, np.cumsum([len(b) for b in c["biases"]])[:-1])
    total, below = 0.0, c["inputs"][n]
    for l, (w, b, s) in enumerate(zip(c["weights"], c["biases"], layers)):
        own = s**2 / 2 if l == len(layers) - 1 else OWN[activation](s)
        total += own.sum() - b @ s - below @ w @ s
        below = s
    return total + nudge / 2 * ((below - c["target"][n]) ** 2).sum()


@pytest.mark.parametrize("activation", ["hard-sigmoid", "tanh"])
@pytest.mark.parametrize("sizes", [(5, 7, 3), (4, 5, 3, 2)])
def test_many_networks_settle_where_scipy_finds_the_least_energy(backend, sizes, activation, rng: np.random.Generator) -> None:
    cs = [network(rng, sizes) for _ in range(3)]
    weights, biases = ([backend.array(np.stack(parts)) for parts in zip(*(c[name] for c in cs), strict=True)] for name in ("weights", "biases"))
    outputs = backend.numpy(hopfield.relax_many(backend.array(cs[0]["inputs"]), weights, biases, activation=activation))
    assert outputs.shape == (3, 3, sizes[-1])
    for c, found in zip(cs, outputs, strict=True):
        c["inputs"] = cs[0]["inputs"]
        for n in range(3):
            best = minimize(lambda v, c=c, n=n: energy(c, v, n, activation, 0.0), np.full(sum(sizes[1:]), 0.4), method="L-BFGS-B",
                            bounds=[RANGE[activation]] * sum(sizes[1:-1]) + [(None, None)] * sizes[-1],
                            options={"ftol": 1e-15, "gtol": 1e-10})  # fmt: skip
            assert np.allclose(found[n], best.x[-sizes[-1] :], atol=3e-5)


@pytest.mark.parametrize("activation", ["hard-sigmoid", "sigmoid", "tanh"])
@pytest.mark.parametrize("sizes", [(5, 7, 3), (4, 5, 3, 2)])
@pytest.mark.parametrize("nudge", [0.0, 0.8, -0.5])
def test_settles_where_scipy_finds_the_least_energy(backend, sizes, activation, nudge, rng: np.random.Generator) -> None:
    c = network(rng, sizes)
    here = on(backend, c)
    found = hopfield.relax(*sources(here), activation=activation, nudge=nudge, target=here["target"])
    states = np.concatenate([backend.numpy(s) for s in found.states], axis=1)
    ours = backend.numpy(
        hopfield.energy(here["inputs"], found.states, *sources(here)[1:], activation=activation, nudge=nudge, target=here["target"])
    )
    hidden = sum(sizes[1:-1])
    for n in range(3):
        best = minimize(lambda v, n=n: energy(c, v, n, activation, nudge), np.full(states.shape[1], 0.4), method="L-BFGS-B",
                        bounds=[RANGE[activation]] * hidden + [(None, None)] * sizes[-1], options={"ftol": 1e-15, "gtol": 1e-10})  # fmt: skip
        assert np.allclose(states[n], best.x, atol=3e-5)
        assert ours[n] <= best.fun + 1e-10
        assert ours[n] == pytest.approx(energy(c, states[n], n, activation, nudge), rel=1e-10)
    left = hopfield.residual(here["inputs"], found.states, *sources(here)[1:], activation=activation, nudge=nudge, target=here["target"])
    assert backend.numpy(left).max() < 1e-9


def test_every_block_step_lowers_the_energy(rng: np.random.Generator) -> None:
    c = network(rng, (6, 9, 7, 3), gain=3.0)
    for activation in ("hard-sigmoid", "sigmoid", "tanh"):
        net = hopfield._network(c["weights"], c["biases"], activation)
        states, drive, last = [np.full((3, n), 0.5) for n in (9, 7, 3)], c["inputs"] @ c["weights"][0] + c["biases"][0], np.inf
        for l in layered.order(3) * 5:
            states[l] = net.value(l, net.pull(l, states, drive))
            now = hopfield.energy(c["inputs"], states, c["weights"], c["biases"], activation=activation)
            assert (now <= last + 1e-12 * np.abs(now)).all()
            last = now


@pytest.mark.parametrize("activation", ["hard-sigmoid", "sigmoid", "tanh"])
@pytest.mark.parametrize("sizes", [(5, 7, 3), (1, 1, 1), (12, 131, 33), (4, 6, 5, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_differences_are_those_of_the_nudged_states(backend, sizes, activation, dtype: str, rng: np.random.Generator) -> None:
    """Also for a nudge of 1e-6, where the states themselves differ in float32's last digits."""
    c = network(rng, sizes, dtype=dtype)
    wide = {k: [a.astype(float) for a in v] if isinstance(v, list) else v.astype(float) for k, v in c.items()}
    here, nudges = on(backend, c), (-0.3, 1e-6, 0.5)
    found = hopfield.phases(*sources(here), activation=activation, nudges=nudges, target=here["target"], sweeps=1000)
    free = hopfield.relax(*sources(wide), activation=activation, **EXACT)
    for p, nudge in enumerate(nudges):
        moved = hopfield.relax(*sources(wide), activation=activation, nudge=nudge, target=wide["target"], **EXACT)
        wanted = [m - s for m, s in zip(moved.states, free.states)]
        size = max(np.abs(w).max() for w in wanted)
        for s, t, got, w in zip(found.states, free.states, found.moved, wanted):
            assert np.abs(backend.numpy(s) - t).max() <= LIMIT[dtype]
            assert np.abs(backend.numpy(got[p]) - w).max() <= LIMIT[dtype] * size


# ------------------------------------------------------------------------------------------------------------------- gradients
def loss(c: dict, activation: str) -> float:
    return 0.5 * ((hopfield.relax(*sources(c), activation=activation, **EXACT).output - c["target"]) ** 2).sum(axis=1).mean()


def numeric(c: dict, value, names=("weights", "biases")) -> list[np.ndarray]:
    out = []
    for array in (a for name in names for a in c[name]):
        g = np.empty_like(array)
        for i in np.ndindex(array.shape):
            before = array[i]
            ends = []
            for h in (1e-5, -1e-5):
                array[i] = before + h
                ends.append(value(c))
            array[i] = before
            g[i] = (ends[0] - ends[1]) / 2e-5
        out.append(g)
    return out


def flat(arrays) -> np.ndarray:
    return np.concatenate([np.ravel(a) for a in arrays])


def joined(backend, parts) -> np.ndarray:
    """Arrays in lists as one."""
    return flat(backend.numpy(a) for part in parts for a in part)


@pytest.mark.parametrize("activation", ["hard-sigmoid", "sigmoid", "tanh"])
def test_relax_vjp_is_the_derivative_of_the_output(backend, activation, rng: np.random.Generator) -> None:
    c = network(rng, (4, 5, 3, 2))
    here = on(backend, c)
    free = hopfield.relax(*sources(here), activation=activation, sweeps=2000)
    factors, biases = hopfield.relax_vjp((free.output - here["target"]) / 3, *sources(here), activation=activation, sweeps=2000)
    exact = numeric(c, lambda c: loss(c, activation))
    assert np.allclose(flat([*(backend.numpy(f.dense()) for f in factors), *map(backend.numpy, biases)]), flat(exact), atol=1e-8)


def exact_gradient(c: dict, activation: str) -> np.ndarray:
    output = hopfield.relax(*sources(c), activation=activation, **EXACT).output
    factors, biases = hopfield.relax_vjp((output - c["target"]) / len(output), *sources(c), activation=activation, **EXACT)
    return flat([*(f.dense() for f in factors), *biases])


@pytest.mark.parametrize("sizes", [(5, 7, 3), (5, 6, 4, 3)])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_estimates_have_the_order_they_should(sizes, activation, rng: np.random.Generator) -> None:
    c = network(rng, sizes)
    exact, betas = exact_gradient(c, activation), np.array([4e-2, 2e-2, 1e-2])
    for ends, order in (((0, 1), 1), ((-1, 0), 1), ((-1, 1), 2)):
        errors = []
        for beta in betas:
            how = {"nudges": tuple(np.multiply(ends, beta)), "activation": activation} | EXACT
            w, b = hopfield.gradient(c["inputs"], c["target"], *sources(c)[1:], **how)
            errors.append(np.linalg.norm(flat([*w, *b]) - exact) / np.linalg.norm(exact))
        assert np.polyfit(np.log(betas), np.log(errors), 1)[0] == pytest.approx(order, abs=0.1)
        assert errors[-1] < 2e-2


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("points", [2, 3, 4, 7])
def test_holomorphic_estimates_have_order_n(activation, points: int, rng: np.random.Generator) -> None:
    c = network(rng, (5, 6, 4, 3))
    exact, radii, errors = exact_gradient(c, activation), np.array([0.4, 0.28]), []
    for r in radii:
        how = {"radius": r, "points": points, "activation": activation} | EXACT
        w, b = hopfield.holomorphic_gradient(c["inputs"], c["target"], *sources(c)[1:], **how)
        errors.append(np.linalg.norm(flat([*w, *b]) - exact) / np.linalg.norm(exact))
    assert np.polyfit(np.log(radii), np.log(errors), 1)[0] == pytest.approx(points, rel=0.25)


def test_two_complex_nudges_are_the_centred_estimate(backend, rng: np.random.Generator) -> None:
    c = on(backend, network(rng, (5, 7, 3)))
    one = hopfield.holomorphic_gradient(c["inputs"], c["target"], *sources(c)[1:], radius=0.3, points=2)
    two = hopfield.gradient(c["inputs"], c["target"], *sources(c)[1:], nudges=(-0.3, 0.3), activation="sigmoid")
    for a, b in zip(one, two):
        assert np.allclose(flat(map(backend.numpy, a)), flat(map(backend.numpy, b)), atol=1e-9)


SOFTMAX = {"activation": "sigmoid", "readout": "softmax"}


def cross_entropy(c: dict, activation: str = "sigmoid", **more) -> float:
    scores = hopfield.relax(*sources(c), activation=activation, readout="softmax", **more, **EXACT).output
    return (np.log(np.exp(scores).sum(axis=1)) - (scores * c["target"]).sum(axis=1)).mean()


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_softmax_is_scipys(backend, dtype: str, rng: np.random.Generator) -> None:
    scores = (30 * rng.normal(size=(4, 5)) + (1j * rng.normal(size=(4, 5)) if dtype == "complex128" else 0)).astype(dtype)
    got = backend.numpy(layered.softmax(backend.array(scores)))
    assert got.dtype == dtype
    assert np.allclose(got, softmax(scores, axis=-1), rtol=0, atol=1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("sizes", [(4, 5, 4, 3), (4, 5, 3)])
def test_softmax_read_out(backend, sizes, rng: np.random.Generator) -> None:
    """Estimates have order 2 against the slopes of the cross-entropy, complex nudges a higher one, and the implicit derivative is exact."""
    c = network(rng, sizes)
    here = on(backend, c)
    exact, errors = flat(numeric(c, cross_entropy)), []
    for beta in (0.2, 0.1):
        w, b = hopfield.gradient(here["inputs"], here["target"], *sources(here)[1:], nudges=(-beta, beta), **SOFTMAX)
        errors.append(np.linalg.norm(flat(map(backend.numpy, [*w, *b])) - exact) / np.linalg.norm(exact))
    assert errors[1] < 1e-2
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.3)
    free = hopfield.relax(*sources(here), **SOFTMAX)
    assert not np.any(backend.numpy(free.states[-1]))
    read = np.exp(backend.numpy(free.output))
    g = backend.array((read / read.sum(axis=1, keepdims=True) - c["target"]) / 3)
    factors, biases = hopfield.relax_vjp(g, *sources(here), free=free, **SOFTMAX)
    assert np.allclose(flat([*(backend.numpy(f.dense()) for f in factors), *map(backend.numpy, biases)]), exact, atol=1e-8)
    w, b = hopfield.holomorphic_gradient(here["inputs"], here["target"], *sources(here)[1:], radius=0.4, points=8, readout="softmax")
    assert np.linalg.norm(flat(map(backend.numpy, [*w, *b])) - exact) < 1e-5 * np.linalg.norm(exact)


def test_nudged_states_under_a_softmax_solve_their_equations(rng: np.random.Generator) -> None:
    """Also at a nudge of -3, and their differences from the free state are those of the states."""
    c = network(rng, (5, 7, 4, 3))
    found = hopfield.phases(*sources(c), readout="softmax", nudges=(-3.0, 0.5), target=c["target"], sweeps=1000)
    free = hopfield.relax(*sources(c), readout="softmax", **EXACT)
    assert np.allclose(found.output, free.output)
    (w0, w1, w2), (b0, b1, b2) = c["weights"], c["biases"]
    for p, beta in enumerate((-3.0, 0.5)):
        h, g, force = (s + m[p] for s, m in zip(found.states, found.moved))
        read = np.exp(g @ w2 + b2)
        assert np.allclose(force, beta * (c["target"] - read / read.sum(axis=1, keepdims=True)))
        assert np.allclose(g, np.clip(h @ w1 + b1 + force @ w2.T, 0, 1))
        assert np.allclose(h, np.clip(c["inputs"] @ w0 + b0 + g @ w1.T, 0, 1))
        moved = hopfield.relax(*sources(c), readout="softmax", nudge=beta, target=c["target"], **EXACT)
        assert all(np.allclose(m, s + d[p], atol=1e-9) for m, s, d in zip(moved.states, found.states, found.moved))
        how = {"readout": "softmax", "nudge": beta, "target": c["target"]}
        assert hopfield.residual(c["inputs"], moved.states, *sources(c)[1:], **how).max() < 1e-12


@pytest.mark.parametrize("kind", ["tied", "softmax", "separate"])
def test_continual_updates_add_up_to_the_one_sided_estimate(backend, kind: str, rng: np.random.Generator) -> None:
    """For small rates; at larger ones the weights that move on the way make a difference of first order in the rate."""
    c = network(rng, (5, 7, 4, 3))
    if kind == "separate":
        c["backward"] = network(rng, (5, 7, 4, 3))["weights"]
    here = on(backend, c)
    how = {"backward": here["backward"]} if kind == "separate" else {"readout": "softmax" if kind == "softmax" else "state"}
    wanted = joined(backend, hopfield.gradient(*start(here), nudges=(0.0, 0.3), **how))
    before, errors = flat([*c["weights"], *c.get("backward", []), *c["biases"]]), []
    for rate in (1e-3, 5e-4):
        ends = hopfield.continual(*start(here), nudge=0.3, rates=[rate] * 3, steps=60, **how)
        got = (before - joined(backend, ends)) / rate
        errors.append(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
    assert errors[1] < 0.02
    if kind != "separate":  # where there is no energy the sum depends on the way as well
        assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)


def test_vector_field_contrasts(rng: np.random.Generator) -> None:
    """With equal weights they sum to the energy's; with others the states solve the two-sided fixed point, written out here."""
    c = network(rng, (5, 7, 4, 3))
    found = hopfield.phases(*sources(c), nudges=(-0.1, 0.2), target=c["target"])
    total, _ = hopfield.contrast(found, 1, 2)
    up, down, _ = hopfield.vector_field_contrast(found, 1, 2)
    for t, u, d in zip(total, up, down):
        assert np.allclose(t.dense(), u.dense() + d.dense(), atol=1e-14)
    assert down[0].dense().shape == (5, 7)
    assert not np.any(down[0].dense())
    back = [w + rng.normal(0, 0.1, w.shape) for w in c["weights"]]
    free = hopfield.relax(*sources(c), backward=back, **EXACT)
    (h, g, o), (w0, w1, w2), (b0, b1, b2) = free.states, c["weights"], c["biases"]
    assert np.allclose(h, np.clip(c["inputs"] @ w0 + b0 + g @ back[1].T, 0, 1))
    assert np.allclose(g, np.clip(h @ w1 + b1 + o @ back[2].T, 0, 1))
    assert np.allclose(o, g @ w2 + b2)
    assert hopfield.residual(c["inputs"], free.states, *sources(c)[1:], backward=back).max() < 1e-12


def asymmetric(rng: np.random.Generator, sizes: tuple[int, ...] = (4, 5, 4, 3)) -> dict:
    return network(rng, sizes) | {"backward": network(rng, sizes)["weights"]}


@pytest.mark.parametrize("readout", ["state", "softmax"])
@pytest.mark.parametrize("activation", ["hard-sigmoid", "sigmoid"])
def test_relax_vjp_of_weights_that_differ_up_and_down(backend, activation, readout: str, rng: np.random.Generator) -> None:
    """Against central differences of the output, also by the backward weights; the response of the network itself would be another."""
    c = asymmetric(rng)
    here, how, g = on(backend, c), {"activation": activation, "readout": readout}, rng.normal(size=(3, 3))
    parts = hopfield.relax_vjp(backend.array(g), *sources(here), backward=here["backward"], sweeps=2000, **how)
    up, down, biases = [[backend.numpy(getattr(x, "dense", lambda x=x: x)()) for x in part] for part in parts]

    def value(c: dict) -> float:
        return (g * hopfield.relax(*sources(c), backward=c["backward"], **how, **EXACT).output).sum()

    exact = numeric(c, value, ("weights", "backward", "biases"))
    assert np.allclose(flat([*up, *down, *biases]), flat(exact), atol=1e-8)
    if activation == "sigmoid":  # where no unit is held at the end of its range
        assert np.linalg.norm(down[1]) > 1e-3
        assert np.allclose(down[2], 0, atol=1e-8) == (readout == "softmax")  # nothing comes down from a read-out


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_vector_field_estimates_are_no_gradients(rng: np.random.Generator) -> None:
    """However small the nudge, with weights drawn apart; with equal ones they sum to the estimate of the tied network."""
    c = network(rng, (4, 6, 5, 3), gain=0.8)
    how = {"nudges": (-1e-3, 1e-3), "activation": "sigmoid"}
    tied, of_biases = hopfield.gradient(*start(c), **how)
    up, down, same = hopfield.gradient(*start(c), backward=c["weights"], **how)
    assert all(np.allclose(t, u + d, atol=1e-12) for t, u, d in zip(tied, up, down))
    assert all(np.allclose(a, b, atol=1e-12) for a, b in zip(of_biases, same))
    c["backward"] = network(rng, (4, 6, 5, 3), gain=0.8)["weights"]
    up, down, own = hopfield.gradient(*start(c), backward=c["backward"], **how)
    output = hopfield.relax(*sources(c), activation="sigmoid", backward=c["backward"]).output
    cotangent = (output - c["target"]) / 3
    exact = hopfield.relax_vjp(cotangent, *sources(c), backward=c["backward"], activation="sigmoid")
    got = flat([*up, *down, *own])
    wanted = flat([*(f.dense() for part in exact[:2] for f in part), *exact[2]])
    assert cosine(got, wanted) < 0.999


def test_float32_gradients_of_three_hidden_layers(rng: np.random.Generator) -> None:
    c = network(rng, (100, 200, 200, 200, 10), batch=8)
    small = {k: [a.astype("float32") for a in v] if isinstance(v, list) else v.astype("float32") for k, v in c.items()}
    how = {"nudges": (-1e-3, 1e-3), "sweeps": 30, "tolerance": 0}
    got, _ = hopfield.gradient(small["inputs"], small["target"], small["weights"], small["biases"], **how)
    wide = {k: [a.astype(float) for a in v] if isinstance(v, list) else v.astype(float) for k, v in small.items()}
    true, _ = hopfield.gradient(wide["inputs"], wide["target"], wide["weights"], wide["biases"], **how)
    for g, t in zip(got, true):
        assert g.dtype == np.float32
        assert (g * t).sum() / np.linalg.norm(g) / np.linalg.norm(t) > 0.999


# -------------------------------------------------------------------------------------------------------------------- bad input
W, X, Y = [np.full((3, 4), 0.1), np.full((4, 2), 0.1)], np.ones((2, 3)), np.ones((2, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: hopfield.relax(X, W, activation="relu"), ValueError, "activation must be one of hard-sigmoid, sigmoid, tanh, got 'relu'"),
        (lambda: hopfield.relax(X, W, nudge=-1.0, target=Y), ValueError, "a nudge of -1 leaves the energy without a minimum"),
        (lambda: hopfield.phases(X, W, nudges=(-1.5, 1.5), target=Y), ValueError, "without a minimum"),
        (lambda: hopfield.relax(X, W, nudge=0.1j, target=Y), ValueError, "complex ones need a holomorphic activation"),
        (lambda: hopfield.holomorphic_gradient(X, Y, W, activation="hard-sigmoid"), ValueError, "need a holomorphic activation"),
        (lambda: hopfield.holomorphic_gradient(X, Y, W, points=1), ValueError, "points must be at least 2"),
        (lambda: hopfield.holomorphic_gradient(X, Y, W, radius=1.0), ValueError, "radius must lie between 0 and 1"),
        (lambda: hopfield.relax(X, W, readout="max"), ValueError, "readout must be one of state, softmax, got 'max'"),
        (lambda: hopfield.phases(X, W, readout="softmax", nudges=(1,), target=Y, hold=True), ValueError, "softmax read-out cannot be held"),
        (lambda: hopfield.holomorphic_gradient(X, Y, W, backward=W), ValueError, "weights that differ up and down leave none"),
        (lambda: hopfield.relax(X, W, backward=W[:1]), ValueError, "backward weights must have the shapes"),
        (lambda: hopfield.relax(X, W, sweeps=1), ConvergenceError, "has not settled after 1 sweeps"),
        (lambda: hopfield.relax_vjp(Y[:1], X, W), ValueError, r"cotangent must be \(2, 2\)"),
        (lambda: hopfield.contrast(hopfield.phases(X, W), 0, 1), ValueError, r"phases are numbered 0 \(free\) to 0, got 1"),
        (lambda: hopfield.continual(X, Y, W, nudge=0.0, rates=[1, 1]), ValueError, "nudge must not be 0"),
        (lambda: hopfield.continual(X, Y, W, nudge=0.1, rates=[1]), ValueError, "one rate for each of the 2 layers"),
        (lambda: hopfield.initial((3, 0), random.key(1)), ValueError, "two layers of one unit or more"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
