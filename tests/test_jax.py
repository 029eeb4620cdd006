"""The functions under JAX's transforms: derivatives against differences and against plain expressions of jax.numpy, in JAX's convention."""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")

import jax.numpy as jnp  # noqa: E402 (once JAX is known to be there)
from operation_cases import CASES, Case, public_with_vjp  # noqa: E402

import pnnkern.jax as under_jax  # noqa: E402
from pnnkern import _operations, optics, random  # noqa: E402


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    """For all threads: JAX calls back on others."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def called(case: Case, *leaves: Any) -> Any:
    return under_jax.functions[case.op](**case.filled(leaves))


def draws(rng: np.random.Generator, like: Any) -> np.ndarray:
    values = rng.standard_normal(like.shape)
    return values + 1j * rng.standard_normal(like.shape) if np.iscomplexobj(like) else values


@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case: Case) -> None:
    """Against differences along random directions, in JAX's convention: dL = Re sum (jax.grad of L) dz, without a conjugate."""
    rng, leaves = np.random.default_rng(1), [jnp.asarray(leaf) for leaf in case.leaves()]
    numbers = tuple(range(len(leaves)))
    plain = called(case, *leaves)
    weight, size = draws(rng, plain), float(jnp.abs(plain).max())

    def loss(*leaves: Any) -> Any:
        return (called(case, *leaves) * weight).real.sum() / size

    gradients = jax.grad(loss, numbers)
    found = gradients(*leaves)
    directions, h = [draws(rng, leaf) for leaf in leaves], 2e-4
    ends = [float(loss(*(leaf + s * h * v for leaf, v in zip(leaves, directions, strict=True)))) for s in (1, -1, 0.5, -0.5)]
    along = (4 * (ends[2] - ends[3]) - (ends[0] - ends[1]) / 2) / (3 * h)  # extrapolated to a step of zero
    assert sum(float((g * v).sum().real) for g, v in zip(found, directions, strict=True)) == pytest.approx(along, rel=1e-6, abs=1e-7)
    for g, leaf in zip(found, leaves, strict=True):
        assert (g.shape, g.dtype) == (leaf.shape, leaf.dtype)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_derivatives_under_transforms(case: Case) -> None:
    """One program: values have the function's own bits under jit and mapped over twice; vmap of derivatives is a loop, over all arguments,
    and over one, when the derivatives by the others are those of each sample too."""
    op = next(op for op in _operations.OPERATIONS if op.name == case.op)
    leaves, given = [jnp.asarray(leaf) for leaf in case.leaves()], case.filled(case.leaves())
    expected = op.call(op, {n: v for n, v in given.items() if n not in op.only_vjp})
    numbers = tuple(range(len(leaves)))
    gradients = jax.grad(lambda *leaves: (jnp.abs(called(case, *leaves)) ** 2).sum(), numbers)
    choices = [numbers, numbers[:1]]
    stacks = [[jnp.stack([leaf, 1.05 * leaf], axis=-1) if i in which else leaf for i, leaf in enumerate(leaves)] for which in choices]

    def everything(leaves: Any, stacks: Any) -> Any:
        one = lambda x: called(case, x, *leaves[1:])  # noqa: E731
        twice = jax.vmap(jax.vmap(one, in_axes=-1), in_axes=-1)(jnp.broadcast_to(leaves[0][..., None, None], (*leaves[0].shape, 2, 3)))
        dims = [tuple(-1 if i in which else None for i in numbers) for which in choices]
        return called(case, *leaves), gradients(*leaves), twice, [jax.vmap(gradients, d)(*s) for d, s in zip(dims, stacks, strict=True)]

    value, found, twice, mapped = jax.jit(everything)(leaves, stacks)
    for out in (value, called(case, *leaves)):
        assert isinstance(out, jax.Array)
        assert out.dtype == expected.dtype
        np.testing.assert_array_equal(out, expected)
    assert twice.shape == (3, 2, *expected.shape)
    np.testing.assert_allclose(twice[1, 0], expected, rtol=1e-9, atol=1e-14)
    for got, right in zip(found, gradients(*leaves), strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-10, atol=1e-13 * float(jnp.abs(right).max()))
    for which, stacked, several in zip(choices, stacks, mapped, strict=True):
        for b in range(2):
            each = gradients(*(m[..., b] if i in which else m for i, m in enumerate(stacked)))
            for got, right in zip(several, each, strict=True):
                np.testing.assert_allclose(got[b], right, rtol=1e-8, atol=1e-13 * float(jnp.abs(right).max()))


def test_the_table_is_complete() -> None:
    assert public_with_vjp() == set(under_jax.functions)
    for op in _operations.OPERATIONS:
        assert list(inspect.signature(under_jax.functions[op.name]).parameters) == list(op.form.names)


def test_cotangents_are_conjugates() -> None:
    """Both conventions, written down: jax.grad of the same physics in plain jax.numpy, and this package's vjp."""
    rng = np.random.default_rng(3)
    u, t = (draws(rng, np.zeros((3, 4), complex)) for _ in range(2))
    weight = draws(rng, u)

    def ours(u: Any, t: Any) -> Any:
        return (weight * under_jax.optics.transmit(u, t)).real.sum() + under_jax.optics.intensity(u)[1, 2]

    def plain(u: Any, t: Any) -> Any:
        return (weight * u * t).real.sum() + jnp.abs(u[1, 2]) ** 2

    found, expected = (jax.grad(f, (0, 1))(jnp.asarray(u), jnp.asarray(t)) for f in (ours, plain))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
    # L = Re sum w u t: dL/dRe + i dL/dIm of the result is conj(w); JAX has w, and for u, t w where this package has conj(t w)
    ours_of_u = optics.transmit_vjp(weight.conj(), u, t)
    jaxs = jax.grad(lambda u: (weight * under_jax.optics.transmit(u, t)).real.sum())(jnp.asarray(u))
    np.testing.assert_allclose(jaxs, ours_of_u.conj(), rtol=1e-13)
    np.testing.assert_allclose(ours_of_u, (weight * t).conj(), rtol=1e-13)


def test_a_large_field_does_not_stop() -> None:
    """Callbacks that are given large arrays, one after another, within one program."""
    u = jnp.ones((512, 512), jnp.complex128)
    masked = jax.jit(lambda u: under_jax.optics.intensity(under_jax.optics.phase_mask(u, under_jax.optics.intensity(u))).sum())
    assert float(masked(u)) == pytest.approx(512 * 512)


def test_buffers_of_the_ffi(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs on a GPU, on JAX's buffers of the CPU: the same values and derivatives as by a callback."""
    rng = np.random.default_rng(4)
    u, z = jnp.asarray(draws(rng, np.zeros((2, 3, 4), complex))), jnp.asarray(3.0)

    def loss(u: Any, z: Any) -> Any:
        return (jnp.abs(under_jax.optics.propagate(u, distance=z, wavelength=0.6, pitch=1.0)) ** 2)[..., 0, 0].sum()

    seen: list[bool] = []
    expected = jax.vmap(jax.grad(loss, (0, 1)), (0, None))(u, z)
    on_buffers = under_jax._on_buffers
    monkeypatch.setattr(under_jax, "_on_buffers", lambda *args: seen.append(True) or on_buffers(*args))
    monkeypatch.setattr(jax.lax, "platform_dependent", lambda *args, cpu, cuda: cuda(*args))
    found = jax.jit(jax.vmap(jax.grad(loss, (0, 1)), (0, None)))(u, z)
    assert len(seen) == 2
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_buffers_of_a_gpu(cupy: Any) -> None:
    """On the stand-in for CuPy: kernels run on the buffers where they lie, on the stream that JAX names, and nothing comes to the host."""

    class Buffer:
        def __init__(self, array: Any) -> None:
            self.array = array
            self.__cuda_array_interface__ = array.__cuda_array_interface__

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    class Context:
        device_ordinal = 0
        stream = cupy.cuda.Stream(non_blocking=True).ptr

    u = np.ones((3, 4), np.complex64)
    given, out = cupy.asarray(u), cupy.zeros((3, 4), np.float32)
    cupy.cuda.Device().synchronize()
    parts = _operations.Parts()
    template = _operations.taken_apart({"field": u}, (np.ndarray,), parts)
    op = next(op for op in _operations.OPERATIONS if op.name == "optics.intensity")
    call = _operations.Call(op, ("field",), (), (), _operations.settled(template))
    work, streams = under_jax._Work(call, None, (2,)), []

    def watched(arrays: Any) -> Any:
        streams.append(cupy.cuda.get_current_stream().ptr)
        return work(arrays)

    under_jax._on_buffers(watched, Context, [Buffer(out)], Buffer(given))
    assert streams == [Context.stream]
    cupy.cuda.Device().synchronize()
    np.testing.assert_array_equal(out.get(), 1)


def test_single_precision() -> None:
    jax.config.update("jax_enable_x64", False)

    def loss(u: Any, z: Any) -> Any:
        return under_jax.optics.intensity(under_jax.optics.propagate(u, distance=z, wavelength=0.6, pitch=1.0))[1, 1]

    for run in (lambda f: f, jax.jit):
        value, g = run(jax.value_and_grad(loss, (0, 1)))(jnp.ones((3, 4), jnp.complex64), 3.0)
        assert (value.dtype, g[0].dtype, g[1].dtype) == (jnp.float32, jnp.complex64, jnp.float32)


def test_what_cannot_be_differentiated_is_refused() -> None:
    u = jnp.ones((3, 4), jnp.complex128)
    with pytest.raises(TypeError, match=r"optics\.lens has no derivative by wavelength, only by field, focal_length"):
        jax.jit(jax.grad(lambda w: under_jax.optics.lens(u, focal_length=1.0, wavelength=w, pitch=1.0).real.sum()))(0.6)
    square = jax.grad(lambda u: (under_jax.optics.intensity(u) ** 2).sum())
    with pytest.raises(NotImplementedError, match=r"pnnkern has first derivatives only: optics\.intensity cannot be differentiated twice"):
        jax.grad(lambda u: jnp.abs(square(u)).sum())(u)
    with pytest.raises(TypeError, match=r"^optics\.phase_mask with a derivative takes no out, but field, phase$"):
        under_jax.optics.phase_mask(u, u.real, out=u)
    for call, sentence in (
        (lambda u: under_jax.optics.intensity(u.real), "field must be complex64 or complex128, got float64"),
        (lambda u: under_jax.optics.phase_mask(u, None), "phase must be an array of float32 or float64, got NoneType"),
    ):
        with pytest.raises(TypeError, match=sentence):
            jax.jit(call)(u)
    far = lambda u: under_jax.optics.propagate(u, distance=[1.0, 2.0], wavelength=0.6, pitch=1.0)  # noqa: E731
    for call, kind in ((far, ValueError), (jax.jit(far), jax.errors.JaxRuntimeError)):
        with pytest.raises(kind, match=r"distance and wavelength of shape \(2,\) must broadcast against the leading axes \(3,\) of the field"):
            call(jnp.stack([u] * 3))


def test_keys_are_arrays() -> None:
    """Noise under jit, with a key that changes and is not compiled anew; a key of a compiled graph is not a constant."""
    light, camera = np.full((2, 5), 3.0), optics.Camera(photons=100)
    traced: list[bool] = []

    @jax.jit
    def reading(light: Any, key: Any) -> Any:
        traced.append(True)
        return under_jax.optics.detect(light, camera, key=key)

    for n in range(3):
        np.testing.assert_array_equal(reading(light, random.key(n)), optics.detect(light, camera, key=random.key(n)))
    assert len(traced) == 1


@pytest.mark.skipif(jax.default_backend() != "gpu", reason="JAX finds no GPU")
def test_on_cuda() -> None:
    """Values and derivatives under jit on a GPU, through the FFI, against those of values on the CPU."""
    for case in CASES:
        leaves = [jnp.asarray(leaf) for leaf in case.leaves()]
        numbers = tuple(range(len(leaves)))
        loss = lambda *x, case=case: jnp.abs(called(case, *x)).sum()  # noqa: E731
        value, found = jax.jit(jax.value_and_grad(loss, numbers))(*leaves)
        with jax.default_device(jax.devices("cpu")[0]):
            here = [jnp.asarray(np.asarray(leaf)) for leaf in leaves]
            expected, right = jax.value_and_grad(loss, numbers)(*here)
        assert float(value) == pytest.approx(float(expected), rel=1e-8)
        for a, b in zip(found, right, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-10)
