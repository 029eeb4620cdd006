"""Coloured sweeps as blocks do them: all colours' moves count, and a colour waits for the one before. Each fault is planted, too, and seen."""

import numpy as np
import pytest
from pnnkern.kernels import host

from pnnkern import _launch, _sources
from pnnkern.networks import DiodeNetwork, TransistorNetwork, graphs

STEM = "networks/graph_sweep"


def plant(monkeypatch: pytest.MonkeyPatch, right: str, wrong: str) -> None:
    """Let the host runner compile a wrong line in the place of the right one."""
    text = _sources.flatten(STEM)
    assert text.count(right) == 1
    bad = text.replace(right, wrong)
    monkeypatch.setattr(_launch, "_host_module", lambda stem, defines, build, own: host.load(bad, f"{stem}.cu", defines={}, build=build))


def sweeps_taken(volts: list[float]) -> list[int]:
    """Sweeps until the largest step is at most 1e-6 V. Three equal resistors in a row, 0 .. 3, between 0 V and `volts`; node 4, half way
    between the same ends, is where it belongs already, and is the last colour.
    """
    edges, batch = np.array([[0, 1], [1, 2], [2, 3], [0, 4], [4, 3]]), len(volts)
    neighbours = [0, 2, 4, 6, 8, 10], [1, 4, 0, 2, 1, 3, 2, 4, 0, 3], [0, 3, 0, 1, 1, 2, 2, 4, 3, 4]  # where they begin, nodes, edges
    lists = [*(np.array(x, np.int32) for x in neighbours), np.array([1, 1, -1, 1, -1, 1, -1, -1, -1, 1], np.int8)]
    v, taken, ones = np.zeros((batch, 5)), np.zeros(batch, np.int32), np.ones(len(edges))
    v[:, 3] = volts
    v[:, 4] = v[:, 3] / 2
    with _launch.host():
        _launch.launch(
            STEM, "diode", float, batch, 5, 3, 50, 0, 1e-6, 1.0, 0.0, 0, ones, ones, 0 * ones, *lists, np.array([1, 2, 4], np.int32),
            np.arange(4, dtype=np.int32), np.zeros(5), np.full(5, -9.0), np.full(5, 9.0), np.zeros((batch, 5)), np.ones(batch), v, taken,
            np.zeros(batch), grid=(2,), block=(32,),
        )  # fmt: skip
    return taken.tolist()


def test_a_sample_moves_while_any_colour_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: the largest step is V/2 in the first sweep and V / 4^(s - 1) in sweep s."""
    volts = [1.0, 2.0, 0.0, 3.0]
    expected = [next(s for s in range(2, 99) if v * 4.0 ** (1 - s) <= 1e-6) if v else 1 for v in volts]
    assert sweeps_taken(volts) == expected == [11, 12, 1, 12]
    plant(monkeypatch, "moved |= (", "moved = (")
    assert sweeps_taken(volts) == [1, 1, 1, 1]


def test_a_colour_waits_for_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lattice of resistors against Kirchhoff's laws solved densely; without the barrier
    threads read what others write.
    """
    side = 6
    n, rng = side * side, np.random.default_rng(0)
    net = DiodeNetwork(graphs.lattice(side, side), n)  # none of them a diode
    g, held, values = rng.uniform(0.5, 2, net.n_edges), np.array([0, 7, 35]), rng.uniform(0, 1, (3, 3))
    laplacian = np.zeros((n, n))
    for (i, j), conductance in zip(net.edges, g, strict=True):
        laplacian[[i, j, i, j], [i, j, j, i]] += conductance * np.array([1, 1, -1, -1])
    free = np.setdiff1d(np.arange(n), held)
    expected = np.empty((3, n))
    expected[:, held] = values
    expected[:, free] = -np.linalg.solve(laplacian[np.ix_(free, free)], laplacian[np.ix_(free, held)] @ values.T).T
    with _launch.host(build="race"):
        assert np.abs(net.solve(g, held, values, method="sweep", tolerance=1e-12) - expected).max() < 1e-9
        plant(monkeypatch, "            __syncthreads();\n        }\n        moving", "        }\n        moving")
        with pytest.raises(host.HostError, match="data races"):
            net.solve(g, held, values, method="sweep", tolerance=1e-12)


@pytest.mark.parametrize("law", ["diode", "transistor"])
def test_tables_lie_where_there_is_room(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables and voltages, voltages alone, or neither of each block: the same bits, and the voltages of Newton's method."""
    rng, edges = np.random.default_rng(3), graphs.lattice(7, 9)
    diode = DiodeNetwork(edges, 63, diode=rng.random(len(edges)) < 0.5, reverse=0.02, drop=0.05)
    net = diode if law == "diode" else TransistorNetwork(edges, 63)
    values = 3 if law == "diode" else 1
    p, held, volts = rng.uniform(1.2, 3, net.n_edges), np.array([0, 20, 61]), rng.uniform(0, 0.45, (5, 3))
    seen: list[tuple[int, int]] = []
    kept = type(net)._kept
    monkeypatch.setattr(type(net), "_kept", lambda *args: seen.append(kept(*args)) or seen[-1])
    whole, found = 8 * 63 + (8 * values + 5) * 2 * net.n_edges + 4 * 64, []
    for processors, limit in ((5, whole), (4, 2 * whole), (4, 2 * whole - 1), (1, 8 * 63), (1, 8 * 63 - 1)):
        monkeypatch.setattr(_launch, "multiprocessors", lambda like, n=processors: n)
        monkeypatch.setattr(_launch, "shared_limit", lambda like, n=limit: n)
        with _launch.host():
            found.append(net.solve(p, held, volts, method="sweep", tolerance=1e-11))
    assert seen == [(2, whole), (2, whole), (1, 8 * 63), (1, 8 * 63), (0, 0)]
    assert all(np.array_equal(v, found[0]) for v in found)
    assert np.abs(found[0] - net.solve(p, held, volts, method="newton", tolerance=1e-12)).max() < 1e-9
