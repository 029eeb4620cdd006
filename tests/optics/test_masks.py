"""Masks and the lens: expressions of one line, over odd sizes, populations and both precisions; and their derivatives."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import optics
from pnnkern.testing import check_linear, check_vjp

UM = 1e-6
SHAPES = [
    ((1, 1), ()),
    ((31, 33), ()),
    ((3, 7, 128), ()),
    ((2, 3, 5, 6), (2, 1)),
    ((2, 3, 5, 6), (3,)),
    ((2, 3, 5, 7), (2, 3)),
]  # field, leading axes of the mask
LIMIT = {"complex64": 3e-7, "complex128": 1e-14}


def field(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "complex128") -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)


def mask(rng: np.random.Generator, shape: tuple[int, ...], lead: tuple[int, ...], dtype: str = "float64") -> np.ndarray:
    return rng.uniform(-4, 4, (*lead, *shape[-2:])).astype(dtype)


def close(got: np.ndarray, expected: np.ndarray) -> bool:
    return np.linalg.norm(got - expected) <= LIMIT[got.dtype.name] * np.linalg.norm(expected)


@pytest.mark.parametrize(("shape", "lead"), SHAPES)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_masks_multiply(backend, shape: tuple[int, ...], lead: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    u, real = field(rng, shape, dtype), "float32" if dtype == "complex64" else "float64"
    m = mask(rng, shape, lead, real)
    t = field(rng, m.shape, dtype)
    on = backend.array(u)
    plan = {"wavelength": 0.5 * UM, "index": 1.5, "absorption": 0.01, "index_medium": 1.33}
    height = m * UM
    for got, factor in (
        (optics.phase_mask(on, backend.array(m)), np.exp(1j * m.astype(np.float64))),
        (optics.amplitude_mask(on, backend.array(m)), m),
        (optics.transmit(on, backend.array(t)), t),
        (
            optics.height_mask(on, backend.array(height), **plan),
            np.exp(2j * np.pi * (0.17 + 0.01j) * height.astype(np.float64) / (0.5 * UM)),
        ),
    ):
        got = backend.numpy(got)
        assert got.dtype == dtype
        assert close(got, u * factor)


def test_in_place(backend, rng: np.random.Generator) -> None:
    u, m = field(rng, (2, 6, 7)), mask(rng, (6, 7), ())
    expected = u * np.exp(1j * m)
    out = backend.array(u.copy())
    assert optics.phase_mask(out, backend.array(m), out=out) is out
    assert close(backend.numpy(out), expected)


@pytest.mark.parametrize(("shape", "lead"), SHAPES)
def test_derivatives(backend, shape: tuple[int, ...], lead: tuple[int, ...], rng: np.random.Generator) -> None:
    u, m = backend.array(field(rng, shape)), backend.array(mask(rng, shape, lead))
    plan = {"wavelength": 0.5 * UM, "index": 1.5, "absorption": 0.05}
    check_vjp(optics.phase_mask, optics.phase_mask_vjp, u, m, wrt=("field", "phase"))
    check_vjp(optics.amplitude_mask, optics.amplitude_mask_vjp, u, m, wrt=("amplitude", "field"))
    check_vjp(optics.transmit, optics.transmit_vjp, u, backend.array(field(rng, m.shape)), wrt=("field", "transmission"))
    check_vjp(optics.height_mask, optics.height_mask_vjp, u, backend.array(backend.numpy(m) * UM), wrt=("field", "height"),
              steps={"field": 1e-3, "height": 1e-9}, rtol=1e-6, **plan)  # fmt: skip


def test_one_relief_in_many_colours(backend, rng: np.random.Generator) -> None:
    """exp(2 pi i (n - 1) h / lambda) for each colour; the derivative of the one relief is the sum over colours."""
    colours, index = np.array([0.45, 0.55, 0.65]) * UM, np.array([1.53, 1.52, 1.51])
    u, h = field(rng, (2, 3, 5, 6)), rng.uniform(0, 2, (5, 6)) * UM
    plan = {"wavelength": colours, "index": index}
    got = backend.numpy(optics.height_mask(backend.array(u), backend.array(h), **plan))
    factor = np.exp(2j * np.pi * ((index - 1) / colours)[:, None, None] * h)
    assert close(got, u * factor)
    g = field(rng, u.shape)
    dh = backend.numpy(optics.height_mask_vjp(backend.array(g), backend.array(u), backend.array(h), wrt="height", **plan))
    wavenumber = 2 * np.pi * ((index - 1) / colours)[:, None, None]
    expected = (g.conj() * 1j * wavenumber * factor * u).real.sum((0, 1))
    assert np.allclose(dh, expected, rtol=1e-9)


def test_single_precision_adjoints(backend, rng: np.random.Generator) -> None:
    u, m = backend.array(field(rng, (300, 9, 11), "complex64")), backend.array(mask(rng, (9, 11), (), "float32"))
    check_linear(optics.phase_mask, optics.phase_mask_vjp, u, m)
    g = field(rng, (300, 9, 11), "complex64")
    got = optics.phase_mask_vjp(backend.array(g), u, m, wrt="phase")
    v = backend.numpy(u).astype(complex) * np.exp(1j * backend.numpy(m).astype(float))
    expected = (g * v.conj()).imag.sum(0)
    assert backend.numpy(got).dtype == np.float32
    assert np.linalg.norm(backend.numpy(got) - expected) < 3e-7 * np.linalg.norm(expected) * 10


# ------------------------------------------------------------------------------------------------------------------------ lens
@pytest.mark.parametrize("centre", [0.0, (3 * UM, -4 * UM)])
def test_lens(backend, centre: object, rng: np.random.Generator) -> None:
    """exp(-i k r^2 / 2f): converging light has a phase that falls outwards."""
    u, f, w, pitch = field(rng, (2, 9, 12)), 2e-3, 0.6 * UM, (2 * UM, 3 * UM)
    cy, cx = np.broadcast_to(centre, 2)
    y, x = ((np.arange(9) - 4) * pitch[0] - cy)[:, None], ((np.arange(12) - 6) * pitch[1] - cx)[None, :]
    got = backend.numpy(optics.lens(backend.array(u), focal_length=f, wavelength=w, pitch=pitch, centre=centre))
    assert close(got, u * np.exp(-2j * np.pi / w * (x**2 + y**2) / (2 * f)))


def test_lens_focuses_a_plane_wave(backend) -> None:
    """The focus of a circular lens is Airy's: first dark ring at 1.22 lambda f / D, peak amplitude pi a^2 / (lambda f)."""
    n, pitch, f, w, radius = 256, 3 * UM, 20e-3, 0.6 * UM, 300 * UM
    u = optics.circular_aperture((n, n), radius=radius, pitch=pitch, dtype="float64").astype(complex)
    behind = optics.lens(backend.array(u), focal_length=f, wavelength=w, pitch=pitch)
    focus = np.abs(
        backend.numpy(
            optics.propagate_scaled(behind, distance=f, wavelength=w, pitch=pitch, out_pitch=0.5 * UM, out_shape=(101, 101))
        )
    )
    assert focus[50, 50] == pytest.approx(np.pi * radius**2 / (w * f), rel=5e-3)
    ring = 0.6098 * w * f / radius
    row = focus[50, 50:]
    dark = np.arange(len(row))[np.r_[False, (row[1:-1] < row[:-2]) & (row[1:-1] < row[2:]), False]][0] * 0.5 * UM
    assert dark == pytest.approx(ring, abs=0.5 * UM)


def test_lens_derivatives(backend, rng: np.random.Generator) -> None:
    u = backend.array(field(rng, (2, 3, 9, 12)))
    plan = {"wavelength": 0.6 * UM, "pitch": 4 * UM}
    for f in (np.array(2e-3), np.array([[2e-3], [-3e-3]]), np.array([2e-3, -3e-3, 4e-3])):
        check_vjp(optics.lens, optics.lens_vjp, u, wrt=("field", "focal_length"), focal_length=f, steps={"field": 1e-3, "focal_length": 1e-6},
                  rtol=1e-6, **plan)  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------- bad input
U, M = np.ones((2, 4, 5), np.complex64), np.ones((4, 5), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optics.phase_mask(U.real, M), TypeError, "field must be complex64 or complex128, got float32"),
        (lambda: optics.phase_mask(U, M.T.copy()), ValueError, r"phase .*\(5, 4\).*\(2, 4, 5\)"),
        (lambda: optics.phase_mask(U, np.ones((3, 4, 5), np.float32)), ValueError, r"\(3, 4, 5\)"),
        (lambda: optics.phase_mask(U, U[0]), TypeError, "phase must be an array of float32 or float64, got complex64"),
        (lambda: optics.phase_mask(U, 0.5), TypeError, "phase must be an array of float32 or float64, got float"),
        (lambda: optics.phase_mask(U, M, out=np.ones((2, 4, 5), complex)), ValueError, "out must be a C-contiguous complex64 array of shape"),
        (lambda: optics.transmit(U, M), TypeError, "a real one is an amplitude_mask"),
        (lambda: optics.height_mask(U, M, wavelength=-1.0, index=1.5), ValueError, "wavelength must be positive"),
        (lambda: optics.height_mask(U, M, wavelength=5e-7, index=np.nan), ValueError, "index must be finite"),
        (lambda: optics.lens(U, focal_length=0.0, wavelength=5e-7, pitch=UM), ValueError, "focal_length must be finite and not zero"),
        (lambda: optics.lens(U, focal_length=np.inf, wavelength=5e-7, pitch=UM), ValueError, "focal_length must be finite and not zero"),
        (lambda: optics.phase_mask_vjp(U[:1], U, M), ValueError, "cotangent must be complex64 .* like the transmitted field"),
        (lambda: optics.phase_mask_vjp(U, U, M, wrt="amplitude"), ValueError, "wrt names 'amplitude': this derivative exists for field, phase"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_lens_too_strong_for_the_pitch_is_warned_of() -> None:
    with pytest.warns(pnn._errors.SamplingWarning, match="the lens turns its phase by .* periods per pixel"):
        optics.lens(np.ones((200, 200), np.complex64), focal_length=1e-3, wavelength=5e-7, pitch=5 * UM)


@pytest.mark.parametrize(("dtype", "limit"), [("complex64", 7e-8), ("complex128", 5e-16)])
def test_phases_of_any_size(backend, dtype: str, limit: float, rng: np.random.Generator) -> None:
    """Whole quarters of a turn and their halves, where cosine and sine trade places, and phases far beyond all digits."""
    many = rng.uniform(-1, 1, 300) * 10 ** rng.uniform(-30, 9, 300)
    phase = np.concatenate([np.arange(-64, 65) * (np.pi / 4), many, [0.0, -0.0, 1e15, -1e15, 2.0**51, 1e17, -1e30]])
    phase = phase.astype(dtype.replace("complex64", "float32").replace("complex128", "float64"))
    one = np.ones((1, len(phase)), dtype)
    got = backend.numpy(optics.phase_mask(backend.array(one), backend.array(phase[None])))[0]
    wide = phase.astype(np.longdouble)
    assert np.abs(got - (np.cos(wide) + 1j * np.sin(wide))).max() < limit
    nowhere = np.array([[np.inf, -np.inf, np.nan]], phase.dtype)
    assert np.isnan(backend.numpy(optics.phase_mask(backend.array(one[:, :3]), backend.array(nowhere))).real).all()
