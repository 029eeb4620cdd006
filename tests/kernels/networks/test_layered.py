"""Kernels of layered networks: any number of layers, against sums, sweeps and products written out in float64."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import strict_cupy

import pnnkern as pnn
from pnnkern import _launch
from pnnkern._errors import FaultError
from pnnkern._updates import Factors
from pnnkern.networks import _layered, drn, hopfield, layered
from pnnkern.networks.layered import Network, Phases

CLOSE = {"float32": 2e-5, "float64": 1e-12}
DEPTHS = ((5, 4), (5, 37, 3), (3, 230, 16), (3, 150, 17), (6, 130, 4, 33), (4, 9, 70, 1, 40, 5), (3, 2, 2, 2, 2, 2, 2, 2, 3), (3, *[2] * 9, 3))


def made(sizes: tuple[int, ...], batch: int, dtype: str, rng: np.random.Generator, networks: int = 0) -> tuple[Any, ...]:
    """Inputs, weights and biases; of some networks, with that axis in front."""
    lead = (networks,) if networks else ()
    weights = [rng.uniform(0, 1, (*lead, *pair)).astype(dtype) for pair in pairwise(sizes)]
    biases = [rng.normal(size=(*lead, n)).astype(dtype) for n in sizes[1:]]
    return rng.normal(size=(batch, sizes[0])).astype(dtype) * 5, weights, biases


def close(got: np.ndarray, expected: np.ndarray, dtype: str, times: float = 1.0) -> None:
    assert got.dtype == dtype
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=times * CLOSE[dtype] * max(1.0, np.abs(expected).max(initial=0)))


# ------------------------------------------------------------------------------------------------------------------------- drive
@pytest.mark.parametrize("sizes", [(3, 1), (300, 21, 9, 40), (257, 8), (1, 17, 2), (3, 2, 5, 2, 4, 2, 3, 2, 6, 2, 7)])
@pytest.mark.parametrize(("batch", "networks"), [(1, 1), (8, 2), (11, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_drive_and_totals(backend, sizes: tuple[int, ...], batch: int, networks: int, dtype: str, rng: np.random.Generator) -> None:
    """Of one network and of several, with and without slopes; more layers than a launch takes."""
    x, weights, biases = made(sizes, batch, dtype, rng, networks)
    slopes = [rng.uniform(0.3, 1, n).astype(dtype) for n in sizes[1:]]
    there, leaky = [backend.array(w) for w in weights], [backend.array(s) for s in slopes]
    drive, total = _layered.feed(there, backend.array(biases[0]), networks, backend.array(x), True, leaky, -1e-3)
    wide = [w.astype(float) for w in weights]
    close(backend.numpy(drive), np.einsum("bi,mij->mbj", x.astype(float), wide[0]) + biases[0][:, None], dtype)
    sums = [w.sum(1) + (wide[l + 1].sum(2) if l + 1 < len(wide) else 0) for l, w in enumerate(wide)]
    close(backend.numpy(total), np.concatenate([s / leak for s, leak in zip(sums, slopes, strict=True)], axis=1), dtype)
    alone, plain = _layered.feed(there, backend.array(biases[0]), networks, None, True, None, 0.0)
    assert alone is None
    close(backend.numpy(plain), np.concatenate(sums, axis=1), dtype)
    drive, none = _layered.feed(there, backend.array(biases[0]), networks, backend.array(x), False, None, 0.0)
    close(backend.numpy(drive), np.einsum("bi,mij->mbj", x.astype(float), wide[0]) + biases[0][:, None], dtype)
    assert none is None


def test_bits_of_a_drive_do_not_depend_on_the_batch(rng: np.random.Generator) -> None:
    x, weights, biases = made((300, 21), 19, "float32", rng)
    with _launch.host():
        whole = _layered.feed(weights, biases[0], 1, x, True, None, 0.0)
        part = _layered.feed(weights, biases[0], 1, x[9:12].copy(), True, None, 0.0)
    np.testing.assert_array_equal(whole[0][:, 9:12], part[0])
    np.testing.assert_array_equal(whole[1], part[1])


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize(("change", "message"), [
    (lambda w: w.__setitem__((-1, -1), -1e-3), "must be 0 or more"), (lambda w: w.__setitem__((0, 0), np.nan), "must be 0 or more"),
    (lambda w: w.__setitem__(slice(None), 0), "joined to nothing"),
])  # fmt: skip
def test_conductances_that_cannot_be(backend, layer: int, change: Any, message: str, rng: np.random.Generator) -> None:
    """In any layer, wherever they are."""
    x, weights, _ = made((70, 11, 9, 3), 2, "float32", rng)
    change(weights[layer])
    if message == "joined to nothing":  # a node has those of two layers
        for l in {max(layer, 1), min(layer + 1, 2)}:
            weights[l][:] = 0
    with pytest.raises(FaultError, match=message):  # noqa: PT012  (on a GPU at the check)
        drn.relax(backend.array(x), [backend.array(w) for w in weights], sweeps=2, tolerance=0)
        pnn.check()


@pytest.mark.parametrize("leak", [1.0, 0.5])
def test_nudges_are_bounded_by_the_least_total(backend, leak: float, rng: np.random.Generator) -> None:
    x, weights, _ = made((7, 5, 3), 2, "float64", rng)
    most = (weights[1].sum(0) / leak).min()
    y, slopes = backend.array(np.zeros((2, 3))), [backend.array(np.full(n, leak)) for n in (5, 3)]
    here = backend.array(x), [backend.array(w) for w in weights]
    drn.phases(*here, slopes=slopes, nudges=(-0.999 * most, 1.0), target=y, sweeps=2, tolerance=0)
    drn.phases(*here, slopes=slopes, nudges=(-2 * most, 1.0), target=y, hold=True, sweeps=2, tolerance=0)
    pnn.check()
    with pytest.raises(FaultError, match="leave"):  # noqa: PT012  (on a GPU at the check)
        drn.phases(*here, slopes=slopes, nudges=(1.0, -1.001 * most), target=y, sweeps=2, tolerance=0)
        pnn.check()


# ------------------------------------------------------------------------------------------------------------------------- relax
def value(model: str, u: np.ndarray) -> np.ndarray:
    up = np.arange(u.shape[-1]) < (u.shape[-1] + 1) // 2
    if model == "diodes":
        return np.where(up, np.maximum(u, 0), np.minimum(u, 0))
    return {"box": lambda: u.clip(0, 1), "sigmoid": lambda: 1 / (1 + np.exp(2 - 4 * u)), "tanh": lambda: np.tanh(u)}[model]()


def swept(net: Network, drive: np.ndarray, target: np.ndarray, nudge: float | None, free: Any, sweeps: int, hold: bool = False) -> Any:
    """States and pulls after so many sweeps from 0, or from `free` (states, pulls); with a nudge its difference to them; and how large
    the last step of each sample was, relative to its largest state."""
    weights, biases = [w.astype(float) for w in net.weights], net.biases
    last = len(weights) - 1
    totals = [np.ones(w.shape[1]) for w in weights]
    if net.resistive:
        totals = [w.sum(0) + (weights[l + 1].sum(1) if l < last else 0) for l, w in enumerate(weights)]
    x = [np.zeros((len(drive), w.shape[1])) for w in weights]
    pulls, change = [None] * len(x), np.zeros(len(drive))
    order = [*range(0, last + 1, 2), *range(1, last + 1, 2)]
    if nudge is not None:
        order = sorted(order, key=lambda l: (last - l) % 2)
        force = nudge * (target - free[0][last])
        if hold:
            x[last], order = force, [l for l in order if l < last]
    for _ in range(sweeps):
        step, largest = np.zeros(len(drive)), np.abs(x[last]).max(1) if hold else np.zeros(len(drive))
        for l in order:
            u = (x[l - 1] @ weights[l] if l else 0) + (x[l + 1] @ weights[l + 1].T if l < last else 0)
            if nudge is None:
                u = (u + (biases[l] if l else drive)) / totals[l]
                new, pulls[l] = (u if l == last else value(net.model, u)), u
            elif l == last:
                new = (u + force) / (totals[l] + nudge)
            else:
                u = u / totals[l] + np.zeros_like(x[l])
                new = value(net.model, free[1][l] + u) - value(net.model, free[1][l])
            step, largest = np.maximum(step, np.abs(new - x[l]).max(1)), np.maximum(largest, np.abs(new).max(1))
            x[l] = new + np.zeros_like(x[l])
        change = step / np.where(largest > 0, largest, 1)
    return x, pulls, change


@pytest.mark.parametrize("sizes", DEPTHS)
@pytest.mark.parametrize("model", ["box", "sigmoid", "tanh", "diodes"])
@pytest.mark.parametrize("hold", [False, True])
def test_sweeps_of_any_depth(backend, sizes: tuple[int, ...], model: str, hold: bool, rng: np.random.Generator) -> None:
    """All models, nudged and held, three phases (a pair and one); with the last weights in shared memory and without."""
    if len(sizes) - 1 > _layered.MOST:
        pytest.skip("more layers than a launch takes")
    x, weights, biases = made(sizes, 3, "float64", rng)
    scale = 1 if model == "diodes" else 0.3
    weights = [w if model == "diodes" else w / len(w) for w in weights]
    target, nudges = rng.normal(size=(3, sizes[-1])), np.array([-0.02, 0.5, 0.1])
    net = Network(weights, biases, model, resistive=model == "diodes")
    drive = scale * x @ weights[0] + biases[0]
    free = swept(net, drive, target, None, None, 4)
    moved = [swept(net, drive, target, b, free, 5, hold) for b in nudges]
    there = Network([backend.array(w) for w in weights], [backend.array(b) for b in biases], model, resistive=model == "diodes")
    for together, limit in ((2, 1 << 20), (1, 1 << 20), (2, 8 * (4 * sum(sizes[1:]) + 2 * max(sizes[1:]) + 2 * 512))):
        plan = _layered.plan(sizes, 8, together, limit)
        assert plan is not None
        states, d, left = there._fused(plan, backend.array(drive), backend.array(target), nudges, hold, None, 4, 5, 0.0)
        for l in range(len(weights)):
            close(backend.numpy(states[l]), free[0][l], "float64")
            close(backend.numpy(d[l]), np.stack([m[0][l] for m in moved]), "float64")
        np.testing.assert_allclose(backend.numpy(left), np.stack([free[2], *(m[2] for m in moved)]), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("sizes", [(3, 70, 16), (2, 150, 10), (3, 9, 1)])
@pytest.mark.parametrize("model", ["box", "sigmoid", "diodes"])
@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_phases_of_few_outputs(backend, sizes: tuple[int, ...], model: str, hold: bool, dtype: str, rng: np.random.Generator) -> None:
    """Two pairs of phases and one more, by one block for each sample and by one for each phase: as sweeps written out, and their last steps."""
    x, weights, biases = made(sizes, 3, dtype, rng)
    resistive = model == "diodes"
    weights = [w if resistive else w / np.float32(len(w)) for w in weights]
    target, nudges = rng.normal(size=(3, sizes[-1])).astype(dtype), np.array([-0.02, 0.5, 0.1, -0.03, 0.2])
    drive = ((1 if resistive else 0.3) * x @ weights[0] + biases[0]).astype(dtype)
    free = swept(Network(weights, biases, model, resistive=resistive), drive.astype(float), target, None, None, 3)
    sweeps = 1 if hold else 4  # from the second on nothing moves where outputs are held
    moved = [swept(Network(weights, biases, model, resistive=resistive), drive, target, b, free, sweeps, hold) for b in nudges]
    there = Network([backend.array(w) for w in weights], [backend.array(b) for b in biases], model, resistive=resistive)
    zeros = [backend.array(np.zeros((3, n), dtype)) for n in sizes[1:]]
    for together, start in ((2, None), (2, zeros), (1, zeros)):  # states to start from leave a sample to one block
        plan = _layered.plan(sizes, np.dtype(dtype).itemsize, together, 0)
        assert plan is not None
        assert plan.pitch is None  # all is in registers
        states, d, left = there._fused(plan, backend.array(drive), backend.array(target), nudges.astype(dtype), hold, start, 3, sweeps, 0.0)
        for l in range(2):
            close(backend.numpy(states[l]), free[0][l], dtype)
            close(backend.numpy(d[l]), np.stack([m[0][l] for m in moved]), dtype)
        expected = np.stack([free[2], *(m[2] for m in moved)])
        np.testing.assert_allclose(backend.numpy(left), expected, rtol=1e-6, atol=1e-9 if dtype == "float64" else 2e-5)


@pytest.mark.parametrize("sizes", [(2, 5, 1), (2, 130, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_without_a_node_have_no_say(backend, sizes: tuple[int, ...], dtype: str) -> None:
    """A unit that nothing pulls goes to 0.12 in the first sweep; those that there are come from 0.001 to a state far below it."""
    weights, biases = [np.full(pair, 1e-3, dtype) for pair in pairwise(sizes)], [np.zeros(n, dtype) for n in sizes[1:]]
    drive, begin = np.full((2, sizes[1]), -0.8, dtype), [np.full((2, sizes[1]), 1e-3, dtype), np.zeros((2, sizes[2]), dtype)]
    there = Network([backend.array(w) for w in weights], [backend.array(b) for b in biases], "sigmoid")
    plan = _layered.plan(sizes, np.dtype(dtype).itemsize, 1, 0)
    assert plan is not None
    start, none = [backend.array(x) for x in begin], np.zeros(0, dtype)
    left = there._fused(plan, backend.array(drive), None, none, False, start, 1, 1, 0.0)[2]
    state = 1 / (1 + np.exp(2 + 4 * 0.8))
    np.testing.assert_allclose(backend.numpy(left)[0], (state - 1e-3) / state, rtol=1e-6 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("sizes", [(3, 70, 16), (2, 150, 10)])
@pytest.mark.parametrize("hold", [False, True])
def test_samples_of_few_outputs_rest_by_themselves(backend, sizes: tuple[int, ...], hold: bool, rng: np.random.Generator) -> None:
    """Each sample, free and in each phase, after the first sweep that changes it by no more than the tolerance, and not after more."""
    x, weights, biases = made(sizes, 4, "float64", rng)
    net, drive, tolerance = Network(weights, biases, "diodes", resistive=True), x @ weights[0] + biases[0], 1e-3
    drive *= np.array([[1], [0.1], [10], [-1]])
    target, nudges = rng.normal(size=(4, sizes[-1])), np.array([-0.02, 0.5, 0.1])
    there = Network([backend.array(w) for w in weights], [backend.array(b) for b in biases], "diodes", resistive=True)
    plan = _layered.plan(sizes, 8, 1, 0)
    assert plan is not None
    states, d, left = there._fused(plan, backend.array(drive), backend.array(target), nudges, hold, None, 90, 90, tolerance)
    counts = []
    for s in range(4):
        one, free = slice(s, s + 1), None
        for p, nudge in enumerate([None, *nudges]):
            for count in range(1, 90):
                found = swept(net, drive[one], target[one], nudge, free, count, hold)
                if found[2] <= tolerance:
                    break
            counts.append(count)
            for l in range(2):
                close(backend.numpy(states[l] if p == 0 else d[l][p - 1])[one], found[0][l], "float64")
            np.testing.assert_allclose(backend.numpy(left)[p, one], found[2], rtol=1e-6, atol=1e-12)
            free = found if free is None else free
    assert 90 > max(counts) > min(counts) > 1


@pytest.mark.parametrize("sizes", DEPTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_phases_of_any_depth(backend, sizes: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    """Through the public functions, from 0 and from states to start from; with a tolerance each sample rests by itself."""
    x, weights, biases = made(sizes, 5, dtype, rng)
    target, nudges = rng.normal(size=(5, sizes[-1])).astype(dtype), (-0.02, 0.3)
    net = Network(weights, biases, "diodes", resistive=True)
    drive = x.astype(float) @ weights[0] + biases[0]
    free = swept(net, drive, target, None, None, 6)
    moved = [swept(net, drive, target, b, free, 6) for b in nudges]
    here = backend.array(x), [backend.array(w) for w in weights], [backend.array(b) for b in biases]
    found = drn.phases(*here, nudges=nudges, target=backend.array(target), sweeps=6, tolerance=0)
    for l in range(len(weights)):
        close(backend.numpy(found.states[l]), free[0][l], dtype, 5)
        close(backend.numpy(found.moved[l]), np.stack([m[0][l] for m in moved]), dtype, 5)
    rest = drn.phases(*here, nudges=nudges, target=backend.array(target), sweeps=5000)
    warm = drn.phases(*here, nudges=nudges, target=backend.array(target), start=rest.states, sweeps=5000)
    assert rest.converged and warm.converged  # noqa: PT018
    settled = swept(net, drive, target, None, None, 3000)
    for l in range(len(weights)):
        for one in (rest, warm):
            np.testing.assert_allclose(backend.numpy(one.states[l]), settled[0][l], atol=2e-3 if dtype == "float32" else 1e-8)


def test_layers_wider_than_a_block(backend, rng: np.random.Generator) -> None:
    """1100 nodes for 512 threads, beside a wide and a narrow layer; the same as in float64."""
    x, weights, biases = made((3, 1100, 600, 4), 2, "float32", rng)
    weights = [w / np.float32(len(w)) for w in weights]
    target = rng.normal(size=(2, 4)).astype("float32")
    how = {"nudges": (-1e-3, 0.1), "sweeps": 3, "tolerance": 0, "activation": "tanh"}
    narrow = [backend.array(a) for a in (x, target)], [backend.array(w) for w in weights], [backend.array(b) for b in biases]
    found = hopfield.phases(narrow[0][0], narrow[1], narrow[2], target=narrow[0][1], **how)
    wide = hopfield.phases(x.astype(float), [w.astype(float) for w in weights], [b.astype(float) for b in biases], target=target, **how)
    for l in range(3):
        close(backend.numpy(found.states[l]), wide.states[l], "float32")
        close(backend.numpy(found.moved[l]), wide.moved[l], "float32", np.abs(wide.moved[l]).max())


@pytest.mark.parametrize("sizes", [(6, 33, 20, 3), (6, 33, 3)])
def test_networks_of_a_population(backend, sizes: tuple[int, ...], rng: np.random.Generator) -> None:
    """Every network as by itself: more samples than blocks share weights, and the next has its own."""
    x, weights, biases = made(sizes, 4, "float64", rng, networks=3)
    outputs = backend.numpy(drn.relax_many(backend.array(x), [backend.array(w) for w in weights], [backend.array(b) for b in biases]))
    for m in range(3):
        alone = drn.relax(x, [w[m] for w in weights], [b[m] for b in biases]).output
        np.testing.assert_allclose(outputs[m], alone, atol=1e-8)


# ---------------------------------------------------------------------------------------------------------------------- contrast
@pytest.mark.parametrize("sizes", [(4, 3), (70, 33, 5), (3, *[2] * 9, 3)])
@pytest.mark.parametrize(("a", "b"), [(0, 1), (2, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_contrast_of_two_phases(backend, sizes: tuple[int, ...], a: int, b: int, dtype: str, rng: np.random.Generator) -> None:
    """Products and drops, phase b less phase a, of more samples than lanes and more layers than a launch takes."""
    inputs, *states = (rng.normal(size=(11, n)).astype(dtype) for n in sizes)
    moved = [rng.normal(size=(2, 11, n)).astype(dtype) for n in sizes[1:]]
    settled = Phases(
        backend.array(inputs), [backend.array(s) for s in states], [backend.array(m) for m in moved], backend.array(states[-1]), left=0.0,
        limit=0.0,
    )  # fmt: skip

    def phase(p: int) -> list[np.ndarray]:
        return [inputs.astype(float), *(s.astype(float) + (m[p - 1] if p else 0) for s, m in zip(states, moved, strict=True))]

    def products(p: int) -> list[np.ndarray]:
        return [-x.T @ y for x, y in pairwise(phase(p))]

    def drops(p: int) -> list[np.ndarray]:
        return [((x[:, :, None] - y[:, None]) ** 2).sum(0) / 2 for x, y in pairwise(phase(p))]

    for function, truth in ((hopfield.contrast, products), (drn.contrast, drops)):
        for mean, count in ((False, 1), (True, 11)):
            weights, biases = function(settled, a, b, mean=mean)
            for l in range(len(states)):
                close(backend.numpy(weights[l].dense()), (truth(b)[l] - truth(a)[l]) / count, dtype, 3)
                close(backend.numpy(biases[l]), (phase(a)[l + 1] - phase(b)[l + 1]).sum(0) / count, dtype)


def test_phases_that_are_not_there(backend, rng: np.random.Generator) -> None:
    x, weights, _ = made((4, 5, 3), 2, "float64", rng)
    found = drn.phases(backend.array(x), [backend.array(w) for w in weights], sweeps=2, tolerance=0)
    with pytest.raises(ValueError, match=r"phases are numbered 0 \(free\) to 0, got 1"):
        drn.contrast(found, 0, 1)


# ----------------------------------------------------------------------------------------------------------------------- updates
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_updates_of_many_arrays(backend, dtype: str, rng: np.random.Generator) -> None:
    """More than a launch takes, rests of tiles on both sides, none, one and many samples; each within its own limits."""
    shapes = [
        (130, 68, 19), (70, 5, 3), (1, 131, 1), (64, 64, 0), (3, 8, 17), (1, 1, 1), (65, 4, 2), (2, 2, 9), (5, 128, 8), (0, 3, 2), (9, 12, 1),
    ]  # fmt: skip
    changes, expected, held = [], [], []
    for k, (rows, columns, samples) in enumerate(shapes):
        w, a, b = (rng.normal(size=s).astype(dtype) for s in ((rows, columns), (samples, rows), (samples, columns)))
        rate, low, high = 0.1 * (k - 3), -0.5 - k, 0.3 * k
        held.append(backend.array(w.copy()))
        changes.append((held[-1], Factors(backend.array(a), backend.array(b), -0.7), rate, low, high))
        expected.append(np.clip(w + 0.35 * rate * a.astype(float).T @ b, low, high))
    again = [(backend.array(backend.numpy(w)), *how) for w, *how in changes]
    layered.updates(changes, 0.5)
    for w, right in zip(held, expected, strict=True):
        close(backend.numpy(w), right, dtype, 0.2)
    layered.updates(again, backend.array(np.array([0.5])))  # the rate in memory
    for w, (other, *_) in zip(held, again, strict=True):
        np.testing.assert_array_equal(backend.numpy(other), backend.numpy(w))


def test_weights_that_do_not_begin_at_16_bytes(rng: np.random.Generator) -> None:
    for strict in (False, True):
        with _launch.host() if not strict else strict_cupy.installed():
            memory, a, b = np.zeros(6 * 8 + 1, np.float32), rng.normal(size=(3, 6)).astype("f4"), rng.normal(size=(3, 8)).astype("f4")
            w = memory[1:].reshape(6, 8)
            layered.update(w, Factors(a, b), 1.0)
            np.testing.assert_allclose(w, -a.T @ b, atol=1e-6)
            assert memory[0] == 0


# ---------------------------------------------------------------------------------------------------------------------- launches
@pytest.mark.parametrize("sizes", [(5, 7, 3), (5, 7, 6, 3), (5, 4, 7, 6, 3)])
@pytest.mark.parametrize("room", [drn, hopfield])
def test_launches_of_a_step(cupy: Any, room: Any, sizes: tuple[int, ...], rng: np.random.Generator) -> None:
    """Four, however many layers there are, and nothing of CuPy's."""
    x, weights, biases = (
        [cupy.asarray(a) for a in part] if isinstance(part, list) else cupy.asarray(part) for part in made(sizes, 4, "float32", rng)
    )
    target = cupy.asarray(rng.random((4, 3)).astype("float32"))

    def step() -> None:
        settled = room.phases(x, weights, biases, nudges=(-0.02, 0.02), target=target, sweeps=4, tolerance=0)
        factors, _ = room.contrast(settled, 1, 2, mean=False)
        layered.updates([(w, f, 1.0, 0.0, np.inf) for w, f in zip(weights, factors, strict=True)], 0.1)

    step()  # constants are there now
    with strict_cupy.counted() as events:
        step()
    assert strict_cupy.totals(events) == {"launches": 4, "operations": 0, "syncs": 0, "copies": 0}
