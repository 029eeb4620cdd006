"""The launcher: prototypes are the contract, and every argument is held against them."""

import numpy as np
import pytest

from pnnkern import _launch, _sources
from pnnkern._errors import FaultError, LaunchError


def arrays() -> dict[str, np.ndarray]:
    return {"t": np.ones(4, np.complex64), "u": np.ones((3, 4), np.complex64), "out": np.empty((3, 4), np.complex64)}


def transmit(**changes: object) -> None:
    a = {**arrays(), **changes}
    _launch.launch("optics/mask", "transmit", np.complex64, 1, 1, 3, 4, a["t"], a["u"], a["out"], threads=12)


def test_every_kernel_file_has_kernels_with_the_right_names() -> None:
    for stem in _sources.stems():
        found = _sources.prototypes(stem)
        assert found, stem
        for name, prototype in found.items():
            assert name.startswith(f"pnn_{stem.rpartition('/')[2]}_"), name
            assert prototype.parameters, name


def test_prototype_of_a_known_kernel() -> None:
    prototype = _sources.prototypes("optics/mask")["pnn_mask_transmit_c64"]
    assert [p.name for p in prototype.parameters] == ["outer", "masks", "batch", "pixels", "transmission", "field", "out"]
    assert [p.dtype.name for p in prototype.parameters] == ["int64"] * 4 + ["complex64"] * 3
    assert [p.const for p in prototype.parameters] == [False, False, False, False, True, True, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"u": np.ones((3, 4), np.complex128)}, r"pnn_mask_transmit_c64: argument 5 \(field\) must be complex64, got complex128"),
        ({"u": np.ones((4, 3), np.complex64).T}, r"argument 5 \(field\) must be C-contiguous, got strides"),
        ({"u": [1, 2]}, r"argument 5 \(field\) must be an array of complex64, got list"),
    ],
)
def test_wrong_arrays_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(LaunchError, match=message):
        transmit(**changes)


def test_read_only_output_is_refused() -> None:
    out = np.empty((3, 4), np.complex64)
    out.flags.writeable = False
    with pytest.raises(LaunchError, match=r"argument 6 \(out\) is written to, but the array is read-only"):
        transmit(out=out)


def test_wrong_count_and_scalars_are_refused() -> None:
    a = arrays()
    with pytest.raises(LaunchError, match=r"takes 7 arguments \(outer, masks, batch, pixels, transmission, field, out\), got 6"):
        _launch.launch("optics/mask", "transmit", np.complex64, 1, 1, 3, a["t"], a["u"], a["out"])
    with pytest.raises(LaunchError, match=r"argument 2 \(batch\) must be a scalar int64, got float"):
        _launch.launch("optics/mask", "transmit", np.complex64, 1, 1, 3.5, 4, a["t"], a["u"], a["out"])
    with pytest.raises(LaunchError, match=r"mask\.cu has no kernel pnn_mask_transmit_f32; it has pnn_mask_phasor_f32"):
        _launch.launch("optics/mask", "transmit", np.float32, 1, 1, 3, 4, a["t"], a["u"], a["out"])


def test_unreadable_parameter_is_named() -> None:
    with pytest.raises(LaunchError, match="pnn_x: cannot read the parameter `size_t n`"):
        _sources.parameter("pnn_x", "size_t n")


def test_flattened_source_has_no_includes_left_and_marks_lines() -> None:
    text = _sources.flatten("optics/mask")
    assert '#include "pnnkern/' not in text
    assert '#line 1 "optics/mask.cu"' in text
    assert '#line 1 "include/pnnkern/complex.cuh"' in text
    assert text.count("struct alignas(2 * sizeof(T)) complex") == 1  # a header that is included twice is written once


def test_twin_and_host_runner_agree() -> None:
    rng = np.random.default_rng(0)
    t = (rng.standard_normal(33) + 1j * rng.standard_normal(33)).astype(np.complex64)
    u = (rng.standard_normal((5, 33)) + 1j * rng.standard_normal((5, 33))).astype(np.complex64)
    results = []
    for order in (None, "ascending", "descending", "shuffled"):
        out = np.empty_like(u)
        if order is None:
            transmit_to(t, u, out)
        else:
            with _launch.host(order=order):
                transmit_to(t, u, out)
        results.append(out)
    for out in results:
        np.testing.assert_allclose(out, u * t, rtol=1e-6)


def transmit_to(t: np.ndarray, u: np.ndarray, out: np.ndarray) -> None:
    _launch.launch("optics/mask", "transmit", u.dtype, 1, 1, len(u), t.size, t, u, out, threads=u.size)


def test_host_context_ends() -> None:
    from pnnkern import _array

    assert _array.device_of(np.ones(2)) == "cpu"
    with _launch.host():
        assert _array.device_of(np.ones(2)) == "host"
    assert _array.device_of(np.ones(2)) == "cpu"


PLANTED = _launch.fault(999, "planted by this test")


def test_flag_is_raised_at_once_where_values_are_at_hand() -> None:
    _launch.flag(np.bool_(False), PLANTED)
    with pytest.raises(FaultError, match="planted by this test"):
        _launch.flag(np.array(True), PLANTED)
    with pytest.raises(FaultError, match="minus one"):
        _launch.flag(np.array(True), PLANTED, lambda: "minus one")


def test_shared_memory_of_the_host_runner_is_that_of_an_h100() -> None:
    assert _launch.shared_limit(np.ones(1)) == 223 << 10


def test_scalars_of_every_type_are_converted_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick checks and the careful ones give the twin the same: numbers of the declared type, whatever number was given."""
    prototype = _sources.Prototype("pnn_x", "x", tuple(_sources.parameter("pnn_x", t) for t in (
        "long long n", "int i", "unsigned u", "double d", "float f", "unsigned char c")))  # fmt: skip
    call = _launch._compiled(prototype, np.ndarray, None, "return ({arguments},)")
    types = (int, np.int32, np.uint32, float, np.float32, np.uint8)
    for given in ((3, 4, 5, 0.1, 0.1, 6), (np.int32(3), np.int64(4), True, np.float32(0.1), 1, np.uint8(6)), (3, 4, 5, 2, np.float64(0.1), 6)):
        got = call(None, *given)
        assert tuple(map(type, got)) == types
        np.testing.assert_allclose(got, [float(v) for v in given], rtol=1e-7)
    assert call(None, 0, 0, 0, 0.1, 0.1, 0)[3:5] == (0.1, np.float32(0.1))
    assert np.signbit(call(None, 0, 0, 0, -0.0, -0.0, 0)[3:5]).all()
    good: list[object] = [3, 4, 5, 0.1, 0.1, 6]
    for index, bad, message in (
        (0, 2**63, r"argument 0 \(n\) must fit int64"), (1, 2**31, r"argument 1 \(i\) must fit int32"), (2, -1, r"\(u\) must fit uint32"),
        (5, 256, r"\(c\) must fit uint8"), (0, 1.0, r"\(n\) must be a scalar int64, got float"),
        (3, "1", r"\(d\) must be a scalar float64, got str"),
        (4, 1j, r"\(f\) must be a scalar float32, got complex"), (4, np.ones(1), r"\(f\) must be a scalar float32, got ndarray"),
        (3, None, r"\(d\) must be a scalar float64, got NoneType"),
    ):  # fmt: skip
        with pytest.raises(LaunchError, match=message):
            call(None, *good[:index], bad, *good[index + 1 :])


def test_the_grid_of_a_launch_by_threads(cupy, monkeypatch: pytest.MonkeyPatch) -> None:
    grids = []
    monkeypatch.setattr(cupy.RawKernel, "__call__", lambda self, grid, block, args, **how: grids.append((grid, block)))
    x, y = cupy.zeros(1, np.float32), cupy.zeros(1, np.complex64)
    for threads in (0, 1, 256, 257, 10**9):
        _launch.launch("optics/mask", "phasor", "float32", 1, x, y, threads=threads)
    assert grids == [((n,), (256,)) for n in (1, 1, 1, 2, 4096)]


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_goes_as_an_array() -> None:
    """`np.matrix` stays two-dimensional whatever is done to it."""
    out = np.zeros((2, 2))
    _launch.launch("optics/detector", "intensity", "complex128", 4, np.matrix([[1j, 2], [3, 4]]), out, threads=4)
    assert out.tolist() == [[1, 4], [9, 16]]
