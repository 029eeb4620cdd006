"""Samples that lie in a file and are read in pieces: .npy arrays, and HDF5 data sets, plain or in chunks packed by gzip.

Where they lie was looked up before (`_hdf5`, `npz.header`), so that no library parses the file here. A step reads the rows of its batch, in the
order in which they lie; what is read is as long as was asked for, or the file was changed meanwhile, which is said.
"""

import math
import os
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .._errors import DataError
from . import memory

PIECE = 8 << 20  # bytes of rows that are looked at together
CHUNKS = 500_000  # of an array at most
KEPT = 16 << 20  # bytes of unpacked chunks that are kept for the next step


@dataclass(frozen=True)
class Plain:
    """Rows that follow each other in a file, from byte `at` on."""

    path: Path
    file: BinaryIO
    at: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """The rows of these numbers, which rise."""
        out = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        view = memoryview(out.reshape(-1).view(np.uint8).data)
        for first, end in _runs(np.diff(numbers, prepend=-2) != 1):
            _read(self.path, self.file, view[first * row : end * row], self.at + int(numbers[first]) * row)
        return out


@dataclass(frozen=True)
class Chunked:
    """Rows in chunks of `step`. chunks : where each begins in the array, its place and size in the file, and which filters it was spared.

    filters : as HDF5 numbers them, in the order in which they packed: 2 shuffle, 1 gzip. fill : of chunks that were never written.
    """

    path: Path
    file: BinaryIO
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    step: tuple[int, ...]
    filters: tuple[int, ...]
    bands: dict[int, list[tuple[int, ...]]]  # of rows: the chunks that they lie in
    fill: float
    kept: "OrderedDict[int, np.ndarray]" = field(default_factory=OrderedDict)

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """The rows of these numbers, which rise."""
        out = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        of = numbers // self.step[0]
        for first, end in _runs(np.diff(of, prepend=-1) != 0):
            number = int(of[first])
            out[first:end] = self._band(number)[numbers[first:end] - number * self.step[0]]
        return out

    def _band(self, number: int) -> np.ndarray:
        """All rows that share their chunks with row `number * step`."""
        if number in self.kept:
            self.kept.move_to_end(number)
            return self.kept[number]
        rows = min(self.step[0], self.shape[0] - number * self.step[0])
        band = np.full((rows, *self.shape[1:]), self.fill, self.dtype)
        for *corner, at, size, spared in self.bands.get(number, ()):
            chunk = self._chunk(at, size, spared)
            place = tuple(slice(c, c + s) for c, s in zip(corner[1:], self.step[1:], strict=True))
            there = band[(slice(None), *place)]
            there[...] = chunk[tuple(slice(n) for n in there.shape)]
        self.kept[number] = band
        if len(self.kept) > max(1, KEPT // max(1, band.nbytes)):
            self.kept.popitem(last=False)
        return band

    def _chunk(self, at: int, size: int, spared: int) -> np.ndarray:
        packed = bytearray(size)
        _read(self.path, self.file, memoryview(packed), at)
        content: Any = packed
        length = math.prod(self.step) * self.dtype.itemsize
        for i, code in reversed(list(enumerate(self.filters))):
            if spared >> i & 1:
                continue
            if code == 1:
                unpacker = zlib.decompressobj()
                try:
                    content = unpacker.decompress(content, length + 1)
                except zlib.error as error:
                    raise DataError(f"{self.path} is damaged: a chunk at byte {at} cannot be unpacked") from error
            elif len(content) == length:
                content = np.frombuffer(content, np.uint8).reshape(self.dtype.itemsize, -1).T.reshape(-1)
        if len(content) != length:
            raise DataError(f"{self.path} is damaged: a chunk at byte {at} does not hold the {length} bytes that it should")
        return np.frombuffer(content, np.uint8).view(self.dtype).reshape(self.step)


def _runs(begins: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where runs begin and end, by a mask of where they begin."""
    starts = np.flatnonzero(begins)
    return zip(starts.tolist(), [*starts[1:].tolist(), len(begins)], strict=False)  # of nothing there is no run


def _read(path: Path, file: BinaryIO, view: memoryview, at: int) -> None:
    done = 0
    while done < len(view):
        try:
            got = os.preadv(file.fileno(), [view[done:]], at + done)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        if not got:
            raise DataError(f"{path} ends before the samples do: it was changed while it was read")
        done += got


@dataclass(frozen=True, eq=False)
class Rows:
    """Samples (n, ...) of a file; what is asked for by number is read, as an array.

    numbers : which of the file's, all by default. made : what is made of what lies there, samples (..., *rest) of `dtype`.
    """

    source: Any
    dtype: np.dtype[Any]
    rest: tuple[int, ...]
    numbers: np.ndarray | None = None
    made: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self), *self.rest

    @property
    def ndim(self) -> int:
        return 1 + len(self.rest)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return int(self.source.shape[0]) if self.numbers is None else len(self.numbers)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of them in memory, for who asks for that."""
        found: np.ndarray = self[np.arange(len(self))]
        return found if dtype is None else found.astype(dtype)

    def part(self, which: Any) -> "Rows":
        """Some of the samples, by slice, mask or numbers; nothing is read."""
        if isinstance(which, slice) and which == slice(None):
            return self
        return replace(self, numbers=(np.arange(len(self)) if self.numbers is None else self.numbers)[which])

    def mapped(self, make: Callable[[np.ndarray], np.ndarray]) -> "Rows":
        """What `make` makes of samples (n, ...), when they are read."""
        like = make(np.zeros((1, *self.rest), self.dtype))
        before = self.made
        return replace(self, made=make if before is None else lambda x: make(before(x)), dtype=like.dtype, rest=like.shape[1:])

    def __getitem__(self, which: Any) -> Any:
        """The samples of a slice or of numbers, as an array; of all of them this, of which pieces can be taken."""
        if isinstance(which, slice) and which == slice(None):
            return self
        if isinstance(which, slice):
            which = np.arange(*which.indices(len(self)))
        wanted = np.asarray(which)
        if wanted.ndim == 0:
            return self[wanted[None]][0]
        numbers = wanted if self.numbers is None else self.numbers[wanted]
        if (numbers[1:] >= numbers[:-1]).all():
            out = self.source.read(numbers)
        else:
            order = np.argsort(numbers, kind="stable")
            read = self.source.read(numbers[order])
            out = np.empty_like(read)
            out[order] = read
        native = out.astype(out.dtype.newbyteorder("="), copy=False)
        return native.astype(self.dtype, copy=False) if self.made is None else self.made(native)

    def pieces(self) -> Iterator[np.ndarray]:
        """All samples in order, about `PIECE` bytes at a time."""
        row = max(math.prod(self.rest) * self.dtype.itemsize, math.prod(self.source.shape[1:]) * self.source.dtype.itemsize)
        step = max(1, PIECE // row)
        for first in range(0, len(self), step):
            yield self[first : first + step]


def part(samples: Any, which: Any) -> Any:
    """Some samples of an array, or of `Rows`, which stay in their file."""
    return samples.part(which) if isinstance(samples, Rows) else samples[which]


def pieces(samples: Any) -> Iterator[np.ndarray]:
    """An array as one piece, or `Rows` in some."""
    return samples.pieces() if isinstance(samples, Rows) else iter((samples,))


def of_place(path: Path, key: str, file: BinaryIO, place: Any) -> Plain | Chunked:
    """Where a data set lies in an open file, as `_hdf5` says. Raises `DataError` where that cannot be."""
    size = os.fstat(file.fileno()).st_size
    if isinstance(place, str):
        raise DataError(f"{path}: {key} {place}")
    try:
        dtype, shape = np.dtype(place["dtype"]), tuple(_whole(n) for n in place["shape"])
        if dtype.kind not in "biufc" or not shape:
            raise ValueError("no array of numbers")
        if "at" in place:
            if _whole(place["at"]) + math.prod(shape) * dtype.itemsize > size:
                raise ValueError("it ends behind the file")
            return Plain(path, file, place["at"], shape, dtype)
        step = tuple(_whole(n) for n in place["step"])
        if len(step) != len(shape) or math.prod(step) < 1:
            raise ValueError("its chunks have no size")
        if shape[0] > CHUNKS * step[0]:
            raise ValueError(f"it has more than {CHUNKS} chunks along its first axis: write larger ones")
        memory.refuse_bomb(path, max(math.prod(step), math.prod(shape), step[0] * math.prod(shape[1:])) * dtype.itemsize, size)
        bands: dict[int, list[tuple[int, ...]]] = {}
        for chunk in place["chunks"]:
            corner, at, length = chunk[:-3], chunk[-3], chunk[-2]
            there = len(corner) == len(shape) and all(0 <= c < n and c % s == 0 for c, n, s in zip(corner, shape, step, strict=True))
            if not there or not 0 <= at <= at + length <= size or length > 2 * math.prod(step) * dtype.itemsize + 4096:
                raise ValueError("a chunk lies where none can")
            bands.setdefault(corner[0] // step[0], []).append(tuple(chunk))
        return Chunked(path, file, shape, dtype, step, tuple(place["filters"]), bands, place["fill"])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: {key} cannot be read: {str(error)[:200]}") from error


def _whole(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError("its shape is none")
    return number


__all__ = ["Chunked", "Plain", "Rows", "of_place", "part", "pieces"]
