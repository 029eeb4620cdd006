"""Convolutional Hopfield networks: convolution by SciPy, the energy term by term, fixed points, and gradients against the loss itself."""

import numpy as np
import pytest
from scipy.signal import correlate2d

import pnnkern as pnn
from pnnkern.networks import convolutional, layered

EXACT = {"tolerance": 1e-15, "sweeps": 2000, "on_failure": "flag"}


def network(rng: np.random.Generator, dtype: str = "float64") -> dict:
    weights = convolutional.initial((2, 8, 4), (3, 4), 3, pnn.random.key(int(rng.integers(1000))), dtype=dtype, gain=1.0)
    return {
        "images": rng.random((3, 2, 8, 4)).astype(dtype), "weights": weights,
        "biases": [rng.normal(0.3, 0.3, n).astype(dtype) for n in (3, 4, 3)], "target": np.eye(3, dtype=dtype),
    }  # fmt: skip


def on(backend, c: dict) -> dict:
    return {k: [backend.array(a) for a in v] if isinstance(v, list) else backend.array(v) for k, v in c.items()}


def sources(c: dict) -> tuple:
    return c["images"], c["weights"], c["biases"]


def start(c: dict) -> tuple:
    return c["images"], c["target"], c["weights"], c["biases"]


def across(x: np.ndarray, w: np.ndarray, pool: str) -> np.ndarray:
    """One sample through one layer, by SciPy."""
    if w.ndim == 2:
        return x.ravel() @ w
    y = np.array([sum(correlate2d(m, k, "same") for m, k in zip(x, kernel)) for kernel in w])
    return (np.mean if pool == "mean" else np.max)([y[:, ::2, ::2], y[:, 1::2, ::2], y[:, ::2, 1::2], y[:, 1::2, 1::2]], axis=0)


OWN = {
    "hard-sigmoid": lambda s: s**2 / 2,
    "sigmoid": lambda s: (s * np.log(s) + (1 - s) * np.log(1 - s)) / 4 + s / 2,
    "tanh": lambda s: s * np.arctanh(s) + np.log(1 - s**2) / 2,
}


def energy(c: dict, layers: list[np.ndarray], n: int, activation: str, pool: str) -> float:
    total, below = 0.0, c["images"][n]
    for w, b, s in zip(c["weights"], c["biases"], layers):
        bias = b[:, None, None] if w.ndim == 4 else b
        own = OWN[activation](s) if w.ndim == 4 else s**2 / 2
        total += (own - bias * s - s * across(below, w, pool)).sum()
        below = s
    return total


@pytest.mark.parametrize(
    ("activation", "pool"), [("hard-sigmoid", "mean"), ("sigmoid", "mean"), ("tanh", "mean"), ("hard-sigmoid", "max"), ("sigmoid", "max")]
)
def test_energy_and_its_minimum(backend, activation: str, pool: str, rng: np.random.Generator) -> None:
    """The settled state is a fixed point of coordinate steps, by differences of the energy written with SciPy's convolutions."""
    c = network(rng)
    here = on(backend, c)
    kind = {"activation": activation, "pool": pool}
    found = convolutional.relax(*sources(here), sweeps=1000, **kind)
    states = [backend.numpy(s) for s in found.states]
    e = backend.numpy(convolutional.energy(here["images"], found.states, here["weights"], here["biases"], **kind))
    assert backend.numpy(convolutional.residual(here["images"], found.states, here["weights"], here["biases"], **kind)).max() < 1e-9
    away = [found.states[0], *(s + 0.01 for s in found.states[1:])]
    off = backend.numpy(convolutional.residual(here["images"], away, here["weights"], here["biases"], **kind))
    assert (off > 5e-3).all()
    for n in range(3):
        mine = [s[n].copy() for s in states]
        assert e[n] == pytest.approx(energy(c, mine, n, activation, pool), rel=1e-10)
        for layer in mine:
            for _ in range(5):
                i = tuple(int(rng.integers(k)) for k in layer.shape)
                before, ends = layer[i], []
                for h in (1e-5, -1e-5):
                    layer[i] = before + h
                    ends.append(energy(c, mine, n, activation, pool))
                layer[i] = before
                slope, hidden = (ends[0] - ends[1]) / 2e-5, layer.ndim == 3
                assert abs(slope) < 1e-5 or (hidden and ((before == 0 and slope > 0) or (before == 1 and slope < 0)))


@pytest.mark.parametrize("pool", ["mean", "max"])
@pytest.mark.parametrize("activation", ["hard-sigmoid", "sigmoid"])
def test_every_step_lowers_the_energy(activation: str, pool: str, rng: np.random.Generator) -> None:
    """Also from random states and with strong couplings, where many pixels win and lose on the way."""
    c, last = network(rng), np.inf
    c["weights"] = [3 * w for w in c["weights"]]
    images, net = convolutional._network(*sources(c), activation, "state", pool)
    states, drive = [rng.uniform(0.01, 0.99, (3, *net.shape(l))) for l in range(3)], net.drive(images)
    for l in [2, *layered.order(3) * 6]:
        states[l] = net.value(l, net.pull(l, states, drive))
        now = convolutional.energy(images, states, c["weights"], c["biases"], activation=activation, pool=pool)
        assert (now <= last + 1e-12).all()
        last = now


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_differences_and_held_outputs(backend, pool: str, rng: np.random.Generator) -> None:
    """With the maximum for a nudge that leaves the choice of pixels as it is."""
    c = network(rng)
    here, large = on(backend, c), -0.4 if pool == "mean" else -1e-3
    free = convolutional.relax(*sources(c), pool=pool, **EXACT)
    found = convolutional.phases(*sources(here), nudges=(large, 1e-5), target=here["target"], sweeps=500, pool=pool)
    for p, (nudge, limit) in enumerate(((large, 1e-9), (1e-5, 1e-6))):
        moved = convolutional.relax(*sources(c), nudge=nudge, target=c["target"], pool=pool, **EXACT)
        for m, s, d in zip(moved.states, free.states, found.moved):
            assert np.abs(backend.numpy(d[p]) - (m - s)).max() <= limit * max(abs(nudge), np.abs(m - s).max())
    held = convolutional.phases(*sources(here), nudges=(1.0,), target=here["target"], hold=True)
    assert np.allclose(backend.numpy(held.output + held.moved[-1][0]), c["target"])


def slopes(c: dict, value) -> list[np.ndarray]:
    """Central differences of `value()` by all weights and biases."""
    out = []
    for array in (*c["weights"], *c["biases"]):
        g = np.empty_like(array)
        for i in np.ndindex(array.shape):
            before, ends = array[i], []
            for h in (1e-5, -1e-5):
                array[i] = before + h
                ends.append(value())
            array[i] = before
            g[i] = (ends[0] - ends[1]) / 2e-5
        out.append(g)
    return out


def flat(arrays) -> np.ndarray:
    return np.concatenate([np.ravel(a) for a in arrays])


def joined(backend, parts) -> np.ndarray:
    """Arrays in lists as one."""
    return flat(backend.numpy(a) for part in parts for a in part)


def small(rng: np.random.Generator) -> dict:
    """A network with few parameters, its units away from the ends of their range."""
    weights = convolutional.initial((1, 4, 4), (2, 2), 3, pnn.random.key(5), dtype="float64", gain=1.0)
    biases = [rng.normal(0.4, 0.1, n) for n in (2, 2, 3)]
    return {"images": rng.random((3, 1, 4, 4)), "weights": weights, "biases": biases, "target": np.eye(3)}


def cost(c: dict, how: dict) -> tuple[float, np.ndarray]:
    """The mean loss and its cotangent."""
    s = convolutional.relax(*sources(c), **how, **EXACT).output
    if how["readout"] == "state":
        return 0.5 * ((s - c["target"]) ** 2).sum(axis=1).mean(), (s - c["target"]) / 3
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    return -np.log((p * c["target"]).sum(axis=1)).mean(), (p - c["target"]) / 3


@pytest.mark.parametrize(
    ("activation", "readout", "pool"),
    [
        ("hard-sigmoid", "state", "mean"), ("hard-sigmoid", "softmax", "mean"), ("sigmoid", "state", "mean"), ("sigmoid", "softmax", "mean"),
        ("tanh", "state", "mean"), ("hard-sigmoid", "state", "max"), ("sigmoid", "state", "max"), ("sigmoid", "softmax", "max"),
    ],
)  # fmt: skip
def test_estimates_are_slopes_of_the_loss(backend, activation: str, readout: str, pool: str, rng: np.random.Generator) -> None:
    """The implicit derivative exactly, centred nudges to order 2, nudges on a circle to a higher one."""
    c, how = small(rng), {"activation": activation, "readout": readout, "pool": pool}
    here, exact = on(backend, c), flat(slopes(c, lambda: cost(c, how)[0]))
    g = backend.array(cost(c, how)[1])
    got = convolutional.relax_vjp(g, *sources(here), sweeps=1000, **how)
    assert np.allclose(joined(backend, got), exact, atol=1e-9)
    errors = []
    for beta in (1e-1, 5e-2):
        got = convolutional.gradient(*start(here), nudges=(-beta, beta), sweeps=1000, **how)
        errors.append(np.linalg.norm(joined(backend, got) - exact) / np.linalg.norm(exact))
    assert errors[1] < 2e-2
    if activation != "hard-sigmoid":
        assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)
    if activation != "hard-sigmoid" and pool == "mean":
        got = convolutional.holomorphic_contrast(*start(here), radius=0.15, points=8, **how)
        assert np.linalg.norm(joined(backend, got) - exact) < 1e-4 * np.linalg.norm(exact)


@pytest.mark.parametrize(("readout", "pool"), [("state", "mean"), ("softmax", "mean"), ("state", "max")])
def test_continual_updates_add_up_to_the_one_sided_estimate(backend, readout: str, pool: str, rng: np.random.Generator) -> None:
    c, errors = small(rng), []
    here, how = on(backend, c), {"readout": readout, "pool": pool}
    wanted = joined(backend, convolutional.gradient(*start(here), nudges=(0.0, 0.3), **how))
    for rate in (1e-4, 5e-5):
        ends = convolutional.continual(*start(here), nudge=0.3, rates=[rate] * 3, steps=60, **how)
        got = (flat([*c["weights"], *c["biases"]]) - joined(backend, ends)) / rate
        errors.append(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
    assert errors[1] < 0.02
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)


def test_pieces_of_the_batch_change_nothing(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    c = network(rng)
    whole = convolutional.gradient(c["images"], c["target"], c["weights"], c["biases"])
    monkeypatch.setattr(convolutional._array, "chunk", lambda like, size: 2)
    for a, b in zip(whole, convolutional.gradient(c["images"], c["target"], c["weights"], c["biases"])):
        assert all(np.allclose(x, y, atol=1e-13) for x, y in zip(a, b))


K, D, X = np.zeros((3, 1, 3, 3)), np.zeros((12, 2)), np.zeros((2, 1, 4, 4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: convolutional.relax(X, [D]), ValueError, r"weights\[0\] must be \(16, outputs\)"),
        (lambda: convolutional.relax(X, [K]), ValueError, "and a last one"),
        (lambda: convolutional.relax(X[0], [K, D]), ValueError, r"images must be \(batch, maps, height, width\)"),
        (lambda: convolutional.relax(X[:, :, :3], [K, D]), ValueError, "maps of layer 0 are 3 x 4: a layer that is pooled"),
        (lambda: convolutional.relax(X, [K[:, :, :2, :2], D]), ValueError, r"must be \(maps, 1, k, k\) with k odd"),
        (lambda: convolutional.relax(X, [K, D], activation="relu"), ValueError, "activation must be one of hard-sigmoid, sigmoid, tanh"),
        (lambda: convolutional.relax(X, [K, D], pool="sum"), ValueError, "pool must be one of mean, max, got 'sum'"),
        (lambda: convolutional.relax(X, [K, D], pool="max", activation="tanh"), ValueError, "needs states that are not negative"),
        (lambda: convolutional.holomorphic_contrast(X, D, [K, D], pool="max"), ValueError, "a maximum is not holomorphic"),
        (lambda: convolutional.relax(X, [K, D], readout="max"), ValueError, "readout must be one of state, softmax"),
        (lambda: convolutional.holomorphic_contrast(X, D, [K, D], activation="hard-sigmoid"), ValueError, "need a holomorphic activation"),
        (lambda: convolutional.relax(X, [K, D], [np.zeros(2)]), ValueError, "biases must have the shapes"),
        (lambda: convolutional.relax(X, [K, D.astype("float32")]), TypeError, "all be float32 or all float64"),
        (lambda: convolutional.relax(X, [K, D], nudge=-1.0, target=np.zeros((2, 2))), ValueError, "without a minimum"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
