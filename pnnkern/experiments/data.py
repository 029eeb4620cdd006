"""Labelled images and features to learn from: the small sets shipped with the package, IDX folders, OpenML, your own files.

Those of HDF5 and .npy files stay there, and are read in pieces (`pieces.Rows`): they may be larger than memory.
"""

import hashlib
import http.client
import importlib.resources
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import _files
from .._errors import DataError
from ..systems._encoding import given
from . import _hdf5, memory, tasks
from .idx import read_idx
from .npz import HEADER, header, read_npz
from .pieces import Chunked, Plain, Rows, of_place, part, pieces

SHIPPED = {"mnist-small": "mnist-small.npz"}
IDX_FOLDERS = {  # name -> where it may lie below the data folder; the last two are what torchvision makes
    "mnist": ("mnist", "MNIST/raw"),
    "fashion-mnist": ("fashion-mnist", "FashionMNIST/raw"),
}
IN_FOLDERS = (*IDX_FOLDERS, "vowel")  # read from a folder of data
SMALL_SETS = "small-sets.npz"  # which has the first three of these
FEATURES = ("iris", "wine", "digits", "vowel")
IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
GIVEN = "given"  # the name of data that a script gave
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
VOWEL = 1 << 20  # bytes of vowel.dat at most; it has 68 thousand


@dataclass(frozen=True)
class Dataset:
    """Images (n, height, width) or features (n, features), uint8 or floating in [0, 1], with labels (n,) int64 in 0..classes-1.

    Or with real targets, labels (n, outputs) floating in [0, 1]: fractions of the way from a system's low target to its high one.
    Images may be `Rows` of a file, from which a step reads those of its batch.
    source : where they come from. whole : classes of the set that these are some samples of; 0: what the labels say.
    """

    name: str
    source: str
    train_images: Any
    train_labels: np.ndarray
    test_images: Any
    test_labels: np.ndarray
    whole: int = 0

    @property
    def real(self) -> bool:
        """True if the labels are real targets."""
        return self.train_labels.ndim == 2

    @property
    def classes(self) -> int:
        """How many outputs there are: one more than the largest label of the whole set, whether these samples have it or not."""
        if self.real:
            return int(self.train_labels.shape[1])
        return max(self.whole, int(max(self.train_labels.max(), self.test_labels.max())) + 1)

    def head(self, train: int = 0, test: int = 0) -> "Dataset":
        """The first `train` and `test` images only; 0 keeps all."""
        for what, wanted, there in (("train", train, len(self.train_labels)), ("test", test, len(self.test_labels))):
            if wanted > there:
                raise DataError(f"{wanted} {what} images were asked for, {self.name} has {there}")
        a, b = train or None, test or None
        return replace(
            self, train_images=part(self.train_images, slice(a)), train_labels=self.train_labels[:a],
            test_images=part(self.test_images, slice(b)), test_labels=self.test_labels[:b], whole=self.classes,
        )  # fmt: skip

    def only(self, classes: Sequence[int]) -> "Dataset":
        """The samples with these labels, which become 0, 1, ... in this order; all samples if there are none."""
        if not classes:
            return self
        if self.real:
            raise DataError(f"{self.source} has real targets and no classes to choose from: leave data.classes empty")
        if len(set(classes)) < len(classes) or len(classes) < 2 or not set(classes) <= set(range(self.classes)):
            raise DataError(f"classes must be two or more different labels from 0 to {self.classes - 1}, got {list(classes)!s:.80}")
        new = np.full(self.classes, -1)
        new[list(classes)] = np.arange(len(classes))
        a, b = new[self.train_labels] >= 0, new[self.test_labels] >= 0
        return replace(
            self, train_images=part(self.train_images, a), train_labels=new[self.train_labels[a]], test_images=part(self.test_images, b),
            test_labels=new[self.test_labels[b]], whole=len(classes),
        )  # fmt: skip

    def held_out(self, every: int) -> "Dataset":
        """For choosing settings: every `every`-th training sample of each class takes the place of the test samples; 0 changes nothing.

        Raises `DataError` for 1, which leaves nothing to train on, and for a class with fewer samples than that.
        """
        if not every:
            return self
        labels = np.zeros(len(self.train_labels), np.int64) if self.real else self.train_labels
        there, counts = np.unique(labels, return_counts=True)
        if every == 1 or counts.min() < every:
            which, has = ("", "") if self.real else (" of each class", "a class of ")
            raise DataError(
                f"every {every}-th training sample{which} cannot be held out: it must be 2 or more, and {self.name} has {has}"
                f"{counts.min()} training samples"
            )
        held = np.zeros(len(self.train_labels), bool)
        for c in there:
            held[np.flatnonzero(labels == c)[every - 1 :: every]] = True
        return replace(
            self, source=f"{self.source}, tested on every {every}-th training sample of each class",
            train_images=part(self.train_images, ~held), train_labels=self.train_labels[~held],
            test_images=part(self.train_images, held), test_labels=self.train_labels[held], whole=self.classes,
        )  # fmt: skip

    def pooled(self, side: int) -> "Dataset":
        """Images averaged over squares of `side` pixels, floating in [0, 1]. Raises `DataError` where they do not divide."""
        if side == 1:
            return self

        def pool(images: Any) -> Any:
            if images.ndim != 3 or images.shape[1] % side or images.shape[2] % side:
                raise DataError(f"images of {' x '.join(map(str, images.shape[1:]))} cannot be pooled over squares of {side}")
            if isinstance(images, Rows):
                return images.mapped(pool)
            n, height, width = images.shape
            means = images.reshape(n, height // side, side, width // side, side).mean(axis=(2, 4))
            return means / 255 if images.dtype == np.uint8 else means

        return replace(self, train_images=pool(self.train_images), test_images=pool(self.test_images))

    def digest(self) -> str:
        """SHA-256 over shapes, types and values: the same images give the same digest wherever they came from."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            for piece in pieces(array):
                digest.update(np.ascontiguousarray(piece).data)
        return digest.hexdigest()


def of_table(table: Any) -> Dataset:
    """The data set that [data] of a recipe describes, with the samples that it takes of it."""
    whole = load(table.name, path=table.path, folder=table.folder).only(table.classes).pooled(table.pool)
    return whole.head(table.train, table.test).held_out(table.validation)


def load(name: str = "mnist-small", *, path: str | Path = "", folder: str | Path = "") -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : str
        "mnist-small", "digits" (8 x 8 images), "iris" or "wine" (all shipped); "vowel" (Deterding's, from the file
        vowel/vowel.dat in `folder`); "xor", "curve", "plane" or "allostery:4x8" (see `tasks`); "mnist" or "fashion-mnist" (IDX files);
        or "openml:NAME" (fetched by scikit-learn, which caches it).
    path
        Your own .npz or .h5 (x_train, y_train, x_test, y_test), or a folder of IDX files or of x_train.npy, ...; it then takes the place of
        `name`. The samples of .h5 and .npy files are read in pieces, as they are needed.
    folder
        Where to look for IDX files; default the environment's `PNNKERN_DATA`. Either it holds them, or a folder `name` in it does.

    Raises
    ------
    DataError
        In one line, for a missing, damaged or unsuitable set.
    """
    if path:
        path = _expanded(path)
        if os.path.isdir(path):
            if os.path.lexists(path / "x_train.npy"):
                return from_npy(path)
            return _from_idx(path.name, _idx_files(path, (path,)))
        return from_hdf5(path) if path.suffix in (".h5", ".hdf5") else from_npz(path)
    if name in SHIPPED:
        with importlib.resources.as_file(importlib.resources.files("pnnkern.data") / SHIPPED[name]) as file:
            return replace(from_npz(file), name=name, source=f"pnnkern.data/{SHIPPED[name]}")
    if name == "vowel":
        return _vowel(str(folder or os.environ.get("PNNKERN_DATA", "")))
    if name in FEATURES:
        return _small_set(name)
    if name.partition(":")[0] in tasks.TASKS:
        return _checked(name, f"pnnkern, the task {name}", *tasks.make(name))
    if name in IDX_FOLDERS:
        folder = folder or os.environ.get("PNNKERN_DATA", "")
        if not folder:
            raise DataError(
                f"{name} is read from its IDX files: name their folder with --data-dir or the environment variable PNNKERN_DATA"
            )
        base = _expanded(folder)
        return _from_idx(name, _idx_files(base, (*(base / below for below in IDX_FOLDERS[name]), base)))
    if name.startswith("openml:"):
        return from_openml(name.removeprefix("openml:"))
    if name == GIVEN:
        raise DataError("the data of this run were given by a script: go on with it there (pnnkern.train with out=), and report there")
    import difflib

    known = [*SHIPPED, *IDX_FOLDERS, *FEATURES, *tasks.TASKS]
    near = difflib.get_close_matches(name, known, 1)
    hint = (
        f"the nearest is {near[0]!r}" if near else f"there are {', '.join(known)}, 'openml:NAME', and data.path for your own file"
    )
    raise DataError(f"no data set is called {name!r:.80}: {hint}")


# -------------------------------------------------------------------------------------------------------------------- sources
def _expanded(path: str | Path) -> Path:
    """With ~ as the home folder, where there is one of that name."""
    return Path(os.path.expanduser(path))


def _idx_files(asked: Path, candidates: tuple[Path, ...]) -> list[Path]:
    """The four IDX files in the first candidate folder that has them all, gzipped or not."""
    if not os.path.isdir(asked):
        raise DataError(f"the data folder {asked} does not exist")
    missing: list[str] = []
    for candidate in candidates:
        found = [next((p for p in (candidate / f, candidate / f"{f}.gz") if os.path.exists(p)), None) for f in IDX_FILES]
        if all(found):
            return [p for p in found if p is not None]
        if any(found) or not missing:  # name what is missing where at least something is there
            missing = [f for f, p in zip(IDX_FILES, found, strict=True) if p is None]
    looked = ", ".join(str(c) for c in candidates)
    raise DataError(f"{asked} lacks {', '.join(missing)} (or .gz); looked in {looked}")


def _from_idx(name: str, files: list[Path]) -> Dataset:
    arrays = [read_idx(file) for file in files]
    return _checked(name, str(files[0].parent), *arrays)


def from_arrays(x_train: np.ndarray, y_train: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> Dataset:
    """A data set of arrays, as `from_npz` takes them."""
    return _checked(GIVEN, "the arrays that were given", *(np.asarray(array) for array in (x_train, y_train, x_test, y_test)))


def from_npz(path: str | Path) -> Dataset:
    """Your own data: a .npz with x_train (n, height, width) uint8 or floating in [0, 1], y_train (n,) integers, x_test, y_test.

    y may also be real targets, (n, outputs) floating in [0, 1]; (n,) is taken as (n, 1).
    """
    path = Path(path)
    if not os.path.exists(path):
        raise DataError(f"the data file {path} does not exist")
    arrays = read_npz(path, NPZ_KEYS)
    return _checked(path.stem, str(path), *arrays)


def from_hdf5(path: str | Path) -> Dataset:
    """Your own data, as `from_npz` takes them, in data sets of an HDF5 file: plain, or in chunks packed by gzip, with or without shuffle.

    Samples stay in the file: a step reads those of its batch. Labels are read whole.
    """
    path = Path(path)
    file = _files.opened(path, str(path), DataError)
    if not _hdf5.is_hdf5(file, os.fstat(file.fileno()).st_size):
        raise DataError(f"{path} is no HDF5 file: write it with h5py, as data sets {', '.join(NPZ_KEYS)}")
    places = _hdf5.ask(path, file, DataError, NPZ_KEYS)
    return _in_pieces(path.stem, path, [of_place(path, key, file, places[key]) for key in NPZ_KEYS])


def from_npy(folder: str | Path) -> Dataset:
    """Your own data, as `from_npz` takes them, in a folder with x_train.npy, y_train.npy, x_test.npy and y_test.npy; see `from_hdf5`."""
    folder, found = Path(folder), []
    for key in NPZ_KEYS:
        path = folder / f"{key}.npy"
        file = _files.opened(path, str(path), DataError)
        held = header(path, key, file.read(HEADER), os.fstat(file.fileno()).st_size)
        if held.fortran and len(held.shape) > 1:
            raise DataError(f"{path} is in Fortran's order, in which samples do not lie together: save numpy.ascontiguousarray of it")
        if not held.shape:
            raise DataError(f"{path}: {key} must be samples (n, ...), got a single number")
        found.append(Plain(path, file, held.begin, held.shape, held.dtype))
    return _in_pieces(folder.name, folder, found)


def _in_pieces(name: str, path: Path, sources: Sequence[Plain | Chunked]) -> Dataset:
    """A data set whose samples stay where they are. Labels are read."""
    arrays: list[Any] = []
    for key, source in zip(NPZ_KEYS, sources, strict=True):
        rows = Rows(source, _native(np.empty(0, source.dtype)).dtype, source.shape[1:])
        if key.startswith("y"):
            memory.refuse(path, rows.nbytes, os.fstat(source.file.fileno()).st_size)
            arrays.append(rows[np.arange(len(rows))])
        else:
            arrays.append(rows)
    return _checked(name, str(path), *arrays)


def from_openml(name: str) -> Dataset:
    """A set of square grey images from openml.org by `name` or numeric id; its last seventh is the test set (as for mnist_784)."""
    from sklearn.datasets import fetch_openml

    try:
        which = {"data_id": int(name)} if name.isdigit() else {"name": name}
        table, target = fetch_openml(**which, as_frame=False, return_X_y=True, parser="liac-arff")
    except (OSError, ValueError, http.client.HTTPException) as error:  # no network, or no such set
        raise DataError(f"openml.org gave no data set {name!r:.80}: {_first_line(error)}") from error
    pixels = np.asarray(table)
    if pixels.ndim != 2 or np.ndim(target) != 1 or len(target) != len(pixels):
        raise DataError(f"OpenML set {name!r:.80} is no table of numbers with one target for each row: square grey images are needed")
    side = round(pixels.shape[1] ** 0.5)
    if side * side != pixels.shape[1] or pixels.dtype.kind not in "uif":
        raise DataError(f"OpenML set {name!r:.80} has {pixels.shape[1]} columns of {pixels.dtype}: square grey images are needed")
    if np.isnan(pixels).any() or pixels.min() < 0 or pixels.max() > 255:
        raise DataError(f"OpenML set {name!r:.80} has values outside 0..255 or missing: grey images are needed")
    if 1 < pixels.max() < 128:
        raise DataError(
            f"OpenML set {name!r:.80} has no value above {pixels.max():g}, so that white may be less than 255: bring it to [0, 1] yourself, "
            f"and give it as .npz (data.path)"
        )
    images = (np.rint(pixels).astype(np.uint8) if pixels.max() > 1 else pixels.astype(np.float64)).reshape(-1, side, side)
    _, labels = np.unique(np.asarray(target), return_inverse=True)
    cut = len(labels) - len(labels) // 7
    return _checked(name, f"openml:{name}", images[:cut], labels[:cut], images[cut:], labels[cut:])


def _first_line(error: Exception) -> str:
    """Of what it says; some that come with a broken connection say nothing."""
    return (str(error) or type(error).__name__).splitlines()[0]


def _small_set(name: str) -> Dataset:
    """iris, wine: every third sample of each class is a test sample; digits: the last 360 images, other writers than the first."""
    source = f"pnnkern.data/{SMALL_SETS}"
    with (importlib.resources.files("pnnkern.data") / SMALL_SETS).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        x, y = arrays[f"{name}_x"], arrays[f"{name}_y"].astype(np.int64)
    if name == "digits":
        images = np.rint(x * (255 / 16)).astype(np.uint8)
        return _checked(name, source, images[:-360], y[:-360], images[-360:], y[-360:])
    test = np.zeros(len(y), bool)
    for c in np.unique(y):
        test[np.flatnonzero(y == c)[2::3]] = True
    return _features(name, source, x[~test], y[~test], x[test], y[test])


def _vowel(folder: str) -> Dataset:
    """Deterding's vowels: 11 classes, 10 features, 528 training samples and 462 of other speakers, as the set's own flag says."""
    path = _expanded(folder) / "vowel" / "vowel.dat"
    if not folder or not os.path.exists(path):
        raise DataError(f"vowel is read from the file vowel/vowel.dat: name its folder with --data-dir or PNNKERN_DATA, got {folder!r}")
    lines = _files.read_text(path, VOWEL, str(path), DataError).splitlines()
    try:
        rows = np.array([line.split(",") for line in lines if line[:1].isdigit()], np.float64)
    except ValueError as error:
        raise DataError(f"{path} cannot be read: {_first_line(error)}") from error
    if rows.ndim != 2 or rows.shape[1] != 14:
        raise DataError(f"{path} must have 14 columns (test flag, speaker, sex, 10 features, class), got shape {rows.shape}")
    x, y, test = rows[:, 3:13], rows[:, 13], rows[:, 0] == 1
    if test.all() or not test.any() or not np.isfinite(rows).all() or (y % 1).any() or y.min() < 0 or y.max() >= len(y):
        raise DataError(f"{path} must hold samples of both test flags, 0 and 1, finite numbers, and whole classes from 0")
    y = y.astype(np.int64)
    return _features("vowel", str(path), x[~test], y[~test], x[test], y[test])


def _features(name: str, source: str, x_train: np.ndarray, y_train: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> Dataset:
    """Features brought to [0, 1] by their range in the training set; test values outside of it are cut."""
    low, high = x_train.min(axis=0), x_train.max(axis=0)
    a, b = (((x - low) / np.where(high > low, high - low, 1)).clip(0, 1) for x in (x_train, x_test))
    return _checked(name, source, a, y_train, b, y_test)


# --------------------------------------------------------------------------------------------------------------------- checks
def _checked(name: str, source: str, *arrays: Any) -> Dataset:
    """A data set of x_train, y_train, x_test, y_test. Raises `DataError` for what is none; nothing is made as long as a label is large."""
    x_train, y_train, x_test, y_test = map(_native, arrays)
    for what, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        _check_images(source, f"x_{what}", x)
        if y.dtype.kind == "f" and y.ndim in (1, 2):
            _check_targets(source, f"y_{what}", y, len(x))
            continue
        if y.shape != (len(x),):
            raise DataError(f"{source}: y_{what} must have shape ({len(x)},), one label for each image, got {y.shape}")
        if y.dtype.kind not in "ui" or y.min() < 0:
            found = f"the smallest is {y.min()}" if y.dtype.kind in "ui" else f"got {y.dtype}"
            raise DataError(f"{source}: y_{what} must hold integer labels 0..C-1, {found}")
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(
            f"{source}: images must all have one size, got {x_train.shape[1:]} in x_train and {x_test.shape[1:]} in x_test"
        )
    kinds = ["real targets" if y.dtype.kind == "f" else "integer labels" for y in (y_train, y_test)]
    if kinds[0] != kinds[1]:
        raise DataError(f"{source}: y_train holds {kinds[0]} and y_test {kinds[1]}: both must be the one or the other")
    if kinds[0] == "real targets":
        y_train, y_test = (y[:, None] if y.ndim == 1 else y for y in (y_train, y_test))
        if y_train.shape[1:] != y_test.shape[1:]:
            raise DataError(f"{source}: y_train and y_test must have as many outputs, got shapes {y_train.shape} and {y_test.shape}")
        return Dataset(name, source, x_train, y_train.astype(np.float64), x_test, y_test.astype(np.float64))
    labels = np.unique(y_train)
    gaps = np.flatnonzero(labels != np.arange(len(labels)))
    if gaps.size or y_test.max() > labels[-1]:
        wrong = f"class {gaps[0]} has no image" if gaps.size else f"label {y_test.max()} of y_test is not among them"
        raise DataError(f"{source}: the labels of y_train must be 0..C-1 without gaps, but {wrong}")
    return Dataset(name, source, x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64))


def _native(array: Any) -> Any:
    """In this machine's order of bytes and, as what is left has no other, at most double precision."""
    if isinstance(array, Rows):  # which come so
        return array
    widest = np.dtype(np.float64) if array.dtype.kind == "f" and array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
    return array.astype(widest, copy=False)


def _check_targets(source: str, what: str, y: np.ndarray, count: int) -> None:
    """Raise `DataError` for real targets that are none; a column of them may have been meant as labels."""
    if len(y) == count and y.size and (y >= 0).all() and y.max() <= 1:
        return
    reached = ""
    if y.size:
        reached = " with NaN" if np.isnan(y).any() else f" from {y.min():g}" if y.min() < 0 else f" up to {y.max():g}"
    if y.ndim == 1 and len(y) == count:
        raise DataError(f"{source}: {what} must hold integer labels 0..C-1, got {y.dtype}, or real targets in [0, 1], got values{reached}")
    raise DataError(f"{source}: real targets {what} must be ({count}, outputs) in [0, 1], got {y.shape}{reached}")


def _check_images(source: str, what: str, x: Any) -> None:
    if x.ndim not in (2, 3) or x.size == 0:
        raise DataError(
            f"{source}: {what} must be (images, height, width) or (samples, features), with at least one, got shape {x.shape}"
        )
    try:
        for piece in pieces(x):
            given(piece, what=what)
    except (TypeError, ValueError) as error:
        raise DataError(f"{source}: {error}") from error
