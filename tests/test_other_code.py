"""docs/other-code.md: its blocks are run, on stand-ins or only compiled where they need a GPU, and its table is the one of the code."""

import re
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pnnkern import _operations

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "other-code.md"
sys.path.insert(0, str(ROOT / "scripts"))
import cubins  # noqa: E402 (of the scripts)


def blocks(title: str) -> list[str]:
    """The Python under a heading."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.M)
    return re.findall(r"```python\n(.*?)```", dict(zip(parts[1::2], parts[2::2], strict=True))[title], re.S)


def done(*texts: str) -> dict[str, Any]:
    """What the names of blocks are, run one after another."""
    names: dict[str, Any] = {}
    for text in texts:
        exec(compile(text, str(PAGE), "exec"), names)
    return names


def needs(*modules: str) -> None:
    for name in modules:
        pytest.importorskip(name, reason=f"{name} is not installed")


def test_all_blocks_are_known() -> None:
    counts = {title: len(blocks(title)) for title in ("torch", "JAX", "CuPy", "Numba", "cuda.core", "nvmath")}
    assert counts == {"torch": 2, "JAX": 1, "CuPy": 1, "Numba": 2, "cuda.core": 1, "nvmath": 1}
    assert len(re.findall("```python", PAGE.read_text())) == sum(counts.values())


def test_torch() -> None:
    needs("torch")
    names = done(*blocks("torch"))
    phase, distance = names["phase"], names["distance"]
    assert distance.grad != 0
    assert names["loss"](phase, distance) < names["loss"](0 * phase, distance) - 0.01
    assert names["several"].shape == (3,)


def test_jax() -> None:
    needs("jax")
    names = done(*blocks("JAX"))
    assert names["loss"](names["phase"], 0.05) < names["loss"](0 * names["phase"], 0.05)
    assert names["several"].shape == (3,)


def test_cupy(cupy: Any) -> None:
    names = done(*blocks("CuPy"))
    np.testing.assert_array_equal(names["light"].get(), 1)


def test_nvmath(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the stand-in for CuPy, whose transform stands for nvmath's, of the same arguments."""

    def fft(operand: Any, *, axes: Any) -> Any:
        return cupy.fft.fftn(operand, axes=axes).astype(operand.dtype)

    monkeypatch.setitem(sys.modules, "nvmath", types.SimpleNamespace(fft=types.SimpleNamespace(fft=fft)))
    light = done(*blocks("nvmath"))["light"].get()
    assert light[:, 0, 0] == pytest.approx(64.0**4)
    assert np.abs(light).sum() == pytest.approx(2 * 64.0**4)


def test_numba() -> None:
    out = done(blocks("Numba")[0])["out"]
    np.testing.assert_allclose(out, 1j, atol=1e-15)


class Core:
    """cuda.core, whose compiler asks for a driver: the texts that it is given are compiled by NVRTC itself."""

    def __init__(self) -> None:
        self.kernels: list[str] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        if cubins.library(13) is None:
            pytest.skip("the NVRTC wheel of CUDA 13 is not installed")
        core = self

        class ProgramOptions:
            def __init__(
                self, *, std: str, arch: str, include_path: list[str], ftz: bool | None = None, relocatable_device_code: bool = False
            ) -> None:
                self.options = [f"--std={std}", f"--gpu-architecture={arch}", *(f"-I{p}" for p in include_path)]
                self.options += [] if ftz is None else [f"--ftz={str(ftz).lower()}"]
                self.options += ["--relocatable-device-code=true"] if relocatable_device_code else []

        class Object:
            def __init__(self, code: bytes) -> None:
                self.code = code

            def get_kernel(self, name: str) -> str:
                assert name in cubins.resources(self.code)
                core.kernels.append(name)
                return name

        class Program:
            def __init__(self, code: str, code_type: str, options: ProgramOptions) -> None:
                assert code_type == "c++"
                self.code, self.options = code, options.options

            def compile(self, target: str) -> Object:
                binding = cubins.Binding(13)
                made = binding.createProgram(self.code, "text.cu", (), ())
                try:
                    binding.compileProgram(made, tuple(self.options))
                except RuntimeError:
                    pytest.fail(binding.getProgramLog(made))
                code = binding.getCUBIN(made) if target == "cubin" else binding.getPTX(made).encode()
                binding.destroyProgram(made)
                return Object(code)

        stand_in = types.SimpleNamespace(Program=Program, ProgramOptions=ProgramOptions)
        monkeypatch.setitem(sys.modules, "cuda", types.SimpleNamespace(core=stand_in))
        monkeypatch.setitem(sys.modules, "cuda.core", stand_in)


def test_cuda_core(monkeypatch: pytest.MonkeyPatch) -> None:
    core = Core()
    core.install(monkeypatch)
    done(*blocks("cuda.core"))
    assert core.kernels == ["contrast", "pnn_detector_intensity_c64"]


def test_cuda_core_has_what_the_page_uses() -> None:
    """The real one, where it is installed: its options have these names."""
    needs("cuda.core")
    from cuda.core import Program, ProgramOptions

    ProgramOptions(std="c++17", arch="sm_90", ftz=False, include_path=["."], relocatable_device_code=True)
    assert callable(Program.compile)


def test_numba_cuda(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both halves compile, and name the same function."""
    cuda = pytest.importorskip("numba.cuda", reason="numba.cuda is not installed")
    monkeypatch.chdir(tmp_path)
    Core().install(monkeypatch)
    names = done(blocks("Numba")[1])
    assert ".visible .func" in (tmp_path / "normal.ptx").read_text()
    assert " standard_normal(" in (tmp_path / "normal.ptx").read_text()
    try:
        ptx, _ = cuda.compile_ptx(names["with_noise"].py_func, cuda_types(), cc=(9, 0))
    except Exception as error:  # of a class that depends on where Numba's compiler for GPUs is from
        if "NVVM" not in str(error) and "libdevice" not in str(error):
            raise
        pytest.skip("Numba finds no NVVM here")
    assert "standard_normal" in ptx


def cuda_types() -> tuple[Any, ...]:
    import numba

    return numba.float32[:, ::1], numba.float32, numba.uint32, numba.uint32


def test_table() -> None:
    """The functions and what they have a derivative by, as the page says them."""
    text = PAGE.read_text()
    start, end = "<!-- table of operations -->\n", "<!-- end of the table -->\n"
    rows = [f"| `{op.name}` | {', '.join(f'`{name}`' for name in op.by)} |\n" for op in _operations.OPERATIONS]
    table = "| function | derivative by |\n|---|---|\n" + "".join(rows)
    assert text[text.index(start) + len(start) : text.index(end)] == table
