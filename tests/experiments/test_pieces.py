"""Data sets that are read in pieces: the same bits as in memory, in bounded memory, and one line for what is damaged."""

import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import cli
from pnnkern._errors import DataError
from pnnkern.experiments import checkpoint, controls, data, pieces, recipe, run
from pnnkern.experiments.feed import Feed
from pnnkern.experiments.pieces import Rows
from pnnkern.systems import CrossbarNetwork

ROOT = Path(__file__).resolve().parents[2]
Arrays = dict[str, np.ndarray]


def digits(train: int = 300, test: int = 60) -> Arrays:
    found = data.load("digits")
    return {
        "x_train": found.train_images[:train], "y_train": found.train_labels[:train], "x_test": found.test_images[:test],
        "y_test": found.test_labels[:test],
    }  # fmt: skip


def npy(path: Path, arrays: Arrays) -> Path:
    path.mkdir()
    for key, array in arrays.items():
        np.save(path / f"{key}.npy", array)
    return path


def hdf5(path: Path, arrays: Arrays, **how: Any) -> Path:
    with h5py.File(path, "w", userblock_size=how.pop("userblock_size", 0)) as file:
        for key, array in arrays.items():
            chunks = {"chunks": tuple(min(a, b) for a, b in zip((13, 5, 3), array.shape, strict=False))} if how else {}
            file.create_dataset(key, data=array, **chunks, **how)
    return path


WAYS: dict[str, Callable[[Path, Arrays], Path]] = {
    "npy": lambda p, a: npy(p / "folder", a),
    "plain": lambda p, a: hdf5(p / "a.h5", a),
    "chunks": lambda p, a: hdf5(p / "a.h5", a, compression=None, shuffle=False, fletcher32=False),
    "gzip": lambda p, a: hdf5(p / "a.hdf5", a, compression="gzip"),
    "shuffled": lambda p, a: hdf5(p / "a.h5", a, compression="gzip", shuffle=True),
    "user block": lambda p, a: hdf5(p / "a.h5", a, shuffle=True, userblock_size=1024),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["u1", ">f8", "f2"])
def test_the_same_samples(tmp_path: Path, rng: np.random.Generator, way: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is done with the data set, and whichever samples a step takes."""
    monkeypatch.setattr(pieces, "PIECE", 10_000)
    arrays = digits()
    if kind != "u1":
        arrays |= {key: (arrays[key] / 255).astype(kind) for key in ("x_train", "x_test")}
    there, here = data.load(path=WAYS[way](tmp_path, arrays)), data.from_arrays(**arrays)
    for change in (
        lambda d: d, lambda d: d.head(90, 31), lambda d: d.held_out(4), lambda d: d.only([7, 2, 5]), lambda d: d.pooled(4),
        lambda d: d.only([1, 0]).pooled(2).head(50, 9).held_out(3),
    ):  # fmt: skip
        a, b = change(there), change(here)
        assert isinstance(a.train_images, Rows)
        assert a.digest() == b.digest()
        assert (a.classes, a.train_images.shape, a.train_images.dtype) == (b.classes, b.train_images.shape, b.train_images.dtype)
        numbers = rng.permutation(len(b.train_labels))[:37]
        for which in (numbers, np.repeat(numbers[:5], 3), slice(3, 21), slice(-5, None), numbers[:0]):
            got, right = a.train_images[which], b.train_images[which]
            assert got.dtype == right.dtype
            np.testing.assert_array_equal(got, right)
        np.testing.assert_array_equal(a.test_images[4], b.test_images[4])


def test_real_targets(tmp_path: Path, rng: np.random.Generator) -> None:
    arrays = {key: rng.random((20, 3)) for key in data.NPZ_KEYS}
    assert data.load(path=npy(tmp_path / "a", arrays)).digest() == data.from_arrays(**arrays).digest()
    assert controls.linear(data.load(path=tmp_path / "a"))["test_accuracy"] == controls.linear(data.from_arrays(**arrays))["test_accuracy"]


def test_a_run_is_the_same_to_the_bit(tmp_path: Path, tiny: tuple[str, ...]) -> None:
    """In memory, from HDF5 and from .npy: parameters, losses, controls; and each goes on with what another has begun."""
    arrays = digits(60, 20)
    np.savez(tmp_path / "a.npz", **arrays)
    paths = {"npz": tmp_path / "a.npz", "h5": WAYS["shuffled"](tmp_path, arrays), "npy": npy(tmp_path / "a", arrays)}
    how = (*tiny, "data.name='mnist-small'", "data.train=0", "data.test=0", "data.validation=3", "training.epochs=2")
    states = {}
    for name, path in paths.items():
        done = run.start(recipe.find("d2nn-digits", (*how, f"data.path={str(path)!r}")), tmp_path / name / "r", quiet=True)
        states[name] = checkpoint.load(done.folder / "checkpoint.h5")
        assert isinstance(done.trainer.dataset.train_images, Rows) == (name != "npz")
    for name in ("h5", "npy"):
        assert states[name].state.keys() == states["npz"].state.keys()
        assert all(a.tobytes() == states["npz"].state[key].tobytes() for key, a in states[name].state.items())
        assert states[name].meta["data"] == states["npz"].meta["data"]
        assert states[name].meta["control"]["test_accuracy"] == states["npz"].meta["control"]["test_accuracy"]
    path = tmp_path / "npz" / "r"
    assert cli.main(["resume", str(path), "-q", "--epochs", "3", "--set", f"data.path={str(paths['h5'])!r}"]) == 0
    assert cli.main(["resume", str(tmp_path / "npy" / "r"), "-q", "--epochs", "3"]) == 0
    a, b = (checkpoint.load(tmp_path / name / "r" / "checkpoint.h5").state for name in ("npz", "npy"))
    assert all(a[key].tobytes() == b[key].tobytes() for key in a)


def test_from_python(tmp_path: Path) -> None:
    arrays = digits(60, 20)
    losses = []
    for given in (tuple(arrays.values()), hdf5(tmp_path / "a.h5", arrays)):
        system = CrossbarNetwork(inputs=64, hidden=[5], outputs=10, key=pnn.random.key(0))
        losses.append(pnn.train(system, "in-silico", given, epochs=1, batch=16, quiet=True, controls=False).losses)
    assert losses[0] == losses[1]


def test_on_a_gpu_samples_stay_on_the_host(tmp_path: Path, backend: Any) -> None:
    class Taker:
        device_samples = True
        parameters: dict[str, Any] = {"x": backend.array(np.zeros(2))}  # noqa: RUF012

    arrays = digits(50, 10)
    there = data.load(path=npy(tmp_path / "a", arrays))
    feed = Feed(there.train_images, there.train_labels, Taker())
    assert feed.there is None
    samples, labels, _ = feed.take(np.array([5, 3, 44]))
    np.testing.assert_array_equal(samples, arrays["x_train"][[5, 3, 44]])
    np.testing.assert_array_equal(backend.numpy(labels), arrays["y_train"][[5, 3, 44]])


def test_a_control_of_some_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are allowed, evenly taken; the line says so. Tested on all."""
    arrays = digits()
    there = data.load(path=npy(tmp_path / "a", arrays))
    monkeypatch.setattr(controls, "LARGEST", 100 * 64 * 4)
    found = controls.linear(there)
    assert "on 100 of 300 images" in found["how"]
    some = data.from_arrays(arrays["x_train"][::3], arrays["y_train"][::3], arrays["x_test"], arrays["y_test"])
    assert found["test_accuracy"] == controls.linear(some)["test_accuracy"]


def test_a_rule_that_looks_at_all_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = npy(tmp_path / "a", {key: (a if key[0] == "y" else a.reshape(len(a), -1)[:, :4] / 255) for key, a in digits(60, 20).items()})
    settings = [f"data.path={str(path)!r}", "rule.targets='class-means'", "system.nodes=20", "system.features=4", "system.hinge=false"]
    words = [word for setting in settings for word in ("--set", setting)]
    assert cli.main(["run", "coupled-iris", "--out", str(tmp_path / "r"), "-q", *words]) == 2
    assert "the rule looks at all samples of" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------------------ bounded memory
LARGE = """
import resource, sys
from pathlib import Path
from pnnkern.experiments import controls, recipe, run
path, folder = sys.argv[1:]
small = ("data.name='digits'", "data.train=50", "system.inputs=64", "system.hidden=[3]", "control.iterations=2", "training.epochs=1")
run.start(recipe.find("crossbar-digits", small), Path(folder) / "warm", quiet=True)
controls.LARGEST = 1 << 20
held = int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (held + (90 << 20),) * 2)
settings = (f"data.path={path!r}", "data.pool=8", "system.inputs=128", "system.hidden=[3]", "training.epochs=1", "training.batch=250",
            "control.iterations=2", "control.exact=false")
done = run.start(recipe.find("crossbar-digits", settings), Path(folder) / "r", quiet=True)
print(done.trainer.step, done.meta["control"]["how"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limit of data")
@pytest.mark.parametrize("kind", ["npy", "h5", "npz"])
def test_more_than_memory(tmp_path: Path, kind: str) -> None:
    """125 MB of samples in a process that may take 90 MiB: read a few at a time they do, all at once, as .npz, they do not."""
    shapes = {"x_train": (15000, 64, 128), "y_train": (15000,), "x_test": (250, 64, 128), "y_test": (250,)}
    path = tmp_path / {"npy": "a", "h5": "a.h5", "npz": "a.npz"}[kind]
    if kind == "h5":
        with h5py.File(path, "w") as file:
            for key, (count, *shape) in shapes.items():
                if key.startswith("y"):
                    file[key] = np.arange(count) % 10
                    continue
                held = file.create_dataset(key, (count, *shape), np.uint8, chunks=(5, *shape), compression="gzip", compression_opts=1)
                piece = np.zeros((500, *shape), np.uint8)
                piece[:, ::8] = np.arange(8 * 128).reshape(8, 128) % 251
                for first in range(0, count, 500):
                    held[first : first + 500] = piece[: count - first]
    else:
        arrays = {key: np.zeros(s, np.uint8) if key.startswith("x") else np.arange(s[0]) % 10 for key, s in shapes.items()}
        np.savez(path, **arrays) if kind == "npz" else npy(path, arrays)
        del arrays
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(path), str(tmp_path)], env=os.environ | {"PYTHONPATH": paths, "PNNKERN_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if kind == "npz":
        assert "MemoryError" in done.stderr
        return
    assert not done.returncode, done.stderr
    assert done.stdout.split()[0] == "60"
    assert "logistic regression on 2048 of 15000 images" in done.stdout


# --------------------------------------------------------------------------------------------------------------- what is refused
def change(key: str, make: Callable[[np.ndarray], Any]) -> Callable[[Path], Path]:
    def written(folder: Path) -> Path:
        arrays = digits(30, 10)
        return npy(folder / "a", arrays | {key: make(arrays[key])})

    return written


def without(key: str) -> Callable[[Path], Path]:
    def written(folder: Path) -> Path:
        path = npy(folder / "a", digits(30, 10))
        (path / f"{key}.npy").unlink()
        return path

    return written


def h5_with(make: Callable[[h5py.File], Any]) -> Callable[[Path], Path]:
    def written(folder: Path) -> Path:
        path = hdf5(folder / "a.h5", digits(30, 10))
        with h5py.File(path, "r+") as file:
            make(file)
        return path

    return written


def replaced(key: str, **how: Any) -> Callable[[Path], Path]:
    def make(file: h5py.File) -> None:
        before = file[key][:]
        del file[key]
        given = how if "data" in how or "shape" in how else {"data": before} | how
        file.create_dataset(key, **given)

    return h5_with(make)


def text(path: Path) -> Path:
    path.write_bytes(b"no HDF5")
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "NaN": (change("x_train", lambda x: np.where(np.arange(30)[:, None, None] == 29, np.nan, x / 255)), "there are 64 NaN value"),
    "range": (change("x_test", lambda x: x / 200), r"floating x_test must lie in \[0, 1\]"),
    "signed": (change("x_test", lambda x: x.astype(int)), "x_test must be uint8, or floating"),
    "labels": (change("y_train", lambda y: y[1:]), r"y_train must have shape \(30,\)"),
    "gap": (change("y_train", lambda y: np.where(y == 4, 5, y)), "class 4 has no image"),
    "size": (change("x_test", lambda x: x[:, 1:]), "images must all have one size"),
    "flat": (change("x_train", lambda x: x.ravel()[:30]), "x_train must be"),
    "number": (change("y_train", lambda y: y[0]), "must be samples"),
    "fortran": (change("x_train", np.asfortranarray), "is in Fortran's order"),
    "objects": (change("x_train", lambda x: x.astype(object)), "Object arrays cannot be loaded"),
    "missing file": (without("y_test"), r"y_test\.npy cannot be read: No such file"),
    "no HDF5": (lambda folder: text(folder / "a.h5"), "is no HDF5 file"),
    "no file": (lambda folder: folder / "a.h5", "No such file"),
    "missing": (h5_with(lambda f: f.__delitem__("x_test")), "x_test is missing"),
    "group": (h5_with(lambda f: f.__delitem__("x_test") or f.create_group("x_test")), "x_test is missing"),
    "soft link": (h5_with(lambda f: f.__delitem__("x_test") or f.__setitem__("x_test", h5py.SoftLink("/x_train"))), "x_test is missing"),
    "external link": (h5_with(lambda f: f.__delitem__("x_test") or f.__setitem__("x_test", h5py.ExternalLink("b.h5", "/x"))), "is missing"),
    "external data": (replaced("x_test", shape=(10, 8, 8), dtype="u1", external=[("/etc/passwd", 0, 640)]), "lies outside of the file"),
    "lzf": (replaced("x_test", compression="lzf"), "is packed by lzf"),
    "checksums": (replaced("x_test", fletcher32=True), "is packed by fletcher32"),
    "text": (replaced("y_test", data=["a"] * 10), "must hold numbers"),
    "compound": (replaced("y_test", data=np.zeros(10, [("a", "i4")])), "must hold numbers"),
    "never written": (replaced("x_test", shape=(10, 8, 8), dtype="u1"), "was never written"),
    "a bomb": (replaced("x_test", shape=(10**9, 8, 8), dtype="u1", chunks=(10**5, 8, 8)), "are taken for an attack"),
    "many chunks": (replaced("x_test", shape=(10**9, 8, 8), dtype="u1", chunks=(10, 8, 8)), "it has more than 500000 chunks along its first"),
    "a large chunk": (replaced("x_test", shape=(10, 8, 8), maxshape=(None, 8, 8), dtype="u1", chunks=(1 << 25, 8, 8)), "for an attack"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(tmp_path: Path, what: str) -> None:
    make, message = REFUSED[what]
    with pytest.raises(DataError, match=message) as caught:
        data.load(path=make(tmp_path))
    assert "\n" not in str(caught.value)


def test_chunks_that_were_never_written_are_their_fill_value(tmp_path: Path) -> None:
    arrays = digits(30, 10)
    path = hdf5(tmp_path / "a.h5", arrays)
    with h5py.File(path, "r+") as file:
        del file["x_train"]
        file.create_dataset("x_train", (30, 8, 8), "u1", chunks=(7, 8, 8), fillvalue=9)[:10] = arrays["x_train"][:10]
    arrays["x_train"] = np.where(np.arange(30)[:, None, None] < 10, arrays["x_train"], 9).astype(np.uint8)
    assert data.load(path=path).digest() == data.from_arrays(**arrays).digest()


def test_chunks_that_were_spared_a_filter(tmp_path: Path) -> None:
    """HDF5 leaves a filter out where it does not help, and says so for each chunk."""
    arrays = digits(30, 10)
    arrays |= {key: (arrays[key] / 255).astype(np.float32) for key in ("x_train", "x_test")}
    path = hdf5(tmp_path / "a.h5", arrays)
    with h5py.File(path, "r+") as file:
        del file["x_train"]
        held = file.create_dataset("x_train", (30, 8, 8), "f4", chunks=(10, 8, 8), shuffle=True, compression="gzip")
        for number in range(3):  # neither filter; shuffle alone; gzip alone
            plain = arrays["x_train"][10 * number :][:10].tobytes()
            shuffled = np.frombuffer(plain, np.uint8).reshape(-1, 4).T.tobytes()
            content, mask = ((plain, 3), (shuffled, 2), (zlib.compress(plain), 1))[number]
            held.id.write_direct_chunk((10 * number, 0, 0), content, mask)
        np.testing.assert_array_equal(held[:], arrays["x_train"])
    assert data.load(path=path).digest() == data.from_arrays(**arrays).digest()


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """Cut short, or written over: no crash, and no samples that are none."""
    arrays = digits()
    path = npy(tmp_path / "a", arrays)
    found = data.load(path=path)
    os.truncate(path / "x_train.npy", 1000)
    with pytest.raises(DataError, match=r"x_train\.npy ends before the samples do: it was changed while it was read"):
        found.digest()
    path = WAYS["shuffled"](tmp_path, arrays)
    found = data.load(path=path)
    assert isinstance(found.train_images, Rows)
    found.train_images.source.kept.clear()
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(DataError, match="is damaged: a chunk at byte"):
        found.train_images[:3]
    shutil.rmtree(tmp_path / "a")
