"""Fields between masks as pairs of 16-bit floats: what is kept, and what gradients become of it."""

import numpy as np
import pytest

from pnnkern import _array, optics
from pnnkern.optics import _halves, chain

PITCH, WAVELENGTH = 2.0, 1.0


def kept(halves: _halves.Halves, backend: object) -> np.ndarray:
    """The fields, by the bits of words and the definition of half precision."""
    words = backend.numpy(halves.words).astype(np.int64) & 0xFFFFFFFF

    def part(bits: np.ndarray) -> np.ndarray:
        exponent, fraction = bits >> 10 & 31, bits & 1023
        value = np.where(exponent > 0, np.ldexp(1 + fraction / 1024, exponent - 15), np.ldexp(fraction / 1024, -14))
        return np.where(bits >> 15, -value, value)

    return (part(words & 0xFFFF) + 1j * part(words >> 16)) * backend.numpy(halves.scale).astype(float)[..., None]


def problem(n: int, real: str, members: tuple[int, ...] = (), batch: int = 9, layers: int = 2) -> tuple:
    rng = np.random.default_rng(n)
    u, g = ((rng.standard_normal((batch, n, n)) + 1j * rng.standard_normal((batch, n, n))) * 10.0 ** rng.uniform(-6, 6) for _ in range(2))
    masks = np.exp(2j * np.pi * rng.random((layers, *members, n, n)))
    plan = optics.Propagator((n, n), pitch=PITCH, wavelength=WAVELENGTH, distance=1e3, pad=2 if n == 21 else 256 / n)
    made = np.result_type(real, np.complex64)
    return u.astype(made), masks.astype(made), g.astype(made), [plan] * (layers + 1)


@pytest.mark.parametrize("members", [(), (2,)])
@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize("n", [21, 101], ids=["library transforms", "fused kernels"])
def test_what_is_kept(backend, n: int, real: str, members: tuple[int, ...]) -> None:
    u, masks, _, plans = problem(n, real, members)
    u, masks = backend.array(u), backend.array(masks)
    out, full = chain.forward(u, masks, plans, save=True)
    same, halves = chain.forward(u, masks, plans, save=True, store="half")
    assert np.array_equal(backend.numpy(out), backend.numpy(same))
    assert isinstance(halves, chain.Halves)
    assert halves.shape == full.shape
    assert halves.dtype == full.dtype
    found, true = kept(halves, backend), backend.numpy(full).astype(complex)
    assert np.array_equal(found.astype(full.dtype), backend.numpy(halves.full()))
    parts, values = true[..., None].view(float), found[..., None].view(float)
    row = np.abs(parts).max(axis=(-2, -1))
    assert (np.abs(values - parts) <= np.maximum(np.abs(parts) * 2**-11, row[..., None, None] * 2**-39)).all()
    assert np.linalg.norm(values - parts) < 2.5e-4 * np.linalg.norm(parts)
    largest = row / backend.numpy(halves.scale)
    assert ((largest >= 2**14) & (largest < 2**15)).all()


@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize("n", [21, 101], ids=["library transforms", "fused kernels"])
def test_gradients(backend, n: int, real: str) -> None:
    """Of one sample, and sums over more than a block or a chunk of the CPU has."""
    for batch in (1, 9):
        u, masks, g, plans = (backend.array(x) if isinstance(x, np.ndarray) else x for x in problem(n, real, batch=batch))
        results = []
        for store in ("full", "half"):
            saved = chain.forward(u, masks, plans, save=True, store=store)[1]
            results.append([backend.numpy(x) for x in chain.phase_adjoint(g, saved, masks, plans, to_field=True)])
        (full, incoming), (half, same) = results
        assert np.array_equal(incoming, same)
        assert 1e-5 * np.linalg.norm(full) < np.linalg.norm(half - full) < 4e-4 * np.linalg.norm(full)


ROWS = {
    "dark": (0.0, 0.0), "1": (1.0, 0.0), "just below a power": (np.nextafter(np.float32(2), np.float32(0)), 2**-28), "small": (1e-30, 3e-33),
    "denormal": (1e-40, 0.0), "large": (3e38, 1e36),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_rows(backend, name: str) -> None:
    """Put and taken back, by the arrays' library."""
    field = np.zeros((2, 3, 5), np.complex64)
    field[1, 1, 3], field[0, 2, 4] = ROWS[name][0], 1j * ROWS[name][1]
    field[1, 1, 0] = -1j * ROWS[name][1]
    halves = _halves.empty(field.shape, field.dtype, _array.device_namespace(backend.device))
    halves.put(backend.array(field))
    scale = backend.numpy(halves.scale)
    assert (np.frexp(scale)[0] == 0.5).all()
    assert np.isfinite(1 / scale).all()
    assert np.array_equal(kept(halves, backend).astype(np.complex64), backend.numpy(halves.full()))
    np.testing.assert_allclose(backend.numpy(halves.full()), field, rtol=2**-11, atol=max(2**-39 * ROWS[name][0], 2**-140))


def test_light_that_is_not_finite_stays_so(backend) -> None:
    field = np.ones((1, 2, 4), np.complex64)
    field[0, 1, 2] = np.inf
    halves = _halves.empty(field.shape, field.dtype, _array.device_namespace(backend.device))
    halves.put(backend.array(field))
    full = backend.numpy(halves.full())
    assert (full[0, 0] == 1).all()
    assert np.isinf(full[0, 1, 2].real)
    field[0, 1, 2] = np.nan
    halves.put(backend.array(field))
    assert np.isnan(backend.numpy(halves.full())[0, 1, 2].real)


def test_another_store_is_refused() -> None:
    u, masks, _, plans = problem(21, "float32")
    with pytest.raises(ValueError, match="store must be 'full' or 'half', got 'quarter'"):
        chain.forward(u, masks, plans, save=True, store="quarter")


def test_precisions_that_differ_are_refused() -> None:
    u, masks, g, plans = problem(21, "float32")
    saved = chain.forward(u.astype(complex), masks.astype(complex), plans, save=True, store="half")[1]
    with pytest.raises(TypeError, match="saved must be complex64 as the cotangent, got complex128"):
        chain.phase_adjoint(g, saved, masks, plans)


def test_tensors_of_torch() -> None:
    torch = pytest.importorskip("torch")
    u, masks, g, plans = problem(21, "float32")
    _, saved = chain.forward(torch.from_numpy(u), torch.from_numpy(masks), plans, save=True, store="half")
    gradient, _ = chain.phase_adjoint(torch.from_numpy(g), saved, torch.from_numpy(masks), plans)
    expected = chain.phase_adjoint(g, chain.forward(u, masks, plans, save=True, store="half")[1], masks, plans)[0]
    np.testing.assert_array_equal(gradient.numpy(), expected)
