"""Arrays of numbers in an .npz file of somebody else: nothing is run, nothing is made on the word of a header."""

import io
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from .. import _files
from .._errors import DataError
from . import memory

HEADER = 10_000  # bytes of an array's header at most; true ones have 118
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}  # 3.0 is for names of fields
DAMAGED = (  # what NumPy and zipfile raise for what they do not understand
    OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, SyntaxError, NotImplementedError,
    RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_npz(path: Path, keys: Sequence[str]) -> list[np.ndarray]:
    """The arrays of these names in an .npz file, in the order of the names. Raises `DataError` in one line."""
    with _files.opened(path, str(path), DataError) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            with zipfile.ZipFile(file) as archive:
                members = _members(path, archive, keys)
                memory.refuse(path, sum(member.file_size for member in members), size)
                return [_array(path, archive, member) for member in members]
        except DataError:
            raise
        except zipfile.BadZipFile as error:
            raise DataError(f"{path} is no .npz file, or a damaged one: write it with numpy.savez ({error!s:.120})") from error
        except DAMAGED as error:
            raise DataError(f"{path} cannot be read as .npz: {str(error).partition(chr(10))[0] or type(error).__name__}") from error


def _members(path: Path, archive: zipfile.ZipFile, keys: Sequence[str]) -> list[zipfile.ZipInfo]:
    """The members that hold the arrays, one for each name."""
    found = {key: [member for member in archive.infolist() if member.filename == f"{key}.npy"] for key in keys}
    missing = [key for key in keys if not found[key]]
    if missing:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        held = ", ".join(name if name.isprintable() else ascii(name) for name in names) or "nothing"
        raise DataError(f"{path} lacks {', '.join(missing)}: it must hold {', '.join(keys)}, and holds {held:.200}")
    for key, members in found.items():
        if len(members) > 1:
            raise DataError(f"{path} holds {key} {len(members)} times: it must hold one of each name")
        if members[0].flag_bits & 1:
            raise DataError(f"{path} holds {key} encrypted: write it with numpy.savez")
        if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{path} holds {key} compressed in a way that NumPy does not write: write it with numpy.savez")
    return [found[key][0] for key in keys]


def _array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as content:
        held = header(path, member.filename.removesuffix(".npy"), content.read(HEADER), member.file_size)
    count = math.prod(held.shape)
    with archive.open(member) as content:
        content.read(held.begin)
        found = np.frombuffer(content.read(count * held.dtype.itemsize), held.dtype, count=count)
    return found.reshape(held.shape, order="F" if held.fortran else "C")


class Header(NamedTuple):
    """What the first bytes of an array in NumPy's format say of it: the first `begin`."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    begin: int


def header(path: Path, key: str, first: bytes, size: int) -> Header:
    """The header of an array of numbers whose file has `size` bytes, of which these are the first. Raises `DataError` in one line."""
    as_ = "as .npz" if path.suffix == ".npz" else "as .npy"
    head = io.BytesIO(first[:HEADER])
    try:
        shape, fortran, dtype = _READERS[npy.read_magic(head)](head, max_header_size=HEADER)
    except (*DAMAGED, tokenize.TokenError, MemoryError) as error:  # MemoryError: of the parser, as what it reads is short
        raise DataError(f"{path} cannot be read {as_}: {key} does not begin with the header of an array of numbers") from error
    if dtype.hasobject:
        raise DataError(f"{path} cannot be read {as_}: Object arrays cannot be loaded, and {key} must hold numbers")
    if dtype.kind not in "biufc" or dtype.subdtype:
        raise DataError(f"{path}: {key} must hold numbers, got dtype {dtype!s:.60}")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or head.tell() + count * dtype.itemsize != size:
        raise DataError(f"{path} is damaged: {key} promises {dtype} {shape!s:.80}, and holds {size - head.tell()} bytes")
    return Header(shape, fortran, dtype, head.tell())
