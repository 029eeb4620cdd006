"""Kernels of networks of springs: in one, two and three dimensions, in shared and global memory, in the strict builds of the runner."""

from typing import Any

import numpy as np
import pytest
import scipy.optimize

from pnnkern import _launch, random
from pnnkern.networks import ElasticNetwork, graphs


def problem(dimension: int, rng: np.random.Generator, n: int = 11, batch: int = 3) -> dict[str, Any]:
    edges = graphs.disordered(n, 5.0, random.key(dimension))
    net, x = ElasticNetwork(edges, n, dimension), rng.random((n, dimension))
    nodes = np.array([7, 0, 3, 10])
    return {
        "net": net, "k": rng.uniform(0.5, 2, net.n_edges), "l": 0.8 * net.lengths(x[None])[0], "nodes": nodes,
        "at": x[nodes] + 0.02 * rng.standard_normal((batch, 4, dimension)), "start": x,
        "forces": 0.02 * rng.standard_normal((batch, n, dimension)),
        "load": (rng.uniform(0, 0.5, (batch, n, dimension)), x + 0.02 * rng.standard_normal((batch, n, dimension))),
    }  # fmt: skip


def energy(p: dict[str, Any], sample: int, x: np.ndarray) -> float:
    """Of springs, load and forces; written from the physics."""
    i, j = p["net"].edges.T
    stretched = np.linalg.norm(x[i] - x[j], axis=1) - p["l"]
    stiff, place = (a[sample] for a in p["load"])
    return float((p["k"] * stretched**2).sum() / 2 + (stiff * (x - place) ** 2).sum() / 2 - (p["forces"][sample] * x).sum())


def free_of(p: dict[str, Any]) -> np.ndarray:
    return np.setdiff1d(np.arange(p["net"].n_nodes), p["nodes"])


def settled(p: dict[str, Any], on: Any = np.asarray) -> Any:
    load = tuple(on(a) for a in p["load"])
    return p["net"].relax(on(p["k"]), on(p["l"]), p["nodes"], on(p["at"]), on(p["start"]), forces=on(p["forces"]), load=load)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_settles_where_the_energy_is_least(backend, dimension: int, rng: np.random.Generator) -> None:
    p = problem(dimension, rng)
    y, free = backend.numpy(settled(p, backend.array).positions), free_of(p)
    assert np.array_equal(y[:, p["nodes"]], p["at"])
    for s in range(3):

        def of(z: np.ndarray, s: int = s) -> float:
            x = y[s].copy()
            x[free] = z.reshape(-1, dimension)
            return energy(p, s, x)

        there = y[s, free].ravel()
        found = scipy.optimize.minimize(of, there + 1e-3 * rng.standard_normal(there.size), method="BFGS", options={"gtol": 1e-7})
        assert np.abs(found.x - there).max() < 1e-5
        assert of(there) <= found.fun + 1e-12


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_response_is_the_inverse_of_the_hessian(backend, dimension: int, rng: np.random.Generator) -> None:
    """Second differences of the energy of the springs and the load; where it has a saddle, that is said."""
    p = problem(dimension, rng)
    p["forces"] = p["forces"] * 0
    x, free = settled(p).positions, free_of(p)
    pull = rng.standard_normal(x.shape)
    on = backend.array
    arguments = (on(p["k"]), on(p["l"]), p["nodes"], on(x), on(pull))
    moved, stable = p["net"].respond(*arguments, load=tuple(on(a) for a in p["load"]))
    moved = backend.numpy(moved)
    assert stable.all()
    assert not moved[:, p["nodes"]].any()
    h, n = 1e-4, len(free) * dimension
    for s in range(3):

        def of(*steps: tuple[int, float], s: int = s) -> float:
            z = x[s].copy()
            for entry, size in steps:
                z[free[entry // dimension], entry % dimension] += size
            return energy(p, s, z)

        hessian = np.array([[(of((a, h), (b, h)) - of((a, h), (b, -h)) - of((a, -h), (b, h)) + of((a, -h), (b, -h))) / (4 * h * h)
                             for b in range(n)] for a in range(n)])  # fmt: skip
        truth = np.linalg.solve(hessian, pull[s, free].ravel())
        assert np.abs(moved[s, free].ravel() - truth).max() < 1e-4 * np.abs(truth).max()
    away = (on(np.full(x.shape, -9.0)), on(x))
    moved, stable = p["net"].respond(*arguments, load=away)
    assert not stable.any()
    assert np.isnan(backend.numpy(moved)).all()


def test_strict_builds_and_global_memory(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """No race, nothing uninitialised, and the same positions when the factors do not fit the shared memory."""
    p = problem(2, rng)
    truth = settled(p).positions
    for build, order in (("checked", "shuffled"), ("race", "descending")):
        with _launch.host(build=build, order=order, seed=3):
            y = settled(p).positions
            assert p["net"].respond(p["k"], p["l"], p["nodes"], y, p["forces"])[1].all()
        assert np.abs(y - truth).max() < 1e-9
    monkeypatch.setattr(_launch, "shared_limit", lambda like: 0)
    with _launch.host():
        assert np.abs(settled(p).positions - truth).max() < 1e-9
    assert np.abs(settled(p).positions - truth).max() < 1e-9


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_more_nodes_than_a_warp_has_threads(backend, dimension: int, rng: np.random.Generator) -> None:
    """No force is left at any node of many, spring by spring; and what answers to a force is what the Hessian times that is."""
    p = problem(dimension, rng, n=150)
    y, free, (i, j) = backend.numpy(settled(p, backend.array).positions), free_of(p), p["net"].edges.T

    def forces(x: np.ndarray) -> np.ndarray:
        w = x[:, i] - x[:, j]
        length = np.linalg.norm(w, axis=2)
        pull = (p["k"] * (1 - p["l"] / length))[:, :, None] * w
        out = p["forces"] - p["load"][0] * (x - p["load"][1])
        for s in range(len(x)):
            np.add.at(out[s], i, -pull[s])
            np.add.at(out[s], j, pull[s])
        return out

    assert np.abs(forces(y)[:, free]).max() < 1e-8
    push, h = rng.standard_normal(y.shape), 1e-6
    on = backend.array
    load = tuple(on(a) for a in p["load"])
    moved, stable = p["net"].respond(on(p["k"]), on(p["l"]), p["nodes"], on(y), on(push), load=load)
    assert stable.all()
    back = -(forces(y + h * backend.numpy(moved)) - forces(y - h * backend.numpy(moved))) / (2 * h)
    assert np.abs(back - push)[:, free].max() < 1e-5


def test_a_start_of_each_sample_and_springs_without_length(backend, rng: np.random.Generator) -> None:
    """Each sample goes on from where it is; without rest lengths springs are a linear network, and what is left is told by where it lies."""
    p = problem(2, rng)
    on, net, free = backend.array, p["net"], free_of(p)
    arguments = on(p["k"]), on(p["l"]), p["nodes"], on(p["at"])
    there = settled(p | {"forces": 0 * p["forces"], "load": (0 * p["load"][0], p["load"][1])}).positions
    again = net.relax(*arguments, on(there))
    assert again.steps <= 1
    assert np.abs(backend.numpy(again.positions) - there).max() < 1e-8
    assert net.relax(*arguments, on(there[0])).steps > 1  # where another one rests
    limp = net.relax(on(p["k"]), on(0 * p["l"]), p["nodes"], on(p["at"]), on(p["start"]))
    laplacian = np.zeros((11, 11))
    for (i, j), k in zip(net.edges, p["k"], strict=True):
        laplacian[[i, j], [i, j]] += k
        laplacian[[i, j], [j, i]] -= k
    pulls = -np.einsum("fh,bhd->fbd", laplacian[np.ix_(free, p["nodes"])], p["at"]).reshape(len(free), -1)
    truth = np.linalg.solve(laplacian[np.ix_(free, free)], pulls)
    assert np.abs(backend.numpy(limp.positions)[:, free] - truth.reshape(len(free), 3, 2).swapaxes(0, 1)).max() < 1e-9
    begun = net.relax(on(p["k"]), on(0 * p["l"]), p["nodes"], on(p["at"]), on(p["start"]), steps=0, on_failure="flag")
    x = np.broadcast_to(p["start"], (3, 11, 2)).copy()
    x[:, p["nodes"]] = p["at"]
    force = np.abs(np.einsum("ij,bjd->bid", laplacian, x)[:, free]).max(axis=(1, 2))
    np.testing.assert_allclose(begun.residual, force / (p["k"].max() * np.abs(x).max()), rtol=1e-12)
    all_held = net.relax(on(p["k"]), on(p["l"]), np.arange(11), on(there), on(p["start"]))
    assert np.array_equal(backend.numpy(all_held.positions), there)
    assert all_held.converged


@pytest.mark.parametrize("longest", [0, 40, 100, 300])
def test_what_is_left_is_relative_to_the_stiffest_and_the_longest(backend, longest: int, rng: np.random.Generator) -> None:
    """Wherever among the springs they are: before any step, against forces summed here."""
    p = problem(2, rng, n=150)
    p["l"][longest], p["k"][(longest + 77) % p["net"].n_edges] = 3.0, 5.0
    on, free, (i, j) = backend.array, free_of(p), p["net"].edges.T
    begun = p["net"].relax(on(p["k"]), on(p["l"]), p["nodes"], on(p["at"]), on(p["start"]), steps=0, on_failure="flag")
    x = np.broadcast_to(p["start"], (3, 150, 2)).copy()
    x[:, p["nodes"]] = p["at"]
    w, force = x[:, i] - x[:, j], np.zeros_like(x)
    pull = (p["k"] * (1 - p["l"] / np.linalg.norm(w, axis=2)))[:, :, None] * w
    for s in range(3):
        np.add.at(force[s], i, pull[s])
        np.add.at(force[s], j, -pull[s])
    np.testing.assert_allclose(begun.residual, np.abs(force[:, free]).max(axis=(1, 2)) / (5.0 * 3.0), rtol=1e-10)
