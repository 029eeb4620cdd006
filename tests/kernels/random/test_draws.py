"""Equal bits: CPU twin = CUDA source on every backend = the definition, whatever the split, the compiler and its flags."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from pnnkern.kernels.random import draws

import pnnkern as pnn
from pnnkern import _compile, _launch, _sources

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))
import cubins
import definition

KEY = np.array([5, 6], np.uint32)
KINDS = ("words", "uniform", "uniform float64", "normal", "normal float64", "bernoulli", "poisson")


def drawn(backend, kind: str, shape, p=None, **where) -> np.ndarray:
    """Draws of a kind through the public functions, as NumPy array."""
    name, _, dtype = kind.partition(" ")
    where = {k: backend.array(v) if isinstance(v, np.ndarray) else v for k, v in where.items()}
    if p is not None:
        return backend.numpy(getattr(pnn.random, name)(KEY, backend.array(p), **where))
    more = {"dtype": dtype} if dtype else {}
    return backend.numpy(getattr(pnn.random, name)(KEY, shape, like=backend.array(np.empty(0)), **more, **where))


def parameters(kind: str, shape, rng: np.random.Generator) -> np.ndarray | None:
    if kind == "bernoulli":
        return rng.random(shape, np.float32)
    if kind == "poisson":
        return (10 ** rng.uniform(-3, 6, shape)).astype(np.float32)
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_in_the_memory_of_the_device(backend, kind: str, rng: np.random.Generator) -> None:
    """As one that is given, which is not looked at then."""
    name, p, where = kind.partition(" ")[0], parameters(kind, (3, 21), rng), {"sample": 4, "element0": 2}
    exact = drawn(backend, kind, (3, 21), p, **where)
    out, key = backend.array(np.zeros_like(exact)), backend.array(KEY)
    given = () if p is None else (backend.array(p),)
    _launch.launch("random/draws", name, (p if given else exact).dtype, 3, 21, 1, 2, key, 2, 4, None, *given, out)
    np.testing.assert_array_equal(backend.numpy(out), exact)


# ------------------------------------------------------------------------------------------------------------- the definition
@numba.njit
def _philox(k0, k1, c0, c1, c2, c3):
    return draws.philox(k0, k1, c0, c1, c2, c3)


@pytest.mark.parametrize(("counter", "key", "expected"), definition.KNOWN_ANSWERS)
def test_known_answers(counter: str, key: str, expected: str) -> None:
    c, k, w = map(definition.hexadecimal, (counter, key, expected))
    assert [int(x) for x in _philox(*map(np.uint64, k + c))] == w
    assert definition.philox(k, c).tolist() == w
    assert pnn.random._philox(tuple(k), tuple(c)) == w


def test_known_answers_reachable_by_kernels(backend) -> None:
    w = definition.hexadecimal(definition.KNOWN_ANSWERS[0][2])
    like = backend.array(np.empty(0))
    assert backend.numpy(pnn.random.words(pnn.random.key(0), (1, 4), like=like)).tolist() == [w]
    element, sample = 0x0123456789ABCDE0, 0x7EDCBA9876543210
    got = pnn.random.words(pnn.random.key(0xDEADBEEF12345678), (2, 9), sample=sample, element0=element, like=like)
    expected = definition.words((0x12345678, 0xDEADBEEF), [sample, sample + 1], element, 9)
    assert backend.numpy(got).tolist() == expected.tolist()


@pytest.mark.parametrize("elements", [1, 2, 3, 4, 31, 33, 127, 1030])
@pytest.mark.parametrize("element0", [0, 1, 7, 2**48 - 2000])
def test_words_and_uniforms_are_as_defined(backend, elements: int, element0: int) -> None:
    samples = [3, 4, 5]
    for kind, expected in (
        ("words", definition.words(KEY, samples, element0, elements)),
        ("uniform", definition.uniform(KEY, samples, element0, elements)),
        ("uniform float64", definition.uniform(KEY, samples, element0, elements, np.float64)),
    ):
        got = drawn(backend, kind, (3, elements), sample=3, element0=element0)
        assert got.dtype == expected.dtype
        assert got.tobytes() == expected.tobytes(), kind


def test_normals_are_as_defined(backend) -> None:
    got = drawn(backend, "normal", (5, 40002), sample=2**40, element0=6)
    assert got.tobytes() == definition.normal32(KEY, 2**40 + np.arange(5), 6, 40002).tobytes()


def test_float64_normals_are_as_defined(backend) -> None:
    got = drawn(backend, "normal float64", (3, 350), sample=7, element0=2)
    assert got.tobytes() == definition.normal64(KEY, [7, 8, 9], 2, 350).tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bernoulli_is_as_defined(backend, dtype: type, rng: np.random.Generator) -> None:
    p = rng.random((3, 501)).astype(dtype)
    p[:, :8] = [0, 1, 0.5, 1e-30, np.finfo(dtype).tiny, 1 - np.finfo(dtype).epsneg, 2.0**-32, 0.25]
    got = drawn(backend, "bernoulli", None, p, sample=9, element0=3)
    assert got.tobytes() == definition.bernoulli(KEY, [9, 10, 11], 3, p).tobytes()


@pytest.mark.parametrize(("dtype", "limit"), [("float32", 4e-7), ("float64", 1e-15)])
def test_normals_are_box_mullers_transform_of_the_words(backend, dtype: str, limit: float) -> None:
    got = drawn(backend, "normal " + dtype, (4, 50000))
    z = definition.box_muller(KEY, range(4), 0, 50000, np.dtype(dtype))
    pairs = (z**2).reshape(4, -1, 2).sum(-1) ** 0.5
    error = np.abs(got - z).reshape(4, -1, 2).max(-1) / pairs
    assert error.max() < limit  # of the radius of the pair


# ------------------------------------------------------------------------------------------------- any split, row, grid, order
@pytest.mark.parametrize("kind", KINDS)
def test_any_split_gives_the_same_draws(backend, kind: str, rng: np.random.Generator) -> None:
    rows, elements = 5, 1031
    p = parameters(kind, (rows, elements), rng)

    def part(chosen, columns: slice, **where) -> np.ndarray:
        chosen_p = None if p is None else np.ascontiguousarray(p[chosen][:, columns])
        size = len(range(*columns.indices(elements)))
        return drawn(backend, kind, (len(p[chosen]) if p is not None else len(np.arange(rows)[chosen]), size), chosen_p,
                     element0=10 + columns.start, **where)  # fmt: skip

    everything = slice(0, elements)
    full = part(slice(0, rows), everything, sample=3)
    for cut in (1, 2, 3, 4, 5, 6, 7, 8, 511, 1030):
        left, right = part(slice(0, rows), slice(0, cut), sample=3), part(slice(0, rows), slice(cut, elements), sample=3)
        assert np.concatenate([left, right], 1).tobytes() == full.tobytes(), cut
    for cut in range(1, rows):
        first, last = part(slice(0, cut), everything, sample=3), part(slice(cut, rows), everything, sample=3 + cut)
        assert np.concatenate([first, last]).tobytes() == full.tobytes(), cut
    index = np.array([4, 0, 0, 1, 3])
    assert part(index, everything, sample=3 + index).tobytes() == full[index].tobytes()


@pytest.mark.parametrize("kind", ["words", "normal", "normal float64", "poisson"])
def test_more_rows_than_a_grid_has(backend, kind: str) -> None:
    rows, elements = 270001, 3
    p = np.full((rows, elements), 4, np.float32) if kind == "poisson" else None
    got = drawn(backend, kind, (rows, elements), p, sample=10)
    chosen = np.array([0, 1, 65535, 65536, 131071, 262139, 262140, 262141, rows - 1])
    few = drawn(backend, kind, (len(chosen), elements), p if p is None else p[: len(chosen)], sample=chosen + 10)
    assert got[chosen].tobytes() == few.tobytes()
    if kind == "words":
        assert got[:, 0].tobytes() == definition.words(KEY, 10 + np.arange(rows), 0, 1).tobytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("elements", [1, 5, 4096])
def test_host_runner_orders_and_twin_agree(kind: str, elements: int, rng: np.random.Generator) -> None:
    p = parameters(kind, (7, elements), rng)
    name, _, dtype = kind.partition(" ")
    more = {"dtype": dtype} if dtype else {}

    def draw() -> bytes:
        return getattr(pnn.random, name)(KEY, (7, elements) if p is None else p, sample=1, **more).tobytes()

    expected = draw()
    for order in ("ascending", "descending", "shuffled"):
        with _launch.host(order=order, threads=2):
            assert draw() == expected, order
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            assert draw() == expected, threads
        finally:
            numba.set_num_threads(before)


# -------------------------------------------------------------------------------------------------------------- the compilers
HARNESS = """
#include "pnnkern/philox.cuh"
extern "C" {
void known(unsigned k0, unsigned k1, const unsigned* c, unsigned* w) {
    pnn::words r = pnn::philox({k0, k1}, c[0], c[1], c[2], c[3]);
    for (int j = 0; j < 4; j++) w[j] = r.w[j];
}
unsigned long long fold(unsigned k0, unsigned k1, unsigned long long n) {
    pnn::rng_key k = pnn::fold_in({k0, k1}, n);
    return (unsigned long long)k.b << 32 | k.a;
}
void normals(long long quads, float* a, double* b) {
    for (long long q = 0; q < quads; q++) { pnn::normal4({5, 6}, q, 1, a + 4 * q); pnn::normal4({5, 6}, q, 1, b + 4 * q); }
}
void single(long long n, float* a) { for (long long e = 0; e < n; e++) a[e] = pnn::normal({5, 6}, e, 1); }
void poissons(long long n, const double* mean, int* out) { for (long long e = 0; e < n; e++) out[e] = pnn::poisson({5, 6}, e, 1, mean[e]); }
float radius32(unsigned w0, unsigned w1) { return pnn::radius(w0, w1); }
double radius64(unsigned long long v) { return pnn::radius(v); }
// what a compiler may contract, to see that the flags of this build do something
void plain(long long n, const float* f, const float* p, float* out) { for (long long i = 0; i < n; i++) out[i] = f[i] * p[i] - 2 * f[i]; }
}
"""
BUILDS = {
    "off": ("-O2", "-march=native", "-ffp-contract=off"),
    "fast": ("-O3", "-march=native", "-ffp-contract=fast"),
    "scalar": ("-O2", "-march=x86-64", "-ffp-contract=off"),
    "debug": ("-O0", "-march=native"),
}


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory):
    """{build: the header compiled by plain C++ with other flags}."""
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    folder = tmp_path_factory.mktemp("harness")
    (folder / "harness.cpp").write_text(HARNESS)
    libraries = {}
    for build, flags in BUILDS.items():
        target = folder / f"{build}.so"
        command = [compiler, "-std=c++17", *flags, "-fPIC", "-shared", "-Wall", "-Wno-unknown-pragmas", "-I", pnn.get_include()]
        done = subprocess.run(
            [*command, str(folder / "harness.cpp"), "-o", str(target)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr
        library = ctypes.CDLL(str(target))
        library.radius32.restype, library.radius64.restype, library.fold.restype = (
            ctypes.c_float,
            ctypes.c_double,
            ctypes.c_uint64,
        )
        libraries[build] = library
    return libraries


def pointer(a: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(a.ctypes.data)


def test_header_gives_the_known_answers(harness) -> None:
    for counter, key, expected in definition.KNOWN_ANSWERS:
        c, k = np.array(definition.hexadecimal(counter), np.uint32), definition.hexadecimal(key)
        w = np.empty(4, np.uint32)
        harness["off"].known(ctypes.c_uint(k[0]), ctypes.c_uint(k[1]), pointer(c), pointer(w))
        assert w.tolist() == definition.hexadecimal(expected)
    for n in (0, 3, 2**32, 2**64 - 1):
        folded = pnn.random.fold_in(KEY, n)
        assert harness["off"].fold(ctypes.c_uint(5), ctypes.c_uint(6), ctypes.c_uint64(n)) == int(folded[1]) << 32 | int(
            folded[0]
        )


def test_flags_do_not_change_a_bit(harness, rng: np.random.Generator) -> None:
    n = 200_000
    mean = 10 ** rng.uniform(-3, 8, n // 4)
    z32, z64 = pnn.random.normal(KEY, (1, n), sample=1), pnn.random.normal(KEY, (1, n), sample=1, dtype=np.float64)
    counts = pnn.random.poisson(KEY, mean[None], sample=1)
    for build, library in harness.items():
        a, b, c, d = np.empty(n, np.float32), np.empty(n), np.empty(n // 4, np.int32), np.empty(n // 4, np.float32)
        library.normals(ctypes.c_longlong(n // 4), pointer(a), pointer(b))
        library.poissons(ctypes.c_longlong(n // 4), pointer(mean), pointer(c))
        library.single(ctypes.c_longlong(n // 4), pointer(d))
        assert a.tobytes() == z32.tobytes(), build
        assert b.tobytes() == z64.tobytes(), build
        assert c.tobytes() == counts.tobytes(), build
        assert d.tobytes() == z32[0, : n // 4].tobytes(), build


def test_flags_do_change_what_is_not_written_out(harness, rng: np.random.Generator) -> None:
    """The control of the test above: its builds differ where a product meets a sum."""
    if "fma" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no fused multiply-add")
    f, p = rng.random((2, 10000), np.float32)
    results = {}
    for build in ("off", "fast"):
        results[build] = np.empty(10000, np.float32)
        harness[build].plain(ctypes.c_longlong(10000), pointer(f), pointer(p), pointer(results[build]))
    assert (results["off"] != results["fast"]).any()


@numba.njit
def _radii(x):
    return draws.radius(x[0], x[0]), draws.radius(x[1], x[2]), draws.radius64(x[0]), draws.radius64(x[3])


def test_ends_of_the_radius(harness) -> None:
    """The smallest and the largest u: radius sqrt(-2 ln u)."""
    for smallest32, largest32, smallest64, largest64 in (
        (harness["off"].radius32(0, 0), harness["off"].radius32(ctypes.c_uint(2**32 - 1), 255),
         harness["off"].radius64(0), harness["off"].radius64(ctypes.c_uint64(2**64 - 1))),
        _radii(np.array([0, 2**32 - 1, 255, 2**64 - 1], np.uint64)),
    ):  # fmt: skip
        assert smallest32 == pytest.approx(np.sqrt(82 * np.log(2)), rel=1e-7)  # u = 2^-41
        assert smallest64 == pytest.approx(np.sqrt(128 * np.log(2)), rel=1e-15)  # u = 2^-64
        assert largest32 == pytest.approx(np.sqrt(2 * 2.0**-32), rel=1e-6)  # u = 1 - 2^-32: of its 41 bits the first 32 are read
        assert largest64 == pytest.approx(np.sqrt(2 * 2.0**-64), rel=1e-15)


def ptx(options: list[str]) -> str:
    """The PTX of draws.cu from NVRTC."""
    if cubins.library(13) is None:
        pytest.skip("the NVRTC wheel of CUDA 13 is not installed (pip install pnnkern[check])")
    compiler = cubins.Binding(13)
    program = compiler.createProgram(_sources.flatten("random/draws"), "draws.cu", (), ())
    compiler.compileProgram(program, ("--gpu-architecture=compute_90", *_compile.OPTIONS, *options))
    text = compiler.getPTX(program)
    compiler.destroyProgram(program)
    return text


def test_ptx_leaves_nothing_to_fuse() -> None:
    text = ptx([])
    arithmetic = re.findall(r"\b((?:fma|mad|mul|add|sub|div|sqrt|rsqrt|rcp|ex2|lg2|sin|cos)\.[a-z0-9.]*f(?:32|64))\b", text)
    assert {"fma.rn.f32", "fma.rn.f64", "mul.rn.f32", "sqrt.rn.f32", "div.rn.f64"} <= set(arithmetic)
    assert {op for op in arithmetic if ".rn." not in op} == set()  # the PTX ISA: operations with .rn are never fused

    def body(t: str) -> list[str]:
        return [line for line in t.splitlines() if not line.startswith("//")]

    assert body(text) == body(ptx(["--fmad=false"]))


def test_numba_fuses_nothing_and_keeps_its_code(tmp_path: Path) -> None:
    script = """
import numpy as np, re
from pnnkern import random
from pnnkern.kernels.random import draws
random.normal(random.key(1), (2, 9))
random.poisson(random.key(1), np.ones((2, 9)))
kernel = draws._normal.alone
print(sum(kernel.stats.cache_hits.values()), sum(draws.pnn_draws_poisson.alone.stats.cache_hits.values()))
if not kernel.stats.cache_hits:
    ir = kernel.inspect_llvm(kernel.signatures[0])
    print(ir.count("llvm.fma.f32") > 16, bool(re.search(r"= f(add|mul|sub|neg|div) (fast|contract|reassoc)|llvm.fmuladd", ir)))
"""
    environment = {**os.environ, "PNNKERN_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    run = [sys.executable, "-c", script]
    first, second = (
        subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout.split() for _ in range(2)
    )
    assert first == ["0", "0", "True", "False"]
    assert second == ["1", "1"]
