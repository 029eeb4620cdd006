"""Oscillators (kernels networks/xy): energies and forces term by term, equilibria, noise, differences, contrasts against the exact gradient."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import i0, i1

import pnnkern as pnn
from pnnkern import _launch
from pnnkern._errors import ConvergenceError, FaultError
from pnnkern.networks import oscillator
from pnnkern.testing import check_split

LIMIT = {"float32": 2e-5, "float64": 1e-12}
EXACT = {"steps": 20000, "tolerance": 1e-13, "on_failure": "flag"}


def network(rng: np.random.Generator, nodes: int, batch: int = 3, dtype: str = "float64", shared: bool = False) -> dict:
    J = np.triu(rng.normal(0, 0.4, (nodes, nodes)), 1)
    shape = (nodes,) if shared else (batch, nodes)
    return {
        "phase": rng.uniform(-1, 1, (batch, nodes)).astype(dtype), "coupling": (J + J.T).astype(dtype),
        "x": rng.normal(2, 1, shape).astype(dtype), "y": rng.normal(0, 1, shape).astype(dtype),
        "second": rng.uniform(0, 0.5, nodes).astype(dtype),
    }  # fmt: skip


def on(backend, c: dict) -> dict:
    return {k: backend.array(v) for k, v in c.items()}


def energy(c: dict, phase: np.ndarray, n: int, nudge: float = 0.0, target: np.ndarray | None = None) -> float:
    """Pair by pair."""
    J = c["coupling"]
    total = -sum(J[i, j] * np.cos(phase[i] - phase[j]) for i in range(len(J)) for j in range(i))
    x, y = (np.broadcast_to(c[f], c["phase"].shape)[n] for f in "xy")
    total -= (x * np.cos(phase) + y * np.sin(phase) + 0.5 * c["second"] * np.cos(2 * phase)).sum()
    if target is not None:
        total += nudge / 2 * ((np.cos(phase[-target.shape[1] :]) - target[n]) ** 2).sum()
    return total


@pytest.mark.parametrize("nodes", [1, 7, 33])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shared", [True, False])
def test_forces_are_slopes_of_the_energy(backend, nodes: int, dtype: str, shared: bool, rng: np.random.Generator) -> None:
    c = network(rng, nodes, dtype=dtype, shared=shared)
    here = on(backend, c)
    got, e = backend.numpy(oscillator.force(**here)), backend.numpy(oscillator.energy(**here))
    assert got.dtype == dtype
    wide = {k: v.astype(float) for k, v in c.items()}
    p = wide["phase"]
    x, y = (np.broadcast_to(wide[f], p.shape) for f in "xy")
    direct = -np.einsum("ij,bij->bi", wide["coupling"], np.sin(p[:, :, None] - p[:, None, :]))
    direct += y * np.cos(p) - x * np.sin(p) - wide["second"] * np.sin(2 * p)
    assert np.abs(got - direct).max() <= LIMIT[dtype] * np.abs(direct).max()
    for n in range(3):
        assert e[n] == pytest.approx(energy(wide, p[n], n), rel=1e-5 if dtype == "float32" else 1e-12)
    bare = oscillator.force(here["phase"], here["coupling"], y=here["y"])
    direct = y * np.cos(p) - np.einsum("ij,bij->bi", wide["coupling"], np.sin(p[:, :, None] - p[:, None, :]))
    assert np.abs(backend.numpy(bare) - direct).max() <= LIMIT[dtype] * max(1, np.abs(direct).max())


@pytest.mark.parametrize("nudge", [0.0, 0.6, -0.3])
def test_settles_where_scipy_finds_a_minimum(backend, nudge: float, rng: np.random.Generator) -> None:
    c, target = network(rng, 6), rng.uniform(-1, 1, (3, 2))
    here = on(backend, c)
    found = oscillator.relax(**here, nudge=nudge, target=backend.array(target), steps=5000)
    assert found.converged
    ours = backend.numpy(oscillator.energy(**here | {"phase": found.phase[0]}, nudge=nudge, target=backend.array(target)))
    for n in range(3):
        start = backend.numpy(found.phase)[0, n]
        best = minimize(lambda p, n=n: energy(c, p, n, nudge, target), start, method="BFGS", options={"gtol": 1e-9})
        assert np.allclose(start, best.x, atol=1e-5)
        assert ours[n] == pytest.approx(best.fun, rel=1e-10)
    assert found.phase.shape == (1, 3, 6)
    again = oscillator.relax(**here | {"phase": found.phase[0]}, nudge=nudge, target=backend.array(target), steps=5)
    assert again.converged  # a warm start


def test_the_energy_falls(rng: np.random.Generator) -> None:
    c, last = network(rng, 9), np.inf
    for _ in range(30):
        now = oscillator.energy(**c)
        assert (now <= last).all()
        last = now
        c["phase"] = oscillator.relax(**c, steps=1, tolerance=0).phase


def test_two_groups_are_the_array_with_two_blocks(backend, rng: np.random.Generator) -> None:
    c, target = network(rng, 7), rng.uniform(-1, 1, (3, 2))
    W, c["coupling"] = c["coupling"][:5, 5:].copy(), np.zeros((7, 7))
    c["coupling"][:5, 5:], c["coupling"][5:, :5] = W, W.T
    here = on(backend, c)
    blocks = here | {"coupling": oscillator.Between(backend.array(W))}
    for f in (oscillator.force, oscillator.energy):
        assert np.allclose(backend.numpy(f(**here)), backend.numpy(f(**blocks)), atol=1e-13)
    how = {"steps": 50, "tolerance": 0}
    one, two = (oscillator.relax(**h, **how) for h in (here, blocks))
    assert np.allclose(backend.numpy(one.phase), backend.numpy(two.phase), atol=1e-12)
    assert one.residual == pytest.approx(two.residual)
    moved = [oscillator.respond(**h, nudges=(0.3,), target=backend.array(target), **how).moved[0] for h in (here, blocks)]
    assert np.allclose(backend.numpy(moved[0]), backend.numpy(moved[1]), atol=1e-12)


def test_two_oscillators_lock(backend) -> None:
    """Alone with J > 0 the difference relaxes as tan(d/2) = tan(d0/2) exp(-2 J t)."""
    start, J = np.array([[0.0, 2.0]]), np.array([[0.0, 0.5], [0.5, 0.0]])
    found = oscillator.relax(backend.array(start), backend.array(J), step=1e-3, steps=2000, tolerance=0)
    d = np.diff(backend.numpy(found.phase))[0, 0]
    assert np.tan(d / 2) == pytest.approx(np.tan(1.0) * np.exp(-2 * 0.5 * 2.0), rel=2e-3)


def test_second_harmonic_makes_spins(rng: np.random.Generator) -> None:
    c = network(rng, 8) | {"second": np.full(8, 50.0)}
    phase = oscillator.relax(**c, step=0.005, steps=5000).phase
    assert np.abs(np.sin(phase)).max() < 0.15


def test_a_warm_oscillator_follows_boltzmann(backend) -> None:
    """<cos phi> of exp(x cos(phi) / T) is I1(x / T) / I0(x / T)."""
    batch = 4000
    phase = backend.array(np.zeros((batch, 1), "float32"))
    found = oscillator.relax(phase, backend.array(np.zeros((1, 1), "float32")), x=backend.array(np.ones(1, "float32")), temperature=0.7,
                             step=0.1, steps=100, key=pnn.random.key(1))  # fmt: skip
    mean = np.cos(backend.numpy(found.phase)).mean()
    assert mean == pytest.approx(i1(1 / 0.7) / i0(1 / 0.7), abs=0.03)  # 0.011 is one standard error, the step's bias is below 0.01


def test_noise_does_not_know_the_batch(backend, rng: np.random.Generator) -> None:
    c = on(backend, network(rng, 5, batch=7, dtype="float32", shared=True))

    def run(phase, *, key, sample):
        return oscillator.relax(phase, c["coupling"] * 0, x=c["x"], temperature=0.3, steps=3, key=key, sample=sample).phase

    check_split(run, c["phase"], key=pnn.random.key(3), sample=11)


# ------------------------------------------------------------------------------------------------------------- all steps at once
def machine(rng: np.random.Generator, groups: tuple[int, ...], batch: int, outputs: int, dtype: str) -> dict:
    """All that oscillators can have, and target; couplings of one group or of two."""
    c = network(rng, sum(groups), batch, dtype)
    if len(groups) == 2:
        c["coupling"][: groups[0], : groups[0]] = c["coupling"][groups[0] :, groups[0] :] = 0
    more = {"slopes": rng.uniform(0.5, 1.5, sum(groups)), "detuning": rng.normal(0, 0.3, sum(groups))}
    return c | {k: v.astype(dtype) for k, v in more.items()} | {"target": rng.uniform(-1, 1, (batch, outputs)).astype(dtype)}


def given(backend, c: dict, groups: tuple[int, ...]) -> dict:
    here = on(backend, c)
    if len(groups) == 2:
        here["coupling"] = oscillator.Between(backend.array(np.ascontiguousarray(c["coupling"][: groups[0], groups[0] :])))
    return here


def pushes(c: dict, phase: np.ndarray, beta: float = 0.0, hold: bool = False) -> np.ndarray:
    """slope times the force, term by term in float64."""
    d = phase[:, :, None] - phase[:, None, :]
    push = -np.einsum("ij,bij->bi", c["coupling"], np.sin(d)) + c["y"] * np.cos(phase) - c["x"] * np.sin(phase)
    push -= c["second"] * np.sin(2 * phase)
    out = slice(phase.shape[1] - c["target"].shape[1], None)
    push[:, out] += beta * (np.cos(phase[:, out]) - c["target"]) * np.sin(phase[:, out])
    if hold:
        push[:, out] = 0
    return c["slopes"] * push


def limits(monkeypatch, place: int, groups: tuple[int, ...], dtype: str) -> None:
    """Shared memory that has room for couplings and states, for states alone, or for neither."""
    nodes, weights = sum(groups), np.prod(groups) if len(groups) == 2 else groups[0] ** 2
    room = {0: 1 << 18, 1: (13 * nodes + 2300 + weights // 2) * np.dtype(dtype).itemsize, 2: 256}[place]
    monkeypatch.setattr(_launch, "shared_limit", lambda like: room)


# one group and two, narrow on either side and on none; more oscillators than threads; sums of many slices
SIZES = [((1,), 2, 1), ((37,), 5, 3), ((61, 3), 3, 3), ((3, 70), 4, 70), ((40, 33), 2, 33), ((1, 1), 1, 1), ((540, 5), 2, 5)]


@pytest.mark.parametrize(("groups", "batch", "outputs"), SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_steps_are_those_of_plain_arrays(backend, groups, batch, outputs, dtype, place, rng, monkeypatch) -> None:
    """Free and nudged from one start, then how far nudges and held outputs move the free state."""
    if backend.name == "cpu" and place:
        pytest.skip("a twin has one place")
    if sum(groups) > 500 and (dtype, place) not in (("float32", 0), ("float64", 2)):
        pytest.skip("one of each")
    c, steps, step, betas = machine(rng, groups, batch, outputs, dtype), 4, 0.07, (-0.4, 0.6, 0.2)
    limits(monkeypatch, place, groups, dtype)
    here, wide = given(backend, c, groups), {k: v.astype(float) for k, v in c.items()}
    how = {"steps": steps, "step": step, "tolerance": 0}
    found = oscillator.relax(**here, nudge=betas, **how)
    largest = np.abs(wide["coupling"]).sum(axis=0) + np.abs(wide["x"]) + np.abs(wide["y"]) + np.abs(wide["second"])
    left = []
    for p, beta in enumerate(betas):
        phase = wide["phase"].copy()
        for _ in range(steps):
            push = wide["detuning"] + pushes(wide, phase, beta)
            phase += step * push
        left.append(np.abs(push).max(axis=1) / largest.max(axis=1))
        assert np.abs(backend.numpy(found.phase[p]) - phase).max() <= LIMIT[dtype] * 3
    assert found.residual == pytest.approx(np.max(left), rel=1e-4 if dtype == "float32" else 1e-9)
    del here["detuning"]
    for hold in (False, True):
        got = oscillator.respond(**here, nudges=betas, hold=hold, **how)
        out, worst = slice(sum(groups) - outputs, None), []
        cosine = np.cos(wide["phase"][:, out])
        assert np.abs(backend.numpy(got.output) - cosine).max() <= LIMIT[dtype]
        for p, beta in enumerate(betas):
            by = np.zeros_like(wide["phase"])
            if hold:
                held = np.arccos(np.clip(cosine + beta * (wide["target"] - cosine), -1, 1)) - np.arccos(cosine)
                by[:, out] = np.where(np.sin(wide["phase"][:, out]) < 0, -1, 1) * held
            for _ in range(steps):
                push = pushes(wide, wide["phase"] + by, beta, hold) - pushes(wide, wide["phase"], 0.0, hold)
                by += step * push
            start = np.abs(beta * (wide["target"] - cosine)).max(axis=1)
            worst.append(np.abs(push).max(axis=1) / np.minimum(start, largest.max(axis=1)))
            assert np.abs(backend.numpy(got.moved[0][p]) - by).max() <= LIMIT[dtype] * max(1, np.abs(by).max())
        assert got.residual == pytest.approx(np.max(worst), rel=1e-3 if dtype == "float32" else 1e-8)


@pytest.mark.parametrize(("groups", "batch", "outputs"), SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_steps_in_a_bath_are_those_of_plain_arrays(backend, groups, batch, outputs, dtype, place, rng, monkeypatch) -> None:
    """Noise of variance 2 T slope step, of each step and sample its own, the same in all phases; of samples in a row and by their index."""
    if backend.name == "cpu" and place:
        pytest.skip("a twin has one place")
    if sum(groups) > 500 and (dtype, place) not in (("float32", 0), ("float64", 2)):
        pytest.skip("one of each")
    c, steps, step, betas, T = machine(rng, groups, batch, outputs, dtype), 4, 0.07, (-0.4, 0.6), 0.3
    limits(monkeypatch, place, groups, dtype)
    here, wide, key = given(backend, c, groups), {k: v.astype(float) for k, v in c.items()}, pnn.random.key(5)
    for sample in (2**40, rng.integers(0, 2**50, batch)):
        found = oscillator.relax(**here, nudge=betas, temperature=T, steps=steps, step=step, key=key, sample=sample)
        assert found.residual == np.inf
        assert found.phase.dtype == dtype
        for p, beta in enumerate(betas):
            phase = wide["phase"].copy()
            for n in range(steps):
                z = pnn.random.normal(pnn.random.fold_in(key, n), phase.shape, sample=sample, dtype=dtype).astype(float)
                phase += step * (wide["detuning"] + pushes(wide, phase, beta)) + np.sqrt(2 * T * step * wide["slopes"]) * z
            assert np.abs(backend.numpy(found.phase[p]) - phase).max() <= LIMIT[dtype] * 3
    bare = {k: v for k, v in here.items() if k in ("phase", "coupling", "y")}
    found = oscillator.relax(**bare, temperature=T, steps=2, step=step, key=key)
    assert found.phase.shape == (batch, sum(groups))
    none, phase = {"x": 0 * wide["x"], "second": 0 * wide["second"], "slopes": 1, "detuning": 0}, wide["phase"].copy()
    for n in range(2):
        z = pnn.random.normal(pnn.random.fold_in(key, n), phase.shape, dtype=dtype).astype(float)
        phase += step * pushes(wide | none, phase) + np.sqrt(2 * T * step) * z
    assert np.abs(backend.numpy(found.phase) - phase).max() <= LIMIT[dtype] * 3


def test_a_bath_refuses_a_sample_that_is_none(backend, rng: np.random.Generator) -> None:
    c = on(backend, network(rng, 3))

    def run(sample) -> None:
        oscillator.relax(**c, temperature=0.1, steps=1, key=pnn.random.key(1), sample=sample)
        pnn.check()

    for sample in (-1, np.array([0, -2, 1])):
        with pytest.raises(FaultError, match="sample index must be 0 or more"):
            run(sample)


@pytest.mark.parametrize("groups", [(9,), (11, 2)])
def test_a_network_stops_by_itself(backend, groups, rng: np.random.Generator) -> None:
    """Those that settle sooner do not wait for the others, and one that never does says so; alone each is what it is among others."""
    c = machine(rng, groups, 5, 2, "float64")
    c["x"][1] = 12  # settles soon
    here = given(backend, c, groups)
    del here["detuning"]
    target = here.pop("target")
    how = {"step": 0.02, "steps": 2000, "tolerance": 1e-5}
    found = oscillator.relax(**here, **how)
    assert found.converged
    left = backend.numpy(found.left)
    assert (left <= 1e-5).all()
    assert left.min() > 1e-8  # and not much less: each stopped as soon as it could
    moved = oscillator.respond(**here | {"phase": found.phase}, target=target, nudges=(0.1, 0.5), **how)
    assert (backend.numpy(moved.left) <= 1e-5).all()
    each = {"phase", "x", "y"}
    for n in (1, 4):
        one = {k: v[n : n + 1] if k in each else v for k, v in here.items()}
        alone = oscillator.relax(**one, **how)
        assert np.allclose(backend.numpy(alone.phase), backend.numpy(found.phase)[n], atol=1e-12)
        alone = oscillator.respond(**one | {"phase": found.phase[n : n + 1]}, target=target[n : n + 1], nudges=(0.1, 0.5), **how)
        assert np.allclose(backend.numpy(alone.moved[0])[:, 0], backend.numpy(moved.moved[0])[:, n], atol=1e-12)
    short = oscillator.relax(**here, **how | {"steps": 3, "on_failure": "flag"})
    assert not short.converged
    with pytest.raises(ConvergenceError, match="have not settled after 3 steps"):
        oscillator.relax(**here, **how | {"steps": 3})


def test_free_and_nudged_at_once(backend, rng: np.random.Generator) -> None:
    groups, how = (12, 3), {"steps": 30, "tolerance": 0}
    c = machine(rng, groups, 4, 3, "float64")
    here, nudges = given(backend, c, groups), (-0.1, 0.1)
    target = here.pop("target")
    both = oscillator.phases(**here, outputs=3, nudges=nudges, target=target, nudged_steps=7, **how)
    free = oscillator.relax(**here, **how)
    moved = oscillator.respond(**here | {"phase": free.phase}, nudges=nudges, target=target, steps=7, tolerance=0)
    assert np.array_equal(backend.numpy(both.states[0]), backend.numpy(free.phase))
    assert np.array_equal(backend.numpy(both.moved[0]), backend.numpy(moved.moved[0]))
    assert both.residual == moved.residual
    assert np.allclose(backend.numpy(both.output), np.cos(backend.numpy(free.phase))[:, -3:])
    alone = oscillator.phases(**here, outputs=3, **how)
    assert alone.moved[0].shape == (0, 4, 15)
    assert alone.residual == free.residual
    assert np.array_equal(backend.numpy(alone.output), backend.numpy(both.output))
    start = here["phase"][0]
    every = oscillator.phases(**here | {"phase": start}, outputs=3, **how)
    same = oscillator.phases(**here | {"phase": backend.array(np.repeat(c["phase"][:1], 4, axis=0))}, outputs=3, **how)
    assert np.array_equal(backend.numpy(every.states[0]), backend.numpy(same.states[0]))


DRIVES = [(1, 1, 1, 1), (16, 300, 40, 3), (35, 129, 33, 32), (5, 7, 64, 0), (3, 4, 0, 5)]


@pytest.mark.parametrize(("batch", "inputs", "hidden", "rest"), DRIVES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_drive(backend, batch, inputs, hidden, rest, dtype, rng) -> None:
    x, w = rng.normal(size=(batch, inputs)).astype(dtype), rng.normal(size=(inputs, hidden)).astype(dtype)
    b, o = rng.normal(size=hidden).astype(dtype), rng.normal(size=rest).astype(dtype)
    on_it = [backend.array(a) for a in (x, w, b, o)]
    got = backend.numpy(oscillator.drive(*on_it))
    wanted = np.concatenate([x.astype(float) @ w + b, np.broadcast_to(o, (batch, rest))], axis=1)
    assert got.dtype == dtype
    assert np.abs(got - wanted).max() <= LIMIT[dtype] * np.sqrt(inputs) * 3
    if backend.name != "cpu":  # where BLAS adds in another order
        last = backend.numpy(oscillator.drive(on_it[0][batch - 1 :], *on_it[1:]))
        assert np.array_equal(last[0], got[-1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_phases_may_go_round(backend, dtype: str, rng: np.random.Generator) -> None:
    """Sines of many turns: to the rounding of the phase itself. What has no size has no sine."""
    for size in (3.0, 8000.0, 9000.0, 1e6, 1e9):
        phase = rng.uniform(-size, size, (2, 150)).astype(dtype)
        wide = phase.astype(np.longdouble)
        none = backend.array(np.zeros((150, 150), dtype))
        for field, wanted in (("x", -np.sin(wide)), ("y", np.cos(wide))):
            got = backend.numpy(oscillator.force(backend.array(phase), none, **{field: backend.array(np.ones(150, dtype))}))
            error = np.abs(got - wanted).max()
            assert error <= (2e-7 if dtype == "float32" else 4e-16 if size < 1e8 else 1.2e-7)
    far, none, one = (backend.array(np.array(a, dtype)) for a in ([[1e13, np.inf, np.nan]], np.zeros((3, 3)), np.ones(3)))
    assert np.isnan(backend.numpy(oscillator.force(far, none, x=one))).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch", "groups"), [(1, (1, 1)), (9, (35, 6)), (20, (3, 40))])
def test_contrasts_of_two_groups(backend, dtype, batch, groups, rng) -> None:
    """Against derivatives of the energy in float64, at both phases: of couplings across, fields and second harmonics."""
    nodes, below = sum(groups), groups[0]
    free, moved = rng.uniform(-3, 3, (batch, nodes)).astype(dtype), rng.normal(0, 0.3, (2, batch, nodes)).astype(dtype)
    here = [backend.array(a) for a in (free, moved)]
    settled = oscillator.Phases(None, [here[0]], [here[1]], here[0], left=0.0, limit=1.0)
    wide = np.concatenate([free[None], free + moved.astype(float)])
    for a, b in ((1, 2), (0, 1), (2, 0), (1, 1)):
        factors, dx, field, dK = oscillator.contrast_between(settled, a, b, below)
        (c, s), (c2, s2) = ((np.cos(wide[p]), np.sin(wide[p])) for p in (a, b))
        J = -(c2[:, :below].T @ c2[:, below:] + s2[:, :below].T @ s2[:, below:] - c[:, :below].T @ c[:, below:] - s[:, :below].T @ s[:, below:])
        K = -0.5 * (np.cos(2 * wide[b]) - np.cos(2 * wide[a])).sum(axis=0)
        for got, wanted in ((factors.dense(), J), (dx, (c - c2)[:, :below]), (field, (c - c2).sum(axis=0)), (dK, K)):
            assert np.abs(backend.numpy(got) - wanted).max() <= LIMIT[dtype] * batch * 2
        whole, x, y, K2 = oscillator.contrast(settled, a, b, mean=False)
        assert np.allclose(backend.numpy(whole.dense())[:below, below:], J, atol=LIMIT[dtype] * batch * 2)
        assert np.allclose(backend.numpy(x), c - c2, atol=LIMIT[dtype])
        assert np.allclose(backend.numpy(y), s - s2, atol=LIMIT[dtype])
        assert np.allclose(backend.numpy(K2), K, atol=LIMIT[dtype] * batch * 2)
        mean = oscillator.contrast(settled, a, b)
        assert np.allclose(backend.numpy(mean[3]), K / batch, atol=LIMIT[dtype] * 2)
        assert np.allclose(backend.numpy(mean[0].dense())[:below, below:], J / batch, atol=LIMIT[dtype] * 2)


# ------------------------------------------------------------------------------------------------------------------- learning
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_differences(backend, dtype: str, rng: np.random.Generator) -> None:
    """Against separate relaxations in float64; for beta = 1e-5 the phases themselves differ in float32's last digits."""
    c, target = network(rng, 7, dtype=dtype), rng.uniform(-1, 1, (3, 2)).astype(dtype)
    wide = {k: v.astype(float) for k, v in c.items()}
    free = oscillator.relax(**wide, **EXACT).phase
    here = on(backend, c | {"phase": free.astype(dtype)})
    settle = {"tolerance": 1e-6} if dtype == "float32" else {"tolerance": 1e-11}
    found = oscillator.respond(**here, nudges=(-0.2, 1e-5), target=backend.array(target), steps=3000, **settle)
    for p, beta in enumerate((-0.2, 1e-5)):
        wanted = oscillator.relax(**wide | {"phase": free}, nudge=beta, target=target.astype(float), **EXACT).phase[0] - free
        error = np.abs(backend.numpy(found.moved[0][p]) - wanted).max() / np.abs(wanted).max()
        assert error < (2e-4 if dtype == "float32" else 1e-6)


def exact_gradient(c: dict, target: np.ndarray) -> list[np.ndarray]:
    """Of mean |cos phi_out - target|^2 / 2 by J, x, y, K: implicit function theorem with the Hessian written out."""
    phase = oscillator.relax(**c, **EXACT).phase
    nodes, outputs = phase.shape[1], target.shape[1]
    grads = [np.zeros((nodes, nodes)), np.zeros_like(phase), np.zeros_like(phase), np.zeros(nodes)]
    for n, p in enumerate(phase):
        cosines = c["coupling"] * np.cos(p[:, None] - p)
        hessian = np.diag(cosines.sum(axis=1) + c["x"][n] * np.cos(p) + c["y"][n] * np.sin(p) + 2 * c["second"] * np.cos(2 * p)) - cosines
        slope = np.zeros(nodes)
        slope[-outputs:] = -(np.cos(p[-outputs:]) - target[n]) * np.sin(p[-outputs:])
        a = -np.linalg.solve(hessian, slope)
        grads[0] += np.sin(p[:, None] - p) * (a[:, None] - a) / len(phase)
        grads[1][n], grads[2][n] = a * np.sin(p), -a * np.cos(p)
        grads[3] += a * np.sin(2 * p) / len(phase)
    return grads


def test_exact_derivative(backend, rng: np.random.Generator) -> None:
    c, target = network(rng, 6), rng.uniform(-1, 1, (3, 2))
    free = oscillator.relax(**c, **EXACT).phase
    cotangent = (np.cos(free[:, -2:]) - target) / 3
    factors, x, y, K = oscillator.relax_vjp(backend.array(cotangent), **on(backend, c | {"phase": free}), steps=5000, tolerance=1e-11)
    exact = exact_gradient(c, target)
    J = backend.numpy(factors.dense())
    np.fill_diagonal(J, 0)
    assert np.allclose(J, exact[0], atol=1e-8)
    assert np.allclose(backend.numpy(x), exact[1] / 3, atol=1e-8)
    assert np.allclose(backend.numpy(y), exact[2] / 3, atol=1e-8)
    assert np.allclose(backend.numpy(K), exact[3], atol=1e-8)


def test_held_outputs(backend, rng: np.random.Generator) -> None:
    """Outputs at the phases whose cosines are c + nu (y - c), the rest at least energy: as behind a strong field of their own."""
    c, target = network(rng, 6), rng.uniform(-0.9, 0.9, (3, 2))
    free = oscillator.relax(**c, **EXACT).phase
    here = on(backend, c | {"phase": free})
    found = oscillator.respond(**here, nudges=(0.3, 1.0), target=backend.array(target), hold=True, steps=5000)
    for p, nu in enumerate((0.3, 1.0)):
        phase = free + backend.numpy(found.moved[0])[p]
        cosine = np.cos(free[:, -2:])
        assert np.allclose(np.cos(phase[:, -2:]), cosine + nu * (target - cosine))
        assert (np.sign(np.sin(phase[:, -2:])) == np.sign(np.sin(free[:, -2:]))).all()
        assert np.abs(oscillator.force(**c | {"phase": phase})[:, :-2]).max() < 1e-7


def test_estimates_have_the_order_they_should(backend, rng: np.random.Generator) -> None:
    c, target = network(rng, 6), rng.uniform(-1, 1, (3, 2))
    exact = exact_gradient(c, target)
    here = on(backend, c | {"phase": oscillator.relax(**c, **EXACT).phase})
    for ends, order in (((0, 1), 1), ((1, 2), 2)):
        errors = []
        for beta in (0.04, 0.02):
            nudges = (beta,) if ends == (0, 1) else (-beta, beta)
            found = oscillator.respond(**here, nudges=nudges, target=backend.array(target), steps=3000, tolerance=1e-11)
            factors, *fields = oscillator.contrast(found, *ends)
            J = backend.numpy(factors.dense())
            np.fill_diagonal(J, 0)
            got = np.concatenate([g.ravel() for g in (J, *map(backend.numpy, fields))]) / (beta * (ends[1] if ends == (1, 2) else 1))
            wanted = np.concatenate([g.ravel() for g in exact])
            errors.append(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)
        assert errors[1] < 0.05


# ------------------------------------------------------------------------------------------------------------------- bad input
P, J = np.zeros((2, 3)), np.ones((3, 3)) - np.eye(3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: oscillator.force(P, J[:2]), ValueError, r"coupling must be \(N, N\), got shape \(2, 3\)"),
        (lambda: oscillator.force(P, J + np.triu(J)), ValueError, "coupling must be symmetric"),
        (lambda: oscillator.force(P, J + np.eye(3)), ValueError, "coupling must have no diagonal"),
        (lambda: oscillator.force(P, J.astype(int)), TypeError, "coupling must be float32 or float64, got int64"),
        (lambda: oscillator.Between(np.ones(3)), ValueError, r"between two groups must be \(n1, n2\)"),
        (lambda: oscillator.force(P, oscillator.Between(np.ones((2, 3)))), ValueError, r"phase must be \(batch, 5\)"),
        (lambda: oscillator.force(P[:, :2], J), ValueError, r"phase must be \(batch, 3\)"),
        (lambda: oscillator.force(P, J, x=np.ones(2)), ValueError, r"x must be \(3,\) or \(2, 3\), got shape \(2,\)"),
        (lambda: oscillator.force(P, J, second=np.ones(2)), ValueError, r"second must be \(3,\)"),
        (lambda: oscillator.relax(P, J, nudge=0.1), ValueError, "a nudge other than 0 needs a target"),
        (lambda: oscillator.relax(P, J, nudge=0.1, target=np.ones((2, 4))), ValueError, "with 1 to 3 outputs"),
        (lambda: oscillator.relax(P, J, nudge=np.inf, target=P), ValueError, "nudges must be finite"),
        (lambda: oscillator.relax(P, J, step=0.0), ValueError, "step must be positive"),
        (lambda: oscillator.relax(P, J, temperature=0.1), ValueError, "noise of a temperature above 0 is random, which needs a key"),
        (lambda: oscillator.relax(P, J, temperature=-0.1), ValueError, "temperature must be finite and 0 or more"),
        (lambda: oscillator.relax(P + [0, 1, 3.0], J, steps=3), ConvergenceError, "the oscillators have not settled after 3 steps"),
        (lambda: oscillator.phases(P, J, outputs=0), ValueError, "outputs must be an integer from 1 to 3, got 0"),
        (lambda: oscillator.phases(P, J, outputs=1, nudges=(0.0,)), ValueError, "nudges need a target"),
        (lambda: oscillator.phases(P, J, outputs=1, nudges=(0.1,), target=P), ValueError, r"target must be \(2, 1\), got shape \(2, 3\)"),
        (lambda: oscillator.phases(P, J, outputs=1, nudged_steps=0), ValueError, "must be at least 1, got 0"),
        (lambda: oscillator.drive(P, J, P[0], P), ValueError, r"others must be \(m,\)"),
        (lambda: oscillator.drive(P, J.astype("float32"), P[0], P[0]), TypeError, "of one dtype, got float64, float32"),
        (lambda: oscillator.contrast_between(oscillator.respond(P, J, nudges=(0.1,), target=P), 0, 1, 4), ValueError,
         "below must be from 1 to 3, got 4"),
        (lambda: oscillator.contrast(oscillator.respond(P, J, nudges=(0.1,), target=P), 0, 2), ValueError,
         r"phases are numbered 0 \(free\) to 1, got 2"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
