"""Effective conductance and node voltages against nodal analysis, its laws and limits, derivatives, stacks and messages."""

import sys
from collections.abc import Iterator
from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pytest

from pnnkern import _array, _launch, crossbar
from pnnkern.crossbar import Wires, _levels, _tree, as_wires, effective_conductance, effective_conductance_vjp, node_voltages
from pnnkern.testing import check_vjp

sys.path.insert(0, str(Path(__file__).parent))
from nodal_truth import cells, lines, worst

# n_in, n_out: one leaf, leaves that are cut, one line, more rows than columns and the reverse, panels of more than 32 nodes
SHAPES = [(1, 1), (1, 9), (9, 1), (3, 5), (17, 31), (33, 14), (39, 41)]
LIMIT = {"float32": 1e-5, "float64": 1e-11}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_effective_conductance_is_that_of_nodal_analysis(
    backend, shape: tuple[int, int], dtype: str, rng: np.random.Generator
) -> None:
    G = cells(rng, *shape).astype(dtype)
    got = backend.numpy(effective_conductance(backend.array(G), wires=Wires(2.0, 3.0, source=50.0, load=20.0)))
    assert got.dtype == dtype
    assert worst(got, lines(G, 2.0, 3.0, 50.0, 20.0).T()) < LIMIT[dtype]


@pytest.mark.parametrize(("low", "high", "r"), [(1e-5, 1e-4, 1.0), (1e-4, 1e-3, 10.0), (1e-4, 1e-3, 40.0)])
def test_long_lines(low: float, high: float, r: float, rng: np.random.Generator) -> None:
    """64 x 96, up to where the wires take 97 % of the current."""
    G = cells(rng, 64, 96, low=low, high=high)
    expected = lines(G, r, r).T()
    T = effective_conductance(G, wires=r)
    assert np.abs(T - expected).max() < 1e-11 * expected.max()
    assert worst(effective_conductance(G.astype(np.float32), wires=r), T) < 1e-5  # every entry, down to the smallest


def by_elimination(G: np.ndarray, word: float, bit: float) -> np.ndarray:
    """Nodal analysis in 80 digits, by Gaussian elimination of the dense matrix."""
    getcontext().prec = 80
    M, N = G.shape
    n = 2 * M * N
    a = [[Decimal(0)] * n for _ in range(n)]
    before, after = 1 / Decimal(word), 1 / Decimal(bit)

    def branch(i: int, j: int, g: Decimal) -> None:
        for k, other in ((i, j), (j, i)):
            if k >= 0:
                a[k][k] += g
                if other >= 0:
                    a[k][other] -= g

    for i in range(M):
        for j in range(N):
            w, u = i * N + j, M * N + i * N + j
            branch(w, w - 1 if j else -1, before)
            branch(u, u + N if i + 1 < M else -1, after)
            branch(w, u, Decimal(float(G[i, j])))
    b = [[after if k == n - N + j else Decimal(0) for j in range(N)] for k in range(n)]  # unit voltage at output j
    for k in range(n):
        for i in range(k + 1, n):
            if a[i][k]:
                m = a[i][k] / a[k][k]
                a[i] = [x - m * y for x, y in zip(a[i], a[k])]
                b[i] = [x - m * y for x, y in zip(b[i], b[k])]
    for k in range(n - 1, -1, -1):
        for c in range(N):
            b[k][c] = (b[k][c] - sum(a[k][q] * b[q][c] for q in range(k + 1, n))) / a[k][k]
    return np.array([[float(b[i * N][j] * before) for j in range(N)] for i in range(M)])


@pytest.mark.parametrize(("word", "bit"), [(1e-9, 1e6), (1.0, 1.0), (1e6, 1e6)])
def test_every_entry_at_any_ratio(word: float, bit: float, rng: np.random.Generator) -> None:
    """Wires from 1e-14 to 1e2 cells, cells that are open and 1e6 times weaker: 14 digits of every entry."""
    G = cells(rng, 4, 5)
    G[1, 2] = 0
    G[3] *= 1e-6
    assert worst(effective_conductance(G, wires=Wires(word, bit)), by_elimination(G, word, bit)) < 2e-14


@pytest.mark.parametrize("shape", [(2, 1), (6, 7), (34, 21)])
def test_interleaved_rows_share_a_node(backend, shape: tuple[int, int], rng: np.random.Generator) -> None:
    G = cells(rng, *shape)
    wires = Wires(2.0, 3.0, 5.0, 7.0, topology="interleaved")
    got = backend.numpy(effective_conductance(backend.array(G), wires=wires))
    assert worst(got, lines(G, 2.0, 3.0, 5.0, 7.0, pair=True).T()) < 1e-11
    apart = effective_conductance(G, wires=Wires(2.0, 3.0, 5.0, 7.0))
    assert shape[0] == 2 or worst(got, apart) > 1e-5


def test_equal_pairs_cancel_before_the_wire(rng: np.random.Generator) -> None:
    G = np.repeat(cells(rng, 5, 8), 2, axis=0)
    V = np.repeat(rng.uniform(0, 0.2, 5), 2) * np.tile([1, -1], 5)
    current = V @ effective_conductance(G, wires=Wires(0.0, 10.0, topology="interleaved"))
    assert np.abs(current).max() < 1e-15 * np.abs(V).max()
    assert np.abs(V @ effective_conductance(G, wires=Wires(0.0, 10.0))).max() > 1e-9


# ---------------------------------------------------------------------------------------------------------------- laws, limits
def test_anti_transpose(backend, rng: np.random.Generator) -> None:
    """The array seen from the far corner: word lines are bit lines."""

    def turned(X: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(X[::-1, ::-1].T)

    G = cells(rng, 13, 22)
    T = backend.numpy(effective_conductance(backend.array(G), wires=Wires(2.0, 5.0, 11.0, 3.0)))
    assert (
        worst(backend.numpy(effective_conductance(backend.array(turned(G)), wires=Wires(5.0, 2.0, 3.0, 11.0))), turned(T)) < 1e-13
    )


def test_driving_the_outputs_reads_the_transpose(rng: np.random.Generator) -> None:
    G = cells(rng, 13, 22)
    array = lines(G, 2.0, 5.0)
    w, _ = array.solve(np.zeros((22, 13)), np.eye(22))
    assert worst(effective_conductance(G, wires=Wires(2.0, 5.0)), (w[:, :, 0] * array.gw[:, 0]).T) < 1e-11


def test_order_of_lines_matters(rng: np.random.Generator) -> None:
    G = cells(rng, 8, 8)
    assert worst(effective_conductance(G[::-1].copy(), wires=50.0), effective_conductance(G, wires=50.0)[::-1]) > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_perfect_wires(backend, dtype: str, rng: np.random.Generator) -> None:
    G = cells(rng, 13, 22).astype(dtype)
    on = backend.array(G)
    eps = 1e-6 if dtype == "float32" else 1e-14
    assert worst(backend.numpy(effective_conductance(on, wires=0.0)), G) < eps
    assert worst(backend.numpy(effective_conductance(on, wires=1e-9)), G) < 1e-6
    one = backend.numpy(effective_conductance(on, wires=Wires(0.0, 3.0)))
    assert worst(one, lines(G, 1e-8, 3.0).T()) < 1e-5
    assert worst(backend.numpy(effective_conductance(on, wires=Wires(0.0, 0.0, 100.0))), by_source(G.astype(float), 100.0)) < 1e-5


def by_source(G: np.ndarray, source: float) -> np.ndarray:
    """Only the drivers have resistance: every row is a divider."""
    return G / (1 + source * G.sum(1, keepdims=True))


def test_open_wires_and_open_cells(backend, rng: np.random.Generator) -> None:
    G = cells(rng, 9, 7)
    on = backend.array(G)
    for wires in (Wires(np.inf, 1.0), Wires(1.0, np.inf), Wires(1.0, 1.0, source=np.inf), Wires(1.0, 1.0, load=np.inf)):
        assert not backend.numpy(effective_conductance(on, wires=wires)).any()
        assert np.isfinite(backend.numpy(effective_conductance_vjp(on, on, wires=wires))).all()
    assert not backend.numpy(effective_conductance(backend.array(np.zeros((9, 7))), wires=1.0)).any()
    weak = effective_conductance(G * 1e-9, wires=10.0)
    assert worst(weak, G * 1e-9) < 1e-9  # g -> 0: no current, no drop
    holes = G * (rng.random(G.shape) > 0.5)
    expected = lines(holes, 2.0, 3.0).T()
    assert np.allclose(
        backend.numpy(effective_conductance(backend.array(holes), wires=Wires(2.0, 3.0))), expected, rtol=1e-11, atol=0
    )


def test_a_stack_is_its_arrays(backend, rng: np.random.Generator) -> None:
    G = cells(rng, 2, 3, 9, 14)
    T = effective_conductance(backend.array(G), wires=5.0, memory_limit=1)
    g = rng.standard_normal(G.shape)
    slope = effective_conductance_vjp(backend.array(g), backend.array(G), wires=5.0)
    V = rng.uniform(0, 0.2, (2, 3, 4, 9))
    word, _ = node_voltages(backend.array(V), backend.array(G), wires=5.0)
    for i in np.ndindex(2, 3):
        assert worst(backend.numpy(T)[i], lines(G[i], 5.0, 5.0).T()) < 1e-11
        one = backend.numpy(effective_conductance_vjp(backend.array(g[i]), backend.array(G[i]), wires=5.0))
        assert np.allclose(backend.numpy(slope)[i], one, rtol=1e-12, atol=0)
        assert np.allclose(backend.numpy(word)[i], lines(G[i], 5.0, 5.0).solve(V[i])[0], rtol=1e-11)


@pytest.mark.parametrize("power", [-40, -13, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scale_does_not_matter(dtype: str, power: int, rng: np.random.Generator) -> None:
    """Powers of two change no digit: currents follow the conductances when the wires do too."""
    G = cells(rng, 9, 14).astype(dtype)
    T = effective_conductance(G, wires=Wires(4.0, 2.0))
    scale = G.dtype.type(2.0**power)
    assert np.array_equal(effective_conductance(G * scale, wires=Wires(4.0 / 2**power, 2.0 / 2**power)), T * scale)


# -------------------------------------------------------------------------------------------------------------------- voltages
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (18, 33)])
def test_voltages_inside(backend, shape: tuple[int, int], rng: np.random.Generator) -> None:
    G, V = cells(rng, *shape), rng.uniform(-0.2, 0.2, (35, shape[0]))
    word, bit = node_voltages(backend.array(V), backend.array(G), wires=Wires(5.0, 8.0, 100.0, 30.0), memory_limit=20 * G.nbytes)
    for got, expected in zip((word, bit), lines(G, 5.0, 8.0, 100.0, 30.0).solve(V)):
        assert np.abs(backend.numpy(got) - expected).max() < 1e-13


def test_kirchhoff_and_ohm(rng: np.random.Generator) -> None:
    """192 x 160, 10 ohm on 1 to 10 kohm: what the cells carry is what flows out, and explains the drops along both wires."""
    G, V, r = cells(rng, 192, 160, low=1e-4, high=1e-3), rng.uniform(0, 0.2, (3, 192)), 10.0
    word, bit = node_voltages(V, G, wires=r)
    current, out = G * (word - bit), V @ effective_conductance(G, wires=r)
    assert np.abs(current.sum(1) - out).max() < 1e-11 * np.abs(out).max()
    along = np.cumsum(current[:, :, ::-1], 2)[:, :, ::-1]  # what word segment j still carries
    assert np.abs(V[:, :, None] - np.cumsum(r * along, 2) - word).max() < 1e-11
    down = np.cumsum(current, 1)
    assert np.abs(np.cumsum(r * down[:, ::-1], 1)[:, ::-1] - bit).max() < 1e-11


def test_voltages_of_pairs_and_of_what_nothing_reaches(backend, rng: np.random.Generator) -> None:
    G, V = cells(rng, 6, 7), rng.uniform(0, 0.2, (2, 6))
    wires = Wires(2.0, 3.0, topology="interleaved")
    _, bit = (backend.numpy(x) for x in node_voltages(backend.array(V), backend.array(G), wires=wires))
    assert np.allclose(bit[:, ::2], bit[:, 1::2], rtol=1e-12)
    assert np.allclose(bit, lines(G, 2.0, 3.0, pair=True).solve(V)[1], atol=1e-13)
    word, bit = (backend.numpy(x) for x in node_voltages(backend.array(V), backend.array(G), wires=Wires(np.inf, 1.0)))
    assert not word.any()
    assert not bit.any()


# ----------------------------------------------------------------------------------------------------------------- derivatives
def by_resistances(G, word, bit, source, load, topology="lines"):
    return effective_conductance(G, wires=Wires(float(word), float(bit), float(source), float(load), topology))


def by_resistances_vjp(g, G, word, bit, source, load, topology="lines", wrt=("G",)):
    return effective_conductance_vjp(g, G, wires=Wires(float(word), float(bit), float(source), float(load), topology), wrt=wrt)


@pytest.mark.parametrize(
    ("shape", "topology"),
    [((1, 1), "lines"), ((6, 5), "lines"), ((18, 35), "lines"), ((6, 5), "interleaved"), ((18, 35), "interleaved")],
)
def test_derivatives(backend, shape: tuple[int, int], topology: str, rng: np.random.Generator) -> None:
    """Central differences by every cell and every resistance."""
    names = ("G", "word", "bit", "source", "load")
    steps = {"G": 1e-8, "word": 1e-2, "bit": 1e-2, "source": 1e-1, "load": 1e-1}
    G = backend.array(cells(rng, *shape))
    check_vjp(by_resistances, by_resistances_vjp, G, 20.0, 10.0, 200.0, 100.0, topology, wrt=names, steps=steps, rtol=1e-6)


def test_derivative_is_forward_times_adjoint(backend, rng: np.random.Generator) -> None:
    """dT_ij / dg = -(dv of driver i) (dv of output j), from SuperLU's voltages; in float32 too."""
    G, g, r = cells(rng, 17, 13), rng.standard_normal((17, 13)), 10.0
    array = lines(G, r, r)
    w, u = array.solve(np.eye(17))
    forward = w - u
    w, u = array.solve(np.zeros((13, 17)), np.eye(13))
    expected = -np.einsum("ikl,ij,jkl->kl", forward, g, w - u)
    for dtype, limit in (("float64", 1e-11), ("float32", 1e-5)):
        got = backend.numpy(effective_conductance_vjp(backend.array(g.astype(dtype)), backend.array(G.astype(dtype)), wires=r))
        assert got.dtype == dtype
        assert np.abs(got - expected).max() < limit * np.abs(expected).max()


def test_small_stacks_and_threads_agree(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    G = cells(rng, 5, 12, 9)
    monkeypatch.setenv("PNNKERN_NUM_THREADS", "1")
    alone = effective_conductance(G, wires=3.0)
    monkeypatch.setenv("PNNKERN_NUM_THREADS", "3")
    assert np.array_equal(effective_conductance(G, wires=3.0), alone)


@pytest.fixture
def stages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """So many nodes to a stage, and so few ports in a block that strips begin early; None: as on a GPU."""
    if request.param is not None:
        monkeypatch.setattr(_levels, "MOST", (request.param,))
        monkeypatch.setattr(_levels, "SMALL", 10)
    _levels.plan.cache_clear()
    yield request.param
    _levels.plan.cache_clear()


# one leaf; the fewest nodes of a stage; two stages and a rest; panels and a rest; nodes that stay, where columns of ports are read; and three
# stages of a pair, of which the second adds to rows below it, of two arrays
@pytest.mark.parametrize(
    ("shape", "stages"),
    [
        ((2, 1, 1), None), ((2, 3, 9), None), ((1, 13, 1), None), ((1, 13, 1), 4), ((2, 3, 9), 4), ((3, 6, 21), None), ((3, 6, 21), 8),
        ((1, 45, 70), None), ((1, 45, 70), 40), ((1, 36, 35), 32), ((2, 36, 35), 12),
    ],
    indirect=["stages"],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_levels_and_tree_are_one_method(
    backend, shape: tuple[int, ...], dtype: str, stages: int, rng: np.random.Generator
) -> None:
    """All pairs of a level at a time, as on a GPU, against one pair at a time, and by the twins."""
    G, g = rng.uniform(0.1, 1, shape).astype(dtype), rng.standard_normal(shape).astype(dtype)
    drivers, outputs = (rng.standard_normal((shape[0], n, 5)).astype(dtype) for n in shape[1:])
    circuit = _tree.Circuit(shape[1] == 6, 50.0, 70.0, 20.0, 10.0)
    found = [_levels.Levels(backend.array(G), circuit).T]
    kept = _levels.Levels(backend.array(G), circuit, keep=True)
    found += [*kept.vjp(backend.array(g)), *kept.voltages(backend.array(drivers), backend.array(outputs))]
    small = 1e-13 if dtype == "float64" else 2e-5
    host = _array.host_active.set(False)  # a tree is for CPUs
    trees = [_tree.Tree(G[n], circuit, keep=True) for n in range(len(G))]
    every = [[tree.T, *tree.vjp(g[n]), *tree.voltages(drivers[n], outputs[n])] for n, tree in enumerate(trees)]
    _array.host_active.reset(host)
    for n, expected in enumerate(every):
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            assert np.abs(backend.numpy(a)[n] - b).max() < small * np.abs(b).max() + (
                small * np.abs(g).sum() * 1e-4 if b.shape == (4,) else 0
            )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_a_stage_adds_to_rows_below_it(backend, dtype: str, rng: np.random.Generator) -> None:
    """Two pairs that lie one behind the other, of two arrays: Z^T Z right of the diagonal, and to the bit what was there anywhere else."""
    pairs, start, most, arrays = [(40, 72), (36, 64)], 12, 12, 2  # nodes that go, and all
    stop, places = start + most, [0, 40 * 72]
    each = places[1] + 37 * 64  # a row more than there are
    joins, ports = np.zeros((2, _levels.FIELDS), np.int64), np.full(2 * 72, -1)
    joins[:, 0], joins[:, 1], joins[:, 8] = [e for e, _ in pairs], [n for _, n in pairs], places
    tasks = np.array([(p, x, y) for p, (e, n) in enumerate(pairs) for x in range(stop, e, 32) for y in range(x, n, 32)])
    done, rows = rng.normal(size=(2, arrays, each)).astype(dtype)
    expected, changed = rows.astype(float), np.zeros(rows.shape, bool)
    for (e, n), at in zip(pairs, places, strict=True):
        below = np.triu(np.ones((e, n), bool), 1) & (np.arange(e) >= stop)[:, None]
        for a in range(arrays):
            Z = done[a, at : at + e * n].reshape(e, n)[start:stop].astype(float)
            expected[a, at : at + e * n] += np.where(below, Z[:, :e].T @ Z, 0).ravel()
        changed[:, at : at + e * n] = below.ravel()
    there = backend.array(rows.copy())
    given = (backend.array(x) for x in (joins, ports, tasks, done))
    _launch.launch(
        "crossbar/join", "update", dtype, arrays, len(tasks), each, start, most, *given, there, grid=(len(tasks), arrays), block=(128,)
    )  # fmt: skip
    found = backend.numpy(there)
    assert np.array_equal(found[~changed], rows[~changed])
    np.testing.assert_allclose(found[changed], expected[changed], rtol=0, atol=1e-12 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_rows_are_laid_whole(backend, dtype: str, rng: np.random.Generator) -> None:
    """A pair of more ports than the warps of a row have loads under way: conductances right of the diagonal, and the tails of two stages."""
    e, ports = 12, (388, 268)  # nodes that go, and ports of both parts that stay
    n, sizes = e + sum(ports), [e + p for p in ports]
    first, second = (np.tril(m) + np.tril(m, -1).T for m in (rng.uniform(0.1, 1, (s, s)) for s in sizes))
    at = np.full((2, n), -1)
    at[0, :e], at[0, e : e + ports[0]] = ports[0] + np.arange(e), np.arange(ports[0])  # nodes are the last ports of one, the first of the other
    at[1, :e], at[1, e + ports[0] :] = np.arange(e), e + np.arange(ports[1])
    record = np.zeros((1, _levels.FIELDS), np.int64)
    record[0, :7] = e, n, 0, 0, sizes[0], sizes[0] ** 2, sizes[1]
    wired = np.zeros((e, n))
    for part, numbers in ((first, at[0]), (second, at[1])):
        there = numbers >= 0
        wired[:, there] += part[np.ix_(numbers[:e], numbers[there])]
    expected = np.triu(wired, 1)
    for c in range(e):
        expected[c, : c + 1] = np.triu(wired, 1)[: c + 1, c + 1 :].sum(1)  # what nodes b <= c have beyond c
    rows = backend.array(np.full((e, n), np.nan, dtype))
    below = backend.array(np.concatenate([first.ravel(), second.ravel()]).astype(dtype))
    given = [backend.array(x) for x in (record, at.ravel())]
    for start in (0, 8):  # stages of eight nodes
        tasks = backend.array(np.array([(0, b, 0) for b in range(start, e, 2)]))
        _launch.launch(
            "crossbar/join", "lay", dtype, 1, len(tasks), 0, below.size, rows.size, start, 8, *given, tasks, below, below, rows,
            grid=(len(tasks), 1), block=(320,),
        )  # fmt: skip
    found = backend.numpy(rows)
    found[8:, :8] = expected[8:, :8]  # later nodes do not go beside those of the stage before
    np.testing.assert_allclose(found, expected, rtol=1e-12 if dtype == "float64" else 2e-6)


@pytest.mark.parametrize(("warps", "n"), [(1, 37), (3, 37), (9, 56)])
def test_any_number_of_warps(backend, warps: int, n: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks whose warps are no multiple of a scheduler's four; the nine have more tiles beside four panels than there are helpers."""
    monkeypatch.setattr(_levels, "WARPS", warps)
    monkeypatch.setattr(_levels, "WIDE", 32 * warps)
    G = cells(rng, n, n)
    got = backend.numpy(effective_conductance(backend.array(G), wires=Wires(2.0, 3.0, source=50.0, load=20.0)))
    assert worst(got, lines(G, 2.0, 3.0, 50.0, 20.0).T()) < LIMIT["float64"]


def test_the_whole_is_the_same_in_any_stack(backend, rng: np.random.Generator) -> None:
    """Sums have an order of their own: bits do not follow from how many arrays or blocks there are."""
    G = cells(rng, 5, 21, 18)
    for call in (lambda G: effective_conductance(G, wires=3.0), lambda G: effective_conductance_vjp(G, G, wires=3.0)):
        whole, alone = backend.numpy(call(backend.array(G))), backend.numpy(call(backend.array(G[3])))
        assert np.array_equal(whole[3], alone)


def test_badcrossbar_agrees(rng: np.random.Generator) -> None:
    badcrossbar = pytest.importorskip("badcrossbar")
    G = cells(rng, 12, 17)
    theirs = badcrossbar.compute(np.eye(12), 1 / G, r_i_word_line=2.0, r_i_bit_line=3.0, node_voltages=False, all_currents=False)
    assert worst(effective_conductance(G, wires=Wires(2.0, 3.0)), theirs.currents.output) < 1e-9


# ------------------------------------------------------------------------------------------------------------------- bad input
G = np.full((4, 5), 1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: effective_conductance(-G, wires=1.0), ValueError, "conductances must be finite and not negative .* from -1e-05"),
        (lambda: effective_conductance(G * np.nan, wires=1.0), ValueError, "conductances must be finite and not negative .* nan"),
        (lambda: effective_conductance(G * np.inf, wires=1.0), ValueError, "conductances must be finite"),
        (lambda: effective_conductance(G[0], wires=1.0), ValueError, r"G must have shape \(..., n_in, n_out\) .* got \(5,\)"),
        (lambda: effective_conductance(G[:0], wires=1.0), ValueError, r"at least one cell, got \(0, 5\)"),
        (lambda: effective_conductance(G.astype(int), wires=1.0), TypeError, "G must be an array of float32 or float64, got int64"),
        (lambda: effective_conductance(G.tolist(), wires=1.0), TypeError, "G must be an array .* got list"),
        (lambda: effective_conductance(G, wires=None), TypeError, r"wires must be Wires\(word=, bit=, ...\) or a number of ohms"),
        (lambda: effective_conductance(G, wires=-1.0), ValueError, r"word must be a resistance of 0 or more \(ohms\), got -1.0"),
        (lambda: Wires(1.0, np.nan), ValueError, "bit must be a resistance"),
        (lambda: Wires(1.0, 1.0, source="a"), ValueError, "source must be a resistance"),
        (lambda: Wires(1.0, 1.0, load=-2), ValueError, "load must be a resistance"),
        (lambda: Wires(1.0, 1.0, topology="line"), ValueError, "topology must be one of lines, interleaved, gated, .* got 'line'"),
        (lambda: effective_conductance(G[:3], wires=Wires(1, 1, topology="interleaved")), ValueError, "rows in pairs, got G of 3 rows"),
        (lambda: effective_conductance(G, wires=Wires(1, 1, topology="gated")), ValueError, "no effective conductance.*solve_currents"),
        (lambda: effective_conductance_vjp(G.T.copy(), G, wires=1.0), ValueError, r"cotangent must be float64 \(4, 5\) like G, got"),
        (lambda: effective_conductance_vjp(G, G, wires=1.0, wrt="V"), ValueError, "wrt names 'V': this derivative exists for G, word"),
        (lambda: effective_conductance_vjp(G, G, wires=0.0, wrt="word"), ValueError, "no derivative by word where it is 0 ohms"),
        (lambda: node_voltages(G, G, wires=1.0), ValueError, r"V must be \(..., batch, n_in\) for G .* got V \(4, 5\) and G \(4, 5\)"),
        (lambda: node_voltages(G.T.astype(np.float32), G, wires=1.0), TypeError, "V must be an array of float64"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_wires_are_data() -> None:
    assert as_wires(2) == Wires(2.0, 2.0)
    assert as_wires(np.float32(2)) == Wires(2.0, 2.0)
    assert isinstance(Wires(1, 2).word, float)
    assert set(crossbar.TOPOLOGIES) == {"lines", "interleaved", "gated", "gated-interleaved"}
