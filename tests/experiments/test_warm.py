"""`pnnkern warm`: what it compiles is what launches then find."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pnnkern.kernels import _cache
from pnnkern.kernels.crossbar import tree
from pnnkern.kernels.optics import layer

from pnnkern import _array, _compile, _sources, crossbar
from pnnkern._errors import CacheWarning, SettingError
from pnnkern.experiments import warm
from pnnkern.optics import _lanes

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import cubins

SCRIPT = """
import sys
import numpy as np
from pnnkern import random
from pnnkern.experiments import warm
from pnnkern.learning import SGD
from pnnkern.kernels.learning import optimizer
from pnnkern.kernels.random import draws
if sys.argv[1] == "warm":
    print(warm._twins("learning/optimizer"), warm._twins("random/draws"), warm._twins("optics/spectrum"), warm._twins("flag"))
else:
    for size in (4, 20000):  # without threads, and with
        SGD().apply({"x": np.ones(size, np.float32)}, {"x": np.ones(size, np.float32)})
        random.normal(random.key(1), (2, size))
        random.bernoulli(random.key(1), np.ones((2, size)))
    used = (optimizer._sgd, draws._normal, draws.pnn_draws_bernoulli)
    stats = [[getattr(f, way).stats for way in ("alone", "together")] for f in used]
    print(*(sum(sum(s.cache_hits.values()) for s in of) for of in stats), *(sum(sum(s.cache_misses.values()) for s in of) for of in stats))
"""


def test_launches_find_the_twins_that_were_compiled(tmp_path: Path) -> None:
    own = {"PNNKERN_CACHE_DIR": str(tmp_path), "NUMBA_NUM_THREADS": "2"}
    environment = os.environ | own | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    outputs = [
        subprocess.run([sys.executable, "-c", SCRIPT, what], env=environment, capture_output=True, text=True, check=True).stdout.split()
        for what in ("warm", "use")
    ]
    stems = ("learning/optimizer", "random/draws", "optics/spectrum")
    assert outputs[0] == [*(str(len(_sources.prototypes(stem))) for stem in stems), "0"]  # of the last the work is NumPy's
    assert outputs[1] == ["2", "2", "2", "0", "0", "0"]


def test_every_twin_can_be_compiled_or_called_without_work() -> None:
    """The signature that a prototype gives is one that the twin takes; those that are Python functions around compiled ones are called."""
    for stem in ("networks/xy", "networks/contrast", "crossbar/program", "optics/mask", "optics/spectrum"):
        assert warm._twins(stem) in (0, len(_sources.prototypes(stem)))


def test_trees_call_no_more_than_is_compiled() -> None:
    """What is called beside the kernels has the types that `others` says, and no more."""
    for dtype in ("float32", "float64"):
        G = np.random.default_rng(0).uniform(1e-6, 1e-5, (40, 24)).astype(dtype)
        crossbar.effective_conductance_vjp(G, G, wires=1.0)
        crossbar.node_voltages(np.ones((2, 40), dtype), G, wires=1.0)
    named: dict[str, list[object]] = {}
    for function, signature in tree.others():
        named.setdefault(function.py_func.__name__, []).append(signature)
    assert set(named) == {"join", "split", "part_voltages"}
    for name, signatures in named.items():
        assert set(getattr(tree, name).signatures) == set(signatures)


def test_layer_chains_find_the_passes_that_were_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "variants", lambda stem: [{"PNN_SIDE": 96, "PNN_FIELD": 48}])
    assert warm._twins("optics/layer") == 2 * 9  # passes of each precision
    for dtype in (np.complex64, np.complex128):
        field, table, gradient = np.ones((2, 48, 48), dtype), _lanes.tables(np.ones((1, 96, 96), dtype), (96, 96))[0], np.zeros((2, 48, 48))
        for save in (False, True):
            out, saved = _lanes.chain(field, field, [table] * 3, (96, 96), save=save)
        for to_field in (False, True):
            _lanes.chain_vjp(out, saved, field, [table] * 3, (96, 96), to_field=to_field, gradient=gradient)
        plan = layer.plan(96, 48, np.dtype(dtype).itemsize // 2)
        assert plan is not None
        assert [len(f.signatures) for f in (*layer.row_passes(plan).values(), *layer.column_passes(plan).values())] == 9 * [1]


def test_cubins_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if cubins.library(13) is None:
        pytest.skip("the NVRTC wheel of CUDA 13 is not installed")
    monkeypatch.setenv("PNNKERN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_array, "nvrtc", lambda: cubins.Binding(13))
    assert warm._cubin(("learning/optimizer", "sm_90", {})) == 1
    (kept,) = tmp_path.glob("cubin/*")

    class NoCompiler(cubins.Binding):
        def createProgram(self, *args: object) -> int:
            raise AssertionError("compiled again")

    assert _compile.cubin(NoCompiler(13), "learning/optimizer", "sm_90", {}) == kept
    with pytest.raises(AssertionError):  # another architecture is another cubin, and so is another macro
        _compile.cubin(NoCompiler(13), "learning/optimizer", "sm_80", {})
    with pytest.raises(AssertionError):
        _compile.cubin(NoCompiler(13), "learning/optimizer", "sm_90", {"X": 1})


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And done without: the cubin lasts as long as this process."""
    if cubins.library(13) is None:
        pytest.skip("the NVRTC wheel of CUDA 13 is not installed")
    (tmp_path / "cubin").write_text("a file where the folder belongs")
    monkeypatch.setenv("PNNKERN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_cache, "_told", set())
    with pytest.warns(CacheWarning, match=r"cannot be used for compiled code .*set PNNKERN_CACHE_DIR"):
        image = _compile.compiled(cubins.Binding(13), 'extern "C" __global__ void k() {}', "k.cu", "sm_90", {})
    assert set(cubins.resources(image.read_bytes())) == {"k"}


def test_nothing_is_compiled_for_a_cache_that_cannot_keep_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "numba").write_text("a file where the folder belongs")
    monkeypatch.setenv("PNNKERN_CACHE_DIR", str(tmp_path))
    with pytest.raises(SettingError, match=r"numba cannot be used for compiled code .*set PNNKERN_CACHE_DIR"):
        warm.cpu()


def test_subnormal_numbers_are_kept() -> None:
    """Denormal float32 numbers are not flushed to zero on a GPU: PTX has no .ftz, with which CuPy would compile."""
    if cubins.library(13) is None:
        pytest.skip("the NVRTC wheel of CUDA 13 is not installed")
    compiler = cubins.Binding(13)

    def ptx(*options: str) -> str:
        program = compiler.createProgram(_sources.flatten("learning/optimizer"), "optimizer.cu", (), ())
        compiler.compileProgram(program, ("--gpu-architecture=compute_90", *options))
        text = compiler.getPTX(program)
        compiler.destroyProgram(program)
        return text

    assert ".ftz" not in ptx(*_compile.OPTIONS)
    assert ".ftz" in ptx(*_compile.OPTIONS, "--ftz=true")
