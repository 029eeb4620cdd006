"""The chain on a CPU against complex128 fft2 expressions: every side, any batch and shape, the same bits for all threads and processors."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from layer_chains import CASES, error, problem, rectangular, truth
from pnnkern.kernels.optics import _codelets, layer

from pnnkern.optics import _lanes

ROOT = Path(__file__).resolve().parents[3]
ONE, SIX, DOUBLE = 2.8e-7, 2e-6, 2e-14  # SciPy's float32 transforms come to 2.4e-7 for one propagation with any phases
Problem = tuple[np.ndarray, ...]


def run(problem: Problem) -> tuple[np.ndarray, ...]:
    """Field, fields after each mask, gradients, and the cotangent of the incoming field."""
    u, g, phases, transfers = problem
    window = transfers.shape[1:]
    masks = np.exp(1j * phases[..., None, :, :] if u.ndim > 3 else 1j * phases).astype(u.dtype)
    tables = list(_lanes.tables(transfers.astype(u.dtype), window))
    out, saved = _lanes.chain(u, masks, tables, window, save=True)
    plain, none = _lanes.chain(u, masks, tables, window)
    assert none is None
    assert np.array_equal(plain, out, equal_nan=True)
    assert saved is not None
    gradient, other = np.zeros(phases.shape), np.zeros(phases.shape)
    incoming = _lanes.chain_vjp(g, saved, masks, tables, window, to_field=True, gradient=gradient)
    assert _lanes.chain_vjp(g, saved, masks, tables, window, gradient=other) is None
    assert np.array_equal(gradient, other, equal_nan=True)
    assert incoming is not None
    return out, saved, gradient, incoming


def check(problem: Problem) -> None:
    u, g, phases, transfers = problem
    single, layers = u.dtype == np.complex64, len(phases)
    stored = transfers.astype(u.dtype).astype(complex)
    found, (want, after, gradients, incoming) = run(problem), truth(u.astype(complex), phases, stored, g.astype(complex))
    assert error(found[1][0], after[0]) < (1.2 * ONE if single else DOUBLE)
    whole = min(ONE * (layers + 1), SIX) if single else DOUBLE
    for got, true in zip(found, (want, np.array(after), np.array(gradients), incoming), strict=True):
        assert error(got, true) < whole
    out, _, gradient, g_in = found
    dots = np.vdot(g.astype(complex), out.astype(complex)).real, np.vdot(g_in.astype(complex), u.astype(complex)).real
    assert abs(dots[0] - dots[1]) < (1e-7 if single else 1e-15) * np.linalg.norm(g) * np.linalg.norm(out)
    assert np.abs(gradient).max() > 0


@pytest.mark.parametrize(("n", "side", "lead", "layers", "dtype"), CASES)
def test_chain_and_its_adjoint(n: int, side: int, lead: tuple[int, ...], layers: int, dtype: str) -> None:
    check(problem(n, side, lead, layers, dtype))


@pytest.mark.parametrize(
    ("shape", "window", "lead", "dtype"),
    [
        ((33, 250), (70, 512), (3,), "complex64"),  # all is odd: rows, a factor of 7, columns that gaps lie between
        ((64, 64), (64, 64), (9,), "complex64"),  # periodic, and more than a chunk of the gradient
        ((75, 40), (225, 75), (2, 3), "complex64"),  # odd sides: no even A, a last vector of columns that is not full
        ((40, 65), (80, 1250), (1,), "complex128"),
        ((1, 90), (2, 180), (2,), "complex64"),
    ],
)
def test_any_shape(shape: tuple[int, int], window: tuple[int, int], lead: tuple[int, ...], dtype: str) -> None:
    check(rectangular(shape, window, lead, 2, dtype))


def test_six_propagations() -> None:
    check(problem(64, 128, (1,), 5, "complex64"))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_bits_depend_on_nothing_but_the_sample(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on the threads, nor the batch; gradients of 8 samples at a time."""
    u, g, phases, transfers = problem(48, 96, (19,), 2, dtype)
    monkeypatch.setenv("PNNKERN_NUM_THREADS", "1")
    out, saved, gradient, incoming = run((u, g, phases, transfers))
    monkeypatch.setenv("PNNKERN_NUM_THREADS", "2")
    for got, want in zip(run((u, g, phases, transfers)), (out, saved, gradient, incoming), strict=True):
        assert np.array_equal(got, want)
    total = np.zeros_like(gradient)
    for part in (slice(0, 8), slice(8, 16), slice(16, 19)):
        some = run((u[part], g[part], phases, transfers))
        assert np.array_equal(some[0], out[part])
        assert np.array_equal(some[1], saved[:, part])
        assert np.array_equal(some[3], incoming[part])
        total += some[2]
    assert error(total, gradient) < 1e-15
    alone = run((u[4:5], g[4:5], phases, transfers))
    assert np.array_equal(alone[0], out[4:5])
    assert np.array_equal(alone[3], incoming[4:5])


def test_a_population_is_its_members() -> None:
    u, g, phases, transfers = problem(48, 96, (3, 2), 2, "complex64")
    together = run((u, g, phases, transfers))
    for m in range(3):
        alone = run((u[m], g[m], phases[:, m], transfers))
        assert np.array_equal(together[0][m], alone[0])
        assert np.array_equal(together[1][:, m], alone[1])
        assert np.array_equal(together[2][:, m], alone[2])
        assert np.array_equal(together[3][m], alone[3])


def test_gradients_are_added_to_what_is_there() -> None:
    u, g, phases, transfers = problem(48, 96, (2,), 2, "complex64")
    window, masks = (96, 96), np.exp(1j * phases).astype(np.complex64)
    tables = list(_lanes.tables(transfers.astype(np.complex64), window))
    _, saved = _lanes.chain(u, masks, tables, window, save=True)
    assert saved is not None
    alone, total = np.zeros(phases.shape), np.full(phases.shape, 3.0)
    _lanes.chain_vjp(g, saved, masks, tables, window, gradient=alone)
    _lanes.chain_vjp(g, saved, masks, tables, window, gradient=total)
    np.testing.assert_allclose(total, 3.0 + alone, rtol=1e-15)


def test_a_broken_sample_breaks_no_other() -> None:
    """What it leaves in the memory that they share is overwritten, or not read."""
    u, g, phases, transfers = rectangular((37, 50), (75, 100), (4,), 1, "complex64")
    want = run((u, g, phases, transfers))
    broken = u.copy()
    broken[1, 3, 4] = np.nan
    with np.errstate(invalid="ignore"):
        got = run((broken, g, phases, transfers))
    assert np.isnan(got[0][1]).all()
    others = [0, 2, 3]
    assert np.array_equal(got[0][others], want[0][others])
    assert np.array_equal(got[3], want[3])
    assert np.isnan(got[2]).all()


def test_values_that_would_be_denormal_are_zero() -> None:
    h = np.array([1.0, 1e-3, 1e-19, 1e-21, 1e-30, 0.0, 1e-19j, 1e-21j]).astype(np.complex64)
    table = _lanes.tables(np.tile(h, (1, 8, 1)), (8, 8))[0]
    assert _lanes.plans((8, 8), (8, 8), np.dtype(np.complex64)) == 2 * (layer.Line(2, 4, 2, 4),)
    order = [k // 4 + 2 * (k % 4) for k in range(8)]  # X[k1 + A k2] lies at k1 B + k2
    got = table[0, :, 0, :8] + 1j * table[0, :, 1, :8] if _codelets.lanes(4) >= 8 else None
    if got is not None:
        np.testing.assert_allclose(got[0], np.where(abs(h) > 1e-20, h, 0)[order] / 64, rtol=1e-7)
    assert not np.any((table != 0) & (abs(table) < 1e-22))


def test_the_table_of_an_even_function_needs_half_of_it(rng: np.random.Generator) -> None:
    f, x = np.fft.fftfreq(90)[:, None], np.fft.fftfreq(64)
    h = np.exp(40j * f**2 + 9j * x).astype(np.complex64)[None]
    assert np.array_equal(_lanes.tables(h, (90, 64)), _lanes.tables(h[:, :46], (90, 64)))


ELSEWHERE = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from layer_chains import rectangular
from pnnkern.kernels.optics import _codelets
from pnnkern.optics import _lanes

found = {"bytes": np.array(_codelets.vector_bytes())}
for dtype in ("complex64", "complex128"):
    u, g, phases, transfers = rectangular((37, 50), (75, 100), (2,), 1, dtype)
    masks, tables = np.exp(1j * phases).astype(dtype), list(_lanes.tables(transfers.astype(dtype), (75, 100)))
    out, saved = _lanes.chain(u, masks, tables, (75, 100), save=True)
    gradient = np.zeros(phases.shape)
    incoming = _lanes.chain_vjp(g, saved, masks, tables, (75, 100), to_field=True, gradient=gradient)
    found |= {f"{dtype}-{name}": x for name, x in (("out", out), ("saved", saved), ("gradient", gradient), ("incoming", incoming))}
np.savez(sys.argv[2], **found)
"""


def elsewhere(folder: Path, **environment: str) -> dict[str, np.ndarray]:
    """Results of a process of its own."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    where = os.environ | {"PYTHONPATH": path, "PNNKERN_CACHE_DIR": str(folder / "cache")} | environment
    subprocess.run([sys.executable, "-c", ELSEWHERE, str(ROOT / "tests"), str(folder / "found.npz")], env=where, check=True)
    with np.load(folder / "found.npz") as found:
        return dict(found)


def features() -> str:
    from numba.core.registry import cpu_target

    return str(cpu_target.target_context.codegen().magic_tuple()[2])


@pytest.mark.parametrize(("processor", "width"), [("haswell", 32), ("x86-64", 16)])
def test_other_processors(processor: str, width: int, tmp_path: Path) -> None:
    """Vectors half as long, and a quarter with no fused multiply-add; where there is one, the bits are those of longer vectors."""
    if "+sse2" not in features() or (processor == "haswell" and not all(f"+{name}," in features() for name in ("avx2", "fma", "bmi2"))):
        pytest.skip(f"this processor cannot run code for {processor}")
    found = elsewhere(tmp_path, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="")
    assert found["bytes"] == width
    for dtype in ("complex64", "complex128"):
        u, g, phases, transfers = rectangular((37, 50), (75, 100), (2,), 1, dtype)
        here, stored = run((u, g, phases, transfers)), transfers.astype(dtype).astype(complex)
        want, after, gradients, incoming = truth(u.astype(complex), phases, stored, g.astype(complex))
        for name, true, own in zip(
            ("out", "saved", "gradient", "incoming"), (want, np.array(after), np.array(gradients), incoming), here, strict=True
        ):
            got = found[f"{dtype}-{name}"]
            assert error(got, true) < (2 * ONE if dtype == "complex64" else DOUBLE)
            assert np.array_equal(got, own) or processor != "haswell"


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    first = elsewhere(tmp_path)
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    assert len(made) > 10
    second = elsewhere(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()} == made
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_arm_is_compiled() -> None:
    """64-bit ARM, whose vectors have 16 bytes: to assembly, with fused multiply-adds of whole vectors."""
    import llvmlite.binding as llvm
    from llvmlite import ir

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = ir.Module()
    module.triple = "aarch64-unknown-linux-gnu"
    address = ir.IntType(64)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [address]), "to_spectrum")
    builder = ir.IRBuilder(function.append_basic_block())
    e = _codelets.Emitter(builder, 4, vector=16)
    (line,) = function.args
    e.flow(layer._points(e, line, 25), False, lambda k2, z: e.put(z, line, k2))
    builder.ret_void()
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    machine = llvm.Target.from_triple(module.triple).create_target_machine(opt=3)
    assembly = machine.emit_assembly(parsed)
    assert assembly.count("fmla\t") + assembly.count("fmls\t") > 100
    assert ".4s" in assembly


def test_gradients_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    u, g, phases, transfers = problem(48, 96, (3,), 2, "complex128")
    _, _, gradient, incoming = run((u, g, phases, transfers))
    angles, field, h = torch.tensor(phases, requires_grad=True), torch.tensor(u, requires_grad=True), torch.tensor(transfers)
    v = field
    for l in range(3):
        v = torch.fft.ifft2(h[l] * torch.fft.fft2(v, (96, 96)))[:, :48, :48]
        v = v * torch.exp(1j * angles[l]) if l < 2 else v
    v.backward(torch.tensor(g))
    assert error(gradient, angles.grad.numpy()) < 1e-13
    assert error(incoming, field.grad.numpy()) < 1e-13


def test_windows_without_a_plan() -> None:
    assert _lanes.plans((40, 40), (88, 80), np.dtype(np.complex64)) is None  # a factor of 11
    assert _lanes.plans((40, 40), (80, 80), np.dtype(np.float32)) is None
    with pytest.raises(ValueError, match="no plan for windows of 88 x 80 points"):
        _lanes.tables(np.ones((1, 88, 80), np.complex64), (88, 80))
    with pytest.raises(ValueError, match="no plan for fields of 90 x 40 points in a window of 80 x 80"):
        _lanes.Passes((90, 40), (80, 80), np.dtype(np.complex64))
