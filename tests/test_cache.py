"""The disk cache: what is damaged in it, cannot be written, or could be another user's, is told once and never ends or changes the work."""

import json
import os
import random as chance
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from pnnkern.kernels import _cache

from pnnkern import _compile
from pnnkern._errors import CacheWarning, DeviceError

ROOT = Path(__file__).resolve().parents[1]

# Every kind of entry: machine code of Numba, of the host runner and of NVRTC (whose place a stand-in takes), and FFTW's plans.
USE = """
import types
import numpy as np
from pnnkern import _compile
from pnnkern.kernels import host
from pnnkern.kernels.learning import optimizer
from pnnkern.optics import _fft
from pnnkern.learning import SGD
x = np.ones(4, np.float32)
SGD().apply({"x": x}, {"x": x})
y = np.ones(1, np.float32)
module = host.load('extern "C" __global__ void k(float* y) { *y += 1; }', "k.cu", build="checked")
module.launch("k", (1,), (1,), [y])
nvrtc = types.SimpleNamespace(
    getVersion=lambda: (0, 0), createProgram=lambda *a: 1, compileProgram=lambda *a: None, destroyProgram=lambda p: None,
    getCUBIN=lambda p: b"machine code",
)
cubin = _compile.compiled(nvrtc, "source", "c.cu", "sm_90", {}).read_bytes()
try:
    _fft.engine((24, 24), (48, 48), np.dtype(np.complex64))
except ModuleNotFoundError:  # without pyfftw there are no plans
    pass
print(x, y, cubin, sum(sum(f.stats.cache_hits.values()) for f in (optimizer._sgd.alone, optimizer._sgd.together)))
"""
MADE, FOUND = "[0.99 0.99 0.99 0.99] [2.] b'machine code' 0\n", "[0.99 0.99 0.99 0.99] [2.] b'machine code' 1\n"


def started(script: str, cache: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PNNKERN_CACHE_DIR": str(cache), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(script: str, cache: Path, *arguments: str) -> tuple[str, str]:
    process = started(script, cache, *arguments)
    out, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return out, said


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of this test's own, of which nothing has been told yet."""
    root = tmp_path / "cache"
    monkeypatch.setenv("PNNKERN_CACHE_DIR", str(root))
    monkeypatch.setattr(_cache, "_told", set())
    monkeypatch.setattr(_cache, "_spare", {})
    return root


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "zeroed": lambda content: bytes(len(content)),
    "random": lambda content: chance.Random(1).randbytes(len(content)),
    "one bit": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
}


def test_damaged_entries_are_made_anew(fresh: Path) -> None:
    """Whatever happened to the files: the same values, one warning, and the next start finds good entries again."""
    assert run(USE, fresh) == (MADE, "")
    assert run(USE, fresh) == (FOUND, "")
    kinds = {path.parent.name for path in fresh.glob("*/*-*")}
    assert kinds >= {"cubin", "host", "numba"}
    for damage in DAMAGES.values():
        for path in fresh.glob("*/*-*"):
            path.write_bytes(damage(path.read_bytes()))
        out, said = run(USE, fresh)
        assert out == MADE
        assert said.count("CacheWarning") == 1
        assert "is damaged (its checksum does not fit): it is thrown away and made anew" in said
        assert run(USE, fresh) == (FOUND, "")


def test_machine_code_of_another_kind_is_made_anew(fresh: Path) -> None:
    """An entry whose checksum fits, and which Numba cannot read all the same: of a version that calls itself by the same name, say."""
    run(USE, fresh)
    (path,) = fresh.glob("numba/*")
    _cache.write("numba", path.name.rpartition("-")[0], b"no pickle", replace=True)
    out, said = run(USE, fresh)
    assert out == MADE
    assert said.count("is damaged (UnpicklingError: ") == 1
    assert run(USE, fresh) == (FOUND, "")


# Closures over other values, each compiled in a process of its own: they call a helper that is too long to be inlined.
CLOSURES = """
import math
import sys
from pnnkern.kernels._jit import njit

def made(n):
    @njit
    def helper(x):
        total = 0.0
        for i in range(x):
            total += math.sin(n * i) + math.cos(n + i) * math.exp(-n * i) + math.log(n + i) + math.tan(n) + math.atan(i * n) + math.sqrt(n)
        return total

    @njit
    def function(x):
        return helper(x) + helper(x + 1)

    return function

print(*[made(float(n))(5) for n in sys.argv[1:]])
"""


def test_closures_that_were_compiled_apart_keep_apart(fresh: Path) -> None:
    """Machine code of two processes has helpers of the same name in it, unless the values that they close over are part of the name."""
    alone = [run(CLOSURES, fresh, n)[0].strip() for n in ("2", "3")]
    assert alone[0] != alone[1]
    for order in ((2, 3), (3, 2)):
        together = run(CLOSURES, fresh, *map(str, order))[0].split()
        assert together == [alone[n - 2] for n in order]


CROSSBAR = """
import hashlib
import numpy as np
from pnnkern import crossbar
G = np.random.default_rng(0).uniform(1e-6, 25e-6, (37, 53))
print(hashlib.sha256(crossbar.effective_conductance(G, wires=crossbar.Wires(word=1.0, bit=1.0)).tobytes()).hexdigest())
"""


def test_a_first_start_and_a_later_one_come_to_the_same_bits(fresh: Path) -> None:
    """Sums of a crossbar may be reordered, and copies of a helper in two kernels are not compiled to the same machine code."""
    first = run(CROSSBAR, fresh)
    kept = sorted(path.name for path in fresh.glob("numba/*"))
    assert run(CROSSBAR, fresh) == first
    assert sorted(path.name for path in fresh.glob("numba/*")) == kept  # nor was anything compiled
    assert {name.partition("-")[0] for name in kept} == {"join", "pnn_tree_leaves"}


# Files can grow to 1000 bytes only, as on a full disk; g++ and its temporary folder are spared.
FULL = """
import resource, signal, subprocess
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from pnnkern.kernels import host
compile = host._compile
def spared(*args):
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    try:
        return compile(*args)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, -1))
host._compile = spared
from pnnkern.kernels import _cache
scratch = _cache._scratch
def roomy():
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    return scratch()
_cache._scratch = roomy
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, -1))
"""


def test_a_full_disk_is_told_once(fresh: Path) -> None:
    out, said = run(FULL + USE, fresh)
    assert out == MADE
    assert said.count("cannot be used for compiled code and FFT plans (File too large)") == 1
    assert [path.name for kind in ("host", "numba") for path in (fresh / kind).iterdir()] == []  # nor parts of any


@pytest.mark.parametrize("trouble", ["file", "read-only"])
def test_a_folder_that_cannot_be_made_is_told_once(fresh: Path, trouble: str) -> None:
    if trouble == "file":
        fresh.write_text("a file where the folder belongs")
    else:
        fresh = Path("/proc/pnnkern")  # where nobody makes a folder, root neither
    out, said = run(USE, fresh)
    assert out == MADE
    assert said.count("cannot be used for compiled code and FFT plans") == 1
    assert said.count("CacheWarning") <= 2  # FFTW's plans say what it means for them


def test_kernels_find_a_place_beside_the_cache(fresh: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fresh.write_text("a file where the folder belongs")
    made = []
    with pytest.warns(CacheWarning, match="cannot be used"):
        path = _cache.kept("cubin", "a.cubin", lambda: made.append(1) or b"code")  # type: ignore[func-returns-value]
    assert path.read_bytes() == b"code"
    assert _cache.kept("cubin", "a.cubin", lambda: pytest.fail("made again")) == path
    monkeypatch.setattr(_cache, "_scratch", lambda: tmp_path / "full")
    with pytest.raises(DeviceError, match=r"neither to the cache nor to .*: set PNNKERN_CACHE_DIR or TMPDIR to a folder with space"):
        _cache.kept("cubin", "b.cubin", lambda: b"code")


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PNNKERN_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.warns(CacheWarning, match=r"Could not determine home directory.* set PNNKERN_CACHE_DIR"):
        assert _cache.read("cubin", "a.cubin") is None


# ------------------------------------------------------------------------------------------------------------- nobody else's
def refused(match: str, name: str = "a") -> None:
    with pytest.warns(CacheWarning, match=match):
        assert _cache.read("kind", name) is None


def test_folders_and_files_are_the_users_alone(fresh: Path) -> None:
    before = os.umask(0)
    try:
        path = _cache.write("kind", "a", b"x")
        with _cache.locked("kind") as alone:
            assert alone
    finally:
        os.umask(before)
    assert path is not None
    modes = {p.relative_to(fresh).parts[:1]: stat.S_IMODE(p.stat().st_mode) for p in (fresh, fresh / "kind")}
    assert set(modes.values()) == {0o700}
    assert {stat.S_IMODE(p.stat().st_mode) for p in (fresh / "kind").iterdir()} == {0o600}
    assert _cache.read("kind", "a") == (path, b"x")


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
@pytest.mark.parametrize("which", [".", "kind"])
def test_what_others_can_write_is_refused(fresh: Path, mode: int, which: str) -> None:
    _cache.write("kind", "a", b"x")
    (fresh / which).chmod(mode)
    refused("other users can write to it, and their code would run: delete it.*or set PNNKERN_CACHE_DIR to a folder of your own")
    assert _cache.write("kind", "a", b"y") is None


@pytest.mark.parametrize("which", [".", "kind"])
def test_what_belongs_to_others_is_refused(fresh: Path, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _cache.write("kind", "a", b"x")
    if os.geteuid() == 0:
        os.chown(fresh / which, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    refused("belongs to another user .*or set PNNKERN_CACHE_DIR to a folder of your own")
    assert _cache.write("new", "a", b"x") is None or which == "kind"
    assert (fresh / "new").exists() == (which == "kind")  # nothing is made in it either


def test_an_entry_that_others_can_write_is_thrown_away(fresh: Path) -> None:
    path = _cache.write("kind", "a", b"x")
    assert path is not None
    path.chmod(0o666)
    refused("damaged .other users can write to it")
    assert not path.exists()


def test_links_are_not_followed(fresh: Path, tmp_path: Path) -> None:
    """Neither out of a folder of the cache nor out of an entry: what they lead to is not read, written or removed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    path = _cache.write("kind", "a", b"x")
    assert path is not None
    path.replace(elsewhere / path.name)
    path.symlink_to(elsewhere / path.name)
    refused("damaged")
    assert not path.is_symlink()
    assert (elsewhere / path.name).read_bytes() == b"x"
    (fresh / "other").symlink_to(elsewhere)
    _cache._told.clear()
    with pytest.warns(CacheWarning, match="it is a link"):
        assert _cache.read("other", "a") is None
    assert _cache.write("other", "b", b"y") is None
    with _cache.locked("other") as alone:
        assert not alone
    assert [p.name for p in elsewhere.iterdir()] == [path.name]
    (fresh / "kind" / "lock").symlink_to(elsewhere / path.name)
    with _cache.locked("kind") as alone:
        assert not alone
    assert (elsewhere / path.name).read_bytes() == b"x"


def test_the_folder_itself_may_be_a_link(fresh: Path, tmp_path: Path) -> None:
    (tmp_path / "large").mkdir(mode=0o700)
    fresh.symlink_to(tmp_path / "large")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = _cache.write("kind", "a", b"x")
        assert _cache.read("kind", "a") == (path, b"x")


def test_a_pipe_is_not_waited_for(fresh: Path) -> None:
    path = _cache.write("kind", "a", b"x")
    assert path is not None
    path.unlink()
    os.mkfifo(path)
    refused("damaged")


def test_an_entry_of_a_terabyte_is_not_read(fresh: Path) -> None:
    path = _cache.write("kind", "a", b"x")
    assert path is not None
    os.truncate(path, 1 << 40)
    refused("damaged")
    assert not path.exists()


def test_an_entry_is_none_under_another_name(fresh: Path) -> None:
    """Machine code of one kernel is not run for another, though its checksum fits."""
    path = _cache.write("kind", "a", b"x")
    assert path is not None
    path.rename(path.with_name(path.name.replace("a-", "b-", 1)))
    refused("its checksum does not fit", "b")


def test_a_compiler_is_not_asked_twice() -> None:
    class NVRTC:
        def getVersion(self) -> tuple[int, int]:
            return 0, 0

        def createProgram(self, *args: object) -> int:
            raise AssertionError("compiled again")

    key = _cache.key("source", ("--gpu-architecture=sm_90", *_compile.OPTIONS), (0, 0))
    path = _cache.write("cubin", f"c-sm_90-{key}.cubin", b"code")
    assert _compile.compiled(NVRTC(), "source", "c.cu", "sm_90", {}) == path  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------- FFTW's plans
PLAN = """
import hashlib, sys
import numpy as np
from pnnkern import optics
shapes = [60, 90, 126, 180, 250]
first = int(sys.argv[1]) % len(shapes)
seen = {}
for n in shapes[first:] + shapes[:first]:
    for dtype in (np.complex64, np.complex128):
        rng = np.random.default_rng(n)
        field = (rng.normal(size=(1, n, n)) + 1j * rng.normal(size=(1, n, n))).astype(dtype)
        out = optics.propagate(field, distance=0.01, wavelength=5e-7, pitch=1e-5, method="angular_spectrum")
        seen[n, dtype.__name__] = hashlib.sha256(out.tobytes()).hexdigest()[:16]
print(sorted(seen.items()))
"""


def test_processes_that_share_a_machine_have_the_same_plans(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six that plan at the same time, each in another order, and two later ones: the same bits, though plans are chosen by the clock."""
    pytest.importorskip("pyfftw", reason="plans are FFTW's")
    monkeypatch.setenv("PNNKERN_FFT", "fftw")
    together = [started(PLAN, fresh, str(i)) for i in range(6)]
    outputs = [process.communicate(timeout=300) for process in together] + [run(PLAN, fresh, str(i)) for i in (1, 3)]
    assert {said for _, said in outputs} == {""}
    assert len({out for out, _ in outputs}) == 1
    assert len(list(fresh.glob("fftw/plans-*"))) == 1


def test_a_lock_that_is_held_is_not_waited_for_forever(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = "import sys\nfrom pnnkern.kernels import _cache\nwith _cache.locked('kind'): print('held', flush=True); sys.stdin.read()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", hold]
    monkeypatch.setattr(_cache, "PATIENCE", 0.1)
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.warns(CacheWarning, match="another process has held"), _cache.locked("kind") as alone:
            assert not alone
        monkeypatch.setattr(_cache, "PATIENCE", 600.0)
        with _cache.locked("kind") as alone:  # one that did not come in time is not waited for again
            assert not alone
        holder.communicate("")
    with _cache.locked("kind") as alone:
        assert alone


def test_cold_starts_do_not_race() -> None:
    """Ten processes at once with one empty folder (scripts/cold_starts.py, which takes any number)."""
    script = ROOT / "scripts/cold_starts.py"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, str(script), "10", "10"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["starts"], found["entries"], found["wrong"]) == (10, 1, 0)
