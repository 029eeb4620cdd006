"""Results that are larger than memory: `with results("fields.h5") as out:` appends arrays to an HDF5 file while they are computed.

The file is of HDF5 1.8: chunked, compressed data sets whose first axis grows, axes as dimension scales, units as attributes. So h5py, MATLAB
(`h5read`), xarray, Julia and ncdump read it. Until it is whole its name is `NAME.partial.h5`, and whatever ends the process, what was seen to
the disk by then is readable there (see `_commits`), and can be gone on with.
"""

import contextlib
import importlib
import io
import json
import math
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import h5py
import numpy as np

from .. import _array
from .._array import Array
from .._errors import ResultsError
from .._gate import taken
from .._version import __version__
from . import files, origin
from ._commits import Commits, journal

FORMAT = "pnnkern results"
VERSION = 1
CHUNK = 1 << 20  # bytes of a chunk at most; about as much of each array is kept in memory
ROWS = 4096  # of a chunk at most
SECONDS, BYTES = 10.0, 256 << 20  # after so long, or so much, what was appended is seen onto the disk
LONGEST = 60_000  # bytes of a text in an attribute; HDF5 1.8 takes 64 KiB
PLUGINS = {"zstd": "Zstd", "blosc": "Blosc", "lz4": "LZ4", "bitshuffle": "Bitshuffle"}  # of the package hdf5plugin
Compression = Literal["gzip", "none", "zstd", "blosc", "lz4", "bitshuffle"]
Coordinates = Mapping[str, tuple[Any, str]]


def results(
    path: str | Path, *, about: Mapping[str, Any] | None = None, compression: Compression = "gzip", resume: bool = False
) -> "Results":
    """An HDF5 file to append arrays to: ``with results("fields.h5") as out: out.append("field", u, axes=("sample", "y", "x"))``.

    Parameters
    ----------
    path : str | Path
        Of the file when it is whole; one that is there already stays until then.
    about : Mapping[str, Any] | None
        What JSON can say of what is in it. compression : "gzip" with shuffle, which every reader knows; others need hdf5plugin (`pip install
        "pnnkern[h5]"`), here and where they are read.
    resume : bool
        Go on with the `NAME.partial.h5` of an attempt that was ended; `rows` then says where. Without one it begins anew.

    Notes
    -----
    Raises `ResultsError`, in one line: for a partial file that is there and not asked for, is another's, or at work; for a disk that is full.
    """
    return Results(Path(path), dict(about or {}), compression, resume)


class Results:
    """An HDF5 file that arrays are appended to; see `results`. It is whole, and has its name, when the block that it was opened for ends."""

    def __init__(self, path: Path, about: dict[str, Any], compression: Compression, resume: bool) -> None:
        self.path, self.partial = path, partial(path)
        self._filters = _filters(compression)
        self._arrays: dict[str, _Growing] = {}
        self._file: Any = None
        self._since, self._bytes, self._interrupted = time.monotonic(), 0, False
        text = _text("about", json.dumps(about, sort_keys=True))
        try:
            if os.path.lexists(self.partial):
                if not resume:
                    raise ResultsError(f"{self.partial} is what an attempt before this one has left: go on with it (resume=True), or remove it")
            elif resume and os.path.lexists(path):
                raise ResultsError(f"{path} is whole already: there is nothing to go on with")
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                files.remove(journal(self.partial))
                files.replace(self.partial, _empty(text))
            handle = files.opener(self.partial, os.O_RDWR)
        except OSError as error:
            raise self._failed(error) from error
        self._store = Commits(self.partial, handle)
        try:
            _lock(handle, self.partial)
            self._open(text)
        except BaseException as error:
            self._shut()
            if isinstance(error, OSError):
                raise self._failed(error) from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        elif self._file:
            if not self._interrupted:
                with contextlib.suppress(ResultsError):  # what ended the block is what is told
                    self.flush()
            self._shut()

    # -------------------------------------------------------------------------------------------------------------------- use
    def rows(self, name: str = "") -> int:
        """How many rows the array `name` has, 0 if it is not there; without a name, how many all arrays have."""
        if name:
            return self._arrays[name].rows if name in self._arrays else 0
        return min((array.rows for array in self._arrays.values() if not array.scale), default=0)

    def arrays(self) -> list[str]:
        """Names of the arrays, without those of their axes."""
        return [name for name, array in self._arrays.items() if not array.scale]

    def append(
        self, name: str, array: Array, *, axes: Sequence[str], unit: str = "1", coordinates: Coordinates | None = None, about: str = ""
    ) -> None:
        """Append rows (n, ...) to the array `name`, which they begin if it is not there: then these say what it is.

        Parameters
        ----------
        array : Array
            Numbers, real or complex, of a GPU too, which are copied from there piece by piece.
        axes : Sequence[str]
            Their names, the first one that of the rows.
        unit : str
            SI.
        coordinates : Coordinates | None
            Of some axes, values (length,) with their unit, of the first axis those of these rows; by default numbers from 0.
        about : str
            A line.

        Raises
        ------
        ValueError, TypeError
            For other shapes, dtypes and axes than it began with.
        ResultsError
            When it cannot be written.

        Notes
        -----
        What is appended to several arrays in turn is whole in all of them, or in none, after whatever ends the process.
        """
        self._refuse_closed()
        array, given = taken((array, coordinates or {}))
        places = _places(name, array, axes, given)
        self._refuse_misfit(name, array, axes)
        first = next((key for key, grown in self._arrays.items() if not grown.scale), name)
        if name == first and (time.monotonic() - self._since > SECONDS or self._bytes > BYTES):
            self.flush()
        with self._writing():
            if name not in self._arrays:
                self._begin(name, array, axes, unit, places, about)
            grown, count = self._arrays[name], self._arrays[axes[0]]
            new = grown.rows + len(array) - count.rows
            if new > 0:
                count.append(places[axes[0]][0][-new:] if axes[0] in places else np.arange(count.rows, count.rows + new))
            step = max(1, CHUNK // max(1, array[:1].nbytes))
            for at in range(0, len(array), step):
                grown.append(_array.to_numpy(array[at : at + step]))
                self._check()
        self._bytes += array.nbytes

    def flush(self) -> None:
        """See all that was appended onto the disk: it is there after whatever ends the process."""
        with self._writing():
            for array in self._arrays.values():
                array.flush()
            self._file.flush()
            self._check()
            try:
                self._store.commit()
            except OSError as error:
                raise self._failed(error) from error
        self._since, self._bytes = time.monotonic(), 0

    def close(self) -> None:
        """The file is whole: it takes its name."""
        if not self._file:
            return
        try:
            with self._writing():
                self._file.attrs["complete"] = np.int8(1)
            self.flush()
        finally:
            self._shut()
        try:
            os.replace(self.partial, self.path)
        except OSError as error:
            raise self._failed(error) from error
        try:
            files.sync_folder(self.path.parent)
        except OSError as error:
            raise ResultsError(f"{self.path} is whole, but its new name may not survive a loss of power: {error.strerror or error}") from error

    # -------------------------------------------------------------------------------------------------------------- inside
    def _shut(self) -> None:
        """Close the library's file, of which nothing is written that was not committed."""
        self._store.end()
        if self._file is not None:
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                self._file.close()
        os.close(self._store.handle)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """What is interrupted in here leaves HDF5 in a state that is not looked at again."""
        self._refuse_closed()
        self._interrupted = True
        yield
        self._check()
        self._interrupted = False

    def _refuse_closed(self) -> None:
        if not self._file:
            raise ResultsError(f"{self.path} is closed: nothing more can be appended")
        if self._interrupted:
            raise ResultsError(f"{self.partial} cannot be written any more, as writing was interrupted: go on with it by resume=True")

    def _check(self) -> None:
        if self._store.error is not None:
            raise self._failed(self._store.error) from self._store.error

    def _failed(self, error: OSError) -> ResultsError:
        said = str(error.strerror or error)
        if error.errno in files.FULL and "bytes are needed" not in said:
            said = f"{said}: {shutil.disk_usage(self.path.parent).free} bytes are free in {self.path.parent}"
        kept = f"; what was whole before stays in {self.partial}" if os.path.lexists(self.partial) else ""
        return ResultsError(f"cannot write {self.path}: {said}{kept}{f', and {self.path} is as it was' if os.path.lexists(self.path) else ''}")

    def _open(self, about: str) -> None:
        """Open the partial file as it was when it was last whole. Raises `ResultsError` for another one."""
        head = self._store.bytes(0, 48)  # of HDF5's first superblock, whose last eight bytes are where the file ends
        end = int.from_bytes(head[40:], "little")
        try:
            if not head.startswith(b"\x89HDF\r\n\x1a\n\0") or not 0 < end <= self._store.size:
                raise ValueError("it does not begin as one")
            self._store.size = end  # behind it lies what was never committed
            self._store.carry_out()
            self._file = file = h5py.File(self._store, "r+", libver=("earliest", "v108"), rdcc_nbytes=CHUNK)
            if file.attrs["format"] != FORMAT or file.attrs["format_version"] != VERSION:
                raise ValueError("it is another kind of file")
            for held in file.values():
                if "grows" in held.attrs:
                    self._arrays[held.name.lstrip("/")] = _Growing(held)
        except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:  # OSError: HDF5's own has no number
            said = str(error).partition("\n")[0]
            raise ResultsError(f"{self.partial} is no partial file of pnnkern, or a damaged one: remove it ({said})") from error
        if file.attrs["about"] != about:
            raise ResultsError(f"{self.partial} is of other results than these, as its 'about' says: remove it, or choose another name")
        self._arrays = dict(sorted(self._arrays.items(), key=lambda item: item[1].held.attrs["grows"]))

    def _refuse_misfit(self, name: str, array: Array, axes: Sequence[str]) -> None:
        """Raise for rows that do not fit what is there."""
        file, grown = self._file, self._arrays.get(name)
        if grown is None:
            taken = [key for key in (name, *axes) if key in file and (key == name or not file[key].is_scale)]
            if taken:
                raise ValueError(f"{taken[0]!r} is an array or an axis of {self.path.name} already: choose another name")
            for i, axis in enumerate(axes):
                if axis in file and ((axis in self._arrays) != (i == 0) or (i and len(file[axis]) != array.shape[i])):
                    raise ValueError(f"the axis {axis!r} of {name} has length {array.shape[i]} and has another one in {self.path.name} already")
            return
        held, wanted = grown.held, ", ".join(axes)
        if array.shape[1:] != held.shape[1:] or _kept(array.dtype) != held.dtype or held.attrs["axes"] != wanted:
            is_, was = (f"{d} (n{''.join(f', {k}' for k in s[1:])}) along {a}" for d, s, a in (
                (array.dtype, array.shape, wanted), (held.dtype, held.shape, held.attrs["axes"])))  # fmt: skip
            raise ValueError(f"rows of {name} must be {was}, as it began, got {is_}")

    def _begin(self, name: str, array: Array, axes: Sequence[str], unit: str, places: dict[str, Any], about: str) -> None:
        """A new data set, with scales for its axes where there are none yet."""
        row, dtype = array.shape[1:], _kept(array.dtype)
        for i, axis in enumerate(axes):
            if axis not in self._file:
                values, of = places.get(axis, (np.arange(array.shape[i]), ""))
                self._make(axis, axis, () if i == 0 else None, values, of, i == 0).make_scale(axis)
                if i == 0:
                    self._arrays[axis] = _Growing(self._file[axis])
        held = self._make(name, ", ".join(axes), row, np.empty(0, dtype), unit, True)
        if about:
            held.attrs["long_name"] = about
        for dimension, axis in zip(held.dims, axes, strict=True):
            dimension.label = axis
            dimension.attach_scale(self._file[axis])
        self._arrays[name] = _Growing(held)

    def _make(self, name: str, axes: str, row: tuple[int, ...] | None, values: np.ndarray, unit: str, grows: bool) -> Any:
        """A data set whose rows come, or one with these values."""
        if row is None:
            held = self._file.create_dataset(name, data=values, track_times=False)
        else:
            most = chunks(row, values.dtype.itemsize)
            held = self._file.create_dataset(
                name, (0, *row), values.dtype, maxshape=(None, *row), chunks=most, track_times=False, **self._filters
            )
        held.attrs.update({"axes": axes} | ({"units": unit} if unit else {}) | ({"grows": np.int32(len(self._arrays))} if grows else {}))
        return held


class _Growing:
    """A data set and the rows that wait for a whole chunk of them."""

    def __init__(self, held: h5py.Dataset) -> None:
        self.held, self.step, self.rows, self.scale = held, held.chunks[0], len(held), held.is_scale
        self.waiting = np.empty((self.step, *held.shape[1:]), held.dtype)
        if self.count:
            self.waiting[: self.count] = held[self.rows - self.count :]

    @property
    def count(self) -> int:
        """Rows that wait; they may be in the file already, and are written once more with those that come."""
        return self.rows % self.step

    def append(self, rows: np.ndarray) -> None:
        while len(rows):
            some = rows[: self.step - self.count]
            self.waiting[self.count : self.count + len(some)] = some
            self.rows, rows = self.rows + len(some), rows[len(some) :]
            if not self.count:
                self._write(self.step)

    def flush(self) -> None:
        if self.count and len(self.held) < self.rows:
            self._write(self.count)

    def _write(self, count: int) -> None:
        self.held.resize(self.rows, axis=0)
        self.held[self.rows - count :] = self.waiting[:count]


# --------------------------------------------------------------------------------------------------------------------- helpers
def partial(path: Path) -> Path:
    """Where a file is until it is whole: `fields.partial.h5` for `fields.h5`."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def chunks(row: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The shape of a chunk of at most `CHUNK` bytes: some whole rows, or a part of one."""
    sides = list(row)
    while (size := math.prod(sides) * itemsize) > CHUNK:
        widest = max(range(len(sides)), key=sides.__getitem__)
        sides[widest] = -(-sides[widest] // 2)
    return max(1, min(CHUNK // size, ROWS)), *sides


def _kept(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """As what numbers are kept: MATLAB and netCDF have no truth values."""
    return np.dtype(np.uint8 if dtype.kind == "b" else dtype)


def _places(name: str, array: Array, axes: Sequence[str], coordinates: Coordinates) -> dict[str, tuple[np.ndarray, str]]:
    """The coordinates as arrays. Raises ValueError or TypeError for rows, names and coordinates that cannot be kept."""
    if not _array.is_array(array):
        raise TypeError(f"{name} must be an array, got {type(array).__name__}")
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} must be numbers, got {array.dtype}")
    if array.ndim == 0 or len(axes) != array.ndim or len(set(axes)) < len(axes) or 0 in array.shape[1:]:
        raise ValueError(f"{name} must be rows (n, ...) with a name for each axis, got shape {array.shape} and axes {', '.join(axes)}")
    for word in (name, *axes):
        if not word.isprintable() or not 0 < len(word) <= 200 or "/" in word or word == ".":
            raise ValueError(f"names of arrays and axes are printable and have no '/', got {word!r:.80}")
    if name in axes:
        raise ValueError(f"{name!r} is the name of an array and of its axis: choose another one")
    found = {}
    for axis, (values, unit) in coordinates.items():
        if axis not in axes:
            raise ValueError(f"{name} has no axis {axis!r}, of which coordinates were given: it has {', '.join(axes)}")
        places = np.asarray(_array.to_numpy(values))
        length = array.shape[list(axes).index(axis)]
        if places.shape != (length,) or places.dtype.kind not in "iuf":
            raise ValueError(f"coordinates of {axis} must be {length} real numbers, got {places.dtype} {places.shape}")
        found[axis] = places, unit
    return found


def _filters(compression: Compression) -> dict[str, Any]:
    """What h5py is told of the compression."""
    if compression == "gzip":
        return {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    if compression == "none":
        return {}
    if compression not in PLUGINS:
        raise ValueError(f"compression must be gzip, none, {' or '.join(PLUGINS)}, got {compression!r:.80}")
    try:
        plugins = importlib.import_module("hdf5plugin")
    except ModuleNotFoundError as error:
        raise ResultsError(f"compression={compression!r} needs hdf5plugin: pip install \"pnnkern[h5]\"; 'gzip' needs nothing") from error
    return {"shuffle": compression in ("zstd", "lz4"), **getattr(plugins, PLUGINS[compression])()}  # the others have a shuffle of their own


def _text(what: str, text: str) -> str:
    if len(text.encode()) > LONGEST:
        raise ValueError(f"{what} has at most {LONGEST} bytes as JSON, got {len(text.encode())}")
    return text


def _empty(about: str) -> memoryview:
    """A file without arrays."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("earliest", "v108")) as file:
        file.attrs.update({
            "format": FORMAT, "format_version": np.int32(VERSION), "written_by": f"pnnkern {__version__}", "about": about,
            "origin": json.dumps(origin.here()), "complete": np.int8(0),
        })  # fmt: skip
    return buffer.getbuffer()


def _lock(handle: int, path: Path) -> None:
    """Hold the file for this process. Raises `ResultsError` if another one does."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ResultsError(f"another process writes {path}: wait for it, or stop it first") from error
    except OSError as error:
        warnings.warn(f"{path} cannot be locked ({error.strerror}): do not write it from a second process", stacklevel=2)


__all__ = ["Results", "results"]
