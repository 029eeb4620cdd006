"""Scalar functions of users: their values, their slopes, what is refused, and what becomes of them in kernels."""

import copy
import importlib.util
import math
import re
import sys
import types
from pathlib import Path

import numba
import numpy as np
import pytest
from pnnkern.kernels import _cache, _jit

import pnnkern
from pnnkern import ScalarFunction, _compile, _launch, _own, _sources
from pnnkern._errors import DeviceError

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import cubins  # (of the scripts)


def hopping(v, v0=0.5):
    return v0 * np.sinh(v / v0)


HOPPING = ScalarFunction(hopping, cuda="v0 * sinh(v / v0)", cuda_slope="cosh(v / v0)")
# two arguments, two constants, statements; the slope is given
BENT = ScalarFunction(
    lambda x, y, a, b: a * x * abs(x) + b * y if x > 0 else b * y,
    lambda x, y, a, b: 2 * a * x if x > 0 else 0.0,
    constants={"a": 2.0, "b": -1.0},
    between=((-2, 2), (0, 1)),
    cuda="real bend = 0;\nif (x > 0) bend = a * x * x;\nreturn bend + b * y;",
    cuda_slope="x > 0 ? 2 * a * x : 0",
)


# --------------------------------------------------------------------------------------------------------------------- values
@pytest.mark.parametrize(("dtype", "limit"), [("float32", 1e-6), ("float64", 1e-15)])
def test_values(backend, dtype: str, limit: float, rng: np.random.Generator) -> None:
    v = rng.uniform(-2, 2, (3, 101)).astype(dtype)
    x, y = v, rng.uniform(0, 1, 101).astype(dtype)
    found = [HOPPING(backend.array(v)), HOPPING.slope(backend.array(v)), BENT(backend.array(x), backend.array(y)),
             BENT.slope(backend.array(x), backend.array(y))]  # fmt: skip
    right = [0.5 * np.sinh(2.0 * v), np.cosh(2.0 * v), 2.0 * x.clip(0) ** 2 - y, 4.0 * x.clip(0)]
    for got, expected in zip(map(backend.numpy, found), right, strict=True):
        assert (got.dtype, got.shape) == (dtype, v.shape)
        assert np.abs(got - expected).max() <= limit * np.abs(expected).max()


def test_numbers_are_arguments_too() -> None:
    assert float(HOPPING(1.0)) == 0.5 * math.sinh(2.0)
    assert BENT(np.float32([1.0, -1.0]), 0.5).tolist() == [1.5, -0.5]
    assert float(HOPPING.slope(1)) == pytest.approx(math.cosh(2.0), rel=1e-15)


def test_other_constants_need_no_compilation(backend, monkeypatch: pytest.MonkeyPatch) -> None:
    HOPPING(backend.array(np.ones(1)))
    monkeypatch.setattr(_launch, "_plan", None)  # which would be asked for anything that is not compiled
    softer = HOPPING.with_constants(v0=2.0)
    assert backend.numpy(softer(backend.array(np.ones(1)))) == pytest.approx(2 * math.sinh(0.5), rel=1e-15)
    assert [f.constants for f in (HOPPING, softer)] == [{"v0": 0.5}, {"v0": 2.0}]


def test_a_copy_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems copy what they are made of."""
    HOPPING(1.0)
    monkeypatch.setattr(_launch, "_plan", None)
    assert float(copy.deepcopy(HOPPING)(1.0)) == float(HOPPING(1.0))


def test_functions_of_one_text_are_told_apart() -> None:
    """Those that differ only by a number in the text, by what they close over, and by a global variable."""
    numbers = [ScalarFunction(eval(f"lambda v: {n} * v")) for n in (2, 3)]
    closed = [ScalarFunction((lambda m: lambda v: m * v)(n)) for n in (4, 5)]
    space = {"n": 6}
    exec("def f(v): return n * v", space)
    named = ScalarFunction(space["f"])
    assert [float(f(1.0)) for f in (*numbers, *closed, named)] == [2, 3, 4, 5, 6]


def test_nothing_of_a_user_is_kept_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(_cache, "write", lambda kind, name, content, **how: written.append(name))
    monkeypatch.setattr(_cache, "read", lambda kind, name: None)
    assert float(ScalarFunction(lambda v: 7 * v + 1)(1.0)) == 8
    assert written == []
    _jit.njit(lambda x: x)(1.0)  # what is ours is
    assert len(written) == 1


# --------------------------------------------------------------------------------------------------------------------- slopes
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda v: np.exp(v) * v, lambda v: np.exp(v) * (1 + v)),
        (lambda v: np.tanh(3 * v), lambda v: 3 / np.cosh(3 * v) ** 2),
        (lambda v: v * v * v + np.sin(v), lambda v: 3 * v**2 + np.cos(v)),
        (lambda v: np.sqrt(v * v + 0.25), lambda v: v / np.sqrt(v * v + 0.25)),
        (lambda v: np.log(2 + v), lambda v: 1 / (2 + v)),
    ],
)
def test_complex_step_is_the_derivative_to_rounding(f, slope) -> None:
    v = np.linspace(-1, 1, 41)
    made = ScalarFunction(f).slope(v)
    assert np.abs(made - slope(v)).max() <= 2e-15 * np.abs(slope(v)).max()


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda v: v * abs(v), lambda v: 2 * abs(v)),
        (lambda v: math.sinh(v), lambda v: math.cosh(v)),
        (lambda v: max(v, 0.0), lambda v: 1.0 if v > 0 else 0.0),
    ],
    ids=["complex step gives another", "no complex numbers", "with a kink"],
)
def test_a_given_slope(f, slope) -> None:
    v = np.linspace(-1, 1, 40)
    assert np.array_equal(ScalarFunction(f, slope).slope(v), np.vectorize(slope)(v))


@pytest.mark.parametrize("slope", [lambda v: np.cosh(v) + 1e-6, lambda v: 1.01 * np.cosh(v), lambda v: np.sinh(v)])
def test_a_wrong_slope_is_told(slope) -> None:
    """Also one that central differences alone would let pass."""
    with pytest.raises(ValueError, match=r"^slope is not the derivative of .* by v: at v = -?[\d.]+ it is [-\d.]+, and .* [-\d.]+$"):
        ScalarFunction(lambda v: np.sinh(v), slope)


def test_a_slope_that_cannot_be_made_is_asked_for() -> None:
    with pytest.raises(TypeError, match=r"takes no complex numbers, by which its slope would be made .*: give slope, its derivative by v$"):
        ScalarFunction(lambda v: math.sinh(v)).slope(1.0)
    with pytest.raises(ValueError, match=r"^complex step makes no derivative of .*; give slope$"):
        ScalarFunction(lambda v: v * abs(v)).slope(1.0)
    with pytest.raises(ValueError, match=r"^complex step makes no derivative of .*v \* v \* v, not v\*\*3.*; give slope$"):
        ScalarFunction(lambda v: v**3).slope(1.0)  # Numba goes through logarithms


# ------------------------------------------------------------------------------------------------------------- what is refused
def with_list(v):
    return [v]


def unknown_name(v):
    return nowhere(v)  # noqa: F821


def with_pole(v):
    return 1 / (v - 0.25) if v > 0.2 else math.sqrt(v)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: ScalarFunction(3.0), TypeError, "f must be a scalar Python function, got float 3.0"),
        (lambda: ScalarFunction(np.sinh), TypeError, "f must be a scalar Python function, got ufunc"),
        (lambda: ScalarFunction(lambda *v: 1.0), TypeError, r"f must take numbers, and its constants behind them, .*, got f\(\*v\)"),
        (lambda: ScalarFunction(lambda v=1.0: v), TypeError, "f must take numbers first and then its constants"),
        (lambda: ScalarFunction(lambda a, v: v, constants={"a": 1}), TypeError, r"f must take numbers first and then its constants \(a\)"),
        (lambda: ScalarFunction(lambda v: v, constants={"a": 1}), ValueError, r"constants name 'a', which is no argument of f\(v\)"),
        (lambda: ScalarFunction(lambda v, a: v, constants={"a": "x"}), ValueError, "constant a must be a finite real number, got 'x'"),
        (lambda: ScalarFunction(lambda v, a: v, constants={"a": np.inf}), ValueError, "constant a must be a finite real number, got inf"),
        (lambda: HOPPING.with_constants(v1=1), ValueError, "hopping has no constant 'v1': its constants are v0"),
        (lambda: HOPPING.with_constants(v0=0), ValueError, r"hopping must be finite, got .* at v = .*: set between to where it is used"),
        (lambda: ScalarFunction(with_list), TypeError, "with_list must return one real number for real numbers, got list"),
        (lambda: ScalarFunction(lambda v: v * 1j), TypeError, "must return one real number for real numbers, got complex128"),
        (lambda: ScalarFunction(unknown_name), TypeError, "Numba cannot compile unknown_name: NameError: name 'nowhere' is not defined"),
        (lambda: ScalarFunction(with_pole), ValueError, "with_pole must be finite, got nan at v = -.*: set between to where it is used"),
        (lambda: ScalarFunction(hopping, lambda v: 1.0), TypeError, r"slope must take the arguments of f, \(v, v0\), got \(v\)"),
        (lambda: ScalarFunction(lambda v: v, between=(1, -1)), ValueError, r"between must be \(lowest, highest\), .* got \(1, -1\)"),
        (lambda: ScalarFunction(lambda v: v, between="all"), ValueError, r"between must be \(lowest, highest\), .* got 'all'"),
        (lambda: ScalarFunction(lambda v: v, cuda=3), TypeError, "cuda must be CUDA C text, an expression in v, got 3"),
        (lambda: HOPPING(1.0, 2.0), TypeError, r"hopping takes 1 arguments \(v\), got 2"),
        (lambda: HOPPING(np.array([1j])), TypeError, "v must be real numbers, got complex128"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(make, error, said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v * x", r"^cuda of square does not compile, line 1: .*x.*; it must be an expression of CUDA C, or statements that return, in v$"),
        ("real y = v;\n\nreturn y * ;", r"^cuda of square does not compile, line 3: "),
        ("1 / 2 * v", r"^cuda of square is another function: at v = -?[\d.]+ it is -?0, in Python [\d.]+$"),
    ],
)
def test_text_that_is_wrong(text: str, said: str) -> None:
    def square(v):
        return v * v

    f = ScalarFunction(square, cuda=text)
    assert float(f(2.0)) == 4  # a CPU does not ask for it
    with _launch.host(), pytest.raises(ValueError, match=said) as caught:
        f(2.0)
    assert "\n" not in str(caught.value)


def test_text_with_a_constant_written_into_it() -> None:
    """It is right for the first constant: the next one tells."""
    f = ScalarFunction(hopping, cuda="0.5 * sinh(v / 0.5)")
    with _launch.host():
        f(1.0)
        with pytest.raises(ValueError, match="cuda of hopping is another function"):
            f.with_constants(v0=0.25)(1.0)


def test_text_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    f = ScalarFunction(lambda v: v + 0.125)
    with _launch.host(), pytest.raises(DeviceError, match=r"runs on a GPU as CUDA C: give cuda, an expression in v, or install numba-cuda"):
        f(1.0)
    half = ScalarFunction(lambda v: v + 0.125, cuda="v + 0.125")
    with _launch.host(), pytest.raises(DeviceError, match="give cuda_slope"):
        half.slope(1.0)


# ------------------------------------------------------------------------------------------------------- for GPUs, compiled only
@pytest.mark.parametrize("major", [13, 12])
def test_text_compiles_by_nvrtc(major: int) -> None:
    if cubins.library(major) is None:
        pytest.skip(f"the NVRTC wheel of CUDA {major} is not installed (pip install pnnkern[check])")
    roles = _own.own(("own_f", HOPPING._code, "f"), ("own_slope", HOPPING._code, "slope"))
    image = _compile.cubin(cubins.Binding(major), "crossbar/characteristic", "sm_90", {}, roles).read_bytes()
    assert set(cubins.resources(image)) == set(_sources.prototypes("crossbar/characteristic"))
    wrong = _own.own(("own_value", ScalarFunction(lambda v: v, cuda="v + w")._code, "value"))
    said = r'^cuda of the function does not compile, line 1: identifier "w" is undefined; it must be'
    with pytest.raises(ValueError, match=said), wrong.telling():
        _compile.cubin(cubins.Binding(major), "scalar", "sm_90", {}, wrong)


def test_numba_cuda_compiles_and_is_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without text: PTX of the function and of its slope by complex step, in both precisions, linked to our kernel; no GPU is asked for."""
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed (pip install numba-cuda nvidia-nvvm nvidia-nvjitlink, 140 MB)")
    pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed")
    if cubins.library(13) is None:
        pytest.skip("the NVRTC wheel of CUDA 13 is not installed (pip install pnnkern[check])")
    from numba.cuda import dispatcher

    monkeypatch.setattr(dispatcher, "get_current_device", lambda: types.SimpleNamespace(compute_capability=(9, 0)))
    code = ScalarFunction(hopping)._code
    roles = _own.own(("own_f", code, "f"), ("own_slope", code, "slope"))
    ptx = roles.objects("sm_90")
    given = [re.search(r"\.func\s+\(\.param \.b(\d+) \w+\)\s+(own_\w+)\(", text) for text in ptx]
    assert [found and found.groups() for found in given] == [
        ("32", "own_f_f32"), ("64", "own_f_f64"), ("32", "own_slope_f32"), ("64", "own_slope_f64"),
    ]  # fmt: skip
    image = _compile.cubin(cubins.Binding(13), "crossbar/characteristic", "sm_90", {}, roles).read_bytes()
    assert set(_sources.prototypes("crossbar/characteristic")) <= set(cubins.resources(image))
    assert set(re.findall(rb"own_\w+_f64", image)) == {b"own_f_f64", b"own_slope_f64"}
    image = _compile.cubin(cubins.Binding(13), "scalar", "sm_90", {}, _own.own(("own_value", code, "value"))).read_bytes()
    assert {"pnn_scalar_values_f32", "pnn_scalar_values_f64"} <= set(cubins.resources(image))


@pytest.mark.parametrize("by", ["", "v", "v0"])
def test_what_numba_cuda_is_given_compiles(monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    """A derivative by complex step calls a function that is compiled, as Python's own cannot be called; here Numba stands for numba-cuda."""
    made: list = []

    def compiled(f, signature, **how) -> tuple[str, None]:
        made.append(numba.njit(signature)(f))
        return "text", None

    monkeypatch.setattr(numba, "cuda", types.SimpleNamespace(jit=lambda device: numba.njit, compile=compiled), raising=False)
    code = ScalarFunction(hopping)._code
    role = ("own_slope", code, "slope") if not by else ("own_value", code.derivative_by(by), "value")
    assert _own.own(role).objects("sm_90") == ("text", "text")
    right = math.cosh(2.0) if by != "v0" else math.sinh(2.0) - 2 * math.cosh(2.0)
    assert made[1](1.0, 0.5) == pytest.approx(right, rel=1e-14)


def test_it_is_of_the_package() -> None:
    assert pnnkern.ScalarFunction is ScalarFunction
    assert "ScalarFunction" in dir(pnnkern)
    assert repr(HOPPING) == "ScalarFunction(hopping(v, v0=0.5))"


# ------------------------------------------------------------------------------------------------------- derivatives by other arguments
def test_derivatives_by_other_arguments() -> None:
    """By complex step, or as they are given; and of the text what it says, or 0 where it does not name the argument."""
    f = ScalarFunction(lambda x, y, z, a=2.0: a * x * x * y + np.sin(z), slopes={"y": lambda x, y, z, a: a * x * x},
                       cuda="a * x * x * y", cuda_slopes={"y": "a * x * x"})  # fmt: skip
    at = 0.7, -1.3, 0.4, 2.0
    right = {"x": 4 * 0.7 * -1.3, "y": 2 * 0.49, "z": math.cos(0.4)}
    assert {n: f._code.derivative_by(n).run(*at) for n in right} == {n: pytest.approx(v, rel=1e-14) for n, v in right.items()}
    assert [f._code.derivative_by(n).cuda for n in right] == [None, "a * x * x", "0"]
    for name in right:
        f._check_slope_by(name)


@pytest.mark.parametrize(
    ("slopes", "texts", "error", "said"),
    [
        ({"x": lambda x, y: 1.0}, {}, ValueError, "slopes names 'x': the arguments and constants of f behind its first are y"),
        ({}, {"z": "1"}, ValueError, "cuda_slopes names 'z'"),
        ({"y": 1.0}, {}, TypeError, "slopes['y'] must be a scalar Python function, got float 1.0"),
        ({"y": lambda y: 1.0}, {}, TypeError, "slopes['y'] must take the arguments of f, (x, y), got (y)"),
        ({}, {"y": ""}, TypeError, "cuda_slopes['y'] must be CUDA C text, an expression in x, y, got ''"),
    ],
)
def test_derivatives_that_are_refused(slopes, texts, error: type, said: str) -> None:
    with pytest.raises(error, match=re.escape(said)) as caught:
        ScalarFunction(lambda x, y: x * y, slopes=slopes, cuda_slopes=texts)
    assert "\n" not in str(caught.value)


def test_a_derivative_by_another_argument_is_compared() -> None:
    off = ScalarFunction(lambda x, y: x * y * y, slopes={"y": lambda x, y: 2.01 * x * y})
    with pytest.raises(ValueError, match=re.escape("slopes['y'] is not the derivative of the function by y: at x = ")):
        off._check_slope_by("y")
    bent = ScalarFunction(lambda x, y: x * abs(y))
    with pytest.raises(ValueError, match=re.escape("slopes['y'] cannot be made by complex step: give it")):
        bent._check_slope_by("y")


# -------------------------------------------------------------------------------------------------------------- derivatives by constants
def bowed(v, n, v0=0.5, i0=2.0):
    return i0 * np.sinh(v / (n * v0))


BOWED = ScalarFunction(
    bowed, slopes={"i0": lambda v, n, v0, i0: np.sinh(v / (n * v0))}, between=((-1, 1), (1, 2)), cuda="i0 * sinh(v / (n * v0))",
    cuda_slope="i0 * cosh(v / (n * v0)) / (n * v0)",
    cuda_slopes={"n": "-i0 * v / (n * n * v0) * cosh(v / (n * v0))", "v0": "-i0 * v / (n * v0 * v0) * cosh(v / (n * v0))",
                 "i0": "sinh(v / (n * v0))"},
)  # fmt: skip


def test_slopes_by_any_argument_and_constant(backend) -> None:
    """By complex step, and as they are given; for other values of constants, too."""
    v, n = np.linspace(-1, 1, 13)[:, None], np.array([1.0, 1.5, 1.9])
    for law in (BOWED, BOWED.with_constants(v0=0.8, i0=0.25)):
        v0, i0 = law.constants["v0"], law.constants["i0"]
        a = v / (n * v0)
        right = {"v": i0 * np.cosh(a) / (n * v0), "n": -i0 * np.cosh(a) * a / n, "v0": -i0 * np.cosh(a) * a / v0, "i0": np.sinh(a)}
        for name, slope in right.items():
            found = backend.numpy(law.slope(backend.array(v), backend.array(n), by=name))
            assert np.abs(found - slope).max() <= 1e-14 * np.abs(slope).max(), name
    assert np.array_equal(backend.numpy(BOWED.slope(backend.array(v), 1.5)), backend.numpy(BOWED.slope(backend.array(v), 1.5, by="v")))
    single = backend.numpy(BOWED.slope(backend.array(v.astype("f")), backend.array(n.astype("f")), by="v0"))
    assert single.dtype == np.float32


def test_a_constant_of_zero() -> None:
    """Differences of it have a step of their own."""
    f = ScalarFunction(lambda v, a=0.0: np.exp(a * v) + v)
    assert f.slope(np.array([0.5, -1.0]), by="a").tolist() == [0.5, -1.0]


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: BOWED.slope(1.0, 1.0, by="v1"), ValueError, "by must name an argument or a constant of bowed, v, n, v0, i0, got 'v1'"),
        (lambda: ScalarFunction(lambda v, c=2.0: v * abs(c)).slope(1.0, by="c"), ValueError, "slopes['c'] cannot be made by complex step: "),
        (lambda: ScalarFunction(lambda v, c=2.0: v * max(c, v)).slope(1.0, by="c"), TypeError, "give slopes['c'], its derivative by c"),
        (lambda: ScalarFunction(lambda v, c=2.0: v * c, slopes={"c": lambda v, c: 1.001 * v}).slope(1.0, by="c"), ValueError,
         "slopes['c'] is not the derivative of the function by c: at v = "),
    ],
)  # fmt: skip
def test_derivatives_by_constants_that_are_refused(make, error: type, said: str) -> None:
    with pytest.raises(error, match=re.escape(said)) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_text_of_a_derivative_by_a_constant() -> None:
    """It is compared with the Python function; where it is missing it is asked for, and 0 where the text does not name the constant."""
    wrong = ScalarFunction(lambda v, c=2.0: v * c * c, cuda="v * c * c", cuda_slopes={"c": "v * c"})
    with _launch.host(), pytest.raises(ValueError, match=re.escape("cuda_slopes['c'] of the function is another function")):
        wrong.slope(1.0, by="c")
    absent = ScalarFunction(lambda v, c=2.0, d=1.0: v * c + 0 * d, cuda="v * c")
    with _launch.host():
        assert float(absent.slope(1.0, by="d")) == 0
    if importlib.util.find_spec("numba_cuda") is None:
        with _launch.host(), pytest.raises(DeviceError, match=re.escape("give cuda_slopes['c'], an expression in v, c, d")):
            absent.slope(1.0, by="c")
