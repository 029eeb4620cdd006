"""The fused layer chain against complex128 fft2 expressions, forward and adjoint, on the host runner and on a GPU."""

import numpy as np
import pytest
from layer_chains import CASES, error, problem, truth
from pnnkern.kernels import host

from pnnkern import _launch, _sources
from pnnkern.optics import _layer

FIELD, SIX = 6e-7, 2e-6  # relative 2-norms: one propagation, and up to six of them with masks, or their derivatives
DOUBLE = 1e-13


def test_truth_by_central_differences() -> None:
    u, c, phases, transfers = problem(6, 12, (3,), 2, "complex128")
    _, _, gradients, g = truth(u, phases, transfers, c)
    rng, step = np.random.default_rng(1), 1e-5
    du, dp = rng.standard_normal(u.shape) + 1j * rng.standard_normal(u.shape), rng.standard_normal(phases.shape)

    def value(sign: float) -> float:
        return float((c.conj() * truth(u + sign * step * du, phases + sign * step * dp, transfers, c)[0]).real.sum())

    slope = (value(1) - value(-1)) / (2 * step)
    assert (g.conj() * du).real.sum() + (np.array(gradients) * dp).sum() == pytest.approx(slope, rel=1e-8)


@pytest.mark.parametrize(("n", "side", "lead", "layers", "dtype"), CASES)
def test_chain_and_its_adjoint(backend, n: int, side: int, lead: tuple[int, ...], layers: int, dtype: str) -> None:
    if backend.name == "cpu":
        pytest.skip("the CPU has its own chain; these are the CUDA kernels")
    u, c, phases, transfers = problem(n, side, lead, layers, dtype)
    masks = backend.array(np.exp(1j * phases).astype(dtype))
    tables = [backend.array((h / side**2).astype(dtype)) for h in transfers]
    want, after, gradients, incoming = truth(u.astype(complex), phases, transfers, c.astype(complex))
    one = FIELD if dtype == "complex64" else DOUBLE
    whole = min(FIELD * (layers + 1), SIX) if dtype == "complex64" else DOUBLE
    derivative = SIX if dtype == "complex64" else 3 * DOUBLE

    out, none = _layer.chain(backend.array(u), masks, tables, side)
    assert none is None
    assert error(backend.numpy(out), want) < whole
    out, saved = _layer.chain(backend.array(u), masks, tables, side, save=True)
    assert error(backend.numpy(out), want) < whole
    assert error(backend.numpy(saved)[0], after[0]) < one
    assert error(backend.numpy(saved), np.array(after)) < whole
    gradient, g = _layer.chain_vjp(backend.array(c), saved, masks, tables, side, to_field=True)
    assert error(backend.numpy(gradient), np.array(gradients)) < derivative
    assert error(backend.numpy(g), incoming) < derivative
    assert _layer.chain_vjp(backend.array(c), saved, masks, tables, side)[1] is None


@pytest.mark.parametrize("order", ["descending", "shuffled"])
def test_order_of_threads_and_pieces_change_nothing(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    u, c, phases, transfers = problem(128, 256, (3,), 1, "complex64")
    masks, tables = np.exp(1j * phases).astype(np.complex64), [(h / 256**2).astype(np.complex64) for h in transfers]
    results = []
    for o in ("ascending", order):
        with _launch.host(order=o, seed=5):
            out, saved = _layer.chain(u, masks, tables, 256, save=True)
            results.append((out, *_layer.chain_vjp(c, saved, masks, tables, 256, to_field=True)))
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))
    monkeypatch.setattr(_layer, "STATE", 1)  # one sample at a time
    with _launch.host():
        out, saved = _layer.chain(u, masks, tables, 256, save=True)
        gradient, g = _layer.chain_vjp(c, saved, masks, tables, 256, to_field=True)
    assert np.array_equal(out, results[0][0])
    assert np.array_equal(g, results[0][2])
    assert error(gradient, results[0][1]) < 1e-6


@pytest.mark.parametrize(("multiprocessors", "shared"), [(1, 227 << 10), (7, 227 << 10), (1000, 40 << 10)])
def test_no_bit_depends_on_the_card(multiprocessors: int, shared: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of columns that walk over all samples, or over some; transfer functions in shared memory, and where they do not fit."""
    u, c, phases, transfers = problem(101, 256, (9,), 1, "complex64")
    masks, tables = np.exp(1j * phases).astype(np.complex64), [(h / 256**2).astype(np.complex64) for h in transfers]
    results = []
    for _ in range(2):
        with _launch.host():
            out, saved = _layer.chain(u, masks, tables, 256, save=True)
            results.append((out, saved, *_layer.chain_vjp(c, saved, masks, tables, 256, to_field=True)))
        monkeypatch.setattr(_launch, "multiprocessors", lambda like: multiprocessors)
        monkeypatch.setattr(_launch, "shared_limit", lambda like: shared)
    assert _layer._Chain(u, 256).kept == (shared > 40 << 10)
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(
    ("batch", "blocks", "multiprocessors", "found"),
    [
        (50, 50, 132, 5), (1, 50, 132, 1), (64, 50, 132, 5), (2, 50, 132, 1), (50, 50, 108, 2), (50, 200, 132, 1), (0, 50, 132, 1),
        (50, 50, 1, 1),
    ],
)
def test_slices_of_the_columns(batch: int, blocks: int, multiprocessors: int, found: int) -> None:
    """Of two samples at a time, two blocks on a multiprocessor. 50 samples: 250 blocks in 264 places, five reads of a transfer function."""
    assert _layer.slices(-(-batch // 2), blocks, 2, multiprocessors) == found


def test_no_samples(backend) -> None:
    if backend.name == "cpu":
        pytest.skip("the CPU has its own chain; these are the CUDA kernels")
    u, masks, tables = (backend.array(np.ones(shape, np.complex64)) for shape in ((0, 101, 101), (1, 101, 101), (2, 256, 256)))
    out, saved = _layer.chain(u, masks, tables, 256, save=True)
    gradient, g = _layer.chain_vjp(out, saved, masks, tables, 256, to_field=True)
    assert out.shape == g.shape == (0, 101, 101)
    assert not backend.numpy(gradient).any()


def test_gradients_in_an_array_that_is_not_contiguous() -> None:
    u, c, phases, transfers = problem(101, 256, (1,), 2, "complex64")
    masks, tables = np.exp(1j * phases).astype(np.complex64), [(h / 256**2).astype(np.complex64) for h in transfers]
    total = np.ones((2, 101, 202))[..., ::2]
    with _launch.host():
        _, saved = _layer.chain(u, masks, tables, 256, save=True)
        gradient, _ = _layer.chain_vjp(c, saved, masks, tables, 256)
        assert _layer.chain_vjp(c, saved, masks, tables, 256, gradient=total)[0] is total
    np.testing.assert_allclose(total, 1 + gradient, rtol=1e-15)


@pytest.mark.parametrize("fields", [1, 2, 6])
def test_pieces_of_a_population_change_nothing(fields: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 3 members of 2 samples: a sample at a time, a member at a time, and all at once."""
    u, c, phases, transfers = problem(128, 256, (3, 2), 1, "complex64")
    masks, tables = np.exp(1j * phases).astype(np.complex64), [(h / 256**2).astype(np.complex64) for h in transfers]
    want, after, gradients, incoming = truth(u.astype(complex), phases, transfers, c.astype(complex))
    monkeypatch.setattr(_layer, "STATE", fields * 128 * 256 * 8)
    assert len(_layer._Chain(u, 256).pieces()) == 6 // fields
    with _launch.host():
        out, saved = _layer.chain(u, masks, tables, 256, save=True)
        gradient, g = _layer.chain_vjp(c, saved, masks, tables, 256, to_field=True)
    for got, true in ((out, want), (saved, np.array(after)), (gradient, np.array(gradients)), (g, incoming)):
        assert error(got, true) < SIX


def test_gradients_are_added_to_what_is_there() -> None:
    u, c, phases, transfers = problem(128, 256, (1,), 2, "complex64")
    masks, tables = np.exp(1j * phases).astype(np.complex64), [(h / 256**2).astype(np.complex64) for h in transfers]
    with _launch.host():
        _, saved = _layer.chain(u, masks, tables, 256, save=True)
        gradient, _ = _layer.chain_vjp(c, saved, masks, tables, 256)
        total = np.full(gradient.shape, 3.0)
        assert _layer.chain_vjp(c, saved, masks, tables, 256, gradient=total)[0] is total
    np.testing.assert_allclose(total, 3.0 + gradient, rtol=1e-15)


def test_a_batch_of_the_published_network_is_one_piece() -> None:
    assert len(_layer._Chain(np.empty((50, 200, 200), np.complex64), 400).pieces()) == 1
    assert [piece[1] for piece in _layer._Chain(np.empty((64, 200, 200), np.complex64), 400).pieces()] == [slice(0, 32), slice(32, 64)]


def test_no_data_race() -> None:
    u, c, phases, transfers = problem(128, 256, (2,), 1, "complex64")
    masks, tables = np.exp(1j * phases).astype(np.complex64), [(h / 256**2).astype(np.complex64) for h in transfers]
    with _launch.host(build="race"):
        _, saved = _layer.chain(u, masks, tables, 256, save=True)
        _layer.chain_vjp(c, saved, masks, tables, 256)


def aligned(shape: tuple[int, ...], dtype: str = "complex64") -> np.ndarray:
    raw = np.zeros(int(np.prod(shape)) * np.dtype(dtype).itemsize + 256, np.uint8)
    start = -raw.ctypes.data % 256
    return raw[start : start + raw.size - 256].view(dtype).reshape(shape)


def test_a_layer_moves_64_bytes_per_pixel() -> None:
    """Counted by the runner, in bytes asked for and in whole 32-byte sectors: the state is read and written once by each kernel."""
    n, side = 128, 256
    defines = {"PNN_FIELD": n, "PNN_SIDE": side}
    module = host.load(_sources.flatten("optics/layer"), "optics/layer.cu", defines=defines, build="count")
    w = _layer._twiddles(side, np.empty(0, np.complex64))
    spectrum, after, h, mask = aligned((1, n, side)), aligned((1, n, side)), aligned((side, side)), aligned((n, n))
    module.watch([spectrum, after])
    shared = (2 * 8 * 16 * 17 + 8 * side) * 8
    module.launch("pnn_layer_columns_c64", (side // 8, 1), (256,), (np.int64(1), np.int64(1), w, h, spectrum, after), shared)
    columns = module.counts(2)
    module.watch([spectrum, after])
    module.launch("pnn_layer_rows_c64", (n, 1, 1), (128,), (np.int64(1), np.int64(1), w, mask, after, None, spectrum))
    rows = module.counts(2)
    moved = np.stack([columns.sum(axis=0), rows.sum(axis=0)]).sum(axis=0)
    assert moved[0] + moved[1] == 64 * n * n
    assert moved[2] + moved[3] == 64 * n * n
    assert _layer.traffic(1, n, side, 7) - _layer.traffic(1, n, side, 6) == 64 * n * n
    assert _layer.traffic_vjp(1, n, side, 7) - _layer.traffic_vjp(1, n, side, 6) == 72 * n * n


def test_supported_shapes() -> None:
    assert _layer.supported((200, 200), 400, "complex64")
    assert not _layer.supported((200, 201), 400, "complex64")
    assert not _layer.supported((200, 200), 405, "complex64")
    assert not _layer.supported((500, 500), 400, "complex64")
