"""Results larger than memory: what any HDF5 program finds in the file, and what is left of it whatever ends the writing."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import pnnkern as pnn
from pnnkern._errors import ResultsError
from pnnkern.experiments import results as module
from pnnkern.experiments._commits import Commits, journal

ROOT = Path(__file__).resolve().parents[2]
X = np.arange(7) * 2e-6


def field(first: int, count: int) -> np.ndarray:
    """Rows that say which they are: (count, 5, 7) complex64."""
    rows = np.arange(first, first + count)[:, None, None]
    return (rows + np.arange(35).reshape(5, 7) / 64 + 1j * (rows % 13)).astype(np.complex64)


def fill(out: Any, rows: int, piece: int = 3) -> None:
    """Append what is missing to so many rows."""
    for first in range(out.rows(), rows, piece):
        some = field(first, min(piece, rows - first))
        out.append("field", some, axes=("sample", "y", "x"), unit="V/m", coordinates={"x": (X, "m")}, about="light on the camera")
        out.append("power", (np.abs(some) ** 2).sum(axis=(1, 2)), axes=("sample",), unit="W")


def held(path: Path) -> int:
    """How many rows a file has, all of which are right and the same in all arrays."""
    with h5py.File(path, locking=False) as file:  # the writer, where there is one, holds it
        if "power" not in file:
            return 0
        rows = len(file["field"])
        np.testing.assert_array_equal(file["field"][:], field(0, rows))
        np.testing.assert_array_equal(file["sample"][:], np.arange(rows))
        assert len(file["power"]) == rows
        np.testing.assert_array_equal(file["power"][:], (np.abs(field(0, rows)) ** 2).sum(axis=(1, 2)))
        return rows


# ------------------------------------------------------------------------------------------------------------------ the file
def test_what_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "f.h5"
    with pnn.results(path, about={"recipe": "mine"}) as out:
        fill(out, 50)
        assert not path.exists()
        assert out.rows() == out.rows("power") == 50
        assert out.rows("nothing") == 0
    assert [p.name for p in path.parent.iterdir()] == ["f.h5"]
    assert held(path) == 50
    with h5py.File(path) as file:
        assert (file["field"].compression, file["field"].shuffle, file["field"].maxshape) == ("gzip", True, (None, 5, 7))
        assert file["field"].chunks[1:] == (5, 7)
        assert [dimension.label for dimension in file["field"].dims] == ["sample", "y", "x"]
        np.testing.assert_array_equal(file["field"].dims[2]["x"][:], X)
        assert {name: file[name].attrs.get("units") for name in file} == {"field": "V/m", "power": "W", "x": "m", "y": None, "sample": None}
        assert file["field"].attrs["long_name"] == "light on the camera"
        assert json.loads(file.attrs["about"]) == {"recipe": "mine"}
        assert json.loads(file.attrs["origin"])["pnnkern"] == pnn.__version__
        assert file.attrs["complete"] == 1
    assert path.read_bytes()[8] == 0  # the first superblock, of HDF5 1.0 on


def test_xarray_reads_it(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    with pnn.results(tmp_path / "f.h5") as out:
        fill(out, 10)
    with xarray.open_dataset(tmp_path / "f.h5", engine="h5netcdf") as found:
        assert found["field"].dims == ("sample", "y", "x")
        assert found["field"].attrs["units"] == "V/m"
        np.testing.assert_array_equal(found["field"].sel(x=X[2], sample=4).values, field(4, 1)[0, :, 2])


def test_times_of_a_trajectory(tmp_path: Path) -> None:
    """Coordinates of the first axis come with its rows."""
    with pnn.results(tmp_path / "f.h5") as out:
        for first in range(0, 12, 4):
            times = np.arange(first, first + 4) * 1e-3
            out.append("phase", np.outer(times, np.ones(3)), axes=("time", "node"), unit="rad", coordinates={"time": (times, "s")})
            out.append("energy", times**2, axes=("time",), unit="J", coordinates={"time": (times, "s")})
    with h5py.File(tmp_path / "f.h5") as file:
        for name in ("phase", "energy"):
            np.testing.assert_array_equal(file[name].dims[0]["time"][:], np.arange(12) * 1e-3)
        assert file["time"].attrs["units"] == "s"


@pytest.mark.parametrize("row", [(), (3,), (70, 90), (1000, 1500), (5_000_000,)], ids=str)
def test_any_rows(tmp_path: Path, rng: np.random.Generator, row: tuple[int, ...]) -> None:
    """Chunks of whole rows, or of a part of one; pieces that do not fill them, seen to the disk in between."""
    shape = module.chunks(row, 4)
    assert 4 * np.prod(shape) <= module.CHUNK
    whole = rng.random((3, *row)).astype(np.float32) if np.prod(row) > 1e4 else rng.random((9000, *row)).astype(np.float32)[: 20_000_000]
    whole = whole[:700] if row == (70, 90) else whole
    with pnn.results(tmp_path / "f.h5", compression="none" if np.prod(row) > 1e4 else "gzip") as out:
        for at in range(0, len(whole), 1 + len(whole) // 3):
            out.append("x", whole[at : at + 1 + len(whole) // 3], axes=["n", *(f"d{i}" for i in range(len(row)))])
            out.flush()
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["x"].chunks == shape
        np.testing.assert_array_equal(file["x"][:], whole)


def test_arrays_of_a_gpu_and_of_other_kinds(tmp_path: Path, backend: Any) -> None:
    kinds = {"f4": np.float32, "f8": np.float64, "c8": np.complex64, "c16": np.complex128, "u1": np.uint8, "i8": np.int64, "bool": np.bool_}
    with pnn.results(tmp_path / "f.h5") as out:
        for name, kind in kinds.items():
            out.append(name, backend.array(np.arange(6).reshape(3, 2).astype(kind)), axes=("n", f"of {name}"))
    with h5py.File(tmp_path / "f.h5") as file:
        for name, kind in kinds.items():
            np.testing.assert_array_equal(file[name][:], np.arange(6).reshape(3, 2).astype(kind))
            assert file[name].dtype == (np.uint8 if name == "bool" else kind)


def test_tensors_of_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pnn.results(tmp_path / "f.h5") as out:
        out.append("u", torch.arange(6.0).reshape(3, 2), axes=("n", "m"), coordinates={"m": (torch.tensor([1.0, 2.0]), "m")})
    with h5py.File(tmp_path / "f.h5") as file:
        np.testing.assert_array_equal(file["u"][:], np.arange(6.0, dtype=np.float32).reshape(3, 2))
        np.testing.assert_array_equal(file["m"][:], [1.0, 2.0])


@pytest.mark.parametrize("name", [*module.PLUGINS])
def test_other_compressions(tmp_path: Path, name: Any) -> None:
    pytest.importorskip("hdf5plugin", reason="hdf5plugin is not installed")
    with pnn.results(tmp_path / "f.h5", compression=name) as out:
        fill(out, 4000, 500)
    assert held(tmp_path / "f.h5") == 4000
    assert (tmp_path / "f.h5").stat().st_size < 4000 * 35 * 8 / 2


def test_compressions_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="compression must be gzip, none, zstd or blosc"):
        pnn.results(tmp_path / "f.h5", compression="zip")
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    with pytest.raises(ResultsError, match=r'needs hdf5plugin: pip install "pnnkern\[h5\]"'):
        pnn.results(tmp_path / "f.h5", compression="zstd")
    assert not list(tmp_path.iterdir())


def resident(what: str) -> int:
    """Bytes of memory that this process has (VmRSS), or has had at most (VmHWM)."""
    return int(Path("/proc/self/status").read_text().partition(f"{what}:")[2].split()[0]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's count of what a process has in memory")
def test_memory_is_bounded(tmp_path: Path) -> None:
    """A stack of 40 times what is kept of it; also of one piece, and where the index is seen to the disk often. HDF5's own is counted."""
    rows = np.zeros((64, 128, 128), np.complex64)  # 8 MiB
    with pnn.results(tmp_path / "f.h5") as out:
        out.append("u", rows, axes=("n", "y", "x"))
        out.flush()
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the most from here on
        for _ in range(5):
            out.append("u", rows, axes=("n", "y", "x"))
        assert resident("VmHWM") - before < 6 * module.CHUNK
        tracemalloc.start()
        try:
            for _ in range(5):
                out.append("u", rows, axes=("n", "y", "x"))
                out.flush()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert out.rows() == 11 * 64
    assert peak < 3 * module.CHUNK


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"array": np.zeros((2, 5, 8), np.complex64)}, r"rows of field must be complex64 \(n, 5, 7\) along sample, y, x, as it began, got"),
        ({"array": np.zeros((2, 5, 7))}, "rows of field must be complex64"),
        ({"axes": ("sample", "x", "y")}, "along sample, y, x, as it began, got"),
        ({"name": "g", "axes": ("y", "sample", "x")}, "the axis 'y' of g has length 2 and has another one"),
        ({"name": "g", "axes": ("sample", "x", "y")}, "the axis 'x' of g has length 5"),
        ({"name": "x", "axes": ("sample", "a", "b")}, "'x' is an array or an axis of f.h5 already"),
        ({"name": "g", "axes": ("field", "a", "b")}, "'field' is an array or an axis"),
        ({"name": "g", "axes": ("g", "a", "b")}, "'g' is the name of an array and of its axis"),
        ({"axes": ("sample", "y")}, "a name for each axis, got shape"),
        ({"axes": ("sample", "y", "y")}, "a name for each axis, got shape"),
        ({"name": "g", "array": np.zeros((2, 0, 7))}, "a name for each axis, got shape"),
        ({"name": "g/h"}, "names of arrays and axes are printable and have no '/'"),
        ({"name": ""}, "names of arrays and axes are printable"),
        ({"name": "g", "array": np.array([["a"]]), "axes": ("a", "b")}, "g must be numbers, got <U1"),
        ({"array": [1, 2]}, "field must be an array, got list"),
        ({"coordinates": {"z": (X, "m")}}, "field has no axis 'z', of which coordinates were given"),
        ({"coordinates": {"x": (X[1:], "m")}}, "coordinates of x must be 7 real numbers"),
    ],
)
def test_rows_that_do_not_fit(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """One sentence, and what was appended before is not harmed."""
    with pnn.results(tmp_path / "f.h5") as out:
        fill(out, 4)
        given = {"name": "field", "array": field(4, 2), "axes": ("sample", "y", "x")} | change
        with pytest.raises((ValueError, TypeError), match=message) as caught:
            out.append(given.pop("name"), given.pop("array"), **given)
        assert "\n" not in str(caught.value)
        fill(out, 9)
    assert held(tmp_path / "f.h5") == 9
    for late in (out.flush, lambda: fill(out, 12)):
        with pytest.raises(ResultsError, match=r"f\.h5 is closed"):
            late()


# -------------------------------------------------------------------------------------------------------------- what ends it
def test_an_exception_leaves_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    path.write_bytes(b"before")

    def ended() -> None:
        with pnn.results(path) as out:
            fill(out, 10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ended()
    assert path.read_bytes() == b"before"
    assert held(tmp_path / "f.partial.h5") == 10
    with pytest.raises(ResultsError, match=r"f\.partial\.h5 is what an attempt before this one has left: go on with it \(resume=True\), or"):
        pnn.results(path)
    with pytest.raises(ResultsError, match="is of other results than these, as its 'about' says"):
        pnn.results(path, about={"other": 1}, resume=True)
    size = (tmp_path / "f.partial.h5").stat().st_size
    with open(tmp_path / "f.partial.h5", "ab") as file:  # as a process leaves it that was killed
        file.write(bytes(1 << 20))
    with pnn.results(path, resume=True) as out:
        assert out.rows() == 10
        assert (tmp_path / "f.partial.h5").stat().st_size == size
        with pytest.raises(ResultsError, match="another process writes"):
            pnn.results(path, resume=True)
        fill(out, 25)
    assert held(path) == 25
    with pytest.raises(ResultsError, match="is whole already: there is nothing to go on with"):
        pnn.results(path, resume=True)


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\x89HDF\r\n\x1a\n" + bytes(40), b"\x89HDF\r\n\x1a\n\0" + b"\xff" * 90], ids=range(4))
def test_partial_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f.partial.h5").write_bytes(content)
    with pytest.raises(ResultsError, match="is no partial file of pnnkern, or a damaged one: remove it") as caught:
        pnn.results(tmp_path / "f.h5", resume=True)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "f.partial.h5").read_bytes() == content
    with h5py.File(tmp_path / "f.partial.h5", "w") as file:
        file["x"] = 3
    with pytest.raises(ResultsError, match="is no partial file of pnnkern"):
        pnn.results(tmp_path / "f.h5", resume=True)


class Faults:
    """A disk that fails at its n-th write or fsync, and from then on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.at, self.number = 0, 10**9, errno.EIO
        for name in ("pwrite", "write", "fsync", "ftruncate"):
            monkeypatch.setattr(os, name, self._failing(getattr(os, name)))

    def _failing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def tried(handle: int, *rest: Any) -> Any:
            if handle > 2:
                self.calls += 1
                if self.calls > self.at:
                    raise OSError(self.number, os.strerror(self.number))
            return call(handle, *rest)

        return tried


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_every_write_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Wherever the disk fails: one line, what was there before stays, what was whole is gone on with, to the same file."""
    faults = Faults(monkeypatch)
    faults.number = number

    def written(path: Path, resume: bool = False) -> None:
        with pnn.results(path, resume=resume) as out:
            for rows in (4, 9, 11, 30):
                fill(out, rows)
                out.flush()

    faults.calls = 0
    written(tmp_path / "whole.h5")
    total, least = faults.calls, 0
    assert total > 25
    for at in range(0, total, 1 if number == errno.EIO else 5):
        path = tmp_path / f"{at}.h5"
        path.write_bytes(b"before")
        faults.calls, faults.at = 0, at
        if at == total - 1:  # that of the folder, after the renaming
            with pytest.raises(ResultsError, match="is whole, but its new name may not survive a loss of power: Input/output error"):
                written(path)
            assert held(path) == 30
            continue
        with pytest.raises(ResultsError, match=f"cannot write {path}: ") as caught:
            written(path)
        assert caught.value.__cause__.errno == number
        assert "\n" not in str(caught.value)
        assert f"{path} is as it was" in str(caught.value)
        assert (f"free in {tmp_path}" in str(caught.value)) == (number in (errno.ENOSPC, errno.EDQUOT))
        assert path.read_bytes() == b"before"
        faults.at = 10**9
        left = tmp_path / f"{at}.partial.h5"
        if left.exists():
            if not journal(left).exists():
                rows = held(left)
                assert rows in (0, 4, 9, 11, 30)
                assert rows >= least
                least = rows
            written(path, resume=True)
        else:
            assert at < 5
            written(path)
        assert held(path) == 30
    assert least == 30 or (number != errno.EIO and least > 4)
    assert not [p for p in tmp_path.iterdir() if p.suffix != ".h5" or "partial" in p.name]


@pytest.mark.parametrize("limit", ["SECONDS", "BYTES"])
def test_it_is_seen_to_the_disk_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """After some time or bytes, and only where all arrays have the same rows."""
    monkeypatch.setattr(module, limit, 0)
    seen = []
    with pnn.results(tmp_path / "f.h5") as out:
        for first in range(0, 40, 4):
            some = field(first, 4)
            out.append("field", some, axes=("sample", "y", "x"))
            seen.append(held(tmp_path / "f.partial.h5"))
            out.append("power", (np.abs(some) ** 2).sum(axis=(1, 2)), axes=("sample",))
            assert held(tmp_path / "f.partial.h5") == seen[-1]
        assert out.arrays() == ["field", "power"]
    assert seen == [*range(0, 40, 4)]


def test_writes_may_be_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system writes less than it was given, and no error."""
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, view, at: write(handle, view[:1000], at))
    with pnn.results(tmp_path / "f.h5", compression="none") as out:
        for rows in (100, 250):
            fill(out, rows, 50)
            out.flush()
    assert held(tmp_path / "f.h5") == 250


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
static int fails(const char *name) {
    static long calls = 0;
    const char *which = getenv("SHIM_CALL"), *at = getenv("SHIM_AT");
    if (!which || strcmp(which, name) || ++calls <= atol(at)) return 0;
    errno = EIO;
    return 1;
}
int fsync(int f) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return fails("fsync") ? -1 : real(f);
}
ssize_t pwrite64(int f, const void *b, size_t n, off64_t o) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    return fails("pwrite") ? -1 : real(f, b, n, o);
}
"""
PROGRAM = """
import sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
import pnnkern as pnn
from test_results import fill
try:
    with pnn.results(Path({path!r})) as out:
        for rows in (4, 9, 11, 30):
            fill(out, rows)
            out.flush()
except pnn._errors.PnnError as error:
    sys.exit(str(error))
"""


def program(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    text = PROGRAM.format(tests=str(Path(__file__).parent), path=str(path))
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", text], env=os.environ | {"PYTHONPATH": paths} | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(shutil.which("gcc") is None or sys.platform != "linux", reason="needs gcc, and Linux's LD_PRELOAD")
@pytest.mark.parametrize(("call", "at"), [("fsync", 0), ("fsync", 9), ("pwrite", 3)])
def test_the_system_itself_fails(tmp_path: Path, call: str, at: int) -> None:
    """EIO of the C library's calls, in a process of its own."""
    source, shim, path = tmp_path / "shim.c", tmp_path / "shim.so", tmp_path / "f.h5"
    source.write_text(SHIM)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    path.write_bytes(b"before")
    done = program(path, LD_PRELOAD=str(shim), SHIM_CALL=call, SHIM_AT=str(at))
    assert done.returncode == 1
    assert done.stderr.startswith(f"cannot write {path}: Input/output error")
    assert done.stderr.count("\n") == 1
    assert path.read_bytes() == b"before"
    if (tmp_path / "f.partial.h5").exists():
        with pnn.results(path, resume=True) as out:
            fill(out, 30)
        assert held(path) == 30


def test_a_small_file_system(tmp_path: Path) -> None:
    """A real one that is full, then has room again, then is read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted by this user")
    try:
        path = disk / "f.h5"
        path.write_bytes(b"before")

        def written(resume: bool) -> None:
            with pnn.results(path, compression="none", resume=resume) as out:
                for rows in range(1000, 20001, 1000):
                    fill(out, rows, 500)
                    out.flush()

        with pytest.raises(ResultsError, match=r"No space left on device.* free in .*; what was whole before stays in") as caught:
            written(False)
        assert "\n" not in str(caught.value)
        assert path.read_bytes() == b"before"
        assert held(disk / "f.partial.h5") in range(1000, 20000, 1000)
        subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True)
        written(True)
        assert held(path) == 20000
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(ResultsError, match="Read-only file system"):
            pnn.results(path)
        assert held(path) == 20000
    finally:
        subprocess.run(["umount", disk], check=True)


KILLED = """
import os, random, signal, sys, time
sys.path[:0] = [{tests!r}]
from pathlib import Path
import pnnkern as pnn
from pnnkern.experiments import results as module
from pnnkern.experiments._commits import journal
from test_results import fill, held
module.SECONDS = 0.0
path, dice, journals, acknowledged = Path({path!r}), random.Random({seed}), 0, 0
left = module.partial(path)
for number in range({times}):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        with pnn.results(path, resume=number > 0) as out:
            while True:
                os.write(write, out.rows().to_bytes(8, "little"))
                fill(out, out.rows() + 60, 20)
                out.flush()
    os.close(write)
    told = b""
    for _ in range(dice.randint(1, 3)):
        told += os.read(read, 8)  # so many times it has flushed
    time.sleep(dice.random() * 0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while piece := os.read(read, 8192):
        told += piece
    os.close(read)
    acknowledged = max(acknowledged, *(int.from_bytes(told[i : i + 8], "little") for i in range(0, len(told) - 7, 8)), 0)
    assert not path.exists()
    if journal(left).exists():
        journals += 1
    else:
        assert held(left) >= acknowledged
    with pnn.results(path, resume=True) as out:
        assert out.rows() >= acknowledged, (out.rows(), acknowledged)
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            out.__exit__(KeyboardInterrupt, None, None)
    assert held(left) >= acknowledged
with pnn.results(path, resume=True) as out:
    fill(out, out.rows() + 7)
print(held(path), acknowledged, journals)
"""


def test_kill_9_at_any_moment(tmp_path: Path) -> None:
    """Nothing that was flushed is lost, nothing is half written, and it is gone on with, twenty times over."""
    text = KILLED.format(tests=str(Path(__file__).parent), path=str(tmp_path / "f.h5"), seed=1, times=20)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=False)
    assert not done.stderr
    rows, acknowledged, _ = map(int, done.stdout.split())
    assert rows > acknowledged > 200


def test_a_journal_is_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between any two writes of the pages of a commit: who opens the file next finishes it. One that is not whole counts for nothing."""
    class Killed(BaseException):
        pass

    write = os.pwrite
    for at in range(6):
        path = tmp_path / f"{at}.h5"
        left = module.partial(path)
        out = pnn.results(path)
        fill(out, 300)
        out.flush()
        fill(out, 600)
        calls: list[int] = []

        def killed(handle: int, view: Any, offset: int, left: Path = left, calls: list[int] = calls, at: int = at) -> int:
            if journal(left).exists():
                calls.append(offset)
                if len(calls) > at:
                    raise Killed
            return write(handle, view, offset)

        monkeypatch.setattr(os, "pwrite", killed)
        finished = False
        try:
            out.flush()
            finished = True
        except Killed:
            assert journal(left).exists()
        monkeypatch.setattr(os, "pwrite", write)
        image = left.read_bytes(), None if finished else journal(left).read_bytes()
        out._shut()
        left.write_bytes(image[0])
        if image[1] is None:
            assert at > 1
            break
        handle = os.open(left, os.O_RDONLY)
        with h5py.File(Commits(left, handle), "r") as file:  # looked at without writing
            assert len(file["field"]) == 600
        os.close(handle)
        journal(left).write_bytes(image[1])
        with pnn.results(path, resume=True) as out:
            assert out.rows() == 600
        assert held(path) == 600
        if at == 0:  # killed while the journal was written: the state is the one before
            for torn in (image[1][:-1], image[1][:-20] + b"\xff" * 20, b""):
                left.write_bytes(image[0])
                journal(left).write_bytes(torn)
                path.unlink()
                with pnn.results(path, resume=True) as out:
                    assert out.rows() == 300
                    fill(out, 500)
                assert held(path) == 500


def test_left_open_at_the_end_of_the_process(tmp_path: Path) -> None:
    """No crash, and what was flushed is there."""
    text = PROGRAM.format(tests=str(Path(__file__).parent), path=str(tmp_path / "f.h5")).partition("try:")[0]
    text += f"out = pnn.results(Path({str(tmp_path / 'f.h5')!r})); fill(out, 9); out.flush(); fill(out, 20)"
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", text], env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert held(tmp_path / "f.partial.h5") == 9
