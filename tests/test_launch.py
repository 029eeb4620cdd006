"""The launcher: prototypes are the contract, and every argument is held against them."""

import numpy as np
import pytest

from pnnkern import _launch, _sources
from pnnkern._errors import FaultError, LaunchError


def arrays() -> dict[str, np.ndarray]:
    return {"t": np.ones(4, np.complex64), "u": np.ones((3, 4), np.complex64), "out": np.empty((3, 4), np.complex64)}


def transmit(**changes: object) -> None:
    a = {**arrays(), **changes}
    _launch.launch("optics/mask", "transmit", np.complex64, 1, 3, 4, a["t"], a["u"], a["out"], threads=12)


def test_every_kernel_file_has_kernels_with_the_right_names() -> None:
    for stem in _sources.stems():
        found = _sources.prototypes(stem)
        assert found, stem
        for name, prototype in found.items():
            assert name.startswith(f"pnn_{stem.rpartition('/')[2]}_"), name
            assert prototype.parameters, name


def test_prototype_of_a_known_kernel() -> None:
    prototype = _sources.prototypes("optics/mask")["pnn_mask_transmit_c64"]
    assert [p.name for p in prototype.parameters] == ["masks", "batch", "pixels", "transmission", "field", "out"]
    assert [p.dtype.name for p in prototype.parameters] == ["int64"] * 3 + ["complex64"] * 3
    assert [p.const for p in prototype.parameters] == [False, False, False, True, True, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"u": np.ones((3, 4), np.complex128)}, r"pnn_mask_transmit_c64: argument 4 \(field\) must be complex64, got complex128"),
        ({"u": np.ones((4, 3), np.complex64).T}, r"argument 4 \(field\) must be C-contiguous, got strides"),
        ({"u": [1, 2]}, r"argument 4 \(field\) must be an array of complex64, got list"),
    ],
)
def test_wrong_arrays_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(LaunchError, match=message):
        transmit(**changes)


def test_read_only_output_is_refused() -> None:
    out = np.empty((3, 4), np.complex64)
    out.flags.writeable = False
    with pytest.raises(LaunchError, match=r"argument 5 \(out\) is written to, but the array is read-only"):
        transmit(out=out)


def test_wrong_count_and_scalars_are_refused() -> None:
    a = arrays()
    with pytest.raises(LaunchError, match=r"takes 6 arguments \(masks, batch, pixels, transmission, field, out\), got 5"):
        _launch.launch("optics/mask", "transmit", np.complex64, 1, 3, a["t"], a["u"], a["out"])
    with pytest.raises(LaunchError, match=r"argument 1 \(batch\) must be a scalar int64, got float"):
        _launch.launch("optics/mask", "transmit", np.complex64, 1, 3.5, 4, a["t"], a["u"], a["out"])
    with pytest.raises(LaunchError, match=r"mask\.cu has no kernel pnn_mask_transmit_f32; it has pnn_mask_phasor_f32"):
        _launch.launch("optics/mask", "transmit", np.float32, 1, 3, 4, a["t"], a["u"], a["out"])


def test_unreadable_parameter_is_named() -> None:
    with pytest.raises(LaunchError, match="pnn_x: cannot read the parameter `size_t n`"):
        _sources.parameter("pnn_x", "size_t n")


def test_flattened_source_has_no_includes_left_and_marks_lines() -> None:
    text = _sources.flatten("optics/mask")
    assert '#include "pnnkern/' not in text
    assert '#line 1 "optics/mask.cu"' in text
    assert '#line 1 "include/pnnkern/complex.cuh"' in text
    assert text.count("struct alignas") == 1  # a header that is included twice is written once


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
    _launch.launch("optics/mask", "transmit", u.dtype, 1, len(u), t.size, t, u, out, threads=u.size)


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
